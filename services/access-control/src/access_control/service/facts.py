"""The facts access-control tells about an order, made from the order as it stands."""

from datetime import datetime
from typing import Any

from access_control.store.orders import AccessOrder
from shared.contracts import access
from shared.contracts.base import Fact
from shared.contracts.orders import Outcome, Receipt


def _story(order: AccessOrder, at: datetime) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "site_id": order.site_id,
        "registration_id": order.registration_id,
        "provider_id": order.provider_id,
        "action": order.action,
        "sequence": order.sequence,
        "decision_id": order.decision_id,
        "at": at,
    }


def released(order: AccessOrder) -> Fact:
    """It went out."""
    return access.OrderReleasedV1(**_story(order, order.changed_at), execute_by=order.execute_by)


def withdrawn(order: AccessOrder, reasons: str) -> Fact:
    """It was taken back before it went out."""
    return access.OrderWithdrawnV1(**_story(order, order.changed_at), reasons=reasons)


def overdue(order: AccessOrder) -> Fact:
    """Its delay passed."""
    return access.OrderOverdueV1(**_story(order, order.changed_at), execute_by=order.execute_by)


def answered(order: AccessOrder, receipt: Receipt, at: datetime) -> Fact:
    """What the provider signed about it, in words every department reads."""
    story = _story(order, at)
    match receipt.outcome:
        case Outcome.RECEIVED:
            return access.OrderReceivedV1(**story)
        case Outcome.EXECUTED:
            return access.OrderExecutedV1(**story, how=receipt.how, executed_at=receipt.at)
        case Outcome.PARTLY:
            return access.OrderPartlyExecutedV1(**story, reasons=receipt.why)
        case Outcome.IMPOSSIBLE:
            return access.OrderImpossibleV1(**story, reasons=receipt.why)
        case Outcome.CONTESTED:
            return access.OrderContestedV1(**story, reasons=receipt.why)
