"""What other departments did about a decision.

Facts of one key come in order, but those of different topics overtake one another, and anything may come twice. So
each fact does two things: it is noted, whatever the decision's status, and it moves the decision only if the table
allows the move from where it stands. A decision that was suspended or overturned meanwhile stays so.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from enforcement.lifecycle import DECISION, Action
from enforcement.service.common import SYSTEM, remember
from enforcement.store import decisions
from shared.contracts.access import OrderExecutedV1
from shared.contracts.registry import (
    RegistrationReinstatedV1,
    RegistrationRevokedV1,
    RevocationRequestDeclinedV1,
    RevocationRequestReceivedV1,
)
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx

_log = structlog.get_logger(__name__)


async def request_received(rt: Runtime, tx: Tx, fact: RevocationRequestReceivedV1, meta: EventMeta) -> None:
    """The regulator has the request on its desk (P3.2.3)."""
    why = "The industry regulator received the request."
    await _take_note(rt, tx, fact.decision_id, Action.RECEIVE, why, received_at=meta.at)


async def request_declined(rt: Runtime, tx: Tx, fact: RevocationRequestDeclinedV1, meta: EventMeta) -> None:
    """The regulator declined the request, with reasons (P3.2.3)."""
    declined = {"decline_legal_basis": fact.legal_basis, "decline_reasons": fact.reasons, "declined_at": meta.at}
    await _take_note(rt, tx, fact.decision_id, Action.DECLINE, fact.reasons, **declined)


async def registration_revoked(rt: Runtime, tx: Tx, fact: RegistrationRevokedV1, meta: EventMeta) -> None:
    """The regulator revoked the registration because of a decision of ours; others are not our business."""
    if fact.measure.decision_id is not None:
        why = f"Registration {fact.number} was revoked."
        revoked = {"revoked_at": fact.revoked_at, "revocation_id": fact.revocation_id}
        await _take_note(rt, tx, fact.measure.decision_id, Action.EXECUTE, why, **revoked)


async def registration_reinstated(rt: Runtime, tx: Tx, fact: RegistrationReinstatedV1, meta: EventMeta) -> None:
    """The registration is valid again. That is noted; what the decision is worth, an appeal decides."""
    if fact.decision_id is not None:
        await _take_note(rt, tx, fact.decision_id, None, fact.reasons, reinstated_at=fact.reinstated_at)


async def order_executed(rt: Runtime, tx: Tx, fact: OrderExecutedV1, meta: EventMeta) -> None:
    """A provider carried out an order that goes back to a decision of ours."""
    if fact.decision_id is not None and not await decisions.add_order(tx, fact.decision_id, fact):
        _log.info("order.known_or_foreign", order_id=str(fact.order_id), decision_id=str(fact.decision_id))


async def _take_note(rt: Runtime, tx: Tx, decision_id: UUID, action: Action | None, why: str, **said: Any) -> None:
    held = await decisions.lock(tx, decision_id)
    if held is None:
        _log.warning("decision.unknown", decision_id=str(decision_id), action=action)
        return
    _, decision = held
    at: datetime = rt.clock.now()
    if action is None or not DECISION.can(decision.status, action):
        decisions.note(tx, decision, decision.status, at, **said)
        return
    moved = decisions.note(tx, decision, DECISION.after(decision.status, action), at, **said)
    remember(tx, moved, decision.status, action, SYSTEM, why, at)
