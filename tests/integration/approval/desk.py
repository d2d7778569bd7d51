"""Bodies that are right, to be spoilt by a test, and what the service wrote down."""

from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import orjson

from shared.runtime.base.clock import FixedClock
from tests.support.people import OPERATOR_USCC
from tests.support.service import Api, Who

BASIS: Final[dict[str, Any]] = {
    "legal_basis": ["P3.1.3"],
    "reasons": "The applicant meets every condition of the order.",
}
REDRESS: Final = {"authority": "Provincial government", "how": "Administrative review", "within_days": 60}
APPLICATION: Final[dict[str, Any]] = {
    "operator_uscc": OPERATOR_USCC,
    "operator_name": "Example Culture Ltd",
    "service_item": "culture",
    "scope_of_service": "Online performances",
    "region": "110000",
    "level": "province",
}
ACTS: Final[dict[str, dict[str, Any]]] = {
    "grant": {**BASIS, "scope": "Online performances", "valid_until": "2029-11-22"},
    "refusal": {**BASIS, "redress": REDRESS},
    "not-required": BASIS,
    "cancellation": {**BASIS, "redress": REDRESS, "evidence_hash": "0" * 64},
}
"""Each act an authority can do, with a body that is right."""

_names = count(1)


@dataclass
class Desk:
    """The service, used as people use it."""

    api: Api
    clock: FixedClock

    async def apply(self, who: Who = "applicant", **changes: Any) -> Any:
        """Apply, for another domain each time."""
        body = {**APPLICATION, "domain": f"stage{next(_names)}.example", **changes}
        return await self.api.post("/applications", json=body, who=who)

    async def applied(self, **changes: Any) -> str:
        """The id of a new application."""
        answer = await self.apply(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def act(self, application_id: str, act: str, who: Who = "culture-a", **changes: Any) -> Any:
        """Let an authority act."""
        return await self.api.post(f"/applications/{application_id}/{act}", json={**ACTS[act], **changes}, who=who)

    async def read(self, application_id: str, who: Who = "applicant") -> Any:
        """Read an application."""
        return (await self.api.get(f"/applications/{application_id}", who=who)).json()

    async def facts(self, application_id: str) -> list[tuple[str, dict[str, Any]]]:
        """What the others were told about an application, in order."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch("SELECT type, value FROM outbox WHERE key = $1 ORDER BY id", application_id)
        return [(row["type"], orjson.loads(row["value"])["data"]) for row in rows]

    async def trail(self, application_id: str) -> list[tuple[str, str | None, str, str]]:
        """Action, from, to and subject of each move, in order."""
        sql = "SELECT action, from_status, to_status, subject FROM history WHERE aggregate_id = $1 ORDER BY id"
        async with self.api.rt.db.connection() as tx:
            return [tuple(row) for row in await tx.fetch(sql, application_id)]

    async def refusals(self) -> list[tuple[str, str]]:
        """Who was refused, and why."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch("SELECT subject, code FROM audit WHERE outcome = 'refused' ORDER BY id")
        return [tuple(row) for row in rows]
