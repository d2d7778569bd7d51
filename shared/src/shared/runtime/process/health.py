"""What machines ask: is the process alive, can it serve, how does it fare."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, Protocol

import orjson
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

JSON: Final = "application/json"


class Fares(Protocol):
    """Whoever knows how a process fares."""

    async def report(self) -> dict[str, Any]:
        """``status`` is ready, degraded or unready; the rest is for people."""
        ...


def install(app: Starlette, process: Fares, registry: CollectorRegistry) -> None:
    """Add /livez, /readyz and /metrics."""

    async def livez(_request: Request) -> Response:
        """200 as long as the event loop turns; says nothing about what the process depends on."""
        return Response(b'{"status":"alive"}', media_type=JSON)

    async def readyz(_request: Request) -> Response:
        """200 when requests can be served: started, database reachable.

        A broker that is away only degrades: writes go on, the outbox keeps them.
        """
        report = await process.report()
        status = 503 if report["status"] == "unready" else 200
        headers = {"Retry-After": "1"} if status == 503 else None
        return Response(orjson.dumps(report), status, headers=headers, media_type=JSON)

    async def metrics(_request: Request) -> Response:
        """Prometheus text format."""
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    for path, endpoint in (("/livez", livez), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_route(path, endpoint, ["GET"], include_in_schema=False)


@contextlib.asynccontextmanager
async def answering(process: Fares, registry: CollectorRegistry, host: str, port: int) -> AsyncIterator[int]:
    """Answer machines alone, for a process that has no other door; gives the port. Raises OSError if it is taken."""
    app = Starlette()
    install(app, process, registry)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listening:
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=1
        )
        server = _Unsignalled(config)
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


class _Unsignalled(uvicorn.Server):
    """Uvicorn in a process that is told to end by others."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield
