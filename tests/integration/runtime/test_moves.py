"""Moves and reaches on a real table: the guard is in the statement, the list shows what a record alone would."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.runtime.acts.lifecycle import Lifecycle
from shared.runtime.acts.moves import Moves, Overtaken
from shared.runtime.acts.policy import EVERYTHING, NOTHING, Condition, Reach
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import ActionRefused
from shared.runtime.db.postgres import Database, Tx
from tests.support.fixtures import MakeDatabase

AT = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
WHO = Caller("a", "A", "o", frozenset())
TABLE = """
CREATE TABLE paper (
    id uuid PRIMARY KEY, version bigint NOT NULL DEFAULT 1, status text NOT NULL DEFAULT 'open',
    changed_at timestamptz NOT NULL DEFAULT now(), note text, region text, items text[] NOT NULL DEFAULT '{}'
)
"""
COLUMNS = "id, version, status, note, region, items"


class Status(StrEnum):
    OPEN = "open"
    DONE = "done"


class Action(StrEnum):
    FINISH = "finish"


@dataclass(frozen=True)
class Paper:
    id: UUID
    version: int
    status: Status
    note: str | None
    region: str | None
    items: tuple[str, ...]


def paper(row: asyncpg.Record) -> Paper:
    return Paper(**{**dict(row), "status": Status(row["status"]), "items": tuple(row["items"])})


PAPERS: Moves[Paper, Status, Action] = Moves(
    Lifecycle({(Status.OPEN, Action.FINISH): Status.DONE}, aggregate="paper"),
    table="paper",
    columns=COLUMNS,
    read=paper,
)


@pytest.fixture
async def dsn(make_database: MakeDatabase) -> str:
    return await make_database("runtime", TABLE)


@pytest.fixture
async def papers(db: Database) -> Database:
    return db


async def new(db: Database, **values: Any) -> Paper:
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            f"INSERT INTO paper (id, region, items) VALUES ($1, $2, $3) RETURNING {COLUMNS}",
            uuid7(),
            values.get("region"),
            values.get("items", []),
        )
        assert row is not None
        PAPERS.began(tx, paper(row), "write", who=WHO, why="It was asked for.", at=AT)
        return paper(row)


async def history_of(db: Database, record: Paper) -> list[tuple[str, str | None, str]]:
    async with db.connection() as connection:
        rows = await connection.fetch(
            "SELECT action, from_status, to_status FROM history WHERE aggregate_id = $1 ORDER BY id", record.id
        )
    return [tuple(row) for row in rows]


async def finish(tx: Tx, record: Paper, **changes: Any) -> Paper:
    return await PAPERS.move(tx, record, Action.FINISH, who=WHO, why="It is finished.", at=AT, **changes)


async def test_a_move_is_the_row_and_its_line_in_the_history(papers: Database) -> None:
    first = await new(papers)
    async with papers.transaction() as tx:
        done = await finish(tx, first, note="well")
    assert (done.status, done.version, done.note) == (Status.DONE, 2, "well")
    assert await history_of(papers, first) == [("write", None, "open"), ("finish", "open", "done")]


async def test_what_one_statement_moved_has_a_line_each_and_only_by_a_move_of_the_table(papers: Database) -> None:
    records = [await new(papers) for _ in range(3)]
    async with papers.transaction() as tx:
        rows = await tx.fetch("UPDATE paper SET status = 'done' WHERE status = 'open' RETURNING id")
        moved: list[UUID] = [row["id"] for row in rows]
        said: dict[str, Any] = {"who": WHO, "why": "All of them.", "at": AT}
        PAPERS.moved_all(tx, moved, Action.FINISH, before=Status.OPEN, **said)
        with pytest.raises(ActionRefused):
            PAPERS.moved_all(tx, moved, Action.FINISH, before=Status.DONE, **said)
    for record in records:
        assert await history_of(papers, record) == [("write", None, "open"), ("finish", "open", "done")]


async def test_of_eight_who_did_not_hold_the_record_one_moves_it(papers: Database) -> None:
    first = await new(papers)

    async def one() -> None:
        async with papers.transaction() as tx:
            await finish(tx, first)

    outcomes = await asyncio.gather(*(one() for _ in range(8)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert len(refused) == 7
    assert all(isinstance(outcome, ActionRefused) for outcome in refused), refused
    assert len(await history_of(papers, first)) == 2


async def test_a_record_that_changed_otherwise_is_not_overwritten(papers: Database) -> None:
    first = await new(papers)
    async with papers.transaction() as tx:
        changed = await PAPERS.change(tx, first, "annotate", who=WHO, why="For the file.", at=AT, note="kept")
        assert (changed.status, changed.version) == (Status.OPEN, 2)
    with pytest.raises(Overtaken, match="this paper"):
        async with papers.transaction() as tx:
            await finish(tx, first, note="lost")
    with pytest.raises(Overtaken):
        async with papers.transaction() as tx:
            await PAPERS.change(tx, first, "annotate", who=WHO, why="For the file.", at=AT, note="lost")
    assert await history_of(papers, first) == [("write", None, "open"), ("annotate", "open", "open")]


async def test_two_changes_of_one_record_in_one_transaction(papers: Database) -> None:
    first = await new(papers)
    async with papers.transaction() as tx:
        changed = await PAPERS.change(tx, first, "annotate", who=WHO, why="For the file.", at=AT, note="one")
        await finish(tx, changed, note="two")
    assert [action for action, _, _ in await history_of(papers, first)] == ["write", "annotate", "finish"]


async def test_many_move_with_one_statement_all_or_none(papers: Database) -> None:
    several = [await new(papers) for _ in range(20)]
    async with papers.transaction() as tx:
        done = await PAPERS.move_all(tx, several, Action.FINISH, who=WHO, why="All of it.", at=AT, note="x")
    assert [each.id for each in done] == [each.id for each in several]
    assert {(each.status, each.note, each.version) for each in done} == {(Status.DONE, "x", 2)}
    more = [await new(papers), await new(papers)]
    async with papers.transaction() as tx:
        await finish(tx, more[1])
    with pytest.raises(Overtaken):
        async with papers.transaction() as tx:
            await PAPERS.move_all(tx, more, Action.FINISH, who=WHO, why="All of it.", at=AT)
    assert len(await history_of(papers, more[0])) == 1
    async with papers.transaction() as tx:
        assert await PAPERS.move_all(tx, [], Action.FINISH, who=WHO, why="Nothing.", at=AT) == []


def condition(word: str, *values: str, none_of: bool = False) -> Reach:
    return Reach((frozenset({Condition(word, frozenset(values), none_of)}),))


REACHES = [
    EVERYTHING, NOTHING, condition("region", "110000"), condition("region", "110000", none_of=True),
    condition("items", "a", "b"), condition("items", "a", none_of=True),
    condition("region", "110000") & condition("items", "b"), condition("region", "310000") | condition("items", "c"),
    (condition("region", "110000") | condition("region", "310000")) & condition("items", "a", none_of=True),
]  # fmt: skip


async def test_a_reach_filters_a_table_as_it_admits_its_rows(papers: Database) -> None:
    rows = [
        await new(papers, region=region, items=items)
        for region in (None, "110000", "310000")
        for items in ([], ["a"], ["b", "c"], ["a", "c"])
    ]
    words = {"region": "region = ANY ({})", "items": "items && {}"}
    async with papers.connection() as connection:
        for reach in REACHES:
            where, values = reach.where(words, first=2)
            found = await connection.fetch(
                f"SELECT id FROM paper WHERE id = ANY ($1) AND {where}", [row.id for row in rows], *values
            )
            assert {row["id"] for row in found} == {row.id for row in rows if reach.admits(row)}, reach
