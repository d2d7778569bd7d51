"""Enforcement in the test's process, with a few sites known, and short words for what tests do with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from enforcement.consumer import DEADLINES, HANDLERS, PROJECTIONS
from enforcement.main import SERVICE
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.base import Fact
from shared.contracts.catalogue import FACTS
from shared.contracts.registry import (
    ExecutionCarriedOutV1,
    ExecutionReceivedV1,
    MergerRecordedV1,
    OperatorRecord,
    SiteRecordedV1,
)
from shared.runtime.acts import notices
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.events import inbox
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC, at
from tests.support.service import Api, running_service

STATEMENT: dict[str, Any] = {
    "legal_basis": ["P3.2.3"],
    "reasons": "The pharmacy sells prescription medicines without the consent of the authority.",
}
STATED: dict[str, Any] = {"statement": STATEMENT}
EASED: dict[str, Any] = {"statement": {**STATEMENT, "reasons": "The consent covers it after all."}}
WHOLE = datetime(2200, 1, 1, tzinfo=UTC)
"""Up to when the tests' copy of the register is whole, however their clocks travel."""
_numbers = count(1)


def meta() -> EventMeta:
    return EventMeta(uuid4(), "key", "topic", 0, 0, datetime.now(UTC))


def site_recorded(name: str | None = None, ip: str = "198.18.0.10", **changes: Any) -> SiteRecordedV1:
    """A site of the test's operator, on an address of its own unless one is given."""
    number = next(_numbers)
    example = SiteRecordedV1.EXAMPLE
    return SiteRecordedV1.model_validate({
        **example, "site_id": uuid7(), "number": f"京ICP备{number:08}号-1",
        "domains": [name or f"site-{number}.example"],
        "accesses": [{**example["accesses"][0], "access_id": uuid7(), "ips": [ip]}],
        "operator": {**example["operator"], "identity": OPERATOR_USCC, "address_for_service": {}},
    } | changes)  # fmt: skip


def site_of_survivor() -> SiteRecordedV1:
    """A site of another operator, which may be found to be the test's own."""
    operator = {**SiteRecordedV1.EXAMPLE["operator"], "identity": "91110000MA00000021", "operator_id": uuid7()}
    return site_recorded().model_copy(update={"operator": OperatorRecord.model_validate(operator)})


def merger_of(old: SiteRecordedV1) -> MergerRecordedV1:
    """Its operator goes on under the other."""
    said = {"operator": {"identity": old.operator.identity, "name": "Old"}}
    survivor = {"identity": "91110000MA00000021", "name": "New"}
    return MergerRecordedV1.model_validate({**MergerRecordedV1.EXAMPLE, **said, "survivor": survivor})


