"""One door of the register: parse, call, shape."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from registry import views
from registry.lifecycle import AmendmentStatus, ExecutionStatus, Status
from registry.service import amendments, executions, imports, operators, registrations, sites
from registry.store.amendments import Amendment
from registry.store.operators import Operator
from registry.store.registrations import Owned
from shared.contracts.base import Moment
from shared.contracts.http import registry as wire
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import IfMatch, Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router()
STREAMS: APIRouter = router(idempotent=False)


@ROUTER.post("/operators", status_code=201, tags=["operators"])
async def enter_operator(rt: Rt, who: Who, body: wire.NewOperator, response: Response) -> wire.OperatorView:
    """Enter an operator under its document of identity. A person's number is kept as a keyed hash only."""
    async with rt.db.transaction() as tx:
        return _operator(response, await operators.enter(tx, rt, who, body), with_address=True)


@ROUTER.get("/operators/{operator_id}", tags=["operators"])
async def read_operator(rt: Rt, who: Who, operator_id: UUID, response: Response) -> wire.OperatorView:
    """One operator; its ETag is needed to amend it."""
    async with rt.db.transaction() as tx:
        operator, with_address = await operators.get(tx, rt, who, operator_id)
    return _operator(response, operator, with_address=with_address)


@ROUTER.post("/operators/{operator_id}/legacy-code-confirmation", tags=["operators"])
async def confirm_legacy_code(rt: Rt, who: Who, operator_id: UUID, response: Response) -> wire.OperatorView:
    """A second officer vouches for a credit code issued before 2016 whose check digit fails."""
    async with rt.db.transaction() as tx:
        return _operator(response, await operators.confirm_legacy(tx, rt, who, operator_id), with_address=True)


@ROUTER.post("/operators/{operator_id}/address-for-service", tags=["operators"])
async def set_address(
    rt: Rt, who: Who, operator_id: UUID, body: wire.NewAddress, response: Response
) -> wire.OperatorView:
    """Say where notices go besides the inbox; a code is sent to a new e-mail address."""
    async with rt.db.transaction() as tx:
        return _operator(response, await operators.set_address(tx, rt, who, operator_id, body), with_address=True)


@STREAMS.post("/operators/{operator_id}/address-verification", tags=["operators"])
async def verify_address(
    rt: Rt, who: Who, operator_id: UUID, body: wire.VerificationCode, response: Response
) -> wire.OperatorView:
    """Send back the code: what is mailed there counts as delivered from now on. After five tries a new code is needed.

    The try is counted before the code is looked at, and stays counted whatever becomes of the request.
    """
    async with rt.db.transaction() as tx:
        tried = await operators.take_try(tx, who, operator_id)
    async with rt.db.transaction() as tx:
        verified = await operators.verify_address(tx, rt, who, operator_id, body, tried)
    return _operator(response, verified, with_address=True)


@ROUTER.post("/operators/{operator_id}/amendments", status_code=201, tags=["amendments"])
async def change_operator(
    rt: Rt, who: Who, operator_id: UUID, version: IfMatch, body: wire.ProposedOperator
) -> wire.AmendmentView:
    """Propose an operator's particulars as they shall be; the regulator decides."""
    async with rt.db.transaction() as tx:
        proposed = await amendments.change_operator(tx, rt, who, operator_id, version, body)
        return await _amendment(tx, who, proposed)


@ROUTER.post("/registrations", status_code=201, tags=["registrations"])
async def submit(rt: Rt, who: Who, body: wire.NewRegistration) -> wire.RegistrationView:
    """Ask for a filing or licence for a first site; the regulator's clock starts (P3.1.4)."""
    async with rt.db.transaction() as tx:
        return await _registration(tx, who, await registrations.submit(tx, rt, who, body))


