"""The agent and the real access-control: cut-off, restore and receipts, through the door that providers use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx

from access_control.main import SERVICE
from concord.agent.agent import Agent, HttpOutbox
from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.intake import Intake, Keys, Receipts
from concord.agent.journal import Journal
from concord.agent.web import WebHook
from shared.runtime.base.clock import FixedClock, SystemClock
from tests.integration.access_control.desk import Desk, Host, carried_out, undone
from tests.support import people
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service
from tests.unit.concord.agent.conftest import make_config
from tests.unit.concord.agent.fake_access import FakeAccess


class Routed(httpx.AsyncBaseTransport):
    """The service in this process, and an issuer that always says yes to this provider."""

    def __init__(self, desk: Desk, host: Host) -> None:
        self._service = httpx.ASGITransport(desk.api.app)
        self._token = people.token(host.who[0], **host.who[1]) if isinstance(host.who, tuple) else ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/issuer/.well-known/openid-configuration":
            endpoint = str(request.url.copy_with(path="/issuer/token"))
            return httpx.Response(200, json={"token_endpoint": endpoint})
        if request.url.path == "/issuer/token":
            return httpx.Response(200, json={"access_token": self._token, "expires_in": 600})
        return await self._service.handle_async_request(request)


@asynccontextmanager
async def desk(make_database: MakeDatabase, folder: Path) -> AsyncIterator[Desk]:
    dsn = await make_database("access-control")
    keys: dict[str, Any] = {
        "signing_keys_file": folder / "orders.json",
        "signing_keys_generate": True,
        "withdraw_window_s": 0,
    }
    async with running_service(SERVICE, dsn, clock=SystemClock(), **keys) as api:
        yield Desk(api, cast("FixedClock", SystemClock()), dsn)


@asynccontextmanager
async def agent_of(desk: Desk, host: Host, config: Config, web: WebHook) -> AsyncIterator[Journal]:
    journal = Journal(config.state_file, config.provider_id)
    async with Door.open(config, Routed(desk, host)) as door:
        receipts = Receipts(config.provider_id, config.signer())
        keys = Keys(journal, lambda: door.keys(config.jwks_url))
        intake = Intake(config.provider_id, journal, keys, receipts)
        outbox = HttpOutbox(door, journal, keys, receipts)
        working = asyncio.create_task(Agent(config, journal, intake, receipts, door).run(web, outbox, silent_topic))
        try:
            yield journal
        finally:
            working.cancel()
            await asyncio.wait([working])
            journal.close()


async def silent_topic(_accept: Any) -> None:
    """A topic on which nothing comes: everything has to come from the feed."""
    await asyncio.Event().wait()


async def until_status(desk: Desk, host: Host, *statuses: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(30):
        while True:
            orders = await desk.orders(host)
            if [order["status"] for order in orders] == list(statuses):
                return orders
            await asyncio.sleep(0.1)


async def test_a_site_is_cut_off_and_restored_with_signed_receipts(make_database: MakeDatabase, tmp_path: Path) -> None:
    async with desk(make_database, tmp_path) as access:
        host = await access.host()
        fake = FakeAccess()  # only for its configuration
        fake.provider_key = host.key
        config = make_config(tmp_path, fake, "http://access.test", provider_id=UUID(host.id), check_every_s=0.2)
        web = WebHook(config.state_file, "127.0.0.1", 0)
        await web.start()
        fact = carried_out(host)
        assert fact.site is not None
        site = fact.site.hosts[0]
        await access.deliver(fact)
        async with agent_of(access, host, config, web) as journal:
            await until_status(access, host, "executed")
            async with httpx.AsyncClient(trust_env=False) as reader:
                page = await reader.get(f"http://127.0.0.1:{web.port}/", headers={"Host": site})
                assert page.status_code == 451
                assert 'rel="blocked-by"' in page.headers["Link"]
                state = await access.state(host)
                assert (state["in_force"], state["hash"]) == journal.in_force()
        await access.deliver(undone(fact))
        async with agent_of(access, host, config, web) as journal:  # restarted in between
            orders = await until_status(access, host, "executed", "executed")
            async with httpx.AsyncClient(trust_env=False) as reader:
                page = await reader.get(f"http://127.0.0.1:{web.port}/", headers={"Host": site})
                assert page.status_code == 200
            state = await access.state(host)
            assert (state["in_force"], state["hash"]) == journal.in_force()
            assert state["in_force"] == 0
        for order in orders:
            outcomes = [receipt["outcome"] for receipt in (await access.order(order["id"]))["receipts"]]
            assert sorted(outcomes) == ["executed", "received"]
        await web.stop()
