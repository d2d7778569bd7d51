"""One door of the register: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from registry.http import amendments, executions, imports, mergers, operators, registrations, sites

ROUTERS: Final[tuple[APIRouter, ...]] = (
    operators.ROUTER, operators.STREAMS, registrations.ROUTER, sites.ROUTER, amendments.ROUTER, executions.ROUTER,
    imports.STREAMS, mergers.ROUTER,
)  # fmt: skip
