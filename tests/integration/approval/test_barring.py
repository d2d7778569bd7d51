"""Whom the registry has on its barred list gets no new consent, and keeps what it has (N4.5)."""

from datetime import timedelta
from typing import Any

from approval.lifecycle import Status
from shared.contracts.registry import BarRecordedV1
from tests.integration.approval.desk import OPERATOR, Desk


def bar(desk: Desk, seq: int = 1, *, listed: bool = True, **changes: Any) -> BarRecordedV1:
    until = desk.clock.now() + timedelta(days=300)
    said = {"operator": OPERATOR, "seq": seq, "listed": listed, "until": until}
    return BarRecordedV1.model_validate({**BarRecordedV1.EXAMPLE, **said, **changes})


async def test_nobody_on_the_list_applies_until_it_is_off_again(desk: Desk) -> None:
    await desk.hear(bar(desk))
    refused = await desk.apply(domain="a.example")
    assert (refused.status_code, refused.json()["code"]) == (409, "operator_barred")
    assert refused.json()["execution_id"] == BarRecordedV1.EXAMPLE["execution_id"], "what there is to challenge"
    await desk.hear(bar(desk, 2, listed=False))
    await desk.hear(bar(desk, 1))
    assert (await desk.apply(domain="a.example")).status_code == 201, "an old word does not come back"


async def test_who_came_onto_the_list_meanwhile_is_not_granted_and_can_be_refused(desk: Desk) -> None:
    approval_id = await desk.at(Status.SUBMITTED)
    await desk.hear(bar(desk))
    answer = await desk.do(approval_id, "grant")
    assert (answer.status_code, answer.json()["code"]) == (409, "operator_barred")
    assert (await desk.done(approval_id, "refusal"))["status"] == "refused"


async def test_a_bar_takes_nothing_that_was_granted_and_ends_by_its_date(desk: Desk) -> None:
    approval_id = await desk.at(Status.RENEWING)
    await desk.hear(bar(desk))
    assert (await desk.done(approval_id, "renewal"))["status"] == "granted"
    desk.clock.advance(timedelta(days=301))
    assert (await desk.apply(domain="b.example")).status_code == 201
