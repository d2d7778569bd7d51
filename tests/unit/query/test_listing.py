"""The register's lists: whatever is walked through is met once, what is counted is exact, and no person is found."""

import base64
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query.lookup import listing
from query.lookup.listing import Index, Position, Wanted
from query.public import listing as shown
from query.readmodel import categories
from query.readmodel.categories import Category, category_of
from query.readmodel.model import ReadModel
from query.readmodel.records import Entry
from query.readmodel.writer import Writer
from shared.contracts import examples
from shared.contracts.http.listing import ListedSite
from shared.contracts.registry import SiteRecordedV1
from shared.rules.identifiers import InvalidIdentifier
from tests.unit.query.build import batch, dump, site

PERSON = {"name": "王小明", "identity": "p:0123456789abcdef", "kind": "person"}
ITEMS = st.lists(st.sampled_from(["general", "culture", "drugs_and_devices"]), min_size=1, max_size=3)
STATUSES = st.sampled_from(["live", "stopped", "revoked", "lapsed", "ended"])
LICENCES = st.sampled_from([("filing", None), ("licence", None), ("licence", "lapsed")])
SITES = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 4), ITEMS, STATUSES, LICENCES, st.sampled_from(["110000", "310000"])),
    max_size=30,
)


def a_site(
    number: int, version: int, items: list[str], status: str, licence: tuple[str, str | None], region: str
) -> SiteRecordedV1:
    registration = {**examples.REGISTRATION_RECORD, "region": region, "kind": licence[0], "status": licence[1]}
    made = site(number, version, status=status, service_items=tuple(items))
    return SiteRecordedV1.model_validate({
        **made.model_dump(), "registration": {**registration, "number": made.registration.number},
    })  # fmt: skip


ANY = Wanted()


def walked(
    model: ReadModel, wanted: Wanted = ANY, by: Index | None = None, text: str = "", step: int = 99
) -> list[Entry]:
    """Everything that is met, ``step`` at a time, each time from where it was left off."""
    search = None if by is None else listing.search_of(by, text)
    met: list[Entry] = []
    after: Position | None = None
    while True:
        with model.reading() as txn:
            found = list(islice(listing.walk(model, txn, wanted, search, after), step))
        met += [entry for _, entry in found if entry is not None]
        if len(found) < step:
            return met
        after = listing.position_of(found[-1].at.cursor)


def numbers(entries: list[Entry]) -> list[str]:
    return sorted(entry.site.site_number for entry in entries)


@settings(max_examples=60, deadline=None)
@given(
    facts=SITES, step=st.integers(1, 7), item=st.sampled_from([None, "culture"]),
    kind=st.sampled_from([None, "licence"]), status=st.sampled_from([None, "live", "lapsed", "ended"]),
    region=st.sampled_from([None, "110000"]),
)  # fmt: skip
def test_lists_and_counts_are_those_of_the_newest_records(
    facts: list[Any], step: int, item: str | None, kind: str | None, status: str | None, region: str | None
) -> None:
    newest: dict[int, SiteRecordedV1] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = ReadModel.open(Path(folder) / "lookup", map_size=1 << 24, durable=False)
        writer = Writer(model)
        writer.prepare()
        for each in facts:
            fact = a_site(*each)
            if each[0] not in newest or newest[each[0]].version < fact.version:
                newest[each[0]] = fact
            writer.apply(batch(fact))
        wanted = Wanted(item, region, kind, status)
        expected = {number: _category(fact) for number, fact in newest.items()}
        met = walked(model, wanted, step=step)
        assert numbers(met) == sorted(
            fact.number for number, fact in newest.items() if _wants(wanted, expected[number])
        )
        with model.reading() as txn:
            assert listing.counts(model, txn) == Counter(expected.values())
        for by, text in ((Index.NUMBERS, "京icp备0000"), (Index.DOMAINS, "SITE-"), (Index.NAMES, "site ")):
            assert numbers(walked(model, wanted, by, text, step)) == numbers(met)
        model.close()


def _category(fact: SiteRecordedV1) -> Category:
    lapsed = fact.status == "live" and fact.registration.status == "lapsed"
    return Category(fact.registration.region, fact.registration.kind, "lapsed" if lapsed else fact.status,
                    tuple(sorted(set(fact.service_items))))  # fmt: skip


def _wants(wanted: Wanted, category: Category) -> bool:
    if wanted.status is None and category.status == "ended":
        return False
    return (
        (wanted.item is None or wanted.item in category.items)
        and wanted.region in {None, category.region}
        and wanted.kind in {None, category.kind}
        and wanted.status in {None, category.status}
    )


def test_a_search_goes_by_the_beginning_and_meets_a_site_once(model: ReadModel, writer: Writer) -> None:
    shop = site(1, name="Ｔhe  Corner SHOP", domains=("shop.example", "shop-2.example", "xn--fsqu00a.test"))
    writer.apply(batch(shop, site(2, domains=("shop.example", "other.test")), site(3, name="the end")))
    assert numbers(walked(model, by=Index.DOMAINS, text="sho", step=1)) == numbers(walked(model))[:2]
    for by, text, found in (
        (Index.DOMAINS, "https://Shop-", 1), (Index.DOMAINS, "例子.test", 1),
        (Index.DOMAINS, "例子", 1), (Index.DOMAINS, "例", 0), (Index.DOMAINS, "hop", 0),
        (Index.NAMES, "the c", 1), (Index.NAMES, "THE", 2), (Index.NAMES, "corner", 0),
        (Index.NUMBERS, "京ICP备00000002号-2", 1), (Index.NUMBERS, "京 icp 备 00000002", 1), (Index.NUMBERS, "ICP", 0),
    ):  # fmt: skip
        assert len(walked(model, by=by, text=text)) == found, text


