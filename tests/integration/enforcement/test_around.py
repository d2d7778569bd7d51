"""Ways around a safeguard of the case file: by another verb, another name, another spelling, or somebody who left."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from concord.sdk import until
from enforcement.service import appeals, custody, decisions, transfers
from enforcement.store import custody as pieces
from enforcement.store.files import EvidenceFiles
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.directory import Organisation
from shared.contracts.enforcement import AppealDecidedV1, DecisionSuspendedV1
from shared.contracts.http import enforcement as wire
from shared.contracts.http.casefile import NewTransfer
from shared.contracts.http.enforcement import NewAppeal, Outcome
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionReceivedV1
from shared.runtime.acts.policy import Policy
from shared.runtime.base.ids import uuid7
from tests.attacks.test_repeats import PROVIDER, REJECTED, STOP, UPHELD, ahead, refused, stopped, undone
from tests.integration.enforcement.conftest import EASED, STATED, STATEMENT, Office, site_recorded
from tests.integration.enforcement.test_referrals import delayed, drafted, enter_police, sent
from tests.integration.enforcement.test_requests import asked
from tests.integration.enforcement.test_reviewing import BODY, WHY, moved
from tests.integration.enforcement.test_transfers import TO_INDUSTRY
from tests.support.people import person

WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"

# --- urgent, and nobody was told -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["lifted", "lapsed", "carried_out_and_lapsed", "stay"])
async def test_an_urgent_measure_that_is_over_before_its_notice_was_due_costs_urgency_all_the_same(
    office: Office,
    how: str,
) -> None:
    site, listed = site_recorded(), next(iter(office.api.rt.rules.urgent_grounds))
    urgent: dict[str, Any] = {"urgent_ground": listed, "until": ahead(office, hours=23)}
    first = await office.release(await office.draft(await office.case(site), STOP, **urgent))
    if how == "lifted":
        await office.post(f"/decisions/{first['id']}/lift", STATED, "drugs-a")
    elif how == "lapsed":
        office.clock.advance(timedelta(hours=23, seconds=1))
        await office.rings("decision_until", first["id"])
    elif how == "carried_out_and_lapsed":
        await office.executed(first)
        office.clock.advance(timedelta(hours=23, seconds=1))
        await undone(office, first, "lapsed")
    else:
        appeal = await office.appeal(first, asks_for_stay=True)
        await office.post(f"/appeals/{appeal['id']}/stay", {"granted": True, **EASED}, "review-a")
        await office.post(f"/appeals/{appeal['id']}/decision", REJECTED, "review-a")
    again: dict[str, Any] = {"urgent_ground": listed, "until": ahead(office, hours=23), "content": b"Seen again."}
    assert (await refused(office, await office.case(site), **again))["code"] == "urgency_lost"


# --- another name of the same ----------------------------------------------------------------------------------------


async def _found(office: Office, host: str, provider: str = PROVIDER) -> dict[str, Any]:
    about: dict[str, Any] = {"about": {"kind": "found_site", "host": host, "provider_id": provider}}
    return await office.case(who="regulator-a", **about)


async def _stopped_found(office: Office, host: str, days: int = 30) -> dict[str, Any]:
    drafted = await office.draft(await _found(office, host), STOP, who="regulator-a", until=ahead(office, days=days))
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=5))
    released = await office.release(drafted, who="regulator-b")
    await office.executed(released)
    office.clock.advance(timedelta(days=days - 5))
    await undone(office, released, "lapsed")
    return released


@pytest.mark.parametrize("host", ["wild.example", "www.wild.example", "elsewhere"])
async def test_a_found_site_is_the_same_below_its_name_above_it_and_at_another_host(
    office: Office,
    host: str,
) -> None:
    await _stopped_found(office, "wild.example" if host != "wild.example" else "shop.wild.example")
    provider = PROVIDER
    if host == "elsewhere":
        host, provider = "wild.example", str(uuid7())
        await office.hear(
            ProviderRecordedV1.model_validate(
                {**ProviderRecordedV1.EXAMPLE, "provider_id": provider, "licence_number": "B1-20060099"}
            )
        )
    case = await _found(office, host, provider)
    sha256 = await office.file(case["id"], b"Something else.", "regulator-a")
    body = {"effect": STOP, "statement": STATEMENT, "evidence_hashes": [sha256], "until": ahead(office, days=29)}
    assert await office.refused(f"/cases/{case['id']}/decisions", body, "regulator-a") == (409, "time_used_up")


async def test_a_site_that_left_the_register_is_the_same_when_it_is_found(office: Office) -> None:
    site = site_recorded("gone.example")
    first = await stopped(office, site, 30)
    office.clock.advance(timedelta(days=25))
    await undone(office, first, "lapsed")
    await office.hear(site.model_copy(update={"version": site.version + 1, "status": "lapsed"}))
    case = await _found(office, "gone.example")
    sha256 = await office.file(case["id"], b"Something else.", "regulator-a")
    body = {"effect": STOP, "statement": STATEMENT, "evidence_hashes": [sha256], "until": ahead(office, days=29)}
    assert await office.refused(f"/cases/{case['id']}/decisions", body, "regulator-a") == (409, "time_used_up")


async def test_a_site_that_was_registered_anew_by_the_same_operator_is_the_same(office: Office) -> None:
    site = site_recorded("again.example")
    first = await stopped(office, site, 30)
    office.clock.advance(timedelta(days=25))
    await undone(office, first, "lapsed")
    await office.hear(site.model_copy(update={"version": site.version + 1, "status": "ended"}))
    anew = await office.case(site_recorded("again.example"))
    assert (await refused(office, anew, until=ahead(office, days=29)))["code"] == "time_used_up"


# --- a heavier effect ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stay", "overturned"])
async def test_what_is_stayed_or_fell_is_not_done_by_a_heavier_effect(office: Office, how: str) -> None:
    site = site_recorded()
    first = await stopped(office, site)
    appeal = await office.appeal(first, asks_for_stay=True)
    if how == "stay":
        await office.post(f"/appeals/{appeal['id']}/stay", {"granted": True, **EASED}, "review-a")
        assert (await refused(office, await office.case(site), "revoke"))["code"] == "appeal_undecided"
    else:
        await office.post(f"/appeals/{appeal['id']}/decision", UPHELD, "review-a")
        assert (await refused(office, await office.case(site), "revoke"))["code"] == "nothing_new"


async def test_what_is_lifted_while_its_appeal_runs_is_not_done_again_once_that_is_late(
    office: Office,
) -> None:
    site = site_recorded()
    first = await office.released(site=site)
    appeal = await office.appeal(first)
    office.clock.advance(timedelta(days=1))
    await office.post(f"/decisions/{first['id']}/lift", STATED, "drugs-a")
    await office.rings("appeal_decision", appeal["id"])
    assert (await refused(office, await office.case(site), "revoke"))["code"] == "appeal_undecided"


# --- what rests on an order that does not stand ----------------------------------------------------------------------


async def _cut(office: Office) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order that was ignored, and what the regulator released on it in a case of its own."""
    _, order, request = await asked(office)
    accepted = await office.post(f"/regulator-requests/{request['id']}/acceptance", STATED, "regulator-a")
    cut = await office.draft({"id": accepted["leads_to"]}, "cut_access", who="regulator-a")
    await office.cured(cut)
    return order, await office.release(cut, who="regulator-b")


