"""A provider that sends what it hosts, as tests do it: batches by number, their closing, and the looks that follow."""

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from registry.consumer import DEADLINES
from registry.service import reconciling
from shared.contracts.access import OrderFact
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import PROVIDER, Register

WHY = {"reasons": "The operator changes the address this week."}


def provider(provider_id: UUID = PROVIDER) -> tuple[str, dict[str, Any]]:
    """The machine of a provider: its organisation is the provider's id."""
    return f"provider-{provider_id}", {"organisation": str(provider_id), "roles": ["access_provider"]}


def record(host: str, *ips: str, **more: Any) -> dict[str, Any]:
    return {"host": host, "ips": list(ips) or ["198.18.0.10"], **more}


class Sender:
    """What a provider's program remembers: the next number, and the bytes of the list it is sending."""

    def __init__(self, register: Register, provider_id: UUID = PROVIDER) -> None:
        self.register, self.id, self.who = register, provider_id, provider(provider_id)
        self.next, self.sent, self.count = 1, list[bytes](), 0
        self.last = b""

    @property
    def path(self) -> str:
        return f"/inventories/{self.id}/batches"

    async def raw(self, content: bytes, status: int = 200, who: Any = None) -> dict[str, Any]:
        """Bytes as they are."""
        answer = await self.register.api.post(
            self.path, content=content, who=who or self.who, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def batch(self, *records: Any, status: int = 200, **more: Any) -> dict[str, Any]:
        """The next batch of records."""
        self.last = json.dumps({"sequence": self.next, "records": list(records), **more}).encode()
        answer = await self.raw(self.last, status)
        if status == 200:
            if more.get("anew"):
                self.sent, self.count = [], 0
            self.sent.append(hashlib.sha256(self.last).digest())
            self.next, self.count = self.next + 1, self.count + len(records)
        return answer

    async def close(self, status: int = 200, **changes: Any) -> dict[str, Any]:
        """The closing of what was sent."""
        closing = {"records": self.count, "hash": hashlib.sha256(b"".join(self.sent)).hexdigest()} | changes
        self.last = json.dumps({"sequence": self.next, "close": closing}).encode()
        answer = await self.raw(self.last, status)
        if status == 200:
            self.next, self.sent, self.count = self.next + 1, [], 0
        return answer

    async def hosts(self, *records: Any) -> None:
        """A whole list, closed and looked at."""
        if records:
            await self.batch(*records)
        await self.close()
        await self.looked()

    async def looked(self) -> None:
        """The next look, from its beginning to its end."""
        await self.register.ring(reconciling.RECONCILE, self.id)
        while True:
            state = await self.register.fetchval("SELECT looked_to FROM inventory WHERE provider_id = $1", self.id)
            ripe = await self.register.fetchval(
                "SELECT count(*) FROM deadline WHERE kind = $1 AND aggregate_id = $2 AND met_at IS NULL"
                " AND due_at <= $3", reconciling.RECONCILE, self.id, self.register.clock.now(),
            )  # fmt: skip
            if state is None and not ripe:
                return
            async with self.register.api.rt.db.transaction() as tx:
                await DEADLINES[reconciling.RECONCILE](self.register.api.rt, tx, self.id)

    async def state(self) -> dict[str, Any]:
        return await self.register.get(f"/inventories/{self.id}", self.who)

    async def findings(self, who: Any = None, **filters: str) -> list[dict[str, Any]]:
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        return list((await self.register.get(f"/hosted-findings?limit=200&{query}", who or self.who))["items"])

    async def found(self, *but: str) -> set[tuple[str, str]]:
        """Name and kind of every finding that is not over."""
        gone = {"cured", "dismissed", *but}
        return {(each["host"], each["kind"]) for each in await self.findings() if each["status"] not in gone}


async def ordered(
    register: Register, execution: dict[str, Any], *facts: type[OrderFact], order_id: UUID | None = None, **more: Any
) -> UUID:
    """Access-control says so of one order of this execution at the provider; each a second after the one before."""
    order_id = order_id or uuid7()
    for fact in facts:
        register.clock.advance(timedelta(seconds=1))
        await register.hear(fact.model_validate({
            **fact.EXAMPLE, "execution_id": execution["id"], "decision_id": execution["decision_id"],
            "provider_id": PROVIDER, "order_id": order_id, "at": register.clock.now(),
        } | more))  # fmt: skip
    return order_id


async def revoked(register: Register, site: dict[str, Any], *facts: type[OrderFact]) -> dict[str, Any]:
    """Its execution, carried out here, and what became of the order."""
    execution = await register.carried_out(await register.decided(site))
    await ordered(register, execution, *facts)
    return execution
