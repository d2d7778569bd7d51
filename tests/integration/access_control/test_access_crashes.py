"""A crash between any two statements of a verb leaves nothing behind, and doing it again does it once."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from access_control.store import orders, providers, receipts
from shared import signing as keys
from shared.runtime.acts import audit, deadlines, history, outbox
from shared.runtime.base.clock import FixedClock
from shared.runtime.db.at_commit import Pending
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import Desk, Host, carried_out, later, undone

WRITES = (
    (providers, "add"),
    (providers, "add_key"),
    (providers, "revoke_key"),
    (providers, "next_sequence"),
    (orders, "draft"),
    (orders, "release"),
    (orders, "move"),
    (orders, "move_many"),
    (orders, "undo"),
    (orders, "mark_overdue"),
    (receipts, "add_many"),
    (history, "add"),
    (audit, "record"),
    (Pending, "write"),
    (Pending, "_write"),
    (deadlines, "start"),
    (deadlines, "start_in"),
    (deadlines, "met"),
    (deadlines, "suspend"),
    (outbox, "add"),
    (outbox, "add_raw"),
)
TABLES = (
    "provider",
    "provider_key",
    "access_order",
    "receipt",
    "history",
    "deadline",
    "outbox",
    "inbox",
    "idempotency",
)
EVERYTHING = " UNION ALL ".join(
    f"SELECT '{table}', count(*), coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {table} t"
    for table in TABLES
)


class Killed(BaseException):
    """Not an Exception: no handler may take it for an ordinary failure."""


class Crash:
    """Kills whoever makes the n-th writing call, right after it was made."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._left: int | None = None
        for module, name in WRITES:
            patch.setattr(module, name, self._wrap(getattr(module, name)))

    def after(self, calls: int | None) -> None:
        self._left = calls

    def _wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        if not inspect.iscoroutinefunction(call):

            def called(*args: Any, **kwargs: Any) -> Any:
                result = call(*args, **kwargs)
                self._count()
                return result

            return called

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            result = await call(*args, **kwargs)
            self._count()
            return result

        return awaited

    def _count(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self._left = None
                raise Killed


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Crash:
    return Crash(monkeypatch)


async def everything(desk: Desk) -> dict[str, tuple[int, str]]:
    return {row[0]: (row[1], row[2]) for row in await desk.rows(EVERYTHING)}


async def survives(desk: Desk, crash: Crash, verb: Callable[[], Awaitable[Any]], *, least: int) -> None:
    """Kill the verb after its first write, its second, …; each time nothing is left; at last let it finish."""
    before = await everything(desk)
    for calls in range(1, 100):
        crash.after(calls)
        try:
            await verb()
        except Killed:
            assert await everything(desk) == before, f"something is left of a crash after write {calls}"
            continue
        crash.after(None)
        assert calls > least, f"only {calls - 1} writes were seen"
        return
    pytest.fail("the verb never finished")


async def ready(desk: Desk) -> tuple[Host, dict[str, Any]]:
    host = await desk.host()
    await desk.cut_off(host)
    (order,) = (await desk.feed(host))["orders"]
    return host, order


async def test_cut_off_and_release_in_one_transaction(desk: Desk, crash: Crash) -> None:
    hosts = [await desk.host() for _ in range(2)]
    fact = carried_out(*hosts)
    await survives(desk, crash, lambda: desk.deliver(fact), least=14)
    for host in hosts:
        assert [order["sequence"] for order in (await desk.feed(host))["orders"]] == [1]


async def test_cut_off_with_a_window_then_release(slow_desk: Desk, crash: Crash) -> None:
    host = await slow_desk.host()
    fact = carried_out(host)
    await survives(slow_desk, crash, lambda: slow_desk.deliver(fact), least=3)
    (order,) = await slow_desk.orders()
    await survives(slow_desk, crash, lambda: slow_desk.close_window(order), least=6)
    assert [entry["sequence"] for entry in (await slow_desk.feed(host))["orders"]] == [1]


async def test_restore(desk: Desk, crash: Crash) -> None:
    host = await desk.host()
    fact = carried_out(host)
    await desk.deliver(fact)
    await survives(desk, crash, lambda: desk.deliver(undone(fact)), least=10)
    assert [order["status"] for order in await desk.orders()] == ["superseded", "released"]


async def test_withdrawal(slow_desk: Desk, crash: Crash) -> None:
    host = await slow_desk.host()
    await slow_desk.cut_off(host)
    (order,) = await slow_desk.orders()
    body = {"reasons": "The decision named the wrong site."}

    async def withdraw() -> None:
        answer = await slow_desk.api.post(f"/orders/{order['id']}/withdrawal", json=body, who="desk-a", key="k")
        assert answer.status_code == 200

    await survives(slow_desk, crash, withdraw, least=3)
    assert len(await slow_desk.facts("order.withdrawn.v1")) == 1


@pytest.mark.parametrize(("outcome", "least"), [("received", 3), ("executed", 4), ("contested", 4)])
async def test_receipt(desk: Desk, crash: Crash, outcome: str, least: int) -> None:
    host, order = await ready(desk)
    jws = host.signed(order, outcome)

    async def post() -> None:
        (result,) = await desk.post(host, jws)
        assert result["status"] == "recorded"

    await survives(desk, crash, post, least=least)
    assert len(await desk.rows("SELECT 1 FROM receipt")) == 1


async def test_a_refusal_in_a_batch_is_audited_with_it_or_not_at_all(desk: Desk, crash: Crash) -> None:
    host, order = await ready(desk)
    batch = [host.signed(order), "nonsense"]
    await survives(desk, crash, lambda: desk.post(host, *batch), least=5)
    assert await desk.refusals() == [("receipt by http", "bad_signature")]


async def test_overdue(desk: Desk, crash: Crash) -> None:
    await ready(desk)
    (order,) = await desk.orders()
    await survives(desk, crash, lambda: desk.let_pass(order["id"]), least=2)
    assert len(await desk.facts("order.overdue.v1")) == 1


async def test_registering_a_provider_and_its_keys(desk: Desk, crash: Crash) -> None:
    body = {"name": "A", "licence_number": "1", "region": "110000", "kind": "carrier", "contact": "x"}
    jwk = {"jwk": keys.public(keys.generate_key(kid="k"))}

    async def register() -> None:
        assert (await desk.api.post("/providers", json=body, who="desk-a")).status_code == 201

    await survives(desk, crash, register, least=3)
    (provider,) = (await desk.api.get("/providers", who="desk-a")).json()["items"]
    path = f"/providers/{provider['id']}/keys"

    async def add() -> None:
        assert (await desk.api.post(path, json=jwk, who="desk-a")).status_code == 201

    async def revoke() -> None:
        assert (await desk.api.delete(f"{path}/k", who="desk-a")).status_code == 200

    await survives(desk, crash, add, least=2)
    await survives(desk, crash, revoke, least=2)


async def test_an_order_whose_process_died_in_its_window_is_released_by_the_next_one(open_desk: OpenDesk) -> None:
    async with open_desk() as first:
        host = await first.host()
        await first.cut_off(host)
    clock = FixedClock(later(76))
    async with open_desk(dsn=first.dsn, clock=clock, roles_run="http,ticks") as second:
        assert [order["sequence"] for order in (await second.feed(host, wait=10))["orders"]] == [1]
