"""What was said of a name in no register goes on to the desk of another province (N4.2.4-5)."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from enforcement.service import complaints as complaining
from tests.integration.enforcement.complaining import GRADED, MINOR, answers, complain, graded, matters, stands
from tests.integration.enforcement.conftest import EASED, STATEMENT, Office, site_recorded

HOST = "shop.nowhere.example"
SHANGHAI = "shanghai-regulator-a"
GUANGDONG = ("guangdong-regulator-a", {"organisation": "industry-440000", "roles": ["industry_regulator"]})
SAYS = {
    **STATEMENT, "reasons": "The shop is in Shanghai, as the informant Wang says.",
    "public_reasons": "The shop is in Shanghai.", "redacted": ["name of an informant"],
}  # fmt: skip


def to(organisation: str) -> dict[str, Any]:
    return {"to": organisation, "statement": SAYS}


async def unplaced(office: Office, grade: dict[str, str] | None = GRADED, **said: Any) -> dict[str, Any]:
    """A matter about a name in no register, on the desk of Beijing; with the receipt under ``receipt``."""
    receipt = await complain(office, HOST, **said)
    (matter,) = await matters(office, "regulator-a")
    if grade is not None:
        matter = await office.post(f"/matters/{matter['id']}/triage", grade, "regulator-a")
    return matter | {"receipt": receipt}


async def test_it_stays_one_matter_and_the_desk_that_has_it_grades_it_in_its_own_time(office: Office) -> None:
    matter = await unplaced(office)
    path = f"/matters/{matter['id']}"
    assert matter["allowed_actions"] == ["triage", "transfer", "open_case", "dismiss"]
    office.clock.advance(timedelta(days=3))
    moved = await office.post(f"{path}/transfer", to("industry-310000"), "regulator-a")
    assert (moved["status"], moved["grade"], moved["authority"]["id"]) == ("open", None, "industry-310000")
    assert moved["allowed_actions"] == [], "it is not Beijing's any more"
    for verb, body in (("triage", GRADED), ("transfer", to("industry-440000"))):
        assert await office.refused(f"{path}/{verb}", body, "regulator-a") == (403, "out_of_scope"), verb
        assert await office.refused(f"{path}/{verb}", body, GUANGDONG) == (403, "out_of_scope"), "and nobody else's"
    mine = await office.get(path, SHANGHAI)
    assert mine["allowed_actions"] == ["triage", "transfer"]
    assert "matter_received" in await office.notices(SHANGHAI)
    running = "SELECT count(*) FROM deadline WHERE kind = 'triage_complaint' AND met_at IS NULL"
    assert await office.fetchval(running) == 1
    await office.rings("triage_complaint", matter["id"])
    assert (await office.get(path, SHANGHAI))["overdue"], "its clock runs anew"
    assert (await office.post(f"{path}/triage", MINOR, SHANGHAI))["authority"]["id"] == "industry-310000"
    await complain(office, HOST)
    ended = await office.post(f"{path}/dismissal", EASED, SHANGHAI)
    assert (ended["complaints"], await office.fetchval("SELECT count(*) FROM matter")) == (2, 1), "counted once"
    assert [(each["by"]["id"], each["to"]["id"]) for each in ended["transfers"]] == [
        ("industry-110000", "industry-310000")
    ]
    assert await office.fetchval("SELECT array_agg(action ORDER BY id) FROM history WHERE aggregate = 'matter'") == [
        "begin", "triage", "transfer", "overdue", "triage", "dismiss",
    ]  # fmt: skip


async def test_whoever_complained_is_told_where_it_went_once_and_in_public_words(office: Office) -> None:
    matter = await unplaced(office, email="reader@mail.example")
    await complain(office, HOST)
    await office.post(f"/matters/{matter['id']}/transfer", to("industry-310000"), "regulator-a")
    shown = await stands(office, matter["receipt"])
    assert (shown["status"], shown["authority"]["id"]) == ("received", "industry-310000")
    (step,) = shown["transfers"]
    assert (step["to"]["id"], step["statement"]["reasons"]) == ("industry-310000", SAYS["public_reasons"])
    assert "Wang" not in json.dumps(shown)
    for _ in range(2):
        assert await answers(office) == [("reader@mail.example", "complaint_handed_on")]
    said = await office.fetchval("SELECT convert_from(document, 'UTF8') FROM notice WHERE kind = 'complaint_handed_on'")
    assert step["to"]["names"]["en"] in said
    assert "Wang" not in said
    assert "reader@" not in await office.fetchval("SELECT string_agg(row_to_json(matter)::text, '') FROM matter")
    await office.post(f"/matters/{matter['id']}/triage", MINOR, SHANGHAI)
    await office.post(f"/matters/{matter['id']}/dismissal", EASED, SHANGHAI)
    assert sorted(kind for _, kind in await answers(office)) == ["complaint_answered", "complaint_handed_on"]


async def test_who_is_forgotten_is_not_written_to(office: Office) -> None:
    matter = await unplaced(office, email="reader@mail.example")
    path = f"/matters/{matter['id']}"
    await office.post(f"{path}/transfer", to("industry-310000"), "regulator-a")
    await office.post(f"{path}/triage", MINOR, SHANGHAI)
    await office.post(f"{path}/dismissal", EASED, SHANGHAI)
    office.clock.advance(timedelta(days=complaining.limits_of(office.api.rt).forget_days + 1))
    assert await complaining.forget(office.api.rt) == 1
    assert await answers(office) == []
    assert await office.fetchval("SELECT count(*) FROM notice WHERE about_kind = 'complaint'") == 0


@pytest.mark.parametrize("first", [None, GRADED], ids=["before", "after"])
async def test_it_goes_on_before_or_after_somebody_graded_it_and_never_back(
    office: Office, first: dict[str, str] | None
) -> None:
    matter = await unplaced(office, first)
    path, most = f"/matters/{matter['id']}/transfer", office.api.rt.rules.cases.most_transfers
    for wrong in ("industry-110000", "drugs-310000", "review-310000", "nobody-310000"):
        assert await office.refused(path, to(wrong), "regulator-a") == (422, "not_that_desk"), wrong
    await office.rings("triage_complaint", matter["id"])
    moved = await office.post(path, to("industry-310000"), "regulator-a")
    assert not moved["overdue"], "whoever has it now was not late"
    for back in ("industry-110000", "industry-310000"):
        assert await office.refused(path, to(back), SHANGHAI) == (422, "not_that_desk"), back
    hands: list[Any] = [(SHANGHAI, "industry-440000"), (GUANGDONG, "industry-330000")]
    for who, whom in hands[: most - 1]:
        await office.post(path, to(whom), who)
    last = {
        1: SHANGHAI,
        2: GUANGDONG,
        3: ("zhejiang", {"organisation": "industry-330000", "roles": ["industry_regulator"]}),
    }
    assert await office.refused(path, to("industry-370000"), last[most]) == (409, "matter_transferred_too_often")


async def test_what_the_register_knows_lies_where_it_belongs(office: Office) -> None:
    matter = await graded(office, site_recorded(), who="regulator-a")
    assert "transfer" not in matter["allowed_actions"]
    path = f"/matters/{matter['id']}/transfer"
    assert await office.refused(path, to("industry-310000"), "regulator-a") == (403, "out_of_scope")
    assert await office.refused(path, to("industry-310000"), "drugs-a") == (403, "role_missing")
    program = ("regulator-a", {"client_id": "batch", "sub": "batch"})
    assert (await office.api.post(path, json=to("industry-310000"), who=program)).status_code == 403


async def test_of_two_desks_that_hand_it_on_at_once_one_does(office: Office) -> None:
    matter = await unplaced(office, None)
    path = f"/matters/{matter['id']}/transfer"
    done = await asyncio.gather(
        office.api.post(path, json=to("industry-440000"), who="regulator-a"),
        office.api.post(path, json=to("industry-440000"), who=SHANGHAI),
    )
    assert sorted(each.status_code for each in done) == [200, 403]
    assert await office.fetchval("SELECT jsonb_array_length(transfers) FROM matter") == 1
