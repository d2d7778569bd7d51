"""A coordination office at work: the directory in short words."""

from dataclasses import dataclass
from typing import Any

import orjson

from shared.contracts.directory import OrganisationRecordedV1
from shared.runtime.acts import envelope
from shared.runtime.acts.directory import POLL_S
from shared.runtime.base.clock import FixedClock
from tests.integration.runtime.world import until
from tests.support.service import Api, Who

NATIONAL = "coordination-national-a"
BEIJING = "coordination-a"
WHY = "By notice of the provincial government of 1 November."
CONTACT = {
    "name": "Wang Fang",
    "unit": "Office",
    "post": "Head",
    "phone": "+86 10 5555 0100",
    "email": "wang@office.example",
}
NEW: dict[str, Any] = {
    "id": "port-110000",
    "level": "province",
    "region": "110000",
    "names": {"zh": "北京口岸办公室", "en": "Beijing Port Office"},
    "short_name": "京口",
    "kinds": ["network_supervisor"],
    "redress": "review-110000",
    "why": WHY,
}


@dataclass
class Office:
    """The service and its clock."""

    api: Api
    clock: FixedClock
    dsn: str

    async def read(self, organisation: str, who: Who = NATIONAL) -> Any:
        answer = await self.api.get(f"/organisations/{organisation}", who=who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def enter(self, who: Who = NATIONAL, **changes: Any) -> Any:
        return await self.api.post("/organisations", json=NEW | changes, who=who)

    async def change(self, organisation: str, who: Who = NATIONAL, version: int | None = None, **changes: Any) -> Any:
        """Change some fields of an organisation and leave the others as they are."""
        now = await self.read(organisation)
        kept = ("names", "short_name", "kinds", "competences", "parent", "supervises", "redress", "contacts")
        body = {name: now[name] for name in kept} | {"why": WHY} | changes
        version = now["version"] if version is None else version
        return await self.api.put(f"/organisations/{organisation}", json=body, version=version, who=who)

    async def close(self, organisation: str, who: Who = NATIONAL) -> Any:
        return await self.api.post(f"/organisations/{organisation}/closure", json={"why": WHY}, who=who)

    async def reopen(self, organisation: str, who: Who = NATIONAL) -> Any:
        return await self.api.post(f"/organisations/{organisation}/reopening", json={"why": WHY}, who=who)

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        async with self.api.rt.db.connection() as tx:
            return list(await tx.fetch(sql, *values))

    async def told(self, organisation: str) -> list[OrganisationRecordedV1]:
        rows = await self.rows("SELECT value FROM outbox WHERE key = $1 ORDER BY id", organisation)
        return [OrganisationRecordedV1.model_validate(envelope.decode(row["value"]).data) for row in rows]

    async def values(self) -> bytes:
        """Everything told so far, as it lies on the topic."""
        return orjson.dumps([row["value"].decode() for row in await self.rows("SELECT value FROM outbox")])

    async def followed(self, organisation: str, version: int) -> None:
        """Wait until this process has the version in its memory."""
        await until(lambda: self._follows(organisation, version), POLL_S / 2)

    async def _follows(self, organisation: str, version: int) -> bool:
        known = self.api.rt.directory.get(organisation)
        return known is not None and known.version >= version

    async def refusals(self) -> list[tuple[str, str]]:
        return [
            (row["subject"], row["code"])
            for row in await self.rows("SELECT subject, code FROM audit WHERE outcome = 'refused' ORDER BY id")
        ]
