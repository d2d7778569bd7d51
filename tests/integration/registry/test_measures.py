"""What ends a measure, what holds one up, and what is no decision at all (P3.2.3, N4.5; safeguards 6 and 7)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.errors import DecisionMisfit, UnknownOperator, UnknownSite
from registry.service import executions
from shared.contracts import access as orders
from shared.contracts import examples
from shared.contracts.enforcement import DecisionEndedV1, DecisionReleasedV1, DecisionSuspendedV1
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.registry import Signing
from shared.contracts.registry import (
    ExecutionCarriedOutV1,
    ExecutionDeclinedV1,
    ExecutionReceivedV1,
    ExecutionUndoneV1,
    SiteRecordedV1,
)
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import GRANT, OTHER_PROVIDER, STATEMENT, Register, a_site, domain, owner, uscc
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC, person

UNTIL = "2027-01-01T00:00:00Z"


def of_operator(operator_id: str, **changes: Any) -> DecisionReleasedV1:
    decision_id = uuid7()
    return DecisionReleasedV1.model_validate({
        **DecisionReleasedV1.EXAMPLE, "decision_id": decision_id, "effect": "bar", "site": None, "preview": None,
        "subject": {"kind": "operator", "operator_id": operator_id}, "until": "2028-01-01T00:00:00Z",
        "service_item": None, "grounds": {**examples.GROUNDS, "decision_id": decision_id},
    } | changes)  # fmt: skip


def _found(host: str) -> DecisionReleasedV1:
    subject = {"kind": "found_site", "host": host, "provider_id": OTHER_PROVIDER}
    return of_operator("", subject=subject, effect="cut_access", operator=None, until=None)


async def _barred(register: Register, code: str) -> bool:
    body = {"operator_id": await register.operator(code), "kind": "licence", "site": a_site(domain())}
    answer = await register.api.post("/registrations", json=body, who="regulator-a")
    return bool(answer.status_code == 409 and "barred" in answer.json()["detail"])


def _same(fact: type[Any], decision: DecisionReleasedV1, **changes: Any) -> Any:
    return fact.model_validate({
        **fact.EXAMPLE, "decision_id": decision.decision_id, "case_id": decision.case_id, "effect": decision.effect,
        "subject": decision.subject,
    } | changes)  # fmt: skip


async def test_a_suspension_lapses_by_its_own_clock(register: Register) -> None:
    site = await register.live()
    decision = await register.decided(site, "suspend_access", until=UNTIL)
    done = await register.carried_out(decision)
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.status, told.burdens[0].until.isoformat()) == ("stopped", "2027-01-01T00:00:00+00:00")
    await register.ring("execution_end", done["id"])
    assert register.clock.now().isoformat() == "2027-01-01T00:00:00+00:00"
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.status, told.burdens) == ("live", ())
    assert (await register.told(ExecutionUndoneV1))[-1].because == "lapsed"
    assert [kind for kind, _ in await register.notices(done["id"])] == ["executed", "undone"]
    await register.overturned(decision)
    assert len(await register.told(ExecutionUndoneV1)) == 1


async def test_what_is_over_before_anybody_signed_is_not_carried_out(register: Register) -> None:
    site = await register.live()
    decision = await register.decided(site, "suspend_access", until=UNTIL)
    execution = await register.execution(decision)
    body = await register.signed(execution)
    await register.post(f"/executions/{execution['id']}/acceptance", body, "regulator-a")
    register.clock.advance(timedelta(days=60))
    refused = await register.refused(f"/executions/{execution['id']}/confirmation", body, "regulator-b")
    assert refused["code"] == "time_over"


async def test_a_late_answer_is_shown_and_still_possible(register: Register) -> None:
    decision = await register.decided(await register.live())
    execution = await register.execution(decision)
    assert execution["clock"]["overdue"] is False
    await register.ring("execution", execution["id"])
    assert await register.fetchval("SELECT overdue_at FROM execution") is not None
    await register.carried_out(decision)


async def test_a_bar_begins_when_the_time_to_appeal_is_over_and_ends_by_itself(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    decision = of_operator(site["operator_id"])
    await register.hear(decision)
    done = await register.carried_out(decision)
    assert await register.notices(done["id"]) == [("executed", OPERATOR_USCC)]
    register.clock.advance(timedelta(days=66))
    assert not await _barred(register, OPERATOR_USCC), "7 days until it counts as delivered, 60 to appeal"
    register.clock.advance(timedelta(days=3))
    assert await _barred(register, OPERATOR_USCC)
    change = a_site(domain())
    refused = await register.propose(site, change, owner(), 409)
    assert "barred" in refused["detail"], "at every change, too"
    await register.ring("execution_end", done["id"])
    assert not await _barred(register, OPERATOR_USCC)


async def test_a_bar_waits_for_an_appeal_and_begins_when_it_is_rejected(register: Register) -> None:
    decision = of_operator(await register.operator())
    await register.hear(decision)
    await register.carried_out(decision)
    act = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id)
    await register.appealed(act, "filed")
    register.clock.advance(timedelta(days=100))
    assert not await _barred(register, OPERATOR_USCC)
    await register.appealed(act, "rejected")
    assert await _barred(register, OPERATOR_USCC)


async def test_an_appeal_rejected_early_lets_the_bar_begin_at_once(register: Register) -> None:
    decision = of_operator(await register.operator())
    await register.hear(decision)
    await register.carried_out(decision)
    act = ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id)
    await register.appealed(act, "filed")
    await register.appealed(act, "rejected")
    assert await _barred(register, OPERATOR_USCC)
    await register.overturned(decision)
    assert not await _barred(register, OPERATOR_USCC)


@pytest.mark.parametrize("in_turn", [False, True])
async def test_of_several_appeals_the_last_that_is_rejected_lets_the_bar_begin(
    register: Register, *, in_turn: bool
) -> None:
    """One against the decision, and one against its execution: it waits for both, whichever is decided first."""
    decision = of_operator(await register.operator())
    await register.hear(decision)
    done = await register.carried_out(decision)
    acts = [
        ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.decision_id),
        ActRef(service=Service.REGISTRY, kind="execution", id=UUID(done["id"])),
    ]
    for act in acts:
        await register.appealed(act, "filed")
        await register.appealed(act, "filed")  # heard twice is one
    first, last = acts if in_turn else reversed(acts)
    await register.appealed(first, "rejected")
    begins = await register.fetchval("SELECT bar_from FROM execution WHERE id = $1", UUID(done["id"]))
    assert begins > register.clock.now(), "its beginning is as it was told"
    assert not await _barred(register, OPERATOR_USCC)
    register.clock.advance(timedelta(days=100))
    assert not await _barred(register, OPERATOR_USCC), "also when the time to appeal is over"
    await register.appealed(last, "rejected")
    assert await _barred(register, OPERATOR_USCC)


@pytest.mark.parametrize(("outcome", "because"), [("upheld", "overturned"), ("overdue", "suspended")])
async def test_an_appeal_against_the_execution_itself_undoes_it(register: Register, outcome: str, because: str) -> None:
    decision = await register.decided(await register.live())
    done = await register.carried_out(decision)
    act = ActRef(service=Service.REGISTRY, kind="execution", id=UUID(done["id"]))
    await register.appealed(act, "rejected")
    assert await register.told(ExecutionUndoneV1) == []
    await register.appealed(act, outcome)
    undone = (await register.told(ExecutionUndoneV1))[-1]
    assert (undone.because, undone.authority.id, undone.appeal.kind) == (because, "review-110000", "appeal")
    assert (await register.told(SiteRecordedV1))[-1].status == "live"


async def test_a_found_site_is_executed_by_its_host_and_nobodys_register_changes(register: Register) -> None:
    decision = _found("wild.example")
    await register.hear(decision)
    execution = await register.execution(decision)
    assert (execution["preview"]["hosts"], execution["hits"]) == (["wild.example"], None)
    done = await register.carried_out(decision)
    fact = (await register.told(ExecutionCarriedOutV1))[-1]
    assert (fact.subject, fact.site, fact.registration) == (decision.subject, None, None)
    assert await register.told(SiteRecordedV1) == []
    assert await register.notices(done["id"]) == []
    await register.overturned(decision)
    assert len(await register.told(ExecutionUndoneV1)) == 1


async def test_a_found_site_that_registered_meanwhile_is_not_hit(register: Register) -> None:
    name = domain()
    decision = _found(f"www.{name}")
    await register.hear(decision)
    execution = await register.execution(decision)
    body = await register.signed(execution)
    await register.post(f"/executions/{execution['id']}/acceptance", body, "regulator-a")
    site = await register.live(OPERATOR_USCC, domains=[name])
    refused = await register.refused(f"/executions/{execution['id']}/confirmation", body, "regulator-b")
    assert (refused["code"], refused["site_id"]) == ("registered_meanwhile", site["id"])
    await register.post(f"/executions/{execution['id']}/decline", {"statement": STATEMENT}, "regulator-b")


async def test_a_decision_told_twice_is_one_and_told_differently_is_none(register: Register) -> None:
    decision = await register.decided(await register.live())
    await register.hear(decision)
    assert len(await register.told(ExecutionReceivedV1)) == 1
    other = await register.live()
    with pytest.raises(DecisionMisfit):
        await register.decided(other, decision_id=decision.decision_id)


@pytest.mark.parametrize("fact", [DecisionSuspendedV1, DecisionEndedV1])
async def test_a_decision_that_is_suspended_or_lifted_is_undone_and_a_foreign_one_is_not(
    register: Register, fact: type[Any]
) -> None:
    decision = await register.decided(await register.live())
    await register.carried_out(decision)
    for wrong in ({"case_id": uuid7()}, {"effect": "bar"}, {"subject": {"kind": "site", "site_id": uuid7()}}):
        with pytest.raises(DecisionMisfit):
            await register.hear(_same(fact, decision, **wrong))
    await register.hear(_same(fact, decision, decision_id=uuid7()))
    assert (await register.told(SiteRecordedV1))[-1].status == "revoked"
    await register.hear(_same(fact, decision))
    assert (await register.told(SiteRecordedV1))[-1].status == "live"
    assert (await register.told(ExecutionUndoneV1))[-1].because in {"suspended", "lifted"}


async def test_what_no_case_can_decide_is_parked_for_somebody_to_look_at(register: Register) -> None:
    site, other = await register.live(), await register.live()
    subject = {"kind": "site", "site_id": site["id"]}
    with pytest.raises(DecisionMisfit, match="another site"):
        await register.decided(other, subject=subject)
    with pytest.raises(DecisionMisfit, match="no end"):
        await register.decided(site, "suspend_access")
    with pytest.raises(DecisionMisfit, match="no service item"):
        await register.decided(site, "end_item", service_item="news")
    with pytest.raises(DecisionMisfit, match="not for"):
        await register.hear(of_operator(site["operator_id"], effect="revoke"))
    with pytest.raises(UnknownOperator):
        await register.hear(of_operator(str(uuid7())))
    with pytest.raises(UnknownSite):
        await register.decided(site, site=None, subject={"kind": "site", "site_id": uuid7()})
    assert await register.fetchval("SELECT count(*) FROM execution") == 0


async def test_a_decision_that_fell_before_anybody_confirmed_is_moot(register: Register) -> None:
    decision = await register.decided(await register.live())
    execution = await register.execution(decision)
    body = await register.signed(execution)
    await register.post(f"/executions/{execution['id']}/acceptance", body, "regulator-a")
    await register.overturned(decision)
    shown = await register.execution(decision)
    assert (shown["status"], shown["clock"]) == ("moot", None)
    assert await register.told(ExecutionUndoneV1) == []
    refused = await register.refused(f"/executions/{execution['id']}/confirmation", body, "regulator-b")
    assert refused["code"] == "action_refused"


async def test_an_accepted_decision_can_still_be_declined_and_an_acceptance_taken_back(register: Register) -> None:
    decision = await register.decided(await register.live())
    execution = await register.execution(decision)
    body, path = await register.signed(execution), f"/executions/{execution['id']}"
    await register.post(f"{path}/acceptance", body, "regulator-a")
    await register.post(f"{path}/release", {"reasons": "The preview needs another look."}, "regulator-a")
    await register.post(f"{path}/acceptance", body, "regulator-b")
    declined = await register.post(f"{path}/decline", {"statement": STATEMENT}, "regulator-a")
    assert (declined["status"], declined["answer"]["reasons"]) == ("declined", STATEMENT["reasons"])
    assert (await register.told(ExecutionDeclinedV1))[-1].statement.reasons == STATEMENT["reasons"]
    await register.overturned(decision)
    assert (await register.execution(decision))["status"] == "declined"


async def test_a_site_that_is_gone_cannot_be_hit(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()), uscc(77))
    with pytest.raises(DecisionMisfit, match="never entered"):
        await register.decided(submitted["sites"][0])
    granted = await register.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    await register.post(
        f"/sites/{granted['sites'][0]['id']}/deregistration", {"reasons": "We close this shop."}, owner(uscc(77))
    )
    decision = await register.decided(granted["sites"][0])
    execution = await register.execution(decision)
    refused = await register.refused(
        f"/executions/{execution['id']}/acceptance", await register.signed(execution), "regulator-a"
    )
    assert refused["code"] == "subject_gone"


async def test_a_kill_after_any_statement_leaves_nothing(register: Register) -> None:
    rt = register.api.rt
    decision = await register.decided(await register.live())
    execution = await register.execution(decision)
    body = Signing.model_validate(await register.signed(execution))
    execution_id = UUID(execution["id"])

    async def accept() -> None:
        async with rt.db.transaction() as tx:
            await executions.accept(tx, rt, person("regulator-a"), execution_id, body)

    async def confirm() -> None:
        async with rt.db.transaction() as tx:
            await executions.confirm(tx, rt, person("regulator-b"), execution_id, body)

    async def overturn() -> None:
        await register.overturned(decision)

    await survives(rt, accept)
    await survives(rt, confirm)
    await survives(rt, overturn)
    assert (await register.told(SiteRecordedV1))[-1].status == "live"


async def test_the_desk_sees_what_became_of_the_orders_that_followed(register: Register) -> None:
    decision = await register.decided(await register.live())
    done = await register.carried_out(decision)
    common = {"execution_id": done["id"], "order_id": uuid7()}
    released = orders.OrderReleasedV1.model_validate({**orders.OrderReleasedV1.EXAMPLE, **common})
    contested = orders.OrderContestedV1.model_validate(
        {**orders.OrderContestedV1.EXAMPLE, **common, "at": released.at + timedelta(hours=1)}
    )
    for fact in (released, contested, released):
        await register.hear(fact)
    (order,) = (await register.get(f"/executions/{done['id']}", "regulator-a"))["orders"]
    assert (order["outcome"], order["detail"]) == ("contested", contested.reasons), "the latest word stays"
