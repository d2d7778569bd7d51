"""The read model is one point of the stream: replays, older versions, vanished keys, growth, another cluster."""

import multiprocessing
from pathlib import Path
from typing import Any

import lmdb
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from query.lookup.point import Finder, group
from query.readmodel import model as module
from query.readmodel.layout import Batch, Place, Unreadable
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from shared.contracts.http.query import By
from shared.contracts.registry import SiteRecordedV1
from tests.unit.query.build import (
    AT,
    HOST,
    OTHER_PROVIDER,
    PROVIDER,
    appeal,
    batch,
    carried_out,
    decided,
    dump,
    order,
    site,
    site_id,
    undone,
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
    broken = Batch(facts.sites, facts.orders, unreadable=[Unreadable(Place("t", 0), 1, b"?", "bad")], offsets=facts.offsets)
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
DOMAINS = st.lists(st.sampled_from(["a.example", "b.example", "c.test", "xn--fsqu00a.test"]), unique=True, max_size=3)
IPS = st.lists(st.sampled_from(["198.18.0.1", "198.18.0.2", "2001:db8::1"]), unique=True, max_size=2)


class AgainstADictionary(RuleBasedStateMachine):
    """The read model finds exactly what a dictionary of the newest records finds."""

    @initialize()
    def begin(self) -> None:
        import tempfile  # noqa: PLC0415

        self.folder = tempfile.TemporaryDirectory()
        self.model = ReadModel.open(Path(self.folder.name), map_size=1 << 24, durable=False)
        self.writer = Writer(self.model)
        self.writer.prepare()
        self.newest: dict[int, SiteRecordedV1] = {}
        self.applied: list[Batch] = []

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
            fact = site(
                number, version, domains=tuple(domains), ips=tuple(ips), status=status, registration=registration
            )
            if number not in self.newest or self.newest[number].version < version:
                self.newest[number] = fact
            made.append(fact)
        self.applied.append(batch(*made))
        self.writer.apply(self.applied[-1])

    @rule(step=st.sampled_from(["released", "executed"]), number=NUMBERS, sequence=st.integers(1, 3))
    def orders(self, step: str, number: int, sequence: int) -> None:
        self.applied.append(batch(order(step, sequence, number)))
        self.writer.apply(self.applied[-1])

    @rule()
    def replay(self) -> None:
        before = dump(self.model)
        for each in self.applied:
            self.writer.apply(each)
        assert dump(self.model) == before

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

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.model.close()
            self.folder.cleanup()


TestAgainstADictionary = AgainstADictionary.TestCase
TestAgainstADictionary.settings = settings(
    max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
