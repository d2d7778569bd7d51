"""What happened in a case, as far as each reader may know; what lies beside it; and which cases there are."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.access import OrderExecutedV1
from tests.integration.enforcement.conftest import EASED, STATED, Office, site_recorded
from tests.integration.enforcement.test_cases import in_place
from tests.integration.enforcement.test_claims import task, travel

SECRET = "It names the patient who complained."


async def timeline(office: Office, case_id: str, who: Any, query: str = "") -> list[dict[str, Any]]:
    return list((await office.get(f"/cases/{case_id}/timeline?limit=200{query}", who))["items"])


async def _full(office: Office) -> dict[str, Any]:
    """A case in which something of everything happened."""
    case = await office.case()
    secret = await office.file(case["id"], b"The complaint.", confidential=SECRET)
    await task(office, case, what="Ask the patient.")
    cited = await office.file(case["id"], b"The order book.")
    drafted = await office.draft(case, evidence_hashes=[secret, cited])
    await office.api.get(f"/evidence/{secret}", who="drugs-c")
    await office.api.get(f"/evidence/{cited}", who="applicant")
    await office.cured(drafted)
    released = await office.release(drafted)
    await office.opens(released, "decision_released")
    order = {"decision_id": released["id"], "case_id": case["id"]}
    await office.hear(OrderExecutedV1.model_validate(OrderExecutedV1.EXAMPLE | order))
    appeal = await office.appeal(released)
    await office.post(f"/appeals/{appeal['id']}/decision", {"outcome": "rejected", **EASED}, "review-a")
    await office.get(f"/decisions/{released['id']}", "regulator-a")
    return released


async def test_everything_is_in_the_timeline_of_the_authority_newest_first(office: Office) -> None:
    released = await _full(office)
    found = await timeline(office, released["case_id"], "drugs-a")
    assert [each["at"] for each in found] == sorted((each["at"] for each in found), reverse=True)
    happened = {(each["kind"], each["about"], each["what"]) for each in found}
    assert happened >= {
        ("file", "case", "open"), ("file", "case", "add_evidence"), ("file", "task", "add"),
        ("decisions", "decision", "draft"), ("decisions", "decision", "release"), ("decisions", "appeal", "file"),
        ("decisions", "appeal", "reject"), ("decisions", "order", "order_executed"), ("messages", "notice", "issued"),
        ("messages", "notice", "delivered"), ("messages", "notice", "opened"), ("reads", "evidence", "read_evidence"),
        ("reads", "decisions", "read_decision"),
    }  # fmt: skip
    for part in ("file", "decisions", "messages", "reads"):
        narrowed = await timeline(office, released["case_id"], "drugs-a", f"&kind={part}")
        assert {each["kind"] for each in narrowed} == {part}
    assert (await office.api.get(f"/cases/{released['case_id']}/timeline?kind=news", who="drugs-a")).status_code == 422
    readers = {each["person"] for each in found if each["kind"] == "reads"}
    assert readers >= {"Drugs C", "Applicant", "Regulator A"}


async def test_whom_it_burdens_reads_its_own_side_of_it_alone(office: Office) -> None:
    released = await _full(office)
    found = await timeline(office, released["case_id"], "applicant")
    assert {each["kind"] for each in found} == {"decisions", "messages", "reads"}
    assert {each["person"] for each in found if each["kind"] != "reads"} == {None}, "no names of officers"
    assert {each["person"] for each in found if each["kind"] == "reads"} == {"Applicant"}
    said = str(found)
    for kept_from_it in (SECRET, "patient", "Drugs", "Regulator", "drugs-c", "task", "add_evidence"):
        assert kept_from_it not in said, kept_from_it
    assert ("decisions", "release") in {(each["kind"], each["what"]) for each in found}


async def test_a_case_that_somebody_was_told_nothing_of_is_none_to_them(office: Office) -> None:
    case = await office.case()
    no_breach = await office.draft(case, "no_breach")
    nowhere = "018f0000-0000-7000-8000-00000000dead"
    stranger = ("applicant", {"organisation": "91310000MA1FL0ABC1"})
    for who in ("applicant", stranger):
        answers = [await office.api.get(f"/cases/{each}/timeline", who=who) for each in (case["id"], nowhere)]
        assert [(each.status_code, each.json()["code"]) for each in answers] == [(404, "unknown_case")] * 2
    await office.release(no_breach)
    assert await timeline(office, case["id"], "applicant")
    assert (await office.api.get(f"/cases/{case['id']}/timeline", who=stranger)).status_code == 404
    for who in ("culture-a", "shanghai-drugs-a", "regulator-a", "review-a"):
        assert (await office.api.get(f"/cases/{case['id']}/timeline", who=who)).status_code == 403, who


async def test_whoever_executes_sees_no_readings_but_its_own(office: Office) -> None:
    released = await _full(office)
    for who, organisation in (("regulator-a", "industry-110000"), ("review-a", "review-110000")):
        reads = await timeline(office, released["case_id"], who, "&kind=reads")
        assert {each["organisation"] for each in reads} <= {organisation}, who
    assert len({each["organisation"] for each in await timeline(office, released["case_id"], "auditor")}) > 2


async def test_what_is_read_of_a_piece_is_told_in_the_case_through_which_it_was_read(office: Office) -> None:
    mine, theirs = await office.case(), await office.case(site_recorded(**in_place("310000")), who="shanghai-drugs-a")
    sha256 = await office.file(mine["id"], b"The same bytes.")
    await office.file(theirs["id"], b"The same bytes.", "shanghai-drugs-a")
    await office.api.get(f"/evidence/{sha256}", who="shanghai-drugs-a")
    for case, who, expected in ((mine, "drugs-a", 0), (theirs, "shanghai-drugs-a", 1)):
        reads = await timeline(office, case["id"], who, "&kind=reads")
        assert sum(each["about_id"] == sha256 for each in reads) == expected, who


async def test_pages_follow_each_other_without_a_gap_also_within_one_moment(office: Office) -> None:
    released = await _full(office)
    path = f"/cases/{released['case_id']}/timeline"
    whole = [each for each in await timeline(office, released["case_id"], "drugs-a") if each["kind"] != "reads"]
    for part in ("file", "decisions", "messages"):
        found: list[Any] = []
        after = ""
        while True:
            page = await office.get(f"{path}?kind={part}&limit=2{after}", "drugs-a")
            found += page["items"]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert found == [each for each in whole if each["kind"] == part]
    for wrong in ("x", "é", "AAAA", "MjAyNg", "MjAyNi0xMS0yNlQwNDowMDowMCswMDowMCA"):
        answer = await office.api.get(path, who="drugs-a", params={"after": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), wrong


# --- cases beside one ------------------------------------------------------------------------------------------------


async def related(office: Office, case: dict[str, Any], who: Any = "drugs-a") -> dict[str, tuple[list[str], Any]]:
    items = (await office.get(f"/cases/{case['id']}/related", who))["items"]
    return {each["case"]["id"]: (each["why"], each["reasons"]) for each in items}


async def test_cases_about_the_same_lie_beside_each_other_for_who_may_read_both(office: Office) -> None:
    site = site_recorded()
    one, same = await office.case(site), await office.case(site)
    operator_only = await office.case()
    elsewhere = await office.case(site_recorded(**in_place("310000")), who="shanghai-drugs-a")
    found = await related(office, one)
    assert found == {
        same["id"]: (["same_subject", "same_operator", "same_host"], None),
        operator_only["id"]: (["same_operator"], None),
    }  # fmt: skip
    assert elsewhere["id"] in await related(office, one, "auditor")
    assert (await office.api.get(f"/cases/{one['id']}/related", who="culture-a")).status_code == 403


async def test_a_link_is_for_both_has_a_reason_and_is_made_once(office: Office) -> None:
    other_operator = {**site_recorded().model_dump(mode="json")["operator"], "identity": "91310000MA1FL0ABC1"}
    one, other = await office.case(), await office.case(site_recorded(operator=other_operator))
    hidden = await office.case(site_recorded(**in_place("310000")), who="shanghai-drugs-a")
    body = {"case_id": other["id"], "reasons": "One warehouse serves both."}
    answers = await asyncio.gather(
        office.api.post(f"/cases/{one['id']}/links", json=body, who="drugs-a"),
        office.api.post(f"/cases/{other['id']}/links", json=body | {"case_id": one["id"]}, who="drugs-b"),
    )
    assert sorted(each.status_code for each in answers) == [201, 409]
    assert (await related(office, one))[other["id"]] == (["linked"], body["reasons"])
    assert (await related(office, other))[one["id"]] == (["linked"], body["reasons"])
    path = f"/cases/{one['id']}/links"
    assert await office.refused(path, body, "drugs-c") == (409, "linked_already")
    assert await office.refused(path, body | {"case_id": one["id"]}, "drugs-c") == (422, "invalid")
    assert await office.refused(path, body | {"case_id": hidden["id"]}, "drugs-c") == (404, "unknown_case")
    assert (await office.refused(path, body, "shanghai-drugs-a"))[0] == 403
    moved = await office.post(f"/cases/{one['id']}/transfer", {"to": "industry-110000", **STATED}, "drugs-a")
    assert "transferred" in (await related(office, one))[moved["continues_as"]][0]


# --- which cases there are -------------------------------------------------------------------------------------------


async def ids(office: Office, query: str, who: Any = "drugs-a") -> list[str]:
    return [each["id"] for each in (await office.get(f"/cases?{query}", who))["items"]]


async def test_a_list_is_narrowed_by_each_of_its_filters(office: Office) -> None:
    old = await office.case(ground="fraud")
    office.clock.advance(timedelta(days=40))
    mine, ended, late = await office.case(), await office.case(), await office.case()
    await office.post(f"/cases/{mine['id']}/claim", {}, "drugs-b")
    await office.post(f"/cases/{ended['id']}/discontinuation", STATED, "drugs-a")
    await task(office, late)
    assert await travel(office, days=4) == 1
    everything = [late["id"], ended["id"], mine["id"], old["id"]]
    for query, expected in {
        "": everything,
        "status=open": [late["id"], mine["id"], old["id"]],
        "status=ended": [ended["id"]],
        "mine=true": [],
        "claimed_by=drugs-b": [mine["id"]],
        "ground=fraud": [old["id"]],
        "ground=unlicensed_service&status=ended": [ended["id"]],
        "region=110000": everything,
        "region=310000": [],
        "min_age_days=30": [old["id"]],
        "max_age_days=30": [late["id"], ended["id"], mine["id"]],
        "min_age_days=1&max_age_days=30": [late["id"], ended["id"], mine["id"]],
        "overdue=true": [late["id"]],
        "overdue=true&ground=fraud": [],
        f"host={mine['hosts'][0]}": [mine["id"]],
    }.items():
        assert await ids(office, query) == expected, query
    assert await ids(office, "mine=true", "drugs-b") == [mine["id"]]
    for query in ("status=x", "region=11", "min_age_days=-1", "min_age_days=99999999"):
        assert (await office.api.get(f"/cases?{query}", who="drugs-a")).status_code == 422, query


async def test_pages_of_a_list_follow_each_other_though_all_were_opened_at_once(office: Office) -> None:
    opened = [(await office.case())["id"] for _ in range(5)]
    found, after = [], ""
    while True:
        page = await office.get(f"/cases?limit=2{after}", "drugs-national-a")
        found += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == opened[::-1]


@pytest.mark.parametrize("who", ["drugs-a", "drugs-national-a", "regulator-a", "review-a", "auditor"])
async def test_a_list_shows_each_case_once_whatever_opens_it_to_the_reader(office: Office, who: str) -> None:
    released = await office.released()
    await office.appeal(released)
    assert await ids(office, "", who) == [released["case_id"]]
