"""Hearings of an appeal: both sides are invited with date and place, and read what was said (model §6)."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from enforcement.errors import HearingPending, HearingTooSoon, MinutesMissing, NotToldOfHearing
from enforcement.lifecycle import APPEAL, AppealAction, HearingAction
from enforcement.policy import POLICY, Act
from enforcement.service import reviewing
from enforcement.store import appeals, hearings
from enforcement.store.appeals import Appeal
from enforcement.store.hearings import Hearing
from shared.contracts.grounds import Names, Statement
from shared.contracts.http.appeals import Invitation, Minutes
from shared.contracts.quoting import quoting
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

NOTICE: Final = "hearing_notice"
"""Clock of the profile: so long before a hearing both sides are invited."""
INVITED: Final = "hearing_invited"
"""Kind of the notice of a hearing."""
_INVITED: Final = Names(zh="复议听证通知书", en="You are invited to a hearing")
_HELD: Final = Names(zh="复议听证笔录告知书", en="The minutes of the hearing are there to be read")
_CANCELLED: Final = Names(zh="复议听证取消通知书", en="The hearing is cancelled")


async def invite(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID, body: Invitation) -> Hearing:
    """Invite both sides; whoever decides the appeal hears them. They have the days of the profile to prepare.

    Raises as ``reviewing.taken``; HearingPending (409); HearingTooSoon (422).
    """
    at, appeal = rt.clock.now(), await reviewing.taken(tx, rt, who, appeal_id)
    APPEAL.after(appeal.status, AppealAction.INVITE)
    await require_none(tx, appeal)
    earliest = rt.rules.due(NOTICE, at).due_at
    if body.takes_place <= earliest:
        raise HearingTooSoon.field("takes_place", f"must be after {earliest.isoformat()}")
    await appeals.MOVES.move(tx, appeal, AppealAction.INVITE, who=who, why=body.reasons, at=at)
    invited = await hearings.add(
        tx, uuid7(), appeal_id, takes_place=body.takes_place, place=body.place, by=who.person, at=at
    )
    hearings.MOVES.began(tx, invited, "invite", who=who, why=body.reasons, at=at)
    local = body.takes_place.astimezone(rt.rules.time_zone)
    said = quoting(f"{local:%Y-%m-%d %H:%M} ({rt.rules.time_zone.key}), {body.place}. ", body.reasons)
    await _tell(tx, rt, appeal, INVITED, _INVITED, said, takes_place=invited)
    return invited


async def record(tx: Tx, rt: Runtime, who: Caller, hearing_id: UUID, body: Minutes) -> Hearing:
    """It was held: who came, and the minutes, a paper of the appeal that both sides read.

    Raises UnknownHearing (404); as ``reviewing.taken``; NotToldOfHearing (409); HearingTooSoon, MinutesMissing (422).
    """
    at = rt.clock.now()
    appeal, hearing = await _taken(tx, rt, who, hearing_id)
    hearings.MOVES.lifecycle.after(hearing.status, HearingAction.RECORD)
    if at < hearing.takes_place:
        raise HearingTooSoon.field("minutes", f"it takes place at {hearing.takes_place.isoformat()}")
    await _require_told(tx, appeal, hearing, absent={"appellant", "authority"}.difference(body.present))
    known = {each.sha256: each for each in await hearings.papers(tx, appeal.id)}
    paper = known.get(body.minutes)
    if paper is None or paper.side != "body" or paper.confidential or paper.handed_at < hearing.takes_place:
        raise MinutesMissing.field("minutes", "hand them in first, after the hearing, and not as confidential")
    recorded = await hearings.MOVES.move(
        tx, hearing, HearingAction.RECORD, who=who, why=f"Held; minutes {body.minutes}.", at=at, minutes=body.minutes,
        present=sorted(set(body.present)),
    )  # fmt: skip
    await _tell(tx, rt, appeal, "hearing_held", _HELD, f"The minutes are paper {body.minutes} of the appeal.")
    return recorded


async def cancel(tx: Tx, rt: Runtime, who: Caller, hearing_id: UUID, *, reasons: str) -> Hearing:
    """It does not take place, with reasons; both sides are told. Raises as ``record``."""
    appeal, hearing = await _taken(tx, rt, who, hearing_id)
    return await _cancel(tx, rt, who, appeal, hearing, reasons)


async def cancel_invited(tx: Tx, rt: Runtime, who: Caller, appeal: Appeal, reasons: str) -> None:
    """The appeal has ended: nobody need come."""
    hearing = await hearings.invited(tx, appeal.id)
    if hearing is not None:
        await _cancel(tx, rt, who, appeal, hearing, reasons)


async def require_none(tx: Tx, appeal: Appeal) -> None:
    """Nobody is invited and not heard. Raises HearingPending."""
    hearing = await hearings.invited(tx, appeal.id)
    if hearing is not None:
        raise HearingPending(hearing_id=str(hearing.id))


async def get(tx: Tx, rt: Runtime, who: Caller, hearing_id: UUID) -> tuple[Appeal, Hearing]:
    """One hearing with its appeal, for whoever reads that. Raises UnknownHearing (404), Forbidden (403)."""
    hearing = await hearings.get(tx, hearing_id)
    appeal = await appeals.get(tx, hearing.appeal_id)
    POLICY.require(who, Act.READ_APPEAL, appeal)
    return appeal, hearing


async def of_appeal(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID) -> tuple[Appeal, list[Hearing]]:
    """The hearings of an appeal, oldest first, for whoever reads it. Raises UnknownAppeal (404), Forbidden (403)."""
    appeal = await appeals.get(tx, appeal_id)
    POLICY.require(who, Act.READ_APPEAL, appeal)
    return appeal, await hearings.of_appeal(tx, appeal_id)


async def _taken(tx: Tx, rt: Runtime, who: Caller, hearing_id: UUID) -> tuple[Appeal, Hearing]:
    known = await hearings.get(tx, hearing_id)
    appeal = await reviewing.taken(tx, rt, who, known.appeal_id)
    return appeal, await hearings.get(tx, hearing_id)  # as it is now that the appeal is held


async def _require_told(tx: Tx, appeal: Appeal, hearing: Hearing, absent: Collection[str]) -> None:
    """Whoever stays away had the invitation before the hearing. Raises NotToldOfHearing."""
    sent = await notices.about(tx, appeal.id, INVITED)
    for side, to in (("appellant", appeal.identity), ("authority", appeal.authority.id)):
        # One hearing at a time: the last invitation is to this one.
        told = max((each for each in sent if each.identity == to), key=lambda each: each.issued_at, default=None)
        delivered = told.delivered_at if told is not None else None
        if side in absent and (delivered is None or delivered > hearing.takes_place):
            raise NotToldOfHearing(side=side)


async def _cancel(tx: Tx, rt: Runtime, who: Caller, appeal: Appeal, hearing: Hearing, reasons: str) -> Hearing:
    at = rt.clock.now()
    cancelled = await hearings.MOVES.move(tx, hearing, HearingAction.CANCEL, who=who, why=reasons, at=at)
    await _tell(tx, rt, appeal, "hearing_cancelled", _CANCELLED, reasons)
    return cancelled


async def _tell(
    tx: Tx, rt: Runtime, appeal: Appeal, kind: str, title: Names, said: str, *, takes_place: Hearing | None = None
) -> None:
    says = Statement(legal_basis=(rt.rules.clocks[NOTICE].source,), reasons=said, public_reasons=said)
    until = takes_place.takes_place if takes_place is not None else None
    await reviewing.tell(tx, rt, appeal, kind, title, says, both=True, answer_by=until)
