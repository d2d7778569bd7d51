"""Who may do what on a Kafka cluster with access lists: what each department's principal needs, from the contracts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from local_stack.topology import SERVICES
from shared.contracts.catalogue import FACTS
from shared.contracts.topics import FACT_TOPICS, orders_topic, receipts_topic

ORDERS: Final = orders_topic("").name
"""How the names of all orders topics begin."""
RECEIPTS: Final = receipts_topic("").name


@dataclass(frozen=True, order=True, slots=True)
class Grant:
    """Operations on one resource, or on all whose name begins so. READ and WRITE include DESCRIBE."""

    resource: Literal["topic", "group"]
    name: str
    prefixed: bool
    operations: tuple[str, ...]


def of_department(name: str) -> Iterator[Grant]:
    """What the principal of a service needs: its own topics, those whose facts it reads, and its consumer groups."""
    read = {fact.TOPIC.name for fact in FACTS.values() if name in fact.CONSUMERS}
    for topic in FACT_TOPICS:
        if topic.producer == name:
            yield Grant("topic", topic.name, False, ("CREATE", "WRITE"))
        elif topic.name in read:
            yield Grant("topic", topic.name, False, ("READ",))
    if name == "access-control":
        yield Grant("topic", ORDERS, True, ("CREATE", "WRITE"))
        yield Grant("topic", RECEIPTS, True, ("CREATE", "READ"))
    if read:
        yield Grant("group", name, True, ("READ",))


def of_provider(provider_id: object) -> Iterator[Grant]:
    """What a provider's principal needs: its own two topics, and a group's name for clients that insist on one."""
    yield Grant("group", str(provider_id), True, ("READ",))
    yield Grant("topic", orders_topic(provider_id).name, False, ("READ",))
    yield Grant("topic", receipts_topic(provider_id).name, False, ("WRITE",))


def departments() -> dict[str, list[Grant]]:
    """Every department with what it needs."""
    return {name: sorted(of_department(name)) for name in SERVICES}
