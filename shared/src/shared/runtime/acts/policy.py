"""Who may do what: a table of acts per service, with the rows each role reaches and the acts that need two people.

One rule serves both questions. A scope says which records a caller reaches; the answer, a Reach, admits one record and
filters a list with the same conditions, so a list can show nothing that reading it alone would refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

from shared.rules import Level, Role
from shared.runtime.base.context import Caller, same_person
from shared.runtime.base.problems import Conflict, Forbidden

A = TypeVar("A", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)


class RoleMissing(Forbidden):
    """None of your roles may {act}."""


class OutOfScope(Forbidden):
    """Your role may {act}, but not for this record: it belongs to another region, organisation or category."""


class PersonRequired(Forbidden):
    """Only a person may {act}: a program's token, or one without a human (claim `person`), is none of two people."""


class SecondPersonRequired(Conflict):
    """Whoever took part in this before cannot also {act}: a second person must."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One word of a record (region, organisation, category, level …) is one of these values, or is none of them.

    Where the record has several values for the word, one of them is enough; ``none_of`` wants not one.
    """

    word: str
    values: frozenset[str]
    none_of: bool = False

    def admits(self, record: Any) -> bool:
        """Whether the record is so."""
        value = getattr(record, self.word)
        several = isinstance(value, Collection) and not isinstance(value, str)
        found = bool(self.values & {str(each) for each in (value if several else (value,)) if each is not None})
        return found is not self.none_of


@dataclass(frozen=True, slots=True)
class Reach:
    """Which records a caller reaches: those for which all conditions of at least one clause hold."""

    clauses: tuple[frozenset[Condition], ...]

    def admits(self, record: Any) -> bool:
        """Whether it reaches a record, which carries the words of the conditions as attributes."""
        return any(all(condition.admits(record) for condition in clause) for clause in self.clauses)

    def where(self, words: Mapping[str, str], *, first: int) -> tuple[str, list[list[str]]]:
        """The same as SQL: a condition, and the arrays of text for its parameters, numbered from ``first``.

        ``words`` says how the table tells each word, with ``{}`` for the array of values:
        ``{"region": "region = ANY ({})", "category": "service_items && {}"}``.
        """
        values: list[list[str]] = []
        clauses = []
        for clause in self.clauses:
            parts = []
            for condition in sorted(clause, key=lambda each: (each.word, each.none_of, sorted(each.values))):
                held = words[condition.word].format(f"${first + len(values)}::text[]")
                values.append(sorted(condition.values))
                parts.append(f"({held}) IS NOT TRUE" if condition.none_of else f"({held})")
            clauses.append(" AND ".join(parts) or "TRUE")
        return f"({' OR '.join(clauses) or 'FALSE'})", values

    def __or__(self, other: Reach) -> Reach:
        return Reach(tuple(dict.fromkeys(self.clauses + other.clauses)))

    def __and__(self, other: Reach) -> Reach:
        return Reach(tuple(dict.fromkeys(one | another for one in self.clauses for another in other.clauses)))


EVERYTHING: Final = Reach((frozenset(),))
NOTHING: Final = Reach(())

Scope: TypeAlias = Callable[[Caller], Reach]
"""Which records a caller reaches."""


def only(word: str, *values: str | None) -> Reach:
    """Records whose word is one of these values; no value at all reaches nothing."""
    given = frozenset(value for value in values if value)
    return Reach((frozenset({Condition(word, given)}),)) if given else NOTHING


def anywhere(who: Caller) -> Reach:
    """Every record."""
    return EVERYTHING


def same_region(who: Caller) -> Reach:
    """Records of the caller's own province; callers of national level reach every province."""
    return EVERYTHING if who.level == Level.NATIONAL else only("region", who.region)


def own_organisation(who: Caller) -> Reach:
    """Records of the caller's own organisation; a caller without one reaches none."""
    return only("organisation", who.organisation)


def own_identities(who: Caller) -> Reach:
    """The same, and records of whom the caller's operator took over: what it is told, and answers for."""
    return only("organisation", *who.identities)


def another_organisation(who: Caller) -> Reach:
    """Records in which the caller's organisation has no part; a caller without one reaches none."""
    if not who.organisation:
        return NOTHING
    return Reach((frozenset({Condition("organisation", frozenset({who.organisation}), none_of=True)}),))


def own_category(who: Caller) -> Reach:
    """Records of a category the caller's authority is competent for."""
    return only("category", *who.categories)


def all_of(*scopes: Scope) -> Scope:
    """Records that every one of these scopes reaches."""

    def every(who: Caller) -> Reach:
        reach = EVERYTHING
        for scope in scopes:
            reach &= scope(who)
        return reach

    return every


