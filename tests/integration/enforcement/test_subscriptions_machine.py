"""Whoever shows that a name is theirs hears of every act about it once, and nobody else does, whatever comes between.

What a name showed when it was looked at is the test's own record, and so are the names of sites: not what the service
keeps of either.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from enforcement.main import SERVICE
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionReceivedV1, ExecutionUndoneV1, SiteRecordedV1
from shared.runtime.base.clock import FixedClock
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.enforcement.acting import CLOCKS, NEXT, NOON, WHY
from tests.integration.enforcement.complaining import reported
from tests.integration.enforcement.conftest import EASED, STATED, STATEMENT, Office, site_recorded
from tests.integration.enforcement.test_subscriptions import Desk, Names
from tests.integration.registry.acting import EMPTY
from tests.integration.registry.conftest import owner
from tests.support.fixtures import MakeDatabase
from tests.support.machines import Acts, Story, require_reached, run
from tests.support.people import OPERATOR_USCC, SELLER_USCC
from tests.support.service import running_service

T = TypeVar("T")
OWNERS: Final = {
    method: ("seller", {"organisation": f"91310000MA1FL0WN{number}"})
    for method, number in (("dns", "E4"), ("file", "F4"))
}
HOSTS: Final = ("shop.one.example", "one.example", "two.example", "three.example")
WHICH = st.integers(0, 5)
NEW: Final = """
SELECT id, about_kind, about_id, kind, is_copy, identity,
       (SELECT min(address) FROM delivery WHERE notice_id = notice.id) AS address
  FROM notice WHERE id <> ALL ($1) AND about_kind <> 'name_subscription' ORDER BY id
