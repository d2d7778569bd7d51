"""Keys in every form people write them, blocks of lines, and the answers to bad ones."""

import csv
import io
import re
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query.lookup import keys
from query.lookup.block import LONGEST_LINE, Block, Lookup, first_column
from query.lookup.keys import shape
from query.lookup.lines import BLOCK, Lines
from query.lookup.point import Finder, Hit, Unlisted, group
from query.public import register
from query.readmodel import rows
from query.readmodel.layout import SHOWN
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from shared.contracts.http.query import By, LookupLine, PublicAnswer
from shared.rules.identifiers import InvalidIdentifier
from tests.unit.query.build import HOST, PROVIDER, batch, carried_out, order, site


@pytest.fixture
def filled(model: ReadModel, writer: Writer) -> ReadModel:
    writer.apply(
        batch(
            site(1, domains=("pharmacy.example", "xn--fsqu00a.test"), ips=("198.18.0.1", "2001:db8::1")),
            site(2, domains=("pharmacy.test",), ips=("198.18.0.1",), registration="京ICP备00000001号"),
            site(3, status="revoked", access_status="stopped"),
            order("released", number=3),
            carried_out(3),
            carried_out(7, host=HOST),
        )
    )
    return model


def ask(model: ReadModel, text: str, by: By = By.AUTO) -> Any:
    with model.reading() as txn:
        return Finder(model, txn).find(text, by)


def lines(model: ReadModel, *given: bytes, by: By = By.AUTO) -> list[dict[str, Any]]:
    with model.reading(buffers=True) as txn:
        return [orjson.loads(line) for line in Lookup(model, txn).ndjson(given, by).answer.splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        "pharmacy.example",
        "PHARMACY.Example.",
        " pharmacy.example ",
        "https://pharmacy.example/path?q=1",
        "http://user@pharmacy.example:8080/",
        "pharmacy.example:443",
        "例子.test",
        "XN--FSQU00A.test",
        "https://例子.test/",
        "2001:DB8:0::1",
        "[2001:db8::1]",
    ],
)
def test_a_key_is_found_however_it_is_written(filled: ReadModel, text: str) -> None:
    assert ask(filled, text).total == 1
    (answer,) = lines(filled, text.encode())
    assert answer["found"] is True
    assert answer["site"]["site_number"] == "京ICP备00000001号-1"


def test_a_name_below_a_registered_one_finds_it_and_says_so(filled: ReadModel) -> None:
    assert ask(filled, "a.www.pharmacy.example").matched == "pharmacy.example"
    (answer,) = lines(filled, b"www.pharmacy.example")
    assert (answer["key"], answer["matched"]) == ("www.pharmacy.example", "pharmacy.example")


@pytest.mark.parametrize(
    "text", ["unknown.example", "198.18.9.9", "2001:db8::9", "京ICP备99999999号", "xn--fiqs8s.test"]
)
def test_what_is_not_registered_is_not_found(filled: ReadModel, text: str) -> None:
    assert ask(filled, text) is None
    assert lines(filled, text.encode()) == [{"found": False, "key": text}]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nodots", "bad_domain"),
        ("-a.example", "bad_domain"),
        ("xn--0.test", "bad_domain"),
        ("a" * 300 + ".example", "bad_domain"),
        ("a" * 600 + ".example", "bad_domain"),
        ("198.18.0.999", "bad_ip"),
        ("1234", "bad_ip"),
        ("2001:db8::zz", "bad_domain"),
        ("火ICP备00000001号", "bad_number"),
        ('quo"te\\.example', "bad_domain"),
    ],
)
def test_a_bad_key_is_answered_with_what_is_wrong(filled: ReadModel, text: str, code: str) -> None:
    with pytest.raises(InvalidIdentifier) as wrong:
        ask(filled, text)
    assert wrong.value.code == code
    (answer,) = lines(filled, text.encode())
    assert (answer["found"], answer["key"], answer["error"]) == (False, text, code)


def test_bytes_that_are_not_a_text_and_lines_that_are_too_long_are_answered_too(filled: ReadModel) -> None:
    given = (b"\xff\xfe.example", b"a" * 5000, b"pharmacy.example")
    for by in By:
        answers = lines(filled, *given, by=by)
        assert [each.get("error") for each in answers[:2]] == ["bad_encoding", "key_too_long"]
        assert len(answers) == 3
        assert len(answers[1]["key"]) == 200


