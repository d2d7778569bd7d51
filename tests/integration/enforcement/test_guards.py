"""What nobody can do, told wrongly, at the wrong time, twice, by eight at once, or with a process that dies."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from enforcement.consumer import HANDLERS, PROJECTIONS
from enforcement.errors import ExecutionMisfit
from enforcement.service import appeals, decisions
from local_stack.postgres import EmbeddedPostgres
from shared.contracts.base import Fact
from shared.contracts.enforcement import AppealDecidedV1, DecisionOverturnedV1, DecisionReleasedV1, DecisionSuspendedV1
from shared.contracts.http import enforcement as wire
from shared.contracts.notices import ApprovalNoticeIssuedV1, RegistryNoticeDeliveredV1, RegistryNoticeIssuedV1
from shared.contracts.registry import (
    ExecutionCarriedOutV1,
    ExecutionDeclinedV1,
    ExecutionReceivedV1,
    ExecutionUndoneV1,
)
from shared.rules import BURDENS, Effect
from shared.runtime.acts import envelope, notices
from shared.runtime.base.ids import uuid7
from shared.runtime.events.dispatch import Kind, Table
from tests.integration.enforcement.conftest import EASED, STATED, STATEMENT, Office, site_recorded
from tests.support.crash import everything, survives
from tests.support.people import OPERATOR_USCC, PEOPLE, person

UPHELD = {"outcome": "upheld", **EASED}
NOWHERE = UUID("018f0000-0000-7000-8000-00000000dead")
OURS = {name for name, claims in PEOPLE.items() if claims["organisation"] == "drugs-110000"}


def until(office: Office, **distance: int) -> str:
    return (office.clock.now() + timedelta(**distance)).isoformat()


# --- wrong people --------------------------------------------------------------------------------------------------


async def _everything_that_can_be_done(office: Office) -> dict[str, tuple[str, dict[str, Any], set[str]]]:
    """Verb → address, a body that is right, and who may."""
    drafted = await office.draft(await office.case())
    signed = await office.signature(drafted["id"])
    released = await office.released()
    order = await office.release(await office.draft(await office.case(), "correct", correct_by=until(office, days=9)))
    appeal = await office.appeal(await office.released(), asks_for_stay=True)
    case, decision = f"/cases/{drafted['case_id']}", f"/decisions/{drafted['id']}"
    draft = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": drafted["evidence_hashes"]}
    act = {"service": "enforcement", "kind": "decision", "id": released["id"]}
    return {
        "draft": (f"{case}/decisions", draft, OURS),
        "release": (f"{decision}/release", signed, OURS),
        "withdraw": (f"{decision}/withdrawal", {"reasons": "It was a mistake of ours."}, OURS),
        "discontinue": (f"{case}/discontinuation", STATED, OURS),
        "lift": (f"/decisions/{released['id']}/lift", STATED, OURS),
        "correct": (f"/decisions/{order['id']}/correction", {"obeyed": True, **STATED}, OURS),
        "ignore": (f"/decisions/{order['id']}/correction", {"obeyed": False, **STATED}, OURS),
        "file": ("/appeals", {"act": act, "grounds": "The consent covers these."}, {"applicant"}),
        "enter": ("/appeals", {"act": act, "grounds": "The consent covers these.", "consent": "By a letter to us."},
                  {"review-a"}),
        "stay": (f"/appeals/{appeal['id']}/stay", {"granted": True, **EASED}, {"review-a"}),
        "decide": (f"/appeals/{appeal['id']}/decision", UPHELD, {"review-a"}),
    }  # fmt: skip


async def test_every_verb_asked_by_everybody_who_may_not_changes_nothing(office: Office) -> None:
    verbs = await _everything_that_can_be_done(office)
    before = await everything(office.api.rt)
    for verb, (path, body, may) in verbs.items():
        for who in sorted(PEOPLE.keys() - may):
            status, code = await office.refused(path, body, who)
            assert (status, code) in {
                (403, "role_missing"), (403, "out_of_scope"), (404, "unknown_act"), (422, "consent_needed"),
            }, (verb, who, status, code)  # fmt: skip
        owner = sorted(may - {"applicant"})[0] if may != {"applicant"} else "drugs-a"
        moved: list[dict[str, Any]] = [
            {"region": "310000"}, {"region": None}, {"organisation": "culture-110000"}, {"roles": []},
        ]  # fmt: skip
        for elsewhere in moved:
            answer = await office.refused(path, body, (owner, elsewhere))
            assert answer[0] in {403, 404, 422}, (verb, owner, elsewhere)
    after = await everything(office.api.rt)
    assert {table for table in before if before[table] != after[table]} <= {"audit", "idempotency_key"}


async def test_a_stranger_cannot_tell_an_act_of_somebody_else_from_none(office: Office) -> None:
    drafted, released = await office.draft(await office.case()), await office.released()
    answers = set()
    for act_id in (drafted["id"], released["id"], str(uuid4())):
        body = {"act": {"service": "enforcement", "kind": "decision", "id": act_id}, "grounds": "We want to know."}
        stranger = ("applicant", {"organisation": "91310000MA1FL0ABC1"})
        answers.add(await office.refused("/appeals", body, stranger))
    assert answers == {(404, "unknown_act")}


# --- wrong facts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [
    {"case_id": NOWHERE}, {"effect": "bar"}, {"subject": {"kind": "site", "site_id": NOWHERE}},
])  # fmt: skip
async def test_a_decision_named_by_somebody_elses_act_does_not_move(office: Office, changes: dict[str, Any]) -> None:
    released = await office.released()
    for fact in (ExecutionReceivedV1, ExecutionCarriedOutV1, ExecutionDeclinedV1, ExecutionUndoneV1):
        with pytest.raises(ExecutionMisfit):
            await office.hear(office.says(fact, released, **changes))
    assert await office.status(released) == "released"
    drafted = await office.draft(await office.case())
    with pytest.raises(ExecutionMisfit):
        await office.hear(office.says(ExecutionCarriedOutV1, drafted))


async def test_what_the_register_says_of_decisions_nobody_here_knows_is_passed_over(office: Office) -> None:
    """A database that was lost and built anew: nothing waits for ever behind its old decisions."""
    stranger = {
        "id": str(NOWHERE), "case_id": str(NOWHERE), "effect": "revoke",
        "subject": {"kind": "site", "site_id": str(NOWHERE)},
    }  # fmt: skip
    before = await everything(office.api.rt)
    for fact in (ExecutionReceivedV1, ExecutionCarriedOutV1, ExecutionDeclinedV1, ExecutionUndoneV1):
        await office.hear(office.says(fact, stranger))
    assert await everything(office.api.rt) == before


async def test_facts_told_twice_or_out_of_order_never_move_anything_back(office: Office) -> None:
    released = await office.released()
    same = {"execution_id": uuid7()}
    for fact in (ExecutionCarriedOutV1, ExecutionReceivedV1, ExecutionCarriedOutV1):
        await office.hear(office.says(fact, released, **same))
    shown = await office.get(f"/decisions/{released['id']}", "drugs-a")
    assert (shown["status"], shown["execution"]["status"]) == ("executed", "carried_out")
    await office.hear(office.says(ExecutionUndoneV1, released, because="overturned", **same))
    await office.hear(office.says(ExecutionCarriedOutV1, released, **same))
    shown = await office.get(f"/decisions/{released['id']}", "drugs-a")
    assert shown["execution"]["status"] == "undone", "the furthest word stays"


@pytest.mark.parametrize("fact", [*HANDLERS, *PROJECTIONS], ids=lambda fact: fact.TYPE)
def test_a_fact_on_a_foreign_topic_is_not_believed(fact: type[Fact]) -> None:
    told = fact.model_validate(fact.EXAMPLE)
    value = envelope.encode(told, event_id=uuid7(), at=datetime.now(UTC), trace={})
    table = Table(HANDLERS, PROJECTIONS)
    for topic, believed in ((told.TOPIC.name, True), ("enforcement-events", False), ("access-receipts.1", False)):
        record: Any = SimpleNamespace(
            topic=topic, partition=0, offset=1, timestamp=1, key=told.key.encode(), value=value, headers=[]
        )
        assert (table.read(record).kind is not Kind.FOREIGN) is believed, topic


async def test_a_department_speaks_of_its_own_acts_alone(office: Office) -> None:
    act = {"service": "registry", "kind": "refusal", "id": str(uuid7())}
    to = {"identity": OPERATOR_USCC, "name": "Example"}
    own = {**RegistryNoticeIssuedV1.EXAMPLE, "act": act, "act_id": act["id"], "to": to}
    own["grounds"] = {**own["grounds"], "case_id": None, "decision_id": None}
    with pytest.raises(ValueError, match="speaks of an act of registry"):
        await office.hear(ApprovalNoticeIssuedV1.model_validate(own))
    await office.hear(RegistryNoticeIssuedV1.model_validate(own))
    stolen = {**own, "to": {"identity": "91310000MA1FL0ABC1", "name": "x"}, "issued_at": "2027-01-01T00:00:00Z"}
    await office.hear(RegistryNoticeIssuedV1.model_validate(stolen))
    assert await office.fetchval("SELECT identity FROM foreign_act") == OPERATOR_USCC
    before = RegistryNoticeDeliveredV1.model_validate({
        **RegistryNoticeDeliveredV1.EXAMPLE, "act": act, "act_id": act["id"], "delivered_at": "2026-11-26T03:00:00Z",
    })  # fmt: skip
    await office.hear(before)
    await office.hear(before.model_copy(update={"delivered_at": office.clock.now() + timedelta(days=9)}))
    assert (await office.fetchval("SELECT delivered_at FROM foreign_act")) == before.delivered_at, "the first counts"


async def test_an_execution_is_challenged_as_the_decision_it_carries_out(office: Office) -> None:
    released = await office.released()
    act = {"service": "registry", "kind": "execution", "id": str(uuid7())}
    issued = {
        **RegistryNoticeIssuedV1.EXAMPLE, "act": act, "act_id": act["id"],
        "to": {"identity": OPERATOR_USCC, "name": "Example"}, "grounds": released["grounds"],
    }  # fmt: skip
    await office.hear(RegistryNoticeIssuedV1.model_validate(issued))
    filed = await office.post("/appeals", {"act": act, "grounds": "The consent covers these."}, "applicant", 201)
    assert (filed["act"]["service"], filed["act"]["id"]) == ("enforcement", released["id"])


# --- notice and cure -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", sorted(BURDENS))
@pytest.mark.parametrize("generous", [False, True])
async def test_whatever_the_profile_says_no_burden_comes_without_delivered_notice_and_time_to_cure(
    office: Office, effect: Effect, generous: bool
) -> None:
    """A profile that asks for no cure, or lets every effect be urgent: the code has its own floor (docs/adr/0004)."""
    rules = office.api.rt.rules
    loose = {
        code: replace(rule, min_cure_days=0, urgent=generous, after=frozenset(), max_days=10_000)
        for code, rule in rules.effects.items()
    }
    object.__setattr__(office.api.rt, "rules", replace(rules, effects=MappingProxyType(loose)))
    rule, who, second = rules.effects[effect], "drugs-a", "drugs-b"
    site = site_recorded()
    await office.hear(site)
    about: dict[str, Any] = {}
    if "industry_regulator" in rule.roles and "sector_regulator" not in rule.roles:
        who, second, about = "regulator-a", "regulator-b", {"service_item": None}
    if "site" not in rule.subjects:
        kind = next(iter(rule.subjects))
        about["about"] = {"kind": kind, "domain": site.domains[0]} if kind == "operator" else {
            "kind": "provider", "provider_id": site.model_dump(mode="json")["accesses"][0]["provider_id"]}  # fmt: skip
    case = await office.case(site, who=who, **about)
    dates = {"until": until(office, days=300)} if effect in {Effect.SUSPEND_ACCESS, Effect.BAR} else {}
    drafted = await office.draft(case, effect, who=who, **dates)
    path, body = f"/decisions/{drafted['id']}/release", await office.signature(drafted["id"], second)
    assert await office.refused(path, body, second) == (409, "notice_not_delivered")
    office.clock.advance(timedelta(days=40))
    assert await office.refused(path, body, second) == (409, "notice_not_delivered"), "time alone tells nobody"
    await office.opens(drafted, "decision_intended")
    assert await office.refused(path, body, second) == (409, "cure_not_over")
    office.clock.advance(timedelta(hours=19))  # 12:00 in Beijing, and the day after is not over yet
    assert await office.refused(path, body, second) == (409, "cure_not_over")
    assert await office.told(DecisionReleasedV1) == []
    office.clock.advance(timedelta(hours=18))
    assert (await office.post(path, body, second))["status"] == "released"


async def test_an_urgent_ground_that_the_profile_lists_no_more_makes_nothing_urgent(office: Office) -> None:
    ground = next(iter(office.api.rt.rules.urgent_grounds))
    drafted = await office.draft(
        await office.case(), "suspend_access", urgent_ground=ground, until=until(office, days=20)
    )
    body, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    rules = office.api.rt.rules
    object.__setattr__(office.api.rt, "rules", replace(rules, urgent_grounds=MappingProxyType({})))
    assert await office.refused(path, body, "drugs-b") == (409, "notice_not_delivered")
    object.__setattr__(office.api.rt, "rules", rules)
    assert (await office.post(path, body, "drugs-b"))["status"] == "released"


async def test_a_draft_that_lay_too_long_sets_no_date_that_is_over_or_too_near(office: Office) -> None:
    order = await office.draft(await office.case(), "correct", correct_by=until(office, days=9))
    body = await office.signature(order["id"])
    office.clock.advance(timedelta(days=8, hours=1))
    assert await office.refused(f"/decisions/{order['id']}/release", body, "drugs-b") == (422, "effect_not_possible")
    stop = await office.draft(await office.case(), "suspend_access", until=until(office, days=20))
    body = await office.signature(stop["id"])
    await office.opens(stop, "decision_intended")
    office.clock.advance(timedelta(days=21))
    assert await office.refused(f"/decisions/{stop['id']}/release", body, "drugs-b") == (422, "effect_not_possible")


async def test_the_database_itself_knows_no_burden_without_end_and_no_single_signature(office: Office) -> None:
    drafted = UUID((await office.draft(await office.case()))["id"])
    async with office.api.rt.db.connection() as tx:
        for change in (
            "effect = 'suspend_access'", "effect = 'bar'", "effect = 'correct'",
            "status = 'released', released_at = now(), released_by = drafted_by", "status = 'released'",
            "evidence_hashes = '{}'",
        ):  # fmt: skip
            with pytest.raises(asyncpg.CheckViolationError):
                await tx.execute(f"UPDATE decision SET {change} WHERE id = $1", drafted)


# --- races ---------------------------------------------------------------------------------------------------------


async def test_of_eight_who_release_withdraw_and_discontinue_at_once_one_does(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    signed, base = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}"
    why = {"reasons": "It was a mistake of ours."}
    answers = await asyncio.gather(*(
        office.api.post(f"{base}/{verb}", json=body, who="drugs-b")
        for verb, body in (("release", signed), ("withdrawal", why)) * 4
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(await office.told(DecisionReleasedV1)) == (await office.status(drafted) == "released")


async def test_of_eight_appeals_at_once_one_is_filed_and_of_eight_decisions_one_stands(office: Office) -> None:
    released = await office.released()
    act = {"service": "enforcement", "kind": "decision", "id": released["id"]}
    body = {"act": act, "grounds": "The consent covers these."}
    answers = await asyncio.gather(*(office.api.post("/appeals", json=body, who="applicant") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    appeal = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    outcomes = ("upheld", "rejected") * 4
    answers = await asyncio.gather(*(
        office.api.post(f"/appeals/{appeal}/decision", json={"outcome": each, **EASED}, who="review-a")
        for each in outcomes
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    [told] = await office.told(AppealDecidedV1)
    assert (told.outcome == "upheld") is (await office.status(released) == "overturned")


async def test_lifting_deciding_carrying_out_and_a_late_clock_at_once_end_in_one_story(office: Office) -> None:
    released = await office.released()
    appeal = await office.appeal(released)
    await asyncio.gather(
        office.api.post(f"/decisions/{released['id']}/lift", json=STATED, who="drugs-a"),
        office.api.post(f"/appeals/{appeal['id']}/decision", json=UPHELD, who="review-a"),
        office.executed(released),
        office.rings("appeal_decision", appeal["id"]),
        *(office.rings("appeal_decision", appeal["id"]) for _ in range(4)),
    )
    assert await office.status(released) == "overturned"
    assert len(await office.told(DecisionOverturnedV1)) == 1
    assert len(await office.told(DecisionSuspendedV1)) <= 1


async def test_the_same_post_again_is_answered_the_same(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    body, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    first = await office.api.post(path, json=body, who="drugs-b", key="once")
    again = await office.api.post(path, json=body, who="drugs-b", key="once")
    assert (first.status_code, again.json(), again.headers["idempotency-replayed"]) == (200, first.json(), "true")
    assert len(await office.told(DecisionReleasedV1)) == 1


# --- deaths --------------------------------------------------------------------------------------------------------


def _verb(office: Office, call: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    async def verb() -> Any:
        async with office.api.rt.db.transaction() as tx:
            return await call(tx, office.api.rt)

    return verb


async def test_killed_between_any_two_statements_nothing_was_drafted_released_filed_or_decided(office: Office) -> None:
    case, rt = await office.case(), office.api.rt
    sha256 = await office.file(case["id"], b"x")
    new = wire.NewDecision.model_validate({"effect": "revoke", "statement": STATEMENT, "evidence_hashes": [sha256]})
    first, second, review = person("drugs-a"), person("drugs-b"), person("review-a")
    await survives(rt, _verb(office, lambda tx, rt: decisions.draft(tx, rt, first, UUID(case["id"]), new)))
    [drafted] = (await office.get(f"/cases/{case['id']}", "drugs-a"))["decisions"]
    await office.cured(drafted)
    signed = wire.Release.model_validate(await office.signature(drafted["id"]))
    decision_id = UUID(drafted["id"])
    await survives(rt, _verb(office, lambda tx, rt: decisions.release(tx, rt, second, decision_id, signed)))
    body = wire.NewAppeal.model_validate({
        "act": {"service": "enforcement", "kind": "decision", "id": drafted["id"]}, "grounds": "The consent covers it.",
    })  # fmt: skip
    await survives(rt, _verb(office, lambda tx, rt: appeals.file(tx, rt, person("applicant"), body)))
    appeal_id = await office.fetchval("SELECT id FROM appeal")
    await survives(rt, _verb(office, lambda tx, rt: appeals.suspend_overdue(rt, tx, appeal_id)))
    outcome = wire.Outcome.model_validate(UPHELD)
    await survives(rt, _verb(office, lambda tx, rt: appeals.decide(tx, rt, review, appeal_id, outcome)))
    assert await office.status(drafted) == "overturned"


async def test_on_a_database_that_only_reads_everything_answers_503_and_goes_on_afterwards(
    office: Office, postgres: EmbeddedPostgres
) -> None:
    case = await office.case()
    drafted = await office.draft(case)
    await office.cured(drafted)
    signed, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    before = await everything(office.api.rt)
    admin, name = await asyncpg.connect(postgres.admin_dsn), office.api.rt.db.dsn.rpartition("/")[2]

    async def reads_only(switch: str) -> None:
        await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {switch}')
        await admin.fetch("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name)

    try:
        await reads_only("on")
        for _ in range(3):
            assert (await office.api.post(path, json=signed, who="drugs-b", key="ro")).status_code == 503
        answer = await office.api.post(
            f"/cases/{case['id']}/evidence", content=b"y", who="drugs-a", headers={"Content-Type": "text/plain"}
        )
        assert answer.status_code == 503
        assert await everything(office.api.rt) == before
        await reads_only("off")
    finally:
        await admin.close()
    answers = [(await office.api.post(path, json=signed, who="drugs-b", key="ro")).status_code for _ in range(3)]
    assert answers[-1] == 200, answers
    assert len(await office.told(DecisionReleasedV1)) == 1


async def test_a_notice_is_issued_with_its_act_or_not_at_all(office: Office) -> None:
    drafted = await office.draft(await office.case())
    async with office.api.rt.db.connection() as tx:
        [told] = await notices.about(tx, UUID(drafted["id"]))
    assert (told.kind, told.identity, told.authority_id) == ("decision_intended", OPERATOR_USCC, "drugs-110000")
    body = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": drafted["evidence_hashes"]}
    assert (await office.refused(f"/cases/{drafted['case_id']}/decisions", body, "drugs-c"))[1] == "decision_pending"
    assert await office.fetchval("SELECT count(*) FROM notice") == 1
