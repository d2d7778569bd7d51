"""Who calls: bearer tokens of an OpenID Connect issuer (RFC 9068), checked against its published keys."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, Protocol

import httpx
import structlog
from joserfc import jwk, jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import Key

from shared.rules import Role
from shared.runtime.base.clock import Clock, SystemClock
from shared.runtime.base.context import Caller, person_key
from shared.runtime.base.problems import Unauthorized, Unavailable

ALGORITHMS: Final = ("Ed25519", "EdDSA", "ES256", "RS256")
KEY_TYPES: Final = ("OKP", "EC", "RSA")
TOKEN_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
PROGRAM_GRANTS: Final = frozenset({"client-credentials", "client_credentials"})
"""Claim ``gty`` of a token that no human asked for."""
SERVICE_ACCOUNT: Final = "service-account-"
"""How Keycloak names the user that it gives to a client: ``preferred_username``."""
CLAIMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sub": "Required. The account, never given to somebody else.",
        "organisation": "Whom it acts for: an id of the directory, an operator's number, or a provider's id.",
        "roles": "List of roles. Those that the organisation may not fill, and unknown ones, count for nothing.",
        "person": "The human behind the account, one text for all accounts of one human. Sent for people and never "
        "for a client: **a token without it is a program's**, whose acts nobody signs with.",
        "name": "How the caller is shown; without it, `sub`.",
        "client_id": "Or `azp`: the client that asked. Where it is `sub`, a program asked (RFC 9068).",
        "preferred_username": f"If sent: one that begins with `{SERVICE_ACCOUNT}` is a program's (Keycloak).",
        "gty": f"If sent: {' and '.join(f'`{grant}`' for grant in sorted(PROGRAM_GRANTS))} are a program's (Auth0).",
    }
)
"""Every claim that is read besides those of RFC 9068 that are checked, and what it says: docs/reference.md."""
LEEWAY_S: Final = 30
FETCH_LIMIT_S: Final = 3.0
LONGEST_TOKEN: Final = 16_384
REMEMBER: Final = timedelta(minutes=5)
MOST_REMEMBERED: Final = 10_000

NOT_MARKED: Final = (
    "it is not an access token: its typ is JWT and must be at+jwt (in Keycloak the setting 'Use at+jwt as access token "
    "header type' of the client; or start this service with CONCORD_OIDC_ACCEPT_JWT=true)"
)

_log = structlog.get_logger(__name__)
_ROLES: Final = {role.value: role for role in Role}


class IdentityUnavailable(Unavailable):
    """The issuer of bearer tokens does not answer as it should, so this token cannot be checked just now."""


class Keys(Protocol):
    """Where a validator finds the issuer's public keys."""

    generation: int
    """Grows whenever a key comes or goes."""

    async def get(self, kid: str) -> Key | None:
        """The key of this id, or none. Raises IdentityUnavailable when no key was ever seen."""
        ...

    def keep_fresh(self) -> None:
        """Called on every use, so that a key the issuer withdrew is noticed."""
        ...


class StaticKeys:
    """Keys that are known beforehand: tests, and deployments that mount the issuer's key set as a file."""

    def __init__(self, key_set: Mapping[str, Any]) -> None:
        self.generation = 0
        self._keys = read_key_set(key_set)

    async def get(self, kid: str) -> Key | None:
        """The key of this id, or none."""
        return self._keys.get(kid)

    def keep_fresh(self) -> None:
        """Nothing to do: these keys do not change."""


