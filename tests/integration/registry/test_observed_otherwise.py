"""That a site was seen otherwise than signed: who is told, of what, and that nothing else comes of it (ADR 22)."""

from typing import Any

import pytest

from shared.contracts.access import OrderObservedOtherwiseV1
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import PROVIDER, Register, owner, uscc
from tests.integration.registry.listing import provider
from tests.support.crash import everything

CODE = uscc(822_000_001)


def otherwise(site: dict[str, Any] | None, difference: str) -> OrderObservedOtherwiseV1:
    return OrderObservedOtherwiseV1.model_validate({
        **OrderObservedOtherwiseV1.EXAMPLE, "order_id": uuid7(), "provider_id": PROVIDER, "difference": difference,
        "site_id": site and site["id"],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("difference", "operator"),
    [("restored_but_cut", True), ("cut_without_order", True), ("cut_but_served", False), ("cut_without_reason", False)],
)
async def test_provider_and_issuer_are_told_and_the_operator_of_a_site_that_should_be_there(
    register: Register, difference: str, operator: bool
) -> None:
    fact = otherwise(await register.live(CODE), difference)
    before = await everything(register.api.rt)
    await register.hear(fact)
    after = await everything(register.api.rt)
    told = [str(PROVIDER), fact.issuer.id, *([CODE] if operator else [])]
    assert await register.notices(fact.order_id) == [("observed_otherwise", each) for each in told]
    changed = {table for table in after if after[table] != before[table]}
    assert changed <= {"notice", "deadline", "delivery"}, "nothing but notices comes of it"


async def test_each_of_them_reads_it_and_nobody_else_does(register: Register) -> None:
    fact = otherwise(await register.live(CODE), "restored_but_cut")
    await register.hear(fact)
    for who in (provider(), "regulator-a", owner(CODE)):
        found = (await register.get(f"/notices?about={fact.order_id}", who))["items"]
        assert found, who
        shown = await register.get(f"/notices/{found[-1]['id']}", who)
        assert shown["notice"]["about"] == {"service": "access-control", "kind": "order", "id": str(fact.order_id)}
        assert "pharmacy.example" in str(shown)
        assert "Nothing follows by itself" in str(shown)
    for stranger in (owner(uscc(822_000_002)), "drugs-a"):
        assert (await register.get(f"/notices?about={fact.order_id}", stranger))["items"] == []


async def test_of_a_found_site_there_is_no_operator_to_tell(register: Register) -> None:
    fact = otherwise(None, "restored_but_cut")
    await register.hear(fact)
    assert [to for _, to in await register.notices(fact.order_id)] == [str(PROVIDER), fact.issuer.id]


async def test_what_is_carried_out_says_whose_site_it_is(register: Register) -> None:
    await register.carried_out(await register.decided(await register.live(CODE)))
    (fact,) = await register.told(ExecutionCarriedOutV1)
    assert fact.operator == CODE
