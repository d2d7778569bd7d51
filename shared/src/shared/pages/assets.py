"""What pages load: one stylesheet, at an address that changes with its content."""

import hashlib
from pathlib import Path
from typing import Final

from fastapi import Response

from shared.runtime.web.door import PUBLIC, router

_CSS: Final = (Path(__file__).parent / "static" / "pages.css").read_bytes()
STYLESHEET: Final = f"/public/assets/pages.{hashlib.sha256(_CSS).hexdigest()[:16]}.css"
_FOR_EVER: Final = "public, max-age=31536000, immutable"

ROUTER: Final = router(idempotent=False, include_in_schema=False)
"""To be among the routers of every service that has pages."""


@ROUTER.get(STYLESHEET, openapi_extra=PUBLIC)
async def stylesheet() -> Response:
    """The stylesheet of all pages."""
    return Response(_CSS, media_type="text/css; charset=utf-8", headers={"Cache-Control": _FOR_EVER})