@ROUTER.get("/registrations", tags=["registrations"])
async def list_registrations(
    rt: Rt, who: Who, paging: Paging, number: str | None = None, operator_id: UUID | None = None,
    status: Status | None = None,
) -> Page[wire.RegistrationSummary]:  # fmt: skip
    """Registrations the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await registrations.page(
            tx, rt, who, number=number, operator_id=operator_id, status=status, after=paging.after, limit=paging.fetch
        )
    return page_of(found, paging, views.summary_of, lambda owned: owned.registration.id)


@ROUTER.get("/registrations/{registration_id}", tags=["registrations"])
async def read_registration(rt: Rt, who: Who, registration_id: UUID, response: Response) -> wire.RegistrationView:
    """One registration with its first two hundred sites."""
    async with rt.db.transaction() as tx:
        owned, found = await registrations.get(tx, rt, who, registration_id)
        etag(response, owned.registration.version)
        return views.of_registration(who, owned, found, await registrations.clock(tx, owned))


@ROUTER.post("/registrations/{registration_id}/grant", tags=["registrations"])
async def grant(rt: Rt, who: Who, registration_id: UUID, body: wire.Granting) -> wire.RegistrationView:
    """Enter it in the register under the next number of its province (P3.1.5)."""
    async with rt.db.transaction() as tx:
        return await _registration(tx, who, await registrations.grant(tx, rt, who, registration_id, body))


@ROUTER.post("/registrations/{registration_id}/refusal", tags=["registrations"])
async def refuse(rt: Rt, who: Who, registration_id: UUID, body: wire.Refusing) -> wire.RegistrationView:
    """Refuse it, with written reasons, every ground at once, and redress."""
    async with rt.db.transaction() as tx:
        return await _registration(tx, who, await registrations.refuse(tx, rt, who, registration_id, body))


@ROUTER.post("/registrations/{registration_id}/sites", status_code=201, tags=["amendments"])
async def add_site(rt: Rt, who: Who, registration_id: UUID, body: wire.NewSite) -> wire.AmendmentView:
    """Propose a further site under a number; the regulator decides."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, who, await amendments.add_site(tx, rt, who, registration_id, body))


@ROUTER.get("/sites", tags=["sites"])
async def find_site(
    rt: Rt, who: Who, domain: Annotated[str, Query(min_length=1, max_length=253)]
) -> list[wire.SiteView]:
    """The site a name belongs to, in any spelling; an empty list if the caller's register has none."""
    async with rt.db.transaction() as tx:
        return [views.of_site(who, site) for site in await sites.by_domain(tx, rt, who, domain)]


@ROUTER.get("/sites/{site_id}", tags=["sites"])
async def read_site(rt: Rt, who: Who, site_id: UUID, response: Response) -> wire.SiteView:
    """One site; its ETag is needed to amend it."""
    async with rt.db.transaction() as tx:
        site = await sites.get(tx, rt, who, site_id)
    etag(response, site.site.version)
    return views.of_site(who, site)


@ROUTER.get("/sites/{site_id}/record", tags=["sites"])
async def read_record(rt: Rt, who: Who, site_id: UUID, at: Moment) -> wire.SiteVersionView:
    """The record of a site as it was at a time, and why it became so."""
    async with rt.db.transaction() as tx:
        record, cause, since = await sites.at(tx, rt, who, site_id, at)
    return wire.SiteVersionView(record=record, cause=cause, at=since)


@ROUTER.post("/sites/{site_id}/amendments", status_code=201, tags=["amendments"])
async def change_site(rt: Rt, who: Who, site_id: UUID, version: IfMatch, body: wire.ProposedSite) -> wire.AmendmentView:
    """Propose a site's name, names, items and accesses as they shall be; the regulator decides."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, who, await amendments.change_site(tx, rt, who, site_id, version, body))


@ROUTER.post("/sites/{site_id}/transfer", status_code=201, tags=["amendments"])
async def transfer(
    rt: Rt, who: Who, site_id: UUID, version: IfMatch, body: wire.ProposedTransfer
) -> wire.AmendmentView:
    """Propose that a site goes under another operator's number; that operator consents, the regulator decides."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, who, await amendments.transfer(tx, rt, who, site_id, version, body))