"""
OF: Final = "SELECT id, case_id AS of FROM decision UNION ALL SELECT id, act_id FROM appeal"
"""The case of a decision, the decision of an appeal."""
act = Acts()


@dataclass
class Subscribed:
    """A subscription, and what its name showed when it was looked at: true, false, or nothing for no answer."""

    view: dict[str, Any]
    who: Any
    looks: list[tuple[datetime, bool | None]] = field(default_factory=list)
    ended: bool = False

    @property
    def place(self) -> str:
        return str(self.view["proof"]["place"])

    @property
    def content(self) -> str:
        return str(self.view["proof"]["content"])

    def covers(self, names: set[str]) -> bool:
        host = self.view["host"]
        return host in names or (
            self.place.startswith("_concord.") and any(name.endswith(f".{host}") for name in names)
        )  # fmt: skip

    def shown_until(self, clock: Callable[[str, datetime], datetime]) -> tuple[datetime, datetime] | None:
        """Until when it must hear, and may hear; nothing where it does not."""
        yes = [nth for nth, (_, shown) in enumerate(self.looks) if shown]
        if self.ended or not yes or any(shown is False for _, shown in self.looks[yes[0] :]):
            return None
        proof = clock("name_proof", self.looks[yes[-1]][0])
        return proof, clock("name_grace", proof)


class Machine(RuleBasedStateMachine):
    """Two sites of two operators, two who hold names, one authority, and time."""

    runner: ClassVar[asyncio.Runner]
    office: ClassVar[Office]
    tells: ClassVar[Story] = ()
    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.story, self.names = self.tells, Names()
        self.names.shown = defaultdict(list)
        self.names.meanwhile = self.looked
        self.subscribed: list[Subscribed] = []
        self.sites: list[SiteRecordedV1] = []
        self.cases: list[dict[str, Any]] = []
        self.opened_with: dict[str, set[str]] = {}
        """Names of each case's site when it was opened, and when something was decided in it."""
        self.decided_with: dict[str, set[str]] = {}
        self.decisions: list[dict[str, Any]] = []
        self.seen: list[UUID] = []
        self.besides: Counter[tuple[UUID, str]] = Counter()
        """What the register tells the operator, and only whoever holds the name hears from here."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def now(self) -> datetime:
        return self.office.clock.now()

    async def looked(self) -> None:
        """The name is being looked at: what it shows now is on record."""
        place = self.names.looked[-1]
        one = [each for each in self.subscribed if each.place == place][-1]
        one.looks.append((self.now, None if place in self.names.silent else one.content in self.names.shown[place]))

    @initialize()
    def begin(self) -> None:
        self.run(self.afresh())

    async def afresh(self) -> None:
        self.office.clock.advance(NOON - self.now)
        async with self.office.api.rt.db.transaction() as tx:
            await tx.execute(f"TRUNCATE {await tx.fetchval(EMPTY)}")
        await self.office.hear(ProviderRecordedV1.model_validate(ProviderRecordedV1.EXAMPLE))
        for host, ip in zip((HOSTS[0], HOSTS[2]), ("198.18.0.10", "198.18.0.11"), strict=True):
            self.sites.append(site_recorded(host, ip))
            await self.office.hear(self.sites[-1])
        await self.open(0)

    @rule(data=st.data())
    def something(self, data: st.DataObject) -> None:
        self.story = act.choose(self, data, self.story, strays=2)

    async def ask(self, path: str, body: Any, who: Any) -> dict[str, Any] | None:
        """What is answered, if it was done; whoever must hear of it has heard."""
        answer = await self.office.api.post(path, json=body, who=who)
        verb = path.rsplit("/", 1)[-1]
        note(f"{verb}: {answer.status_code} {answer.json().get('code', '')}")
        await self.check()
        if answer.status_code >= 300:
            return None
        self.reached[verb] += 1
        return dict(answer.json())

    async def hear(self, fact: Any) -> None:
        await self.office.hear(fact)
        await self.check()

    # -- names and whose they are ----------------------------------------------------------------------------------

    @act(often=2, host=st.sampled_from(HOSTS), method=st.sampled_from(sorted(OWNERS)),
         shows=st.sampled_from([True, True, False]))  # fmt: skip
    def subscribe(self, host: str, method: str, shows: bool) -> None:
        """One owner shows it by DNS, the other by a file: so no place is looked at for two."""
        body = {"host": host, "method": method, "email": f"{method}-{host}@owner.example"}
        view = self.run(self.ask("/name-subscriptions", body, OWNERS[method]))
        if view is not None:
            self.subscribed.append(one := Subscribed(view, OWNERS[method]))
            self.names.shown[one.place] += [one.content] if shows else []
            self.run(self.look())

    @act(lambda self: self.subscribed, often=2, which=WHICH,
         how=st.sampled_from(["shows", "hides", "silent", "answers", "look", "end"]))  # fmt: skip
    def name(self, which: int, how: str) -> None:
        one = self.subscribed[which % len(self.subscribed)]
        if how in {"look", "end"}:
            ended = self.run(self.ask(f"/name-subscriptions/{one.view['id']}/{how}", None, one.who))
            one.ended = one.ended or (how == "end" and ended is not None)
        elif how == "shows":
            self.names.shown[one.place].append(one.content)
        elif how == "hides":
            self.names.shown[one.place].clear()
        else:
            (self.names.silent.add if how == "silent" else self.names.silent.discard)(one.place)
        self.run(self.look())

    async def look(self) -> None:
        desk = Desk(self.office)
        while await Desk.look(self):  # type: ignore[arg-type] # it has an office and names
            await self.check()
        for each in self.subscribed:  # whoever is asked for the code that was mailed enters it at once
            await desk.confirm(each.view, each.who)

    @act(often=3, days=st.sampled_from([1, 8, 31]))
    def time(self, days: int) -> None:
        """Every clock rings at its time, and names that are to be looked at then are."""
        self.run(self.wait(timedelta(days=days)))

    async def wait(self, by: timedelta) -> None:
        until = self.now + by
        while (due := await self.office.fetchval(NEXT, list(CLOCKS))) is not None and due <= until:
            self.office.clock.advance(max(due - self.now, timedelta()))
            while await TickWorker(self.office.api.rt, CLOCKS).tick():
                await self.check()
            await self.look()
        self.office.clock.advance(until - self.now)
        await self.look()

    # -- acts about them -------------------------------------------------------------------------------------------

    @act(which=WHICH)
    def open_case(self, which: int) -> None:
        self.run(self.open(which))

    async def open(self, which: int) -> None:
        site = self.sites[which % len(self.sites)]
        body = {"about": {"kind": "site", "domain": site.domains[0]}, "service_item": "drugs_and_devices",
                "ground": "unlicensed_service", "alleged_breach": "Sells without consent.",
                "legal_basis": ["P3.2.1"]}  # fmt: skip
        case = await self.ask("/cases", body, "drugs-a")
        if case is not None:
            self.cases.append({**case, "number": self.sites.index(site)})
            self.opened_with[case["id"]] = set(site.domains)

    @act(often=3, which=WHICH)
    def draft(self, which: int) -> None:
        case = self.cases[-1 - which % len(self.cases)]
        self.run(self.drafts(case))

    async def drafts(self, case: dict[str, Any]) -> None:
        answer = await self.office.api.post(
            f"/cases/{case['id']}/evidence", content=f"Seen {self.now} {len(self.decisions)}".encode(), who="drugs-a",
            headers={"Content-Type": "text/plain"},
        )  # fmt: skip
        if answer.status_code == 201:
            body = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": [answer.json()["sha256"]]}
            drafted = await self.ask(f"/cases/{case['id']}/decisions", body, "drugs-a")
            self.decisions += [{**drafted, "case": case}] if drafted is not None else []

    @act(lambda self: self.decisions, often=4, which=WHICH,
         how=st.sampled_from(["withdrawal", *["release"] * 2, "lift", "appeal", "executed", "transfer"]))  # fmt: skip
    def decide(self, which: int, how: str) -> None:
        self.run(getattr(self, how)(self.decisions[-1 - which % len(self.decisions)]))

    async def withdrawal(self, decision: dict[str, Any]) -> None:
        await self.ask(f"/decisions/{decision['id']}/withdrawal", WHY, "drugs-b")

    async def release(self, decision: dict[str, Any]) -> None:
        async with self.office.api.rt.db.transaction() as tx:
            await tx.execute("UPDATE notice SET delivered_at = $1, delivered_by = 'inbox'"
                             " WHERE delivered_at IS NULL AND NOT is_copy", self.now)  # fmt: skip
        await self.wait(timedelta(days=9))
        shown = (await self.office.api.get(f"/decisions/{decision['id']}", who="drugs-b")).json()
        if shown["preview"] is not None:
            self.decided_with[decision["id"]] = set(self.sites[decision["case"]["number"]].domains)
            body = await self.office.signature(decision["id"])
            if await self.ask(f"/decisions/{decision['id']}/release", body, "drugs-b") is None:
                del self.decided_with[decision["id"]]

    async def lift(self, decision: dict[str, Any]) -> None:
        await self.ask(f"/decisions/{decision['id']}/lift", STATED, "drugs-a")

    async def appeal(self, decision: dict[str, Any]) -> None:
        body = {"act": {"service": "enforcement", "kind": "decision", "id": decision["id"]},
                "grounds": "The consent of the authority covers these medicines."}  # fmt: skip
        filed = await self.ask("/appeals", body, owner(decision["case"]["operator"]["identity"]))
        if filed is not None:
            await self.ask(f"/appeals/{filed['id']}/stay", {"granted": True, **EASED}, "review-a")
            await self.ask(f"/appeals/{filed['id']}/decision", {"outcome": "upheld", **EASED}, "review-a")

    async def executed(self, decision: dict[str, Any]) -> None:
        """The register tells that it was carried out, and undone."""
        if decision["id"] in self.decided_with and not decision.get("done"):
            decision["done"] = True
            now = await self.office.status(decision)
            self.besides[UUID(decision["id"]), "decision_carried_out"] += now == "released"
            self.besides[UUID(decision["id"]), "decision_undone"] += 1
            for fact in (ExecutionReceivedV1, ExecutionCarriedOutV1, ExecutionUndoneV1):
                await self.office.hear(self.office.says(fact, decision, execution_id=UUID(decision["id"])))
            await self.check()
            self.reached["executed"] += 1

    async def transfer(self, decision: dict[str, Any]) -> None:
        await self.ask(f"/cases/{decision['case']['id']}/transfer", {"to": "industry-110000", **STATED}, "drugs-a")

    @act(often=2, which=st.integers(0, 1), hosts=st.sets(st.sampled_from(HOSTS), min_size=1, max_size=2))
    def amend(self, which: int, hosts: set[str]) -> None:
        """A site has other names from now on, as long as they are nobody else's."""
        free = hosts - set(self.sites[1 - which].domains)
        if free:
            self.reached["amend"] += 1
            self.record(which, domains=tuple(sorted(free)))

    @act(which=st.integers(0, 1))
    def transfer_site(self, which: int) -> None:
        was = self.sites[which].operator
        code = SELLER_USCC if was.identity == OPERATOR_USCC else OPERATOR_USCC
        self.reached["transfer_site"] += 1
        self.record(which, operator=was.model_copy(update={"identity": code}))

    def record(self, which: int, **changes: Any) -> None:
        site = self.sites[which]
        self.sites[which] = site.model_copy(update={"version": site.version + 1, **changes})
        self.run(self.hear(self.sites[which]))

    @act(which=st.integers(0, 1))
    def emergency(self, which: int) -> None:
        """A provider suspends the site by itself; nobody confirms it."""
        fact = reported(self.office, self.sites[which])
        self.opened_with[str(fact.emergency_id)] = {fact.host}
        self.reached["emergency"] += 1
        self.run(self.hear(fact))

    # -- what must hold --------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """Of every act that was told just now: who heard of it, how often, and who had to."""
        async with self.office.api.rt.db.connection() as tx:
            rows = await tx.fetch(NEW, self.seen)
            about = {row["id"]: row["of"] for row in await tx.fetch(OF)}
        self.seen += [row["id"] for row in rows]
        acts, self.besides = +self.besides, Counter()
        for row in rows:
            if not row["is_copy"] and row["identity"] in {OPERATOR_USCC, SELLER_USCC}:
                acts[row["about_id"], row["kind"]] += 1
        copies = Counter((row["about_id"], row["kind"], row["address"]) for row in rows if row["is_copy"])
        for (about_id, kind), times in acts.items():
            names = self.names_of(about_id, about)
            for each in self.subscribed:
                told = copies.pop((about_id, kind, each.view["email"]), 0) if self.newest(each) else 0
                until = each.shown_until(lambda name, since: self.office.api.rt.rules.due(name, since).due_at)
                must = until is not None and each.covers(names) and self.now < until[0]
                may = until is not None and each.covers(names) and self.now <= until[1]
                assert told <= times * may, f"{each.view['email']} heard {told} times of {kind}"
                assert told >= times * must, f"{each.view['email']} did not hear of {kind}"
                self.reached[f"{'heard' if told else 'did not hear'} of {kind}"] += 1
        assert not copies, "copies of what nobody did"

    def newest(self, one: Subscribed) -> bool:
        """Whether a copy at this address is this one's: of several, one after the other, the last."""
        return one is [each for each in self.subscribed if each.view["email"] == one.view["email"]][-1]

    def names_of(self, act_id: UUID, about: dict[UUID, UUID]) -> set[str]:
        """The names of what an act is about: of the site then, when it was decided, and now."""
        decision_id = act_id if about.get(act_id) not in about else about[act_id]
        names, case_id = self.decided_with.get(str(decision_id), set()), str(about.get(decision_id, decision_id))
        case = next((each for each in self.cases if each["id"] == case_id), None)
        now = set[str]() if case is None else set(self.sites[case["number"]].domains)
        return self.opened_with[case_id] | names | now


