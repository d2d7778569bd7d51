"""What the register does about a name reaches whoever shows that it is theirs, as a copy (ADR 13)."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts import examples
from shared.contracts.grounds import Grounds
from shared.contracts.notices import RegistryActNamedV1
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import Office
from tests.integration.enforcement.test_subscriptions import OWNER, Desk


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def did(*hosts: str, **changes: Any) -> RegistryActNamedV1:
    act_id = uuid7()
    act = {"service": "registry", "kind": "refusal", "id": act_id}
    return RegistryActNamedV1.model_validate(
        {**RegistryActNamedV1.EXAMPLE, "act_id": act_id, "act": act, "hosts": hosts} | changes
    )


async def test_whoever_holds_a_name_hears_what_the_register_did_about_it(desk: Desk, office: Office) -> None:
    mine = await desk.active("mine.example")
    await desk.active("other.example", email="other@owner.example")
    until = office.clock.now() + timedelta(days=9)
    grounds = Grounds.model_validate(examples.GROUNDS)
    fact = did("shop.mine.example", kind="refused", grounds=grounds.model_dump(), statement=None, answer_by=until)
    await office.hear(fact)
    await office.hear(did("nobody.example"))
    [_, copy] = await desk.sent(mine)
    assert (copy.kind, copy.copy_about, copy.about, copy.title) == ("refused", "mine.example", fact.act, fact.title)
    assert (copy.grounds, copy.answer_by, copy.authority) == (grounds.public(), until, fact.authority)
    assert (await desk.kinds()).count("refused") == 1
    deemed = "SELECT count(*) FROM deadline WHERE kind = 'notice_deemed'"
    assert await office.fetchval(deemed) == 2, "of the two codes alone: no time runs from a copy"


async def test_one_that_nobody_confirmed_or_that_has_ended_hears_nothing(desk: Desk, office: Office) -> None:
    waiting = await desk.subscribe("waiting.example")
    desk.names.show(waiting)
    await desk.look()
    ended = await desk.active("ended.example", email="ended@owner.example")
    await office.post(f"/name-subscriptions/{ended['id']}/end", None, OWNER)
    await office.hear(did("waiting.example", "ended.example"))
    assert await desk.kinds() == ["subscription_confirmed"]


async def test_an_act_that_says_nothing_more_is_told_too_and_a_department_speaks_of_its_own_alone(
    desk: Desk, office: Office
) -> None:
    view = await desk.active("mine.example")
    await office.hear(did("mine.example", kind="merger_withdrawn", statement=None))
    assert (await desk.kinds(view))[-1] == "merger_withdrawn"
    foreign = did("mine.example")
    act = foreign.act.model_copy(update={"service": "approval"})
    with pytest.raises(ValueError, match="speaks of an act of approval"):
        await office.hear(foreign.model_copy(update={"act": act}))
