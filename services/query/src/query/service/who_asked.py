"""Say who looked something up: a key, or anything of an operator. That somebody asked this is audited as well."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from query.errors import PurposeRequired
from query.policy import POLICY, Act
from query.readmodel.records import id_of
from query.service.look_up import Key
from query.service.state import model_of
from query.store import lookups
from query.store.lookups import Lookup
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import NotFound
from shared.runtime.db.postgres import Tx

STEP = 100
"""Look-ups read at a time."""
MOST_PIECES = 2_000
"""Pieces of lists searched for one page: some 130 MB of keys, a few seconds. What is left comes with the next page."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked about look-ups: a key, or an operator, or nothing in particular; when; and which page."""

    key: Key | None
    operator_id: UUID | None
    since: datetime
    until: datetime
    after: UUID | None
    limit: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A page of look-ups, each with what it looked up of that which was asked; ``next``: where the next one begins."""

    found: list[tuple[Lookup, list[str]]]
    next: UUID | None


async def who_asked(rt: Runtime, who: Caller, asking: Asking, purpose: str | None) -> Answered:
    """The look-ups of a key or of an operator, newest first. Raises Forbidden, PurposeRequired, KeyMalformed."""
    reach = POLICY.reach(who, Act.READ_LOOKUPS)
    if purpose is None:
        raise PurposeRequired
    terms = _terms(rt, asking)
    found: list[tuple[Lookup, list[str]]] = []
    after, budget = asking.after, MOST_PIECES
    async with rt.db.transaction() as tx:
        await _audit(rt, tx, who, "lookups", purpose, asked=sorted(terms or ()))
        if terms is not None and not terms:  # an operator without sites
            return Answered([], None)
        while True:
            rows = await lookups.page(
                tx, reach, after=after, since=asking.since, until=asking.until, terms=terms, limit=STEP
            )
            for row in rows:
                if len(found) == asking.limit or budget <= 0:
                    return Answered(found, after)
                matched, searched = await _matched(tx, row, terms)
                budget -= searched
                if matched or terms is None:
                    found.append((row, sorted(matched)))
                after = row.id
            if len(rows) < STEP:
                return Answered(found, None)


async def keys_of(rt: Runtime, who: Caller, lookup_id: UUID, purpose: str | None) -> AsyncGenerator[bytes, None]:
    """The keys of one list, as they were written, a line each. Raises Forbidden, PurposeRequired, NotFound."""
    POLICY.reach(who, Act.READ_LOOKUPS)
    if purpose is None:
        raise PurposeRequired
    async with rt.db.transaction() as tx:
        row = await lookups.get(tx, lookup_id)
        if row is None:
            raise NotFound(what="look-up", id=lookup_id)
        POLICY.require(who, Act.READ_LOOKUPS, row)
        await _audit(rt, tx, who, f"lookups/{lookup_id}/keys", purpose)
    return _pieces(rt, lookup_id)


async def _pieces(rt: Runtime, lookup_id: UUID) -> AsyncGenerator[bytes, None]:
    number = 0
    while True:
        async with rt.db.connection() as tx:
            kept = await lookups.piece(tx, lookup_id, number)
        if kept is None:
            return
        yield kept.written() + b"\n"
        number += 1


async def _matched(tx: Tx, row: Lookup, terms: set[str] | None) -> tuple[set[str], int]:
    """Which of the terms a look-up asked for, and how many pieces had to be searched to know."""
    if terms is None:
        return set(), 0
    if row.terms is not None:
        return set(row.terms).intersection(terms), 0
    matched, number = set[str](), 0
    while matched != terms and (kept := await lookups.piece(tx, row.id, number)) is not None:
        matched |= kept.mentions(terms)
        number += 1
    return matched, number


def _terms(rt: Runtime, asking: Asking) -> set[str] | None:
    """The keys that are asked about; those of an operator are what its sites have now."""
    if asking.key is not None:
        return {asking.key.read().terms[0]}
    if asking.operator_id is None:
        return None
    model = model_of(rt)
    with model.reading() as txn:
        _, ids = model.ids(txn, "operators", id_of(str(asking.operator_id)), limit=10_000)
        entries = [entry for each in ids if (entry := model.entry(txn, each)) is not None]
    return {term for entry in entries for term in (*entry.site.domains, *entry.ips, *entry.numbers)}


async def _audit(rt: Runtime, tx: Tx, who: Caller, resource: str, purpose: str, **detail: list[str]) -> None:
    await audit.record(
        tx,
        who=who,
        act=Act.READ_LOOKUPS,
        resource=resource,
        outcome="granted",
        detail={"purpose": purpose, **detail},
        at=rt.clock.now(),
    )
