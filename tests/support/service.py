"""Runs one service in the process of the test, on a real database and without a broker.

    dsn = await make_database("registry")
    async with running_service(SERVICE, dsn) as api:
        answer = await api.post("/operators", json={...}, who="regulator-a")

`who` names somebody of `tests.support.people` (or gives a token's claims to override: `who=("regulator-a", {...})`).
POSTs get a fresh Idempotency-Key unless one is given. `api.rt` is the service's Runtime, for asking the database.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import Clock
from shared.runtime.process.app import create_app, running
from shared.runtime.process.service import Service
from shared.runtime.web.refusals import Refusals
from tests.support import people

Who = str | tuple[str, Mapping[str, Any]] | None


class Api(httpx.AsyncClient):
    """A client of the service under test."""

    def __init__(self, app: FastAPI, *, clock: Clock | None = None) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        super().__init__(transport=transport, base_url="http://service.test", timeout=30)
        self.app = app
        self._people_clock = clock

    @property
    def rt(self) -> Runtime:
        """What the service runs on."""
        runtime: Runtime = self.app.state.supervisor.runtime
        return runtime

    async def request(self, method: str, url: Any, *, who: Who = None, key: str | None = None, **options: Any) -> Any:
        """Send a request as somebody; ``key`` is the Idempotency-Key of a POST."""
        headers = dict(options.pop("headers", None) or {})
        if who is not None:
            name, override = (who, {}) if isinstance(who, str) else who
            headers |= people.bearer(name, clock=self._people_clock, **override)
        if method == "POST":
            headers.setdefault("Idempotency-Key", key or str(uuid4()))
        return await super().request(method, url, headers=headers, **options)

    async def get(self, url: Any, *, who: Who = None, **options: Any) -> Any:
        """GET as somebody."""
        return await self.request("GET", url, who=who, **options)

    async def post(self, url: Any, *, who: Who = None, key: str | None = None, **options: Any) -> Any:
        """POST as somebody."""
        return await self.request("POST", url, who=who, key=key, **options)

    async def put(self, url: Any, *, who: Who = None, version: int | None = None, **options: Any) -> Any:
        """PUT as somebody; ``version`` is what If-Match says."""
        headers = dict(options.pop("headers", None) or {})
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.request("PUT", url, who=who, headers=headers, **options)

    async def delete(self, url: Any, *, who: Who = None, **options: Any) -> Any:
        """DELETE as somebody."""
        return await self.request("DELETE", url, who=who, **options)


@asynccontextmanager
async def running_service(
    service: Service, dsn: str, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Api]:
    """A service that answers on its HTTP door. ``settings`` override its settings: ``roles_run="http,ticks"``.

    Refusals leave a row each, unless ``fold_s`` says for how many seconds like ones are folded into one.
    """
    fold_s = float(settings.pop("fold_s", 0))
    given = {
        "database_url": dsn, "roles_run": "http", "oidc_issuer": people.ISSUER, "log_level": "WARNING",
        "identity_key": "a key for hashes of numbers, of tests", **settings,
    }  # fmt: skip
    app = create_app(service, service.settings(**given), clock=clock, validator=people.validator(clock))
    app.state.refusals = Refusals(window_s=fold_s)
    async with running(app), Api(app, clock=clock) as api:
        yield api
