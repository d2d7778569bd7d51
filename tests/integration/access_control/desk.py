"""Builders for tests of access-control: providers with keys, facts of the register, receipts, what became of them."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from access_control.consumer import DEADLINES, HANDLERS
from access_control.service.release import EXECUTION, RELEASE_WINDOW
from shared import signing
from shared.contracts.base import Fact
from shared.contracts.orders import RECEIPT_TYPE
from shared.contracts.registry import RegistrationReinstatedV1, RegistrationRevokedV1
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from tests.support import people
from tests.support.service import Api, Who

NOON = people.at("2026-11-20T04:00")


@dataclass
class Host:
    """A provider under test, with the key it signs with."""

    id: str
    key: dict[str, Any]

    @property
    def who(self) -> Who:
        return (f"provider-{self.id}", {"organisation": self.id, "roles": ["access_provider"]})

    def receipt(self, order: dict[str, Any], outcome: str = "executed", **change: Any) -> dict[str, Any]:
        """A receipt for an order as the feed gave it."""
        document = opened(order["jws"])
        made = {
            "receipt_id": str(uuid7()),
            "order_id": document["order_id"],
            "sequence": document["sequence"],
            "provider_id": self.id,
            "order_digest": hashlib.sha256(order["jws"].encode()).hexdigest(),
            "outcome": outcome,
            "at": NOON.isoformat(),
        }
        if outcome == "executed":
            made["how"] = "HTTP 451 on every host name"
        elif outcome != "received":
            made["why"] = "The site is served by somebody else."
        return {name: value for name, value in (made | change).items() if value is not None}

    def sign(self, receipt: dict[str, Any], *, key: dict[str, Any] | None = None, typ: str = RECEIPT_TYPE) -> str:
        return signing.Signer(key or self.key).sign(orjson.dumps(receipt), typ)

    def signed(self, order: dict[str, Any], outcome: str = "executed", **change: Any) -> str:
        return self.sign(self.receipt(order, outcome, **change))


def opened(jws: str) -> dict[str, Any]:
    """The payload of a JWS, unverified."""
    part = jws.split(".")[1]
    document: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


def revoked(*hosts: Host, sites: int = 1, **change: Any) -> RegistrationRevokedV1:
    """A registration whose sites are each hosted at all of these providers."""
    example = RegistrationRevokedV1.EXAMPLE
    listed = []
    for number in range(1, sites + 1):
        accesses = [
            {**example["sites"][0]["accesses"][0], "access_id": str(uuid4()), "provider_id": host.id} for host in hosts
        ]
        listed.append(
            {
                **example["sites"][0],
                "site_id": str(uuid7()),
                "number": f"京ICP备10046444号-{number}",
                "accesses": accesses,
            }
        )
    made = {"registration_id": str(uuid7()), "revocation_id": str(uuid7()), "sites": listed}
    return RegistrationRevokedV1.model_validate({**example, **made, **change})


def reinstated(fact: RegistrationRevokedV1, **change: Any) -> RegistrationReinstatedV1:
    """The reinstatement of what was revoked. Its sites carry other addresses than before: a restore must not care."""
    sites = [site.model_dump(mode="json") for site in fact.sites]
    for site in sites:
        for access in site["accesses"]:
            access["ips"] = ["203.0.113.99"]
    example = {
        **RegistrationReinstatedV1.EXAMPLE,
        "registration_id": str(fact.registration_id),
        "revocation_id": str(fact.revocation_id),
        "sites": sites,
    }
    return RegistrationReinstatedV1.model_validate({**example, **change})


@dataclass
class Desk:
    """The service under test, and time."""

    api: Api
    clock: FixedClock
    dsn: str
    hosts: list[Host] = field(default_factory=list)

    @property
    def rt(self) -> Runtime:
        return self.api.rt

    async def host(self, **change: Any) -> Host:
        """Register a provider and its key."""
        body = {
            "name": "Example Hosting",
            "licence_number": "京ICP证030173号",
            "region": "110000",
            "kind": "access_provider",
            "contact": "filings@hosting.example",
        }
        answer = await self.api.post("/providers", json={**body, **change}, who="desk-a")
        assert answer.status_code == 201, answer.text
        host = Host(answer.json()["id"], signing.generate_key(kid=f"key-{uuid4()}"))
        await self.add_key(host, host.key)
        self.hosts.append(host)
        return host

    async def add_key(self, host: Host, key: dict[str, Any]) -> None:
        jwk = {"jwk": signing.public(key)}
        answer = await self.api.post(f"/providers/{host.id}/keys", json=jwk, who="desk-a")
        assert answer.status_code == 201, answer.text

    async def deliver(self, fact: Fact) -> None:
        """Hand a fact to its verb as the consumer does: in one transaction."""
        meta = EventMeta(uuid7(), fact.key, fact.TOPIC.name, 0, 0, self.clock.now())
        async with self.rt.db.transaction() as tx:
            await HANDLERS[type(fact)](self.rt, tx, fact, meta)

    async def ring(self, kind: str, order_id: object) -> None:
        """Let a clock run out, as the tick worker does."""
        async with self.rt.db.transaction() as tx:
            await DEADLINES[kind](self.rt, tx, UUID(str(order_id)))

    async def close_window(self, *orders: dict[str, Any]) -> None:
        for order in orders:
            await self.ring(RELEASE_WINDOW, order["id"])

    async def let_pass(self, order_id: object) -> None:
        self.clock.advance(timedelta(hours=25))
        await self.ring(EXECUTION, order_id)

    async def orders(self, host: Host | None = None, **filters: Any) -> list[dict[str, Any]]:
        """Orders as an official sees them, oldest first."""
        if host is not None:
            filters["provider_id"] = host.id
        answer = await self.api.get("/orders", params=filters, who="desk-a")
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items[::-1]

    async def order(self, order_id: object) -> dict[str, Any]:
        answer = await self.api.get(f"/orders/{order_id}", who="desk-a")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def feed(self, host: Host, **params: Any) -> dict[str, Any]:
        answer = await self.api.get(f"/providers/{host.id}/orders", params=params, who=host.who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def state(self, host: Host) -> dict[str, Any]:
        answer = await self.api.get(f"/providers/{host.id}/state", who=host.who)
        found: dict[str, Any] = answer.json()
        return found

    async def post(self, host: Host, *receipts: str, who: Who = None) -> list[dict[str, Any]]:
        """Hand in receipts; the result of each."""
        body = {"receipts": list(receipts)}
        answer = await self.api.post(f"/providers/{host.id}/receipts", json=body, who=who or host.who)
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    async def answer(self, host: Host, outcome: str = "executed", *, sequence: int | None = None) -> dict[str, Any]:
        """Sign and hand in a receipt for the last order of the feed, or for the one at a place."""
        orders = (await self.feed(host, limit=500))["orders"]
        order = orders[-1] if sequence is None else next(each for each in orders if each["sequence"] == sequence)
        (result,) = await self.post(host, host.signed(order, outcome))
        return result

    async def rows(self, query: str, *values: object) -> list[asyncpg.Record]:
        async with self.rt.db.connection() as tx:
            return await tx.fetch(query, *values)

    async def facts(self, *types: str) -> list[dict[str, Any]]:
        """What the service told, in the order it will be published."""
        rows = await self.rows("SELECT type, value FROM outbox WHERE topic = 'access-events' ORDER BY id")
        return [orjson.loads(row["value"]) for row in rows if not types or row["type"] in types]

    async def refusals(self) -> list[tuple[str, str]]:
        """Acts that were refused: what and why."""
        rows = await self.rows("SELECT act, code FROM audit WHERE outcome = 'refused' ORDER BY id")
        return [(row["act"], row["code"]) for row in rows]

    async def open_deadlines(self, kind: str) -> Sequence[UUID]:
        rows = await self.rows(
            "SELECT aggregate_id FROM deadline WHERE kind = $1 AND met_at IS NULL AND breached_at IS NULL", kind
        )
        return [row["aggregate_id"] for row in rows]


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)
