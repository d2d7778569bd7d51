"""Builders for tests of access-control: providers with keys, facts of the register, receipts, what became of them."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import orjson

from access_control.consumer import DEADLINES, HANDLERS
from access_control.service.sending import EXECUTION, RELEASE_WINDOW
from access_control.store.receipts import READER
from shared import signing
from shared.contracts.base import Fact
from shared.contracts.receipts import RECEIPTS_TYPE
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionUndoneV1
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.events import inbox
from tests.support import people
from tests.support.service import Api, Who

NOON = people.at("2026-11-20T04:00")
UNTIL_S = 3600.0 * 24 * 30
"""Seconds after NOON at which suspensions end."""
WHY = {"reasons": "The order names the wrong site."}
KEY_WHY = {"reasons": "The provider's next key, as its letter of today asks."}
REGULATOR, SECOND = "regulator-a", "regulator-b"
"""Two people of the organisation that issues the orders of these tests, as is ``desk-a``."""
SUPERVISOR = "education"
_licences = count(1)


def licence(number: object, **change: Any) -> dict[str, Any]:
    """A licence of a provider, as the desk enters it."""
    return {"kind": "idc", "number": number, "valid_from": "2020-01-01"} | change


def supervisor(letter: str = "a", organisation: str = SUPERVISOR) -> Who:
    """Somebody at the supervisor of a public-interest network."""
    return (f"supervisor-{letter}", {"organisation": organisation, "roles": ["network_supervisor"]})


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
            "order_digest": hashlib.sha256(order["jws"].encode()).hexdigest(),
            "outcome": outcome,
            "at": NOON.isoformat(),
        }
        if outcome == "executed":
            made["how"] = "HTTP 451 on every host name"
        elif outcome != "received":
            made["why"] = "The site is served by somebody else."
        return {name: value for name, value in (made | change).items() if value is not None}

    def batch(self, *receipts: Any, key: dict[str, Any] | None = None, typ: str = RECEIPTS_TYPE, **change: Any) -> str:
        """Receipts in one document, signed."""
        document = {"provider_id": self.id, "receipts": receipts} | change
        return signing.Signer(key or self.key).sign(orjson.dumps(document), typ)


def entered(key: dict[str, Any], provider_id: object) -> dict[str, Any]:
    """What the desk enters of a key: its public half, the proof that the provider holds the other, and why."""
    return {"jwk": signing.public(key), "proof": signing.prove(signing.Signer(key), provider_id), **KEY_WHY}


def opened(jws: str) -> dict[str, Any]:
    """The payload of a JWS, unverified."""
    part = jws.split(".")[1]
    document: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


def carried_out(*hosts: Host, effect: str = "revoke", **change: Any) -> ExecutionCarriedOutV1:
    """The register carried out a decision about a site that is hosted at all of these providers."""
    example = ExecutionCarriedOutV1.EXAMPLE
    access = example["site"]["accesses"][0]
    site_id, execution_id, decision_id = (str(uuid7()) for _ in range(3))
    site = {
        **example["site"],
        "site_id": site_id,
        "accesses": [{**access, "access_id": str(uuid4()), "provider_id": host.id} for host in hosts],
    }
    made = {
        "execution_id": execution_id,
        "decision_id": decision_id,
        "effect": effect,
        "subject": {"kind": "site", "site_id": site_id},
        "site": site,
        "until": later(UNTIL_S).isoformat() if effect in {"suspend_access", "bar"} else None,
    }
    return ExecutionCarriedOutV1.model_validate({**example, **made, **change})


def found(host: Host, name: str = "unregistered.example", **change: Any) -> ExecutionCarriedOutV1:
    """The same about a site that is in no register."""
    subject = {"kind": "found_site", "host": name, "provider_id": host.id}
    return carried_out(effect="cut_access", subject=subject, site=None, registration=None, operator=None, **change)


def undone(fact: ExecutionCarriedOutV1, because: str = "overturned", **change: Any) -> ExecutionUndoneV1:
    """What was carried out is undone; by whom and why, the example says: the review body."""
    made = {
        "execution_id": str(fact.execution_id),
        "decision_id": str(fact.decision_id),
        "effect": fact.effect,
        "subject": fact.subject.model_dump(mode="json"),
        "because": because,
    }
    return ExecutionUndoneV1.model_validate({**ExecutionUndoneV1.EXAMPLE, **made, **change})


@dataclass
class Desk:
    """The service under test, and time."""

    api: Api
    clock: FixedClock
    dsn: str
    hosts: list[Host] = field(default_factory=list)
    reads: bool = True
    """Whether what providers wrote to their topics is read when a clock runs out."""

    @property
    def rt(self) -> Runtime:
        return self.api.rt

    async def host(self, **change: Any) -> Host:
        """Register a provider and its key."""
        body = {
            "name": "Example Hosting",
            "licence": licence(f"京ICP证{next(_licences):06d}号"),
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
        answer = await self.api.post(f"/providers/{host.id}/keys", json=entered(key, host.id), who="desk-a")
        assert answer.status_code == 201, answer.text

    async def network(self, **change: Any) -> Host:
        """Register a public-interest network that somebody supervises, and its key."""
        return await self.host(kind="public_network", supervisor=SUPERVISOR, **change)

    async def deliver(self, *facts: Fact) -> None:
        """Hand facts to their verbs as the consumer does: in one transaction each."""
        for fact in facts:
            meta = EventMeta(uuid7(), fact.key, fact.TOPIC.name, 0, 0, self.clock.now())
            async with self.rt.db.transaction() as tx:
                await HANDLERS[type(fact)](self.rt, tx, fact, meta)

    async def cut_off(self, *hosts: Host, sites: int = 1) -> list[ExecutionCarriedOutV1]:
        """So many sites cut off at all of these providers; the facts that said so."""
        facts = [carried_out(*hosts) for _ in range(sites)]
        await self.deliver(*facts)
        return facts

    async def act(self, path: str, body: Any, who: Who, status: int = 200, **options: Any) -> dict[str, Any]:
        """A POST of somebody's, and its answer."""
        answer = await self.api.post(path, json=body, who=who, **options)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def send_again(self, order_id: object, first: Who = REGULATOR, second: Who = SECOND) -> dict[str, Any]:
        """A withdrawn order is asked for by one person and sent again by another; the new one."""
        await self.act(f"/orders/{order_id}/reissue-request", WHY, first)
        return await self.act(f"/orders/{order_id}/reissue", WHY, second, 201)

    async def instruction(self) -> dict[str, Any]:
        """The last instruction, as its supervisor sees it."""
        answer = await self.api.get("/instructions", who=supervisor())
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["items"][0]
        return found

    async def ring(self, kind: str, order_id: object) -> None:
        """Let a clock run out, as the tick worker does."""
        async with self.rt.db.transaction() as tx:
            if kind == EXECUTION and self.reads:
                await inbox.note_caught_up(tx, READER, 0, self.clock.now() + timedelta(days=9))
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

    async def hand_in(self, host: Host, jws: str, who: Who = None) -> httpx.Response:
        """Hand in a signed document."""
        answer: httpx.Response = await self.api.post(
            f"/providers/{host.id}/receipts", json={"jws": jws}, who=who or host.who
        )
        return answer

    async def post(self, host: Host, *receipts: Any, who: Who = None) -> list[dict[str, Any]]:
        """Hand in receipts, signed together; the result of each."""
        answer = await self.hand_in(host, host.batch(*receipts), who)
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    async def answer(self, host: Host, outcome: str = "executed", *, sequence: int | None = None) -> dict[str, Any]:
        """Sign and hand in a receipt for the last order of the feed, or for the one at a place."""
        orders = (await self.feed(host, limit=500))["orders"]
        order = orders[-1] if sequence is None else next(each for each in orders if each["sequence"] == sequence)
        (result,) = await self.post(host, host.receipt(order, outcome))
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