@pytest.mark.parametrize("how", ["stay", "appeal_late", "lifted"])
async def test_what_rests_on_an_ignored_order_falls_with_it_however_it_falls(office: Office, how: str) -> None:
    order, cut = await _cut(office)
    if how == "lifted":
        await office.post(f"/decisions/{order['id']}/lift", STATED, "drugs-a")
    else:
        filed = await office.appeal(order, asks_for_stay=True)
        if how == "stay":
            await office.post(f"/appeals/{filed['id']}/stay", {"granted": True, **EASED}, "review-a")
        else:
            await office.rings("appeal_decision", filed["id"])
    assert await office.status(cut) == "suspended"
    assert (await office.told(DecisionSuspendedV1))[-1].because == "basis_fell"


# --- who they are ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["LI", "Ｌｉ", " li"])
async def test_the_table_itself_knows_one_human_in_every_spelling(
    office: Office,
    monkeypatch: pytest.MonkeyPatch,
    spelling: str,
) -> None:
    drafted = await office.draft(await office.case(), who=("drugs-a", {"person": "Li"}))
    await office.cured(drafted)
    body = wire.Release.model_validate(await office.signature(drafted["id"]))
    monkeypatch.setattr(Policy, "_second_person", lambda *_: None)
    with pytest.raises(asyncpg.CheckViolationError):
        async with office.api.rt.db.transaction() as tx:
            await decisions.release(tx, office.api.rt, person("drugs-b", person=spelling), UUID(drafted["id"]), body)
    async with office.api.rt.db.transaction() as tx:
        other = person("drugs-b", person="Lin")
        released = await decisions.release(tx, office.api.rt, other, UUID(drafted["id"]), body)
    assert released.decision.released_by == "lin"