def test_numbers_find_registrations_and_sites(filled: ReadModel) -> None:
    assert ask(filled, "京ICP备00000001号").total == 2
    assert ask(filled, "京icp备00000001号-2").total == 1
    (answer,) = lines(filled, "京 ICP备00000001号".encode())
    assert (answer["total"], len(answer["others"])) == (2, 1)


def test_a_number_that_ended_finds_the_site_that_had_it_but_never_hides_who_has_it(
    model: ReadModel, writer: Writer
) -> None:
    writer.apply(batch(site(1, registration="沪ICP备00000009号"), site(2, registration="沪ICP备00000009号")))
    moved = site(1, 2, former_numbers=("沪ICP备00000009号-1",))
    writer.apply(batch(moved))
    (one, own) = lines(model, "沪ICP备00000009号-1".encode(), "沪ICP备00000009号".encode(), by=By.NUMBER)
    assert (one["site"]["site_number"], one["former_numbers"]) == (moved.number, ["沪ICP备00000009号-1"])
    assert LookupLine.model_validate(one).former_numbers == one["former_numbers"]
    found = ask(model, "沪ICP备00000009号-1")
    told = {"found": True, "key": "", "as_of": None, "lag_ms": None, **register.answer(group(found))}
    assert PublicAnswer.model_validate(told).former_numbers == one["former_numbers"]
    assert (own["total"], own["site"]["name"]) == (1, "Site 2"), "its number is in force: those who have it"
    writer.apply(batch(site(2, 2, former_numbers=("沪ICP备00000009号-2",))))
    for key in ("沪ICP备00000009号", "沪icp备00000009号"):
        assert ask(model, key).total == 2, "it ended: those who had it"
    writer.apply(batch(site(1, 3, registration="沪ICP备00000009号")))  # undone
    assert ask(model, "沪ICP备00000009号-1").total == 1
    (back,) = lines(model, "沪ICP备00000009号-1".encode(), by=By.NUMBER)
    assert "former_numbers" not in back


def test_an_address_finds_every_site_that_has_it(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(*[site(number, ips=("198.18.0.7",)) for number in range(1, 131)]))
    (answer,) = lines(model, b"198.18.0.7")
    assert (answer["total"], len(answer["others"])) == (130, SHOWN)
    (mapped,) = lines(model, b"::ffff:198.18.0.7", by=By.IP)
    assert mapped["total"] == 130


def test_the_kind_of_key_can_be_insisted_on(filled: ReadModel) -> None:
    assert lines(filled, b"pharmacy.example", by=By.IP)[0]["error"] == "bad_ip"
    assert lines(filled, b"pharmacy.example", by=By.NUMBER)[0]["error"] == "bad_number"
    assert lines(filled, b"198.18.0.1", by=By.DOMAIN)[0]["error"] == "bad_domain"


def test_shapes() -> None:
    assert shape("京ICP证030173号") is By.NUMBER
    assert shape("198.18.0.1") is By.IP
    assert shape("http://198.18.0.1/") is By.IP
    assert shape("::1") is By.IP
    assert shape("a.example:80") is By.DOMAIN
    assert shape("[2001:db8::1]:443") is By.IP
    assert shape("198.18.0.0/24") is By.IP
    assert shape("abc.de/12") is By.DOMAIN
    assert shape("京ＩＣＰ备00000001号") is By.NUMBER
    assert shape("备案.example") is By.DOMAIN
    assert shape("icp-records.example") is By.DOMAIN


@pytest.mark.parametrize(
    "text",
    ["pharmacy.example:443", "[2001:db8::1]:443", "198.18.0.1:80", "pharmacy.example?x=1", "PHARMACY.EXAMPLE#top",
     "pharmacy。example", "user:secret@pharmacy.example/", "a_b.pharmacy.example", "xn--ls8h.pharmacy.example",
     "💩.pharmacy.example"],
)  # fmt: skip
def test_hints_around_a_key_and_odd_names_below_a_registered_one_do_no_harm(filled: ReadModel, text: str) -> None:
    assert ask(filled, text).total >= 1
    assert lines(filled, text.encode())[0]["found"] is True


@pytest.mark.parametrize(
    "text", ["xn--ls8h.la", "💩.la", "a_b.example.com", "_dmarc.unknown.example", "com.cn", "COM.CN", "b_c.example.net"]
)
def test_names_that_exist_are_looked_up_though_nobody_could_register_them(filled: ReadModel, text: str) -> None:
    assert ask(filled, text, By.DOMAIN) is None
    assert lines(filled, text.encode()) == [{"found": False, "key": text}]