def any_of(*scopes: Scope) -> Scope:
    """Records that at least one of these scopes reaches."""

    def some(who: Caller) -> Reach:
        reach = NOTHING
        for scope in scopes:
            reach |= scope(who)
        return reach

    return some


def holding(role: Role, scope: Scope) -> Scope:
    """``scope``, but only for callers who hold ``role``: the roles of one act may reach different records."""
    return lambda who: scope(who) if role in who.roles else NOTHING


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may carry out one act: any of ``roles``, on the records ``scope`` reaches, and not alone if so marked.

    ``first_person`` marks what one of two people begins (a draft), ``second_person`` what another one must finish: a
    program's token may do neither, since two people are what such an act is safe by. ``other_person`` marks what nobody
    decides on who asked for it; a program may.
    """

    roles: AbstractSet[Role]
    scope: Scope = anywhere
    second_person: bool = False
    first_person: bool = False
    other_person: bool = False


class Policy(Mapping[A, tuple[Rule, ...]]):
    """The table of one service: one rule per act, or a tuple of rules of which one must hold.

    It must name every member of the service's Act enumeration.
    """

    def __init__(self, rules: Mapping[A, Rule | tuple[Rule, ...]]) -> None:
        self._rules = {act: (rule,) if isinstance(rule, Rule) else rule for act, rule in rules.items()}
        acts = {act for member in rules for act in type(member)}
        if missing := acts - self._rules.keys():
            raise ValueError(f"the policy says nothing about {', '.join(sorted(missing))}")

    def __getitem__(self, act: A) -> tuple[Rule, ...]:
        return self._rules[act]

    def __iter__(self) -> Iterator[A]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def reach(self, who: Caller, act: A) -> Reach:
        """The records to which ``who`` may do ``act``, for lists. Raises RoleMissing (403)."""
        reach = NOTHING
        for rule in self._of(who, act):
            reach |= rule.scope(who)
        return reach

    def require(
        self, who: Caller, act: A, record: object = None, *, drafted_by: str | Collection[str] | None = None
    ) -> None:
        """Raise unless ``who`` may do ``act`` to ``record``.

        ``drafted_by``: the person, or the persons, who took part before (``Caller.person``); an act marked
        ``second_person`` or ``other_person`` is refused to them. Raises RoleMissing, OutOfScope, PersonRequired (403),
        SecondPersonRequired (409). A scoped rule without a record, or a two-person rule without the first person, is a
        mistake in the verb and raises TypeError.
        """
        candidates = self._of(who, act)
        if record is None and any(rule.scope is not anywhere for rule in candidates):
            raise TypeError(f"{act!r} is scoped: say which record")
        allowing = [rule for rule in candidates if rule.scope is anywhere or rule.scope(who).admits(record)]
        if not allowing:
            raise OutOfScope(act=_spoken(act))
        if who.program and all(rule.first_person or rule.second_person for rule in allowing):
            raise PersonRequired(act=_spoken(act))
        if all(rule.second_person or rule.other_person for rule in allowing):
            self._second_person(who, act, drafted_by)

    def allows(
        self, who: Caller, act: A, record: object = None, *, drafted_by: str | Collection[str] | None = None
    ) -> bool:
        """Whether ``require`` would let it pass."""
        try:
            self.require(who, act, record, drafted_by=drafted_by)
        except (Forbidden, SecondPersonRequired):
            return False
        return True

    def allowed(
        self,
        who: Caller,
        record: object,
        possible: Iterable[T],
        acts: Mapping[T, A],
        *,
        drafted_by: str | Collection[str] | None = None,
    ) -> list[T]:
        """``allowed_actions`` of a view: of what the lifecycle makes possible, what this person may do.

        ``acts`` says which act of the policy an action is; actions it does not name are nobody's (a clock's, a fact's).
        """
        return [
            action
            for action in possible
            if action in acts and self.allows(who, acts[action], record, drafted_by=drafted_by)
        ]

    def _of(self, who: Caller, act: A) -> list[Rule]:
        candidates = [rule for rule in self._rules[act] if rule.roles & who.roles]
        if not candidates:
            raise RoleMissing(act=_spoken(act))
        return candidates

    def _second_person(self, who: Caller, act: A, drafted_by: str | Collection[str] | None) -> None:
        if drafted_by is None:
            raise TypeError(f"{act!r} needs two people: say who drafted it")
        earlier = (drafted_by,) if isinstance(drafted_by, str) else drafted_by
        mine = (who.person, who.subject)  # the account too: of a draft from before the issuer named the human behind it
        if any(same_person(one, each) for one in mine for each in earlier):
            raise SecondPersonRequired(act=_spoken(act))


def _spoken(act: StrEnum) -> str:
    return act.value.replace("_", " ")
