"""Whatever people, clocks and facts do in whatever order, the approval desk keeps what it promises (P3.1, ADR 4).

The acts are those of acting.py; an act may be refused, and what is asked here is what holds after each of them. A
failure prints the acts. In CI they are always the same; `HYPOTHESIS_SEED` chooses others, HYPOTHESIS_EXAMPLES and
HYPOTHESIS_STEPS how many.
"""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from approval.main import SERVICE
from shared.runtime.base.clock import FixedClock
from tests.integration.approval.acting import DOMAINS, MONDAY, OPERATORS, PLACES, Row, World
from tests.integration.approval.desk import Desk
from tests.support.fixtures import MakeDatabase
from tests.support.machines import run
from tests.support.service import running_service

T = TypeVar("T")
HERE = ZoneInfo("Asia/Shanghai")
WHICH = st.integers(0, 5)
WHOSE = st.sampled_from(sorted(OPERATORS))
DOMAIN = st.sampled_from(DOMAINS)
REGION = st.sampled_from(["110000", "110000", "310000", None])
OFFICER = st.sampled_from([None, None, None, "shanghai-drugs-a", "culture-a", "regulator-a"])
"""None: whoever is at the desk."""
NOT_DECIDED = {"submitted", "returned", "resubmitted"}
AWAITED = {"submitted", "resubmitted", "renewing"}
IN_FORCE = {"granted", "renewing"}
REFUSALS = {"refuse": "refused", "refuse_renewal": "renewal_refused"}
SAYS = {**REFUSALS, "return": "returned", "transfer": "transferred", "grant": "granted", "renew": "renewed",
        "find_not_required": "not_required", "lapse": "lapsed", "end": "ended", "reinstate": "reinstated",
        "reinstate_renewal": "reinstated", "reopen": "reopened", "reopen_renewal": "reopened",
        "warn": "lapsing"}  # fmt: skip
"""What happens to an operator without its doing, and the kind of the notice that says so."""


@dataclass(frozen=True, slots=True, repr=False)
class Possible:
    """Something that can be done while ``when`` says so, with what is drawn for it."""

    does: Callable[..., None]
    when: Callable[["Machine"], object]
    drawn: dict[str, st.SearchStrategy[Any]]

    def __repr__(self) -> str:
        return self.does.__name__


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
    """While the desk holds one of these."""
    return lambda self: self.pick(table, 0, **where)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def day(at: datetime) -> str:
    """The day it is where the profile is in force."""
    return at.astimezone(HERE).date().isoformat()


