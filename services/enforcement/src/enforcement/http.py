"""The HTTP door of enforcement: parse, call, shape."""

import re
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse

from enforcement import bodies
from enforcement.errors import MediaTypeMissing
from enforcement.lifecycle import CaseStatus
from enforcement.service import appeals, cases, decisions, evidence
from enforcement.service.cases import CaseRecord
from enforcement.service.common import DecisionRecord
from enforcement.store.appeals import Appeal
from enforcement.views import AppealView, CaseSummary, CaseView, DecisionView, EvidenceView
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ACTS: Final = router()
STREAMS: Final = router(idempotent=False, tags=["evidence"])
ROUTERS: Final = (ACTS, STREAMS)

_TOKEN: Final = r"[A-Za-z0-9!#$&^_.+-]{1,127}"  # noqa: S105 -- RFC 6838, restricted names
_MEDIA_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}")


def media_type(content_type: Annotated[str, Header(description="What the evidence is: type/subtype")] = "") -> str:
    """The media type without its parameters. Raises MediaTypeMissing (415)."""
    bare = content_type.split(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(bare):
        raise MediaTypeMissing
    return bare


@ACTS.post("/cases", status_code=201, tags=["cases"])
async def open_case(rt: Rt, who: Who, body: bodies.Suspicion, response: Response) -> CaseView:
    """Open a case about the registered site that bears the domain (P3.2.1).

    The domain may lie below a registered one: `www.stage.example` finds the site of `stage.example`.
    """
    opened = await cases.open_case(rt, who, body)
    response.headers["Location"] = f"/cases/{opened.case.id}"
    return _case(response, opened)


@ACTS.get("/cases", tags=["cases"])
async def list_cases(
    rt: Rt,
    who: Who,
    paging: Paging,
    status: Annotated[CaseStatus | None, Query()] = None,
    domain: Annotated[str | None, Query(max_length=253, description="A-label form, exactly as in the case")] = None,
) -> Page[CaseSummary]:
    """List cases, newest first: a sector regulator those of its categories and province, the industry regulator and the
    review body those of their province."""
    rows = await cases.list_page(rt, who, status, domain, paging.after, paging.fetch)
    return page_of(rows, paging, CaseSummary.of_case, lambda case: case.id)


@ACTS.get("/cases/{case_id}", tags=["cases"])
async def read_case(rt: Rt, who: Who, case_id: UUID, response: Response) -> CaseView:
    """Read a case with its evidence, its decisions and how far each was carried out."""
    return _case(response, await cases.read(rt, who, case_id))


@STREAMS.post(
    "/cases/{case_id}/evidence",
    status_code=201,
    max_body_size=1 << 40,  # the verb counts for itself, and says its own reason
    openapi_extra={"requestBody": {"required": True, "content": {"*/*": {"schema": {"format": "binary"}}}}},
)
async def add_evidence(
    rt: Rt, who: Who, case_id: UUID, request: Request, kind: Annotated[str, Depends(media_type)]
) -> EvidenceView:
    """File evidence: the body is the bytes themselves, at most 20 MiB (else 413).

    Takes no Idempotency-Key: the same bytes filed again are the same evidence, and the answer is the same.
    """
    return EvidenceView.model_validate(await evidence.add(rt, who, case_id, kind, request.stream()))


@STREAMS.get("/evidence/{sha256}", response_class=FileResponse)
async def read_evidence(
    rt: Rt, who: Who, sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Lower-case hex")]
) -> FileResponse:
    """Read the bytes of a piece of evidence, checked against their hash first. Every reading is audited."""
    kept, path = await evidence.read(rt, who, sha256)
    # Somebody else's bytes: never to be shown as a page of ours.
    headers = {"Content-Security-Policy": "sandbox", "ETag": f'"{sha256}"'}
    return FileResponse(path, media_type=kept.media_type, filename=sha256, headers=headers)


@ACTS.post("/cases/{case_id}/decisions", status_code=201, tags=["decisions"])
async def draft_decision(rt: Rt, who: Who, case_id: UUID, body: bodies.Draft, response: Response) -> DecisionView:
    """Draft a decision. It has no effect yet; `impact` shows whom it would hit besides the site."""
    drafted = await decisions.draft(rt, who, case_id, body)
    response.headers["Location"] = f"/decisions/{drafted.decision.id}"
    return _decision(response, drafted)


@ACTS.get("/decisions/{decision_id}", tags=["decisions"])
async def read_decision(rt: Rt, who: Who, decision_id: UUID, response: Response) -> DecisionView:
    """Read a decision; the operator of the site may too, once it is released."""
    return _decision(response, await decisions.read(rt, who, decision_id))


@ACTS.post("/decisions/{decision_id}/release", tags=["decisions"])
async def release_decision(
    rt: Rt, who: Who, decision_id: UUID, body: bodies.Release, response: Response
) -> DecisionView:
    """Make a draft an act of the authority: a second person, who has looked at the impact as it is now.

    `revoke_and_cut` asks the industry regulator of the same level and region to revoke the registration (P3.2.3).
    """
    return _decision(response, await decisions.release(rt, who, decision_id, body))


@ACTS.post("/decisions/{decision_id}/withdrawal", tags=["decisions"])
async def withdraw_decision(
    rt: Rt, who: Who, decision_id: UUID, response: Response, body: bodies.Withdrawal | None = None
) -> DecisionView:
    """Take a draft back. Released decisions are not withdrawn; they are appealed."""
    return _decision(response, await decisions.withdraw(rt, who, decision_id, body or bodies.Withdrawal()))


@ACTS.post("/decisions/{decision_id}/appeals", status_code=201, tags=["appeals"])
async def file_appeal(rt: Rt, who: Who, decision_id: UUID, body: bodies.Grounds, response: Response) -> AppealView:
    """Appeal: the operator of the site, or for it an officer or the review body. Starts the clock for deciding it."""
    filed = await appeals.file(rt, who, decision_id, body)
    response.headers["Location"] = f"/appeals/{filed.id}"
    return _appeal(response, filed)


@ACTS.get("/appeals/{appeal_id}", tags=["appeals"])
async def read_appeal(rt: Rt, who: Who, appeal_id: UUID, response: Response) -> AppealView:
    """Read an appeal with its clock and its outcome."""
    return _appeal(response, await appeals.read(rt, who, appeal_id))


@ACTS.post("/appeals/{appeal_id}/outcome", tags=["appeals"])
async def decide_appeal(rt: Rt, who: Who, appeal_id: UUID, body: bodies.Outcome, response: Response) -> AppealView:
    """Decide an appeal: a review body of another organisation, and nobody who drafted or released the decision.

    Upheld: the decision is overturned and what it did is undone, also when the clock was missed and it is suspended.
    """
    return _appeal(response, await appeals.decide(rt, who, appeal_id, body))


def _case(response: Response, record: CaseRecord) -> CaseView:
    etag(response, record.case.version)
    return CaseView.of(record)


def _decision(response: Response, record: DecisionRecord) -> DecisionView:
    etag(response, record.decision.version)
    return DecisionView.of(record)


def _appeal(response: Response, appeal: Appeal) -> AppealView:
    etag(response, appeal.version)
    return AppealView.of(appeal)
