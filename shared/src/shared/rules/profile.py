"""Reads a rule profile from its TOML file into frozen records, and refuses one that is incomplete or says too much."""

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.rules import clocks, texts
from shared.rules.calendar import Calendar, UnknownCalendar
from shared.rules.checks import DEMONSTRATION, LEAST_DAYS_TO_APPEAL, check
from shared.rules.clocks import Clock, Due, Pause, Unit
from shared.rules.effects import Effect, EffectRule, Ground
from shared.rules.organisations import FoundingOrganisation, founding
from shared.rules.roles import Role
from shared.rules.row import ProfileError, read
from shared.rules.rows import (
    AddressRange,
    Approvals,
    Cases,
    ComplaintGrade,
    Complaints,
    EvidenceKind,
    IdentityDocument,
    Named,
    NumberFormat,
    Observations,
    Protected,
    Province,
    RedressDefault,
    Registrations,
    Reviews,
    ServiceItem,
)
from shared.rules.texts import StandardText

_FOLDER: Final = Path(__file__).parent / "profiles"
DEFAULT: Final = "cn-2006"
SETTING: Final = "CONCORD_PROFILE"

T = TypeVar("T")


class UnknownProfile(LookupError):
    """There is no rule profile of this name."""


@dataclass(frozen=True, eq=False)
class Rules:
    """A rule profile. Everything in it is data with a citation."""

    id: str
    version: int
    title: str
    time_zone: ZoneInfo
    calendar: Calendar
    roles: Mapping[Role, Named]
    provinces: Mapping[str, Province]
    """By GB/T 2260 code, e.g. 110000."""
    service_items: Mapping[str, ServiceItem]
    requirements: Mapping[str, Named]
    """Documents that an application brings, by code."""
    approvals: Approvals
    registrations: Registrations
    clocks: Mapping[str, Clock]
    numbers: Mapping[str, NumberFormat]
    """By kind of registration: filing, licence."""
    identity_documents: Mapping[str, IdentityDocument]
    subject_kinds: Mapping[str, Named]
    provider_licences: Mapping[str, Named]
    """Kinds of licence under which a provider may host."""
    effects: Mapping[Effect, EffectRule]
    grounds: Mapping[str, Ground]
    urgent_grounds: Mapping[str, Named]
    texts: Mapping[str, StandardText]
    """What decisions are drafted from, by code."""
    delay_grounds: Mapping[str, Named]
    """Why whom a referral is about may be told later; none where nobody may."""
    refusal_grounds: Mapping[str, Named]
    measures: Mapping[str, Named]
    redress: RedressDefault
    reviews: Reviews | None
    """The annual review's dates; none where nobody is reviewed every year."""
    complaints: Complaints | None
    """What is kept of complaints; none where nobody takes them."""
    observations: Observations | None
    """How orders are looked at that providers say they carried out; none where nobody looks."""
    complaint_grades: Mapping[str, ComplaintGrade]
    cases: Cases
    evidence_kinds: Mapping[str, EvidenceKind]
    protected: Mapping[str, Protected]
    address_ranges: Mapping[str, AddressRange]
    organisations: Mapping[str, FoundingOrganisation]
    """What a new directory of organisations begins with, by id."""

    @property
    def is_demonstration(self) -> bool:
        """Whether it says of itself that it is one, to who reads its title and to who reads ``ref`` in an act."""
        return self.title.startswith(DEMONSTRATION) and self.id.endswith("-demo")

    @property
    def ref(self) -> str:
        """Id and version, as each act records it: cn-2006/1."""
        return f"{self.id}/{self.version}"

    @cached_property
    def provinces_by_short_name(self) -> Mapping[str, Province]:
        """Provinces by the sign that opens a number, e.g. 京."""
        return MappingProxyType({province.short: province for province in self.provinces.values()})

    def due(self, clock: str, start: datetime, pauses: Sequence[Pause] = ()) -> Due:
        """When a clock of the profile runs out that was started then."""
        of = self.clocks[clock]
        found = self.count(start, of.amount, of.unit, carry_over=of.carry_over, pauses=pauses)
        return replace(found, source=of.source)

    def count(
        self, start: datetime, amount: int, unit: Unit, *, carry_over: bool = False, pauses: Sequence[Pause] = ()
    ) -> Due:
        """When so many units after ``start`` are over, in the profile's calendar and zone."""
        return clocks.due(self.calendar, self.time_zone, start, amount, unit, carry_over=carry_over, pauses=pauses)

    def appeal_until(self, delivered_at: datetime, within_days: int | None = None) -> Due:
        """The end of the time to appeal, running from the delivery of the notice; ends with its last day."""
        clock = self.clocks[self.redress.clock]
        days = clock.amount if within_days is None else within_days
        found = self.count(delivered_at, days, clock.unit, carry_over=clock.carry_over)
        return replace(found, source=self.redress.source)

    def end_of(self, day: date) -> datetime:
        """The last second of a day in the profile's zone, in UTC: when something that is valid until it ends."""
        return self.calendar.end_of(day, self.time_zone)

    def day_of(self, at: datetime) -> date:
        """Which day it is, then, in the profile's zone."""
        return at.astimezone(self.time_zone).date()

    @cached_property
    def unregulated_item(self) -> str:
        """The service item that needs no approval: what remains of a site whose last regulated item is struck off."""
        return next(code for code, item in self.service_items.items() if not item.approval_required)

    @cached_property
    def protected_suffixes(self) -> tuple[str, ...]:
        """Every name of the protected list (in A-labels); each stands for itself and every name below it."""
        return tuple(sorted({suffix for each in self.protected.values() for suffix in each.suffixes}))

    def protected_by(self, host: str) -> Protected | None:
        """Why this host name (in A-labels) is on the protected list; none if it is not."""
        return next(
            (each for each in self.protected.values() for suffix in each.suffixes if f".{host}".endswith(f".{suffix}")),
            None,
        )


