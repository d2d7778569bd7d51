"""The HTTP door of enforcement: parse, call, shape."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Path, Query, Request, Response
from fastapi.responses import FileResponse

from enforcement import views
from enforcement.lifecycle import AppealStatus, CaseStatus
from enforcement.service import appeals, cases, decisions, evidence
from shared.contracts.base import Reasons
from shared.contracts.http import enforcement as wire
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.files import STREAMED, Kind, given_out
from shared.runtime.web.paging import Page, Paging, page_of

ACTS: Final = router()
STREAMS: Final = router(idempotent=False, tags=["evidence"])
ROUTERS: Final = (ACTS, STREAMS)


@ACTS.post("/cases", status_code=201, tags=["cases"])
async def open_case(rt: Rt, who: Who, body: wire.NewCase, response: Response) -> wire.CaseView:
    """Open a case about a registered site, a found one, an operator or a provider (P3.2.1).

    A name may lie below a registered one: `www.pharmacy.example` finds the site of `pharmacy.example`.
    """
    async with rt.db.transaction() as tx:
        opened = await cases.open_case(tx, rt, who, body)
    response.headers["Location"] = f"/cases/{opened.case.id}"
    etag(response, opened.case.version)
    return views.of_case(who, opened)


@ACTS.get("/cases", tags=["cases"])
async def list_cases(
    rt: Rt, who: Who, paging: Paging, status: CaseStatus | None = None,
    host: Annotated[str | None, Query(max_length=253, description="A name that the case is about")] = None,
) -> Page[wire.CaseSummary]:  # fmt: skip
    """Cases the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await cases.page(tx, rt, who, status=status, host=host, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, views.summary_of, lambda case: case.id)


@ACTS.get("/cases/{case_id}", tags=["cases"])
async def read_case(rt: Rt, who: Who, case_id: UUID, response: Response) -> wire.CaseView:
    """A case with its evidence, its decisions and what became of each."""
    async with rt.db.transaction() as tx:
        file = await cases.get(tx, rt, who, case_id)
    etag(response, file.case.version)
    return views.of_case(who, file)


@ACTS.post("/cases/{case_id}/discontinuation", tags=["cases"])
async def discontinue(rt: Rt, who: Who, case_id: UUID, body: wire.Stated) -> wire.CaseView:
    """End a case without a decision, with reasons."""
    async with rt.db.transaction() as tx:
        return views.of_case(who, await cases.discontinue(tx, rt, who, case_id, body))


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
    """File evidence: the body is the bytes themselves, at most 20 MiB (else 413).

    Whom a decision burdens reads what it cites, unless it is `confidential` for a reason, such as who complained.
    Takes no Idempotency-Key: the same bytes filed again are the same evidence, and the answer is the same.
    """
    return wire.EvidenceView.model_validate(await evidence.add(rt, who, case_id, kind, confidential, request.stream()))


@STREAMS.get("/evidence/{sha256}", response_class=FileResponse)
async def read_evidence(
    rt: Rt, who: Who, sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Lower-case hex")]
) -> FileResponse:
    """Read the bytes of a piece of evidence, checked against their hash first. Every reading is audited.

    Whom a decision burdens reads what it cites, from the notice of its draft on; what is confidential answers 403
    `evidence_withheld`, with the reason.
    """
    kept, path = await evidence.read(rt, who, sha256)
    return given_out(path, sha256, kept.media_type)


@ACTS.post("/cases/{case_id}/decisions", status_code=201, tags=["decisions"])
async def draft(rt: Rt, who: Who, case_id: UUID, body: wire.NewDecision, response: Response) -> wire.DecisionView:
    """Draft a decision. Whom it burdens is told at once, and has time to put things right (model §5)."""
    async with rt.db.transaction() as tx:
        shown = await decisions.draft(tx, rt, who, case_id, body)
    response.headers["Location"] = f"/decisions/{shown.decision.id}"
    return views.of_decision(who, shown)


@ACTS.get("/decisions/{decision_id}", tags=["decisions"])
async def read_decision(rt: Rt, who: Who, decision_id: UUID, response: Response) -> wire.DecisionView:
    """A decision; whom it is about reads it from its release on, for ever."""
    async with rt.db.transaction() as tx:
        shown = await decisions.get(tx, rt, who, decision_id)
    etag(response, shown.decision.version)
    return views.of_decision(who, shown)


