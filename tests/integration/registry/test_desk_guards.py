"""What nobody gets around at the desks of renewals, checks, moves and mergers: guards that no other test would miss."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from registry.store import licences as renewals_store
from shared.contracts.enforcement import AppealDecidedV1
from shared.contracts.grounds import ActRef, Service
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    access,
    domain,
    owner,
    uscc,
)
from tests.integration.registry.test_checks import provider
from tests.integration.registry.test_licences import ASKED, REFUSAL, asked, licensed
from tests.integration.registry.test_mergers import NEW, OLD, Two
from tests.integration.registry.test_moves_home import SHANGHAI, _grant, _move, _read
from tests.integration.registry.test_shells import closed, finding_of, lapsed
from tests.support.people import OPERATOR_USCC

WHY = {"reasons": "We close this shop for good."}
TRACE = "SELECT array_agg(resource ORDER BY id) FROM audit WHERE subject = $1 AND outcome = 'granted'"


@pytest.fixture
async def two(register: Register) -> Two:
    return await Two.of(register)


# --- renewals --------------------------------------------------------------------------------------------------------


async def test_nobody_of_elsewhere_reads_a_renewal(register: Register) -> None:
    renewal = await asked(register, await licensed(register))
    for who in (SHANGHAI, "registrar-a", "shanghai-drugs-a", owner(uscc(860_000_001))):
        assert (await register.api.get(f"/renewals/{renewal['id']}", who=who)).status_code == 403, who


async def test_what_was_decided_about_a_renewal_is_refused_as_such_whatever_is_asked(register: Register) -> None:
    renewal = await asked(register, await licensed(register))
    path = f"/renewals/{renewal['id']}"
    await register.post(f"{path}/refusal", REFUSAL, "regulator-a")
    late = GRANT | {"valid_until": "2020-01-01"}
    for step, body in (("grant", late), ("refusal", REFUSAL | {"codes": ["no such code"]})):
        assert (await register.refused(f"{path}/{step}", body, "regulator-a"))["code"] == "action_refused", step


async def test_what_a_renewal_must_cover_are_the_items_of_sites_that_somebody_hosts(register: Register) -> None:
    licence = await licensed(register)
    body = ASKED | {"scope": ["culture"]}
    await register.refused(f"/registrations/{licence['id']}/renewals", body, owner(), 422)
    [site] = licence["sites"]
    await register.post(f"/sites/{site['id']}/accesses/{site['accesses'][0]['id']}/end", WHY, owner())
    assert (await asked(register, licence, scope=["culture"]))["scope"] == ["culture"]


async def test_who_asks_for_a_renewal_at_the_very_moment_of_another_tries_again(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(*_: object, **__: object) -> None:
        return None

    licence = await licensed(register)
    monkeypatch.setattr(renewals_store, "ask", taken)
    answer = await register.api.post(f"/registrations/{licence['id']}/renewals", json=ASKED, who=owner())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


# --- checks ----------------------------------------------------------------------------------------------------------


async def test_an_official_who_looks_at_a_check_leaves_a_trace_and_the_provider_that_is_asked_none(
    register: Register,
) -> None:
    await register.submitted(a_site(domain()))
    who = provider(PROVIDER)
    (check,) = (await register.get("/checks", who))["items"]
    await register.get(f"/checks/{check['id']}", who)
    assert await register.fetchval(TRACE, who[0]) is None
    await register.get("/checks", "auditor")
    await register.get(f"/checks/{check['id']}", "auditor")
    assert await register.fetchval(TRACE, "auditor") == ["/checks", f"/checks/{check['id']}"]


# --- moves -----------------------------------------------------------------------------------------------------------


async def test_a_site_that_lapsed_holds_no_move_back_though_nobody_may_host_it(register: Register) -> None:
    """What would not be admitted there is asked of the sites that are live."""
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    added = await register.post(f"/registrations/{filing['id']}/sites", a_site(
        domain(), accesses=[access("198.18.0.99", provider=OTHER_PROVIDER)]), owner(), 201)  # fmt: skip
    await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")
    await register.hear(closed(active=False, version=100))
    await register.ring("shell_provider", PROVIDER)
    site = filing["sites"][0]
    assert (await _move(register, filing, status=409))["code"] == "not_admitted", "nobody who may hosts it"
    finding = await finding_of(register, site)
    await register.ring("shell_cure", finding["id"])
    await lapsed(register, await finding_of(register, site))
    await _grant(register, await _move(register, filing))
    old = await _read(register, filing["id"])
    assert old["status"] == "ended"
    assert (await register.get(f"/sites/{site['id']}", "national-a"))["status"] == "lapsed"


async def filed(register: Register, code: str, region: str, provider_id: UUID, who: str) -> dict[str, Any]:
    """A filing of somebody in this province."""
    operator_id = await register.operator(code, who, region=region)
    site = a_site(
        domain(), accesses=[access("198.18.44.1" if provider_id == PROVIDER else "198.18.44.2", provider=provider_id)]
    )
    body = {"operator_id": operator_id, "kind": "filing", "site": site}
    submitted = await register.post("/registrations", body, owner(code), 201)
    return await register.post(f"/registrations/{submitted['id']}/grant", GRANT, who)


async def test_what_came_by_a_merger_from_another_province_moves_without_its_operator(register: Register) -> None:
    """Who is at home here stays so when a number that it has elsewhere goes on to a third province, or comes here."""
    here, there = uscc(863_000_001), uscc(863_000_002)
    first = await filed(register, here, "110000", PROVIDER, "regulator-a")
    second = await filed(register, there, "310000", OTHER_PROVIDER, SHANGHAI)
    one, other = first["operator_id"], second["operator_id"]
    preview = await register.get(f"/operators/{other}/merger-preview?into={one}", "national-a")
    body = {"survivor_id": one, "merged_id": other, **GRANT, "preview_digest": preview["preview_digest"]}
    merger = await register.post("/mergers", body, "national-a", 201)
    register.clock.advance(timedelta(days=60))
    now = await register.get(f"/mergers/{merger['id']}", "national-a")
    signed = {**WHY, "preview_digest": now["preview_digest"]}
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE notice SET delivered_at = issued_at, delivered_by = 'test'")
    await register.post(f"/mergers/{merger['id']}/confirmation", signed, "national-b")
    register.clock.advance(timedelta(days=400))
    moving = await _move(register, second, owner(here), region="110000")
    await _grant(register, moving, "regulator-a")
    assert (await register.get(f"/registrations/{second['id']}", "national-a"))["status"] == "ended"
    under = await register.get(f"/registrations/{first['id']}", "national-a")
    assert len(under["sites"]) == 2, "under the number that it has here"
    assert "move_home" not in await register.history(one)


# --- mergers ---------------------------------------------------------------------------------------------------------


async def test_nobody_of_elsewhere_lets_a_merger_be(two: Two) -> None:
    merger = await two.proposed()
    for who in (SHANGHAI, "drugs-a", "auditor", owner(NEW), owner(OLD)):
        await two.register.refused(f"/mergers/{merger['id']}/withdrawal", WHY, who, 403)


async def test_whoever_proposes_what_was_proposed_is_told_of_that(two: Two) -> None:
    merger = await two.proposed()
    refused = await two.proposed("regulator-b", status=409, preview_digest=(await two.preview())["preview_digest"])
    assert (refused["code"], refused["merger_id"]) == ("merger_pending", merger["id"])


async def test_nobody_objects_to_what_was_decided(two: Two) -> None:
    merger = await two.proposed()
    await two.register.post(f"/mergers/{merger['id']}/withdrawal", WHY, "regulator-a")
    for code in (NEW, OLD):
        refused = await two.register.refused(f"/mergers/{merger['id']}/objection", WHY, owner(code))
        assert refused["code"] == "action_refused"


async def test_an_official_who_looks_at_a_merger_leaves_a_trace_and_the_two_leave_none(two: Two) -> None:
    merger = await two.proposed()
    for who in ("auditor", owner(NEW)):
        await two.register.get("/mergers", who)
        await two.register.get(f"/mergers/{merger['id']}", who)
    assert await two.register.fetchval(TRACE, "auditor") == ["/mergers", f"/mergers/{merger['id']}"]
    assert await two.register.fetchval(TRACE, "applicant") is None


async def test_an_appeal_against_no_merger_that_is_known_moves_nothing(two: Two) -> None:
    merger = await two.merged()
    for outcome in ("upheld", "overdue"):
        await two.register.appealed(ActRef(service=Service.REGISTRY, kind="merger", id=uuid4()), outcome)
    assert (await two.register.get(f"/mergers/{merger['id']}", "regulator-a"))["status"] == "confirmed"


@pytest.mark.parametrize("outcome", ["upheld", "overdue"])
async def test_both_are_told_why_a_merger_fell(two: Two, outcome: str) -> None:
    merger = await two.merged()
    await two.undone(merger, outcome)
    said = await two.register.fetchval(
        "SELECT convert_from(document, 'UTF8')::jsonb -> 'statement' ->> 'reasons' FROM notice"
        " WHERE moved_id = $1::text::uuid AND kind = 'merger_undone' LIMIT 1",
        merger["id"],
    )
    won = AppealDecidedV1.EXAMPLE["statement"]["reasons"]
    assert said == (won if outcome == "upheld" else "The appeal against it was not decided in time.")


async def test_a_person_and_a_company_are_not_one(two: Two) -> None:
    register = two.register
    person = {"kind": "person", "document": {"kind": "resident_id", "number": "110101199003074514"}}
    body = {"region": "110000", "particulars": {"name": "Wang Wei"}} | person
    somebody = await register.post("/operators", body, "regulator-a", 201)
    for one, other in ((somebody["id"], two.new["operator_id"]), (two.new["operator_id"], somebody["id"])):
        refused = await two.proposed(status=409, survivor_id=one, merged_id=other)
        assert (refused["code"], "person" in refused["detail"]) == ("not_the_same", True)


async def test_what_the_survivor_asked_for_where_both_file_is_decided_first(two: Two) -> None:
    """Its filing is where the other's sites would go."""
    register = two.register
    third = uscc(861_000_001)
    filed = await register.submitted(a_site(domain()), third)
    merger = await two.proposed(survivor_id=filed["operator_id"], preview_digest=(await register.get(
        f"/operators/{two.old['operator_id']}/merger-preview?into={filed['operator_id']}", "regulator-a"
    ))["preview_digest"])  # fmt: skip
    two.new = filed
    await two.heard(merger)
    refused = await two.confirmed(merger, status=409)
    assert (refused["code"], refused["undecided_id"]) == ("undecided_first", filed["id"])


async def test_what_came_to_one_by_a_merger_that_is_appealed_against_meanwhile_goes_no_further(two: Two) -> None:
    """The time to appeal was over when it was proposed; an appeal that was let in late is open when it is confirmed."""
    register = two.register
    first = await two.merged()
    register.clock.advance(timedelta(days=400))
    third = await register.active(a_site(domain()), uscc(862_000_001))
    chained = Two(register, two.new, third)
    merger = await chained.proposed()
    await chained.heard(merger)
    await register.appealed(ActRef(service=Service.REGISTRY, kind="merger", id=UUID(first["id"])), "filed")
    refused = await chained.confirmed(merger, status=409)
    assert refused["code"] == "merger_appealable"
