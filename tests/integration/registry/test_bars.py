"""The barred list (N4.5): who is on it and from when, which names go with a bar, and that everybody can follow it."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from concord.sdk.barred import Chain
from registry.service import bars
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.bars import BarredChanges, BarredList
from shared.contracts.registry import BarRecordedV1
from tests.integration.registry.conftest import PROVIDER, Register, a_site, domain, uscc
from tests.integration.registry.listing import Sender, provider, record
from tests.integration.registry.test_measures import of_operator


async def read(register: Register, path: str = "/barred-list") -> dict[str, Any]:
    answer = await register.api.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def barred(register: Register, number: int) -> tuple[dict[str, Any], DecisionReleasedV1, dict[str, Any]]:
    """An operator whose one site was revoked, and who was barred for it: site, decision of the bar, execution."""
    site = await register.live(uscc(number))
    await register.carried_out(await register.decided(site))
    decision = of_operator(site["operator_id"], operator={"identity": uscc(number), "name": "Example"})
    await register.hear(decision)
    return site, decision, await register.carried_out(decision)


async def begun(register: Register, execution: dict[str, Any]) -> None:
    await register.ring("bar_begins", execution["id"])


async def asks(register: Register, host: str, code: str) -> tuple[int, str]:
    """Somebody asks for a site under this name."""
    body = {"operator_id": await register.operator(code), "kind": "filing", "site": a_site(host)}
    answer = await register.api.post("/registrations", json=body, who="regulator-a")
    return answer.status_code, answer.text


async def test_n4_5_a_bar_is_listed_from_its_beginning_to_its_end_and_who_is_on_it_is_told(register: Register) -> None:
    site, decision, execution = await barred(register, 800_000_001)
    assert execution["preview"]["hosts"] == site["domains"], "two people signed the names that go with it"
    assert (await read(register))["entries"] == [], "not before the time to appeal is over"
    await begun(register, execution)
    whole = await read(register)
    [entry] = whole["entries"]
    assert (entry["identity"], entry["names"]) == (uscc(800_000_001), site["domains"])
    assert entry["decision_id"] == str(decision.decision_id)
    assert entry["redress"]["body"]["id"] == "review-110000"
    assert entry["reasons"], "with public reasons"
    await register.ring("execution_end", execution["id"])
    assert (await read(register))["entries"] == []
    kinds = [kind for kind, _ in await register.notices(execution["id"])]
    assert kinds == ["executed", "barred", "undone", "unbarred"] or kinds == [
        "executed",
        "barred",
        "unbarred",
        "undone",
    ]
    assert [each.listed for each in await register.told(BarRecordedV1)] == [True, False]


async def test_the_changes_chain_without_a_gap_and_add_up_to_the_list(register: Register) -> None:
    made = [await barred(register, 801_000_000 + number) for number in range(3)]
    for _, _, execution in made:
        await begun(register, execution)
    await register.overturned(made[1][1])
    found = await read(register, "/barred-list/changes?after=0")
    before, entries = "", dict[str, Any]()
    for place, change in enumerate(found["changes"], 1):
        said = f"{before}\n{place}\n{change['change']}\n{change['digest']}"
        assert (change["seq"], change["hash"]) == (place, hashlib.sha256(said.encode()).hexdigest())
        before = change["hash"]
        if change["text"] is not None:
            assert hashlib.sha256(change["text"].encode()).hexdigest() == change["digest"]
        if change["change"] == "listed":
            entries[change["execution_id"]] = change["entry"]
        else:
            del entries[change["execution_id"]]
    whole = await read(register)
    assert (whole["seq"], whole["hash"]) == (4, before)
    assert sorted(each["execution_id"] for each in whole["entries"]) == sorted(entries)
    assert (await read(register, "/barred-list/changes?after=3"))["changes"] == found["changes"][3:]


async def test_an_appeal_takes_a_bar_off_the_list_and_its_rejection_puts_it_there(register: Register) -> None:
    _, decision, execution = await barred(register, 802_000_001)
    act = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id)
    await begun(register, execution)
    for outcome, listed in (("filed", 0), ("rejected", 1), ("filed", 0), ("upheld", 0)):
        await register.appealed(act, outcome)
        assert len((await read(register))["entries"]) == listed, outcome
    await register.overturned(decision)
    assert (await read(register))["entries"] == []


async def test_a_bar_waits_for_its_beginning_also_when_its_clock_rings_during_an_appeal(register: Register) -> None:
    _, decision, execution = await barred(register, 803_000_001)
    act = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id)
    await register.appealed(act, "filed")
    await begun(register, execution)
    assert (await read(register))["entries"] == []
    await register.appealed(act, "rejected")
    assert len((await read(register))["entries"]) == 1


async def test_a_withdrawn_appeal_lets_a_bar_begin_when_nobody_can_appeal_any_more_and_no_sooner(
    register: Register,
) -> None:
    _, decision, execution = await barred(register, 803_000_002)
    act = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id)
    for outcome in ("filed", "withdrawn"):
        await register.appealed(act, outcome)
        assert (await read(register))["entries"] == [], outcome
    await begun(register, execution)
    assert len((await read(register))["entries"]) == 1
    for outcome, listed in (("filed", 0), ("withdrawn", 1)):
        await register.appealed(act, outcome)
        assert len((await read(register))["entries"]) == listed, outcome


async def test_what_a_review_body_entered_for_an_operator_and_rejected_lets_no_bar_begin_before_its_time(
    register: Register,
) -> None:
    _, decision, execution = await barred(register, 803_000_003)
    act = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id)
    await register.appealed(act, "filed")
    await register.appealed(act, "rejected", on_behalf=True)
    assert (await read(register))["entries"] == [], "the operator itself can still appeal"
    await begun(register, execution)
    assert len((await read(register))["entries"]) == 1


async def test_the_names_of_a_barred_operator_and_all_below_them_go_to_nobody(register: Register) -> None:
    site, _, execution = await barred(register, 804_000_001)
    [name], straw = site["domains"], uscc(804_000_002)
    assert (await asks(register, f"early.{name}", uscc(804_000_003)))[0] == 201, "not before the bar begins"
    await begun(register, execution)
    for host in (f"shop.{name}", f"a.b.{name}", f"SHOP2.{name}.", f"shop。{name}"):
        status, said = await asks(register, host, straw)
        assert (status, "barred" in said) == (409, True), host
    assert (await asks(register, f"not{name}", straw))[0] == 201, "another name, not one below"


async def test_a_domain_that_others_live_under_is_not_barred_with_one_name_of_it(
    register: Register,
) -> None:
    platform = domain()
    neighbour = await register.live(uscc(805_000_001), domains=[f"good.{platform}"])
    bad = await register.live(uscc(805_000_002), domains=[f"bad.{platform}"])
    await register.carried_out(await register.decided(bad))
    decision = of_operator(bad["operator_id"], operator={"identity": uscc(805_000_002), "name": "Example"})
    await register.hear(decision)
    execution = await register.carried_out(decision)
    await begun(register, execution)
    [entry] = (await read(register))["entries"]
    assert (entry["names"], entry["names_alone"]) == ([f"bad.{platform}"], [])
    assert (await asks(register, f"new.{platform}", uscc(805_000_003)))[0] == 201
    assert (await asks(register, f"x.bad.{platform}", uscc(805_000_004)))[0] == 409
    change = {**a_site(neighbour["domains"][0]), "name": "Another name"}
    await register.propose(neighbour, change)


async def test_a_site_that_is_given_back_bars_no_name(register: Register) -> None:
    site = await register.live(uscc(806_000_001))
    revocation = await register.decided(site)
    await register.carried_out(revocation)
    decision = of_operator(site["operator_id"], operator={"identity": uscc(806_000_001), "name": "Example"})
    await register.hear(decision)
    await begun(register, await register.carried_out(decision))
    host = f"shop.{site['domains'][0]}"
    assert (await asks(register, host, uscc(806_000_002)))[0] == 409
    await register.overturned(revocation)
    assert (await asks(register, host, uscc(806_000_002)))[0] == 201


async def test_a_bar_that_has_not_begun_is_listed_by_no_site_that_comes_back(register: Register) -> None:
    site = await register.live(uscc(812_000_001))
    revocation = await register.decided(site)
    await register.carried_out(revocation)
    decision = of_operator(site["operator_id"], operator={"identity": uscc(812_000_001), "name": "Example"})
    await register.hear(decision)
    await register.carried_out(decision)
    await register.overturned(revocation)
    assert (await read(register))["entries"] == []
    assert await register.told(BarRecordedV1) == []


async def test_a_person_on_the_list_is_not_named(register: Register) -> None:
    number = "11010519491231002X"
    body = {"kind": "person", "region": "110000", "document": {"kind": "resident_id", "number": number},
            "particulars": {"name": "Zhang San"}}  # fmt: skip
    operator = await register.post("/operators", body, "regulator-a", 201)
    decision = of_operator(operator["id"], operator={"identity": operator["identity"], "name": "Zhang San"})
    await register.hear(decision)
    await begun(register, await register.carried_out(decision))
    text = (await register.api.get("/barred-list")).text
    assert "Zhang" not in text and operator["identity"] not in text and number not in text  # noqa: PT018
    [entry] = (await read(register))["entries"]
    assert entry["identity"] is None


async def test_changes_at_the_same_moment_get_numbers_without_a_gap(register: Register) -> None:
    made = [await barred(register, 807_000_000 + number) for number in range(4)]
    longest = timedelta(days=70)
    register.clock.advance(longest)
    acts = [ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id) for _, decision, _ in made]
    await asyncio.gather(*(register.appealed(act, "rejected") for act in acts))
    found = await read(register, "/barred-list/changes")
    assert [each["seq"] for each in found["changes"]] == [1, 2, 3, 4]


async def test_a_client_verifies_the_whole_list_from_its_first_change_on(register: Register) -> None:
    chain = Chain()
    for number in (800_000_091, 800_000_092):
        _, _, execution = await barred(register, number)
        await begun(register, execution)
    await register.ring("execution_end", execution["id"])
    changes = BarredChanges.model_validate(await read(register, "/barred-list/changes?after=0"))
    chain.take(changes.changes)
    chain.require(BarredList.model_validate(await read(register)))
    assert [each.change for each in chain.changes] == ["listed", "listed", "removed"]


async def test_a_clock_that_rings_a_moment_early_lists_a_bar_all_the_same(register: Register) -> None:
    _, _, execution = await barred(register, 808_000_001)
    begins = await register.fetchval("SELECT bar_from FROM execution WHERE effect = 'bar'")
    register.clock.advance(begins - register.clock.now() - timedelta(milliseconds=10))
    async with register.api.rt.db.transaction() as tx:
        await bars.ring(register.api.rt, tx, UUID(execution["id"]))
    assert len((await read(register))["entries"]) == 1, "it rings by the database's time"


async def test_the_list_names_no_site_that_was_given_back_and_tells_no_bar_that_fell(register: Register) -> None:
    site = await register.live(uscc(809_000_001))
    revocation = await register.decided(site)
    await register.carried_out(revocation)
    decision = of_operator(site["operator_id"], operator={"identity": uscc(809_000_001), "name": "Example"})
    await register.hear(decision)
    await begun(register, await register.carried_out(decision))
    await register.overturned(revocation)
    assert (await read(register))["entries"][0]["names"] == []
    await register.overturned(decision)
    told = (await read(register, "/barred-list/changes"))["changes"]
    assert [each["change"] for each in told] == ["listed", "listed", "removed"]
    assert all(each["entry"] is None and each["text"] is None for each in told), "what fell is told no more"
    before = ""
    for change in told:
        said = f"{before}\n{change['seq']}\n{change['change']}\n{change['digest']}"
        before = hashlib.sha256(said.encode()).hexdigest()
        assert change["hash"] == before, "and the chain holds without it"


async def test_a_name_of_somebody_elses_domain_bars_nothing_of_that_domain(register: Register) -> None:
    platform = domain()
    await barred_under(register, f"shop.{platform}", 810_000_001)
    assert (await asks(register, f"other.{platform}", uscc(810_000_002)))[0] == 201
    assert (await asks(register, f"a.shop.{platform}", uscc(810_000_003)))[0] == 409
    await barred_under(register, f"www.{domain()}", 810_000_004)
    names = [each["names"] for each in (await read(register))["entries"]]
    assert names[-1][0].startswith("site-"), "www stands for the domain whose it is"


async def test_where_others_live_below_a_barred_name_it_is_barred_alone(register: Register) -> None:
    platform = domain()
    await register.live(uscc(811_000_001), domains=[f"tenant.{platform}"])
    await barred_under(register, platform, 811_000_002)
    [entry] = (await read(register))["entries"]
    assert (entry["names"], entry["names_alone"]) == ([], [platform])
    assert (await asks(register, f"new.{platform}", uscc(811_000_003)))[0] == 201


async def alone(register: Register, number: int) -> str:
    """A name that is barred alone, since others live below it."""
    platform = domain()
    await register.live(uscc(number), domains=[f"tenant.{platform}"])
    await barred_under(register, f"www.{platform}", number + 1)
    return platform


async def test_a_name_barred_alone_bars_no_neighbour_that_is_asked_about_with_it(register: Register) -> None:
    platform, me = await alone(register, 812_000_000), provider()
    questions = [record(platform), record(f"new.{platform}"), record(f"a.new.{platform}")]
    many = await register.post("/preflight/batch", {"questions": questions}, me)
    one_by_one = [await register.post("/preflight", question, me) for question in questions]
    assert [each["jws"] for each in many["results"]] == [each["jws"] for each in one_by_one]
    said = [[reason["code"] for reason in each["reasons"]] for each in one_by_one]
    assert said == [["unregistered", "barred"], ["unregistered"], ["unregistered"]]


async def test_a_name_barred_alone_costs_no_neighbour_its_application_or_import(register: Register) -> None:
    platform = await alone(register, 813_000_000)
    records = [
        {"operator_id": await register.operator(uscc(813_000_003 + place)), "kind": "filing", "site": a_site(host)}
        for place, host in enumerate([platform, f"new.{platform}"])
    ]
    results = (await register.post("/submissions", {"records": records}, "regulator-a"))["results"]
    assert [each["status"] for each in results] == ["refused", "submitted"]
    rows = [
        {"operator_name": "Shop Ltd", "operator_uscc": uscc(813_000_005 + place), "region": "110000",
         "site_name": "Shop", "domain": host, "provider_id": str(PROVIDER), "ips": "198.18.0.10"}
        for place, host in enumerate([platform, f"next.{platform}"])
    ]  # fmt: skip
    lines, headers = b"\n".join(json.dumps(row).encode() for row in rows), {"Content-Type": "application/x-ndjson"}
    answer = await register.api.post("/imports", content=lines, who="regulator-a", headers=headers)
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 1), answer.text


async def test_a_name_barred_alone_makes_no_neighbour_on_a_list_barred(register: Register) -> None:
    platform, sender = await alone(register, 814_000_000), Sender(register)
    await sender.hosts(record(platform), record(f"new.{platform}"))
    assert await sender.found() == {(platform, "barred"), (f"new.{platform}", "unregistered")}


async def barred_under(register: Register, host: str, number: int) -> None:
    """An operator whose one site under this name was revoked, and who is on the list for it."""
    site = await register.live(uscc(number), domains=[host])
    await register.carried_out(await register.decided(site))
    decision = of_operator(site["operator_id"], operator={"identity": uscc(number), "name": "Example"})
    await register.hear(decision)
    await begun(register, await register.carried_out(decision))
