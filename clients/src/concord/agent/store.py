"""The tables of an agent's journal, how its SQLite file is opened, and the alarms in it."""

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from concord.agent.due import OPEN

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS received_order (
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
    note      TEXT,
    undone    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS order_open ON received_order ((action = 'restore'), attempts, retry_at) WHERE {OPEN};
CREATE INDEX IF NOT EXISTS order_retry ON received_order (retry_at) WHERE {OPEN} AND attempts > 0;
CREATE INDEX IF NOT EXISTS order_undone ON received_order (sequence) WHERE state = 'pending' AND undone;
CREATE INDEX IF NOT EXISTS order_digest ON received_order (digest);
CREATE INDEX IF NOT EXISTS order_undoes ON received_order (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX IF NOT EXISTS order_of_site ON received_order (site, sequence) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS ending (
    order_id TEXT PRIMARY KEY,
    until    REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL NOT NULL DEFAULT 0,
    note     TEXT,
    done     INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
) STRICT;
CREATE INDEX IF NOT EXISTS ending_due ON ending (attempts, max(until, retry_at)) WHERE NOT done;
CREATE INDEX IF NOT EXISTS ending_next ON ending (max(until, retry_at)) WHERE NOT done;
CREATE TABLE IF NOT EXISTS receipt (
    place      INTEGER PRIMARY KEY AUTOINCREMENT,
    receipt_id TEXT NOT NULL UNIQUE,
    order_id   TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    document   TEXT NOT NULL,
    state      TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'accepted', 'refused')),
    code       TEXT,
    batch      TEXT,
    sent_at    REAL
) STRICT;
CREATE INDEX IF NOT EXISTS receipt_queued ON receipt (place) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS receipt_of_order ON receipt (order_id);
CREATE TABLE IF NOT EXISTS proof (
    digest  TEXT PRIMARY KEY,
    batch   TEXT NOT NULL,
    counter TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS alarm (
    kind  TEXT NOT NULL,
    said  TEXT NOT NULL,
    since REAL NOT NULL,
    last  REAL NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (kind, said)
) STRICT;
"""
_TAKES_BACK: Final = """
CREATE TRIGGER IF NOT EXISTS takes_back AFTER INSERT ON received_order WHEN new.undoes IS NOT NULL
BEGIN UPDATE received_order SET undone = 1 WHERE order_id = new.undoes; END
"""
"""In the file, so that an older agent that works with it meanwhile marks what is taken back as well."""
_VERSION: Final = 2
_MOST_ALARMS: Final = 100


def connect(file: Path) -> sqlite3.Connection:
    """Open an SQLite file whose commits are on disk when they return."""
    db = sqlite3.connect(file, isolation_level=None, timeout=10)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def make_tables(db: sqlite3.Connection) -> None:
    """The tables, also in a file of an older agent: version 0 passed over nothing, 1 had other indexes."""
    with transaction(db):
        kept: list[sqlite3.Row] = []
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        there = bool(db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'received_order'").fetchone())
        if there and version < 1:
            kept = db.execute("SELECT * FROM received_order").fetchall()
            db.execute("DROP TABLE received_order")
        elif there and version < _VERSION:
            _mark_what_is_undone(db)
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.execute(_TAKES_BACK)
        for row in kept:
            names = row.keys()
            marks = ", ".join("?" * len(names))
            db.execute(f"INSERT INTO received_order ({', '.join(names)}) VALUES ({marks})", tuple(row))  # noqa: S608
        _open_old_receipts(db)
        _note_documents(db)
        if version < _VERSION:
            db.execute(f"PRAGMA user_version = {_VERSION}")


def _mark_what_is_undone(db: sqlite3.Connection) -> None:
    """An older agent looked for what is taken back among all that is pending, and kept the end of what was restored."""
    db.execute("ALTER TABLE received_order ADD COLUMN undone INTEGER NOT NULL DEFAULT 0")
    db.execute(
        "UPDATE received_order SET undone = 1 WHERE order_id IN"
        " (SELECT undoes FROM received_order WHERE undoes IS NOT NULL)"
    )
    db.execute(
        "UPDATE ending SET done = 1 WHERE order_id IN"
        " (SELECT undoes FROM received_order WHERE undoes IS NOT NULL AND state = 'executed')"
    )
    for index in ("order_pending", "order_owed", "ending_open"):
        db.execute(f"DROP INDEX IF EXISTS {index}")


def _open_old_receipts(db: sqlite3.Connection) -> None:
    """An older agent signed each receipt by itself; what it said is signed anew, together with others."""
    if all(column["name"] != "jws" for column in db.execute("PRAGMA table_info(receipt)")):
        return
    db.execute("ALTER TABLE receipt RENAME COLUMN jws TO document")
    for row in db.execute("SELECT place, document FROM receipt").fetchall():
        part = row["document"].split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        del said["provider_id"]
        db.execute("UPDATE receipt SET document = ? WHERE place = ?", (json.dumps(said), row["place"]))


def _note_documents(db: sqlite3.Connection) -> None:
    """An older agent took what was on the broker for accepted, and so did not note in which document it stood."""
    if all(column["name"] != "batch" for column in db.execute("PRAGMA table_info(receipt)")):
        db.execute("ALTER TABLE receipt ADD COLUMN batch TEXT")
        db.execute("ALTER TABLE receipt ADD COLUMN sent_at REAL")


class Alarms:
    """What a person should look at."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def ring(self, kind: str, said: str) -> None:
        """Something that a person should look at. The same again is counted.

        Of a kind that names an order (``hook 3``) there is one alarm: each try may fail in words of its own.
        """
        now = datetime.now(UTC).timestamp()
        with transaction(self._db):
            if " " in kind:
                self._db.execute("UPDATE OR REPLACE alarm SET said = ? WHERE kind = ?", (said[:1000], kind))
            self._db.execute(
                "INSERT INTO alarm (kind, said, since, last) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, said) DO UPDATE SET last = excluded.last, times = times + 1",
                (kind, said[:1000], now, now),
            )
            self._db.execute(
                "DELETE FROM alarm WHERE rowid NOT IN (SELECT rowid FROM alarm ORDER BY last DESC LIMIT ?)"
                " AND kind NOT GLOB 'restore *' AND kind NOT GLOB 'ending *'",  # a site is dark that should not be
                (_MOST_ALARMS,),
            )

    def calm(self, *kinds: str) -> None:
        """What these alarms were about is over; without kinds: a person has seen them all."""
        marks = ", ".join("?" * len(kinds))
        where = f"WHERE kind IN ({marks})" if kinds else ""
        if self._db.execute(f"SELECT 1 FROM alarm {where} LIMIT 1", kinds).fetchone():  # noqa: S608 - marks alone
            with transaction(self._db):
                self._db.execute(f"DELETE FROM alarm {where}", kinds)  # noqa: S608 - marks alone

    def all(self) -> list[dict[str, Any]]:
        """What a person should look at, oldest first."""
        rows = self._db.execute("SELECT kind, said, since, last, times FROM alarm ORDER BY since").fetchall()
        return [
            dict(row) | {name: datetime.fromtimestamp(row[name], UTC).isoformat() for name in ("since", "last")}
            for row in rows
        ]
