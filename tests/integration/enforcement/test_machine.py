"""Whatever people, clocks and facts do in whatever order, a case keeps what it promises (ADR 4, ADR 13).

Enforcement and the register run side by side and hear each other; the acts are those of acting.py. An act may be
refused: what is asked is what holds after each. HYPOTHESIS_SEED, _EXAMPLES and _STEPS choose others, and how many.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from enforcement.main import SERVICE
from registry.main import SERVICE as REGISTER
from shared.runtime.base.clock import FixedClock
from tests.integration.enforcement.acting import HOSTS, NOON, REVIEWERS, WHY, Row, World, code_of
from tests.integration.enforcement.conftest import EASED, STATED, Office
from tests.integration.registry.conftest import Register, owner
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service

T = TypeVar("T")
SEED = os.environ.get("HYPOTHESIS_SEED")
FELL = {"suspended", "overturned", "ended"}
WHICH = st.integers(0, 5)
STAFF = st.sampled_from(["drugs-a", "drugs-b"])
DESK = st.sampled_from(["regulator-a", "regulator-b"])


@dataclass(frozen=True, slots=True)
class Possible:
    """Something that can be done while ``when`` says so, with what is drawn for it."""

    does: Callable[..., None]
    when: Callable[["Machine"], object]
    drawn: dict[str, st.SearchStrategy[Any]]


POSSIBLE: list[Possible] = []


def act(
    when: Callable[["Machine"], object] = lambda _: True, *, often: int = 1, **drawn: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Put something among what can happen. One rule chooses, so that no act is left out of an example."""

    def put(does: Callable[..., None]) -> Callable[..., None]:
        POSSIBLE.extend([Possible(does, when, drawn)] * often)
        return does

    return put


def there(table: str, **where: Any) -> Callable[["Machine"], object]:
    """While there is one of these."""
    return lambda self: self.pick(table, 0, **where)


