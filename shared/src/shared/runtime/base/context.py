"""Who acts, and where an event came from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.grounds import AuthorityRef
from shared.rules.roles import Level, Role


def same_person(one: str, other: str) -> bool:
    """Whether two keys name one human, as issuers write them: case, width and blanks tell nobody apart."""
    return folded(one) == folded(other)


def folded(person: str) -> str:
    """The key of a human, however an issuer or a colleague writes it."""
    bare = unicodedata.normalize("NFKC", person).casefold()
    return "".join(unicodedata.normalize("NFKC", bare).split())


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
    """The human behind the account, ``folded``; one human may have several. What two-person acts compare and keep."""
    program: bool = False
    """A token of client credentials: no human stands behind it."""
    authority: AuthorityRef | None = None
    """The organisation as the directory has it now, to be copied into the act; none for operators and providers."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "person", folded(self.person or self.subject))

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
