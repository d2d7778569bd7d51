"""How a provider's own suspension ends here: not confirmed, its decision fell, or no order of that means it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from enforcement import told
from enforcement.errors import UnknownEmergency
from enforcement.lifecycle import EMERGENCY, EmergencyAction, EmergencyStatus
from enforcement.service import subscriptions
from enforcement.store import decisions, sites
from enforcement.store import emergencies as store
from enforcement.store.decisions import Decision
from enforcement.store.emergencies import Emergency
from shared.contracts.access import OrderReleasedV1
from shared.contracts.emergencies import FELL, NOT_CONFIRMED, NOT_MEANT, NOT_SENT
from shared.contracts.grounds import (
    ActRef,
    AddressForService,
    AuthorityRef,
    Names,
    OperatorRef,
    Party,
    Service,
    Statement,
)
from shared.contracts.orders import Action
from shared.contracts.quoting import quoting
from shared.rules.identifiers import normalise_domain
from shared.runtime.acts import notices, outbox
from shared.runtime.acts.directory import AuthorityMissing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

CONFIRM: Final = "confirm_emergency"
"""The clock of the rule profile by which it is confirmed or lapses."""
SYSTEM: Final = Caller.system("enforcement")
_LAPSED: Final = Names(zh="紧急暂停接入失效告知书", en="What your provider suspended by itself has lapsed")


async def lapse(tx: Tx, rt: Runtime, held: Emergency, because: str, says: Statement) -> None:
    """It is over: the provider is ordered to host the site again, and whom it hit is told."""
    if not EMERGENCY.can(held.status, EmergencyAction.LAPSE):
        return
    at = rt.clock.now()
    lapsed = await store.MOVES.move(
        tx, held, EmergencyAction.LAPSE, who=SYSTEM, why=says.reasons, at=at, ended_because=because,
        statement=says.public().model_dump(mode="json"),
    )  # fmt: skip
    outbox.add(tx, told.emergency_lapsed(lapsed, because, says, at), at=at)
    await tell(tx, rt, lapsed, "emergency_lapsed", _LAPSED, says)


async def fell(tx: Tx, rt: Runtime, decision: Decision, says: Statement) -> None:
    """A decision was declined, suspended, overturned, or ended: what it confirmed has nothing left to rest on.

    Where an order of it went out before, access-control knows: that order is taken back like any other.
    """
    for held in await store.hold_of_decision(tx, decision.id):
        await lapse(tx, rt, held, FELL, says)


async def not_sent(tx: Tx, rt: Runtime, decision: Decision, provider_id: UUID, says: Statement) -> None:
    """The order by which a provider was to go on with it was taken back before it went out: there it is over at once.

    access-control ordered the provider to host the site again when it took that order back; whom it hit is told here.
    """
    for held in await store.hold_of_decision(tx, decision.id):
        if held.provider_id == provider_id:
            await lapse(tx, rt, held, NOT_SENT, says)


async def restored(tx: Tx, rt: Runtime, order: OrderReleasedV1) -> None:
    """Its own restore went out: access-control ended it, and nothing that was told here was the cause.

    No order of its decision means the name, which is another's by now (docs/adr/0026), none is at the provider any
    more, or the confirmation was not heard in time. Whom it hit is told, and whoever has the name by now: they may have
    heard nothing of it before.
    """
    if order.action != Action.RESTORE or order.undoes is not None:
        return
    try:
        held = await store.hold(tx, order.execution_id)
    except UnknownEmergency:  # of a database that was lost, or under another id (stand_in of access-control)
        return
    if held.status is not EmergencyStatus.CONFIRMED or held.site_id is None:
        return
    why = quoting(
        f"{held.provider.name}, which had suspended {held.host} by itself on {held.since.isoformat(timespec='minutes')}"
        ", was ordered to host it again. ", order.public_reasons,
    )  # fmt: skip
    clock = rt.rules.clocks[CONFIRM]
    says = Statement(legal_basis=(clock.source,), reasons=why, public_reasons=why)
    name = normalise_domain(held.host)
    now = await sites.find(tx, (name.ascii, *name.above))
    still = now is not None and now.site_id == held.site_id
    because = NOT_CONFIRMED if still else NOT_MEANT
    if order.site_id is not None:  # the site that was decided about: its order was taken back, or none came
        because = FELL if await _fell(tx, held, rt.clock.now()) else NOT_SENT
    await lapse(tx, rt, held, because, says)
    if now is not None and now.operator.identity != held.identity:
        to = OperatorRef(identity=now.operator.identity, name=now.operator.name)
        await _notify(tx, rt, held, to, "emergency_lapsed", _LAPSED, says)


async def _fell(tx: Tx, held: Emergency, at: datetime) -> bool:
    """Whether the decision that confirms it is over, or what it did is undone."""
    assert held.decision_id is not None, "it is confirmed"
    _, decision = await decisions.get(tx, held.decision_id)
    undone = decision.execution is not None and decision.execution.status == "undone"
    return undone or (decision.until is not None and decision.until <= at)


async def tell(
    tx: Tx, rt: Runtime, emergency: Emergency, kind: str, title: Names, says: Statement, *,
    answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """A notice to whom it hits, and a copy to whoever shows that they hold the name: of a found site nobody else is
    told but the provider itself. Of the regulator where the site is registered, or where the provider is.
    """
    authority = await _notify(tx, rt, emergency, emergency.operator, kind, title, says, answer_by=answer_by)
    about = ActRef(service=Service.ENFORCEMENT, kind="emergency", id=emergency.id)
    await subscriptions.copy(
        tx, rt, [emergency.host], about=about, kind=kind, title=title, says=says, authority=authority,
        answer_by=answer_by,
    )  # fmt: skip


async def _notify(
    tx: Tx, rt: Runtime, emergency: Emergency, to: Party, kind: str, title: Names, says: Statement, *,
    answer_by: datetime | None = None,
) -> AuthorityRef:  # fmt: skip
    known = await sites.of_operator(tx, to.identity)
    try:
        authority = emergency.authority or rt.directory.regulator(emergency.level, emergency.region)
    except AuthorityMissing:  # a gap in the directory keeps nobody from being told
        authority = next(each.ref for each in rt.directory if each.active)
    about = ActRef(service=Service.ENFORCEMENT, kind="emergency", id=emergency.id)
    await notices.issue(
        tx, rt, about=about, kind=kind, to=to, authority=authority, title=title, says=says,
        answer_by=answer_by, address=known.operator.address_for_service if known is not None else AddressForService(),
    )  # fmt: skip
    return authority
