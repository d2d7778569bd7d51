"""Identifiers: what is accepted comes back in one form, what is wrong is named."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from shared.rules import load
from shared.rules.identifiers import (
    InvalidIdentifier,
    check_uscc,
    format_number,
    normalise_domain,
    normalise_ip,
    parse_number,
    uscc_with_check_digit,
)

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=2, max_size=4).map(lambda labels: ".".join([*labels, "example"]))
BODIES = st.tuples(
    st.text(uscc._alphabet, min_size=2, max_size=2).filter(str.isdigit),  # stdnum knows no letters here
    st.text(string.digits, min_size=6, max_size=6),
    st.text(uscc._alphabet, min_size=9, max_size=9),
).map("".join)


@pytest.mark.parametrize(
    ("raw", "ascii_form", "registrable"),
    [
        ("stage.example", "stage.example", "stage.example"),
        ("WWW.Stage.Example.", "www.stage.example", "stage.example"),
        ("  a.b.com.cn\n", "a.b.com.cn", "b.com.cn"),
        ("例子.测试", "xn--fsqu00a.xn--0zwm56d", "xn--fsqu00a.xn--0zwm56d"),
        ("例子。测试。", "xn--fsqu00a.xn--0zwm56d", "xn--fsqu00a.xn--0zwm56d"),
        ("XN--FSQU00A.Test", "xn--fsqu00a.test", "xn--fsqu00a.test"),
        ("ＷＷＷ.ｅｘａｍｐｌｅ.ｃｏｍ", "www.example.com", "example.com"),
        ("blog.blogspot.com", "blog.blogspot.com", "blogspot.com"),
    ],
)
def test_a_name_comes_back_in_one_form(raw: str, ascii_form: str, registrable: str) -> None:
    domain = normalise_domain(raw)
    assert (domain.raw, domain.ascii, domain.registrable) == (raw, ascii_form, registrable)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "is empty"),
        ("localhost", "only one label"),
        ("a..example", "empty label"),
        (".a.example", "empty label"),
        ("-a.example", "hyphen"),
        ("a-.example", "hyphen"),
        ("a_b.example", "a character other than"),
        ("a b.example", "a character other than"),
        ("a.example/path", "a character other than"),
        ("http://a.example", "a character other than"),
        ("a\x00.example", "a character other than"),
        (f"{'a' * 64}.example", "longer than 63"),
        (f"{'a.' * 130}example", "longer than 253"),
        ("com.cn", "public suffix"),
        ("198.18.0.1", "ends in a number"),
        ("xn--.example", "not a valid international name"),
        ("xn--a.example", "not a valid international name"),
        ("xn--abc-.example", "not a valid international name"),
        ("xn--www-.example", "not a valid international name"),
        ("例\u200d子.example", "not a valid international name"),
        ("例" * 300 + ".example", "longer than"),
    ],
)
def test_a_wrong_name_is_refused_with_the_reason(raw: str, why: str) -> None:
    with pytest.raises(InvalidIdentifier, match=why) as refused:
        normalise_domain(raw)
    assert refused.value.code == "bad_domain"
    assert "\x00" not in refused.value.message


@given(NAMES)
def test_normalising_twice_changes_nothing(name: str) -> None:
    once = normalise_domain(name.upper())
    assert once.ascii == name
    assert normalise_domain(once.ascii).ascii == once.ascii
    assert once.ascii.endswith(once.registrable)


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12))
def test_both_forms_of_a_chinese_name_are_the_same_domain(label: str) -> None:
    domain = normalise_domain(f"{label}.test")
    assert normalise_domain(domain.ascii)[1:] == normalise_domain(domain.unicode)[1:]
    assert normalise_domain(domain.ascii).unicode == f"{label}.test"


@given(st.text(max_size=300))
def test_any_text_is_a_domain_or_refused(text: str) -> None:
    try:
        domain = normalise_domain(text)
    except InvalidIdentifier:
        return
    assert domain.ascii.isascii()
    assert domain.ascii == domain.ascii.lower()
    assert len(domain.ascii) <= 253


@given(BODIES)
def test_credit_codes_agree_with_an_independent_library(body: str) -> None:
    code = uscc_with_check_digit(body)
    assert uscc.is_valid(code)
    assert check_uscc(f" {code.lower()} ") == code


@given(BODIES, st.integers(0, 17), st.sampled_from(uscc._alphabet))
def test_one_wrong_sign_in_a_credit_code_is_noticed(body: str, place: int, sign: str) -> None:
    code = uscc_with_check_digit(body)
    changed = code[:place] + sign + code[place + 1 :]
    if changed == code:
        return
    with pytest.raises(InvalidIdentifier) as refused:
        check_uscc(changed)
    assert refused.value.code in {"bad_check_digit", "bad_uscc"}


@pytest.mark.parametrize("wrong", ["", "9111", "91110000MA0000000H1", "91110000MAO0000007", "9111000AMA00000007"])
def test_a_malformed_credit_code_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        check_uscc(wrong)
    assert refused.value.code == "bad_uscc"


def test_numbers_are_taken_apart() -> None:
    assert parse_number("京ICP备10046444号") == ("京", "filing", "10046444", None)
    assert parse_number("京ICP备10046444号-12") == ("京", "filing", "10046444", 12)
    assert parse_number("京ICP证030173号") == ("京", "licence", "030173", None)
    assert parse_number(" 京icp备 10046444 号－1 ") == ("京", "filing", "10046444", 1)
    assert parse_number("京ICP备10046444号-12").registration == "京ICP备10046444号"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ICP备10046444号",
        "东ICP备10046444号",
        "京ICP备号",
        "京ICP备1004644号",
        "京ICP备10046444号-0",
        "京ICP备10046444",
    ],
)
def test_a_wrong_number_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        parse_number(wrong)
    assert refused.value.code == "bad_number"


@given(
    st.sampled_from(sorted(load("cn-2006").provinces_by_short_name)),
    st.sampled_from(["filing", "licence"]),
    st.integers(1, 99_999_999),
    st.none() | st.integers(1, 9_999),
)
def test_numbers_survive_writing_and_reading(province: str, kind: str, serial: int, site: int | None) -> None:
    written = format_number(province, kind, serial, site)
    read = parse_number(written)
    assert (read.province, read.kind, int(read.serial), read.site) == (province, kind, serial, site)
    assert format_number(*read) == written


def test_no_number_of_an_unknown_kind_or_province_is_written() -> None:
    for province, kind in (("东", "filing"), ("京", "permit")):
        with pytest.raises(InvalidIdentifier):
            format_number(province, kind, 1)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("198.18.0.10", "198.18.0.10"),
        (" 100.64.0.1 ", "100.64.0.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:198.18.0.10", "198.18.0.10"),
    ],
)
def test_an_address_comes_back_in_its_shortest_form(text: str, form: str) -> None:
    assert normalise_ip(text) == form


@pytest.mark.parametrize(
    "text",
    ["", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4/32", "0.0.0.0", "127.0.0.1", "::", "::1", "fe80::1%eth0",
     "224.0.0.1", "255.255.255.255", "１.2.3.4", "1234", "g::1"],
)  # fmt: skip
def test_what_is_no_address_of_a_site_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        normalise_ip(text)
    assert refused.value.code == "bad_ip"