@pytest.mark.parametrize("spelling", ["LI", "Ｌｉ", " li"])
async def test_whoever_acted_for_the_authority_reviews_in_no_spelling(office: Office, spelling: str) -> None:
    await office.case(who=("drugs-c", {"person": "Li"}))
    filed = await office.appeal(await office.released())
    path, other = f"/appeals/{filed['id']}", ("review-z", {**BODY, "person": spelling})
    assert await office.refused(f"{path}/decision", REJECTED, other) == (409, "took_part")
    assert await office.refused(f"{path}/assignment", {"person": spelling, **WHY}, "review-a") == (409, "took_part")


async def test_whoever_had_the_case_before_its_transfer_does_not_review_what_came_of_it(office: Office) -> None:
    case = await office.case(who="culture-a", service_item="culture")
    to = {"to": "drugs-110000", "service_item": "drugs_and_devices", **STATED}
    went = await office.post(f"/cases/{case['id']}/transfer", to, "culture-b")
    drafted = await office.draft({"id": went["continues_as"]})
    await office.cured(drafted)
    filed = await office.appeal(await office.release(drafted))
    for who in ("culture-a", "culture-b"):
        assert await office.refused(f"/appeals/{filed['id']}/decision", REJECTED, moved(who)) == (409, "took_part")


# --- what whom it burdens sees; and what happens at once -------------------------------------------------------------


async def test_whom_it_burdens_does_not_see_what_colleagues_made_of_a_draft(office: Office) -> None:
    drafted = await office.draft(await office.case())
    why = {"reasons": "The order book is not enough by itself."}
    await office.post(f"/decisions/{drafted['id']}/comment", why, "drugs-b")
    await office.post(f"/decisions/{drafted['id']}/return", why, "drugs-b")
    await office.post(f"/decisions/{drafted['id']}/answer", why, "drugs-a")
    found = (await office.get(f"/cases/{drafted['case_id']}/timeline", "applicant"))["items"]
    assert not {"comment", "return", "answer"} & {each["what"] for each in found}


async def test_what_rests_on_it_falls_also_when_the_profile_lists_its_effect_no_more(office: Office) -> None:
    order, cut = await _cut(office)
    rules = office.api.rt.rules
    left = {effect: rule for effect, rule in rules.effects.items() if effect != "cut_access"}
    object.__setattr__(office.api.rt, "rules", replace(rules, effects=left))
    filed = await office.appeal(order)
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    assert await office.status(cut) == "suspended"


async def _end_of_story(office: Office, order: dict[str, Any], cut: dict[str, Any], racing: Any) -> Any:
    """The order falls on appeal while somebody else has to do with the cut that rests on it; what that one gets."""
    filed = await office.appeal(order)
    outcome = Outcome.model_validate(UPHELD)
    async with office.api.rt.db.transaction() as tx:
        await appeals.decide(tx, office.api.rt, person("review-a"), UUID(filed["id"]), outcome)
        task = asyncio.create_task(racing)
        await until(lambda: office.fetchval(WAITING), lambda waits: waits or task.done(), timeout_s=30)
        assert not task.done(), "it saw nothing of what is happening to the order"
    return await task


async def test_what_is_carried_out_while_its_order_falls_is_noted_and_suspended(office: Office) -> None:
    order, cut = await _cut(office)
    await office.hear(office.says(ExecutionReceivedV1, cut))
    await _end_of_story(office, order, cut, office.hear(office.says(ExecutionCarriedOutV1, cut)))
    shown = await office.get(f"/decisions/{cut['id']}", "regulator-a")
    assert (shown["status"], shown["execution"]["status"]) == ("suspended", "carried_out")


