"""Cases about the same: one subject under whatever name, at whatever host, in the register or out of it."""

# ruff: noqa: S608 -- statements are put together from the pieces of this file, nothing else

from collections.abc import Iterable
from typing import Any, Final

from enforcement.store.cases import Case
from shared.contracts.subjects import FoundSite, OperatorSubject, SiteSubject
from shared.rules.identifiers import normalise_domain

SAME: Final = """
       SELECT id FROM enforcement_case WHERE subject = $1
        UNION ALL
       SELECT id FROM enforcement_case
        WHERE (names_above(hosts) && $2::text[] OR hosts && $3::text[]) AND ($4 OR subject->>'kind' = 'found_site')
        UNION ALL
       SELECT id FROM enforcement_case
        WHERE identity = ANY (same_operator($5))
          AND (hosts && $2::text[] OR $1->>'kind' = 'operator' AND subject->>'kind' = 'operator')"""
"""As a subquery, with ``values``. An operator is one under all identities that it has or had (docs/adr/0015). Of a
found site nobody knows whose it is: what is decided about its name, one below it or one above it is about it, wherever
it is hosted, and whether it is in the register by now, or no more. A site that its operator registered anew under one
of its names is the same site.
"""
SAME_PERSON: Final = f"""{SAME}
        UNION ALL
       SELECT id FROM enforcement_case
        WHERE identity = ANY (same_operator($5)) AND ($6 OR subject->>'kind' = 'operator')"""
"""The same, with ``values_of_person``: and what is about an operator is about all its sites, for whom to tell."""


def values(case: Case) -> tuple[Any, ...]:
    """The first five parameters of a statement with ``SAME``."""
    above = {name for host in case.hosts for name in normalise_domain(host).above}
    found, known = isinstance(case.subject, FoundSite), isinstance(case.subject, SiteSubject | OperatorSubject)
    return (
        case.subject.model_dump(mode="json"), list(case.hosts), sorted(above), found, case.identity if known else None,
    )  # fmt: skip


def values_of_person(case: Case) -> tuple[Any, ...]:
    """The first six parameters of a statement with ``SAME_PERSON``."""
    return *values(case), isinstance(case.subject, OperatorSubject)


def locks(case: Case, identities: Iterable[str]) -> list[str]:
    """What all cases about the same have in common, in one order; ``identities``: all of whom it is about."""
    names = {f"name {normalise_domain(host).registrable}" for host in case.hosts}
    known = isinstance(case.subject, SiteSubject | OperatorSubject)
    person = {f"operator {identity}" for identity in identities} if known else set()
    return sorted({case.subject.model_dump_json()} | names | person)
