"""The conduct record of a provider: penalties enter it by a decision, and leave it with the decision."""

from typing import Any

import pytest

from access_control.errors import NotHosted
from shared.contracts.base import Fact
from shared.contracts.enforcement import (
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.runtime.base.ids import uuid7
from tests.integration.access_control.desk import Desk, Host


def penalty(host: Host, **change: Any) -> DecisionReleasedV1:
    """A decision against a provider."""
    made = {
        "decision_id": str(uuid7()),
        "effect": "penalty",
        "subject": {"kind": "provider", "provider_id": host.id},
        "operator": None,
        "site": None,
        "preview": None,
    }
    return DecisionReleasedV1.model_validate({**DecisionReleasedV1.EXAMPLE, **made, **change})


def about(kind: type[Fact], decision: DecisionReleasedV1) -> Fact:
    """What befell it later."""
    same = decision.model_dump(mode="json", include={"decision_id", "case_id", "effect", "subject"})
    return kind.model_validate({**kind.EXAMPLE, **same})


async def record(desk: Desk, host: Host, who: Any = "desk-a") -> list[dict[str, Any]]:
    answer = await desk.api.get(f"/providers/{host.id}/conduct", who=who)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_penalty_enters_the_record_once_with_its_reasons(desk: Desk) -> None:
    host = await desk.host()
    decision = penalty(host)
    await desk.deliver(decision, decision)
    (entry,) = await record(desk, host)
    assert (entry["status"], entry["decision_id"]) == ("standing", str(decision.decision_id))
    assert entry["grounds"]["reasons"] == decision.grounds.reasons
    assert entry["grounds"]["redress"]["within_days"] == decision.grounds.redress.within_days
    assert await record(desk, host, host.who) == [entry]


@pytest.mark.parametrize(
    ("kind", "because"),
    [(DecisionSuspendedV1, "suspended"), (DecisionOverturnedV1, "overturned"), (DecisionEndedV1, "lifted")],
)
async def test_the_entry_falls_with_its_decision_and_says_why(desk: Desk, kind: type[Fact], because: str) -> None:
    host = await desk.host()
    decision, other = penalty(host), penalty(host)
    await desk.deliver(decision, other, about(kind, decision), about(kind, decision))
    second, first = await record(desk, host)
    assert (first["status"], first["undone_because"]) == ("undone", because)
    assert first["undone_by"]["id"] == kind.EXAMPLE["authority"]["id"]
    assert first["undone_statement"]["reasons"] == kind.EXAMPLE["statement"]["reasons"]
    assert second["status"] == "standing"


@pytest.mark.parametrize("effect", ["revoke", "correct", "no_breach", "bar"])
async def test_other_effects_enter_nothing(desk: Desk, effect: str) -> None:
    host = await desk.host()
    decision = penalty(host, effect=effect)
    await desk.deliver(decision, about(DecisionOverturnedV1, decision))
    assert await record(desk, host) == []


async def test_a_penalty_for_a_provider_nobody_registered_waits(desk: Desk) -> None:
    with pytest.raises(NotHosted):
        await desk.deliver(penalty(Host(str(uuid7()), {})))


async def test_a_penalty_against_somebody_else_than_a_provider_enters_nothing(desk: Desk) -> None:
    host = await desk.host()
    await desk.deliver(penalty(host, subject={"kind": "site", "site_id": str(uuid7())}))
    assert await record(desk, host) == []


async def test_an_officials_look_leaves_a_row_and_the_providers_own_does_not(desk: Desk) -> None:
    host = await desk.host()
    await record(desk, host, host.who)
    await record(desk, host, "drugs-a")
    rows = await desk.rows("SELECT subject, resource FROM audit WHERE act = 'see_conduct'")
    assert [tuple(row) for row in rows] == [("drugs-a", f"/providers/{host.id}/conduct")]


async def test_another_provider_and_strangers_do_not_read_it(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    await desk.deliver(penalty(host))
    for who in (other.who, "applicant", "officer"):
        assert (await desk.api.get(f"/providers/{host.id}/conduct", who=who)).status_code == 403
    ghost = await desk.api.get(f"/providers/{uuid7()}/conduct", who="desk-a")
    assert (ghost.status_code, ghost.json()["code"]) == (404, "unknown_provider")
