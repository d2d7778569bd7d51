"""Flow D: a decision becomes an execution, an order, a receipt; and everything that can stop it on the way."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from concord.sdk import ConcordError, until
from shared.contracts.http import enforcement
from shared.contracts.http.access import OrderStatus
from shared.contracts.http.access import WithReasons as OrderReasons
from shared.contracts.orders import Action
from tests.support.office import ITEM, NEVER, REASONS, SAYS, STATED, Case, Office


async def test_p3_2_3_a_decision_reaches_the_provider_and_a_won_appeal_takes_it_back(office: Office) -> None:
    await office.enter("chain.example")
    before = await office.site("chain.example")
    case = await office.execute(await office.decide("chain.example"))
    order = await office.executed(case, Action.CUT_OFF)
    assert [receipt.outcome for receipt in order.receipts] == ["received", "executed"]
    answer = await office.visit("chain.example", 451)
    assert 'rel="blocked-by"' in answer.headers["Link"]
    assert REASONS in answer.text
    await office.hosting("chain.example", "suspended")
    shown = await until(
        lambda: office.people["drugs-a"].enforcement.get_decision(case.decision_id),
        lambda found: any(each.outcome == "executed" for each in found.orders),
        timeout_s=60,
    )
    assert shown.status == "executed"

    await office.uphold(case)
    await office.executed(case, Action.RESTORE)
    await office.visit("chain.example", 200)
    await office.hosting("chain.example", "serving")
    after = await office.site("chain.example")
    for kept in ("number", "name", "domains", "service_items", "status", "accesses"):
        assert getattr(after, kept) == getattr(before, kept)


async def test_p3_2_3_a_declined_decision_leaves_the_site_alone(office: Office) -> None:
    await office.enter("declined.example")
    case = await office.decide("declined.example")
    received = await office.received(case)
    await office.people["regulator-a"].registry.decline(received.id, STATED)
    shown = await until(
        lambda: office.people["drugs-a"].enforcement.get_decision(case.decision_id),
        lambda found: found.status == "declined",
        timeout_s=60,
    )
    assert shown.execution is not None
    assert shown.execution.answer is not None
    assert shown.execution.answer.reasons == REASONS
    assert await office.orders(case, Action.CUT_OFF) == []
    await office.visit("declined.example", 200)


async def test_p3_2_3_an_order_withdrawn_in_its_window_never_reaches_the_provider(office: Office) -> None:
    await office.enter("withdrawn.example")
    case = await office.execute(await office.decide("withdrawn.example"))
    (order,) = await until(lambda: office.orders(case, Action.CUT_OFF), bool, timeout_s=60)
    withdrawn = await office.people["regulator-a"].access.withdraw(order.id, OrderReasons(reasons=NEVER.reasons))
    assert (withdrawn.status, withdrawn.sequence) == (OrderStatus.WITHDRAWN, None)
    await office.visit("withdrawn.example", 200)


async def test_safeguard_5_nothing_is_released_before_its_operator_was_told_and_had_time(office: Office) -> None:
    await office.enter("told.example")
    case = await office.draft("told.example")
    release = office.people["drugs-b"].enforcement.release
    with pytest.raises(ConcordError, match="notice_not_delivered"):
        await release(case.decision_id, case.release)
    assert case.decision is not None
    assert case.decision.notice is not None
    async with office.operator("told.example") as operator:
        opened = await operator.enforcement.open_notice(case.decision.notice.notice_id)
    assert opened.delivered_by == "inbox"
    with pytest.raises(ConcordError, match="cure_not_over"):
        await release(case.decision_id, case.release)
    await office.tell(case)
    assert (await release(case.decision_id, case.release)).status == "released"


async def test_safeguard_6_a_decision_overturned_before_anyone_confirmed_does_nothing(office: Office) -> None:
    await office.enter("moot.example")
    case = await office.decide("moot.example")
    signing = await office.accept(case)
    await office.uphold(case)
    assert case.execution_id is not None
    await until(
        lambda: office.people["regulator-a"].registry.get_execution(str(case.execution_id)),
        lambda execution: execution.status == "moot",
        timeout_s=60,
    )
    with pytest.raises(ConcordError, match="action_refused"):
        await office.people["regulator-b"].registry.confirm(case.execution_id, signing)
    assert (await office.site("moot.example")).status == "live"


async def test_safeguard_2_nobody_decides_alone_and_the_authority_does_not_judge_itself(office: Office) -> None:
    await office.enter("alone.example")
    case = await office.draft("alone.example")
    await office.tell(case)
    with pytest.raises(ConcordError, match="second_person_required"):
        await office.people["drugs-a"].enforcement.release(case.decision_id, case.release)
    await office.release(case)
    async with office.operator("alone.example") as operator:
        filed = await operator.enforcement.appeal(
            enforcement.NewAppeal(act=case.act, grounds="The approval covers it; see the annex.")
        )
    outcome = enforcement.Outcome(outcome="rejected", statement=SAYS)
    for who in ("drugs-a", "drugs-b", "regulator-a"):
        with pytest.raises(ConcordError, match="role_missing"):
            await office.people[who].enforcement.decide_appeal(filed.id, outcome)


async def test_safeguard_3_a_measure_hits_one_site_and_spares_a_name_below_it_that_is_anothers(office: Office) -> None:
    await office.enter("shop.example", "advice.shop.example")
    await office.hosting("advice.shop.example", "serving")
    case = await office.execute(await office.decide("shop.example"))
    order = await office.executed(case, Action.CUT_OFF)
    assert order.site.spared == ("advice.shop.example",)
    await office.visit("shop.example", 451)
    await office.visit("www.shop.example", 451)
    await office.visit("advice.shop.example", 200)
    await office.hosting("advice.shop.example", "serving")


async def test_n4_2_a_suspension_on_an_urgent_ground_ends_by_itself(office: Office) -> None:
    await office.enter("urgent.example")
    end = datetime.now(UTC) + timedelta(seconds=14)
    case = await office.draft("urgent.example", "suspend_access", until=end, urgent_ground="danger_to_life")
    await office.execute(await office.release(case))
    await office.visit("urgent.example", 451)
    await office.visit("urgent.example", 200)
    assert datetime.now(UTC) >= end
    restored = await office.executed(case, Action.RESTORE)
    assert restored.undoes is not None
    await office.hosting("urgent.example", "serving")


async def test_n4_2_a_site_in_no_register_is_suspended_at_its_host(office: Office) -> None:
    host, desk = "found-nowhere.example", office.people["drugs-a"].enforcement
    opened = await desk.open_case(
        enforcement.NewCase(
            about=enforcement.AboutFoundSite(
                kind="found_site", host=host, provider_id=UUID(office.stack.provider_id)
            ),
            service_item=ITEM, ground="unlawful_medicines", alleged_breach=REASONS, legal_basis=("N4.2",),
        )
    )  # fmt: skip
    end = datetime.now(UTC) + timedelta(days=1)
    case = await office.draft(Case(host, opened.id), "suspend_access", until=end, urgent_ground="danger_to_life")
    await office.execute(await office.release(case))
    page = (await office.visit(host, 451)).text
    assert "未备案" in page
    assert (await office.executed(case, Action.SUSPEND)).site.number is None
