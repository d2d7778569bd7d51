"""Identity: which tokens stand for somebody, and what happens when the issuer rotates its keys or is down."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from shared.rules import Level, Role
from shared.runtime.acts.policy import PersonRequired, Policy, Rule
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.problems import Unauthorized
from shared.runtime.web import identity
from shared.runtime.web.identity import IdentityUnavailable, JwksCache, StaticKeys, TokenValidator
from tests.support import people
from tests.support.people import AUDIENCE, ISSUER, at, claims, key_set, token

CLOCK = FixedClock(at("2026-11-02T09:00"))


class Act(StrEnum):
    """What two people do."""

    SIGN = "sign"


def validator(**options: Any) -> TokenValidator:
    return TokenValidator(ISSUER, AUDIENCE, keys=StaticKeys(key_set()), clock=CLOCK, **options)


async def refused(bearer: str, reason: str, using: TokenValidator | None = None) -> None:
    with pytest.raises(Unauthorized, match=reason):
        await (using or validator()).validate(bearer)


async def test_a_token_becomes_the_caller_its_claims_describe() -> None:
    caller = await validator().validate(token("culture-a", clock=CLOCK))
    assert (caller.subject, caller.name, caller.organisation) == ("culture-a", "Culture A", "culture-110000")
    assert caller.roles == {Role.SECTOR_REGULATOR}
    assert (caller.person, caller.program, caller.authority) == ("culture-a", False, None)


async def test_level_region_and_competences_of_a_token_count_for_nothing() -> None:
    claimed = await validator().validate(token("culture-a", clock=CLOCK, level="national", categories=["education"]))
    assert (claimed.level, claimed.region, claimed.categories) == (Level.PROVINCE, None, frozenset())


async def test_a_human_is_the_person_of_the_claim() -> None:
    caller = await validator().validate(token("culture-a", clock=CLOCK, person="human-1"))
    assert (caller.person, caller.program) == ("human-1", False)


@pytest.mark.parametrize("person", [None, "", " \u3000", ["culture-a"], 7, {"name": "culture-a"}, True])
async def test_whoever_the_issuer_names_no_human_behind_is_a_program(person: Any) -> None:
    caller = await validator().validate(token("culture-a", clock=CLOCK, person=person))
    assert (caller.person, caller.program) == ("culture-a", True)


@pytest.mark.parametrize(
    "of_program",
    [
        {"client_id": "culture-a"},
        {"azp": "culture-a"},
        {"gty": "client-credentials"},
        {"gty": "client_credentials"},
        {"preferred_username": "service-account-culture-a"},
    ],
    ids=str,
)
async def test_what_a_client_asked_for_itself_is_a_programs_even_if_a_person_was_mapped(of_program: Any) -> None:
    assert (await validator().validate(token("culture-a", clock=CLOCK, person="human-1", **of_program))).program


OF_KEYCLOAK: dict[str, Any] = {
    "jti": "onrtro:5ad1f1a4-9f7f-4c5e-8b0a-3f2a8a9b7c1d", "aud": ["concord", "account"], "typ": "Bearer", "acr": "1",
    "sub": "7c2d0b0e-8f7e-4b43-9a8e-6d1b1de1f0aa", "scope": "profile email", "client_id": None,
    "realm_access": {"roles": ["industry_regulator"]}, "roles": ["industry_regulator", "offline_access"],
    "organisation": "industry-110000", "name": "Regulator A",
}  # fmt: skip
OF_A_SERVICE_ACCOUNT: dict[str, Any] = OF_KEYCLOAK | {
    "jti": "trrtcc:0d5a2f36-0f4e-4a53-b7e8-8f6c2b9b1b5e", "sub": "f3c1b4a9-52a5-4a38-bc0f-6e2d0a1c9e77",
    "azp": "regulator-script", "name": None, "person": None,
}  # fmt: skip
"""As Keycloak 26 gives it to a client with a service account and mappers for audience, organisation and roles."""
OF_ITS_SCOPE = {"clientHost": "10.1.2.3", "clientAddress": "10.1.2.3", "client_id": "regulator-script"}
"""What its default scope `service_account` adds."""


async def test_a_service_account_of_keycloak_is_a_program_and_somebody_of_the_realm_is_not() -> None:
    for more in ({}, OF_ITS_SCOPE, {"preferred_username": "service-account-regulator-script", "person": "regulator-a"}):
        caller = await validator().validate(token("x", clock=CLOCK, **OF_A_SERVICE_ACCOUNT | more))
        assert caller.organisation == "industry-110000"
        assert caller.roles == {Role.INDUSTRY_REGULATOR}
        assert caller.program, more
    of_somebody = OF_KEYCLOAK | {"azp": "concord-cli", "sid": "2f8a", "person": "regulator-a"}
    caller = await validator().validate(token("x", clock=CLOCK, **of_somebody))
    assert (caller.subject, caller.person, caller.program) == (OF_KEYCLOAK["sub"], "regulator-a", False)


async def test_a_service_account_of_keycloak_neither_drafts_nor_releases() -> None:
    caller = people.known(await validator().validate(token("x", clock=CLOCK, **OF_A_SERVICE_ACCOUNT)))
    holders = frozenset({Role.INDUSTRY_REGULATOR})
    for rule in (Rule(holders, first_person=True), Rule(holders, second_person=True)):
        with pytest.raises(PersonRequired):
            Policy({Act.SIGN: rule}).require(caller, Act.SIGN, drafted_by="regulator-a")


async def test_roles_the_profile_does_not_know_are_ignored() -> None:
    caller = await validator().validate(token("officer", clock=CLOCK, roles=["query_desk", "emperor", 7]))
    assert caller.roles == {Role.QUERY_DESK}


async def test_claims_that_are_missing_or_malformed_give_no_rights() -> None:
    bare = token(
        "x", clock=CLOCK, roles="operator", organisation=None, person=None, client_id=None, gty=["client-credentials"]
    )
    caller = await validator().validate(bare)
    assert (caller.roles, caller.organisation, caller.person, caller.program) == (frozenset(), "", "x", True)


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ({"iss": "https://elsewhere.test"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "somebody-else"}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"exp": "tomorrow"}, "exp"),
        ({"lifetime_s": -31}, "expired"),
        ({"nbf": int((CLOCK.now() + timedelta(seconds=40)).timestamp())}, "nbf|not"),
        ({"iat": int((CLOCK.now() + timedelta(seconds=40)).timestamp())}, "iat|not"),
    ],
)
async def test_a_token_with_a_wrong_claim_stands_for_nobody(override: dict[str, Any], reason: str) -> None:
    await refused(token("officer", clock=CLOCK, **override), reason)


async def test_thirty_seconds_of_leeway_forgive_clocks_that_differ() -> None:
    assert await validator().validate(token("officer", clock=CLOCK, lifetime_s=-29))
    soon = int((CLOCK.now() + timedelta(seconds=29)).timestamp())
    assert await validator().validate(token("officer", clock=CLOCK, nbf=soon))


async def test_an_audience_among_others_is_enough() -> None:
    assert await validator().validate(token("officer", clock=CLOCK, aud=["x", AUDIENCE]))


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "", "dpop+jwt"])
async def test_other_kinds_of_jwt_are_no_access_tokens(typ: str) -> None:
    await refused(token("officer", clock=CLOCK, header={"typ": typ}), "not an access token")


async def test_a_foreign_key_under_a_known_id_does_not_pass() -> None:
    await refused(token("officer", clock=CLOCK, key=OKPKey.generate_key("Ed25519", {"kid": "test-1"})), "signature")


async def test_a_changed_payload_does_not_pass() -> None:
    head, _, signature = token("officer", clock=CLOCK).split(".")
    forged = base64.urlsafe_b64encode(json.dumps(claims("officer", clock=CLOCK, roles=["admin"])).encode()).rstrip(b"=")
    await refused(f"{head}.{forged.decode()}.{signature}", "signature")


async def test_no_signature_and_symmetric_signatures_do_not_pass() -> None:
    def raw(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()

    body = claims("officer", clock=CLOCK)
    await refused(f"{raw({'alg': 'none', 'typ': 'at+jwt', 'kid': 'test-1'})}.{raw(body)}.", "algorithm")
    secret = OctKey.import_key(key_set()["keys"][0]["x"])  # the public key, abused as a shared secret
    confused = jwt.encode({"alg": "HS256", "typ": "at+jwt", "kid": "test-1"}, body, secret, algorithms=["HS256"])
    await refused(confused, "algorithm")


@pytest.mark.parametrize("bearer", ["", "x", "a.b", "a.b.c", "\ud800.x.y", "ä.b.c", "." * 20_000, "..", "e30.e30.e30"])
async def test_rubbish_is_refused_not_crashed_on(bearer: str) -> None:
    await refused(bearer, "it is")


async def test_algorithms_of_other_issuers_are_accepted() -> None:
    keys: dict[str, ECKey | RSAKey | OKPKey] = {
        "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
        "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
        "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "okp"}),
    }
    listed = {"keys": [key.as_dict(private=False) for key in keys.values()]}
    known = TokenValidator(ISSUER, AUDIENCE, keys=StaticKeys(listed), clock=CLOCK)
    for alg, key in keys.items():
        header = {"alg": alg, "typ": "application/at+jwt", "kid": key.kid}
        bearer = jwt.encode(header, claims("officer", clock=CLOCK), key, algorithms=[alg])
        assert (await known.validate(bearer)).subject == "officer"


def test_keys_that_cannot_verify_a_signature_are_left_out() -> None:
    good = key_set()["keys"][0]
    others = [
        {"kty": "oct", "k": "AA", "kid": "s"},
        good | {"kid": "enc", "use": "enc"},
        {"kty": "OKP", "kid": "broken"},
        7,
    ]
    assert set(identity.read_key_set({"keys": [good, *others]})) == {"test-1"}
    with pytest.raises(ValueError, match="not a JWK set"):
        identity.read_key_set([])  # type: ignore[arg-type]


async def test_a_token_is_verified_once_and_remembered_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FixedClock(CLOCK.now())
    known = TokenValidator(ISSUER, AUDIENCE, keys=StaticKeys(key_set()), clock=clock)
    bearer, verified = token("officer", clock=clock, lifetime_s=120), 0
    verify = known._verify

    async def counted(given: str) -> dict[str, Any]:
        nonlocal verified
        verified += 1
        return await verify(given)

    monkeypatch.setattr(known, "_verify", counted)
    first = await known.validate(bearer)
    clock.advance(timedelta(seconds=100))
    assert await known.validate(bearer) is first
    assert verified == 1
    clock.advance(timedelta(seconds=51))
    await refused(bearer, "expired", known)


async def test_what_is_remembered_is_bounded_and_holds_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MOST_REMEMBERED", 3)
    known = validator()
    bearers = [token("officer", clock=CLOCK) for _ in range(5)]
    for bearer in bearers:
        await known.validate(bearer)
    assert len(known._known) == 3
    assert not any(bearer in repr(known._known) for bearer in bearers)


async def test_a_token_marked_jwt_is_refused_with_what_to_set_and_taken_where_that_is_set() -> None:
    bearer = token("officer", clock=CLOCK, header={"typ": "JWT"})
    with pytest.raises(Unauthorized) as refusal:
        await validator().validate(bearer)
    for hint in ("at+jwt", "Keycloak", "CONCORD_OIDC_ACCEPT_JWT"):
        assert hint in refusal.value.detail
        assert hint in refusal.value.headers["WWW-Authenticate"]
    assert refusal.value.headers["WWW-Authenticate"].count('"') == 6
    lenient = validator(accept_jwt=True)
    assert (await lenient.validate(bearer)).subject == "officer"
    await refused(token("officer", clock=CLOCK, header={"typ": "id+jwt"}), "not an access token", lenient)


class Issuer:
    """An issuer that can rotate its keys, and be down."""

    def __init__(self) -> None:
        self.keys: list[OKPKey] = [OKPKey.generate_key("Ed25519", {"kid": "k1"})]
        self.down = False
        self.asked = 0
        self.now = 1000.0
        self.listed: list[Any] | None = None
        self.held: asyncio.Event | None = None

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.held is not None:
            await self.held.wait()
        if self.listed is not None:
            return httpx.Response(200, json={"keys": self.listed})
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, json=key_set(*self.keys))

    def validator(self) -> TokenValidator:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        cache = JwksCache(f"{ISSUER}/jwks.json", http, monotonic=lambda: self.now, patience_s=0.1)
        return TokenValidator(ISSUER, AUDIENCE, keys=cache, clock=CLOCK)

    def token(self, number: int = 0, **override: Any) -> str:
        return token("officer", clock=CLOCK, key=self.keys[number], **override)


async def test_keys_are_fetched_once_for_many_tokens_and_many_at_a_time() -> None:
    issuer = Issuer()
    known = issuer.validator()
    await asyncio.gather(*(known.validate(issuer.token()) for _ in range(20)))
    assert issuer.asked == 1


async def test_a_rotated_key_is_found_at_once_and_both_keys_hold() -> None:
    issuer = Issuer()
    known = issuer.validator()
    await known.validate(issuer.token())
    issuer.now += 11
    issuer.keys.append(OKPKey.generate_key("Ed25519", {"kid": "k2"}))
    await known.validate(issuer.token(1))
    await known.validate(issuer.token(0))
    assert issuer.asked == 2


async def test_unknown_key_ids_ask_the_issuer_at_most_every_ten_seconds() -> None:
    issuer = Issuer()
    known = issuer.validator()
    await known.validate(issuer.token())
    stranger = OKPKey.generate_key("Ed25519", {"kid": "stranger"})
    for _ in range(50):
        await refused(token("officer", clock=CLOCK, key=stranger), "not one of the issuer's", known)
    assert issuer.asked == 1
    issuer.now += 10
    await refused(token("officer", clock=CLOCK, key=stranger), "not one of the issuer's", known)
    assert issuer.asked == 2


async def test_known_keys_go_on_while_the_issuer_is_down() -> None:
    issuer = Issuer()
    known = issuer.validator()
    await known.validate(issuer.token())
    issuer.down, issuer.now = True, issuer.now + 10_000
    assert (await known.validate(issuer.token(jti="new"))).subject == "officer"
    await settle(lambda: issuer.asked == 2)
    assert (await known.validate(issuer.token(jti="newer"))).subject == "officer"


async def test_without_any_key_the_answer_is_503_and_the_first_good_fetch_ends_it() -> None:
    issuer = Issuer()
    issuer.down = True
    known = issuer.validator()
    with pytest.raises(IdentityUnavailable) as unavailable:
        await known.validate(issuer.token())
    assert (unavailable.value.status, unavailable.value.code) == (503, "identity_unavailable")
    issuer.down = False
    issuer.now += 1
    assert (await known.validate(issuer.token())).subject == "officer"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"keys": 3}', b"\xff"])
async def test_an_issuer_that_answers_rubbish_counts_as_down(body: bytes) -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    known = TokenValidator(ISSUER, AUDIENCE, keys=JwksCache("https://issuer.test/jwks.json", http), clock=CLOCK)
    with pytest.raises(IdentityUnavailable):
        await known.validate(token("officer", clock=CLOCK))


async def test_a_withdrawn_key_stops_counting_even_for_tokens_that_were_remembered() -> None:
    issuer = Issuer()
    known = issuer.validator()
    old = issuer.token()
    await known.validate(old)
    issuer.keys = [OKPKey.generate_key("Ed25519", {"kid": "k2"})]
    issuer.now += 301
    await known.validate(old)  # still remembered; this use starts the fetch in the background
    await settle(lambda: issuer.asked == 2)
    await refused(old, "not one of the issuer's", known)


@pytest.mark.parametrize("listed", [[], [{"kty": "oct", "k": "AA", "kid": "k1"}], [{"kty": "AKP", "kid": "k1"}], [7]])
async def test_an_empty_or_unusable_key_set_does_not_replace_a_good_one(listed: list[Any]) -> None:
    issuer = Issuer()
    known = issuer.validator()
    await known.validate(issuer.token())
    issuer.listed, issuer.now = listed, issuer.now + 301
    await known.validate(issuer.token(jti="starts the fetch"))
    await settle(lambda: issuer.asked == 2)
    assert (await known.validate(issuer.token(jti="after it"))).subject == "officer"


@pytest.mark.parametrize("listed", [[], [{"kty": "AKP", "kid": "k1"}]])
async def test_an_issuer_whose_first_key_set_is_unusable_makes_nobody_a_stranger(listed: list[Any]) -> None:
    issuer = Issuer()
    issuer.listed = listed
    known = issuer.validator()
    with pytest.raises(IdentityUnavailable):
        await known.validate(issuer.token())
    issuer.listed, issuer.now = None, issuer.now + 1
    assert (await known.validate(issuer.token())).subject == "officer"


UNKNOWN_CURVES = [
    {"kty": "EC", "crv": "brainpoolP256r1", "x": "AA", "y": "AA", "kid": "brainpool"},
    {"kty": "EC", "crv": "P-192", "x": "AA", "y": "AA", "kid": "P-192"},
    {"kty": "OKP", "crv": "Ed25519ph", "x": "AA", "kid": "okp"},
    {"kty": ["EC"], "kid": "list"},
]


async def test_keys_of_a_curve_that_nobody_here_knows_are_left_out_and_the_others_count_and_are_withdrawn() -> None:
    issuer = Issuer()
    issuer.listed = [*UNKNOWN_CURVES, *key_set(*issuer.keys)["keys"]]
    known = issuer.validator()
    old = issuer.token()
    assert (await known.validate(old)).subject == "officer", "also in a process that has just begun"
    new = OKPKey.generate_key("Ed25519", {"kid": "k2"})
    issuer.listed, issuer.now = [*UNKNOWN_CURVES, *key_set(new)["keys"]], issuer.now + 301
    await known.validate(old)  # still remembered; this use starts the fetch in the background
    await settle(lambda: issuer.asked == 2)
    await refused(old, "not one of the issuer's", known)


class Said(list[dict[str, Any]]):
    """A log of one's own: whatever ran in this process before may have configured the common one."""

    def warning(self, event: str, **values: Any) -> None:
        self.append({"event": event, **values})

    info = warning


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    monkeypatch.setattr(identity, "_log", log := Said())
    return log


