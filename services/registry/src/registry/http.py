"""One door of the register: parse, call, shape."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from registry import bodies, views
from registry.lifecycle import RequestStatus, RevocationStatus, Status
from registry.service import imports, operators, registrations, requests, revocations, sites
from shared.runtime.web.door import IfMatch, Rt, Who, etag
from shared.runtime.web.door import router as idempotent_router
from shared.runtime.web.paging import Page, Paging, page_of

router = idempotent_router()
streams = APIRouter()


@router.post("/operators", status_code=201, tags=["operators"])
async def register_operator(rt: Rt, who: Who, body: bodies.NewOperator) -> views.OperatorView:
    """Enter an operator under its unified social credit code."""
    return views.OperatorView.of(await operators.register_operator(rt, who, body))


@router.get("/operators/{operator_id}", tags=["operators"])
async def read_operator(rt: Rt, who: Who, operator_id: UUID) -> views.OperatorView:
    """One operator."""
    return views.OperatorView.of(await operators.operator(rt, who, operator_id))


@router.post("/registrations", status_code=201, tags=["registrations"])
async def submit(rt: Rt, who: Who, body: bodies.NewRegistration) -> views.RegistrationView:
    """Ask for a filing or licence for sites of an operator; the regulator's clock starts."""
    return views.RegistrationView.full(await registrations.submit(rt, who, body))


@router.get("/registrations", tags=["registrations"])
async def list_registrations(
    rt: Rt,
    who: Who,
    paging: Paging,
    number: str | None = None,
    operator_id: UUID | None = None,
    status: Status | None = None,
) -> Page[views.RegistrationSummary]:
    """Registrations the caller may see, newest first."""
    found = await registrations.page(rt, who, paging, number=number, operator_id=operator_id, status=status)
    return page_of(found, paging, views.RegistrationSummary.of, lambda row: row.id)


@router.get("/registrations/{registration_id}", tags=["registrations"])
async def read_registration(rt: Rt, who: Who, registration_id: UUID, response: Response) -> views.RegistrationView:
    """One registration with its sites."""
    found = await registrations.get(rt, who, registration_id)
    etag(response, found[0].version)
    return views.RegistrationView.full(found)


@router.post("/registrations/{registration_id}/grant", tags=["registrations"])
async def grant(rt: Rt, who: Who, registration_id: UUID, body: bodies.Grant) -> views.RegistrationView:
    """Enter it in the register under the next number of its province."""
    return views.RegistrationView.full(await registrations.grant(rt, who, registration_id, body))


@router.post("/registrations/{registration_id}/refusal", tags=["registrations"])
async def refuse(rt: Rt, who: Who, registration_id: UUID, body: bodies.Refusal) -> views.RegistrationView:
    """Refuse it with written reasons and redress."""
    return views.RegistrationView.full(await registrations.refuse(rt, who, registration_id, body))


@router.post("/registrations/{registration_id}/revocation", status_code=201, tags=["revocations"])
async def draft_revocation(rt: Rt, who: Who, registration_id: UUID, body: bodies.Revocation) -> views.RevocationView:
    """Draft a revocation on the regulator's own ground. Nothing happens until a second person confirms it."""
    return views.RevocationView.of(await revocations.draft(rt, who, registration_id, body))


@router.post("/registrations/{registration_id}/reinstatement", tags=["revocations"])
async def reinstate(rt: Rt, who: Who, registration_id: UUID, body: bodies.Reinstatement) -> views.RegistrationView:
    """Make a revoked registration valid again, exactly as it was, number kept."""
    return views.RegistrationView.full(await revocations.reinstate(rt, who, registration_id, body))


@router.get("/revocations", tags=["revocations"])
async def list_revocations(
    rt: Rt, who: Who, paging: Paging, status: RevocationStatus | None = None
) -> Page[views.RevocationView]:
    """Revocations of the caller's region, newest first."""
    found = await revocations.page(rt, who, paging, status)
    return page_of(found, paging, views.RevocationView.of, lambda row: row.id)


@router.get("/revocations/{revocation_id}", tags=["revocations"])
async def read_revocation(rt: Rt, who: Who, revocation_id: UUID) -> views.RevocationView:
    """One revocation."""
    return views.RevocationView.of(await revocations.get(rt, who, revocation_id))