class Machine(RuleBasedStateMachine):
    """One authority, its regulator, its review body, two operators, and time."""

    runner: ClassVar[asyncio.Runner]
    world: ClassVar[World]
    reached: ClassVar[set[str]] = set()
    """Every status that something was in."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[Row]] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def do(self, what: str, work: Coroutine[Any, Any, Any]) -> None:
        note(f"{what}: {self.run(work)}")
        self.seen = self.run(self.world.look())
        self.reached.update(
            f"{table} {row.get('effect', '')} {row['status']}".replace("  ", " ")
            for table in ("decision", "appeal", "request", "referral", "execution") for row in self.seen[table]
        )  # fmt: skip

    def pick(self, table: str, which: int, **where: Any) -> Row | None:
        """The one of a table, counted round, of which all this is so."""
        found = [row for row in self.seen[table] if all(
            row[name] in wanted if isinstance(wanted, set) else row[name] == wanted for name, wanted in where.items()
        )]  # fmt: skip
        return found[which % len(found)] if found else None

    @initialize()
    def begin(self) -> None:
        self.do("begin", self.world.begin())
        self.do("case", self.world.open_case(HOSTS[0], "drugs-a"))

    @rule(data=st.data())
    def something(self, data: st.DataObject) -> None:
        """One of all that is possible now."""
        chosen = data.draw(st.sampled_from([each for each in POSSIBLE if each.when(self)]))
        chosen.does(self, **{name: data.draw(each) for name, each in chosen.drawn.items()})

    # -- cases and decisions ---------------------------------------------------------------------------------------

    @act(host=st.sampled_from(HOSTS), who=st.sampled_from(["drugs-a", "regulator-a"]))
    def open_case(self, host: str, who: str) -> None:
        self.do("case", self.world.open_case(host, who))

    @act(
        there("case", status="open"), often=4, which=WHICH, who=STAFF, urgent=st.booleans(),
        effect=st.sampled_from(["suspend_access", "suspend_access", "revoke", "correct", "correct", "cut_access"]),
    )  # fmt: skip
    def draft(self, which: int, who: str, urgent: bool, effect: str) -> None:
        case = self.pick("case", which, status="open")
        assert case is not None
        by = who if case["authority_id"] == "drugs-110000" else "regulator-a"
        self.do(f"draft {effect} by {by}", self.world.draft(case, effect, by, urgent=urgent))

    @act(
        there("decision", status="drafted"), often=5, which=WHICH, cured=st.sampled_from([True, True, False]),
        who=st.sampled_from(["drugs-a", "drugs-b"]),
    )  # fmt: skip
    def release(self, which: int, who: str, cured: bool) -> None:
        decision = self.pick("decision", which, status="drafted")
        assert decision is not None
        if cured:
            self.do("mail", self.world.opens_mail())
            self.do("cure", self.world.wait(timedelta(days=8)))
        both = (who, "drugs-a", "drugs-b") if decision["authority_id"] == "drugs-110000" else ("regulator-b",)
        for each in both:
            self.do(f"release by {each}", self.world.release(decision, each))

    @act(there("decision", status={"released", "executed", "ignored"}), which=WHICH, who=STAFF)
    def lift(self, which: int, who: str) -> None:
        decision = self.pick("decision", which, status={"released", "executed", "ignored"})
        assert decision is not None
        self.do("lift", self.world.ask(f"/decisions/{decision['id']}/lift", STATED, who))

    @act(there("decision", status="released", effect="correct"), often=4, which=WHICH, who=STAFF,
         obeyed=st.sampled_from([False, False, False, True]), waits=st.sampled_from([10, 10, 0]))  # fmt: skip
    def correction(self, which: int, who: str, obeyed: bool, waits: int) -> None:
        order = self.pick("decision", which, status="released", effect="correct")
        assert order is not None
        self.do("mail", self.world.opens_mail())
        self.do("date", self.world.wait(timedelta(days=waits)))
        for each in (who, "drugs-a", "drugs-b"):
            self.do(f"obeyed {obeyed} by {each}", self.world.correction(order, each, obeyed=obeyed))

    @act(there("execution", status={"received", "accepted"}), often=5, which=WHICH, who=DESK,
         decline=st.sampled_from([False, False, False, True]))  # fmt: skip
    def execute(self, which: int, who: str, decline: bool) -> None:
        execution = self.pick("execution", which, status={"received", "accepted"})
        assert execution is not None
        if decline:
            self.do("decline", self.world.decline(execution))
        for each in (who, who, "regulator-a", "regulator-b"):
            if now := self.pick("execution", 0, id=execution["id"], status={"received", "accepted"}):
                self.do(f"sign by {each}", self.world.sign(now, each))

    # -- appeals ---------------------------------------------------------------------------------------------------

    @act(there("decision", status={"released", "executed", "ignored"}), often=3, which=WHICH, stay=st.booleans())
    def appeal(self, which: int, stay: bool) -> None:
        decision = self.pick("decision", which, status={"released", "executed", "ignored"})
        assert decision is not None
        self.do("appeal", self.world.appeal(decision, code_of(decision), stay=stay))

    @act(
        there("appeal", status={"open", "refused"}), often=4, which=WHICH, who=st.sampled_from(sorted(REVIEWERS)),
        how=st.sampled_from(["stay", "upheld", "upheld", "rejected", "assignment", "withdrawal", "admission", "late"]),
    )  # fmt: skip
    def review(self, which: int, who: str, how: str) -> None:
        appeal = self.pick("appeal", which, status={"open", "refused"})
        assert appeal is not None
        path = f"/appeals/{appeal['id']}"
        asked: dict[str, tuple[str, Any, Any]] = {
            "stay": (f"{path}/stay", {"granted": True, **EASED}, REVIEWERS[who]),
            "assignment": (f"{path}/assignment", WHY, REVIEWERS[who]),
            "admission": (f"{path}/admission", EASED, REVIEWERS[who]),
            "withdrawal": (f"{path}/withdrawal", WHY, owner(code_of(appeal))),
        }
        if how == "late":
            self.do("late", self.world.wait(timedelta(days=61)))
            return
        decide = (f"{path}/decision", {"outcome": how, **EASED}, REVIEWERS[who])
        self.do(f"{how} by {who}", self.world.ask(*asked.get(how, decide)))

    # -- requests and referrals ------------------------------------------------------------------------------------

    @act(there("decision", status="ignored", authority_id="drugs-110000"), often=6, which=WHICH, who=STAFF)
    def request(self, which: int, who: str) -> None:
        order = self.pick("decision", which, status="ignored", authority_id="drugs-110000")
        assert order is not None
        self.do("request", self.world.request(order, who))

    @act(
        there("request", status="open"), often=2, which=WHICH, desk=DESK, how=st.sampled_from(["acceptance", "decline"])
    )
    def answer_request(self, which: int, desk: str, how: str) -> None:
        asked = self.pick("request", which, status="open")
        assert asked is not None
        self.do(how, self.world.ask(f"/regulator-requests/{asked['id']}/{how}", STATED, desk))

    @act(there("case", status="open", authority_id="drugs-110000"), which=WHICH, who=STAFF,
         days=st.sampled_from([0, 5, 30, 31]))  # fmt: skip
    def refer(self, which: int, who: str, days: int) -> None:
        case = self.pick("case", which, status="open", authority_id="drugs-110000")
        assert case is not None
        self.do(f"refer in {days} days", self.world.refer(case, who, days=days))

    @act(there("referral", status={"drafted", "sent"}), often=2, which=WHICH, who=STAFF)
    def refer_on(self, which: int, who: str) -> None:
        referral = self.pick("referral", which, status={"drafted", "sent"})
        assert referral is not None
        if referral["status"] == "sent":
            self.do("answer", self.world.answer(referral))
            return
        for each in (who, "drugs-a", "drugs-b"):
            self.do(f"sign by {each}", self.world.ask(f"/referrals/{referral['id']}/signature", WHY, each))

    @act(often=2, days=st.sampled_from([1, 8, 31]))
    def time(self, days: int) -> None:
        self.do(f"{days} days", self.world.wait(timedelta(days=days)))

    # -- what must always hold -------------------------------------------------------------------------------------

    @invariant()
    def every_clock_did_what_it_does(self) -> None:
        assert not self.seen.get("failed")
        assert not self.seen.get("late")

    @invariant()
    def nothing_is_carried_out_without_two_people_on_each_side_four_in_all(self) -> None:
        decisions = {each["id"]: each for each in self.seen.get("decision", [])}
        for each in decisions.values():
            assert each["released_by"] is None or each["released_by"] != each["drafted_by"]
        for each in self.seen.get("execution", []):
            if each["confirmed_by"] is not None:
                decision = decisions[each["decision_id"]]
                people = {decision["drafted_by"], decision["released_by"], each["accepted_by"], each["confirmed_by"]}
                assert len(people - {None}) == 4

    @invariant()
    def no_suspension_outlives_its_end(self) -> None:
        for each in self.seen.get("execution", []):
            if each["effect"] == "suspend_access" and each["status"] == "carried_out":
                assert datetime.fromisoformat(each["until"]) > self.world.now
        for each in self.seen.get("decision", []):
            if each["effect"] == "suspend_access" and each["status"] in {"released", "executed"}:
                assert datetime.fromisoformat(each["until"]) > self.world.now

    @invariant()
    def whatever_fell_is_undone_and_a_site_stands_as_what_lies_on_it_says(self) -> None:
        fell = {each["id"] for each in self.seen.get("decision", []) if each["status"] in FELL}
        lying: dict[str, set[str]] = {}
        for each in self.seen.get("execution", []):
            if each["decision_id"] in fell:
                assert each["status"] in {"undone", "moot", "declined"}, each
            if each["status"] == "carried_out":
                lying.setdefault(each["site_id"], set()).add(each["effect"])
        for site in self.seen.get("site", []):
            effects = lying.get(site["id"], set())
            says = "revoked" if "revoke" in effects else "stopped" if effects else "live"
            assert site["status"] == says, (site, effects)

    @invariant()
    def an_upheld_appeal_leaves_its_decision_overturned(self) -> None:
        decisions = {each["id"]: each["status"] for each in self.seen.get("decision", [])}
        for each in self.seen.get("appeal", []):
            if each["status"] == "upheld":
                assert decisions[each["act_id"]] == "overturned"
            if each["overdue_at"] is not None and each["status"] == "open":
                assert decisions[each["act_id"]] in FELL

    @invariant()
    def one_person_decides_an_appeal_and_took_no_part(self) -> None:
        decisions = {each["id"]: each for each in self.seen.get("decision", [])}
        for each in self.seen.get("appeal", []):
            act = decisions[each["act_id"]]
            assert each["assigned_to"] not in {"drugs-b", act["drafted_by"], act["released_by"]}
            assert each["decided_by"] in {None, each["assigned_to"]}

    @invariant()
    def nobody_is_burdened_without_a_notice(self) -> None:
        told = {(each["about_id"], each["kind"], each["identity"]) for each in self.seen.get("notice", [])}
        intended = {each["about_id"]: each["delivered_at"] for each in self.seen.get("notice", [])
                    if each["kind"] == "decision_intended"}  # fmt: skip
        for each in self.seen.get("decision", []):
            if each["released_at"] is not None:
                assert (each["id"], "decision_released", each["identity"]) in told
                if each["effect"] not in {"no_breach", "correct"} and each["urgent_ground"] is None:
                    reached = datetime.fromisoformat(intended[each["id"]])
                    assert datetime.fromisoformat(each["released_at"]) - reached >= timedelta(days=3)
        executed = {(each["id"], each["kind"]) for each in self.seen.get("executed", [])}
        for each in self.seen.get("execution", []):
            if each["status"] == "carried_out":
                assert (each["id"], "executed") in executed

    @invariant()
    def an_order_is_ignored_on_what_was_seen_after_its_date_and_access_cut_after_that_alone(self) -> None:
        added = {(each["case_id"], each["sha256"]): datetime.fromisoformat(each["added_at"])
                 for each in self.seen.get("evidence", [])}  # fmt: skip
        decisions = self.seen.get("decision", [])
        rests = {each["leads_to"]: each["decision_id"] for each in self.seen.get("request", []) if each["leads_to"]}
        for each in decisions:
            if each["status"] == "ignored":
                by = datetime.fromisoformat(each["correct_by"])
                assert any(added[each["case_id"], sha256] > by for sha256 in each["ignored_evidence"])
            if each["effect"] == "cut_access" and each["status"] in {"released", "executed"}:
                of_it = {
                    each["case_id"],
                    *(one["case_id"] for one in decisions if one["id"] == rests.get(each["case_id"])),
                }
                orders = [one for one in decisions if one["ignored_evidence"] and one["case_id"] in of_it]
                assert any(one["status"] != "overturned" for one in orders)

    @invariant()
    def whom_a_referral_is_about_is_told_in_time_and_no_later_than_any_decision(self) -> None:
        decided = {each["site_id"] for each in self.seen.get("decision", []) if each["released_at"] is not None}
        told = {each["about_id"] for each in self.seen.get("notice", []) if each["kind"] == "referred"}
        for each in self.seen.get("referral", []):
            if each["sent_at"] is None:
                assert each["told_at"] is None
                continue
            assert each["signed_by"] != each["drafted_by"]
            assert (each["told_at"] is not None) is (each["id"] in told)
            if each["told_at"] is None:
                assert each["site_id"] not in decided
                assert self.world.now < datetime.fromisoformat(each["tell_at"])


@pytest.fixture
async def dsns(make_database: MakeDatabase) -> tuple[str, str]:
    return await make_database("enforcement"), await make_database("registry")


@pytest.fixture
def machine(dsns: tuple[str, str], tmp_path: Path) -> Iterator[type[Machine]]:
    with asyncio.Runner() as runner:
        clock, settled = FixedClock(NOON), []
        for name, service, dsn, more in (
            ("e", SERVICE, dsns[0], {"evidence_path": tmp_path / "evidence"}),
            ("r", REGISTER, dsns[1], {"identity_key": "k" * 40, "profile": "cn-2006-demo"}),
        ):
            keys: dict[str, Any] = {"signing_keys_file": tmp_path / f"{name}.json", "signing_keys_generate": True}
            settled.append(running_service(service, dsn, clock=clock, **keys, **more))
        enforcement, register = (runner.run(each.__aenter__()) for each in settled)
        Machine.runner, Machine.world = runner, World(Office(enforcement, clock), Register(register, clock))
        yield Machine
        for each in reversed(settled):
            runner.run(each.__aexit__(None, None, None))


def test_whatever_happens_in_whatever_order(machine: type[Machine]) -> None:
    if SEED:
        machine = seed(int(SEED))(machine)
    print(f"seed: {SEED or 'the one that is always the same'}")
    run_state_machine_as_test(machine, settings=settings(
        max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "12")),
        stateful_step_count=int(os.environ.get("HYPOTHESIS_STEPS", "30")), deadline=None,
        derandomize=SEED is None, database=None, suppress_health_check=list(HealthCheck), print_blob=True,
    ))  # fmt: skip
    print("\n".join(sorted(Machine.reached)))
