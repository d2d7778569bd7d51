"""What the agent must not forget: its place in the sequence, the orders, and the receipts still to be handed in.

Every step is one SQLite transaction that is on disk before the next step begins, so that the process may be killed at
any instruction: an order is then either not taken yet, or taken and not carried out (it will be, again), or done.
"""

import fcntl
import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from concord.agent import due
from concord.agent.due import NEXT, NEXT_END, NO_ENDING, OPEN, TAKEN_BACK, Lane
from concord.agent.store import Alarms, connect, make_tables, transaction

_IN_FORCE: Final = """
SELECT order_id, sequence FROM received_order AS o
 WHERE action IN ('cut_off', 'suspend') AND NOT EXISTS (SELECT 1 FROM received_order WHERE undoes = o.order_id)
 ORDER BY sequence
"""


HEAD: Final = "head"
CONTACT: Final = "contact_at"
"""Facts: the last place that access-control said it had given out, and when it said so."""


class JournalInUse(Exception):
    """Another agent works with this state file."""


class NotOurs(Exception):
    """This state file belongs to another provider."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An order as it was received and verified."""

    sequence: int
    order_id: UUID
    digest: str
    """SHA-256 of the JWS as received, byte for byte."""
    action: str
    site: str
    """Its id in the register; of a found site, which has none, its first host name."""
    undoes: str | None
    payload: bytes
    attempts: int = 0
    state: str = "pending"


@dataclass(frozen=True, slots=True)
class Written:
    """A receipt as it was written (JSON); it is signed when it is handed in."""

    receipt_id: UUID
    order_id: UUID
    outcome: str
    document: str
    code: str | None = None
    """What was said when it was handed in last, if it has to be handed in again."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A document that went out by a way that gives no answer."""

    digest: str
    at: datetime
    receipts: list[Written]


