"""Who may do what: a table of acts per service, with the rows each role may touch and the acts that need two people."""

from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from shared.rules import Level, Role
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Conflict, Forbidden

Scope: TypeAlias = Callable[[Caller, Any], bool]
"""Whether a caller may touch a record; the record is whatever carries ``region``, ``organisation`` or ``category``."""

A = TypeVar("A", bound=StrEnum)


class RoleMissing(Forbidden):
    """None of your roles may {act}."""


class OutOfScope(Forbidden):
    """Your role may {act}, but not for this record: it belongs to another region, organisation or category."""


class SecondPersonRequired(Conflict):
    """Whoever drafted this cannot also {act}: a second person must."""


def anywhere(who: Caller, resource: Any) -> bool:
    """Every record."""
    return True


def same_region(who: Caller, resource: Any) -> bool:
    """Records of the caller's own province; callers of national level reach every province."""
    return who.level == Level.NATIONAL or (bool(who.region) and who.region == resource.region)


def own_organisation(who: Caller, resource: Any) -> bool:
    """Records of the caller's own organisation; a caller without one reaches none."""
    return bool(who.organisation) and who.organisation == str(resource.organisation)


def own_category(who: Caller, resource: Any) -> bool:
    """Records of a category the caller's authority is competent for."""
    return resource.category in who.categories


def all_of(*scopes: Scope) -> Scope:
    """Records that every one of these scopes reaches."""

    def every(who: Caller, resource: Any) -> bool:
        return all(scope(who, resource) for scope in scopes)

    return every


def any_of(*scopes: Scope) -> Scope:
    """Records that at least one of these scopes reaches."""

    def some(who: Caller, resource: Any) -> bool:
        return any(scope(who, resource) for scope in scopes)

    return some


def holding(role: Role, scope: Scope) -> Scope:
    """``scope``, but only for callers who hold ``role``: the roles of one act may reach different records."""

    def held(who: Caller, resource: Any) -> bool:
        return role in who.roles and scope(who, resource)

    return held


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may carry out one act: any of ``roles``, on the records ``scope`` reaches, and not alone if so marked."""

    roles: AbstractSet[Role]
    scope: Scope = anywhere
    second_person: bool = False


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

    def require(
        self, who: Caller, act: A, resource: object = None, *, drafted_by: str | Collection[str] | None = None
    ) -> None:
        """Raise unless ``who`` may do ``act`` to ``resource``.

        ``drafted_by``: the subject, or subjects, who took part before; an act marked ``second_person`` is refused to
        them. Raises RoleMissing or OutOfScope (403), SecondPersonRequired (409). A scoped rule without a record, or a
        two-person rule without the first person, is a mistake in the verb and raises TypeError.
        """
        candidates = [rule for rule in self._rules[act] if rule.roles & who.roles]
        if not candidates:
            raise RoleMissing(act=_spoken(act))
        if resource is None and any(rule.scope is not anywhere for rule in candidates):
            raise TypeError(f"{act!r} is scoped: say which record")
        allowing = [rule for rule in candidates if rule.scope(who, resource)]
        if not allowing:
            raise OutOfScope(act=_spoken(act))
        if all(rule.second_person for rule in allowing):
            self._second_person(who, act, drafted_by)

    def may(self, who: Caller, act: A) -> bool:
        """Whether some role of ``who`` allows ``act`` at all, for lists that show what can be done."""
        return any(rule.roles & who.roles for rule in self._rules[act])

    def _second_person(self, who: Caller, act: A, drafted_by: str | Collection[str] | None) -> None:
        if drafted_by is None:
            raise TypeError(f"{act!r} needs two people: say who drafted it")
        earlier = (drafted_by,) if isinstance(drafted_by, str) else drafted_by
        if who.subject in earlier:
            raise SecondPersonRequired(act=_spoken(act))


def _spoken(act: StrEnum) -> str:
    return act.value.replace("_", " ")
