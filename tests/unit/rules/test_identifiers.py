"""Identifiers: what is accepted comes back in one form, what is wrong is named."""

import hmac
import string
import unicodedata
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules import load
from shared.rules.identifiers import (
    InvalidIdentifier,
    check_uscc,
    format_number,
    hosting_address,
    identity_hash,
    is_person_number,
    looks_like_number,
    normalise_domain,
    normalise_ip,
    parse_address,
    parse_credit_code,
    parse_number,
    parse_text,
    uscc_with_check_digit,
)

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=2, max_size=4).map(lambda labels: ".".join([*labels, "example"]))
SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
BODIES = st.tuples(
    st.text(SIGNS, min_size=2, max_size=2),
    st.text(string.digits, min_size=6, max_size=6),
    st.text(SIGNS, min_size=9, max_size=9),
).map("".join)
LEGACY = "91350203M0001QKT19"
"""A real company's, published in an issue about validators that refuse it: registered before 2016."""
PERSON = "11010519491231002X"
"""The example of GB 11643."""
KEY = b"k" * 32


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
        ("xn--ls8h.la", "xn--ls8h.la", "xn--ls8h.la"),  # a symbol, registered before IDNA 2008
        ("💩.LA", "xn--ls8h.la", "xn--ls8h.la"),
        ("a_b.example.com", "a_b.example.com", "example.com"),
        ("_dmarc.例子.测试", "_dmarc.xn--fsqu00a.xn--0zwm56d", "xn--fsqu00a.xn--0zwm56d"),
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
        ("a_b.example", "underscore"),
        ("a!b.example", "a character other than"),
        ("a b.example", "a character other than"),
        ("a.example/path", "give the host name alone"),
        ("http://例子.example/", "give the host name alone"),
        ("a.example:8080", "leave out :8080"),
        ("例子.example：80", "leave out :80"),
        ("[2001:db8::1]", "looks like an IP address"),
        ("a@b.example", "e-mail"),
        ("*.a.example", "wildcard"),
        ("a.example；b.example", "holds 2 names"),
        ("例子.example、b.example、c.example", "holds 3 names"),
        ("a.example, b.example", "holds 2 names"),
        ("-☃.example", "hyphen"),
        ("a\x00.example", "a character other than"),
        (f"{'a' * 64}.example", "longer than 63"),
        (f"{'a.' * 130}example", "longer than 253"),
        ("com.cn", "public suffix"),
        ("198.18.0.1", "ends in a number"),
        ("xn--.example", "not a valid international name"),
        ("xn--a.example", "not a valid international name"),
        ("xn--abc-.example", "not a valid international name"),
        ("xn--www-.example", "not a valid international name"),
        ("xn---fsqu00a.example", "come back the same"),  # decodes to the same as xn--fsqu00a
        ("xn--" + "Ⓐ".encode("punycode").decode() + ".example", "not in the form"),  # stands for a
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


def test_a_name_knows_what_is_above_it_and_what_it_covers() -> None:
    name = normalise_domain("a.b.stage.com.cn")
    assert name.above == ("b.stage.com.cn", "stage.com.cn")
    above = normalise_domain("stage.com.cn")
    assert above.above == ()
    assert above.covers(name)
    assert above.covers(above)
    assert not name.covers(above)
    assert not above.covers(normalise_domain("backstage.com.cn"))


@pytest.mark.parametrize(
    "code", ["12440600MB2C07549J", " 12440600mb2c 07549j ", "１２４４０６００ＭＢ２Ｃ０７５４９Ｊ"]
)
def test_a_published_credit_code_comes_back_in_one_form(code: str) -> None:
    assert parse_credit_code(code) == (code, "12440600MB2C07549J", False)


@given(BODIES)
def test_check_digits_agree_with_another_computation(body: str) -> None:
    code = uscc_with_check_digit(body)
    weighed = sum(SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(body)) + SIGNS.index(code[-1])
    assert weighed % 31 == 0
    if not is_person_number(code):
        assert check_uscc(f" {code.lower()} ") == code


@given(BODIES, st.integers(0, 17), st.sampled_from(SIGNS))
def test_one_wrong_sign_in_a_credit_code_is_noticed(body: str, place: int, sign: str) -> None:
    code = uscc_with_check_digit(body)
    changed = code[:place] + sign + code[place + 1 :]
    if changed == code:
        return
    with pytest.raises(InvalidIdentifier) as refused:
        check_uscc(changed)
    assert refused.value.code in {"bad_check_digit", "bad_uscc"}


def test_a_code_of_before_2016_is_taken_only_when_asked_for_and_comes_back_marked() -> None:
    with pytest.raises(InvalidIdentifier, match="second person") as refused:
        check_uscc(LEGACY)
    assert refused.value.code == "bad_check_digit"
    assert parse_credit_code(LEGACY, legacy=True) == (LEGACY, LEGACY, True)
    assert not parse_credit_code("12440600MB2C07549J", legacy=True).legacy
    with pytest.raises(InvalidIdentifier, match="wrong check digit"):  # neither check digit holds: a slip
        parse_credit_code("91350203M0001QKT99", legacy=True)
    with pytest.raises(InvalidIdentifier, match="wrong check digit"):
        parse_credit_code("91350203M0002QKT19", legacy=True)


