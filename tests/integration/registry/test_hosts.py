"""What home's regulator reads of the orders that its executions led to: whose they are, and the host's clock."""

from typing import Any, Final

from shared.contracts import examples
from shared.contracts.access import (
    OrderAnsweredV1,
    OrderContestedV1,
    OrderExecutedV1,
    OrderOverdueV1,
    OrderQueuedV1,
    OrderReleasedV1,
    OrderWithdrawnV1,
)
from shared.contracts.base import Fact
from shared.contracts.registry import ExecutionCarriedOutV1
from tests.integration.registry.conftest import Register

HOST: Final = {**examples.REGULATOR, "id": "industry-310000", "region": "310000"}
DUE, LATER = "2026-11-23T04:00:00Z", "2026-11-24T04:00:00Z"


async def carried_out(register: Register) -> dict[str, Any]:
    """The execution of a revocation, carried out here."""
    return await register.carried_out(await register.decided(await register.live()))


async def hear(register: Register, execution: dict[str, Any], fact: type[Fact], at: str, **change: Any) -> None:
    """Access-control says what became of the order of this execution."""
    told = {**fact.EXAMPLE, "execution_id": execution["id"], "decision_id": execution["decision_id"], "at": at}
    await register.hear(fact.model_validate({**told, **change}))


async def order(register: Register, execution: dict[str, Any]) -> dict[str, Any]:
    (found,) = (await register.get(f"/executions/{execution['id']}", "regulator-a"))["orders"]
    return dict(found)


async def test_home_reads_whose_order_it_is_until_when_it_is_due_there_and_that_it_is_late(register: Register) -> None:
    execution = await carried_out(register)
    await hear(register, execution, OrderReleasedV1, "2026-11-22T04:00:00Z", issuer=HOST, execute_by=DUE)
    seen = await order(register, execution)
    assert (seen["issuer"]["id"], seen["execute_by"], seen["overdue"]) == ("industry-310000", DUE, False)
    await hear(register, execution, OrderContestedV1, "2026-11-22T05:00:00Z")
    await hear(register, execution, OrderAnsweredV1, "2026-11-22T06:00:00Z", answer="rejected", execute_by=LATER)
    seen = await order(register, execution)
    assert (seen["outcome"], seen["execute_by"]) == ("answered", LATER), "it stood still while it was contested"
    await hear(register, execution, OrderOverdueV1, "2026-11-24T04:00:00Z", execute_by=LATER)
    seen = await order(register, execution)
    assert (seen["overdue"], seen["escalated"]) == (True, False)
    await hear(register, execution, OrderOverdueV1, "2026-11-24T05:00:00Z", execute_by=LATER, escalated=True)
    await hear(register, execution, OrderExecutedV1, "2026-11-24T06:00:00Z")
    seen = await order(register, execution)
    assert (seen["outcome"], seen["overdue"], seen["escalated"], seen["issuer"]["id"]) == (
        "executed", True, True, "industry-310000",
    ), "that it was late stays, and whose it is"  # fmt: skip
    (listed,) = (await register.get(f"/executions?decision_id={execution['decision_id']}", "regulator-b"))["items"]
    assert listed["orders"] == [seen]


async def test_home_reads_who_took_it_back_and_why(register: Register) -> None:
    execution = await carried_out(register)
    why = "The provider moved its machines to another province."
    await hear(register, execution, OrderWithdrawnV1, "2026-11-22T04:00:00Z", by=HOST, reasons=why)
    seen = await order(register, execution)
    assert (seen["outcome"], seen["detail"], seen["withdrawn_by"]["id"]) == ("withdrawn", why, "industry-310000")


async def test_the_host_is_told_homes_clock(register: Register) -> None:
    execution = await carried_out(register)
    (told,) = await register.told(ExecutionCarriedOutV1)
    assert told.received_at is not None
    assert told.due_at is not None
    assert told.received_at.isoformat()[:19] == execution["received_at"][:19]
    assert told.due_at > told.received_at


async def test_the_host_is_told_when_it_was_decided_and_that_it_was_urgent(register: Register) -> None:
    decided = await register.decided(await register.live(), urgent_ground="fraud")
    await register.carried_out(decided)
    (told,) = await register.told(ExecutionCarriedOutV1)
    assert told.decided_at is not None
    assert told.urgent_ground == "fraud"


async def test_home_reads_that_an_order_waits_and_then_until_when_it_is_due(register: Register) -> None:
    execution = await carried_out(register)
    await hear(register, execution, OrderQueuedV1, "2026-11-22T04:00:00Z")
    seen = await order(register, execution)
    assert (seen["outcome"], seen["execute_by"]) == ("queued", None)
    await hear(register, execution, OrderReleasedV1, "2026-11-22T04:00:00Z", execute_by=DUE)
    assert ((await order(register, execution))["outcome"], (await order(register, execution))["execute_by"]) == (
        "released", DUE,
    )  # fmt: skip
