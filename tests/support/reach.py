"""Asks every list as everybody: each shows exactly what its reader may see, and so does reading one by one.

Everybody is each person of `tests.support.people`, in their own province, in another and in none. The service's test
says in its own words who may see what (not by its policy, which is what is tested):

    wrong = await disagreements(api, "/approvals", {id: record, …}, may)
    assert wrong == []

`may(who, record)` gives whether this caller reads this record, or raises `NoRole` where no role of theirs reads any.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from shared.runtime.base.context import Caller
from shared.runtime.web.paging import MOST
from tests.support.people import PEOPLE, person
from tests.support.service import Api

ELSEWHERE: Final = "310000"
R = TypeVar("R")


class NoRole(Exception):
    """None of the caller's roles reads records of this kind at all."""


def everybody() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each person with the claims to override: as they are, of another province, and of none."""
    for name, claims in PEOPLE.items():
        yield name, {}
        for region in (ELSEWHERE, None):
            if claims.get("region") != region:
                yield name, {"region": region}


async def disagreements(api: Api, path: str, records: Mapping[str, R], may: Callable[[Caller, R], bool]) -> list[str]:
    """What each list and each single answer shows that it must not, or does not show that it must."""
    wrong = []
    for name, override in everybody():
        caller = person(name, **override)
        expected, listing = _expected(caller, records, may)
        answer = await api.get(f"{path}?limit={MOST}", who=(name, override))
        told = f"{name} {dict(override)}"
        if answer.status_code != listing:
            wrong.append(f"{told}: the list answers {answer.status_code} instead of {listing}")
        shown = {str(item["id"]) for item in answer.json().get("items", ())} & records.keys()
        wrong += [f"{told}: the list shows {records[each]}" for each in sorted(shown - expected)]
        wrong += [f"{told}: the list does not show {records[each]}" for each in sorted(expected - shown)]
        for each, record in records.items():
            status = (await api.get(f"{path}/{each}", who=(name, override))).status_code
            if status != (200 if each in expected else 403):
                wrong.append(f"{told}: reading {record} answers {status}")
    return wrong


def _expected(caller: Caller, records: Mapping[str, R], may: Callable[[Caller, R], bool]) -> tuple[set[str], int]:
    try:
        return {each for each, record in records.items() if may(caller, record)}, 200
    except NoRole:
        return set(), 403
