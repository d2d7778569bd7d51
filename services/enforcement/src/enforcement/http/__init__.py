"""One door of enforcement: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from enforcement.http import appeals, cases, decisions, evidence, subscriptions

ROUTERS: Final[tuple[APIRouter, ...]] = (
    cases.ROUTER, evidence.STREAMS, evidence.ROUTER, decisions.ROUTER, appeals.ROUTER, subscriptions.ROUTER,
)  # fmt: skip
