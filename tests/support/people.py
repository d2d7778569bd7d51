"""The people of the tests: callers for verbs, and bearer tokens for the HTTP door, signed by a test issuer.

`person("regulator-a")` is a Caller, `token("regulator-a")` the token that stands for it; both take claims to override:
`token("regulator-a", roles=[])`. What they may do comes from the directory, as at the door. `validator()` accepts these
tokens; `key_set()` is what a real one fetches.
The names and rights are those of the local stack.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.contracts.directory import Organisation
from shared.rules import load
from shared.runtime.acts.directory import Directory, founding
from shared.runtime.base.clock import Clock, SystemClock
from shared.runtime.base.context import Caller
from shared.runtime.web.identity import StaticKeys, TokenValidator, caller_of

ISSUER: Final = "https://issuer.test"
AUDIENCE: Final = "concord"
RULES: Final = load("cn-2006")
OPERATOR_USCC: Final = "91110000MA01CNCRD6"
SELLER_USCC: Final = "91110000MA02CNCRDQ"

_KEY: Final = OKPKey.generate_key("Ed25519", {"kid": "test-1", "use": "sig"})


def _official(name: str, role: str, organisation: str) -> dict[str, Any]:
    return {"name": name, "organisation": organisation, "roles": [role]}


def _people() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "applicant", {"name": "Applicant", "organisation": OPERATOR_USCC, "roles": ["operator"]}
    yield "seller", {"name": "Seller", "organisation": SELLER_USCC, "roles": ["operator"]}
    for letter in "abc":
        yield f"culture-{letter}", _official(f"Culture {letter.upper()}", "sector_regulator", "culture-110000")
        yield f"drugs-{letter}", _official(f"Drugs {letter.upper()}", "sector_regulator", "drugs-110000")
    for letter in "abcd":
        yield f"regulator-{letter}", _official(f"Regulator {letter.upper()}", "industry_regulator", "industry-110000")
    for letter in "ab":
        title = letter.upper()
        yield f"national-{letter}", _official(f"National {title}", "industry_regulator", "industry")
        yield f"drugs-national-{letter}", _official(f"Drugs National {title}", "sector_regulator", "drugs")
        yield (
            f"shanghai-regulator-{letter}",
            _official(f"Shanghai Regulator {title}", "industry_regulator", "industry-310000"),
        )
    yield "shanghai-drugs-a", _official("Shanghai Drugs A", "sector_regulator", "drugs-310000")
    yield "desk-a", _official("Desk A", "access_desk", "industry-110000")
    yield "shanghai-desk-a", _official("Shanghai Desk A", "access_desk", "industry-310000")
    yield "officer", _official("Officer", "query_desk", "industry-110000")
    for letter in "ab":
        yield f"supervisor-{letter}", _official(f"Supervisor {letter.upper()}", "network_supervisor", "education")
    yield "review-a", _official("Review A", "review_body", "review-110000")
    yield "review-national-a", _official("Review National A", "review_body", "review")
    yield "coordination-a", _official("Coordination A", "coordination_office", "coordination-110000")
    for letter in "ab":
        title = letter.upper()
        yield (
            f"coordination-national-{letter}",
            _official(f"Coordination National {title}", "coordination_office", "coordination"),
        )
    yield "registrar-a", _official("Registrar A", "company_registrar", "companies-110000")
    yield "auditor", _official("Auditor", "auditor", "audit-110000")


PEOPLE: Final[Mapping[str, Mapping[str, Any]]] = dict(_people())


def directory(clock: Clock | None = None) -> Directory:
    """The directory that every stack begins with, as a service holds it."""
    held = Directory(clock or SystemClock(), RULES.time_zone)
    held.load(founding(RULES))
    return held


_DIRECTORY: Final = directory()


def know(*organisations: Organisation) -> None:
    """Let people of the tests act for organisations that no stack begins with."""
    others = {known.organisation_id: known for known in _DIRECTORY}
    _DIRECTORY.load({**others, **{known.organisation_id: known for known in organisations}}.values())


def _moved(organisation: str, region: str | None) -> str:
    """The same office of another province, or of the whole country."""
    office = re.sub(r"-\d{6}$", "", organisation)
    return f"{office}-{region}" if region else office


def claims(who: str, *, clock: Clock | None = None, lifetime_s: float = 600, **override: Any) -> dict[str, Any]:
    """The claims of somebody's token; an override of None leaves that claim out.

    ``region`` moves somebody to the same office of another province, and of the whole country when it is None.
    """
    now = (clock or SystemClock()).now().astimezone(UTC)
    known = dict(PEOPLE.get(who, {"name": who, "organisation": who, "roles": []}))
    if "region" in override:
        known["organisation"] = _moved(known["organisation"], override.pop("region"))
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
    merged = {"person": merged["sub"], **merged}  # of a program as well, where a test does not say otherwise
    return {name: value for name, value in merged.items() if value is not None}


def person(who: str, **override: Any) -> Caller:
    """Somebody as a verb sees them. Raises OrganisationUnknown."""
    return _DIRECTORY.caller(caller_of(claims(who, **override)))


def known(claimed: Caller) -> Caller:
    """Whom a token claims to be, as the directory knows them. Raises OrganisationUnknown."""
    return _DIRECTORY.caller(claimed)


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