@router.post("/revocations/{revocation_id}/confirmation", tags=["revocations"])
async def confirm(rt: Rt, who: Who, revocation_id: UUID) -> views.RevocationView:
    """Revoke. Access is cut at every provider that hosts its sites. Whoever drafted it cannot confirm it."""
    return views.RevocationView.of(await revocations.confirm(rt, who, revocation_id))


@router.post("/revocations/{revocation_id}/withdrawal", tags=["revocations"])
async def withdraw(rt: Rt, who: Who, revocation_id: UUID, body: bodies.WithReasons) -> views.RevocationView:
    """Take a drafted revocation back."""
    return views.RevocationView.of(await revocations.withdraw(rt, who, revocation_id, body))


@router.get("/revocation-requests", tags=["revocation requests"])
async def list_requests(
    rt: Rt, who: Who, paging: Paging, status: RequestStatus | None = None
) -> Page[views.RequestView]:
    """Requests of sector regulators on the desk of the caller's region, newest first."""
    found = await requests.page(rt, who, paging, status)
    return page_of(found, paging, views.RequestView.of, lambda row: row.id)


@router.get("/revocation-requests/{request_id}", tags=["revocation requests"])
async def read_request(rt: Rt, who: Who, request_id: UUID) -> views.RequestView:
    """One request."""
    return views.RequestView.of(await requests.get(rt, who, request_id))


@router.post("/revocation-requests/{request_id}/acceptance", status_code=201, tags=["revocation requests"])
async def accept(rt: Rt, who: Who, request_id: UUID, body: bodies.WithReasons) -> views.RevocationView:
    """Accept a request: its revocation is drafted and waits for a second person's confirmation."""
    return views.RevocationView.of(await requests.accept(rt, who, request_id, body))


@router.post("/revocation-requests/{request_id}/decline", tags=["revocation requests"])
async def decline(rt: Rt, who: Who, request_id: UUID, body: bodies.Grant) -> views.RequestView:
    """Decline a request with legal basis and reasons, which go back to the sector regulator."""
    return views.RequestView.of(await requests.decline(rt, who, request_id, body))


@router.get("/sites", tags=["sites"])
async def find_site(
    rt: Rt, who: Who, domain: Annotated[str, Query(min_length=1, max_length=253)]
) -> list[views.SiteView]:
    """The site of a domain, in either IDN form; an empty list if the register has none."""
    return [views.SiteView.of(*found) for found in await sites.by_domain(rt, who, domain)]


@router.get("/sites/{site_id}", tags=["sites"])
async def read_site(rt: Rt, who: Who, site_id: UUID, response: Response) -> views.SiteView:
    """One site; its ETag is needed to amend it."""
    registration, site = await sites.get(rt, who, site_id)
    etag(response, site.version)
    return views.SiteView.of(registration, site)


@router.put("/sites/{site_id}", tags=["sites"])
async def amend_site(
    rt: Rt, who: Who, site_id: UUID, body: bodies.Amendment, version: IfMatch, response: Response
) -> views.SiteView:
    """Amend a site's name, domains, service items and accesses."""
    registration, site = await sites.amend(rt, who, site_id, body, version)
    etag(response, site.version)
    return views.SiteView.of(registration, site)


@streams.post("/imports", tags=["imports"], max_body_size=1 << 40)  # read line by line, never held
async def import_sites(
    rt: Rt,
    who: Who,
    request: Request,
    content_type: Annotated[str, Header()] = imports.NDJSON,
    x_filename: Annotated[str | None, Header(max_length=255)] = None,
) -> views.ImportView:
    """Enter existing registrations from a stream of records, one a line (NDJSON) or row (CSV with a header).

    A record that is wrong is listed in the results and the rest goes in. Sending the same file again changes nothing.
    """
    return views.ImportView.of(await imports.run(rt, who, request.stream(), content_type, x_filename))


@streams.get("/imports/{import_id}", tags=["imports"])
async def read_import(rt: Rt, who: Who, import_id: UUID) -> views.ImportView:
    """How an import stands, also while it runs."""
    return views.ImportView.of(await imports.get(rt, who, import_id))


@streams.get(
    "/imports/{import_id}/results",
    tags=["imports"],
    response_class=StreamingResponse,
    responses={200: {"content": {imports.NDJSON: {"schema": {"type": "string"}}}}},
)
async def import_results(rt: Rt, who: Who, import_id: UUID) -> StreamingResponse:
    """The records that did not go in, one JSON object a line: line, raw, code, field, message."""
    found = await imports.get(rt, who, import_id)
    return StreamingResponse(imports.results(rt, found.id), media_type=imports.NDJSON)
