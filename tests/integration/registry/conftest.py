"""A registry in the test's process, with a provider known, and short words for what tests do with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from registry.consumer import DEADLINES, HANDLERS, PROJECTIONS
from registry.main import SERVICE
from shared.contracts import examples
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.approval import ApprovalGrantedV1, ApprovalRecord
from shared.contracts.base import Fact
from shared.contracts.catalogue import FACTS
from shared.contracts.enforcement import (
    AppealDecidedV1,
    AppealFiledV1,
    AppealOverdueV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
)
from shared.contracts.grounds import ActRef, Grounds, Statement
from shared.contracts.subjects import FrozenSite
from shared.rules.identifiers import uscc_with_check_digit
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC, at
from tests.support.service import Api, running_service

PROVIDER = UUID("01940000-0000-7000-8000-000000000005")
OTHER_PROVIDER = UUID("01940000-0000-7000-8000-0000000000f5")
STATEMENT: dict[str, Any] = {"legal_basis": ["P3.1.5"], "reasons": "Complete and checked by the provider."}
GRANT: dict[str, Any] = {"statement": STATEMENT}
IDENTITY = """
SELECT o.identity FROM site s JOIN registration r ON r.id = s.registration_id JOIN operator o ON o.id = r.operator_id
 WHERE s.id = $1
