"""Who of the review body decides an appeal: one person, who took no part in what it is about, and nobody else."""

from datetime import datetime
from typing import Final
from uuid import UUID

from enforcement import told
from enforcement.errors import AppealPending, AssignedToAnother, TookPart
from enforcement.lifecycle import APPEAL, AppealAction, AppealStatus
from enforcement.policy import POLICY, Act
from enforcement.service import decisions as deciding
from enforcement.service import independence, subscriptions
from enforcement.store import appeals, decisions
from enforcement.store.appeals import Appeal
from shared.contracts.grounds import (
    ActRef,
    AddressForService,
    Department,
    Names,
    Party,
    Service,
    Statement,
)
from shared.contracts.http.appeals import Assignment
from shared.contracts.http.enforcement import Stated
from shared.runtime.acts import deadlines, notices, outbox, terms
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller, person_key
from shared.runtime.db.postgres import Tx

CLOCK: Final = "appeal_decision"
"""Kind of the deadline and name of its clock in the rule profile."""
_TAKEN: Final = "Taken by whoever of the review body acted on it first."
_ADMITTED: Final = Names(zh="复议申请受理通知书", en="Your late appeal was admitted")


async def held(tx: Tx, appeal_id: UUID) -> tuple[Appeal, tuple[str, ...]]:
    """An appeal, held after the case of its decision, and who signed that, or entered the appeal for somebody else."""
    signed_by: tuple[str, ...] = ()
    known = await appeals.get(tx, appeal_id)
    if known.act.service is Service.ENFORCEMENT:
        _, decision = await decisions.hold(tx, known.act.id)
        signed_by = decision.signed_by
    appeal = await appeals.hold(tx, appeal_id)
    return appeal, signed_by if appeal.consent is None else (*signed_by, appeal.filed_by)


async def taken(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID) -> Appeal:
    """An appeal, held, as the one person acts on it whose it is; what nobody has yet is theirs who acts first.

    Raises UnknownAppeal (404); Forbidden (403); SecondPersonRequired, TookPart, AssignedToAnother, ActionRefused (409).
    """
    appeal, signed_by = await held(tx, appeal_id)
    POLICY.require(who, Act.DECIDE_APPEAL, appeal, drafted_by=signed_by)
    if appeal.assigned_to is None:
        return await _give(tx, rt, who, appeal, who.person, signed_by, _TAKEN)
    if appeal.assigned_to != who.person:
        raise AssignedToAnother(assigned_at=appeal.assigned_at and appeal.assigned_at.isoformat())
    await _require_apart(tx, rt, appeal, who.person, signed_by)
    return appeal


async def assign(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID, body: Assignment) -> Appeal:
    """Give an appeal to one person of the review body, or take it; again and again, each time with reasons.

    A name that is nobody's there decides nothing: who decides must hold the role as well. Raises UnknownAppeal (404);
    Forbidden (403); TookPart, ActionRefused (409).
    """
    appeal, signed_by = await held(tx, appeal_id)
    POLICY.require(who, Act.ASSIGN_APPEAL, appeal)
    await _require_apart(tx, rt, appeal, who.person, signed_by)  # nor do they choose who decides
    return await _give(tx, rt, who, appeal, person_key(body.person or who.person), signed_by, body.reasons)


async def _give(
    tx: Tx, rt: Runtime, who: Caller, appeal: Appeal, person: str, signed_by: tuple[str, ...], why: str
) -> Appeal:
    await _require_apart(tx, rt, appeal, person, signed_by)
    at = rt.clock.now()
    return await appeals.MOVES.move(
        tx, appeal, AppealAction.ASSIGN, who=who, why=why, at=at, assigned_to=person, assigned_at=at
    )


async def _require_apart(tx: Tx, rt: Runtime, appeal: Appeal, person: str, signed_by: tuple[str, ...]) -> None:
    """Nobody who had a hand in it, filed, or ever acted here for one of those who took part. Raises TookPart."""
    hands, persons = await independence.of_appeal(tx, rt, appeal)
    names = hands.names(rt)
    served = await appeals.acted_for(tx, person, names)
    if served is not None or person in persons.union(signed_by):
        raise TookPart(organisation=names.get(served or "", appeal.authority.names.en))


async def admit(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID, body: Stated) -> Appeal:
    """Take in an appeal that came too late, with reasons; the clock of the review body starts.

    Raises UnknownAppeal (404); Forbidden (403); SecondPersonRequired, ActionRefused, AppealPending (409).
    """
    at = rt.clock.now()
    appeal, signed_by = await held(tx, appeal_id)
    POLICY.require(who, Act.ADMIT_APPEAL, appeal, drafted_by=signed_by)
    APPEAL.after(appeal.status, AppealAction.ADMIT)
    for other in await appeals.of_acts(tx, [appeal.act.id]):
        if other.status is AppealStatus.OPEN:
            raise AppealPending(appeal_id=str(other.id))
    admitted = await appeals.MOVES.move(
        tx, appeal, AppealAction.ADMIT, who=who, why=body.statement.reasons, at=at, decided_at=None, statement=None
    )
    await began(tx, rt, admitted, at)
    await tell(tx, rt, admitted, "appeal_admitted", _ADMITTED, body.statement)
    return admitted


async def began(tx: Tx, rt: Runtime, appeal: Appeal, at: datetime) -> None:
    """The clock of the review body runs, and everybody hears of it."""
    await deadlines.start(tx, kind=CLOCK, aggregate_id=appeal.id, clock_name=CLOCK, rt=rt, at=at)
    await terms.challenged(tx, appeal.act.id, at)
    outbox.add(tx, told.appeal_filed(appeal), at=at)


async def tell(
    tx: Tx, rt: Runtime, appeal: Appeal, kind: str, title: Names, says: Statement, *, both: bool = False,
    answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """A notice to whoever appealed; ``both``: to the authority whose act it is, too."""
    act = ActRef(service=Service.ENFORCEMENT, kind="appeal", id=appeal.id)
    sides: list[tuple[Party | Department, AddressForService]] = [
        (appeal.appellant, await deciding.address_of(tx, appeal.identity, itself=not appeal.act.passed_on))
    ]
    if both:
        name = appeal.authority.names.zh
        sides.append((Department(identity=appeal.authority.id, name=name), AddressForService()))
    await notices.issue_all(tx, rt, [
        notices.New(
            act, kind, to, address, appeal.body, title, says, answer_by, passed_on=appeal.act.passed_on
        ) for to, address in sides
    ])  # fmt: skip
    if appeal.act.service is Service.ENFORCEMENT:
        names = await subscriptions.names_of(tx, *await decisions.get(tx, appeal.act.id))
        await subscriptions.copy(tx, rt, names, about=act, kind=kind, title=title, says=says, authority=appeal.body)
