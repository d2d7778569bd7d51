"""Clocks that ring too early, too late or twice, and findings of what is no longer so: nothing follows from them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from registry.service import bars, hosting, shells
from shared.contracts.approval import ApprovalEndedV1
from shared.contracts.grounds import ActRef, Service
from shared.contracts.registry import BarRecordedV1
from tests.integration.registry.conftest import PROVIDER, Register, a_site, access, domain, owner, uscc
from tests.integration.registry.test_bars import barred, read
from tests.integration.registry.test_shells import STATED, closed, due, finding_of, found, hosted, lapsed, left

WHY = {"reasons": "The shop moves to another host."}
COUNT = "SELECT count(*) FROM shell_finding"


async def rings(register: Register, handler: Any, aggregate_id: object) -> None:
    """A clock rings now, whenever it should have."""
    async with register.api.rt.db.transaction() as tx:
        await handler(register.api.rt, tx, UUID(str(aggregate_id)))


async def stopped(register: Register, site: dict[str, Any]) -> Any:
    decision = await register.decided(site, "suspend_access", until=register.clock.now() + timedelta(days=300))
    await register.carried_out(decision)
    return decision


# --- bars ------------------------------------------------------------------------------------------------------------


async def test_a_bar_is_listed_once_however_often_its_clock_rings_and_never_too_early_or_late(
    register: Register,
) -> None:
    _, decision, execution = await barred(register, 830_000_001)
    async with register.api.rt.db.transaction() as tx:
        await bars.settle_many(tx, register.api.rt, decision.decision_id)
    assert (await read(register))["entries"] == [], "the time to appeal is not over"
    await register.ring("bar_begins", execution["id"])
    act = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id)
    for _ in range(2):
        await rings(register, bars.ring, execution["id"])
        await register.appealed(act, "rejected")
    assert [each.listed for each in await register.told(BarRecordedV1)] == [True]
    await register.appealed(act, "filed")
    until = await register.fetchval("SELECT until FROM execution WHERE id = $1::text::uuid", execution["id"])
    register.clock.advance(until - register.clock.now())
    await register.appealed(act, "rejected")
    assert (await read(register))["entries"] == [], "its time is over, though no clock has said so yet"


async def test_who_is_put_on_the_list_is_told_on_what_grounds(register: Register) -> None:
    _, _, execution = await barred(register, 831_000_001)
    await register.ring("bar_begins", execution["id"])
    grounds = await register.fetchval(
        "SELECT convert_from(document, 'UTF8')::jsonb -> 'grounds' FROM notice"
        " WHERE about_id = $1::text::uuid AND kind = 'barred'",
        execution["id"],
    )
    assert grounds is not None


async def test_a_long_list_of_changes_says_that_there_are_more(register: Register, monkeypatch: Any) -> None:
    monkeypatch.setattr(bars, "MOST_CHANGES", 1)
    for number in range(2):
        _, _, execution = await barred(register, 832_000_000 + number)
        await register.ring("bar_begins", execution["id"])
    first = await read(register, "/barred-list/changes")
    assert ([each["seq"] for each in first["changes"]], first["more"]) == ([1], True)
    second = await read(register, "/barred-list/changes?after=1")
    assert ([each["seq"] for each in second["changes"]], second["more"]) == ([2], False)


# --- shells ----------------------------------------------------------------------------------------------------------


async def test_nothing_is_found_of_a_site_that_is_hosted_or_that_a_measure_stops(register: Register) -> None:
    hosted_one = await register.live(uscc(840_000_001))
    await rings(register, shells.ring, hosted_one["id"])
    site = await left(register, uscc(840_000_002))
    await stopped(register, site)
    await rings(register, shells.ring, site["id"])
    assert await register.fetchval(COUNT) == 0


async def test_a_clock_that_rings_twice_finds_once(register: Register) -> None:
    site, finding = await found(register, uscc(841_000_001))
    await rings(register, shells.ring, site["id"])
    assert await register.fetchval(COUNT) == 1
    assert [kind for kind, _ in await register.notices(finding["id"])] == ["shell_found"]


async def test_what_a_measure_stopped_meanwhile_or_somebody_hosts_is_cured_when_its_time_is_over(
    register: Register,
) -> None:
    site, finding = await found(register, uscc(842_000_001))
    await stopped(register, site)
    await register.ring(hosting.CURE, finding["id"])
    assert (await finding_of(register, site))["status"] == "cured"
    other = await register.live(uscc(842_000_002), accesses=[access("198.18.9.1")])
    await register.hear(closed(active=False, version=100))
    await register.ring(hosting.GONE, PROVIDER)
    finding = await finding_of(register, other)
    async with register.api.rt.db.transaction() as tx:  # as if the fact of its return were still on its way
        await tx.execute("UPDATE provider SET status = 'active' WHERE id = $1", PROVIDER)
    refused = await lapsed(register, finding, 409)
    assert refused["code"] == "action_refused"
    await register.ring(hosting.CURE, finding["id"])
    assert (await finding_of(register, other))["status"] == "cured"


async def test_a_finding_that_is_over_stays_as_it_is_when_its_clock_rings_late(register: Register) -> None:
    _, finding = await found(register, uscc(843_000_001))
    await register.post(f"/shell-findings/{finding['id']}/dismissal", WHY, "regulator-a")
    open_ = "SELECT count(*) FROM deadline WHERE aggregate_id = $1::text::uuid AND met_at IS NULL"
    assert await register.fetchval(open_, finding["id"]) == 0, "nobody waits for it any more"
    await rings(register, shells.mature, finding["id"])
    now = await register.get(f"/shell-findings/{finding['id']}", "regulator-a")
    assert now["status"] == "dismissed"


async def test_what_was_let_be_stays_so_when_its_clock_rings_late_and_it_is_hosted_by_now(register: Register) -> None:
    site, finding = await found(register, uscc(843_100_001))
    await register.post(f"/shell-findings/{finding['id']}/dismissal", WHY, "regulator-a")
    await hosted(register, site)
    await rings(register, shells.mature, finding["id"])
    assert (await finding_of(register, site))["status"] == "dismissed"


async def test_what_somebody_else_has_by_now_an_appeal_gives_back_without_and_the_operator_is_refused(
    register: Register,
) -> None:
    """Of two names one is another's, and the address; the host was gone, so it was still the site's."""
    code, names = uscc(849_000_001), [f"kept-{number}.example" for number in range(2)]
    site = await register.live(code, domains=names, accesses=[access("198.18.77.1", "dedicated")])
    await register.hear(closed(active=False, version=100))
    await register.ring(hosting.GONE, PROVIDER)
    finding = await finding_of(register, site)
    await register.ring(hosting.CURE, finding["id"])
    act = ActRef.model_validate((await lapsed(register, await finding_of(register, site)))["challenge"])
    await register.hear(closed(active=True, version=101))
    register.clock.advance(shells.NAMES_KEPT + timedelta(seconds=1))
    other = await register.live(uscc(849_000_002), accesses=[access("198.18.77.1", "dedicated")])
    path = f"/shell-findings/{finding['id']}/undoing"
    refused = await register.refused(path, WHY, owner(code))
    assert [each["code"] for each in refused["grounds"]] == ["address_taken"]
    await register.propose(other, {**a_site(names[0]), "accesses": [access("198.18.77.1", "dedicated")]})
    await register.appealed(act, "upheld")
    now = await register.get(f"/sites/{site['id']}", "auditor")
    assert (now["status"], now["domains"], now["accesses"]) == ("live", [names[1]], [])
    said = await register.fetchval(
        "SELECT convert_from(document, 'UTF8')::jsonb -> 'statement' ->> 'reasons' FROM notice"
        " WHERE about_id = $1::text::uuid AND kind = 'shell_undone'",
        finding["id"],
    )
    assert said.endswith(f"Somebody else has {names[0]} by now."), "and the other name is its own again"


async def test_a_decision_that_falls_takes_nothing_of_the_way_back_of_a_lapsed_site(register: Register) -> None:
    """It struck an item while the site was live; the lapse is another matter."""
    code, name, drugs = uscc(850_000_001), domain(), "drugs_and_devices"
    consent = await register.approve(code, drugs, name)
    site = await register.live(code, domains=[name], service_items=[drugs, "general"])
    gone = consent.model_copy(update={"version": 99, "status": "ended", "live": False})
    example = {**ApprovalEndedV1.EXAMPLE, "approval_id": gone.approval_id, "approval": gone}
    await register.hear(ApprovalEndedV1.model_validate(example))
    decision = await register.decided(site, "end_item", service_item=drugs)
    await register.carried_out(decision)
    await register.post(f"/sites/{site['id']}/accesses/{site['accesses'][0]['id']}/end", WHY, owner(code))
    await register.ring(hosting.IDLE, site["id"])
    finding = await finding_of(register, site)
    await register.ring(hosting.CURE, finding["id"])
    await lapsed(register, await finding_of(register, site))
    await register.overturned(decision)
    assert (await finding_of(register, site))["status"] == "lapsed"
    await register.post(f"/shell-findings/{finding['id']}/undoing", WHY, owner(code))
    assert (await register.get(f"/sites/{site['id']}", "auditor"))["status"] == "live"


async def test_a_site_that_is_hosted_at_the_very_moment_does_not_lapse(register: Register) -> None:
    site = await register.live(uscc(844_000_001))
    await register.hear(closed(active=False, version=100))
    await register.ring(hosting.GONE, PROVIDER)
    finding = await finding_of(register, site)
    await register.ring(hosting.CURE, finding["id"])
    finding = await finding_of(register, site)
    async with register.api.rt.db.transaction() as tx:  # as if the fact of its return were still on its way
        await tx.execute("UPDATE provider SET status = 'active' WHERE id = $1", PROVIDER)
    assert (await lapsed(register, finding, 409))["code"] == "hosted_again"


async def test_nobody_takes_anothers_lapse_back_and_looks_leave_a_trace(register: Register) -> None:
    code = uscc(845_000_001)
    _, finding = await due(register, code)
    await lapsed(register, finding)
    path = f"/shell-findings/{finding['id']}"
    for who in ("shanghai-regulator-a", "drugs-a", "auditor", owner(uscc(845_000_002)), "national-a"):
        answer = await register.api.post(f"{path}/undoing", json=WHY, who=who)
        assert answer.status_code == (200 if who == "national-a" else 403), who
    for who in (owner(uscc(845_000_002)), "registrar-a"):
        assert (await register.api.get(path, who=who)).status_code == 403
    await register.get(path, "auditor")
    await register.get("/shell-findings", "review-a")
    seen = "SELECT array_agg(resource ORDER BY id) FROM audit WHERE subject = ANY ($1) AND outcome = 'granted'"
    assert await register.fetchval(seen, ["auditor", "review-a"]) == [path, "/shell-findings"]


async def test_a_lapse_is_taken_back_once_and_never_for_a_site_that_its_operator_gave_up(register: Register) -> None:
    code = uscc(846_000_001)
    site, finding = await due(register, code)
    await lapsed(register, finding)
    path = f"/shell-findings/{finding['id']}/undoing"
    await register.post(f"/sites/{site['id']}/deregistration", WHY, owner(code))
    refused = await register.refused(path, WHY, owner(code))
    assert refused["code"] == "action_refused"
    await register.appealed(ActRef(service=Service.REGISTRY, kind="lapse", id=UUID(finding["id"])), "upheld")
    assert (await register.get(f"/sites/{site['id']}", "auditor"))["status"] == "ended"
    kinds = [kind for kind, _ in await register.notices(finding["id"])]
    assert "shell_undone" not in kinds, "nobody is told that a site is back that is not"


async def test_a_filing_with_a_lapsed_site_moves_and_the_lapse_is_undone_there(register: Register) -> None:
    code = uscc(847_000_001)
    site, finding = await due(register, code)
    await lapsed(register, finding)
    version = await register.fetchval(
        "SELECT r.version FROM registration r JOIN site s ON s.registration_id = r.id WHERE s.id = $1::text::uuid",
        site["id"],
    )  # fmt: skip
    body = {"region": "310000", "reasons": "The company moved its domicile."}
    moving = await register.post(
        f"/registrations/{site['registration_id']}/move", body, owner(code), 201, headers={"If-Match": f'"{version}"'}
    )
    await register.post(f"/amendments/{moving['id']}/grant", STATED, "shanghai-regulator-a")
    now = await register.get(f"/sites/{site['id']}", "national-a")
    assert (now["status"], now["number"][0]) == ("lapsed", "沪")
    await register.post(f"/shell-findings/{finding['id']}/undoing", WHY, owner(code))
    assert (await register.get(f"/sites/{site['id']}", "national-a"))["status"] == "live"


async def test_what_is_hosted_again_is_cured_and_its_clock_stops(register: Register) -> None:
    site, finding = await found(register, uscc(848_000_001))
    await hosted(register, site)
    running = "SELECT count(*) FROM deadline WHERE kind LIKE 'shell_%' AND met_at IS NULL AND breached_at IS NULL"
    assert await register.fetchval(running) == 0
    assert (await register.get(f"/shell-findings/{finding['id']}", "regulator-a"))["status"] == "cured"
