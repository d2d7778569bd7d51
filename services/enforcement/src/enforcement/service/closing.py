"""What ends with a case: whatever was still to be done in it, drafted, or asked of others."""

from typing import Final

from enforcement.lifecycle import OpinionAction, ReferralAction, RequestAction
from enforcement.service import tasks
from enforcement.store import opinions, referrals, requests
from enforcement.store.cases import Case
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

ANSWER_BY: Final = "case_opinion"
"""Kind of deadline: the date by which another authority is to answer."""
REQUEST: Final = "regulator_request"
"""Kind of deadline: the date by which the regulator is to answer."""


async def close(tx: Tx, rt: Runtime, who: Caller, case: Case, *, why: str) -> None:
    """A held case ends: its open tasks are cancelled, and nothing in it is signed or answered any more.

    What asks whether an order was obeyed stays: the order does.
    """
    await tasks.cancel_all(tx, rt, who, case, why=why)
    await withdraw(tx, rt, who, case, why=why)


async def withdraw(tx: Tx, rt: Runtime, who: Caller, case: Case, *, why: str) -> None:
    """Of a held case: what others were asked and have not answered, and a referral that nobody signed."""
    at = rt.clock.now()
    for referral in await referrals.drafts(tx, case.id):
        await referrals.MOVES.move(tx, referral, ReferralAction.WITHDRAW, who=who, why=why, at=at)
    request = await requests.open_in(tx, case.id)
    if request is not None:
        await requests.MOVES.move(tx, request, RequestAction.WITHDRAW, who=who, why=why, at=at)
        await deadlines.met(tx, REQUEST, request.id, at)
    for each in await opinions.of_case(tx, case.id):
        if opinions.MOVES.lifecycle.can(each.status, OpinionAction.WITHDRAW):
            await opinions.MOVES.move(tx, each, OpinionAction.WITHDRAW, who=who, why=why, at=at)
            await deadlines.met(tx, ANSWER_BY, each.id, at)
