"""Appeals against acts of any department, decided by an independent body; late ones suspend (model §6)."""

from datetime import timedelta
from typing import Any

from shared.contracts.enforcement import (
    AppealDecidedV1,
    AppealFiledV1,
    AppealOverdueV1,
    DecisionOverturnedV1,
    DecisionSuspendedV1,
)
from shared.contracts.notices import RegistryNoticeDeliveredV1, RegistryNoticeIssuedV1
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import EASED, Office
from tests.support.people import OPERATOR_USCC

UPHELD = {"outcome": "upheld", **EASED}
REJECTED = {"outcome": "rejected", **EASED}
TO_DECIDE = ["uphold", "reject"]
TO_DO = ["assign", "hand_in", "invite"]


async def test_safeguard_6_an_appeal_that_is_upheld_overturns(office: Office) -> None:
    released = await office.released()
    await office.executed(released)
    filed = await office.appeal(released)
    assert (filed["body"]["id"], filed["authority"]["id"]) == ("review-110000", "drugs-110000")
    assert (await office.told(AppealFiledV1))[-1].act.kind == "decision"
    for who in ("drugs-c", "regulator-a", "applicant", "review-national-a"):
        assert (await office.refused(f"/appeals/{filed['id']}/decision", UPHELD, who))[0] == 403, who
    decided = await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    assert decided["status"] == "upheld"
    fact = (await office.told(DecisionOverturnedV1))[-1]
    assert (str(fact.decision_id), fact.authority.id) == (released["id"], "review-110000")
    shown = await office.get(f"/decisions/{released['id']}", "applicant")
    assert (shown["status"], shown["appeals"][0]["statement"]["reasons"]) == (
        "overturned",
        EASED["statement"]["reasons"],
    )
    assert (await office.refused(f"/appeals/{filed['id']}/decision", REJECTED, "review-a"))[0] == 409


async def test_a_rejected_appeal_changes_nothing_and_an_act_is_challenged_once(office: Office) -> None:
    released = await office.released()
    filed = await office.appeal(released)
    await office.post(f"/appeals/{filed['id']}/decision", REJECTED, "review-a")
    assert (await office.told(AppealDecidedV1))[-1].outcome == "rejected"
    assert await office.told(DecisionOverturnedV1) == []
    act = {"service": "enforcement", "kind": "decision", "id": released["id"]}
    again = {"act": act, "grounds": "We try once more, with the same."}
    assert await office.refused("/appeals", again, "applicant") == (409, "appeal_pending")


async def test_a_late_review_body_suspends_the_measure_by_itself(office: Office) -> None:
    released = await office.released()
    filed = await office.appeal(released)
    await office.rings("appeal_decision", filed["id"])
    await office.rings("appeal_decision", filed["id"])
    suspended = await office.told(DecisionSuspendedV1)
    assert [(fact.because, str(fact.decision_id)) for fact in suspended] == [("appeal_late", released["id"])]
    assert len(await office.told(AppealOverdueV1)) == 1
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    assert len(await office.told(DecisionOverturnedV1)) == 1


async def test_a_stay_suspends_while_the_appeal_is_decided(office: Office) -> None:
    released = await office.released()
    filed = await office.appeal(released, asks_for_stay=True)
    stayed = await office.post(f"/appeals/{filed['id']}/stay", {"granted": True, **EASED}, "review-a")
    assert (stayed["stay"], stayed["status"]) == ("granted", "open")
    assert (await office.told(DecisionSuspendedV1))[-1].because == "stay"


async def test_only_the_operator_appeals_and_only_the_review_body_enters_it_with_consent(office: Office) -> None:
    released = await office.released()
    act = {"service": "enforcement", "kind": "decision", "id": released["id"]}
    body = {"act": act, "grounds": "The consent covers these medicines."}
    assert (await office.refused("/appeals", body, "drugs-a"))[0] == 422, "the authority would occupy the only place"
    with_consent = {**body, "consent": "The operator asked for it in a letter."}
    assert (await office.refused("/appeals", with_consent, "drugs-a"))[0] == 403
    assert await office.refused("/appeals", body, "shanghai-drugs-a") == (404, "unknown_act")
    entered = await office.post("/appeals", with_consent, "review-a", 201)
    assert entered["on_behalf"]