class Office:
    """The service under test."""

    def __init__(self, api: Api, clock: FixedClock) -> None:
        self.api, self.clock = api, clock

    async def post(self, path: str, body: Any, who: Any, status: int = 200) -> dict[str, Any]:
        answer = await self.api.post(path, json=body, who=who)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def refused(self, path: str, body: Any, who: Any) -> tuple[int, str]:
        answer = await self.api.post(path, json=body, who=who)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    async def get(self, path: str, who: Any) -> dict[str, Any]:
        answer = await self.api.get(path, who=who)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def case(self, site: SiteRecordedV1 | None = None, who: Any = "drugs-a", **changes: Any) -> dict[str, Any]:
        """A case about a site, with one piece of evidence."""
        site = site or site_recorded()
        await self.hear(site)
        body = {
            "about": {"kind": "site", "domain": site.domains[0]}, "service_item": "drugs_and_devices",
            "ground": "unlicensed_service", "alleged_breach": "Sells prescription medicines without consent.",
            "legal_basis": ["P3.2.1"],
        } | changes  # fmt: skip
        opened = await self.post("/cases", body, who, 201)
        await self.file(opened["id"], f"Seen on {site.domains[0]}".encode(), who)
        return opened

    async def file(self, case_id: str, content: bytes, who: Any = "drugs-a", confidential: str | None = None) -> str:
        """A piece of evidence; ``confidential`` is why whom it is about may not read it."""
        query = f"?confidential={quote(confidential)}" if confidential is not None else ""
        answer = await self.api.post(
            f"/cases/{case_id}/evidence{query}", content=content, who=who, headers={"Content-Type": "text/plain"}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sha256"])

    async def ignored(self, decision: dict[str, Any], who: Any = "drugs-a") -> dict[str, Any]:
        """What says that an order to correct was ignored, with what was seen after its date."""
        sha256 = await self.file(decision["case_id"], f"Still there at {self.clock.now()}".encode(), who)
        return {"obeyed": False, **STATED, "evidence_hashes": [sha256]}

    async def draft(
        self, case: dict[str, Any], effect: str = "revoke", who: Any = "drugs-a", **changes: Any
    ) -> dict[str, Any]:
        sha256 = await self.file(case["id"], b"The order book.", who)
        body = {"effect": effect, "statement": STATEMENT, "evidence_hashes": [sha256]} | changes
        return await self.post(f"/cases/{case['id']}/decisions", body, who, 201)

    async def opens(self, decision: dict[str, Any], kind: str) -> None:
        """Whom it is addressed to opens the notice of a kind about a decision."""
        async with self.api.rt.db.transaction() as tx:
            found = await notices.about(tx, UUID(decision["id"]), kind)
            assert found, f"no notice {kind}"
            for notice in found:
                await notices.opened(tx, notice, self.clock.now())

    async def cured(self, decision: dict[str, Any]) -> None:
        """The notice of the draft is opened, and the time to put things right passes."""
        await self.opens(decision, "decision_intended")
        self.clock.advance(timedelta(days=31))

    async def signature(self, decision_id: str, who: Any = "drugs-b") -> dict[str, Any]:
        shown = await self.get(f"/decisions/{decision_id}", who)
        named = [each["site_id"] for each in shown["preview"]["neighbours"]]
        changed = shown["since_draft"]["digest"] if shown["since_draft"] else None
        return {
            "signature": {"preview_digest": shown["preview_digest"], "collateral": named}, "since_draft": changed,
        }  # fmt: skip

    async def release(self, decision: dict[str, Any], who: Any = "drugs-b") -> dict[str, Any]:
        body = await self.signature(decision["id"], who)
        return await self.post(f"/decisions/{decision['id']}/release", body, who)

    async def released(
        self, effect: str = "revoke", site: SiteRecordedV1 | None = None, **changes: Any
    ) -> dict[str, Any]:
        """A decision that is in force."""
        drafted = await self.draft(await self.case(site), effect, **changes)
        await self.cured(drafted)
        return await self.release(drafted)

    def says(self, fact: type[Fact], decision: dict[str, Any], **changes: Any) -> Any:
        """What the register says of a decision."""
        about = {
            "execution_id": uuid7(), "decision_id": decision["id"], "case_id": decision["case_id"],
            "effect": decision["effect"], "subject": decision["subject"],
        }  # fmt: skip
        return fact.model_validate({**fact.EXAMPLE, **about, **changes})

    async def executed(self, decision: dict[str, Any]) -> None:
        """The regulator has it on its desk and carries it out."""
        await self.hear(self.says(ExecutionReceivedV1, decision))
        await self.hear(self.says(ExecutionCarriedOutV1, decision))

    async def status(self, decision: dict[str, Any]) -> str:
        return str(await self.fetchval("SELECT status FROM decision WHERE id = $1", UUID(decision["id"])))

    async def notices(self, who: Any = "applicant") -> list[str]:
        """Kinds of what somebody was told, oldest first."""
        return [each["kind"] for each in (await self.get("/notices?limit=100", who))["items"]][::-1]

    async def appeal(self, decision: dict[str, Any], who: Any = "applicant", **changes: Any) -> dict[str, Any]:
        act = {"service": "enforcement", "kind": "decision", "id": decision["id"]}
        body = {"act": act, "grounds": "The consent of the authority covers these medicines."} | changes
        return await self.post("/appeals", body, who, 201)

    async def rings(self, kind: str, aggregate_id: str) -> None:
        """A clock runs out."""
        async with self.api.rt.db.transaction() as tx:
            await DEADLINES[kind](self.api.rt, tx, UUID(aggregate_id))

    async def hear(self, fact: Fact) -> None:
        async with self.api.rt.db.transaction() as tx:
            if type(fact) in HANDLERS:
                await HANDLERS[type(fact)](self.api.rt, tx, fact, meta())
            else:
                await PROJECTIONS[type(fact)](self.api.rt, tx, [fact])
                await inbox.note_caught_up(tx, "enforcement", 0, WHOLE)

    async def told(self, fact: type[Fact]) -> list[Any]:
        """What the outbox holds of one type, oldest first."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch(
                "SELECT convert_from(value, 'UTF8')::jsonb -> 'data' AS data FROM outbox WHERE type = $1 ORDER BY id",
                fact.TYPE,
            )
        return [FACTS[fact.TYPE].model_validate(row["data"]) for row in rows]

    async def fetchval(self, sql: str, *values: Any) -> Any:
        async with self.api.rt.db.connection() as tx:
            return await tx.fetchval(sql, *values)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(at("2026-11-26T04:00"))


@pytest.fixture
async def office(make_database: MakeDatabase, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    settings: dict[str, Any] = {
        "signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True,
        "evidence_store": tmp_path / "evidence",
    }  # fmt: skip
    async with running_service(SERVICE, await make_database("enforcement"), clock=clock, **settings) as api:
        found = Office(api, clock)
        await found.hear(ProviderRecordedV1.model_validate(ProviderRecordedV1.EXAMPLE))
        yield found
