"""The read model: an LMDB file that is exactly one point of the stream, since records and offsets commit together."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from uuid import UUID

import lmdb
import structlog

from query.readmodel import acts, lifecycle, records
from query.readmodel.acts import CarriedOut
from query.readmodel.layout import (
    ALONE,
    DUPLICATES,
    EPOCH,
    ID,
    LIVE,
    NAMES,
    SCHEMA,
    SHOWN,
    Place,
    Unreadable,
    unreadable_of,
)
from query.readmodel.lifecycle import Order
from query.readmodel.measures import measure
from query.readmodel.records import Entry, Story, Unregistered

MAP_SIZE: Final = 16 << 30
MOST_READERS: Final = 510
MOST_MEASURES: Final = 10_000
"""Decisions about one site that are read; each took four people."""

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class ReadModel:
    """The one environment of this process. Any number of processes may read; one writes."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.db: dict[str, Any] = {}
        self._map = threading.Lock()
        """Held by every read and by whoever moves the map: LMDB must not move it under an open transaction."""

    @classmethod
    def open(cls, path: Path, *, map_size: int = MAP_SIZE, durable: bool = True) -> Self:
        """Open or make the file. ``durable=False`` leaves out the disk's confirmation, for tests and benchmarks."""
        path.mkdir(parents=True, exist_ok=True)
        env = lmdb.open(
            str(path),
            map_size=map_size,
            max_dbs=len(NAMES),
            max_readers=MOST_READERS,
            metasync=False,  # a crash of the machine may cost the last transactions, which Kafka still has
            sync=durable,
            max_spare_txns=8,
        )
        model = cls(env)
        for name in NAMES:
            fixed = name in DUPLICATES
            model.db[name] = env.open_db(name.encode(), dupsort=fixed, dupfixed=fixed)
        model.forget_dead_readers()
        return model

    def forget_dead_readers(self) -> None:
        """Let go of the pages that a process was reading when it was killed: LMDB keeps them, and the file grows."""
        with self._map:
            found = self.env.reader_check()
        if found:
            _log.warning("readmodel.dead_readers", number=found)

    def close(self) -> None:
        """Let go of the file."""
        with self._map:
            self.env.close()

    # --- reading -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def reading(self, *, buffers: bool = False) -> Iterator[Any]:
        """A read transaction; to be held for milliseconds, since it keeps old pages alive."""
        with self._map:
            try:
                txn = self.env.begin(buffers=buffers)
            except lmdb.MapResizedError:  # the writing process made it larger
                self.env.set_mapsize(0)
                txn = self.env.begin(buffers=buffers)
            with txn:
                yield txn

    def schema_fits(self) -> bool:
        """Whether this program can read the file."""
        with self.reading() as txn:
            return bool(txn.get(b"schema", SCHEMA, self.db["meta"]) == SCHEMA)

    def as_of(self) -> datetime | None:
        """The moment up to which everything is in; none before the first time the end was reached."""
        with self.reading() as txn:
            return self.as_of_in(txn)

    def as_of_in(self, txn: Any) -> datetime | None:
        """The same, inside a transaction."""
        value = txn.get(b"as_of", None, self.db["meta"])
        return None if value is None else EPOCH + timedelta(microseconds=int.from_bytes(value, "big"))

    def cluster_id(self) -> str | None:
        """The cluster whose offsets are kept."""
        with self.reading() as txn:
            value = txn.get(b"cluster", None, self.db["meta"])
            return None if value is None else value.decode()

    def offsets(self) -> dict[Place, int]:
        """Where to go on, by partition."""
        return {place: int.from_bytes(value, "big") for place, value in self._by_place("offset")}

    def seals(self) -> dict[Place, str]:
        """The seal of what was read last, by partition."""
        return {place: value.decode() for place, value in self._by_place("seal")}

    def _by_place(self, what: str) -> list[tuple[Place, bytes]]:
        with self.reading() as txn:
            rows = self._beginning(txn, "meta", f"{what}/".encode())
            split = [(*key.decode().split("/"), value) for key, value in rows]
            return [(Place(topic, int(partition)), value) for _, topic, partition, value in split]

    def unreadable(self) -> list[Unreadable]:
        """Records that could not be read."""
        with self.reading() as txn:
            return [unreadable_of(key, value) for key, value in txn.cursor(self.db["quarantine"])]

    def count(self, name: str) -> int:
        """How many rows a sub-database has."""
        with self.reading() as txn:
            return int(txn.stat(self.db[name])["entries"])

    def entry(self, txn: Any, site_id: bytes) -> Entry | None:
        """What is known of a site."""
        tail = txn.get(site_id, None, self.db["sites"])
        return None if tail is None else records.decode(tail)

    def unregistered(self, txn: Any, host: str) -> Unregistered | None:
        """What is known of a site that is in no register."""
        value = txn.get(host.encode(), None, self.db["unregistered"])
        return None if value is None else records.load_unregistered(value)

    def story(self, txn: Any, place: bytes) -> Story:
        """All that befell a site: its orders, by provider, and what was carried out on it."""
        orders = self.orders_of(txn, place)
        _, decisions = self.ids(txn, "measured", place, MOST_MEASURES)
        carried: list[CarriedOut] = []
        measures = []
        for decision_id in decisions:
            about = self._acts(txn, decision_id)
            for each in about:
                if isinstance(each, CarriedOut) and each.place == place:
                    known = [*about, *self._acts(txn, each.execution_id.bytes)]
                    measures.append(measure(each, known, orders))
                    carried.append(each)
        measures.sort(key=lambda measure: (measure.since, measure.execution_id.int))
        return Story(orders, tuple(measures), tuple(carried))

    def orders_of(self, txn: Any, place: bytes) -> dict[str, list[Order]]:
        """The orders about a site, by provider."""
        return {
            str(UUID(bytes=key[ID:])): lifecycle.load(value) for key, value in self._beginning(txn, "orders", place)
        }

    def _acts(self, txn: Any, about: bytes) -> list[Any]:
        return [acts.load(key, value) for key, value in self._beginning(txn, "acts", about)]

    def _beginning(self, txn: Any, name: str, prefix: bytes) -> Iterator[tuple[bytes, Any]]:
        """The rows whose keys begin with this."""
        cursor = txn.cursor(self.db[name])
        if cursor.set_range(prefix):
            for key, value in cursor:
                if not bytes(key).startswith(prefix):
                    break
                yield bytes(key), value

    def ids(self, txn: Any, name: str, key: bytes, limit: int) -> tuple[int, list[bytes]]:
        """How many sites have a key of ``ips``, ``numbers`` or ``shared``, and the first of them."""
        cursor = txn.cursor(self.db[name])
        if not cursor.set_key(key):
            return 0, []
        total = cursor.count()
        first = [bytes(cursor.value())]
        while len(first) < min(total, limit) and cursor.next_dup():
            first.append(bytes(cursor.value()))
        return total, first

    def body(self, txn: Any, total: int, ids: Sequence[bytes]) -> bytes:
        """The rest of the line for a key that these sites have: the live one first, then by id."""
        tails = self.tails(txn, ids)
        if total == 1:
            return ALONE + tails[0]
        others = b",".join([b"{" + tail[:-1] for tail in tails[1 : SHOWN + 1]])
        return b'"total":%d,"others":[%s],%s' % (total, others, tails[0])

    def tails(self, txn: Any, ids: Sequence[bytes]) -> list[bytes]:
        """The entries of these sites as they are kept: the live ones first, then by id."""
        tails = [bytes(txn.get(site_id, None, self.db["sites"])) for site_id in ids]
        return sorted(tails, key=lambda tail: LIVE not in tail) if len(tails) > 1 else tails

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(self, change: Callable[[Any], T]) -> T:
        """Run ``change`` in one write transaction, again with a larger map if it did not fit."""
        while True:
            try:
                with self.env.begin(write=True) as txn:
                    return change(txn)
            except lmdb.MapFullError:
                self._grow(self.env.info()["map_size"] * 2)
            except lmdb.MapResizedError:
                self._grow(0)

    def _grow(self, size: int) -> None:
        with self._map:
            self.env.set_mapsize(size)
        _log.warning("readmodel.map_grown", bytes=self.env.info()["map_size"])
