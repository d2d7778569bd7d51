"""The HTTP door of approval: parse, call, shape."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from approval import bodies, service
from approval.lifecycle import Status
from approval.views import ApplicationView
from shared.runtime.web.door import Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router(prefix="/applications", tags=["applications"])


@ROUTER.post("", status_code=201)
async def apply(rt: Rt, who: Who, body: bodies.Application, response: Response) -> ApplicationView:
    """Apply for prior approval of one service item of one site (P3.1.1). Starts the authority's 20 working days.

    Service items without a competent authority (`general`) answer 409 `approval_not_needed`: nobody would be there to
    decide, and the registry asks for no approval.
    """
    record = await service.apply(rt, who, body)
    response.headers["Location"] = f"/applications/{record[0].id}"
    return _shown(response, record)


@ROUTER.get("")
async def list_applications(
    rt: Rt, who: Who, paging: Paging, status: Annotated[Status | None, Query()] = None
) -> Page[ApplicationView]:
    """List applications, newest first: an operator its own, an authority those of its categories and province."""
    rows = await service.list_page(rt, who, status, paging.after, paging.fetch)
    return page_of(rows, paging, ApplicationView.of, lambda record: record[0].id)


@ROUTER.get("/{application_id}")
async def read(rt: Rt, who: Who, application_id: UUID, response: Response) -> ApplicationView:
    """Read an application with its clock and the decisions on it."""
    return _shown(response, await service.read(rt, who, application_id))


@ROUTER.post("/{application_id}/grant")
async def grant(rt: Rt, who: Who, application_id: UUID, body: bodies.Grant, response: Response) -> ApplicationView:
    """Consent (P3.1.3). The approval gets the next number of the authority and year; numbers have no gaps."""
    return _shown(response, await service.grant(rt, who, application_id, body))


@ROUTER.post("/{application_id}/refusal")
async def refuse(rt: Rt, who: Who, application_id: UUID, body: bodies.Refusal, response: Response) -> ApplicationView:
    """Refuse consent, in writing and with redress (P3.1.3)."""
    return _shown(response, await service.refuse(rt, who, application_id, body))


@ROUTER.post("/{application_id}/not-required")
async def find_not_required(
    rt: Rt, who: Who, application_id: UUID, body: bodies.NotRequired, response: Response
) -> ApplicationView:
    """Find that the service needs no approval; the operator may register without one (P3.1.3)."""
    return _shown(response, await service.find_not_required(rt, who, application_id, body))


@ROUTER.post("/{application_id}/cancellation")
async def cancel(
    rt: Rt, who: Who, application_id: UUID, body: bodies.Cancellation, response: Response
) -> ApplicationView:
    """Take a granted approval back, on evidence and with redress (P3.2.4)."""
    return _shown(response, await service.cancel(rt, who, application_id, body))


def _shown(response: Response, record: service.Record) -> ApplicationView:
    etag(response, record[0].version)
    return ApplicationView.of(record)
