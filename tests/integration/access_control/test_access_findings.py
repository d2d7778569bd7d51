"""What the register tells of a provider's list is noted beside its penalties, and no order comes of it (ADR 18)."""

from typing import Any

import pytest

from access_control.errors import NotHosted
from shared.contracts.hosted import FindingClosedV1, FindingEscalatedV1
from shared.runtime.base.ids import uuid7
from tests.integration.access_control.desk import Desk, Host
from tests.support.crash import everything


def escalated(host: Host, **change: Any) -> FindingEscalatedV1:
    made = {"finding_id": uuid7(), "provider_id": host.id}
    return FindingEscalatedV1.model_validate({**FindingEscalatedV1.EXAMPLE, **made, **change})


def closed(fact: FindingEscalatedV1, because: str) -> FindingClosedV1:
    same = {"finding_id": fact.finding_id, "provider_id": fact.provider_id, "because": because}
    return FindingClosedV1.model_validate({**FindingClosedV1.EXAMPLE, **same})


async def test_it_is_noted_once_and_that_it_is_over_is_noted_too(desk: Desk) -> None:
    host = await desk.host()
    fact = escalated(host)
    await desk.deliver(fact, fact)
    (row,) = await desk.rows("SELECT host, kind, because FROM conduct_finding")
    assert tuple(row) == (fact.host, fact.kind, None)
    await desk.deliver(closed(fact, "cured"), closed(fact, "dismissed"))
    (row,) = await desk.rows("SELECT because, closing ->> 'reasons' AS why FROM conduct_finding")
    assert (row["because"], row["why"]) == ("cured", fact.statement.reasons)


async def test_the_provider_and_officials_read_it_and_nobody_else(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    first, second = escalated(host), escalated(host, kind="revoked")
    await desk.deliver(first, second, escalated(other), closed(first, "dismissed"))
    path = f"/providers/{host.id}/conduct/findings"
    for who in (host.who, "desk-a", "auditor", "drugs-a"):
        shown = (await desk.api.get(path, who=who)).json()["items"]
        assert [(each["kind"], each["because"]) for each in shown] == [("revoked", None), (first.kind, "dismissed")]
    assert shown[1]["closing"]["reasons"] == first.statement.reasons
    for who in (other.who, "applicant"):
        assert (await desk.api.get(path, who=who)).status_code == 403
    (seen,) = await desk.rows("SELECT subject FROM audit WHERE resource = $1 AND subject = 'drugs-a'", path)
    assert seen["subject"] == "drugs-a"


async def test_no_order_and_nothing_else_comes_of_it(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    fact, before = escalated(host), await everything(desk.api.rt)
    await desk.deliver(fact)
    await desk.deliver(closed(fact, "dismissed"))
    after = await everything(desk.api.rt)
    assert {table for table in after if after[table] != before[table]} <= {"conduct_finding", "inbox"}


async def test_of_a_provider_that_nobody_entered_it_is_parked(desk: Desk) -> None:
    host = await desk.host()
    with pytest.raises(NotHosted):
        await desk.deliver(escalated(host, provider_id=uuid7()))
