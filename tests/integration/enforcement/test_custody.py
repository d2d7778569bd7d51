"""Evidence by its bytes: what can be filed, who had it in hand, whether it is sound, and until when it is kept."""

import asyncio
import io
import os
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from enforcement.main import SERVICE
from enforcement.service import custody, papers
from shared.contracts.enforcement import DecisionReleasedV1
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.files import Files
from shared.runtime.base.stores import Folder
from tests.integration.enforcement.complaining import graded
from tests.integration.enforcement.conftest import EASED, STATED, STATEMENT, Office, site_recorded
from tests.integration.enforcement.test_cases import in_place
from tests.integration.enforcement.test_requests import ignored_order
from tests.integration.enforcement.test_timeline import timeline

WHY = {"reasons": "A court asked for it."}
PNG: Final = b"\x89PNG\r\n\x1a\n" + bytes(600)
YEARS: Final = 11
"""More than the profile keeps evidence."""
GIB: Final = 1 << 30


async def filed(
    office: Office, case: dict[str, Any], content: Any, kind: str, **headers: str
) -> tuple[int, dict[str, Any]]:
    answer = await office.api.post(
        f"/cases/{case['id']}/evidence", content=content, who="drugs-a", headers={"Content-Type": kind, **headers}
    )
    return answer.status_code, answer.json()


def on_disk(office: Office) -> list[Path]:
    return [path for path in Path(office.api.rt.settings.evidence_store).rglob("*") if path.is_file()]


def path_of(office: Office, sha256: str) -> Path:
    return Folder(Path(office.api.rt.settings.evidence_store)).path(sha256)


# --- what can be filed -----------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """A quarter of a gigabyte of zeros, packed: it is never unpacked, and so is bytes like any others."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as zeros:
        for _ in range(256):
            zeros.write(bytes(1 << 20))
    return packed.getvalue()


@pytest.mark.parametrize(("content", "kind", "expected"), [
    (PNG, "image/png", 201),
    (b"%PDF-1.7\n...", "application/pdf", 201),
    ("处方".encode("gbk"), 'text/html; charset="gbk"', 201),
    (b"a,b\n1,2\n", "TEXT/CSV", 201),
    (PNG, "image/jpeg", "evidence_otherwise"),
    (PNG, "text/plain", "evidence_otherwise"),
    (b"<!doctype html><script>", "image/png", "evidence_otherwise"),
    (b"<!doctype html><script>", "application/pdf", "evidence_otherwise"),
    (b"%PDF-1.7\n", "text/plain", "evidence_otherwise"),
    (b"\n%PDF-1.7\n", "application/pdf", "evidence_otherwise"),
    (b"MZ\x90\x00", "application/zip", "evidence_otherwise"),
    (b"x\x00y", "text/plain", "evidence_otherwise"),
    (b"x", "image/svg+xml", "evidence_kind_unknown"),
    (b"x", "application/octet-stream", "evidence_kind_unknown"),
    (b"GIF89a", "image/gif", "evidence_kind_unknown"),
    (b"", "text/plain", "evidence_empty"),
], ids=range(16))  # fmt: skip
async def test_bytes_are_filed_that_begin_as_what_they_are_said_to_be(
    office: Office, content: bytes, kind: str, expected: Any
) -> None:
    case = await office.case()
    before = len(on_disk(office))
    status, answer = await filed(office, case, content, kind)
    assert expected in {status, answer.get("code")}
    assert len(on_disk(office)) == before + (expected == 201), "what was refused leaves nothing"
    if expected == 201:
        read = await office.api.get(f"/evidence/{answer['sha256']}", who="drugs-b")
        assert (read.content, read.headers["x-content-type-options"]) == (content, "nosniff")
        assert read.headers["content-disposition"].startswith("attachment")
        assert read.headers["content-security-policy"] == "sandbox"


async def test_a_first_byte_that_comes_alone_is_no_way_round(office: Office) -> None:
    case = await office.case()

    async def slowly(content: bytes) -> AsyncIterator[bytes]:
        for byte in content:
            yield bytes([byte])

    assert (await filed(office, case, slowly(PNG), "image/png"))[0] == 201
    assert (await filed(office, case, slowly(PNG), "text/plain"))[1]["code"] == "evidence_otherwise"
    assert (await filed(office, case, slowly(b"%PDF"), "application/pdf"))[1]["code"] == "evidence_otherwise"


