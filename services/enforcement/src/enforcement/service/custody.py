"""What becomes of the bytes of evidence: who had them in hand, whether they are sound, and until when they are kept.

Both jobs run every hour, in small portions: ``recheck`` compares each piece with its hash once in so many days, and
``retire`` deletes what nothing can need any more, and what uploads left that were cut off. Hash, size and why stay.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from opentelemetry import metrics

from enforcement.errors import EvidenceDamaged, UnknownEvidence
from enforcement.lifecycle import AppealStatus, CaseStatus, Status
from enforcement.policy import POLICY, Act
from enforcement.service.safeguards import RELEASED
from enforcement.store import appeals, cases, custody, decisions, timeline
from enforcement.store.cases import Case
from enforcement.store.custody import Kept
from enforcement.store.decisions import Decision
from enforcement.store.files import EvidenceFiles
from enforcement.store.timeline import Entry
from shared.contracts.grounds import ActRef, AddressForService, Department, Names, Service, Statement
from shared.rules import Effect
from shared.runtime.acts import audit, deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

RETENTION: Final = "evidence_retention"
"""Clock of the profile: how long evidence is kept after its cases have come to rest."""
PORTION: Final = 16
"""Pieces that are looked up at once: with files of 20 MiB, a third of a gigabyte that is read."""
MOST: Final = 2_000
MOST_BYTES: Final = 4 << 30
"""Pieces, and bytes, of one run; the next hour has its own."""
AGAIN_DAYS: Final = 30
"""What still needs its evidence is asked again after so many days."""
METRICS: Final = {
    "evidence_checked_total": "Pieces of evidence compared with their hash again, by outcome: sound, damaged.",
    "evidence_damaged": "Pieces of evidence whose bytes are not those that were filed. Anything above 0 is an alert.",
    "evidence_deleted_total": "Pieces of evidence deleted because nothing can need them any more.",
}
LOOKED: Final = "Compared with its hash"
LATE: Final = 2
"""A look that comes later than so many times the profile's days is kept for ever: nobody had looked meanwhile."""
_DAMAGED: Final = Names(zh="证据损坏通知", en="Evidence in your case is damaged")
_WHY: Final = "its cases have been at rest for the time of the profile"
_meter = metrics.get_meter("concord.enforcement")
_checked = _meter.create_counter("evidence_checked", description=METRICS["evidence_checked_total"])
_damaged = _meter.create_gauge("evidence_damaged", description=METRICS["evidence_damaged"])
_deleted = _meter.create_counter("evidence_deleted", description=METRICS["evidence_deleted_total"])
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chain:
    """A piece and what became of it, as far as the reader may know."""

    piece: Kept
    entries: list[Entry]


async def chain(
    tx: Tx, rt: Runtime, who: Caller, sha256: str, *, before: tuple[datetime, str] | None, limit: int
) -> Chain:
    """Who filed, cited and read a piece in the cases that the caller reaches, and its checks; newest first.

    Raises UnknownEvidence (404): also for evidence of other cases; RoleMissing (403).
    """
    reach = POLICY.reach(who, Act.READ_CUSTODY)
    reached = [case.id for case in await cases.cases_with(tx, sha256) if reach.admits(case)]
    piece = await custody.get(tx, sha256)
    if piece is None or not reached:
        raise UnknownEvidence(sha256=sha256)
    entries = await timeline.custody(tx, sha256, reached, before, limit)
    await audit.record(
        tx, who=who, act=Act.READ_CUSTODY, resource=f"/evidence/{sha256}/custody", outcome="granted",
        at=rt.clock.now(), detail={"cases": sorted(map(str, reached))},
    )  # fmt: skip
    return Chain(piece, entries)


# --- whether the bytes are sound -------------------------------------------------------------------------------------


async def recheck(rt: Runtime, *, most: int = MOST) -> int:
    """Compare pieces with their hash that nobody has looked at for the profile's days; says how many were damaged.

    No transaction is open while bytes are read. What is found damaged is told to each authority whose case it lies in,
    once; what is sound again is damaged no more.
    """
    files, found = EvidenceFiles(rt.settings.evidence_store), 0
    looked, read = 0, 0
    while looked < most and read < MOST_BYTES:
        before = rt.clock.now() - timedelta(days=rt.rules.cases.recheck_days)
        async with rt.db.connection() as tx:
            portion = await custody.due(tx, before, min(PORTION, most - looked))
        for piece in portion:
            found += await _look(rt, files, piece)
        looked, read = looked + len(portion), read + sum(piece.size for piece in portion)
        if len(portion) < PORTION:
            break
    async with rt.db.connection() as tx:
        _damaged.set(await custody.damaged(tx))
    return found


