"""Finds the sites of one key in the read model."""

from dataclasses import dataclass
from typing import Any

import msgspec

from query.lookup import keys
from query.lookup.keys import Asked
from query.readmodel.layout import ALONE, FOUND, SHOWN, THEN, pack
from query.readmodel.model import ReadModel
from query.readmodel.records import Entry, Unregistered
from shared.contracts.http.query import By


@dataclass(frozen=True, slots=True)
class Hit:
    """What a key found: how many sites, the rest of the answer's line, and the key if another than the one given."""

    total: int
    body: bytes
    matched: str | None = None


class Group(msgspec.Struct):
    """The sites that one key finds, taken apart again."""

    total: int
    entries: list[Entry]


class _Others(msgspec.Struct):
    total: int
    others: list[Entry] = []


def group(hit: Hit) -> Group:
    """The entries of a hit, the live one first."""
    whole = b"{" + hit.body
    rest = msgspec.json.decode(whole, type=_Others)
    return Group(rest.total, [msgspec.json.decode(whole, type=Entry), *rest.others])


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A site in no register that a name finds; ``matched``: its host name if that is another than the one given."""

    site: Unregistered
    matched: str | None


class Finder:
    """Look-ups inside one read transaction."""

    def __init__(self, model: ReadModel, txn: Any) -> None:
        self._model, self._txn = model, txn
        self._domains = model.db["domains"]

    def find(self, text: str, by: By) -> Hit | None:
        """What one key finds, in whatever form it was written. Raises InvalidIdentifier."""
        return self.find_asked(keys.read(text, by))

    def find_asked(self, asked: Asked) -> Hit | None:
        """What a key finds that has been read."""
        term = asked.terms[0]
        if asked.by is By.IP:
            return self._many("ips", pack(term) or b"")
        if asked.by is By.NUMBER:
            return self._many("numbers", term.encode()) or self._many("former", term.encode())
        for name in asked.terms:
            body = self._txn.get(name.encode(), None, self._domains)
            if body is not None:
                body = bytes(body[len(FOUND) + len(name) + len(THEN) :])
                total = 1 if body.startswith(ALONE) else msgspec.json.decode(b"{" + body, type=_Others).total
                return Hit(total, body, None if name == term else name)
        return None

    def find_any(self, asked: Asked) -> Hit | Unlisted | None:
        """What a key finds: registered sites, or else one that is in no register."""
        return self.find_asked(asked) or self.find_unregistered(asked)

    def find_unregistered(self, asked: Asked) -> Unlisted | None:
        """What a name finds that no registered site has: one in no register that was subject of a measure."""
        for name in asked.terms if asked.by is By.DOMAIN else ():
            site = self._model.unregistered(self._txn, name)
            if site is not None:
                return Unlisted(site, None if name == asked.terms[0] else name)
        return None

    def _many(self, index: str, key: bytes) -> Hit | None:
        total, ids = self._model.ids(self._txn, index, key, SHOWN + 1)
        return Hit(total, self._model.body(self._txn, total, ids)) if total else None
