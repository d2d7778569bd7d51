"""What is due is found beside each other in an index, in a file of an older agent too, and in no order of its own."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from concord.agent import due
from concord.agent.due import Lane
from concord.agent.journal import Journal, Written

PROVIDER = uuid4()
GIVEN = due.at(datetime.now(UTC), 16) | {"tries": 12, "level": 1, "back": True}
OF_VERSION_1 = """
CREATE TABLE received_order (
    sequence  INTEGER PRIMARY KEY,
    order_id  TEXT NOT NULL UNIQUE,
    digest    TEXT NOT NULL,
    action    TEXT NOT NULL,
    site      TEXT NOT NULL,
    undoes    TEXT,
    payload   BLOB NOT NULL,
    state     TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'executed', 'impossible', 'passed')),
    attempts  INTEGER NOT NULL DEFAULT 0,
    retry_at  REAL NOT NULL DEFAULT 0,
    note      TEXT
) STRICT;
CREATE INDEX order_pending ON received_order (sequence) WHERE state = 'pending';
CREATE INDEX order_owed ON received_order (retry_at) WHERE state = 'impossible' AND action = 'restore';
CREATE TABLE ending (
    order_id TEXT PRIMARY KEY,
    until    REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL NOT NULL DEFAULT 0,
    note     TEXT,
    done     INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
) STRICT;
CREATE INDEX ending_open ON ending (until) WHERE NOT done;
PRAGMA user_version = 1;
"""
INSERT = "INSERT INTO received_order (sequence, order_id, digest, action, site, undoes, payload, state) VALUES "


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agent.sqlite"


@pytest.fixture
def journal(file: Path) -> Iterator[Journal]:
    made = Journal(file, PROVIDER)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "walked"),
    [
        ("LEVEL", "SEARCH o USING INDEX order_open (<expr>=? AND attempts>?)"),
        ("READY", "SEARCH o USING INDEX order_open (<expr>=? AND attempts=? AND retry_at<?)"),
        ("AHEAD", "SEARCH o USING INDEX order_open (<expr>=? AND attempts=? AND retry_at>?)"),
        ("TAKEN_BACK", "SCAN received_order USING INDEX order_undone"),
        ("NEXT", "SEARCH o USING INDEX order_retry (retry_at>?)"),
        ("END_LEVEL", "SEARCH ending USING INDEX ending_due (attempts>?)"),
        ("ENDED", "SEARCH ending USING INDEX ending_due (attempts=? AND <expr><?)"),
        ("END_AHEAD", "SEARCH ending USING INDEX ending_due (attempts=? AND <expr>>?)"),
        ("NEXT_END", "SEARCH ending USING INDEX ending_next (<expr>>?)"),
    ],
)
def test_each_question_walks_an_index_that_has_the_answers_in_order(journal: Journal, name: str, walked: str) -> None:
    plan = [row["detail"] for row in journal._db.execute(f"EXPLAIN QUERY PLAN {getattr(due, name)}", GIVEN)]
    assert plan[0] == walked
    assert not [step for step in plan if "TEMP B-TREE" in step], "nothing is sorted"


def test_the_file_of_an_older_agent_is_taken_over_in_place(file: Path) -> None:
    ids = [str(UUID(int=n)) for n in range(7)]
    with sqlite3.connect(file) as old:
        old.executescript(OF_VERSION_1)
        old.executemany(
            INSERT + "(?, ?, ?, ?, ?, ?, x'7b7d', ?)",
            [
                (1, ids[1], "1", "cut_off", "a", None, "pending"),
                (2, ids[2], "2", "suspend", "b", None, "executed"),
                (3, ids[3], "3", "suspend", "c", None, "executed"),
                (4, ids[4], "4", "restore", "a", ids[1], "pending"),
                (5, ids[5], "5", "restore", "b", ids[2], "executed"),
                (6, ids[6], "6", "restore", "d", None, "impossible"),
            ],
        )
        old.execute("UPDATE received_order SET attempts = 12 WHERE sequence = 6")
        old.executemany("INSERT INTO ending (order_id, until) VALUES (?, 0)", [(ids[2],), (ids[3],)])
    old.close()
    for _ in range(2):
        journal, now = Journal(file, PROVIDER), datetime.now(UTC)
        assert [each.sequence for each in journal.taken_back()] == [1]
        assert [each.sequence for each in journal.ready(now)] == [4, 6]
        assert [each.sequence for each in journal.ended(now)] == [3]
        assert [row[0] for row in journal._db.execute("SELECT order_id FROM ending WHERE NOT done")] == [ids[3]]
        names = {row["name"] for row in journal._db.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}
        assert not names & {"order_pending", "order_owed", "ending_open"}
        journal.close()


def test_an_older_agent_that_works_with_the_file_marks_what_is_taken_back(journal: Journal, file: Path) -> None:
    ids = [str(UUID(int=n)) for n in range(3)]
    with sqlite3.connect(file) as old:
        old.execute(INSERT + "(1, ?, '1', 'cut_off', 'a', NULL, x'7b7d', 'pending')", (ids[1],))
        assert not journal.taken_back()
        old.execute(INSERT + "(2, ?, '2', 'restore', 'a', ?, x'7b7d', 'pending')", (ids[2], ids[1]))
    old.close()
    assert [each.sequence for each in journal.taken_back()] == [1]


def test_what_failed_least_is_first_and_a_lane_gets_no_more_than_it_has_places(journal: Journal) -> None:
    now = datetime.now(UTC)
    for n, (attempts, pause) in enumerate([(3, -5), (1, 5), (0, 0), (1, -1), (0, 0), (2, 700), (1, -2)], start=1):
        journal._db.execute(INSERT + "(?, ?, ?, 'cut_off', ?, NULL, x'7b7d', 'pending')", (n, str(uuid4()), n, f"s{n}"))
        given = (attempts, (now + timedelta(seconds=pause)).timestamp() if attempts else 0, n)
        journal._db.execute("UPDATE received_order SET attempts = ?, retry_at = ? WHERE sequence = ?", given)

    def asked(most: int, lane: Lane | None = None, *busy: str) -> list[int]:
        return [each.sequence for each in journal.ready(now, most, lane=lane, busy=busy)]

    assert asked(10) == [3, 5, 7, 4, 6, 1]
    assert asked(10, Lane(back=False, again=True)) == [7, 4, 6, 1]
    assert asked(3, Lane(back=False, again=True), "s7") == [4, 6, 1]
    assert asked(2, Lane(back=False, again=True)) == [7, 4]
    assert asked(10, Lane(back=False, again=False), "s3") == [5]
    assert asked(10, Lane(back=True, again=True)) == []
    assert journal.next_retry(now) == (now + timedelta(seconds=5)).replace(microsecond=now.microsecond)


def test_what_was_restored_is_looked_at_no_more_when_suspensions_end(journal: Journal) -> None:
    ends, back = str(UUID(int=1)), UUID(int=2)
    journal._db.execute(INSERT + "(1, ?, '1', 'suspend', 'a', NULL, x'7b7d', 'executed')", (ends,))
    journal._db.execute("INSERT INTO ending (order_id, until) VALUES (?, 0)", (ends,))
    journal._db.execute(INSERT + "(2, ?, '2', 'restore', 'a', ?, x'7b7d', 'pending')", (str(back), ends))
    [order] = journal.ready(datetime.now(UTC))
    journal.close_order(order, Written(uuid4(), back, "executed", "{}"), "done")
    assert journal._db.execute("SELECT done FROM ending").fetchone()[0] == 1
