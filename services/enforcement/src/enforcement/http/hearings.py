"""Hearings of an appeal, and what its sides hand in."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from enforcement import views
from enforcement.service import hearings, papers
from enforcement.service.papers import Given
from shared.contracts.base import Reasons, Text
from shared.contracts.http import appeals as wire
from shared.contracts.http.enforcement import WithReasons
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.files import STREAMED, Kind, given_out

ROUTER: Final[APIRouter] = router(tags=["hearings"])
STREAMS: Final[APIRouter] = router(idempotent=False, tags=["hearings"])


@STREAMS.post("/appeals/{appeal_id}/papers", status_code=201, **STREAMED)
async def hand_in(
    rt: Rt, who: Who, appeal_id: UUID, request: Request, kind: Kind,
    title: Annotated[Text, Query(description="What it is, such as: our answer to the authority")],
    confidential: Annotated[
        Reasons | None, Query(description="Why the other side may not read it; that is what it reads instead")
    ] = None,
) -> wire.PaperView:  # fmt: skip
    """Hand in a paper, as either side or as the review body: the body is the bytes themselves, 20 MiB at most.

    The other side reads it, unless it is `confidential` for a reason. Takes no Idempotency-Key: the same bytes are
    the same paper.
    """
    given = Given(title, kind, confidential)
    return wire.PaperView.model_validate(await papers.hand_in(rt, who, appeal_id, given, request.stream()))


@ROUTER.get("/appeals/{appeal_id}/papers")
async def list_papers(rt: Rt, who: Who, appeal_id: UUID) -> list[wire.PaperView]:
    """Everything that was handed in; what is withheld is listed with the reason."""
    async with rt.db.transaction() as tx:
        return list(map(wire.PaperView.model_validate, await papers.page(tx, rt, who, appeal_id)))


@STREAMS.get("/appeals/{appeal_id}/papers/{sha256}", response_class=StreamingResponse)
async def read_paper(
    rt: Rt, who: Who, appeal_id: UUID,
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Lower-case hex")],
) -> StreamingResponse:  # fmt: skip
    """The bytes of a paper, checked against their hash first. Every reading is audited."""
    kept, sound = await papers.read(rt, who, appeal_id, sha256)
    return given_out(sound, sha256, kept.media_type)


@ROUTER.post("/appeals/{appeal_id}/hearings", status_code=201)
async def invite(rt: Rt, who: Who, appeal_id: UUID, body: wire.Invitation, response: Response) -> wire.HearingView:
    """Invite both sides to a hearing, with date and place; both are told."""
    async with rt.db.transaction() as tx:
        invited = await hearings.invite(tx, rt, who, appeal_id, body)
        response.headers["Location"] = f"/hearings/{invited.id}"
        return views.of_hearing(who, *await hearings.get(tx, rt, who, invited.id))


@ROUTER.get("/appeals/{appeal_id}/hearings")
async def list_hearings(rt: Rt, who: Who, appeal_id: UUID) -> list[wire.HearingView]:
    """The hearings of an appeal, oldest first."""
    async with rt.db.transaction() as tx:
        appeal, found = await hearings.of_appeal(tx, rt, who, appeal_id)
    return [views.of_hearing(who, appeal, each) for each in found]


@ROUTER.get("/hearings/{hearing_id}")
async def read_hearing(rt: Rt, who: Who, hearing_id: UUID, response: Response) -> wire.HearingView:
    """One hearing."""
    async with rt.db.transaction() as tx:
        appeal, found = await hearings.get(tx, rt, who, hearing_id)
    etag(response, found.version)
    return views.of_hearing(who, appeal, found)


@ROUTER.post("/hearings/{hearing_id}/minutes")
async def record(rt: Rt, who: Who, hearing_id: UUID, body: wire.Minutes) -> wire.HearingView:
    """It was held: who came, and which paper says what was said; both sides are told, and read it."""
    async with rt.db.transaction() as tx:
        recorded = await hearings.record(tx, rt, who, hearing_id, body)
        return views.of_hearing(who, *await hearings.get(tx, rt, who, recorded.id))


@ROUTER.post("/hearings/{hearing_id}/cancellation")
async def cancel(rt: Rt, who: Who, hearing_id: UUID, body: WithReasons) -> wire.HearingView:
    """It does not take place, with reasons; both sides are told."""
    async with rt.db.transaction() as tx:
        cancelled = await hearings.cancel(tx, rt, who, hearing_id, reasons=body.reasons)
        return views.of_hearing(who, *await hearings.get(tx, rt, who, cancelled.id))
