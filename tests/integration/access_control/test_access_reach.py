"""Every list and every record, asked as everybody (tests.support.reach), in words of their own."""

from typing import Any

from shared.contracts import examples
from shared.runtime.base.context import Caller
from tests.integration.access_control.desk import Desk, carried_out
from tests.support.reach import NoRole, disagreements

READ_ORDERS = {"access_desk", "industry_regulator", "sector_regulator", "coordination_office"}


def may_read_order(who: Caller, order: dict[str, Any]) -> bool:
    if "auditor" in who.roles:
        return True
    if not who.roles & READ_ORDERS:
        raise NoRole
    return who.level == "national" or str(who.region) in set(order["provinces"])


def may_read_provider(who: Caller, _: Any) -> bool:
    if not who.roles & {*READ_ORDERS, "auditor", "network_supervisor"}:
        raise NoRole
    return True


def may_read_instruction(who: Caller, instruction: dict[str, Any]) -> bool:
    if "auditor" in who.roles:
        return True
    if not who.roles & {"access_desk", "industry_regulator"}:
        raise NoRole
    return bool(who.organisation == instruction["regulator"])


async def test_orders_as_everybody(desk: Desk) -> None:
    host, far = await desk.host(), await desk.host(licence_number="粤ICP证000009号")
    shanghai = {**examples.REGULATOR, "id": "industry-310000", "region": "310000"}
    drugs = {**examples.GROUNDS, "authority": {**examples.AUTHORITY, "id": "drugs-440000", "region": "440000"}}
    national = {**examples.REGULATOR, "id": "industry", "level": "national", "region": None}
    facts = {
        ("110000",): carried_out(host),
        ("110000", "310000"): carried_out(host, regulator=shanghai),
        ("110000", "440000"): carried_out(far, regulator=national, grounds=drugs),
    }
    await desk.deliver(*facts.values())
    known = {str(fact.execution_id): provinces for provinces, fact in facts.items()}
    answer = await desk.api.get("/orders", who="auditor")
    records = {each["id"]: {"provinces": known[each["execution_id"]]} for each in answer.json()["items"]}
    assert len(records) == 3
    assert await disagreements(desk.api, "/orders", records, may_read_order) == []


async def test_providers_as_everybody(desk: Desk) -> None:
    records = {(await desk.host()).id: "provider", (await desk.network()).id: "network"}
    assert await disagreements(desk.api, "/providers", records, may_read_provider) == []


async def test_instructions_as_everybody(desk: Desk) -> None:
    network = await desk.network()
    shanghai = {**examples.REGULATOR, "id": "industry-310000", "region": "310000"}
    await desk.deliver(carried_out(network), carried_out(network, regulator=shanghai))
    items = (await desk.api.get("/instructions", who="auditor")).json()["items"]
    records = {each["id"]: {"regulator": each["regulator"]["id"]} for each in items}
    assert {each["regulator"] for each in records.values()} == {"industry-110000", "industry-310000"}
    assert await disagreements(desk.api, "/instructions", records, may_read_instruction) == []
