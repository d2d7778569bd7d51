"""A name that a provider suspended by itself is another site's by now: no order means it, so it comes back (ADR 26)."""

from typing import Any

import pytest

from access_control.errors import NotReplacedYet
from access_control.lifecycle import EmergencyStatus
from access_control.service.executions import give_back
from access_control.service.overlaps import SPARE, UNANSWERED_DARK
from access_control.service.sending import NONE_CAME
from access_control.store import orders
from shared.contracts.grounds import Statement
from shared.contracts.registry import ExecutionCarriedOutV1
from tests.integration.access_control.desk import REGULATOR, WHY, Desk, Host, carried_out, undone
from tests.integration.access_control.test_access_emergencies import confirmed, lapsed, report, shown, signed
from tests.integration.access_control.test_access_overlaps import BLOG, overlapped, sent


def suspension(*hosts: Host, **site: Any) -> ExecutionCarriedOutV1:
    fact = carried_out(*hosts, effect="suspend_access")
    assert fact.site is not None
    return fact.model_copy(update={"site": fact.site.model_copy(update=site)})


async def itself(desk: Desk, host: Host, name: str = BLOG) -> dict[str, Any]:
    return await report(desk, host, signed(host, host=name))


async def gone_on(desk: Desk, host: Host, name: str = BLOG) -> tuple[dict[str, Any], ExecutionCarriedOutV1]:
    """Suspended by the provider itself, confirmed by a decision about the site above, whose order is out."""
    found, fact = await itself(desk, host, name), suspension(host)
    await desk.deliver(confirmed(host, found, fact.decision_id), fact)
    assert (await shown(desk, found))["status"] == "replaced", "the order means it"
    return found, fact


async def ended(desk: Desk, host: Host, found: dict[str, Any], because: str = "not_meant") -> list[str]:
    """It came back once, by a restore of its own that is no longer of the site it was decided about."""
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"]) == ("lapsed", because)
    documents = await sent(desk, host)
    (restore,) = [each for each in documents if each["emergency_id"] == found["id"]]
    assert (restore["order_id"], restore["site"]["hosts"]) == (after["restore_id"], [found["host"]])
    assert restore["site"]["site_id"] is None, "whoever has the name by now hears of it if it is hindered"
    return ["own" if each is restore else each["action"] for each in documents]


async def test_whoever_registers_a_name_below_gets_it_back_from_what_its_provider_did_by_itself(desk: Desk) -> None:
    host = await desk.host()
    found, fact = await gone_on(desk, host)
    met = overlapped(fact, BLOG)
    await desk.deliver(met, met)
    # Behind the restore of the first order: a provider that goes back to what was before goes back to its own act.
    assert await ended(desk, host, found) == ["suspend", "suspend", "restore", "own"]
    await desk.deliver(lapsed(host, found, "decision_fell"), undone(fact))
    assert await ended(desk, host, found) == ["suspend", "suspend", "restore", "own", "restore"]


async def test_while_an_objection_waits_what_its_provider_did_by_itself_wakes_somebody_within_an_hour(
    desk: Desk,
) -> None:
    host = await desk.host()
    found, fact = await gone_on(desk, host)
    await desk.answer(host, "contested")
    await desk.deliver(overlapped(fact, BLOG))
    (order,) = await desk.orders(host)
    desk.clock.advance(UNANSWERED_DARK)
    with pytest.raises(NotReplacedYet):
        await desk.ring(SPARE, order["id"])
    await desk.act(f"/orders/{order['id']}/answer", {"answer": "rejected", **WHY}, REGULATOR)
    await desk.ring(SPARE, order["id"])
    assert await ended(desk, host, found) == ["suspend", "suspend", "restore", "own"]


async def test_what_the_order_means_still_goes_on(desk: Desk) -> None:
    host = await desk.host()
    found, fact = await gone_on(desk, host, "www.pharmacy.example")
    await desk.deliver(overlapped(fact, BLOG))
    assert (await shown(desk, found))["status"] == "replaced"
    assert [each["action"] for each in await sent(desk, host)] == ["suspend", "suspend", "restore"]


async def test_of_two_names_the_one_comes_back_that_is_anothers(desk: Desk) -> None:
    host = await desk.host()
    mine, other = await itself(desk, host, "www.pharmacy.example"), await itself(desk, host, f"deep.{BLOG}")
    fact = suspension(host)
    await desk.deliver(*(confirmed(host, each, fact.decision_id) for each in (mine, other)), fact)
    await desk.deliver(overlapped(fact, BLOG))
    assert (await shown(desk, mine))["status"] == "replaced"
    assert await ended(desk, host, other) == ["suspend", "suspend", "restore", "own"]


@pytest.mark.parametrize("register_first", [False, True])
async def test_registered_between_report_and_confirmation_no_order_carries_it_on(
    desk: Desk, *, register_first: bool
) -> None:
    host = await desk.host()
    found, fact = await itself(desk, host), suspension(host, spared=(BLOG,))
    told = [confirmed(host, found, fact.decision_id), fact]
    await desk.deliver(*(reversed(told) if register_first else told))
    assert await ended(desk, host, found) == ["suspend", "own"]


