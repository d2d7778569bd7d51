"""What one row of a profile says of another: a profile that names what is not there must not start a service."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from shared.rules.clocks import Clock, Unit
from shared.rules.effects import BURDENS, ENDING, ONLY_AFTER, EffectRule
from shared.rules.media import MOST_MIB, Signature
from shared.rules.rows import NumberFormat, Route

if TYPE_CHECKING:
    from shared.rules.profile import ProfileFile, Rules

DEMONSTRATION: Final = "演示 Demonstration"
"""How the title of a profile begins that demonstrates another one in seconds; its id ends with ``-demo``."""
LEAST_DAYS_TO_APPEAL: Final = 5
_LEAST_WINDOW: Final = 14
"""Days in which authorities can give an opinion: with fewer they would be late whatever they did."""
_DAYS: Final = {
    Unit.SECONDS: 1 / 86_400, Unit.MINUTES: 1 / 1_440, Unit.HOURS: 1 / 24, Unit.DAYS: 1.0, Unit.WORKING_DAYS: 1.5,
    Unit.MONTHS: 31.0, Unit.YEARS: 366.0, Unit.DAY_OF_MONTH: 31.0,
}  # fmt: skip
_BOUNDS: Final = {
    "appeal_decision": (1, 180),
    "notice_deemed": (1, 60),
    "shell_cure": (14, 366),
    "shell_cured": (30, 366),
    "shell_idle": (30, 1_830),
    "urgent_notice": (0, 3),
    "register_copy": (0, 1),
    "instruct_supervisor": (0, 30),
    "cure_window": (1, 366),
    "confirm_emergency": (0, 3),
    "triage_complaint": (0, 60),
    "evidence_retention": (365, 10_000),
    "hearing_notice": (3, 60),
    "conduct_counts": (30, 1_100),
    "inventory_cure": (3, 90),
    "inventory_fresh": (1, 31),
    "preflight_validity": (0, 1),
    "regulator_request": (0, 60),
}
"""Clocks by which a safeguard works (docs/adr/0004), and the days between which they stay: a clock that never runs out,
or runs out at once, would turn it off."""
_DEMONSTRATED: Final = frozenset({"cure_window"})
"""Of these, the ones that a demonstration may go through in seconds, as it does through the cure of an effect."""
_BOUNDS_OF_REGISTRATIONS: Final = {
    "check": (0, 60),
    "renewal": (0, 90),
    "late_renewal": (30, 1_830),
    "validity": (365, 10_000),
    "registrar": (0, 180),
}
"""The same for what ``registrations`` names, whatever clock that is: a silent provider or regulator stops no applicant,
a licence holds for a year at least, and one that lapsed can be renewed for a month at least."""
_BOUNDS_OF_COMPLAINTS: Final = (
    ("forget_days", 1, 366), ("most_files", 0, 20), ("most_file_bytes", 1, 20 * 1024 * 1024), ("again_days", 7, 3_660),
)  # fmt: skip
"""Who complained is forgotten, and a provider does not string together what it may do for some hours alone."""
_BOUNDS_OF_OBSERVATIONS: Final = (("days", 1, 92), ("apart_minutes", 5, 1_440), ("least", 3, 1_000))
"""Nobody is watched for ever, one look is none, and few orders would say which sites they were about."""
_STAGE: Final = re.compile(r"[a-z][a-z0-9_]{0,40}").fullmatch
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+").fullmatch
_LONGEST: Final = 10_000
_MOST_TRANSFERS, _LONGEST_UNCHECKED = 3, 366


def check(data: "ProfileFile", rules: "Rules") -> None:
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
        _check_clock(data, clock, demonstration=rules.is_demonstration)
    _check_way_back(data, rules)
    _check_registrations(data, rules)
    for number in rules.numbers.values():
        _check_number(data, number)
    for effect in rules.effects.values():
        _check_effect(data, rules, effect)
    _check_reviews(data, rules)
    _check_complaints(data, rules)
    _check_cases(data, rules)
    for key, least, most in _BOUNDS_OF_OBSERVATIONS:
        if rules.observations is not None and not least <= getattr(rules.observations, key) <= most:
            raise data.wrong(f"observations.{key}", f"is not between {least} and {most}")
    for each in rules.protected.values():
        for suffix in each.suffixes:
            if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", suffix) is None:
                raise data.wrong(f"protected.{each.code}.suffixes", f"{suffix!r} is no host name in A-labels")


def _check_way_back(data: "ProfileFile", rules: "Rules") -> None:
    """Hosting a site again is never given more time than stopping it was (docs/adr/0004)."""
    restore = rules.clocks.get("execute_restore")
    for name in ("execute_cut_off", "execute_suspend"):
        stop = rules.clocks.get(name)
        if stop is not None and (restore is None or _days(restore) > _days(stop)):
            raise data.wrong("clocks.execute_restore", f"is not there, or longer than {name}")


def _days(clock: Clock) -> float:
    return clock.amount * _DAYS[clock.unit]


def _check_reviews(data: "ProfileFile", rules: "Rules") -> None:
    if rules.reviews is None:
        return
    try:
        opens, until, closes = rules.reviews.dates(2023)  # no leap year: a date must be in every one
    except ValueError as wrong:
        raise data.wrong("reviews", f"its dates are month and day, in any year: {wrong}") from None
    if not opens < until < closes:
        raise data.wrong("reviews", "opens before opinions_until, which is before closes, in one year")
    if (until - opens).days < _LEAST_WINDOW:
        raise data.wrong("reviews.opinions_until", f"leaves less than {_LEAST_WINDOW} days for an opinion")


def _check_complaints(data: "ProfileFile", rules: "Rules") -> None:
    if (rules.complaints is None) != (not rules.complaint_grades):
        raise data.wrong("complaint_grades", "go with the section complaints: how is one graded, what is kept of it")
    for grade in rules.complaint_grades.values():
        if Route.DISMISS not in grade.routes:
            raise data.wrong(f"complaint_grades.{grade.code}.routes", "has dismiss: no grade forces anybody on")
    for key, least, most in _BOUNDS_OF_COMPLAINTS:
        if rules.complaints is not None and not least <= getattr(rules.complaints, key) <= most:
            raise data.wrong(f"complaints.{key}", f"is not between {least} and {most}")


def _check_cases(data: "ProfileFile", rules: "Rules") -> None:
    if not 0 <= rules.cases.most_transfers <= _MOST_TRANSFERS:
        raise data.wrong("cases.most_transfers", f"is not between 0 and {_MOST_TRANSFERS}: somebody has to decide")
    if not 1 <= rules.cases.recheck_days <= _LONGEST_UNCHECKED:
        raise data.wrong("cases.recheck_days", f"is not between 1 and {_LONGEST_UNCHECKED}")
    said: list[str] = []
    for kind in rules.evidence_kinds.values():
        where = f"evidence_kinds.{kind.code}"
        if kind.code not in set(Signature):
            raise data.wrong(where, f"is none of {', '.join(Signature)}, which the code knows by their first bytes")
        if not 1 <= kind.most_mib <= MOST_MIB:
            raise data.wrong(f"{where}.most_mib", f"is not between 1 and {MOST_MIB}")
        said += kind.media_types
    if len(set(said)) != len(said) or any(_MEDIA_TYPE(each) is None for each in said):
        raise data.wrong("evidence_kinds", "a media type stands in lower case, without parameters, and with one kind")


def _check_items(data: "ProfileFile", rules: "Rules") -> None:
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


def _refer(data: "ProfileFile", key: str, names: Iterable[str | None], known: Mapping[Any, Any]) -> None:
    for name in names:
        if name not in known:
            raise data.wrong(key, f"{name!r} is none of {', '.join(map(str, known)) or 'nothing'}")


def _check_registrations(data: "ProfileFile", rules: "Rules") -> None:
    for key, bounds in _BOUNDS_OF_REGISTRATIONS.items():
        _require_within(data, rules.clocks[getattr(rules.registrations, key)], *bounds)


def _require_within(data: "ProfileFile", clock: Clock, least: float, longest: float) -> None:
    if not least <= clock.amount * _DAYS[clock.unit] <= longest:
        why = f"is not between {least} and {longest} days: a safeguard works by it"
        raise data.wrong(f"clocks.{clock.name}.amount", why)


def _check_clock(data: "ProfileFile", clock: Clock, *, demonstration: bool) -> None:
    where = f"clocks.{clock.name}"
    most = 31 if clock.unit is Unit.DAY_OF_MONTH else _LONGEST
    if not 1 <= clock.amount <= most:
        raise data.wrong(f"{where}.amount", f"is not between 1 and {most}")
    least, longest = _BOUNDS.get(clock.name, (0, float("inf")))
    shown = demonstration and clock.name in _DEMONSTRATED
    _require_within(data, clock, 0 if shown else least, longest)
    names = [stage.name for stage in clock.stages]
    for stage in clock.stages:
        if _STAGE(stage.name) is None or stage.name == "due" or names.count(stage.name) > 1:
            raise data.wrong(f"{where}.stages", f"{stage.name!r} cannot name a stage, or names two")
        if not 1 <= stage.amount <= _LONGEST or stage.unit is Unit.DAY_OF_MONTH:
            raise data.wrong(f"{where}.stages", f"{stage.name} is at no distance from the due time")


def _check_number(data: "ProfileFile", number: NumberFormat) -> None:
    where = f"numbers.{number.kind}"
    for key, text, holes in (("pattern", number.pattern, ["{serial}"]), ("site", number.site, ["{site}"])):
        if any(text.count(hole) != 1 for hole in holes) or text.count("{region}") > 1:
            raise data.wrong(f"{where}.{key}", f"has {' and '.join(holes)} once, and {{region}} at most once")
    if not 1 <= number.digits <= number.most_digits <= 15:
        raise data.wrong(f"{where}.digits", "is not between 1 and most_digits, which is 15 at most")


def _check_effect(data: "ProfileFile", rules: "Rules", effect: EffectRule) -> None:
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
