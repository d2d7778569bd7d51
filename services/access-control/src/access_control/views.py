"""What callers read: rows shaped for one person, who sees what that person may do."""

from datetime import date, datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from access_control.lifecycle import INSTRUCTION, LIFECYCLE, clock_runs
from access_control.policy import INSTRUCTION_ACTS, ORDER_ACTS, POLICY
from access_control.service.feed import ASK_AGAIN_S, Asked, Snapshot
from access_control.service.kept_counts import Counts
from access_control.service.orders import Seen
from access_control.service.probing import Beside
from access_control.service.providers import Known
from access_control.service.queue import Queue
from access_control.service.statistics import slower
from access_control.store.conduct import ConductEntry, NotedFinding
from access_control.store.emergencies import Emergency
from access_control.store.feed import FeedPage, InForce, SignedOrder
from access_control.store.instructions import Instruction
from access_control.store.licences import Licence
from access_control.store.orders import AccessOrder
from access_control.store.providers import Key
from access_control.store.receipts import RecordedReceipt, TakenBatch
from access_control.store.webhooks import Webhook
from shared.contracts.http import access as wire
from shared.contracts.http import providers as providers_wire
from shared.contracts.http import receipts as receipts_wire
from shared.contracts.http.access import OrderAction
from shared.contracts.http.emergencies import EmergencyView
from shared.contracts.http.home import HomeView
from shared.contracts.http.observed import DifferenceView, ObservationView, ObservedView
from shared.contracts.http.webhooks import WebhookView
from shared.contracts.orders import Action
from shared.contracts.topics import orders_topic, receipts_topic
from shared.runtime.base.context import Caller

V = TypeVar("V", bound=BaseModel)


def of_key(key: Key) -> providers_wire.KeyView:
    """A key."""
    return _view(providers_wire.KeyView, key)


def of_licence(licence: Licence, day: date) -> providers_wire.LicenceView:
    """A licence, as it is on that day."""
    return _view(providers_wire.LicenceView, licence, in_force=licence.in_force(day))


def of_provider(known: Known, day: date) -> providers_wire.ProviderView:
    """A provider with its licences, as they are on that day, keys and topics."""
    provider = known.provider
    topics = providers_wire.TopicsView(orders=orders_topic(provider.id).name, receipts=receipts_topic(provider.id).name)
    return _view(
        providers_wire.ProviderView, provider, topics=topics, keys=[of_key(key) for key in known.keys],
        licences=[of_licence(licence, day) for licence in known.licences],
    )  # fmt: skip


def of_conduct(entry: ConductEntry, at: datetime) -> providers_wire.ConductEntryView:
    """An entry of a conduct record, as it counts then."""
    return _view(providers_wire.ConductEntryView, entry, counts=entry.counts(at))


def of_webhook(hook: Webhook) -> WebhookView:
    """Where a provider's orders are posted."""
    return _view(WebhookView, hook)


def of_emergency(emergency: Emergency) -> EmergencyView:
    """What a provider suspended by itself."""
    return _view(EmergencyView, emergency, jws=emergency.jws.decode("ascii"))


def of_order(who: Caller, seen: Seen) -> wire.OrderView:
    """An order."""
    return _view(wire.OrderView, seen.order, **_says(who, seen))


def of_order_with_receipts(who: Caller, seen: Seen) -> wire.OrderDetailView:
    """An order with what its provider signed about it."""
    receipts = [_receipt(receipt) for receipt in seen.receipts]
    return _view(wire.OrderDetailView, seen.order, **_says(who, seen), receipts=receipts)


def of_observed(beside: Beside) -> ObservedView:
    """What was claimed of an order beside what was seen."""
    return _view(
        ObservedView, beside.order, order_id=beside.order.id, executed_at=beside.executed_at,
        differences=[_view(DifferenceView, each) for each in beside.differences],
        observations=[_view(ObservationView, each) for each in beside.observations],
    )  # fmt: skip


def of_instruction(who: Caller, instruction: Instruction) -> wire.InstructionView:
    """An instruction."""
    allowed = POLICY.allowed(
        who, instruction, INSTRUCTION.allowed(instruction.status), INSTRUCTION_ACTS,
        drafted_by=instruction.acknowledged_by or "",
    )  # fmt: skip
    return _view(wire.InstructionView, instruction, jws=instruction.jws.decode("ascii"), allowed_actions=allowed)