def chosen() -> Rules:
    """The profile that CONCORD_PROFILE names. For programs without a Runtime; verbs have ``rt.rules``."""
    return load(os.environ.get(SETTING) or DEFAULT)


@cache
def load(name: str) -> Rules:
    """Read a profile, once per process: one of ours by name, any other by the path of its ``.toml`` file.

    Such a file may name one of our calendars, or one in the folder ``calendars`` beside its own folder.
    Raises UnknownProfile, and ProfileError for one that is incomplete or says too much.
    """
    file = Path(name) if name.endswith(".toml") else _FOLDER / f"{name}.toml"
    if not (name.endswith(".toml") or name.replace("-", "").isalnum()) or not file.is_file():
        known = ", ".join(sorted(found.stem for found in _FOLDER.glob("*.toml")))
        raise UnknownProfile(f"there is no rule profile {name!r}; known: {known}, or the path of a .toml file")
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        if "base" in values:
            base = file.with_name(f"{values.pop('base')}.toml")
            values = _over(tomllib.loads(base.read_text(encoding="utf-8")), values)
        return _rules(ProfileFile(file.name, values), file.parent.parent)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as wrong:
        raise ProfileError(f"{file.name}: {wrong}") from None


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The profile that another one is based on, with what that one says instead; sections are merged key by key."""
    merged = dict(base)
    for key, value in own.items():
        under = base.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


class ProfileFile(dict[str, Any]):
    """What is left to read of a profile; whatever nobody takes is no key of a profile."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.name = name

    def wrong(self, key: str, what: str) -> ProfileError:
        """What is wrong with one of its keys, to be raised."""
        return ProfileError(f"{self.name}: {key}: {what}")

    def take(self, key: str, kind: type[T], missing: T | None = None) -> T:
        """The value of a key, which is read by that. Raises ProfileError."""
        value = self.pop(key, missing)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(key, "is missing" if value is None else f"is no {kind.__name__}")
        return value


