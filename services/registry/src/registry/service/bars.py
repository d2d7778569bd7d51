"""The barred list (N4.5): a bar that was carried out is on it from its beginning to its end, and not while an appeal
against it is open. Whoever is on it is told, by a notice of its own.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from registry.lifecycle import ExecutionStatus
from registry.store import bars, executions, operators
from registry.store.bars import Change
from registry.store.executions import Execution
from registry.store.operators import Operator
from shared.contracts.grounds import ActRef, Names, OperatorRef, Service
from shared.contracts.http.bars import BarredChange, BarredChanges, BarredEntry, BarredList
from shared.contracts.http.registry import OperatorKind
from shared.contracts.registry import BarRecordedV1
from shared.rules import Effect
from shared.runtime.acts import deadlines, notices, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

BEGINS: Final = "bar_begins"
"""Kind of deadline: the time to appeal against a bar is over."""
MOST_CHANGES: Final = 1000
_LISTED: Final = Names(zh="列入黑名单通知书", en="You are on the barred list")
_REMOVED: Final = Names(zh="移出黑名单通知书", en="You are off the barred list")
_PERSON: Final = "自然人 / a person"


async def begin(tx: Tx, rt: Runtime, execution: Execution, begins: datetime, at: datetime) -> None:
    """A bar was carried out: the names that were signed are kept, and it begins when the time to appeal is over."""
    if execution.operator_id is not None:  # which is held: these are the names that were signed
        await bars.freeze(tx, execution.id, await bars.names_of(tx, execution.operator_id))
    await deadlines.start_until(tx, kind=BEGINS, aggregate_id=execution.id, until=begins, rt=rt, at=at)


async def ring(rt: Runtime, tx: Tx, execution_id: UUID) -> None:
    """The time to appeal is over."""
    execution = await executions.hold(tx, execution_id)
    begins = execution.bar_from or rt.clock.now()  # it rings by the database's time, and this process may be behind
    await settle(tx, rt, execution, at=max(begins, rt.clock.now()))


async def settle_many(tx: Tx, rt: Runtime, act_id: UUID) -> None:
    """An appeal against a decision or its execution was filed or rejected: a bar stops, or begins."""
    for execution_id in await executions.bars_of(tx, act_id):
        await settle(tx, rt, await executions.hold(tx, execution_id))


async def settle(tx: Tx, rt: Runtime, execution: Execution, *, at: datetime | None = None) -> None:
    """Let the list say of a held bar what is so now; nothing is told where nothing changed."""
    at = at or rt.clock.now()
    holds = _holds(execution, at)
    if execution.operator_id is None or holds is await bars.listed(tx, execution.id):
        return
    operator = await operators.get(tx, execution.operator_id)
    ref = await _say(tx, execution, operator, at, holds=holds)
    grounds = execution.decision.grounds
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="execution", id=execution.id),
        kind="barred" if holds else "unbarred", to=ref, address=operator.address,
        title=_LISTED if holds else _REMOVED, says=grounds if holds else None, authority=grounds.authority,
    )  # fmt: skip


async def site_changed(tx: Tx, rt: Runtime, site_id: UUID) -> None:
    """A measure took a site off the register, or one that did fell: bars that its names go with are listed so."""
    for execution_id in await bars.with_site(tx, site_id):
        execution = await executions.hold(tx, execution_id)
        if execution.operator_id is not None and await bars.listed(tx, execution_id):
            await _say(tx, execution, await operators.get(tx, execution.operator_id), rt.clock.now(), holds=True)


async def follow(tx: Tx, rt: Runtime, operator: Operator) -> None:
    """What lies on a held operator by now, since another entry was merged into it or split from it, is listed so."""
    for execution_id in await executions.bars_on(tx, operator.id):
        execution = await executions.hold(tx, execution_id)
        if await bars.listed(tx, execution_id):
            await _say(tx, execution, operator, rt.clock.now(), holds=True)


async def _say(tx: Tx, execution: Execution, operator: Operator, at: datetime, *, holds: bool) -> OperatorRef:
    """A change of the list, and a fact that says the same; gives whom it is about."""
    entry = await _entry(tx, execution, operator)
    seq = await bars.append(tx, execution.id, "listed" if holds else "removed", entry.model_dump_json(), at)
    outbox.add(tx, BarRecordedV1(
        execution_id=execution.id, seq=seq, decision_id=execution.decision.decision_id, operator=operator.ref,
        listed=holds, names=(*entry.names, *entry.names_alone), until=entry.until, at=at,
    ), at=at)  # fmt: skip
    return operator.ref


def _holds(execution: Execution, at: datetime) -> bool:
    carried_out = execution.effect == Effect.BAR and execution.status is ExecutionStatus.CARRIED_OUT
    if not carried_out or execution.bar_from is None or execution.until is None:
        return False
    return not execution.appeals_open and execution.bar_from <= at < execution.until


async def _entry(tx: Tx, execution: Execution, operator: Operator) -> BarredEntry:
    grounds, person = execution.decision.grounds, operator.kind == OperatorKind.PERSON
    if execution.bar_from is None or execution.until is None:
        raise TypeError(f"execution {execution.id} is no bar of an operator")
    names = await bars.frozen(tx, execution.id)
    return BarredEntry(
        execution_id=execution.id, decision_id=execution.decision.decision_id,
        identity=None if person else operator.identity, name=_PERSON if person else operator.particulars.name,
        names=tuple(domain for domain, below in names if below),
        names_alone=tuple(domain for domain, below in names if not below),
        since=execution.bar_from, until=execution.until,
        authority=grounds.authority.names, legal_basis=grounds.legal_basis, reasons=grounds.public_reasons,
        redress=grounds.redress,
    )  # fmt: skip


async def whole(tx: Tx) -> BarredList:
    """The list as it is."""
    seq, digest = await bars.head(tx)
    entries = [BarredEntry.model_validate_json(each.entry) for each in await bars.whole(tx, seq)]
    return BarredList(seq=seq, hash=digest, entries=entries)


async def changes(tx: Tx, after: int) -> BarredChanges:
    """What changed after a number."""
    found = await bars.changes(tx, after, MOST_CHANGES + 1)
    shown = [_shown(each) for each in found[:MOST_CHANGES]]
    return BarredChanges(changes=shown, more=len(found) > MOST_CHANGES)


def _shown(change: Change) -> BarredChange:
    """A change; what is on the list no more is not told again, and its digest keeps the chain."""
    return BarredChange(
        seq=change.seq, change=change.change, execution_id=change.execution_id, digest=bars.digest(change.entry),
        entry=BarredEntry.model_validate_json(change.entry) if change.holds else None,
        text=change.entry if change.holds else None, hash=change.hash, at=change.at,
    )  # fmt: skip
