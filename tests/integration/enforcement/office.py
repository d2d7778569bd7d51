"""Bodies that are right, to be spoilt by a test; sites of the register; and what the service wrote down."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson

from enforcement.consumer import HANDLERS, PROJECTIONS
from shared.contracts import examples
from shared.contracts.base import Fact
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from tests.support.people import OPERATOR_USCC
from tests.support.service import Api, Who

BASIS: Final[dict[str, Any]] = {
    "legal_basis": ["P3.2.3"],
    "reasons": "The site went on publishing without approval after an order to correct.",
}
SUSPICION: Final[dict[str, Any]] = {
    "service_item": "culture",
    "alleged_breach": "Performances offered without approval",
    "legal_basis": ["P3.2.1"],
}
DRAFT: Final[dict[str, Any]] = {
    "measure": "revoke_and_cut",
    **BASIS,
    "redress": {"authority": "Provincial government", "how": "Administrative review", "within_days": 60},
    "urgent_ground": "Tickets for unlicensed shows are being sold for tonight.",
}
APPEAL: Final[dict[str, Any]] = {
    "grounds": "The programmes were published by a former tenant.",
    "appellant": "Example Culture Ltd",
}


def site(  # a site of the register, as the registry tells it
    *domains: str,
    ips: Sequence[str] = ("198.18.0.10",),
    version: int = 1,
    site_id: UUID | None = None,
    registration_id: UUID | None = None,
    **changes: Any,
) -> SiteRecordedV1:
    """The record of a site with these domains; each call makes another site unless ``site_id`` says which."""
    site_id = site_id or uuid7()
    access = {**examples.ACCESS_RECORD, "access_id": uuid7(), "ips": list(ips)}
    record = {**examples.SITE_RECORD, "site_id": site_id, "version": version, "domains": list(domains)}
    return SiteRecordedV1.model_validate(
        {
            **SiteRecordedV1.EXAMPLE,
            "site_id": site_id,
            "version": version,
            "registration_id": registration_id or uuid7(),
            "operator": {**examples.OPERATOR_RECORD, "uscc": changes.pop("uscc", OPERATOR_USCC)},
            "site": {**record, "status": changes.pop("status", "active"), "accesses": [access]},
            **changes,
        }
    )


@dataclass
class Office:
    """The service, used as people and as other departments use it."""

    api: Api
    clock: FixedClock
    _seen: list[UUID] = field(default_factory=list)

    async def know(self, *records: SiteRecordedV1) -> None:
        """Let the registry tell of sites."""
        async with self.api.rt.db.transaction() as tx:
            await PROJECTIONS[SiteRecordedV1](self.api.rt, tx, records)

    async def hear(self, fact: Fact) -> None:
        """Let another department tell a fact."""
        meta = EventMeta(uuid7(), fact.key, fact.TOPIC.name, 0, 0, self.clock.now())
        async with self.api.rt.db.transaction() as tx:
            await HANDLERS[type(fact)](self.api.rt, tx, fact, meta)

    async def open_case(self, domain: str, who: Who = "culture-a", **changes: Any) -> Any:
        """Open a case about a domain."""
        return await self.api.post("/cases", json={**SUSPICION, "domain": domain, **changes}, who=who)

    async def opened(self, domain: str = "stage.example", **changes: Any) -> str:
        """The id of a new case about a site that is registered for it first."""
        await self.know(site(domain, **changes))
        answer = await self.open_case(domain)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def file_evidence(
        self, case_id: str, data: bytes = b"a page", who: Who = "culture-a", kind: str | None = "text/html"
    ) -> Any:
        """File evidence into a case."""
        headers = {"Content-Type": kind} if kind is not None else {}
        return await self.api.post(f"/cases/{case_id}/evidence", content=data, headers=headers, who=who)

    async def draft(self, case_id: str, who: Who = "culture-a", **changes: Any) -> Any:
        """Draft a decision on evidence that is filed first."""
        if "evidence_hashes" not in changes:
            changes["evidence_hashes"] = [(await self.file_evidence(case_id)).json()["sha256"]]
        return await self.api.post(f"/cases/{case_id}/decisions", json={**DRAFT, **changes}, who=who)

    async def drafted(self, case_id: str | None = None, **changes: Any) -> dict[str, Any]:
        """A drafted decision."""
        answer = await self.draft(case_id or await self.opened(), **changes)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def release(self, decision: dict[str, Any], who: Who = "culture-b", **changes: Any) -> Any:
        """Release a decision on the preview it was drafted with."""
        body = {"impact_hash": decision["impact"]["hash"], **changes}
        return await self.api.post(f"/decisions/{decision['id']}/release", json=body, who=who)

    async def released(self, case_id: str | None = None, **changes: Any) -> dict[str, Any]:
        """A released decision."""
        answer = await self.release(await self.drafted(case_id, **changes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def withdraw(self, decision_id: str, who: Who = "culture-a") -> Any:
        """Take a draft back."""
        return await self.api.post(f"/decisions/{decision_id}/withdrawal", json=dict[str, Any](), who=who)

    async def appeal(self, decision_id: str, who: Who = "applicant", **changes: Any) -> Any:
        """Appeal against a decision."""
        return await self.api.post(f"/decisions/{decision_id}/appeals", json={**APPEAL, **changes}, who=who)

    async def appealed(self, decision_id: str, **changes: Any) -> str:
        """The id of a new appeal."""
        answer = await self.appeal(decision_id, **changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def decide(self, appeal_id: str, outcome: str = "upheld", who: Who = "review-a", **changes: Any) -> Any:
        """Decide an appeal."""
        body = {**BASIS, "outcome": outcome, **changes}
        return await self.api.post(f"/appeals/{appeal_id}/outcome", json=body, who=who)

    async def decision(self, decision_id: str, who: Who = "culture-a") -> dict[str, Any]:
        """Read a decision."""
        return dict((await self.api.get(f"/decisions/{decision_id}", who=who)).json())

    async def reach(self, decision_id: str, status: str) -> dict[str, Any]:
        """Wait until a clock has moved a decision."""
        async with asyncio.timeout(10):
            while (now := await self.decision(decision_id))["status"] != status:  # noqa: ASYNC110 -- another task moves it
                await asyncio.sleep(0.1)
        return now

    async def facts(self, case_id: str) -> list[tuple[str, dict[str, Any]]]:
        """What the others were told about a case, in order."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch("SELECT type, value FROM outbox WHERE key = $1 ORDER BY id", case_id)
        return [(row["type"], orjson.loads(row["value"])["data"]) for row in rows]

    async def told(self, case_id: str) -> list[str]:
        """The types of what the others were told."""
        return [fact for fact, _ in await self.facts(case_id)]

    async def trail(self, aggregate_id: str) -> list[tuple[str, str | None, str, str]]:
        """Action, from, to and subject of each move, in order."""
        sql = "SELECT action, from_status, to_status, subject FROM history WHERE aggregate_id = $1 ORDER BY id"
        async with self.api.rt.db.connection() as tx:
            return [tuple(row) for row in await tx.fetch(sql, aggregate_id)]

    async def audited(self, outcome: str = "refused") -> list[tuple[str, str | None]]:
        """Who was refused, and why; or who did what that moves nothing."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch(
                "SELECT subject, coalesce(code, act) FROM audit WHERE outcome = $1 ORDER BY id", outcome
            )
        return [tuple(row) for row in rows]