async def test_what_is_lifted_while_its_order_falls_is_lifted(office: Office) -> None:
    order, cut = await _cut(office)
    lifting = office.api.post(f"/decisions/{cut['id']}/lift", json=STATED, who="regulator-a")
    answer = await _end_of_story(office, order, cut, lifting)
    assert (answer.status_code, await office.status(cut)) == (200, "ended")


async def test_what_is_released_while_its_order_falls_is_not(office: Office) -> None:
    _, order, request = await asked(office)
    accepted = await office.post(f"/regulator-requests/{request['id']}/acceptance", STATED, "regulator-a")
    cut = await office.draft({"id": accepted["leads_to"]}, "cut_access", who="regulator-a")
    await office.cured(cut)
    body = await office.signature(cut["id"], "regulator-b")
    release = office.api.post(f"/decisions/{cut['id']}/release", json=body, who="regulator-b")
    answer = await _end_of_story(office, order, cut, release)
    assert answer.json()["code"] in {"changed_since_draft", "effect_not_possible"}, "it waited, and saw that it fell"
    assert await office.status(cut) == "drafted"


@pytest.mark.parametrize("first", ["appeal", "transfer"])
async def test_an_appeal_during_the_transfer_of_its_case_is_filed_and_decided_and_undoes_what_it_is_about(
    office: Office, first: str
) -> None:
    case = await office.case()
    order = await office.release(await office.draft(case, "correct", correct_by=ahead(office, days=9)))
    act = {"service": "enforcement", "kind": "decision", "id": order["id"]}
    filing, to = NewAppeal.model_validate({"act": act, "grounds": "The consent covers it."}), {**TO_INDUSTRY}
    async with office.api.rt.db.transaction() as tx:
        if first == "appeal":
            await appeals.file(tx, office.api.rt, person("applicant"), filing)
            other = office.api.post(f"/cases/{case['id']}/transfer", json=to, who="drugs-a")
        else:
            wanted = NewTransfer.model_validate(to)
            await transfers.transfer(tx, office.api.rt, person("drugs-a"), UUID(case["id"]), wanted)
            other = office.api.post("/appeals", json=filing.model_dump(mode="json"), who="applicant")
        task = asyncio.create_task(other)
        await until(lambda: office.fetchval(WAITING), lambda waits: waits or task.done(), timeout_s=30)
        assert not task.done()
    assert (await task).status_code in {200, 201}
    (appeal,) = (await office.get("/appeals", "applicant"))["items"]
    assert (appeal["authority"]["id"], appeal["body"]["id"]) == ("drugs-110000", "review-110000")
    await office.post(f"/appeals/{appeal['id']}/decision", UPHELD, "review-a")
    assert await office.status(order) == "overturned"


# --- what outlives its case ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["discontinued", "transferred"])
async def test_a_referral_that_nobody_signed_and_a_question_to_the_regulator_end_with_their_case(
    office: Office, how: str
) -> None:
    enter_police(office)
    case = await office.case(ground="unlawful_medicines")
    referral = await drafted(office, case)
    asks = {"asks": "revoke", "documents": referral["evidence"], **STATED}
    request = await office.post(f"/cases/{case['id']}/regulator-requests", asks, "drugs-a", 201)
    if how == "discontinued":
        await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
    else:
        await office.post(f"/cases/{case['id']}/transfer", TO_INDUSTRY, "drugs-a")
    path = f"/referrals/{referral['id']}"
    assert await office.refused(f"{path}/signature", WHY, "drugs-b") == (409, "action_refused")
    assert (await office.get(path, "drugs-a"))["status"] == "withdrawn"
    assert (await office.get(f"/regulator-requests/{request['id']}", "regulator-a"))["status"] == "withdrawn"
    office.clock.advance(timedelta(days=60))
    await office.rings("regulator_request", request["id"])
    assert "request_late" not in await office.notices("regulator-a")


async def test_whoever_asked_the_regulator_for_a_decision_does_not_review_it(office: Office) -> None:
    _, cut = await _cut(office)
    filed = await office.appeal(cut)
    for who in ("drugs-a", "drugs-b"):
        assert await office.refused(f"/appeals/{filed['id']}/decision", REJECTED, moved(who)) == (409, "took_part")


