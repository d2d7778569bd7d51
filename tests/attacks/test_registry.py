"""Ways to hit somebody by way of a decision about another, or to let one measure fall or stand with another."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.registry import ExecutionCarriedOutV1, SiteRecordedV1
from shared.runtime.base.clock import FixedClock
from tests.integration.registry.conftest import (  # noqa: F401 - fixtures
    IDENTITY,
    STATEMENT,
    Register,
    a_site,
    clock,
    domain,
    owner,
    register,
    uscc,
)
from tests.support.service import Who

BOTH = ["general", "healthcare", "drugs_and_devices"]


async def items(register: Register) -> tuple[str, ...]:  # noqa: F811
    return tuple((await register.told(SiteRecordedV1))[-1].service_items)


async def a_pharmacy(register: Register, *asked: str) -> dict[str, Any]:  # noqa: F811
    """A live site with regulated items, whose consents have lapsed since."""
    code, name = uscc(881), domain()
    for item in asked:
        if item != "general":
            await register.approve(code, item, name)
    granted = await register.active(a_site(name, service_items=list(asked)), code)
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE approval SET live = false WHERE identity = $1", code)
    return dict(granted["sites"][0])


async def struck(register: Register, site: dict[str, Any], item: str) -> DecisionReleasedV1:  # noqa: F811
    decision = await register.decided(site, "end_item", service_item=item)
    await register.carried_out(decision)
    return decision


@pytest.mark.parametrize("general", [True, False])
async def test_of_two_items_struck_each_comes_back_alone_whatever_falls_first(
    register: Register,  # noqa: F811
    general: bool,
) -> None:
    asked = BOTH if general else BOTH[1:]
    site = await a_pharmacy(register, *asked)
    before = await items(register)
    first, second = await struck(register, site, "healthcare"), await struck(register, site, "drugs_and_devices")
    assert await items(register) == ("general",)
    await register.overturned(first)
    assert set(await items(register)) == ({"general", "healthcare"} if general else {"healthcare"})
    await register.overturned(second)
    assert set(await items(register)) == set(before), "exactly what was there, and nothing struck by an undoing"


async def test_an_item_that_two_decisions_struck_stays_away_while_one_of_them_stands(
    register: Register,  # noqa: F811
) -> None:
    site = await a_pharmacy(register, *BOTH)
    first, second = await struck(register, site, "healthcare"), await struck(register, site, "healthcare")
    await register.overturned(first)
    assert "healthcare" not in await items(register)
    await register.overturned(second)
    assert set(await items(register)) == set(BOTH)


async def test_whoever_took_a_site_over_before_the_register_heard_is_not_hit_for_its_former_operator(
    register: Register,  # noqa: F811
    clock: FixedClock,  # noqa: F811
) -> None:
    site = await register.live()
    now = await register.get(f"/sites/{site['id']}", "regulator-a")
    receiver_code = uscc(882)
    receiver = await register.active(a_site(domain()), receiver_code)
    proposed = await register.post(
        f"/sites/{site['id']}/transfer", {"registration_id": receiver["id"], "reasons": "The shop was sold."},
        owner(await register.fetchval(IDENTITY, UUID(site["id"]))), 201, headers={"If-Match": f'"{now["version"]}"'},
    )  # fmt: skip
    buyer: Who = ("buyer", {"organisation": receiver_code, "roles": ["operator"]})
    await register.post(f"/amendments/{proposed['id']}/consent", None, buyer)
    seller = {"identity": await register.fetchval(IDENTITY, UUID(site["id"])), "name": "Seller"}
    await register.post(f"/amendments/{proposed['id']}/grant", {"statement": STATEMENT}, "regulator-a")
    decision = await register.decided(site, operator=seller)  # released before, heard after
    execution = await register.execution(decision)
    body, path = await register.signed(execution), f"/executions/{execution['id']}"
    refused = await register.api.post(f"{path}/acceptance", json=body, who="regulator-a")
    assert (refused.status_code, refused.json()["code"]) == (409, "subject_gone")
    assert await register.told(ExecutionCarriedOutV1) == []
    declined = await register.post(f"{path}/decline", {"statement": STATEMENT}, "regulator-a")
    assert declined["status"] == "declined"
