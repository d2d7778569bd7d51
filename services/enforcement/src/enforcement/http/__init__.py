"""One door of enforcement: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from enforcement.http import (
    appeals,
    casefile,
    cases,
    complaints,
    decisions,
    emergencies,
    evidence,
    opinions,
    tasks,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    cases.ROUTER, evidence.STREAMS, evidence.ROUTER, decisions.ROUTER, appeals.ROUTER, complaints.OPEN,
    complaints.DESK, emergencies.ROUTER, casefile.ROUTER, tasks.ROUTER, opinions.ROUTER,
)  # fmt: skip