async def test_an_effect_is_released_by_whose_it_is_alone(office: Office) -> None:
    known = office.api.rt.directory.get("drugs-110000")
    assert known is not None
    both = Organisation.model_validate({**known.model_dump(), "kinds": ["sector_regulator", "industry_regulator"]})
    office.api.rt.directory.load([both if each == known else each for each in office.api.rt.directory])
    draft = await office.draft(await office.case(), "end_item")
    await office.cured(draft)
    body, path = await office.signature(draft["id"]), f"/decisions/{draft['id']}/release"
    other = ("drugs-b", {"roles": ["industry_regulator"]})
    assert await office.refused(path, body, other) == (422, "effect_not_possible")
    assert (await office.post(path, body, "drugs-b"))["status"] == "released"


# --- what is told too late -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("referred", ["site", "operator"])
async def test_what_is_kept_back_about_an_operator_is_told_with_a_decision_about_its_site_and_the_other_way_round(
    office: Office, referred: str
) -> None:
    enter_police(office)
    site = site_recorded()
    of_operator: dict[str, Any] = {
        "about": {"kind": "operator", "domain": site.domains[0]}, "service_item": None, "ground": "unlawful_medicines",
        "who": "regulator-a",
    }  # fmt: skip
    if referred == "site":
        referral = await sent(office, await office.case(site, ground="unlawful_medicines"), **delayed(office))
        order = await office.draft(await office.case(site, **of_operator), "correct", "regulator-a",
                                   correct_by=ahead(office, days=9))  # fmt: skip
        await office.release(order, "regulator-b")
    else:
        case = await office.case(site, **of_operator)
        sha256 = await office.file(case["id"], b"What was bought.", "regulator-a")
        body = {"receiver": "security-110000", "evidence_hashes": [sha256], **STATED, **delayed(office)}
        referral = await office.post(f"/cases/{case['id']}/referrals", body, "regulator-a", 201)
        await office.post(f"/referrals/{referral['id']}/signature", WHY, "regulator-b")
        assert "referred" not in await office.notices()
        await office.release(await office.draft(await office.case(site), "correct", correct_by=ahead(office, days=9)))
    assert (await office.notices()).count("referred") == 1
    assert (await office.get(f"/referrals/{referral['id']}", "applicant"))["told_at"]


# --- bytes that somebody else relies on ------------------------------------------------------------------------------


async def test_the_bytes_of_a_paper_outlive_the_evidence_that_they_were_as_well(office: Office) -> None:
    case = await office.case()
    content = b"The invoice, as both sides have it."
    await office.file(case["id"], content)
    await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
    filed = await office.appeal(await office.released())
    headers = {"Content-Type": "text/plain"}
    path = f"/appeals/{filed['id']}/papers"
    paper = await office.api.post(f"{path}?title=Invoice", content=content, who="applicant", headers=headers)
    assert paper.status_code == 201, paper.text
    office.clock.advance(timedelta(days=366 * 12))
    assert await custody.retire(office.api.rt) > 0
    read = await office.api.get(f"{path}/{paper.json()['sha256']}", who="review-a")
    assert (read.status_code, read.content) == (200, content)


async def test_a_paper_handed_in_while_its_bytes_are_deleted_is_handed_in_again(office: Office) -> None:
    case, content = await office.case(), b"The invoice, as both sides have it."
    sha256 = await office.file(case["id"], content)
    filed = await office.appeal(await office.released())
    path, headers = f"/appeals/{filed['id']}/papers?title=Invoice", {"Content-Type": "text/plain"}
    async with office.api.rt.db.transaction() as tx:
        await pieces.hold(tx, sha256)
        task = asyncio.create_task(office.api.post(path, content=content, who="applicant", headers=headers))
        await until(lambda: office.fetchval(WAITING), lambda waits: waits or task.done(), timeout_s=30)
        assert not task.done()
        await EvidenceFiles(office.api.rt.settings.evidence_store).remove(sha256)
    refused = await task
    assert (refused.status_code, refused.json()["code"]) == (409, "evidence_being_deleted")
    again = await office.api.post(path, content=content, who="applicant", headers=headers)
    assert again.status_code == 201


