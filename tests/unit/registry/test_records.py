"""A record of an import is checked field by field, and the first wrong field is named."""

import re
from pathlib import Path
from typing import Any

import pytest

import registry
from registry.importing.advice import ADVICE, advice_on
from registry.importing.records import Record, check
from registry.importing.rows import Rejected, Row
from registry.policy import POLICY, Act
from registry.service.import_batch import result_of
from shared.rules import load
from tests.support.people import OPERATOR_USCC, person

RULES = load("cn-2006")
BEIJING = POLICY.reach(person("regulator-a"), Act.IMPORT)
GOOD: dict[str, Any] = {
    "operator_name": "Example Pharmacy Ltd", "operator_uscc": OPERATOR_USCC, "region": "110000",
    "site_name": "Pharmacy", "domain": "pharmacy.example", "provider_id": "01940000-0000-7000-8000-000000000005",
    "ips": "198.18.0.10",
}  # fmt: skip


def checked(**changes: Any) -> Record:
    record = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return check(Row(1, b""), record, RULES, BEIJING)


def refused(**changes: Any) -> tuple[str, str | None]:
    with pytest.raises(Rejected) as wrong:
        checked(**changes)
    return wrong.value.code, wrong.value.field


def test_what_may_be_left_out_has_its_default() -> None:
    record = checked()
    assert (record.operator_kind, record.hosting_mode, record.service_items) == (
        "company",
        "virtual_host",
        ("general",),
    )
    assert (record.number, record.number_kind) == (None, "filing")


@pytest.mark.parametrize(
    "number", ["京ICP备10046444号", "京icp备10046444号", " 京ＩＣＰ备１００４６４４４号 ", "京ICP备 10046444 号"]
)
def test_a_number_has_one_form_however_it_is_typed(number: str) -> None:
    assert checked(number=number).number == "京ICP备10046444号"


@pytest.mark.parametrize(
    "number", ["沪ICP备10046444号", "京ICP备10046444号-1", "京ICP备123456789012号", "x", "京ICP备号"]
)
def test_a_number_that_is_none_here_is_rejected(number: str) -> None:
    assert refused(number=number) == ("bad_number", "number")


@pytest.mark.parametrize("separator", [";", "；", "、", " ; "])
def test_names_and_addresses_are_separated_as_people_write(separator: str) -> None:
    record = checked(domain=separator.join(["b.example", "a.example"]), ips=f"198.18.0.1{separator}198.18.0.2")
    assert [name.ascii for name in record.names] == ["b.example", "a.example"]
    assert record.ips == ("198.18.0.1", "198.18.0.2")


def test_a_name_in_characters_is_kept_as_typed_and_compared_in_ascii() -> None:
    (name,) = checked(domain="药店.example").names
    assert (name.raw, name.ascii) == ("药店.example", "药店".encode("idna").decode() + ".example")


@pytest.mark.parametrize("value", [7, 7.5, True])
def test_a_json_number_is_not_a_text(value: Any) -> None:
    assert refused(site_name=value) == ("not_text", "site_name")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"operator_kind": ["company"]}, "operator_kind"), ({"hosting_mode": {"a": 1}}, "hosting_mode"),
        ({"operator_kind": "person"}, "operator_kind"), ({"number": ["x"]}, "number"), ({"domain": 5}, "domain"),
        ({"domain": [1]}, "domain"), ({"service_items": ["x"]}, "service_items"),
        ({"service_items": 3}, "service_items"),
        ({"ips": "999.1.1.1"}, "ips"), ({"ips": "127.0.0.1"}, "ips"), ({"provider_id": "x"}, "provider_id"),
        ({"region": "990000"}, "region"), ({"region": "310000"}, "region"), ({"operator_uscc": "1"}, "operator_uscc"),
        ({"operator_uscc": "11010519491231002X"}, "operator_uscc"), ({"site_name": ...}, "site_name"),
        ({"Number": "京ICP备10046444号"}, "Number"), ({"site_name": "x" * 501}, "site_name"),
        ({"domain": ";".join(f"a{n}.example" for n in range(51))}, "domain"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    assert refused(**changes)[1] == field


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("[2001:4860:4860::8888]", "2001:4860:4860::8888"), ("::ffff:198.18.0.7", "198.18.0.7"),
        ("１９８.１８.0.7", "198.18.0.7"), ("2001:4860:4860:0:0:0:0:8888", "2001:4860:4860::8888"),
    ],
)  # fmt: skip
def test_an_address_has_one_form_however_it_is_written(raw: str, normal: str) -> None:
    assert checked(ips=raw).ips == (normal,)
    assert checked(ips=f"{raw};{normal}").ips == (normal,), "and counts once"


