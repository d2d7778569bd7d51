"""An appeal against a refusal that is upheld, or late, puts the question back on the desk (model §6)."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from approval.lifecycle import Status
from shared.contracts.base import Fact
from shared.contracts.notices import ApprovalNoticeIssuedV1
from tests.integration.approval.desk import OPERATOR, Desk
from tests.support.crash import survives
from tests.support.people import at


async def refusal(desk: Desk, approval_id: str) -> dict[str, Any]:
    """What an appeal against the last decision names."""
    challenge: dict[str, Any] = (await desk.read(approval_id))["decisions"][-1]["challenge"]
    return challenge


async def test_what_is_told_of_a_refusal_names_whoever_had_a_hand_in_it(desk: Desk) -> None:
    approval_id = await desk.at(Status.REFUSED)
    async with desk.api.rt.db.connection() as tx:
        sql = "SELECT convert_from(value, 'UTF8')::jsonb -> 'data' -> 'took_part' FROM outbox WHERE type = $1"
        told = await tx.fetchval(sql, ApprovalNoticeIssuedV1.TYPE)
    assert len(told) > 1
    assert set(told) == {who for _, _, _, who in await desk.trail(approval_id)}, "who asked, and who refused"


@pytest.mark.parametrize("how", ["won", "late"])
async def test_a_refusal_that_fell_is_decided_anew_with_a_fresh_clock(desk: Desk, how: str) -> None:
    approval_id = await desk.at(Status.REFUSED)
    act = await refusal(desk, approval_id)
    await desk.travel("2026-12-01T01:00")
    await desk.hear(getattr(desk, how)(act))
    again = await desk.read(approval_id)
    assert (again["status"], again["overdue"], again["clock"]["met_at"]) == ("resubmitted", False, None)
    assert at(again["clock"]["due_at"]) == at("2026-12-29T15:59:59"), "twenty working days from now"
    assert again["decisions"][0]["undone_why"], "the refusal and why it fell stay readable"
    assert again["authority"] is None
    assert (await desk.do(approval_id, "return")).status_code == 409, "it was asked long enough"
    assert (await desk.done(approval_id, "grant"))["status"] == "granted"


async def test_an_appeal_that_is_lost_changes_nothing(desk: Desk) -> None:
    approval_id = await desk.at(Status.REFUSED)
    before = await desk.read(approval_id)
    await desk.hear(desk.won(await refusal(desk, approval_id), outcome="rejected"))
    assert await desk.read(approval_id) == before


async def test_told_twice_or_first_late_and_then_won_it_falls_once(desk: Desk) -> None:
    approval_id = await desk.at(Status.REFUSED)
    act = await refusal(desk, approval_id)
    await asyncio.gather(*(desk.hear(desk.late(act)) for _ in range(8)))
    await desk.done(approval_id, "refusal")
    await desk.hear(desk.won(act))
    assert (await desk.read(approval_id))["status"] == "refused", "the second refusal is another act"
    assert await refusal(desk, approval_id) != act, "and can be challenged as such"
    await desk.hear(desk.won(await refusal(desk, approval_id)))
    assert (await desk.read(approval_id))["status"] == "resubmitted"


async def test_an_operator_who_applied_again_has_one_question_on_the_desk(desk: Desk) -> None:
    first = await desk.at(Status.REFUSED, domain="twice.example")
    second = await desk.applied(domain="twice.example")
    await desk.hear(desk.won(await refusal(desk, first)))
    assert [(await desk.read(each))["status"] for each in (first, second)] == ["refused", "submitted"]
    assert (await desk.read(first))["decisions"][0]["undone_at"] is not None


async def test_a_refusal_that_falls_while_the_operator_applies_anew_leaves_one_question_open(desk: Desk) -> None:
    for n in range(6):
        domain = f"race{n}.example"
        first = await desk.at(Status.REFUSED, domain=domain)
        act = await refusal(desk, first)
        answers = await asyncio.gather(
            desk.hear(desk.won(act)), *(desk.apply(domain=domain) for _ in range(4)), desk.hear(desk.won(act))
        )
        filed = [each.status_code for each in answers if each is not None].count(201)
        assert filed == ((await desk.read(first))["status"] == "refused"), "one or the other, and nothing fails"


@pytest.mark.parametrize("lapsed", [False, True])
async def test_a_refused_renewal_that_fell_is_on_the_desk_again_and_in_force_meanwhile(
    desk: Desk, lapsed: bool
) -> None:
    approval_id = await desk.at(Status.RENEWING)
    await desk.done(approval_id, "renewal-refusal")
    act = await refusal(desk, approval_id)
    if lapsed:
        await desk.travel("2030-01-01T00:00")
    await desk.hear(desk.won(act))
    again = await desk.read(approval_id)
    assert (again["status"], again["live"], again["renewal_until"]) == ("renewing", True, "2031-10-22")
    assert (await desk.facts(approval_id))[-1][0] == "approval.reinstated.v1"
    assert (await desk.done(approval_id, "renewal"))["valid_until"] == "2031-10-22"


@pytest.mark.parametrize(
    "changes",
    [{"kind": "renewal_refusal"}, {"service": "registry"}, {"id": str(uuid4())}],
)
async def test_an_appeal_against_something_else_opens_nothing(desk: Desk, changes: dict[str, Any]) -> None:
    approval_id = await desk.at(Status.REFUSED)
    act = await refusal(desk, approval_id) | changes
    for fact in (desk.won(act), desk.late(act)):
        await desk.hear(fact)
    assert (await desk.read(approval_id))["status"] == "refused"


async def test_an_appeal_naming_a_consent_or_the_decision_of_a_case_opens_nothing(desk: Desk) -> None:
    approval_id = await desk.at(Status.ENDED)
    ended = (await desk.read(approval_id))["decisions"][-1]
    act = {**ended["challenge"], "service": "approval"}
    await desk.hear(desk.won(act))
    assert (await desk.read(approval_id))["status"] == "ended"


async def test_reopening_killed_between_any_two_statements_did_nothing(desk: Desk) -> None:
    approval_id = await desk.at(Status.REFUSED)
    fact: Fact = desk.won(await refusal(desk, approval_id))
    await survives(desk.api.rt, desk.hearing(fact))
    assert (await desk.read(approval_id))["status"] == "resubmitted"


async def test_the_operator_is_told_of_everything_it_did_not_do_itself(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED, email="desk@pharmacy.example")
    await desk.travel("2029-10-23T16:00")
    decision = desk.ending(approval_id)
    await desk.hear(decision)
    await desk.hear(desk.overturned(decision.decision_id))
    await desk.travel("2029-11-23T00:00")
    returned = await desk.at(Status.RETURNED)
    await desk.done(returned, "resubmission")
    await desk.done(returned, "refusal")
    await desk.hear(desk.won(act := await refusal(desk, returned)))
    told = await desk.notices()
    assert [each["kind"] for each in told] == [
        "granted_for_less", "lapsing", "ended", "reinstated", "lapsed", "returned", "refused", "reopened",
    ]  # fmt: skip
    assert {each["to"]["identity"] for each in told} == {OPERATOR["identity"]}
    challenged = [(each["kind"], each["about"]) for each in told if each["grounds"] is not None]
    less = (await desk.read(approval_id))["decisions"][0]["challenge"]
    assert challenged == [("granted_for_less", less), ("refused", act)], "only what can be challenged carries grounds"
    assert "certificates" not in told[5]["statement"]["reasons"]
    assert "No pharmacist is in charge." in told[5]["statement"]["reasons"], "all that is missing is said"
    async with desk.api.rt.db.connection() as tx:
        issued = await tx.fetch("SELECT key FROM outbox WHERE type = 'approval_notice.issued.v1' ORDER BY id")
        mailed = await tx.fetch("SELECT DISTINCT address, verified FROM delivery")
    assert [row["key"] for row in issued] == [less["id"], act["id"]]
    assert [tuple(row) for row in mailed] == [("desk@pharmacy.example", False)], "nobody has verified it"


async def test_a_return_of_more_than_a_notice_holds_is_told_as_far_as_it_goes(desk: Desk) -> None:
    approval_id = await desk.applied()
    missing = [{"code": f"paper_{chr(97 + n // 26)}{chr(97 + n % 26)}", "text": "x" * 500} for n in range(50)]
    await desk.done(approval_id, "return", missing=missing)
    [told] = await desk.notices()
    assert told["statement"]["reasons"].endswith("The application shows all of it.")
