"""Register first, connect after: what a provider asks before it connects a site, and the signed answers."""

from fastapi import APIRouter

from registry.service import preflights
from shared.contracts.http import preflights as wire
from shared.runtime.web.door import Rt, Who, router

ROUTER: APIRouter = router(idempotent=False)
"""Asking changes nothing."""


@ROUTER.post("/preflight", tags=["preflight"])
async def preflight(rt: Rt, who: Who, body: wire.Question) -> wire.PreflightDetail:
    """Whether the register has a site at this provider as asked; if not, every reason at once. Signed, for a while.

    Too many questions in an hour: 429 with Retry-After.
    """
    async with rt.db.transaction() as tx:
        return await preflights.ask(tx, rt, who, body)


@ROUTER.post("/preflight/batch", tags=["preflight"])
async def preflight_batch(rt: Rt, who: Who, body: wire.QuestionBatch) -> wire.PreflightResults:
    """Up to 1,000 questions, each answered as it would be alone."""
    async with rt.db.transaction() as tx:
        return await preflights.ask_many(tx, rt, who, body.questions)