@pytest.mark.parametrize("register_first", [False, True])
async def test_at_a_provider_that_hosts_the_site_no_more_no_order_comes_and_none_is_waited_for(
    desk: Desk, *, register_first: bool
) -> None:
    host, others = await desk.host(), [await desk.host(), await desk.host()]
    found, fact = await itself(desk, host, "pharmacy.example"), suspension(*others)
    told = [confirmed(host, found, fact.decision_id), fact]
    await desk.deliver(*(reversed(told) if register_first else told))
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"]) == ("lapsed", "order_not_sent")
    (restore,) = await sent(desk, host)
    assert restore["statement"]["reasons"] == NONE_CAME
    assert (restore["order_id"], restore["emergency_id"]) == (after["restore_id"], found["id"])
    assert restore["site"]["site_id"] == str(fact.subject.site_id), "it is its site still"  # type: ignore[union-attr]
    assert [[each["action"] for each in await sent(desk, other)] for other in others] == [["suspend"], ["suspend"]]


async def test_it_waits_for_no_order_that_does_not_mean_it(slow_desk: Desk) -> None:
    desk, host, network = slow_desk, await slow_desk.host(), await slow_desk.network()
    fact = suspension(host, network, spared=(BLOG,))
    founds = [await itself(desk, each) for each in (host, network)]
    await desk.deliver(
        *(confirmed(*each, fact.decision_id) for each in zip((host, network), founds, strict=True)), fact
    )
    assert await ended(desk, host, founds[0]) == ["own"], "in its window"
    assert await ended(desk, network, founds[1]) == ["own"], "with its supervisor"


async def test_spared_before_its_order_is_out_it_comes_back_at_once(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    found, fact = await itself(desk, host), suspension(host)
    await desk.deliver(confirmed(host, found, fact.decision_id), fact)
    assert (await shown(desk, found))["status"] == "confirmed"
    await desk.deliver(overlapped(fact, BLOG))
    assert await ended(desk, host, found) == ["own"]
    await desk.close_window(*[each for each in await desk.orders(host) if each["action"] == "suspend"])
    assert await ended(desk, host, found) == ["own", "suspend"]


async def test_where_all_names_are_freed_it_comes_back_as_well(desk: Desk) -> None:
    host = await desk.host()
    found, fact = await itself(desk, host, "pharmacy.example"), suspension(host, hosts=("pharmacy.example",))
    await desk.deliver(confirmed(host, found, fact.decision_id), fact, overlapped(fact, "pharmacy.example"))
    assert await ended(desk, host, found, "order_not_sent") == ["suspend", "restore", "own"]


async def test_held_back_until_its_holder_was_told_the_name_comes_back_to_whoever_has_it(slow_desk: Desk) -> None:
    desk, host = slow_desk, await slow_desk.host()
    found, fact = await itself(desk, host, "pharmacy.example"), suspension(host)
    await desk.deliver(
        confirmed(host, found, fact.decision_id), fact, overlapped(fact, "pharmacy.example", told_first=True)
    )
    assert await ended(desk, host, found, "order_not_sent") == ["own"]


async def test_what_fell_and_is_heard_of_late_leaves_no_order_that_does_not_mean_it_in_its_place(desk: Desk) -> None:
    """Another process may have left it confirmed although an order of its decision is out."""
    host = await desk.host()
    found, _ = await gone_on(desk, host)
    async with desk.rt.db.transaction() as tx:
        await tx.execute("UPDATE emergency SET status = 'confirmed'")
        await tx.execute(
            "UPDATE access_order SET content = jsonb_set(content, '{site,spared}', to_jsonb(ARRAY[$1::text]))", BLOG
        )
    await desk.deliver(lapsed(host, found, "decision_fell"))
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"]) == ("lapsed", "decision_fell")


async def test_what_was_left_dark_of_old_is_looked_at_when_the_next_name_is_heard_of(desk: Desk) -> None:
    """Earlier code let an order carry on what it spares."""
    host = await desk.host()
    found, fact = await itself(desk, host), suspension(host, spared=(BLOG,))
    await desk.deliver(fact)
    async with desk.rt.db.transaction() as tx:
        await tx.execute(
            "UPDATE emergency SET status = $1, decision_id = $2", EmergencyStatus.REPLACED, fact.decision_id
        )
    await desk.deliver(overlapped(fact, BLOG))
    assert await ended(desk, host, found) == ["suspend", "own"]


async def test_whatever_gives_an_order_back_ends_what_that_alone_carried_on(desk: Desk) -> None:
    host = await desk.host()
    found, fact = await gone_on(desk, host)
    async with desk.rt.db.transaction() as tx:
        (burden,) = await orders.hold_burdens(tx, fact.execution_id)
        content = await orders.content(tx, burden.id)
        says = Statement(legal_basis=("docs/adr/0026",), reasons=WHY["reasons"], public_reasons=WHY["reasons"])
        await give_back(tx, desk.rt, burden, content.regulator, says)
    after = await shown(desk, found)
    assert (after["status"], after["ended_because"]) == ("lapsed", "order_not_sent")
    documents = await sent(desk, host)
    assert [each["emergency_id"] for each in documents] == [None, None, found["id"]]
    assert documents[2]["site"]["site_id"] == documents[0]["site"]["site_id"], "the name is that site's still"


async def test_at_each_provider_its_own_orders_say_so(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    fact = suspension(host, other)
    founds = [await itself(desk, each) for each in (host, other)]
    await desk.deliver(*(confirmed(*each, fact.decision_id) for each in zip((host, other), founds, strict=True)), fact)
    await desk.deliver(overlapped(fact, BLOG))
    for where, found in zip((host, other), founds, strict=True):
        assert await ended(desk, where, found) == ["suspend", "suspend", "restore", "own"]
