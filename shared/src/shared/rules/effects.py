"""What a decision can do to somebody: a closed set. Its words, and who may use it when, are the profile's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.rules.roles import Role
from shared.rules.row import Row


class Effect(StrEnum):
    """What a decision does; there is no other way to take a right away."""

    NO_BREACH = "no_breach"
    """Nothing: the case ends, and whoever asks can read that."""
    CORRECT = "correct"
    """Something is to be put right until a date; a clock asks whether it was."""
    END_ITEM = "end_item"
    """One service item leaves the registration."""
    SUSPEND_ACCESS = "suspend_access"
    """Hosting stops until a date, and goes on by itself then."""
    CUT_ACCESS = "cut_access"
    """Hosting stops, because an order to correct was ignored."""
    REVOKE = "revoke"
    """The site leaves the register, and its hosting stops."""
    BAR = "bar"
    """No new registration until a date; starts when the time to appeal has passed or the appeal was rejected."""
    PENALTY = "penalty"
    """An entry in the conduct record of a provider."""


BURDENS: Final = frozenset(Effect) - {Effect.NO_BREACH, Effect.CORRECT}
"""Effects that take something away: each needs notice and time to put things right first (docs/adr/0004)."""
ENDING: Final[Mapping[Effect, int]] = {Effect.SUSPEND_ACCESS: 92, Effect.BAR: 1827}
"""Effects that always have an end. The profile says how far away it may be, and not farther than so many days: a
quarter of a year, five years. What ends after a lifetime has no end (docs/adr/0004)."""
ONLY_AFTER: Final = {Effect.CUT_ACCESS: Effect.CORRECT}
"""What must have been ordered, and ignored, whatever a profile says."""


class Category(StrEnum):
    """What a ground may be about; no profile can add opinion, press, religion or politics (docs/adr/0004)."""

    LICENSING = "licensing"
    CONSUMER_PROTECTION = "consumer_protection"
    SAFETY = "safety"


@dataclass(frozen=True, slots=True)
class EffectRule(Row):
    """The words of an effect, and the conditions of its use."""

    code: Effect
    chinese: str
    english: str
    source: str
    roles: frozenset[Role]
    """Who may decide it."""
    subjects: frozenset[str]
    """Kinds of subjects it can be decided against."""
    after: frozenset[Effect] = frozenset()
    """Effects of which one was decided before in the same case, and ignored."""
    min_cure_days: int = 0
    """So many days lie between the delivery of the notice and the release, at least."""
    max_days: int | None = None
    """How far away its end may be; and so many days, about one subject, all of them together last at most within …"""
    within_days: int | None = None
    """… any so many days, however many cases there are."""
    clock: str | None = None
    """The clock by which it is carried out."""
    demonstration_cure_s: int | None = None
    """Seconds instead of those days, in a profile that says of itself that it is a demonstration, and in no other."""
    urgent: bool = False
    """Whether an urgent ground of the profile's list may shorten the cure."""

    @property
    def min_cure(self) -> timedelta:
        """What lies between the delivery of the notice and the release, at least."""
        if self.demonstration_cure_s is not None:
            return timedelta(seconds=self.demonstration_cure_s)
        return timedelta(days=self.min_cure_days)


@dataclass(frozen=True, slots=True)
class Ground(Row):
    """Why a decision can be made at all."""

    code: str
    chinese: str
    english: str
    source: str
    category: Category
