"""That a provider does not host a site again as ordered: its operator is told, and nothing else follows (ADR 16)."""

from typing import Any

import pytest

from shared.contracts import access
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import PROVIDER, Register, owner, uscc
from tests.support.crash import everything

CODE = uscc(822_100_001)
HINDERED = [
    (access.OrderImpossibleV1, {"reasons": "The site left us last week."}, "signed that it cannot: The site left"),
    (access.OrderContestedV1, {"reasons": "This name was never ours."}, "objects: This name was never ours."),
    (access.OrderOverdueV1, {"escalated": False}, "has not signed that it does, by 20"),
]
FINE = [
    (access.OrderReceivedV1, {}), (access.OrderExecutedV1, {}), (access.OrderOverdueV1, {"escalated": True}),
    (access.OrderAnsweredV1, {"answer": "rejected"}), (access.OrderReleasedV1, {}),
]  # fmt: skip


def about(kind: type[access.OrderFact], site: dict[str, Any] | None, **more: Any) -> access.OrderFact:
    return kind.model_validate({
        **kind.EXAMPLE, "order_id": uuid7(), "provider_id": PROVIDER, "action": "restore",
        "site_id": site and site["id"], **more,
    })  # fmt: skip


@pytest.mark.parametrize(("kind", "more", "says"), HINDERED)
async def test_the_operator_of_a_site_that_should_be_back_is_told_what_hinders_it(
    register: Register, kind: type[access.OrderFact], more: dict[str, Any], says: str
) -> None:
    fact = about(kind, await register.live(CODE), **more)
    before = await everything(register.api.rt)
    await register.hear(fact)
    after = await everything(register.api.rt)
    assert await register.notices(fact.order_id) == [("restore_hindered", CODE)]
    (found,) = (await register.get(f"/notices?about={fact.order_id}", owner(CODE)))["items"]
    shown = await register.get(f"/notices/{found['id']}", owner(CODE))
    assert says in str(shown)
    assert "have the site hosted elsewhere" in str(shown)
    changed = {table for table in after if after[table] != before[table]}
    assert changed <= {"notice", "deadline", "delivery", "order_outcome"}, "nothing but the notice comes of it"


@pytest.mark.parametrize(("kind", "more"), FINE)
async def test_of_a_restore_that_is_on_its_way_or_done_there_is_nothing_to_tell(
    register: Register, kind: type[access.OrderFact], more: dict[str, Any]
) -> None:
    fact = about(kind, await register.live(CODE), **more)
    await register.hear(fact)
    assert await register.notices(fact.order_id) == []


@pytest.mark.parametrize("kind", [kind for kind, _, _ in HINDERED])
async def test_a_burden_that_its_provider_objects_to_is_between_it_and_the_issuer(
    register: Register, kind: type[access.OrderFact]
) -> None:
    fact = about(kind, await register.live(CODE), action="cut_off")
    await register.hear(fact)
    assert await register.notices(fact.order_id) == []


async def test_of_a_found_site_there_is_no_operator_to_tell(register: Register) -> None:
    fact = about(access.OrderImpossibleV1, None)
    await register.hear(fact)
    assert await register.notices(fact.order_id) == []


async def test_whoever_has_a_found_sites_name_by_now_is_told(register: Register) -> None:
    site = await register.live(CODE)
    fact = about(access.OrderImpossibleV1, None, hosts=site["domains"])
    await register.hear(fact)
    assert await register.notices(fact.order_id) == [("restore_hindered", CODE)]
