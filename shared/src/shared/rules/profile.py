"""Reads a rule profile from its TOML file into frozen records, and refuses one that is incomplete."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from shared.rules.calendar import Calendar
from shared.rules.roles import Level, Role

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


@dataclass(frozen=True, slots=True)
class FoundingOrganisation:
    """An organisation that a new directory begins with; its competences begin on ``since``."""

    id: str
    chinese: str
    english: str
    short: str
    kinds: tuple[Role, ...]
    level: Level
    region: str | None
    competences: tuple[str, ...]
    since: date
    parent: str | None
    supervises: tuple[str, ...]
    redress: str | None
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
    organisations: Mapping[str, FoundingOrganisation]
    """What a new directory of organisations begins with, by id."""

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
        service_items=_table(data, "service_items", ServiceItem),
        clocks=_table(data, "clocks", _clock),
        numbers=_table(data, "numbers", NumberFormat),
        refusal_grounds=_table(data, "refusal_grounds", Named),
        measures=_table(data, "measures", Named),
        redress=RedressDefault(**data["redress"]),
        organisations=_organisations(data),
    )
    _check(rules)
    return rules


def _table(data: dict[str, Any], name: str, make: Callable[..., T]) -> Mapping[str, T]:
    return MappingProxyType({code: make(code, **row) for code, row in data[name].items()})


def _organisations(data: dict[str, Any]) -> Mapping[str, FoundingOrganisation]:
    """Those of the whole country, then each kind once in every province."""
    directory = data.get("directory", {"national": {}, "provinces": {}})
    found = [_founding(name, row, directory["since"]) for name, row in directory["national"].items()]
    for code, province in data["provinces"].items():
        words = {"zh": province["chinese"], "en": province["english"], "short": province["short"], "region": code}
        found += [
            _founding(f"{name}-{code}", row, directory["since"], words) for name, row in directory["provinces"].items()
        ]
    return MappingProxyType({organisation.id: organisation for organisation in found})


def _founding(
    organisation_id: str, row: dict[str, Any], since: date, words: Mapping[str, str] = MappingProxyType({})
) -> FoundingOrganisation:
    """``words`` are those of its province, none for a national one."""
    said = {name: value.format(**words) for name, value in row.items() if isinstance(value, str)}
    return FoundingOrganisation(
        id=organisation_id,
        chinese=said["chinese"],
        english=said["english"],
        short=said["short"],
        kinds=tuple(Role(kind) for kind in row["kinds"]),
        level=Level.PROVINCE if words else Level.NATIONAL,
        region=words.get("region"),
        competences=tuple(row.get("competences", ())),
        since=since,
        parent=said.get("parent"),
        supervises=tuple(row.get("supervises", ())),
        redress=said.get("redress"),
        source=said["source"],
    )


def _clock(name: str, unit: str, **row: Any) -> Clock:
    return Clock(name=name, unit=Unit(unit), **row)


def _check(rules: Rules) -> None:
    """A profile that names an unknown clock or forgets a role must not start a service."""
    if missing := set(Role) - rules.roles.keys():
        raise ValueError(f"profile {rules.id} says nothing about the roles {sorted(missing)}")
    for item in rules.service_items.values():
        if item.approval_required and (not item.authority or item.clock not in rules.clocks):
            raise ValueError(f"profile {rules.id}: {item.code} needs an authority and a known clock")
    if len(rules.provinces_by_short_name) != len(rules.provinces):
        raise ValueError(f"profile {rules.id}: two provinces share a short name")
    for founding in rules.organisations.values():
        unknown = {founding.parent, founding.redress} - rules.organisations.keys() - {None}
        unknown |= set(founding.competences) - rules.service_items.keys()
        if unknown:
            raise ValueError(f"profile {rules.id}: {founding.id} names {sorted(map(str, unknown))}, which is not there")