async def _look(rt: Runtime, files: EvidenceFiles, piece: Kept) -> bool:
    try:
        await files.verified(piece.sha256)
        sound = True
    except (EvidenceDamaged, OSError):  # a disk that cannot give the bytes has them no more
        sound = False
    at = rt.clock.now()
    async with rt.db.transaction() as tx:
        was_damaged = await custody.checked(tx, piece, at, sound=sound)
        if was_damaged is None:  # deleted, or looked at by another process meanwhile
            return False
        outcome = "sound" if sound else "damaged"
        _checked.add(1, {"outcome": outcome})
        gap = at - (piece.checked_at or piece.stored_at)
        late = gap > timedelta(days=LATE * rt.rules.cases.recheck_days)
        detail = f"{LOOKED}; nobody had looked for {gap.days} days." if late else f"{LOOKED}."
        await custody.event(tx, piece.sha256, outcome, detail, at)
        if sound and not late:
            await custody.drop_between(tx, piece.sha256, f"{LOOKED}.")
        if not sound and not was_damaged:
            _log.error("evidence.damaged", sha256=piece.sha256)
            for case in await cases.cases_with(tx, piece.sha256):
                await _tell(tx, rt, case, piece)
    return not sound


async def _tell(tx: Tx, rt: Runtime, case: Case, piece: Kept) -> None:
    known = rt.directory.get(case.organisation)
    mail = known.office.email if known is not None and known.office is not None else None
    why = f"The bytes kept for {piece.sha256} are no longer those that were filed: restore them, or file them again."
    await notices.issue(
        tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind="case", id=case.id), kind="evidence_damaged",
        to=Department(identity=case.authority.id, name=case.authority.names.zh), address=AddressForService(email=mail),
        authority=case.authority, title=_DAMAGED,
        says=Statement(legal_basis=(rt.rules.cases.source,), reasons=why, public_reasons=why),
    )  # fmt: skip


# --- until when they are kept ----------------------------------------------------------------------------------------


async def retire(rt: Runtime, *, most: int = MOST) -> int:
    """Delete the bytes of pieces that nothing can need any more; says how many. Each in a transaction of its own."""
    at = await deadlines.time_of(rt)
    async with rt.db.connection() as tx:
        asked = await custody.to_judge(tx, at, most)
    deleted = 0
    for sha256 in asked:
        async with rt.db.transaction() as tx:
            deleted += await _judge(tx, rt, sha256, at)
    await _remove(rt, most)
    if deleted:
        _deleted.add(deleted)
    return deleted


async def _judge(tx: Tx, rt: Runtime, sha256: str, at: datetime) -> bool:
    """Its cases are held, then the piece, as whoever files does it; so nothing comes to need it meanwhile."""
    lies_in = await custody.cases_of(tx, sha256)
    await custody.hold_cases(tx, lies_in)
    piece = await custody.hold(tx, sha256)
    if piece is None or await custody.cases_of(tx, sha256) != lies_in:
        return False  # somebody filed it elsewhere at this moment: it is asked again
    rests_since = await _rests_since(tx, rt, lies_in)
    until = rt.rules.due(RETENTION, rests_since).due_at if rests_since is not None else at + timedelta(days=AGAIN_DAYS)
    if rests_since is None or until > at:
        await custody.judged(tx, sha256, until)
        return False
    why = f"{_WHY} ({rt.rules.clocks[RETENTION].source}, {rt.rules.ref})"
    if not await custody.delete(tx, sha256, at, why):
        return False
    await custody.event(tx, sha256, "deleted", f"{piece.size} bytes; {why}.", at)
    return True


async def _rests_since(tx: Tx, rt: Runtime, case_ids: list[UUID]) -> datetime | None:
    """Since when nothing in any of these cases can need evidence any more; none as long as something can."""
    times: list[datetime | None] = []
    for case_id in case_ids:
        case = await cases.get(tx, case_id)
        times.append(case.ended_at if case.status is CaseStatus.ENDED and case.held_because is None else None)
        for decision in await decisions.of_cases(tx, [case_id]):
            times += await _settled(tx, rt, case, decision)
    known = [each for each in times if each is not None]
    return max(known) if known and len(known) == len(times) else None


async def _settled(tx: Tx, rt: Runtime, case: Case, decision: Decision) -> list[datetime | None]:
    """When a decision, its appeals and the time to appeal were over; none for what is not.

    That time runs from when whom the case is about was told: what a survivor read whose merger fell does not count.
    """
    challenged = await appeals.of_acts(tx, [decision.id])
    times = [each.decided_at if each.status is not AppealStatus.OPEN else None for each in challenged]
    if decision.status in {Status.WITHDRAWN, Status.OVERTURNED}:
        return [*times, decision.changed_at]
    if decision.effect is Effect.NO_BREACH and decision.released_at is not None:
        return [*times, decision.released_at]
    if decision.status is not Status.ENDED:  # drafted, in force, or suspended: an appeal may still undo it
        return [None]
    delivered = await notices.delivered_at(tx, decision.id, RELEASED, case.identity)
    if delivered is None:
        return [None]
    return [*times, decision.changed_at, rt.rules.appeal_until(delivered, decision.grounds.redress.within_days).due_at]


async def _remove(rt: Runtime, most: int) -> None:
    """Take the files of deleted pieces from the disk; one that a crash left is taken the next time."""
    files = EvidenceFiles(rt.settings.evidence_store)
    await files.clear()
    async with rt.db.connection() as tx:
        gone = await custody.to_remove(tx, most)
    for sha256 in gone:
        async with rt.db.transaction() as tx:
            if await custody.hold(tx, sha256) is not None and await custody.removable(tx, sha256):
                await files.remove(sha256)
                await custody.removed(tx, sha256, rt.clock.now())
