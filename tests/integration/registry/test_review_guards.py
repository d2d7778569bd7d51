"""What nobody gets around in the annual review, tried one by one: the guards of reviews.py and opinions.py."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.errors import NoReviews
from registry.service import opinions, reviews
from shared.contracts.approval import ApprovalEndedV1
from shared.contracts.directory import Organisation
from shared.contracts.enforcement import LAPSED, DecisionEndedV1, DecisionReleasedV1
from shared.contracts.grounds import ActRef
from shared.contracts.http.reviews import NewReview
from shared.contracts.registry import ExecutionUndoneV1, ReviewClearedV1, ReviewVetoedV1
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import OTHER_PROVIDER, PROVIDER, Register, a_site, domain, uscc
from tests.integration.registry.test_reviews import (
    DRUGS,
    SAYS,
    SECURITY,
    WHY,
    announced,
    closed,
    consented,
    given,
    ignored,
    opened,
    subject_of,
    suspended,
)
from tests.support.people import person


def founded(register: Register, organisation_id: str, **changes: Any) -> None:
    """An organisation of the province is in the directory from now on."""
    held = register.api.rt.directory
    held.load([*held, Organisation.model_validate({
        **next(each for each in held if each.organisation_id == "drugs-110000").model_dump(),
        "organisation_id": organisation_id, "kinds": ["security_authority"], "competences": [],
    } | changes)])  # fmt: skip


async def test_who_was_not_asked_says_nothing(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    founded(register, "security-110000")
    refused = await given(register, await subject_of(register, site), decision, who=SECURITY, status=409)
    assert refused["code"] == "no_opinion_asked"
    assert (await register.refused(f"/reviews/{review['id']}/completion", WHY, SECURITY))["code"] == "no_opinion_asked"


async def test_whoever_has_finished_says_nothing_more(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    await register.post(f"/reviews/{review['id']}/completion", WHY, "drugs-a")
    refused = await given(register, await subject_of(register, site), decision, who="drugs-b", status=409)
    assert refused["code"] == "already_finished"


async def test_a_review_that_was_only_announced_or_is_closed_is_not_finished_extended_or_closed(
    register: Register,
) -> None:
    review = await announced(register)
    window = {"authority_id": "drugs-110000", "until": "2027-05-10T00:00:00Z", **WHY}
    steps = (("completion", WHY, "drugs-a"), ("windows", window, "regulator-a"), ("close", WHY, "regulator-a"))
    for path, body, who in steps:
        refused = await register.refused(f"/reviews/{review['id']}/{path}", body, who)
        assert refused["code"] == "action_refused", path
    await register.ring(reviews.OPENS, review["id"])
    await register.ring(reviews.CLOSES, review["id"])
    for path, body, who in steps:
        refused = await register.refused(f"/reviews/{review['id']}/{path}", body, who)
        assert refused["code"] == "action_refused", path


async def test_nobody_but_its_regulator_runs_a_review_and_nobody_of_elsewhere_reads_it(register: Register) -> None:
    review = await opened(register)
    window = {"authority_id": "drugs-110000", "until": review["closes_at"], **WHY}
    for who in ("drugs-a", "shanghai-regulator-a", "national-a", "applicant", "auditor"):
        await register.refused(f"/reviews/{review['id']}/windows", window, who, 403)
        await register.refused(f"/reviews/{review['id']}/close", WHY, who, 403)
    for who in ("regulator-a", "shanghai-drugs-a", "applicant", "auditor"):
        await register.refused(f"/reviews/{review['id']}/completion", WHY, who, 403)
    for who in ("shanghai-drugs-a", "shanghai-regulator-a", "applicant", "desk-a"):
        assert (await register.api.get(f"/reviews/{review['id']}", who=who)).status_code == 403, who


async def test_a_window_is_never_made_shorter_nor_given_to_who_is_none_or_no_more_here(register: Register) -> None:
    review = await opened(register)
    founded(register, "gone-110000", status="closed")
    now = register.clock.now()
    for authority_id, until in (
        ("drugs-110000", now + timedelta(days=1)),  # it has until 30 April
        ("gone-110000", now + timedelta(days=1)),
        ("industry-110000", now + timedelta(days=1)),
        ("drugs", now + timedelta(days=1)),
    ):
        body = {"authority_id": authority_id, "until": until.isoformat(), **WHY}
        await register.refused(f"/reviews/{review['id']}/windows", body, "regulator-a", 422)


@pytest.mark.parametrize("told_first", [False, True])
async def test_a_time_that_is_over_is_one_word_whoever_says_it_first(register: Register, *, told_first: bool) -> None:
    """Our clock, or the authority's fact: what was carried out and has run out founds an opinion as before."""
    site = await consented(register)
    decision = await suspended(register, site)
    await opened(register)
    subject = await subject_of(register, site)
    await given(register, subject, decision)
    ended = DecisionEndedV1.model_validate({
        **DecisionEndedV1.EXAMPLE, "decision_id": decision.decision_id, "subject": decision.subject,
        "effect": decision.effect, "because": LAPSED,
    })  # fmt: skip
    execution = await register.execution(decision)
    if told_first:
        await register.hear(ended)
    else:
        await register.ring("execution_end", execution["id"])
        await register.hear(ended)
    [undone] = await register.told(ExecutionUndoneV1)
    assert undone.because == LAPSED
    assert (await subject_of(register, site))["opinions"][0]["status"] == "standing"
    await register.post(f"/review-opinions/{(await subject_of(register, site))['opinions'][0]['id']}/withdrawal",
                        WHY, "drugs-a")  # fmt: skip
    await given(register, subject, decision), "and founds another one"


