"""Bytes as they come over a connection, and as they are read back."""

from collections.abc import AsyncIterator

from shared.runtime.base.files import Files


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """A body in these parts."""
    for part in parts:
        yield part


async def broken(*parts: bytes) -> AsyncIterator[bytes]:
    """A body whose sender goes away after these parts."""
    for part in parts:
        yield part
    raise ConnectionResetError("the client went away")


async def whole(files: Files, sha256: str) -> bytes:
    """What is given out under this hash, after it was looked at."""
    sound = await files.verified(sha256)
    content = b"".join([portion async for portion in sound.body])
    assert len(content) == sound.size
    return content
