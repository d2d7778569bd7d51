"""Which public keys a provider may register."""

from typing import Any

import pytest

from access_control.errors import BadJwk
from access_control.service.keys import public_ed25519, thumbprint
from shared import signing

GOOD = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "k1"}


def test_a_key_is_reduced_to_what_is_needed() -> None:
    assert public_ed25519({**GOOD, "alg": "EdDSA", "note": "x"}) == {**GOOD, "use": "sig"}


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    # RFC 8037, appendix A.3: base64url kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
    assert thumbprint(public_ed25519(GOOD)) == "90facafea9b1556698540f70c0117a22ea37bd5cf3ed3c47093c1707282b4b89"


def test_a_generated_key_is_accepted_once_it_is_public() -> None:
    assert public_ed25519(signing.public(signing.generate_key(kid="p-1")))["kid"] == "p-1"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kty": "RSA"}, "jwk.kty"),
        ({"kty": None}, "jwk.kty"),
        ({"crv": "X25519"}, "jwk.crv"),
        ({"crv": "P-256"}, "jwk.crv"),
        ({"x": "AAAA"}, "jwk.x"),
        ({"x": ""}, "jwk.x"),
        ({"x": 7}, "jwk.x"),
        ({"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"}, "jwk.x"),
        ({"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}, "jwk.x"),
        ({"x": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, "jwk.x"),
        ({"x": "é" * 43}, "jwk.x"),
        ({"kid": ""}, "jwk.kid"),
        ({"kid": None}, "jwk.kid"),
        ({"kid": "k" * 101}, "jwk.kid"),
        ({"kid": "a\0b"}, "jwk.kid"),
        ({"kid": "a/b"}, "jwk.kid"),
        ({"kid": "钥匙"}, "jwk.kid"),
        ({"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}, "jwk.d"),
    ],
)
def test_anything_else_is_refused_naming_the_member(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadJwk) as refused:
        public_ed25519({**GOOD, **change})
    assert field in [fault["field"] for fault in refused.value.extensions["fields"]]


def test_an_empty_object_names_every_member() -> None:
    with pytest.raises(BadJwk) as refused:
        public_ed25519({})
    assert {fault["field"] for fault in refused.value.extensions["fields"]} == {
        "jwk.kty",
        "jwk.crv",
        "jwk.kid",
        "jwk.x",
    }
