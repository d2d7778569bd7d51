"""What clocks bring about: an authority is late, the last day of an approval comes near, or it is over."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from approval import told
from approval.errors import ValidityTooLong
from approval.lifecycle import AWAITED, Action, Status
from approval.service.act import SYSTEM, act, hold
from approval.store import APPROVALS, VALIDITY_CLOCK, Approval
from shared.contracts.grounds import Statement
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

WARN: Final = "warn"
MARK_OVERDUE: Final = "mark_overdue"
"""What the history calls what moves nothing."""


def day_of(rt: Runtime, at: datetime) -> date:
    """The day it is where the profile is in force."""
    return at.astimezone(rt.rules.time_zone).date()


def last_day_of(approval: Approval) -> date:
    """The last day of an approval that was granted. Raises LookupError for one that was not."""
    if approval.valid_until is None:
        raise LookupError(f"approval {approval.id} was never granted")
    return approval.valid_until


def is_over(rt: Runtime, last_day: date, at: datetime) -> bool:
    """Whether the last day is over: a day ends at midnight, where the profile is in force."""
    return day_of(rt, at) > last_day


def latest_day(rt: Runtime, at: datetime) -> date:
    """The last day of an approval that is valid for so long as the profile lets it be, from a grant or renewal then."""
    return day_of(rt, rt.rules.due(rt.rules.approvals.validity, at).due_at)


def require_allowed(rt: Runtime, last_day: date, at: datetime) -> None:
    """A last day that is given now lies no farther away than the profile lets an approval be valid.

    It is counted from the day of the grant, and of each renewal: renewals in advance add up to no more. Raises
    ValidityTooLong (422), which says the latest.
    """
    latest = latest_day(rt, at)
    if last_day > latest:
        raise ValidityTooLong.field("valid_until", f"must be {latest} at the latest")


async def watch(tx: Tx, rt: Runtime, approval_id: UUID, last_day: date, at: datetime) -> None:
    """Let the clock ring at the next warning before the last day is over, or at its end; one that runs is replaced.

    The warnings are the reminders of the profile's clock.
    """
    await deadlines.watch(tx, rt, VALIDITY_CLOCK, approval_id, last_day, rt.rules.approvals.validity, at)


async def stop(tx: Tx, approval_id: UUID, at: datetime) -> None:
    """Let the clock ring no more."""
    await deadlines.met(tx, VALIDITY_CLOCK, approval_id, at)


async def ring(rt: Runtime, tx: Tx, approval_id: UUID) -> None:
    """The validity clock rings: lapse if the last day is over, else warn, and wait for the next time."""
    approval, at = await hold(tx, approval_id), await deadlines.ringing(tx, rt, VALIDITY_CLOCK, approval_id)
    if approval.status is not Status.GRANTED:
        return  # it ended, or its renewal is on the desk: then it stays in force until that is decided
    if not is_over(rt, last_day_of(approval), at):
        why = f"The approval ends with {approval.valid_until}: ask for its renewal before."
        approval = await APPROVALS.change(tx, approval, WARN, who=SYSTEM, why=why, at=at, warned_at=at)
        if approval.authority is not None:
            kind, title = told.LAPSING
            until = rt.rules.end_of(last_day_of(approval))
            says = _says(rt, why)
            await told.notify(tx, rt, approval, kind, title, by=approval.authority, says=says, answer_by=until)
    await lapse_or_watch(tx, rt, approval, at)


async def lapse_or_watch(tx: Tx, rt: Runtime, approval: Approval, at: datetime) -> Approval:
    """A granted approval lapses if its last day is over; if not, its clock runs on. Gives it as it is now."""
    last_day = last_day_of(approval)
    if not is_over(rt, last_day, at):
        await watch(tx, rt, approval.id, last_day, at)
        return approval
    await stop(tx, approval.id, at)
    says = _says(rt, f"Its last day, {last_day}, is over, and no renewal was asked for or given.")
    return await act(tx, rt, SYSTEM, approval, Action.LAPSE, by=approval.authority, says=says, at=at)


def _says(rt: Runtime, why: str) -> Statement:
    source = rt.rules.clocks[rt.rules.approvals.validity].source
    return Statement(legal_basis=(source,), reasons=why, public_reasons=why)


async def mark_overdue(rt: Runtime, tx: Tx, approval_id: UUID) -> None:
    """The authority's clock ran out before it decided: say so on the approval, once. It can still be decided."""
    approval = await hold(tx, approval_id)
    if approval.status in AWAITED and not approval.overdue:
        at, due = rt.clock.now(), approval.clock.due_at
        why = f"The authority had until {due.isoformat()} and has not decided."
        await APPROVALS.change(tx, approval, MARK_OVERDUE, who=SYSTEM, why=why, at=at, overdue_at=at)
