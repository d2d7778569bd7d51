"""Bytes that somebody hands in: plain files named after their SHA-256, on disk before anybody hears of them.

Plain files instead of obstore: its local store makes nothing durable unless told to (apache/arrow-rs-object-store#643
is recent and opt-in), takes its object's name before the bytes, while ours is known only after them, and so would still
need a file of our own in between. A deployment on S3 replaces this one class.
"""

import asyncio
import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterable
from pathlib import Path
from typing import BinaryIO, ClassVar, Final

from shared.runtime.base.problems import Internal, Invalid, TooLarge

LIMIT: Final = 20 * 1024 * 1024
"""Most bytes of one file."""
_CHUNK: Final = 1024 * 1024
_INCOMING: Final = ".incoming-"
CUT_OFF_S: Final = 24 * 3600.0
"""An upload that has written nothing for so long is none any more."""


class FileTooLarge(TooLarge):
    """A file may have {limit} bytes at most."""

    members = frozenset({"limit"})


class FileEmpty(Invalid):
    """The body holds no bytes of a file; fields: {names}."""


class FileDamaged(Internal):
    """The bytes kept for {sha256} are no longer those that were handed in; restore them from a copy."""

    title = "File damaged"


class Files:
    """The files under one folder: ``ab/ab12…`` holds the bytes whose SHA-256 is ``ab12…``.

    A department with words of its own for what can be wrong names them in a subclass.
    """

    too_large: ClassVar[type[TooLarge]] = FileTooLarge
    empty: ClassVar[type[Invalid]] = FileEmpty
    damaged: ClassVar[type[Internal]] = FileDamaged

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where these bytes are."""
        return self._folder / sha256[:2] / sha256

    async def save(self, body: AsyncIterable[bytes], *, limit: int = LIMIT) -> tuple[str, int]:
        """Keep a stream of bytes: their SHA-256 and size. Saving the same bytes again changes nothing.

        ``limit``: bytes that are taken at most; nothing beyond is written. Raises FileTooLarge (413) as soon as it is
        passed, FileEmpty (422).
        """
        temporary = await asyncio.to_thread(self._temporary)
        try:
            with temporary:
                sha256, size = await self._receive(body, temporary, min(limit, LIMIT))
                await asyncio.to_thread(_to_disk, temporary)
            await asyncio.to_thread(self._publish, Path(temporary.name), sha256)
        finally:
            with contextlib.suppress(FileNotFoundError):  # the usual case: it has got its name
                await asyncio.to_thread(os.unlink, temporary.name)
        return sha256, size

    async def verified(self, sha256: str) -> Path:
        """Where these bytes are, after looking whether they still are these. Raises FileDamaged (500)."""
        path = self.path(sha256)
        if await asyncio.to_thread(_digest, path) != sha256:
            raise self.damaged(sha256=sha256)
        return path

    async def is_there(self, sha256: str) -> bool:
        """Whether there is a file of this name; not whether it is sound."""
        return await asyncio.to_thread(self.path(sha256).exists)

    async def remove(self, sha256: str) -> None:
        """Delete these bytes; nothing happens if they are gone already. Whoever calls keeps others from saving them."""
        await asyncio.to_thread(self.path(sha256).unlink, missing_ok=True)

    async def clear(self) -> int:
        """Remove what is left of uploads whose process died; says of how many."""
        return await asyncio.to_thread(self._clear, time.time() - CUT_OFF_S)

    def _clear(self, before: float) -> int:
        cleared = 0
        for path in self._folder.glob(f"{_INCOMING}*"):
            with contextlib.suppress(FileNotFoundError):  # it has just got its name, or another process cleared it
                if path.stat().st_mtime < before:
                    path.unlink()
                    cleared += 1
        return cleared

    async def _receive(
        self, body: AsyncIterable[bytes], file: "tempfile._TemporaryFileWrapper[bytes]", limit: int
    ) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        async for chunk in body:
            size += len(chunk)
            if size > limit:
                raise self.too_large(limit=limit)
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
        if size == 0:
            raise self.empty.field("body", "must hold the bytes of the file")
        return digest.hexdigest(), size

    def _temporary(self) -> "tempfile._TemporaryFileWrapper[bytes]":
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self._folder, prefix=_INCOMING, delete=False)

    def _publish(self, temporary: Path, sha256: str) -> None:
        """Give the file its name. The folders are synced too: without that a power cut can take the name back."""
        final = self.path(sha256)
        final.parent.mkdir(exist_ok=True)
        temporary.replace(final)
        for folder in (final.parent, self._folder):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _to_disk(file: "tempfile._TemporaryFileWrapper[bytes] | BinaryIO") -> None:
    file.flush()
    os.fsync(file.fileno())


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