class Journal:
    """The state file of one agent."""

    def __init__(self, file: Path, provider_id: UUID, *, look_only: bool = False) -> None:
        """``look_only``: beside an agent that works with it, to read it and to acknowledge alarms."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = file.with_name(file.name + ".lock").open("a")
        try:
            if not look_only:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise JournalInUse(f"another agent works with {file}") from None
        self._db = connect(file)
        make_tables(self._db)
        self.alarms = Alarms(self._db)
        self._note_endings(map(_taken, self._db.execute(NO_ENDING).fetchall()))  # an older agent wrote none
        owner = self.fact("provider_id")
        if owner not in {None, str(provider_id)}:
            self.close()
            raise NotOurs(f"{file} is the journal of provider {owner}, not of {provider_id}")
        if owner is None:
            self.remember("provider_id", str(provider_id))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
        self._lock.close()

    def fact(self, name: str) -> Any:
        """Something remembered by name; None if it never was."""
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return json.loads(row["value"]) if row else None

    def remember(self, name: str, value: Any) -> None:
        """Remember something by name."""
        with transaction(self._db):
            self._remember(name, value)

    @property
    def last_sequence(self) -> int:
        """The last place in the sequence up to which nothing is missing; 0 at first."""
        return int(self._db.execute("SELECT coalesce(max(sequence), 0) AS last FROM received_order").fetchone()["last"])

    def knows(self, digest: str) -> bool:
        """Whether an order with these very bytes was taken."""
        return self._db.execute("SELECT 1 FROM received_order WHERE digest = ?", (digest,)).fetchone() is not None

    def payload(self, place: int | UUID) -> bytes | None:
        """The signed bytes of the order at this place, or with this id; none if it is not here."""
        column = "sequence" if isinstance(place, int) else "order_id"
        sql = f"SELECT payload FROM received_order WHERE {column} = ?"  # noqa: S608 - one of two constants
        row = self._db.execute(sql, (place if isinstance(place, int) else str(place),)).fetchone()
        return bytes(row["payload"]) if row else None

    def take(self, orders: Iterable[tuple[Taken, Written | None]]) -> None:
        """Take orders, the next ones in the sequence, each with the receipt that says so; none: it is passed over."""
        with transaction(self._db):
            last = self.last_sequence
            for order, receipt in orders:
                if order.sequence != last + 1:
                    raise ValueError(f"order {order.sequence} does not follow {last}")
                last = order.sequence
                self._db.execute(
                    "INSERT INTO received_order (sequence, order_id, digest, action, site, undoes, payload, state)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        order.sequence,
                        str(order.order_id),
                        order.digest,
                        order.action,
                        order.site,
                        order.undoes,
                        order.payload,
                        "passed" if receipt is None else "pending",
                    ),
                )
                if receipt is not None:
                    self._queue(receipt)

    def undone_by(self, order: Taken) -> int | None:
        """The place of the order that takes this one back, if it is here."""
        row = self._db.execute(
            "SELECT sequence FROM received_order WHERE undoes = ?", (str(order.order_id),)
        ).fetchone()
        return int(row["sequence"]) if row else None

    def pass_over(self, order: Taken, note: str) -> None:
        """An order is not carried out, and nothing is said of it: it is over at access-control as well."""
        with transaction(self._db):
            self._db.execute(
                "UPDATE received_order SET state = 'passed', note = ? WHERE order_id = ? AND state = 'pending'",
                (note, str(order.order_id)),
            )

    def taken_back(self) -> list[Taken]:
        """Orders still to be carried out that a later one takes back: their pauses hold up nothing."""
        return [_taken(row) for row in self._db.execute(TAKEN_BACK)]

    def ready(
        self, now: datetime, limit: int = 100, tries: int = 12, lane: Lane | None = None, busy: Collection[str] = ()
    ) -> list[Taken]:
        """Orders to be carried out now; a restore that failed ``tries`` times does not hold up what comes after it."""
        given = due.at(now, limit, busy) | {"tries": tries}
        return [_taken(row) for row in due.ready(self._db, given, lane)]

    def next_retry(self, now: datetime, tries: int = 12) -> datetime | None:
        """When the next order that has to wait is due; none if nothing has to. ``now``: up to which it was looked."""
        return _at(self._db.execute(NEXT, {"tries": tries, "now": now.timestamp()}).fetchone())

    def close_order(self, order: Taken, receipt: Written, note: str) -> None:
        """An order is carried out, or impossible, and here is the receipt that says so.

        What was impossible can still be carried out.
        """
        with transaction(self._db):
            changed = self._db.execute(
                "UPDATE received_order SET state = :outcome, note = :note WHERE order_id = :id"
                " AND (state = 'pending' OR (state = 'impossible' AND :outcome = 'executed'))",
                {"outcome": receipt.outcome, "note": note, "id": str(order.order_id)},
            )
            if changed.rowcount:
                self._queue(receipt)
                self._note_endings([order])
                if receipt.outcome == "executed":  # what is taken back needs no end any more
                    self._db.execute("UPDATE ending SET done = 1 WHERE order_id = ?", (order.undoes,))

    def objections(self, order: Taken) -> int:
        """How often this order was called impossible."""
        sql = "SELECT count(*) AS n FROM receipt WHERE order_id = ? AND outcome = 'impossible'"
        return int(self._db.execute(sql, (str(order.order_id),)).fetchone()["n"])

    def reopen(self, sequence: int) -> bool:
        """An order that was impossible is tried again; gives whether it was one, and nothing took it back."""
        with transaction(self._db):
            changed = self._db.execute(
                "UPDATE received_order SET state = 'pending', attempts = 0, retry_at = 0, note = NULL"
                " WHERE sequence = ? AND state = 'impossible'",
                (sequence,),
            )
        return bool(changed.rowcount)

    def postpone(self, order: Taken, until: datetime, note: str) -> None:
        """An order could not be carried out for the time being. A suspension that is over waits no longer."""
        at = until.timestamp()
        if order.action == "suspend":
            at = min(at, _end_of(order) or at)
        with transaction(self._db):
            self._db.execute(
                "UPDATE received_order SET attempts = attempts + 1, retry_at = ?, note = ? WHERE order_id = ?",
                (at, note, str(order.order_id)),
            )

    def ended(
        self, now: datetime, limit: int = 100, lane: Lane | None = None, busy: Collection[str] = ()
    ) -> list[Taken]:
        """Suspensions whose end has come and of which nobody has heard yet; ``attempts`` counts the tries to tell."""
        rows = due.ended(self._db, due.at(now, limit, busy), lane)
        return [replace(_taken(row), attempts=row["endings"]) for row in rows]

    def next_end(self, now: datetime) -> datetime | None:
        """When the next suspension ends, or the next try is due; none if none is left."""
        return _at(self._db.execute(NEXT_END, {"now": now.timestamp()}).fetchone())

    def close_ending(self, order: Taken, note: str) -> None:
        """The site is hosted again, as far as this suspension goes."""
        with transaction(self._db):
            self._db.execute("UPDATE ending SET done = 1, note = ? WHERE order_id = ?", (note, str(order.order_id)))

    def postpone_ending(self, order: Taken, until: datetime, note: str) -> None:
        """It could not be hosted again for the time being."""
        with transaction(self._db):
            self._db.execute(
                "UPDATE ending SET attempts = attempts + 1, retry_at = ?, note = ? WHERE order_id = ?",
                (until.timestamp(), note, str(order.order_id)),
            )

    def queued(self, limit: int = 500) -> list[Written]:
        """Receipts to be handed in, oldest first."""
        sql = "SELECT * FROM receipt WHERE state = 'queued' AND batch IS NULL ORDER BY place LIMIT ?"
        return [_written(row) for row in self._db.execute(sql, (limit,))]

    def note_sent(self, digest: str, receipts: Sequence[Written]) -> None:
        """These went out in one document, and nothing was answered."""
        now = datetime.now(UTC).timestamp()
        with transaction(self._db):
            self._db.executemany(
                "UPDATE receipt SET batch = ?, sent_at = ? WHERE receipt_id = ? AND state = 'queued'",
                [(digest, now, str(receipt.receipt_id)) for receipt in receipts],
            )

    def unanswered(self) -> list[Sent]:
        """The documents of which nobody has heard yet whether they were taken, oldest first."""
        sql = "SELECT * FROM receipt WHERE state = 'queued' AND batch IS NOT NULL ORDER BY sent_at, place"
        found: dict[str, Sent] = {}
        for row in self._db.execute(sql):
            new = Sent(row["batch"], datetime.fromtimestamp(row["sent_at"], UTC), [])
            found.setdefault(row["batch"], new).receipts.append(_written(row))
        return [*found.values()]

    def hand_in_again(self) -> int:
        """Queue what was refused once more; gives how much. A late ``received`` stays dropped."""
        with transaction(self._db):
            changed = self._db.execute(
                "UPDATE receipt SET state = 'queued', batch = NULL WHERE state = 'refused'"
                " AND NOT (code = 'action_refused' AND outcome = 'received')"
            )
        return changed.rowcount

    def prove(self, digest: str, batch: str, counter: str) -> None:
        """Keep what was handed in, and the counter-receipt that proves it."""
        with transaction(self._db):
            self._db.execute("INSERT OR IGNORE INTO proof VALUES (?, ?, ?)", (digest, batch, counter))

    def proofs(self) -> list[tuple[str, str]]:
        """Every batch that was taken, with its counter-receipt."""
        return [(row["batch"], row["counter"]) for row in self._db.execute("SELECT batch, counter FROM proof")]

    def settle(self, results: Sequence[tuple[Written, str, str | None]]) -> None:
        """What was said to receipts: (receipt, state, code); those still ``queued`` are handed in again."""
        with transaction(self._db):
            self._db.executemany(
                "UPDATE receipt SET state = ?, code = ?, batch = NULL WHERE receipt_id = ?",
                [(state, code, str(receipt.receipt_id)) for receipt, state, code in results],
            )

    def in_force(self) -> tuple[int, str]:
        """How many orders are in force and the hash over them, as access-control's ``/state`` gives it."""
        rows = self._db.execute(_IN_FORCE).fetchall()
        lines = "".join(f"{row['order_id']} {row['sequence']}\n" for row in rows)
        return len(rows), hashlib.sha256(lines.encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Orders and receipts by state, for people."""
        sql = (
            "SELECT 'orders ' || state AS what, count(*) AS n FROM received_order GROUP BY state UNION ALL"
            " SELECT 'receipts ' || iif(state = 'queued' AND batch IS NOT NULL, 'sent', state) AS what, count(*)"
            " FROM receipt GROUP BY what"
        )
        return {row["what"]: row["n"] for row in self._db.execute(sql)}

    def pending(self) -> list[Taken]:
        """Orders that are still to be carried out, in sequence; restores too that were called impossible."""
        sql = f"SELECT * FROM received_order WHERE {OPEN} ORDER BY sequence"  # noqa: S608 - a constant
        return [_taken(row) for row in self._db.execute(sql)]

    def _note_endings(self, orders: Iterable[Taken]) -> None:
        ends = [(str(order.order_id), _end_of(order)) for order in orders if order.action == "suspend"]
        self._db.executemany(
            "INSERT OR IGNORE INTO ending (order_id, until) VALUES (?, ?)",
            [each for each in ends if each[1] is not None],
        )

    def _queue(self, receipt: Written) -> None:
        self._db.execute(
            "INSERT INTO receipt (receipt_id, order_id, outcome, document) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (receipt_id) DO UPDATE SET document = excluded.document, state = 'queued', code = NULL,"
            " batch = NULL",  # said before: access-control knows, or hears it now
            (str(receipt.receipt_id), str(receipt.order_id), receipt.outcome, receipt.document),
        )

    def _remember(self, name: str, value: Any) -> None:
        self._db.execute(
            "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )


def _end_of(order: Taken) -> float | None:
    """When a suspension ends; none if that cannot be read: such an order was never carried out."""
    try:
        until = datetime.fromisoformat(str(json.loads(order.payload)["until"]))
    except (ValueError, LookupError):
        return None
    return (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp()


def _at(row: sqlite3.Row | None) -> datetime | None:
    return datetime.fromtimestamp(row["at"], UTC) if row is not None else None


def _taken(row: sqlite3.Row) -> Taken:
    return Taken(
        sequence=row["sequence"],
        order_id=UUID(row["order_id"]),
        digest=row["digest"],
        action=row["action"],
        site=row["site"],
        undoes=row["undoes"],
        payload=row["payload"],
        attempts=row["attempts"],
        state=row["state"],
    )


def _written(row: sqlite3.Row) -> Written:
    return Written(UUID(row["receipt_id"]), UUID(row["order_id"]), row["outcome"], row["document"], row["code"])
