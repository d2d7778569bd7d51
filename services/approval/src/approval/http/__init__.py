"""One door of approval: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from approval.http import approvals, authorities, documents, files, paper

ROUTERS: Final[tuple[APIRouter, ...]] = (
    approvals.ROUTER,
    files.STREAMS,
    documents.ROUTER,
    documents.PUBLIC,
    authorities.ROUTER,
    paper.ROUTER,
)
