"""One door of the register: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from registry.http import (
    amendments,
    checks,
    documents,
    executions,
    imports,
    operators,
    registrar,
    registrations,
    renewals,
    sites,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    operators.ROUTER, operators.STREAMS, registrations.ROUTER, renewals.ROUTER, checks.ROUTER, registrar.ROUTER,
    sites.ROUTER, amendments.ROUTER, executions.ROUTER, imports.STREAMS, documents.ROUTER,
    documents.PUBLIC,
)  # fmt: skip
