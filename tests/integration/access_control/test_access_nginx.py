"""The feed behind a real nginx as a proxy: long polls and streams come through at once, with the same bytes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.integration.access_control.desk import Desk
from tests.integration.access_control.test_access_feed import events, served, waiting
from tests.support import people
from tests.support.nginx import free_port, running

PROXY = """
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{behind};
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 75s;
    }}
  }}
"""


@asynccontextmanager
async def proxied(folder: Path, behind: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The same address behind nginx, with buffering as nginx has it by default."""
    port = free_port()
    http = PROXY.format(port=port, behind=f"{behind.base_url.host}:{behind.base_url.port}")
    async with (
        running(folder, port, http),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client,
    ):
        yield client


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
