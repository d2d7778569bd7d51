"""Who looked me up: the audit of look-ups answers by key and by operator, for those who may ask."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from query.main import SERVICE
from query.store import lookups
from shared.contracts import examples
from shared.runtime.base.clock import FixedClock
from tests.support.service import Api

BULK = "/lookup/bulk"
WHY = {"X-Purpose": "a complaint"}


async def look_up(api: Api, *keys: str, who: str = "officer") -> None:
    for key in keys:
        await api.get("/lookup", params={"key": key}, who=who, headers=WHY)


async def found(api: Api, who: str = "auditor", **asked: Any) -> list[dict[str, Any]]:
    answer = await api.get("/lookups", params=asked, who=who, headers=WHY)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_key_finds_who_asked_for_it_however_it_was_written(api: Api) -> None:
    await look_up(api, "https://PHARMACY.example/", "a.pharmacy.example", "site-2.example", "198.18.0.1")
    items = await found(api, domain="pharmacy.example")
    assert [item["key"] for item in items] == ["a.pharmacy.example", "https://PHARMACY.example/"]
    assert {(item["subject"], item["purpose"]) for item in items} == {("officer", "a complaint")}
    assert [item["key"] for item in await found(api, ip="198.18.0.1")] == ["198.18.0.1"]
    assert await found(api, domain="nobody.example") == []


@pytest.mark.parametrize("form", ["ndjson", "csv"])
@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("pharmacy.example", {"domain": "pharmacy.example"}),
        ("PHARMACY.Example,some,column", {"domain": "pharmacy.example"}),
        ("https://www.pharmacy.example:443/x", {"domain": "pharmacy.example"}),
        ("例子.test", {"domain": "xn--fsqu00a.test"}),
        ("no.example", {"domain": "no.example"}),
        ("2001:DB8:0::1", {"ip": "2001:db8::1"}),
        ("京icp备00000001号-1", {"number": "京ICP备00000001号"}),
        ("京ICP备00000001号-1", {"operator_id": examples.OPERATOR}),
        ("www.pharmacy.example", {"operator_id": examples.OPERATOR}),
    ],
)
async def test_a_list_keeps_which_keys_were_asked(api: Api, form: str, line: str, asked: dict[str, str]) -> None:
    await api.post(f"{BULK}?format={form}", content=f"x.example\n{line}\n".encode(), who="officer", headers=WHY)
    await api.post(f"{BULK}?format={form}", content=b"y-pharmacy.example\nexample\n", who="officer", headers=WHY)
    (item,) = await found(api, **asked)
    assert (item["keys"], item["status"], item["format"]) == (2, "completed", form)
    assert item["matched"] != []


async def test_by_address_a_list_of_addresses_is_found(api: Api) -> None:
    await api.post(f"{BULK}?by=ip", content=b"198.18.0.2\n::ffff:198.18.0.2", who="officer", headers=WHY)
    (item,) = await found(api, ip="198.18.0.2")
    assert item["found"] == 2
    await api.post(f"{BULK}?by=ip", content=b"::FFFF:198.18.0.2", who="officer", headers=WHY)
    assert len(await found(api, ip="198.18.0.2")) == 2


async def test_the_keys_of_a_list_can_be_read_again(api: Api) -> None:
    lines = "".join(f"Site-{number}.example\n" for number in range(30_000))
    await api.post(BULK, content=lines.encode(), who="officer", headers=WHY)
    (item,) = await found(api, domain="site-29999.example")
    answer = await api.get(f"/lookups/{item['id']}/keys", who="auditor", headers=WHY)
    assert answer.text.split() == lines.split()
    assert item["digest"] == hashlib.sha256(lines.encode()).hexdigest()
    async with api.rt.db.connection() as connection:
        kept = await connection.fetchval("SELECT sum(length(keys) + length(terms)) FROM lookup_audit_keys")
    assert kept < len(lines)  # twice the keys, since each was written in capitals, and still smaller
    assert (await api.get(f"/lookups/{uuid4()}/keys", who="auditor", headers=WHY)).status_code == 404


async def test_keys_that_cannot_be_kept_are_not_answered(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query.store.lookups.KEEP", "INSERT INTO nowhere VALUES ($1, $2, $3, $4)")
    answer = await api.post(BULK, content=b"pharmacy.example\n", who="officer", headers=WHY)
    assert answer.status_code == 500
    assert b"pharmacy" not in answer.content
    async with api.rt.db.connection() as connection:
        assert await connection.fetchval("SELECT status FROM lookup_audit") == "aborted"


async def test_an_operator_is_asked_for_by_all_it_has(api: Api) -> None:
    await look_up(api, "pharmacy.example", "198.18.0.2", "京ICP备00000003号", "unknown.example")
    assert len(await found(api, operator_id=examples.OPERATOR)) == 3
    assert await found(api, operator_id=str(uuid4())) == []


async def test_pages_go_on_where_they_ended(api: Api) -> None:
    await look_up(api, *["pharmacy.example", "no.example"] * 3)
    seen, after = list[str](), None
    while True:
        page = {"domain": "pharmacy.example", "limit": 1} | ({"after": after} if after else {})
        answer = (await api.get("/lookups", params=page, who="auditor", headers=WHY)).json()
        seen += [item["id"] for item in answer["items"]]
        after = answer["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 3


async def test_an_auditor_reads_of_the_own_region_only(api: Api) -> None:
    officer, auditor = [(name, {"region": "310000"}) for name in ("officer", "auditor")]
    await api.post(BULK, content=b"pharmacy.example", who=officer, headers=WHY)
    async with api.rt.db.connection() as connection:
        lookup_id = await connection.fetchval("SELECT id FROM lookup_audit")
    assert (await api.get("/lookups", who=auditor, headers=WHY)).json()["items"] != []
    assert await found(api) == []
    assert await found(api, domain="pharmacy.example") == []
    assert (await api.get(f"/lookups/{lookup_id}/keys", who="auditor", headers=WHY)).status_code == 403


async def test_asking_who_looked_up_what_is_audited_as_well(api: Api) -> None:
    await found(api, domain="pharmacy.example")
    async with api.rt.db.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM audit WHERE act = 'read_lookups'")
    assert row is not None
    assert (row["subject"], row["outcome"]) == ("auditor", "granted")
    assert row["detail"] == {"purpose": "a complaint", "asked": ["pharmacy.example"]}


async def test_look_ups_are_forgotten_after_years_with_the_keys_of_lists(api: Api) -> None:
    await look_up(api, "pharmacy.example")
    await api.post(f"{BULK}?format=csv", content=b"x.example\ny.example\n", who="officer", headers=WHY)
    await api.post(f"{BULK}?format=csv", content=b"z.example\n", who="officer", headers=WHY)

    async def left() -> list[int]:
        async with api.rt.db.connection() as tx:
            return [
                await tx.fetchval(f"SELECT count(*) FROM {table}") for table in ("lookup_audit", "lookup_audit_keys")
            ]

    assert (await lookups.forget(api.rt), await left()) == (0, [3, 2])
    async with api.rt.db.transaction() as tx:
        await tx.execute(
            "UPDATE lookup_audit SET started_at = now() - interval '10 years 1 minute'"
            " WHERE id <> (SELECT max(lookup_id::text)::uuid FROM lookup_audit_keys)"
        )
    assert await lookups.forget(api.rt, batch=1) == 3
    assert await left() == [1, 1]
    travelled = datetime.now(UTC) + timedelta(days=3653)
    assert await lookups.forget(replace(api.rt, clock=FixedClock(travelled, alone=True))) == 0, "its time is wrong"
    assert await lookups.forget(replace(api.rt, clock=FixedClock(travelled))) == 2
    assert await left() == [0, 0]
    assert lookups.forget in SERVICE.forgets
