"""Who acts, and where an event came from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.grounds import AuthorityRef
from shared.rules.roles import Level, Role


def person_key(person: str) -> str:
    """The one spelling of whoever issuers, or people, name so: case, width and blanks tell nobody apart.

    Every ``Caller`` carries it, so that what a table compares (``released_by <> drafted_by``) is what the policy does.
    """
    folded = unicodedata.normalize("NFKC", person).casefold()
    return "".join(unicodedata.normalize("NFKC", folded).split())


def same_person(one: str, other: str) -> bool:
    """Whether two keys name one human, however they are spelt."""
    return person_key(one) == person_key(other)


@dataclass(frozen=True)
class Caller:
    """Who acts: a person or a machine, the organisation it acts for, and what it may see.

    A token says who, for which organisation and in which roles; the rest comes from the directory at each request
    (``Directory.caller``).
    """

    subject: str
    """The account, as the issuer names it."""
    name: str
    organisation: str
    roles: frozenset[Role]
    level: Level = Level.PROVINCE
    region: str | None = None
    """Province by its GB/T 2260 code; none for national organisations."""
    categories: frozenset[str] = frozenset()
    person: str = ""
    """The human behind the account, who may have several, in one spelling. What two-person acts compare and keep."""
    program: bool = False
    """No human stands behind it: a token of client credentials, or any that does not say who the human is."""
    authority: AuthorityRef | None = None
    """The organisation as the directory has it now, to be copied into the act; none for operators and providers."""
    taken_over: frozenset[str] = frozenset()
    """Of an operator, the identities of others that go on under its own since a merger (docs/adr/0015)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "person", person_key(self.person) or person_key(self.subject) or self.subject)

    @property
    def identities(self) -> frozenset[str]:
        """As whom the caller is told of what was decided, and challenges it: its own organisation, and what it took
        over. In whose name it asks for anything is ``organisation`` alone.
        """
        return self.taken_over | {self.organisation}

    @classmethod
    def system(cls, name: str) -> Caller:
        """The service itself, for what consumers and ticks do; it holds no role."""
        return cls(f"system:{name}", name, "concord", frozenset(), Level.NATIONAL, program=True)


@dataclass(frozen=True, slots=True)
class EventMeta:
    """Where an event came from. ``traceparent`` is its W3C trace context, if the writer had one."""

    event_id: UUID
    key: str
    topic: str
    partition: int
    offset: int
    at: datetime
    traceparent: str | None = None
