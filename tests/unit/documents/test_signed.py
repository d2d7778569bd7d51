"""A document is believed for what its issuer's key signed, and for nothing else; its days are its own."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared import signing
from shared.contracts.documents import DOCUMENT_TYPE, IssuedDocument
from shared.documents import signed
from shared.documents.signed import Standing
from shared.signing import OWNER, BadSignature, KeyRing, Signer

KEY = signing.generate_key(kid="drugs-110000-1")
SIGNER = Signer(KEY)
ISSUER = IssuedDocument.EXAMPLE["issuer"]["id"]
KEYS = KeyRing({"keys": [SIGNER.public | {OWNER: ISSUER}]})


def document(**changes: Any) -> IssuedDocument:
    return IssuedDocument.model_validate(IssuedDocument.EXAMPLE | changes)


def test_what_was_signed_is_read_back_with_the_key_that_signed() -> None:
    rare = document(scope="𠮷䶮㛃")
    found = signed.read(signed.sign(rare, SIGNER), KEYS)
    assert (found.document, found.kid) == (rare, KEY["kid"])
    assert signed.content(signed.sign(rare, SIGNER)) == rare


def test_a_changed_letter_refutes_it() -> None:
    head, payload, signature = signed.sign(document(), SIGNER).split(".")
    other = signed.sign(document(scope="Sale of everything"), SIGNER).split(".")[1]
    assert payload != other
    with pytest.raises(BadSignature) as refused:
        signed.read(f"{head}.{other}.{signature}", KEYS)
    assert refused.value.code == "bad_signature"


@pytest.mark.parametrize("owner", ["drugs-310000", None])
def test_a_key_of_somebody_else_signs_nothing_for_the_issuer(owner: str | None) -> None:
    others = KeyRing({"keys": [SIGNER.public | ({OWNER: owner} if owner else {})]})
    with pytest.raises(BadSignature) as refused:
        signed.read(signed.sign(document(), SIGNER), others)
    assert refused.value.code == "wrong_issuer"


@pytest.mark.parametrize("payload", [b"{}", b"[]", b"nonsense", b'{"kind": "a", "kind": "b"}'])
def test_what_is_no_document_is_none_however_well_it_is_signed(payload: bytes) -> None:
    with pytest.raises(BadSignature) as refused:
        signed.read(SIGNER.sign(payload, DOCUMENT_TYPE), KEYS)
    assert refused.value.code == "malformed"


def test_a_signed_order_is_no_document() -> None:
    payload = json.dumps(IssuedDocument.EXAMPLE).encode()
    with pytest.raises(BadSignature) as refused:
        signed.read(SIGNER.sign(payload, "concord-order+json"), KEYS)
    assert refused.value.code == "wrong_type"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-21T15:59:59", Standing.NOT_YET),
        ("2026-11-21T16:00:00", Standing.VALID),  # midnight in Beijing
        ("2029-11-22T15:59:59", Standing.VALID),
        ("2029-11-22T16:00:00", Standing.OVER),
    ],
)
def test_days_begin_and_end_where_it_was_issued(moment: str, expected: Standing) -> None:
    assert signed.standing(document(), datetime.fromisoformat(moment).replace(tzinfo=UTC)) is expected


def test_one_without_a_last_day_is_never_over() -> None:
    endless = document(valid_until=None)
    assert signed.standing(endless, datetime(2190, 1, 1, tzinfo=UTC)) is Standing.VALID


def test_a_time_zone_that_is_none_refutes_it() -> None:
    for zone in ("Atlantis/Capital", "../../etc/passwd"):
        with pytest.raises(BadSignature):
            signed.standing(document(time_zone=zone), datetime.now(UTC))


def test_a_document_that_ends_before_it_begins_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="valid_until"):
        document(valid_until="2026-11-21")
