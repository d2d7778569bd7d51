"""What a provider suspended by itself: told to its operator at once, confirmed by an authority in time, or over."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from enforcement.consumer import DEADLINES
from shared.contracts.access import OrderReleasedV1, OrderWithdrawnV1
from shared.contracts.emergencies import EmergencyConfirmedV1, EmergencyLapsedV1
from shared.contracts.registry import ExecutionDeclinedV1, ExecutionUndoneV1, OperatorRecord, SiteRecordedV1
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.enforcement.complaining import GROUND, confirm, reported, suspended
from tests.integration.enforcement.conftest import EASED, Office, site_recorded
from tests.support.people import SELLER_USCC

HOURS_72 = timedelta(hours=72)


async def emergency(office: Office, name: str) -> tuple[Any, str]:
    """A site that its provider suspended by itself, one hour ago."""
    site = site_recorded(name)
    await office.hear(site)
    fact = reported(office, site)
    await office.hear(fact)
    return site, str(fact.emergency_id)


async def test_whom_it_hits_is_told_at_once_and_the_clock_runs_from_when_the_site_went_dark(office: Office) -> None:
    site, found = await emergency(office, "dark.example")
    assert await office.notices() == ["emergency_reported"]
    (item,) = (await office.get("/notices", "applicant"))["items"]
    notice = (await office.get(f"/notices/{item['id']}", "applicant"))["notice"]
    assert "Example Hosting" in notice["statement"]["reasons"]
    shown = await office.get(f"/emergencies/{found}", "drugs-a")
    assert (shown["status"], shown["site_id"], shown["allowed_actions"]) == ("open", str(site.site_id), ["confirm"])
    due = await office.fetchval("SELECT due_at FROM deadline WHERE kind = 'confirm_emergency'")
    assert due == office.clock.now() - timedelta(hours=1) + HOURS_72
    assert (await office.get(f"/emergencies/{found}", "applicant"))["allowed_actions"] == []
    assert (await office.get("/emergencies", "regulator-a"))["items"][0]["id"] == found
    for stranger in ("seller", "national-a", "shanghai-regulator-a"):
        assert (await office.api.get(f"/emergencies/{found}", who=stranger)).status_code == 403, stranger


async def test_heard_twice_it_is_one(office: Office) -> None:
    site = site_recorded()
    await office.hear(site)
    fact = reported(office, site)
    await office.hear(fact)
    await office.hear(fact)
    assert await office.notices() == ["emergency_reported"]


async def test_nobody_confirmed_it_in_time_so_it_lapses_and_whom_it_hit_is_told(office: Office) -> None:
    site, found = await emergency(office, "lapses.example")
    office.clock.advance(timedelta(hours=71))
    await office.rings("confirm_emergency", found)
    await office.rings("confirm_emergency", found)
    (fact,) = await office.told(EmergencyLapsedV1)
    assert (str(fact.emergency_id), fact.because, fact.site_id) == (found, "not_confirmed", site.site_id)
    assert (await office.get(f"/emergencies/{found}", "drugs-a"))["status"] == "lapsed"
    assert await office.notices() == ["emergency_reported", "emergency_lapsed"]
    assert await confirm(office, found, uuid4(), status=409) == "emergency_over"


async def test_heard_when_its_time_is_over_it_is_told_and_lapses_at_once(office: Office) -> None:
    """The broker was away for longer than an authority has to confirm it."""
    site = site_recorded("late.example")
    await office.hear(site)
    fact = reported(office, site)
    office.clock.advance(timedelta(hours=80))
    await office.hear(fact)
    found = str(fact.emergency_id)
    assert await confirm(office, found, (await suspended(office, site))["id"], status=409) == "emergency_over"
    ticks = TickWorker(office.api.rt, DEADLINES)
    while await ticks.tick():
        pass
    (told,) = await office.told(EmergencyLapsedV1)
    assert (str(told.emergency_id), told.because) == (found, "not_confirmed")
    said = [kind for kind in await office.notices() if kind.startswith("emergency")]
    assert said == ["emergency_reported", "emergency_lapsed"]


async def test_an_authority_confirms_it_by_its_own_released_decision_once(office: Office) -> None:
    site, found = await emergency(office, "confirmed.example")
    decision = await suspended(office, site)
    shown = await confirm(office, found, decision)
    assert (shown["status"], shown["decision_id"]) == ("confirmed", decision["id"])
    assert await confirm(office, found, decision, status=409) == "emergency_confirmed_already"
    (fact,) = await office.told(EmergencyConfirmedV1)
    assert (str(fact.decision_id), fact.authority.id) == (decision["id"], "drugs-110000")
    office.clock.advance(HOURS_72)
    await office.rings("confirm_emergency", found)
    assert await office.told(EmergencyLapsedV1) == []
    open_clocks = "SELECT count(*) FROM deadline WHERE kind = 'confirm_emergency' AND met_at IS NULL"
    assert await office.fetchval(open_clocks) == 0


async def test_what_was_decided_otherwise_or_by_others_confirms_nothing(office: Office) -> None:
    site, found = await emergency(office, "forged.example")
    until = (office.clock.now() + timedelta(days=10)).isoformat()
    urgent = {"until": until, "urgent_ground": "danger_to_life"}
    assert await confirm(office, found, uuid4(), status=409) == "emergency_misfit"

    drafted = await office.draft(await office.case(site, ground=GROUND), "suspend_access", **urgent)
    assert await confirm(office, found, drafted, status=409) == "emergency_misfit", "one person wrote it"
    elsewhere = await suspended(office, site_recorded("elsewhere.example"))
    assert await confirm(office, found, elsewhere, status=409) == "emergency_misfit", "another site"
    for who in ("applicant", "auditor", "review-a"):
        assert await confirm(office, found, elsewhere, who, 403) == "role_missing"
    assert await confirm(office, found, elsewhere, "culture-a", 409) == "emergency_misfit"
    for who in ("shanghai-regulator-a", "national-a"):
        assert await confirm(office, found, elsewhere, who, 403) == "out_of_scope"
    program = ("drugs-a", {"client_id": "drugs-a"})
    assert await confirm(office, found, elsewhere, program, 403) == "person_required"
    assert await office.told(EmergencyConfirmedV1) == []


async def test_an_authority_confirms_by_its_own_decision_alone(office: Office) -> None:
    site, found = await emergency(office, "theirs.example")
    until = (office.clock.now() + timedelta(days=10)).isoformat()
    opened = await office.case(site, who="regulator-a", service_item=None)
    drafted = await office.draft(opened, "suspend_access", "regulator-a", until=until, urgent_ground="danger_to_life")
    released = await office.release(drafted, "regulator-b")
    assert await confirm(office, found, released, status=409) == "emergency_misfit"
    await confirm(office, found, released, "regulator-b")


async def test_a_lifted_decision_and_one_with_another_effect_confirm_nothing(office: Office) -> None:
    site, found = await emergency(office, "effects.example")
    lifted = await suspended(office, site)
    await office.post(f"/decisions/{lifted['id']}/lift", EASED, "drugs-a")
    assert await confirm(office, found, lifted, status=409) == "emergency_misfit"
    correct_by = (office.clock.now() + timedelta(days=20)).isoformat()
    correct = await office.release(await office.draft(await office.case(site), "correct", correct_by=correct_by))
    assert await confirm(office, found, correct, status=409) == "emergency_misfit"


async def test_what_was_decided_before_confirms_nothing_that_came_after(office: Office) -> None:
    site = site_recorded("before.example")
    decision = await suspended(office, site)
    office.clock.advance(timedelta(hours=3))
    fact = reported(office, site)
    await office.hear(fact)
    assert await confirm(office, fact.emergency_id, decision, status=409) == "emergency_misfit"


async def test_after_the_time_nothing_is_confirmed_even_where_the_clock_did_not_ring_yet(office: Office) -> None:
    site, found = await emergency(office, "late.example")
    decision = await suspended(office, site)
    office.clock.advance(timedelta(hours=71))
    assert await confirm(office, found, decision, status=409) == "emergency_over"
    assert await confirm(office, found, uuid4(), status=409) == "emergency_over"


async def test_to_confirm_and_to_lapse_at_once_is_decided_one_way(office: Office) -> None:
    for turn in range(5):
        site, found = await emergency(office, f"race-{turn}.example")
        decision = await suspended(office, site)
        body = {"decision_id": decision["id"]}
        first, second, _ = await asyncio.gather(
            office.api.post(f"/emergencies/{found}/confirmation", json=body, who="drugs-a"),
            office.api.post(f"/emergencies/{found}/confirmation", json=body, who="drugs-b"),
            office.rings("confirm_emergency", found),
        )
        codes = {each.json()["code"] for each in (first, second) if each.status_code != 200}
        assert codes <= {"emergency_over", "emergency_confirmed_already"}, "whoever waited hears how it was decided"
        told = [each for fact in (EmergencyConfirmedV1, EmergencyLapsedV1) for each in await office.told(fact)]
        assert len([each for each in told if str(each.emergency_id) == found]) == 1


@pytest.mark.parametrize("how", ["lifted", "declined", "overturned", "stayed"])
async def test_what_was_confirmed_falls_with_its_decision(office: Office, how: str) -> None:
    site, found = await emergency(office, "falls.example")
    decision = await suspended(office, site)
    await confirm(office, found, decision)
    if how == "lifted":
        await office.post(f"/decisions/{decision['id']}/lift", EASED, "drugs-a")
    elif how == "declined":
        await office.hear(office.says(ExecutionDeclinedV1, decision))
    else:
        appeal = await office.appeal(decision)
        verb, body = ("decision", {"outcome": "upheld"}) if how == "overturned" else ("stay", {"granted": True})
        await office.post(f"/appeals/{appeal['id']}/{verb}", {**body, **EASED}, "review-a")
    (fact,) = await office.told(EmergencyLapsedV1)
    assert (str(fact.emergency_id), fact.because) == (found, "decision_fell")
    assert (await office.get(f"/emergencies/{found}", "applicant"))["ended_because"] == "decision_fell"


async def test_where_the_register_knows_the_site_elsewhere_its_operator_is_told_and_it_is_over(office: Office) -> None:
    """The register may be behind: the site has moved, or its provider stands in front of another one."""
    site = site_recorded("others.example")
    await office.hear(site)
    fact = reported(office, site, provider_id=uuid4())
    await office.hear(fact)
    (refused,) = await office.told(EmergencyLapsedV1)
    assert (refused.emergency_id, refused.because) == (fact.emergency_id, "not_hosted_there")
    assert refused.site_id == site.site_id
    assert await office.notices() == ["emergency_reported"]
    (item,) = (await office.get("/notices", "applicant"))["items"]
    says = (await office.get(f"/notices/{item['id']}", "applicant"))["notice"]["statement"]["reasons"]
    assert "By the register others.example is not hosted by Example Hosting" in says
    assert "ordered to host the site again" in says
    assert fact.reasons in says
    shown = await office.get(f"/emergencies/{fact.emergency_id}", "drugs-a")
    assert (shown["status"], shown["allowed_actions"]) == ("refused", [])
    assert await office.fetchval("SELECT count(*) FROM deadline WHERE kind = 'confirm_emergency'") == 0
    assert await confirm(office, fact.emergency_id, uuid4(), status=409) == "emergency_over"


async def test_a_site_under_several_names_is_dark_for_the_time_of_one(office: Office) -> None:
    site = site_recorded("shop.example", domains=["shop.example", "m.shop.test"])
    await office.hear(site)
    first = reported(office, site)
    await office.hear(first)
    office.clock.advance(timedelta(hours=50))
    second = reported(office, site, host="m.shop.test")
    await office.hear(second)
    for fact in (first, second):
        shown = await office.get(f"/emergencies/{fact.emergency_id}", "drugs-a")
        assert shown["confirm_by"] == first.confirm_by.isoformat().replace("+00:00", "Z")
    office.clock.advance(timedelta(hours=24))
    for fact in (first, second):
        await office.rings("confirm_emergency", str(fact.emergency_id))
    third = reported(office, site, host="m.shop.test")
    await office.hear(third)
    assert [each.because for each in await office.told(EmergencyLapsedV1)] == ["not_confirmed"] * 2 + ["again"]
    elsewhere = reported(office, site, host="m.shop.test", provider_id=uuid4())
    await office.hear(elsewhere)
    assert (await office.told(EmergencyLapsedV1))[-1].because == "not_hosted_there", "another provider's is another's"
    office.clock.advance(timedelta(days=31))
    later = reported(office, site)
    await office.hear(later)
    assert (await office.get(f"/emergencies/{later.emergency_id}", "drugs-a"))["status"] == "open"


async def test_a_name_in_no_register_is_passed_on_by_its_host_and_confirmed_there_alone(office: Office) -> None:
    fact = reported(office, None)
    await office.hear(fact)
    provider = ("provider", {"organisation": str(fact.provider_id), "roles": ["access_provider"]})
    assert await office.notices(provider) == ["emergency_reported"]
    until = (office.clock.now() + timedelta(days=10)).isoformat()

    async def decided(host: str) -> dict[str, Any]:
        about = {"kind": "found_site", "host": host, "provider_id": str(fact.provider_id)}
        opened = await office.post("/cases", {
            "about": about, "ground": GROUND, "alleged_breach": "Sells morphine.", "legal_basis": ["N4.2"],
        }, "regulator-a", 201)  # fmt: skip
        given = {"until": until, "urgent_ground": "danger_to_life"}
        return await office.release(await office.draft(opened, "suspend_access", "regulator-a", **given), "regulator-b")

    other = await decided("other.example")
    assert await confirm(office, fact.emergency_id, other, "regulator-a", 409) == "emergency_misfit"
    await confirm(office, fact.emergency_id, await decided("found.example"), "regulator-a")


async def test_reasons_of_any_length_that_a_provider_may_give_reach_its_operator(office: Office) -> None:
    site = site_recorded("long.example")
    await office.hear(site)
    await office.hear(reported(office, site, reasons="They sell morphine to children. " * 600))
    assert await office.notices() == ["emergency_reported"]


async def test_the_list_goes_by_time_though_the_ids_are_the_providers_choice(office: Office) -> None:
    ids: list[str] = []
    for number, chosen in enumerate(("e", "0", "7")):
        site = site_recorded(f"listed-{number}.example")
        await office.hear(site)
        fact = reported(office, site, emergency_id=UUID(chosen * 8 + str(uuid4())[8:]))
        await office.hear(fact)
        ids.insert(0, str(fact.emergency_id))
        office.clock.advance(timedelta(minutes=1))
    first = await office.get("/emergencies?limit=2", "drugs-a")
    rest = await office.get(f"/emergencies?limit=2&after={first['next']}", "drugs-a")
    assert [each["id"] for each in first["items"] + rest["items"]] == ids


async def test_where_its_decisions_order_is_taken_back_unsent_it_is_over_at_that_provider(office: Office) -> None:
    site, found = await emergency(office, "unsent.example")
    decision = await suspended(office, site)
    await confirm(office, found, decision)
    (report,) = await office.told(EmergencyConfirmedV1)
    made = {**OrderWithdrawnV1.EXAMPLE, "decision_id": decision["id"], "provider_id": report.provider_id}
    for other in ({"provider_id": uuid4()}, {"sequence": 7}):
        await office.hear(OrderWithdrawnV1.model_validate({**made, "order_id": uuid4(), **other}))
    assert (await office.get(f"/emergencies/{found}", "drugs-a"))["status"] == "confirmed"
    unsent = OrderWithdrawnV1.model_validate(made)
    await office.hear(unsent)
    (fact,) = await office.told(EmergencyLapsedV1)
    assert (str(fact.emergency_id), fact.because) == (found, "order_not_sent")
    assert fact.statement.reasons == unsent.reasons
    assert (await office.notices())[-2:] == ["order_not_sent", "emergency_lapsed"]
    await office.post(f"/decisions/{decision['id']}/lift", EASED, "drugs-a")
    assert len(await office.told(EmergencyLapsedV1)) == 1


def restored(found: str, name: str, **changes: Any) -> OrderReleasedV1:
    """access-control ordered its provider to host a name again, whosesoever it is."""
    made = {
        **OrderReleasedV1.EXAMPLE, "order_id": uuid4(), "execution_id": found, "decision_id": found, "hosts": [name],
        "action": "restore", "site_id": None, "undoes": None,
    }  # fmt: skip
    return OrderReleasedV1.model_validate({**made, **changes})


async def test_what_no_order_means_any_more_is_over_and_whoever_has_the_name_by_now_hears_of_it(office: Office) -> None:
    site, name = site_recorded("spared.example"), "blog.spared.example"
    await office.hear(site)
    fact = reported(office, site, host=name)
    await office.hear(fact)
    found = str(fact.emergency_id)
    await confirm(office, found, await suspended(office, site))
    operator = OperatorRecord.model_validate({**SiteRecordedV1.EXAMPLE["operator"], "identity": SELLER_USCC})
    await office.hear(site_recorded(name).model_copy(update={"operator": operator}))
    before = len(await office.notices())
    for other in ({"action": "cut_off"}, {"undoes": uuid4()}, {"execution_id": uuid4()}):
        await office.hear(restored(found, name, **other))
    assert (await office.get(f"/emergencies/{found}", "drugs-a"))["status"] == "confirmed"

    restore = restored(found, name)
    await office.hear(restore)
    await office.hear(restore)
    (told,) = await office.told(EmergencyLapsedV1)
    assert (str(told.emergency_id), told.because) == (found, "not_meant")
    assert restore.public_reasons in told.statement.reasons
    assert (await office.notices())[before:] == ["emergency_lapsed"]
    assert await office.notices("seller") == ["emergency_lapsed"]


async def test_what_nobody_confirmed_or_is_nobody_elses_is_told_once_as_before(office: Office) -> None:
    site, found = await emergency(office, "open.example")
    await office.hear(restored(found, "open.example"))
    assert (await office.get(f"/emergencies/{found}", "drugs-a"))["status"] == "open", (
        "its clock says what becomes of it"
    )
    await confirm(office, found, await suspended(office, site))
    before = len(await office.notices())
    await office.hear(restored(found, "open.example"))
    assert (await office.notices())[before:] == ["emergency_lapsed"], "whose it still is hears it once"
    assert [each.because for each in await office.told(EmergencyLapsedV1)] == ["not_confirmed"]


async def test_where_its_decisions_order_was_taken_back_after_it_went_out_it_is_over_and_told(office: Office) -> None:
    """An objection was upheld, or none came to its provider: the restore is of the site that was decided about."""
    site, found = await emergency(office, "upheld.example")
    await confirm(office, found, await suspended(office, site))
    before = len(await office.notices())
    restore = restored(found, "upheld.example", site_id=site.site_id)
    await office.hear(restore)
    await office.hear(restore)
    assert (await office.get(f"/emergencies/{found}", "drugs-a"))["status"] == "lapsed"
    (told,) = await office.told(EmergencyLapsedV1)
    assert (told.because, restore.public_reasons in told.statement.reasons) == ("order_not_sent", True)
    assert (await office.notices())[before:] == ["emergency_lapsed"]


@pytest.mark.parametrize("undone", [False, True])
async def test_with_what_its_decision_did_it_is_over_whoever_says_so_first(office: Office, *, undone: bool) -> None:
    """The time that was set is over, or an appeal against its execution was won."""
    site, found = await emergency(office, "over.example")
    decision = await suspended(office, site)
    await confirm(office, found, decision)
    await office.executed(decision)
    if undone:
        await office.hear(office.says(ExecutionUndoneV1, decision, because="overturned"))
    else:
        office.clock.advance(datetime.fromisoformat(decision["until"]) - office.clock.now())
    await office.hear(restored(found, "over.example", site_id=site.site_id))
    assert [each.because for each in await office.told(EmergencyLapsedV1)] == ["decision_fell"]


async def test_of_a_name_in_no_register_no_restore_says_whose_it_is(office: Office) -> None:
    site, found = await emergency(office, "nobodys.example")
    await confirm(office, found, await suspended(office, site))
    await office.fetchval("UPDATE emergency SET site_id = NULL RETURNING id")
    await office.hear(restored(found, "nobodys.example"))
    assert (await office.get(f"/emergencies/{found}", "drugs-a"))["status"] == "confirmed", "its decision decides"