@ROUTER.post("/sites/{site_id}/deregistration", tags=["sites"])
async def deregister(rt: Rt, who: Who, site_id: UUID, body: wire.WithReasons) -> wire.SiteView:
    """Give a site up."""
    async with rt.db.transaction() as tx:
        return views.of_site(who, await sites.deregister(tx, rt, who, site_id, reasons=body.reasons))


@ROUTER.post("/sites/{site_id}/accesses/{access_id}/end", tags=["sites"])
async def end_access(rt: Rt, who: Who, site_id: UUID, access_id: UUID, body: wire.WithReasons) -> wire.SiteView:
    """Leave one of a site's providers."""
    async with rt.db.transaction() as tx:
        site = await sites.end_access(tx, rt, who, site_id, access_id, reasons=body.reasons)
    return views.of_site(who, site)


@ROUTER.get("/amendments", tags=["amendments"])
async def list_amendments(
    rt: Rt, who: Who, paging: Paging, status: AmendmentStatus | None = None
) -> Page[wire.AmendmentView]:
    """Proposed changes the caller reaches, newest first."""
    async with rt.db.transaction() as tx:
        found = await amendments.page(tx, rt, who, status=status, after=paging.after, limit=paging.fetch)
        shown = [await _amendment(tx, who, each) for each in found]
    return page_of(shown, paging, lambda view: view, lambda view: view.id)


@ROUTER.get("/amendments/{amendment_id}", tags=["amendments"])
async def read_amendment(rt: Rt, who: Who, amendment_id: UUID) -> wire.AmendmentView:
    """A proposed change beside what holds."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, who, await amendments.get(tx, rt, who, amendment_id))


@ROUTER.post("/amendments/{amendment_id}/grant", tags=["amendments"])
async def grant_amendment(rt: Rt, who: Who, amendment_id: UUID, body: wire.Stated) -> wire.AmendmentView:
    """What was proposed holds from now on."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, who, await amendments.grant(tx, rt, who, amendment_id, body))


@ROUTER.post("/amendments/{amendment_id}/refusal", tags=["amendments"])
async def refuse_amendment(rt: Rt, who: Who, amendment_id: UUID, body: wire.Refusing) -> wire.AmendmentView:
    """Refuse a proposed change, with reasons and redress."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, who, await amendments.refuse(tx, rt, who, amendment_id, body))


@ROUTER.post("/amendments/{amendment_id}/withdrawal", tags=["amendments"])
async def withdraw_amendment(rt: Rt, who: Who, amendment_id: UUID, body: wire.WithReasons) -> wire.AmendmentView:
    """Take a proposed change back."""
    async with rt.db.transaction() as tx:
        withdrawn = await amendments.withdraw(tx, rt, who, amendment_id, reasons=body.reasons)
        return await _amendment(tx, who, withdrawn)


@ROUTER.post("/amendments/{amendment_id}/consent", tags=["amendments"])
async def consent(rt: Rt, who: Who, amendment_id: UUID) -> wire.AmendmentView:
    """The receiving operator agrees to a transfer."""
    async with rt.db.transaction() as tx:
        return await _amendment(tx, who, await amendments.consent(tx, rt, who, amendment_id))


@ROUTER.get("/executions", tags=["executions"])
async def list_executions(
    rt: Rt, who: Who, paging: Paging, status: ExecutionStatus | None = None, decision_id: UUID | None = None
) -> Page[wire.ExecutionView]:
    """Decisions that the caller's organisation executes or made, newest first; without previews."""
    async with rt.db.transaction() as tx:
        found = await executions.page(
            tx, rt, who, status=status, decision_id=decision_id, after=paging.after, limit=paging.fetch
        )
    return page_of(found, paging, lambda seen: views.of_execution(who, seen), lambda seen: seen.execution.id)