@pytest.mark.parametrize("number", ["362322198709086409", PERSON, "11010519491231002x", " 110105 19491231 002X"])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_persons_number_never_passes_as_a_credit_code_and_is_not_repeated(number: str, legacy: bool) -> None:
    with pytest.raises(InvalidIdentifier, match="person's identity number") as refused:
        parse_credit_code(number, legacy=legacy)
    assert refused.value.code == "bad_uscc"
    assert number[6:14] not in refused.value.message


def test_the_first_is_a_credit_code_by_its_check_digit_alone() -> None:
    assert uscc_with_check_digit("36232219870908640") == "362322198709086409"


def test_a_company_whose_code_looks_like_a_foreigners_card_is_a_company() -> None:
    """Both begin with 9; a code of a company has its own two check digits besides."""
    cards = (_with_person_digit(f"91101119{rest:09}") for rest in range(850_101_000, 850_112_000))
    cards_of_people = [card for card in cards if _is_born(card)]
    companies = [card for card in cards_of_people if not is_person_number(card)]
    assert companies
    assert all(check_uscc(code) == code for code in companies)
    assert len(cards_of_people) > 50 * len(companies)


def _is_born(card: str) -> bool:
    try:
        return bool(date.fromisoformat(f"{card[6:10]}-{card[10:12]}-{card[12:14]}"))
    except ValueError:
        return False


def _with_person_digit(first17: str) -> str:
    """ISO 7064, MOD 11-2, computed from behind."""
    total = sum(int(sign) * pow(2, 17 - place, 11) for place, sign in enumerate(first17))
    return first17 + "0123456789X"[(1 - total) % 11]


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(0, 999))
def test_persons_numbers_agree_with_another_computation(born: date, serial: int) -> None:
    assert is_person_number(_with_person_digit(f"110105{born:%Y%m%d}{serial:03}"))
    wrong = _with_person_digit(f"110105{born:%Y%m%d}{serial:03}")
    assert not is_person_number(wrong[:-1] + ("0" if wrong[-1] != "0" else "1"))


def test_a_persons_number_is_kept_as_a_keyed_hash_of_its_one_form() -> None:
    kept = identity_hash("resident_id", PERSON, key=KEY)
    assert len(kept) == 64
    assert kept == identity_hash("resident_id", " 11010519491231002x", key=KEY)
    assert kept != identity_hash("resident_id", PERSON, key=b"l" * 32)
    assert kept != identity_hash("passport", PERSON, key=KEY)
    expected = hmac.new(KEY, f"concord identity/resident_id/{PERSON}".encode(), "sha256").hexdigest()
    assert kept == expected


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("resident_id", "110105194912310021"),
        ("resident_id", "110105491231002"),
        ("passport", "E"),
        ("library", "E1234567"),
    ],
)
def test_a_wrong_number_of_a_person_is_refused_without_repeating_it(kind: str, number: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        identity_hash(kind, number, key=KEY)
    assert refused.value.code == "bad_identity"
    assert len(number) < 5 or number not in refused.value.message


def test_a_short_key_hides_nobody() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        identity_hash("resident_id", PERSON, key=b"short")


@pytest.mark.parametrize("wrong", ["", "9111", "91110000MA0000000H1", "91110000MAO0000007", "9111000AMA00000007"])
def test_a_malformed_credit_code_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        check_uscc(wrong)
    assert refused.value.code == "bad_uscc"


@pytest.mark.parametrize(
    ("text", "parts", "normal"),
    [
        ("京ICP备10046444号", ("京", "filing", "10046444", None), "京ICP备10046444号"),
        ("京ICP备10046444号-12", ("京", "filing", "10046444", 12), "京ICP备10046444号-12"),
        ("京ICP证030173号", ("京", "licence", "030173", None), "京ICP证030173号"),
        (" 京icp备 10046444 号－1 ", ("京", "filing", "10046444", 1), "京ICP备10046444号-1"),
        ("京ＩＣＰ备１００４６４４４号", ("京", "filing", "10046444", None), "京ICP备10046444号"),
        ("京ICP备0010046444号", ("京", "filing", "10046444", None), "京ICP备10046444号"),
        ("京icp证000030173号", ("京", "licence", "030173", None), "京ICP证030173号"),
        ("京ICP备\u200b10046444号", ("京", "filing", "10046444", None), "京ICP备10046444号"),
    ],
)
def test_numbers_are_taken_apart_and_come_back_in_one_form(
    text: str, parts: tuple[str, str, str, int | None], normal: str
) -> None:
    read = parse_number(text)
    assert (read.province, read.kind, read.serial, read.site) == parts
    assert (read.raw, read.normal) == (text, normal)
    assert read.registration == normal.partition("-")[0]


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
        "京ICP备00000000号",
        "京ICP备10046444444号",  # no serial ever comes near it, and the next one given out would follow it
        "京ICP备10046444号" + " " * 200 + "x",
    ],
)
def test_a_wrong_number_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        parse_number(wrong)
    assert refused.value.code == "bad_number"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("京icp备1", True),
        ("京ICP证030173号", True),
        ("icp.example", False),
        ("一号店.example", False),
        ("备案.cn", False),
    ],
)
def test_what_is_meant_as_a_number_is_known_by_its_words(text: str, meant: bool) -> None:
    assert looks_like_number(text) is meant


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
    assert read.normal == format_number(read.province, read.kind, read.serial, read.site) == written


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
        ("[2001:db8::1]", "2001:db8::1"),
        ("１９８．１８．０．１０", "198.18.0.10"),
    ],
)
def test_an_address_comes_back_in_its_shortest_form(text: str, form: str) -> None:
    assert normalise_ip(text) == form


