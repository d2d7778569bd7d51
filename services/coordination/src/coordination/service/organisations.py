"""The verbs of the directory: read and enter an organisation, and give it another name; power takes a proposal."""

from dataclasses import dataclass
from uuid import UUID

from coordination.errors import OrganisationExists, OrganisationInvalid
from coordination.lifecycle import Action, Status
from coordination.policy import ENTRY_ACTS, POLICY, Act
from coordination.service import admission
from coordination.service import proposals as proposing
from coordination.service.keeping import keep
from coordination.store import entries
from coordination.store.entries import ENTRIES, Entry
from coordination.store.proposals import Proposal
from shared.contracts.directory import SANDBOX
from shared.contracts.http.coordination import NewOrganisation, OrganisationChange, OrganisationVersion, Powers
from shared.rules import Role
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Draft:
    """Where an organisation that is not there yet is to stand; the policy's words for it."""

    region: str | None


def allowed(who: Caller, entry: Entry) -> list[Action]:
    """What the caller may do with an organisation now; of its own powers and its own end another office decides."""
    possible = ENTRIES.lifecycle.allowed(entry.status)
    if entry.organisation == who.organisation:
        possible = [action for action in possible if action is Action.RENAME]
    return POLICY.allowed(who, entry, possible, ENTRY_ACTS)


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
    entry = await proposing.known(tx, organisation)
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
    return await entries.versions(tx, await proposing.known(tx, organisation))


async def enter(tx: Tx, rt: Runtime, who: Caller, body: NewOrganisation) -> tuple[Entry, Proposal]:
    """Enter an organisation, closed, and propose to open it: until a second person confirms, nobody acts for it.

    Raises RoleMissing, OutOfScope, PersonRequired (403), OrganisationExists, PlaceTaken (409),
    OrganisationInvalid (422).
    """
    POLICY.require(who, Act.ENTER_ORGANISATION, Draft(body.region))
    if body.id == SANDBOX:
        raise OrganisationInvalid.field("id", "is whose key signs trial orders, and no authority's")
    await entries.one_at_a_time(tx)
    admission.place_is_there(rt.rules, body)
    beside = {"names", "short_name", "office", *Powers.model_fields} - {"kinds"}
    entry = await entries.add(
        tx, uuid7(), body.id, rt.clock.now(), status=Status.CLOSED, level=body.level, region=body.region,
        kinds=body.kinds, particulars=body.model_dump(mode="json", include=beside), contacts=body.contacts,
    )  # fmt: skip
    if entry is None:
        raise OrganisationExists(organisation=body.id)
    await proposing.admit(tx, rt, entry, body)
    ENTRIES.began(tx, entry, "enter", who=who, why=body.why, at=entry.changed_at)
    await keep(tx, entry, action="enter", who=who, why=body.why)
    return entry, await proposing.begin(tx, rt, who, entry, Action.REOPEN, None, body.why)


async def rename(tx: Tx, rt: Runtime, who: Caller, organisation: str, version: int, body: OrganisationChange) -> Entry:
    """Say how an organisation is called from now on, and whom to ask there: the one change that one person makes.

    Raises RoleMissing, OutOfScope, PersonRequired (403), UnknownOrganisation (404), ActionRefused (409),
    PreconditionFailed (412).
    """
    entry = await proposing.held(tx, who, Act.RENAME_ORGANISATION, organisation, Action.RENAME)
    if entry.version != version:
        raise PreconditionFailed(version=entry.version)
    names = body.model_dump(mode="json", include={"names", "short_name", "office"})
    moved = await ENTRIES.move(
        tx, entry, Action.RENAME, who=who, why=body.why, at=rt.clock.now(),
        particulars=entry.particulars | names, contacts=body.contacts.model_dump(mode="json"),
    )  # fmt: skip
    await keep(tx, moved, action=Action.RENAME, who=who, why=body.why)
    return moved
