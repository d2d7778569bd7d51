"""An import that broke off goes on where it was, for the same file only, and for one sender at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from starlette.requests import ClientDisconnect

from registry.errors import ImportTakenOver
from registry.importing.files import CSV, NDJSON, XLSX
from registry.service import imports
from registry.service.imports import QUIET, Wanted
from registry.store import imports as store
from registry.store.imports import Import
from shared.contracts.registry import SiteRecordedV1
from tests.integration.registry.conftest import Register
from tests.integration.registry.test_imports import counts, record, results, sent
from tests.integration.registry.test_imports_files import as_csv, table
from tests.support.people import person
from tests.unit.registry.workbooks import workbook

SHANGHAI = "shanghai-regulator-a"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)


def body_of(records: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in records)


async def broken(register: Register, body: bytes, keep: int, kind: str = NDJSON) -> Import:
    """An import whose sender broke off after so many bytes."""

    async def some() -> AsyncIterator[bytes]:
        yield body[:keep]
        raise ClientDisconnect

    return await imports.run(register.api.rt, person("regulator-a"), some(), Wanted(kind, total_bytes=len(body)))


async def continued(
    register: Register, import_id: UUID | str, body: bytes, status: int = 200, who: Any = "regulator-a",
    kind: str = NDJSON,
) -> dict[str, Any]:  # fmt: skip
    answer = await register.api.post(
        f"/imports/{import_id}/continuation", content=body, who=who, headers={"Content-Type": kind}
    )
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def test_it_goes_on_at_the_first_row_that_is_not_taken(register: Register) -> None:
    rows = [record(n) for n in range(1, 26)]
    rows[3]["domain"] = rows[22]["domain"] = "no name"
    stopped = await broken(register, body_of(rows), len(body_of(rows[:24])))
    assert (stopped.status, stopped.records, stopped.next_row) == ("interrupted", 20, 21)
    done = await continued(register, stopped.id, body_of(rows))
    assert counts(done) == (23, 0, 2, 0), "nothing was looked at twice"
    assert (done["status"], done["next_row"]) == ("done", 26)
    assert [each["line"] for each in await results(register, done)] == [4, 23]
    assert len(await register.told(SiteRecordedV1)) == 23


@pytest.mark.parametrize("kind", [CSV, f"{CSV}; charset=gb18030", XLSX])
async def test_it_goes_on_in_every_format(register: Register, kind: str) -> None:
    rows = [record(n, site_name=f"药店{n}, 分店") for n in range(1, 61)]
    if kind == XLSX:
        body = workbook(table(*rows))
        stopped = await broken(register, body, 2000, kind)
        assert stopped.next_row == 1, "a workbook is read when it is there"
    else:
        text = as_csv(*rows).replace("药店", '"药店').replace(" 分店", '\r\n分店"')
        body = text.encode("gb18030" if "gb" in kind else "utf-8")
        stopped = await broken(register, body, len(body) - 200, kind)
        assert (stopped.records, stopped.next_row) == (50, 101)
    done = await continued(register, stopped.id, body, kind=kind)
    assert (done["records"], done["status"]) == (60, "done")
    assert done["accepted"] == (60 if kind == XLSX else 0), await results(register, done)


async def test_another_file_is_refused_and_nothing_of_it_goes_in(register: Register) -> None:
    rows = [record(n) for n in range(1, 26)]
    stopped = await broken(register, body_of(rows), len(body_of(rows[:24])))
    others = [
        [record(99), *rows[1:]], rows[1:], [*rows[:19], record(98), *rows[20:]], rows[:7],
        [*rows[:5], {}, *rows[5:]],
    ]  # fmt: skip
    for other in others:
        refused = await continued(register, stopped.id, body_of(other), 409)
        assert (refused["code"], refused["next_row"]) == ("other_file", 21)
    assert await register.fetchval("SELECT count(*) FROM site") == 20
    changed_below = [*rows[:20], *[record(n) for n in range(30, 36)]]
    assert counts(await continued(register, stopped.id, body_of(changed_below)))[0] == 26, "what comes after is free"


async def test_what_is_done_or_dry_or_runs_has_nothing_to_go_on_with(register: Register) -> None:
    done = await sent(register, [record(1)])
    assert (await continued(register, done["id"], b"{}", 409))["code"] == "import_over"
    dry = await register.api.post("/imports?dry_run=true", content=b"{}", who="regulator-a")
    assert (await continued(register, dry.json()["id"], b"{}", 409))["code"] == "import_over"
    await register.fetchval("UPDATE import SET status = 'running' WHERE id = $1 RETURNING 1", UUID(done["id"]))
    assert (await continued(register, done["id"], body_of([record(1)]), 409))["code"] == "import_running"
    assert (await continued(register, uuid4(), b"{}", 404))["code"] == "unknown_import"
    register.clock.advance(QUIET + timedelta(seconds=1))
    assert (await continued(register, done["id"], b"x,y", 415, kind=CSV))["code"] == "unsupported_media_type"


async def test_only_its_own_organisation_goes_on_with_it(register: Register) -> None:
    stopped = await broken(register, body_of([record(1)]), 9)
    for who in (SHANGHAI, "national-a", "auditor", "applicant"):
        await continued(register, stopped.id, body_of([record(1)]), 403, who)
    assert counts(await continued(register, stopped.id, body_of([record(1)]), 200, "regulator-b"))[0] == 1


async def test_of_two_who_go_on_at_once_one_does(register: Register) -> None:
    rows = [record(n) for n in range(1, 90)]
    stopped = await broken(register, body_of(rows), len(body_of(rows[:24])))
    answers = await asyncio.gather(*(
        register.api.post(f"/imports/{stopped.id}/continuation", content=body_of(rows), who="regulator-a")
        for _ in range(3)
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    shown = await register.get(f"/imports/{stopped.id}", "regulator-a")
    assert counts(shown) == (89, 0, 0, 0)


async def test_of_two_who_read_it_at_the_same_moment_one_takes_it_over(register: Register) -> None:
    stopped, rt = await broken(register, body_of([record(1)]), 9), register.api.rt
    took = []
    for _ in range(2):
        async with rt.db.transaction() as tx:
            took.append(await store.take_over(tx, stopped, None, rt.clock.now()))
    assert [each and each.run for each in took] == [2, None]


async def test_whoever_was_taken_over_writes_no_more(register: Register) -> None:
    rows, rt = [record(n) for n in range(1, 41)], register.api.rt
    on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield body_of(rows[:30])
        await on.wait()
        yield body_of(rows[30:])

    first = asyncio.create_task(imports.run(rt, person("regulator-a"), slow(), Wanted(import_id=uuid4())))
    async with asyncio.timeout(20):
        while await register.fetchval("SELECT count(*) FROM import WHERE next_row > 1") == 0:  # noqa: ASYNC110 -- a row
            await asyncio.sleep(0.01)
    import_id = await register.fetchval("SELECT id FROM import")
    register.clock.advance(QUIET + timedelta(seconds=1))
    assert counts(await continued(register, import_id, body_of(rows))) == (40, 0, 0, 0)
    on.set()
    with pytest.raises(ImportTakenOver):
        await first
    shown = await register.get(f"/imports/{import_id}", "regulator-a")
    assert (shown["status"], counts(shown)) == ("done", (40, 0, 0, 0))
    assert len(await register.told(SiteRecordedV1)) == 40


async def test_how_far_it_is_can_be_read_while_it_runs(register: Register) -> None:
    rows, import_id = [record(n) for n in range(1, 41)], uuid4()
    body = body_of(rows)
    seen: list[tuple[str, int, int, int]] = []

    async def watched() -> AsyncIterator[bytes]:
        for start in range(0, 40, 10):
            yield body_of(rows[start : start + 10])
            await asyncio.sleep(0.3)
            shown = await register.get(f"/imports/{import_id}", "regulator-a")
            seen.append((shown["status"], shown["records"], shown["bytes_read"], shown["total_bytes"]))

    wanted = Wanted(total_bytes=len(body), import_id=import_id)
    await imports.run(register.api.rt, person("regulator-a"), watched(), wanted)
    assert {status for status, *_ in seen} == {"running"}
    assert [records for _, records, *_ in seen] == sorted(records for _, records, *_ in seen)
    assert 0 < seen[-1][1] <= 40
    assert 0 < seen[-1][2] <= len(body) == seen[-1][3]


async def test_an_id_is_an_imports_once(register: Register) -> None:
    own = {"X-Import-Id": str(uuid4()), "Content-Type": NDJSON}
    for status in (200, 409):
        answer = await register.api.post("/imports", content=body_of([record(1)]), who="regulator-a", headers=own)
        assert answer.status_code == status, answer.text
    assert answer.json()["code"] == "import_exists"
    assert (await register.get(f"/imports/{own['X-Import-Id']}", "regulator-a"))["total_bytes"] is not None
