"""What the annual review found becomes a case and nothing else, and falls with the veto (P3.3.6, ADR 10)."""

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from shared.contracts.enforcement import DecisionEndedV1, DecisionIgnoredV1
from shared.contracts.registry import ExecutionReceivedV1, ReviewClearedV1, ReviewVetoedV1, SiteRecordedV1
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import STATED, Office, site_recorded

_MONTH: Final = timedelta(days=60)


def _in_a_month(office: Office) -> str:
    return (office.clock.now() + timedelta(days=59)).isoformat()


def vetoed(site: SiteRecordedV1, decision: dict[str, Any], **changes: Any) -> ReviewVetoedV1:
    return ReviewVetoedV1.model_validate({
        **ReviewVetoedV1.EXAMPLE, "site_id": site.site_id, "decision_id": decision["id"], "case_id": uuid7(),
        "subject_id": uuid7(),
    } | changes)  # fmt: skip


def cleared(fact: ReviewVetoedV1) -> ReviewClearedV1:
    same = {name: getattr(fact, name) for name in ("subject_id", "review_id", "decision_id", "case_id")}
    return ReviewClearedV1.model_validate({**ReviewClearedV1.EXAMPLE, **same})


async def test_a_veto_opens_one_case_at_the_authority_that_decided_with_its_evidence(office: Office) -> None:
    site = site_recorded()
    cited = await office.released("revoke", site)
    fact = vetoed(site, cited)
    await office.hear(fact)
    await office.hear(fact)
    case = await office.get(f"/cases/{fact.case_id}", "drugs-a")
    assert (case["status"], case["ground"], case["decisions"]) == ("open", "unlicensed_service", [])
    before = await office.get(f"/cases/{cited['case_id']}", "drugs-a")
    assert {each["sha256"] for each in case["evidence"]} == {each["sha256"] for each in before["evidence"]}
    assert await office.fetchval("SELECT count(*) FROM enforcement_case WHERE id = $1", fact.case_id) == 1
    assert (await office.api.get(f"/cases/{fact.case_id}", who="applicant")).status_code == 403, "nobody is burdened"


async def test_a_veto_of_what_nobody_here_knows_opens_nothing(office: Office) -> None:
    site = site_recorded()
    cited = await office.released("revoke", site)
    for fact in (vetoed(site_recorded(), cited), vetoed(site, {"id": str(uuid7())})):
        await office.hear(fact)
        assert await office.fetchval("SELECT count(*) FROM enforcement_case WHERE id = $1", fact.case_id) == 0


async def test_when_the_veto_falls_the_case_ends_and_what_was_drafted_is_withdrawn(office: Office) -> None:
    site = site_recorded()
    fact = vetoed(site, await office.released("correct", site, correct_by=_in_a_month(office)))
    await office.hear(fact)
    drafted = await office.draft({"id": str(fact.case_id)}, "revoke")
    await office.hear(cleared(fact))
    assert await office.status(drafted) == "withdrawn"
    case = await office.get(f"/cases/{fact.case_id}", "drugs-a")
    assert (case["status"], case["outcome"]) == ("ended", "discontinued")
    await office.hear(cleared(fact))


async def test_a_veto_that_falls_ends_no_case_that_a_person_opened(office: Office) -> None:
    released = await office.released()
    fact = vetoed(site_recorded(), released, case_id=UUID(released["case_id"]))
    with pytest.raises(ValueError, match="by no veto"):
        await office.hear(cleared(fact))
    assert await office.status(released) == "released"


async def test_when_the_veto_falls_what_was_carried_out_for_it_is_lifted(office: Office) -> None:
    site = site_recorded()
    cited = await office.released("correct", site, correct_by=_in_a_month(office))
    fact = vetoed(site, cited)
    await office.hear(fact)
    drafted = await office.draft({"id": str(fact.case_id)}, "revoke")
    await office.cured(drafted)
    decision = await office.release(drafted)
    await office.executed(decision)
    assert await office.status(decision) == "executed"
    await office.hear(cleared(fact))
    assert await office.status(decision) == "ended"
    ended = (await office.told(DecisionEndedV1))[-1]
    assert (ended.decision_id, ended.because) == (UUID(decision["id"]), "lifted"), "the register undoes it exactly"


