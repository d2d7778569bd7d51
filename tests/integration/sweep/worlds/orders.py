"""Ways to every status of an order and of an instruction."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from access_control.lifecycle import Status
from access_control.service.sending import EXECUTION, LAPSE
from shared.contracts import examples
from shared.contracts.http.access import InstructionStatus
from tests.integration.access_control.desk import SUPERVISOR, WHY, Desk, Host, carried_out, supervisor, undone
from tests.integration.sweep.world import Record
from tests.support.people import OPERATOR_USCC

SHANGHAI: Final = {**examples.REGULATOR, "id": "industry-310000", "region": "310000"}
ANSWERED: Final = {
    Status.RECEIVED: "received", Status.EXECUTED: "executed", Status.PARTLY: "partly",
    Status.IMPOSSIBLE: "impossible", Status.CONTESTED: "contested", Status.ACCEPTED: "impossible",
    Status.UPHELD: "contested",
}  # fmt: skip
"""What the provider signs on the way there."""


def _of(authority: str, region: str) -> dict[str, Any]:
    return {**examples.GROUNDS, "authority": {**examples.AUTHORITY, "id": authority, "region": region}}


async def _newest(desk: Desk, path: str) -> dict[str, Any]:
    items: list[dict[str, Any]] = (await desk.api.get(path, who="auditor")).json()["items"]
    return items[0]


async def _order_at(desk: Desk, host: Host, network: Host, full: Host, status: Status) -> dict[str, Any]:
    """An order in this status, of the province of Beijing."""
    fact = carried_out(
        {Status.INSTRUCTED: network, Status.QUEUED: full}.get(status, host),
        effect="suspend_access" if status is Status.LAPSED else "revoke",
        operator=OPERATOR_USCC,
    )
    await desk.deliver(fact)
    order = await _newest(desk, "/orders")
    if status is Status.WITHDRAWN:
        await desk.act(f"/orders/{order['id']}/withdrawal", WHY, "desk-a")
    elif status not in {Status.INSTRUCTED, Status.DRAFTED}:
        await desk.close_window(order)
    if status in ANSWERED:
        await desk.answer(host, ANSWERED[status])
    if status in {Status.ACCEPTED, Status.UPHELD}:
        await desk.act(f"/orders/{order['id']}/answer", {**WHY, "answer": status}, "regulator-a")
    elif status is Status.LAPSED:
        await desk.ring(LAPSE, order["id"])
    elif status is Status.SUPERSEDED:
        await desk.deliver(undone(fact))
    elif status is Status.RELEASED:
        await desk.ring(EXECUTION, order["id"])  # overdue, so that it can be escalated
    now = await desk.order(order["id"])
    assert now["status"] == status, now
    return now


async def order_records(desk: Desk, host: Host, network: Host, full: Host, far: Host) -> list[Record]:
    """An order in every status, a withdrawn one to be sent again, and drafted ones of other provinces or of no desk."""
    found: list[Record] = []
    await desk.deliver(carried_out(full))
    await desk.close_window(await _newest(desk, "/orders"))  # its day is full
    for status in (*Status, Status.WITHDRAWN):
        order = await _order_at(desk, host, network, full, status)
        if status in {each.status for each in found}:  # the second one, that somebody asked to send again
            await desk.act(f"/orders/{order['id']}/reissue-request", WHY, "regulator-b")
        by = {Status.INSTRUCTED: network, Status.QUEUED: full}.get(status, host)
        words = {
            "provinces": ("110000",), "provider": by.id, "out": order["sequence"] is not None,
            "supervisor": SUPERVISOR if by is network else None, "operator": OPERATOR_USCC,
        }  # fmt: skip
        found.append(Record({"order_id": order["id"]}, words, status))
    drugs = _of("drugs-310000", "310000")
    national = {**examples.REGULATOR, "id": "industry", "level": "national", "region": None}
    elsewhere: list[tuple[Host, tuple[str, ...], dict[str, Any]]] = [
        (host, ("110000", "310000"), {"regulator": SHANGHAI}),
        (host, ("110000", "440000"), {"regulator": national, "grounds": _of("drugs-440000", "440000")}),
        (far, ("310000",), {"regulator": SHANGHAI, "grounds": drugs}),
        (far, ("110000", "310000"), {}),  # home is Beijing, and Shanghai orders its provider
    ]
    for at, provinces, more in elsewhere:
        await desk.deliver(carried_out(at, operator=OPERATOR_USCC, **more))
        order = await _newest(desk, "/orders")
        words = {"provinces": provinces, "provider": at.id, "out": False, "supervisor": None, "operator": OPERATOR_USCC}
        found.append(Record({"order_id": order["id"]}, words))
    return found


async def instruction_records(desk: Desk, network: Host) -> list[Record]:
    """An instruction in every status, and one of another province."""
    a, b, words = supervisor("a"), supervisor("b"), {"regulator": "industry-110000", "supervisor": SUPERVISOR}
    ways: dict[InstructionStatus, Callable[[str], Awaitable[list[Any]]]] = {}

    def way(*steps: tuple[str, Any, Any]) -> Callable[[str], Awaitable[list[Any]]]:
        async def go(instruction_id: str) -> list[Any]:
            return [await desk.act(f"/instructions/{instruction_id}/{step}", *rest) for step, *rest in steps]

        return go

    objected = ("objection", WHY, a)
    ways = {
        InstructionStatus.RECEIVED: way(),
        InstructionStatus.ACKNOWLEDGED: way(("acknowledgement", None, a)),
        InstructionStatus.ISSUED: way(("acknowledgement", None, a), ("issue", None, b)),
        InstructionStatus.OBJECTED: way(objected),
        InstructionStatus.WITHDRAWN: way(objected, ("answer", {**WHY, "answer": "upheld"}, "regulator-a")),
    }
    found = []
    for status, go in ways.items():
        await desk.deliver(carried_out(network))
        instruction = await _newest(desk, "/instructions")
        await go(instruction["id"])
        found.append(Record({"instruction_id": instruction["id"]}, words, status))
    await desk.deliver(carried_out(network, regulator=SHANGHAI))
    elsewhere = await _newest(desk, "/instructions")
    return [*found, Record({"instruction_id": elsewhere["id"]}, {**words, "regulator": "industry-310000"})]