@pytest.mark.parametrize(
    "text",
    ["", "1.2.3", "1.2.3.256", "01.2.3.4", "0.0.0.0", "127.0.0.1", "::", "::1", "fe80::1%eth0",
     "224.0.0.1", "255.255.255.255", "1234", "g::1", "1.2.3.4]", "a:1.2.3.4", "٣.2.3.4"],
)  # fmt: skip
def test_what_is_no_address_of_a_site_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        normalise_ip(text)
    assert refused.value.code == "bad_ip"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1.2.3.4/32", "leave out /32"),
        ("2001:db8::/64", "list each address"),
        ("198.18.0.0/24", "a network of 256"),
        ("1.2.3.4:443", "leave out :443"),
        ("[2001:db8::1]:443", "leave out :443"),
        ("1.2.3.4；1.2.3.5", "several addresses"),
        ("1.2.3.4、1.2.3.5", "several addresses"),
    ],
)
def test_what_is_nearly_an_address_is_told_what_to_write(text: str, why: str) -> None:
    with pytest.raises(InvalidIdentifier, match=why):
        parse_address(text)


@pytest.mark.parametrize(
    "text", ["198.18.0.1", "198.19.255.255", "100.64.0.1", "8.8.8.8", "2400:cb00::1", "::ffff:8.8.8.8"]
)
def test_sites_are_hosted_at_public_addresses_and_in_the_ranges_that_the_profile_names(text: str) -> None:
    assert hosting_address(text).raw == text


@pytest.mark.parametrize(
    "text",
    ["10.0.0.1", "172.16.0.1", "192.168.1.1", "192.0.2.1", "198.51.100.1", "240.0.0.1",
     "fd00::1", "fec0::1", "2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::1"],
)  # fmt: skip
def test_nobody_hosts_a_site_at_a_private_or_reserved_address(text: str) -> None:
    assert parse_address(text)  # it can be looked up
    with pytest.raises(InvalidIdentifier, match="private or reserved"):
        hosting_address(text)


def test_without_the_named_ranges_their_addresses_are_reserved() -> None:
    bare = replace(load("cn-2006"), address_ranges={})
    with pytest.raises(InvalidIdentifier, match="private or reserved"):
        hosting_address("198.18.0.1", bare)


@pytest.mark.parametrize("code", ["A6D9", "A6DA", "A6DF", "A6EC", "A6F3", "FE59", "FEA0", "FE51", "FE91", "A8BC"])
def test_what_python_decodes_to_private_use_becomes_the_character_that_is_meant(code: str) -> None:
    decoded = bytes.fromhex(code).decode("gb18030")
    assert unicodedata.category(decoded) == "Co" or code == "A8BC"  # mended there in later versions of Python
    repaired = parse_text(f"北京{decoded}").normal[2:]
    assert unicodedata.category(repaired) != "Co"


def test_a_comma_of_old_files_is_a_comma() -> None:
    assert parse_text(b"\xa6\xd9".decode("gb18030") + "a").key == parse_text("，a").key == ",a"


@pytest.mark.parametrize("other", ["王·小明", "王•小明", "王・小明", "  王· 小明 ", "王‧小明", "王･小明"])
def test_names_that_look_the_same_have_the_same_key(other: str) -> None:
    assert parse_text(other).key == parse_text("王·小明").key


def test_width_and_case_make_no_other_name() -> None:
    assert parse_text("ＡＢＣ（北京）").key == parse_text("abc(北京)").key
    assert parse_text("ＡＢＣ（北京）").normal == "ＡＢＣ（北京）"


def test_a_character_newer_than_this_python_is_no_obstacle_to_a_name() -> None:
    assert parse_text("\U0002ebf0\U00031350").normal  # CJK extensions I and H


@pytest.mark.parametrize(
    "text",
    ["\ufdd0", "\U0001ffff", "", "  ", "a\x1b[2J", "a\u202eb", "a\nb", "a\u2028b", "\ue000", "\u200d", "a\u2066b"],
)
def test_what_no_name_has_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        parse_text(text)
    assert refused.value.code == "bad_text"
    assert text.isprintable() or text not in refused.value.message
