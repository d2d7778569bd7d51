"""Two entries of one operator become one: one person proposes, both operators are heard, a second person confirms.

Who goes on under another identity stays known by its own: what is decided or granted about that later finds the other.
Either of the two may appeal, and an appeal that is won, or not decided in time, gives back what was moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from registry.errors import (
    AmendmentPending,
    MergerPending,
    NotTheSame,
    OperatorMerged,
    PreviewChanged,
    StillHeard,
    UndecidedFirst,
)
from registry.lifecycle import MergerAction, MergerStatus, Status
from registry.policy import POLICY, Act
from registry.service import appealable, joining, looks, overlaps
from registry.service.desk import SYSTEM, grounds_of, regulator_for
from registry.service.operators import require_confirmed
from registry.store import claims, licences, mergers, operators
from registry.store.mergers import Merger
from registry.store.operators import Operator
from shared.contracts.enforcement import AppealDecidedV1, AppealOverdueV1
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, Names, OperatorRef, Service, Statement
from shared.contracts.http.mergers import (
    ConfirmingMerger,
    MergerPreview,
    MovingRegistration,
    NewMerger,
    Objection,
)
from shared.contracts.registry import MergerRecordedV1
from shared.runtime.acts import directory, notices, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

HEARD: Final = "cure_window"
"""Clock of the profile: so long both operators may say that they are not the same."""
_TOLD: Final = "merger_intended"
_PUBLIC: Final = frozenset({Status.ACTIVE, Status.LAPSED})
_INTENDED: Final = Names(zh="拟合并主体登记告知书", en="Two entries of an operator are to become one")
_MERGED: Final = Names(zh="合并主体登记决定书", en="Two entries of an operator have become one")
_NOT: Final = Names(zh="不予合并主体登记通知书", en="Two entries stay apart")
_UNDONE: Final = Names(zh="撤销合并主体登记通知书", en="Two entries are apart again")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two operators that would be one; the policy's words before there is a merger."""

    survivor: Operator
    merged: Operator

    @property
    def region(self) -> str:
        """Where the one is at home that stays."""
        return self.survivor.region

    @property
    def merged_region(self) -> str:
        """Where the other is."""
        return self.merged.region


@dataclass(frozen=True, slots=True)
class Proposed:
    """A merger as somebody reads it, with what would move now while it is proposed; the digest is of the whole."""

    merger: Merger
    survivor: OperatorRef
    merged: OperatorRef
    preview: MergerPreview | None
    digest: str | None


async def preview(tx: Tx, rt: Runtime, who: Caller, survivor_id: UUID, merged_id: UUID) -> MergerPreview:
    """What would move if these became one. A look leaves an audit row.

    Raises UnknownOperator (404); Forbidden (403); NotTheSame, OperatorMerged (409).
    """
    pair = await _pair(tx, who, survivor_id, merged_id)
    await looks.at_one(tx, rt, who, Act.PROPOSE_MERGER, f"/operators/{merged_id}", pair.merged.identity)
    return await _preview(tx, pair, ())


async def propose(tx: Tx, rt: Runtime, who: Caller, body: NewMerger) -> Proposed:
    """The first person says that two operators are one, and why; both are told, and heard.

    Both have time to object from when they read it, at the latest from when it counts as read.

    Raises UnknownOperator (404); Forbidden (403); NotTheSame, OperatorMerged, MergerPending, MergerAppealable,
    PreviewChanged, LegacyCode (409).
    """
    pair, at = await _pair(tx, who, body.survivor_id, body.merged_id), rt.clock.now()
    found = await _preview(tx, pair, ())
    _require_read(found, body.preview_digest)
    await _require_unchained(tx, rt, pair, None)
    added = await mergers.add(
        tx, uuid7(), survivor_id=pair.survivor.id, merged_id=pair.merged.id, survivor_act_id=uuid7(),
        statement=body.statement, digest=found.digest, by=who.person,
        confirm_from=rt.rules.due(HEARD, rt.rules.due(notices.DEEMED, at).due_at).due_at, at=at,
    )  # fmt: skip
    if added is None:
        raise MergerPending(merger_id=None)
    mergers.MOVES.began(tx, added, "propose", who=who, why=body.statement.reasons, at=at)
    await _tell(tx, rt, added, _TOLD, _INTENDED, body.statement, _authority(rt, who, pair))
    return Proposed(added, pair.survivor.ref, pair.merged.ref, found, found.digest)


