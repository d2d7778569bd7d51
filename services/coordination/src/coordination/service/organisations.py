"""The verbs of the directory: read, enter, change, close and reopen an organisation."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from coordination.errors import OrganisationExists, OwnOrganisation, UnknownOrganisation
from coordination.lifecycle import Action, Status
from coordination.policy import POLICY, Act
from coordination.service import admission
from coordination.service.keeping import keep
from coordination.store import entries
from coordination.store.entries import ENTRIES, Entry
from shared.contracts.http.coordination import (
    Explanation,
    NewOrganisation,
    OrganisationChange,
    OrganisationVersion,
    Particulars,
)
from shared.rules import Role
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx

ACTS = {
    Action.CHANGE: Act.CHANGE_ORGANISATION,
    Action.CLOSE: Act.CLOSE_ORGANISATION,
    Action.REOPEN: Act.REOPEN_ORGANISATION,
}
OWN_BUSINESS = frozenset({"names", "short_name", "contacts", "why"})
"""What an office may change about itself."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Where an organisation that is not there yet is to stand; the policy's words for it."""

    region: str | None


def allowed(who: Caller, entry: Entry) -> list[Action]:
    """What the caller may do with an organisation now."""
    return POLICY.allowed(who, entry, ENTRIES.lifecycle.allowed(entry.status), ACTS)


async def page(
    tx: Tx, who: Caller, after: UUID | None, limit: int, *, kind: Role | None, region: str | None, status: Status | None
) -> list[Entry]:
    """Organisations, newest first. Raises RoleMissing (403)."""
    POLICY.require(who, Act.READ_ORGANISATION)
    return await entries.page(tx, after, limit, kind=kind, region=region, status=status)


async def get(tx: Tx, rt: Runtime, who: Caller, organisation: str) -> tuple[Entry, bool]:
    """An organisation, and whether the caller sees whom to ask there: that look leaves a trace.

    Raises RoleMissing (403), UnknownOrganisation (404).
    """
    POLICY.require(who, Act.READ_ORGANISATION)
    entry = await _known(tx, organisation)
    shown = POLICY.allows(who, Act.READ_CONTACTS)
    if shown and entry.contacts.model_dump(exclude_none=True):
        await audit.record(
            tx,
            who=who,
            act=Act.READ_CONTACTS,
            resource=f"/organisations/{organisation}",
            outcome="granted",
            at=rt.clock.now(),
        )
    return entry, shown


async def versions(tx: Tx, who: Caller, organisation: str) -> list[OrganisationVersion]:
    """Every version of an organisation, newest first. Raises RoleMissing (403), UnknownOrganisation (404)."""
    POLICY.require(who, Act.READ_ORGANISATION)
    return await entries.versions(tx, await _known(tx, organisation))


async def enter(tx: Tx, rt: Runtime, who: Caller, body: NewOrganisation) -> Entry:
    """Enter an organisation.

    Raises RoleMissing, OutOfScope, PersonRequired (403), OrganisationExists, PlaceTaken (409),
    OrganisationInvalid (422).
    """
    POLICY.require(who, Act.ENTER_ORGANISATION, Draft(body.region))
    await entries.one_at_a_time(tx)
    admission.place_is_there(rt.rules, body)
    particulars = await _admitted(tx, rt, body.id, body, body.level, body.region)
    entry = await entries.add(
        tx, uuid7(), body.id, rt.clock.now(), level=body.level, region=body.region, kinds=body.kinds,
        particulars=particulars, contacts=body.contacts,
    )  # fmt: skip
    if entry is None:
        raise OrganisationExists(organisation=body.id)
    ENTRIES.began(tx, entry, "enter", who=who, why=body.why, at=entry.changed_at)
    await keep(tx, entry, action="enter", who=who, why=body.why)
    return entry


async def change(tx: Tx, rt: Runtime, who: Caller, organisation: str, version: int, body: OrganisationChange) -> Entry:
    """Say what an organisation is from now on.

    Raises RoleMissing, OutOfScope, PersonRequired (403), UnknownOrganisation (404), ActionRefused, PlaceTaken,
    OwnOrganisation (409), PreconditionFailed (412), OrganisationInvalid (422).
    """
    entry = await _held(tx, who, organisation, Action.CHANGE)
    if entry.version != version:
        raise PreconditionFailed(version=entry.version)
    particulars = await _admitted(tx, rt, organisation, body, entry.level, entry.region)
    changed = {name for name, value in particulars.items() if value != entry.particulars[name]}
    changed |= {"kinds"} if set(body.kinds) != set(entry.kinds) else set()
    if organisation == who.organisation and (own := changed - OWN_BUSINESS):
        raise OwnOrganisation(what=" and ".join(sorted(own)))
    return await _moved(
        tx, rt, who, entry, Action.CHANGE, body.why, kinds=list(body.kinds), particulars=particulars,
        contacts=body.contacts.model_dump(mode="json"),
    )  # fmt: skip


async def close(tx: Tx, rt: Runtime, who: Caller, organisation: str, body: Explanation) -> Entry:
    """End an organisation: nobody acts for it any more, from this moment.

    Raises RoleMissing, OutOfScope, PersonRequired (403), UnknownOrganisation (404), ActionRefused,
    OwnOrganisation (409).
    """
    entry = await _held(tx, who, organisation, Action.CLOSE)
    if organisation == who.organisation:  # so that one national office is always left
        raise OwnOrganisation(what="kinds")
    return await _moved(tx, rt, who, entry, Action.CLOSE, body.why)


async def reopen(tx: Tx, rt: Runtime, who: Caller, organisation: str, body: Explanation) -> Entry:
    """Undo a closure.

    Raises RoleMissing, OutOfScope, PersonRequired (403), UnknownOrganisation (404), ActionRefused, PlaceTaken (409).
    """
    entry = await _held(tx, who, organisation, Action.REOPEN)
    admission.place_is_free(entry.record, [known.record for known in await entries.everything(tx)])
    return await _moved(tx, rt, who, entry, Action.REOPEN, body.why)


async def _known(tx: Tx, organisation: str) -> Entry:
    entry = await entries.get(tx, organisation)
    if entry is None:
        raise UnknownOrganisation(organisation=organisation)
    return entry


async def _held(tx: Tx, who: Caller, organisation: str, action: Action) -> Entry:
    """The entry, if ``who`` may do ``action`` to it; nobody else changes the directory until the transaction ends."""
    await entries.one_at_a_time(tx)
    entry = await _known(tx, organisation)
    POLICY.require(who, ACTS[action], entry)
    ENTRIES.lifecycle.after(entry.status, action)
    return entry


async def _admitted(
    tx: Tx, rt: Runtime, organisation: str, body: Particulars, level: str, region: str | None
) -> dict[str, Any]:
    """The particulars as they are stored, if the rules and the other entries allow them."""
    known = [entry.record for entry in await entries.everything(tx) if entry.organisation != organisation]
    return admission.admitted(rt.rules, organisation, body, level, region, known)


async def _moved(tx: Tx, rt: Runtime, who: Caller, entry: Entry, action: Action, why: str, **changes: Any) -> Entry:
    moved = await ENTRIES.move(tx, entry, action, who=who, why=why, at=rt.clock.now(), **changes)
    await keep(tx, moved, action=action, who=who, why=why)
    return moved