@pytest.fixture
async def dsn(make_database: MakeDatabase) -> str:
    return await make_database("enforcement")


@pytest.fixture
def machine(dsn: str, tmp_path: Path) -> Iterator[type[Machine]]:
    with asyncio.Runner() as runner:
        clock = FixedClock(NOON)
        own: dict[str, Any] = {"evidence_store": tmp_path / "evidence", "signing_keys_file": tmp_path / "keys.json"}
        service = running_service(SERVICE, dsn, clock=clock, signing_keys_generate=True, **own)
        Machine.runner, Machine.office = runner, Office(runner.run(service.__aenter__()), clock)
        yield Machine
        runner.run(service.__aexit__(None, None, None))


def shown(host: str, method: str) -> tuple[str, dict[str, Any]]:
    return "subscribe", {"host": host, "method": method, "shows": True}


def decide(how: str, which: int = 0) -> tuple[str, dict[str, Any]]:
    return "decide", {"how": how, "which": which}


def amend(*hosts: str) -> tuple[str, dict[str, Any]]:
    return "amend", {"which": 0, "hosts": set(hosts)}


DRAFT: Final = ("draft", {"which": 0})
STORY: Final[Story] = [
    shown("shop.one.example", "dns"), shown("one.example", "dns"), shown("one.example", "file"),
    shown("three.example", "file"), ("subscribe", {"host": "two.example", "method": "dns", "shows": False}),
    ("open_case", {"which": 1}), DRAFT, decide("withdrawal"), ("draft", {"which": 1}), amend("three.example"),
    decide("release"), amend("one.example"), decide("executed"), ("name", {"which": 1, "how": "hides"}),
    ("time", {"days": 23}), decide("appeal"), ("transfer_site", {"which": 0}), ("open_case", {"which": 0}), DRAFT,
    decide("transfer"), ("emergency", {"which": 0}), ("name", {"which": 2, "how": "silent"}), ("time", {"days": 31}),
    ("time", {"days": 8}), ("open_case", {"which": 0}), DRAFT, decide("release"), decide("lift"),
    ("name", {"which": 3, "how": "look"}), ("name", {"which": 3, "how": "end"}), amend("three.example"),
    ("emergency", {"which": 0}),
]  # fmt: skip
ENDS: Final = [
    *(f"{heard} of {kind}" for heard in ("heard", "did not hear") for kind in (
        "decision_intended", "decision_released", "decision_carried_out", "decision_undone", "appeal_decided",
        "stay_decided", "decision_suspended", "case_transferred", "emergency_reported", "emergency_lapsed",
        "decision_withdrawn")),
    "amend", "transfer_site", "end", "look",
]  # fmt: skip


def test_whoever_holds_a_name_hears_once_of_each_act_about_it(machine: type[Machine]) -> None:
    machine.tells = STORY
    run(machine, examples=6, steps=len(STORY) + 4)
    require_reached(machine.reached, ENDS)
