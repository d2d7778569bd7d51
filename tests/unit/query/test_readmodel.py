"""The read model is one point of the stream: replays, older versions, vanished keys, growth, another cluster."""

import multiprocessing
import re
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lmdb
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from query.lookup.point import Finder, group
from query.readmodel import model as module
from query.readmodel.decoding import Decoded, decode
from query.readmodel.layout import Batch, Place, Unreadable
from query.readmodel.measures import Measure
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from shared.contracts import examples
from shared.contracts.base import Fact
from shared.contracts.http.query import By
from shared.contracts.registry import SiteRecordedV1
from shared.contracts.topics import FACT_TOPICS
from tests.unit.query.build import (
    APPEALS,
    AT,
    DECIDED,
    HOST,
    ORDER_FACTS,
    OTHER_PROVIDER,
    PROVIDER,
    appeal,
    batch,
    carried_out,
    decided,
    dump,
    nth,
    order,
    site,
    site_id,
    undone,
    wire,
)


def numbers_found(model: ReadModel, text: str, by: By = By.DOMAIN) -> list[str]:
    with model.reading() as txn:
        hit = Finder(model, txn).find(text, by)
        return [] if hit is None else [entry.site.site_number for entry in group(hit).entries]


def state_of(model: ReadModel, number: int = 1) -> Any:
    with model.reading() as txn:
        entry = model.entry(txn, site_id(number).bytes)
        return entry and entry.hosting.state


def test_records_and_offsets_arrive_together(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1), offset=17))
    assert model.offsets() == {Place("registry-sites", 0): 17}
    assert numbers_found(model, "site-1.example") == ["京ICP备00000001号-1"]


def test_a_change_that_fails_leaves_neither_records_nor_offsets(
    model: ReadModel, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.apply(batch(site(1), offset=1))
    before = dump(model)
    monkeypatch.setattr("query.readmodel.writer.quarantine_value", lambda _: 1 / 0)
    facts = batch(site(2), order("released"), offset=2)
    broken = Batch(
        facts.sites, facts.orders, unreadable=[Unreadable(Place("t", 0), 1, b"?", "bad")], offsets=facts.offsets
    )
    with pytest.raises(ZeroDivisionError):
        writer.apply(broken)
    assert dump(model) == before


def test_the_same_facts_again_change_no_byte(model: ReadModel, writer: Writer) -> None:
    story = [
        batch(site(1), site(2), offset=2),
        batch(site(1, 2, status="revoked"), order("released"), offset=3),
        batch(order("executed"), site(1, 3), offset=4),
        batch(order("released", 2, action="restore"), offset=5),
        batch(carried_out(), appeal("filed"), decided("overturned"), undone(), offset=6),
        batch(carried_out(2, host=HOST), order("executed", 3, 2, host=HOST), offset=7),
    ]
    for each in story:
        writer.apply(each)
    before = dump(model)
    for each in story:
        writer.apply(each)
    writer.apply(story[-1])
    assert dump(model) == before


def test_an_older_version_never_replaces_a_newer_one(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1, 5, name="new")))
    before = dump(model)
    writer.apply(batch(site(1, 4, name="old", domains=("old.example",))))
    assert dump(model) == before


def test_keys_that_vanish_from_a_record_find_nothing_any_more(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1, 1, domains=("a.example", "b.example"), ips=("198.18.0.1", "2001:db8::1"))))
    writer.apply(batch(site(1, 2, domains=("b.example",), ips=("198.18.0.2",), registration="京ICP备00000099号")))
    assert numbers_found(model, "a.example") == []
    assert numbers_found(model, "b.example") == ["京ICP备00000099号-1"]
    assert numbers_found(model, "198.18.0.1", By.IP) == []
    assert numbers_found(model, "2001:db8::1", By.IP) == []
    assert numbers_found(model, "198.18.0.2", By.IP) == ["京ICP备00000099号-1"]
    assert numbers_found(model, "京ICP备00000001号", By.NUMBER) == []
    assert numbers_found(model, "京ICP备00000099号", By.NUMBER) == ["京ICP备00000099号-1"]
    assert (model.count("domains"), model.count("rows"), model.count("ips"), model.count("numbers")) == (1, 1, 1, 2)


def test_a_domain_of_two_sites_shows_the_one_in_force_first(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1, domains=("x.example",), status="revoked"), site(2, domains=("x.example",))))
    assert numbers_found(model, "x.example") == ["京ICP备00000002号-2", "京ICP备00000001号-1"]
    writer.apply(batch(site(1, 2, domains=("x.example",)), site(2, 2, domains=("x.example",), status="revoked")))
    assert numbers_found(model, "x.example") == ["京ICP备00000001号-1", "京ICP备00000002号-2"]
    writer.apply(batch(site(1, 3, domains=())))
    assert numbers_found(model, "x.example") == ["京ICP备00000002号-2"]
    assert model.count("shared") == 0


