"""A real server that speaks S3, from a wheel: it checks signatures, and its buckets are folders."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest

from tests.support.nginx import free_port

BINARY: Final = str(Path(sys.executable).parent / "rclone")


class Bucket:
    """One bucket, known by ``url``; the server can be stopped and started again in place."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder, self._port = f"files-{uuid4().hex}", folder, free_port()
        self.folder, self.url = folder / self.name, f"s3://{self.name}/department"
        self._process: subprocess.Popen[bytes] | None = None
        self.folder.mkdir()

    def environment(self, secret: str = "a-secret-of-the-store") -> dict[str, str]:
        """What whoever uses it must have in its environment."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "concord", "AWS_SECRET_ACCESS_KEY": secret,
        }  # fmt: skip

    def objects(self) -> list[str]:
        """What is in it, by the path below its prefix."""
        return sorted(
            str(each.relative_to(self.folder / "department")) for each in self.folder.rglob("*") if each.is_file()
        )

    def forge(self, sha256: str, content: bytes) -> None:
        """Put other bytes where those of this hash are."""
        (self.folder / "department" / sha256[:2] / sha256).write_bytes(content)

    async def start(self) -> None:
        """Until it answers."""
        self._process = subprocess.Popen(  # noqa: ASYNC220 -- returns at once
            [BINARY, "serve", "s3", "--auth-key", "concord,a-secret-of-the-store", "--addr", f"127.0.0.1:{self._port}",
             "--dir-cache-time", "0s", str(self._folder)],
            env=os.environ | {"RCLONE_CONFIG": "/dev/null"}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    await client.get(f"http://127.0.0.1:{self._port}/")
                    return
                await asyncio.sleep(0.02)

    def stop(self) -> None:
        """As a machine stops."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@asynccontextmanager
async def running(folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    """A bucket, with what this process needs in its environment to use it."""
    bucket = Bucket(folder)
    for name, value in bucket.environment().items():
        patch.setenv(name, value)
    await bucket.start()
    try:
        yield bucket
    finally:
        bucket.stop()
