"""Complaints: taken from everybody, and their status for whoever holds the secret."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse

from enforcement import views
from enforcement.lifecycle import MatterStatus, WarningStatus
from enforcement.service import complaints, matters, warnings
from enforcement.service.floods import source_of
from enforcement.store.matters import Filter
from shared.contracts.http import complaints as wire
from shared.contracts.http.enforcement import CaseView
from shared.runtime.web.door import PUBLIC, Rt, Who, router
from shared.runtime.web.files import STREAMED, Kind, given_out
from shared.runtime.web.paging import Page, Paging, page_of

OPEN: Final[APIRouter] = router(idempotent=False, tags=["complaints"])
"""For everybody. An answer holds a secret of which a hash alone is kept, so no answer is kept to be given again."""
DESK: Final[APIRouter] = router(tags=["matters"])
LARGEST: Final = 64 * 1024
"""Bytes of a complaint."""
BYTES: Final = "application/octet-stream"
Secret = Annotated[str, Path(min_length=1, max_length=200, description="As it was given with the receipt")]


def _from(request: Request) -> str:
    return source_of(request.client.host if request.client is not None else None)


@OPEN.post("/complaints", status_code=201, openapi_extra=PUBLIC, max_body_size=LARGEST)
async def complain(rt: Rt, body: wire.NewComplaint, request: Request) -> wire.ComplaintReceipt:
    """Complain about one host name, on one ground of the catalogue. No token, no name; an address only for an answer.

    The answer has a reference and, this once, a secret that reads the status. What others said of the same site and
    ground is merged with it. Too many from one source, or about one name: 429 with Retry-After.
    """
    return views.of_receipt(rt, await complaints.complain(rt, None, _from(request), body))


@OPEN.post("/complaints/reports", status_code=201, max_body_size=LARGEST)
async def report(rt: Rt, who: Who, body: wire.NewComplaint) -> wire.ComplaintReceipt:
    """The same in the name of a provider or an industry body (N4.2.4)."""
    return views.of_receipt(rt, await complaints.complain(rt, who, f"organisation {who.organisation}", body))


@OPEN.get("/complaints/status/{secret}", openapi_extra=PUBLIC)
async def read_status(rt: Rt, secret: Secret) -> wire.ComplaintStatusView:
    """How a complaint stands, for whoever holds its secret."""
    async with rt.db.connection() as tx:
        return views.of_status(await complaints.status(tx, secret))


@OPEN.post(
    "/complaints/status/{secret}/files", status_code=201,
    **{**STREAMED, "openapi_extra": {**STREAMED["openapi_extra"], **PUBLIC}},
)  # fmt: skip
async def add_file(rt: Rt, secret: Secret, kind: Kind, request: Request) -> wire.ComplaintStatusView:
    """Add a file to one's own complaint: the body is the bytes themselves. It is kept as it came, and never shown.

    The profile says how many a complaint has (409 `complaint_files_full`) and how large each is (413).
    """
    added = await complaints.add_file(rt, _from(request), secret, kind, request.stream())
    return views.of_status(added)


@OPEN.get("/complaints/{complaint_id}/files/{sha256}", response_class=StreamingResponse)
async def read_file(
    rt: Rt, who: Who, complaint_id: UUID, sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
) -> StreamingResponse:
    """A file that came with a complaint, for its desk: as bytes, whatever somebody said that it is. It is audited."""
    return given_out(await matters.read_file(rt, who, complaint_id, sha256), sha256, BYTES)


@DESK.get("/matters")
async def list_matters(
    rt: Rt, who: Who, paging: Paging, status: MatterStatus | None = None,
    ground: Annotated[str | None, Query(max_length=100)] = None,
    grade: Annotated[str | None, Query(max_length=100)] = None,
    region: Annotated[str | None, Query(pattern="^[1-9][0-9]0000$")] = None,
    overdue: Annotated[bool | None, Query(description="Nobody graded it in time")] = None,
    host: Annotated[str | None, Query(max_length=253, description="A name of the site, in any spelling")] = None,
    newest: Annotated[bool, Query(description="Newest first; else what has waited longest comes first")] = False,
) -> Page[wire.MatterView]:  # fmt: skip
    """What people complained of, merged by site and ground, for the desk that it lies on (N4.2.5)."""
    wanted = Filter(status, ground, grade, region, overdue, None, newest)
    async with rt.db.transaction() as tx:
        found = await matters.page(tx, rt, who, wanted, host=host, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, lambda each: views.of_matter(who, each), lambda each: each.matter.id)


@DESK.get("/matters/{matter_id}")
async def read_matter(rt: Rt, who: Who, matter_id: UUID) -> wire.MatterView:
    """One matter: what was said about one site on one ground."""
    async with rt.db.transaction() as tx:
        return views.of_matter(who, await matters.get(tx, rt, who, matter_id))


@DESK.get("/matters/{matter_id}/complaints")
async def list_said(rt: Rt, who: Who, matter_id: UUID, paging: Paging) -> Page[wire.ComplaintView]:
    """What was said, oldest first. Who said it is not in it."""
    async with rt.db.transaction() as tx:
        found = await matters.said(tx, rt, who, matter_id, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, views.of_complaint, lambda each: each.complaint.id)


@DESK.post("/matters/{matter_id}/triage")
async def triage(rt: Rt, who: Who, matter_id: UUID, body: wire.Triage) -> wire.MatterView:
    """Grade it, with reasons (N4.2.5). It is your authority's from now on, and nothing follows by itself."""
    async with rt.db.transaction() as tx:
        return views.of_matter(who, await matters.triage(tx, rt, who, matter_id, body))


