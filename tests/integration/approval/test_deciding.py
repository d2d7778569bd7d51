"""What can be done with an approval, by whom and when; and what is told of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from approval.lifecycle import APPROVAL, Action, Status
from approval.service import apply, decide, transfer
from approval.told import FACTS
from local_stack.postgres import EmbeddedPostgres
from shared.contracts.http import approval as bodies
from tests.integration.approval.desk import APPLICATION, BASIS, FINDINGS, OPERATOR, STEPS, WAY_TO, Desk
from tests.support.crash import everything, survives
from tests.support.people import PEOPLE, person

BEFORE = {
    "return": Status.SUBMITTED,
    "resubmission": Status.RETURNED,
    "transfer": Status.SUBMITTED,
    "grant": Status.SUBMITTED,
    "refusal": Status.SUBMITTED,
    "not-required": Status.SUBMITTED,
    "renewal-request": Status.GRANTED,
    "renewal": Status.RENEWING,
    "renewal-refusal": Status.RENEWING,
}
"""Where each step begins."""
AGAIN = {"transfer": 403}
"""What answers a step once it was done, if not 409: then it is on another desk."""
VERBS: dict[str, tuple[Callable[..., Awaitable[Any]], Any]] = {
    "return": (decide.send_back, bodies.Return),
    "resubmission": (apply.resubmit, bodies.Resubmission),
    "transfer": (transfer.transfer, bodies.Transfer),
    "grant": (decide.grant, bodies.Grant),
    "refusal": (decide.refuse, bodies.Refusal),
    "not-required": (decide.find_not_required, bodies.NotRequired),
    "renewal-request": (apply.ask_renewal, bodies.RenewalRequest),
    "renewal": (decide.renew, bodies.Renewal),
    "renewal-refusal": (decide.refuse_renewal, bodies.Refusal),
}


@pytest.mark.parametrize("status", Status)
async def test_the_table_alone_decides_which_steps_succeed(desk: Desk, status: Status) -> None:
    for step, (action, who, _) in STEPS.items():
        approval_id = await desk.at(status)
        before, told = await desk.read(approval_id), await desk.facts(approval_id)
        answer = await desk.do(approval_id, step)
        if APPROVAL.can(status, action):
            assert answer.status_code == 200, answer.text
            assert answer.json()["status"] == APPROVAL.after(status, action)
            reader = "drugs-national-a" if action is Action.TRANSFER else who
            mine = {"allowed_actions": answer.json()["allowed_actions"]}
            assert answer.json() == await desk.read(approval_id, who=reader) | (mine if reader != who else {})
            new = [FACTS[action].TYPE] if action in FACTS else []
            assert [fact for fact, _ in await desk.facts(approval_id)] == [fact for fact, _ in told] + new
            assert (await desk.trail(approval_id))[-1] == (action, status, APPROVAL.after(status, action), who)
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "action_refused"), step
            assert await desk.read(approval_id) == before
            assert await desk.facts(approval_id) == told


@pytest.mark.parametrize("step", STEPS)
async def test_done_twice_the_second_is_refused_and_the_same_post_again_is_answered_the_same(
    desk: Desk, step: str
) -> None:
    approval_id = await desk.at(BEFORE[step])
    first = await desk.do(approval_id, step, key="once")
    assert first.status_code == 200
    again = await desk.do(approval_id, step, key="once")
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (await desk.do(approval_id, step)).status_code == AGAIN.get(step, 409)
    assert (await desk.read(approval_id))["version"] == first.json()["version"]


@pytest.mark.parametrize("step", STEPS)
async def test_only_the_addressee_decides_and_only_the_operator_asks(desk: Desk, step: str) -> None:
    approval_id = await desk.at(BEFORE[step])
    before = await desk.read(approval_id)
    own = PEOPLE[STEPS[step].who]["organisation"]
    mine = {name for name, claims in PEOPLE.items() if claims["organisation"] == own}
    for who in PEOPLE.keys() - mine:
        assert (await desk.do(approval_id, step, who=who)).status_code == 403, who
    for who in mine:
        others: list[dict[str, Any]] = [{"organisation": "91110000MA0THER011"}]
        if who != "applicant":
            others = [
                {"organisation": "healthcare-110000"},
                {"region": "310000"},
                {"region": None},
            ]
        for other in others:
            answer = await desk.do(approval_id, step, who=(who, other))
            assert (answer.status_code, answer.json()["code"]) == (403, "out_of_scope"), other
    assert await desk.read(approval_id) == before
    assert len(await desk.audited("refused")) >= len(PEOPLE)


async def test_what_is_put_to_the_ministry_only_the_ministry_decides(desk: Desk) -> None:
    approval_id = await desk.applied(level="national", region=None)
    assert (await desk.do(approval_id, "grant")).status_code == 403
    granted = await desk.done(approval_id, "grant", who="drugs-national-a")
    assert (granted["authority"]["level"], granted["authority"]["region"]) == ("national", None)
    assert granted["authority"]["names"]["zh"] == "国家食品药品监督管理局"
    assert granted["number"] == "药网械审〔2026〕1号"
    assert granted["decisions"][0]["grounds"]["redress"]["body"]["level"] == "national"


@pytest.mark.parametrize("step", STEPS)
async def test_of_eight_at_once_one_succeeds(desk: Desk, step: str) -> None:
    approval_id = await desk.at(BEFORE[step])
    told = len(await desk.facts(approval_id))
    trail = len(await desk.trail(approval_id))
    answers = await asyncio.gather(*(desk.do(approval_id, step) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [AGAIN.get(step, 409)] * 7
    assert len(await desk.trail(approval_id)) == trail + 1
    assert len(await desk.facts(approval_id)) <= told + 1


async def test_of_eight_who_decide_differently_at_once_one_succeeds(desk: Desk) -> None:
    approval_id = await desk.applied()
    steps = ["grant", "refusal", "not-required", "return"] * 2
    answers = await asyncio.gather(*(desk.do(approval_id, step) for step in steps))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(await desk.trail(approval_id)) == 2


@pytest.mark.parametrize("step", STEPS)
async def test_killed_between_any_two_statements_nothing_is_left(desk: Desk, step: str) -> None:
    approval_id, rt = await desk.at(BEFORE[step]), desk.api.rt
    verb, body = VERBS[step]

    async def act() -> None:
        async with rt.db.transaction() as tx:
            await verb(tx, rt, person(STEPS[step].who), UUID(approval_id), body.model_validate(STEPS[step].body))

    await survives(rt, act)
    assert len(await desk.trail(approval_id)) == len(WAY_TO[BEFORE[step]]) + 2


async def test_an_application_killed_between_any_two_statements_was_never_made(desk: Desk) -> None:
    rt, body = desk.api.rt, bodies.Application.model_validate({**APPLICATION, "domain": "killed.example"})

    async def act() -> None:
        async with rt.db.transaction() as tx:
            await apply.apply(tx, rt, person("applicant"), body)

    await survives(rt, act, least=2)


async def test_on_a_database_that_only_reads_nothing_is_half_done(desk: Desk, postgres: EmbeddedPostgres) -> None:
    approval_id = await desk.applied()
    before = await everything(desk.api.rt)
    admin, name = await asyncpg.connect(postgres.admin_dsn), desk.api.rt.db.dsn.rpartition("/")[2]

    async def reads_only(switch: str) -> None:
        await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {switch}')
        await admin.fetch("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name)

    try:
        await reads_only("on")
        for step in ("grant", "refusal", "return"):
            assert (await desk.do(approval_id, step, key=f"ro-{step}")).status_code >= 500
        assert await everything(desk.api.rt) == before
        await reads_only("off")
    finally:
        await admin.close()
    answers = [(await desk.do(approval_id, "grant", key="ro-grant")).status_code for _ in range(3)]
    assert answers[-1] == 200, answers
    assert (await desk.read(approval_id))["number"] == "京药网械审〔2026〕1号", "no number was lost"


async def test_a_grant_numbers_the_approval_and_tells_it_whole(desk: Desk) -> None:
    approval_id = await desk.applied(domain="pharmacy.example")
    granted = await desk.done(approval_id, "grant")
    authority = {
        "id": "drugs-110000",
        "names": {
            "zh": "北京市药品监督管理局", "en": "Beijing Drug Administration",
        },
        "level": "province",
        "region": "110000",
    }  # fmt: skip
    record = {
        "approval_id": approval_id,
        "version": 2,
        "status": "granted",
        "live": True,
        "operator": OPERATOR,
        "service_item": "drugs_and_devices",
        "domain": "pharmacy.example",
        "level": "province",
        "region": "110000",
        "authority": authority,
        "number": "京药网械审〔2026〕1号",
        "scope": "Medicines",
        "valid_from": "2026-11-02",
        "valid_until": "2029-11-22",
    }
    assert {name: granted[name] for name in record.keys() - {"approval_id"}} | {"approval_id": approval_id} == record
    [decision] = granted["decisions"]
    [(fact, data)] = await desk.facts(approval_id)
    assert (fact, data["approval"]) == ("approval.granted.v1", record)
    assert data["grounds"] == decision["grounds"]
    assert decision["grounds"]["authority"] == authority
    assert decision["grounds"]["redress"]["within_days"] == 60
    assert decision["grounds"]["redress"]["body"]["id"] != authority["id"]


async def test_a_refused_applicant_reads_every_ground_and_what_an_appeal_names(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.done(approval_id, "refusal")
    [decision] = (await desk.read(approval_id, who="applicant"))["decisions"]
    assert decision["findings"] == FINDINGS
    assert (decision["grounds"]["reasons"], decision["grounds"]["legal_basis"]) == (BASIS["reasons"], ["P3.1.3"])
    assert decision["challenge"]["kind"] == "refusal"
    assert decision["grounds"]["redress"]["body"]["names"]["en"] == "Review body of Beijing"
    assert await desk.facts(approval_id) == [], "nobody but the operator is concerned"


async def test_nobody_reads_the_account_of_an_official(desk: Desk) -> None:
    approval_id = await desk.at(Status.RENEWING)
    await desk.done(approval_id, "renewal-refusal")
    text = (await desk.api.get(f"/approvals/{approval_id}", who="applicant")).text
    assert "drugs-a" not in text
    assert "Drugs A" not in text


@pytest.mark.parametrize(
    ("step", "changes", "field"),
    [
        ("grant", {"legal_basis": []}, "legal_basis"),
        ("grant", {"reasons": "because"}, "reasons"),
        ("grant", {"valid_until": "soon"}, "valid_until"),
        ("grant", {"valid_until": "9999-12-31"}, "valid_until"),
        ("grant", {"scope": ""}, "scope"),
        ("grant", {"redress": {}}, "redress"),
        ("refusal", {"findings": []}, "findings"),
        ("refusal", {"findings": [FINDINGS[0], FINDINGS[0]]}, "findings"),
        ("refusal", {"findings": [{"code": "No!", "text": "x"}]}, "findings.0.code"),
        ("not-required", {"legal_basis": "P3"}, "legal_basis"),
        ("return", {"missing": []}, "missing"),
        ("resubmission", {"answer": "here"}, "answer"),
        ("renewal-request", {"valid_until": "9999-12-31"}, "valid_until"),
        ("renewal", {"valid_until": None}, "valid_until"),
    ],
)
async def test_a_step_without_what_it_needs_is_none(desk: Desk, step: str, changes: dict[str, Any], field: str) -> None:
    answer = await desk.do(await desk.at(BEFORE[step]), step, **changes)
    assert answer.status_code == 422, answer.text
    assert answer.json()["fields"][0]["field"] == field


@pytest.mark.parametrize("day", ["2026-11-02", "2020-01-01"])
async def test_an_approval_ends_on_a_day_to_come(desk: Desk, day: str) -> None:
    answer = await desk.do(await desk.applied(), "grant", valid_until=day)
    assert (answer.status_code, answer.json()["code"]) == (422, "validity_too_short")


async def test_numbers_have_no_gaps_even_when_grants_race_and_fail(desk: Desk) -> None:
    """Two officers grant each of ten applications at once; half of the grants lose, and no number is lost with them."""
    approvals = [await desk.applied() for _ in range(10)]
    grants = [desk.do(each, "grant", who=who) for each in approvals for who in ("drugs-a", "drugs-b")]
    answers = await asyncio.gather(*grants)
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [409] * 10
    numbers = {answer.json()["number"] for answer in answers if answer.status_code == 200}
    assert numbers == {f"京药网械审〔2026〕{serial}号" for serial in range(1, 11)}


async def test_numbers_count_per_item_province_and_year_of_beijing(desk: Desk) -> None:
    await desk.done(await desk.applied(), "grant")
    other = await desk.applied(service_item="healthcare")
    health = ("drugs-a", {"organisation": "healthcare-110000"})
    assert (await desk.done(other, "grant", who=health))["number"] == "京卫网审〔2026〕1号"
    shanghai = await desk.applied(region="310000")
    assert (await desk.done(shanghai, "grant", who="shanghai-drugs-a"))["number"] == "沪药网械审〔2026〕1号"
    await desk.travel("2026-12-31T16:00")  # already the new year in Beijing
    assert (await desk.done(await desk.applied(), "grant"))["number"] == "京药网械审〔2027〕1号"


async def test_the_old_way_to_take_an_approval_back_is_gone(desk: Desk) -> None:
    """Burdens are born in a case and nowhere else."""
    approval_id = await desk.at(Status.GRANTED)
    basis = {**BASIS, "evidence_hash": "0" * 64}
    for path in (f"/approvals/{approval_id}/cancellation", f"/applications/{approval_id}/cancellation"):
        assert (await desk.api.post(path, json=basis, who="drugs-a")).status_code == 404
    assert not {Action.END, Action.LAPSE} & {step.action for step in STEPS.values()}


async def test_history_keeps_the_reasons(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.done(approval_id, "refusal", reasons="The applicant named no pharmacist in charge.")
    async with desk.api.rt.db.connection() as tx:
        why = await tx.fetchval(
            "SELECT why FROM history WHERE aggregate_id = $1 AND action = 'refuse'", UUID(approval_id)
        )
    assert why == "The applicant named no pharmacist in charge."


async def test_whoever_refused_it_says_nothing_about_the_letter_that_told_of_it(desk: Desk) -> None:
    await desk.at(Status.REFUSED)
    notice = (await desk.notices())[-1]
    path = f"/notices/{notice['notice_id']}/postal-proof"
    proof = {"address": "1 Example Road", "tracking": "XA 1 CN", "delivered_on": notice["issued_at"][:10]}
    answers = [(await desk.api.post(path, json=proof, who=who)).json() for who in ("drugs-a", "drugs-b")]
    assert (answers[0]["code"], answers[1]["postal_proof"]["confirmed_at"]) == ("second_person_required", None)
