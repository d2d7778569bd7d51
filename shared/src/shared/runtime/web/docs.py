"""The page at /docs: Swagger UI from the installation itself, under a policy that lets nothing else in."""

from collections.abc import Awaitable, Callable
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

SCRIPT: Final = "text/javascript; charset=utf-8"
ASSETS: Final = {
    "swagger-ui-bundle.js": SCRIPT,
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
START: Final = """\
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: document.querySelector("meta[name=openapi]").content,
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: false,
    validatorUrl: null,
  });
});
"""
PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="openapi" content="{root}/openapi.json">
<title>{title}</title>
<link rel="icon" href="{root}/docs/favicon.png">
<link rel="stylesheet" href="{root}/docs/swagger-ui.css">
<script src="{root}/docs/swagger-ui-bundle.js"></script>
<script src="{root}/docs/start.js"></script>
</head>
<body><div id="swagger-ui"></div></body>
</html>
"""


def install(app: FastAPI) -> None:
    """Add /docs and the files it loads."""
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}

    async def page(request: Request) -> Response:
        """The page itself."""
        html = PAGE.format(root=escape(request.scope.get("root_path", ""), quote=True), title=escape(app.title))
        return Response(html, media_type="text/html; charset=utf-8", headers=headers)

    app.add_route("/docs", page, ["GET"], include_in_schema=False)
    app.add_route("/docs/start.js", _file(START.encode(), SCRIPT), ["GET"], include_in_schema=False)
    # The package is used for its files alone: they are Swagger UI as published, without a network of any kind.
    published = resources.files("fastapi_offline").joinpath("static")
    for name, media_type in ASSETS.items():
        app.add_route(f"/docs/{name}", _file(published.joinpath(name), media_type), ["GET"], include_in_schema=False)


def _file(content: bytes | Traversable, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def file(_request: Request) -> Response:
        data = content if isinstance(content, bytes) else content.read_bytes()
        return Response(data, media_type=media_type, headers={"Cache-Control": "public, max-age=86400"})

    return file