@ACTS.get("/decisions/{decision_id}/evidence", tags=["evidence"])
async def list_cited(rt: Rt, who: Who, decision_id: UUID) -> wire.CitedEvidence:
    """What a decision rests on, and why a piece is withheld; for whom it burdens from the notice of its draft on."""
    async with rt.db.transaction() as tx:
        found = await evidence.cited(tx, rt, who, decision_id)
    return wire.CitedEvidence(decision_id=decision_id, evidence=list(map(wire.EvidenceView.model_validate, found)))


@ACTS.post("/decisions/{decision_id}/release", tags=["decisions"])
async def release(rt: Rt, who: Who, decision_id: UUID, body: wire.Release) -> wire.DecisionView:
    """A second person makes it an act of the authority, signing whom it touches (P3.2.2-3)."""
    async with rt.db.transaction() as tx:
        return views.of_decision(who, await decisions.release(tx, rt, who, decision_id, body))


@ACTS.post("/decisions/{decision_id}/withdrawal", tags=["decisions"])
async def withdraw(rt: Rt, who: Who, decision_id: UUID, body: wire.WithReasons) -> wire.DecisionView:
    """Take a draft back."""
    async with rt.db.transaction() as tx:
        return views.of_decision(who, await decisions.withdraw(tx, rt, who, decision_id, reasons=body.reasons))


@ACTS.post("/decisions/{decision_id}/lift", tags=["decisions"])
async def lift(rt: Rt, who: Who, decision_id: UUID, body: wire.Stated) -> wire.DecisionView:
    """End one's own decision; what it did is undone."""
    async with rt.db.transaction() as tx:
        return views.of_decision(who, await decisions.lift(tx, rt, who, decision_id, body))


@ACTS.post("/decisions/{decision_id}/correction", tags=["decisions"])
async def confirm_correction(rt: Rt, who: Who, decision_id: UUID, body: wire.Correction) -> wire.DecisionView:
    """Say whether an order to correct was obeyed (P3.2.2)."""
    async with rt.db.transaction() as tx:
        return views.of_decision(who, await decisions.confirm_correction(tx, rt, who, decision_id, body))


@ACTS.post("/appeals", status_code=201, tags=["appeals"])
async def appeal(rt: Rt, who: Who, body: wire.NewAppeal, response: Response) -> wire.AppealView:
    """Challenge an act of any department that you were told of (safeguard 6)."""
    async with rt.db.transaction() as tx:
        filed = await appeals.file(tx, rt, who, body)
        response.headers["Location"] = f"/appeals/{filed.id}"
        return views.of_appeal(who, filed, await appeals.clock(tx, filed))


@ACTS.get("/appeals", tags=["appeals"])
async def list_appeals(rt: Rt, who: Who, paging: Paging, status: AppealStatus | None = None) -> Page[wire.AppealView]:
    """Appeals the caller reaches, newest first: its own, those against its acts, those it decides."""
    async with rt.db.transaction() as tx:
        found = await appeals.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
        shown = [views.of_appeal(who, each, await appeals.clock(tx, each)) for each in found]
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ACTS.get("/appeals/{appeal_id}", tags=["appeals"])
async def read_appeal(rt: Rt, who: Who, appeal_id: UUID, response: Response) -> wire.AppealView:
    """An appeal with its clock and its outcome."""
    async with rt.db.transaction() as tx:
        found = await appeals.get(tx, rt, who, appeal_id)
        etag(response, found.version)
        return views.of_appeal(who, found, await appeals.clock(tx, found))


@ACTS.post("/appeals/{appeal_id}/stay", tags=["appeals"])
async def decide_stay(rt: Rt, who: Who, appeal_id: UUID, body: wire.Stay) -> wire.AppealView:
    """Let the act have no effect while its appeal is decided, or refuse that."""
    async with rt.db.transaction() as tx:
        decided = await appeals.decide_stay(tx, rt, who, appeal_id, body)
        return views.of_appeal(who, decided, await appeals.clock(tx, decided))


@ACTS.post("/appeals/{appeal_id}/decision", tags=["appeals"])
async def decide_appeal(rt: Rt, who: Who, appeal_id: UUID, body: wire.Outcome) -> wire.AppealView:
    """Uphold or reject; upheld, the act is undone by itself."""
    async with rt.db.transaction() as tx:
        decided = await appeals.decide(tx, rt, who, appeal_id, body)
        return views.of_appeal(who, decided, await appeals.clock(tx, decided))