@pytest.mark.parametrize(("by", "text"), [(Index.NAMES, " "), (Index.NUMBERS, "　"), (Index.DOMAINS, ""),
                                          (Index.DOMAINS, "a" * 600), (Index.DOMAINS, "例 子")])  # fmt: skip
def test_what_nothing_begins_with_is_refused(by: Index, text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        listing.search_of(by, text)


def test_a_persons_site_is_listed_without_the_person_and_not_found_by_name(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1, name="王小明的博客", operator=PERSON), site(2, name="电话 110105194912310021")))
    assert walked(model, by=Index.NAMES, text="王小明") == []
    assert walked(model, by=Index.NAMES, text="电话 1101") == []
    with model.reading() as txn:
        assert txn.stat(model.db["names"])["entries"] == 0
        lines = [shown.line(at, entry) for at, entry in listing.walk(model, txn, Wanted(), None, None) if entry]
    said = shown.csv(lines).decode() + shown.ndjson(lines).decode()
    for secret in ("王小明", "p:0123", "110105194912310021", "198.18", examples.OPERATOR_REF["identity"]):
        assert secret not in said
    first = ListedSite.model_validate(lines[0])
    assert (first.operator, first.domains) == ("个人 / individual", []), "nobody gets the sites of persons all at once"


def test_a_search_by_domain_hands_out_no_name_of_a_persons_site(model: ReadModel, writer: Writer) -> None:
    of_person = [site(n, domains=(f"zhang-{n}.example", f"zhou-{n}.example"), operator=PERSON) for n in (1, 2, 3)]
    writer.apply(batch(*of_person, site(4, domains=("zhao.example",))))
    assert len(walked(model, by=Index.DOMAINS, text="zh", step=1)) == 4, "each of them once, wherever a page ends"
    search = listing.search_of(Index.DOMAINS, "zh")
    with model.reading() as txn:
        met = [at for at, _ in listing.walk(model, txn, Wanted(), search, None)]
        assert len(met) == 7
        for at in met:
            known = base64.urlsafe_b64decode(at.cursor + "==")
            assert (b"zhang" in known, b"zhou" in known) == (False, False)
            left = list(listing.walk(model, txn, Wanted(), search, listing.position_of(at.cursor)))
            assert [each for each, _ in left] == met[met.index(at) + 1 :]
    gone = listing.position_of(met[0].cursor)._replace(site_id=bytes(16))
    with model.reading() as txn, pytest.raises(listing.PlaceGone):
        next(listing.walk(model, txn, Wanted(), search, gone))


def test_a_name_that_becomes_a_persons_is_no_longer_found(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1, 1, name="Corner shop")))
    assert len(walked(model, by=Index.NAMES, text="corner")) == 1
    writer.apply(batch(site(1, 2, name="Corner shop", operator=PERSON)))
    assert walked(model, by=Index.NAMES, text="corner") == []


def test_what_cannot_be_a_key_is_kept_aside_like_any_other_nonsense(model: ReadModel, writer: Writer) -> None:
    for items in (("a/b",), ("a+b",), tuple(f"{'x' * 60}{each}" for each in range(20))):
        with pytest.raises(ValueError, match="cannot be a key"):  # which puts a record into the quarantine
            batch(site(1, service_items=items))
    writer.apply(batch(site(1, service_items=("b", "a", "b"))))
    with model.reading() as txn:
        assert [category.items for category in listing.counts(model, txn)] == [("a", "b")]


def test_a_csv_cell_is_never_a_formula(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1, name='=cmd|"x",y')))
    with model.reading() as txn:
        (met,) = listing.walk(model, txn, Wanted(), None, None)
    assert met.entry is not None
    assert '"\'=cmd|""x"",y"' in shown.csv([shown.line(met.at, met.entry)]).decode()


@pytest.mark.parametrize("cursor", ["", "x", "%%", "AAAA", "A" * 2000, "é", "AZQAAAAAcACAAAAAAAAAAQ"])
def test_a_cursor_of_somebody_elses_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="no `next`"):
        listing.position_of(cursor)


def test_a_walk_goes_on_though_the_site_it_was_left_at_has_moved(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(*(site(number) for number in range(1, 5))))
    with model.reading() as txn:
        first, second = islice(listing.walk(model, txn, Wanted(), None, None), 2)
    writer.apply(batch(site(2, 2, status="ended"), site(4, 2, status="revoked")))
    with model.reading() as txn:
        rest = [each.entry.site.version for each in listing.walk(model, txn, Wanted(), None, second.at) if each.entry]
        gone = list(listing.walk(model, txn, Wanted(), None, Position(b"zzz", bytes(16))))
    assert (rest, gone) == ([1, 2], [])
    assert first.at < second.at


def test_the_longest_names_fit_a_key() -> None:
    for name in ("ﷺ" * 500, "𠮷" * 500, "ß" * 500):
        key = categories.name_key(name, "company")
        assert key is not None
        assert len(key.encode()) <= categories.LONGEST_KEY
    assert category_of(Category("110000", "filing", "live", ("a", "b")).key).items == ("a", "b")


def test_the_same_facts_again_change_no_byte_of_the_lists(model: ReadModel, writer: Writer) -> None:
    facts = [site(1, 2, status="revoked"), site(1, 1), site(2, operator=PERSON)]
    writer.apply(batch(*facts))
    before = dump(model)
    writer.apply(batch(*reversed(facts)))
    assert dump(model) == before