async def test_a_clock_that_rings_late_opens_and_closes_nothing_twice(register: Register) -> None:
    site = await register.live()
    review = await opened(register)
    rt, review_id = register.api.rt, UUID(review["id"])
    async with rt.db.transaction() as tx:
        await reviews.open_by_date(rt, tx, review_id)
    assert (await register.get(f"/reviews/{review['id']}", "regulator-a"))["subjects"] == review["subjects"]
    asked = await register.fetchval("SELECT id FROM review_authority WHERE authority_id = 'drugs-110000'")
    await register.post(f"/reviews/{review['id']}/completion", WHY, "drugs-a")
    async with rt.db.transaction() as tx:
        await reviews.ring(rt, tx, asked)
    shown = (await register.get(f"/reviews/{review['id']}", "regulator-a"))["authorities"]
    assert [each["reminded_at"] for each in shown if each["authority"]["id"] == "drugs-110000"] == [None]
    await closed(register, review)
    subject = await subject_of(register, site)
    async with rt.db.transaction() as tx:
        await reviews.close_by_date(rt, tx, review_id)
        await opinions.conclude(rt, tx, UUID(subject["id"]))
    assert (await subject_of(register, site))["version"] == subject["version"]


async def test_a_review_closes_early_once_everybody_has_finished_or_is_late(register: Register) -> None:
    review = await opened(register)
    asked = [each["authority"]["id"] for each in review["authorities"]]
    done = ("drugs-a", "culture-a")
    for who in done:
        await register.post(f"/reviews/{review['id']}/completion", WHY, who)
    refused = await register.refused(f"/reviews/{review['id']}/close", WHY, "regulator-a")
    assert f"{len(asked) - len(done)} of them" in refused["detail"]
    register.clock.advance(timedelta(minutes=2))
    async with register.api.rt.db.transaction() as tx:
        minute_ago = register.clock.now() - timedelta(minutes=1)
        await tx.execute("UPDATE review_authority SET until = $1 WHERE done_at IS NULL", minute_ago)
    assert (await register.post(f"/reviews/{review['id']}/close", WHY, "regulator-a"))["status"] == "closed"


