"""Every address of a service, from its application; and, in one place, what of it is for everybody without a token."""

from collections.abc import Iterator
from typing import Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from shared.pages.assets import STYLESHEET
from tests.integration.sweep.world import World

EVERYWHERE: Final = (
    "/openapi.json", "/livez", "/readyz", "/metrics", "/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js",
    "/docs/swagger-ui.css", "/docs/favicon.png",
)  # fmt: skip
"""How a service is and what it can be asked."""
CALENDAR: Final = "/inbox/calendars/{calendar_token}"
PUBLIC: Final[dict[str, dict[str, str]]] = {
    "access-control": {
        "/.well-known/jwks.json": "/.well-known/jwks.json",
        "/providers/{provider_id}/jwks.json": "/providers/{provider_id}/jwks.json",
        "/orders/statistics": "/orders/statistics",
        "/providers/{provider_id}/queue": "/providers/{provider_id}/queue",
    },
    "approval": {
        CALENDAR: CALENDAR,
        "/.well-known/jwks.json": "/.well-known/jwks.json",
        "/documents/{document_id}": "/documents/{document_id}",
        "/authorities": "/authorities?item=culture&region=110000",
    },
    "enforcement": {
        CALENDAR: CALENDAR,
        "/complaints/status/{secret}": "/complaints/status/{secret}",
        "/.well-known/jwks.json": "/.well-known/jwks.json",
        "/documents/{document_id}": "/documents/{document_id}",
        "/decision-texts": "/decision-texts",
        "/appeals/statistics": "/appeals/statistics",
    },
    "registry": {
        CALENDAR: CALENDAR,
        "/barred-list": "/barred-list",
        "/barred-list/changes": "/barred-list/changes?after=0",
        "/.well-known/jwks.json": "/.well-known/jwks.json",
        "/documents/{document_id}": "/documents/{document_id}",
        "/marks/{token}": "/marks/{token}",
        STYLESHEET: STYLESHEET,
    },
    "query": {
        "/public/lookup": "/public/lookup?domain=pharmacy.example",
        "/public/register/{key}": "/public/register/pharmacy.example",
        "/public/register": "/public/register?item=general",
        "/public/register.csv": "/public/register.csv",
        "/public/register.ndjson": "/public/register.ndjson",
        "/public/counts": "/public/counts",
        STYLESHEET: STYLESHEET,
    },
}
"""What needs no token, by service: the address, and one to ask."""
EVERYBODY_DOES: Final = frozenset({
    "POST /complaints", "POST /complaints/status/{secret}/files",
    "POST /returned-mails",  # a mail server has no token: it shows a secret of its own
})  # fmt: skip
"""What everybody can do without a token."""


def routes(app: FastAPI) -> Iterator[tuple[str, str, bool]]:
    """Method and address of everything that can be asked, and whether its door is open; HEAD comes with GET."""
    for context in iter_route_contexts(app.routes):
        for method in sorted(getattr(context.original_route, "methods", None) or {"GET"}):
            if method != "HEAD":
                yield method, str(context.path), getattr(context.original_route, "public", True)


def public(world: World) -> dict[str, str]:
    """The public addresses of a service, each with one to ask."""
    service = str(world.api.app.state.supervisor.service.name)
    own = {path: one.format(**world.opens) for path, one in PUBLIC.get(service, {}).items()}
    return {path: path for path in EVERYWHERE} | own


def asked(world: World) -> set[str]:
    """Method and address of everything that a world asks."""
    reads = {path for kind in world.kinds for path in (*kind.reads, *kind.finds, kind.lists) if path}
    verbs = {verb.route.partition("?")[0] for kind in world.kinds for verb in kind.verbs}
    return {f"GET {path.partition('?')[0]}" for path in reads} | verbs
