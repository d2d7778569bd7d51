"""The states of a record and the moves between them: one table that decides alone."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, NoReturn, TypeVar

from shared.runtime.base.problems import ActionRefused

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


class Lifecycle(Generic[S, A]):
    """What each action leads to from each status. What is not in the table is refused."""

    def __init__(
        self,
        moves: Mapping[tuple[S, A], S],
        *,
        aggregate: str = "record",
        refused: type[ActionRefused] = ActionRefused,
    ) -> None:
        self.moves: Mapping[tuple[S, A], S] = MappingProxyType(dict(moves))
        self.aggregate = aggregate
        self._refused = refused

    def after(self, status: S, action: A) -> S:
        """The status that ``action`` leads to. Raises ActionRefused (409), which lists what is allowed instead."""
        try:
            return self.moves[status, action]
        except KeyError:
            self.refuse(status, action)

    def refuse(self, status: S, action: str) -> NoReturn:
        """Raise ActionRefused (409) for something that moves nothing here but is not possible in ``status`` either."""
        raise self._refused(
            aggregate=self.aggregate,
            status=_spoken(status),
            action=_spoken(action),
            current_status=str(status),
            allowed_actions=[str(allowed) for allowed in self.allowed(status)],
        )

    def allowed(self, status: S) -> list[A]:
        """The actions possible in ``status``, in the order of the table."""
        return [action for (at, action) in self.moves if at == status]

    def can(self, status: S, action: A) -> bool:
        """Whether ``action`` is possible in ``status``."""
        return (status, action) in self.moves

    @property
    def final(self) -> frozenset[S]:
        """Statuses that nothing leads out of."""
        return frozenset(self.moves.values()) - {status for status, _ in self.moves}


def _spoken(member: str) -> str:
    return str(member).replace("_", " ")
