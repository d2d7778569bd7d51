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
NATIONAL_B: Who = ("coordination-national-b", {"organisation": "coordination", "roles": ["coordination_office"]})
BEIJING_B: Who = ("coordination-b", {"organisation": "coordination-110000", "roles": ["coordination_office"]})
POWERS = ("kinds", "competences", "parent", "supervises", "redress")
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

    async def rename(self, organisation: str, who: Who = NATIONAL, version: int | None = None, **changes: Any) -> Any:
        """Give it another name or other contacts and leave the rest as it is."""
        now = await self.read(organisation)
        body = {name: now[name] for name in ("names", "short_name", "contacts")} | {"why": WHY} | changes
        version = now["version"] if version is None else version
        return await self.api.put(f"/organisations/{organisation}", json=body, version=version, who=who)

    async def propose(
        self, organisation: str, action: str, who: Who = NATIONAL, version: int | None = None, **changes: Any
    ) -> Any:
        """Propose to close or reopen an organisation, or to change some of its powers and leave the others."""
        found = await self.api.get(f"/organisations/{organisation}", who=NATIONAL)
        now = found.json() if found.status_code == 200 else {"version": 1}
        body = {
            "organisation": organisation, "organisation_version": now["version"] if version is None else version,
            "action": action, "why": WHY,
        }  # fmt: skip
        if action == "change":
            body["powers"] = {name: now[name] for name in POWERS} | changes
        return await self.api.post("/proposals", json=body, who=who)

    async def confirm(self, proposal: Any, who: Who = NATIONAL_B) -> Any:
        return await self.api.post(f"/proposals/{proposal['id']}/confirmation", who=who)

    async def withdraw(self, proposal: Any, who: Who = NATIONAL) -> Any:
        return await self.api.post(f"/proposals/{proposal['id']}/withdrawal", json={"why": WHY}, who=who)

    async def done(
        self, organisation: str, action: str, who: Who = NATIONAL, by: Who = NATIONAL_B, **changes: Any
    ) -> Any:
        """The same, confirmed by a second person; the first answer that says no, if one does."""
        proposed = await self.propose(organisation, action, who, **changes)
        return await self.confirm(proposed.json(), by) if proposed.status_code == 201 else proposed

    async def entered(self, who: Who = NATIONAL, by: Who = NATIONAL_B, **changes: Any) -> Any:
        proposed = await self.enter(who, **changes)
        return await self.confirm(proposed.json(), by) if proposed.status_code == 201 else proposed

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
