"""Reads a rule profile from its TOML file into frozen records, and refuses one that is incomplete or says too much."""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.rules import clocks, rows
from shared.rules.calendar import Calendar, UnknownCalendar
from shared.rules.clocks import Clock, Due, Pause, Unit
from shared.rules.effects import BURDENS, ENDING, ONLY_AFTER, Effect, EffectRule, Ground
from shared.rules.organisations import FoundingOrganisation, founding
from shared.rules.roles import Role
from shared.rules.row import ProfileError, read

_FOLDER: Final = Path(__file__).parent / "profiles"
DEFAULT: Final = "cn-2006"
SETTING: Final = "CONCORD_PROFILE"
DEMONSTRATION: Final = "演示 Demonstration"
"""How the title of a profile begins that demonstrates another one in seconds; its id ends with ``-demo``."""

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
    roles: Mapping[Role, rows.Named]
    provinces: Mapping[str, rows.Province]
    """By GB/T 2260 code, e.g. 110000."""
    service_items: Mapping[str, rows.ServiceItem]
    requirements: Mapping[str, rows.Named]
    """Documents that an application brings, by code."""
    approvals: rows.Approvals
    registrations: rows.Registrations
    clocks: Mapping[str, Clock]
    numbers: Mapping[str, rows.NumberFormat]
    """By kind of registration: filing, licence."""
    identity_documents: Mapping[str, rows.IdentityDocument]
    subject_kinds: Mapping[str, rows.Named]
    effects: Mapping[Effect, EffectRule]
    grounds: Mapping[str, Ground]
    urgent_grounds: Mapping[str, rows.Named]
    refusal_grounds: Mapping[str, rows.Named]
    measures: Mapping[str, rows.Named]
    redress: rows.RedressDefault
    protected: Mapping[str, rows.Protected]
    address_ranges: Mapping[str, rows.AddressRange]
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
    def provinces_by_short_name(self) -> Mapping[str, rows.Province]:
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

    def protected_by(self, host: str) -> rows.Protected | None:
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
        return _rules(_File(file.name, values), file.parent.parent)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as wrong:
        raise ProfileError(f"{file.name}: {wrong}") from None


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The profile that another one is based on, with what that one says instead; sections are merged key by key."""
    merged = dict(base)
    for key, value in own.items():
        under = base.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


class _File(dict[str, Any]):
    """What is left to read of a profile; whatever nobody takes is no key of a profile."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.name = name

    def wrong(self, key: str, what: str) -> ProfileError:
        return ProfileError(f"{self.name}: {key}: {what}")

    def take(self, key: str, kind: type[T], missing: T | None = None) -> T:
        value = self.pop(key, missing)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(key, "is missing" if value is None else f"is no {kind.__name__}")
        return value


def _rules(data: _File, folder: Path) -> Rules:
    clock_rows, provinces = _table(data, "clocks", Clock), _table(data, "provinces", rows.Province)
    rules = Rules(
        id=data.take("id", str),
        version=data.take("version", int),
        title=data.take("title", str),
        time_zone=_known(data, "time_zone", ZoneInfo, ZoneInfoNotFoundError),
        calendar=_known(data, "calendar", lambda name: _calendar(name, folder), UnknownCalendar),
        roles=_roles(data),
        provinces=provinces,
        service_items=_table(data, "service_items", rows.ServiceItem),
        requirements=_table(data, "requirements", rows.Named, optional=True),
        approvals=_one(data, "approvals", rows.Approvals),
        registrations=_one(data, "registrations", rows.Registrations),
        clocks=clock_rows,
        numbers=_table(data, "numbers", rows.NumberFormat),
        identity_documents=_table(data, "identity_documents", rows.IdentityDocument),
        subject_kinds=_table(data, "subject_kinds", rows.Named),
        effects=MappingProxyType({row.code: row for row in _table(data, "effects", EffectRule).values()}),
        grounds=_table(data, "grounds", Ground),
        urgent_grounds=_table(data, "urgent_grounds", rows.Named, optional=True),
        refusal_grounds=_table(data, "refusal_grounds", rows.Named),
        measures=_table(data, "measures", rows.Named, optional=True),
        redress=_redress(data, clock_rows),
        protected=_table(data, "protected", rows.Protected, optional=True),
        address_ranges=_table(data, "address_ranges", rows.AddressRange, optional=True),
        organisations=_organisations(data, [(p.code, p.chinese, p.english, p.short) for p in provinces.values()]),
    )
    if data:
        raise data.wrong(next(iter(data)), "is no key of a profile")
    _check(data, rules)
    return rules


