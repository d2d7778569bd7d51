"""Signatures: what was signed comes back byte for byte, and nothing else is believed."""

import base64
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from shared.contracts.documents import DOCUMENT_TYPE, IssuedDocument
from shared.contracts.marks import MARK_TYPE, Mark
from shared.contracts.orders import INSTRUCTION_TYPE, ORDER_TYPE, Instruction, Order
from shared.contracts.preflights import PREFLIGHT_TYPE, PreflightAnswer
from shared.contracts.receipts import COUNTER_TYPE, CounterReceipt
from shared.signing import (
    _SMALL_ORDER,
    RETIRED,
    SIGNED_AT,
    BadSignature,
    KeyRing,
    Signer,
    canonical,
    generate_key,
    key_set,
    load_signers,
    public,
    read_header,
)

TYP = "concord-order+json"
KEY = generate_key("orders-1")
SIGNER = Signer(KEY)
RING = KeyRing({"keys": [public(KEY)]})


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed_by_hand(header: Any, payload: bytes = b"{}", key: dict[str, Any] = KEY) -> str:
    """Sign whatever header, without the checks of any library."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = f"{b64(head)}.{b64(payload)}"
    private: Any = OKPKey.import_key({name: key[name] for name in ("kty", "crv", "x", "d")}).get_op_key("sign")
    return f"{signing_input}.{b64(private.sign(signing_input.encode()))}"


def refused(document: str | bytes, ring: KeyRing = RING, typ: str = TYP) -> str:
    with pytest.raises(BadSignature) as refusal:
        ring.verify(document, typ)
    return refusal.value.code


@given(st.binary(max_size=2000))
def test_the_exact_bytes_come_back(payload: bytes) -> None:
    document = SIGNER.sign(payload, TYP)
    verified = RING.verify(document, TYP)
    assert (verified.kid, verified.payload) == ("orders-1", payload)
    assert RING.verify(document.encode(), TYP) == verified


@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_changed_character_is_noticed(payload: bytes, data: st.DataObject) -> None:
    document = SIGNER.sign(payload, TYP)
    place = data.draw(st.integers(0, len(document) - 1))
    sign = data.draw(st.sampled_from("ABCDwxyz0189-_.=+/ \n"))
    if document[place] == sign:
        return
    refused(document[:place] + sign + document[place + 1 :])


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_noise_is_malformed(noise: str | bytes) -> None:
    assert refused(noise) == "malformed"


def test_an_old_key_verifies_after_rotation(tmp_path: Path) -> None:
    old, new = generate_key("2026-a"), generate_key("2026-b")
    before = Signer(old).sign(b"1", TYP)
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [new, old]}))
    signers = load_signers(file)
    ring = KeyRing(key_set(signers))
    assert signers[0].kid == "2026-b"
    assert ring.verify(before, TYP).kid == "2026-a"
    assert ring.verify(signers[0].sign(b"2", TYP), TYP).kid == "2026-b"
    assert refused(before, KeyRing({"keys": [public(new)]})) == "unknown_kid"


def test_the_published_set_holds_nothing_private() -> None:
    assert set(key_set([SIGNER])["keys"][0]) == {"kty", "crv", "x", "kid", "use"}


def _add(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """RFC 8032, section 5.1: points of the curve, in plain numbers."""
    p, d = 2**255 - 19, -121665 * pow(121666, -1, 2**255 - 19)
    (x, y), (v, w) = one, other
    k = d * x * y * v * w
    return (x * w + v * y) * pow(1 + k, -1, p) % p, (y * w + x * v) * pow(1 - k, -1, p) % p


def test_every_point_of_small_order_is_known_and_verifies_nothing() -> None:
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p)
    for raw in _SMALL_ORDER:
        y = int.from_bytes(raw, "little") % p
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        x = x if (x * x - square) % p == 0 else x * pow(2, (p - 1) // 4, p) % p
        assert (x * x - square) % p == 0
        point = (x, y)
        for _ in range(3):
            point = _add(point, point)
        assert point == (0, 1)
        for sign in (0, 0x80):
            spelt = raw[:31] + bytes([raw[31] | sign])
            jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(spelt), "kid": "weak"}
            with pytest.raises(ValueError, match="small order"):
                public(jwk)
            assert KeyRing([jwk]).kids == frozenset()
    assert len(_SMALL_ORDER) == 7  # five y, two of which can be written in another way


def test_another_type_of_document_is_refused() -> None:
    assert refused(SIGNER.sign(b"{}", "concord-receipt+json")) == "wrong_type"
    assert refused(signed_by_hand({"alg": "Ed25519", "kid": "orders-1"})) == "wrong_type"


@pytest.mark.parametrize("alg", ["ES256", "none", "HS256", None, 5])
def test_another_algorithm_is_refused_even_if_the_signature_holds(alg: Any) -> None:
    assert refused(signed_by_hand({"alg": alg, "kid": "orders-1", "typ": TYP})) == "wrong_algorithm"


def test_a_public_key_used_as_an_hmac_secret_is_refused() -> None:
    secret = OctKey.import_key(json.dumps(public(KEY)))
    header = {"alg": "HS256", "kid": "orders-1", "typ": TYP}
    assert refused(jws.serialize_compact(header, b"{}", secret, algorithms=["HS256"])) == "malformed"


@pytest.mark.parametrize("extra", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": False}])
def test_headers_that_change_the_meaning_are_refused(extra: dict[str, Any]) -> None:
    assert refused(signed_by_hand({"alg": "Ed25519", "kid": "orders-1", "typ": TYP, **extra})) == "unsupported_header"


def test_a_key_brought_along_in_the_header_is_not_believed() -> None:
    other = generate_key("other")
    header = {"alg": "Ed25519", "kid": "other", "typ": TYP, "jwk": public(other)}
    assert refused(signed_by_hand(header, key=other)) == "unknown_kid"
    assert refused(signed_by_hand({**header, "kid": "orders-1"}, key=other)) == "bad_signature"
    assert refused(signed_by_hand({**header, "kid": ["orders-1"]})) == "unknown_kid"


def test_a_signature_can_be_written_in_one_way_only() -> None:
    document = SIGNER.sign(b"{}", TYP)
    others = [document[:-1] + last for last in "ABCDQRgw" if last != document[-1]]
    assert {refused(other) for other in others} <= {"malformed", "bad_signature"}
    assert refused(document + "=") == "malformed"
    assert refused(document + "\n") == "malformed"


@pytest.mark.parametrize(
    "header", [b"[]", b"null", b"{", b"\xff", b'{"alg":"Ed25519","alg":"Ed25519"}', b"[" * 100_000]
)
def test_a_header_that_is_no_plain_object_is_malformed(header: bytes) -> None:
    assert refused(signed_by_hand(header)) == "malformed"


def test_the_longest_documents_and_names_that_are_allowed_can_be_verified() -> None:
    signer = Signer(generate_key("钥" * 200))
    payload = b"x" * 700_000
    assert KeyRing([signer.public]).verify(signer.sign(payload, TYP), TYP).payload == payload


def test_a_header_member_nobody_knows_is_passed_over() -> None:
    header = {"alg": "Ed25519", "kid": "orders-1", "typ": TYP, "made_by": "a client of another kind"}
    assert KeyRing([SIGNER.public]).verify(signed_by_hand(header), TYP).kid == "orders-1"


def test_an_endless_document_is_not_read() -> None:
    assert refused("A" * 1_048_577) == "malformed"


def test_keys_of_other_kinds_in_a_set_are_passed_over() -> None:
    elliptic = ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False)
    assert KeyRing({"keys": [elliptic, public(KEY), {"kty": "oct", "kid": "x"}]}).kids == {"orders-1"}


def test_wrong_keys_and_files_are_refused(tmp_path: Path) -> None:
    elliptic = ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=True)
    for wrong in ({}, elliptic, {**KEY, "x": "AAAA"}, {**KEY, "kid": ""}, public(KEY)):
        with pytest.raises(ValueError, match="key"):
            Signer(wrong)
    file = tmp_path / "keys.json"
    for text in ("{}", "[]", '{"keys":[]}', json.dumps({"keys": [KEY, KEY]}), "no json"):
        file.write_text(text)
        with pytest.raises(ValueError, match=r".+"):
            load_signers(file)


def test_a_key_without_a_name_is_named_by_its_thumbprint() -> None:
    key = generate_key()
    assert key["kid"] == OKPKey.import_key(public(key)).thumbprint()
    assert read_header(Signer(key).sign(b"", TYP)) == {"alg": "Ed25519", "kid": key["kid"], "typ": TYP}


def test_rfc_8037_example_key_makes_the_published_signature() -> None:
    """RFC 8037, appendix A.1 and A.4: same key, same kind of signature, checked with an independent library."""
    key = {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "rfc8037",
    }
    document = Signer(key).sign(b"Example of Ed25519 signing", TYP)
    verified = jws.deserialize_compact(document, OKPKey.import_key(public(key)), algorithms=["Ed25519"])
    assert verified.payload == b"Example of Ed25519 signing"


def test_canonical_json_is_compact_utf8() -> None:
    assert canonical({"b": "京", "a": [1, None]}) == '{"b":"京","a":[1,null]}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


def test_a_client_needs_no_server_libraries() -> None:
    heavy = "{'asyncpg', 'fastapi', 'aiokafka', 'pydantic'}"
    code = f"import sys, shared.signing; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_many_signed_at_once_are_byte_for_byte_what_each_is_alone() -> None:
    signer = Signer(generate_key("of-ours"))
    payloads = [b"{}", '{"name":"京"}'.encode(), b"x" * 1000]
    assert signer.sign_all(payloads, "concord-test+json") == [
        signer.sign(each, "concord-test+json") for each in payloads
    ]


KINDS: dict[str, Any] = {
    ORDER_TYPE: Order, INSTRUCTION_TYPE: Instruction, COUNTER_TYPE: CounterReceipt, DOCUMENT_TYPE: IssuedDocument,
    MARK_TYPE: Mark, PREFLIGHT_TYPE: PreflightAnswer,
}  # fmt: skip
RETIRED_AT = "2026-11-22T12:00:00+08:00"


def test_each_kind_of_document_that_an_organisation_signs_says_when() -> None:
    assert SIGNED_AT.keys() == KINDS.keys()
    for typ, member in SIGNED_AT.items():
        assert KINDS[typ].model_fields[member].annotation is datetime, typ
        assert KINDS[typ].model_fields[member].is_required(), typ


@pytest.mark.parametrize("typ", sorted(KINDS))
@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ("2026-11-22T03:59:59Z", True),
        ("2026-11-22T04:00:00Z", False),  # from this time on it signs nothing
        ("2026-11-22T03:59:59", False),
        ("earlier", False),
        (None, False),
    ],
)
def test_a_retired_key_is_believed_for_what_says_that_it_signed_before(typ: str, said: Any, believed: bool) -> None:
    ring = KeyRing([public(KEY) | {RETIRED: RETIRED_AT}])
    document = SIGNER.sign(canonical({SIGNED_AT[typ]: said}), typ)
    assert RING.verify(document, typ)
    if believed:
        assert ring.verify(document, typ).retired_at == RETIRED_AT
    else:
        assert refused(document, ring, typ) == "retired_key"


def test_what_does_not_say_when_a_retired_key_signed_it_is_not_believed() -> None:
    ring = KeyRing([public(KEY) | {RETIRED: "2099-01-01T00:00:00Z"}])
    other = "concord-other+json"
    assert refused(SIGNER.sign(b'{"issued_at":"2026-11-22T03:00:00Z"}', other), ring, other) == "retired_key"
    for payload in (b"noise", b"[]", b'{"issued_at":"2026-01-01T00:00:00Z","issued_at":"2026-01-01T00:00:00Z"}'):
        assert refused(SIGNER.sign(payload, TYP), ring) == "retired_key"
    for spoilt in ("soon", 7, "2026-11-22"):
        unclear = KeyRing([public(KEY) | {RETIRED: spoilt}])
        assert refused(SIGNER.sign(b'{"issued_at":"2026-01-01T00:00:00Z"}', TYP), unclear) == "retired_key"
