"""Flow G: the same signed bytes reach a provider whichever way it reads, and strangers' clients can read them."""

import hashlib
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from shared.contracts.orders import ORDER_TYPE, Action, Order
from shared.signing import Verifier
from tests.support.office import Office


def _from_kafka(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Read with another client library than ours (librdkafka)."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "stranger", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []
    for _ in range(300):
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            values.append(message.value() or b"")
        if len(values) == count:
            break
    consumer.close()
    return values


async def test_p3_2_3_the_feed_the_single_order_and_kafka_give_the_same_bytes_in_sequence(office: Office) -> None:
    await office.enter("bytes.example")
    await office.executed(await office.execute(await office.decide("bytes.example")), Action.CUT_OFF)
    async with office.provider() as provider:
        feed = await provider.access.feed(office.stack.provider_id, limit=500)
        keys: dict[str, Any] = await provider.access.keys()
        single = await provider.call("access-control", "GET", f"/providers/{office.stack.provider_id}/orders/1")
        state = await provider.access.state(office.stack.provider_id)
    sent = [entry.jws.encode() for entry in feed.orders]
    topic = f"access-orders.{office.stack.provider_id}"
    assert _from_kafka(office.stack.bootstrap, topic, len(sent)) == sent
    assert single.content == sent[0]
    verifier = Verifier(keys)
    orders = [Order.model_validate_json(verifier.verify(jws, ORDER_TYPE).payload) for jws in sent]
    assert [order.sequence for order in orders] == list(range(1, len(orders) + 1))
    undone = {order.undoes for order in orders}
    in_force = [order for order in orders if order.action is not Action.RESTORE and order.order_id not in undone]
    lines = "".join(f"{order.order_id} {order.sequence}\n" for order in in_force)
    assert state.hash == hashlib.sha256(lines.encode()).hexdigest()