@pytest.mark.parametrize(
    "raw",
    [
        "198.18.0.0/24", "198.18.0.7/32", "2001:4860::/32", "10.0.0.1", "192.168.1.1", "172.16.0.1",
        "::ffff:10.0.0.1", "fc00::1", "fe80::1%eth0", "224.0.0.1", "0.0.0.0", "198.18.0.7:443", "198.18.000.007",
        "[::1]", "240.0.0.1",
    ],
)  # fmt: skip
def test_networks_and_addresses_nobody_reaches_are_rejected(raw: str) -> None:
    assert refused(ips=raw) == ("bad_ip", "ips")


@pytest.mark.parametrize(
    "raw", ["药店.example", "药店。example", "药店．EXAMPLE", " 药店.example. ", "xn--hxt033f.example"]
)
def test_a_name_has_one_form_whatever_its_dots_width_and_case(raw: str) -> None:
    assert [name.ascii for name in checked(domain=raw).names] == ["xn--hxt033f.example"]


def test_a_sharp_s_is_another_name_than_two() -> None:
    (sharp,), (double,) = checked(domain="straße.example").names, checked(domain="strasse.example").names
    assert (sharp.ascii, double.ascii) == ("xn--strae-oqa.example", "strasse.example")


def test_a_credit_code_has_one_form_whatever_its_width_and_case() -> None:
    for raw in ("９１１１００００ma01cncrd6", " 91110000 MA01CNCRD6 ", OPERATOR_USCC.lower()):
        assert checked(operator_uscc=raw).uscc == OPERATOR_USCC


def test_a_real_code_that_fails_its_check_digit_is_no_import_but_for_a_second_officer() -> None:
    assert refused(operator_uscc=f"{OPERATOR_USCC[:17]}7") == ("bad_check_digit", "operator_uscc")
    assert "singly" in advice_on("bad_check_digit")


@pytest.mark.parametrize(
    "raw",
    [
        "11010519491231002X",
        "１１０１０５１９４９１２３１００２Ｘ",
        "11010519491231002x",
        "110105 19491231 002X",
        "1-1-0-1-0-5-1949-1231-002X",
        "110105\u200b19491231\u200b002X",
    ],
)
def test_a_citizens_number_is_no_credit_code_and_stands_in_no_refusal(raw: str) -> None:
    with pytest.raises(Rejected) as wrong:
        checked(operator_uscc=raw)
    assert wrong.value.code in {"bad_uscc", "bad_text"}
    said = result_of(Row(1, raw.encode()), wrong.value, raw)
    kept = f"{said.raw}{said.value}{said.message}"
    assert not re.search("1-?2-?3-?1|１２３１", kept), kept
    assert "******" in said.raw


def test_what_is_cut_off_for_showing_leaves_no_half_of_a_number() -> None:
    for before in range(175, 205):
        assert "110105" not in Row(1, (b"x" * before + b" 11010519491231002X")).shown


def test_advice_is_on_codes_that_there_are() -> None:
    sources = "".join(
        each.read_text() for each in Path(registry.__file__).parent.rglob("*.py") if each.name != "advice.py"
    )
    identifiers = {"bad_check_digit", "bad_domain", "bad_ip", "bad_number", "bad_uscc"}
    assert {code for code in ADVICE if f'"{code}"' not in sources} <= identifiers
