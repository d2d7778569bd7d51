"""How a matter ends or goes on, and how everybody who complained is told."""

import asyncio
from typing import Final
from uuid import UUID

import structlog

from enforcement.lifecycle import MatterAction
from enforcement.store import complaints, matters
from enforcement.store.complaints import ToAnswer, ToTell
from enforcement.store.matters import Matter
from shared.contracts.base import LONGEST_TEXT
from shared.contracts.grounds import (
    ActRef,
    AddressForService,
    AuthorityRef,
    Department,
    Names,
    Party,
    Service,
    Statement,
)
from shared.contracts.http.complaints import MatterTransfer
from shared.contracts.quoting import quoting
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import DATABASE_ERRORS, Tx

POLL_S: Final = 5.0
BATCH: Final = 100
ANSWER: Final = "complaint_answered"
_ANSWER: Final = Names(zh="举报处理结果告知书", en="What became of your complaint")
SYSTEM: Final = Caller.system("enforcement")
HANDED_ON: Final = "complaint_handed_on"
_RECEIVED: Final = Names(zh="举报移送函", en="Complaints were handed to you")
_log = structlog.get_logger(__name__)


async def end(
    tx: Tx, rt: Runtime, matter: Matter, action: MatterAction, *, who: Caller, outcome: str, says: Statement
) -> Matter:
    """End a held matter: its status says how, and who left an address is written to. Raises ActionRefused (409)."""
    at = rt.clock.now()
    ended = await matters.MOVES.move(
        tx, matter, action, who=who, why=says.reasons, at=at, outcome=outcome, ended_at=at,
        statement=says.public().model_dump(mode="json"),
    )  # fmt: skip
    await complaints.answers_due(tx, matter.id)
    return ended


async def of_case(tx: Tx, rt: Runtime, case_id: UUID, outcome: str, legal_basis: tuple[str, ...]) -> None:
    """A case came to its end, and what it came of with it. What was decided in it is for the register to say."""
    matter = await matters.hold_of_case(tx, case_id)
    if matter is None:
        return
    why = f"The authority looked into it in a case, which ended: {outcome.replace('_', ' ')}."
    says = Statement(legal_basis=legal_basis, reasons=why, public_reasons=why)
    await end(tx, rt, matter, MatterAction.END, who=SYSTEM, outcome=outcome, says=says)


async def handed_on(tx: Tx, rt: Runtime, matter: Matter, step: MatterTransfer) -> None:
    """A held matter went on to another desk: that one is told, and whoever left an address is written to."""
    await notices.issue(
        tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind="matter", id=matter.id), kind="matter_received",
        to=Department(identity=step.to.id, name=step.to.names.zh), address=AddressForService(), authority=step.by,
        title=_RECEIVED, says=step.statement,
    )  # fmt: skip
    await complaints.transfers_due(tx, matter.id)


async def answer(rt: Runtime) -> int:
    """Write to so many of those who are to be told how it ended or where it went; says to how many."""
    async with rt.db.transaction() as tx:
        moved = await complaints.to_tell(tx, BATCH)
        for one in moved:
            by, to, says = one.transfer.by, one.transfer.to.names, one.transfer.statement.public()
            title = Names(
                zh=quoting("举报已移送", to.zh, most=LONGEST_TEXT),
                en=quoting("Your complaint went on to: ", to.en, most=LONGEST_TEXT),
            )
            await _write(tx, rt, one, HANDED_ON, title, by, says)
        await complaints.told(tx, [one.id for one in moved])
        due = await complaints.to_answer(tx, BATCH)
        for each in due:
            await _write(tx, rt, each, ANSWER, _ANSWER, each.authority, each.statement)
        await complaints.answered(tx, [each.id for each in due], rt.clock.now())
    return max(len(moved), len(due))


async def _write(
    tx: Tx, rt: Runtime, to: ToAnswer | ToTell, kind: str, title: Names, by: AuthorityRef, says: Statement
) -> None:
    """By mail to the address alone: nobody reads in an inbox, or for whom, what a complainant is told."""
    await notices.issue(
        tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind="complaint", id=to.id), kind=kind,
        to=Party(identity=str(to.id), name=to.reference), address=AddressForService(email=to.email), authority=by,
        title=title, says=says, in_inbox=False,
    )  # fmt: skip


async def keep_answering(rt: Runtime) -> None:
    """Tell whoever is to be told, for as long as the process lives; any number of processes may."""
    while True:
        try:
            told = await answer(rt)
        except DATABASE_ERRORS as error:
            _log.warning("complaints.database_away", error=repr(error))
            told = 0
        if told < BATCH:
            await asyncio.sleep(POLL_S)