@DESK.post("/matters/{matter_id}/transfer")
async def transfer_matter(rt: Rt, who: Who, matter_id: UUID, body: wire.NewMatterTransfer) -> wire.MatterView:
    """Hand what is about a name in no register to another industry regulator, with reasons. Never back.

    Whoever complained is told where it went; the desk that has it now grades it itself.
    """
    async with rt.db.transaction() as tx:
        return views.of_matter(who, await matters.transfer(tx, rt, who, matter_id, body))


@DESK.post("/matters/{matter_id}/case", status_code=201)
async def bring_to_case(rt: Rt, who: Who, matter_id: UUID, body: wire.CaseFromMatter) -> CaseView:
    """Open a case about the site, like any other. The complaints lie in it, confidential."""
    async with rt.db.transaction() as tx:
        opened = await matters.open_case(tx, rt, who, matter_id, body)
    return views.of_case(who, opened)


@DESK.post("/matters/{matter_id}/dismissal")
async def dismiss(rt: Rt, who: Who, matter_id: UUID, body: wire.Dismissal) -> wire.MatterView:
    """Nothing follows, with reasons that everybody who complained reads."""
    async with rt.db.transaction() as tx:
        return views.of_matter(who, await matters.dismiss(tx, rt, who, matter_id, body))


@DESK.post("/matters/{matter_id}/warning", status_code=201)
async def warn(rt: Rt, who: Who, matter_id: UUID, body: wire.NewWarning) -> wire.WarningView:
    """Send a letter under the industry code: no effect, no entry anywhere, and it can be answered."""
    async with rt.db.transaction() as tx:
        return views.of_warning(who, await warnings.send(tx, rt, who, matter_id, body))


@DESK.get("/warnings", tags=["warnings"])
async def list_warnings(
    rt: Rt, who: Who, paging: Paging, status: WarningStatus | None = None
) -> Page[wire.WarningView]:
    """Letters to you, or of your authority, newest first."""
    async with rt.db.transaction() as tx:
        found = await warnings.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, lambda each: views.of_warning(who, each), lambda each: each.id)


@DESK.get("/warnings/{warning_id}", tags=["warnings"])
async def read_warning(rt: Rt, who: Who, warning_id: UUID) -> wire.WarningView:
    """One letter, with what was answered."""
    async with rt.db.transaction() as tx:
        found = await warnings.get(tx, rt, who, warning_id)
    return views.of_warning(who, found)


@DESK.post("/warnings/{warning_id}/answer", tags=["warnings"])
async def answer_warning(rt: Rt, who: Who, warning_id: UUID, body: wire.WarningAnswer) -> wire.WarningView:
    """Say something to a letter that you got, once."""
    async with rt.db.transaction() as tx:
        return views.of_warning(who, await warnings.answer(tx, rt, who, warning_id, body))
