"""What applicants hand in for the requirements of an item: kept by its hash, shown as nobody's page, asked for once."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from approval.lifecycle import Status
from approval.main import SERVICE
from approval.service import files
from shared.runtime.base.files import LIMIT
from shared.runtime.base.stores import Folder
from tests.integration.approval.desk import Desk

PAGE = "执照 licence".encode()
SHA256 = hashlib.sha256(PAGE).hexdigest()


async def hand_in(desk: Desk, approval_id: str, requirement: str = "drug_licence", **options: Any) -> Any:
    given = {"who": "applicant", "content": PAGE, "headers": {"Content-Type": "application/pdf"}, **options}
    return await desk.api.post(f"/approvals/{approval_id}/files", params={"requirement": requirement}, **given)


def of(view: Any, code: str) -> Any:
    return next(each for each in view["requirements"] if each["code"] == code)


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.RETURNED, Status.RESUBMITTED])
async def test_a_file_lies_under_its_requirement_and_is_read_by_both_sides(desk: Desk, status: Status) -> None:
    approval_id = await desk.at(status)
    answer = await hand_in(desk, approval_id)
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert [each["code"] for each in view["requirements"]] == [
        "identity", "domain", "responsible_person", "drug_licence",
    ]  # fmt: skip
    filed = of(view, "drug_licence")
    assert [(each["sha256"], each["size"], each["media_type"]) for each in filed["files"]] == [
        (SHA256, len(PAGE), "application/pdf")
    ]
    assert view["status"] == status
    assert not of(view, "identity")["files"]
    before = len(await desk.audited("granted"))
    for who in ("applicant", "drugs-a"):
        read = await desk.api.get(f"/approvals/{approval_id}/files/{SHA256}", who=who)
        assert read.content == PAGE
        assert read.headers["Content-Security-Policy"] == "sandbox"
        assert read.headers["Content-Disposition"].startswith("attachment")
        assert read.headers["Content-Type"] == "application/pdf"
    assert len(await desk.audited("granted")) == before + 1, "the operator reads its own without a trace"


async def test_the_same_bytes_again_are_the_same_file(desk: Desk) -> None:
    approval_id = await desk.applied()
    first, second = await hand_in(desk, approval_id), await hand_in(desk, approval_id)
    assert first.json() == second.json()
    assert [step[0] for step in await desk.trail(approval_id)].count("hand_in") == 1
    other = (await hand_in(desk, approval_id, "identity")).json()
    assert len(of(other, "identity")["files"]) == len(of(other, "drug_licence")["files"]) == 1


@pytest.mark.parametrize("who", ["seller", "drugs-a", "regulator-a"])
async def test_nobody_hands_in_for_somebody_else(desk: Desk, who: str) -> None:
    approval_id = await desk.applied()
    assert (await hand_in(desk, approval_id, who=who)).status_code == 403
    await hand_in(desk, approval_id)
    if who != "drugs-a":
        answer = await desk.api.get(f"/approvals/{approval_id}/files/{SHA256}", who=who)
        assert answer.status_code == 403


@pytest.mark.parametrize("status", [Status.GRANTED, Status.REFUSED, Status.NOT_REQUIRED, Status.ENDED])
async def test_when_it_is_decided_nothing_more_is_handed_in(desk: Desk, status: Status) -> None:
    answer = await hand_in(desk, await desk.at(status))
    assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")


async def test_what_is_no_file_and_no_requirement_is_refused(desk: Desk) -> None:
    approval_id = await desk.applied()
    answers = [
        await hand_in(desk, approval_id, "press_card"),
        await hand_in(desk, approval_id, content=b""),
        await hand_in(desk, approval_id, content=b"x" * (LIMIT + 1)),
        await hand_in(desk, approval_id, headers={"Content-Type": "nonsense"}),
        await desk.api.get(f"/approvals/{approval_id}/files/{'0' * 64}", who="applicant"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (422, "unknown_requirement"), (422, "file_empty"), (413, "file_too_large"), (415, "media_type_missing"),
        (404, "unknown_file"),
    ]  # fmt: skip
    assert of(await desk.read(approval_id), "drug_licence")["files"] == []


async def test_a_file_of_one_approval_is_not_read_through_another(desk: Desk) -> None:
    mine, other = await desk.applied(), await desk.applied()
    await hand_in(desk, mine)
    assert (await desk.api.get(f"/approvals/{other}/files/{SHA256}", who="applicant")).status_code == 404


async def test_bytes_that_changed_on_the_disk_are_not_given_out(desk: Desk) -> None:
    approval_id = await desk.applied()
    await hand_in(desk, approval_id)
    Folder(Path(desk.api.rt.settings.files_store)).path(SHA256).write_bytes(b"forged")
    answer = await desk.api.get(f"/approvals/{approval_id}/files/{SHA256}", who="applicant")
    assert (answer.status_code, answer.json()["code"]) == (500, "file_damaged")


async def test_p3_1_2_what_it_was_returned_for_must_be_there_before_a_grant(desk: Desk) -> None:
    approval_id = await desk.applied()
    missing = [
        {"code": "drug_licence", "text": "A copy of the licence"},
        {"code": "no_pharmacist", "text": "Say who is in charge"},
    ]
    returned = await desk.done(approval_id, "return", missing=missing)
    assert (of(returned, "drug_licence")["missing"], of(returned, "identity")["missing"]) == (True, False)
    await desk.done(approval_id, "resubmission")
    refused = await desk.do(approval_id, "grant")
    assert (refused.status_code, refused.json()["code"]) == (409, "requirements_missing")
    assert refused.json()["requirements"] == "drug_licence"
    await hand_in(desk, approval_id, "identity")
    assert (await desk.do(approval_id, "grant")).status_code == 409, "it is not what was asked for"
    assert of((await hand_in(desk, approval_id)).json(), "drug_licence")["missing"] is False
    assert (await desk.done(approval_id, "grant"))["number"].endswith("1号"), "the refused grants took no number"


async def test_what_is_missing_is_in_nobodys_way_to_a_refusal(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.done(approval_id, "return", missing=[{"code": "drug_licence", "text": "A copy of the licence"}])
    await desk.done(approval_id, "resubmission")
    assert (await desk.done(approval_id, "refusal"))["status"] == "refused"


async def test_what_uploads_left_that_were_cut_off_goes_with_the_housekeeping(desk: Desk) -> None:
    folder = Path(desk.api.rt.settings.files_store)
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 -- of a test
    left = folder / ".incoming-cut-off"
    left.write_bytes(b"half a page")
    os.utime(left, (0, 0))
    assert sum([await forget(desk.api.rt) for forget in SERVICE.forgets]) == 1
    assert not left.exists()


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.GRANTED])
async def test_of_a_file_that_is_damaged_whoever_handed_it_in_and_its_desk_hear(desk: Desk, status: Status) -> None:
    approval_id = await desk.applied()
    await hand_in(desk, approval_id)
    if status is Status.GRANTED:
        await desk.done(approval_id, "grant")
    rt = desk.api.rt
    assert await files.recheck(rt) == 0
    Folder(Path(rt.settings.files_store)).path(SHA256).write_bytes(b"Something else.")
    await desk.travel((desk.clock.now() + timedelta(days=rt.rules.cases.recheck_days + 1)).isoformat())
    assert await files.recheck(rt) == 1
    assert [each["kind"] for each in await desk.notices()].count("file_damaged") == 1
    listed = (await desk.api.get("/notices", who="drugs-a")).json()["items"]
    assert [each["kind"] for each in listed if each["to"]["identity"] == "drugs-110000"] == ["file_damaged"]
    if status is Status.SUBMITTED:
        refused = await desk.do(approval_id, "refusal")
        assert (refused.status_code, refused.json()["code"], refused.json()["files"]) == (409, "files_damaged", SHA256)
        await desk.done(approval_id, "return", missing=[{"code": "drug_licence", "text": "The file again, please"}])
        await hand_in(desk, approval_id)
        await desk.done(approval_id, "resubmission")
        assert (await desk.done(approval_id, "refusal"))["status"] == "refused"
