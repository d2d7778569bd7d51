"""Where the bytes of files are kept: below a folder, or in a bucket of a store that speaks S3.

The folder is ours, not obstore's: its local store gives no way to have a file on disk before its name is told to
anybody (0.12 passes no ``fsync``). Buckets are obstore's; endpoint and credentials come from the usual variables,
``AWS_ENDPOINT_URL`` and so on.
"""

import asyncio
import contextlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import IO, Annotated, Any, Final, Protocol

import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store
from pydantic import AfterValidator, BeforeValidator

from shared.runtime.base import metrics
from shared.runtime.base.problems import Unavailable

CHUNK: Final = 1 << 20
"""Bytes that are read at once."""
CUT_OFF_S: Final = 24 * 3600.0
"""An upload that has written nothing for so long is none any more."""
_INCOMING: Final = ".incoming-"
_BUCKET: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*/?")
_LIMITS: Final[dict[str, Any]] = {
    "client_options": {"connect_timeout": "5s", "read_timeout": "10s", "timeout": "60s"},
    "retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=10)},
    "checksum_algorithm": "SHA256",  # the store compares what arrived, too
}
_log = structlog.get_logger(__name__)


class FileStoreUnavailable(Unavailable):
    """The files of this department cannot be reached just now; nothing was changed. Send the file again later."""


class Store(Protocol):
    """Keeps bytes by a name: the SHA-256 of them."""

    def draft(self) -> AbstractAsyncContextManager[IO[bytes]]:
        """A file for bytes whose name is not known yet; gone afterwards unless it was published."""

    async def publish(self, draft: IO[bytes], name: str) -> None:
        """Keep what was written under its name, durably, in place of what it had. Raises FileStoreUnavailable."""

    async def size(self, name: str) -> int | None:
        """Bytes kept under this name; None if there are none. Raises FileStoreUnavailable."""

    def read(self, name: str) -> AsyncIterator[bytes]:
        """The bytes in portions. Raises FileNotFoundError, FileStoreUnavailable; OSError of a disk that fails."""

    async def remove(self, name: str) -> None:
        """Delete; nothing happens if it is gone already. Raises FileStoreUnavailable."""

    async def clear(self) -> int:
        """Remove what is left of uploads whose process died; says of how many."""


class Folder:
    """Plain files: ``ab/ab12…`` has the name ``ab12…``. On disk, its folders too, before anybody hears of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Where these bytes are."""
        return self._folder / name[:2] / name

    @contextlib.asynccontextmanager
    async def draft(self) -> AsyncIterator[IO[bytes]]:
        """See Store."""
        file = await asyncio.to_thread(self._draft)
        try:
            with file:
                yield file
        finally:
            with contextlib.suppress(FileNotFoundError):  # the usual case: it has got its name
                await asyncio.to_thread(os.unlink, file.name)

    async def publish(self, draft: IO[bytes], name: str) -> None:
        """See Store."""
        await asyncio.to_thread(self._publish, draft, name)

    async def size(self, name: str) -> int | None:
        """See Store."""
        try:
            return (await asyncio.to_thread(self.path(name).stat)).st_size
        except FileNotFoundError:
            return None

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """See Store."""
        with await asyncio.to_thread(self.path(name).open, "rb") as file:
            while portion := await asyncio.to_thread(file.read, CHUNK):
                yield portion

    async def remove(self, name: str) -> None:
        """See Store."""
        await asyncio.to_thread(self.path(name).unlink, missing_ok=True)

    async def clear(self) -> int:
        """See Store."""
        return await asyncio.to_thread(self._clear, time.time() - CUT_OFF_S)

    def _clear(self, before: float) -> int:
        cleared = 0
        for path in self._folder.glob(f"{_INCOMING}*"):
            with contextlib.suppress(FileNotFoundError):  # it has just got its name, or another process cleared it
                if path.stat().st_mtime < before:
                    path.unlink()
                    cleared += 1
        return cleared

    def _draft(self) -> IO[bytes]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self._folder, prefix=_INCOMING, delete=False)

    def _publish(self, draft: IO[bytes], name: str) -> None:
        """The folders are synced as well: without that a power cut can take the name back."""
        draft.flush()
        os.fsync(draft.fileno())
        final = self.path(name)
        final.parent.mkdir(exist_ok=True)
        Path(draft.name).replace(final)
        for folder in (final.parent, self._folder):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


class Bucket:
    """Objects ``ab/ab12…`` below a prefix, each put in one request: what is not whole is not there."""

    def __init__(self, url: str) -> None:
        plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true"  # obstore hears it no more once it has options
        options = _LIMITS["client_options"] | {"allow_http": plain}
        self._store = S3Store.from_url(url, **_LIMITS | {"client_options": options})
        self._url = url

    @contextlib.asynccontextmanager
    async def draft(self) -> AsyncIterator[IO[bytes]]:
        """See Store: this one never had a name, so a killed process leaves nothing of it."""
        with await asyncio.to_thread(tempfile.TemporaryFile) as file:
            yield file

    async def publish(self, draft: IO[bytes], name: str) -> None:
        """See Store."""
        await asyncio.to_thread(draft.seek, 0)
        with self._reached():
            # In one request, so of some 20 MiB in memory: parts of a killed upload would stay in the bucket, unseen.
            await self._store.put_async(_key(name), draft, use_multipart=False)

    async def size(self, name: str) -> int | None:
        """See Store."""
        with self._reached():
            try:
                return int((await self._store.head_async(_key(name)))["size"])
            except FileNotFoundError:
                await self._is_there()
                return None

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """See Store."""
        with self._reached(missing=True):
            try:
                found = await self._store.get_async(_key(name))
            except FileNotFoundError:
                await self._is_there()
                raise
            async for portion in found.stream(min_chunk_size=CHUNK):
                yield bytes(portion)

    async def remove(self, name: str) -> None:
        """See Store."""
        with self._reached():
            await self._store.delete_async(_key(name))

    async def clear(self) -> int:
        """See Store: nothing is left."""
        return 0

    async def _is_there(self) -> None:
        """A bucket that is gone answers as if the object alone was: then nothing may be called damaged."""
        async for _ in self._store.list(chunk_size=1):
            return

    @contextlib.contextmanager
    def _reached(self, *, missing: bool = False) -> Iterator[None]:
        """``missing``: whether "not found" may be said of one object."""
        try:
            yield
        except FileNotFoundError as error:
            if missing:
                raise
            self._say(error)
            raise FileStoreUnavailable from error
        except BaseError as error:
            self._say(error)
            raise FileStoreUnavailable from error

    def _say(self, error: Exception) -> None:
        metrics.files_unreachable.add(1)
        _log.error("files.unreachable", store=self._url, error=" ".join(str(error).split())[:800])


def _key(name: str) -> str:
    return f"{name[:2]}/{name}"


@cache
def open_store(url: str) -> Store:
    """The store of this name: ``s3://bucket/prefix``, or a folder. One for a process, with its connections."""
    return Bucket(url) if url.startswith("s3:") else Folder(Path(url))


def _known(url: str) -> str:
    if "://" in url and not _BUCKET.fullmatch(url):
        raise ValueError("must be a folder, or s3://bucket/prefix")
    return url


StoreUrl = Annotated[str, BeforeValidator(str), AfterValidator(_known)]
"""Names a store: a folder, or ``s3://bucket/prefix``."""
