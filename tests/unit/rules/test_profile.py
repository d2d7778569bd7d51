"""The rule profile: complete, cited, frozen."""

import dataclasses
import re
from typing import Any

import pytest

from shared.rules import BURDENS, Category, Effect, Role, StageKind, Unit, UnknownProfile, load
from shared.rules.identifiers import parse_number

RULES = load("cn-2006")
CITATION = re.compile(r"^(P\d|N\d|D292 §|O33 §|ALL §|ARL §|profile)")


def _cited() -> list[Any]:
    tables: list[Any] = [
        RULES.roles, RULES.service_items, RULES.requirements, RULES.clocks, RULES.numbers, RULES.identity_documents,
        RULES.subject_kinds, RULES.effects, RULES.grounds, RULES.urgent_grounds, RULES.refusal_grounds, RULES.measures,
        RULES.protected, RULES.address_ranges,
    ]  # fmt: skip
    return [row for table in tables for row in table.values()] + [
        RULES.redress,
        RULES.approvals,
        *RULES.organisations.values(),
    ]


def test_every_rule_says_where_it_comes_from() -> None:
    rows = _cited()
    assert len(rows) > 100
    assert [row for row in rows if not all(CITATION.match(part) for part in row.source.split(", "))] == []


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
        ("execute_suspend", 24, Unit.HOURS),
        ("instruct_supervisor", 24, Unit.HOURS),
        ("execute_decision", 5, Unit.WORKING_DAYS),
        ("urgent_notice", 24, Unit.HOURS),
        ("time_to_appeal", 60, Unit.DAYS),
        ("approval_validity", 5, Unit.YEARS),
        ("campaign_report", 20, Unit.DAY_OF_MONTH),
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


def test_every_ground_is_about_licensing_consumers_or_safety() -> None:
    """docs/adr/0004: none about opinion, press, religion or politics; another category takes a change of the code."""
    assert {category.value for category in Category} == {"licensing", "consumer_protection", "safety"}
    assert set(RULES.grounds) == {
        "unlicensed_service", "out_of_scope_service", "untrue_registration", "fraud", "unlawful_medicines",
        "child_abuse",
    }  # fmt: skip
    assert all(ground.category in set(Category) for ground in RULES.grounds.values())
    assert set(RULES.urgent_grounds) == {"danger_to_life", "ongoing_fraud", "child_abuse"}


def test_every_effect_has_its_words_and_its_limits() -> None:
    assert set(RULES.effects) == set(Effect)
    assert all(RULES.effects[effect].min_cure_days >= 1 for effect in BURDENS)
    assert {effect for effect, rule in RULES.effects.items() if rule.max_days} == {Effect.SUSPEND_ACCESS, Effect.BAR}
    limits = {effect: (rule.max_days, rule.within_days) for effect, rule in RULES.effects.items() if rule.within_days}
    assert limits == {Effect.SUSPEND_ACCESS: (30, 365), Effect.BAR: (1095, 2190)}
    assert {effect for effect, rule in RULES.effects.items() if rule.urgent} == {Effect.SUSPEND_ACCESS}
    assert RULES.effects[Effect.CUT_ACCESS].after == {Effect.CORRECT}
    assert all(rule.roles <= {Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR} for rule in RULES.effects.values())


def test_an_approval_that_lapses_is_announced_a_month_a_week_and_a_day_before() -> None:
    stages = RULES.clocks[RULES.approvals.validity].stages
    assert [(stage.kind, stage.amount, stage.unit) for stage in stages] == [
        (StageKind.REMIND, days, Unit.DAYS) for days in (30, 7, 1)
    ]


def test_the_time_to_appeal_is_said_once() -> None:
    assert RULES.redress.within_days == RULES.clocks[RULES.redress.clock].amount == 60


def test_what_people_depend_on_in_an_emergency_is_on_the_protected_list() -> None:
    for host in ("emergency.example", "www.hospital.example", "mem.gov.cn", "a.b.gov.cn"):
        assert RULES.protected_by(host) is not None, host
    for host in ("notemergency.example", "gov.cn.example", "stage.example"):
        assert RULES.protected_by(host) is None, host


def test_each_act_can_record_the_profile_it_was_made_under() -> None:
    assert RULES.ref == "cn-2006/1"


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


@pytest.mark.parametrize("name", ["cn-1999", "../calendars/cn-2026.1", "", "nowhere/cn-2006.toml"])
def test_an_unknown_profile_is_refused(name: str) -> None:
    with pytest.raises(UnknownProfile):
        load(name)