async def test_asking_for_the_head_of_a_notice_shows_it_to_nobody_so_no_time_runs(office: Office) -> None:
    await office.released()
    unread = (await office.get("/notices?unread=true", "applicant"))["items"]
    assert unread
    for notice in unread:
        for path in (f"/notices/{notice['id']}", f"/notices/{notice['id']}/document"):
            answer = await office.api.request("HEAD", path, who="applicant")
            assert (answer.status_code, answer.content) == (200, b"")
    assert (await office.get("/notices?unread=true", "applicant"))["items"] == unread
    await office.get(f"/notices/{unread[0]['id']}/document", "applicant")
    assert (await office.get("/notices?unread=true", "applicant"))["items"] == unread[1:]


async def test_the_time_to_appeal_runs_from_delivery_and_ends_with_its_last_day(office: Office) -> None:
    released = await office.released()
    office.clock.advance(timedelta(days=100))
    filed = await office.appeal(released)
    assert filed["status"] == "open", "nothing was delivered, so no time ran"
    other = await office.released()
    for notice in (await office.get("/notices", "applicant"))["items"]:
        await office.get(f"/notices/{notice['id']}", "applicant")
    office.clock.advance(timedelta(days=62))
    act = {"service": "enforcement", "kind": "decision", "id": other["id"]}
    body = {"act": act, "grounds": "We had no time to read it."}
    refused = await office.post("/appeals", body, "applicant", 201)
    assert (refused["status"], refused["clock"], refused["allowed_actions"]) == ("refused", None, [])


async def test_an_act_of_another_department_is_appealed_here_and_undone_there(office: Office) -> None:
    act = {"service": "registry", "kind": "refusal", "id": str(uuid7())}
    issued = RegistryNoticeIssuedV1.model_validate({
        **RegistryNoticeIssuedV1.EXAMPLE, "act": act, "act_id": act["id"],
        "to": {"identity": OPERATOR_USCC, "name": "Example"},
        "grounds": {**RegistryNoticeIssuedV1.EXAMPLE["grounds"], "case_id": None, "decision_id": None},
    })  # fmt: skip
    await office.hear(issued)
    await office.hear(RegistryNoticeDeliveredV1.model_validate(
        {**RegistryNoticeDeliveredV1.EXAMPLE, "act": act, "act_id": act["id"], "delivered_at": office.clock.now()}
    ))  # fmt: skip
    body = {"act": act, "grounds": "Everything that was missing had been handed in."}
    assert await office.refused("/appeals", {**body, "act": {**act, "service": "approval"}}, "applicant") == (
        404, "unknown_act",
    )  # fmt: skip
    filed = await office.post("/appeals", body, "applicant", 201)
    assert filed["body"]["id"] == "review-110000"
    await office.rings("appeal_decision", filed["id"])
    assert (await office.told(AppealOverdueV1))[-1].act.service == "registry"
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    assert (await office.told(AppealDecidedV1))[-1].outcome == "upheld"
    assert await office.told(DecisionOverturnedV1) == []


async def test_the_last_day_to_appeal_ends_at_midnight_in_beijing_and_not_on_a_day_off(office: Office) -> None:
    released, late = await office.released(), await office.released()
    for each in (released, late):
        await office.opens(each, "decision_released")
    rules = office.api.rt.rules
    until = rules.appeal_until(office.clock.now()).due_at
    assert until.astimezone(rules.time_zone).strftime("%H:%M:%S") == "23:59:59"
    assert rules.calendar.is_working_day(rules.day_of(until))
    office.clock.advance(until - office.clock.now() + timedelta(milliseconds=900))
    await office.appeal(released)
    office.clock.advance(timedelta(milliseconds=200))
    act = {"service": "enforcement", "kind": "decision", "id": late["id"]}
    body = {"act": act, "grounds": "We had no time to read it."}
    assert (await office.post("/appeals", body, "applicant", 201))["status"] == "refused"
    entered = await office.post("/appeals", {**body, "consent": "By a letter of the operator."}, "review-a", 201)
    assert entered["on_behalf"], "the review body may still admit a late one"


async def test_a_decision_that_ended_can_still_be_challenged_and_falls_for_the_record(office: Office) -> None:
    released = await office.released()
    await office.post(f"/decisions/{released['id']}/lift", EASED, "drugs-a")
    filed = await office.appeal(released, asks_for_stay=True)
    await office.post(f"/appeals/{filed['id']}/stay", {"granted": True, **EASED}, "review-a")
    await office.rings("appeal_decision", filed["id"])
    assert (await office.status(released), await office.told(DecisionSuspendedV1)) == ("ended", [])
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    assert await office.status(released) == "overturned"