async def test_an_opinion_cites_what_was_decided_about_this_site_at_this_place(register: Register) -> None:
    code, names = uscc(990_000_001), (domain(), domain())
    for name in names:
        await register.approve(code, DRUGS, name)
    first = dict((await register.active(a_site(names[0], service_items=[DRUGS]), code))["sites"][0])
    added = await register.post(
        f"/registrations/{first['registration_id']}/sites", a_site(names[1], service_items=[DRUGS]),
        ("applicant", {"organisation": code}), 201,
    )  # fmt: skip
    await register.post(f"/amendments/{added['id']}/grant", {"statement": SAYS}, "regulator-a")
    about_first = await suspended(register, first)
    await opened(register)
    other = await subject_of(register, {"id": added["site_id"]})
    refused = await given(register, other, about_first, status=409)
    assert (refused["code"], "another site" in refused["detail"]) == ("opinion_unfounded", True)
    subject = await subject_of(register, first)
    refused = await given(register, subject, about_first, "fail", status=409)
    assert (refused["code"], "of a site" in refused["detail"]) == ("opinion_unfounded", True)
    for place in ("level = 'national', region = NULL", "region = '310000'"):
        async with register.api.rt.db.transaction() as tx:
            await tx.execute(f"UPDATE execution SET {place}")
        refused = await given(register, subject, about_first, status=409)
        assert (refused["code"], "level or place" in refused["detail"]) == ("opinion_unfounded", True)


async def test_a_provider_fails_by_a_penalty_of_its_own_that_stands_and_by_nothing_else(register: Register) -> None:
    site = await register.live()
    await opened(register)
    subject = (await register.get("/review-subjects?kind=access_provider", "regulator-a"))["items"][0]

    async def decided(effect: str, provider_id: UUID) -> DecisionReleasedV1:
        about = {"subject": {"kind": "provider", "provider_id": str(provider_id)}, "site": None, "operator": None}
        return await register.decided(site, effect, **about)

    fallen, others = await decided("penalty", PROVIDER), await decided("penalty", OTHER_PROVIDER)
    await register.overturned(fallen)
    order = await decided("correct", PROVIDER)
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE handling SET since = now() WHERE decision_id = $1", order.decision_id)
    for cited in (fallen, others, order):
        refused = await given(register, subject, cited, "fail", status=409)
        assert refused["code"] == "opinion_unfounded", cited.effect
    await given(register, subject, await decided("penalty", PROVIDER), "fail")


async def test_a_provider_is_not_failed_by_what_nobody_knows(register: Register) -> None:
    site = await register.live()
    await opened(register)
    subject = (await register.get("/review-subjects?kind=access_provider", "regulator-a"))["items"][0]
    unknown = (await register.decided(site, "correct")).model_copy(update={"decision_id": uuid7()})
    assert (await given(register, subject, unknown, "fail", status=409))["code"] == "opinion_unfounded"


async def test_a_consent_of_another_department_is_none_of_ones_own(register: Register) -> None:
    site = await consented(register, "culture")
    decision = await suspended(register, site)
    await opened(register)
    subject = await subject_of(register, site)
    assert (await given(register, subject, decision, status=409))["code"] == "regularise_first"
    refused = await given(register, subject, decision, "cancel_service", status=409, service_item="culture")
    assert refused["code"] == "regularise_first"


async def test_an_order_that_another_department_gave_opens_no_way_to_close_site(register: Register) -> None:
    site = await register.live()
    decision = await suspended(register, site)
    order = await ignored(register, site)
    async with register.api.rt.db.transaction() as tx:
        await tx.execute(
            "UPDATE handling SET authority_id = 'culture-110000' WHERE decision_id = $1", order.decision_id
        )
    await opened(register)
    refused = await given(register, await subject_of(register, site), decision, status=409)
    assert refused["code"] == "regularise_first"


async def test_of_two_opinions_only_the_one_falls_whose_decision_did(register: Register) -> None:
    """The other one still vetoes, in the end, and whom it is about hears of each."""
    site = await consented(register)
    founded(register, "security-110000")
    one, two = await suspended(register, site), await suspended(register, site)
    review = await opened(register)
    subject = await subject_of(register, site)
    await ignored(register, site)
    await given(register, subject, one, "cancel_service", service_item=DRUGS)
    await given(register, subject, two, who=SECURITY)
    await register.overturned(one)
    said = {each["decision_id"]: each for each in (await subject_of(register, site))["opinions"]}
    assert said[str(one.decision_id)]["status"] == "fallen"
    assert said[str(two.decision_id)]["status"] == "standing"
    assert [kind for kind, _ in await register.notices(said[str(one.decision_id)]["id"])] == [
        "review_opinion", "opinion_fell",
    ]  # fmt: skip
    await closed(register, review)
    assert (await subject_of(register, site))["outcome"] == "close_site"


