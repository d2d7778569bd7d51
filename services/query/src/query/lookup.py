"""Finds sites by domain, address or number in the read model: one key, or a block of lines as fast as LMDB goes."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import lmdb
import msgspec

from query import keys, rows
from query.keys import By
from query.readmodel import ALONE, FOUND, SHOWN, THEN, ReadModel, pack
from query.records import LONGEST_DOMAIN, Entry
from shared.rules.identifiers import InvalidIdentifier

LONGEST_LINE: Final = 4096
NOT_FOUND: Final = b'{"found":false,"key":"'
_LABEL: Final = rb"(?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN_NAME: Final = re.compile(rb"(?:[a-z0-9]" + _LABEL + rb"\.)+[a-z]" + _LABEL).fullmatch
LONGEST_NAME: Final = 300
"""Longer than any domain, shorter than the longest key LMDB takes."""
SHOWN_OF_A_BAD_KEY: Final = 200

_json = msgspec.json.Encoder().encode


class Block(NamedTuple):
    """Answers to a block of keys: the bytes, how many keys there were, how many were found."""

    answer: bytes
    keys: int
    found: int


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
    """The entries of a hit, the active one first."""
    whole = b"{" + hit.body
    rest = msgspec.json.decode(whole, type=_Others)
    return Group(rest.total, [msgspec.json.decode(whole, type=Entry), *rest.others])


class Lookup:
    """Look-ups inside one read transaction."""

    def __init__(self, model: ReadModel, txn: Any) -> None:
        self._model, self._txn = model, txn
        self._domains = model.db["domains"]

    def find(self, text: str, by: By) -> Hit | None:
        """What one key finds, in whatever form it was written. Raises InvalidIdentifier."""
        kind = keys.shape(text) if by is By.AUTO else by
        if kind is By.IP:
            return self._many("ips", keys.address(text))
        if kind is By.NUMBER:
            return self._many("numbers", keys.number(text))
        exact, *above = keys.domains(text)
        for name in (exact, *above):
            body = self._txn.get(name.encode(), None, self._domains)
            if body is not None:
                body = bytes(body[len(FOUND) + len(name) + len(THEN) :])
                total = 1 if body.startswith(ALONE) else msgspec.json.decode(b"{" + body, type=_Others).total
                return Hit(total, body, None if name == exact else name)
        return None

    def _many(self, index: str, key: bytes) -> Hit | None:
        total, ids = self._model.ids(self._txn, index, key, SHOWN + 1)
        return Hit(total, self._model.body(self._txn, total, ids)) if total else None

    # --- a block of lines --------------------------------------------------------------------------------------------

    def ndjson(self, lines: Sequence[bytes], by: By) -> Block:
        """One line of JSON for each line that is not blank, in order."""
        if by is By.IP or by is By.NUMBER:
            return self._indexed(lines, by)
        if b"" in lines:
            lines = [line for line in lines if line]
        get, domains = self._txn.get, self._domains
        try:
            # Nearly every key is a hit as it stands, and its answer lies ready: this line is where the time goes.
            answers = [get(line, None, domains) for line in lines]
        except lmdb.BadValsizeError:  # a line longer than any key
            return self._slowly(lines, by)
        return self._joined(lines, by, answers)

    def _joined(self, lines: Sequence[bytes], by: By, answers: list[bytes | None]) -> Block:
        """A block of answers, those that are missing looked for once more, thoroughly."""
        blank = missed = 0
        named = by in {By.AUTO, By.DOMAIN}
        for place, answer in enumerate(answers):
            if answer is None:
                line = lines[place]
                if named and self._is_unknown(line):
                    answers[place] = NOT_FOUND + line + b'"}\n'
                    missed += 1
                    continue
                thorough = self._slow(line, by)
                answers[place] = thorough
                blank += not thorough
                missed += not thorough.startswith(FOUND)
        return Block(b"".join(answers), len(answers) - blank, len(answers) - missed)  # type: ignore[arg-type]  # no None left

    def _is_unknown(self, line: bytes) -> bool:
        """Whether a line that found nothing is a name in its one form, and no name above it is known either.

        Most keys that find nothing are such, and need not be taken apart. A public suffix is one too: nobody has it.
        """
        if _PLAIN_NAME(line) is None or len(line) > LONGEST_DOMAIN or b"xn--" in line:
            return False
        above = line.partition(b".")[2]
        while b"." in above:
            if self._txn.get(above, None, self._domains) is not None:
                return False
            above = above.partition(b".")[2]
        return True

    def _indexed(self, lines: Sequence[bytes], by: By) -> Block:
        """The same by address or number: find the ids, then the entries."""
        cursor = self._txn.cursor(self._model.db["ips" if by is By.IP else "numbers"])
        get, sites = self._txn.get, self._model.db["sites"]
        answers: list[bytes | None] = []
        for line in lines:
            key = _packed(line) if by is By.IP else line[:500]
            if key and cursor.set_key(key) and cursor.count() == 1:
                answers.append(b"".join((FOUND, line, THEN, ALONE, get(cursor.value(), None, sites))))
            else:
                answers.append(None)
        return self._joined(lines, by, answers)

    def _slowly(self, lines: Sequence[bytes], by: By) -> Block:
        answers = [answer for line in lines if (answer := self._slow(line, by))]
        return Block(b"".join(answers), len(answers), sum(answer.startswith(FOUND) for answer in answers))

    def _slow(self, line: bytes, by: By) -> bytes:
        """The answer to a line whose bytes are not a key as they stand; nothing for a blank one."""
        if not line or line.isspace():
            return b""
        text, problem, hit = self._read(line, by)
        key = _json(text)
        if problem is not None:
            return b'{"found":false,"key":%s,"error":%s,"message":%s}\n' % (key, *map(_json, problem))
        if hit is None:
            return b'{"found":false,"key":%s}\n' % key
        matched = b'"matched":%s,' % _json(hit.matched) if hit.matched else b""
        return b'{"found":true,"key":%s,%s%s' % (key, matched, hit.body)

    def _read(self, line: bytes, by: By) -> tuple[str, tuple[str, str] | None, Hit | None]:
        """The key of a line, what is wrong with it, and what it finds."""
        if len(line) > LONGEST_LINE:
            shown = line[:SHOWN_OF_A_BAD_KEY].decode("utf-8", "replace")
            return shown, ("key_too_long", f"a line has at most {LONGEST_LINE} bytes"), None
        try:
            text = first_column(line.decode())
        except UnicodeDecodeError:
            shown = line.decode("utf-8", "replace")[:SHOWN_OF_A_BAD_KEY]
            return shown, ("bad_encoding", "the line is not UTF-8"), None
        try:
            return text, None, self.find(text, by)
        except InvalidIdentifier as wrong:
            return text, (wrong.code, wrong.message), None

    def csv(self, lines: Sequence[bytes], by: By) -> Block:
        """One CSV row for each line that is not blank, in order; the first site of a key that several have."""
        get, whole, out = self._txn.get, self._model.db["rows"], list[Any]()
        direct = by in {By.AUTO, By.DOMAIN}
        missed = found = 0
        for line in lines:
            row = get(line, None, whole) if direct and 0 < len(line) < LONGEST_NAME else None
            if row is not None:
                out.append(row)
                found += 1
            elif direct and self._is_unknown(line):
                out.append(line + rows.NOTHING)
                missed += 1
            elif line and not line.isspace():
                answer, hit = self._row(line, by)
                out.append(answer)
                missed += not hit
                found += hit
        return Block(b"".join(out), missed + found, found)

    def _row(self, line: bytes, by: By) -> tuple[bytes, bool]:
        text, problem, hit = self._read(line, by)
        if hit is None:
            return rows.missing(text, *(problem or ("", ""))).encode(), False
        sites = group(hit)
        return rows.found(text, sites.total, sites.entries).encode(), True


def first_column(text: str) -> str:
    """The first cell of a CSV line; a line without commas or quotes is its own first cell."""
    text = text.strip()
    if "," in text or text.startswith('"'):
        try:
            return next(csv.reader([text], strict=True))[0].strip()
        except (csv.Error, StopIteration, IndexError):
            return text
    return text


def _packed(line: bytes) -> bytes | None:
    return pack(line.decode("ascii", "replace"))
