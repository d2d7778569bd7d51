"""The one place that reads the files people hand us, and says in one sentence what is wrong with them."""

import codecs
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from shared.signing import unique

MOST: Final = 16 * 1024 * 1024
"""Bytes that a file read as a whole may have."""
DEEPEST: Final = 64
"""Levels of objects and lists in each other: no body of ours has ten."""
STDIN: Final = Path("-")
_BLANKS: Final = frozenset("\t\n\r\f\x1a")


class BadFile(Exception):
    """A file that cannot be used; the message names it, and says what is wrong and what to do."""


def read(file: Path, most: int = MOST) -> bytes:
    """All bytes of a file, of standard input for ``-``. Raises BadFile."""
    with opened(file) as source:
        content = source.read(most + 1)
    if len(content) > most:
        raise BadFile(f"{name_of(file)} is larger than {most // 1024 // 1024} MiB")
    return content


def write(file: Path, content: bytes) -> None:
    """Put bytes into a new file; one that is there already stays as it is. Raises BadFile."""
    try:
        with file.open("xb") as target:
            target.write(content)
    except OSError as error:
        raise BadFile(f"{name_of(file)} cannot be written: {error.strerror}") from error


def chunks(file: Path, size: int) -> Iterator[bytes]:
    """A file piece by piece, however large it is. Raises BadFile."""
    with opened(file) as source:
        while chunk := source.read(size):
            yield chunk


def text(file: Path) -> str:
    """A text file in UTF-8, with a byte-order mark or without. Raises BadFile."""
    return decoded(read(file), name_of(file))


def lines(file: Path) -> list[str]:
    """The lines of a text file that are not blank, without blanks around them. Raises BadFile."""
    return [line.strip() for line in text(file).splitlines() if line.strip()]


def json_object(file: Path) -> dict[str, Any]:
    """The one JSON object in a file. Raises BadFile."""
    name = name_of(file)
    try:
        value = json.loads(text(file), object_pairs_hook=unique, parse_constant=_no_number)
    except RecursionError:
        raise BadFile(f"{name} is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:
        raise BadFile(f"{name} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadFile(f"{name} must hold one JSON object, with {{ at its beginning")
    if _is_deep(value):
        raise BadFile(f"{name} is nested deeper than {DEEPEST} levels")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadFile(f"{name} has half a character in it (\\ud800 to \\udfff alone is no text)") from None
    return value


def key_set(file: Path) -> dict[str, Any]:
    """The JWK set in a file; of one key too, alone or as ``concord keys`` prints it. Raises BadFile."""
    found = json_object(file)
    return found if "keys" in found else {"keys": [found.get("jwk", found)]}


def decoded(raw: bytes, name: str, *, whole: bool = True) -> str:
    """Bytes as text. ``whole``: false for the beginning of a file, which may end in the middle of a character.

    Raises BadFile, with a hint for the encodings that Chinese offices use.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadFile(f'{name} is in UTF-16 (Excel: "Unicode text"): save it as UTF-8')
    try:
        found = codecs.getincrementaldecoder("utf-8-sig")().decode(raw, final=whole)
    except UnicodeDecodeError as error:
        raise BadFile(f"{name} {_what_it_may_be(raw, error.start, whole=whole)}") from None
    if "\0" in found:
        raise BadFile(f"{name} is binary, not text")
    return found


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """A file to read bytes from; standard input for ``-``. Raises BadFile, also while it is read."""
    try:
        if file == STDIN:
            yield sys.stdin.buffer
        else:
            with file.open("rb") as source:
                yield source
    except OSError as error:  # missing, a directory, not ours to read, a broken disk
        raise BadFile(f"{name_of(file)} cannot be read: {error.strerror or error}") from None


def name_of(file: Path) -> str:
    """How messages call a file."""
    return "standard input" if file == STDIN else str(file)


def _what_it_may_be(raw: bytes, first: int, *, whole: bool) -> str:
    try:
        other = codecs.getincrementaldecoder("gb18030")().decode(raw, final=whole)
    except UnicodeDecodeError:
        other = "\0"
    if all(sign >= " " or sign in _BLANKS for sign in other):
        return "is not UTF-8 but looks like GBK or GB18030: save it as UTF-8, or `iconv -f GB18030 -t UTF-8`"
    if b"\0" in raw or any(byte < 32 and chr(byte) not in _BLANKS for byte in raw):
        return "is binary, not text"
    return f"is not UTF-8 (byte {first}): save it as UTF-8"


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
