"""The words in which a world says what there is in a service, who reads it, and what can be done with it.

The test's own words, not the service's policy: that is what is tested.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from shared.runtime.acts.lifecycle import Lifecycle
from shared.runtime.base.context import Caller
from shared.runtime.db import at_commit
from shared.runtime.db.postgres import Database
from tests.support.service import Api, Who

Words = Mapping[str, Any]
"""What is so about a record, as far as somebody's right to it hangs on it."""
REFUSED: Final = "action_refused"
May = Callable[[Caller, Words], bool]
"""Whether this caller may. Raises NoRole where no role of theirs may with any record."""


class NoRole(Exception):
    """None of the caller's roles may do this with any record of the kind."""


def a_person(may: May) -> May:
    """Who may, but none of their programs."""
    return lambda who, words: may(who, words) and not who.program


@dataclass(frozen=True)
class Record:
    """One record. ``at``: what its addresses are filled with, its id first."""

    at: Mapping[str, str]
    words: Words
    status: StrEnum | None = None
    """Given to those that verbs are asked about: they lie on the desk of whoever does them."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What bodies are made of besides."""

    @property
    def id(self) -> str:
        """Its id."""
        return next(iter(self.at.values()))


@dataclass(frozen=True)
class Verb:
    """Something that can be done with a record, by somebody who may."""

    route: str
    """Method and address: ``POST /orders/{order_id}/withdrawal``."""
    who: Who | Callable[[Record], Who]
    """Somebody to whom nothing but the state is in the way."""
    body: Any = None
    """JSON, bytes, or what makes it of the record and of how ``Kind.author`` reads it."""
    action: StrEnum | None = None
    """Its name in the lifecycle's table and in ``allowed_actions``."""
    where: Collection[StrEnum] | None = None
    """The states in which it is possible, for what has no action."""
    may: May | None = None
    """Who may, for what has no action."""
    code: str | Mapping[StrEnum, str] = REFUSED
    """What answers it in any other state."""
    waits: Collection[str] = ()
    """What may still stand in the way although it is allowed, such as a consent that is missing."""
    closed: Collection[str] = ()
    """What says no as well as 403 and 404 do to whoever may not."""
    again: str | None = None
    """What answers it the second time, where that is not for the state to say; none, where it can be done again."""
    headers: Callable[[Mapping[str, Any]], Mapping[str, str]] = lambda _: {}
    """Made of how the author reads the record."""
    hidden: Collection[StrEnum] = ()
    """States in which whoever does it reads nothing yet, and so hears nothing of them either."""
    joins: bool = True
    """Whether what it writes can be taken back; not where its answer is a stream."""

    def by(self, record: Record) -> Who:
        """Whoever does it with this record."""
        return self.who(record) if callable(self.who) else self.who

    def refusal(self, status: StrEnum) -> str:
        """What answers it in a state that does not allow it."""
        return self.code if isinstance(self.code, str) else self.code.get(status, REFUSED)

    @property
    def method(self) -> str:
        """POST, PUT or DELETE."""
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        """The address."""
        return self.route.partition(" ")[2]


@dataclass(frozen=True)
class Kind:
    """Records of one kind, the addresses at which they are read, and who reads them there."""

    records: Sequence[Record]
    may: May
    reads: Sequence[str] = ()
    """Of one record; a query may follow. The first shows the record itself."""
    lists: str = ""
    finds: Sequence[str] = ()
    """Lists of at most the record that is asked for."""
    key: str = "id"
    """What of an item of the list is the record's id."""
    denied: Callable[[Caller, Words], int] = lambda *_: 403
    """What somebody is answered who may not read it: 404 where nobody learns that there is anything."""
    headers: Mapping[str, str] = field(default_factory=dict)
    author: Who = None
    """Who reads what bodies are made of."""
    lifecycle: Lifecycle[Any, Any] | None = None
    acts: Collection[StrEnum] = ()
    """The actions that people do, as the service's policy lists them."""
    verbs: Sequence[Verb] = ()

    def possible(self, verb: Verb, status: StrEnum) -> bool:
        """Whether it can be done in this state."""
        if verb.where is not None:
            return status in verb.where
        return self.lifecycle is None or verb.action is None or self.lifecycle.can(status, verb.action)


def beginning(words: Words, *verbs: Verb) -> Kind:
    """Verbs that begin something: no record is there yet. ``words``: what is so about what shall begin."""
    return Kind([Record({"new": ""}, words)], lambda *_: False, verbs=verbs)


@dataclass(frozen=True)
class World:
    """A service with something of everything in it."""

    api: Api
    kinds: Sequence[Kind]
    others: Sequence[Who] = ()
    """Whom this service knows besides the people of the tests."""
    opens: Mapping[str, str] = field(default_factory=dict)
    """What addresses that are for everybody are filled with."""
    nobodys: Collection[Lifecycle[Any, Any]] = ()
    """Tables of states that no person's verb moves: facts and clocks do."""


SILENT: Final = frozenset({"audit", "idempotency"})
"""Tables that a refusal may write into."""


class _Undone(Exception):
    """Takes everything back."""


@asynccontextmanager
async def undone(db: Database) -> AsyncIterator[None]:
    """Whatever requests inside do is written and taken back: they take part in one transaction that never commits."""
    try:
        async with db.transaction() as tx:
            yield
            await at_commit.pending_of(tx).write()
            raise _Undone  # noqa: TRY301 - it has to leave the transaction
    except _Undone:
        return
