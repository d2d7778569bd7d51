"""The annual review: one failing opinion is enough, none without a decision that stands, no measure (P3.3)."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from registry.service import opinions, reviews
from registry.store import reviewed
from shared.contracts import examples
from shared.contracts.directory import Organisation
from shared.contracts.enforcement import (
    DecisionEndedV1,
    DecisionIgnoredV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.reviews import NewOpinion
from shared.contracts.registry import ReviewClearedV1, ReviewVetoedV1
from shared.runtime.acts.policy import PersonRequired
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import PROVIDER, Register, access, domain, uscc
from tests.support.people import RULES, person

WHY = {"reasons": "Everything that we know was said."}
SAYS: dict[str, Any] = {"legal_basis": ["P3.3.4"], "reasons": "It sold medicines that it has no right to sell."}
SECURITY = ("drugs-a", {"organisation": "security-110000", "roles": ["security_authority"]})
DRUGS = "drugs_and_devices"
_numbers = count(1)
WINDOW_ENDS = RULES.end_of(date(2027, 4, 30))


async def announced(register: Register) -> dict[str, Any]:
    return await register.post("/reviews", {"year": 2027}, "regulator-a", 201)


async def opened(register: Register) -> dict[str, Any]:
    """The review of 2027, open."""
    review = await announced(register)
    await register.ring(reviews.OPENS, review["id"])
    return await register.get(f"/reviews/{review['id']}", "regulator-a")


async def subject_of(register: Register, site: dict[str, Any]) -> dict[str, Any]:
    found = await register.get(f"/review-subjects?site_id={site['id']}", "regulator-a")
    assert len(found["items"]) == 1
    return dict(found["items"][0])


async def consented(register: Register, item: str = DRUGS) -> dict[str, Any]:
    """A live site that holds the consent of the drug administration."""
    code, name = uscc(700_000_000 + next(_numbers)), domain()
    await register.approve(code, item, name)
    return await register.live(code, domains=[name], service_items=[item])


async def suspended(register: Register, site: dict[str, Any], **changes: Any) -> DecisionReleasedV1:
    """A decision about a site that two people carried out."""
    until = register.clock.now() + timedelta(days=90)
    decision = await register.decided(site, "suspend_access", until=until, **changes)
    await register.carried_out(decision)
    return decision


async def given(
    register: Register, subject: dict[str, Any], decision: DecisionReleasedV1, opinion: str = "close_site",
    who: Any = "drugs-a", status: int = 201, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    body = {"opinion": opinion, "decision_id": str(decision.decision_id), "statement": SAYS, **more}
    return await register.post(f"/review-subjects/{subject['id']}/opinions", body, who, status)


async def closed(register: Register, review: dict[str, Any]) -> None:
    """The closing day is over, and every subject that is left has its result."""
    await register.ring(reviews.CLOSES, review["id"])
    rows = await register.fetchval(
        "SELECT array_agg(aggregate_id) FROM deadline WHERE kind = $1 AND breached_at IS NULL AND met_at IS NULL",
        opinions.RESULT,
    )
    for subject_id in rows or []:
        await register.ring(opinions.RESULT, subject_id)


async def ignored(register: Register, site: dict[str, Any]) -> DecisionReleasedV1:
    """An order to correct that a second officer found ignored."""
    order = await register.decided(site, "correct", correct_by=register.clock.now())
    await register.hear(DecisionIgnoredV1.model_validate({
        **DecisionIgnoredV1.EXAMPLE, "decision_id": order.decision_id, "subject": order.subject,
    }))  # fmt: skip
    return order


async def test_p3_3_a_year_from_announcement_to_results(register: Register) -> None:
    passes, fails = await register.live(), await consented(register)
    review = await announced(register)
    assert (review["status"], review["opens_at"]) == ("announced", "2027-02-28T16:00:00Z")
    again = await register.refused("/reviews", {"year": 2027}, "regulator-b")
    assert (again["code"], again["review_id"]) == ("review_exists", review["id"])
    decision = await suspended(register, fails)
    await register.ring(reviews.OPENS, review["id"])
    review = await register.get(f"/reviews/{review['id']}", "drugs-a")
    assert review["subjects"] == {"site": {"under_review": 2}, "access_provider": {"under_review": 1}}
    asked = {each["authority"]["id"] for each in review["authorities"]}
    assert asked == {"education-110000", "healthcare-110000", "drugs-110000", "culture-110000", "audiovisual-110000"}
    subject = await subject_of(register, fails)
    said = await given(register, subject, decision)
    assert said["opinions"][0]["opinion"] == "close_site"
    assert [kind for kind, _ in await register.notices(said["opinions"][0]["id"])] == ["review_opinion"]
    await closed(register, review)
    assert (await subject_of(register, passes))["status"] == "passed"
    result = await subject_of(register, fails)
    assert (result["status"], result["outcome"]) == ("vetoed", "close_site")
    assert result["grounds"]["redress"]["body"]["id"] == "review-110000"
    assert [kind for kind, _ in await register.notices(result["id"])] == ["review_vetoed"]
    told = (await register.told(ReviewVetoedV1))[-1]
    assert (told.site_id, told.decision_id) == (UUID(fails["id"]), decision.decision_id)
    assert str(told.case_id) == result["case_id"], "what follows is decided in a case of its own"
    site = await register.get(f"/sites/{fails['id']}", "regulator-a")
    assert site["status"] == "stopped", "by the suspension alone: a result takes nothing away"


@pytest.mark.parametrize(
    "state", ["received", "declined", "overturned", "suspended", "another_site", "another_authority"]
)
async def test_p3_3_4_a_failing_opinion_without_a_decision_that_stands_is_refused(
    register: Register, state: str
) -> None:
    site = await consented(register)
    about = await consented(register) if state == "another_site" else site
    by = {"authority": {**examples.AUTHORITY, "id": "culture-110000"}} if state == "another_authority" else {}
    decision = await register.decided(about, "revoke", grounds={**examples.GROUNDS, **by})
    execution = await register.execution(decision)
    if state == "declined":
        await register.post(f"/executions/{execution['id']}/decline", {"statement": SAYS}, "regulator-a")
    elif state != "received":
        await register.carried_out(decision)
    if state == "overturned":
        await register.overturned(decision)
    if state == "suspended":
        await register.hear(DecisionSuspendedV1.model_validate({
            **DecisionSuspendedV1.EXAMPLE, "decision_id": decision.decision_id, "subject": decision.subject,
        }))  # fmt: skip
    await opened(register)
    refused = await given(register, await subject_of(register, site), decision, status=409)
    assert refused["code"] == "opinion_unfounded", refused


async def test_a_decision_that_nobody_knows_and_an_opinion_that_cites_none_are_refused(register: Register) -> None:
    site = await consented(register)
    await opened(register)
    subject = await subject_of(register, site)
    path = f"/review-subjects/{subject['id']}/opinions"
    body = {"opinion": "close_site", "decision_id": str(uuid7()), "statement": SAYS}
    assert (await register.refused(path, body, "drugs-a"))["code"] == "opinion_unfounded"
    for wrong in (
        {"opinion": "close_site", "statement": SAYS},
        {"opinion": "pass", "decision_id": str(uuid7()), "statement": SAYS},
        {"opinion": "cancel_service", "decision_id": str(uuid7()), "statement": SAYS},
    ):
        await register.refused(path, wrong, "drugs-a", 422)


async def test_a_suspension_whose_time_is_over_was_carried_out_and_can_be_cited(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    execution = await register.execution(decision)
    await register.ring("execution_end", execution["id"])
    await opened(register)
    subject = await subject_of(register, site)
    await given(register, subject, decision)
    await register.overturned(decision)
    said = (await subject_of(register, site))["opinions"]
    assert [each["status"] for each in said] == ["fallen"], "overturned later, it is no ground any more"


@pytest.mark.parametrize("how", ["overturned", "lifted", "against_its_execution"])
async def test_a_suspension_that_fell_after_its_time_was_over_is_cited_no_more(register: Register, how: str) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    execution = await register.execution(decision)
    await opened(register)
    subject = await subject_of(register, site)
    await given(register, subject, decision)
    await register.ring("execution_end", execution["id"])
    if how == "overturned":
        await register.overturned(decision)
    elif how == "lifted":
        await register.hear(DecisionEndedV1.model_validate({
            **DecisionEndedV1.EXAMPLE, "decision_id": decision.decision_id, "subject": decision.subject,
            "effect": decision.effect, "because": "lifted",
        }))  # fmt: skip
    else:
        act = ActRef(service=Service.REGISTRY, kind="execution", id=UUID(execution["id"]))
        await register.appealed(act, "upheld")
    assert [each["status"] for each in (await subject_of(register, site))["opinions"]] == ["fallen"]
    refused = await given(register, subject, decision, status=409)
    assert (refused["code"], "fell" in refused["detail"]) == ("opinion_unfounded", True)


async def test_p3_3_5_without_a_consent_only_close_site_and_only_after_an_ignored_order(register: Register) -> None:
    site = await register.live()
    decision = await suspended(register, site)
    await opened(register)
    subject = await subject_of(register, site)
    assert (await given(register, subject, decision, status=409))["code"] == "regularise_first"
    await ignored(register, site)
    refused = await given(register, subject, decision, "cancel_service", status=409, service_item=DRUGS)
    assert refused["code"] == "regularise_first"
    await given(register, subject, decision)


async def test_p3_3_5_an_order_to_correct_that_fell_opens_no_way_to_close_site(register: Register) -> None:
    site = await register.live()
    decision, order = await suspended(register, site), await ignored(register, site)
    await register.overturned(order)
    await opened(register)
    refused = await given(register, await subject_of(register, site), decision, status=409)
    assert refused["code"] == "regularise_first"


async def test_a_security_authority_cites_what_a_department_decided_and_nothing_of_its_own(register: Register) -> None:
    held = register.api.rt.directory
    held.load([*held, Organisation.model_validate({
        **next(each for each in held if each.organisation_id == "drugs-110000").model_dump(),
        "organisation_id": "security-110000", "kinds": ["security_authority"], "competences": [],
    })])  # fmt: skip
    site = await consented(register)
    decision = await suspended(register, site)
    await opened(register)
    subject = await subject_of(register, site)
    refused = await given(register, subject, decision, who=SECURITY, status=409)
    assert refused["code"] == "regularise_first", "it gave no consent, so an order must have been ignored"
    await ignored(register, site)
    body = {"opinion": "close_site", "decision_id": str(uuid7()), "statement": SAYS}
    path = f"/review-subjects/{subject['id']}/opinions"
    assert (await register.refused(path, body, SECURITY))["code"] == "opinion_unfounded"
    await given(register, subject, decision, who=SECURITY)


async def test_an_opinion_falls_with_its_decision_before_and_after_the_review_closes(register: Register) -> None:
    before, after = await consented(register), await consented(register)
    one, two = await suspended(register, before), await suspended(register, after)
    review = await opened(register)
    await given(register, await subject_of(register, before), one)
    await given(register, await subject_of(register, after), two)
    await register.overturned(one)
    await closed(register, review)
    fell, vetoed = await subject_of(register, before), await subject_of(register, after)
    assert (fell["status"], fell["opinions"][0]["status"]) == ("passed", "fallen")
    assert vetoed["status"] == "vetoed"
    await register.overturned(two)
    cleared = await subject_of(register, after)
    assert (cleared["status"], cleared["opinions"][0]["fell_because"]) == ("cleared", "overturned")
    assert [kind for kind, _ in await register.notices(cleared["id"])] == ["review_vetoed", "review_cleared"]
    told = await register.told(ReviewClearedV1)
    assert [(str(each.case_id), each.because) for each in told] == [(vetoed["case_id"], "overturned")]
    await register.overturned(two)
    assert len(await register.told(ReviewClearedV1)) == 1, "told twice, cleared once"


async def test_the_severest_wins_and_when_it_falls_the_other_one_vetoes(register: Register) -> None:
    site = await consented(register)
    hard, mild = await suspended(register, site), await suspended(register, site, service_item=DRUGS)
    review = await opened(register)
    subject = await subject_of(register, site)
    await given(register, subject, hard)
    held = register.api.rt.directory
    held.load([*held, Organisation.model_validate({
        **next(each for each in held if each.organisation_id == "drugs-110000").model_dump(),
        "organisation_id": "security-110000", "kinds": ["security_authority"],
    })])  # fmt: skip
    until = {"authority_id": "security-110000", "until": review["closes_at"], **WHY}
    await register.post(f"/reviews/{review['id']}/windows", until, "regulator-a")
    await ignored(register, site)
    said = await given(register, subject, mild, who=SECURITY)
    assert said["conflicting"] is False
    passing = {"opinion": "pass", "statement": SAYS}
    said = await register.post(f"/review-subjects/{subject['id']}/opinions", passing, "culture-a", 201)
    assert said["conflicting"] is True
    shown = await register.get(f"/review-subjects?review_id={review['id']}&conflicting=true", "culture-a")
    assert [each["id"] for each in shown["items"]] == [subject["id"]]
    await closed(register, review)
    first = await subject_of(register, site)
    await register.overturned(hard)
    second = await subject_of(register, site)
    assert (first["status"], second["status"]) == ("vetoed", "vetoed")
    assert first["case_id"] != second["case_id"], "another opinion, another case"
    assert [str(each.case_id) for each in await register.told(ReviewClearedV1)] == [first["case_id"]]
    await register.overturned(mild)
    assert (await subject_of(register, site))["status"] == "cleared"


async def test_an_item_that_is_struck_already_needs_no_case(register: Register) -> None:
    code, name = uscc(710_000_001), domain()
    await register.approve(code, DRUGS, name)
    site = await register.live(code, domains=[name], service_items=[DRUGS, "general"])
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE approval SET live = false WHERE identity = $1", code)
    decision = await register.decided(site, "end_item", service_item=DRUGS)
    await register.carried_out(decision)
    review = await opened(register)
    await given(register, await subject_of(register, site), decision, "cancel_service", service_item=DRUGS)
    await closed(register, review)
    result = await subject_of(register, site)
    assert (result["status"], result["outcome"], result["case_id"]) == ("vetoed", "cancel_service", None)
    assert await register.told(ReviewVetoedV1) == []


async def test_a_won_or_late_appeal_against_a_result_clears_it(register: Register) -> None:
    sites = [await consented(register), await consented(register)]
    made = [await suspended(register, site) for site in sites]
    review = await opened(register)
    for site, decision in zip(sites, made, strict=True):
        await given(register, await subject_of(register, site), decision)
    await closed(register, review)
    for site, outcome in zip(sites, ("upheld", "overdue"), strict=True):
        result = await subject_of(register, site)
        act = ActRef.model_validate(result["challenge"])
        assert (act.service, act.kind) == (Service.REGISTRY, "review_result")
        await register.appealed(act, outcome)
        now = await subject_of(register, site)
        assert (now["status"], now["opinions"][0]["fell_because"]) == ("cleared", "appeal"), outcome
        assert now["grounds"], "why it was vetoed stays readable"


async def test_an_authority_takes_its_opinion_back_also_afterwards_and_nobody_else_does(
    register: Register,
) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    opinion = (await given(register, await subject_of(register, site), decision))["opinions"][0]
    path = f"/review-opinions/{opinion['id']}/withdrawal"
    for who in ("culture-a", "shanghai-drugs-a", "drugs-national-a", "regulator-a", "applicant"):
        await register.refused(path, WHY, who, 403)
    await closed(register, review)
    withdrawn = await register.post(path, WHY, "drugs-b")
    assert (withdrawn["status"], withdrawn["opinions"][0]["status"]) == ("cleared", "withdrawn")
    assert (await register.refused(path, WHY, "drugs-b"))["code"] == "action_refused"


async def test_windows_reminders_and_a_late_authority_is_late_and_no_pass(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    subject = await subject_of(register, site)
    path = f"/reviews/{review['id']}"
    await register.post(f"{path}/completion", WHY, "culture-a")
    assert (await register.refused(f"{path}/completion", WHY, "culture-a"))["code"] == "already_finished"
    open_ = await register.refused(f"{path}/close", WHY, "regulator-a")
    assert (open_["code"], "4 of them" in open_["detail"]) == ("windows_open", True)
    asked = await register.fetchval("SELECT id FROM review_authority WHERE authority_id = 'drugs-110000'")
    for days in (14, 3):
        await register.ring(reviews.WINDOW, asked)
        assert register.clock.now() == WINDOW_ENDS - timedelta(days=days)
    kinds = [kind for kind, who in await register.notices(review["id"]) if who == "drugs-110000"]
    assert kinds == ["review_opened", "review_reminder", "review_reminder"], "in the authority's own inbox"
    shown = (await register.get("/notices?limit=50", "drugs-a"))["items"]
    assert {each["kind"] for each in shown} >= {"review_reminder"}
    mine = next(each for each in shown if each["kind"] == "review_reminder")
    assert (await register.get(f"/notices/{mine['id']}", "regulator-a"))["opened_at"] is None, (
        "who sent it opens nothing"
    )
    assert (await register.get(f"/notices/{mine['id']}", "drugs-b"))["opened_at"] is not None
    assert (await register.api.get(f"/notices/{mine['id']}", who="culture-a")).status_code == 404
    now = {each["authority"]["id"]: each for each in (await register.get(path, "auditor"))["authorities"]}
    assert (now["drugs-110000"]["reminded_at"] is not None, now["drugs-110000"]["late"]) == (True, False)
    register.clock.advance(timedelta(days=3, seconds=1))
    late = {each["authority"]["id"]: each["late"] for each in (await register.get(path, "drugs-a"))["authorities"]}
    assert (late["drugs-110000"], late["culture-110000"]) == (True, False)
    assert (await given(register, subject, decision, status=409))["code"] == "window_over"
    more = {"authority_id": "drugs-110000", "until": (register.clock.now() + timedelta(days=5)).isoformat(), **WHY}
    await register.refused(f"{path}/windows", more, "drugs-a", 403)
    for wrong in ({"authority_id": "drugs-310000"}, {"authority_id": "nobody"}, {"until": "2027-06-30T00:00:00Z"}):
        await register.refused(f"{path}/windows", {**more, **wrong}, "regulator-a", 422)
    await register.post(f"{path}/windows", more, "regulator-a")
    await given(register, subject, decision)
    register.clock.advance(timedelta(days=6))
    shut = await register.post(f"{path}/close", WHY, "regulator-a")
    assert shut["status"] == "closed"
    assert {each["authority"]["id"] for each in shut["authorities"] if each["late"]} >= {"drugs-110000"}
    refused = await given(register, subject, decision, status=409)
    assert refused["code"] in {"action_refused"}


async def test_opinions_of_the_wrong_level_place_or_time_and_twice(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    await opened(register)
    subject = await subject_of(register, site)
    for who in ("shanghai-drugs-a", "drugs-national-a", "regulator-a", "applicant", "auditor", "desk-a"):
        await given(register, subject, decision, who=who, status=403)
    kept = await given(register, subject, decision)
    again = await given(register, subject, decision, who="drugs-b", status=409)
    assert (again["code"], again["opinion_id"]) == ("opinion_exists", kept["opinions"][0]["id"])


async def test_who_announces_and_for_which_year(register: Register) -> None:
    for who in ("drugs-a", "applicant", "auditor", "desk-a"):
        await register.refused("/reviews", {"year": 2027}, who, 403)
    for year in (2025, 2026, 2028):  # 2026's windows are over in November
        await register.refused("/reviews", {"year": year}, "regulator-a", 422)
    national = await register.post("/reviews", {"year": 2027}, "national-a", 201)
    here = await announced(register)
    assert {national["region"], here["region"]} == {None, "110000"}
    assert len((await register.get("/reviews", "national-a"))["items"]) == 2
    assert [each["region"] for each in (await register.get("/reviews?year=2027", "drugs-a"))["items"]] == ["110000"]


@pytest.mark.parametrize("year", ["99999999999", "-1", "1989"])
async def test_a_year_that_cannot_be_is_said(register: Register, year: str) -> None:
    answer = await register.api.get(f"/reviews?year={year}", who="drugs-a")
    assert answer.status_code == 422


async def test_a_site_that_ended_before_the_review_did_is_gone_and_has_not_failed(register: Register) -> None:
    code = uscc(720_000_001)
    site = await register.live(code)
    review = await opened(register)
    await register.post(f"/sites/{site['id']}/deregistration", WHY, ("applicant", {"organisation": code}))
    await closed(register, review)
    gone = await subject_of(register, site)
    assert (gone["status"], await register.history(gone["id"])) == ("gone", ["leave"])


async def test_operators_and_providers_read_their_own_and_nobody_elses(register: Register) -> None:
    code = uscc(730_000_001)
    site, other = await register.live(code), await register.live()
    await opened(register)
    mine, theirs = await subject_of(register, site), await subject_of(register, other)
    own = ("applicant", {"organisation": code})
    assert [each["id"] for each in (await register.get("/review-subjects", own))["items"]] == [mine["id"]]
    assert (await register.api.get(f"/review-subjects/{theirs['id']}", who=own)).status_code == 403
    host = ("applicant", {"organisation": str(PROVIDER), "roles": ["access_provider"]})
    assert [each["kind"] for each in (await register.get("/review-subjects", host))["items"]] == ["access_provider"]
    for who in ("regulator-a", "drugs-a", "auditor", "review-a", "national-a"):
        assert len((await register.get("/review-subjects", who))["items"]) == 3, who
    for who in ("desk-a", "officer", "shanghai-drugs-a"):
        answer = await register.api.get(f"/review-subjects/{mine['id']}", who=who)
        assert answer.status_code == 403, who


async def test_a_provider_fails_by_a_penalty_that_stands_and_nothing_follows(register: Register) -> None:
    site = await register.live()
    review = await opened(register)
    found = await register.get("/review-subjects?kind=access_provider", "regulator-a")
    subject = found["items"][0]
    about = {"subject": {"kind": "provider", "provider_id": str(PROVIDER)}, "site": None, "operator": None}
    penalty = await register.decided(site, "penalty", **about)
    for opinion in ("close_site", "fail"):
        status = 409 if opinion == "close_site" else 201
        await given(register, subject, penalty, opinion, status=status)
    await closed(register, review)
    result = await register.get(f"/review-subjects/{subject['id']}", "drugs-a")
    assert (result["status"], result["outcome"], result["case_id"]) == ("vetoed", "fail", None)
    assert [kind for kind, _ in await register.notices(subject["id"])] == ["review_vetoed"]
    await register.overturned(penalty)
    assert (await register.get(f"/review-subjects/{subject['id']}", "drugs-a"))["status"] == "cleared"


async def test_domain_registrars_of_the_place_are_under_review(register: Register) -> None:
    held = register.api.rt.directory
    for number, region in enumerate(("110000", "310000")):
        held.load([*held, Organisation.model_validate({
            **next(each for each in held if each.organisation_id == f"drugs-{region}").model_dump(),
            "organisation_id": f"registrar-{number}", "kinds": ["domain_registrar"], "competences": [],
        })])  # fmt: skip
    review = await opened(register)
    assert review["subjects"]["domain_registrar"] == {"under_review": 1}


async def test_an_opinion_and_the_end_of_what_it_cites_at_the_same_moment(register: Register) -> None:
    for _ in range(5):
        site = await consented(register)
        decision = await suspended(register, site)
        review_id = await register.fetchval("SELECT id FROM review")
        if review_id is None:
            await opened(register)
        else:
            async with register.api.rt.db.transaction() as tx:
                await tx.execute(
                    "INSERT INTO review_subject (id, status, review_id, kind, site_id, organisation, name, level,"
                    " region, changed_at) SELECT gen_random_uuid(), 'under_review', $1, 'site', s.id, o.identity,"
                    " s.name,"
                    " r.level, r.region, now() FROM site s JOIN registration r ON r.id = s.registration_id"
                    " JOIN operator o ON o.id = r.operator_id WHERE s.id = $2",
                    review_id, UUID(site["id"]),
                )  # fmt: skip
        subject = await subject_of(register, site)
        body = {"opinion": "close_site", "decision_id": str(decision.decision_id), "statement": SAYS}
        await asyncio.gather(
            register.api.post(f"/review-subjects/{subject['id']}/opinions", json=body, who="drugs-a"),
            register.overturned(decision),
        )
        said = (await subject_of(register, site))["opinions"]
        assert [each["status"] for each in said] in ([], ["fallen"]), "an opinion never outlives what it rests on"


async def test_a_site_on_two_providers_is_reviewed_once(register: Register) -> None:
    site = await register.live(accesses=[access("198.18.3.1"), access("198.18.3.2")])
    await opened(register)
    await subject_of(register, site)


async def test_a_program_gives_no_opinion(register: Register) -> None:
    site = await consented(register)
    await opened(register)
    subject = await subject_of(register, site)
    robot = replace(person("drugs-a"), program=True)
    body = NewOpinion.model_validate({"opinion": "pass", "statement": SAYS})
    async with register.api.rt.db.connection() as tx:
        with pytest.raises(PersonRequired):
            await opinions.give(tx, register.api.rt, robot, UUID(subject["id"]), body)


async def test_a_large_review_opens_and_closes_in_turns(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewed, "AT_ONCE", 2)
    sites = [await register.live() for _ in range(5)]
    failing = await consented(register)
    decision = await suspended(register, failing)
    review = await announced(register)
    for _ in range(4):
        await register.ring(reviews.OPENS, review["id"])
    now = await register.get(f"/reviews/{review['id']}", "regulator-a")
    assert (now["status"], now["subjects"]["site"]) == ("open", {"under_review": 6})
    await given(register, await subject_of(register, failing), decision)
    await register.ring(reviews.CLOSES, review["id"])
    for _ in range(3):
        await register.ring(reviews.RESULTS, review["id"])
    await register.ring(opinions.RESULT, (await subject_of(register, failing))["id"])
    subjects = [await subject_of(register, site) for site in sites]
    assert {each["status"] for each in subjects} == {"passed"}
    assert [await register.history(each["id"]) for each in subjects] == [["pass"]] * 5, "each has its own line"
    assert (await subject_of(register, failing))["status"] == "vetoed"


async def test_who_finished_and_is_asked_again_can_say_more(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    await register.post(f"/reviews/{review['id']}/completion", WHY, "drugs-a")
    more = {"authority_id": "drugs-110000", "until": review["closes_at"], **WHY}
    await register.post(f"/reviews/{review['id']}/windows", more, "regulator-a")
    await given(register, await subject_of(register, site), decision)
