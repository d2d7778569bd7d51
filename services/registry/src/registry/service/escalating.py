"""What a provider neither put right nor answered in its time enters its conduct record; nothing else follows.

Whoever escalates looks again at these very names, as the daily look does: what agrees by now is cured instead.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from registry import told
from registry.lifecycle import FindingAction
from registry.service.desk import SYSTEM, regulator_for
from registry.service.reconciling import CURE, cure, differences, read, says_of, tell, waits, why_of, whys_of
from registry.store import copies, hosted, inventories
from registry.store.hosted import Finding
from shared.contracts.grounds import Names
from shared.rules import Level, Unit
from shared.runtime.acts import deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

AT_ONCE: Final = 1_000
"""Findings in one transaction, and in one notice."""
LATE: Final = timedelta(minutes=10)
"""A clock that rings so much later was not looked at: then nobody could answer either."""
_ESCALATED: Final = Names(zh="清单问题逾期未答复记录通知书", en="Not answered in time: your conduct record says so")
_LONGER: Final = Names(zh="清单问题答复期限延长通知书", en="You have longer to answer: the register was away")
_AWAY: Final = "The register was away when the time to answer was over."
_WAITS: Final = "An order in the place of another is on its way: nobody can say whether it differs."
_UNREAD: Final = "The list has the name in a record that was refused: nobody can say whether it differs."


async def escalate(rt: Runtime, tx: Tx, finding_id: UUID) -> None:
    """The time of a finding is over, and with it that of others that were told in the same notice."""
    at = rt.clock.now()
    held = await hosted.hold_silent(tx, await hosted.get(tx, finding_id), AT_ONCE)
    if finding_id not in {each.id for each in held}:
        return
    until = {each: due_at for each, (due_at, _) in (await deadlines.running(tx, CURE, [f.id for f in held])).items()}
    over = [each for each in held if each.id == finding_id or (each.id in until and until[each.id] <= at)]
    provider_id = over[0].provider_id
    provider, known = await copies.hosting(tx, provider_id), await inventories.get(tx, provider_id)
    assert known is not None
    assert known.whole is not None, "they are about a list"
    seen = await hosted.look_again(tx, provider_id, known.whole, sorted({each.host for each in over}), at)
    differ = await differences(tx, provider, seen, at)
    gone = [each for each in over if (each.host, each.kind) not in differ]
    cured = await read(tx, provider, known, seen, gone)
    await cure(tx, rt, provider, cured)
    unsaid = {each.id for each in gone} - {each.id for each in cured}
    waiting = {each.id for each in gone if each.id in unsaid and waits(each, seen)}
    await _later(tx, rt, [each for each in over if each.id in waiting], _WAITS)
    await _later(tx, rt, [each for each in over if each.id in unsaid - waiting], _UNREAD)
    stand = [each for each in over if (each.host, each.kind) in differ]
    late = [each for each in stand if _late(until, each, at)]
    if more := await _later(tx, rt, late, _AWAY):
        says = says_of(rt, f"{_AWAY} {whys_of(more)}.")
        await tell(tx, rt, more, "hosted_longer", _LONGER, says, answer_by=more[0].cure_until)
    await _enter(tx, rt, [each for each in stand if not _late(until, each, at)])


def _late(until: Mapping[UUID, datetime], finding: Finding, at: datetime) -> bool:
    return finding.id in until and at > until[finding.id] + LATE


async def _later(tx: Tx, rt: Runtime, findings: Sequence[Finding], why: str) -> list[Finding]:
    """Silence is not held against the provider yet: it has another working day."""
    if not findings:
        return []
    at, ids = rt.clock.now(), [each.id for each in findings]
    until = rt.rules.count(at, 1, Unit.WORKING_DAYS).due_at
    more = await hosted.extend(tx, ids, until, at)
    hosted.MOVES.changed_all(tx, more, "extend", who=SYSTEM, why=why, at=at)
    await deadlines.met_many(tx, CURE, ids, at)
    await deadlines.start_many(tx, kind=CURE, aggregate_ids=ids, clock_name=CURE, rt=rt, at=at, until=until)
    return more


async def _enter(tx: Tx, rt: Runtime, silent: Sequence[Finding]) -> None:
    """The conduct record says so, and the provider is told, in one notice."""
    if not silent:
        return
    at, whys = rt.clock.now(), [f"{why_of(each)}, and the provider did not answer in time" for each in silent]
    entered = await hosted.MOVES.move_all(
        tx, silent, FindingAction.ESCALATE, who=SYSTEM, why=whys, at=at, escalated_at=at
    )
    authority = regulator_for(rt, Level.PROVINCE, silent[0].region or "")
    for each, why in zip(entered, whys, strict=True):
        outbox.add(
            tx, told.finding_escalated(each, authority, says_of(rt, f"{why}. It can dispute the entry."), at), at=at
        )
    says = says_of(rt, f"{whys_of(entered)}, and the provider did not answer in time. It can dispute the entry.")
    await tell(tx, rt, entered, "hosted_escalated", _ESCALATED, says)