@ROUTER.get("/executions/{execution_id}", tags=["executions"])
async def read_execution(rt: Rt, who: Who, execution_id: UUID) -> wire.ExecutionView:
    """A decision on the desk, with what carrying it out would hit now."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.get(tx, rt, who, execution_id))


@ROUTER.post("/executions/{execution_id}/acceptance", tags=["executions"])
async def accept(rt: Rt, who: Who, execution_id: UUID, body: wire.Signing) -> wire.ExecutionView:
    """The first of two people signs what would happen now (P3.2.3)."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.accept(tx, rt, who, execution_id, body))


@ROUTER.post("/executions/{execution_id}/release", tags=["executions"])
async def release(rt: Rt, who: Who, execution_id: UUID, body: wire.WithReasons) -> wire.ExecutionView:
    """Take an acceptance back."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.release(tx, rt, who, execution_id, reasons=body.reasons))


@ROUTER.post("/executions/{execution_id}/confirmation", tags=["executions"])
async def confirm(rt: Rt, who: Who, execution_id: UUID, body: wire.Signing) -> wire.ExecutionView:
    """The second person signs, and it happens: on the register, and by it at every host (P3.2.3)."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.confirm(tx, rt, who, execution_id, body))


@ROUTER.post("/executions/{execution_id}/decline", tags=["executions"])
async def decline(rt: Rt, who: Who, execution_id: UUID, body: wire.Stated) -> wire.ExecutionView:
    """Decline with legal basis and reasons, which go back to the authority."""
    async with rt.db.transaction() as tx:
        return views.of_execution(who, await executions.decline(tx, rt, who, execution_id, body))


@STREAMS.post("/imports", tags=["imports"], max_body_size=1 << 40)  # read row by row, never held
async def import_sites(
    rt: Rt, who: Who, request: Request, content_type: Annotated[str, Header()] = imports.NDJSON,
    x_filename: Annotated[str | None, Header(max_length=255)] = None,
) -> wire.ImportView:  # fmt: skip
    """Enter existing registrations from a stream of records, one a line (NDJSON) or row (CSV with a header).

    A record that is wrong is listed in the results and the rest goes in. Sending the same file again changes nothing.
    """
    return views.of_import(await imports.run(rt, who, request.stream(), content_type, x_filename))


@STREAMS.get("/imports/{import_id}", tags=["imports"])
async def read_import(rt: Rt, who: Who, import_id: UUID) -> wire.ImportView:
    """How an import stands, also while it runs."""
    return views.of_import(await imports.get(rt, who, import_id))


@STREAMS.get(
    "/imports/{import_id}/results",
    tags=["imports"],
    response_class=StreamingResponse,
    responses={200: {"content": {imports.NDJSON: {"schema": {"type": "string"}}}}},
)
async def import_results(rt: Rt, who: Who, import_id: UUID) -> StreamingResponse:
    """Rows that did not go in, and findings, one JSON object a line: line, kind, raw, code, field, message."""
    found = await imports.get(rt, who, import_id)
    return StreamingResponse(imports.results(rt, found.id), media_type=imports.NDJSON)


def _operator(response: Response, operator: Operator, *, with_address: bool) -> wire.OperatorView:
    etag(response, operator.version)
    return views.of_operator(operator, with_address=with_address)


async def _registration(tx: Tx, who: Caller, owned: Owned) -> wire.RegistrationView:
    found = await registrations.first_sites(tx, owned)
    return views.of_registration(who, owned, found, await registrations.clock(tx, owned))


async def _amendment(tx: Tx, who: Caller, amendment: Amendment) -> wire.AmendmentView:
    clock = await amendments.clock(tx, amendment)
    return views.of_amendment(who, amendment, await amendments.holds(tx, amendment), clock)
