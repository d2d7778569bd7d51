"""Query: a few sites, and look-ups by officials of two provinces and of the whole country."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from query.main import SERVICE
from query.readmodel.writer import Writer
from shared.rules import Level, Role
from shared.runtime.base.context import Caller
from tests.integration.sweep.everybody import named
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, beginning
from tests.support.fixtures import MakeDatabase
from tests.support.service import Api, Who, running_service
from tests.unit.query.build import AT, batch, site

WHY = {"X-Purpose": "a complaint"}
OUTSIDE = {Role.OPERATOR, Role.ACCESS_PROVIDER, Role.COMPANY_REGISTRAR, Role.INDUSTRY_BODY}
"""Who looks nothing up here: the company registrar is told by its tasks, and needs no more."""
ASKED: dict[str | None, Who] = {
    "110000": "officer", "310000": ("officer", {"region": "310000"}), None: ("officer", {"region": None}),
}  # fmt: skip


def may_look_up(who: Caller, _: Words) -> bool:
    """Every official of the plan's authorities, whatever the region (P3.5)."""
    if not who.roles - OUTSIDE:
        raise NoRole
    return True


def may_audit(who: Caller, lookup: Words) -> bool:
    """The auditor of the province of whoever looked up; the national one those of all."""
    if Role.AUDITOR not in who.roles:
        raise NoRole
    return who.level == Level.NATIONAL or who.region == lookup["region"] is not None


async def _lookups(api: Api) -> AsyncIterator[Record]:
    for region, who in ASKED.items():
        answer = await api.post("/lookup/bulk", content=f"{region}.example\n".encode(), who=who, headers=WHY)
        assert answer.status_code == 200, answer.text
        override = named(who)[1]
        async with api.rt.db.connection() as tx:
            found = await tx.fetchval("SELECT id FROM lookup_audit ORDER BY id DESC LIMIT 1")
        assert override.get("region", region) == region
        yield Record({"lookup_id": str(found)}, {"region": region})


@asynccontextmanager
async def opened(make_database: MakeDatabase, folder: Path) -> AsyncIterator[World]:
    """The world of query."""
    async with running_service(SERVICE, await make_database("query"), lmdb_path=folder / "lookup") as api:
        writer = Writer(api.rt.state.model)
        writer.prepare()
        writer.apply(batch(site(1, domains=("pharmacy.example",))))
        writer.reached(AT)
        yield World(api, [
            Kind([each async for each in _lookups(api)], may_audit, reads=("/lookups/{lookup_id}/keys",),
                 lists="/lookups", headers=WHY),
            Kind([Record({"domain": "pharmacy.example"}, {})], may_look_up, reads=("/lookup?domain={domain}",),
                 headers=WHY),
            beginning({}, Verb("POST /lookup/bulk", "officer", b"pharmacy.example\n", may=may_look_up, joins=False,
                               headers=lambda _: WHY)),
        ])  # fmt: skip