def test_orders_may_come_before_the_record(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(order("released"), order("executed")))
    assert state_of(model) is None
    writer.apply(batch(site(1)))
    assert state_of(model) == "suspended"


def test_a_new_version_of_the_record_keeps_what_is_known_of_the_hosting(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1), order("released")))
    writer.apply(batch(site(1, 2, name="renamed")))
    assert state_of(model) == "cut_off_ordered"


def test_a_site_at_two_providers_is_down_only_when_both_have_acted(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1, providers=(PROVIDER, OTHER_PROVIDER))))
    writer.apply(batch(order("released"), order("released", provider=OTHER_PROVIDER), order("executed")))
    assert state_of(model) == "cut_off_ordered"
    writer.apply(batch(order("executed", provider=OTHER_PROVIDER)))
    assert state_of(model) == "suspended"


def test_a_provider_that_the_site_has_left_no_longer_counts(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1), order("released"), order("executed")))
    writer.apply(batch(site(1, 2, providers=(OTHER_PROVIDER,))))
    assert state_of(model) == "serving"


def measure_of(model: ReadModel, number: int = 1) -> Measure:
    with model.reading() as txn:
        entry = model.entry(txn, site_id(number).bytes)
    assert entry is not None
    (measure,) = entry.measures
    return measure


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ([], "in_force"),
        ([appeal("filed"), appeal("decided", outcome="rejected")], "in_force"),
        ([decided("suspended")], "suspended"),
        ([decided("suspended", minutes=5)], "in_force"),  # before it was carried out, after the stay had ended
        ([undone(because="suspended")], "suspended"),
        ([decided("overturned")], "overturned"),
        ([decided("suspended"), undone(because="suspended"), decided("overturned")], "overturned"),
        ([undone(because="overturned")], "overturned"),
        ([undone(because="lapsed")], "lapsed"),
        ([undone(because="lifted")], "ended"),
        ([decided("ended"), undone(because="lifted")], "ended"),
        ([decided("released")], "in_force"),
        ([undone(minutes=5)], "in_force"),  # of an earlier execution
    ],
)
def test_a_measure_has_the_status_that_its_facts_say_in_whatever_order(
    model: ReadModel, writer: Writer, facts: list[Fact], status: str
) -> None:
    writer.apply(batch(site(), *facts, carried_out()))
    assert measure_of(model).status == status


def test_a_measure_keeps_its_reasons_appeal_orders_and_outcome_for_ever(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(), carried_out(), order("released"), order("executed"), appeal("filed")))
    writer.apply(batch(appeal("overdue", minutes=50), decided("overturned"), appeal("decided"), undone()))
    writer.apply(batch(site(1, 4), order("released", 2, action="restore"), order("executed", 2, action="restore")))
    measure = measure_of(model)
    assert measure.status == "overturned"
    assert measure.public_reasons == examples.STATEMENT["reasons"]
    assert measure.undone is not None
    assert measure.undone.authority.zh == examples.REVIEW_BODY["names"]["zh"]
    (filed,) = measure.appeals
    assert (filed.status, filed.filed_at, filed.due_at is None, filed.decided_at is None) == (
        "upheld", AT + timedelta(minutes=30), False, False,
    )  # fmt: skip
    assert [(each.action, each.status) for each in measure.orders] == [("cut_off", "executed"), ("restore", "executed")]
    assert state_of(model) == "serving"


def test_of_two_turns_of_one_kind_the_later_counts_in_whatever_order(model: ReadModel, writer: Writer) -> None:
    early, late = decided("suspended", minutes=5), decided("suspended", minutes=60)
    writer.apply(batch(site(), carried_out(), late, early))
    whole = dump(model)
    assert measure_of(model).status == "suspended"
    writer.apply(batch(early))
    writer.apply(batch(late))
    assert dump(model) == whole


def test_an_appeal_against_the_execution_is_told_with_the_measure(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(), appeal("filed", of="execution", service="registry"), carried_out()))
    assert [each.status for each in measure_of(model).appeals] == ["filed"]
    writer.apply(batch(appeal("decided", of="execution", service="registry")))
    assert [each.status for each in measure_of(model).appeals] == ["upheld"]


