"""Evidence: bytes in, bytes out, and what a decision rests on."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse

from enforcement import views_file
from enforcement.service import custody, evidence, timeline
from shared.contracts.base import Reasons
from shared.contracts.http import enforcement as wire
from shared.contracts.http.casefile import Cursor, CustodyView
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.files import STREAMED, Kind, given_out

ROUTER: Final[APIRouter] = router()
STREAMS: Final[APIRouter] = router(idempotent=False, tags=["evidence"])


@STREAMS.post(
    "/cases/{case_id}/evidence",
    status_code=201,
    **STREAMED,
)
async def add_evidence(
    rt: Rt, who: Who, case_id: UUID, request: Request, kind: Kind,
    confidential: Annotated[
        Reasons | None, Query(description="Why whom a decision burdens may not read it; that is what they read instead")
    ] = None,
) -> wire.EvidenceView:  # fmt: skip
    """File evidence: the body is the bytes themselves, of a kind and size that the profile lists (else 415, 413).

    Content-Type says what it is, and the first bytes must be so; nothing is opened. What is too large by its
    Content-Length is refused before a byte of it is read.

    Whom a decision burdens reads what it cites, unless it is `confidential` for a reason, such as who complained.
    Takes no Idempotency-Key: the same bytes filed again are the same evidence, and the answer is the same.
    """
    declared = request.headers.get("Content-Length", "")
    size = int(declared) if declared.isdecimal() else None
    filed = await evidence.add(rt, who, case_id, kind, confidential, request.stream(), size)
    return wire.EvidenceView.model_validate(filed)


@STREAMS.get("/evidence/{sha256}", response_class=StreamingResponse)
async def read_evidence(
    rt: Rt, who: Who, sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Lower-case hex")]
) -> StreamingResponse:
    """Read the bytes of a piece of evidence, checked against their hash first. Every reading is audited.

    Whom a decision burdens reads what it cites, from the notice of its draft on; what is confidential answers 403
    `evidence_withheld`, with the reason.
    """
    kept, sound = await evidence.read(rt, who, sha256)
    return given_out(sound, sha256, kept.media_type)


@ROUTER.get("/evidence/{sha256}/custody", tags=["evidence"])
async def read_custody(
    rt: Rt, who: Who, sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Lower-case hex")],
    after: Annotated[Cursor | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most entries in the page.")] = 50,
) -> CustodyView:  # fmt: skip
    """Who filed, cited and read a piece in the cases you reach, and what its checks said; newest first."""
    async with rt.db.transaction() as tx:
        before = timeline.read_cursor(after)
        return views_file.of_custody(await custody.chain(tx, rt, who, sha256, before=before, limit=limit + 1), limit)


@ROUTER.get("/decisions/{decision_id}/evidence", tags=["evidence"])
async def list_cited(rt: Rt, who: Who, decision_id: UUID) -> wire.CitedEvidence:
    """What a decision rests on, and why a piece is withheld; for whom it burdens from the notice of its draft on."""
    async with rt.db.transaction() as tx:
        found = await evidence.cited(tx, rt, who, decision_id)
    return wire.CitedEvidence(decision_id=decision_id, evidence=list(map(wire.EvidenceView.model_validate, found)))
