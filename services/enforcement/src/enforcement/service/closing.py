"""What ends with a case: whatever was still to be done in it, and whatever others were still asked about it."""

from enforcement.lifecycle import OpinionAction
from enforcement.service import tasks
from enforcement.store import opinions
from enforcement.store.cases import Case
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

ANSWER_BY = "case_opinion"
"""Kind of deadline: the date by which another authority is to answer."""


async def close(tx: Tx, rt: Runtime, who: Caller, case: Case, *, why: str) -> None:
    """A held case ends: its open tasks are cancelled, and nobody has to answer any more.

    What asks whether an order was obeyed stays: the order does.
    """
    await tasks.cancel_all(tx, rt, who, case, why=why)
    await nobody_answers(tx, rt, who, case, why=why)


async def nobody_answers(tx: Tx, rt: Runtime, who: Caller, case: Case, *, why: str) -> None:
    """What others were asked about a held case and have not answered is withdrawn."""
    at = rt.clock.now()
    for each in await opinions.of_case(tx, case.id):
        if opinions.MOVES.lifecycle.can(each.status, OpinionAction.WITHDRAW):
            await opinions.MOVES.move(tx, each, OpinionAction.WITHDRAW, who=who, why=why, at=at)
            await deadlines.met(tx, ANSWER_BY, each.id, at)
