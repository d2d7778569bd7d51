"""Claimed beside observed, with a real web server that is switched by hand (docs/adr/0022)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access_control.service import probing
from access_control.service.asking import Asker, Pace, Seen
from shared.contracts.http.observed import Outcome
from shared.contracts.registry import ExecutionCarriedOutV1
from tests.integration.access_control.desk import Desk, Host, carried_out, supervisor, undone
from tests.integration.access_control.test_access_emergencies import report, signed
from tests.support.crash import everything
from tests.support.nginx import free_port, running
from tests.support.people import OPERATOR_USCC
from tests.support.service import Who

NAME = "pharmacy.example"
WHOLE = "server {{ listen 127.0.0.1:{port}; {says} }}"
SERVED, BARE, GONE = "return 200 there;", "return 451;", "return 403;"
OURS = 'add_header Link \'<https://p.example/>; rel="blocked-by", <{entry}>; rel="describedby"\' always; return 451;'
MINUTES = timedelta(minutes=1)
Web = Callable[[str], AbstractAsyncContextManager[None]]


def hosted(
    *hosts: Host, name: str = NAME, ips: tuple[str, ...] = ("127.0.0.1",), **change: Any
) -> ExecutionCarriedOutV1:
    """A site with one name at a machine that a test runs, and its operator."""
    fact = carried_out(*hosts, **{"operator": OPERATOR_USCC, **change})
    assert fact.site is not None
    accesses = tuple(each.model_copy(update={"ips": ips}) for each in fact.site.accesses)
    return fact.model_copy(update={"site": fact.site.model_copy(update={"hosts": (name,), "accesses": accesses})})


class Prober:
    """The prober, by hand; and what it asks."""

    def __init__(self, desk: Desk, folder: Path, *, inside: bool = True) -> None:
        self.desk, self.folder, self.port = desk, folder, free_port()
        self.asker = Asker(Pace(0, 10**6), "test", inside=inside, http=self.port, https=free_port(), ask_s=2)

    def answers(self, says: str) -> AbstractAsyncContextManager[None]:
        return running(self.folder, self.port, WHOLE.format(port=self.port, says=says))

    async def looks(self, after: timedelta = timedelta()) -> int:
        """Let time pass, and whatever is due be looked at; how many orders that were."""
        self.desk.clock.advance(after)
        await probing.enlist(self.desk.rt)
        count = 0
        while await probing.look(self.desk.rt, self.asker):
            count += 1
            assert count < 50, "an order is due again at once"
        return count

    async def seen(self, order_id: object, who: Who = "desk-a") -> dict[str, Any]:
        answer = await self.desk.api.get(f"/orders/{order_id}/observed", who=who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def outcomes(self, order_id: object) -> list[str]:
        """Oldest first."""
        return [each["outcome"] for each in (await self.seen(order_id))["observations"]][::-1]

    async def open(self, order_id: object) -> dict[str, bool]:
        """What differs now, and whether it was told."""
        found = (await self.seen(order_id))["differences"]
        return {each["kind"]: each["told_at"] is not None for each in found if each["closed_at"] is None}


@pytest.fixture
def prober(desk: Desk, tmp_path: Path) -> Prober:
    return Prober(desk, tmp_path)


async def cut(
    desk: Desk, host: Host, fact: ExecutionCarriedOutV1 | None = None
) -> tuple[ExecutionCarriedOutV1, dict[str, Any]]:
    """A site whose provider signed that it is cut; the fact and the order."""
    fact = fact or hosted(host)
    await desk.deliver(fact)
    await desk.answer(host)
    return fact, (await desk.orders(host))[-1]


async def restored(desk: Desk, host: Host, fact: ExecutionCarriedOutV1, *, signs: bool = True) -> dict[str, Any]:
    await desk.deliver(undone(fact))
    if signs:
        await desk.answer(host)
    return (await desk.orders(host))[-1]


def told(facts: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    return [(each["data"]["difference"], each["data"]["names"]) for each in facts]


async def published(desk: Desk) -> dict[str, Any]:
    """What everybody reads of the one provider, counted anew."""
    desk.rt.state.counts.kept.clear()
    (seen,) = (await desk.api.get("/orders/statistics", who=None)).json()["providers"]
    return dict(seen)


async def counted(desk: Desk) -> tuple[int, int, int]:
    """Restores that are done, seen served and seen dark, as everybody reads it."""
    seen = await published(desk)
    return seen["restores_done"], seen["restores_seen_served"], seen["restores_seen_dark"]


async def heard(desk: Desk) -> list[tuple[str, list[str]]]:
    return told(await desk.facts("order.observed_otherwise.v1"))


async def test_what_is_done_as_signed_differs_nowhere_on_the_way_there_and_back(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    await desk.deliver(fact := hosted(host))
    await desk.answer(host, "received")
    async with prober.answers(SERVED):
        assert await prober.looks() == 0, "nobody claimed anything yet"
    await desk.answer(host)
    (order,) = await desk.orders(host)
    async with prober.answers(OURS.format(entry=order["register_entry"])):
        assert await prober.looks() == 1
        assert await prober.looks() == 0, "only once in a while"
        assert await prober.looks(16 * MINUTES) == 1
    restore = await restored(desk, host, fact)
    async with prober.answers(SERVED):
        assert await prober.looks(MINUTES) == 2  # the cut one is over, the restore is looked at
    (first, _) = (await prober.seen(order["id"]))["observations"]
    assert (first["outcome"], first["status"], first["ours"]) == ("unavailable_with_link", 451, True)
    assert (first["host"], first["address"], first["port"]) == (NAME, "127.0.0.1", prober.port)
    assert await prober.outcomes(restore["id"]) == ["served"]
    assert (await prober.open(order["id"]), await prober.open(restore["id"]), await heard(desk)) == ({}, {}, [])


async def test_what_was_restored_on_paper_alone_is_told_when_seen_twice_and_closes_by_itself(
    desk: Desk, prober: Prober
) -> None:
    host = await desk.host()
    fact, order = await cut(desk, host)
    blocked = OURS.format(entry=order["register_entry"])
    async with prober.answers(blocked):
        await prober.looks()
    restore = await restored(desk, host, fact)
    async with prober.answers(blocked):
        await prober.looks()
        assert await prober.open(restore["id"]) == {"restored_but_cut": False}
        assert await prober.looks(9 * MINUTES) == 0
        assert await heard(desk) == []
        assert await counted(desk) == (1, 0, 0), "once is not enough"
        await prober.looks(MINUTES)
        assert await prober.open(restore["id"]) == {"restored_but_cut": True}
        await prober.looks(timedelta(hours=7))
    assert await counted(desk) == (1, 0, 1)
    (said,) = await desk.facts("order.observed_otherwise.v1")
    assert told([said]) == [("restored_but_cut", [NAME])], "told once, however long it lasts"
    assert (said["data"]["order_id"], said["data"]["issuer"]["id"]) == (restore["id"], restore["issuer"]["id"])
    async with prober.answers(SERVED):
        await prober.looks(timedelta(hours=7))
    (closed,) = (await prober.seen(restore["id"]))["differences"]
    assert (closed["kind"], closed["closed_at"]) == (
        "restored_but_cut",
        desk.clock.now().isoformat().replace("+00:00", "Z"),
    )
    assert len(await heard(desk)) == 1
    assert await counted(desk) == (1, 1, 0)


async def test_a_site_that_is_gone_as_it_was_while_cut_was_not_restored(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    fact, _order = await cut(desk, host)
    async with prober.answers(GONE):
        await prober.looks()
    restore = await restored(desk, host, fact)
    async with prober.answers(GONE):
        await prober.looks()
    assert await prober.open(restore["id"]) == {"restored_but_cut": False}
    async with prober.answers("return 404;"):  # its own trouble: it answers otherwise than while it was cut
        await prober.looks(10 * MINUTES)
    assert await prober.open(restore["id"]) == {}


@pytest.mark.parametrize(
    ("says", "kind"),
    [(SERVED, "cut_but_served"), (BARE, "cut_without_reason"), (GONE, "cut_without_reason"),
     (None, "cut_without_reason"), ("return 302 http://x.example/;", None)],
)  # fmt: skip
async def test_a_cut_that_is_none_or_says_not_why_is_found(
    desk: Desk, prober: Prober, says: str | None, kind: str | None
) -> None:
    host = await desk.host()
    _, order = await cut(desk, host)
    for after in (timedelta(), 10 * MINUTES if kind else 15 * MINUTES):
        if says is None:
            assert await prober.looks(after) == 1
            continue
        async with prober.answers(says):
            assert await prober.looks(after) == 1
    assert await prober.open(order["id"]) == ({kind: True} if kind else {})
    assert await heard(desk) == ([(kind, [NAME])] if kind else [])


async def test_what_was_seen_once_and_not_again_is_told_to_nobody(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    _, order = await cut(desk, host)
    for says, after in ((SERVED, 0), (OURS.format(entry="x"), 10), (SERVED, 600), (OURS.format(entry="x"), 10)):
        async with prober.answers(says):
            assert await prober.looks(after * MINUTES) == 1
    assert (await prober.open(order["id"]), await heard(desk)) == ({}, [])
    assert len((await prober.seen(order["id"]))["differences"]) == 2


async def test_an_order_that_was_taken_back_and_a_site_still_cut_when_it_was_due(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    fact, order = await cut(desk, host)
    async with prober.answers(BARE):
        await prober.looks()
        restore = await restored(desk, host, fact, signs=False)
        await prober.looks(timedelta(hours=20))
        assert await prober.outcomes(restore["id"]) == [], "it has until then, and claims nothing"
        assert await prober.open(order["id"]) == {}, "of what was taken back nobody claims anything any more"
        await prober.looks(timedelta(hours=5))
        await prober.looks(10 * MINUTES)
        assert await prober.open(restore["id"]) == {"cut_without_order": True}
        desk.clock.advance(MINUTES)
        await desk.answer(host)
        await prober.looks()
        assert await prober.open(restore["id"]) == {"restored_but_cut": False}, "now it is signed"
    assert await heard(desk) == [("cut_without_order", [NAME])]


async def test_a_site_that_nobody_ever_cut_needs_not_be_restored(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    await desk.deliver(fact := hosted(host))
    await restored(desk, host, fact, signs=False)
    async with prober.answers(BARE):
        assert await prober.looks(timedelta(hours=25)) == 0


async def test_what_agreed_only_for_lack_of_an_answer_differs_again(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    _, order = await cut(desk, host)
    (answered, silent) = (Seen(80, Outcome.SERVED, 200), Seen(443, Outcome.WITH_LINK, 451))
    said: list[list[Seen]] = [[answered, silent], [silent], [answered, silent]]

    class Saying:
        async def ask(self, name: str, address: str, entry: str) -> list[Seen]:
            return said.pop(0)

    prober.asker = Saying()  # type: ignore[assignment]
    for after, count in ((0, 1), (15, 0), (60, 1)):
        await prober.looks(after * MINUTES)
        assert len(await prober.open(order["id"])) == count
    assert len((await prober.seen(order["id"]))["differences"]) == 2


async def test_a_suspension_whose_end_passed_without_a_restore(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    until = desk.clock.now() + timedelta(days=5)
    _, order = await cut(desk, host, hosted(host, effect="suspend_access", until=until))
    async with prober.answers(OURS.format(entry=order["register_entry"])):
        for days in (0, 1, 2, 1):
            await prober.looks(timedelta(days=days))
            assert await prober.open(order["id"]) == {}
        await prober.looks(timedelta(days=1) + 10 * MINUTES)
        await prober.looks(10 * MINUTES)
    assert await prober.open(order["id"]) == {"cut_without_order": True}


async def test_another_order_or_the_providers_own_suspension_stops_a_name_rightly(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    first, _ = await cut(desk, host)
    await cut(desk, host, hosted(host, name="example"))  # everything below it
    restore = await restored(desk, host, first)
    async with prober.answers(BARE):
        await prober.looks()
    assert await prober.outcomes(restore["id"]) == []
    other, _ = await cut(desk, host, hosted(host, name="dark.test"))
    await report(desk, host, signed(host, host="dark.test"))
    again = await restored(desk, host, other)
    async with prober.answers(BARE):
        await prober.looks()
    assert await prober.outcomes(again["id"]) == []


async def test_only_names_of_the_order_at_its_addresses_and_no_more_than_so_many(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    fact = hosted(host, ips=("127.0.0.1", "127.0.0.2", "127.0.0.3"))
    assert fact.site is not None
    names = tuple(f"n{each}.example" for each in range(9))
    site = fact.site.model_copy(update={"hosts": names})
    _, order = await cut(desk, host, fact.model_copy(update={"site": site}))
    asked: list[tuple[str, str]] = []
    real = prober.asker.ask

    class Counting:
        async def ask(self, name: str, address: str, entry: str) -> Any:
            asked.append((name, address))
            return await real(name, address, entry)

    prober.asker = Counting()  # type: ignore[assignment]
    await prober.looks()
    assert asked == [(name, address) for name in names[:4] for address in ("127.0.0.1", "127.0.0.2")]
    assert len((await prober.seen(order["id"]))["observations"]) == 8


async def test_an_address_inside_is_not_asked_and_nothing_is_said_of_it(desk: Desk, tmp_path: Path) -> None:
    prober, host = Prober(desk, tmp_path, inside=False), await desk.host()
    _, order = await cut(desk, host)
    async with prober.answers(SERVED):
        await prober.looks()
    assert await prober.outcomes(order["id"]) == []
    assert await prober.looks(timedelta(days=1)) == 0, "nor again"


async def test_it_moves_nothing_and_begins_nothing(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    fact, _ = await cut(desk, host)
    await restored(desk, host, fact)
    await cut(desk, host, hosted(host, name="other.example"))
    before, said = await everything(desk.rt), await desk.facts()
    async with prober.answers(BARE):
        await prober.looks()
        await prober.looks(10 * MINUTES)
    after = await everything(desk.rt)
    own = {"probing", "observation", "observed_difference"}
    assert {table for table in after if after[table] != before[table]} == {*own, "outbox"}
    assert [each["type"] for each in (await desk.facts())[len(said) :]] == ["order.observed_otherwise.v1"] * 2


async def test_what_was_said_meanwhile_is_not_judged_by_what_was_so_before(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    fact, order = await cut(desk, host)
    real = prober.asker.ask

    class Slow:
        async def ask(self, name: str, address: str, entry: str) -> Any:
            if (await desk.order(order["id"]))["undone_by"] is None:
                await restored(desk, host, fact)
            return await real(name, address, entry)

    prober.asker = Slow()  # type: ignore[assignment]
    async with prober.answers(SERVED):
        await prober.looks()
        await prober.looks()
    assert (await prober.outcomes(order["id"]), await prober.open(order["id"])) == ([], {})


async def test_who_reads_it(desk: Desk, prober: Prober) -> None:
    host, other = await desk.host(), await desk.host()
    _, order = await cut(desk, host)
    async with prober.answers(SERVED):
        await prober.looks()
    readers = ("desk-a", "regulator-a", "auditor", host.who, "applicant")  # the last is the operator
    for who in readers:
        (seen,) = (await prober.seen(order["id"], who))["observations"]
        assert set(seen) == {"at", "host", "address", "port", "outcome", "status", "ours"}
    for stranger in (other.who, "seller", supervisor(), ("desk-a", {"region": "310000"})):
        answer = await desk.api.get(f"/orders/{order['id']}/observed", who=stranger)
        assert answer.status_code == 403, (stranger, answer.text)
    looks = await desk.rows("SELECT subject FROM audit WHERE act = 'see_observed' AND outcome = 'granted'")
    assert {row["subject"] for row in looks} == {"desk-a", "regulator-a", "auditor"}


async def test_neither_provider_nor_operator_reads_of_an_order_before_it_went_out(slow_desk: Desk) -> None:
    host = await slow_desk.host()
    await slow_desk.deliver(hosted(host))
    (order,) = await slow_desk.orders()
    path = f"/orders/{order['id']}/observed"
    assert [(await slow_desk.api.get(path, who=who)).status_code for who in (host.who, "applicant")] == [404, 403]


async def test_it_is_looked_at_ever_more_seldom_and_kept_for_the_profiles_days(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    _, order = await cut(desk, host)
    hours = 0
    async with prober.answers(OURS.format(entry=order["register_entry"])):
        while hours <= 31 * 24:
            await prober.looks(timedelta(hours=1 if hours else 0))
            hours += 1
    ats = [each["at"] for each in (await prober.seen(order["id"]))["observations"]]
    assert 6 <= len(ats) <= 10
    assert await probing.forget(desk.rt) > 0
    desk.clock.advance(timedelta(days=31))
    await probing.forget(desk.rt)
    for table in ("probing", "observation", "observed_difference"):
        assert await desk.rows(f"SELECT FROM {table}") == []
    assert await prober.looks() == 0, "what is over is not taken up again"


async def test_observed_times_stand_beside_the_claimed_where_enough_were_seen(desk: Desk, prober: Prober) -> None:
    host = await desk.host()
    facts = [hosted(host, name=f"n{each}.example") for each in range(5)]
    await desk.deliver(*facts)
    for place in range(5):
        await desk.answer(host, sequence=place + 1)

    async def counted() -> tuple[float | None, float | None]:
        seen = await published(desk)
        return seen["stops_observed_median_minutes"], seen["restores_observed_median_minutes"]

    desk.clock.advance(6 * MINUTES)
    async with prober.answers(BARE):
        await prober.looks()
    assert await counted() == (6.0, None)
    await desk.deliver(*(undone(fact) for fact in facts[:4]))
    for place in range(4):
        await desk.answer(host, sequence=place + 6)
    async with prober.answers(SERVED):
        await prober.looks(2 * MINUTES)
    assert await counted() == (6.0, None), "four are too few"
    await restored(desk, host, facts[4])
    async with prober.answers(SERVED):
        await prober.looks(2 * MINUTES)
    assert await counted() == (6.0, 2.0)