def test_appeals_against_other_acts_leave_nothing(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(appeal("filed", of="refusal", service="approval"), appeal("filed", service="approval")))
    assert model.count("acts") == 0


def test_what_was_decided_and_not_carried_out_is_nobodys_business(model: ReadModel, writer: Writer) -> None:
    before = dump(model)
    writer.apply(batch(decided("released"), decided("released", signed_by=["x"])))
    assert dump(model) == before
    writer.apply(batch(site(), appeal("filed"), decided("suspended"), decided("overturned")))
    with model.reading() as txn:
        entry = model.entry(txn, site_id(1).bytes)
    assert entry is not None
    assert entry.measures == ()


def test_a_measure_on_an_operator_is_no_sites(model: ReadModel, writer: Writer) -> None:
    subject = {"kind": "operator", "operator_id": examples.OPERATOR}
    decoded = batch(carried_out(subject=subject, site=None, effect="bar"))
    assert decoded.acts == []


def test_a_site_in_no_register_has_its_orders_and_measures_under_its_host_name(
    model: ReadModel, writer: Writer
) -> None:
    writer.apply(batch(order("released", 1, 9, host=HOST), order("executed", 1, 9, host=HOST)))
    assert model.count("unregistered") == 0
    writer.apply(batch(carried_out(9, host=HOST)))
    with model.reading() as txn:
        found = model.unregistered(txn, HOST)
        assert found is not None
        assert (found.provider_ids, found.hosting.state) == ((str(PROVIDER),), "suspended")
        assert [each.status for each in found.measures[0].orders] == ["executed"]
        assert Finder(model, txn).find(HOST, By.DOMAIN) is None


def test_a_site_that_was_deregistered_is_hosted_nowhere(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1), site(2), order("executed", 1, 2)))
    writer.apply(batch(*[site(each, 2, status="ended", access_status="ended") for each in (1, 2)]))
    assert (state_of(model, 1), state_of(model, 2)) == ("ended", "ended")


@pytest.mark.parametrize(
    "fact",
    [site(1), carried_out(), undone(), decided("overturned"), appeal("decided"), order("executed")],
    ids=lambda fact: fact.TYPE,
)
def test_a_fact_is_believed_on_its_own_topic_from_its_own_source_alone(fact: Fact) -> None:
    producers = {topic.producer for topic in FACT_TOPICS}
    for topic in FACT_TOPICS:
        for producer in producers:
            value = wire(fact).replace(
                f"urn:concord:{fact.TOPIC.producer}".encode(), f"urn:concord:{producer}".encode()
            )
            decoded = decode([(Place(topic.name, 0), [SimpleNamespace(value=value, offset=7)])])
            taken = [*decoded.sites, *decoded.orders, *decoded.acts]
            if (topic, producer) == (fact.TOPIC, fact.TOPIC.producer):
                assert (len(taken), decoded.unreadable) == (1, [])
            else:
                assert taken == []
                assert "ForeignFact" in decoded.unreadable[0].error
                assert decoded.offsets == {Place(topic.name, 0): 8}


def test_a_tombstone_is_passed_over() -> None:
    decoded = decode([(Place("registry-sites", 0), [SimpleNamespace(value=None, offset=0)])])
    assert (decoded.skipped, decoded.unreadable) == (1, [])


@pytest.mark.parametrize("told", ["2026-11-22T04:00:00", "not a time"])
def test_a_time_without_a_zone_cannot_be_read(told: str) -> None:
    for fact in (order("executed"), carried_out()):
        value = re.sub(rb'"(at|carried_out_at)":"[^"]*"', rb'"\1":"%s"' % told.encode(), wire(fact))
        with pytest.raises(ValueError, match=r"RFC3339|timezone"):
            Decoded().take(fact.TOPIC.name, value)


def test_another_cluster_resets_the_offsets_and_keeps_the_records(model: ReadModel, writer: Writer) -> None:
    assert writer.adopt("one")
    writer.apply(batch(site(1), offset=9))
    assert not writer.adopt("one")
    assert writer.adopt("two")
    assert model.offsets() == {}
    assert model.count("sites") == 1