"""
_numbers = count(1)


def meta() -> EventMeta:
    return EventMeta(uuid4(), "key", "topic", 0, 0, datetime.now(UTC))


def uscc(number: int) -> str:
    return uscc_with_check_digit(f"91110000{number:09d}")


def domain() -> str:
    return f"site-{next(_numbers)}.example"


def a_site(host: str, /, **changes: Any) -> dict[str, Any]:
    access = {"provider_id": str(PROVIDER), "ips": ["198.18.0.10"], "hosting_mode": "virtual_host"}
    return {"name": "Pharmacy", "domains": [host], "service_items": ["general"], "accesses": [access]} | changes


def access(ip: str = "198.18.0.10", mode: str = "virtual_host", provider: UUID = PROVIDER) -> dict[str, Any]:
    return {"provider_id": str(provider), "ips": [ip], "hosting_mode": mode}


def provider_recorded(provider_id: UUID = PROVIDER, region: str = "110000") -> ProviderRecordedV1:
    return ProviderRecordedV1.model_validate(
        {**ProviderRecordedV1.EXAMPLE, "provider_id": provider_id, "region": region}
    )


def owner(code: str = OPERATOR_USCC) -> tuple[str, dict[str, Any]]:
    """Somebody who acts for an operator."""
    return "applicant", {"organisation": code}


class Register:
    """The service under test."""

    def __init__(self, api: Api, clock: FixedClock) -> None:
        self.api, self.clock = api, clock

    async def post(self, path: str, body: Any, who: Any, status: int = 200, **options: Any) -> dict[str, Any]:
        answer = await self.api.post(path, json=body, who=who, **options)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def refused(self, path: str, body: Any, who: Any, status: int = 409, **options: Any) -> dict[str, Any]:
        """The problem that answers a POST."""
        return await self.post(path, body, who, status, **options)

    async def get(self, path: str, who: Any) -> dict[str, Any]:
        answer = await self.api.get(path, who=who)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def operator(self, code: str = OPERATOR_USCC, who: Any = "regulator-a", **changes: Any) -> str:
        known = await self.fetchval("SELECT id FROM operator WHERE identity = $1", code)
        if known:
            return str(known)
        body = {
            "kind": "company", "region": "110000", "document": {"number": code},
            "particulars": {"name": "Example Pharmacy Ltd"},
        } | changes  # fmt: skip
        return str((await self.post("/operators", body, who, 201))["id"])

    async def submitted(self, site: dict[str, Any], code: str = OPERATOR_USCC, **changes: Any) -> dict[str, Any]:
        body = {"operator_id": await self.operator(code), "kind": "filing", "site": site} | changes
        return await self.post("/registrations", body, owner(code), 201)

    async def active(self, site: dict[str, Any], code: str = OPERATOR_USCC) -> dict[str, Any]:
        """A registration with its one site, live."""
        submitted = await self.submitted(site, code)
        return await self.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")

    async def live(self, code: str | None = None, **changes: Any) -> dict[str, Any]:
        """A live site of an operator of its own."""
        granted = await self.active(a_site(domain(), **changes), code or uscc(next(_numbers)))
        return dict(granted["sites"][0])

    async def approve(self, code: str, item: str, name: str, **changes: Any) -> ApprovalRecord:
        """A consent that is in force."""
        record = ApprovalRecord.model_validate({
            **ApprovalRecord.EXAMPLE, "approval_id": uuid7(), "operator": {"identity": code, "name": "Example"},
            "service_item": item, "domain": name,
        } | changes)  # fmt: skip
        fact = ApprovalGrantedV1(
            approval_id=record.approval_id, approval=record, grounds=Grounds.model_validate(examples.CONSENT_GROUNDS)
        )
        await self.hear(fact)
        return record

    async def decided(self, site: dict[str, Any], /, effect: str = "revoke", **changes: Any) -> DecisionReleasedV1:
        """A decision about a site, released and on the regulator's desk."""
        now = await self.get(f"/sites/{site['id']}", "national-a")
        frozen = FrozenSite.model_validate({
            "site_id": site["id"], "version": now["version"], "number": now["number"] or "x", "name": now["name"],
            "hosts": now["domains"], "accesses": [{**each, "access_id": each["id"]} for each in now["accesses"]],
        })  # fmt: skip
        decision_id = uuid7()
        fact = DecisionReleasedV1.model_validate({
            **DecisionReleasedV1.EXAMPLE, "decision_id": decision_id, "effect": effect, "site": frozen,
            "subject": {"kind": "site", "site_id": site["id"]}, "until": None, "service_item": None,
            "operator": {"identity": await self.fetchval(IDENTITY, UUID(site["id"])), "name": "Example"},
            "grounds": {**examples.GROUNDS, "decision_id": decision_id},
        } | changes)  # fmt: skip
        await self.hear(fact)
        return fact

    async def execution(self, decision: DecisionReleasedV1) -> dict[str, Any]:
        """The execution of a decision, as a regulator sees it now."""
        found = await self.fetchval("SELECT id FROM execution WHERE decision_id = $1", decision.decision_id)
        return await self.get(f"/executions/{found}", "regulator-a")

    async def signed(self, execution: dict[str, Any]) -> dict[str, Any]:
        """The body that signs what would happen now."""
        neighbours = [each["site_id"] for each in execution["preview"]["neighbours"]]
        return {
            "reasons": "The decision is lawful and complete.",
            "signature": {"preview_digest": execution["preview_digest"], "collateral": neighbours},
        }

    async def carried_out(self, decision: DecisionReleasedV1) -> dict[str, Any]:
        """Accepted by one person, confirmed by another."""
        execution = await self.execution(decision)
        body = await self.signed(execution)
        await self.post(f"/executions/{execution['id']}/acceptance", body, "regulator-a")
        return await self.post(f"/executions/{execution['id']}/confirmation", body, "regulator-b")

    async def overturned(self, decision: DecisionReleasedV1) -> DecisionOverturnedV1:
        """An appeal against a decision is upheld."""
        fact = DecisionOverturnedV1.model_validate({
            **DecisionOverturnedV1.EXAMPLE, "decision_id": decision.decision_id, "subject": decision.subject,
            "effect": decision.effect, "statement": Statement.model_validate(examples.STATEMENT),
        })  # fmt: skip
        await self.hear(fact)
        return fact

    async def propose(
        self, site: dict[str, Any], proposal: dict[str, Any], who: Any = None, status: int = 201
    ) -> dict[str, Any]:
        """Propose a change of a site as it is now; its operator does, if nobody else is named."""
        now = await self.get(f"/sites/{site['id']}", "regulator-a")
        who = who or owner(await self.fetchval(IDENTITY, UUID(site["id"])))
        return await self.post(
            f"/sites/{site['id']}/amendments", {**proposal, "reasons": "The shop moves to another name."}, who, status,
            headers={"If-Match": f'"{now["version"]}"'},
        )  # fmt: skip

    async def appealed(
        self, act: ActRef, outcome: str, appeal_id: UUID | None = None, *, on_behalf: bool = False
    ) -> None:
        """An appeal against an act was filed, upheld, rejected, or not decided in time (overdue): the one, or this."""
        told: dict[str, Any] = {"act": act, "act_id": act.id, "appeal_id": appeal_id or uuid5(act.id, "its appeal")}
        if outcome == "overdue":
            await self.hear(AppealOverdueV1.model_validate({**AppealOverdueV1.EXAMPLE, **told}))
        elif outcome == "filed":
            await self.hear(AppealFiledV1.model_validate({**AppealFiledV1.EXAMPLE, **told}))
        else:
            said = {**told, "outcome": outcome, "decided_at": self.clock.now(), "on_behalf": on_behalf}
            await self.hear(AppealDecidedV1.model_validate({**AppealDecidedV1.EXAMPLE, **said}))

    async def ring(self, kind: str, aggregate_id: object) -> None:
        """A clock runs out: at that time, what it does."""
        due = await self.fetchval(
            "SELECT due_at FROM deadline WHERE kind = $1 AND aggregate_id = $2"
            " AND met_at IS NULL AND breached_at IS NULL",
            kind, UUID(str(aggregate_id)),
        )  # fmt: skip
        assert due is not None, f"no clock {kind} runs"
        self.clock.advance(max(due - self.clock.now(), timedelta()))
        async with self.api.rt.db.transaction() as tx:
            await DEADLINES[kind](self.api.rt, tx, UUID(str(aggregate_id)))

    async def notices(self, about_id: object) -> list[tuple[str, str]]:
        """Kind and recipient of every notice about an act."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch(
                "SELECT kind, identity FROM notice WHERE about_id = $1 ORDER BY id", UUID(str(about_id))
            )
        return [(row["kind"], row["identity"]) for row in rows]

    async def hear(self, fact: Fact) -> None:
        async with self.api.rt.db.transaction() as tx:
            if type(fact) in HANDLERS:
                await HANDLERS[type(fact)](self.api.rt, tx, fact, meta())
            else:
                await PROJECTIONS[type(fact)](self.api.rt, tx, [fact])

    async def fetchval(self, sql: str, *values: Any) -> Any:
        async with self.api.rt.db.connection() as tx:
            return await tx.fetchval(sql, *values)

    async def told(self, fact: type[Fact]) -> list[Any]:
        """What the outbox holds of one type, oldest first."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch(
                "SELECT convert_from(value, 'UTF8')::jsonb -> 'data' AS data FROM outbox WHERE type = $1 ORDER BY id",
                fact.TYPE,
            )
        return [FACTS[fact.TYPE].model_validate(row["data"]) for row in rows]

    async def history(self, aggregate_id: object) -> list[str]:
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch(
                "SELECT action FROM history WHERE aggregate_id = $1 ORDER BY id", UUID(str(aggregate_id))
            )
        return [row["action"] for row in rows]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(at("2026-11-26T04:00"))


@pytest.fixture
async def register(make_database: MakeDatabase, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Register]:
    settings: dict[str, Any] = {"signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True}
    # The same rules, but that nothing waits for a provider's answer: what is asked of that stands in test_checks.
    settings |= {"identity_key": "k" * 40, "profile": "cn-2006-demo"}
    async with running_service(SERVICE, await make_database("registry"), clock=clock, **settings) as api:
        found = Register(api, clock)
        await found.hear(provider_recorded())
        await found.hear(provider_recorded(OTHER_PROVIDER, "310000"))
        yield found
