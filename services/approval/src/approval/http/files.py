"""What applicants hand in: streamed in, and given out as bytes that are nobody's page."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from approval.http.approvals import shown
from approval.service import files
from shared.contracts.http.approval import ApprovalView
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.files import STREAMED, Kind, given_out

STREAMS: Final[APIRouter] = router(idempotent=False, prefix="/approvals", tags=["files"])


@STREAMS.post("/{approval_id}/files", status_code=201, **STREAMED)
async def hand_in(
    rt: Rt, who: Who, approval_id: UUID, request: Request, response: Response, kind: Kind,
    requirement: Annotated[str, Query(max_length=100, description="Which requirement of the item it is for")],
) -> ApprovalView:  # fmt: skip
    """Hand in a file for a requirement of the item: the body is the bytes themselves, at most 20 MiB (else 413).

    Possible until somebody decides, and while the application is returned. Takes no Idempotency-Key: the same bytes
    again are the same file.
    """
    return shown(rt, response, who, await files.hand_in(rt, who, approval_id, requirement, kind, request.stream()))


@STREAMS.get("/{approval_id}/files/{sha256}", response_class=StreamingResponse)
async def read_file(
    rt: Rt,
    who: Who,
    approval_id: UUID,
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Lower-case hex")],
) -> StreamingResponse:
    """Read what was handed in, checked against its hash first. An official who reads it leaves a trace."""
    kept, sound = await files.read(rt, who, approval_id, sha256)
    return given_out(sound, sha256, kept.media_type)
