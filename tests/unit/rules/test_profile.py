"""The rule profile: complete, cited, frozen."""

import dataclasses
import re
from typing import Any

import pytest

from shared.rules import Role, Unit, UnknownProfile, load
from shared.rules.identifiers import parse_number

RULES = load("cn-2006")
CITATION = re.compile(r"^(P\d|N\d|D292 §|O33 §|ALL §|ARL §|profile)")


def _cited() -> list[Any]:
    tables = (RULES.roles, RULES.service_items, RULES.clocks, RULES.numbers, RULES.refusal_grounds, RULES.measures)
    return [row for table in tables for row in table.values()] + [RULES.redress, *RULES.organisations.values()]


@pytest.mark.parametrize("row", _cited(), ids=str)
def test_every_rule_says_where_it_comes_from(row: Any) -> None:
    assert all(CITATION.match(part) for part in row.source.split(", "))


@pytest.mark.parametrize(
    ("name", "amount", "unit"),
    [
        ("approval_decision", 20, Unit.WORKING_DAYS),
        ("registration_filing", 20, Unit.WORKING_DAYS),
        ("registration_licence", 60, Unit.DAYS),
        ("execute_cut_off", 24, Unit.HOURS),
        ("execute_restore", 24, Unit.HOURS),
        ("appeal_decision", 60, Unit.DAYS),
        ("cure_window", 7, Unit.DAYS),
        ("withdraw_window", 75, Unit.SECONDS),
    ],
)
def test_the_statutory_clocks(name: str, amount: int, unit: Unit) -> None:
    assert (RULES.clocks[name].amount, RULES.clocks[name].unit) == (amount, unit)


def test_restoring_takes_no_longer_than_cutting_off() -> None:
    assert RULES.clocks["execute_restore"].amount <= RULES.clocks["execute_cut_off"].amount


def test_all_thirty_one_provinces_are_there() -> None:
    assert len(RULES.provinces) == 31
    assert RULES.provinces["110000"].short == "京"
    assert all(code.endswith("0000") and len(province.short) == 1 for code, province in RULES.provinces.items())


def test_the_regulated_services_name_their_authority() -> None:
    regulated = [item for item in RULES.service_items.values() if item.approval_required]
    assert len(regulated) == 5
    assert all(item.authority and item.authority_chinese and item.clock in RULES.clocks for item in regulated)
    assert not RULES.service_items["general"].approval_required


def test_the_press_needs_nobodys_consent_in_the_profile_we_ship() -> None:
    assert not RULES.service_items.keys() & {"news", "publishing"}  # docs/adr/0004


def test_the_examples_are_numbers_of_their_kind() -> None:
    for kind, number in RULES.numbers.items():
        assert parse_number(number.example).kind == kind


def test_a_profile_is_frozen_and_loaded_once() -> None:
    assert load("cn-2006") is RULES
    assert set(RULES.roles) == set(Role)
    with pytest.raises(dataclasses.FrozenInstanceError):
        RULES.id = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        RULES.clocks["x"] = RULES.clocks["cure_window"]  # type: ignore[index]


@pytest.mark.parametrize("name", ["cn-1999", "../calendars/cn-2026.1", ""])
def test_an_unknown_profile_is_refused(name: str) -> None:
    with pytest.raises(UnknownProfile):
        load(name)
