"""Whatever people, clocks and facts do in whatever order, the register keeps what it promises (ADR 4, ADR 10).

The acts are those of acting.py; an act may be refused, and what is asked here is what holds after each of them. A
failure prints the acts. In CI they are always the same; `HYPOTHESIS_SEED` chooses others, HYPOTHESIS_EXAMPLES and
HYPOTHESIS_STEPS how many.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from registry.main import SERVICE
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.grounds import Service
from shared.runtime.base.clock import FixedClock
from tests.integration.registry.acting import HOSTS, NOON, Row, World
from tests.integration.registry.conftest import OTHER_PROVIDER, PROVIDER, Register
from tests.support.fixtures import MakeDatabase
from tests.support.machines import run
from tests.support.service import running_service

T = TypeVar("T")
IN_REGISTER = {"live", "stopped", "revoked"}
STOPS = {"suspend_access", "cut_access"}
EFFECTS = st.sampled_from(["suspend_access", "revoke", "cut_access", "end_item"])
WHICH = st.integers(0, 5)
ACTS = {"lapse": ("shell_finding", "lapsed"), "merger": ("merger", "confirmed"),
        "review_result": ("review_subject", "vetoed"), "refusal": ("registration", "refused")}  # fmt: skip
"""Acts of the register that can be appealed: where they are, and their status."""
TIME_IS_OVER = {"lapsed"}


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
    """While the register holds one of these."""
    return lambda self: self.pick(table, 0, **where)


class Machine(RuleBasedStateMachine):
    """Three operators, five names, two providers, a regulator, an authority, and time."""

    runner: ClassVar[asyncio.Runner]
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.decisions: dict[str, DecisionReleasedV1] = {}
        self.fallen: dict[str, str] = {}
        """Decisions that have no effect any more, and why."""
        self.appeals: set[str] = set()
        """Decisions with an open appeal."""
        self.numbers: dict[str, str] = {}
        self.lapsed: dict[str, str] = {}
        self.seen: dict[str, list[Row]] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def pick(self, table: str, which: int, **where: Any) -> Row | None:
        """The one of a table, counted round, of which all this is so."""
        found = [row for row in self.seen[table] if all(
            row[name] in wanted if isinstance(wanted, set) else row[name] == wanted for name, wanted in where.items()
        )]  # fmt: skip
        return found[which % len(found)] if found else None

    def code_of(self, row: Row) -> str:
        return next(str(each["identity"]) for each in self.seen["operator"] if each["id"] == row["operator_id"])

    def do(self, what: str, work: Coroutine[Any, Any, Any]) -> None:
        note(f"{what}: {self.run(work)}")
        self.look()

    def look(self) -> None:
        self.seen = self.run(self.world.look())

    @initialize()
    def begin(self) -> None:
        self.run(self.world.begin())
        self.look()

    @rule(data=st.data())
    def something(self, data: st.DataObject) -> None:
        """One of all that is possible now."""
        chosen = data.draw(st.sampled_from([each for each in POSSIBLE if each.when(self)]))
        chosen.does(self, **{name: data.draw(each) for name, each in chosen.drawn.items()})

    # -- operators and the regulator -----------------------------------------------------------------------------

    @act(who=WHICH, host=st.sampled_from(HOSTS), here=st.booleans())
    def submit(self, who: int, host: str, here: bool) -> None:
        operator = self.pick("operator", who)
        assert operator is not None
        if found := self.pick("registration", 0, status="active", operator_id=operator["id"]):
            self.do("add", self.world.add_site(found, host, self.code_of(found)))
            return
        self.do("submit", self.world.submit(operator, host, PROVIDER if here else OTHER_PROVIDER))

    @act(
        lambda self: self.pick("registration", 0, status="submitted") or self.pick("amendment", 0, status="proposed"),
        often=3,
        which=WHICH,
        grant=st.integers(0, 3),
    )
    def decide_what_was_asked(self, which: int, grant: int) -> None:
        if found := self.pick("registration", which, status="submitted"):
            self.do("decide", self.world.decide_registration(found, grant=grant > 0))
        if proposed := self.pick("amendment", which, status="proposed"):
            how = ("refusal", "grant", "grant", "withdrawal")[grant]
            self.do(how, self.world.decide_amendment(proposed, how, self.code_of(proposed)))

    @act(which=WHICH, host=st.sampled_from(HOSTS), hosts=st.sampled_from(["here", "there", "both"]))
    def change(self, which: int, host: str, hosts: str) -> None:
        providers = {"here": [PROVIDER], "there": [OTHER_PROVIDER], "both": [PROVIDER, OTHER_PROVIDER]}[hosts]
        if site := self.pick("site", which, status={"live", "lapsed", "stopped"}):
            self.do("change", self.world.change(site, host, providers, self.code_of(site)))

    @act(there("access", status="live"), which=WHICH)
    def leave_host(self, which: int) -> None:
        if held := self.pick("access", which, status="live"):
            site = next(each for each in self.seen["site"] if each["id"] == held["site_id"])
            self.do("leave", self.world.leave(site, held["id"], self.code_of(site)))

    @act(there("site", status={"live", "stopped", "revoked", "lapsed"}), which=WHICH)
    def deregister(self, which: int) -> None:
        if site := self.pick("site", which, status={"live", "stopped", "revoked", "lapsed"}):
            self.do("deregister", self.world.deregister(site, self.code_of(site)))

    @act(which=WHICH, to=WHICH, grant=st.booleans())
    def transfer(self, which: int, to: int, grant: bool) -> None:
        site, there = self.pick("site", which, status=IN_REGISTER), self.pick("registration", to, status="active")
        if not site or not there or there["operator_id"] == site["operator_id"]:
            return
        self.do("transfer", self.world.transfer(site, there, self.code_of(site)))
        if proposed := self.pick("amendment", 0, status="proposed", kind="transfer", site_id=site["id"]):
            self.do("consent", self.world.consent(proposed, self.code_of(there)))
            if grant:
                self.do("grant", self.world.decide_amendment(proposed, "grant", self.code_of(site)))

    @act(there("registration", status="active"), which=WHICH)
    def move_home(self, which: int) -> None:
        if found := self.pick("registration", which, status="active"):
            self.do("move", self.world.move(found, self.code_of(found)))

    # -- decisions, and who carries them out ---------------------------------------------------------------------

    @act(often=3, which=WHICH, effect=EFFECTS, carried_out=st.booleans())
    def decide(self, which: int, effect: str, carried_out: bool) -> None:
        if site := self.pick("site", which, status=IN_REGISTER | {"lapsed"}):
            decision = self.run(self.world.decide(site, effect))
            self.decided(decision, carried_out=carried_out)

    @act(which=WHICH)
    def bar(self, which: int) -> None:
        operator = self.pick("operator", which)
        assert operator is not None
        self.decided(self.run(self.world.bar(operator)), carried_out=True)

    def decided(self, decision: DecisionReleasedV1, *, carried_out: bool) -> None:
        self.decisions[str(decision.decision_id)] = decision
        self.look()
        for who in ("regulator-a", "regulator-b") if carried_out else ():
            execution = self.pick("execution", 0, decision_id=str(decision.decision_id))
            assert execution is not None
            self.do(f"{decision.effect} by {who}", self.world.sign(execution, who))

    @act(
        there("execution", status={"received", "accepted"}),
        which=WHICH,
        who=st.sampled_from(["regulator-a", "regulator-b", "shanghai-regulator-a", "drugs-a"]),
    )
    def sign(self, which: int, who: str) -> None:
        if execution := self.pick("execution", which, status={"received", "accepted"}):
            status = self.run(self.world.sign(execution, who))
            wrong = who not in {"regulator-a", "regulator-b"} or execution["accepted_by"] == who
            assert not wrong or status in {403, 409}, "two people of this regulator, and no other"
            self.look()

    @act(there("execution", status={"received", "accepted"}), which=WHICH, how=st.sampled_from(["decline", "release"]))
    def step_back(self, which: int, how: str) -> None:
        if execution := self.pick("execution", which, status={"received", "accepted"}):
            self.do(how, self.world.step_back(execution, how))

    @act(lambda self: self.decisions, which=WHICH, how=st.sampled_from(["overturned", "suspended", "ended", "lapsed"]))
    def decision_falls(self, which: int, how: str) -> None:
        """A decision falls; twice, too: facts come again."""
        if not self.decisions:
            return
        decision_id = list(self.decisions)[which % len(self.decisions)]
        fact, because = ("ended", "lapsed") if how == "lapsed" else (how, {"ended": "lifted"}.get(how, "stay"))
        if because == "lapsed" and self.decisions[decision_id].until is None:
            return
        self.fallen.setdefault(decision_id, because if how != "overturned" else how)
        if because != "lapsed":
            self.fallen[decision_id] = how
        self.do(f"{how} {decision_id}", self.world.falls(self.decisions[decision_id], fact, because))

    @act(lambda self: self.decisions, which=WHICH, outcome=st.sampled_from(["filed", "rejected", "upheld"]))
    def appeal_a_decision(self, which: int, outcome: str) -> None:
        if not self.decisions:
            return
        decision_id = list(self.decisions)[which % len(self.decisions)]
        (self.appeals.discard if outcome == "rejected" else self.appeals.add)(decision_id)
        self.do(outcome, self.world.appeal(Service.ENFORCEMENT, "decision", decision_id, outcome))
        if outcome == "upheld":
            self.fallen[decision_id] = "overturned"
            self.do("overturned", self.world.falls(self.decisions[decision_id], "overturned", ""))

    @act(
        lambda self: any(self.acts(kind) for kind in ACTS),
        which=WHICH,
        outcome=st.sampled_from(["filed", "rejected", "upheld", "overdue"]),
        kind=st.sampled_from(sorted(ACTS)),
    )
    def appeal_an_act(self, which: int, outcome: str, kind: str) -> None:
        if found := self.acts(kind):
            act_id = found[which % len(found)]["id"]
            self.do(f"{kind} {outcome}", self.world.appeal(Service.REGISTRY, kind, act_id, outcome))

    def acts(self, kind: str) -> list[Row]:
        table, status = ACTS[kind]
        return [each for each in self.seen[table] if each["status"] == status]

    # -- the annual review ---------------------------------------------------------------------------------------

    @act(lambda self: not self.seen["review"])
    def announce(self) -> None:
        if not self.seen["review"]:
            self.do("review", self.world.review())

    @act(
        there("review_subject", status="under_review"),
        often=4,
        which=WHICH,
        opinion=st.sampled_from(["pass", "close_site", "cancel_service"]),
        who=st.sampled_from(["drugs-a", "drugs-b", "culture-a", "shanghai-drugs-a"]),
    )
    def opinion(self, which: int, opinion: str, who: str) -> None:
        about = {each["site_id"] for each in self.seen["execution"]}
        subject = self.pick("review_subject", which, status="under_review", site_id=about - {None})
        if subject is None:
            return
        cited = self.pick("execution", which, site_id=subject["site_id"], status="carried_out")
        cited = cited or self.pick("execution", which, site_id=subject["site_id"])
        assert cited is not None
        self.do(f"{opinion} of {who}", self.world.opinion(subject, cited["decision_id"], opinion, who))

    @act(there("review", status="open"))
    def review_closes(self) -> None:
        closes = datetime.fromisoformat(self.seen["review"][0]["closes_at"])
        self.do("review closes", self.world.wait(closes - self.world.now + timedelta(seconds=1)))

    @act(there("review_opinion", status="standing"), which=WHICH)
    def take_opinion_back(self, which: int) -> None:
        if found := self.pick("review_opinion", which, status="standing"):
            self.do("withdraw", self.world.take_back(found))

    # -- shells, mergers, providers, time ------------------------------------------------------------------------

    @act(
        there("shell_finding", status={"open", "due", "lapsed"}),
        often=3,
        which=WHICH,
        how=st.sampled_from(["lapse", "lapse", "dismissal", "undoing"]),
    )
    def shell(self, which: int, how: str) -> None:
        if finding := self.pick("shell_finding", which, status={"open", "due", "lapsed"}):
            status = self.run(self.world.shell(finding, how, "regulator-a"))
            early = how == "lapse" and finding["status"] != "due"
            assert not early or status in {403, 409}, "nothing lapses before its time to cure is over"
            self.look()

    @act(there("site", status="live"), which=WHICH, days=st.sampled_from([91, 125]))
    def host_is_gone(self, which: int, days: int) -> None:
        site = self.pick("site", which, status="live")
        assert site is not None
        hosts = [each for each in self.seen["access"] if each["site_id"] == site["id"] and each["status"] == "live"]
        for each in hosts:
            self.do("leave", self.world.leave(site, each["id"], self.code_of(site)))
        self.do(f"{days} days", self.world.wait(timedelta(days=days)))

    @act(survivor=WHICH, merged=WHICH)
    def propose_merger(self, survivor: int, merged: int) -> None:
        one, other = self.pick("operator", survivor), self.pick("operator", merged)
        assert one is not None
        assert other is not None
        self.do("merger", self.world.propose_merger(one, other))

    @act(
        there("merger", status="proposed"),
        often=2,
        which=WHICH,
        how=st.sampled_from(["confirmation", "confirmation", "withdrawal"]),
        parts=st.booleans(),
    )
    def decide_merger(self, which: int, how: str, parts: bool) -> None:
        merger = self.pick("merger", which, status="proposed")
        if merger is None:
            return
        if how == "confirmation":
            self.do("heard", self.world.wait(timedelta(days=9)))
        before = whose(self.seen)
        status = self.run(self.world.decide_merger(merger, how))
        self.look()
        if parts and how == "confirmation" and status == 200:
            assert whose(self.seen) != before or not owns(before, merger["merged_id"])
            self.do("parted", self.world.appeal(Service.REGISTRY, "merger", merger["survivor_act_id"], "upheld"))
            assert whose(self.seen) == before, "merged and split, everything is as it was"

    @act(active=st.booleans())
    def provider(self, active: bool) -> None:
        self.do(f"provider active: {active}", self.world.provider(active=active))

    @act(often=2, days=st.sampled_from([1, 20, 61, 100]))
    def time(self, days: int) -> None:
        self.do(f"{days} days", self.world.wait(timedelta(days=days)))

    # -- what must always hold -----------------------------------------------------------------------------------

    @invariant()
    def every_clock_did_what_it_does(self) -> None:
        assert not self.seen.get("failed"), self.seen["failed"]

    @invariant()
    def a_name_belongs_to_one_site_and_a_site_has_the_names_it_is_told_with(self) -> None:
        if not self.seen:
            return
        holders = Counter(each["domain"] for each in self.seen["claim"] if each["status"] == "live")
        assert not [name for name, count in holders.items() if count > 1]
        live = {(each["site_id"], each["domain"], each["operator_id"]) for each in self.seen["claim"]
                if each["status"] == "live"}  # fmt: skip
        sites = {each["id"]: each for each in self.seen["site"] if each["status"] in IN_REGISTER}
        told = {each["id"]: each for each in self.seen["recorded"]}
        names = {(site["id"], name, site["operator_id"]) for site in sites.values()
                 for name in told[site["id"]]["domains"]}  # fmt: skip
        assert {each for each in live if each[0] in sites} == names
        for site in (each for each in self.seen["site"] if each["id"] in told):
            assert (told[site["id"]]["status"], told[site["id"]]["number"]) == (site["status"], site["number"])

    @invariant()
    def numbers_have_no_gap_and_are_nobody_elses_later(self) -> None:
        given: dict[tuple[str, str], list[int]] = {}
        for found in self.seen.get("registration", []):
            if found["number"]:
                serial = int("".join(each for each in found["number"] if each.isdigit()))
                given.setdefault((found["region"], found["kind"]), []).append(serial)
        last = {(each["region"], each["kind"]): each["last"] for each in self.seen.get("number_counter", [])}
        for place, serials in given.items():
            assert sorted(serials) == list(range(1, last[place] + 1))
        for site in self.seen.get("site", []):
            if site["number"] and site["status"] not in {"proposed"}:
                assert self.numbers.setdefault(site["number"], site["id"]) == site["id"], "a number is one site's"

    @invariant()
    def a_site_is_stopped_by_what_was_carried_out_and_by_nothing_else(self) -> None:
        lying: dict[str, set[str]] = {}
        for each in self.seen.get("execution", []):
            if each["status"] == "carried_out" and each["site_id"]:
                lying.setdefault(each["site_id"], set()).add(each["effect"])
                assert each["decision_id"] not in self.fallen, "what fell is undone"
                assert each["accepted_by"] != each["confirmed_by"]
        for site in self.seen.get("site", []):
            effects = lying.get(site["id"], set()) - {"end_item"}
            if site["status"] in IN_REGISTER:
                says = "revoked" if "revoke" in effects else "stopped" if effects & STOPS else "live"
                assert site["status"] == says
            else:
                assert not effects, f"a measure lies on a site that is {site['status']}"
            stopped = {each["status"] for each in self.seen["access"] if each["site_id"] == site["id"]} - {"ended"}
            if site["status"] == "live":
                assert stopped <= {"live", "claimed"}, "a site that is given back is hosted again"

    @invariant()
    def who_is_in_the_register_has_a_number_that_holds(self) -> None:
        filed = {each["id"]: each for each in self.seen.get("registration", [])}
        for site in self.seen.get("site", []):
            if site["status"] in IN_REGISTER | {"lapsed"}:
                assert filed[site["registration_id"]]["status"] in {"active", "lapsed"}

    @invariant()
    def a_veto_rests_on_a_decision_that_stands(self) -> None:
        executions = {each["decision_id"]: each for each in self.seen.get("execution", [])}
        opinions = {each["id"]: each for each in self.seen.get("review_opinion", [])}
        for each in opinions.values():
            if each["status"] == "standing" and each["opinion"] != "pass":
                assert self.fallen.get(each["decision_id"], "lapsed") in TIME_IS_OVER
                cited = executions[each["decision_id"]]
                over = cited["status"] == "undone" and cited["undone_because"] in TIME_IS_OVER
                assert cited["status"] == "carried_out" or over
        for subject in self.seen.get("review_subject", []):
            if subject["status"] == "vetoed":
                deciding = opinions[subject["opinion_id"]]
                assert deciding["status"] == "standing"
                assert deciding["opinion"] != "pass"

    @invariant()
    def an_empty_shell_lapses_by_a_person_after_its_time_and_comes_back_under_its_number(self) -> None:
        sites = {each["id"]: each for each in self.seen.get("site", [])}
        findings = self.seen.get("shell_finding", [])
        for each in findings:
            site = sites[each["site_id"]]
            if each["status"] == "lapsed":
                assert site["status"] in {"lapsed", "ended"}
                assert each["lapsed_by"]
                assert datetime.fromisoformat(each["changed_at"]) >= datetime.fromisoformat(each["cure_until"])
                if site["status"] == "lapsed":
                    self.lapsed[each["id"]] = site["number"]
            elif each["status"] == "undone" and each["id"] in self.lapsed:
                assert site["number"] == self.lapsed.pop(each["id"])
        lapsed = {each["id"] for each in sites.values() if each["status"] == "lapsed"}
        assert lapsed <= {each["site_id"] for each in findings if each["status"] == "lapsed"}

    @invariant()
    def the_barred_list_is_what_executions_say(self) -> None:
        if not self.seen:
            return
        now, listed = self.world.now, set[str]()
        changes = sorted(self.seen["barred_change"], key=lambda each: int(each["seq"]))
        assert [each["seq"] for each in changes] == list(range(1, len(changes) + 1))
        for each in changes:
            (listed.add if each["change"] == "listed" else listed.discard)(each["execution_id"])
        assert listed == {
            each["id"] for each in self.seen["execution"]
            if each["effect"] == "bar" and each["status"] == "carried_out" and each["decision_id"] not in self.appeals
            and datetime.fromisoformat(each["bar_from"]) <= now < datetime.fromisoformat(each["until"])
        }  # fmt: skip

    @invariant()
    def nobody_is_burdened_without_a_notice(self) -> None:
        said = {(each["about_id"], each["kind"]) for each in self.seen.get("notice", [])}
        wanted = {
            *((each["id"], "executed") for each in self.seen.get("execution", []) if each["status"] == "carried_out"),
            *((each["id"], "shell_found") for each in self.seen.get("shell_finding", [])),
            *((each["id"], "shell_lapsed") for each in self.seen.get("shell_finding", [])
              if each["status"] == "lapsed"),
            *((each["id"], "review_vetoed") for each in self.seen.get("review_subject", [])
              if each["status"] == "vetoed"),
            *((each["id"], "review_opinion") for each in self.seen.get("review_opinion", [])
              if each["opinion"] != "pass"),
            *((each["id"], "refused") for each in self.seen.get("registration", []) if each["status"] == "refused"),
            *((act, "merged") for each in self.seen.get("merger", []) if each["status"] == "confirmed"
              for act in (each["id"], each["survivor_act_id"])),
            *((each["execution_id"], "barred") for each in self.seen.get("barred_change", [])
              if each["change"] == "listed"),
        }  # fmt: skip
        assert wanted <= said


def whose(seen: dict[str, list[Row]]) -> dict[str, Any]:
    """Whose everything is, under which number, and how it stands."""
    return {
        table: {each["id"]: tuple(each[name] for name in names) for each in seen[table]} for table, names in {
            "registration": ("operator_id", "status", "number"), "site": ("registration_id", "ordinal", "status"),
            "access": ("operator_id", "status"), "execution": ("operator_id", "status"),
            "amendment": ("operator_id", "status"),
        }.items()
    } | {"claim": sorted((each["domain"], each["site_id"], each["operator_id"], each["status"])
                         for each in seen["claim"])}  # fmt: skip


def owns(whose_is: dict[str, Any], operator_id: str) -> bool:
    """Whether anything is this operator's."""
    return any(
        operator_id in each
        for table in ("registration", "access", "execution", "amendment")
        for each in whose_is[table].values()
    )


@pytest.fixture
async def dsn(make_database: MakeDatabase) -> str:
    return await make_database("registry")


@pytest.fixture
def machine(dsn: str, tmp_path: Path) -> Iterator[type[Machine]]:
    with asyncio.Runner() as runner:
        clock = FixedClock(NOON)
        keys: dict[str, Any] = {"signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True}
        service = running_service(SERVICE, dsn, clock=clock, identity_key="k" * 40, profile="cn-2006-demo", **keys)
        Machine.runner = runner
        Machine.world = World(Register(runner.run(service.__aenter__()), clock))
        yield Machine
        runner.run(service.__aexit__(None, None, None))


def test_whatever_happens_in_whatever_order(machine: type[Machine]) -> None:
    run(machine, examples=14, steps=40, shrinks=True)
