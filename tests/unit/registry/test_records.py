"""A record of an import is checked field by field, and the first wrong field is named."""

from typing import Any

import pytest

from registry.importing.records import Record, check
from registry.importing.rows import Rejected, Row
from registry.policy import POLICY, Act
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