async def test_the_severest_decides_also_when_the_milder_came_first_and_a_won_appeal_takes_only_that_one(
    register: Register,
) -> None:
    site = await consented(register)
    founded(register, "security-110000")
    mild, hard = await suspended(register, site), await suspended(register, site)
    review = await opened(register)
    subject = await subject_of(register, site)
    await ignored(register, site)
    await given(register, subject, mild, "cancel_service", service_item=DRUGS)
    register.clock.advance(timedelta(minutes=1))
    await given(register, subject, hard, who=SECURITY)
    await closed(register, review)
    first = await subject_of(register, site)
    assert first["outcome"] == "close_site"
    [fell] = [each["id"] for each in first["opinions"] if each["opinion"] == "close_site"]
    await register.appealed(ActRef.model_validate(first["challenge"]), "upheld")
    second = await subject_of(register, site)
    assert (second["status"], second["outcome"]) == ("vetoed", "cancel_service")
    assert [kind for kind, _ in await register.notices(fell)] == ["review_opinion", "opinion_fell"]
    assert [str(each.case_id) for each in await register.told(ReviewClearedV1)] == [first["case_id"]]


async def test_a_site_that_lost_what_it_was_to_lose_is_told_of_no_case_when_its_veto_falls(register: Register) -> None:
    site = await consented(register)
    decision = await register.decided(site)
    await register.carried_out(decision)
    review = await opened(register)
    await given(register, await subject_of(register, site), decision)
    await closed(register, review)
    result = await subject_of(register, site)
    assert (result["status"], result["case_id"]) == ("vetoed", None), "it is revoked already"
    await register.overturned(decision)
    assert (await subject_of(register, site))["status"] == "cleared"
    assert await register.told(ReviewClearedV1) == []


async def vetoed_by_two(register: Register) -> tuple[dict[str, Any], DecisionReleasedV1, DecisionReleasedV1]:
    """A site with a milder failing opinion and a severer one, which decided; and what each cites."""
    site = await consented(register)
    founded(register, "security-110000")
    mild, hard = await suspended(register, site), await suspended(register, site)
    review = await opened(register)
    subject = await subject_of(register, site)
    await ignored(register, site)
    await given(register, subject, mild, "cancel_service", service_item=DRUGS)
    await given(register, subject, hard, who=SECURITY)
    await closed(register, review)
    return site, mild, hard


async def test_a_veto_stands_while_the_opinion_that_decided_does_and_is_concluded_once(register: Register) -> None:
    site, mild, _ = await vetoed_by_two(register)
    before = await subject_of(register, site)
    async with register.api.rt.db.transaction() as tx:
        await opinions.conclude(register.api.rt, tx, UUID(before["id"]))
    await register.overturned(mild)
    now = await subject_of(register, site)
    assert [now[name] for name in ("version", "status", "outcome", "case_id")] == [
        before["version"], "vetoed", "close_site", before["case_id"],
    ]  # fmt: skip
    assert "review_cleared" not in [kind for kind, _ in await register.notices(now["id"])]


async def test_when_the_severest_falls_the_milder_vetoes_and_a_case_asks_for_what_is_left_to_do(
    register: Register,
) -> None:
    site, mild, hard = await vetoed_by_two(register)
    await register.overturned(hard)
    now = await subject_of(register, site)
    assert (now["status"], now["outcome"]) == ("vetoed", "cancel_service")
    told = (await register.told(ReviewVetoedV1))[-1]
    assert (str(told.case_id), told.decision_id, told.service_item) == (now["case_id"], mild.decision_id, DRUGS)