@pytest.mark.parametrize("through", ["a request", "a request and a transfer", "a transfer and a request"])
async def test_what_rests_on_a_veto_through_a_request_to_the_regulator_falls_with_it(
    office: Office, through: str
) -> None:
    site = site_recorded()
    fact = vetoed(site, await office.released("correct", site, correct_by=_in_a_month(office)))
    await office.hear(fact)
    case, asker = {"id": str(fact.case_id)}, "drugs-a"
    if through == "a transfer and a request":
        body = {"to": "culture-110000", "service_item": "culture", **STATED}
        case = {"id": (await office.post(f"/cases/{case['id']}/transfer", body, asker))["continues_as"]}
        asker = "culture-a"
    documents = [await office.file(case["id"], b"The review.", asker)]
    body = {"asks": "suspend_access", "documents": documents, **STATED}
    asked = await office.post(f"/cases/{case['id']}/regulator-requests", body, asker, 201)
    accepted = await office.post(f"/regulator-requests/{asked['id']}/acceptance", STATED, "regulator-a")
    led_to, first, second = {"id": accepted["leads_to"]}, "regulator-a", "regulator-b"
    if through == "a request and a transfer":
        body = {"to": "industry", **STATED}
        led_to = {"id": (await office.post(f"/cases/{led_to['id']}/transfer", body, first))["continues_as"]}
        first, second = "national-a", "national-b"
    until = (office.clock.now() + timedelta(days=30)).isoformat()
    drafted = await office.draft(led_to, "suspend_access", first, until=until)
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=5))
    decision = await office.release(drafted, second)
    await office.hear(office.says(ExecutionReceivedV1, decision))
    await office.hear(cleared(fact))
    assert await office.status(decision) == "ended", "nothing outlives the veto that it rests on"
    ended = (await office.told(DecisionEndedV1))[-1]
    assert (ended.decision_id, ended.because) == (UUID(decision["id"]), "lifted"), "the register undoes it exactly"
    assert (await office.notices())[-1] == "decision_lifted"
    left = await office.get(f"/cases/{led_to['id']}", first)
    assert (left["status"], left["outcome"]) == ("ended", "discontinued")


async def test_a_request_accepted_while_the_veto_falls_leaves_no_case(office: Office) -> None:
    site = site_recorded()
    fact = vetoed(site, await office.released("correct", site, correct_by=_in_a_month(office)))
    await office.hear(fact)
    documents = [await office.file(str(fact.case_id), b"The review.")]
    body = {"asks": "suspend_access", "documents": documents, **STATED}
    asked = await office.post(f"/cases/{fact.case_id}/regulator-requests", body, "drugs-a", 201)
    path = f"/regulator-requests/{asked['id']}/acceptance"
    answer, _ = await asyncio.gather(office.api.post(path, json=STATED, who="regulator-a"), office.hear(cleared(fact)))
    assert answer.status_code in {200, 409}
    open_now = "SELECT count(*) FROM enforcement_case WHERE status = 'open' AND alleged_breach LIKE 'Annual review%'"
    assert await office.fetchval(open_now) == 0


async def test_an_ignored_order_is_told_to_the_register_once(office: Office) -> None:
    decision = await office.released("correct", correct_by=_in_a_month(office))
    await office.opens(decision, "decision_released")
    office.clock.advance(_MONTH)
    await office.post(f"/decisions/{decision['id']}/correction", await office.ignored(decision), "drugs-c")
    [told] = await office.told(DecisionIgnoredV1)
    assert (told.decision_id, told.effect) == (UUID(decision["id"]), "correct")
