"""One door of enforcement: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from enforcement.http import appeals, cases, decisions, documents, evidence

ROUTERS: Final[tuple[APIRouter, ...]] = (
    cases.ROUTER, evidence.STREAMS, evidence.ROUTER, decisions.ROUTER, documents.ROUTER, documents.PUBLIC,
    appeals.ROUTER,
)  # fmt: skip