def test_a_file_of_another_schema_is_emptied(model: ReadModel, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.adopt("one")
    writer.apply(batch(site(1), offset=9))
    monkeypatch.setattr(module, "SCHEMA", b"another")
    monkeypatch.setattr("query.readmodel.writer.SCHEMA", b"another")
    assert not model.schema_fits()
    assert writer.prepare()
    assert model.schema_fits()
    assert (model.count("sites"), model.offsets(), model.cluster_id()) == (0, {}, None)


def test_the_map_grows_when_it_is_full(tmp_path: Path) -> None:
    small = ReadModel.open(tmp_path / "small", map_size=1 << 18, durable=False)
    writer = Writer(small)
    writer.prepare()
    for start in range(1, 241, 60):
        writer.apply(batch(*[site(number, ips=()) for number in range(start, start + 60)], offset=start))
    assert small.count("sites") == 240
    assert small.env.info()["map_size"] > 1 << 18
    small.close()


def _grow(path: Path) -> None:
    model = ReadModel.open(path, map_size=1 << 18, durable=False)
    for start in range(1, 241, 60):
        Writer(model).apply(batch(*[site(number, ips=()) for number in range(start, start + 60)]))
    model.close()


def test_a_reader_in_another_process_follows_when_the_map_grows(tmp_path: Path) -> None:
    reader = ReadModel.open(tmp_path / "lookup", map_size=1 << 18, durable=False)
    Writer(reader).prepare()
    assert numbers_found(reader, "site-1.example") == []
    process = multiprocessing.get_context("spawn").Process(target=_grow, args=(tmp_path / "lookup",))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert numbers_found(reader, "site-240.example") == ["京ICP备00000240号-240"]
    reader.close()


def test_the_file_cannot_be_opened_twice_in_one_process(model: ReadModel, tmp_path: Path) -> None:
    with pytest.raises(lmdb.Error):
        ReadModel.open(tmp_path / "lookup")


def test_freshness_is_kept(model: ReadModel, writer: Writer) -> None:
    assert model.as_of() is None
    writer.reached(AT.replace(microsecond=123456))
    assert model.as_of() == AT.replace(microsecond=123456)


NUMBERS = st.integers(1, 4)
DECISIONS = st.integers(1, 3)
MINUTES = st.integers(0, 99)
DOMAINS = st.lists(st.sampled_from(["a.example", "b.example", "c.test", "xn--fsqu00a.test"]), unique=True, max_size=3)
IPS = st.lists(st.sampled_from(["198.18.0.1", "198.18.0.2", "2001:db8::1"]), unique=True, max_size=2)


class AgainstADictionary(RuleBasedStateMachine):
    """The read model finds exactly what a dictionary of the newest records finds, and follows from the set of facts."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.model = ReadModel.open(Path(self.folder.name) / "lookup", map_size=1 << 24, durable=False)
        self.writer = Writer(self.model)
        self.writer.prepare()
        self.newest: dict[int, SiteRecordedV1] = {}
        self.carried: dict[int, tuple[int, str | None]] = {}
        self.undone: set[int] = set()
        self.facts: dict[tuple[Any, ...], Fact] = {}

    def take(self, *facts: Fact) -> None:
        self.writer.apply(batch(*facts))

    def once(self, key: tuple[Any, ...], fact: Fact) -> Fact:
        """Nothing is said twice in different words: a fact that was told is told again as it was."""
        return self.facts.setdefault(key, fact)

    @rule(
        facts=st.lists(
            st.tuples(NUMBERS, st.integers(1, 6), DOMAINS, IPS, st.sampled_from(["live", "revoked"]), st.booleans()),
            min_size=1,
            max_size=5,
        )
    )
    def records(self, facts: list[tuple[int, int, list[str], list[str], str, bool]]) -> None:
        made = []
        for number, version, domains, ips, status, alone in facts:
            registration = None if alone else "京ICP备00000077号"
            new = site(
                number, version, domains=tuple(domains), ips=tuple(ips), status=status, registration=registration
            )
            fact = self.once(("site", number, version), new)
            assert isinstance(fact, SiteRecordedV1)
            if number not in self.newest or self.newest[number].version < version:
                self.newest[number] = fact
            made.append(fact)
        self.take(*made)

    @rule(step=st.sampled_from(sorted(ORDER_FACTS)), number=NUMBERS, sequence=st.integers(1, 3), decision=DECISIONS)
    def orders(self, step: str, number: int, sequence: int, decision: int) -> None:
        known = [key[3] for key in self.facts if key[:3] == ("of order", number, sequence)]
        decision = known[0] if known else decision
        fact = order(step, sequence, number, decision=decision, order_id=nth(examples.ORDER, 10 * number + sequence))
        self.once(("of order", number, sequence, decision), fact)
        self.take(self.once(("order", step, number, sequence), fact))

    @rule(decision=DECISIONS, number=NUMBERS, minutes=MINUTES, found=st.booleans())
    def is_carried_out(self, decision: int, number: int, minutes: int, found: bool) -> None:
        host = HOST if found else None
        fact = self.once(("carried", decision), carried_out(decision, number, host=host, minutes=minutes))
        if decision not in self.carried:
            self.carried[decision] = (number, host)
        self.take(fact)

    @rule(decision=DECISIONS, minutes=MINUTES, because=st.sampled_from(["overturned", "suspended", "ended", "lifted"]))
    def is_undone(self, decision: int, minutes: int, because: str) -> None:
        self.take(self.once(("undone", decision), undone(decision, because, minutes=100 + minutes)))
        self.undone.add(decision)

    @rule(decision=DECISIONS, minutes=MINUTES, what=st.sampled_from(sorted(DECIDED)))
    def takes_a_turn(self, decision: int, minutes: int, what: str) -> None:
        self.take(self.once((what, decision), decided(what, decision, minutes=minutes)))

    @rule(
        decision=DECISIONS,
        minutes=MINUTES,
        what=st.sampled_from(sorted(APPEALS)),
        of=st.sampled_from([("enforcement", "decision"), ("registry", "execution"), ("approval", "refusal")]),
    )
    def is_appealed(self, decision: int, minutes: int, what: str, of: tuple[str, str]) -> None:
        fact = appeal(what, decision, minutes=minutes, service=of[0], of=of[1])
        self.take(self.once((what, of, decision), fact))

    @rule()
    def replay(self) -> None:
        before = dump(self.model)
        for fact in self.facts.values():
            self.take(fact)
        assert dump(self.model) == before

    @rule(order_=st.randoms(use_true_random=False))
    def rebuild(self, order_: Any) -> None:
        """The topics bring the file back, however they are interleaved and cut into batches."""
        facts = list(self.facts.values())
        order_.shuffle(facts)
        rebuilt = ReadModel.open(Path(self.folder.name) / "again", map_size=1 << 24, durable=False)
        writer = Writer(rebuilt)
        writer.prepare()
        while facts:
            cut = order_.randint(1, len(facts))
            writer.apply(batch(*facts[:cut]))
            del facts[:cut]
        again, whole = dump(rebuilt), dump(self.model)
        rebuilt.close()
        shutil.rmtree(Path(self.folder.name) / "again")
        assert again == whole

    @invariant()
    def finds_the_same(self) -> None:
        for domain in ["a.example", "b.example", "c.test", "xn--fsqu00a.test"]:
            self.same(domain, By.DOMAIN, lambda fact, key=domain: key in fact.domains)
        for ip in ["198.18.0.1", "198.18.0.2", "2001:db8::1"]:
            self.same(ip, By.IP, lambda fact, key=ip: any(key in each.ips for each in fact.accesses))
        self.same("京ICP备00000077号", By.NUMBER, lambda fact: fact.registration.number == "京ICP备00000077号")

    def same(self, key: str, by: By, holds: Any) -> None:
        expected = {fact.number for fact in self.newest.values() if holds(fact)}
        found = numbers_found(self.model, key, by)
        assert set(found) == expected
        assert len(found) == len(expected)

    @invariant()
    def tells_of_every_measure_that_was_carried_out_and_of_no_other(self) -> None:
        with self.model.reading() as txn:
            entries = {number: self.model.entry(txn, site_id(number).bytes) for number in self.newest}
            found = self.model.unregistered(txn, HOST)
        for number, entry in entries.items():
            assert entry is not None
            self.tells(entry.measures, {each for each, at in self.carried.items() if at == (number, None)})
        self.tells(found.measures if found else (), {each for each, (_, host) in self.carried.items() if host})

    def tells(self, measures: tuple[Measure, ...], decisions: set[int]) -> None:
        assert {each.decision_id: each.undone is not None for each in measures} == {
            nth(examples.DECISION, each): each in self.undone for each in decisions
        }
        assert len(measures) == len(decisions)

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.model.close()
            self.folder.cleanup()


TestAgainstADictionary = AgainstADictionary.TestCase
TestAgainstADictionary.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("access_status", ["live", "stopped"])
def test_a_site_that_lapsed_has_no_host_whatever_its_accesses_and_orders_said(
    model: ReadModel, writer: Writer, access_status: str
) -> None:
    writer.apply(batch(site(status="lapsed", access_status=access_status), order("executed", action="restore")))
    assert state_of(model) == "ended"
    with model.reading() as txn:
        entry = model.entry(txn, site_id(1).bytes)
        assert entry is not None
        assert [each.hosting for each in entry.accesses] == ["ended"]
    writer.apply(batch(site(version=2)))
    assert state_of(model) == "serving", "the lapse was undone"
