"""What an authority can do with an application, and what it cannot."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from approval import service
from approval.lifecycle import APPLICATION, Action, Status
from shared.runtime.acts import deadlines
from tests.integration.approval.desk import ACTS, Desk
from tests.support.people import OPERATOR_USCC

ACTIONS = {
    "grant": Action.GRANT,
    "refusal": Action.REFUSE,
    "not-required": Action.FIND_NOT_REQUIRED,
    "cancellation": Action.CANCEL,
}
WAY_TO = {
    Status.SUBMITTED: [],
    Status.GRANTED: ["grant"],
    Status.REFUSED: ["refusal"],
    Status.NOT_REQUIRED: ["not-required"],
    Status.CANCELLED: ["grant", "cancellation"],
}
FACT = {
    "grant": "approval.granted.v1",
    "refusal": "approval.refused.v1",
    "not-required": "approval.not_required.v1",
    "cancellation": "approval.cancelled.v1",
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", Status)
async def test_the_table_alone_decides_which_acts_succeed(desk: Desk, status: Status, act: str) -> None:
    application_id = await desk.applied()
    for step in WAY_TO[status]:
        assert (await desk.act(application_id, step)).status_code == 200
    before = await desk.read(application_id)
    answer = await desk.act(application_id, act)
    if APPLICATION.can(status, ACTIONS[act]):
        assert answer.status_code == 200
        assert answer.json()["status"] == APPLICATION.after(status, ACTIONS[act])
        assert answer.json() == await desk.read(application_id)
        facts = [fact for fact, _ in await desk.facts(application_id)]
        assert facts == [FACT[step] for step in [*WAY_TO[status], act]]
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")
        assert answer.json()["allowed_actions"] == [str(each) for each in APPLICATION.allowed(status)]
        assert await desk.read(application_id) == before


async def test_a_grant_numbers_the_approval_and_tells_the_registry(desk: Desk) -> None:
    application_id = await desk.applied(domain="stage.example")
    granted = (await desk.act(application_id, "grant")).json()
    assert granted["approval"] == {
        "number": "culture-110000-2026-000001",
        "scope": "Online performances",
        "valid_until": "2029-11-22",
    }
    assert granted["authority"] == "culture-110000"
    assert granted["version"] == 2
    (decision,) = granted["decisions"]
    assert (decision["action"], decision["decided_by"], decision["legal_basis"]) == ("grant", "culture-a", ["P3.1.3"])
    assert await desk.facts(application_id) == [
        (
            "approval.granted.v1",
            {
                "application_id": application_id,
                "authority": "culture-110000",
                "operator_uscc": OPERATOR_USCC,
                "service_item": "culture",
                "domain": "stage.example",
                "region": "110000",
                "level": "province",
                "number": "culture-110000-2026-000001",
                "scope_of_service": "Online performances",
                "valid_until": "2029-11-22",
            },
        )
    ]
    assert (await desk.trail(application_id))[-1] == ("grant", "submitted", "granted", "culture-a")


async def test_a_cancellation_keeps_number_reasons_and_evidence(desk: Desk) -> None:
    application_id = await desk.applied()
    await desk.act(application_id, "grant")
    cancelled = (await desk.act(application_id, "cancellation", who="culture-b")).json()
    assert cancelled["status"] == "cancelled"
    assert cancelled["approval"]["number"] == "culture-110000-2026-000001"
    assert [each["action"] for each in cancelled["decisions"]] == ["grant", "cancel"]
    assert cancelled["decisions"][1]["redress"]["within_days"] == 60
    assert cancelled["decisions"][1]["evidence_hash"] == "0" * 64
    fact, data = (await desk.facts(application_id))[-1]
    assert (fact, data["number"], data["evidence_hash"]) == (
        "approval.cancelled.v1",
        "culture-110000-2026-000001",
        "0" * 64,
    )


async def test_numbers_have_no_gaps_even_when_grants_race_and_fail(desk: Desk) -> None:
    """Two officers grant each of ten applications at once; half of the grants lose, and no number is lost with them."""
    applications = [await desk.applied() for _ in range(10)]
    grants = [desk.act(each, "grant", who=who) for each in applications for who in ("culture-a", "culture-b")]
    answers = await asyncio.gather(*grants)
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [409] * 10
    numbers = sorted(answer.json()["approval"]["number"] for answer in answers if answer.status_code == 200)
    assert numbers == [f"culture-110000-2026-{serial:06}" for serial in range(1, 11)]


async def test_numbers_count_per_authority_and_year_of_beijing(desk: Desk) -> None:
    await desk.act(await desk.applied(), "grant")
    of_education = ("culture-a", {"organisation": "education-110000"})
    other = await desk.act(await desk.applied(service_item="education"), "grant", who=of_education)
    assert other.json()["approval"]["number"] == "education-110000-2026-000001"
    desk.clock.advance(timedelta(days=59, hours=15))  # 31 December, 16:00 UTC: already the new year in Beijing
    later = await desk.act(await desk.applied(), "grant")
    assert later.json()["approval"]["number"] == "culture-110000-2027-000001"


@pytest.mark.parametrize("who", ["applicant", "regulator-a", "desk-a", "officer", "auditor"])
@pytest.mark.parametrize("act", ACTS)
async def test_only_the_competent_authority_decides(desk: Desk, act: str, who: str) -> None:
    application_id = await desk.applied()
    answer = await desk.act(application_id, act, who=who)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
    assert await desk.refusals() == [(who, "role_missing")]


@pytest.mark.parametrize("elsewhere", [{"organisation": "education-110000"}, {"region": "310000"}])
async def test_an_authority_of_another_category_or_province_is_refused_and_audited(
    desk: Desk, elsewhere: dict[str, object]
) -> None:
    application_id = await desk.applied()
    answer = await desk.act(application_id, "grant", who=("culture-a", elsewhere))
    assert (answer.status_code, answer.json()["code"]) == (403, "out_of_scope")
    assert await desk.refusals() == [("culture-a", "out_of_scope")]
    assert (await desk.read(application_id))["status"] == "submitted"


@pytest.mark.parametrize(
    ("act", "changes", "field"),
    [
        ("grant", {"legal_basis": []}, "legal_basis"),
        ("grant", {"reasons": "because"}, "reasons"),
        ("grant", {"valid_until": "soon"}, "valid_until"),
        ("grant", {"scope": ""}, "scope"),
        ("refusal", {"redress": None}, "redress"),
        ("refusal", {"redress": {"authority": "x", "how": "y", "within_days": 0}}, "redress.within_days"),
        ("not-required", {"legal_basis": "P3"}, "legal_basis"),
        ("cancellation", {"evidence_hash": "F" * 64}, "evidence_hash"),
    ],
)
async def test_a_decision_without_basis_reasons_or_redress_is_none(
    desk: Desk, act: str, changes: dict[str, Any], field: str
) -> None:
    application_id = await desk.applied()
    answer = await desk.act(application_id, act, **changes)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["fields"]] == [field]


@pytest.mark.parametrize("day", ["2026-11-02", "2020-01-01"])
async def test_an_approval_ends_on_a_day_to_come(desk: Desk, day: str) -> None:
    answer = await desk.act(await desk.applied(), "grant", valid_until=day)
    assert (answer.status_code, answer.json()["code"]) == (422, "validity_in_past")


async def test_a_missed_clock_is_marked_once_and_the_application_can_still_be_decided(desk: Desk) -> None:
    late, decided = await desk.applied(), await desk.applied()
    await desk.act(decided, "not-required")
    desk.clock.advance(timedelta(days=29))
    async with asyncio.timeout(10):
        while not (await desk.read(late))["overdue"]:  # noqa: ASYNC110 -- the tick is at work in another task
            await asyncio.sleep(0.1)
    assert (await desk.read(decided))["overdue"] is False
    await asyncio.sleep(1.5)  # the tick comes round again
    assert [move[0] for move in await desk.trail(late)] == ["apply", "mark_overdue"]
    granted = (await desk.act(late, "grant")).json()
    assert (granted["status"], granted["overdue"]) == ("granted", True)


async def test_a_decision_stops_the_clock_and_a_late_tick_does_nothing(desk: Desk) -> None:
    application_id = await desk.applied()
    await desk.act(application_id, "grant")
    rt = desk.api.rt
    async with rt.db.transaction() as tx:
        (clock,) = await deadlines.of(tx, UUID(application_id))
        assert clock.met_at == desk.clock.now()
        await service.mark_overdue(rt, tx, UUID(application_id))
    assert (await desk.read(application_id))["overdue"] is False


async def test_history_keeps_the_reasons(desk: Desk) -> None:
    application_id = await desk.applied()
    await desk.act(application_id, "refusal", reasons="The applicant named no editor in charge.")
    async with desk.api.rt.db.connection() as tx:
        why = await tx.fetchval("SELECT why FROM history WHERE aggregate_id = $1 AND action = 'refuse'", application_id)
    assert why == "The applicant named no editor in charge."