async def confirm(tx: Tx, rt: Runtime, who: Caller, merger_id: UUID, body: ConfirmingMerger) -> Proposed:
    """The second person signs the same preview, once both were heard, and it is so.

    Raises UnknownMerger (404); Forbidden (403); SecondPersonRequired, ActionRefused, StillHeard, PreviewChanged,
    UndecidedFirst, AmendmentPending, MergerPending, MergerAppealable, TooManySites (409).
    """
    merger, pair = await _hold(tx, merger_id)
    POLICY.require(who, Act.CONFIRM_MERGER, merger, drafted_by=merger.took_part)
    mergers.MOVES.lifecycle.after(merger.status, MergerAction.CONFIRM)
    at = rt.clock.now()
    await _require_heard(tx, rt, merger)
    _require_read(await _preview(tx, pair, merger.objections), body.preview_digest)
    await _require_decided(tx, pair)
    await _require_unchained(tx, rt, pair, merger_id)
    moved = await joining.join(tx, rt, who, merger, body.reasons)
    authority = _authority(rt, who, pair)
    grounds = grounds_of(rt, authority, merger.statement, at)
    done = await mergers.MOVES.move(
        tx, merger, MergerAction.CONFIRM, who=who, why=body.reasons, at=at, confirmed_by=who.person,
        digest=body.preview_digest, moved=moved, appeal_until=appealable.until(rt, grounds.redress.within_days, at),
    )  # fmt: skip
    await _record(tx, done, pair, at)
    await _tell(tx, rt, done, "merged", _MERGED, grounds, authority)
    return await _seen(tx, who, done)


async def withdraw(tx: Tx, rt: Runtime, who: Caller, merger_id: UUID, *, reasons: str) -> Proposed:
    """They stay apart. Raises UnknownMerger (404), Forbidden (403), ActionRefused (409)."""
    merger, pair = await _hold(tx, merger_id)
    POLICY.require(who, Act.WITHDRAW_MERGER, merger)
    withdrawn = await mergers.MOVES.move(tx, merger, MergerAction.WITHDRAW, who=who, why=reasons, at=rt.clock.now())
    says = Statement(legal_basis=merger.statement.legal_basis, reasons=reasons, public_reasons=reasons)
    await _tell(tx, rt, withdrawn, "merger_withdrawn", _NOT, says, _authority(rt, who, pair))
    return await _seen(tx, who, withdrawn)


async def object_to(tx: Tx, rt: Runtime, who: Caller, merger_id: UUID, *, reasons: str) -> Proposed:
    """One of the two says why they are not the same: whoever confirms signs that they have read it.

    Raises UnknownMerger (404), Forbidden (403), ActionRefused (409).
    """
    merger, _ = await _hold(tx, merger_id)
    POLICY.require(who, Act.OBJECT_TO_MERGER, merger)
    if merger.status is not MergerStatus.PROPOSED:
        mergers.MOVES.lifecycle.refuse(merger.status, "object")
    said = Objection(identity=who.organisation or "", reasons=reasons, at=rt.clock.now())
    objected = await mergers.MOVES.change(
        tx, merger, "object", who=who, why=reasons, at=said.at,
        objections=[each.model_dump(mode="json") for each in (*merger.objections, said)],
    )  # fmt: skip
    return await _seen(tx, who, objected)


async def get(tx: Tx, rt: Runtime, who: Caller, merger_id: UUID) -> Proposed:
    """One merger. An official's look leaves an audit row. Raises UnknownMerger (404), Forbidden (403)."""
    merger = await mergers.get(tx, merger_id)
    POLICY.require(who, Act.READ_MERGER, merger)
    if who.organisation not in merger.organisation:
        await looks.at_one(tx, rt, who, Act.READ_MERGER, f"/mergers/{merger_id}", None)
    return await _seen(tx, who, merger)


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: MergerStatus | None, after: UUID | None, limit: int
) -> list[Proposed]:
    """Mergers the caller reaches, newest first; without previews. An official's look leaves an audit row."""
    reach = POLICY.reach(who, Act.READ_MERGER)
    found = await mergers.page(tx, reach, status=status, after=after, limit=limit)
    others = {each.id: None for each in found if who.organisation not in each.organisation}
    await looks.at_list(tx, rt, who, Act.READ_MERGER, "/mergers", others)
    named = await operators.many(tx, {one for each in found for one in (each.survivor_id, each.merged_id)})
    return [_shown(who, each, Pair(named[each.survivor_id], named[each.merged_id]), None) for each in found]


