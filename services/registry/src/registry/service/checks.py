"""A provider checks what is submitted with its name before the regulator decides (P3.1.4).

It answers that the facts are as it knows them, or what is not; silence stops no applicant: when the clock is over the
regulator decides without it. Whether a grant waits so long, the profile says. An answer decides nothing by itself.
"""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from registry.errors import ChecksPending
from registry.lifecycle import CheckAction
from registry.policy import POLICY, Act
from registry.service import looks
from registry.service.admission import Candidate
from registry.service.desk import SYSTEM, regulator_for
from registry.store import checks, operators
from registry.store.accesses import Access
from registry.store.checks import Check
from registry.store.operators import Operator
from registry.store.sites import OwnedSite
from shared.contracts.grounds import ActRef, Names, Service, Statement
from shared.contracts.http.checks import CheckStatus, Mismatch, Submitted, SubmittedAccess
from shared.contracts.http.registry import ClockView
from shared.contracts.quoting import quoting
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

ANSWER: Final = "provider_check"
"""Kind of the deadline by which a provider answers."""
SUBMITTED: Final = "A site was submitted with its name."
_CHANGED: Final = "A registered site shall be hosted there."
_MISMATCH: Final = Names(zh="接入服务提供者核验不一致告知书", en="A provider says that something is not as submitted")


async def ask(
    tx: Tx, rt: Runtime, operator: Operator, *, registration_id: UUID, site_id: UUID, site_name: str,
    domains: Sequence[str], accesses: Sequence[Access], amendment_id: UUID | None = None,
) -> None:  # fmt: skip
    """Ask each provider that a submitted site names, unless it answered about it before; their clocks start.

    ``amendment_id``: the change of a registered site by which it shall come to these providers.
    """
    at = rt.clock.now()
    for provider_id in dict.fromkeys(access.provider_id for access in accesses):
        here = [
            SubmittedAccess(ips=list(access.ips), hosting_mode=access.hosting_mode)
            for access in accesses if access.provider_id == provider_id
        ]  # fmt: skip
        asked = Submitted(
            operator_name=operator.particulars.name, site_name=site_name, domains=list(domains), accesses=here
        )
        added = await checks.add(
            tx, uuid7(), site_id=site_id, registration_id=registration_id, provider_id=provider_id, asked=asked,
            amendment_id=amendment_id, at=at,
        )  # fmt: skip
        if added is None:
            continue
        checks.MOVES.began(tx, added, "ask", who=SYSTEM, why=_CHANGED if amendment_id else SUBMITTED, at=at)
        clock = rt.rules.registrations.check
        await deadlines.start(tx, kind=ANSWER, aggregate_id=added.id, clock_name=clock, rt=rt, at=at)


async def ask_newcomers(
    tx: Tx, rt: Runtime, site: OwnedSite, name: str, proposed: Candidate, amendment_id: UUID
) -> None:
    """Ask each provider that a registered site shall come to, or get other addresses at, and nobody else."""
    known = {access.where for access in site.site.accesses}
    new = {access.provider_id for access in proposed.accesses if access.where not in known}
    await ask(
        tx, rt, site.operator, registration_id=site.registration.id, site_id=site.site.id, site_name=name,
        domains=[each.ascii for each in proposed.names],
        accesses=[access for access in proposed.accesses if access.provider_id in new], amendment_id=amendment_id,
    )  # fmt: skip


async def require_answered(tx: Tx, rt: Runtime, site_ids: Collection[UUID]) -> None:
    """Where the profile asks for it, nothing is granted while a provider may still answer. Raises ChecksPending."""
    if not rt.rules.registrations.check_required:
        return
    waited_for = await checks.waited_for(tx, site_ids)
    if waited_for:
        raise ChecksPending(providers=[str(provider_id) for provider_id in waited_for])


