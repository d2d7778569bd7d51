"""A registry in the test's process, with a provider known and builders for what tests send."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from registry.main import SERVICE
from registry.service import projections
from shared.contracts.access import ProviderRegisteredV1
from shared.contracts.base import Fact
from shared.contracts.catalogue import FACTS
from shared.rules.identifiers import uscc_with_check_digit
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC
from tests.support.service import Api, running_service

PROVIDER = UUID("01940000-0000-7000-8000-000000000005")
BASIS: dict[str, Any] = {"legal_basis": ["P3.1.5"], "reasons": "Complete and checked by the provider."}
MEASURE: dict[str, Any] = {
    "legal_basis": ["P3.2.3"],
    "reasons": "Repeated breach after an order to correct.",
    "evidence_hash": "0" * 64,
    "redress": {"authority": "Review body", "how": "In writing", "within_days": 60},
}


def meta() -> EventMeta:
    return EventMeta(uuid4(), "key", "topic", 0, 0, datetime.now(UTC))


def uscc(number: int) -> str:
    return uscc_with_check_digit(f"91110000{number:09d}")


def a_site(domain: str, **changes: Any) -> dict[str, Any]:
    access = {"provider_id": str(PROVIDER), "ips": ["198.18.0.10"], "hosting_mode": "virtual_host"}
    return {"name": "Stage", "domains": [domain], "service_items": ["general"], "accesses": [access]} | changes


class Register:
    """The service under test, and short words for what tests do with it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def operator(self) -> str:
        found = await self.api.post(
            "/operators",
            json={"name": "Example Ltd", "uscc": OPERATOR_USCC, "kind": "company", "region": "110000"},
            who="applicant",
        )
        if found.status_code == 409:
            return str(await self.fetchval("SELECT id FROM operator WHERE uscc = $1", OPERATOR_USCC))
        assert found.status_code == 201, found.text
        return str(found.json()["operator_id"])

    async def submitted(self, *sites: dict[str, Any]) -> dict[str, Any]:
        body = {"operator_id": await self.operator(), "kind": "filing", "sites": list(sites)}
        found = await self.api.post("/registrations", json=body, who="applicant")
        assert found.status_code == 201, found.text
        return dict(found.json())

    async def active(self, *sites: dict[str, Any]) -> dict[str, Any]:
        submitted = await self.submitted(*sites)
        found = await self.api.post(f"/registrations/{submitted['id']}/grant", json=BASIS, who="regulator-a")
        assert found.status_code == 200, found.text
        return dict(found.json())

    async def hear(self, verb: Any, fact: Fact) -> None:
        async with self.api.rt.db.transaction() as tx:
            await verb(self.api.rt, tx, fact, meta())

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


@pytest.fixture
async def register(make_database: MakeDatabase) -> AsyncIterator[Register]:
    async with running_service(SERVICE, await make_database("registry")) as api:
        found = Register(api)
        await found.hear(
            projections.keep_provider,
            ProviderRegisteredV1(
                provider_id=PROVIDER,
                name="Example Hosting",
                licence_number="京ICP证030173号",
                kind="access_provider",
                region="110000",
            ),
        )
        yield found


def new_id() -> str:
    return str(uuid7())
