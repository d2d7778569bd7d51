"""Flow D: a decision becomes a revocation, an order, a receipt; and everything that can stop it on the way."""

import pytest

from concord.sdk import ConcordError, until
from tests.support.office import BASIS, Office


async def test_from_decision_to_cut_off_and_back(office: Office) -> None:
    await office.enter("chain.example")
    case = await office.revoke(await office.decide("chain.example"))
    order = await office.executed(case, "cut_off")
    assert [receipt["outcome"] for receipt in order["receipts"]] == ["received", "executed"]
    answer = await office.visit("chain.example", 451)
    assert 'rel="blocked-by"' in answer.headers["Link"]
    await office.hosting("chain.example", "suspended")
    shown = await until(
        lambda: office.people["culture-a"].enforcement.get_decision(case.decision_id),
        lambda found: bool(found["execution"]["orders"]),
        timeout_s=60,
    )
    assert shown["execution"]["revoked_at"]

    await office.uphold(case)
    await office.executed(case, "restore")
    await office.visit("chain.example", 200)
    await office.hosting("chain.example", "serving")


async def test_a_declined_request_leaves_the_site_alone(office: Office) -> None:
    await office.enter("declined.example")
    case = await office.received(await office.decide("declined.example"))
    await office.people["regulator-a"].registry.decline(case.request_id, **BASIS)
    shown = await until(
        lambda: office.people["culture-a"].enforcement.get_decision(case.decision_id),
        lambda found: found["status"] == "declined",
        timeout_s=60,
    )
    assert shown["execution"]["declined"]["reasons"] == BASIS["reasons"]
    assert await office.orders(case, "cut_off") == []
    await office.visit("declined.example", 200)


async def test_an_order_withdrawn_in_its_window_never_reaches_the_provider(office: Office) -> None:
    await office.enter("withdrawn.example")
    case = await office.revoke(await office.decide("withdrawn.example"))
    (order,) = await until(lambda: office.orders(case, "cut_off"), bool, timeout_s=60)
    withdrawn = await office.people["desk-a"].access.withdraw(order["id"], BASIS["reasons"])
    assert (withdrawn["status"], withdrawn["sequence"]) == ("withdrawn", None)
    await office.visit("withdrawn.example", 200)


async def test_a_decision_overturned_before_anyone_confirmed_revokes_nothing(office: Office) -> None:
    await office.enter("moot.example")
    case = await office.received(await office.decide("moot.example"))
    revocation = await office.people["regulator-a"].registry.accept(case.request_id, BASIS["reasons"])
    await office.uphold(case)
    await until(
        lambda: office.people["regulator-a"].registry.get_request(case.request_id),
        lambda request: request["status"] == "moot",
        timeout_s=60,
    )
    with pytest.raises(ConcordError, match="action_refused"):
        await office.people["regulator-b"].registry.confirm(revocation["id"])
    assert (await office.people["regulator-a"].registry.get(case.registration_id))["status"] == "active"


async def test_nobody_decides_alone_and_the_authority_does_not_judge_itself(office: Office) -> None:
    await office.enter("alone.example")
    case, body = await office.draft("alone.example")
    with pytest.raises(ConcordError, match="second_person_required"):
        await office.people["culture-a"].enforcement.release(case.decision_id, **body)
    await office.people["culture-b"].enforcement.release(case.decision_id, **body)
    filed = await office.people["culture-a"].enforcement.appeal(
        case.decision_id, appellant="The operator", grounds="The approval covers it; see the annex."
    )
    for who in ("culture-a", "culture-b", "regulator-a"):
        with pytest.raises(ConcordError, match="role_missing"):
            await office.people[who].enforcement.decide_appeal(filed["id"], outcome="rejected", **BASIS)
