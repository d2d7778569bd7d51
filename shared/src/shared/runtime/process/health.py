"""What machines ask: is the process alive, can it serve, how does it fare."""

from typing import Any, Final

import orjson
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from shared.runtime.process.supervisor import Supervisor

JSON: Final = "application/json"


def install(app: FastAPI, supervisor: Supervisor, registry: CollectorRegistry) -> None:
    """Add /livez, /readyz and /metrics."""

    async def livez(_request: Request) -> Response:
        """200 as long as the event loop turns; says nothing about what the process depends on."""
        return Response(b'{"status":"alive"}', media_type=JSON)

    async def readyz(_request: Request) -> Response:
        """200 when requests can be served: started, database reachable.

        A broker that is away only degrades: writes go on, the outbox keeps them.
        """
        report: dict[str, Any] = await supervisor.report()
        status = 503 if report["status"] == "unready" else 200
        headers = {"Retry-After": "1"} if status == 503 else None
        return Response(orjson.dumps(report), status, headers=headers, media_type=JSON)

    async def metrics(_request: Request) -> Response:
        """Prometheus text format."""
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    for path, endpoint in (("/livez", livez), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_route(path, endpoint, ["GET"], include_in_schema=False)