class Machine(RuleBasedStateMachine):
    """Two operators, three names, authorities of two provinces and of the country, and time."""

    runner: ClassVar[asyncio.Runner]
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.unheard: list[str] = []
        """Decisions in cases that were released and not heard of yet."""
        self.heard: list[str] = []
        self.numbers: dict[str, str] = {}
        self.seen: dict[str, list[Row]] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def pick(self, table: str, which: int, **where: Any) -> Row | None:
        """The one of a table, counted round, of which all this is so."""
        found = [row for row in self.seen[table] if all(
            row[name] in wanted if isinstance(wanted, set) else row[name] == wanted for name, wanted in where.items()
        )]  # fmt: skip
        return found[which % len(found)] if found else None

    def one(self, which: int, status: set[str]) -> Row:
        found = self.pick("approval", which, status=status)
        assert found is not None
        return found

    def do(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        answer = self.run(work)
        note(f"{what}: {answer}")
        self.look()
        return answer

    def look(self) -> None:
        self.seen = self.run(self.world.look())

    def now(self, approval: Row) -> Row:
        return next(each for each in self.seen["approval"] if each["id"] == approval["id"])

    @initialize()
    def begin(self) -> None:
        """One operator has a consent already."""
        self.run(self.world.begin())
        self.run(self.world.apply("applicant", DOMAINS[0]))
        self.look()
        self.do("grant", self.world.grant(self.one(0, {"submitted"}), None, 100))

    @rule(data=st.data())
    def something(self, data: st.DataObject) -> None:
        """One of all that is possible now."""
        chosen = data.draw(st.sampled_from([each for each in POSSIBLE if each.when(self)]))
        chosen.does(self, **{name: data.draw(each) for name, each in chosen.drawn.items()})

    # -- the operator and its authority --------------------------------------------------------------------------

    @act(often=2, whose=WHOSE, domain=DOMAIN)
    def apply(self, whose: str, domain: str) -> None:
        status = self.do(f"{whose} applies", self.world.apply(whose, domain))
        assert status != 201 or not self.barred(OPERATORS[whose]["identity"])

    @act(there("approval", status=NOT_DECIDED), which=WHICH, who=OFFICER, for_a_file=st.booleans())
    def send_back(self, which: int, who: str | None, for_a_file: bool) -> None:
        approval = self.one(which, NOT_DECIDED)
        status = self.do("return", self.world.send_back(approval, who, for_a_file=for_a_file))
        assert status in ({200} if who is None and approval["status"] == "submitted" and not self.fell(approval)
                          else {403, 409} if who is None or not self.is_at(who, approval) else {200, 409})  # fmt: skip

    @act(there("approval", status=NOT_DECIDED), which=WHICH)
    def hand_in(self, which: int) -> None:
        self.do("hand in", self.world.hand_in(self.one(which, NOT_DECIDED)))

    @act(there("approval", status="returned"), often=2, which=WHICH)
    def resubmit(self, which: int) -> None:
        approval = self.one(which, {"returned"})
        before = self.clock_of(approval, "approval_decision")
        assert self.do("resubmit", self.world.step(approval, "resubmission")) == 200
        after = self.clock_of(approval, "approval_decision")
        assert before is not None
        assert after is not None
        if before["suspended_at"]:  # it had not run out before
            gained = moment(after["due_at"]) - moment(before["due_at"])
            stood = self.world.now - moment(before["suspended_at"])
            assert timedelta(days=stood > timedelta(days=10)) <= gained, "the clock stood still meanwhile"

    @act(there("approval", status=NOT_DECIDED), which=WHICH, region=st.sampled_from(list(PLACES)))
    def transfer(self, which: int, region: str | None) -> None:
        approval = self.one(which, NOT_DECIDED)
        before = self.clock_of(approval, "approval_decision")
        if self.do("transfer", self.world.transfer(approval, region)) == 200:
            assert self.clock_of(approval, "approval_decision") == before, "the clock goes on (ALL §32)"

    @act(there("approval", status=NOT_DECIDED), often=3, which=WHICH, who=OFFICER, days=st.sampled_from([25, 300, 900]))
    def grant(self, which: int, who: str | None, days: int) -> None:
        approval = self.one(which, NOT_DECIDED)
        status = self.do("grant", self.world.grant(approval, who, days))
        assert status != 200 or not self.barred(approval["identity"])
        assert status != 200 or who is None or self.is_at(who, approval)

    @act(there("approval", status=NOT_DECIDED), often=2, which=WHICH, who=OFFICER,
         how=st.sampled_from(["refusal", "refusal", "not-required"]))  # fmt: skip
    def refuse(self, which: int, who: str | None, how: str) -> None:
        self.do(how, self.world.step(self.one(which, NOT_DECIDED), how, who))

    @act(there("approval", status=IN_FORCE), often=3, which=WHICH, days=st.sampled_from([-1, 30, 400, 400]),
         refused=st.booleans())  # fmt: skip
    def ask_renewal(self, which: int, days: int, refused: bool) -> None:
        approval = self.one(which, IN_FORCE)
        status = self.do("ask renewal", self.world.ask_renewal(approval, days))
        assert days > 0 or status in {409, 422}
        if status == 200 and refused:
            self.do("refuse renewal", self.world.step(approval, "renewal-refusal"))

    @act(there("approval", status="renewing"), often=3, which=WHICH,
         how=st.sampled_from(["renew", "less", "refuse", "refuse"]))  # fmt: skip
    def decide_renewal(self, which: int, how: str) -> None:
        approval = self.one(which, {"renewing"})
        if how == "refuse":
            self.do("refuse renewal", self.world.step(approval, "renewal-refusal"))
        elif self.do(how, self.world.renew(approval, less=how == "less")) == 200:
            after = self.now(approval)
            assert after["valid_until"] > approval["valid_until"]
            assert (after["number"], after["scope"]) == (approval["number"], approval["scope"])

    # -- on paper ------------------------------------------------------------------------------------------------

    @act(often=2, whose=WHOSE, domain=DOMAIN, days_ago=st.sampled_from([0, 30, 400]))
    def enter_paper(self, whose: str, domain: str, days_ago: int) -> None:
        self.do(f"paper of {whose}", self.world.enter_paper(whose, domain, days_ago))

    @act(there("paper", status="entered"), often=2, which=WHICH,
         who=st.sampled_from(["drugs-a", "drugs-b", "drugs-b", "shanghai-drugs-a", "culture-a"]))  # fmt: skip
    def confirm_paper(self, which: int, who: str) -> None:
        paper = self.pick("paper", which, status="entered")
        assert paper is not None
        same = {name: paper[name] for name in ("identity", "domain", "level", "region")}
        beside = self.pick("approval", 0, status=IN_FORCE, **same)
        status = self.do(f"confirmed by {who}", self.world.confirm_paper(paper, who))
        assert (status == 200) <= (who == "drugs-b"), "two people of this authority, and no other"
        assert status != 200 or beside is None, "what is in force is not granted on paper, too"
        assert status != 200 or not self.barred(paper["identity"])

    @act(there("paper", status="entered"), which=WHICH)
    def withdraw_paper(self, which: int) -> None:
        paper = self.pick("paper", which, status="entered")
        assert paper is not None
        self.do("withdraw", self.world.withdraw_paper(paper))

    # -- decisions in cases, appeals, bars, time -----------------------------------------------------------------

    @act(often=2, whose=WHOSE, domain=DOMAIN, region=REGION, at_once=st.booleans())
    def decide(self, whose: str, domain: str, region: str | None, at_once: bool) -> None:
        decision_id = self.world.decide(whose, domain, region)
        self.unheard.append(decision_id)
        self.look()
        if at_once:
            self.hear(-1)

    @act(there("approval", status=IN_FORCE | {"lapsed"}), often=3, which=WHICH, back=st.booleans())
    def decide_about(self, which: int, back: bool) -> None:
        """What is in force is ended; where the decision falls at once, it is as it was."""
        approval = self.one(which, IN_FORCE | {"lapsed"})
        whose = next(who for who, each in OPERATORS.items() if each["identity"] == approval["identity"])
        self.unheard.append(self.world.decide(whose, approval["domain"], approval["region"]))
        self.look()
        self.hear(-1)
        assert self.now(approval)["status"] == ("ended" if approval["status"] in IN_FORCE else "lapsed")
        if back:
            self.do("falls", self.world.falls(self.heard[-1], "overturned"))
            assert self.now(approval) == approval, "as it stood"

    @act(lambda self: self.unheard, often=2, which=WHICH)
    def hear(self, which: int) -> None:
        decision_id = self.unheard.pop(which % len(self.unheard))
        self.heard.append(decision_id)
        self.do(f"heard {decision_id}", self.world.desk.hear(self.world.decisions[decision_id]))

    @act(lambda self: self.heard, often=2, which=WHICH, how=st.sampled_from(["overturned", "suspended", "lifted", ""]))
    def falls_or_comes_again(self, which: int, how: str) -> None:
        """A decision falls, or is told again; both twice, too."""
        decision_id = self.heard[which % len(self.heard)]
        if how:
            self.do(f"{how} {decision_id}", self.world.falls(decision_id, how))
        else:
            self.do(f"again {decision_id}", self.world.desk.hear(self.world.decisions[decision_id]))

    @act(there("decision", action=set(REFUSALS)), which=WHICH,
         outcome=st.sampled_from(["upheld", "rejected", "overdue"]))  # fmt: skip
    def appeal_again(self, which: int, outcome: str) -> None:
        self.appealed(self.pick("decision", which, action=set(REFUSALS)), outcome)

    @act(there("decision", action=set(REFUSALS), undone_at=None), often=4, which=WHICH,
         outcome=st.sampled_from(["upheld", "upheld", "rejected", "overdue"]))  # fmt: skip
    def appeal(self, which: int, outcome: str) -> None:
        self.appealed(self.pick("decision", which, action=set(REFUSALS), undone_at=None), outcome)

    def appealed(self, refusal: Row | None, outcome: str) -> None:
        assert refusal is not None
        before = self.seen
        self.do(f"appeal {outcome}", self.world.appeal(refusal, outcome))
        assert outcome != "rejected" or {**self.seen} == before
        fell = next(each for each in self.seen["decision"] if each["id"] == refusal["id"])
        assert outcome == "rejected" or fell["undone_at"] is not None

    @act(whose=WHOSE, listed=st.sampled_from([True, False]))
    def bar(self, whose: str, listed: bool) -> None:
        self.do("bar", self.world.bar(whose, listed=listed))

    @act(often=3, days=st.sampled_from([1, 10, 40, 320]))
    def time(self, days: int) -> None:
        self.do(f"{days} days", self.world.wait(timedelta(days=days)))

    # -- what is asked of it -------------------------------------------------------------------------------------

    def barred(self, identity: str) -> bool:
        return any(each["identity"] == identity and each["listed"] and moment(each["until"]) > self.world.now
                   for each in self.seen["barred"])  # fmt: skip

    def is_at(self, who: str, approval: Row) -> bool:
        return who == f"{PLACES[approval['region']]}-a"

    def fell(self, approval: Row) -> bool:
        """Whether a refusal of it fell."""
        return any(each["approval_id"] == approval["id"] and each["undone_at"] for each in self.seen["decision"])

    def clock_of(self, approval: Row, kind: str) -> Row | None:
        return self.pick("clock", 0, aggregate_id=approval["id"], kind=kind)

    @staticmethod
    def is_over(clock: Row | None) -> bool:
        return clock is None or bool(clock["met_at"] or clock["breached_at"])

    def done(self, approval: Row) -> Counter[str]:
        """How often what was done to it."""
        return Counter(
            each["action"] for each in self.seen["history"] if each["aggregate_id"] == approval["id"]
            and (each["action"] != "end" or each["from_status"] != each["to_status"])
        )  # fmt: skip

    # -- what must always hold -----------------------------------------------------------------------------------

    @invariant()
    def one_question_of_an_operator_about_a_name_is_open(self) -> None:
        asked = Counter((each["identity"], each["domain"]) for each in self.seen.get("approval", [])
                        if each["status"] in NOT_DECIDED)  # fmt: skip
        assert not [each for each, count in asked.items() if count > 1]

    @invariant()
    def no_clock_runs_without_an_end_and_none_on_after_it(self) -> None:
        for each in self.seen.get("approval", []):
            status, clock = each["status"], self.clock_of(each, "approval_decision")
            watch = self.clock_of(each, "approval_validity")
            if status in AWAITED:
                assert clock is not None
                assert (clock["met_at"], clock["suspended_at"]) == (None, None)
                over = moment(clock["due_at"]) <= self.world.now
                assert over <= (each["overdue_at"] is not None), "late is shown"
            elif status == "returned" or (status == "ended" and each["renewal_until"]):
                assert clock is not None
                assert clock["met_at"] is None
                assert clock["suspended_at"] or clock["breached_at"], "it stands still"
            else:
                assert clock is None or clock["met_at"] or clock["breached_at"], (
                    f"the authority's clock on one that is {status}"
                )
            if status == "granted":
                assert watch is not None
                assert (watch["met_at"], watch["breached_at"]) == (None, None), "its last day is watched"
                rings = moment(watch["due_at"]) - timedelta(seconds=1)
                assert day(self.world.now) <= day(rings) <= each["valid_until"]
            elif status != "renewing":
                assert watch is None or watch["met_at"] or watch["breached_at"], (
                    f"the last day of one that is {status} is watched"
                )
        assert not [each["error"] for each in self.seen.get("clock", []) if each["error"]]

    @invariant()
    def it_is_returned_once_and_forwarded_twice_at_most_and_to_nobody_again(self) -> None:
        for each in self.seen.get("approval", []):
            done, went = self.done(each), each["transfers"]
            assert done["return"] <= 1
            assert done["transfer"] == len(went) <= 2
            had = [*(step["by"]["id"] for step in went), *([went[-1]["to"]["id"]] if went else [])]
            assert len(had) == len(set(had))
            if went:
                assert (each["level"], each["region"]) == (went[-1]["to"]["level"], went[-1]["to"]["region"])

    @invariant()
    def nothing_happens_to_an_operator_without_a_notice(self) -> None:
        said = Counter((each["moved_id"], each["kind"], each["identity"]) for each in self.seen.get("notice", []))
        for each in self.seen.get("approval", []):
            wanted = Counter[str]()
            for action, count in self.done(each).items():
                if action in SAYS:
                    wanted[SAYS[action]] += count
            assert wanted == {
                kind: sum(said[each["id"], one, each["identity"]] for one in (kind, f"{kind}_for_less"))
                for kind in wanted
            }
        about = {(each["about_id"], each["about_kind"], each["kind"]) for each in self.seen.get("notice", [])}
        for each in self.seen.get("decision", []):
            if each["action"] in REFUSALS:
                kind = {"refuse": "refusal", "refuse_renewal": "renewal_refusal"}[each["action"]]
                assert (each["id"], kind, REFUSALS[each["action"]]) in about, "its notice says what to appeal against"
        made = {each["id"]: each["action"] for each in self.seen.get("decision", [])}
        less = {"granted_for_less": ("grant", "refusal"), "renewed_for_less": ("renew", "renewal_refusal")}
        for about_id, about_kind, kind in about:
            if kind in less:
                assert (made[about_id], about_kind) == less[kind], "the rest was refused, and can be challenged"

    @invariant()
    def what_is_told_and_signed_is_what_is_stored(self) -> None:
        told = {each["key"]: each["approval"] for each in self.seen.get("told", [])}
        signed = {each["subject_id"]: each["jws"] for each in self.seen.get("document", [])}
        for each in self.seen.get("approval", []):
            said, covers = told.get(each["id"]), each["status"] in IN_FORCE | {"not_required"}
            assert said is not None or not covers
            if said is not None:
                names = ("level", "region", "number", "scope", "valid_from", "valid_until", "domain", "authority")
                now = {name: each[name] for name in names} if covers else {"number": each["number"]}
                assert {name: said.get(name) for name in now} | {"live": said["live"]} == now | {"live": covers}
            if each["number"]:
                payload = signed[each["id"]].split(".")[1]
                shown = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
                for name in ("number", "scope", "valid_from", "valid_until"):
                    assert shown[name] == each[name]

    @invariant()
    def numbers_have_no_gap_and_stay(self) -> None:
        given: dict[str, list[int]] = {}
        for each in self.seen.get("approval", []):
            if each["number"]:
                assert self.numbers.setdefault(each["id"], each["number"]) == each["number"]
                mark, serial = each["number"].removesuffix("号").split("〕")
                given.setdefault(mark, []).append(int(serial))
        last = {f"{each['mark']}〔{each['year']}": each["last"] for each in self.seen.get("counter", [])}
        assert {mark: sorted(serials) for mark, serials in given.items()} == {
            mark: list(range(1, count + 1)) for mark, count in last.items()
        }

    @invariant()
    def two_people_stand_for_what_came_on_paper(self) -> None:
        by = {(each["aggregate_id"], each["action"]): each["person"] for each in self.seen.get("history", [])}
        papers = {each["approval_id"]: each for each in self.seen.get("paper", []) if each["status"] == "confirmed"}
        for each in self.seen.get("approval", []):
            assert (each["id"] in papers) == ((each["id"], "enter_paper") in by)
        for approval_id, paper in papers.items():
            assert by[paper["id"], "enter"] == paper["entered_by"]
            assert by[paper["id"], "confirm"] == by[approval_id, "grant"] != paper["entered_by"]

    @invariant()
    def what_a_decision_ended_is_not_in_force_by_any_other_way(self) -> None:
        standing = {(each["approval_id"]) for each in self.seen.get("decision", [])
                    if each["action"] == "end" and not each["undone_at"]}  # fmt: skip
        papers = {each["approval_id"]: each for each in self.seen.get("paper", [])}
        for each in self.seen.get("approval", []):
            assert self.done(each)["grant"] <= 1
            assert (each["status"] == "ended") <= (each["id"] in standing)
            assert each["id"] not in standing or each["status"] in {"ended", "lapsed"}
            if each["status"] not in IN_FORCE:
                continue
            [granted] = [one["made_at"] for one in self.seen["decision"]
                         if one["approval_id"] == each["id"] and one["action"] == "grant"]  # fmt: skip
            for ended in self.seen["ended_item"]:
                released = moment(ended["released_at"])
                paper = papers.get(each["id"])
                before = (paper["valid_from"] <= day(released) if paper
                          else moment(granted) <= released)  # fmt: skip
                same = all(each[name] == ended[name] for name in ("identity", "level", "region"))
                assert ended["fell_at"] or not same or each["domain"] not in ended["names"] or not before


@pytest.fixture
async def dsn(make_database: MakeDatabase) -> str:
    return await make_database("approval")


@pytest.fixture
def machine(dsn: str, tmp_path: Path) -> Iterator[type[Machine]]:
    with asyncio.Runner() as runner:
        clock = FixedClock(MONDAY)
        own: dict[str, Any] = {"files_store": tmp_path / "files", "signing_keys_file": tmp_path / "keys.json"}
        service = running_service(SERVICE, dsn, clock=clock, signing_keys_generate=True, **own)
        Machine.runner = runner
        Machine.world = World(Desk(runner.run(service.__aenter__()), clock))
        yield Machine
        runner.run(service.__aexit__(None, None, None))


def test_whatever_happens_in_whatever_order(machine: type[Machine]) -> None:
    run(machine, examples=20, steps=40, shrinks=True)
