"""What a proposal changes field by field, and from which day: granted it waits, and is asked about again then."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import effective
from registry.service.proposing import DECISION
from shared.contracts.registry import SiteRecordedV1
from tests.integration.registry.conftest import GRANT, STATEMENT, Register, a_site, access, domain, owner, uscc
from tests.support.people import OPERATOR_USCC

WHY = {"reasons": "We close this shop for good."}
DAY = "2026-12-10"
"""Two weeks after the tests' today."""


async def _granted(register: Register, site: dict[str, Any], to: dict[str, Any]) -> dict[str, Any]:
    """A change of a site that waits for its day."""
    proposed = await register.propose(site, {**to, "effective_from": DAY}, owner(OPERATOR_USCC))
    return await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")


async def _read(register: Register, amendment: dict[str, Any]) -> dict[str, Any]:
    return await register.get(f"/amendments/{amendment['id']}", "regulator-a")


def _changes(amendment: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["from"], each["to"]) for each in amendment["changes"]}


async def _at_desk(register: Register, amendment: dict[str, Any]) -> None:
    """The day comes: what the clock does then."""
    await register.ring(effective.EFFECT, amendment["id"])


# --- field by field --------------------------------------------------------------------------------------------------


async def test_a_change_is_shown_field_by_field_in_the_spelling_of_the_register(register: Register) -> None:
    old, new = domain(), domain()
    site = (await register.active(a_site(old), OPERATOR_USCC))["sites"][0]
    to = a_site(old, domains=[old.upper(), f"{new}."], accesses=[access("198.18.0.10")])
    proposed = await register.propose(site, to, owner())
    assert _changes(proposed) == {"domains": ([old], [old, new])}, "what is only spelled otherwise is no change"
    later = await register.get(f"/operators/{site['operator_id']}", owner())
    named = await register.post(
        f"/operators/{site['operator_id']}/amendments",
        {"particulars": {"name": "Better Ltd", "domicile": "1 Example Road"}, "reasons": "A new name."}, owner(), 201,
        headers={"If-Match": f'"{later["version"]}"'},
    )  # fmt: skip
    assert _changes(named) == {
        "name": ("Example Pharmacy Ltd", "Better Ltd"), "domicile": (None, "1 Example Road"),
    }  # fmt: skip
    further = await register.post(f"/registrations/{site['registration_id']}/sites", a_site(domain()), owner(), 201)
    assert _changes(further)["name"] == (None, "Pharmacy")


@pytest.mark.parametrize("way", ["grant", "refusal", "withdrawal"])
async def test_what_was_decided_reads_the_same_years_later(register: Register, way: str) -> None:
    old, new = domain(), domain()
    site = (await register.active(a_site(old), OPERATOR_USCC))["sites"][0]
    proposed = await register.propose(site, a_site(new), owner())
    said = {"grant": GRANT, "refusal": {"statement": STATEMENT}, "withdrawal": WHY}[way]
    who = owner() if way == "withdrawal" else "regulator-a"
    decided = await register.post(f"/amendments/{proposed['id']}/{way}", said, who)
    assert _changes(decided) == {"domains": ([old], [new])}
    register.clock.advance(timedelta(days=3 * 365))
    moved = await register.propose(site, a_site(domain(), name="Another name"))
    await register.post(f"/amendments/{moved['id']}/grant", GRANT, "regulator-a")
    await register.post(f"/sites/{site['id']}/deregistration", WHY, owner())
    assert (await _read(register, proposed))["changes"] == decided["changes"]
    assert (await _read(register, proposed))["holds"] == decided["holds"]


# --- from a day on ---------------------------------------------------------------------------------------------------


