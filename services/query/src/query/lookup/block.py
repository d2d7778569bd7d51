"""Answers a block of lines, as fast as LMDB goes."""

import csv
import ipaddress
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import lmdb
import msgspec

from query.lookup import keys
from query.lookup.point import Finder, Hit, Unlisted, group
from query.readmodel import rows
from query.readmodel.acts import LONGEST_HOST
from query.readmodel.layout import ALONE, FOUND, THEN, pack
from query.readmodel.model import ReadModel
from shared.contracts.http.query import By
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
    """Answers to a block of keys.

    ``answer``: the bytes; ``keys``: how many keys there were; ``found``: how many were found. For the audit, a line
    each: ``asked``, the keys as they were written, and ``terms``, the one form of those that were not written in it.
    """

    answer: bytes
    keys: int
    found: int
    asked: bytes
    terms: bytes


class Lookup:
    """Answers one block of lines inside one read transaction."""

    def __init__(self, model: ReadModel, txn: Any) -> None:
        self._model, self._txn = model, txn
        self._domains, self._unregistered = model.db["domains"], model.db["unregistered"]
        self._any_unregistered = txn.stat(self._unregistered)["entries"] > 0
        self._finder = Finder(model, txn)
        self._texts: dict[bytes, bytes] = {}
        """Line → its key, where the line holds more than that."""
        self._terms: list[bytes] = []

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
        return self._block(lines, answers, len(answers) - blank, len(answers) - missed)

    def _is_unknown(self, line: bytes) -> bool:
        """Whether a line that found nothing is a name in its one form, and no name above it is known either.

        Most keys that find nothing are such, and need not be taken apart. A public suffix is one too: nobody has it.
        """
        if _PLAIN_NAME(line) is None or len(line) > LONGEST_HOST or b"xn--" in line:
            return False
        get = self._txn.get
        if self._any_unregistered and get(line, None, self._unregistered) is not None:
            return False
        above = line.partition(b".")[2]
        while b"." in above:
            if get(above, None, self._domains) is not None:
                return False
            if self._any_unregistered and get(above, None, self._unregistered) is not None:
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
                if by is By.IP and b":" in line:
                    self._terms.append(_shortest(line).encode())
            else:
                answers.append(None)
        return self._joined(lines, by, answers)

    def _block(self, lines: Sequence[bytes], answers: Sequence[Any], keys_: int, found: int) -> Block:
        written = [self._texts.get(line, line) for line in lines] if self._texts else lines
        return Block(b"".join(answers), keys_, found, b"\n".join(written), b"\n".join(self._terms))

    def _slowly(self, lines: Sequence[bytes], by: By) -> Block:
        answers = [answer for line in lines if (answer := self._slow(line, by))]
        found = sum(answer.startswith(FOUND) for answer in answers)
        return self._block(lines, answers, len(answers), found)

    def _slow(self, line: bytes, by: By) -> bytes:
        """The answer to a line whose bytes are not a key as they stand; nothing for a blank one."""
        if not line or line.isspace():
            return b""
        text, problem, hit = self._read(line, by)
        key = _json(text)
        if isinstance(hit, Unlisted):
            matched = b'"matched":%s,' % _json(hit.matched) if hit.matched else b""
            return b'{"found":false,"key":%s,%s"unregistered":%s}\n' % (key, matched, _json(hit.site))
        if problem is not None:
            return b'{"found":false,"key":%s,"error":%s,"message":%s}\n' % (key, *map(_json, problem))
        if hit is None:
            return b'{"found":false,"key":%s}\n' % key
        matched = b'"matched":%s,' % _json(hit.matched) if hit.matched else b""
        return b'{"found":true,"key":%s,%s%s' % (key, matched, hit.body)

    def _read(self, line: bytes, by: By) -> tuple[str, tuple[str, str] | None, Hit | Unlisted | None]:
        """The key of a line, what is wrong with it, and what it finds."""
        text, problem = _key_of(line)
        if text.encode() != line:
            self._texts[line] = text.encode()
        if problem is not None:
            return text, problem, None
        try:
            asked = keys.read(text, by)
        except InvalidIdentifier as wrong:
            return text, (wrong.code, wrong.message), None
        if asked.terms[0] != text:
            self._terms.append(asked.terms[0].encode())
        return text, None, self._finder.find_any(asked)

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
        return self._block(lines, out, missed + found, found)

    def _row(self, line: bytes, by: By) -> tuple[bytes, bool]:
        text, problem, hit = self._read(line, by)
        if isinstance(hit, Unlisted):
            return rows.unregistered(text, hit.site).encode(), False
        if hit is None:
            return rows.missing(text, *(problem or ("", ""))).encode(), False
        sites = group(hit)
        return rows.found(text, sites.total, sites.entries).encode(), True


def _key_of(line: bytes) -> tuple[str, tuple[str, str] | None]:
    """The key of a line, and what is wrong with the line."""
    if len(line) > LONGEST_LINE:
        shown = line[:SHOWN_OF_A_BAD_KEY].decode("utf-8", "replace")
        return shown, ("key_too_long", f"a line has at most {LONGEST_LINE} bytes")
    try:
        return first_column(line.decode()), None
    except UnicodeDecodeError:
        return line.decode("utf-8", "replace")[:SHOWN_OF_A_BAD_KEY], ("bad_encoding", "the line is not UTF-8")


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


def _shortest(line: bytes) -> str:
    """An IPv6 address in its shortest form; one that stands for an IPv4 address as that."""
    address = ipaddress.IPv6Address(line.decode("ascii"))
    return str(address.ipv4_mapped or address)
