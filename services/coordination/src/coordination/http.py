"""The HTTP door of coordination: parse, call, shape."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from coordination.lifecycle import ProposalStatus, Status
from coordination.service import organisations, proposals
from coordination.store.entries import Entry
from coordination.store.proposals import Proposal
from shared.contracts.http.coordination import (
    Explanation,
    NewOrganisation,
    NewProposal,
    OrganisationChange,
    OrganisationDetails,
    OrganisationVersion,
    OrganisationView,
    ProposalView,
)
from shared.rules import Role
from shared.runtime.base.context import Caller
from shared.runtime.web.door import IfMatch, Rt, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: APIRouter = router(prefix="/organisations", tags=["organisations"])
PROPOSALS: APIRouter = router(prefix="/proposals", tags=["proposals"])
ROUTERS = (ROUTER, PROPOSALS)
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
async def enter_organisation(rt: Rt, who: Who, body: NewOrganisation, response: Response) -> ProposalView:
    """Enter an organisation, closed; the answer is the proposal to open it, which a second person confirms.

    The national office enters organisations anywhere, a provincial one in its province.
    """
    async with rt.db.transaction() as tx:
        _, proposal = await organisations.enter(tx, rt, who, body)
    response.headers["Location"] = f"/proposals/{proposal.id}"
    return _proposal(who, proposal)


@ROUTER.put("/{organisation_id}")
async def rename_organisation(
    rt: Rt, who: Who, organisation_id: Id, version: IfMatch, body: OrganisationChange, response: Response
) -> OrganisationDetails:
    """Say how an organisation is called from now on, and whom to ask there; its powers take a proposal."""
    async with rt.db.transaction() as tx:
        entry = await organisations.rename(tx, rt, who, organisation_id, version, body)
    return _shown(response, who, entry)


@PROPOSALS.post("", status_code=201)
async def propose(rt: Rt, who: Who, body: NewProposal, response: Response) -> ProposalView:
    """Propose other powers for an organisation, its end, or its opening; nothing changes before it is confirmed."""
    async with rt.db.transaction() as tx:
        proposal = await proposals.propose(tx, rt, who, body)
    response.headers["Location"] = f"/proposals/{proposal.id}"
    return _proposal(who, proposal)


@PROPOSALS.get("")
async def list_proposals(
    rt: Rt,
    who: Who,
    paging: Paging,
    organisation: Annotated[str | None, Query(max_length=60)] = None,
    status: Annotated[ProposalStatus | None, Query()] = None,
) -> Page[ProposalView]:
    """List proposals, newest first."""
    async with rt.db.connection() as tx:
        rows = await proposals.page(tx, who, paging.after, paging.fetch, organisation=organisation, status=status)
    return page_of(rows, paging, lambda proposal: _proposal(who, proposal), lambda proposal: proposal.id)


@PROPOSALS.get("/{proposal_id}")
async def read_proposal(rt: Rt, who: Who, proposal_id: UUID) -> ProposalView:
    """Read a proposal."""
    async with rt.db.connection() as tx:
        return _proposal(who, await proposals.get(tx, who, proposal_id))


@PROPOSALS.post("/{proposal_id}/confirmation")
async def confirm_proposal(rt: Rt, who: Who, proposal_id: UUID) -> ProposalView:
    """Do what another person proposed. Tokens already issued for the organisation count accordingly, at once."""
    async with rt.db.transaction() as tx:
        return _proposal(who, await proposals.confirm(tx, rt, who, proposal_id))


@PROPOSALS.post("/{proposal_id}/withdrawal")
async def withdraw_proposal(rt: Rt, who: Who, proposal_id: UUID, body: Explanation) -> ProposalView:
    """Take a proposal back, with reasons; nothing changes."""
    async with rt.db.transaction() as tx:
        return _proposal(who, await proposals.withdraw(tx, rt, who, proposal_id, body))


def _proposal(who: Caller, proposal: Proposal) -> ProposalView:
    given = {name: getattr(proposal, name) for name in ProposalView.model_fields if name != "allowed_actions"}
    return ProposalView(**given, allowed_actions=proposals.allowed(who, proposal))


def _view(who: Caller, entry: Entry) -> OrganisationView:
    record = entry.record.model_dump()
    return OrganisationView(**record, changed_at=entry.changed_at, allowed_actions=organisations.allowed(who, entry))


def _shown(response: Response, who: Caller, entry: Entry, contacts: bool = True) -> OrganisationDetails:
    etag(response, entry.version)
    shown = entry.contacts if contacts else None
    return OrganisationDetails(**_view(who, entry).model_dump(), contacts=shown)
