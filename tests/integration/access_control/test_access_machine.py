"""Whatever happens in whatever order: a model of the orders and the service agree, and the feed keeps its promises."""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from access_control.lifecycle import CLAIMED, MOVES, OPEN, OVER, Move, Status, clock_runs
from access_control.main import SERVICE
from access_control.service.orders import ANSWERS
from shared.contracts.orders import Action
from shared.contracts.receipts import Outcome
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.runtime.base.clock import FixedClock
from tests.integration.access_control.desk import NOON, WHY, Desk, Host, carried_out, undone
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service

T = TypeVar("T")
OUTCOMES = st.sampled_from(list(Outcome))


@dataclass
class Known:
    """What the model believes of an order."""

    id: str
    host: int
    fact: int
    action: str
    status: Status
    sequence: int | None = None
    undone: bool = False
    executed: bool = False
    overdue: bool = False
    again: bool = False
    escalated: bool = False


class Harness:
    """The service in an event loop of its own, shared by all examples."""

    runner: asyncio.Runner
    desk: Desk

    @classmethod
    def run(cls, work: Coroutine[Any, Any, T]) -> T:
        return cls.runner.run(work)


class Orders(RuleBasedStateMachine):
    """Two providers, a handful of executions."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Harness.desk
        self.facts: list[ExecutionCarriedOutV1] = []
        self.undone: set[int] = set()
        self.orders: dict[str, Known] = {}
        self.heads = [0, 0]
        self.bytes: dict[tuple[int, int], str] = {}

    @initialize()
    def providers(self) -> None:
        self.hosts: list[Host] = [Harness.run(self.desk.host()) for _ in range(2)]

    # -- what happens --------------------------------------------------------------------------------------------

    @rule(both=st.booleans(), effect=st.sampled_from(["revoke", "suspend_access"]))
    def carry_out(self, both: bool, effect: str) -> None:
        self.facts.append(carried_out(*(self.hosts if both else self.hosts[:1]), effect=effect))
        Harness.run(self.desk.deliver(self.facts[-1]))
        self.learn(len(self.facts) - 1, Status.DRAFTED)

    @precondition(lambda self: self.facts)
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.facts) - 1))
        Harness.run(self.desk.deliver(self.facts[number]))
        if number in self.undone:
            Harness.run(self.desk.deliver(undone(self.facts[number])))

    @precondition(lambda self: len(self.undone) < len(self.facts))
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(set(range(len(self.facts))) - self.undone)))
        self.undone.add(number)
        Harness.run(self.desk.deliver(undone(self.facts[number])))
        for order in list(self.orders.values()):
            if order.fact != number or order.action == "restore":
                continue
            if order.status == Status.DRAFTED:
                order.status = Status.WITHDRAWN
            elif order.sequence is not None and not order.undone:
                order.undone = True
                if order.status in OPEN:
                    order.status = Status.SUPERSEDED
        self.learn(number, Status.RELEASED)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        order = self.pick(data)
        answer = Harness.run(self.desk.api.post(f"/orders/{order.id}/withdrawal", json=WHY, who="desk-a"))
        possible = (order.status, Move.WITHDRAW) in MOVES
        assert answer.status_code == (200 if possible else 409)
        if possible:
            order.status = Status.WITHDRAWN

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        order = self.pick(data)
        ask = Harness.run(self.desk.api.post(f"/orders/{order.id}/reissue-request", json=WHY, who="regulator-a"))
        answer = Harness.run(self.desk.api.post(f"/orders/{order.id}/reissue", json=WHY, who="regulator-b"))
        possible = order.status == Status.WITHDRAWN and not order.again and order.fact not in self.undone
        assert ask.status_code == (200 if possible else 409)
        assert answer.status_code == (201 if possible else 409)
        if possible:
            order.again = True
            self.learn(order.fact, Status.DRAFTED)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), said=st.sampled_from(["upheld", "rejected", "accepted"]))
    def answer_it(self, data: st.DataObject, said: str) -> None:
        order = self.pick(data)
        answer = Harness.run(
            self.desk.api.post(f"/orders/{order.id}/answer", json={**WHY, "answer": said}, who="regulator-a")
        )
        possible = (order.status, ANSWERS[said]) in MOVES and (said == "rejected" or order.action != "restore")
        assert answer.status_code == (200 if possible else 409)
        if possible:
            order.status = MOVES[order.status, ANSWERS[said]]
            if said == "upheld":
                order.undone = True
                self.learn(order.fact, Status.RELEASED)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def escalate(self, data: st.DataObject) -> None:
        order = self.pick(data)
        answer = Harness.run(self.desk.api.post(f"/orders/{order.id}/escalation", json=WHY, who="regulator-a"))
        possible = clock_runs(order.status, Action(order.action)) and order.overdue and not order.escalated
        assert answer.status_code == (200 if possible else 409)
        order.escalated = order.escalated or possible

    @precondition(lambda self: any(order.action == "suspend" for order in self.orders.values()))
    @rule(data=st.data())
    def time_is_over(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from([each for each in self.orders.values() if each.action == "suspend"]))
        Harness.run(self.desk.ring("lapse", order.id))
        if order.status == Status.DRAFTED:
            order.status = Status.WITHDRAWN
        else:
            order.status = MOVES.get((order.status, Move.LAPSE), order.status)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def window_closes(self, data: st.DataObject) -> None:
        order = self.pick(data)
        Harness.run(self.desk.close_window({"id": order.id}))
        if order.status == Status.DRAFTED:
            order.status = Status.RELEASED
            self.number(order)

    @precondition(lambda self: any(order.sequence for order in self.orders.values()))
    @rule(data=st.data(), outcome=OUTCOMES, twice=st.booleans())
    def receipt(self, data: st.DataObject, outcome: Outcome, twice: bool) -> None:
        order = self.pick(data, released=True)
        assert order.sequence is not None
        host = self.hosts[order.host]
        said = host.receipt({"jws": self.bytes[order.host, order.sequence]}, outcome)
        first, *again = Harness.run(self.desk.post(host, said, *([said] if twice else [])))
        assert first["code"] == self.answer(order, outcome)
        if twice:
            assert again[0]["code"] == ("receipt_replayed" if first["code"] is None else first["code"])

    @precondition(lambda self: any(order.sequence for order in self.orders.values()))
    @rule(data=st.data())
    def delay_passes(self, data: st.DataObject) -> None:
        order = self.pick(data, released=True)
        Harness.run(self.desk.ring("execute", order.id))
        order.overdue = order.overdue or clock_runs(order.status, Action(order.action))

    # -- the model -----------------------------------------------------------------------------------------------

    def pick(self, data: st.DataObject, *, released: bool = False) -> Known:
        known = [order for order in self.orders.values() if order.sequence or not released]
        return data.draw(st.sampled_from(known), label="order")

    def learn(self, number: int, status: Status) -> None:
        """Take over the orders that a fact made."""
        for place, host in enumerate(self.hosts):
            for seen in Harness.run(self.desk.orders(host, limit=500)):
                if seen["id"] not in self.orders:
                    order = Known(seen["id"], place, number, seen["action"], status)
                    self.orders[order.id] = order
                    if status == Status.RELEASED:
                        self.number(order)

    def number(self, order: Known) -> None:
        self.heads[order.host] += 1
        order.sequence = self.heads[order.host]
        feed = Harness.run(self.desk.feed(self.hosts[order.host], after=order.sequence - 1, limit=1))
        self.bytes[order.host, order.sequence] = feed["orders"][0]["jws"]

    def answer(self, order: Known, outcome: Outcome) -> str | None:
        """What the model says of a receipt; none: it is recorded."""
        if outcome == Outcome.EXECUTED and order.executed:
            return "already_executed"
        if order.status not in OVER:
            if (order.status, CLAIMED[outcome]) not in MOVES:
                return "action_refused"
            order.status = MOVES[order.status, CLAIMED[outcome]]
        order.executed = order.executed or outcome == Outcome.EXECUTED
        return None

    # -- what must always hold -----------------------------------------------------------------------------------

    @invariant()
    def every_order_is_where_the_model_says(self) -> None:
        for place, host in enumerate(getattr(self, "hosts", [])):
            seen = {order["id"]: order for order in Harness.run(self.desk.orders(host, limit=500))}
            known = {order.id: order for order in self.orders.values() if order.host == place}
            assert seen.keys() == known.keys()
            for order_id, order in known.items():
                found = seen[order_id]
                assert (found["status"], found["sequence"]) == (order.status, order.sequence)
                assert (found["overdue"], found["undone_by"] is not None) == (order.overdue, order.undone)
                assert (found["escalated_at"] is not None) == order.escalated

    @invariant()
    def the_feed_has_no_gap_and_never_changes_a_byte(self) -> None:
        for place, host in enumerate(getattr(self, "hosts", [])):
            feed = Harness.run(self.desk.feed(host, limit=500))
            assert feed["head"] == self.heads[place]
            assert [order["sequence"] for order in feed["orders"]] == list(range(1, self.heads[place] + 1))
            assert all(order["jws"] == self.bytes[place, order["sequence"]] for order in feed["orders"])

    @invariant()
    def the_state_is_the_hash_of_what_is_in_force(self) -> None:
        for place, host in enumerate(getattr(self, "hosts", [])):
            force = sorted(
                (order.sequence, order.id)
                for order in self.orders.values()
                if order.host == place and order.action != "restore" and order.sequence and not order.undone
            )
            lines = "".join(f"{order_id} {sequence}\n" for sequence, order_id in force)
            assert Harness.run(self.desk.state(host))["hash"] == hashlib.sha256(lines.encode()).hexdigest()


@pytest.fixture
async def dsn(make_database: MakeDatabase) -> str:
    return await make_database("access-control")


@pytest.fixture
def harness(dsn: str, tmp_path: Path) -> Iterator[None]:
    with asyncio.Runner() as runner:
        clock = FixedClock(NOON)
        keys: dict[str, Any] = {"signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True}
        service = running_service(SERVICE, dsn, clock=clock, withdraw_window_s=75, **keys)
        Harness.runner = runner
        Harness.desk = Desk(runner.run(service.__aenter__()), clock, dsn)
        yield
        runner.run(service.__aexit__(None, None, None))


def test_the_model_and_the_service_agree(harness: None) -> None:
    run_state_machine_as_test(
        Orders,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