# --- an appeal that nobody filed -------------------------------------------------------------------------------------


async def test_it_is_told_of_an_appeal_whether_the_operator_filed_it_itself(office: Office) -> None:
    consent = "By telephone, on the same day."
    entered = await office.appeal(await office.released(), "review-a", consent=consent)
    other = ("review-b", BODY)
    await office.post(f"/appeals/{entered['id']}/decision", REJECTED, other)
    own = await office.appeal(await office.released())
    await office.post(f"/appeals/{own['id']}/decision", REJECTED, other)
    assert [each.on_behalf for each in await office.told(AppealDecidedV1)] == [True, False]


async def test_whoever_signed_in_a_case_settles_no_opinions_about_it(office: Office) -> None:
    case = await office.case()
    asks = {"of": "industry-110000", "question": "Is it within the scope of its licence?", "we_hold": "breach",
            "answer_by": ahead(office, days=9)}  # fmt: skip
    opinion = await office.post(f"/cases/{case['id']}/opinions", asks, "drugs-a", 201)
    await office.post(f"/opinions/{opinion['id']}/answer", {"position": "no_breach", **STATED}, "regulator-a")
    await office.draft(case, "correct", "drugs-c", correct_by=ahead(office, days=9))
    body = {"position": "no_breach", **STATED}
    office_of = {"organisation": "coordination-110000", "roles": ["coordination_office"]}
    path = f"/cases/{case['id']}/settlement"
    assert await office.refused(path, body, ("drugs-c", office_of)) == (409, "second_person_required")
    assert await office.refused(path, body, ("x", office_of | {"person": "DRUGS-C"})) == (409, "second_person_required")
    await office.post(path, body, "coordination-a", 201)


# --- a setting, a clock, a disk, a program ---------------------------------------------------------------------------


@pytest.mark.parametrize("late", [0, 10])
async def test_a_profile_that_leaves_less_time_than_a_notice_said_takes_none_away(office: Office, late: int) -> None:
    drafted = await office.draft(await office.case())
    office.clock.advance(timedelta(days=late))
    await office.opens(drafted, "decision_intended")
    [notice] = (await office.get(f"/notices?about={drafted['id']}", "applicant"))["items"]
    last = datetime.fromisoformat(notice["answer_by"])
    assert last - office.clock.now() > timedelta(days=7), "the days run from when it was opened"
    rules = office.api.rt.rules
    shorter = {effect: replace(rule, min_cure_days=1) for effect, rule in rules.effects.items()}
    object.__setattr__(office.api.rt, "rules", replace(rules, effects=shorter))
    office.clock.advance(timedelta(days=3))
    body, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    assert await office.refused(path, body, "drugs-b") == (409, "cure_not_over")
    shown = await office.get(f"/decisions/{drafted['id']}", "drugs-a")
    assert datetime.fromisoformat(shown["notice"]["release_from"]) == last
    office.clock.advance(timedelta(days=6))
    assert (await office.post(path, body, "drugs-b"))["status"] == "released"


async def test_no_draft_of_a_burden_hangs_over_anybody_for_years(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=366))
    body, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    assert await office.refused(path, body, "drugs-b") == (422, "effect_not_possible")


async def test_nothing_is_drafted_or_released_on_bytes_that_nobody_can_read(office: Office) -> None:
    case = await office.case()
    drafted = await office.draft(case)
    await office.cured(drafted)
    (sha256,) = drafted["evidence_hashes"]
    other = await office.case()
    await office.file(other["id"], b"The order book.")
    async with office.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE evidence SET damaged_at = now() WHERE sha256 = $1", sha256)
    body, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    assert await office.refused(path, body, "drugs-b") == (422, "evidence_not_in_case")
    again = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": [sha256]}
    assert await office.refused(f"/cases/{other['id']}/decisions", again, "drugs-a") == (422, "evidence_not_in_case")


async def test_a_program_files_no_evidence(office: Office) -> None:
    case = await office.case()
    program = ("drugs-a", {"gty": "client-credentials"})
    headers = {"Content-Type": "text/plain"}
    answer = await office.api.post(f"/cases/{case['id']}/evidence", content=b"Found.", who=program, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "person_required")
