"""How a record changes: one guarded UPDATE and one line in the history, in one call.

A verb holds its record, asks the policy, and moves. The lifecycle's table decides where to; the statement finds the
record only as it was read, so a record that was not held, or was changed meanwhile, is never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import asyncpg

from shared.runtime.acts import history
from shared.runtime.acts.lifecycle import Lifecycle
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Conflict
from shared.runtime.db.postgres import Tx

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


class Overtaken(Conflict):
    """Somebody else changed this {aggregate} at this very moment; nothing was changed. Read it again."""


class Kept(Protocol):
    """A row of a table whose records move: it also has ``changed_at``."""

    @property
    def id(self) -> UUID: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def status(self) -> StrEnum: ...  # noqa: D102


R = TypeVar("R", bound=Kept)


class Moves(Generic[R, S, A]):
    """The changes of one table, which has the columns id, version, status and changed_at."""

    def __init__(
        self, lifecycle: Lifecycle[S, A], *, table: str, columns: str, read: Callable[[asyncpg.Record], R]
    ) -> None:
        """``columns`` is what RETURNING lists, ``read`` makes the typed row of it."""
        self.lifecycle = lifecycle
        self._table, self._columns, self._read = table, columns, read

    def began(self, tx: Tx, record: R, action: str, *, who: Caller, why: str, at: datetime) -> None:
        """Remember how a record that was just inserted came to be."""
        self._remember(tx, record, action, None, record.status, who, why, at)

    async def move(self, tx: Tx, record: R, action: A, *, who: Caller, why: str, at: datetime, **changes: Any) -> R:
        """Carry out ``action``: the new status, ``changes`` of other columns, and the line in the history.

        Gives the row as it is now. Raises ActionRefused (409) where the table has no such move, also if the record
        was moved since it was read; Overtaken (409) if it was changed in another way.
        """
        to = self.lifecycle.after(record.status, action)  # type: ignore[arg-type] # R's status is the lifecycle's
        after = await self._update(tx, record, to, at, changes)
        if after is None:
            await self._refuse(tx, record, action)
            raise Overtaken(aggregate=self.lifecycle.aggregate)
        self._remember(tx, record, action, record.status, to, who, why, at)
        return after

    async def move_all(
        self,
        tx: Tx,
        records: Sequence[R],
        action: A,
        *,
        who: Caller,
        why: str | Sequence[str],
        at: datetime,
        **changes: Any,
    ) -> list[R]:
        """The same for many records with one statement, all or none; the answer is in their order.

        ``why``: one for all, or one each.
        """
        if not records:
            return []
        each_why = [why] * len(records) if isinstance(why, str) else why
        to = [self.lifecycle.after(record.status, action) for record in records]  # type: ignore[arg-type]
        rows = await tx.fetch(
            _many(self._table, self._columns, tuple(changes)),
            [record.id for record in records],
            [str(record.status) for record in records],
            [record.version for record in records],
            [str(status) for status in to],
            at,
            *changes.values(),
        )
        after = {row.id: row for row in map(self._read, rows)}
        if len(after) != len(records):
            raise Overtaken(aggregate=self.lifecycle.aggregate)
        for record, status, reason in zip(records, to, each_why, strict=True):
            self._remember(tx, record, action, record.status, status, who, reason, at)
        return [after[record.id] for record in records]

    async def change(self, tx: Tx, record: R, action: str, *, who: Caller, why: str, at: datetime, **changes: Any) -> R:
        """Change other columns and keep the status: what the lifecycle says nothing about. Raises Overtaken (409)."""
        after = await self._update(tx, record, record.status, at, changes)
        if after is None:
            raise Overtaken(aggregate=self.lifecycle.aggregate)
        self._remember(tx, record, action, record.status, record.status, who, why, at)
        return after

    def changed_all(self, tx: Tx, records: Sequence[R], action: str, *, who: Caller, why: str, at: datetime) -> None:
        """Remember of held records what one statement of their store has changed, which kept their status."""
        for record in records:
            self._remember(tx, record, action, record.status, record.status, who, why, at)

    def moved_all(
        self, tx: Tx, ids: Sequence[UUID], action: A, *, before: S, who: Caller, why: str, at: datetime
    ) -> None:
        """Remember of very many records what one guarded statement of their store has moved, all from ``before``."""
        to = self.lifecycle.after(before, action)
        for each in ids:
            self._line(tx, each, action, before, to, who, why, at)

    async def _update(self, tx: Tx, record: R, to: StrEnum, at: datetime, changes: dict[str, Any]) -> R | None:
        statement = _one(self._table, self._columns, tuple(changes))
        row = await tx.fetchrow(
            statement, record.id, str(record.status), record.version, str(to), at, *changes.values()
        )
        return self._read(row) if row else None

    async def _refuse(self, tx: Tx, record: R, action: A) -> None:
        """Raise the refusal that the record's present status gives, if it gives one."""
        now = await tx.fetchval(f"SELECT status FROM {self._table} WHERE id = $1", record.id)  # noqa: S608 - ours
        if now is not None and now != record.status:
            self.lifecycle.after(type(record.status)(now), action)  # type: ignore[arg-type]

    def _remember(
        self, tx: Tx, record: R, action: str, before: str | None, after: str, who: Caller, why: str, at: datetime
    ) -> None:
        self._line(tx, record.id, action, before, after, who, why, at)

    def _line(
        self, tx: Tx, record_id: UUID, action: str, before: str | None, after: str, who: Caller, why: str, at: datetime
    ) -> None:
        history.add(
            tx,
            aggregate=self.lifecycle.aggregate,
            aggregate_id=record_id,
            action=action,
            from_status=before,
            to_status=after,
            who=who,
            why=why,
            at=at,
        )


@lru_cache(maxsize=256)
def _one(table: str, columns: str, changed: tuple[str, ...]) -> str:
    sets = "".join(f", {column} = ${place}" for place, column in enumerate(changed, 6))
    return (
        f"UPDATE {table} SET status = $4, version = version + 1, changed_at = $5{sets}"  # noqa: S608 - ours
        f" WHERE id = $1 AND status = $2 AND version = $3 RETURNING {columns}"
    )


@lru_cache(maxsize=256)
def _many(table: str, columns: str, changed: tuple[str, ...]) -> str:
    sets = "".join(f", {column} = ${place}" for place, column in enumerate(changed, 6))
    return (
        f"WITH given AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[])"  # noqa: S608 - ours
        f" AS given (given_id, given_status, given_version, given_to))"
        f" UPDATE {table} SET status = given_to, version = version + 1, changed_at = $5{sets} FROM given"
        f" WHERE id = given_id AND status = given_status AND version = given_version RETURNING {columns}"
    )
