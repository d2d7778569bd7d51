"""An operator's filing moves to another province: the new home decides, the old number ends, the history follows."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.errors import TooManySites
from registry.service import amendments, changes, effective, moves_home
from shared.contracts.http.registry import Stated
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.base.problems import TryAgain
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    STATEMENT,
    Register,
    a_site,
    access,
    domain,
    owner,
    provider_recorded,
    uscc,
)
from tests.integration.registry.test_licences import licensed, to_the_end
from tests.integration.registry.test_shells import due, lapsed
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC, person

WHY = {"reasons": "We close this shop for good."}
SHANGHAI = "shanghai-regulator-a"
BODY: dict[str, Any] = {"region": "310000", "reasons": "The company moved its domicile to Shanghai."}


async def _move(
    register: Register, registration: dict[str, Any], who: Any = None, status: int = 201, **changes: Any
) -> dict[str, Any]:
    now = await register.fetchval("SELECT version FROM registration WHERE id = $1::text::uuid", registration["id"])
    return await register.post(
        f"/registrations/{registration['id']}/move", BODY | changes, who or owner(), status,
        headers={"If-Match": f'"{now}"'},
    )  # fmt: skip


async def _grant(register: Register, moving: dict[str, Any], who: Any = SHANGHAI, status: int = 200) -> dict[str, Any]:
    return await register.post(f"/amendments/{moving['id']}/grant", GRANT, who, status)


async def _second_site(register: Register, registration: dict[str, Any], **changes: Any) -> dict[str, Any]:
    added = await register.post(f"/registrations/{registration['id']}/sites", a_site(domain(), **changes), owner(), 201)
    await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")
    return await register.get(f"/sites/{added['site_id']}", owner())


async def _read(register: Register, registration_id: object, who: Any = "national-a") -> dict[str, Any]:
    return await register.get(f"/registrations/{registration_id}", who)


async def test_a_filing_moves_with_its_sites_and_the_old_number_ends_and_names_the_new_one(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    first = filing["sites"][0]
    gone = await _second_site(register, filing)
    await register.post(f"/sites/{gone['id']}/deregistration", WHY, owner())
    second = await _second_site(register, filing)
    moving = await _move(register, filing)
    assert {each["field"]: (each["from"], each["to"]) for each in moving["changes"]} == {
        "region": ("110000", "310000"), "number": (filing["number"], None),
    }  # fmt: skip
    assert (await _grant(register, moving))["status"] == "granted"
    old = await _read(register, filing["id"])
    new = await _read(register, old["succeeded_by"]["id"], SHANGHAI)
    assert (old["status"], old["succeeded_by"]["number"]) == ("ended", new["number"])
    assert (new["status"], new["region"], new["number"][0]) == ("active", "310000", "沪")
    assert [each["id"] for each in new["succeeds"]] == [filing["id"]]
    numbers = {each["id"]: each["number"] for each in new["sites"]}
    assert numbers == {first["id"]: f"{new['number']}-1", second["id"]: f"{new['number']}-2"}
    told = {each.site_id: each for each in await register.told(SiteRecordedV1)}
    for site in (first, second):
        record = told[UUID(site["id"])]
        assert (record.number, record.domains) == (numbers[site["id"]], tuple(site["domains"]))
        assert (record.operator.region, record.registration.region) == ("310000", "310000")
        assert record.former_numbers == (site["number"],), "whoever met the old number is led to the site"
        assert record.accesses[0].access_id == UUID(site["accesses"][0]["id"]), "who hosts it hosts it still"
    assert told[UUID(gone["id"])].number == f"{filing['number']}-2", "what had ended stays where it was"


async def test_the_past_of_a_site_that_moved_answers_with_its_old_number(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    site, before = filing["sites"][0], register.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    moving = await _move(register, filing, effective_from="2026-12-10")
    waiting = await _grant(register, moving)
    assert (waiting["status"], (await _read(register, filing["id"]))["status"]) == ("waiting", "active")
    await register.ring(effective.EFFECT, moving["id"])
    then = await register.get(f"/sites/{site['id']}/record?at={before}", owner())
    now = await register.get(f"/sites/{site['id']}", owner())
    assert then["record"]["number"] == f"{filing['number']}-1"
    assert now["number"].startswith("沪")
    assert await register.history(site["id"]) == ["propose", "enter", "move_home"]


async def test_the_new_home_decides_the_old_one_reads_it_and_is_told(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    moving = await _move(register, filing)
    for who in ("regulator-a", "national-a", owner(), owner(uscc(3)), "auditor"):
        await _grant(register, moving, who, 403)
    assert (await register.get(f"/amendments/{moving['id']}", "regulator-a"))["allowed_actions"] == []
    for who in (SHANGHAI, "regulator-a", "national-a", owner()):
        assert moving["id"] in [each["id"] for each in (await register.get("/amendments", who))["items"]], who
    assert (await register.api.get(f"/amendments/{moving['id']}", who="drugs-a")).status_code == 403
    await _grant(register, moving)
    async with register.api.rt.db.connection() as tx:
        rows = await tx.fetch("SELECT kind, authority_id FROM notice ORDER BY id DESC LIMIT 3")
    assert [tuple(row) for row in rows] == [
        ("amendment_granted", "industry-310000"), ("moved", "industry-110000"), ("move_proposed", "industry-110000"),
    ]  # fmt: skip


async def test_it_goes_under_the_filing_that_the_operator_has_there(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    moving = await _move(register, filing)
    await _grant(register, moving)
    there = (await _read(register, filing["id"]))["succeeded_by"]
    # Back in Beijing it files anew, and that moves as well.
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE operator SET region = '110000'")
    again = await register.active(a_site(domain()), OPERATOR_USCC)
    assert again["number"] != filing["number"]
    second = await _move(register, again)
    assert {each["field"]: each["to"] for each in second["changes"]}["number"] == there["number"]
    await _grant(register, second)
    new = await _read(register, there["id"], SHANGHAI)
    assert [each["number"] for each in new["sites"]] == [f"{there['number']}-1", f"{there['number']}-2"]
    assert {each["id"] for each in new["succeeds"]} == {filing["id"], again["id"]}


async def test_a_consent_of_the_old_province_is_named_as_a_ground_before_anything_is_asked(register: Register) -> None:
    name = domain()
    await register.approve(OPERATOR_USCC, "drugs_and_devices", name)
    filing = await register.active(a_site(name, service_items=["drugs_and_devices"]), OPERATOR_USCC)
    refused = await _move(register, filing, status=409)
    assert [(each["code"], each["field"]) for each in refused["grounds"]] == [
        ("approval_missing", f"sites.{filing['sites'][0]['id']}.service_items.0")
    ]
    there = await register.approve(OPERATOR_USCC, "drugs_and_devices", name, level="national", region=None)
    moving = await _move(register, filing)
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE approval SET live = false WHERE approval_id = $1", there.approval_id)
    assert (await _grant(register, moving, status=409))["code"] == "not_admitted", "and asked again at the grant"
    refusal = {"statement": STATEMENT}
    said = await register.post(f"/amendments/{moving['id']}/refusal", refusal, SHANGHAI)
    assert "approval_missing" in said["refusal"]["codes"]


async def test_nobody_moves_away_from_a_measure_or_from_what_is_being_decided(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    moving = await _move(register, filing)
    decision = await register.decided(filing["sites"][0], "suspend_access", until="2027-01-15T00:00:00Z")
    assert (await _grant(register, moving, status=409))["code"] == "under_measure", "a decision on the desk"
    await register.carried_out(decision)
    assert (await _grant(register, moving, status=409))["code"] == "under_measure", "a measure"
    await register.post(f"/amendments/{moving['id']}/withdrawal", WHY, owner())
    assert (await _move(register, filing, status=409))["code"] == "under_measure", "nor is it asked for"
    await register.overturned(decision)
    await _grant(register, await _move(register, filing))
    execution = await register.execution(decision)
    assert execution["regulator"]["region"] == "110000", "what lay with a regulator stays there"


async def test_a_decision_of_the_old_province_that_comes_after_the_move_is_carried_out_there(
    register: Register,
) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    await _grant(register, await _move(register, filing))
    decision = await register.decided(filing["sites"][0])
    assert (await register.carried_out(decision))["status"] == "carried_out"
    assert (await register.get(f"/sites/{filing['sites'][0]['id']}", SHANGHAI))["status"] == "revoked"


async def test_a_barred_operator_does_not_move(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    moving = await _move(register, filing)
    decision = await register.decided(
        filing["sites"][0], "bar", subject={"kind": "operator", "operator_id": filing["operator_id"]}, site=None,
        until="2028-01-01T00:00:00Z",
    )  # fmt: skip
    await register.carried_out(decision)
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE execution SET bar_from = $1", register.clock.now())
    assert [each["code"] for each in (await _grant(register, moving, status=409))["grounds"]] == ["barred"]
    await register.post(f"/amendments/{moving['id']}/withdrawal", WHY, owner())
    assert (await _move(register, filing, status=409))["code"] == "not_admitted"


async def test_a_measure_holds_a_waiting_move_back_and_it_goes_on_when_that_is_gone(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    moving = await _move(register, filing, effective_from="2026-12-10")
    await _grant(register, moving)
    decision = await register.decided(filing["sites"][0], "suspend_access", until="2027-01-15T00:00:00Z")
    await register.carried_out(decision)
    await register.ring(effective.EFFECT, moving["id"])
    assert (await register.get(f"/amendments/{moving['id']}", owner()))["held_at"] is not None
    await register.overturned(decision)
    await register.ring(effective.EFFECT, moving["id"])
    assert (await _read(register, filing["id"]))["status"] == "ended"


async def test_what_else_is_open_about_a_site_comes_first(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    moving = await _move(register, filing)
    changing = await register.propose(filing["sites"][0], a_site(domain()), owner())
    refused = await _grant(register, moving, status=409)
    assert (refused["code"], refused["amendment_id"]) == ("amendment_pending", changing["id"])
    await register.post(f"/amendments/{changing['id']}/withdrawal", WHY, owner())
    further = await register.post(f"/registrations/{filing['id']}/sites", a_site(domain()), owner(), 201)
    assert (await _grant(register, moving, status=409))["amendment_id"] == further["id"]


async def test_what_does_not_move(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    assert (await _move(register, filing, status=409, region="110000"))["code"] == "same_province"
    await _move(register, filing, status=422, region="990000")
    stale = await register.post(f"/registrations/{filing['id']}/move", BODY, owner(), 412,
                                headers={"If-Match": '"1"'})  # fmt: skip
    assert stale["version"] == 2
    for who in (owner(uscc(3)), SHANGHAI, "drugs-a", "auditor"):
        await _move(register, filing, who, 403)
    asked = await register.submitted(a_site(domain()), OPERATOR_USCC, kind="licence")
    assert (await _move(register, asked, status=409))["code"] == "action_refused"
    valid = {**GRANT, "valid_from": "2026-11-26", "valid_until": "2029-11-26"}
    await register.post(f"/registrations/{asked['id']}/grant", valid, "regulator-a")
    assert (await _move(register, asked, status=409))["code"] == "stays_at_home"
    code = uscc(7)
    national = await register.submitted(a_site(domain()), code, level="national")
    await register.post(f"/registrations/{national['id']}/grant", GRANT, "national-a")
    assert (await _move(register, national, owner(code), 409))["code"] == "stays_at_home"
    assert (await _move(register, filing))["status"] == "proposed"
    assert (await _move(register, filing, status=409))["code"] == "amendment_pending"


async def test_what_stays_under_another_number_says_where_its_operator_is_now(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    asked = await register.submitted(a_site(domain()), OPERATOR_USCC, kind="licence")
    valid = {**GRANT, "valid_from": "2026-11-26", "valid_until": "2029-11-26"}
    licensed = (await register.post(f"/registrations/{asked['id']}/grant", valid, "regulator-a"))["sites"][0]
    await _grant(register, await _move(register, filing))
    told = {each.site_id: each for each in await register.told(SiteRecordedV1)}[UUID(licensed["id"])]
    assert (told.operator.region, told.registration.region) == ("310000", "110000")


async def test_so_does_what_stays_under_a_licence_that_lapsed(register: Register) -> None:
    licence = await licensed(register)
    await to_the_end(register, licence)
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    await _grant(register, await _move(register, filing))
    told = {each.site_id: each for each in await register.told(SiteRecordedV1)}[UUID(licence["sites"][0]["id"])]
    assert (told.operator.region, told.registration.status) == ("310000", "lapsed")


@pytest.mark.parametrize("waits", [True, False])
async def test_a_site_that_nobody_hosts_goes_along_and_stays_lapsed(register: Register, *, waits: bool) -> None:
    site, finding = await due(register, OPERATOR_USCC)
    shell = await lapsed(register, finding)
    assert shell["status"] == "lapsed"
    filing = {"id": (await register.get(f"/sites/{site['id']}", owner()))["registration_id"]}
    second = await _second_site(register, filing)
    day = f"{register.clock.now() + timedelta(days=14):%Y-%m-%d}"
    changed: dict[str, Any] = {"effective_from": day} if waits else {}
    moving = await _move(register, filing, **changed)
    await _grant(register, moving)
    if waits:
        await register.ring(effective.EFFECT, moving["id"])
    now = [await register.get(f"/sites/{each['id']}", owner()) for each in (site, second)]
    assert [each["status"] for each in now] == ["lapsed", "live"]
    assert [each["number"][-3:] for each in now] == ["号-1", "号-2"]
    assert (await _read(register, filing["id"]))["status"] == "ended"


async def test_what_nobody_hosts_needs_a_number_there_as_well(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _grant(register, await _move(register, await register.active(a_site(domain()), OPERATOR_USCC)))
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE operator SET region = '110000'")
    site, finding = await due(register, OPERATOR_USCC)
    await lapsed(register, finding)
    filing = {"id": (await register.get(f"/sites/{site['id']}", owner()))["registration_id"]}
    await _second_site(register, filing)
    monkeypatch.setattr(moves_home, "MOST_SITES", 2)
    assert (await _move(register, filing, status=409))["code"] == "too_many_sites", "two to move, and one is there"


async def _at_home_in(register: Register, region: str) -> None:
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE operator SET region = $1", region)


async def _asked_there(register: Register) -> dict[str, Any]:
    """The operator asks for a filing of its own in Shanghai."""
    await _at_home_in(register, "310000")
    body = {"operator_id": await register.operator(), "kind": "filing", "site": a_site(domain())}
    asked = await register.post("/registrations", body, SHANGHAI, 201)
    await _at_home_in(register, "110000")
    return asked


async def test_what_was_asked_for_there_is_decided_first(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    moving = await _move(register, filing)
    there = await _asked_there(register)
    for refused in (await _grant(register, moving, status=409), await _move(register, filing, status=409)):
        assert (refused["code"], refused["registration_id"]) == ("filing_exists", there["id"])

    async def none_yet(*_: Any) -> None:
        """As whoever looked a moment before it was asked for."""

    monkeypatch.setattr("registry.service.moves_home.register.filing_in", none_yet)
    assert (await _grant(register, moving, status=409))["code"] == "filing_exists"
    assert (await _read(register, filing["id"]))["status"] == "active"


async def test_what_is_only_asked_for_needs_no_number_there(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _grant(register, await _move(register, await register.active(a_site(domain()), OPERATOR_USCC)))
    await _at_home_in(register, "110000")
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    await register.post(f"/registrations/{filing['id']}/sites", a_site(domain()), owner(), 201)
    monkeypatch.setattr(moves_home, "MOST_SITES", 2)
    assert (await _move(register, filing))["status"] == "proposed", "one is there, and one moves"


async def test_a_move_that_fails_when_its_day_comes_is_decided_anew_and_leaves_nothing(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    moving = await _move(register, filing, effective_from="2026-12-10")
    await _grant(register, moving)
    told, carry_out = len(await register.told(SiteRecordedV1)), changes.CARRY_OUT["move"]

    async def late(*given: Any) -> None:
        await carry_out(*given)
        raise TooManySites(most=300)

    monkeypatch.setitem(changes.CARRY_OUT, "move", late)
    await register.ring(effective.EFFECT, moving["id"])
    returned = await register.get(f"/amendments/{moving['id']}", owner())
    assert (returned["status"], "300" in returned["returned"]["why"]) == ("proposed", True)
    site = await register.get(f"/sites/{filing['sites'][0]['id']}", owner())
    assert (site["number"], site["version"]) == (f"{filing['number']}-1", 2)
    assert len(await register.told(SiteRecordedV1)) == told, "nothing was told of what never was"
    assert await register.history(site["id"]) == ["propose", "enter"]
    assert ("moved", OPERATOR_USCC) not in await register.notices(moving["id"])
    monkeypatch.undo()
    await _grant(register, moving)
    assert (await _read(register, filing["id"]))["status"] == "ended", "and goes on when it fits"


async def test_of_two_moves_at_the_same_moment_one_is_proposed_and_numbers_have_no_gap(register: Register) -> None:
    filings = [await register.active(a_site(domain()), uscc(50 + number)) for number in range(4)]
    moves = []
    for number, filing in enumerate(filings):
        body: dict[str, Any] = {"json": BODY, "who": owner(uscc(50 + number)), "headers": {"If-Match": '"2"'}}
        path = f"/registrations/{filing['id']}/move"
        answers = await asyncio.gather(*(register.api.post(path, **body) for _ in range(2)))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        moves.append(next(answer.json() for answer in answers if answer.status_code == 201))
    tries = [(move, way) for move in moves for way in range(2)]
    granted = await asyncio.gather(
        *(register.api.post(f"/amendments/{move['id']}/grant", json=GRANT, who=SHANGHAI) for move, _ in tries)
    )
    assert sorted(answer.status_code for answer in granted) == [200] * 4 + [409] * 4
    async with register.api.rt.db.connection() as tx:
        rows = await tx.fetch("SELECT number FROM registration WHERE region = '310000' ORDER BY number")
    serials = sorted(int(row["number"].removeprefix("沪ICP备").removesuffix("号")) for row in rows)
    assert serials == list(range(serials[0], serials[0] + 4))


async def test_a_decision_and_a_move_at_the_same_moment_do_not_miss_each_other(register: Register) -> None:
    async def arrives(site: dict[str, Any]) -> None:
        try:
            await register.decided(site)
        except TryAgain:  # it moved at this very moment: the consumer hears the fact again
            await register.decided(site)

    for number in range(4):
        code = uscc(60 + number)
        filing = await register.active(a_site(domain()), code)
        site, moving = filing["sites"][0], await _move(register, filing, owner(code))
        _, answer = await asyncio.gather(
            arrives(site), register.api.post(f"/amendments/{moving['id']}/grant", json=GRANT, who=SHANGHAI)
        )
        held = "SELECT count(*) FROM execution WHERE site_id = $1::text::uuid"
        assert await register.fetchval(held, site["id"]) == 1
        region = await _read(register, (await register.get(f"/sites/{site['id']}", owner(code)))["registration_id"])
        assert region["region"] == ("310000" if answer.status_code == 200 else "110000"), answer.text


async def test_a_kill_after_any_statement_of_a_move_leaves_nothing(register: Register) -> None:
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    await _second_site(register, filing)
    moving, rt = await _move(register, filing), register.api.rt

    async def grant() -> None:
        async with rt.db.transaction() as tx:
            await amendments.grant(tx, rt, person(SHANGHAI), UUID(moving["id"]), Stated.model_validate(GRANT))

    await survives(rt, grant)


@pytest.mark.parametrize("count", [300])
async def test_many_sites_move_in_one_transaction(register: Register, count: int) -> None:
    await register.hear(provider_recorded(OTHER_PROVIDER, "310000"))
    filing = await register.active(a_site(domain()), OPERATOR_USCC)
    for _ in range(count - 1):
        await _second_site(register, filing, accesses=[access()])
    moving = await _move(register, filing)
    started = time.perf_counter()
    await _grant(register, moving)
    took = time.perf_counter() - started
    numbers = "SELECT array_agg(ordinal ORDER BY ordinal) FROM site JOIN registration r ON r.id = registration_id"
    assert await register.fetchval(f"{numbers} WHERE r.region = '310000'") == list(range(1, count + 1))
    assert took < 30, f"{took:.1f} s"
