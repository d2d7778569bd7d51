"""Lists beside the register: findings with notice, answer and cure; silence is escalated, and no site is touched."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.consumer import DEADLINES
from registry.service import escalating, reconciling
from shared.contracts.access import (
    OrderAnsweredV1,
    OrderContestedV1,
    OrderExecutedV1,
    OrderFact,
    OrderOverdueV1,
    OrderQueuedV1,
    OrderReceivedV1,
    OrderReleasedV1,
    OrderWithdrawnV1,
)
from shared.contracts.hosted import FindingClosedV1, FindingEscalatedV1
from tests.integration.registry.conftest import (
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    access,
    domain,
    owner,
    provider_recorded,
    uscc,
)
from tests.integration.registry.listing import WHY, Sender, ordered, provider, record, revoked
from tests.integration.registry.test_measures import of_operator
from tests.support.crash import everything, survives

SAID = {"reasons": "The register is right: the address was never moved."}
ASIDE = {
    "audit", "deadline", "delivery", "history", "hosted", "hosted_finding", "hosted_unread", "inventory",
    "inventory_batch", "notice", "outbox",
}  # fmt: skip
"""What lists, findings and telling of them write."""


async def escalated(sender: Sender, **more: Any) -> dict[str, Any]:
    """A finding that nobody answered."""
    await sender.hosts(record(domain(), **more))
    (finding,) = await sender.findings(status="open")
    await sender.register.ring(reconciling.CURE, finding["id"])
    return await sender.register.get(f"/hosted-findings/{finding['id']}", sender.who)


async def test_n4_2_2_each_way_in_which_list_and_register_differ_is_a_finding_and_what_agrees_is_none(
    register: Register,
) -> None:
    sender, other = Sender(register), uscc(700_000_001)
    fine, stopped = await register.live(), await register.live()
    await register.carried_out(await register.decided(
        stopped, "suspend_access", until=register.clock.now() + timedelta(days=30)))  # fmt: skip
    elsewhere = await register.live(accesses=[access("198.18.0.12", provider=OTHER_PROVIDER)])
    asked = (await register.submitted(a_site(domain()), other))["sites"][0]["domains"][0]
    moving = await register.live()
    await register.propose(moving, a_site(moving["domains"][0], domains=[moving["domains"][0], added := domain()]))
    gone = await register.live(uscc(700_000_002))
    await revoked(register, gone, OrderReleasedV1, OrderExecutedV1)
    unknown, below = domain(), f"www.{fine['domains'][0]}"
    await sender.hosts(
        record(fine["domains"][0], number=fine["number"]), record(below), record(asked), record(unknown),
        record(stopped["domains"][0], number="京ICP备99999999号"), record(elsewhere["domains"][0], "198.18.0.12"),
        record(gone["domains"][0]), record(f"a.{gone['domains'][0]}"),
        record(added, "198.18.0.66", number=fine["number"]),
    )  # fmt: skip
    assert await sender.found() == {
        (unknown, "unregistered"), (stopped["domains"][0], "number_differs"),
        (elsewhere["domains"][0], "address_differs"), (gone["domains"][0], "revoked"),
        (f"a.{gone['domains'][0]}", "revoked"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "facts",
    [
        (),  # what is held in its withdraw window, nobody else hears of
        (OrderQueuedV1,),
        (OrderReleasedV1,),
        (OrderReleasedV1, OrderContestedV1),
        (OrderReleasedV1, OrderContestedV1, OrderAnsweredV1),
        (OrderQueuedV1, OrderWithdrawnV1),
    ],
    ids=lambda facts: "+".join(fact.TYPE for fact in facts) or "none",
)
async def test_no_finding_presses_a_host_to_stop_before_it_carried_out_an_order(
    register: Register, facts: tuple[type[OrderFact], ...]
) -> None:
    sender, site = Sender(register), await register.live()
    execution = await revoked(register, site, *facts)
    await sender.hosts(record(site["domains"][0]), record(f"a.{site['domains'][0]}"))
    assert await sender.found() == set()
    await ordered(register, execution, OrderReleasedV1, OrderExecutedV1)
    await sender.looked()
    assert await sender.found() == {(site["domains"][0], "revoked"), (f"a.{site['domains'][0]}", "revoked")}


async def test_no_finding_presses_a_host_to_stop_what_it_was_told_to_host_again(register: Register) -> None:
    sender, site = Sender(register), await register.live()
    execution = await revoked(register, site, OrderReleasedV1, OrderExecutedV1)
    await sender.hosts(record(site["domains"][0]))
    assert await sender.found() == {(site["domains"][0], "revoked")}
    again = await ordered(register, execution, OrderReleasedV1, action="restore")
    await sender.looked()
    assert {each["status"] for each in await sender.findings()} == {"cured"}, "the order came before the finding's end"
    await ordered(register, execution, OrderExecutedV1, action="restore", order_id=again)
    await sender.looked()
    assert {each["status"] for each in await sender.findings()} == {"cured"}


async def test_a_host_whose_order_was_replaced_was_not_told_to_host_the_site_again(register: Register) -> None:
    """The new order is out before the first is taken back, and receipts come in any order (docs/adr/0026)."""
    sender, site = Sender(register), await register.live()
    execution = await register.carried_out(await register.decided(site))
    first = await ordered(register, execution, OrderReleasedV1, OrderExecutedV1)
    await sender.hosts(record(site["domains"][0]))
    (finding,) = await sender.findings()
    second = await ordered(register, execution, OrderReleasedV1, attempt=2)
    back = await ordered(register, execution, OrderReleasedV1, action="restore", undoes=first)
    await ordered(register, execution, OrderExecutedV1, attempt=2, order_id=second)
    await sender.looked()
    assert [each["status"] for each in await sender.findings()] == ["open"], "it was told to stop by both"
    await ordered(register, execution, OrderExecutedV1, action="restore", order_id=back)
    await sender.looked()
    assert [(each["id"], each["status"]) for each in await sender.findings()] == [(finding["id"], "open")]
    await ordered(register, execution, OrderReleasedV1, action="restore", undoes=second)
    await sender.looked()
    assert [each["status"] for each in await sender.findings()] == ["cured"], "none of its orders is left"


EXTENDED = "SELECT array_agg(why ORDER BY id) FROM history WHERE aggregate_id = $1 AND action = 'extend'"
ON_ITS_WAY: list[tuple[type[OrderFact], ...]] = [(), (OrderReceivedV1,), (OrderReceivedV1, OrderOverdueV1)]


@pytest.mark.parametrize("more", ON_ITS_WAY)
@pytest.mark.parametrize("taken_back", [False, True])
async def test_until_the_order_in_the_place_of_another_is_carried_out_a_finding_is_passed_over(
    register: Register, more: tuple[type[OrderFact], ...], taken_back: bool
) -> None:
    """Nobody knows whether list and register agree: the conduct record hears no such thing (docs/adr/0026)."""
    sender, site = Sender(register), await register.live()
    execution = await register.carried_out(await register.decided(site))
    first = await ordered(register, execution, OrderReleasedV1, OrderExecutedV1)
    name, silent = site["domains"][0], f"a.{site['domains'][0]}"
    await sender.hosts(record(name), record(silent))
    found = {each["host"]: each["id"] for each in await sender.findings()}
    await register.post(f"/hosted-findings/{found[name]}/answer", WHY, sender.who)
    second = await ordered(register, execution, OrderReleasedV1, *more, attempt=2)
    if taken_back:
        await ordered(register, execution, OrderReleasedV1, OrderExecutedV1, action="restore", undoes=first)
    await sender.hosts(record(name), record(silent), record(f"new.{name}"))
    assert {each["host"]: each["status"] for each in await sender.findings()} == {name: "answered", silent: "open"}
    await register.ring(reconciling.CURE, found[silent])
    assert (await sender.findings(status="open"))[0]["host"] == silent, "its silence is not held against it meanwhile"
    why = await register.fetchval(EXTENDED, UUID(found[silent]))
    assert why == ["An order in the place of another is on its way: nobody can say whether it differs."]
    assert (await register.told(FindingEscalatedV1), await register.told(FindingClosedV1)) == ([], [])
    await ordered(register, execution, OrderExecutedV1, attempt=2, order_id=second)
    await register.ring(reconciling.CURE, found[silent])
    assert len(await register.told(FindingEscalatedV1)) == 1, "it lists what it signed that it hosts no more"
    third = await ordered(register, execution, OrderReleasedV1, attempt=3)
    await sender.looked()
    assert await register.told(FindingClosedV1) == []
    for gone in ([] if taken_back else [first]) + [second, third]:
        await ordered(register, execution, OrderReleasedV1, OrderExecutedV1, action="restore", undoes=gone)
    await sender.looked()
    assert {each["status"] for each in await sender.findings()} == {"cured"}
    assert len(await register.told(FindingClosedV1)) == 1


async def test_what_was_found_of_the_site_while_it_stood_waits_for_no_order(register: Register) -> None:
    sender, site = Sender(register), await register.live()
    await sender.hosts(record(site["domains"][0], number="京ICP备99999999号"))
    assert {kind for _, kind in await sender.found()} == {"number_differs"}
    execution = await revoked(register, site, OrderReleasedV1, OrderExecutedV1)
    await ordered(register, execution, OrderReleasedV1, attempt=2)
    await sender.looked()
    assert await sender.found() == set()


@pytest.mark.parametrize("before", [(OrderQueuedV1, OrderWithdrawnV1), (OrderReleasedV1, OrderContestedV1)])
async def test_an_order_that_came_after_one_that_never_held_is_in_the_place_of_none(
    register: Register, before: tuple[type[OrderFact], ...]
) -> None:
    sender, site = Sender(register), await register.live()
    execution = await register.carried_out(await register.decided(site))
    first = await ordered(register, execution, *before)
    if OrderContestedV1 in before:
        await ordered(register, execution, OrderReleasedV1, OrderExecutedV1, action="restore", undoes=first)
    sent = await ordered(register, execution, OrderReleasedV1, OrderExecutedV1, attempt=2)
    await sender.hosts(record(site["domains"][0]))
    assert len(await sender.found()) == 1
    await ordered(register, execution, OrderContestedV1, attempt=2, order_id=sent)
    await sender.looked()
    assert await sender.found() == set(), "it takes back what it signed, and nothing presses it meanwhile"


@pytest.mark.parametrize("instead", [(), (OrderQueuedV1,), (OrderQueuedV1, OrderWithdrawnV1), (OrderReleasedV1,)])
async def test_what_a_host_did_by_an_order_that_was_taken_back_presses_it_no_more(
    register: Register, instead: tuple[type[OrderFact], ...]
) -> None:
    sender, site = Sender(register), await register.live()
    execution = await register.carried_out(await register.decided(site))
    first = await ordered(register, execution, OrderReleasedV1, OrderExecutedV1)
    await ordered(register, execution, *instead, attempt=2)
    await ordered(register, execution, OrderReleasedV1, OrderExecutedV1, action="restore", undoes=first)
    await ordered(register, execution, OrderExecutedV1, order_id=first)  # said again, after it was taken back
    await sender.hosts(record(site["domains"][0]))
    assert await sender.found() == set()


@pytest.mark.parametrize("again", [True, False])
async def test_no_record_says_that_a_host_did_as_its_last_order_was(register: Register, again: bool) -> None:
    sender, site = Sender(register), await register.live()
    execution = await revoked(register, site, OrderReleasedV1, OrderExecutedV1)
    await sender.hosts(record(site["domains"][0]))
    (finding,) = await sender.findings()
    if again:
        await ordered(register, execution, OrderReleasedV1, action="restore")
    await register.ring(reconciling.CURE, finding["id"])
    assert [each["status"] for each in await sender.findings()] == (["cured"] if again else ["escalated"])
    assert len(await register.told(FindingEscalatedV1)) == (not again)


async def test_who_is_no_host_of_it_in_the_register_is_asked_why_it_hosts_a_revoked_site(register: Register) -> None:
    site = await register.live(accesses=[access("198.18.0.12", provider=OTHER_PROVIDER)])
    await register.carried_out(await register.decided(site))
    sender = Sender(register)
    await sender.hosts(record(site["domains"][0], "198.18.0.12"))
    assert await sender.found() == {(site["domains"][0], "revoked")}


async def test_a_name_under_a_barred_one_is_barred(register: Register) -> None:
    sender, code = Sender(register), uscc(701_000_001)
    site = await register.live(code)
    host = site["domains"][0]
    await revoked(register, site, OrderExecutedV1)
    operator = await register.operator(code)
    bar = of_operator(
        operator, operator={"identity": code, "name": "Example"},
        until=register.clock.now() + timedelta(days=400),
    )  # fmt: skip
    await register.hear(bar)
    carried = await register.carried_out(bar)
    await register.ring("bar_begins", carried["id"])
    register.clock.advance(timedelta(days=1))
    # Its own name stays the revoked site's; one that was claimed by nobody and lies under it is barred.
    await sender.hosts(record(host), record(f"shop.{host}"))
    assert {kind for _, kind in await sender.found()} == {"revoked"}
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE claim SET status = 'released', claimed_until = NULL WHERE domain = $1", host)
    await sender.looked()
    assert await sender.found() == {(host, "barred"), (f"shop.{host}", "barred")}


async def test_the_provider_is_told_once_of_all_and_who_reads_them(register: Register) -> None:
    sender, code = Sender(register), uscc(702_000_001)
    site = await register.live(code)
    await sender.hosts(record(domain()), record(site["domains"][0], "198.18.0.99"))
    found = await sender.findings()
    assert len({each["told_id"] for each in found}) == 1
    assert await register.notices(found[0]["told_id"]) == [("hosted_found", str(PROVIDER))]
    (about_site,) = [each for each in found if each["site_id"] == site["id"]]
    assert [each["id"] for each in await sender.findings(owner(code))] == [about_site["id"]]
    assert await sender.findings(provider(OTHER_PROVIDER)) == []
    assert await sender.findings("shanghai-regulator-a") == []
    assert len(await sender.findings("regulator-a", told_id=found[0]["told_id"])) == 2
    due = await register.fetchval(
        "SELECT count(*) FROM deadline WHERE kind = $1 AND stage = 'due' AND met_at IS NULL", reconciling.CURE
    )
    assert due == 2


async def test_it_is_found_once_and_closes_by_itself_when_they_agree(register: Register) -> None:
    sender, host = Sender(register), domain()
    await sender.hosts(record(host))
    (finding,) = await sender.findings()
    await sender.looked()
    await sender.hosts(record(host))
    assert [each["id"] for each in await sender.findings()] == [finding["id"]], "the same is one finding"
    await register.active(a_site(host), uscc(703_000_001))
    await sender.looked()
    (cured,) = await sender.findings()
    assert (cured["status"], cured["allowed_actions"]) == ("cured", [])
    assert await register.history(finding["id"]) == ["find", "cure"]
    assert await register.told(FindingClosedV1) == [], "no record has it"
    await sender.hosts(record(host, "198.18.0.77"))
    assert await sender.found() == {(host, "address_differs")}
    await sender.hosts()
    assert await sender.found() == set(), "what is no longer listed is gone"


async def test_silence_is_escalated_once_its_time_is_over_and_cured_afterwards_that_is_said_too(
    register: Register,
) -> None:
    sender = Sender(register)
    finding = await escalated(sender)
    assert (finding["status"], finding["escalated_at"] is not None) == ("escalated", True)
    (fact,) = await register.told(FindingEscalatedV1)
    assert (fact.provider_id, fact.host, fact.kind) == (PROVIDER, finding["host"], "unregistered")
    assert await register.notices(finding["id"]) == [("hosted_escalated", str(PROVIDER))]
    await sender.looked()
    await sender.hosts()
    (closed,) = await register.told(FindingClosedV1)
    assert (closed.finding_id, closed.because) == (UUID(finding["id"]), "cured")
    assert len(await register.told(FindingEscalatedV1)) == 1


async def test_an_answer_stops_the_clock_until_a_person_insists_and_then_all_of_it_runs_anew(
    register: Register,
) -> None:
    sender = Sender(register)
    await sender.hosts(record(domain()))
    (finding,) = await sender.findings()
    path = f"/hosted-findings/{finding['id']}"
    answered = await register.post(f"{path}/answer", WHY, sender.who)
    assert (answered["status"], answered["answer"]) == ("answered", WHY["reasons"])
    runs = "SELECT max(due_at) FROM deadline WHERE kind = $1 AND aggregate_id = $2 AND met_at IS NULL"
    clock = (runs, reconciling.CURE, UUID(finding["id"]))
    assert await register.fetchval(*clock) is None
    register.clock.advance(timedelta(days=90))
    async with register.api.rt.db.transaction() as tx:
        await DEADLINES[reconciling.CURE](register.api.rt, tx, UUID(finding["id"]))  # a clock that rang meanwhile
    assert (await register.get(path, sender.who))["status"] == "answered"
    program = ("program", {"organisation": "industry-110000", "roles": ["industry_regulator"], "client_id": "program"})
    assert (await register.refused(f"{path}/insistence", SAID, program, 403))["code"] == "person_required"
    stands = await register.post(f"{path}/insistence", SAID, "regulator-a")
    assert (stands["status"], stands["reasons"]) == ("open", SAID["reasons"])
    assert await register.fetchval(*clock) == datetime.fromisoformat(stands["cure_until"]) > register.clock.now()
    await register.ring(reconciling.CURE, finding["id"])
    assert (await register.get(path, sender.who))["status"] == "escalated"
    assert [kind for kind, _ in await register.notices(finding["id"])] == ["hosted_insisted", "hosted_escalated"]


async def test_what_is_dismissed_is_not_found_again_as_long_as_it_is_so(register: Register) -> None:
    sender = Sender(register)
    finding = await escalated(sender)
    dismissed = await register.post(f"/hosted-findings/{finding['id']}/dismissal", SAID, "regulator-a")
    assert dismissed["status"] == "dismissed"
    (closed,) = await register.told(FindingClosedV1)
    assert closed.because == "dismissed"
    await sender.looked()
    assert len(await sender.findings()) == 1
    await sender.hosts()
    await sender.hosts(record(finding["host"]))
    assert await sender.found() == {(finding["host"], "unregistered")}, "it was otherwise meanwhile"


async def test_a_finding_is_no_measure_nothing_but_findings_and_what_tells_of_them_is_written(
    register: Register,
) -> None:
    sender, code = Sender(register), uscc(704_000_001)
    site = await register.live(code)
    await register.carried_out(await register.decided(await register.live(uscc(704_000_002))))
    before = await everything(register.api.rt)
    outbox = await register.fetchval("SELECT max(id) FROM outbox")
    await sender.hosts(record(domain()), record(site["domains"][0], "198.18.0.55"))
    for finding in await sender.findings():
        await register.ring(reconciling.CURE, finding["id"])
    after = await everything(register.api.rt)
    assert {table for table in after if after[table] != before[table]} <= ASIDE
    told = await register.fetchval("SELECT array_agg(DISTINCT type) FROM outbox WHERE id > $1", outbox)
    assert told == [FindingEscalatedV1.TYPE], "no execution, and no record of a site"
    assert set(FindingEscalatedV1.model_fields) == {
        "finding_id", "provider_id", "statement", "kind", "host", "authority", "found_at", "cure_until", "escalated_at",
    }, "nothing that an order could be made of: no site, no effect, no decision"  # fmt: skip


async def test_on_an_old_list_nothing_new_is_found_and_who_is_back_goes_on_where_it_was(register: Register) -> None:
    sender = Sender(register)
    site = await register.live()
    await sender.hosts(record(site["domains"][0]))
    assert await sender.found() == set()
    register.clock.advance(timedelta(days=8))
    await revoked(register, site, OrderExecutedV1)
    await sender.looked()
    assert await sender.found() == set(), "the list says what was so a week ago"
    await sender.hosts(record(site["domains"][0]))
    assert await sender.found() == {(site["domains"][0], "revoked")}


async def test_of_a_provider_that_closed_nothing_is_found(register: Register) -> None:
    sender = Sender(register)
    await sender.batch(record(domain()))
    await sender.close()
    await register.hear(provider_recorded().model_copy(update={"status": "closed", "version": 9}))
    await sender.looked()
    assert await sender.found() == set()


async def test_it_goes_on_step_by_step_and_misses_nothing(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "AT_ONCE", 2)
    sender, hosts = Sender(register), [domain() for _ in range(5)]
    await sender.hosts(*(record(each) for each in hosts))
    assert await sender.found() == {(each, "unregistered") for each in hosts}
    await sender.hosts(*(record(each) for each in hosts[1::2]))
    assert await sender.found() == {(each, "unregistered") for each in hosts[1::2]}
    assert await register.fetchval("SELECT count(*) FROM hosted") == 2


async def test_a_list_that_closes_while_a_look_runs_is_looked_at_from_its_beginning(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "AT_ONCE", 1)
    sender, hosts = Sender(register), sorted(domain() for _ in range(3))
    await sender.batch(*(record(each) for each in hosts))
    await sender.close()
    for _ in range(2):
        async with register.api.rt.db.transaction() as tx:
            await DEADLINES[reconciling.RECONCILE](register.api.rt, tx, PROVIDER)
    await sender.batch(record(f"0{hosts[0]}"), record(hosts[0]))
    await sender.close()
    while (await sender.state())["reconciled_at"] is None:
        async with register.api.rt.db.transaction() as tx:
            await DEADLINES[reconciling.RECONCILE](register.api.rt, tx, PROVIDER)
    assert await sender.found() == {(f"0{hosts[0]}", "unregistered"), (hosts[0], "unregistered")}


async def test_killed_between_any_two_lines_a_look_has_told_of_everything_it_found(register: Register) -> None:
    sender, rt = Sender(register), register.api.rt
    site = await register.live()
    await sender.batch(record(domain()), record(site["domains"][0], "198.18.0.99"))
    await sender.close()

    async def look() -> None:
        async with rt.db.transaction() as tx:
            await reconciling.ring(rt, tx, PROVIDER)

    await survives(rt, look)
    (told,) = {each["told_id"] for each in await sender.findings()}
    assert len(await register.notices(told)) == 1
    finding = (await sender.findings())[0]["id"]

    async def ring() -> None:
        async with rt.db.transaction() as tx:
            await escalating.escalate(rt, tx, UUID(finding))

    await survives(rt, ring)
    assert len(await register.told(FindingEscalatedV1)) == 1


async def test_two_workers_at_once_find_it_once(register: Register) -> None:
    sender = Sender(register)
    await sender.batch(record(domain()))
    await sender.close()

    async def look() -> None:
        async with register.api.rt.db.transaction() as tx:
            await reconciling.ring(register.api.rt, tx, PROVIDER)

    await asyncio.gather(look(), look())
    assert len(await sender.findings()) == 1
