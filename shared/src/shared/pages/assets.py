"""What pages load: one stylesheet, at an address that changes with its content. And public addresses that take HEAD."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Response

from shared.runtime.web.door import PUBLIC, router

F = TypeVar("F", bound=Callable[..., Any])

_CSS: Final = (Path(__file__).parent / "static" / "pages.css").read_bytes()
STYLESHEET: Final = f"/public/assets/pages.{hashlib.sha256(_CSS).hexdigest()[:16]}.css"
_FOR_EVER: Final = "public, max-age=31536000, immutable"

ROUTER: Final = router(idempotent=False, include_in_schema=False)
"""To be among the routers of every service that has pages."""


def readable(of: APIRouter, path: str, **options: Any) -> Callable[[F], F]:
    """Let an endpoint answer GET, and HEAD as RFC 9110 §9.3.2 wants it: the same without the content.

    The server leaves the content out; only GET is in the API documentation.
    """

    def register(endpoint: F) -> F:
        of.add_api_route(path, endpoint, methods=["GET"], **options)
        of.add_api_route(path, endpoint, methods=["HEAD"], **(options | {"include_in_schema": False}))
        return endpoint

    return register


@readable(ROUTER, STYLESHEET, openapi_extra=PUBLIC)
async def stylesheet() -> Response:
    """The stylesheet of all pages."""
    return Response(_CSS, media_type="text/css; charset=utf-8", headers={"Cache-Control": _FOR_EVER})
