"""What comes with a complaint, and how much of everything is taken; whose secret opens what."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from enforcement.main import SERVICE
from shared.runtime.base.clock import FixedClock
from tests.integration.enforcement.complaining import GROUND, SAID, complain, graded, matters, stands
from tests.integration.enforcement.conftest import EASED, Office, site_recorded
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service

TEXT = {"Content-Type": "text/html"}
PAGE = b"<script>alert(1)</script>"


async def add(office: Office, receipt: dict[str, Any], content: bytes = PAGE, **headers: str) -> Any:
    path = f"/complaints/status/{receipt['secret']}/files"
    return await office.api.post(path, content=content, headers={**TEXT, **headers})


async def test_a_file_is_kept_as_it_came_and_given_out_as_bytes_alone(office: Office) -> None:
    site = site_recorded()
    await office.hear(site)
    receipt = await complain(office, site.domains[0])
    answer = await add(office, receipt)
    assert (answer.status_code, answer.json()["files"]) == (201, 1)
    assert (await add(office, receipt)).json()["files"] == 1, "the same bytes are the same file"
    (matter,) = await matters(office)
    (said,) = (await office.get(f"/matters/{matter['id']}/complaints", "drugs-a"))["items"]
    (file,) = said["files"]
    path = f"/complaints/{said['id']}/files/{file['sha256']}"
    given = await office.api.get(path, who="drugs-a")
    assert given.content == PAGE
    assert given.headers["content-type"] == "application/octet-stream"
    assert given.headers["content-disposition"].startswith("attachment")
    assert given.headers["content-security-policy"] == "sandbox"
    for stranger in ("applicant", "auditor", "culture-a"):
        assert (await office.api.get(path, who=stranger)).status_code == 403, stranger
    assert (await office.api.get(f"/evidence/{file['sha256']}", who="drugs-a")).status_code == 404, "no evidence yet"
    for wrong in (f"/complaints/{matter['id']}/files/{file['sha256']}", f"/complaints/{said['id']}/files/{'0' * 64}"):
        assert (await office.api.get(wrong, who="drugs-a")).status_code == 404


async def test_a_file_of_one_complaint_is_not_read_through_another(office: Office) -> None:
    for host in ("one.example", "two.example"):
        await office.hear(site_recorded(host))
    first, second = [await complain(office, host) for host in ("one.example", "two.example")]
    await add(office, first)
    await add(office, second, b"another")
    ids: list[tuple[str, str]] = []
    for matter in await matters(office):
        (said,) = (await office.get(f"/matters/{matter['id']}/complaints", "drugs-a"))["items"]
        ids.append((said["id"], said["files"][0]["sha256"]))
    crossed = await office.api.get(f"/complaints/{ids[0][0]}/files/{ids[1][1]}", who="drugs-a")
    assert (crossed.status_code, crossed.json()["code"]) == (404, "unknown_evidence")


async def test_so_many_files_and_no_more_also_at_once(office: Office) -> None:
    site = site_recorded()
    await office.hear(site)
    receipt = await complain(office, site.domains[0])
    answered = await asyncio.gather(*(add(office, receipt, f"page {n}".encode()) for n in range(6)))
    assert sorted(each.status_code for each in answered) == [201] * 3 + [409] * 3
    assert {each.json()["code"] for each in answered if each.status_code == 409} == {"complaint_files_full"}
    assert (await stands(office, receipt))["files"] == 3


async def test_a_file_that_is_too_large_is_not_kept(office: Office, tmp_path: Path) -> None:
    site = site_recorded()
    await office.hear(site)
    receipt = await complain(office, site.domains[0])

    async def large() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"x" * 1024 * 1024

    answer = await office.api.post(f"/complaints/status/{receipt['secret']}/files", content=large(), headers=TEXT)
    assert (answer.status_code, answer.json()["code"]) == (413, "complaint_file_too_large")
    assert answer.json()["limit"] == 5 * 1024 * 1024
    assert [each for each in (tmp_path / "evidence").rglob("*") if each.is_file()] == []
    assert (await add(office, receipt, b"")).status_code == 422
    assert (await add(office, receipt, PAGE, **{"Content-Type": ""})).status_code == 415


async def test_nothing_is_added_to_what_is_over(office: Office) -> None:
    matter = await graded(office, site_recorded())
    await office.post(f"/matters/{matter['id']}/dismissal", EASED, "drugs-a")
    answer = await add(office, matter["receipt"])
    assert (answer.status_code, answer.json()["code"]) == (409, "complaint_over")


@pytest.mark.parametrize(
    "forged", ["x", "0" * 43, "..%2F..%2Fmatters", "%00", "a" * 200], ids=["short", "zeros", "path", "nul", "long"]
)
async def test_a_forged_secret_opens_nothing(office: Office, forged: str) -> None:
    await complain(office, "shop.example")
    answer = await office.api.get(f"/complaints/status/{forged}")
    assert answer.status_code == 404
    answer = await office.api.post(f"/complaints/status/{forged}/files", content=PAGE, headers=TEXT)
    assert answer.status_code == 404
    assert await office.fetchval("SELECT count(*) FROM complaint_file") == 0


async def test_a_secret_opens_its_own_complaint_alone_and_neither_reference_nor_hash_does(office: Office) -> None:
    first, second = await complain(office, "shop.example"), await complain(office, "shop.example", text=f"{SAID} Mine.")
    assert (await stands(office, first))["reference"] == first["reference"]
    assert "Mine" not in str(await stands(office, first))
    digest = await office.fetchval(
        "SELECT encode(secret_hash, 'hex') FROM complaint WHERE reference = $1", second["reference"]
    )
    for guess in (second["reference"], digest, second["secret"][:-1], second["secret"].swapcase()):
        assert (await office.api.get(f"/complaints/status/{guess}")).status_code == 404


@pytest.fixture
async def narrow(make_database: MakeDatabase, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    """An office that takes little, and says what it does."""
    settings: dict[str, Any] = {
        "signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True,
        "evidence_store": tmp_path / "evidence", "complaints_per_source": 4, "complaints_per_name": 3,
        "log_level": "INFO",
    }  # fmt: skip
    async with running_service(SERVICE, await make_database("enforcement"), clock=clock, **settings) as api:
        yield Office(api, clock)


async def test_no_log_line_opens_a_complaint(narrow: Office, capfd: pytest.CaptureFixture[str]) -> None:
    receipt = await complain(narrow, "shop.example")
    capfd.readouterr()
    await stands(narrow, receipt)
    written = capfd.readouterr().out
    assert "/complaints/status/REDACTED" in written
    assert receipt["secret"] not in written


async def test_a_flood_is_answered_429_with_the_time_to_wait_and_keeps_nothing(narrow: Office) -> None:
    body = {"host": "shop.example", "ground": GROUND, "text": SAID}
    answered = [await narrow.api.post("/complaints", json=body) for _ in range(8)]
    assert [each.status_code for each in answered] == [201, 201, 201, 429, 429, 429, 429, 429]
    assert {each.json()["code"] for each in answered[3:]} == {"too_many_complaints"}
    assert all(int(each.headers["Retry-After"]) > 0 for each in answered[3:])
    assert "shop.example" in answered[3].json()["detail"], "of one name first"
    assert "where you write" in answered[4].json()["detail"], "and then of one source"
    assert await narrow.fetchval("SELECT count(*) FROM complaint") == 3
    assert await narrow.fetchval("SELECT count(*) FROM audit") == 0, "nobody is written down for it"


async def test_one_name_is_bounded_in_all_its_spellings(narrow: Office) -> None:
    for host in ("a.shop.example", "B.shop.example", "shop.example."):
        await complain(narrow, host)
    body = {"host": "c.shop.example", "ground": GROUND, "text": SAID}
    society = ("society-a", {"organisation": "society", "roles": ["industry_body"]})
    answer = await narrow.api.post("/complaints/reports", json=body, who=society)
    assert answer.status_code == 429, "whoever writes"


async def test_files_count_as_what_they_come_from(narrow: Office) -> None:
    receipt = await complain(narrow, "shop.example")
    answered = [await add(narrow, receipt, f"page {n}".encode()) for n in range(4)]
    assert [each.status_code for each in answered] == [201, 201, 201, 429]