async def test_a_key_that_cannot_be_used_is_told_of_once_not_at_every_fetch(said: Said) -> None:
    issuer = Issuer()
    issuer.listed = [*UNKNOWN_CURVES, *key_set(*issuer.keys)["keys"]]
    known = issuer.validator()
    for n in range(3):
        await known.validate(issuer.token(jti=f"fetch {n}"))
        await settle(lambda n=n: issuer.asked == n + 1)  # type: ignore[misc]
        issuer.now += 301
    unusable = [each["kid"] for each in said if each["event"] == "identity.key_unusable"]
    assert sorted(unusable) == ["P-192", "brainpool", "okp"]


def stumble(*_: object) -> None:
    raise KeyError("nobody thought of this")


async def test_whatever_goes_wrong_with_a_fetch_is_told_and_the_next_one_is_as_any_other(
    monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    issuer = Issuer()
    known = issuer.validator()
    old = issuer.token()
    await known.validate(old)
    said.clear()
    issuer.now += 301
    with monkeypatch.context() as broken:
        broken.setattr(identity, "read_key_set", stumble)
        await known.validate(issuer.token(jti="starts the fetch"))
        await settle(lambda: issuer.asked == 2)
    assert [each["event"] for each in said] == ["identity.keys_unreachable"]
    assert "nobody thought of this" in said[0]["error"]
    issuer.keys, issuer.now = [OKPKey.generate_key("Ed25519", {"kid": "k2"})], issuer.now + 301
    await known.validate(issuer.token(jti="first of the new key"))
    await refused(old, "not one of the issuer's", known)


async def test_a_new_key_under_the_same_id_ends_what_the_old_one_signed() -> None:
    issuer = Issuer()
    known = issuer.validator()
    old = issuer.token()
    await known.validate(old)
    issuer.keys, issuer.now = [OKPKey.generate_key("Ed25519", {"kid": "k1"})], issuer.now + 301
    await known.validate(old)  # still remembered; this use starts the fetch in the background
    await settle(lambda: issuer.asked == 2)
    await refused(old, "signature", known)
    assert (await known.validate(issuer.token())).subject == "officer"


async def test_unknown_key_ids_do_not_wait_for_an_issuer_that_hangs() -> None:
    issuer = Issuer()
    known = issuer.validator()
    await known.validate(issuer.token())
    issuer.held, issuer.now = asyncio.Event(), issuer.now + 11
    stranger = OKPKey.generate_key("Ed25519", {"kid": "stranger"})
    async with asyncio.timeout(20):
        asked = [known.validate(token("officer", clock=CLOCK, key=stranger)) for _ in range(20)]
        answers = await asyncio.gather(*asked, known.validate(issuer.token(jti="known")), return_exceptions=True)
    assert all(isinstance(answer, IdentityUnavailable) for answer in answers[:-1])
    assert getattr(answers[-1], "subject", None) == "officer"
    issuer.held.set()
    await settle(known.keys._fetching.done)  # type: ignore[attr-defined]
    await refused(token("officer", clock=CLOCK, key=stranger), "not one of the issuer's", known)


async def settle(done: Callable[[], bool]) -> None:
    for _ in range(200):
        if done():
            await asyncio.sleep(0.01)
            return
        await asyncio.sleep(0.005)
    raise AssertionError("never happened")


def test_the_people_of_the_tests_have_the_rights_of_the_local_stack() -> None:
    assert people.person("national-a").level == Level.NATIONAL
    assert people.provider("p1").roles == {Role.ACCESS_PROVIDER}
