"""An empty POST behind a bearer token: what HTTP, FastAPI and the check of a token cost by themselves.

``python -m tests.bench.empty PORT ISSUER``
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request

from local_stack.topology import AUDIENCE
from shared.runtime.web.identity import TokenValidator


def app_of(issuer: str) -> FastAPI:
    """Answers ``{}`` to whoever has a good token."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient(trust_env=False) as http:
            app.state.validator = TokenValidator(issuer, AUDIENCE, f"{issuer}/jwks.json", http)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/")
    async def empty(request: Request) -> dict[str, str]:
        await request.app.state.validator.validate(request.headers["Authorization"].removeprefix("Bearer "))
        return {}

    return app


if __name__ == "__main__":
    uvicorn.run(
        app_of(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools",
        access_log=False, log_level="warning",
    )  # fmt: skip