def _rules(data: ProfileFile, folder: Path) -> Rules:
    clock_rows, provinces = _table(data, "clocks", Clock), _table(data, "provinces", Province)
    rules = Rules(
        id=data.take("id", str),
        version=data.take("version", int),
        title=data.take("title", str),
        time_zone=_known(data, "time_zone", ZoneInfo, ZoneInfoNotFoundError),
        calendar=_known(data, "calendar", lambda name: _calendar(name, folder), UnknownCalendar),
        roles=_roles(data),
        provinces=provinces,
        service_items=_table(data, "service_items", ServiceItem),
        requirements=_table(data, "requirements", Named, optional=True),
        approvals=_one(data, "approvals", Approvals),
        registrations=_one(data, "registrations", Registrations),
        clocks=clock_rows,
        numbers=_table(data, "numbers", NumberFormat),
        identity_documents=_table(data, "identity_documents", IdentityDocument),
        subject_kinds=_table(data, "subject_kinds", Named),
        provider_licences=_table(data, "provider_licences", Named),
        effects=MappingProxyType({row.code: row for row in _table(data, "effects", EffectRule).values()}),
        grounds=_table(data, "grounds", Ground),
        urgent_grounds=_table(data, "urgent_grounds", Named, optional=True),
        texts=_table(data, "texts", StandardText, optional=True),
        delay_grounds=_table(data, "delay_grounds", Named, optional=True),
        refusal_grounds=_table(data, "refusal_grounds", Named),
        measures=_table(data, "measures", Named, optional=True),
        redress=_redress(data, clock_rows),
        reviews=_one(data, "reviews", Reviews) if "reviews" in data else None,
        complaints=_one(data, "complaints", Complaints) if "complaints" in data else None,
        observations=_one(data, "observations", Observations) if "observations" in data else None,
        complaint_grades=_table(data, "complaint_grades", ComplaintGrade, optional=True),
        cases=_one(data, "cases", Cases),
        evidence_kinds=_table(data, "evidence_kinds", EvidenceKind),
        protected=_table(data, "protected", Protected, optional=True),
        address_ranges=_table(data, "address_ranges", AddressRange, optional=True),
        organisations=_organisations(data, [(p.code, p.chinese, p.english, p.short) for p in provinces.values()]),
    )
    if data:
        raise data.wrong(next(iter(data)), "is no key of a profile")
    check(data, rules)
    texts.check(data, rules)
    return rules


def _calendar(name: str, folder: Path) -> Calendar:
    """The profile's own, beside its folder, or one of ours."""
    own = folder / "calendars"
    return Calendar.load(name, own) if (own / f"{name}.toml").is_file() else Calendar.load(name)


def _organisations(
    data: ProfileFile, provinces: Iterable[tuple[str, str, str, str]]
) -> Mapping[str, FoundingOrganisation]:
    directory = data.take("directory", dict, {})
    try:
        return founding(directory, provinces)
    except (KeyError, ValueError, AttributeError) as wrong:
        raise data.wrong("directory", f"is not whole: {wrong}") from None


def _table(data: ProfileFile, name: str, kind: type[T], *, optional: bool = False) -> Mapping[str, T]:
    """A section of rows by their keys; the first field of the row is the key."""
    key, *_ = fields(kind)  # type: ignore[arg-type]  # every row is a dataclass
    found = {}
    for code, row in data.take(name, dict, {} if optional else None).items():
        where = f"{name}.{code}"
        if not isinstance(row, dict) or key.name in row:
            raise data.wrong(where, f"is a section, and its name is its {key.name}")
        found[code] = read(kind, {key.name: code, **row}, f"{data.name}: {where}")
    if not (found or optional):
        raise data.wrong(name, "is empty")
    return MappingProxyType(found)


def _one(data: ProfileFile, name: str, kind: type[T], **computed: Any) -> T:
    row = data.take(name, dict)
    if both := sorted(row.keys() & computed.keys()):
        raise data.wrong(f"{name}.{both[0]}", "is no key of this section")
    return read(kind, row | computed, f"{data.name}: {name}")


def _known(data: ProfileFile, key: str, find: Callable[[str], T], unknown: type[Exception]) -> T:
    try:
        return find(data.take(key, str))
    except (unknown, ValueError) as wrong:
        if isinstance(wrong, ProfileError):
            raise
        raise data.wrong(key, str(wrong)) from None


def _roles(data: ProfileFile) -> Mapping[Role, Named]:
    rows = _table(data, "roles", Named)
    for key in sorted(rows.keys() ^ set(Role)):
        raise data.wrong(
            f"roles.{key}", "is missing" if key in set(Role) else "is none of the roles that the code knows"
        )
    return MappingProxyType({Role(code): row for code, row in rows.items()})


def _redress(data: ProfileFile, known: Mapping[str, Clock]) -> RedressDefault:
    clock = known.get(data.get("redress", {}).get("clock", ""))
    if clock is None or clock.unit not in {Unit.DAYS, Unit.WORKING_DAYS}:
        raise data.wrong("redress.clock", "names no clock that counts days")
    if clock.amount < LEAST_DAYS_TO_APPEAL:
        raise data.wrong("redress.clock", f"leaves less than {LEAST_DAYS_TO_APPEAL} days: nobody can appeal in time")
    return _one(data, "redress", RedressDefault, within_days=clock.amount)