@pytest.mark.parametrize(
    ("text", "by", "said"),
    [
        ("198.18.0.0/24", By.AUTO, "is a network"),
        ("2001:db8::/32", By.IP, "is a network"),
        ("a.example；b.example", By.AUTO, "several names"),
        ("a.example、b.example", By.DOMAIN, "several names"),
        ("a.example b.example", By.DOMAIN, "several names"),
        ("pharmacy.example:443", By.IP, "it looks like a domain"),
        ("198.18.0.1", By.DOMAIN, "it looks like an address"),
        ("京ICP备00000001号", By.DOMAIN, "it looks like a number"),
        ("pharmacy.example", By.NUMBER, "it looks like a domain"),
        ("[198.18.0.1", By.IP, "is not an IP address"),
        ("xn--0.test", By.DOMAIN, "is not a valid international name"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_in_words_that_help(filled: ReadModel, text: str, by: By, said: str) -> None:
    with pytest.raises(InvalidIdentifier, match=re.escape(said)):
        ask(filled, text, by)
    assert said in lines(filled, text.encode(), by=by)[0]["message"]


SPELLINGS = st.sampled_from([
    "pharmacy.example", "xn--fsqu00a.test", "例子.test", "198.18.0.1", "2001:db8::1", "京ICP备00000001号",
    "京ICP备00000001号-2", "no.example", "com.cn", "xn--ls8h.la", "a_b.pharmacy.example", "nodots", HOST,
    "198.18.0.999", "火ICP备00000001号",
])  # fmt: skip
DRESSES = st.sampled_from([
    str, str.upper, str.title, "{}.".format, " {} ".format, "{}:443".format, "[{}]".format, "https://{}/".format,
    "https://{}:8443/p?q".format, "www.{}".format, "{}/24".format, "{}；x".format, '"{}"'.format, "{},more".format,
])  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=SPELLINGS, dress=DRESSES, outer=DRESSES, by=st.sampled_from(By))
def test_single_look_ups_and_both_lists_read_every_key_alike(
    filled: ReadModel, text: str, dress: Any, outer: Any, by: By
) -> None:
    line = outer(dress(text)).encode()
    key = first_column(line.decode())
    with filled.reading(buffers=True) as txn:
        document = orjson.loads(Lookup(filled, txn).ndjson([line], by).answer)
        (row,) = table(Lookup(filled, txn).csv([line], by))
        hit, error = None, None
        try:
            hit = Finder(filled, txn).find_any(keys.read(key, by))
        except InvalidIdentifier as wrong:
            error = wrong.code
    assert (document.get("error"), row["error"]) == (error, error or "")
    registered = isinstance(hit, Hit)
    assert (document["found"], row["found"]) == (registered, str(registered).lower())
    assert document.get("total") == (hit.total if isinstance(hit, Hit) else None)
    assert ("unregistered" in document, row["decision_ids"] != "" and not registered) == (
        isinstance(hit, Unlisted),
    ) * 2
    assert document.get("matched") == (hit.matched if hit else None)


def test_answers_come_in_order_one_for_each_line_that_is_not_blank(filled: ReadModel) -> None:
    given = (b"pharmacy.test", b"", b"no.example", b"  ", b"pharmacy.example", b"pharmacy.test")
    assert [each["key"] for each in lines(filled, *given)] == [
        "pharmacy.test",
        "no.example",
        "pharmacy.example",
        "pharmacy.test",
    ]
    with filled.reading(buffers=True) as txn:
        lookup = Lookup(filled, txn)
        assert [lookup.ndjson(given, by)[1:3] for by in (By.AUTO, By.DOMAIN)] == [(4, 3), (4, 3)]
        assert lookup.csv(given, By.AUTO)[1:3] == (4, 3)


def test_the_first_column_of_csv_lines_is_the_key(filled: ReadModel) -> None:
    given = (b"pharmacy.example,Some Site,1", b'"pharmacy.example","a, b"', b'"pharmacy.example"')
    assert [each["found"] for each in lines(filled, *given)] == [True] * 3


def test_fast_and_slow_paths_give_the_same_answer(filled: ReadModel) -> None:
    fast, slow = lines(filled, b"pharmacy.example", b"PHARMACY.example")
    assert fast | {"key": ""} == slow | {"key": ""}
    by_number, by_shape = lines(filled, "京ICP备00000003号".encode(), by=By.NUMBER), lines(filled, b"site-3.example")
    assert by_number[0] | {"key": ""} == by_shape[0] | {"key": ""}
    assert by_number[0]["hosting"]["state"] == "cut_off_ordered"
    assert by_number[0]["measures"][0]["redress"]["within_days"] == 60


def test_a_plain_name_that_is_unknown_is_answered_like_any_other(filled: ReadModel) -> None:
    given = [b"no.example", b"NO.example", b"a.b.no.example", b"no.xn--fsqu00a.example"]
    assert [each["found"] for each in lines(filled, *given)] == [False] * 4
    assert lines(filled, b"no.example")[0] | {"key": ""} == lines(filled, b"NO.example")[0] | {"key": ""}
    with filled.reading(buffers=True) as txn:
        found = table(Lookup(filled, txn).csv(given, By.DOMAIN))
    assert [row | {"key": ""} for row in found] == [{**found[0], "key": ""}] * 4
    assert found[0]["found"] == "false"


def table(block: Block) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(rows.HEADER + block.answer.decode())))


