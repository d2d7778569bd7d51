"""Clocks travelled to: a date to correct, an urgent notice, a review body's time, an end (model §5, §6, §8)."""

from datetime import datetime, timedelta

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
    assert await travel(office, by + timedelta(days=9)) == 0
    assert (await actions(office, order["id"]))[-1] == "ask_about_correction"
    assert await office.status(order) == "released", "a person says whether it was obeyed"


async def test_an_urgent_measure_whose_notice_was_not_handed_over_in_a_day_is_suspended(office: Office) -> None:
    ground = next(iter(office.api.rt.rules.urgent_grounds))
    reachable, mail = site_recorded(), site_recorded(operator={
        **site_recorded().model_dump(mode="json")["operator"], "identity": "91310000MA1FL0ABC1",
        "address_for_service": {"email": "a@b.example"},
    })  # fmt: skip
    end = (office.clock.now() + timedelta(days=20)).isoformat()
    told, untold, handed = [
        await office.release(
            await office.draft(await office.case(site), "suspend_access", urgent_ground=ground, until=end)
        )
        for site in (reachable, mail, site_recorded(operator=mail.operator.model_dump(mode="json")))
    ]
    async with office.api.rt.db.transaction() as tx:
        await tx.execute(
            "UPDATE delivery SET state = 'sent', retry_at = NULL WHERE notice_id IN"
            " (SELECT id FROM notice WHERE about_id = $1::text::uuid)", handed["id"],
        )  # fmt: skip
    assert await travel(office, office.clock.now() + timedelta(hours=23, minutes=59)) == 0
    assert await travel(office, office.clock.now() + timedelta(minutes=2)) == 3
    assert [await office.status(each) for each in (told, untold, handed)] == ["released", "suspended", "released"]
    [fact] = await office.told(DecisionSuspendedV1)
    assert (fact.because, str(fact.decision_id)) == ("notice_late", untold["id"])
    async with office.api.rt.db.connection() as tx:
        kinds = [each.kind for each in await notices.about(tx, fact.decision_id)]
    assert kinds[-1] == "decision_suspended"


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