async def test_a_packed_bomb_is_bytes_like_any_others(office: Office) -> None:
    case, content = await office.case(), bomb()
    tracemalloc.start()
    status, answer = await filed(office, case, content, "application/zip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (status, answer["size"]) == (201, len(content))
    assert peak < 64 << 20, "nobody unpacked it"


async def test_ten_gigabytes_are_refused_before_they_fill_memory_or_disk(office: Office) -> None:
    case, taken = await office.case(), 0
    chunk = b"x" * (1 << 16)

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while taken < 10 * GIB:
            taken += len(chunk)
            yield chunk

    async def none_at_all() -> AsyncIterator[bytes]:
        raise AssertionError("a byte was read of what is too large by its own word")
        yield b""

    said = {"Content-Length": str(10 * GIB)}
    status, answer = await filed(office, case, none_at_all(), "text/plain", **said)
    assert (status, answer["code"], answer["limit"]) == (413, "evidence_too_large", 5 << 20)
    largest = 0

    async def watch() -> None:
        nonlocal largest
        while True:
            largest = max([largest, *(path.stat().st_size for path in on_disk(office))])
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    tracemalloc.start()
    status, answer = await filed(office, case, endless(), "text/plain")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    watching.cancel()
    assert (status, answer["code"]) == (413, "evidence_too_large")
    assert taken <= (5 << 20) + 2 * len(chunk)
    assert largest <= 5 << 20
    assert peak < 16 << 20
    assert not [path for path in on_disk(office) if path.name.startswith(".incoming-")]


@pytest.mark.parametrize(
    ("kind", "head"), [("text/plain", b""), ("image/png", PNG), ("application/pdf", b"%PDF-1.7\n")]
)
async def test_a_kind_has_a_size_of_its_own(office: Office, kind: str, head: bytes) -> None:
    case = await office.case()
    most = next(each.most_bytes for each in office.api.rt.rules.evidence_kinds.values() if kind in each.media_types)
    assert (await filed(office, case, head + b"x" * (most - len(head)), kind))[0] == 201
    assert (await filed(office, case, head + b"x" * (most - len(head) + 1), kind))[0] == 413


# --- who had it in hand ----------------------------------------------------------------------------------------------


async def test_the_chain_of_custody_names_who_filed_cited_read_and_checked_a_piece(office: Office) -> None:
    case = await office.case()
    sha256 = await office.file(case["id"], b"The order book of today.")
    drafted = await office.draft(case, evidence_hashes=[sha256])
    await office.api.get(f"/evidence/{sha256}", who="drugs-c")
    await office.cured(drafted)
    await office.release(drafted)
    await custody.recheck(office.api.rt)
    await office.post(f"/cases/{case['id']}/hold", WHY, "drugs-a")
    shown = await office.get(f"/evidence/{sha256}/custody?limit=200", "drugs-b")
    assert {(each["what"], each["person"]) for each in shown["items"]} == {
        ("filed", "drugs-a"), ("cited", "drugs-a"), ("cited_in_force", "drugs-b"), ("read", "Drugs C"), ("sound", None),
        ("hold_evidence", "Drugs A"),
    }  # fmt: skip
    assert (shown["size"], shown["damaged_at"], shown["deleted_at"]) == (24, None, None)
    paged: list[Any] = []
    after = ""
    while True:
        page = await office.get(f"/evidence/{sha256}/custody?limit=1{after}", "drugs-b")
        paged += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert paged == shown["items"]
    for who, expected in (("culture-a", 404), ("shanghai-drugs-a", 404), ("applicant", 403), ("coordination-a", 403)):
        assert (await office.api.get(f"/evidence/{sha256}/custody", who=who)).status_code == expected, who
    for who in ("regulator-a", "auditor", "drugs-national-a"):
        assert (await office.api.get(f"/evidence/{sha256}/custody", who=who)).status_code == 200, who


async def test_the_chain_says_what_was_found_ignored_on_a_piece(office: Office) -> None:
    _, order = await ignored_order(office)
    (sha256,) = order["ignored_evidence"]
    items = (await office.get(f"/evidence/{sha256}/custody", "drugs-a"))["items"]
    cited = next(each for each in items if each["what"] == "cited_as_ignored")
    assert (cited["about_id"], cited["person"], cited["detail"]) == (order["id"], "drugs-b", "correct")


async def test_the_chain_tells_nothing_of_other_cases(office: Office) -> None:
    mine, theirs = await office.case(), await office.case(site_recorded(**in_place("310000")), who="shanghai-drugs-a")
    sha256 = await office.file(mine["id"], b"The same bytes.")
    await office.file(theirs["id"], b"The same bytes.", "shanghai-drugs-a")
    await office.draft(theirs, who="shanghai-drugs-a", evidence_hashes=[sha256])
    await office.api.get(f"/evidence/{sha256}", who="shanghai-drugs-a")
    shown = await office.get(f"/evidence/{sha256}/custody", "drugs-a")
    assert {(each["what"], each["about_id"]) for each in shown["items"]} == {("filed", mine["id"])}


# --- whether it is sound ---------------------------------------------------------------------------------------------


async def test_every_piece_is_compared_with_its_hash_once_in_the_profiles_days(office: Office) -> None:
    case = await office.case()
    for number in range(custody.PORTION * 2):
        await office.file(case["id"], f"Piece {number}".encode())
    count = "SELECT count(*) FROM evidence_event WHERE event = 'sound'"
    assert await custody.recheck(office.api.rt) == 0
    assert await office.fetchval(count) == 0, "nothing is due yet"
    office.clock.advance(timedelta(days=office.api.rt.rules.cases.recheck_days))
    pieces = await office.fetchval("SELECT count(*) FROM evidence")
    assert await custody.recheck(office.api.rt, most=5) == 0
    assert await office.fetchval(count) == 5, "a run has a limit"
    await asyncio.gather(*(custody.recheck(office.api.rt) for _ in range(3)))
    assert await office.fetchval(count) == pieces, "each once, also by three processes at once"
    await custody.recheck(office.api.rt)
    assert await office.fetchval(count) == pieces


@pytest.mark.parametrize("how", ["changed", "gone", "unreadable"])
async def test_damage_is_found_told_once_and_healed_by_the_bytes(office: Office, how: str) -> None:
    case, content = await office.case(), b"The order book of 2006."
    sha256 = await office.file(case["id"], content)
    await office.draft(case, evidence_hashes=[sha256])
    path = path_of(office, sha256)
    if how != "changed":
        path.unlink()
    if how == "unreadable":
        path.mkdir()
    if how == "changed":
        path.chmod(0o600)
        path.write_bytes(content.replace(b"2006", b"2007"))
    days = office.api.rt.rules.cases.recheck_days
    for _ in range(2):
        office.clock.advance(timedelta(days=days))
        assert await custody.recheck(office.api.rt) == 1
    assert (await office.notices("drugs-a")).count("evidence_damaged") == 1
    assert "evidence_damaged" not in await office.notices(), "it is the authority's to mend"
    shown = await office.get(f"/evidence/{sha256}/custody", "drugs-a")
    assert [each["what"] for each in shown["items"]][:2] == ["damaged", "damaged"]
    assert shown["damaged_at"] is not None
    if how == "unreadable":
        path.rmdir()
    assert (await office.api.get(f"/evidence/{sha256}", who="drugs-a")).json()["code"] == "evidence_damaged"
    await office.file(case["id"], content)
    shown = await office.get(f"/evidence/{sha256}/custody", "drugs-a")
    assert (shown["damaged_at"], shown["items"][0]["what"]) == (None, "sound"), "at once"
    office.clock.advance(timedelta(days=days))
    assert await custody.recheck(office.api.rt) == 0
    assert (await office.get(f"/evidence/{sha256}/custody", "drugs-a"))["damaged_at"] is None


async def test_of_the_looks_that_found_nothing_the_first_and_the_last_stay_and_no_gap_is_hidden(office: Office) -> None:
    case, content = await office.case(), b"Looked at for years."
    sha256 = await office.file(case["id"], content)
    days, begun = timedelta(days=office.api.rt.rules.cases.recheck_days), office.clock.now()

    async def looks(count: int, every: timedelta = days) -> None:
        for _ in range(count):
            office.clock.advance(every)
            await custody.recheck(office.api.rt)

    async def kept() -> list[tuple[str, int]]:
        async with office.api.rt.db.connection() as tx:
            rows = await tx.fetch("SELECT event, at FROM evidence_event WHERE sha256 = $1 ORDER BY id", sha256)
        return [(row["event"], (row["at"] - begun) // days) for row in rows]

    await looks(6)
    assert await kept() == [("sound", 1), ("sound", 6)]
    path_of(office, sha256).unlink()
    await looks(2)
    await office.file(case["id"], content)
    await looks(4)
    assert (await kept())[2:] == [("damaged", 7), ("damaged", 8), ("sound", 8), ("sound", 12)]
    await looks(1, days * 5)
    await looks(4)
    assert (await kept())[4:] == [("sound", 8), ("sound", 12), ("sound", 17), ("sound", 21)]
    shown = await office.get(f"/evidence/{sha256}/custody", "drugs-a")
    late = [each["detail"] for each in shown["items"] if "nobody had looked" in (each["detail"] or "")]
    assert late == [f"{custody.LOOKED}; nobody had looked for {5 * days.days} days."]
    path_of(office, sha256).unlink()
    await looks(1)
    await office.file(case["id"], content)
    await looks(2)
    assert (await kept())[7:] == [("sound", 21), ("damaged", 22), ("sound", 22), ("sound", 24)]


async def test_a_process_whose_clock_is_wrong_deletes_nothing(office: Office) -> None:
    _, sha256 = await _discontinued(office, b"Nothing came of it either.")
    wrong = FixedClock(office.clock.now() + timedelta(days=366 * YEARS), alone=True)
    assert await custody.retire(replace(office.api.rt, clock=wrong)) == 0
    assert not await gone(office, sha256)


async def test_what_uploads_left_that_were_cut_off_goes_with_the_housekeeping(office: Office) -> None:
    folder = path_of(office, "00").parent.parent
    folder.mkdir(exist_ok=True)
    left = folder / ".incoming-cut-off"
    left.write_bytes(b"half a page")
    os.utime(left, (0, 0))
    await custody.retire(office.api.rt)
    assert not left.exists()
    assert custody.retire in SERVICE.forgets


# --- until when it is kept -------------------------------------------------------------------------------------------


def later(office: Office, years: int = YEARS) -> None:
    office.clock.advance(timedelta(days=366 * years))


async def gone(office: Office, sha256: str) -> bool:
    """Whether the bytes are deleted, in the record and on the disk alike."""
    deleted = await office.fetchval("SELECT deleted_at IS NOT NULL FROM evidence WHERE sha256 = $1", sha256)
    assert path_of(office, sha256).exists() is not bool(deleted)
    return bool(deleted)


async def _discontinued(office: Office, content: bytes) -> tuple[dict[str, Any], str]:
    case = await office.case()
    sha256 = await office.file(case["id"], content)
    await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
    return case, sha256


async def test_what_nothing_can_need_any_more_is_deleted_and_hash_size_and_why_stay(office: Office) -> None:
    case, sha256 = await _discontinued(office, b"Nothing came of it.")
    office.clock.advance(timedelta(days=366 * 9))
    assert await custody.retire(office.api.rt) == 0
    later(office, 2)
    assert await custody.retire(office.api.rt) == 2, "and what else lay in the case"
    assert await gone(office, sha256)
    assert await custody.retire(office.api.rt) == 0
    answer = await office.api.get(f"/evidence/{sha256}", who="drugs-a")
    assert (answer.status_code, answer.json()["code"]) == (404, "evidence_deleted")
    shown = await office.get(f"/evidence/{sha256}/custody", "drugs-a")
    assert (shown["size"], shown["items"][0]["what"]) == (19, "deleted")
    assert "cn-2006/1" in shown["deleted_why"]
    listed = (await office.get(f"/cases/{case['id']}", "drugs-a"))["evidence"]
    assert all(each["deleted_at"] for each in listed)
    await custody.recheck(office.api.rt)
    assert await office.fetchval("SELECT count(*) FROM evidence_event WHERE event = 'damaged'") == 0
    assert (await office.api.get(f"/evidence/{sha256}", who="culture-a")).json()["code"] == "unknown_evidence"


async def _in_force(office: Office, case: dict[str, Any], sha256: str) -> dict[str, Any]:
    drafted = await office.draft(case, evidence_hashes=[sha256])
    await office.cured(drafted)
    released = await office.release(drafted)
    await office.opens(released, "decision_released")
    await office.executed(released)
    return released


async def test_the_evidence_of_a_decision_outlives_it_and_every_way_to_challenge_it(office: Office) -> None:
    rt, case = office.api.rt, await office.case()
    sha256 = await office.file(case["id"], b"The order book that counts.")
    released = await _in_force(office, case, sha256)
    later(office)
    assert await custody.retire(rt) == 0, "it is in force"
    await office.post(f"/decisions/{released['id']}/lift", STATED, "drugs-a")
    office.clock.advance(timedelta(days=40))
    assert await custody.retire(rt) == 0, "it ended a moment ago"
    act = {"service": "enforcement", "kind": "decision", "id": released["id"]}
    body = {"act": act, "grounds": "It was never right.", "consent": "By a letter to us."}
    appeal = await office.post("/appeals", body, "review-a", 201)
    later(office)
    assert await custody.retire(rt) == 0, "an appeal is open"
    other = ("review-b", {"organisation": "review-110000", "roles": ["review_body"]})
    await office.post(f"/appeals/{appeal['id']}/decision", {"outcome": "rejected", **EASED}, other)
    office.clock.advance(timedelta(days=40))
    assert await custody.retire(rt) == 0, "it was decided a moment ago"
    later(office)
    await custody.retire(rt)
    assert await gone(office, sha256)


@pytest.mark.parametrize(
    "keeps", ["open_case", "draft", "suspended", "never_delivered", "told_another", "hold", "other_case"]
)
async def test_what_something_may_need_is_kept_however_old_it_is(office: Office, keeps: str) -> None:
    case = await office.case()
    sha256 = await office.file(case["id"], f"Kept by {keeps}".encode())
    if keeps == "draft":
        await office.draft(case, evidence_hashes=[sha256])
    elif keeps == "suspended":
        appeal = await office.appeal(await _in_force(office, case, sha256), asks_for_stay=True)
        await office.post(f"/appeals/{appeal['id']}/stay", {"granted": True, **EASED}, "review-a")
        await office.post(f"/appeals/{appeal['id']}/decision", {"outcome": "rejected", **EASED}, "review-a")
    elif keeps == "never_delivered":
        drafted = await office.draft(case, evidence_hashes=[sha256])
        await office.cured(drafted)
        await office.executed(await office.release(drafted))
        await office.post(f"/decisions/{drafted['id']}/lift", STATED, "drugs-a")
    elif keeps == "told_another":
        lifted = await _in_force(office, case, sha256)
        await office.post(f"/decisions/{lifted['id']}/lift", STATED, "drugs-a")
        told = "UPDATE notice SET identity = $2 WHERE about_id = $1 AND kind = 'decision_released' RETURNING 1"
        assert await office.fetchval(told, UUID(lifted["id"]), "91110000600037341A"), (
            "its survivor, and the merger fell"
        )
    elif keeps == "hold":
        await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
        await office.post(f"/cases/{case['id']}/hold", WHY, "drugs-a")
    elif keeps == "other_case":
        await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
        await office.file((await office.case())["id"], f"Kept by {keeps}".encode())
    for _ in range(3):
        later(office)
        await custody.retire(office.api.rt)
        assert not await gone(office, sha256)


async def test_a_hold_is_set_and_lifted_once_with_reasons_and_retention_goes_on_after_it(office: Office) -> None:
    case, sha256 = await _discontinued(office, b"For the court.")
    path = f"/cases/{case['id']}/hold"
    assert await office.refused(f"{path}/lift", WHY, "drugs-a") == (409, "nothing_held")
    for who in ("regulator-a", "culture-a", "shanghai-drugs-a", "auditor", "applicant"):
        assert (await office.refused(path, WHY, who))[0] == 403, who
    answers = await asyncio.gather(*(office.api.post(path, json=WHY, who="drugs-a") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert (await office.get(f"/cases/{case['id']}", "drugs-a"))["held_because"] == WHY["reasons"]
    later(office)
    assert await custody.retire(office.api.rt) == 0
    await office.post(f"{path}/lift", WHY, "drugs-b")
    office.clock.advance(timedelta(days=custody.AGAIN_DAYS + 1))
    await custody.retire(office.api.rt)
    assert await gone(office, sha256)
    acts = [each["what"] for each in await timeline(office, case["id"], "drugs-a", "&kind=file")]
    assert {"hold_evidence", "lift_hold"} <= set(acts)


async def test_a_hold_and_a_deletion_at_once_never_leave_a_held_piece_without_its_bytes(office: Office) -> None:
    cases = [await _discontinued(office, f"Piece {turn}".encode()) for turn in range(8)]
    later(office)
    await asyncio.gather(
        custody.retire(office.api.rt), custody.retire(office.api.rt),
        *(office.post(f"/cases/{case['id']}/hold", WHY, "drugs-a") for case, _ in cases),
    )  # fmt: skip
    held_first = 0
    for case, sha256 in cases:
        deleted = await office.fetchval("SELECT deleted_at FROM evidence WHERE sha256 = $1", sha256)
        held = await office.fetchval(
            "SELECT id FROM history WHERE aggregate_id = $1 AND action = 'hold_evidence'", UUID(case["id"])
        )
        assert held is not None
        held_first += deleted is None
        await gone(office, sha256)
    events = await office.fetchval(
        "SELECT count(*) FROM evidence_event WHERE event = 'deleted' AND sha256 = ANY ($1)",
        [sha256 for _, sha256 in cases],
    )
    assert events == 8 - held_first, "each once"


async def test_bytes_filed_and_cited_while_they_are_deleted_are_there_for_who_cites_them(office: Office) -> None:
    for turn in range(6):
        content = f"The same bytes, turn {turn}.".encode()
        _, sha256 = await _discontinued(office, content)
        later(office)
        case = await office.case()

        async def cite(case: dict[str, Any] = case, content: bytes = content, sha256: str = sha256) -> bool:
            status, _ = await filed(office, case, content, "text/plain")
            if status == 409:  # evidence_being_deleted: nothing was filed
                assert (await filed(office, case, content, "text/plain"))[0] == 201
            body = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": [sha256]}
            drafted = await office.api.post(f"/cases/{case['id']}/decisions", json=body, who="drugs-a")
            return bool(drafted.status_code == 201)

        cited, *_ = await asyncio.gather(cite(), custody.retire(office.api.rt), custody.retire(office.api.rt))
        assert cited
        assert not await gone(office, sha256)
        assert (await office.api.get(f"/evidence/{sha256}", who="drugs-b")).content == content
        assert await custody.retire(office.api.rt) == 0


async def test_bytes_that_were_deleted_are_filed_anew_and_nobody_cites_them_before(office: Office) -> None:
    _, sha256 = await _discontinued(office, b"Once more.")
    other = await office.case()
    await office.file(other["id"], b"Another one.")
    await office.post(f"/cases/{other['id']}/discontinuation", STATED, "drugs-a")
    later(office)
    assert await custody.retire(office.api.rt) > 0
    case = await office.case()
    body = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": [sha256]}
    async with office.api.rt.db.transaction() as tx:  # as a case that follows from another one takes its pieces over
        await tx.execute(
            "INSERT INTO case_evidence (case_id, sha256, media_type, added_by, added_at)"
            " VALUES ($1, $2, 'text/plain', 'x', now())", UUID(case["id"]), sha256,
        )  # fmt: skip
    assert await office.refused(f"/cases/{case['id']}/decisions", body, "drugs-a") == (422, "evidence_not_in_case")
    await office.file(case["id"], b"Once more.")
    assert not await gone(office, sha256)
    assert (await office.draft(case, evidence_hashes=[sha256]))["status"] == "drafted"
    assert await office.told(DecisionReleasedV1) == []
    shown = await office.get(f"/evidence/{sha256}/custody", "drugs-a")
    assert {"deleted", "kept_again"} <= {each["what"] for each in shown["items"]}


async def test_a_process_that_dies_between_the_record_and_the_disk_is_made_up_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sha256 = await _discontinued(office, b"Half gone.")
    later(office)

    async def dies(*_: object) -> None:
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(Files, "remove", dies)
        with pytest.raises(OSError, match="power"):
            await custody.retire(office.api.rt)
    assert path_of(office, sha256).exists()
    assert (await office.api.get(f"/evidence/{sha256}", who="drugs-a")).status_code == 404
    await custody.retire(office.api.rt)
    assert await gone(office, sha256)
    assert os.listdir(path_of(office, sha256).parent) == []


# --- what was handed in otherwise ------------------------------------------------------------------------------------


async def damaged(office: Office, sha256: str) -> int:
    """The bytes change, and the next look comes."""
    path_of(office, sha256).write_bytes(b"Something else.")
    office.clock.advance(timedelta(days=office.api.rt.rules.cases.recheck_days + 1))
    return await papers.recheck(office.api.rt)


@pytest.mark.parametrize(("side", "told"), [
    ("applicant", ["applicant", "review-a"]), ("drugs-a", ["drugs-a", "review-a"]), ("review-a", ["review-a"]),
])  # fmt: skip
async def test_of_a_paper_of_an_appeal_that_is_damaged_its_body_and_whoever_handed_it_in_hear(
    office: Office, side: str, told: list[str]
) -> None:
    filed = await office.appeal(await office.released())
    answer = await office.api.post(
        f"/appeals/{filed['id']}/papers?title=Consent", content=b"The consent.", who=side,
        headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    sha256 = answer.json()["sha256"]
    assert await papers.recheck(office.api.rt) == 0
    assert await damaged(office, sha256) == 1
    heard = [who for who in ("applicant", "drugs-a", "review-a") if "file_damaged" in await office.notices(who)]
    assert heard == told
    audited = "SELECT count(*) FROM audit WHERE act = 'recheck_file' AND resource = '/files/' || $1"
    assert await office.fetchval(audited, sha256) == 1
    read = await office.api.get(f"/appeals/{filed['id']}/papers/{sha256}", who="review-a")
    assert (read.status_code, read.json()["code"]) == (500, "evidence_damaged")


async def _with_paper(office: Office) -> tuple[dict[str, Any], str]:
    filed = await office.appeal(await office.released())
    return filed, (await _hand_in(office, filed))["sha256"]


async def _hand_in(office: Office, appeal: dict[str, Any]) -> dict[str, Any]:
    answer = await office.api.post(
        f"/appeals/{appeal['id']}/papers?title=Consent", content=b"The consent.", who="applicant",
        headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    assert answer.status_code == 201
    return dict(answer.json())


async def test_nobody_is_turned_down_on_papers_that_nobody_can_read(office: Office) -> None:
    filed, sha256 = await _with_paper(office)
    await damaged(office, sha256)
    decision = {"outcome": "rejected", "statement": STATEMENT}
    refused = await office.api.post(f"/appeals/{filed['id']}/decision", json=decision, who="review-a")
    assert (refused.status_code, refused.json()["code"], refused.json()["papers"]) == (409, "papers_damaged", sha256)
    await _hand_in(office, filed)
    assert (await office.api.get(f"/appeals/{filed['id']}/papers/{sha256}", who="review-a")).content == b"The consent."
    assert await office.fetchval("SELECT count(*) FROM kept_file WHERE damaged_at IS NOT NULL") == 0
    decided = await office.post(f"/appeals/{filed['id']}/decision", decision, "review-a")
    assert decided["status"] == "rejected"


async def test_whoever_is_right_is_so_without_the_papers_that_were_lost(office: Office) -> None:
    filed, sha256 = await _with_paper(office)
    await damaged(office, sha256)
    decided = await office.post(
        f"/appeals/{filed['id']}/decision", {"outcome": "upheld", "statement": STATEMENT}, "review-a"
    )
    assert decided["status"] == "upheld"


async def test_of_what_came_with_a_complaint_and_is_damaged_the_desk_hears_that_has_it(office: Office) -> None:
    site = site_recorded()
    matter = await graded(office, site)
    answer = await office.api.post(
        f"/complaints/status/{matter['receipt']['secret']}/files",
        content=b"<p>Seen",
        headers={"Content-Type": "text/html"},
    )
    assert answer.status_code == 201
    sha256 = await office.fetchval("SELECT sha256 FROM complaint_file")
    assert await damaged(office, sha256) == 1
    assert "file_damaged" in await office.notices("drugs-a")
    assert "file_damaged" not in await office.notices()
