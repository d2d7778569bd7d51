"""What nobody gets around on the approval desk, tried one by one: the guards that no other test would miss."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from approval import store
from approval.consumer import DEADLINES
from approval.lifecycle import Status
from approval.service import files
from approval.store import DECISION_CLOCK
from approval.store import paper as papers
from shared.contracts.enforcement import AppealDecidedV1
from shared.runtime.base.ids import uuid7
from tests.integration.approval.desk import Desk
from tests.integration.approval.test_appeals import refusal
from tests.integration.approval.test_files import PAGE, SHA256, hand_in
from tests.integration.approval.test_paper import confirm, enter, entered, why
from tests.integration.approval.test_transfer import refused

HERE = {"level": "province", "region": "110000"}


# --- what a decision in a case ended ---------------------------------------------------------------------------------


async def refused_and_lapsed(desk: Desk) -> tuple[str, dict[str, Any]]:
    """An approval whose renewal was refused and whose last day is over, and what an appeal names."""
    approval_id = await desk.at(Status.RENEWING)
    await desk.done(approval_id, "renewal-refusal")
    await desk.travel("2030-01-01T00:00")
    return approval_id, await refusal(desk, approval_id)


async def test_a_lapsed_one_that_a_decision_ends_is_in_force_by_no_appeal_against_something_else(desk: Desk) -> None:
    approval_id, act = await refused_and_lapsed(desk)
    await desk.hear(desk.ending(approval_id, decision_id := uuid7()))
    told = await desk.facts(approval_id)
    await desk.hear(desk.won(act))
    now = await desk.read(approval_id)
    assert (now["status"], now["live"], now["decisions"][-2]["undone_at"] is not None) == ("lapsed", False, True)
    assert await desk.facts(approval_id) == told, "nobody hears that it is in force"
    await desk.hear(desk.overturned(decision_id))
    now = await desk.read(approval_id)
    assert (now["status"], now["renewal_until"]) == ("renewing", "2031-10-22"), "and what the appeal won is not lost"
    told_now = (await desk.notices())[-1]
    won = AppealDecidedV1.EXAMPLE["statement"]["reasons"]
    assert (told_now["kind"], told_now["statement"]["reasons"]) == ("reopened", won)


async def test_a_lapsed_one_stays_lapsed_when_the_decision_about_it_falls(desk: Desk) -> None:
    approval_id, _ = await refused_and_lapsed(desk)
    first, second = uuid7(), uuid7()
    await desk.hear(desk.ending(approval_id, first))
    await desk.hear(desk.ending(approval_id, second))
    told = await desk.facts(approval_id), await desk.notices()
    for decision_id in (first, second):
        await desk.hear(desk.overturned(decision_id))
        assert (await desk.read(approval_id))["status"] == "lapsed"
    assert (await desk.facts(approval_id), await desk.notices()) == told


@pytest.mark.parametrize("over", [False, True])
async def test_a_refusal_that_falls_while_a_decision_stands_is_decided_anew_when_that_falls(
    desk: Desk, over: bool
) -> None:
    approval_id = await desk.at(Status.RENEWING)
    await desk.done(approval_id, "renewal-refusal")
    act = await refusal(desk, approval_id)
    first, second = uuid7(), uuid7()
    await desk.hear(desk.ending(approval_id, first))
    await desk.hear(desk.ending(approval_id, second))
    await desk.hear(desk.won(act))
    assert (await desk.read(approval_id))["status"] == "ended"
    if over:
        await desk.travel("2030-01-01T00:00")
    await desk.hear(desk.overturned(first))
    assert (await desk.read(approval_id))["status"] == "ended", "the other one stands"
    await desk.hear(desk.overturned(second))
    now = await desk.read(approval_id)
    assert (now["status"], now["renewal_until"], now["clock"]["met_at"]) == ("renewing", "2031-10-22", None)
    assert (await desk.done(approval_id, "renewal"))["valid_until"] == "2031-10-22"


@pytest.mark.parametrize("renewed", [False, True])
async def test_a_refusal_that_falls_after_the_operator_asked_again_puts_nothing_back(desk: Desk, renewed: bool) -> None:
    approval_id = await desk.at(Status.RENEWING)
    await desk.done(approval_id, "renewal-refusal")
    act = await refusal(desk, approval_id)
    await desk.done(approval_id, "renewal-request", valid_until="2031-11-01")
    if renewed:
        await desk.done(approval_id, "renewal", valid_until="2031-11-01")
    before = await desk.read(approval_id)
    await desk.hear(desk.won(act))
    now = await desk.read(approval_id)
    assert (now["status"], now["renewal_until"]) == (before["status"], before["renewal_until"])
    assert [each["undone_at"] is not None for each in now["decisions"]][:2] == [False, True]


# --- what clocks bring about -----------------------------------------------------------------------------------------


async def test_while_its_renewal_is_on_the_desk_nobody_is_warned_and_nothing_lapses(desk: Desk) -> None:
    approval_id = await desk.at(Status.RENEWING)
    await desk.travel("2029-10-23T16:00")
    await desk.travel("2030-01-01T00:00")
    await desk.travel("2030-01-01T00:00")
    assert (await desk.read(approval_id))["status"] == "renewing"
    assert [each["kind"] for each in await desk.notices()] == ["granted_for_less"]
    async with desk.api.rt.db.connection() as tx:
        assert await tx.fetchval("SELECT count(*) FROM deadline WHERE error IS NOT NULL") == 0


async def test_a_clock_that_rings_twice_says_once_that_the_authority_is_late(desk: Desk) -> None:
    approval_id = await desk.applied()
    for _ in range(2):
        async with desk.api.rt.db.transaction() as tx:
            await DEADLINES[DECISION_CLOCK](desk.api.rt, tx, UUID(approval_id))
    assert [step[0] for step in await desk.trail(approval_id)] == ["apply", "mark_overdue"]


async def test_the_notice_of_a_return_says_on_what_basis_and_all_of_it(desk: Desk) -> None:
    await desk.at(Status.RETURNED)
    [told] = await desk.notices()
    assert told["statement"]["legal_basis"] == ["P3.1.3, ALL §42"]
    assert told["statement"]["reasons"].endswith("kept cold on the way.")


# --- in the wrong state, by the wrong person -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.RETURNED, Status.GRANTED])
async def test_what_cannot_be_forwarded_is_refused_as_such_wherever_it_was_to_go(desk: Desk, status: Status) -> None:
    assert await refused(desk, await desk.at(status), **HERE) == (409, "action_refused")


async def test_what_was_confirmed_is_refused_as_such(desk: Desk) -> None:
    paper_id = await entered(desk)
    await confirm(desk, paper_id)
    assert why(await confirm(desk, paper_id)) == (409, "action_refused")


@pytest.mark.parametrize("who", ["applicant", "regulator-a", "shanghai-drugs-a", "culture-a"])
async def test_nobody_withdraws_an_entry_of_another_authority(desk: Desk, who: str) -> None:
    paper_id = await entered(desk)
    body = {"reasons": "It was entered for the wrong operator."}
    answer = await desk.api.post(f"/paper-approvals/{paper_id}/withdrawal", json=body, who=who)
    assert answer.status_code == 403


async def test_an_entry_or_an_approval_that_is_not_there_is_not_found(desk: Desk) -> None:
    body = {"reasons": "It was entered for the wrong operator."}
    nobody, path = str(uuid4()), "/paper-approvals"
    assert why(await desk.api.get(f"{path}/{nobody}", who="drugs-a")) == (404, "unknown_paper")
    assert why(await confirm(desk, nobody)) == (404, "unknown_paper")
    assert why(await desk.api.post(f"{path}/{nobody}/withdrawal", json=body, who="drugs-a")) == (404, "unknown_paper")
    assert why(await hand_in(desk, nobody)) == (404, "unknown_approval")
    assert why(await desk.api.get(f"/approvals/{nobody}/files/{SHA256}", who="applicant")) == (404, "unknown_approval")


# --- files -----------------------------------------------------------------------------------------------------------


async def test_of_whom_nothing_is_taken_not_a_byte_is_kept(desk: Desk) -> None:
    kept = Path(desk.api.rt.settings.files_store) / SHA256[:2]
    assert why(await hand_in(desk, await desk.applied(), who="seller")) == (403, "out_of_scope")
    assert why(await hand_in(desk, await desk.at(Status.GRANTED))) == (409, "action_refused")
    assert not kept.exists()
    await hand_in(desk, await desk.applied())
    assert kept.exists()


async def test_what_was_decided_while_a_file_came_in_takes_none_not_even_one_it_has(desk: Desk) -> None:
    approval_id = await desk.applied()
    await hand_in(desk, approval_id)

    async def slowly() -> AsyncIterator[bytes]:
        yield PAGE[:3]
        await desk.done(approval_id, "grant")
        yield PAGE[3:]

    assert why(await hand_in(desk, approval_id, content=slowly())) == (409, "action_refused")


async def test_no_application_needs_more_files_than_that(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 1)
    approval_id = await desk.applied()
    assert (await hand_in(desk, approval_id)).status_code == 201
    assert why(await hand_in(desk, approval_id, content=b"another")) == (409, "too_many_files")


async def test_of_two_files_the_one_that_is_asked_for_is_given_out(desk: Desk) -> None:
    approval_id = await desk.applied()
    await hand_in(desk, approval_id, content=b"another", headers={"Content-Type": "text/plain"})
    await hand_in(desk, approval_id)
    given = await desk.api.get(f"/approvals/{approval_id}/files/{SHA256}", who="applicant")
    assert (given.content, given.headers["content-type"]) == (PAGE, "application/pdf")


# --- this very moment ------------------------------------------------------------------------------------------------


async def test_of_what_another_decided_or_withdrew_this_very_moment_one_tries_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the insert that finds the other and the look for its id, the other is gone."""

    async def gone(*_: object) -> None:
        return None

    await desk.applied(domain="twice.example")
    await entered(desk, domain="paper.example")
    monkeypatch.setattr(store, "pending", gone)
    monkeypatch.setattr(papers, "same_number", gone)
    for answer in (await desk.apply(domain="twice.example"), await enter(desk, domain="paper.example")):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_of_a_confirmation_and_an_application_at_once_the_applicant_is_told_of_the_other(desk: Desk) -> None:
    for n in range(6):
        domain, number = f"race{n}.example", f"第 {n} 号"
        paper_id = await entered(desk, domain=domain, paper_number=number)
        done, *asked = await asyncio.gather(
            confirm(desk, paper_id, paper_number=number), *(desk.apply(domain=domain) for _ in range(4))
        )
        assert all(each.status_code in {201, 409} for each in asked)
        assert done.status_code == 200 or why(done) == (409, "approval_pending")
