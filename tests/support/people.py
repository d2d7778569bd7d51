"""The people of the tests: callers for verbs, and bearer tokens for the HTTP door, signed by a test issuer.

`person("regulator-a")` is a Caller, `token("regulator-a")` the token that stands for it; both take claims to override:
`token("regulator-a", region="310000")`. `validator()` accepts these tokens; `key_set()` is what a real one fetches.
The names and rights are those of the local stack.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.runtime.base.clock import Clock, SystemClock
from shared.runtime.base.context import Caller
from shared.runtime.web.identity import StaticKeys, TokenValidator, caller_of

ISSUER: Final = "https://issuer.test"
AUDIENCE: Final = "concord"
OPERATOR_USCC: Final = "91110000MA01CNCRD6"
BEIJING: Final = "110000"

_KEY: Final = OKPKey.generate_key("Ed25519", {"kid": "test-1", "use": "sig"})


def _official(name: str, role: str, organisation: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "organisation": organisation, "roles": [role], "level": "province", "region": BEIJING} | more


PEOPLE: Final[Mapping[str, Mapping[str, Any]]] = {
    "applicant": {"name": "Applicant", "organisation": OPERATOR_USCC, "roles": ["operator"], "region": BEIJING},
    "culture-a": _official("Culture A", "sector_regulator", "culture-bj", categories=["culture"]),
    "culture-b": _official("Culture B", "sector_regulator", "culture-bj", categories=["culture"]),
    "culture-c": _official("Culture C", "sector_regulator", "culture-bj", categories=["culture"]),
    "drugs-a": _official("Drugs A", "sector_regulator", "drugs-110000", categories=["drugs_and_devices"]),
    "drugs-b": _official("Drugs B", "sector_regulator", "drugs-110000", categories=["drugs_and_devices"]),
    "regulator-a": _official("Regulator A", "industry_regulator", "mii-bj"),
    "regulator-b": _official("Regulator B", "industry_regulator", "mii-bj"),
    "national-a": _official("National A", "industry_regulator", "mii", level="national", region=None),
    "national-b": _official("National B", "industry_regulator", "mii", level="national", region=None),
    "desk-a": _official("Desk A", "access_desk", "mii-bj"),
    "officer": _official("Officer", "query_desk", "mii-bj"),
    "review-a": _official("Review A", "review_body", "review-bj"),
    "auditor": _official("Auditor", "auditor", "audit-bj"),
}


def claims(who: str, *, clock: Clock | None = None, lifetime_s: float = 600, **override: Any) -> dict[str, Any]:
    """The claims of somebody's token; an override of None leaves that claim out."""
    now = (clock or SystemClock()).now().astimezone(UTC)
    known = PEOPLE.get(who, {"name": who, "organisation": who, "roles": []})
    given = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": who,
        "client_id": "tests",
        "jti": str(uuid4()),
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(seconds=lifetime_s)).timestamp()),
    }
    merged = {**given, **known, **override}
    return {name: value for name, value in merged.items() if value is not None}


def person(who: str, **override: Any) -> Caller:
    """Somebody as a verb sees them."""
    return caller_of(claims(who, **override))


def provider(provider_id: object, **override: Any) -> Caller:
    """The machine of an access provider: its organisation is the provider's id."""
    return person(f"provider-{provider_id}", organisation=str(provider_id), roles=["access_provider"], **override)


def token(who: str, *, key: OKPKey | None = None, header: Mapping[str, Any] | None = None, **override: Any) -> str:
    """A bearer token for somebody; ``key`` and ``header`` make one that must be refused."""
    signing = key or _KEY
    protected = {"alg": "Ed25519", "typ": "at+jwt", "kid": signing.kid or "test-1", **(header or {})}
    return jwt.encode(protected, claims(who, **override), signing, algorithms=[str(protected["alg"])])


def provider_token(provider_id: object, **override: Any) -> str:
    """The token of a provider's machine."""
    return token(f"provider-{provider_id}", organisation=str(provider_id), roles=["access_provider"], **override)


def bearer(who: str, **override: Any) -> dict[str, str]:
    """The header that says who calls."""
    return {"Authorization": f"Bearer {token(who, **override)}"}


def key_set(*keys: OKPKey) -> dict[str, Any]:
    """What the issuer publishes: the public half of the test key, or of the keys given."""
    return {"keys": [key.as_dict(private=False) for key in keys or (_KEY,)]}


def validator(clock: Clock | None = None) -> TokenValidator:
    """A validator that knows the test issuer."""
    return TokenValidator(ISSUER, AUDIENCE, keys=StaticKeys(key_set()), clock=clock)


def at(text: str) -> datetime:
    """A time for a FixedClock: ``at("2026-11-02T09:00")`` is in UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
