"""The accepted records of a batch go in as sets: what ``registrations.submit`` and ``amendments.add_site`` write."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from registry.lifecycle import SiteStatus
from registry.service import checks, proposing, registrations
from registry.service.admission import Candidate
from registry.service.desk import SYSTEM
from registry.service.registrations import CLAIMED_BEYOND, CLOCKS
from registry.store import accesses, amendments, batches, imports, sites
from registry.store import checks as check_store
from registry.store import registrations as register
from registry.store.batches import NewCheck
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite, Site
from shared.contracts.http.batches import AnotherSite, Submission, SubmissionResult
from shared.contracts.http.checks import Submitted, SubmittedAccess
from shared.contracts.http.registry import RegistrationKind
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import TryAgain
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record that nothing stands against; ``ordinal``: the place of its site under its number."""

    index: int
    submission: Submission
    owned: Owned
    candidate: Candidate
    ordinal: int

    @property
    def further(self) -> bool:
        """Whether it is a further site under a number."""
        return isinstance(self.submission, AnotherSite)


@dataclass(frozen=True, slots=True)
class _Entered:
    accepted: Accepted
    site: OwnedSite
    amendment_id: UUID | None


async def enter(
    tx: Tx, rt: Runtime, who: Caller, accepted: Sequence[Accepted], last: dict[UUID, int]
) -> dict[int, SubmissionResult]:
    """Put all of them on their desks; the result of each. Raises TryAgain, and then all must be undone."""
    at = rt.clock.now()
    entered = [_entered(each, at) for each in accepted]
    new = [each.owned.registration for each in accepted if not each.further]
    await batches.enter_registrations(tx, new)
    known = {each.owned.registration.id for each in accepted if each.further}
    await imports.raise_ordinals(tx, {each: last[each] for each in known})
    await batches.enter_sites(tx, [each.site for each in entered])
    due = await _start_clocks(tx, rt, who, entered, at)
    await _take(tx, entered, {each.accepted.index: _until(each, due, at) for each in entered}, at)
    for registration in new:
        register.MOVES.began(tx, registration, "submit", who=who, why="Submitted by or for the operator.", at=at)
    for each in entered:
        sites.MOVES.began(tx, each.site.site, "propose", who=who, why="Asked for by or for the operator.", at=at)
    await _ask_providers(tx, rt, entered, at)
    return {
        each.accepted.index: SubmissionResult(
            index=each.accepted.index, status="submitted", registration_id=each.site.registration.id,
            site_id=each.site.site.id, amendment_id=each.amendment_id, due_at=due[each.accepted.index],
        )
        for each in entered
    }  # fmt: skip


def _entered(accepted: Accepted, at: datetime) -> _Entered:
    candidate, owned = accepted.candidate, accepted.owned
    site = Site(
        uuid7(), 1, owned.registration.id, accepted.ordinal, accepted.submission.site.name, candidate.items,
        SiteStatus.PROPOSED, at, tuple(name.ascii for name in candidate.names), candidate.accesses, (),
    )  # fmt: skip
    return _Entered(
        accepted, OwnedSite(site, owned.registration, owned.operator), uuid7() if accepted.further else None
    )


async def _start_clocks(
    tx: Tx, rt: Runtime, who: Caller, entered: Sequence[_Entered], at: datetime
) -> dict[int, datetime]:
    """The regulator's clock of each: an application's, or for a further site its proposal's."""
    proposals = [
        (each.amendment_id, each.site, each.accepted.submission.site.model_dump(mode="json"))
        for each in entered if each.amendment_id is not None
    ]  # fmt: skip
    for amendment in await batches.enter_amendments(tx, proposals, who, at):
        amendments.MOVES.began(tx, amendment, "propose", who=who, why="A further site.", at=at)
    due: dict[int, datetime] = {}
    for kind in RegistrationKind:
        of_kind = [each for each in entered if each.site.registration.kind == kind]
        for further, clock_kind in ((False, registrations.DECISION), (True, proposing.DECISION)):
            these = [each for each in of_kind if each.accepted.further is further]
            ids = [each.amendment_id or each.site.registration.id for each in these]
            found = await deadlines.start_many(
                tx, kind=clock_kind, aggregate_ids=ids, clock_name=CLOCKS[kind], rt=rt, at=at
            )
            due |= {each.accepted.index: found.due_at for each in these}
    return due


def _until(entered: _Entered, due: dict[int, datetime], at: datetime) -> datetime:
    """How long its names are kept from others, as where it is sent alone."""
    return at + CLAIMED_BEYOND * 2 if entered.accepted.further else due[entered.accepted.index] + CLAIMED_BEYOND


async def _take(tx: Tx, entered: Sequence[_Entered], until: dict[int, datetime], at: datetime) -> None:
    """Names first, then addresses, as everybody does. Raises TryAgain if somebody got one at this very moment."""
    if await batches.claim(
        tx, [(each.site, each.accepted.candidate.names, until[each.accepted.index]) for each in entered], at
    ):
        raise TryAgain(retry_after=1)
    await accesses.lock(tx, {ip for each in entered for access in each.site.site.accesses for ip in access.ips})
    if await accesses.taken(tx, {use for each in entered for use in each.accepted.candidate.uses}, at):
        raise TryAgain(retry_after=1)
    await batches.enter_accesses(tx, [(each.site, until[each.accepted.index]) for each in entered])


async def _ask_providers(tx: Tx, rt: Runtime, entered: Sequence[_Entered], at: datetime) -> None:
    """Each provider that a site names is asked about its own accesses (P3.1.4)."""
    new = [
        NewCheck(uuid7(), each.site.site.id, each.site.registration.id, provider_id, _about(each.site, provider_id))
        for each in entered
        for provider_id in dict.fromkeys(access.provider_id for access in each.site.site.accesses)
    ]
    for check in await batches.enter_checks(tx, new, at):
        check_store.MOVES.began(tx, check, "ask", who=SYSTEM, why=checks.SUBMITTED, at=at)
    clock = rt.rules.registrations.check
    await deadlines.start_many(
        tx, kind=checks.ANSWER, aggregate_ids=[each.id for each in new], clock_name=clock, rt=rt, at=at
    )


def _about(owned: OwnedSite, provider_id: UUID) -> Submitted:
    here = [
        SubmittedAccess(ips=list(access.ips), hosting_mode=access.hosting_mode)
        for access in owned.site.accesses if access.provider_id == provider_id
    ]  # fmt: skip
    return Submitted(
        operator_name=owned.operator.particulars.name, site_name=owned.site.name, domains=list(owned.site.domains),
        accesses=here,
    )  # fmt: skip