async def test_a_veto_for_an_item_that_the_site_has_no_more_asks_for_no_case(register: Register) -> None:
    code, name = uscc(990_000_003), domain()
    consent = await register.approve(code, DRUGS, name)
    site = await register.live(code, domains=[name], service_items=[DRUGS])
    decision = await suspended(register, site)
    review = await opened(register)
    await given(register, await subject_of(register, site), decision, "cancel_service", service_item=DRUGS)
    gone = consent.model_copy(update={"version": 99, "status": "ended", "live": False})
    example = {**ApprovalEndedV1.EXAMPLE, "approval_id": gone.approval_id, "approval": gone}
    await register.hear(ApprovalEndedV1.model_validate(example))
    await register.carried_out(await register.decided(site, "end_item", service_item=DRUGS))
    await closed(register, review)
    result = await subject_of(register, site)
    assert (result["status"], result["outcome"], result["case_id"]) == ("vetoed", "cancel_service", None)


async def test_what_was_taken_back_between_the_close_and_the_result_has_passed(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    await given(register, await subject_of(register, site), decision)
    await register.ring(reviews.CLOSES, review["id"])
    [opinion] = (subject := await subject_of(register, site))["opinions"]
    await register.post(f"/review-opinions/{opinion['id']}/withdrawal", WHY, "drugs-b")
    await register.ring(opinions.RESULT, subject["id"])
    assert (await subject_of(register, site))["status"] == "passed"


async def test_a_passing_opinion_is_taken_back_also_of_what_was_cleared(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    subject = await subject_of(register, site)
    body = {"opinion": "pass", "statement": SAYS}
    await register.post(f"/review-subjects/{subject['id']}/opinions", body, "culture-a", 201)
    await given(register, subject, decision)
    await closed(register, review)
    await register.overturned(decision)
    cleared = await subject_of(register, site)
    [passing] = [each for each in cleared["opinions"] if each["opinion"] == "pass"]
    await register.post(f"/review-opinions/{passing['id']}/withdrawal", WHY, "culture-b")
    now = await subject_of(register, site)
    assert (now["status"], now["version"]) == ("cleared", cleared["version"])


async def test_what_is_said_of_a_site_goes_to_the_address_that_its_operator_gave(register: Register) -> None:
    code, name = uscc(991_000_001), domain()
    await register.operator(code, address_for_service={"email": "desk@pharmacy.example"})
    await register.approve(code, DRUGS, name)
    site = await register.live(code, domains=[name], service_items=[DRUGS])
    decision = await suspended(register, site)
    await opened(register)
    await given(register, await subject_of(register, site), decision)
    sent = await register.fetchval(
        "SELECT d.address FROM delivery d JOIN notice n ON n.id = d.notice_id WHERE n.kind = 'review_opinion'"
    )
    assert sent == "desk@pharmacy.example"


async def test_an_authority_is_reminded_at_each_reminder_and_at_the_end_of_its_window_no_more(
    register: Register,
) -> None:
    await opened(register)
    asked = await register.fetchval("SELECT id FROM review_authority WHERE authority_id = 'drugs-110000'")
    rules = register.api.rt.rules.reviews
    assert rules is not None
    days = rules.remind_days
    reminders = "SELECT count(*) FROM notice WHERE kind = 'review_reminder' AND identity = 'drugs-110000'"
    for count in range(1, len(days) + 2):
        await register.ring(reviews.WINDOW, asked)
        assert await register.fetchval(reminders) == min(count, len(days))
    register.clock.advance(timedelta(minutes=1))
    async with register.api.rt.db.transaction() as tx:
        await reviews.ring(register.api.rt, tx, asked)
    assert await register.fetchval(reminders) == len(days)


async def test_where_the_rules_know_no_review_none_is_announced(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    rt = register.api.rt
    without = replace(rt, rules=replace(rt.rules, reviews=None))
    async with rt.db.transaction() as tx:
        with pytest.raises(NoReviews):
            await reviews.announce(tx, without, person("regulator-a"), NewReview(year=2027))


async def test_looks_of_officials_leave_a_trace(register: Register) -> None:
    site = await register.live()
    await opened(register)
    subject = await subject_of(register, site)
    await register.get(f"/review-subjects/{subject['id']}", "auditor")
    await register.get("/review-subjects", "review-a")
    seen = "SELECT array_agg(resource ORDER BY id) FROM audit WHERE subject = ANY ($1) AND outcome = 'granted'"
    assert await register.fetchval(seen, ["auditor", "review-a"]) == [
        f"/review-subjects/{subject['id']}", "/review-subjects",
    ]  # fmt: skip