async def test_a_stay_is_granted_once_and_only_where_there_is_something_to_stay(office: Office) -> None:
    filed = await office.appeal(await office.released(), asks_for_stay=True)
    path = f"/appeals/{filed['id']}/stay"
    refused = await office.post(path, {"granted": False, **EASED}, "review-a")
    assert (refused["stay"], refused["allowed_actions"]) == ("refused", [*TO_DECIDE, "decide_stay", *TO_DO])
    granted = await office.post(path, {"granted": True, **EASED}, "review-a")
    assert (granted["stay"], granted["allowed_actions"]) == ("granted", [*TO_DECIDE, *TO_DO])
    for again in (True, False):
        assert await office.refused(path, {"granted": again, **EASED}, "review-a") == (409, "nothing_to_stay")
    assert len(await office.told(DecisionSuspendedV1)) == 1
    foreign = await _foreign(office)
    path = f"/appeals/{foreign['id']}/stay"
    assert await office.refused(path, {"granted": True, **EASED}, "review-a") == (409, "nothing_to_stay")
    assert (await office.get(f"/appeals/{foreign['id']}", "review-a"))["allowed_actions"] == [*TO_DECIDE, *TO_DO]


async def test_a_review_body_that_is_not_independent_is_not_asked_whatever_an_act_names(office: Office) -> None:
    grounds = RegistryNoticeIssuedV1.EXAMPLE["grounds"]
    own = {**grounds["redress"], "body": grounds["authority"]}
    assert (await _foreign(office, redress=own))["body"]["id"] == "review-110000"


async def test_whom_a_review_vetoed_appeals_against_that_also_when_the_cited_decision_cannot_be_appealed_any_more(
    office: Office,
) -> None:
    cited = await office.released()
    await office.opens(cited, "decision_released")
    office.clock.advance(timedelta(days=200))
    body = {"act": _act(cited), "grounds": "It was never so, as the annex shows."}
    assert (await office.post("/appeals", body, "applicant", 201))["status"] == "refused"
    result = {"service": "registry", "kind": "review_result", "id": str(uuid7())}
    filed = await _foreign(office, act=result, decision_id=cited["id"])
    assert filed["act"] == result, "an act of its own, and no second appeal against the decision"
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    decided = (await office.told(AppealDecidedV1))[-1]
    assert (decided.act.kind, decided.outcome) == ("review_result", "upheld")
    assert await office.told(DecisionOverturnedV1) == []


async def test_whoever_has_a_name_that_was_decided_about_before_appeals_against_that_alone(office: Office) -> None:
    """The decision is about somebody else, and stands for them (ADR 26)."""
    decided = await office.released()
    overlap = {"service": "registry", "kind": "overlap", "id": str(uuid7())}
    filed = await _foreign(office, act=overlap, decision_id=decided["id"], case_id=decided["case_id"])
    assert filed["act"] == overlap
    await office.post(f"/appeals/{filed['id']}/decision", UPHELD, "review-a")
    assert (await office.told(AppealDecidedV1))[-1].act.kind == "overlap"
    assert await office.told(DecisionOverturnedV1) == []


async def test_whoever_appeals_against_an_execution_appeals_against_what_it_carries_out(office: Office) -> None:
    decided = await office.released()
    execution = {"service": "registry", "kind": "execution", "id": str(uuid7())}
    assert (await _foreign(office, act=execution, decision_id=decided["id"]))["act"] == _act(decided)


def _act(decision: dict[str, Any]) -> dict[str, Any]:
    return {"service": "enforcement", "kind": "decision", "id": decision["id"]}


async def _foreign(office: Office, act: dict[str, Any] | None = None, **grounds: Any) -> dict[str, Any]:
    """An appeal against a refusal of the register, or another act of it."""
    act = act or {"service": "registry", "kind": "refusal", "id": str(uuid7())}
    known = {**RegistryNoticeIssuedV1.EXAMPLE["grounds"], "case_id": None, "decision_id": None, **grounds}
    await office.hear(RegistryNoticeIssuedV1.model_validate({
        **RegistryNoticeIssuedV1.EXAMPLE, "act": act, "act_id": act["id"], "grounds": known,
        "to": {"identity": OPERATOR_USCC, "name": "Example"},
    }))  # fmt: skip
    body = {"act": act, "grounds": "Everything that was missing had been handed in."}
    return await office.post("/appeals", body, "applicant", 201)