def test_csv_has_the_same_columns_in_every_row(filled: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(9, name='=HYPERLINK("x"),"quoted"')))
    given = (
        b"pharmacy.example",
        b"PHARMACY.example",
        b"no.example",
        b"bad",
        b"site-9.example",
        "京ICP备00000001号".encode(),
    )
    with filled.reading(buffers=True) as txn:
        found = table(Lookup(filled, txn).csv(given, By.AUTO))
    assert [row["found"] for row in found] == ["true", "true", "false", "false", "true", "true"]
    assert found[0] | {"key": ""} == found[1] | {"key": ""}
    assert found[0]["domains"] == "pharmacy.example;xn--fsqu00a.test"
    assert found[3]["error"] == "bad_domain"
    assert found[4]["name"] == '\'=HYPERLINK("x"),"quoted"'
    assert (found[5]["total"], found[5]["other_site_numbers"]) == ("2", "京ICP备00000001号-2")
    assert all(None not in row and None not in row.values() for row in found)


@given(
    texts=st.lists(
        st.one_of(st.just(b""), st.binary(max_size=20), st.integers(1, 9000).map(lambda n: b"x" * n)), max_size=9
    ),
    cuts=st.lists(st.integers(1, 6000), max_size=20),
    last=st.booleans(),
)
def test_lines_are_the_same_however_the_stream_is_cut(texts: list[bytes], cuts: list[int], last: bool) -> None:
    texts = [text.replace(b"\n", b"").replace(b"\r", b"") for text in texts]
    stream = b"\n".join(texts) + (b"\n" if last else b"")
    if stream.startswith(b"\xef\xbb\xbf"):
        return
    cutter, found, at = Lines(), [], 0
    for size in [*cuts, len(stream)]:
        blocks = list(cutter.feed(stream[at : at + size]))
        assert all(sum(map(len, block)) <= BLOCK + 9000 for block in blocks)
        found += [line for block in blocks for line in block]
        at += size
    found += [line for block in cutter.end() for line in block]
    expected = [text for text in texts if text]
    shown = [line for line in found if line]
    assert len(shown) == len(expected)
    for line, text in zip(shown, expected, strict=True):
        assert line == text or (len(line) > LONGEST_LINE and len(text) > LONGEST_LINE and text.startswith(line))


def test_byte_order_mark_header_and_windows_line_ends_are_understood() -> None:
    cutter = Lines(header=True)
    found = [*cutter.feed(b"\xef\xbb\xbfdomain,name\r\na.example,A\r\nb.exa"), *cutter.feed(b"mple\r\n")]
    assert [line for block in found for line in block] == [b"a.example,A", b"b.example"]


@pytest.mark.parametrize("line", [HOST, HOST.upper(), f"www.{HOST}", f"https://{HOST}/"])
def test_a_site_in_no_register_is_not_found_and_what_befell_it_is_said(filled: ReadModel, line: str) -> None:
    (answer,) = lines(filled, line.encode())
    view = LookupLine.model_validate(answer)
    assert (view.found, view.site) == (False, None)
    assert view.unregistered is not None
    assert view.unregistered.host == HOST
    assert [(each.effect, each.status) for each in view.unregistered.measures] == [("revoke", "in_force")]
    with filled.reading(buffers=True) as txn:
        block = Lookup(filled, txn).csv([line.encode()], By.AUTO)
    (row,) = table(block)
    assert (row["found"], row["provider_ids"], row["hosting_state"]) == ("false", str(PROVIDER), "cut_off_ordered")
    assert (row["decision_ids"], block.found) == (str(view.unregistered.measures[0].decision_id), 0)
