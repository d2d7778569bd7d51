"""What gives or takes power in the directory takes two people, for the very version that was read."""

import asyncio
from typing import Any

import pytest

from tests.integration.coordination.office import BEIJING, NATIONAL, NATIONAL_B, Office
from tests.support.service import Who

OTHERS: dict[str, Any] = {
    "kinds": ["sector_regulator", "review_body"],
    "competences": [],
    "parent": "drugs",
    "supervises": ["audit-110000"],
    "redress": "review",
}
SAME_HUMAN: Who = (
    "coordination-national-z",
    {"organisation": "coordination", "roles": ["coordination_office"], "person": NATIONAL},
)


@pytest.mark.parametrize("power", OTHERS)
async def test_each_power_changes_when_a_second_person_confirms_and_not_before(office: Office, power: str) -> None:
    before = await office.read("drugs-110000")
    proposed = await office.propose("drugs-110000", "change", **{power: OTHERS[power]})
    assert (proposed.status_code, proposed.json()["allowed_actions"]) == (201, ["withdraw"])
    assert await office.read("drugs-110000") == before
    assert len(await office.told("drugs-110000")) == 1
    assert (await office.confirm(proposed.json())).status_code == 200
    after = await office.read("drugs-110000")
    assert after[power] == OTHERS[power]
    assert {name for name in before if after[name] != before[name]} == {power, "version", "changed_at"}
    assert (await office.told("drugs-110000"))[-1].version == 2


async def test_a_new_name_carries_no_power(office: Office) -> None:
    for power, value in OTHERS.items():
        answer = await office.rename("drugs-110000", **{power: value})
        assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, power)


@pytest.mark.parametrize("who", [NATIONAL, SAME_HUMAN])
async def test_one_human_does_not_confirm_what_they_proposed_with_another_account_either(
    office: Office, who: Who
) -> None:
    proposal = (await office.propose("drugs-110000", "close")).json()
    seen = (await office.api.get(f"/proposals/{proposal['id']}", who=who)).json()
    assert seen["allowed_actions"] == ["withdraw"]
    answer = await office.confirm(proposal, who)
    assert (answer.status_code, answer.json()["code"]) == (409, "second_person_required")
    assert (await office.read("drugs-110000"))["status"] == "active"


async def test_a_proposal_is_confirmed_once_however_many_try(office: Office) -> None:
    proposal = (await office.propose("drugs-110000", "close")).json()
    answers = await asyncio.gather(*(office.confirm(proposal, who) for who in [NATIONAL_B, BEIJING] * 3))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert len(await office.told("drugs-110000")) == 2
    moves = await office.rows("SELECT count(*) FROM history WHERE aggregate = 'proposal' AND action = 'confirm'")
    assert moves[0][0] == 1


async def test_of_a_confirmation_and_a_withdrawal_at_once_one_counts(office: Office) -> None:
    proposal = (await office.propose("drugs-110000", "close")).json()
    confirmed, withdrawn = await asyncio.gather(office.confirm(proposal), office.withdraw(proposal))
    assert sorted((confirmed.status_code, withdrawn.status_code)) == [200, 409]
    closed = (await office.read("drugs-110000"))["status"] == "closed"
    assert closed is (confirmed.status_code == 200)


async def test_what_changed_since_it_was_read_is_neither_proposed_nor_confirmed(office: Office) -> None:
    read = (await office.read("drugs-110000"))["version"]
    proposal = (await office.propose("drugs-110000", "change", redress=None)).json()
    assert (await office.rename("drugs-110000", BEIJING, short_name="京药")).status_code == 200
    for answer in (
        await office.confirm(proposal),
        await office.propose("drugs-110000", "close", version=read),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert (await office.read("drugs-110000"))["redress"] == "review-110000"
    still = (await office.api.get(f"/proposals/{proposal['id']}", who=NATIONAL)).json()
    assert still["status"] == "proposed"  # the refused confirmation left nothing behind


async def test_the_rules_are_asked_again_when_it_is_confirmed(office: Office) -> None:
    competences = [{"item": "drugs_and_devices", "since": "2026-01-01"}]
    await office.done("drugs-110000", "close")
    taken = (await office.propose("healthcare-110000", "change", competences=competences)).json()
    assert (await office.done("drugs-110000", "reopen")).status_code == 200
    answer = await office.confirm(taken)
    assert (answer.status_code, answer.json()["code"]) == (409, "place_taken")


async def test_a_withdrawn_proposal_changes_nothing_and_is_not_confirmed(office: Office) -> None:
    proposal = (await office.propose("drugs-110000", "close")).json()
    assert (await office.withdraw(proposal, BEIJING)).json()["status"] == "withdrawn"
    answer = await office.confirm(proposal)
    assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")
    assert (await office.read("drugs-110000"))["status"] == "active"


async def test_an_office_decides_neither_its_own_powers_nor_its_own_end(office: Office) -> None:
    for own, one in (
        ("coordination-110000", BEIJING),
        ("coordination", NATIONAL),
    ):
        for answer in (
            await office.propose(own, "change", one, kinds=["coordination_office", "review_body"]),
            await office.propose(own, "close", one),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "own_organisation")
        assert (await office.read(own, one))["allowed_actions"] == ["rename"]
        assert (await office.rename(own, one, short_name="x")).status_code == 200
    proposal = (await office.propose("coordination-110000", "close")).json()
    answer = await office.confirm(proposal, BEIJING)
    assert (answer.status_code, answer.json()["code"]) == (409, "own_organisation")
    assert (
        "confirm" not in (await office.api.get(f"/proposals/{proposal['id']}", who=BEIJING)).json()["allowed_actions"]
    )
    assert (await office.confirm(proposal)).status_code == 200


@pytest.mark.parametrize(
    ("action", "powers"), [("change", None), ("close", {"kinds": ["auditor"]}), ("open", None), ("rename", None)]
)
async def test_a_proposal_says_powers_for_a_change_and_for_nothing_else(
    office: Office, action: str, powers: dict[str, Any] | None
) -> None:
    body = {
        "organisation": "drugs-110000", "organisation_version": 1, "action": action, "powers": powers,
        "why": "By notice of 1 November.",
    }  # fmt: skip
    assert (await office.api.post("/proposals", json=body, who=NATIONAL)).status_code == 422


@pytest.mark.parametrize("who", ["auditor", "review-a", "drugs-a"])
async def test_officials_read_proposals_and_outsiders_do_not(office: Office, who: Who) -> None:
    proposal = (await office.propose("drugs-110000", "close")).json()
    await office.propose("audit-110000", "close")
    listed = (await office.api.get("/proposals?organisation=drugs-110000&status=proposed", who=who)).json()["items"]
    assert [(each["id"], each["allowed_actions"], each["by"]) for each in listed] == [
        (proposal["id"], [], "coordination")
    ]
    for path in ("", f"/{proposal['id']}"):
        assert (await office.api.get(f"/proposals{path}", who="applicant")).status_code == 403
    unknown = await office.api.get("/proposals/0190aaaa-0000-7000-8000-000000000000", who=who)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_proposal")


async def test_the_table_itself_refuses_one_person_on_both_sides(office: Office) -> None:
    await office.propose("drugs-110000", "close")
    with pytest.raises(Exception, match="check constraint"):
        await office.rows("UPDATE proposal SET status = 'confirmed', confirmed_by = proposed_by RETURNING id")
