"""What every side holds: five databases, the broker's topics, the providers' agents, and what the public reads."""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final

import asyncpg

from concord.sdk import Concord
from local_stack.supervisor import PARTITIONS, LocalStack
from shared.contracts.base import Topic
from shared.contracts.topics import FACT_TOPICS
from shared.runtime.events.kafka import KafkaSettings
from tests.faults.agent import Agent
from tests.faults.checker import Provider, Said, Traces
from tests.integration.runtime.world import read_log
from tests.support.office import Office

WRITERS: Final = ("coordination", "approval", "registry", "enforcement", "access-control")
"""Departments with an outbox."""
OUTBOX: Final = "SELECT topic, key, type, value FROM outbox ORDER BY id"
UNPUBLISHED: Final = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
PARKED: Final = "SELECT count(*) FROM parked"
DECISIONS: Final = "SELECT id::text, status FROM decision"
EXECUTIONS: Final = """
SELECT decision_id::text, id::text, status, carried_out IS NOT NULL AS carried_out FROM execution
"""
HEARD: Final = "SELECT id::text, carried_out IS NOT NULL AS carried_out, undone IS NOT NULL AS undone FROM execution"
OUTCOMES: Final = "SELECT order_id::text, outcome FROM order_outcome"
ORDERS: Final = """
SELECT id::text, execution_id::text, site_id::text, undoes::text, action, status, sequence, digest, issued_at
  FROM access_order WHERE provider_id = $1::uuid
"""
RECEIPTS: Final = "SELECT receipt_id::text, order_id::text, outcome FROM receipt WHERE provider_id = $1::uuid"
OPEN: Final = "SELECT count(*) FROM access_order WHERE status NOT IN ('executed', 'superseded', 'lapsed', 'withdrawn')"
LYING: Final = "SELECT count(*) FROM execution WHERE status IN ('received', 'accepted')"

Log = dict[tuple[str, str], list[str]]


class Sides:
    """Asks everybody."""

    def __init__(self, office: Office, agents: dict[str, tuple[Agent, Concord]]) -> None:
        """``agents`` by provider, each with the provider's own client."""
        self._office, self._agents = office, agents
        self.repeated = 0
        """Records that the broker holds more than once, when they were read last."""
        self._names: dict[str, str] = {}

    @property
    def _stack(self) -> LocalStack:
        return self._office.stack

    async def rows(self, service: str, query: str, *values: object) -> list[dict[str, Any]]:
        """What a department's database answers."""
        connection = await asyncpg.connect(self._stack.dsn(service))
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    async def count(self, service: str, query: str) -> int:
        """How many there are."""
        (row,) = await self.rows(service, query)
        return int(row["count"])

    async def waiting(self) -> dict[str, int]:
        """What is still under way, by what it is."""
        found = {f"facts of {each} are not published": await self.count(each, UNPUBLISHED) for each in WRITERS}
        found |= {f"events are parked at {each}": await self.count(each, PARKED) for each in WRITERS}
        found["executions lie on the regulator's desk"] = await self.count("registry", LYING)
        return found | {"orders are not answered": await self.count("access-control", OPEN)}

    async def traces(self, said: Said) -> Traces:
        """Everything, as it is now. Who goes on meanwhile may do more than they are remembered for, and not less."""
        said = deepcopy(said)
        waiting = await self.waiting()
        told = await self._told()
        executions = await self.rows("registry", EXECUTIONS)
        return Traces(
            said=said,
            now=time.time(),
            decisions={row["id"]: row["status"] for row in await self.rows("enforcement", DECISIONS)},
            executions={row["decision_id"]: row for row in executions},
            heard={row["id"]: row for row in await self.rows("access-control", HEARD)},
            outcomes={row["order_id"]: row["outcome"] for row in await self.rows("registry", OUTCOMES)},
            providers=[await self._provider(each) for each in self._agents],
            told=told,
            read=await self._read({topic for topic, _ in told}),
            waiting=waiting,
            shown={each.domain: await self._shown(each.domain) for each in said.released.values()},
        )

    async def _provider(self, provider_id: str) -> Provider:
        agent, client = self._agents[provider_id]
        state = (await client.call("access-control", "GET", f"/providers/{provider_id}/state")).json()
        orders = await self.rows("access-control", ORDERS, provider_id)
        receipts = await self.rows("access-control", RECEIPTS, provider_id)
        return Provider(provider_id, orders, receipts, state, agent.kept())

    async def _told(self) -> Log:
        told: Log = defaultdict(list)
        for service in WRITERS:
            for row in await self.rows(service, OUTBOX):
                mark = _mark(row["value"])
                self._names[mark] = f"{row['type']} ({mark})"
                told[row["topic"], row["key"]].append(self._names[mark])
        return told

    async def _read(self, names: set[str]) -> Log:
        broker = self._stack.broker
        kafka = KafkaSettings(
            broker.bootstrap, idempotence=broker.idempotence, partitions=PARTITIONS, fetch_wait_ms=broker.fetch_wait_ms
        )
        read: Log = defaultdict(list)
        for name in sorted(names):
            shared = name in {topic.name for topic in FACT_TOPICS}
            log = await read_log(kafka, Topic(name, "", ""), range(PARTITIONS if shared else 1))
            for record in log.records:
                mark = _mark(record.value)
                read[name, record.key.decode()].append(self._names.get(mark, mark))
        self.repeated = sum(sum(Counter(each).values()) - len(set(each)) for each in read.values())
        return read

    async def _shown(self, domain: str) -> str:
        answer = await self._office.people["officer"].query.lookup(domain=domain, purpose="outage")
        return answer.hosting.state if answer.hosting is not None else "nowhere"


def _mark(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:12]


def slowest_return(found: Traces) -> float:
    """Seconds from the word that took a measure back until its site was on again, at the slowest; 0 without any."""
    by_execution: dict[str, float] = {}
    for provider in found.providers:
        done = {call.order["order_id"]: call.at for call in reversed(provider.kept.calls) if call.verb == "restore"}
        by_execution |= {row["execution_id"]: done[row["id"]] for row in provider.orders if row["id"] in done}
    waits: Sequence[float] = [
        by_execution[execution["id"]] - found.said.undone[decision_id]
        for decision_id, execution in found.executions.items()
        if decision_id in found.said.undone and execution["id"] in by_execution
    ]
    return max(waits, default=0.0)
