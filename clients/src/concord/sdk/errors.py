"""What can go wrong for a caller: the service said no, nobody answered, or the call cannot be made."""

from collections.abc import Mapping
from typing import Any


class ConcordError(Exception):
    """A service refused. Carries its problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        super().__init__(f"{self.code}: {self.detail}")

    @property
    def code(self) -> str:
        """The stable reason, e.g. ``second_person_required``."""
        return str(self.problem.get("code", f"http_{self.status}"))

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return str(self.problem.get("detail", "no reason was given"))

    @property
    def fields(self) -> list[Mapping[str, str]]:
        """Which fields are wrong: ``field`` and ``message``."""
        return list(self.problem.get("fields", []))

    @property
    def allowed_actions(self) -> list[str]:
        """What can be done instead."""
        return list(self.problem.get("allowed_actions", []))

    @property
    def trace_id(self) -> str | None:
        """Finds the request in the logs of every service."""
        return self.problem.get("trace_id")


class Unreachable(Exception):
    """Nobody answered, although it was tried several times."""


class NoStack(Exception):
    """It is not known where the services are."""


class BadArgument(ValueError):
    """A call that cannot be made as asked; nothing was sent."""
