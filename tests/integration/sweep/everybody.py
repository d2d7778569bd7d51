"""Everybody: each person of the tests, at home and elsewhere, and somebody for every role that none of them has."""

from collections.abc import Mapping
from typing import Any, Final

from shared.rules import Role
from shared.runtime.base.context import Caller
from tests.support.people import PEOPLE, claims, directory, person
from tests.support.service import Who

ELSEWHERE: Final = "310000"
STRANGER: Final = "0190aaaa-0000-7000-8000-00000000f00d"
"""A provider that nothing is about."""
_CALLERS: Final[dict[tuple[str, str], Caller]] = {}
PROGRAMS: Final = ("regulator-a", "drugs-a", "coordination-a", "desk-a")
"""Whose offices have a program, too: its token is none of the two people that an act takes."""
Named = tuple[str, Mapping[str, Any]]
"""Somebody, and the claims that differ."""


def named(who: Who) -> Named:
    """Somebody as ``Api`` takes them, with what differs."""
    assert who is not None
    return (who, {}) if isinstance(who, str) else who


def caller(who: Who) -> Caller:
    """Somebody as a verb sees them."""
    name, override = named(who)
    if (name, repr(override)) not in _CALLERS:
        _CALLERS[name, repr(override)] = person(name, **override)
    return _CALLERS[name, repr(override)]


def everybody(*others: Who) -> list[Named]:
    """Each person; the same of another province and of none, each office once; programs; every other role; and none.

    ``others``: whom a world knows besides.
    """
    found: list[Named] = [(name, {}) for name in PEOPLE]
    found += [named(each) for each in others]
    offices = {office(each) for each in found}
    for name in PEOPLE:
        for region in (ELSEWHERE, None):
            moved: Named = (name, {"region": region})
            if office(moved) not in offices:
                offices.add(office(moved))
                found.append(moved)
    found.append(("provider", {"organisation": STRANGER, "roles": [Role.ACCESS_PROVIDER]}))
    found += [(f"program-of-{name}", {**PEOPLE[name], "client_id": f"program-of-{name}"}) for name in PROGRAMS]
    found.append(("nobody-any-more", {"organisation": "industry-110000", "roles": []}))
    held = {role for each in found for role in office(each)[1]}
    for known in directory():
        for role in set(known.kinds) - held:
            held.add(role)
            found.append((f"some-{role}", {"organisation": known.organisation_id, "roles": [role]}))
    return found


def office(who: Named) -> tuple[str, frozenset[str], bool]:
    """For whom somebody acts, in which roles, and whether it is a program: that is nobody's colleague."""
    given = claims(who[0], **who[1])
    return str(given["organisation"]), frozenset(map(str, given["roles"])), given["sub"] == given["client_id"]
