"""Sites that nobody hosts: found, told, put right or lapsed one by one, and given back in one step (flow B, ADR 4)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import hosting, shells
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.grounds import ActRef
from shared.contracts.registry import SiteRecordedV1
from tests.integration.registry.conftest import (
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
from tests.integration.registry.test_measures import of_operator

WHY = {"reasons": "The shop moves to another host."}
STATED = {"statement": STATEMENT}


def own(code: str) -> Any:
    return "applicant", {"organisation": code}


async def left(register: Register, code: str) -> dict[str, Any]:
    """A site whose operator left its only host."""
    site = await register.live(code)
    await register.post(f"/sites/{site['id']}/accesses/{site['accesses'][0]['id']}/end", WHY, own(code))
    return site


async def found(register: Register, code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same, and the finding about it."""
    site = await left(register, code)
    await register.ring(hosting.IDLE, site["id"])
    return site, await finding_of(register, site)


async def finding_of(register: Register, site: dict[str, Any]) -> dict[str, Any]:
    items = (await register.get("/shell-findings?limit=200", "regulator-a"))["items"]
    return dict(next(each for each in items if each["site_id"] == site["id"]))


async def due(register: Register, code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    site, finding = await found(register, code)
    await register.ring(hosting.CURE, finding["id"])
    return site, await finding_of(register, site)


async def lapsed(register: Register, finding: dict[str, Any], status: int = 200, who: Any = "regulator-a") -> Any:
    return await register.post(
        f"/shell-findings/{finding['id']}/lapse", STATED, who, status, headers={"If-Match": f'"{finding["version"]}"'}
    )


async def hosted(register: Register, site: dict[str, Any]) -> None:
    """The operator finds another host, and the regulator agrees."""
    proposed = await register.propose(site, a_site(site["domains"][0], accesses=[access(provider=OTHER_PROVIDER)]))
    await register.post(f"/amendments/{proposed['id']}/grant", STATED, "regulator-a")


async def test_a_site_without_a_host_is_found_told_lapsed_and_given_back_under_the_same_number(
    register: Register,
) -> None:
    code = uscc(900_000_001)
    site, finding = await found(register, code)
    assert (finding["status"], finding["hosted_now"], finding["number"]) == ("open", False, site["number"])
    assert await register.notices(finding["id"]) == [("shell_found", code)]
    assert (await lapsed(register, finding, 409))["code"] == "action_refused", "not before the time to cure is over"
    await register.ring(hosting.CURE, finding["id"])
    assert (await register.get(f"/sites/{site['id']}", "auditor"))["status"] == "live", "nothing lapses by itself"
    finding = await finding_of(register, site)
    gone = await lapsed(register, finding)
    assert (gone["status"], gone["says"]["redress"]["body"]["id"]) == ("lapsed", "review-110000")
    now = await register.get(f"/sites/{site['id']}", "auditor")
    assert (now["status"], now["number"], now["domains"]) == ("lapsed", site["number"], site["domains"])
    assert (await register.told(SiteRecordedV1))[-1].status == "lapsed"
    back = await register.post(f"/shell-findings/{finding['id']}/undoing", WHY, own(code))
    assert back["status"] == "undone"
    now = await register.get(f"/sites/{site['id']}", "auditor")
    assert (now["status"], now["number"], now["domains"]) == ("live", site["number"], site["domains"])
    assert [kind for kind, _ in await register.notices(finding["id"])] == [
        "shell_found", "shell_lapsed", "shell_undone",
    ]  # fmt: skip
    await register.ring(hosting.IDLE, site["id"])  # the clock begins anew
    assert (await finding_of(register, site))["id"] != finding["id"]


async def test_a_lapse_bars_nobody_and_its_names_are_kept_for_a_while(register: Register) -> None:
    code = uscc(901_000_001)
    site, finding = await due(register, code)
    await lapsed(register, finding)
    await register.submitted(a_site(domain()), code, kind="licence")
    body = {"operator_id": await register.operator(uscc(901_000_002)), "kind": "filing",
            "site": a_site(site["domains"][0])}  # fmt: skip
    assert (await register.refused("/registrations", body, "regulator-a"))["code"] == "not_admitted"
    register.clock.advance(shells.NAMES_KEPT + timedelta(seconds=1))
    await register.post("/registrations", body, "regulator-a", 201)
    refused = await register.refused(f"/shell-findings/{finding['id']}/undoing", WHY, own(code))
    assert refused["code"] == "not_admitted", "somebody else has the name by now, and the answer says so"


@pytest.mark.parametrize("when", ["before", "open", "due"])
async def test_whoever_finds_a_host_in_time_is_left_alone(register: Register, when: str) -> None:
    code = uscc(902_000_001)
    site = await left(register, code)
    if when != "before":
        await register.ring(hosting.IDLE, site["id"])
    if when == "due":
        await register.ring(hosting.CURE, (await finding_of(register, site))["id"])
    await hosted(register, site)
    running = await register.fetchval(
        "SELECT count(*) FROM deadline WHERE kind LIKE 'shell_%' AND met_at IS NULL AND breached_at IS NULL"
    )
    assert running == 0
    if when == "before":
        assert (await register.get("/shell-findings", "regulator-a"))["items"] == []
    else:
        finding = await finding_of(register, site)
        assert finding["status"] == "cured"
        assert (await lapsed(register, finding, 409))["code"] == "action_refused"


async def test_whoever_is_about_to_find_a_host_does_not_lapse(register: Register) -> None:
    code = uscc(903_000_001)
    site, finding = await due(register, code)
    await register.propose(site, a_site(site["domains"][0], accesses=[access(provider=OTHER_PROVIDER)]))
    assert (await lapsed(register, finding, 409))["code"] == "hosted_again"


async def test_a_site_that_is_being_decided_about_does_not_lapse(register: Register) -> None:
    site, finding = await due(register, uscc(904_000_001))
    await register.decided(site)
    assert (await lapsed(register, finding, 409))["code"] == "under_measure"


async def test_who_signs_has_looked_at_what_is_so_now_and_nobody_else_lets_anything_lapse(register: Register) -> None:
    _, finding = await due(register, uscc(905_000_001))
    for who in ("shanghai-regulator-a", "national-a", "drugs-a", "applicant", "auditor"):
        await lapsed(register, finding, 403, who)
    await register.post(f"/shell-findings/{finding['id']}/lapse", STATED, "regulator-a", 428)
    old = {**finding, "version": finding["version"] - 1}
    assert (await lapsed(register, old, 412))["code"] == "precondition_failed"
    await lapsed(register, finding)
    assert (await lapsed(register, finding, 409))["code"] == "action_refused"


async def test_the_regulator_can_let_a_finding_be(register: Register) -> None:
    site, finding = await due(register, uscc(906_000_001))
    path = f"/shell-findings/{finding['id']}/dismissal"
    assert (await register.post(path, WHY, "regulator-a"))["status"] == "dismissed"
    assert (await register.refused(path, WHY, "regulator-a"))["code"] == "action_refused"
    assert (await register.get(f"/sites/{site['id']}", "auditor"))["status"] == "live"


async def test_a_gap_in_the_directory_keeps_no_site_from_being_given_back(register: Register) -> None:
    site, finding = await due(register, uscc(907_000_002))
    act = ActRef.model_validate((await lapsed(register, finding))["challenge"])
    known = list(register.api.rt.directory)
    register.api.rt.directory.load([each for each in known if each.organisation_id != "industry-110000"])
    await register.appealed(act, "upheld")
    assert (await register.get(f"/sites/{site['id']}", "auditor"))["status"] == "live"
    assert (await register.notices(finding["id"]))[-1][0] == "shell_undone"


@pytest.mark.parametrize("outcome", ["upheld", "overdue"])
async def test_a_won_or_late_appeal_gives_the_site_back(register: Register, outcome: str) -> None:
    site, finding = await due(register, uscc(907_000_001))
    act = ActRef.model_validate((await lapsed(register, finding))["challenge"])
    assert act.id == UUID(finding["id"])
    await register.appealed(act, outcome)
    await register.appealed(act, outcome)
    assert (await register.get(f"/sites/{site['id']}", "auditor"))["status"] == "live"


def closed(*, active: bool, version: int) -> ProviderRecordedV1:
    fact = provider_recorded()
    return fact.model_copy(update={"status": "active" if active else "closed", "version": version})


async def test_when_a_provider_closes_the_clock_of_its_sites_runs_and_stops_when_it_is_there_again(
    register: Register,
) -> None:
    alone = await register.live(uscc(908_000_001))
    two = await register.live(uscc(908_000_002), accesses=[access(), access(provider=OTHER_PROVIDER)])
    await register.hear(closed(active=False, version=100))
    provider = provider_recorded().provider_id
    await register.ring(hosting.GONE, provider)
    items = (await register.get("/shell-findings", "regulator-a"))["items"]
    assert [each["site_id"] for each in items] == [alone["id"]], "the other one is hosted elsewhere"
    assert two["status"] == "live"
    await register.hear(closed(active=True, version=101))
    assert (await finding_of(register, alone))["status"] == "cured"


async def test_many_sites_of_one_provider_are_found_in_turns(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shells, "AT_ONCE", 2)
    for number in range(5):
        await register.live(uscc(909_000_000 + number))
    await register.hear(closed(active=False, version=100))
    provider = provider_recorded().provider_id
    for expected in (2, 4, 5):
        await register.ring(hosting.GONE, provider)
        assert await register.fetchval("SELECT count(*) FROM shell_finding") == expected
        again = await register.fetchval("SELECT max(due_at) FROM deadline WHERE kind = $1", hosting.GONE)
        assert (again > register.clock.now()) == (expected < 5), "it rings for the others, and no more"


async def test_a_host_and_a_lapse_at_the_same_moment_leave_one_of_them(register: Register) -> None:
    for number in range(4):
        site, finding = await due(register, uscc(910_000_000 + number))
        register_path = f"/shell-findings/{finding['id']}"
        await asyncio.gather(
            register.api.post(f"{register_path}/lapse", json=STATED, who="regulator-a",
                              headers={"If-Match": f'"{finding["version"]}"'}),
            register.api.post(f"{register_path}/dismissal", json=WHY, who="regulator-b"),
        )  # fmt: skip
        now = (await finding_of(register, site))["status"]
        status = (await register.get(f"/sites/{site['id']}", "auditor"))["status"]
        assert (now, status) in {("lapsed", "lapsed"), ("dismissed", "live")}


async def test_an_appeal_is_won_also_when_somebody_else_has_a_name_by_now(register: Register) -> None:
    site, finding = await due(register, uscc(911_000_001))
    act = ActRef.model_validate((await lapsed(register, finding))["challenge"])
    register.clock.advance(shells.NAMES_KEPT + timedelta(seconds=1))
    await register.active(a_site(site["domains"][0]), uscc(911_000_002))
    await register.appealed(act, "upheld")
    now = await register.get(f"/sites/{site['id']}", "auditor")
    assert (now["status"], now["domains"]) == ("live", []), "the site is back, and who has its name keeps that"


async def test_a_lapsed_site_that_its_operator_gives_up_is_not_given_back(register: Register) -> None:
    code = uscc(912_000_001)
    site, finding = await due(register, code)
    await lapsed(register, finding)
    await register.post(f"/sites/{site['id']}/deregistration", WHY, own(code))
    assert (await finding_of(register, site))["status"] == "cured"
    refused = await register.refused(f"/shell-findings/{finding['id']}/undoing", WHY, own(code))
    assert refused["code"] == "action_refused"


async def test_what_is_served_under_the_name_of_a_lapsed_site_is_a_found_site(register: Register) -> None:
    site, finding = await due(register, uscc(913_000_001))
    await lapsed(register, finding)
    found = {"kind": "found_site", "host": site["domains"][0], "provider_id": str(OTHER_PROVIDER)}
    decision = of_operator("", subject=found, effect="cut_access", operator=None, until=None)
    await register.hear(decision)
    assert (await register.carried_out(decision))["status"] == "carried_out"


async def test_a_stop_that_ends_sets_the_clock_of_a_site_without_a_host(register: Register) -> None:
    code = uscc(914_000_001)
    site = await left(register, code)
    decision = await register.decided(site, "suspend_access", until="2027-01-01T00:00:00Z")
    await register.carried_out(decision)
    await register.ring(hosting.IDLE, site["id"])
    assert (await register.get("/shell-findings", "regulator-a"))["items"] == [], "it is stopped, so nothing is found"
    await register.overturned(decision)
    await register.ring(hosting.IDLE, site["id"])
    assert (await finding_of(register, site))["status"] == "open"


async def left_again(register: Register, site: dict[str, Any], code: str) -> None:
    """The operator leaves its host once more."""
    now = await register.get(f"/sites/{site['id']}", owner(code))
    live = [each for each in now["accesses"] if each["status"] == "live"]
    for each in live:
        await register.post(f"/sites/{site['id']}/accesses/{each['id']}/end", WHY, own(code))


async def again(register: Register, code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A finding about a site whose operator found a host for the one before, and left it the next day."""
    site, first = await found(register, code)
    await hosted(register, site)
    assert (await finding_of(register, site))["status"] == "cured"
    register.clock.advance(timedelta(days=1))
    await left_again(register, site, code)
    await register.ring(hosting.IDLE, site["id"])
    second = await finding_of(register, site)
    assert second["id"] != first["id"]
    return site, second


async def test_a_host_ends_a_finding_once_in_so_long_and_found_anew_it_stands_without_effect(
    register: Register,
) -> None:
    code = uscc(920_000_001)
    site, finding = await again(register, code)
    register.clock.advance(timedelta(days=20))
    await hosted(register, site)
    rests = await finding_of(register, site)
    assert (rests["id"], rests["status"], rests["hosted_now"]) == (finding["id"], "open", True)
    assert rests["hosted_at"] is not None
    assert [kind for kind, _ in await register.notices(finding["id"])] == ["shell_found", "shell_hosted"]
    await hosted_elsewhere(register, site)
    assert len(await register.notices(finding["id"])) == 2, "another host is no news"
    assert (await lapsed(register, rests, 409))["code"] == "action_refused", "nothing follows while it is hosted"
    await register.ring(hosting.AGAIN, finding["id"])
    assert (await finding_of(register, site))["status"] == "cured"
    assert await running(register) == 0


async def test_whoever_loses_the_host_again_has_what_was_left_of_its_time(register: Register) -> None:
    code = uscc(921_000_001)
    site, finding = await again(register, code)
    register.clock.advance(timedelta(days=20))
    await hosted(register, site)
    rests, at = await finding_of(register, site), register.clock.now()
    register.clock.advance(timedelta(days=100))
    await left_again(register, site, code)
    goes_on = await finding_of(register, site)
    remaining = when(rests["cure_until"]) - at
    assert timedelta(days=39) < remaining < timedelta(days=42)
    assert (goes_on["status"], goes_on["hosted_at"]) == ("open", None)
    assert when(goes_on["cure_until"]) == register.clock.now() + remaining
    kinds = [kind for kind, _ in await register.notices(finding["id"])]
    assert kinds == ["shell_found", "shell_hosted", "shell_found"]
    await register.ring(hosting.CURE, finding["id"])
    assert register.clock.now() == when(goes_on["cure_until"])
    await lapsed(register, await finding_of(register, site))
    assert await running(register) == 0


async def test_what_was_due_and_hosted_is_due_again_and_nobody_lapses_while_hosted(register: Register) -> None:
    code = uscc(922_000_001)
    site, finding = await again(register, code)
    await register.ring(hosting.CURE, finding["id"])
    await hosted(register, site)
    rests = await finding_of(register, site)
    assert (rests["status"], rests["hosted_now"]) == ("due", True)
    assert (await lapsed(register, rests, 409))["code"] == "hosted_again"
    await left_again(register, site, code)
    await lapsed(register, await finding_of(register, site))


async def test_after_so_long_a_host_ends_a_finding_at_once_again(register: Register) -> None:
    code = uscc(923_000_001)
    site, finding = await again(register, code)
    await hosted(register, site)
    await left_again(register, site, code)
    register.clock.advance(timedelta(days=366))
    await register.ring(hosting.AGAIN, finding["id"])
    assert (await finding_of(register, site))["status"] == "open", "nobody hosts it when that time is over"
    await hosted(register, site)
    assert (await finding_of(register, site))["status"] == "cured"


async def test_a_provider_that_comes_and_goes_keeps_no_shell_for_ever(register: Register) -> None:
    site = await register.live(uscc(924_000_001))
    provider = provider_recorded().provider_id

    async def turn(version: int) -> dict[str, Any]:
        await register.hear(closed(active=False, version=version))
        await register.ring(hosting.GONE, provider)
        await register.hear(closed(active=True, version=version + 1))
        register.clock.advance(timedelta(days=1))
        return await finding_of(register, site)

    assert (await turn(100))["status"] == "cured"
    second = await turn(102)
    assert (second["status"], second["hosted_now"]) == ("open", True)
    await register.hear(closed(active=False, version=104))
    now = await finding_of(register, site)
    assert (now["id"], now["hosted_at"]) == (second["id"], None), "its time goes on"
    await register.ring(hosting.CURE, second["id"])
    assert (await finding_of(register, site))["status"] == "due"


async def test_many_findings_that_rest_at_one_provider_are_each_looked_at_once(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "AT_ONCE", 2)
    made = [await register.live(uscc(925_000_000 + number)) for number in range(5)]
    provider = provider_recorded().provider_id
    for version, expected in ((100, "cured"), (102, "open")):
        await register.hear(closed(active=False, version=version))
        await register.ring(hosting.GONE, provider)
        await asyncio.wait_for(register.hear(closed(active=True, version=version + 1)), 10)
        register.clock.advance(timedelta(days=1))
        assert {(await finding_of(register, site))["status"] for site in made} == {expected}


async def test_what_was_stopped_or_given_up_counts_as_no_host_that_was_found(register: Register) -> None:
    code = uscc(926_000_001)
    site = await left(register, code)
    await register.ring(hosting.IDLE, site["id"])
    decision = await register.decided(site, "suspend_access", until="2027-08-01T00:00:00Z")
    await register.carried_out(decision)
    await register.ring(hosting.CURE, (await finding_of(register, site))["id"])
    assert (await finding_of(register, site))["status"] == "cured", "it is stopped: something else is done about it"
    await register.overturned(decision)
    await register.ring(hosting.IDLE, site["id"])
    assert (await finding_of(register, site))["status"] == "open"
    await hosted(register, site)
    assert (await finding_of(register, site))["status"] == "cured"


async def running(register: Register) -> int:
    count: int = await register.fetchval(
        "SELECT count(*) FROM deadline WHERE kind LIKE 'shell_%' AND met_at IS NULL AND breached_at IS NULL"
        " AND due_at > $1",
        register.clock.now(),
    )  # fmt: skip
    return count


async def hosted_elsewhere(register: Register, site: dict[str, Any]) -> None:
    """From one host to another, without a day between."""
    proposed = await register.propose(site, a_site(site["domains"][0], accesses=[access("198.18.0.77")]))
    await register.post(f"/amendments/{proposed['id']}/grant", STATED, "regulator-a")


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_finding_says_since_when_nobody_hosts_the_site_however_late_it_is_found(register: Register) -> None:
    site = await left(register, uscc(919_000_001))
    gone = register.clock.now()
    register.clock.advance(timedelta(days=400))  # nobody looked for more than a year
    await register.ring(hosting.IDLE, site["id"])
    finding = await finding_of(register, site)
    assert when(finding["since"]) == gone
    assert when(finding["found_at"]) == register.clock.now()
