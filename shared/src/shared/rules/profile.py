"""Reads a rule profile from its TOML file into frozen records, and refuses one that is incomplete."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from shared.rules.calendar import Calendar
from shared.rules.roles import Role

_FOLDER: Final = Path(__file__).parent / "profiles"

T = TypeVar("T")


class UnknownProfile(LookupError):
    """There is no rule profile of this name."""


class Unit(StrEnum):
    """What a clock counts."""

    WORKING_DAYS = "working_days"
    DAYS = "days"
    HOURS = "hours"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Named:
    """A thing of the domain with its name in both languages and where it comes from."""

    code: str
    chinese: str
    english: str
    source: str


@dataclass(frozen=True, slots=True)
class Province:
    """A province by its GB/T 2260 code; ``short`` opens every registration number issued there."""

    code: str
    short: str
    chinese: str
    english: str


@dataclass(frozen=True, slots=True)
class ApprovalMark:
    """What tells approvals of one service item in their numbers: between the province's sign and the year."""

    sign: str
    source: str


@dataclass(frozen=True, slots=True)
class ServiceItem:
    """A kind of service. A regulated one names the authority whose consent comes before registration, and its clock."""

    code: str
    chinese: str
    english: str
    approval_required: bool
    source: str
    authority: str | None = None
    authority_chinese: str | None = None
    clock: str | None = None
    approval_mark: ApprovalMark | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A statutory delay: so many units, from which source."""

    name: str
    amount: int
    unit: Unit
    source: str
    description: str


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How numbers of one kind of registration are written: the mark after ICP, and at least so many digits."""

    kind: str
    mark: str
    digits: int
    example: str
    source: str


@dataclass(frozen=True, slots=True)
class RedressDefault:
    """How a measure can be challenged where a decision says nothing else."""

    within_days: int
    how: str
    source: str


@dataclass(frozen=True)
class Rules:
    """A rule profile. Everything in it is data with a citation."""

    id: str
    title: str
    time_zone: ZoneInfo
    calendar: Calendar
    roles: Mapping[Role, Named]
    provinces: Mapping[str, Province]
    """By GB/T 2260 code, e.g. 110000."""
    service_items: Mapping[str, ServiceItem]
    clocks: Mapping[str, Clock]
    numbers: Mapping[str, NumberFormat]
    """By kind of registration: filing, licence."""
    refusal_grounds: Mapping[str, Named]
    measures: Mapping[str, Named]
    redress: RedressDefault

    @cached_property
    def provinces_by_short_name(self) -> Mapping[str, Province]:
        """Provinces by the sign that opens a number, e.g. 京."""
        return MappingProxyType({province.short: province for province in self.provinces.values()})


@cache
def load(name: str) -> Rules:
    """Read the profile of this name, once per process. Raises UnknownProfile."""
    file = _FOLDER / f"{name}.toml"
    if not name.replace("-", "").isalnum() or not file.is_file():
        known = ", ".join(sorted(found.stem for found in _FOLDER.glob("*.toml")))
        raise UnknownProfile(f"there is no rule profile {name!r}; known: {known}")
    return _rules(tomllib.loads(file.read_text(encoding="utf-8")))


def _rules(data: dict[str, Any]) -> Rules:
    rules = Rules(
        id=data["id"],
        title=data["title"],
        time_zone=ZoneInfo(data["time_zone"]),
        calendar=Calendar.load(data["calendar"]),
        roles=MappingProxyType({Role(code): Named(code, **row) for code, row in data["roles"].items()}),
        provinces=_table(data, "provinces", Province),
        service_items=_table(data, "service_items", _service_item),
        clocks=_table(data, "clocks", _clock),
        numbers=_table(data, "numbers", NumberFormat),
        refusal_grounds=_table(data, "refusal_grounds", Named),
        measures=_table(data, "measures", Named),
        redress=RedressDefault(**data["redress"]),
    )
    _check(rules)
    return rules


def _table(data: dict[str, Any], name: str, make: Callable[..., T]) -> Mapping[str, T]:
    return MappingProxyType({code: make(code, **row) for code, row in data[name].items()})


def _service_item(code: str, approval_mark: dict[str, str] | None = None, **row: Any) -> ServiceItem:
    return ServiceItem(code, **row, approval_mark=ApprovalMark(**approval_mark) if approval_mark else None)


def _clock(name: str, unit: str, **row: Any) -> Clock:
    return Clock(name=name, unit=Unit(unit), **row)


def _check(rules: Rules) -> None:
    """A profile that names an unknown clock or forgets a role must not start a service."""
    if missing := set(Role) - rules.roles.keys():
        raise ValueError(f"profile {rules.id} says nothing about the roles {sorted(missing)}")
    for item in rules.service_items.values():
        if item.approval_required and not (item.authority and item.clock in rules.clocks and item.approval_mark):
            raise ValueError(f"profile {rules.id}: {item.code} needs an authority, a known clock and an approval mark")
    marks = [item.approval_mark.sign for item in rules.service_items.values() if item.approval_mark]
    if len(set(marks)) != len(marks):
        raise ValueError(f"profile {rules.id}: approvals of two service items would get the same numbers")
    if len(rules.provinces_by_short_name) != len(rules.provinces):
        raise ValueError(f"profile {rules.id}: two provinces share a short name")
