"""Clocks travelled to: a date to correct, an urgent notice, a review body's time, an end (model §5, §6, §8)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from enforcement.consumer import DEADLINES
from shared.contracts.enforcement import AppealOverdueV1, DecisionEndedV1, DecisionSuspendedV1
from shared.runtime.acts import notices
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.enforcement.conftest import EASED, Office, site_recorded
from tests.support.people import at


async def travel(office: Office, to: datetime) -> int:
    """Move the clock on, and let ring what is due of enforcement's own; gives how many rang."""
    office.clock.advance(to - office.clock.now())
    return await TickWorker(office.api.rt, DEADLINES).tick()


async def actions(office: Office, aggregate_id: str) -> list[str]:
    async with office.api.rt.db.connection() as tx:
        rows = await tx.fetch(
            "SELECT action FROM history WHERE aggregate_id = $1::text::uuid ORDER BY id", aggregate_id
        )
    return [row["action"] for row in rows]


async def test_the_date_to_correct_asks_once_and_decides_nothing(office: Office) -> None:
    by = office.clock.now() + timedelta(days=9)
    order = await office.release(await office.draft(await office.case(), "correct", correct_by=by.isoformat()))
    assert await travel(office, by - timedelta(seconds=1)) == 0
    assert await travel(office, by + timedelta(seconds=1)) == 1
    assert await travel(office, by + timedelta(days=9)) == 1, "nobody looked: what was to be done about it is late"
    assert await travel(office, by + timedelta(days=30)) == 0
    assert (await actions(office, order["id"]))[-1] == "ask_about_correction"
    assert await office.status(order) == "released", "a person says whether it was obeyed"


async def _handed_over(office: Office, decision: dict[str, Any]) -> None:
    """A server took the mail, of an address that nobody verified."""
    async with office.api.rt.db.transaction() as tx:
        await tx.execute(
            "UPDATE delivery SET state = 'sent', retry_at = NULL WHERE notice_id IN"
            " (SELECT id FROM notice WHERE about_id = $1::text::uuid)", decision["id"],
        )  # fmt: skip


async def test_an_urgent_measure_whose_notice_reached_nobody_in_a_day_is_suspended(office: Office) -> None:
    ground = next(iter(office.api.rt.rules.urgent_grounds))
    mail = site_recorded(operator={
        **site_recorded().model_dump(mode="json")["operator"], "identity": "91310000MA1FL0ABC1",
        "address_for_service": {"email": "a@b.example"},
    })  # fmt: skip
    end = (office.clock.now() + timedelta(days=20)).isoformat()
    inbox_alone, queued, handed, opened, late = [
        await office.release(
            await office.draft(await office.case(site), "suspend_access", urgent_ground=ground, until=end)
        )
        for site in (
            site_recorded(), mail, site_recorded(operator=mail.operator.model_dump(mode="json")), site_recorded(),
            site_recorded(),
        )
    ]  # fmt: skip
    await _handed_over(office, handed)
    assert await travel(office, office.clock.now() + timedelta(hours=23, minutes=59)) == 0
    await office.opens(opened, "decision_released")
    office.clock.advance(timedelta(minutes=2))
    await office.opens(late, "decision_released")
    assert await travel(office, office.clock.now()) == 5
    decided = (inbox_alone, queued, handed, opened, late)
    assert [await office.status(each) for each in decided] == [
        "suspended", "suspended", "suspended", "released", "suspended",
    ]  # fmt: skip
    facts = await office.told(DecisionSuspendedV1)
    assert {fact.because for fact in facts} == {"notice_late"}
    async with office.api.rt.db.connection() as tx:
        kinds = [each.kind for each in await notices.about(tx, facts[0].decision_id)]
    assert kinds[-1] == "decision_suspended"


async def test_a_notice_that_is_only_deemed_delivered_saves_no_urgent_measure(office: Office) -> None:
    """The worker was down for a week: the clock of the unread notice rings first."""
    ground = next(iter(office.api.rt.rules.urgent_grounds))
    end = (office.clock.now() + timedelta(days=20)).isoformat()
    urgent = await office.release(
        await office.draft(await office.case(), "suspend_access", urgent_ground=ground, until=end)
    )
    async with office.api.rt.db.transaction() as tx:
        for notice in await notices.about(tx, UUID(urgent["id"]), "decision_released"):
            await notices.deem(office.api.rt, tx, notice.id)
    await travel(office, office.clock.now() + timedelta(days=9))
    assert await office.status(urgent) == "suspended"


async def test_a_review_body_that_is_late_suspends_once_and_can_still_decide(office: Office) -> None:
    released = await office.released()
    filed = await office.appeal(released)
    due = datetime.fromisoformat(filed["clock"]["due_at"])
    assert due == at("2027-02-25T15:59:59"), "sixty days, and the last one ends in Beijing"
    assert await travel(office, due) == 1
    assert (await office.status(released), len(await office.told(AppealOverdueV1))) == ("suspended", 1)
    assert (await actions(office, filed["id"])) == ["file", "mark_overdue"]
    shown = await office.get(f"/appeals/{filed['id']}", "applicant")
    assert (shown["status"], shown["clock"]["overdue"]) == ("open", True)
    await office.post(f"/appeals/{filed['id']}/decision", {"outcome": "rejected", **EASED}, "review-a")
    assert await office.status(released) == "suspended", "a rejection revives nothing"


async def test_an_appeal_decided_in_time_has_no_clock_any_more(office: Office) -> None:
    released = await office.released()
    filed = await office.appeal(released)
    await office.post(f"/appeals/{filed['id']}/decision", {"outcome": "rejected", **EASED}, "review-a")
    await travel(office, office.clock.now() + timedelta(days=90))
    assert await office.status(released) == "released"


async def test_what_nobody_carried_out_by_its_end_lapses_there(office: Office) -> None:
    drafted = await office.draft(
        await office.case(), "suspend_access", until=(office.clock.now() + timedelta(days=20)).isoformat()
    )
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=5))
    released = await office.release(drafted)
    assert await travel(office, datetime.fromisoformat(drafted["until"])) == 1
    assert (await office.status(released), (await office.told(DecisionEndedV1))[-1].because) == ("ended", "lapsed")
    assert (await office.notices())[-1] == "decision_lapsed"
