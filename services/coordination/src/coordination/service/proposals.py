"""Proposals: who may do what, and who reviews whom, is changed by two people of a coordination office.

One proposes a change of an organisation's powers, its closing or its opening; another one confirms it, for the very
version that the first one read. Neither of them belongs to the organisation it is about.
"""

from typing import Any
from uuid import UUID

from coordination.errors import OwnOrganisation, UnknownOrganisation
from coordination.lifecycle import Action, ProposalAction, ProposalStatus
from coordination.policy import POLICY, PROPOSAL_ACTS, Act
from coordination.service import admission
from coordination.service.keeping import keep
from coordination.store import entries, proposals
from coordination.store.entries import ENTRIES, Entry
from coordination.store.proposals import PROPOSALS, Proposal
from shared.contracts.http.coordination import Explanation, NewProposal, Powers
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx


def allowed(who: Caller, proposal: Proposal) -> list[ProposalAction]:
    """What the caller may do with a proposal now."""
    possible = PROPOSALS.lifecycle.allowed(proposal.status)
    if proposal.organisation == who.organisation:
        possible = [action for action in possible if action is not ProposalAction.CONFIRM]
    return POLICY.allowed(who, proposal, possible, PROPOSAL_ACTS, drafted_by=proposal.proposed_by)


async def page(
    tx: Tx, who: Caller, after: UUID | None, limit: int, *, organisation: str | None, status: ProposalStatus | None
) -> list[Proposal]:
    """Proposals, newest first. Raises RoleMissing (403)."""
    POLICY.require(who, Act.READ_PROPOSAL)
    return await proposals.page(tx, after, limit, organisation=organisation, status=status)


async def get(tx: Tx, who: Caller, proposal_id: UUID) -> Proposal:
    """A proposal. Raises RoleMissing (403), UnknownProposal (404)."""
    POLICY.require(who, Act.READ_PROPOSAL)
    return await proposals.get(tx, proposal_id)


async def propose(tx: Tx, rt: Runtime, who: Caller, body: NewProposal) -> Proposal:
    """Propose other powers for an organisation, its end, or its opening.

    Raises RoleMissing, OutOfScope, PersonRequired (403), UnknownOrganisation (404), ActionRefused, PlaceTaken,
    OwnOrganisation (409), PreconditionFailed (412), OrganisationInvalid (422).
    """
    action = Action(body.action)
    entry = await held(tx, who, Act.PROPOSE, body.organisation, action)
    _another(who, entry.organisation)
    if entry.version != body.organisation_version:
        raise PreconditionFailed(version=entry.version)
    if action is not Action.CLOSE:
        await admit(tx, rt, entry, body.powers)
    return await begin(tx, rt, who, entry, action, body.powers, body.why)


async def begin(
    tx: Tx, rt: Runtime, who: Caller, entry: Entry, action: Action, powers: Powers | None, why: str
) -> Proposal:
    """Keep a proposal that was found in order."""
    proposal = await proposals.add(
        tx, uuid7(), entry, action, powers, why=why, by=who.organisation, proposed_by=who.person, at=rt.clock.now()
    )
    PROPOSALS.began(tx, proposal, "propose", who=who, why=why, at=proposal.changed_at)
    return proposal


async def confirm(tx: Tx, rt: Runtime, who: Caller, proposal_id: UUID) -> Proposal:
    """Do what another person proposed.

    Raises RoleMissing, OutOfScope, PersonRequired (403), UnknownProposal (404), SecondPersonRequired, ActionRefused,
    PlaceTaken, OwnOrganisation (409), PreconditionFailed (412), OrganisationInvalid (422).
    """
    await entries.one_at_a_time(tx)
    proposal, at = await proposals.get(tx, proposal_id), rt.clock.now()
    POLICY.require(who, Act.CONFIRM_PROPOSAL, proposal, drafted_by=proposal.proposed_by)
    _another(who, proposal.organisation)
    confirmed = await PROPOSALS.move(
        tx, proposal, ProposalAction.CONFIRM, who=who, why=proposal.why, at=at, confirmed_by=who.person
    )
    entry = await known(tx, proposal.organisation)
    if entry.version != proposal.organisation_version:
        raise PreconditionFailed(version=entry.version)
    if proposal.action is not Action.CLOSE:
        await admit(tx, rt, entry, proposal.powers)
    changes: dict[str, Any] = {}
    if proposal.powers is not None:
        powers = proposal.powers.model_dump(mode="json")
        changes = {"kinds": powers.pop("kinds"), "particulars": entry.particulars | powers}
    moved = await ENTRIES.move(tx, entry, proposal.action, who=who, why=proposal.why, at=at, **changes)
    await keep(tx, moved, action=proposal.action, who=who, why=proposal.why)
    return confirmed


async def withdraw(tx: Tx, rt: Runtime, who: Caller, proposal_id: UUID, body: Explanation) -> Proposal:
    """Take a proposal back; a colleague who does not confirm does the same.

    Raises RoleMissing, OutOfScope, PersonRequired (403), UnknownProposal (404), ActionRefused (409).
    """
    proposal = await proposals.get(tx, proposal_id)
    POLICY.require(who, Act.WITHDRAW_PROPOSAL, proposal)
    return await PROPOSALS.move(tx, proposal, ProposalAction.WITHDRAW, who=who, why=body.why, at=rt.clock.now())


async def known(tx: Tx, organisation: str) -> Entry:
    """An entry. Raises UnknownOrganisation (404)."""
    entry = await entries.get(tx, organisation)
    if entry is None:
        raise UnknownOrganisation(organisation=organisation)
    return entry


async def held(tx: Tx, who: Caller, act: Act, organisation: str, action: Action) -> Entry:
    """The entry, if ``who`` may do this to it; nobody else changes the directory until the transaction ends."""
    await entries.one_at_a_time(tx)
    entry = await known(tx, organisation)
    POLICY.require(who, act, entry)
    ENTRIES.lifecycle.after(entry.status, action)
    return entry


async def admit(tx: Tx, rt: Runtime, entry: Entry, powers: Powers | None) -> None:
    """Let an entry have these powers, or those it has. Raises PlaceTaken (409), OrganisationInvalid (422)."""
    others = [other.record for other in await entries.everything(tx) if other.organisation != entry.organisation]
    if powers is None:
        admission.place_is_free(entry.record, others)
    else:
        admission.admit(rt.rules, entry.record, powers, others)


def _another(who: Caller, organisation: str) -> None:
    """So nobody makes themselves a review body, and one national office is always left."""
    if organisation == who.organisation:
        raise OwnOrganisation
