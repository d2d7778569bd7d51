"""The HTTP door of coordination: parse, call, shape."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from coordination.lifecycle import Status
from coordination.service import organisations
from coordination.store.entries import Entry
from shared.contracts.http.coordination import (
    Explanation,
    NewOrganisation,
    OrganisationChange,
    OrganisationDetails,
    OrganisationVersion,
    OrganisationView,
)
from shared.rules import Role
from shared.runtime.base.context import Caller
from shared.runtime.web.door import IfMatch, Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router(prefix="/organisations", tags=["organisations"])
Id = Annotated[str, Path(max_length=60, examples=["drugs-110000"])]


@ROUTER.get("")
async def list_organisations(
    rt: Rt,
    who: Who,
    paging: Paging,
    kind: Annotated[Role | None, Query()] = None,
    region: Annotated[str | None, Query(max_length=6)] = None,
    status: Annotated[Status | None, Query()] = None,
) -> Page[OrganisationView]:
    """List the directory, newest first, without the people to ask (P1)."""
    async with rt.db.connection() as tx:
        rows = await organisations.page(tx, who, paging.after, paging.fetch, kind=kind, region=region, status=status)
    return page_of(rows, paging, lambda entry: _view(who, entry), lambda entry: entry.id)


@ROUTER.get("/{organisation_id}")
async def read_organisation(rt: Rt, who: Who, organisation_id: Id, response: Response) -> OrganisationDetails:
    """Read an organisation; members also read whom to ask there, and that is kept in the audit (P1)."""
    async with rt.db.transaction() as tx:
        entry, contacts = await organisations.get(tx, rt, who, organisation_id)
    return _shown(response, who, entry, contacts)


@ROUTER.get("/{organisation_id}/versions")
async def list_versions(rt: Rt, who: Who, organisation_id: Id) -> list[OrganisationVersion]:
    """Read every version of an organisation, newest first: what it was, who changed it, and why."""
    async with rt.db.connection() as tx:
        return await organisations.versions(tx, who, organisation_id)


@ROUTER.post("", status_code=201)
async def enter_organisation(rt: Rt, who: Who, body: NewOrganisation, response: Response) -> OrganisationDetails:
    """Enter an organisation: the national office anywhere, a provincial one in its province."""
    async with rt.db.transaction() as tx:
        entry = await organisations.enter(tx, rt, who, body)
    response.headers["Location"] = f"/organisations/{entry.organisation}"
    return _shown(response, who, entry)


@ROUTER.put("/{organisation_id}")
async def change_organisation(
    rt: Rt, who: Who, organisation_id: Id, version: IfMatch, body: OrganisationChange, response: Response
) -> OrganisationDetails:
    """Say what an organisation is from now on. Tokens already issued for it count accordingly, at once."""
    async with rt.db.transaction() as tx:
        entry = await organisations.change(tx, rt, who, organisation_id, version, body)
    return _shown(response, who, entry)


@ROUTER.post("/{organisation_id}/closure")
async def close_organisation(
    rt: Rt, who: Who, organisation_id: Id, body: Explanation, response: Response
) -> OrganisationDetails:
    """Close an organisation: nobody acts for it any more."""
    async with rt.db.transaction() as tx:
        entry = await organisations.close(tx, rt, who, organisation_id, body)
    return _shown(response, who, entry)


@ROUTER.post("/{organisation_id}/reopening")
async def reopen_organisation(
    rt: Rt, who: Who, organisation_id: Id, body: Explanation, response: Response
) -> OrganisationDetails:
    """Undo a closure."""
    async with rt.db.transaction() as tx:
        entry = await organisations.reopen(tx, rt, who, organisation_id, body)
    return _shown(response, who, entry)


def _view(who: Caller, entry: Entry) -> OrganisationView:
    record = entry.record.model_dump()
    return OrganisationView(**record, changed_at=entry.changed_at, allowed_actions=organisations.allowed(who, entry))


def _shown(response: Response, who: Caller, entry: Entry, contacts: bool = True) -> OrganisationDetails:
    etag(response, entry.version)
    shown = entry.contacts if contacts else None
    return OrganisationDetails(**_view(who, entry).model_dump(), contacts=shown)
