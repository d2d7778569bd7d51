"""Writes the read model: a batch and the offsets that follow it in one transaction, with all that finds a site."""

from collections.abc import Callable, Sequence, Set
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from query.readmodel import acts, lifecycle, records, rows
from query.readmodel.acts import Act, CarriedOut
from query.readmodel.layout import (
    ALONE,
    EPOCH,
    FOUND,
    SCHEMA,
    SHOWN,
    THEN,
    Batch,
    Unreadable,
    pack,
    quarantine_key,
    quarantine_value,
)
from query.readmodel.lifecycle import OrderFact
from query.readmodel.model import ReadModel
from query.readmodel.records import NOTHING_BEFELL, Entry, SiteFact

MOST: Final = 10_000
"""Sites of one domain that are looked at; the register refuses a domain that is somebody else's, so there are few."""

NONE: Final[Set[str]] = frozenset()

_log = structlog.get_logger(__name__)


class Writer:
    """The one who writes the file; there is one in the world for each file."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model

    def prepare(self) -> bool:
        """For the writer, before anything else: empty a file of another schema. Says whether it did."""

        def change(txn: Any) -> bool:
            found = txn.get(b"schema", None, self._model.db["meta"])
            if found not in {None, SCHEMA}:
                for database in self._model.db.values():
                    txn.drop(database, delete=False)
            txn.put(b"schema", SCHEMA, db=self._model.db["meta"])
            return found not in {None, SCHEMA}

        return self._model.write(change)

    def adopt(self, cluster_id: str) -> bool:
        """Offsets mean something in one cluster only: in another one reading begins anew. Says whether it does."""

        def change(txn: Any) -> bool:
            meta = self._model.db["meta"]
            if txn.get(b"cluster", None, meta) == cluster_id.encode():
                return False
            cursor = txn.cursor(meta)
            while cursor.set_range(b"offset/") and cursor.key().startswith(b"offset/"):
                cursor.delete()
            txn.put(b"cluster", cluster_id.encode(), db=meta)
            return True

        return self._model.write(change)

    def reached(self, moment: datetime) -> None:
        """Record that everything up to a moment is in."""
        value = ((moment - EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big")
        self._model.write(lambda txn: txn.put(b"as_of", value, db=self._model.db["meta"]))

    def apply(self, batch: Batch) -> None:
        """Apply a batch, all of it or nothing. Older versions and facts that are known change nothing."""
        self._model.write(lambda txn: _Change(self._model, txn).apply(batch))

    def release(self, unreadable: Unreadable) -> None:
        """Take a record out of quarantine."""
        self._model.write(lambda txn: txn.delete(quarantine_key(unreadable), db=self._model.db["quarantine"]))


class _Change:
    """Applies one batch inside one write transaction."""

    def __init__(self, model: ReadModel, txn: Any) -> None:
        self._model, self._txn, self._db = model, txn, model.db
        self._anything_befell = any(txn.stat(model.db[name])["entries"] > 0 for name in ("orders", "acts"))
        self._any_shared = txn.stat(model.db["shared"])["entries"] > 0

    def apply(self, batch: Batch) -> None:
        """Apply everything."""
        txn, db = self._txn, self._db
        for fact in batch.sites:
            self._record(fact)
        for place in sorted(self._orders(batch.orders) | self._acts(batch.acts)):
            self._tell(place)
        for unreadable in batch.unreadable:
            txn.put(quarantine_key(unreadable), quarantine_value(unreadable), db=db["quarantine"])
        for (topic, partition), offset in batch.offsets.items():
            txn.put(f"offset/{topic}/{partition}".encode(), offset.to_bytes(8, "big"), db=db["meta"])
        for (topic, partition), seal in batch.seals.items():
            txn.put(f"seal/{topic}/{partition}".encode(), seal.encode(), db=db["meta"])

    def _record(self, fact: SiteFact) -> None:
        """Take in a record unless the same version or a newer one is there."""
        site_id = records.id_of(fact.site_id)
        tail = self._txn.get(site_id, None, self._db["sites"])
        earlier = None if tail is None else records.decode(tail)
        if earlier is not None and earlier.site.version >= fact.version:
            return
        story = self._model.story(self._txn, site_id) if self._anything_befell else NOTHING_BEFELL
        self._put(site_id, records.entry_of(fact, story), earlier)

    def _orders(self, facts: Sequence[OrderFact]) -> set[bytes]:
        """Take in order facts; gives the places they change something about."""
        changed: set[bytes] = set()
        for fact in facts:
            places = [acts.found_id(host) for host in fact.hosts] if fact.site_id is None else [fact.site_id.bytes]
            for place in places:
                key = place + fact.provider_id.bytes
                value = self._txn.get(key, None, self._db["orders"])
                merged = lifecycle.dump(lifecycle.merge(lifecycle.load(value), fact))
                if merged != value:
                    self._txn.put(key, merged, db=self._db["orders"])
                    changed.add(place)
        return changed

    def _acts(self, facts: Sequence[Act]) -> set[bytes]:
        """Take in what was decided; gives the places it changes something about."""
        changed: set[bytes] = set()
        txn, db = self._txn, self._db
        for fact in facts:
            key = acts.key(fact)
            if not acts.newer(fact, txn.get(key, None, db["acts"])):
                continue
            txn.put(key, acts.dump(fact), db=db["acts"])
            if isinstance(fact, CarriedOut) and fact.place is not None:
                txn.put(fact.place, fact.decision_id.bytes, db=db["measured"])
                txn.put(fact.decision_id.bytes, fact.place, db=db["concerned"])
                txn.put(fact.execution_id.bytes, fact.place, db=db["concerned"])
            changed.update(self._model.ids(txn, "concerned", fact.about.bytes, MOST)[1])
        return changed

    def _tell(self, place: bytes) -> None:
        """Write anew what is told of a site that something befell, if there is anything to be told."""
        story, entry = self._model.story(self._txn, place), self._model.entry(self._txn, place)
        if entry is not None:
            self._put(place, records.with_story(entry, story), entry)
        host = next((each.host for each in story.carried if each.host is not None), None)
        if host is not None:
            told = records.dump_unregistered(records.unregistered(host, story))
            self._txn.put(host.encode(), told, db=self._db["unregistered"])

    def _put(self, site_id: bytes, entry: Entry, earlier: Entry | None) -> None:
        """Write an entry, and bring what finds it into line: names it lost find it no longer."""
        tail = records.encode(entry)
        self._txn.put(site_id, tail, db=self._db["sites"])
        known = set(earlier.site.domains) if earlier is not None else set()
        for domain in sorted(known.difference(entry.site.domains)):
            self._unname(domain.encode(), site_id)
        self._move("ips", entry.ips, earlier.ips if earlier else NONE, site_id, pack)
        self._move("numbers", entry.numbers, earlier.numbers if earlier else NONE, site_id, str.encode)
        self._move("former", entry.former, earlier.former if earlier else NONE, site_id, str.encode)
        self._move("operators", entry.operators, earlier.operators if earlier else NONE, site_id, records.id_of)
        self._file("categories", entry.category, earlier.category if earlier else None, site_id)
        name, before = entry.name_key, earlier.name_key if earlier else None
        self._file("names", name.encode() if name else None, before.encode() if before else None, site_id)
        body, row = ALONE + tail, rows.rest(1, [entry]).encode()
        for domain in sorted(set(entry.site.domains)):
            if not self._others(domain.encode(), site_id, known=domain in known):
                self._name(domain.encode(), body, row)

    def _move(
        self, index: str, now: Set[str], before: Set[str], site_id: bytes, key_of: Callable[[str], bytes | None]
    ) -> None:
        """Bring an index from the keys a site had to those it has."""
        if now == before:
            return
        db = self._db[index]
        for text in before - now:
            if (key := key_of(text)) is not None:
                self._txn.delete(key, site_id, db=db)
        for text in now - before:
            if (key := key_of(text)) is not None:
                self._txn.put(key, site_id, db=db)
            else:
                _log.warning("readmodel.not_an_address", site_id=site_id.hex())

    def _file(self, index: str, now: bytes | None, before: bytes | None, site_id: bytes) -> None:
        """Bring an index from the one key a site had to the one it has, where it has one."""
        if now == before:
            return
        if before is not None:
            self._txn.delete(before, site_id, db=self._db[index])
        if now is not None:
            self._txn.put(now, site_id, db=self._db[index])

    def _name(self, domain: bytes, body: bytes, row: bytes) -> None:
        """Write the answers for a domain."""
        self._txn.put(domain, FOUND + domain + THEN + body, db=self._db["domains"])
        self._txn.put(domain, domain + row, db=self._db["rows"])

    def _others(self, domain: bytes, site_id: bytes, *, known: bool) -> bool:
        """Whether other sites have this domain too; then its answers are written for all of them."""
        txn, shared = self._txn, self._db["shared"]
        if not self._any_shared and known:
            return False
        if txn.get(domain, None, shared) is None:
            found = None if known else txn.get(domain, None, self._db["domains"])
            if found is None:
                return False
            txn.put(
                domain,
                records.id_of(records.decode(found[len(FOUND + domain + THEN + ALONE) :]).site.site_id),
                db=shared,
            )
            self._any_shared = True
        txn.put(domain, site_id, db=shared)
        self._together(domain)
        return True

    def _unname(self, domain: bytes, site_id: bytes) -> None:
        """Let a domain find this site no longer; the other sites that have it stay."""
        if self._txn.delete(domain, site_id, db=self._db["shared"]):
            self._together(domain)
        else:
            self._txn.delete(domain, db=self._db["domains"])
            self._txn.delete(domain, db=self._db["rows"])

    def _together(self, domain: bytes) -> None:
        """Write the answers for a domain that several sites have; with one left it is that one's alone."""
        total, ids = self._model.ids(self._txn, "shared", domain, MOST)
        if total == 1:
            self._txn.delete(domain, db=self._db["shared"])
        entries = [records.decode(tail) for tail in self._model.tails(self._txn, ids)[: SHOWN + 1]]
        self._name(domain, self._model.body(self._txn, total, ids), rows.rest(total, entries).encode())
