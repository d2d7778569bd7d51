"""What the register tells of a provider's list is noted beside its penalties, and no order comes of it (ADR 18)."""

from typing import Any

import pytest

from access_control.errors import NotHosted
from shared.contracts.base import Fact
from shared.contracts.hosted import FindingClosedV1, FindingDisputedV1, FindingEscalatedV1, FindingKeptV1
from shared.runtime.base.ids import uuid7
from tests.integration.access_control.desk import Desk, Host
from tests.support.crash import everything

SHANGHAI = {**FindingEscalatedV1.EXAMPLE["authority"], "id": "industry-310000"}


def escalated(host: Host, **change: Any) -> FindingEscalatedV1:
    made = {"finding_id": uuid7(), "provider_id": host.id}
    return FindingEscalatedV1.model_validate({**FindingEscalatedV1.EXAMPLE, **made, **change})


def closed(fact: FindingEscalatedV1, because: str) -> FindingClosedV1:
    same = {"finding_id": fact.finding_id, "provider_id": fact.provider_id, "because": because}
    return FindingClosedV1.model_validate({**FindingClosedV1.EXAMPLE, **same})


def said_of(fact: FindingEscalatedV1, kind: type[Fact], why: str = "The site was registered all the time.") -> Fact:
    """What is said of it later, with these reasons."""
    return kind.model_validate({
        **kind.EXAMPLE, "finding_id": fact.finding_id, "provider_id": fact.provider_id,
        "statement": {"legal_basis": ["N4.2.2"], "reasons": why},
    })  # fmt: skip


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


async def shown(desk: Desk, host: Host, who: Any = None) -> dict[str, Any]:
    answer = await desk.api.get(f"/providers/{host.id}/conduct/findings", who=who or host.who)
    (found,) = answer.json()["items"]
    return dict(found)


async def test_adr_20_what_is_disputed_does_not_count_until_somebody_answers(desk: Desk) -> None:
    host = await desk.host()
    fact = escalated(host)
    await desk.deliver(fact)
    assert (await shown(desk, host))["counts"] is True
    disputing, kept = said_of(fact, FindingDisputedV1), said_of(fact, FindingKeptV1, "No such site was registered.")
    await desk.deliver(disputing, said_of(fact, FindingDisputedV1, "Something else, a second time."))
    for who in (host.who, "desk-a"):
        now = await shown(desk, host, who)
        assert (now["counts"], now["dispute"], now["answer"]) == (False, "The site was registered all the time.", None)
    await desk.deliver(kept, said_of(fact, FindingKeptV1, "Something else, a second time."))
    now = await shown(desk, host, "desk-a")
    assert (now["counts"], now["dispute"], now["answer"]) == (
        True, "The site was registered all the time.", "No such site was registered.",
    )  # fmt: skip
    await desk.deliver(closed(fact, "dismissed"))
    assert (await shown(desk, host))["counts"] is False


async def test_nobody_answers_what_nobody_disputed(desk: Desk) -> None:
    host = await desk.host()
    fact = escalated(host)
    await desk.deliver(fact, said_of(fact, FindingKeptV1))
    assert (await shown(desk, host))["answer"] is None


async def test_the_regulator_of_the_province_lists_what_is_disputed_of_findings(desk: Desk) -> None:
    host = await desk.host()
    first, second, elsewhere = escalated(host), escalated(host), escalated(host, authority=SHANGHAI)
    await desk.deliver(first, second, elsewhere, escalated(host))
    await desk.deliver(*(said_of(each, FindingDisputedV1) for each in (first, second, elsewhere)))

    async def waiting() -> list[str]:
        items = (await desk.api.get("/conduct-disputes/findings", who="regulator-a")).json()["items"]
        return [each["finding_id"] for each in items]

    assert await waiting() == [str(second.finding_id), str(first.finding_id)]
    await desk.deliver(said_of(first, FindingKeptV1), closed(second, "cured"))
    assert await waiting() == []
    for who in (host.who, "desk-a"):
        assert (await desk.api.get("/conduct-disputes/findings", who=who)).status_code == 403