class JwksCache:
    """The issuer's key set, fetched when first needed and kept fresh; known keys outlive an issuer that is down."""

    def __init__(
        self,
        url: str,
        http: httpx.AsyncClient,
        *,
        ttl_s: float = 300,
        retry_s: float = 10,
        first_retry_s: float = 1,
        patience_s: float = 0.5,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.generation = 0
        self._url, self._http, self._monotonic = url, http, monotonic
        self._ttl_s, self._retry_s, self._first_retry_s = ttl_s, retry_s, first_retry_s
        self._keys: dict[str, Key] | None = None
        self._left_out: set[str] = set()
        self._fetched = self._tried = float("-inf")
        self._patience_s = patience_s
        self._fetching: asyncio.Task[None] | None = None

    async def get(self, kid: str) -> Key | None:
        """The key of this id. An unknown one asks the issuer again, at most once per ``retry_s``, and waits shortly.

        Raises IdentityUnavailable when that gave no answer: the key may be a new one.
        """
        if self._keys is None or kid not in self._keys:
            fetching = self._fetch()
            if fetching is not None:
                await asyncio.wait([fetching], timeout=self._patience_s)
        if self._keys is None or (kid not in self._keys and self._fetched < self._tried):
            raise IdentityUnavailable(retry_after=1)
        return self._keys.get(kid)

    def keep_fresh(self) -> None:
        """Fetch in the background once the set is older than ``ttl_s``; nobody waits for it."""
        if self._monotonic() - self._fetched >= self._ttl_s:
            self._fetch()

    def _fetch(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one; none if the last one was a moment ago."""
        if self._fetching is None or self._fetching.done():
            pause = self._first_retry_s if self._keys is None else self._retry_s
            if self._monotonic() - self._tried < pause:
                return None
            self._tried = self._monotonic()
            self._fetching = asyncio.get_running_loop().create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(FETCH_LIMIT_S):
                answer = await self._http.get(self._url, headers={"accept": "application/json"})
            answer.raise_for_status()
            keys = read_key_set(answer.json(), self._left_out)
            if not keys:
                raise ValueError("it lists no key that can be used")  # noqa: TRY301
            changed = self._keys is None or _prints(keys) != _prints(self._keys)
        except Exception as error:
            # Whatever it is, nobody waits for this task's end, so it is said here. What was known stays: a key set that
            # is broken or empty must not make everybody a stranger.
            _log.warning("identity.keys_unreachable", url=self._url, error=repr(error), known=len(self._keys or ()))
            return
        self._fetched = self._tried
        if changed:
            _log.info("identity.keys", url=self._url, kids=sorted(keys))
            self.generation += 1
        self._keys = keys


class TokenValidator:
    """Turns a bearer token into the Caller it stands for.

    Checked: an allowed algorithm, the issuer's signature, ``typ`` at+jwt, ``iss``, ``aud``, ``exp``, ``nbf`` and
    ``iat`` with 30 s of leeway, and a subject. Roles that the rule profile does not know are ignored.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        jwks_url: str | None = None,
        http: httpx.AsyncClient | None = None,
        *,
        keys: Keys | None = None,
        clock: Clock | None = None,
        accept_jwt: bool = False,
    ) -> None:
        if keys is None:
            if jwks_url is None or http is None:
                raise TypeError("a validator needs keys, or an address and a client to fetch them")
            keys = JwksCache(jwks_url, http)
        self.keys = keys
        self._issuer, self._audience = issuer, audience
        self._clock = clock or SystemClock()
        self._types = TOKEN_TYPES | {"jwt"} if accept_jwt else TOKEN_TYPES
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()
        self._generation = keys.generation

    async def validate(self, token: str) -> Caller:
        """The caller. Raises Unauthorized (401), or IdentityUnavailable (503) when no key was ever obtained."""
        self.keys.keep_fresh()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        if (known := self._recall(digest)) is not None:
            return known
        claims = await self._verify(token)
        caller = caller_of(claims)
        self._remember(digest, caller, float(claims["exp"]))
        return caller

    async def _verify(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise Unauthorized(reason="it is too long")
        header = _header(token)
        if (typ := str(header.get("typ", "")).lower()) not in self._types:
            raise Unauthorized(reason=NOT_MARKED if typ == "jwt" else "it is not an access token (typ must be at+jwt)")
        if header.get("alg") not in ALGORITHMS:
            raise Unauthorized(reason="its algorithm is not accepted")
        kid = header.get("kid")
        key = await self.keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise Unauthorized(reason="its key is not one of the issuer's")
        try:
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
            self._registry().validate(claims)
        except ExpiredTokenError:
            raise Unauthorized(reason="it has expired") from None
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthorized(reason=_said(error)) from None
        return claims

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def _recall(self, digest: bytes) -> Caller | None:
        if self._generation != self.keys.generation:
            self._known.clear()
            self._generation = self.keys.generation
        entry = self._known.get(digest)
        if entry is None:
            return None
        caller, until = entry
        if self._clock.now().timestamp() >= until:
            del self._known[digest]
            return None
        return caller

    def _remember(self, digest: bytes, caller: Caller, expires: float) -> None:
        until = min(expires + LEEWAY_S, (self._clock.now() + REMEMBER).timestamp())
        self._known[digest] = (caller, until)
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """Who the claims of a checked token say is calling: the directory says what that gives (``Directory.caller``)."""
    subject = str(claims["sub"])
    return Caller(
        subject=subject,
        name=str(claims.get("name") or subject),
        organisation=str(claims.get("organisation") or ""),
        roles=frozenset(_ROLES[role] for role in _texts(claims.get("roles")) if role in _ROLES),
        person=_human(claims) or subject,
        program=not _human(claims) or _of_a_client(claims),
    )


def _human(claims: Mapping[str, Any]) -> str:
    """The human whom the issuer vouches for; empty if it names none, which makes the caller a program."""
    person = claims.get("person")
    return person if isinstance(person, str) and person_key(person) else ""


def _of_a_client(claims: Mapping[str, Any]) -> bool:
    """Whether a client asked for itself, whatever else the token says: an issuer may map ``person`` too widely."""
    return (
        claims["sub"] in (claims.get("client_id"), claims.get("azp"))
        or str(claims.get("gty")) in PROGRAM_GRANTS
        or str(claims.get("preferred_username")).startswith(SERVICE_ACCOUNT)
    )


def read_key_set(key_set: Mapping[str, Any], left_out: set[str] | None = None) -> dict[str, Key]:
    """The usable public keys of a JWK set, by id. Others (encryption, symmetric, malformed, unknown) are left out.

    ``left_out``: what was said already about keys that cannot be used, and is not said again; it is brought up to date.
    """
    listed = key_set.get("keys") if isinstance(key_set, Mapping) else None
    if not isinstance(listed, list):
        raise ValueError("not a JWK set")  # noqa: TRY004 - the content is wrong, not the call
    keys: dict[str, Key] = {}
    unusable: dict[str, dict[str, Any]] = {}
    for entry in listed:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") not in KEY_TYPES:
            continue
        try:
            key = jwk.import_key(entry)
            key.thumbprint()
        except Exception as error:  # the library stumbles in many ways over what it does not know: a curve, KeyError
            unusable[f"{entry.get('kid')!r} {error!r}"] = {"kid": entry.get("kid"), "error": repr(error)}
            continue
        if isinstance(entry.get("kid"), str):
            keys[entry["kid"]] = key
    said = set() if left_out is None else left_out
    for what in unusable.keys() - said:
        _log.warning("identity.key_unusable", **unusable[what])
    said.clear()
    said.update(unusable)
    return keys


def _prints(keys: Mapping[str, Key]) -> dict[str, str]:
    """By id, what tells a key from another one (RFC 7638)."""
    return {kid: key.thumbprint() for kid, key in keys.items()}


def _texts(value: object) -> Iterable[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()


def _header(token: str) -> dict[str, Any]:
    try:
        return dict(jws.extract_compact(token.encode("ascii")).headers())
    except (JoseError, ValueError, TypeError):
        raise Unauthorized(reason="it is not a signed JWT") from None


def _said(error: Exception) -> str:
    claim = getattr(error, "claim", None)
    return f"its {claim} is missing or wrong" if isinstance(claim, str) else "its signature does not hold"
