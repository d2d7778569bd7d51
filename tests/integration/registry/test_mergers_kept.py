"""While a merger may fall on appeal what it moved stays there; and what its parties, and the desk, must wait for."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import appealable, mergers
from registry.store import copies
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.mergers import ConfirmingMerger
from shared.runtime.acts import notices
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import GRANT, STATEMENT, Register, a_site, domain, owner, uscc
from tests.integration.registry.test_licences import licensed
from tests.integration.registry.test_mergers import (
    EIGHT_DAYS,
    NEW,
    OLD,
    TIME_TO_APPEAL,
    WHY,
    Two,
    _everything,
    _survivor_act,
)
from tests.support.people import person

MOVE = {"region": "310000", "reasons": "The company moved its domicile to Shanghai."}


async def _alone(register: Register) -> Two:
    """The same, but that the entry of today has no filing of its own: what the other has keeps its number."""
    return Two(register, {"operator_id": await register.operator(NEW)}, await register.active(a_site(domain()), OLD))


async def _version(register: Register, table: str, key: object) -> dict[str, str]:
    version = await register.fetchval(f"SELECT version FROM {table} WHERE id = $1::text::uuid", key)
    return {"If-Match": f'"{version}"'}


async def _elsewhere(two: Two, number: str, status: int = 409) -> list[dict[str, Any]]:
    """The survivor tries everything that would take what it got elsewhere."""
    register, site = two.register, two.site
    third = await register.active(a_site(domain()), uscc(85))
    transfer = {"registration_id": third["id"], "reasons": "We sold the shop."}
    body = {"survivor_id": two.new["operator_id"], "merged_id": third["operator_id"], "statement": STATEMENT}
    path = f"/operators/{third['operator_id']}/merger-preview?into={two.new['operator_id']}"
    digest = (await register.get(path, "regulator-a"))["preview_digest"]
    return [
        await register.post(f"/sites/{site['id']}/transfer", transfer, owner(NEW), status,
                            headers=await _version(register, "site", site["id"])),
        await register.post(f"/registrations/{number}/move", MOVE, owner(NEW), status,
                            headers=await _version(register, "registration", number)),
        await register.post("/mergers", {**body, "preview_digest": digest}, "regulator-a", status),
        await register.post(f"/sites/{site['id']}/deregistration", WHY, owner(NEW), status),
    ]  # fmt: skip


@pytest.mark.parametrize("alone", [True, False])
async def test_nothing_that_a_merger_moved_is_taken_elsewhere_while_it_may_fall(
    register: Register, *, alone: bool
) -> None:
    two = await (_alone(register) if alone else Two.of(register))
    before = await _everything(register)
    done = await two.merged()
    number = (await register.get(f"/sites/{two.site['id']}", owner(NEW)))["registration_id"]
    for refused in await _elsewhere(two, number):
        assert (refused["code"], refused["merger_id"]) == ("merger_appealable", done["id"])
        assert refused["until"][:10] == "2027-02-17", "60 days after both count as told"
    del before["registration"], before["site"], before["claim"], before["access"]  # those of the third came to it
    undone = await two.undone(done)
    assert undone["left_behind"] == []
    assert (await register.get(f"/sites/{two.site['id']}", owner(OLD)))["number"] == two.site["number"]
    after = await _everything(register)
    assert {table: after[table] for table in before} == before


async def test_a_site_of_its_own_the_survivor_gives_up_at_any_time(register: Register) -> None:
    two = await Two.of(register)
    await two.merged()
    own = two.new["sites"][0]
    assert (await register.post(f"/sites/{own['id']}/deregistration", WHY, owner(NEW)))["status"] == "ended"


async def test_while_an_appeal_of_either_is_open_it_stays_and_after_both_are_rejected_it_goes(
    register: Register,
) -> None:
    two = await Two.of(register)
    done = await two.merged()
    acts = [
        ActRef(service=Service.REGISTRY, kind="merger", id=act)
        for act in (UUID(done["id"]), await _survivor_act(register, done))
    ]
    appeals = [uuid7(), uuid7()]
    for act, appeal in zip(acts, appeals, strict=True):
        await register.appealed(act, "filed", appeal)
        await register.appealed(act, "filed", appeal)  # heard twice is one
    register.clock.advance(TIME_TO_APPEAL)
    path = f"/sites/{two.site['id']}/deregistration"
    for act, appeal in zip(acts, appeals, strict=True):
        refused = await register.refused(path, WHY, owner(NEW))
        assert (refused["code"], refused["until"]) == ("merger_appealable", "the appeal against it is decided")
        await register.appealed(act, "rejected", appeal)
    assert (await register.post(path, WHY, owner(NEW)))["status"] == "ended"


@pytest.mark.parametrize("alone", [True, False])
async def test_a_late_appeal_finds_what_moved_home_with_the_survivor_since(register: Register, *, alone: bool) -> None:
    two = await (_alone(register) if alone else Two.of(register))
    done = await two.merged()
    register.clock.advance(TIME_TO_APPEAL)
    number = (await register.get(f"/sites/{two.site['id']}", owner(NEW)))["registration_id"]
    headers = await _version(register, "registration", number)
    moving = await register.post(f"/registrations/{number}/move", MOVE, owner(NEW), 201, headers=headers)
    await register.post(f"/amendments/{moving['id']}/grant", GRANT, "shanghai-regulator-a")
    assert (await register.get(f"/sites/{two.site['id']}", owner(NEW)))["number"].startswith("沪")
    await register.appealed(ActRef(service=Service.REGISTRY, kind="merger", id=UUID(done["id"])), "upheld")
    undone = await register.get(f"/mergers/{done['id']}", "national-a")
    assert (undone["status"], undone["left_behind"]) == ("undone", [])
    back = await register.get(f"/sites/{two.site['id']}", owner(OLD))
    assert (back["number"], back["operator_id"]) == (two.site["number"], two.old["operator_id"])
    filing = await register.get(f"/registrations/{two.old['id']}", owner(OLD))
    assert (filing["status"], filing["succeeded_by"]) == ("active", None)


async def test_what_was_given_up_or_transferred_since_is_named_also_where_it_kept_its_number(
    register: Register,
) -> None:
    two = await _alone(register)
    done = await two.merged()
    register.clock.advance(TIME_TO_APPEAL)
    await register.post(f"/sites/{two.site['id']}/deregistration", WHY, owner(NEW))
    assert (await two.undone(done))["left_behind"] == [two.site["id"]]


async def test_requests_that_wait_for_a_merger_do_not_go_on_as_the_operator_that_was(register: Register) -> None:
    two, rt = await _alone(register), register.api.rt
    merger = await two.proposed()
    await two.heard(merger)
    body = ConfirmingMerger(**WHY, preview_digest=merger["preview_digest"])
    async with rt.db.transaction() as tx:
        await mergers.confirm(tx, rt, person("regulator-b"), UUID(merger["id"]), body)
        waiting = [
            asyncio.create_task(register.api.post(path, json=said, who=owner(OLD)))
            for path, said in (
                (f"/registrations/{two.old['id']}/sites", a_site(domain())),
                (f"/sites/{two.site['id']}/deregistration", WHY),
            )
        ]
        await asyncio.sleep(0.5)
        assert not any(each.done() for each in waiting)
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} <= {403, 503}
    for table in ("claim", "access", "registration", "amendment"):
        of_old = f"SELECT count(*) FROM {table} WHERE operator_id = $1::text::uuid"
        assert await register.fetchval(of_old, two.old["operator_id"]) == 0, table
    assert (await register.get(f"/sites/{two.site['id']}", owner(NEW)))["status"] == "live"


async def test_nobody_is_merged_who_was_not_told_and_heard_since(register: Register) -> None:
    two = await Two.of(register)
    merger = await two.proposed()
    register.clock.advance(timedelta(days=40))
    assert (await two.confirmed(merger, status=409))["code"] == "still_heard", "no notice was delivered"
    acts = (merger["id"], await _survivor_act(register, merger))
    for act in acts:
        notice = await register.fetchval("SELECT id FROM notice WHERE about_id = $1::text::uuid", str(act))
        register.clock.advance(EIGHT_DAYS)
        async with register.api.rt.db.transaction() as tx:
            await notices.deem(register.api.rt, tx, notice)
        assert (await two.confirmed(merger, status=409))["code"] == "still_heard", "a week from the later of them"
    register.clock.advance(EIGHT_DAYS)
    assert (await two.confirmed(merger))["status"] == "confirmed"


async def test_who_read_at_once_has_the_time_that_the_notice_promised(register: Register) -> None:
    two = await Two.of(register)
    merger = await two.proposed()
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE notice SET delivered_at = issued_at, delivered_by = 'inbox'")
    register.clock.advance(EIGHT_DAYS)
    assert merger["confirm_from"][:10] in (await two.confirmed(merger, status=409))["detail"]
    register.clock.advance(EIGHT_DAYS)
    await two.confirmed(merger)


async def test_the_two_read_nothing_of_each_other_that_is_not_public(register: Register) -> None:
    two = await Two.of(register)
    await register.submitted(a_site(domain()), OLD, kind="licence")
    await register.decided(two.site)
    merger = await two.proposed()
    whole = await register.get(f"/mergers/{merger['id']}", "regulator-b")
    assert len(whole["preview"]["executions"]) == 1
    assert {each["status"] for each in whole["preview"]["registrations"]} == {"active", "submitted"}
    for code in (NEW, OLD):
        shown = await register.get(f"/mergers/{merger['id']}", owner(code))
        assert shown["preview"]["executions"] is None
        assert [each["id"] for each in shown["preview"]["registrations"]] == [two.old["id"]]
        assert shown["preview_digest"] == whole["preview_digest"], "of the whole"


async def test_what_a_merger_moved_shows_the_two_no_decision(register: Register) -> None:
    two = await Two.of(register)
    await register.decided(two.site)
    done = await two.merged()
    assert len((await register.get(f"/mergers/{done['id']}", "regulator-b"))["moved"]["executions"]) == 1
    assert "executions" not in (await register.get(f"/mergers/{done['id']}", owner(NEW)))["moved"]


async def test_reading_waits_for_nobody_and_lists_compute_no_preview(register: Register) -> None:
    two = await Two.of(register)
    merger = await two.proposed()
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("SELECT FROM registration FOR UPDATE")
        for path in (f"/mergers/{merger['id']}", "/mergers"):
            asking = asyncio.create_task(register.get(path, "regulator-b"))
            shown = await asyncio.wait_for(asking, 5)
            assert shown.get("preview_digest") == (merger["preview_digest"] if "items" not in shown else None)
    assert [each["preview"] for each in shown["items"]] == [None]


async def test_a_renewal_that_is_asked_comes_first_and_open_tasks_follow_and_come_back(register: Register) -> None:
    two = await Two.of(register)
    licence = await licensed(register, OLD)
    renewal = await register.post(
        f"/registrations/{licence['id']}/renewals",
        {"valid_until": "2030-12-01", "reasons": "The shop goes on."}, owner(OLD), 201,
    )  # fmt: skip
    merger = await two.proposed()
    await two.heard(merger)
    refused = await two.confirmed(merger, status=409)
    assert (refused["code"], refused["undecided_id"]) == ("undecided_first", renewal["id"])
    await register.post(f"/renewals/{renewal['id']}/withdrawal", WHY, owner(OLD))
    whose = "SELECT array_agg(DISTINCT operator_id::text) FROM registrar_task"
    assert await register.fetchval(whose) == [two.old["operator_id"]]
    done = await two.confirmed(merger)
    assert await register.fetchval(whose) == [two.new["operator_id"]]
    await two.undone(done)
    assert await register.fetchval(whose) == [two.old["operator_id"]]


async def test_a_consent_that_was_given_under_the_old_identity_was_given(register: Register) -> None:
    two = await Two.of(register)
    name = domain()
    await register.approve(OLD, "drugs_and_devices", name, number="A-1")
    for after in (False, True):
        async with register.api.rt.db.connection() as tx:
            assert await copies.consented(tx, NEW, [name]) == ({"drugs_and_devices"} if after else set())
        if not after:
            await two.merged()


async def test_the_time_to_appeal_is_counted_from_when_the_notices_count_as_delivered(register: Register) -> None:
    two = await Two.of(register)
    done = await two.merged()
    at = register.clock.now()
    assert done["appeal_until"][:19] == f"{appealable.until(register.api.rt, 60, at):%Y-%m-%dT%H:%M:%S}"
    assert done["appeal_until"] > (at + timedelta(days=66)).isoformat()


async def test_what_was_asked_before_the_appeal_waits_for_it_too(register: Register) -> None:
    two = await Two.of(register)
    done = await two.merged()
    register.clock.advance(TIME_TO_APPEAL)
    third = await register.active(a_site(domain()), uscc(85))
    transfer = await register.post(
        f"/sites/{two.site['id']}/transfer", {"registration_id": third["id"], "reasons": "We sold the shop."},
        owner(NEW), 201, headers=await _version(register, "site", two.site["id"]),
    )  # fmt: skip
    await register.post(f"/amendments/{transfer['id']}/consent", {}, owner(uscc(85)))
    appeal, act = uuid7(), ActRef(service=Service.REGISTRY, kind="merger", id=UUID(done["id"]))
    await register.appealed(act, "filed", appeal)
    path = f"/amendments/{transfer['id']}/grant"
    assert (await register.refused(path, GRANT, "regulator-a"))["code"] == "merger_appealable"
    await register.appealed(act, "rejected", appeal)
    await register.post(path, GRANT, "regulator-a")
    assert (await register.get(f"/sites/{two.site['id']}", "regulator-a"))["number"] == f"{third['number']}-2"