async def test_what_is_granted_for_a_day_holds_from_that_day_and_not_before(register: Register) -> None:
    old, new = domain(), domain()
    site = (await register.active(a_site(old), OPERATOR_USCC))["sites"][0]
    waiting = await _granted(register, site, a_site(new, name="Better Pharmacy"))
    assert (waiting["status"], waiting["effective_from"], waiting["clock"]) == ("waiting", DAY, None)
    assert (await register.told(SiteRecordedV1))[-1].domains == (old,)
    assert await register.history(waiting["id"]) == ["propose", "defer"]
    register.clock.advance(timedelta(days=10))
    taken = await register.refused(
        "/registrations", {"operator_id": await register.operator(uscc(1)), "site": a_site(new)}, "regulator-a"
    )
    assert taken["code"] == "not_admitted", "its names are kept for it meanwhile"
    await _at_desk(register, waiting)
    assert register.clock.now().astimezone(register.api.rt.rules.time_zone).isoformat() == f"{DAY}T00:00:00+08:00"
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.domains, told.name) == ((new,), "Better Pharmacy")
    done = await _read(register, waiting)
    assert (done["status"], _changes(done)["domains"]) == ("granted", ([old], [new]))
    assert [kind for kind, _ in await register.notices(waiting["id"])] == ["amendment_granted", "amendment_effective"]
    assert (await register.refused(f"/amendments/{waiting['id']}/withdrawal", WHY, owner()))["code"] == "action_refused"


async def test_a_day_that_has_come_before_anybody_decided_is_no_reason_to_wait(register: Register) -> None:
    site, new = await register.live(OPERATOR_USCC), domain()
    proposed = await register.propose(site, {**a_site(new), "effective_from": DAY}, owner())
    register.clock.advance(timedelta(days=20))
    granted = await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert granted["status"] == "granted"
    assert (await register.told(SiteRecordedV1))[-1].domains == (new,)


@pytest.mark.parametrize(
    ("day", "status"),
    [("2026-11-25", 422), ("2026-11-26", 201), ("2027-02-26", 201), ("2027-02-27", 422), ("2026-02-29", 422)],
)
async def test_a_day_is_today_or_later_and_not_too_far_ahead(register: Register, day: str, status: int) -> None:
    site = await register.live(OPERATOR_USCC)
    problem = await register.propose(site, {**a_site(domain()), "effective_from": day}, owner(), status)
    assert status == 201 or "effective_from" in problem["detail"]


