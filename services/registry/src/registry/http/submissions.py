"""Batches of applications."""

from fastapi import APIRouter

from registry.service import submissions
from shared.contracts.http.batches import Batch, SubmissionResults
from shared.runtime.web.door import Rt, Who, router

ROUTER: APIRouter = router()
LARGEST = 50 * 1024 * 1024
"""Bytes: a thousand sites with many names and addresses each."""


@ROUTER.post("/submissions", tags=["registrations"], max_body_size=LARGEST)
async def submit_many(rt: Rt, who: Who, body: Batch) -> SubmissionResults:
    """Submit up to 1,000 applications (an operator its own, the regulator for the operators of its province).

    Each is judged as if it were sent alone, and lies on its desk or has a refusal with every ground; one that is
    refused costs no other. Sending the same batch again changes nothing. 503 `try_again`: somebody took one of its
    names at this very moment, and nothing was submitted.
    """
    async with rt.db.transaction() as tx:
        return await submissions.submit(tx, rt, who, body)
