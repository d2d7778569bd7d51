"""XLSX files: spooled, then read by a program that can do nothing else and is ended when it takes too much."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import orjson

from registry.importing import xlsx
from registry.importing.rows import NotThatFile, Row, columns

MOST: Final = 50 * 1024 * 1024
"""Bytes of the file as it is sent."""
STALLED_S: Final = 30.0
"""Without a row from the reader, after which it is ended."""
LONGEST_LINE: Final = 1024 * 1024
"""Of the reader's output: a row of 64 Ki characters, each escaped."""
_PROGRAM: Final = Path(xlsx.__file__)
_WAY_OUT: Final = "save it as CSV or NDJSON, which have no such limit, or split it"


async def rows(stream: AsyncIterator[bytes], known: Sequence[str]) -> AsyncIterator[Row]:
    """The rows below the header of the first sheet, each as a JSON object of texts.

    Raises NotThatFile for what is no such file, has another header, or passes a limit.
    """
    with tempfile.TemporaryFile() as file:
        await _spool(stream, file)
        names: Sequence[str] | None = None
        async for said in _reader(file):
            if said[0] == "no":
                raise NotThatFile.field("body", f"{said[2]} ({said[1]})")
            if names is None:
                if said[0] == "wrong":
                    raise NotThatFile.field("header", said[5])
                names = columns([name.strip() for name in said[2]], known)
            else:
                yield _row(said, names)


def _row(said: list[Any], names: Sequence[str]) -> Row:
    kind, number, cells = said[:3]
    raw = orjson.dumps(dict(zip(names, cells + [""] * (len(names) - len(cells)), strict=False)))
    if kind == "wrong":
        column, code, message = said[3:]
        return Row(number, raw, (code, message), names[column] if column < len(names) else None)
    if len(cells) > len(names):
        return Row(number, raw, ("wrong_columns", f"the header has {len(names)} columns, this row {len(cells)}"))
    return Row(number, raw)


async def _spool(stream: AsyncIterator[bytes], file: IO[bytes]) -> None:
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > MOST:
            raise NotThatFile.field("body", f"an XLSX file may have {MOST // 2**20} MiB at most: {_WAY_OUT}")
        file.write(chunk)
    file.seek(0)


async def _reader(file: IO[bytes]) -> AsyncIterator[list[Any]]:
    """What the program says, line by line, until its end. It knows nothing of us: no environment, no other file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(_PROGRAM), stdin=file, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={}, limit=LONGEST_LINE,
    )  # fmt: skip
    if process.stdout is None:
        raise TypeError("the reader's output is a pipe")
    try:
        while True:
            line = await asyncio.wait_for(process.stdout.readline(), STALLED_S)
            if not line:
                raise NotThatFile.field("body", f"reading it took too much time or memory and was ended: {_WAY_OUT}")
            said = json.loads(line)
            if said[0] == "end":
                return
            yield said
    except TimeoutError:
        raise NotThatFile.field("body", f"reading it took too long and was ended: {_WAY_OUT}") from None
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
