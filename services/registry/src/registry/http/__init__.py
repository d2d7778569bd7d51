"""One door of the register: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from registry.http import (
    amendments,
    bars,
    checks,
    documents,
    executions,
    hosted,
    imports,
    marks,
    mergers,
    operators,
    preflights,
    registrar,
    registrations,
    renewals,
    reviews,
    shells,
    sites,
    submissions,
)
from shared.pages import assets

ROUTERS: Final[tuple[APIRouter, ...]] = (
    operators.ROUTER, operators.STREAMS, submissions.ROUTER, registrations.ROUTER, renewals.ROUTER, checks.ROUTER,
    registrar.ROUTER, sites.ROUTER, amendments.ROUTER, executions.ROUTER, imports.STREAMS, reviews.ROUTER, bars.ROUTER,
    shells.ROUTER, mergers.ROUTER, documents.ROUTER, documents.PUBLIC,
    marks.ROUTER, hosted.ROUTER, hosted.BATCHES, preflights.ROUTER, assets.ROUTER,
)  # fmt: skip
