"""One door of enforcement: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from enforcement.http import (
    appeals,
    casefile,
    cases,
    complaints,
    decisions,
    documents,
    emergencies,
    evidence,
    hearings,
    opinions,
    referrals,
    requests,
    subscriptions,
    tasks,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    complaints.OPEN, complaints.DESK, emergencies.ROUTER, cases.ROUTER, casefile.ROUTER, tasks.ROUTER, opinions.ROUTER,
    evidence.STREAMS, evidence.ROUTER, decisions.ROUTER, documents.ROUTER, documents.PUBLIC, appeals.ROUTER,
    hearings.STREAMS, hearings.ROUTER, requests.ROUTER, referrals.ROUTER, subscriptions.ROUTER, subscriptions.CODES,
)  # fmt: skip