async def test_a_day_is_one_of_the_profiles_time_zone(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    register.clock.advance(timedelta(hours=13))  # 17:00 UTC: the 27th has begun in Shanghai
    await register.propose(site, {**a_site(domain()), "effective_from": "2026-11-26"}, owner(), 422)
    proposed = await register.propose(site, {**a_site(domain()), "effective_from": "2026-11-27"}, owner())
    granted = await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert granted["status"] == "granted"


async def test_the_operator_takes_a_granted_proposal_back_until_it_holds(register: Register) -> None:
    site, new = await register.live(OPERATOR_USCC), domain()
    waiting = await _granted(register, site, a_site(new))
    for who in (owner(uscc(3)), "regulator-a", "national-a"):
        await register.refused(f"/amendments/{waiting['id']}/withdrawal", WHY, who, 403)
    withdrawn = await register.post(f"/amendments/{waiting['id']}/withdrawal", WHY, owner())
    assert withdrawn["status"] == "withdrawn"
    with pytest.raises(AssertionError, match="no clock"):
        await _at_desk(register, waiting)
    async with register.api.rt.db.transaction() as tx:  # a clock that had begun already does nothing
        await effective.take_effect(register.api.rt, tx, UUID(waiting["id"]))
    assert (await register.told(SiteRecordedV1))[-1].domains == tuple(site["domains"])
    await register.active(a_site(new), uscc(1))


async def test_while_one_waits_nothing_else_about_the_same_is_proposed_nor_given_up(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    waiting = await _granted(register, site, a_site(domain()))
    again = await register.propose(site, a_site(domain()), owner(), 409)
    assert (again["code"], again["amendment_id"]) == ("amendment_pending", waiting["id"])
    left = await register.refused(f"/sites/{site['id']}/deregistration", WHY, owner())
    assert left["code"] == "amendment_pending"


async def test_what_no_longer_fits_goes_back_to_the_desk_with_the_grounds_and_nothing_is_done(
    register: Register,
) -> None:
    old, new = domain(), domain()
    await register.approve(OPERATOR_USCC, "drugs_and_devices", old)
    site = (await register.active(a_site(old), OPERATOR_USCC))["sites"][0]
    waiting = await _granted(register, site, a_site(old, domains=[old, new], service_items=["drugs_and_devices"]))
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE approval SET live = false")
    await _at_desk(register, waiting)
    back = await _read(register, waiting)
    assert (back["status"], back["clock"]["overdue"]) == ("proposed", False)
    assert [each["code"] for each in back["returned"]["grounds"]] == ["approval_missing"]
    assert (await register.get(f"/sites/{site['id']}", owner()))["domains"] == [old], "nor half of it"
    assert [kind for kind, _ in await register.notices(waiting["id"])] == ["amendment_granted", "amendment_returned"]
    await register.approve(OPERATOR_USCC, "drugs_and_devices", old)
    granted = await register.post(f"/amendments/{waiting['id']}/grant", GRANT, "regulator-a")
    assert (granted["status"], granted["returned"]) == ("granted", None)
    assert (await register.told(SiteRecordedV1))[-1].service_items == ("drugs_and_devices",)


async def test_what_came_back_is_late_by_its_own_new_clock(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    waiting = await _granted(register, site, a_site(domain(), service_items=["general"], accesses=[access()]))
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE provider SET status = 'ended'")
    await _at_desk(register, waiting)
    await register.ring(DECISION, waiting["id"])
    assert await register.fetchval("SELECT overdue_at FROM amendment WHERE id = $1::text::uuid", waiting["id"])


@pytest.mark.parametrize("already", [False, True])
async def test_a_measure_holds_it_back_and_when_it_is_gone_it_goes_on_by_itself(
    register: Register, *, already: bool
) -> None:
    site, new = await register.live(OPERATOR_USCC), domain()
    waiting = await _granted(register, site, a_site(new))
    decision = await register.decided(site, "suspend_access", until="2027-01-15T00:00:00Z")
    if already:
        await register.carried_out(decision)
    await _at_desk(register, waiting)
    held = await _read(register, waiting)
    assert held["status"] == "waiting"
    assert held["held_at"] is not None
    if not already:
        await register.carried_out(decision)
    assert (await register.told(SiteRecordedV1))[-1].domains == tuple(site["domains"])
    await register.overturned(decision)
    await _at_desk(register, waiting)
    done = await _read(register, waiting)
    assert (done["status"], done["held_at"]) == ("granted", None)
    assert (await register.told(SiteRecordedV1))[-1].domains == (new,)
    kinds = [kind for kind, _ in await register.notices(waiting["id"])]
    assert kinds == ["amendment_granted", "amendment_held_back", "amendment_effective"]


@pytest.mark.parametrize("falls", [False, True])
async def test_a_decision_that_is_declined_or_falls_on_the_desk_holds_nothing_back_any_more(
    register: Register, *, falls: bool
) -> None:
    site = await register.live(OPERATOR_USCC)
    waiting = await _granted(register, site, a_site(domain()))
    decision = await register.decided(site)
    await _at_desk(register, waiting)
    assert (await _read(register, waiting))["held_at"] is not None
    if falls:
        await register.overturned(decision)
    else:
        execution = await register.execution(decision)
        await register.post(f"/executions/{execution['id']}/decline", {"statement": STATEMENT}, "regulator-a")
    await _at_desk(register, waiting)
    assert (await _read(register, waiting))["status"] == "granted"


async def test_an_item_that_was_struck_meanwhile_is_not_given_back_by_what_waited(register: Register) -> None:
    name = domain()
    await register.approve(OPERATOR_USCC, "drugs_and_devices", name)
    site = (await register.active(a_site(name, service_items=["drugs_and_devices"]), OPERATOR_USCC))["sites"][0]
    waiting = await _granted(register, site, a_site(name, name="New", service_items=["drugs_and_devices"]))
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE approval SET live = false")
    decision = await register.decided(site, "end_item", service_item="drugs_and_devices")
    await _at_desk(register, waiting)
    assert (await _read(register, waiting))["held_at"] is not None
    await register.carried_out(decision)
    await _at_desk(register, waiting)
    back = await _read(register, waiting)
    assert (back["status"], back["held_at"]) == ("proposed", None)
    assert "not what it was" in back["returned"]["why"]
    assert (await register.get(f"/sites/{site['id']}", owner()))["service_items"] == ["general"]


async def test_an_operators_new_name_and_a_further_site_wait_too(register: Register) -> None:
    site, new = await register.live(OPERATOR_USCC), domain()
    now = await register.get(f"/operators/{site['operator_id']}", owner())
    named = await register.post(
        f"/operators/{site['operator_id']}/amendments",
        {"particulars": {"name": "Better Ltd"}, "reasons": "A new name.", "effective_from": DAY}, owner(), 201,
        headers={"If-Match": f'"{now["version"]}"'},
    )  # fmt: skip
    body = {**a_site(new), "effective_from": DAY}
    further = await register.post(f"/registrations/{site['registration_id']}/sites", body, owner(), 201)
    for each in (named, further):
        waiting = await register.post(f"/amendments/{each['id']}/grant", GRANT, "regulator-a")
        assert waiting["status"] == "waiting"
    assert (await register.get(f"/operators/{site['operator_id']}", owner()))["particulars"]["name"] != "Better Ltd"
    await _at_desk(register, named)
    await _at_desk(register, further)
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.operator.name, told.domains, told.status) == ("Better Ltd", (new,), "live")


# --- at the same moment ----------------------------------------------------------------------------------------------


async def test_of_a_grant_and_a_withdrawal_at_the_same_moment_one_happens(register: Register) -> None:
    for number in range(6):
        code = uscc(30 + number)
        site = await register.live(code)
        proposed = await register.propose(site, {**a_site(domain()), "effective_from": DAY}, owner(code))
        path = f"/amendments/{proposed['id']}"
        grant, back = await asyncio.gather(
            register.api.post(f"{path}/grant", json=GRANT, who="regulator-a"),
            register.api.post(f"{path}/withdrawal", json=WHY, who=owner(code)),
        )
        assert back.status_code == 200, back.text
        assert grant.status_code in {200, 409}, grant.text
        assert (await _read(register, proposed))["status"] == "withdrawn"
        open_ = "SELECT count(*) FROM deadline WHERE aggregate_id = $1::text::uuid AND met_at IS NULL"
        assert await register.fetchval(open_, proposed["id"]) == 0, "no clock is left that would carry it out"


async def test_of_its_day_and_a_withdrawal_at_the_same_moment_one_happens(register: Register) -> None:
    for number in range(4):
        code, new = uscc(40 + number), domain()
        site = await register.live(code)
        proposed = await register.propose(site, {**a_site(new), "effective_from": DAY}, owner(code))
        await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")

        async def comes(amendment_id: str = proposed["id"]) -> None:
            async with register.api.rt.db.transaction() as tx:
                await effective.take_effect(register.api.rt, tx, UUID(amendment_id))

        _, back = await asyncio.gather(
            comes(), register.api.post(f"/amendments/{proposed['id']}/withdrawal", json=WHY, who=owner(code))
        )
        status = (await _read(register, proposed))["status"]
        now = (await register.get(f"/sites/{site['id']}", owner(code)))["domains"]
        assert (status, now) == (("withdrawn", site["domains"]) if back.status_code == 200 else ("granted", [new]))