def of_queue(queue: Queue) -> wire.QueueView:
    """What waits at a provider."""
    waiting = [
        wire.WaitingView(
            position=each.position, order_id=each.id, action=each.action, urgent=each.urgent, until=each.until,
            decided_at=each.decided_at, waits_since=each.waits_since,
        )
        for each in queue.waiting
    ]  # fmt: skip
    return wire.QueueView(
        provider_id=queue.provider.id, daily_capacity=queue.provider.daily_capacity, waiting=queue.total,
        opens_at=queue.opens_at, orders=waiting,
    )  # fmt: skip


def of_feed(page: FeedPage, asked: Asked) -> wire.FeedView:
    """A page of a feed, and when to ask for the next one."""
    orders = _signed(page.orders)
    after = orders[-1].sequence if orders else asked.after
    at_once = asked.wait > 0 or after < page.head
    return wire.FeedView(orders=orders, next_after=after, head=page.head, ask_again_s=0 if at_once else ASK_AGAIN_S)


def of_snapshot(provider_id: Any, snapshot: Snapshot) -> wire.SnapshotView:
    """A snapshot."""
    return wire.SnapshotView(
        provider_id=provider_id, head=snapshot.head, in_force=len(snapshot.orders), hash=snapshot.hash,
        orders=_signed(snapshot.orders), open=_signed(snapshot.open),
    )  # fmt: skip


def _says(who: Caller, seen: Seen) -> dict[str, Any]:
    order, content = seen.order, seen.content
    answer = wire.AnswerView.model_validate(order.answer) if order.answer is not None else None
    allowed = POLICY.allowed(
        who, order, filter(lambda move: _possible(order, move), LIFECYCLE.allowed(order.status)), ORDER_ACTS,
        drafted_by=order.against_reissue,
    )  # fmt: skip
    says = {name: getattr(content, name) for name in type(content).model_fields}
    return {**says, "answer": answer, "position": seen.position, "home": _home(seen), "allowed_actions": allowed}


def _home(seen: Seen) -> HomeView:
    done, undone = seen.execution.carried_out, seen.execution.undone
    return HomeView(
        regulator=seen.content.regulator, received_at=done and done.received_at, due_at=done and done.due_at,
        carried_out_at=done and done.carried_out_at, undone_at=undone and undone.undone_at,
        undone_because=undone and undone.because, undone_by=undone and undone.authority,
    )  # fmt: skip


def _possible(order: AccessOrder, move: OrderAction) -> bool:
    """What the order's own columns say beyond its status."""
    match move:
        case OrderAction.ESCALATE:
            return clock_runs(order.status, order.action) and order.overdue and order.escalated_at is None
        case OrderAction.ASK_REISSUE:
            return order.reissue_asked_by is None and order.reissued_as is None
        case OrderAction.REISSUE:
            return order.reissue_asked_by is not None and order.reissued_as is None
        case OrderAction.UPHOLD | OrderAction.ACCEPT | OrderAction.WITHDRAW:
            return order.action is not Action.RESTORE
    return True


def of_finding(noted: NotedFinding, at: datetime) -> providers_wire.NotedFindingView:
    """What a provider left unanswered, as it counts then."""
    return _view(providers_wire.NotedFindingView, noted, counts=noted.counts(at))


def of_statistics(counts: Counts) -> wire.OrderStatistics:
    """How soon providers stop and resume."""
    return wire.OrderStatistics(
        since=counts.period.begins, until=counts.period.ends, as_of=counts.as_of,
        providers=[_view(wire.OrderCounts, each, way_back_slower=slower(each)) for each in counts.providers],
    )  # fmt: skip


def of_answer(taken: TakenBatch) -> receipts_wire.ReceiptAnswer:
    """What a provider is answered."""
    results = [receipts_wire.ReceiptResult.model_validate(each) for each in taken.results]
    return receipts_wire.ReceiptAnswer(
        results=results, digest=taken.digest, counter_receipt=taken.counter.decode("ascii")
    )


def of_batch(taken: TakenBatch) -> receipts_wire.ReceiptBatchView:
    """A batch as it was signed, and its proof."""
    return _view(
        receipts_wire.ReceiptBatchView, taken, jws=taken.jws.decode("ascii"),
        counter_receipt=taken.counter.decode("ascii"),
    )  # fmt: skip


def _receipt(receipt: RecordedReceipt) -> receipts_wire.ReceiptView:
    return _view(receipts_wire.ReceiptView, receipt)


def _signed(orders: list[SignedOrder] | list[InForce]) -> list[wire.SignedOrderView]:
    return [wire.SignedOrderView(sequence=order.sequence, jws=order.jws.decode("ascii")) for order in orders]


def _view(view: type[V], row: object, **more: Any) -> V:
    fields = {name: getattr(row, name) for name in view.model_fields if name not in more and hasattr(row, name)}
    return view.model_validate({**fields, **more})