async def fall(tx: Tx, rt: Runtime, fact: AppealDecidedV1 | AppealOverdueV1) -> None:
    """An appeal of either of the two was upheld, or not decided in time: they are apart again (safeguard 6)."""
    merger_id = await mergers.of_act(tx, fact.act.id)
    if merger_id is None:
        return
    merger, pair = await _hold(tx, merger_id)
    if not mergers.MOVES.lifecycle.can(merger.status, MergerAction.UNDO):
        return
    if isinstance(fact, AppealDecidedV1):
        says = fact.statement
    else:
        why = "The appeal against it was not decided in time."
        says = Statement(legal_basis=merger.statement.legal_basis, reasons=why, public_reasons=why)
    left, given = await joining.part(tx, rt, merger, says.reasons)
    undone = await mergers.MOVES.move(
        tx, merger, MergerAction.UNDO, who=SYSTEM, why=says.reasons, at=rt.clock.now(), left_behind=left
    )
    await overlaps.apart(tx, rt, [merger.survivor_id, merger.merged_id])  # only now is neither known as the other
    await _record(tx, undone, pair, rt.clock.now(), given)
    await _tell(tx, rt, undone, "merger_undone", _UNDONE, says, fact.body)


async def _pair(tx: Tx, who: Caller, survivor_id: UUID, merged_id: UUID) -> Pair:
    """Two operators that somebody may say are one, held in one order."""
    first, second = await operators.get(tx, survivor_id), await operators.get(tx, merged_id)
    if survivor_id == merged_id:
        raise NotTheSame(why="it is one entry already")
    POLICY.require(who, Act.PROPOSE_MERGER, Pair(first, second))
    held = await operators.hold_many(tx, [first.identity, second.identity])
    pair = Pair(held[first.identity], held[second.identity])
    if "person" in {first.kind, second.kind} and first.kind != second.kind:
        raise NotTheSame(why="one is a person, the other is none")
    require_confirmed(pair.survivor)
    for each in (pair.survivor, pair.merged):
        under = await mergers.survivor_of(tx, each.id)
        if under is not None:
            raise OperatorMerged(survivor_id=str(under))
    return pair


async def _hold(tx: Tx, merger_id: UUID) -> tuple[Merger, Pair]:
    """A merger, held after its operators, like everybody who changes something of theirs."""
    merger = await mergers.get(tx, merger_id)
    held = await operators.hold_many(tx, merger.organisation)
    by_id = {operator.id: operator for operator in held.values()}
    return await mergers.hold(tx, merger_id), Pair(by_id[merger.survivor_id], by_id[merger.merged_id])


async def _require_heard(tx: Tx, rt: Runtime, merger: Merger) -> None:
    """Both were told, and had the time that they were promised, from when the later of them was. Raises StillHeard."""
    at, until = rt.clock.now(), merger.confirm_from
    for act_id in (merger.id, merger.survivor_act_id):
        told = await notices.delivered_at(tx, act_id, _TOLD)
        until = max(until, rt.rules.due(HEARD, told or at).due_at)
    if at < until:
        raise StillHeard(until=until.astimezone(rt.rules.time_zone).isoformat())


async def _require_unchained(tx: Tx, rt: Runtime, pair: Pair, merger_id: UUID | None) -> None:
    await appealable.require_operators(tx, rt, [pair.survivor.id, pair.merged.id])
    other = await mergers.in_the_way(tx, pair.survivor.id, pair.merged.id, merger_id)
    if other is not None:
        raise MergerPending(merger_id=str(other))


async def _require_decided(tx: Tx, pair: Pair) -> None:
    """What the one asked for is decided before it is the other's: nothing is granted to somebody who never asked."""
    for found in await mergers.registrations_of(tx, pair.merged.id):
        if found.status is Status.SUBMITTED:
            raise UndecidedFirst(aggregate="registration", undecided_id=str(found.id))
        renewal = await licences.asked_of(tx, found.id)
        if renewal is not None:
            raise UndecidedFirst(aggregate="renewal", undecided_id=str(renewal.id))
    pending = await mergers.open_amendment(tx, pair.merged.id)
    if pending is not None:
        raise AmendmentPending(amendment_id=str(pending))
    paired = await joining.both_filed(tx, pair.survivor.id, await mergers.registrations_of(tx, pair.merged.id))
    for there in paired.values():
        if there.status is Status.SUBMITTED:
            raise UndecidedFirst(aggregate="registration", undecided_id=str(there.id))