def _calendar(name: str, folder: Path) -> Calendar:
    """The profile's own, beside its folder, or one of ours."""
    own = folder / "calendars"
    return Calendar.load(name, own) if (own / f"{name}.toml").is_file() else Calendar.load(name)


def _organisations(data: _File, provinces: Iterable[tuple[str, str, str, str]]) -> Mapping[str, FoundingOrganisation]:
    directory = data.take("directory", dict, {})
    try:
        return founding(directory, provinces)
    except (KeyError, ValueError, AttributeError) as wrong:
        raise data.wrong("directory", f"is not whole: {wrong}") from None


def _table(data: _File, name: str, kind: type[T], *, optional: bool = False) -> Mapping[str, T]:
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


def _one(data: _File, name: str, kind: type[T], **computed: Any) -> T:
    row = data.take(name, dict)
    if both := sorted(row.keys() & computed.keys()):
        raise data.wrong(f"{name}.{both[0]}", "is no key of this section")
    return read(kind, row | computed, f"{data.name}: {name}")


def _known(data: _File, key: str, find: Callable[[str], T], unknown: type[Exception]) -> T:
    try:
        return find(data.take(key, str))
    except (unknown, ValueError) as wrong:
        if isinstance(wrong, ProfileError):
            raise
        raise data.wrong(key, str(wrong)) from None


def _roles(data: _File) -> Mapping[Role, rows.Named]:
    found = _table(data, "roles", rows.Named)
    for key in sorted(found.keys() ^ set(Role)):
        raise data.wrong(
            f"roles.{key}", "is missing" if key in set(Role) else "is none of the roles that the code knows"
        )
    return MappingProxyType({Role(code): row for code, row in found.items()})


def _redress(data: _File, known: Mapping[str, Clock]) -> rows.RedressDefault:
    clock = known.get(data.get("redress", {}).get("clock", ""))
    if clock is None or clock.unit not in {Unit.DAYS, Unit.WORKING_DAYS}:
        raise data.wrong("redress.clock", "names no clock that counts days")
    if clock.amount < _LEAST_DAYS_TO_APPEAL:
        raise data.wrong("redress.clock", f"leaves less than {_LEAST_DAYS_TO_APPEAL} days: nobody can appeal in time")
    return _one(data, "redress", rows.RedressDefault, within_days=clock.amount)


# --- what one row says of another ------------------------------------------------------------------------------------

_LEAST_DAYS_TO_APPEAL: Final = 5
_DAYS: Final = {
    Unit.SECONDS: 1 / 86_400, Unit.MINUTES: 1 / 1_440, Unit.HOURS: 1 / 24, Unit.DAYS: 1.0, Unit.WORKING_DAYS: 1.5,
    Unit.MONTHS: 31.0, Unit.YEARS: 366.0, Unit.DAY_OF_MONTH: 31.0,
}  # fmt: skip
_BOUNDS: Final = {
    "appeal_decision": (1, 180),
    "notice_deemed": (1, 60),
    "urgent_notice": (0, 3),
    "instruct_supervisor": (0, 30),
}
"""Clocks by which a safeguard works (docs/adr/0004), and the days between which they stay: a clock that never runs out,
or runs out at once, would turn it off."""
_STAGE: Final = re.compile(r"[a-z][a-z0-9_]{0,40}").fullmatch
_LONGEST: Final = 10_000


def _check(data: _File, rules: Rules) -> None:
    """A profile that names what is not there must not start a service."""
    if len(rules.provinces_by_short_name) != len(rules.provinces):
        raise data.wrong("provinces", "two share a short name")
    _refer(data, "approvals.validity", [rules.approvals.validity], rules.clocks)
    _refer(data, "registrations", rules.registrations.clocks, rules.clocks)
    _check_items(data, rules)
    for found in rules.organisations.values():
        where = f"directory.{found.id}"
        _refer(data, f"{where}.parent", [name for name in (found.parent, found.redress) if name], rules.organisations)
        _refer(data, f"{where}.competences", found.competences, rules.service_items)
    for clock in rules.clocks.values():
        _check_clock(data, clock)
    for number in rules.numbers.values():
        _check_number(data, number)
    for effect in rules.effects.values():
        _check_effect(data, rules, effect)
    for each in rules.protected.values():
        for suffix in each.suffixes:
            if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", suffix) is None:
                raise data.wrong(f"protected.{each.code}.suffixes", f"{suffix!r} is no host name in A-labels")


