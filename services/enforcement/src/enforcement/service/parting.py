"""A merger fell: what was decided meanwhile about something that goes back is whose that is again (docs/adr/0015).

It was told to the one that had taken it over, under that one's name; whom it burdens from now on is told of it, and has
its own time to challenge it, from when it is. What only the other was told of is no more worth for that: an urgent
measure has a day to reach them, an order its time from then, and one that the other ignored is not ignored.
"""

from typing import Final

from enforcement.lifecycle import DECISION, Action, AppealStatus, Status
from enforcement.service import decisions as deciding
from enforcement.service.decisions import SYSTEM
from enforcement.service.safeguards import URGENT_NOTICE, watch_delivery
from enforcement.store import appeals, cases, decisions
from enforcement.store.cases import Case
from shared.contracts.grounds import Names, Statement
from shared.contracts.registry import MergerRecordedV1
from shared.rules import Effect
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

_TITLE: Final = Names(zh="处理决定书（合并撤销后另行送达）", en="Decision, told to you since a merger fell")


async def give_back(tx: Tx, rt: Runtime, fact: MergerRecordedV1) -> None:
    """The cases about its sites that are about the survivor, with what was decided in them and is challenged."""
    for case_id in await cases.about_sites(tx, fact.survivor.identity, fact.sites):
        case = await cases.hold(tx, case_id)
        why = f"The merger fell by which {fact.survivor.name} had its site."
        case = await cases.MOVES.change(
            tx, case, "give_back", who=SYSTEM, why=why, at=rt.clock.now(), identity=fact.operator.identity,
            operator=fact.operator.model_dump(),
        )  # fmt: skip
        await _decided(tx, rt, case, fact, why)


async def _decided(tx: Tx, rt: Runtime, case: Case, fact: MergerRecordedV1, why: str) -> None:
    found = [each for each in await decisions.of_cases(tx, [case.id]) if each.released_at is not None]
    for appeal in await appeals.of_acts(tx, [each.id for each in found]):
        if appeal.status is AppealStatus.OPEN and appeal.identity == fact.survivor.identity:
            held = await appeals.hold(tx, appeal.id)
            await appeals.MOVES.change(
                tx, held, "give_back", who=SYSTEM, why=why, at=rt.clock.now(), identity=case.identity,
                appellant=case.operator.model_dump(),
            )  # fmt: skip
    standing = [each for each in found if each.status is not Status.OVERTURNED and each.effect is not Effect.NO_BREACH]
    for each in standing:
        await deciding.tell_released(tx, rt, case, each, _TITLE)
        if each.urgent_ground is not None and DECISION.can(each.status, Action.SUSPEND):
            await deadlines.met(tx, URGENT_NOTICE, each.id, rt.clock.now())
            await watch_delivery(tx, rt, each, rt.clock.now())
    for each in standing:
        if each.status is Status.IGNORED:  # by somebody else
            said = f"{why} Whoever has to correct it now was not told of the order before."
            says = Statement(legal_basis=each.grounds.legal_basis, reasons=said, public_reasons=said)
            await deciding.suspend(tx, rt, case, each, deciding.BASIS_FELL, case.authority, says)