async def close(tx: Tx, rt: Runtime, who: Caller, site_id: UUID, why: str = "The regulator decided.") -> None:
    """It was decided about a site, or a change taken back: what nobody answered needs no answer any more."""
    at = rt.clock.now()
    for check in await checks.open_of(tx, site_id):
        await checks.MOVES.move(tx, check, CheckAction.CLOSE, who=who, why=why, at=at)
        await deadlines.met(tx, ANSWER, check.id, at)


async def get(tx: Tx, rt: Runtime, who: Caller, check_id: UUID) -> Check:
    """One check. An official's look leaves an audit row. Raises UnknownCheck (404), Forbidden (403)."""
    check = await checks.get(tx, check_id)
    POLICY.require(who, Act.READ_CHECK, check)
    if who.organisation != check.provider:
        await looks.at_one(tx, rt, who, Act.READ_CHECK, f"/checks/{check_id}", check.organisation)
    return check


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: str | None, registration_id: UUID | None, after: UUID | None,
    limit: int,
) -> list[Check]:  # fmt: skip
    """Checks the caller reaches, newest first: a provider those that are put to it. A look leaves an audit row."""
    reach = POLICY.reach(who, Act.READ_CHECK)
    found = await checks.page(tx, reach, status=status, registration_id=registration_id, after=after, limit=limit)
    of_others = {each.id: each.organisation for each in found if each.provider != who.organisation}
    await looks.at_list(tx, rt, who, Act.READ_CHECK, "/checks", of_others)
    return found


async def clocks(tx: Tx, found: Sequence[Check]) -> dict[UUID, ClockView]:
    """Until when the regulator waits for the answer."""
    return await deadlines.clocks_of(
        tx, ANSWER, {each.id: each.changed_at if each.status is CheckStatus.SILENT else None for each in found}
    )


async def verify(tx: Tx, rt: Runtime, who: Caller, check_id: UUID) -> Check:
    """The provider says that the facts are as it knows them.

    Raises UnknownCheck (404), Forbidden (403), ActionRefused (409).
    """
    check, at = await checks.hold(tx, check_id), rt.clock.now()
    POLICY.require(who, Act.ANSWER_CHECK, check)
    answered = await checks.MOVES.move(
        tx, check, CheckAction.VERIFY, who=who, why="The facts are as the provider knows them.", at=at,
        answered_by=who.person, answered_at=at,
    )  # fmt: skip
    await deadlines.met(tx, ANSWER, check_id, at)
    return answered


async def report(tx: Tx, rt: Runtime, who: Caller, check_id: UUID, body: Mismatch) -> Check:
    """The provider says what is not as it knows it; the operator is told, and the regulator decides all the same.

    Raises UnknownCheck (404), Forbidden (403), ActionRefused (409).
    """
    check, at = await checks.hold(tx, check_id), rt.clock.now()
    POLICY.require(who, Act.ANSWER_CHECK, check)
    answered = await checks.MOVES.move(
        tx, check, CheckAction.REPORT, who=who, why=body.reasons, at=at, differs=list(dict.fromkeys(body.differs)),
        reasons=body.reasons, answered_by=who.person, answered_at=at,
    )  # fmt: skip
    await deadlines.met(tx, ANSWER, check_id, at)
    operator = await operators.get(tx, check.operator_id)
    says = f"{check.provider_name or 'The provider'} says ({', '.join(answered.differs)}): "
    said, source = quoting(says, body.reasons), rt.rules.clocks[rt.rules.registrations.check].source
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="check", id=check_id), kind="check_mismatch",
        to=operator.ref, address=operator.address, title=_MISMATCH,
        says=Statement(legal_basis=(source,), reasons=said, public_reasons=said),
        authority=regulator_for(rt, check.level, check.region),
    )  # fmt: skip
    return answered


async def expire(rt: Runtime, tx: Tx, check_id: UUID) -> None:
    """The provider's clock is over: the regulator decides without its answer, which may still come."""
    check = await checks.hold(tx, check_id)
    if check.status is CheckStatus.ASKED:
        why = "It did not answer in time."
        await checks.MOVES.move(tx, check, CheckAction.EXPIRE, who=SYSTEM, why=why, at=rt.clock.now())