def _check_items(data: _File, rules: Rules) -> None:
    if all(item.approval_required for item in rules.service_items.values()):
        raise data.wrong("service_items", "one of them needs no approval")
    for item in rules.service_items.values():
        where = f"service_items.{item.code}"
        if item.approval_required and not (item.authority and item.authority_chinese):
            raise data.wrong(f"{where}.authority", "is missing: somebody must give the approval")
        if item.approval_required and not item.approval_mark:
            raise data.wrong(f"{where}.approval_mark", "is missing: approvals are numbered under it")
        if item.approval_required or item.clock is not None:
            _refer(data, f"{where}.clock", [item.clock], rules.clocks)
        _refer(data, f"{where}.requires", item.requires, rules.requirements)
    marks = [item.approval_mark for item in rules.service_items.values() if item.approval_mark]
    if len(set(marks)) != len(marks):
        raise data.wrong("service_items", "two have the same approval_mark, so their approvals the same numbers")


def _refer(data: _File, key: str, names: Iterable[str | None], known: Mapping[Any, Any]) -> None:
    for name in names:
        if name not in known:
            raise data.wrong(key, f"{name!r} is none of {', '.join(map(str, known)) or 'nothing'}")


def _check_clock(data: _File, clock: Clock) -> None:
    where = f"clocks.{clock.name}"
    most = 31 if clock.unit is Unit.DAY_OF_MONTH else _LONGEST
    if not 1 <= clock.amount <= most:
        raise data.wrong(f"{where}.amount", f"is not between 1 and {most}")
    least, longest = _BOUNDS.get(clock.name, (0, float("inf")))
    if not least <= clock.amount * _DAYS[clock.unit] <= longest:
        raise data.wrong(f"{where}.amount", f"is not between {least} and {longest} days: a safeguard works by it")
    names = [stage.name for stage in clock.stages]
    for stage in clock.stages:
        if _STAGE(stage.name) is None or stage.name == "due" or names.count(stage.name) > 1:
            raise data.wrong(f"{where}.stages", f"{stage.name!r} cannot name a stage, or names two")
        if not 1 <= stage.amount <= _LONGEST or stage.unit is Unit.DAY_OF_MONTH:
            raise data.wrong(f"{where}.stages", f"{stage.name} is at no distance from the due time")


def _check_number(data: _File, number: rows.NumberFormat) -> None:
    where = f"numbers.{number.kind}"
    for key, text, holes in (("pattern", number.pattern, ["{serial}"]), ("site", number.site, ["{site}"])):
        if any(text.count(hole) != 1 for hole in holes) or text.count("{region}") > 1:
            raise data.wrong(f"{where}.{key}", f"has {' and '.join(holes)} once, and {{region}} at most once")
    if not 1 <= number.digits <= number.most_digits <= 15:
        raise data.wrong(f"{where}.digits", "is not between 1 and most_digits, which is 15 at most")


def _check_effect(data: _File, rules: Rules, effect: EffectRule) -> None:
    where = f"effects.{effect.code}"
    _refer(data, f"{where}.subjects", effect.subjects, rules.subject_kinds)
    _refer(data, f"{where}.after", effect.after, rules.effects)
    if effect.clock is not None:
        _refer(data, f"{where}.clock", [effect.clock], rules.clocks)
    if not effect.roles or not effect.subjects:
        raise data.wrong(f"{where}.roles", "somebody must be able to decide it, against some kind of subject")
    # What follows is not for a profile to choose (docs/adr/0004).
    if effect.code in BURDENS and effect.min_cure_days < 1:
        raise data.wrong(f"{where}.min_cure_days", "is at least 1: nothing is taken away without time to put it right")
    if effect.demonstration_cure_s is not None and not rules.is_demonstration:
        what = f"is only for a profile whose title begins with {DEMONSTRATION!r} and whose id ends with -demo"
        raise data.wrong(f"{where}.demonstration_cure_s", what)
    if effect.demonstration_cure_s is not None and effect.demonstration_cure_s < 1:
        raise data.wrong(f"{where}.demonstration_cure_s", "is at least 1")
    most = ENDING.get(effect.code)
    if (most is None) != (effect.max_days is None) or (most and not 1 <= (effect.max_days or 1) <= most):
        raise data.wrong(f"{where}.max_days", f"goes with {', '.join(ENDING)} alone, and is at most {most or 0} here")
    if (effect.max_days is None) != (effect.within_days is None) or (effect.within_days or 0) > _LONGEST:
        raise data.wrong(f"{where}.within_days", f"goes with max_days, and is at most {_LONGEST}")
    if effect.max_days and effect.within_days and effect.within_days < 2 * effect.max_days:
        raise data.wrong(f"{where}.within_days", "is at least twice max_days: else measures in a row never end")
    first = ONLY_AFTER.get(effect.code)
    if first is not None and effect.after != {first}:
        raise data.wrong(f"{where}.after", f"is {first}, and nothing else: it follows one that was ignored")
