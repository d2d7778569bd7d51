"""Registration numbers, written as the rule profile says: one normal form whatever was typed."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from shared.rules.identifiers.base import InvalidIdentifier, compact, shown
from shared.rules.profile import Rules, chosen
from shared.rules.rows import NumberFormat

_DASHES: Final = str.maketrans("－–—−‐‑", "------")
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class RegistrationNumber:
    """A registration number taken apart. ``province`` is its short name (京); ``site`` is the n of ``…号-n``."""

    raw: str
    province: str
    kind: str
    serial: str
    """Filled up with zeros to the digits of its kind; leading zeros beyond them are gone."""
    site: int | None
    normal: str
    """The one form under which it is stored, compared and looked up."""
    registration: str
    """The normal form without the site."""


@dataclass(frozen=True, slots=True)
class _Reader:
    format: NumberFormat
    match: re.Pattern[str]


def parse_number(text: str, rules: Rules | None = None) -> RegistrationNumber:
    """Take a registration or site number apart. Raises InvalidIdentifier(bad_number).

    Blanks, full-width signs, lower case and leading zeros are forgiven; everything else is not.
    """
    return _parse(text, rules or chosen())


def looks_like_number(text: str, rules: Rules | None = None) -> bool:
    """Whether a key that could be anything is meant as a number, right or wrong."""
    rules = rules or chosen()
    found = _compact(text)
    return any(word in found for word in _words(rules)) or any(each.match.fullmatch(found) for each in _readers(rules))


def format_number(
    province: str, kind: str, serial: int | str, site: int | None = None, rules: Rules | None = None
) -> str:
    """Write a number: ``format_number("京", "filing", 10046444, 1)`` is 京ICP备10046444号-1.

    ``province`` is the short name. Raises InvalidIdentifier(bad_number).
    """
    rules = rules or chosen()
    form = rules.numbers.get(kind)
    if form is None or province not in rules.provinces_by_short_name:
        raise InvalidIdentifier("bad_number", f"no numbers of kind {kind!r} are issued in {province!r}")
    digits = f"{int(serial):0{form.digits}d}"
    if len(digits) > form.most_digits:
        raise InvalidIdentifier("bad_number", f"a {kind} has at most {form.most_digits} digits")
    written = form.pattern.format(region=province, serial=digits)
    return written if site is None else written + form.site.format(site=site)


@lru_cache(maxsize=4096)
def _parse(text: str, rules: Rules) -> RegistrationNumber:
    written = _compact(text)
    for reader in _readers(rules):
        found = reader.match.fullmatch(written)
        if found is None:
            continue
        form, parts = reader.format, found.groupdict()
        province = _province(rules, parts.get("region"))
        serial, site = int(parts["serial"]), int(parts["site"]) if parts["site"] else None
        if len(parts["serial"]) < form.digits:
            raise InvalidIdentifier("bad_number", f"{shown(text)}: a {form.kind} has at least {form.digits} digits")
        if serial == 0:
            raise InvalidIdentifier("bad_number", f"{shown(text)}: no number is 0")
        registration = format_number(province, form.kind, serial, rules=rules)
        normal = format_number(province, form.kind, serial, site, rules)
        return RegistrationNumber(text, province, form.kind, f"{serial:0{form.digits}d}", site, normal, registration)
    examples = " or ".join(number.example for number in rules.numbers.values())
    raise InvalidIdentifier("bad_number", f"{shown(text)} is not a registration number such as {examples}")


def _compact(text: str) -> str:
    return compact(text.translate(_DASHES)) if len(text) <= _LONGEST else ""


@cache
def _readers(rules: Rules) -> tuple[_Reader, ...]:
    return tuple(_Reader(form, re.compile(_pattern(rules, form))) for form in rules.numbers.values())


@cache
def _regions(rules: Rules) -> dict[str, str]:
    """Short names as they stand in a compacted number → as the profile writes them."""
    return {compact(short): short for short in rules.provinces_by_short_name}


def _province(rules: Rules, written: str | None) -> str:
    return _regions(rules)[written] if written is not None else next(iter(rules.provinces_by_short_name))


def _pattern(rules: Rules, form: NumberFormat) -> str:
    region = "|".join(re.escape(short) for short in sorted(_regions(rules), key=len, reverse=True))
    holes = {
        "region": f"(?P<region>{region})",
        "serial": r"(?P<serial>[0-9]{1,30})",
        "site": r"(?P<site>[1-9][0-9]{0,5})",
    }

    def filled(text: str) -> str:
        parts = re.split(r"\{(region|serial|site)\}", text)
        return "".join(holes[part] if place % 2 else re.escape(compact(part)) for place, part in enumerate(parts))

    return f"{filled(form.pattern)}(?:{filled(form.site)})?"


@cache
def _words(rules: Rules) -> frozenset[str]:
    """What stands in numbers and in no host name: the words of the patterns that have a sign outside ASCII."""
    parts = [compact(part) for form in rules.numbers.values() for part in re.split(r"\{[a-z]+\}", form.pattern)]
    return frozenset(part for part in parts if len(part) > 1 and not part.isascii())
