"""Who decides an appeal, who lets it be, and what becomes of one that came too late (model §6, safeguard 6)."""

import asyncio
from datetime import timedelta
from typing import Any

from shared.contracts.enforcement import AppealDecidedV1, AppealFiledV1, DecisionOverturnedV1, DecisionSuspendedV1
from tests.integration.enforcement.conftest import EASED, Office, site_recorded
from tests.support.people import OPERATOR_USCC, SELLER_USCC

UPHELD = {"outcome": "upheld", **EASED}
REJECTED = {"outcome": "rejected", **EASED}
WHY = {"reasons": "Whoever had it is on leave until the clock is over."}
BODY = {"organisation": "review-110000", "roles": ["review_body"]}
REVIEW_B: Any = ("review-b", BODY)


def moved(who: str) -> Any:
    """Somebody who acts for the review body by now."""
    return (who, BODY)


async def test_whoever_of_the_body_acts_first_has_it_and_nobody_else_decides_until_it_is_assigned_anew(
    office: Office,
) -> None:
    filed = await office.appeal(await office.released())
    path = f"/appeals/{filed['id']}"
    await office.post(f"{path}/stay", {"granted": False, **EASED}, "review-a")
    for verb, body in (("decision", UPHELD), ("stay", {"granted": True, **EASED})):
        assert await office.refused(f"{path}/{verb}", body, REVIEW_B) == (409, "assigned_to_another")
    seen = await office.get(path, REVIEW_B)
    assert (seen["assigned_to"], seen["allowed_actions"]) == ("review-a", ["assign", "hand_in"])
    assert (await office.get(path, "applicant"))["assigned_to"] is None, "who decides is the body's business"
    await office.post(f"{path}/assignment", {"person": "review-b", **WHY}, "review-a")
    assert await office.refused(f"{path}/decision", UPHELD, "review-a") == (409, "assigned_to_another")
    assert (await office.post(f"{path}/decision", UPHELD, REVIEW_B))["status"] == "upheld"
    why = "SELECT array_agg(why ORDER BY id) FROM history WHERE aggregate_id = $1::text::uuid AND action = 'assign'"
    taken, given = await office.fetchval(why, filed["id"])
    assert (taken.startswith("Taken by"), given) == (True, WHY["reasons"])
    assert await office.refused(f"{path}/assignment", WHY, "review-a") == (409, "action_refused")


async def test_it_is_given_to_nobody_who_signed_or_ever_acted_for_whoever_took_part(office: Office) -> None:
    await office.case(who="regulator-a", service_item=None)  # somebody of the regulator that would execute it
    released = await office.released()
    filed = await office.appeal(released)
    path = f"/appeals/{filed['id']}"
    for who in ("drugs-a", "drugs-b", "regulator-a"):
        assert await office.refused(f"{path}/assignment", {"person": who, **WHY}, "review-a") == (409, "took_part")
        assert await office.refused(f"{path}/assignment", WHY, moved(who)) == (409, "took_part"), who
        status, code = await office.refused(f"{path}/decision", UPHELD, moved(who))
        assert (status, code) in {(409, "took_part"), (409, "second_person_required")}, who
    assert (await office.get(path, "review-a"))["assigned_at"] is None
    await office.post(f"{path}/assignment", {"person": "culture-a", **WHY}, "review-a")  # who never had to do with it
    assert (await office.refused(f"{path}/decision", UPHELD, "culture-a"))[0] == 403, "a name is no role"
    assert (await office.post(f"{path}/decision", UPHELD, moved("culture-a")))["status"] == "upheld"


async def test_only_whoever_appealed_withdraws_the_act_stands_and_can_be_challenged_again(office: Office) -> None:
    released = await office.released()
    filed = await office.appeal(released)
    path, why = f"/appeals/{filed['id']}/withdrawal", {"reasons": "We found an arrangement with the authority."}
    for who in ("review-a", "drugs-a", "regulator-a", "auditor", "seller"):
        assert (await office.refused(path, why, who))[0] == 403, who
    withdrawn = await office.post(path, why, "applicant")
    assert (withdrawn["status"], withdrawn["clock"]) == ("withdrawn", None)
    told = (await office.told(AppealDecidedV1))[-1]
    assert (told.outcome, told.statement.reasons) == ("withdrawn", "Withdrawn by whoever appealed.")
    assert (await office.notices("drugs-a"))[-1] == "appeal_withdrawn", "the authority hears of it"
    assert await office.status(released) == "released"
    assert await office.refused(path, why, "applicant") == (409, "action_refused")
    await office.rings("appeal_decision", filed["id"])
    assert await office.told(DecisionSuspendedV1) == [], "its clock has ended"
    assert (await office.refused(f"/appeals/{filed['id']}/decision", UPHELD, "review-a"))[0] == 409
    assert "appeal" in (await office.get(f"/decisions/{released['id']}", "applicant"))["allowed_actions"]
    again = await office.appeal(released)
    await office.post(f"/appeals/{again['id']}/decision", UPHELD, "review-a")
    assert len(await office.told(DecisionOverturnedV1)) == 1


async def test_what_a_review_body_entered_is_withdrawn_by_the_operator_and_not_by_the_body(office: Office) -> None:
    entered = await office.appeal(await office.released(), "review-a", consent="By a letter of the operator.")
    path, why = f"/appeals/{entered['id']}/withdrawal", {"reasons": "We never wanted to appeal against it."}
    assert (await office.refused(path, why, "review-a"))[0] == 403
    assert (await office.post(path, why, "applicant"))["status"] == "withdrawn"


