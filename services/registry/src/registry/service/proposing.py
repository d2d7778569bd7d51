"""What every proposal begins with: put on the desk with a clock, held in one order, told when it is decided."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from registry.errors import AmendmentPending, InvalidValues
from registry.service import admission, diffs
from registry.service.desk import teller
from registry.service.registrations import CLAIMED_BEYOND, CLOCKS
from registry.store import amendments, checks, claims, operators, sites
from registry.store import registrations as register
from registry.store.amendments import Amendment
from shared.contracts.grounds import ActRef, Grounds, Names, Service, Statement
from shared.contracts.http.amendments import FARTHEST_DAYS
from shared.contracts.http.registry import RegistrationKind
from shared.contracts.quoting import quoting
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

DECISION: Final = "amendment_decision"
_PROPOSED: Final = Names(zh="代为提出变更告知书", en="A change was proposed in your name")
_FOR_CONSENT: Final = Names(zh="代为提出变更征求同意书", en="A change proposed in your name waits for your consent")
_IN_ITS_NAME: Final = "The regulator proposed it in its operator's name, who may withdraw it until it holds."
_WAITS: Final = (
    "The regulator proposed it in its operator's name, and it takes something from the operator: nobody grants it"
    " without the operator's own consent. Without an answer it lapses."
)


async def begin(
    tx: Tx, rt: Runtime, who: Caller, *, kind: str, operator_id: UUID, registration_id: UUID | None,
    site_id: UUID | None, base_version: int, proposal: dict[str, Any], why: str, effective_from: date | None,
) -> Amendment:  # fmt: skip
    """Put a proposal on the desk. Raises AmendmentPending (409); InvalidValues (422) for a day that cannot be."""
    at = rt.clock.now()
    _require_day(rt, effective_from, at)
    added = await amendments.add(
        tx, uuid7(), kind=kind, operator_id=operator_id, registration_id=registration_id, site_id=site_id,
        base_version=base_version, proposal=proposal, who=who, at=at, effective_from=effective_from,
    )  # fmt: skip
    if added is None:
        pending = await amendments.pending(tx, site_id, operator_id, kind)
        raise AmendmentPending(amendment_id=str(pending))
    amendments.MOVES.began(tx, added, "propose", who=who, why=why, at=at)
    return added


def _require_day(rt: Runtime, effective_from: date | None, at: datetime) -> None:
    """A day from today on, by the profile's time zone, and not farther ahead than names are kept for."""
    if effective_from is None:
        return
    today = rt.rules.day_of(at)
    last = today + timedelta(days=FARTHEST_DAYS)
    if not today <= effective_from <= last:
        raise InvalidValues.field("effective_from", f"must be from {today} to {last}")


def day_begins(rt: Runtime, day: date) -> datetime:
    """The first moment of a day, where the profile is in force."""
    return datetime.combine(day, time(), rt.rules.time_zone)


async def start_clock(tx: Tx, rt: Runtime, amendment: Amendment, kind: str) -> datetime:
    """Start the regulator's clock, which ends when it says: decided like what it amends (P3.1, last paragraph)."""
    due = await deadlines.start(
        tx, kind=DECISION, aggregate_id=amendment.id, clock_name=CLOCKS[RegistrationKind(kind)], rt=rt,
        at=rt.clock.now(),
    )  # fmt: skip
    return due.due_at


def kept_until(rt: Runtime, amendment: Amendment, due_at: datetime) -> datetime:
    """Until when what it claims is kept from others: beyond its clock, and beyond the day from which it shall hold."""
    day = amendment.effective_from
    return max(due_at, day_begins(rt, day) if day is not None else due_at) + CLAIMED_BEYOND


async def hold(tx: Tx, amendment_id: UUID) -> Amendment:
    """A proposal, held after the operator, number or site it is about: everybody locks in this order.

    A transfer is about two operators, who are held together: two transfers the other way round do not wait for ever.
    """
    amendment = await amendments.get(tx, amendment_id)
    if amendment.receiver is not None:
        await operators.hold_many(tx, [amendment.organisation, amendment.receiver])
    if amendment.site_id is not None:
        await sites.hold(tx, amendment.site_id)
    elif amendment.registration_id is not None:
        await register.hold(tx, amendment.registration_id)
    else:
        await operators.hold(tx, amendment.operator_id)
    return await amendments.hold(tx, amendment_id)


async def tell_proposed(tx: Tx, rt: Runtime, amendment: Amendment, why: str, until: datetime) -> None:
    """Its operator hears at once of what somebody else proposes in its name, and whether that waits for it."""
    if amendment.by_operator:
        return
    waits = await diffs.waits_now(tx, rt, amendment)
    said = quoting("", why, f" {_WAITS if waits else _IN_ITS_NAME}")
    says = Statement(legal_basis=("P3.1",), reasons=said, public_reasons=said)
    await tell(tx, rt, amendment, "proposed", _FOR_CONSENT if waits else _PROPOSED, says, answer_by=until)


async def tell(
    tx: Tx, rt: Runtime, amendment: Amendment, kind: str, title: Names, says: Statement, *,
    answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """Tell the operator, and whoever decides, what became of a proposal."""
    operator, hands = await operators.get(tx, amendment.operator_id), list[UUID]()
    if amendment.site_id is not None and isinstance(says, Grounds):  # whose hosts were asked about it
        hands = await checks.about(tx, amendment.site_id, amendment.proposed_at)
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="amendment", id=amendment.id), kind=f"amendment_{kind}",
        to=operator.ref, address=operator.address, title=title, says=says,
        authority=teller(rt, amendment.level, amendment.region), hosts=await names_of(tx, amendment),
        answer_by=answer_by, hands=hands,
    )  # fmt: skip


async def names_of(tx: Tx, amendment: Amendment) -> list[str]:
    """The names that a proposal is about, those too that it asks for or gives up; none if it is about an operator.

    Of a move that was carried out, whatever is still under the number that it left: the sites hear of it there.
    """
    asked = [name.ascii for name in admission.names_of(amendment.proposal.get("domains", ()))]
    if amendment.site_id is not None:
        before = (amendment.decided or {}).get("holds", {}).get("domains", ())
        return [*(await sites.get(tx, amendment.site_id)).site.domains, *asked, *before]
    return [*asked, *await claims.of_numbers(tx, [amendment.registration_id] if amendment.registration_id else [])]
