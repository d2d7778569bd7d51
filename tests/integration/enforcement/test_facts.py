"""What other departments did about a decision, in whatever order it is heard."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from enforcement.lifecycle import Status
from shared.contracts import examples
from shared.contracts.access import OrderExecutedV1
from shared.contracts.base import Fact
from shared.contracts.registry import (
    RegistrationReinstatedV1,
    RegistrationRevokedV1,
    RevocationRequestDeclinedV1,
    RevocationRequestReceivedV1,
)
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.office import Office


def fact(of: type[Fact], decision: dict[str, Any], **changes: Any) -> Fact:
    """A fact about this decision."""
    about = {"decision_id": decision["id"], "case_id": decision["case_id"]}
    if of is RegistrationRevokedV1:
        about = {"measure": {**examples.MEASURE, "authority": "culture-110000", **about}}
    return of.model_validate({**of.EXAMPLE, **about, **changes})


async def test_the_case_shows_how_far_its_decision_was_carried_out(office: Office) -> None:
    decision = await office.released()
    await office.hear(fact(RevocationRequestReceivedV1, decision))
    requested = await office.decision(decision["id"])
    assert (requested["status"], requested["execution"]["revoked_at"]) == ("requested", None)
    await office.hear(fact(RegistrationRevokedV1, decision))
    for provider in (uuid7(), uuid7()):
        await office.hear(fact(OrderExecutedV1, decision, order_id=uuid7(), provider_id=provider))
    case = (await office.api.get(f"/cases/{decision['case_id']}", who="culture-a")).json()
    (executed,) = case["decisions"]
    assert executed["status"] == "executed"
    assert executed["execution"]["revocation_id"] == examples.REVOCATION
    assert [order["how"] for order in executed["execution"]["orders"]] == ["HTTP 451 on every host name"] * 2
    appeal_id = await office.appealed(decision["id"])
    await office.decide(appeal_id)
    await office.hear(fact(RegistrationReinstatedV1, decision))
    await office.hear(fact(OrderExecutedV1, decision, order_id=uuid7(), action="restore"))
    back = await office.decision(decision["id"])
    assert back["status"] == "overturned"
    assert back["execution"]["reinstated_at"] is not None
    assert [order["action"] for order in back["execution"]["orders"]] == ["cut_off", "cut_off", "restore"]
    assert [move[0] for move in await office.trail(decision["id"])] == ["draft", "release", "receive", "execute",
                                                                        "overturn"]  # fmt: skip


async def test_a_declined_request_shows_the_regulator_s_reasons(office: Office) -> None:
    decision = await office.released()
    await office.hear(fact(RevocationRequestReceivedV1, decision))
    await office.hear(fact(RevocationRequestDeclinedV1, decision, reasons="The site is not the operator's."))
    declined = await office.decision(decision["id"])
    assert declined["status"] == "declined"
    assert declined["execution"]["declined"]["reasons"] == "The site is not the operator's."
    assert declined["execution"]["declined"]["legal_basis"] == examples.BASIS["legal_basis"]


async def test_an_appeal_against_a_declined_decision_can_still_be_upheld_but_suspends_nothing(office: Office) -> None:
    decision = await office.released()
    appeal_id = await office.appealed(decision["id"])
    await office.hear(fact(RevocationRequestDeclinedV1, decision))
    office.clock.advance(timedelta(days=61))
    for _ in range(100):
        if (await office.decision(decision["id"]))["appeals"][0]["overdue"]:
            break
    assert (await office.decision(decision["id"]))["status"] == "declined"
    assert "decision.suspended.v1" not in await office.told(decision["case_id"])
    assert (await office.decide(appeal_id)).status_code == 200
    assert (await office.decision(decision["id"]))["status"] == "overturned"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_facts_that_overtake_one_another_or_come_twice_lead_to_the_same_end(
    office: Office, order: tuple[int, ...]
) -> None:
    decision = await office.released()
    facts = [fact(RevocationRequestReceivedV1, decision), fact(RegistrationRevokedV1, decision),
             fact(OrderExecutedV1, decision)]  # fmt: skip
    for place in [*order, *order]:
        await office.hear(facts[place])
    end = await office.decision(decision["id"])
    assert end["status"] == "executed"
    assert end["execution"]["received_at"] is not None
    assert end["execution"]["revoked_at"] is not None
    assert len(end["execution"]["orders"]) == 1


@pytest.mark.parametrize("late", [RevocationRequestReceivedV1, RevocationRequestDeclinedV1, RegistrationRevokedV1])
@pytest.mark.parametrize("end", [Status.OVERTURNED, Status.SUSPENDED])
async def test_a_late_fact_never_moves_a_decision_back(office: Office, late: type[Fact], end: Status) -> None:
    decision = await office.released()
    appeal_id = await office.appealed(decision["id"])
    if end is Status.OVERTURNED:
        await office.decide(appeal_id)
    else:
        office.clock.advance(timedelta(days=61))
        await office.reach(decision["id"], "suspended")
    before = await office.trail(decision["id"])
    await office.hear(fact(late, decision))
    now = await office.decision(decision["id"])
    assert now["status"] == end
    assert any(now["execution"][name] for name in ("received_at", "declined", "revoked_at")), "it is noted all the same"
    assert await office.trail(decision["id"]) == before


async def test_what_was_said_first_stays(office: Office) -> None:
    decision = await office.released()
    await office.hear(fact(RegistrationRevokedV1, decision, revoked_at="2026-11-02T02:00:00Z"))
    await office.hear(fact(RegistrationRevokedV1, decision, revoked_at="2026-11-03T02:00:00Z", revocation_id=uuid7()))
    execution = (await office.decision(decision["id"]))["execution"]
    assert (execution["revoked_at"], execution["revocation_id"]) == ("2026-11-02T02:00:00Z", examples.REVOCATION)


async def test_facts_about_others_are_none_of_our_business(office: Office) -> None:
    """The regulator revokes on its own, or because of a decision that is not ours: nothing breaks or moves."""
    decision = await office.released()
    foreign = {"id": uuid7(), "case_id": uuid7()}
    own = {**examples.MEASURE, "authority": "industry-110000", "decision_id": None, "case_id": None}
    await office.hear(fact(RegistrationRevokedV1, decision, measure=own))
    await office.hear(fact(RegistrationReinstatedV1, decision, decision_id=None))
    await office.hear(fact(OrderExecutedV1, decision, decision_id=None))
    for of in (RevocationRequestReceivedV1, RevocationRequestDeclinedV1, RegistrationRevokedV1,
               RegistrationReinstatedV1, OrderExecutedV1):  # fmt: skip
        await office.hear(fact(of, foreign))
    now = await office.decision(decision["id"])
    assert (now["status"], now["version"]) == ("released", decision["version"])
    assert now["execution"]["orders"] == []
