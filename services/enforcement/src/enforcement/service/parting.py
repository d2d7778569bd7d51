"""A merger fell: what was decided meanwhile about something that goes back is whose that is again (docs/adr/0015).

It was told to the one that had taken it over, under that one's name; whom it burdens from now on is told of it, and has
its own time to challenge it, from when it is.
"""

from typing import Final

from enforcement.lifecycle import AppealStatus, Status
from enforcement.service import decisions as deciding
from enforcement.service.decisions import SYSTEM
from enforcement.service.safeguards import RELEASED
from enforcement.store import appeals, cases, decisions
from enforcement.store.cases import Case
from shared.contracts.grounds import Names
from shared.contracts.registry import MergerRecordedV1
from shared.rules import Effect
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
    for each in found:
        if each.status is not Status.OVERTURNED and each.effect is not Effect.NO_BREACH:
            await deciding.tell(tx, rt, case, each, RELEASED, _TITLE, each.grounds, answer_by=each.correct_by)
