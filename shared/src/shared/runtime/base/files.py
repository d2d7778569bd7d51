"""Bytes that somebody hands in: named after their SHA-256, kept for good before anybody hears of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import IO, ClassVar, Final, NamedTuple

from shared.runtime.base.problems import Internal, Invalid, TooLarge
from shared.runtime.base.stores import open_store

LIMIT: Final = 20 * 1024 * 1024
"""Most bytes of one file."""


class FileTooLarge(TooLarge):
    """A file may have {limit} bytes at most."""

    members = frozenset({"limit"})


class FileEmpty(Invalid):
    """The body holds no bytes of a file; fields: {names}."""


class FileDamaged(Internal):
    """The bytes kept for {sha256} are no longer those that were handed in; restore them from a copy."""

    title = "File damaged"


class Sound(NamedTuple):
    """Bytes that are those that were handed in, and how many. They are read when somebody takes them."""

    size: int
    body: AsyncIterator[bytes]


class Files:
    """The files of one store.

    A department with words of its own for what can be wrong names them in a subclass.
    """

    too_large: ClassVar[type[TooLarge]] = FileTooLarge
    empty: ClassVar[type[Invalid]] = FileEmpty
    damaged: ClassVar[type[Internal]] = FileDamaged

    def __init__(self, store: str | Path) -> None:
        """``store``: a folder, or ``s3://bucket/prefix``."""
        self._store = open_store(str(store))

    async def save(self, body: AsyncIterable[bytes], *, limit: int = LIMIT) -> tuple[str, int]:
        """Keep a stream of bytes: their SHA-256 and size. Saving the same bytes again changes nothing.

        ``limit``: bytes that are taken at most; nothing beyond is written. Raises FileTooLarge (413) as soon as it is
        passed, FileEmpty (422), FileStoreUnavailable (503).
        """
        async with self._store.draft() as draft:
            sha256, size = await self._receive(body, draft, min(limit, LIMIT))
            await self._store.publish(draft, sha256)
        return sha256, size

    async def verified(self, sha256: str) -> Sound:
        """These bytes, after looking whether they still are these.

        Raises FileDamaged (500), FileStoreUnavailable (503); OSError of a disk that fails.
        """
        digest, size = hashlib.sha256(), 0
        try:
            async for portion in self._store.read(sha256):
                digest.update(portion)
                size += len(portion)
        except FileNotFoundError:
            raise self.damaged(sha256=sha256) from None
        if digest.hexdigest() != sha256:
            raise self.damaged(sha256=sha256)
        return Sound(size, self._store.read(sha256))

    async def is_there(self, sha256: str) -> bool:
        """Whether there is a file of this name; not whether it is sound. Raises FileStoreUnavailable (503)."""
        return await self._store.size(sha256) is not None

    async def remove(self, sha256: str) -> None:
        """Delete these bytes; nothing happens if they are gone already. Whoever calls keeps others from saving them.

        Raises FileStoreUnavailable (503).
        """
        await self._store.remove(sha256)

    async def clear(self) -> int:
        """Remove what is left of uploads whose process died; says of how many."""
        return await self._store.clear()

    async def _receive(self, body: AsyncIterable[bytes], draft: IO[bytes], limit: int) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        async for chunk in body:
            size += len(chunk)
            if size > limit:
                raise self.too_large(limit=limit)
            digest.update(chunk)
            await asyncio.to_thread(draft.write, chunk)
        if size == 0:
            raise self.empty.field("body", "must hold the bytes of the file")
        return digest.hexdigest(), size