async def test_a_withdrawn_appeal_gives_back_nothing_that_its_lateness_suspended(office: Office) -> None:
    released = await office.released()
    filed = await office.appeal(released)
    await office.rings("appeal_decision", filed["id"])
    await office.post(f"/appeals/{filed['id']}/withdrawal", {"reasons": "It is suspended anyway by now."}, "applicant")
    assert await office.status(released) == "suspended", "the act stands as it is"
    drafted = await office.draft(await office.case())
    assert drafted["status"] == "drafted"


async def late(office: Office) -> tuple[dict[str, Any], dict[str, Any]]:
    """A decision whose time to appeal is over, and what an appeal against it says."""
    released = await office.released()
    await office.opens(released, "decision_released")
    office.clock.advance(timedelta(days=100))
    act = {"service": "enforcement", "kind": "decision", "id": released["id"]}
    return released, {"act": act, "grounds": "We had no time to read it."}


async def test_an_appeal_that_came_too_late_is_on_record_with_reasons_and_a_notice(office: Office) -> None:
    released, body = await late(office)
    refused = await office.post("/appeals", body, "applicant", 201)
    assert (refused["status"], refused["grounds"]) == ("refused", body["grounds"])
    assert "The time to appeal ended on" in refused["statement"]["reasons"]
    assert (await office.notices())[-1] == "appeal_refused"
    assert await office.told(AppealFiledV1) == [], "nothing waits for it"
    assert await office.refused("/appeals", body, "applicant") == (409, "appeal_too_late"), "it is on record already"
    assert await office.refused("/appeals", body, "seller") == (404, "unknown_act")
    for who in ("review-a", "drugs-a", "auditor"):
        assert (await office.get(f"/appeals/{refused['id']}", who))["status"] == "refused"
    assert (await office.refused(f"/appeals/{refused['id']}/decision", UPHELD, "review-a")) == (409, "action_refused")
    assert "appeal" not in (await office.get(f"/decisions/{released['id']}", "applicant"))["allowed_actions"]


async def test_the_body_admits_a_late_appeal_with_reasons_and_its_clock_runs(office: Office) -> None:
    released, body = await late(office)
    refused = await office.post("/appeals", body, "applicant", 201)
    path = f"/appeals/{refused['id']}/admission"
    for who in ("applicant", "drugs-b", "review-national-a", moved("drugs-a")):
        status, _ = await office.refused(path, EASED, who)
        assert status in {403, 409}, who
    admitted = await office.post(path, EASED, "review-a")
    assert (admitted["status"], admitted["decided_at"], admitted["clock"]["overdue"]) == ("open", None, False)
    assert (await office.notices())[-1] == "appeal_admitted"
    assert await office.refused(path, EASED, "review-a") == (409, "action_refused")
    await office.post(f"/appeals/{refused['id']}/decision", UPHELD, "review-a")
    assert await office.status(released) == "overturned"


async def test_a_late_appeal_is_not_admitted_beside_one_that_is_open(office: Office) -> None:
    _, body = await late(office)
    refused = await office.post("/appeals", body, "applicant", 201)
    await office.post("/appeals", {**body, "consent": "By a letter of the operator."}, "review-a", 201)
    assert await office.refused(f"/appeals/{refused['id']}/admission", EASED, REVIEW_B) == (409, "appeal_pending")


async def test_whom_it_burdened_appeals_also_when_the_site_has_gone_to_somebody_else(office: Office) -> None:
    site = site_recorded()
    released = await office.released(site=site)
    sold = site.model_dump(mode="json")
    sold["operator"]["identity"] = SELLER_USCC
    await office.hear(type(site).model_validate({**sold, "version": site.version + 1}))
    act = {"service": "enforcement", "kind": "decision", "id": released["id"]}
    body = {"act": act, "grounds": "It was never so, as the annex shows."}
    assert await office.refused("/appeals", body, "seller") == (404, "unknown_act"), "it was told nothing"
    filed = await office.appeal(released)
    assert filed["appellant"]["identity"] == OPERATOR_USCC
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    assert await office.status(released) == "overturned"


async def test_withdrawn_and_decided_at_once_it_ends_once(office: Office) -> None:
    filed = await office.appeal(await office.released())
    path = f"/appeals/{filed['id']}"
    answers = await asyncio.gather(
        *(office.api.post(f"{path}/withdrawal", json={"reasons": "We let it be."}, who="applicant") for _ in range(3)),
        *(office.api.post(f"{path}/decision", json=UPHELD, who="review-a") for _ in range(3)),
    )
    assert sorted(each.status_code for each in answers)[:2] == [200, 409]
    assert len(await office.told(AppealDecidedV1)) == 1


async def test_two_of_the_body_at_once_and_one_has_it(office: Office) -> None:
    filed = await office.appeal(await office.released(), asks_for_stay=True)
    path, no = f"/appeals/{filed['id']}/stay", {"granted": False, **EASED}
    answers = await asyncio.gather(
        *(office.api.post(path, json=no, who=who) for who in ("review-a", REVIEW_B, "review-a", REVIEW_B))
    )
    assert sorted(each.status_code for each in answers) == [200, 200, 409, 409]