def _require_read(found: MergerPreview, digest: str) -> None:
    if found.digest != digest:
        raise PreviewChanged(preview_digest=found.digest)


async def _preview(tx: Tx, pair: Pair, objections: tuple[Objection, ...]) -> MergerPreview:
    found = await mergers.registrations_of(tx, pair.merged.id)
    paired = await joining.both_filed(tx, pair.survivor.id, found)
    under, all_in_all = (
        await mergers.sites_under(tx, [each.id for each in found]),
        await mergers.counted(tx, pair.merged.id),
    )
    return MergerPreview(
        survivor=pair.survivor.ref, merged=pair.merged.ref,
        registrations=[
            MovingRegistration(
                id=each.id, number=each.number, status=each.status, sites=under.get(each.id, 0),
                goes_under=paired[each.id].number if each.id in paired else None,
            ) for each in found
        ],
        sites=all_in_all.sites, accesses=all_in_all.accesses, amendments=all_in_all.amendments,
        approvals=all_in_all.approvals, executions=await mergers.executions_of(tx, pair.merged.id),
        objections=list(objections),
    )  # fmt: skip


async def _seen(tx: Tx, who: Caller, merger: Merger) -> Proposed:
    pair = Pair(await operators.get(tx, merger.survivor_id), await operators.get(tx, merger.merged_id))
    proposed = merger.status is MergerStatus.PROPOSED
    return _shown(who, merger, pair, await _preview(tx, pair, merger.objections) if proposed else None)


def _shown(who: Caller, merger: Merger, pair: Pair, whole: MergerPreview | None) -> Proposed:
    shown, digest = whole, whole.digest if whole is not None else None
    if who.organisation in merger.organisation:
        merger, shown = _known_to_both(merger, whole)
    return Proposed(merger, pair.survivor.ref, pair.merged.ref, shown, digest)


def _known_to_both(merger: Merger, whole: MergerPreview | None) -> tuple[Merger, MergerPreview | None]:
    """As the two operators read it, who may be strangers after all: what is public, nothing of what is decided."""
    shown = whole
    if whole is not None:
        public = [each for each in whole.registrations if each.status in _PUBLIC]
        shown = whole.model_copy(update={"registrations": public, "executions": None})
    moved = merger.moved and {what: each for what, each in merger.moved.items() if what != "executions"}
    return replace(merger, moved=moved), shown


async def _record(tx: Tx, merger: Merger, pair: Pair, at: datetime, sites: Sequence[UUID] = ()) -> None:
    """Who reads and challenges what was said to the one that was taken over, here and in every department (ADR 15)."""
    fact = MergerRecordedV1(
        merger_id=merger.id, version=merger.version, operator_id=pair.merged.id, operator=pair.merged.ref,
        survivor=pair.survivor.ref, stands=merger.status is MergerStatus.CONFIRMED, sites=tuple(sites), at=at,
    )  # fmt: skip
    outbox.add(tx, fact, at=at)
    await directory.take_over_mergers(tx, [fact])


def _authority(rt: Runtime, who: Caller, pair: Pair) -> AuthorityRef:
    return regulator_for(rt, who.level or "province", pair.region)


async def _tell(
    tx: Tx, rt: Runtime, merger: Merger, kind: str, title: Names, says: Statement | Grounds, authority: AuthorityRef
) -> None:
    """Tell both, each of an act of its own: each may appeal whatever the other does.

    Who holds a name of either hears of it once.
    """
    names = await claims.of_operators(tx, [merger.merged_id, merger.survivor_id])
    for act_id, operator_id in ((merger.id, merger.merged_id), (merger.survivor_act_id, merger.survivor_id)):
        operator = await operators.get(tx, operator_id)
        await notices.issue(
            tx, rt, about=ActRef(service=Service.REGISTRY, kind="merger", id=act_id), kind=kind, to=operator.ref,
            address=operator.address, title=title, says=says, authority=authority, moved=merger.id,
            answer_by=merger.confirm_from if merger.status is MergerStatus.PROPOSED else None,
            hosts=names if act_id == merger.id else (),
        )  # fmt: skip
