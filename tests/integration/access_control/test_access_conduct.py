"""The conduct record of a provider: penalties enter it by a decision, and leave it with the decision."""

from datetime import timedelta
from typing import Any

import pytest

from access_control.errors import NotHosted
from access_control.service.conduct import CLOCK
from shared.contracts.base import Fact
from shared.contracts.enforcement import (
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.runtime.base.ids import uuid7
from tests.integration.access_control.desk import Desk, Host
from tests.support.people import at


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


DISPUTED = {"reasons": "The order came when our office was flooded; the receipt was signed the day after."}
KEPT = {"reasons": "The office was told by telephone and on paper three days before."}
DECIDER = "regulator-a"


async def disputed(desk: Desk, host: Host, who: Any = None, verb: str = "dispute", body: Any = DISPUTED) -> Any:
    entry = (await record(desk, host))[0]
    return await desk.api.post(f"/providers/{host.id}/conduct/{entry['id']}/{verb}", json=body, who=who or host.who)


def penalty_of(host: Host) -> DecisionReleasedV1:
    """One by the industry regulator of Beijing."""
    grounds: dict[str, Any] = dict(DecisionReleasedV1.EXAMPLE["grounds"])
    return penalty(host, grounds={**grounds, "authority": {**grounds["authority"], "id": "industry-110000"}})


async def entered(desk: Desk) -> tuple[Host, DecisionReleasedV1]:
    host = await desk.host()
    decision = penalty_of(host)
    await desk.deliver(decision)
    return host, decision


async def test_an_entry_counts_for_the_profiles_time_and_stays_readable_after_it(desk: Desk) -> None:
    host, _ = await entered(desk)
    (entry,) = await record(desk, host)
    assert (entry["counts"], at(entry["counts_until"])) == (True, desk.api.rt.rules.due(CLOCK, desk.clock.now()).due_at)
    desk.clock.advance(at(entry["counts_until"]) - desk.clock.now() - timedelta(seconds=1))
    assert (await record(desk, host))[0]["counts"]
    desk.clock.advance(timedelta(seconds=1))
    (over,) = await record(desk, host, host.who)
    assert (over["counts"], over["status"], over["grounds"]) == (False, "standing", entry["grounds"])


async def test_what_its_provider_disputes_does_not_count_until_who_decided_answers(desk: Desk) -> None:
    host, decision = await entered(desk)
    said = await disputed(desk, host)
    assert (said.status_code, said.json()["status"], said.json()["counts"]) == (200, "disputed", False)
    (shown,) = await record(desk, host, "drugs-a")
    assert (shown["dispute"], shown["counts"]) == (DISPUTED["reasons"], False), "whoever reads the entry reads this"
    waiting = await desk.api.get("/conduct-disputes", who=DECIDER)
    assert [each["id"] for each in waiting.json()["items"]] == [shown["id"]]
    kept = await disputed(desk, host, DECIDER, "dispute-answer", KEPT)
    assert (kept.json()["status"], kept.json()["counts"], kept.json()["answer"]) == ("kept", True, KEPT["reasons"])
    assert kept.json()["dispute"] == DISPUTED["reasons"]
    assert (await desk.api.get("/conduct-disputes", who=DECIDER)).json()["items"] == []
    for who, verb, body in ((host.who, "dispute", DISPUTED), (DECIDER, "dispute-answer", KEPT)):
        again = await disputed(desk, host, who, verb, body)
        assert (again.status_code, again.json()["code"]) == (409, "action_refused"), "once"
    await desk.deliver(about(DecisionOverturnedV1, decision))
    (fell,) = await record(desk, host)
    assert (fell["status"], fell["counts"]) == ("undone", False)


async def test_nobody_else_disputes_or_answers(desk: Desk) -> None:
    host, _ = await entered(desk)
    other = await desk.host()
    for who in (other.who, "desk-a", "drugs-a", "applicant", DECIDER):
        assert (await disputed(desk, host, who)).status_code == 403, who
    assert (await disputed(desk, host, DECIDER, "dispute-answer", KEPT)).status_code == 409, "nobody disputed it"
    await disputed(desk, host)
    for who in (host.who, "desk-a", "shanghai-regulator-a", "drugs-a"):
        assert (await disputed(desk, host, who, "dispute-answer", KEPT)).status_code == 403, who
    assert (await desk.api.get("/conduct-disputes", who="shanghai-regulator-a")).json()["items"] == []
    for who in (host.who, "desk-a", "applicant"):
        assert (await desk.api.get("/conduct-disputes", who=who)).status_code == 403, who
    missing = await desk.api.post(f"/providers/{host.id}/conduct/{uuid7()}/dispute", json=DISPUTED, who=host.who)
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_entry")
    elsewhere = (await record(desk, host))[0]["id"]
    answer = await desk.api.post(f"/providers/{other.id}/conduct/{elsewhere}/dispute", json=DISPUTED, who=other.who)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_entry"), "it is in another record"


async def test_a_program_answers_no_dispute(desk: Desk) -> None:
    host, _ = await entered(desk)
    await disputed(desk, host)
    answer = await disputed(desk, host, (DECIDER, {"sub": "robot", "client_id": "robot"}), "dispute-answer", KEPT)
    assert (answer.status_code, answer.json()["code"]) == (403, "person_required")


async def test_a_disputed_entry_falls_with_its_decision(desk: Desk) -> None:
    host, decision = await entered(desk)
    await disputed(desk, host)
    await desk.deliver(about(DecisionEndedV1, decision))
    (fell,) = await record(desk, host)
    assert (fell["status"], fell["dispute"], fell["undone_because"]) == ("undone", DISPUTED["reasons"], "lifted")


async def test_what_a_release_before_entered_counts_for_a_year(desk: Desk) -> None:
    host, _ = await entered(desk)
    await desk.rows("UPDATE conduct_entry SET counts_until = NULL RETURNING id")
    (entry,) = await record(desk, host)
    assert at(entry["counts_until"]) - at(entry["entered_at"]) == timedelta(days=365)
