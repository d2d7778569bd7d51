"""A small OpenID Connect issuer for development: RFC 9068 access tokens for people and for clients.

It keeps no sessions, asks for no second factor, and its passwords are in the source: production uses Keycloak or any
other issuer, which the services cannot tell from this one.
"""

import argparse
import hmac
import secrets
import sys
import time
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt

from local_stack.keys import keep_key_set, read_keys
from local_stack.people import Added, Identity, people

AUDIENCE: Final = "concord"
LIFETIME_S: Final = 3600
_ALGORITHM: Final = "Ed25519"
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Refused(Exception):
    """An error of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


class Issuer:
    """Checks who asks and signs what it says about them."""

    def __init__(self, url: str, folder: Path) -> None:
        """`url` is the `iss` of every token; `folder` keeps the signing key and the clients."""
        self.url = url
        keep_key_set(folder / "keys.json", f"issuer-{secrets.token_hex(4)}")
        self._keys = read_keys(folder / "keys.json")
        self._people = people()
        self._added = Added(folder / "people.json")
        self._clients = Added(folder / "clients.json")

    def public_keys(self) -> dict[str, Any]:
        """The key set with which anybody can check a token."""
        return {"keys": [key.as_dict(private=False) for key in self._keys]}

    def metadata(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0, as far as it applies here."""
        return {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks.json",
            "grant_types_supported": ["password", "client_credentials"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def grant(self, form: Mapping[str, str], basic: tuple[str, str] | None) -> dict[str, Any]:
        """Answer a token request (RFC 6749, sections 4.3 and 4.4). Raises Refused."""
        match form.get("grant_type"):
            case "password":
                user = form.get("username", "")
                known = self._people.get(user) or self._added.get(user)
                client_id = form.get("client_id") or (basic[0] if basic else "") or "concord-cli"
                refusal = Refused("invalid_grant", "unknown user or wrong password")
                who = _checked(known, form.get("password", ""), refusal)
                return self._answer(who.claims() | {"person": who.subject}, client_id)
            case "client_credentials":
                client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
                refusal = Refused("invalid_client", "unknown client or wrong secret", 401)
                return self._answer(_checked(self._clients.get(client_id), secret, refusal).claims(), client_id)
            case None:
                raise Refused("invalid_request", "grant_type is missing")
            case other:
                raise Refused("unsupported_grant_type", f"{other} is not one of password, client_credentials")

    def _answer(self, said: Mapping[str, Any], client_id: str) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME_S,
            "jti": secrets.token_urlsafe(12),
            "client_id": client_id,
            "scope": AUDIENCE,
        }
        active = self._keys[0]
        header = {"alg": _ALGORITHM, "typ": "at+jwt", "kid": active.kid}
        token = jwt.encode(header, {**claims, **said}, active, algorithms=[_ALGORITHM])
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_S, "scope": AUDIENCE}


def create_app(url: str, folder: Path) -> FastAPI:
    """The issuer's HTTP door."""
    issuer = Issuer(url, folder)
    app = FastAPI(title="Concord: development token issuer", docs_url=None, redoc_url=None)

    @app.post("/token")
    async def token(request: Request) -> JSONResponse:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        try:
            answer = issuer.grant(form, _basic(request.headers.get("authorization", "")))
        except Refused as refused:
            body = {"error": refused.error, "error_description": refused.description}
            return JSONResponse(body, refused.status, _NO_STORE)
        return JSONResponse(answer, headers=_NO_STORE)

    @app.get("/jwks.json")
    async def jwks() -> dict[str, Any]:
        return issuer.public_keys()

    @app.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        return issuer.metadata()

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _checked(known: Identity | None, secret: str, refusal: Refused) -> Identity:
    expected = known.secret if known else secrets.token_hex(8)  # an unknown name takes as long as a known one
    if not hmac.compare_digest(expected.encode(), secret.encode()) or known is None:
        raise refusal
    return known


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return user, secret


def main() -> None:
    """Serve on 127.0.0.1 until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    url = f"http://127.0.0.1:{arguments.port}"
    sys.stderr.write(f"token issuer for DEVELOPMENT ONLY at {url}: every password is the user name\n")
    app = create_app(url, arguments.folder)
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
