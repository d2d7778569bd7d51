"""`concord verify`: a document is judged offline, by its signature, its issuer and its days."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from concord.conformance import CONFORMANCE_TYPE
from concord.exits import Exit
from shared.contracts.documents import IssuedDocument
from shared.contracts.marks import Mark
from shared.contracts.preflights import PreflightAnswer
from shared.documents import marks, preflights, rendering, signed
from shared.signing import OWNER, RETIRED, BadSignature, KeyRing, Signer, canonical, generate_key

SIGNER = Signer(generate_key(kid="drugs-110000-1"))
TODAY = datetime.now(UTC).date()


def made(**changes: Any) -> IssuedDocument:
    days = {"valid_from": str(TODAY - timedelta(days=9)), "valid_until": str(TODAY + timedelta(days=9))}
    return IssuedDocument.model_validate(IssuedDocument.EXAMPLE | days | changes)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [SIGNER.public | {OWNER: "drugs-110000"}]}))
    return file


def asked(run: Any, tmp_path: Path, keys: Path, content: str | bytes, *more: str) -> Any:
    file = tmp_path / "document"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run(None, "verify", str(file), "--keys", str(keys), *more)


@pytest.mark.parametrize("form", ["set", "key", "printed"])
@pytest.mark.parametrize("passed", [True, False])
def test_a_conformance_pass_is_judged_with_the_key_of_whoever_ran_the_kit(
    run: Any, tmp_path: Path, form: str, passed: bool
) -> None:
    said = {"passed": passed, "kit": "1.0", "checks": [{"check": "order", "result": "passed", "why": ""}]}
    jws = SIGNER.sign(canonical(said), CONFORMANCE_TYPE)
    forms: dict[str, Any] = {"set": {"keys": [SIGNER.public]}, "key": SIGNER.public, "printed": {"jwk": SIGNER.public}}
    (tmp_path / "mine.json").write_text(json.dumps(forms[form]))
    done = asked(run, tmp_path, tmp_path / "mine.json", jws, "--json")
    assert done.exit_code == (Exit.DONE if passed else Exit.FAILED), done.stderr
    answer = json.loads(done.stdout)
    assert (answer["valid"], answer["kind"], answer["checks"]) == (passed, "conformance", said["checks"])
    (tmp_path / "mine.json").write_text(json.dumps(generate_key(kid="drugs-110000-1")))
    done = asked(run, tmp_path, tmp_path / "mine.json", jws, "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (Exit.FAILED, "bad_signature")
    (tmp_path / "mine.json").write_text(json.dumps(generate_key(kid="mine")))
    done = asked(run, tmp_path, tmp_path / "mine.json", jws)
    assert done.exit_code == Exit.FAILED
    assert "a pass is signed by a key made for the run" in done.stderr.replace("\n", " ")


def test_what_is_signed_as_a_pass_and_is_none_is_refused(run: Any, tmp_path: Path, keys: Path) -> None:
    for payload in (b"[]", b"{}", b"no JSON", b'{"passed": true, "passed": false}'):
        done = asked(run, tmp_path, keys, SIGNER.sign(payload, CONFORMANCE_TYPE), "--json")
        assert (done.exit_code, json.loads(done.stdout)["code"]) == (Exit.FAILED, "no_pass"), payload
    done = asked(run, tmp_path, keys, SIGNER.sign(b'{"passed": 1}', CONFORMANCE_TYPE), "--json")
    assert json.loads(done.stdout)["valid"] is False


@pytest.mark.parametrize("form", ["jws", "json", "page"])
def test_whose_it_is_and_what_it_says(run: Any, tmp_path: Path, keys: Path, form: str) -> None:
    document = made()
    jws = signed.sign(document, SIGNER)
    content: str | bytes = {"jws": jws + "\n", "json": json.dumps({"jws": jws, "in_force": False})}.get(form, "")
    if form == "page":
        content = rendering.pdf(document, jws, code="x")
    done = asked(run, tmp_path, keys, content, "--json")
    assert done.exit_code == Exit.DONE, done.stderr
    said = json.loads(done.stdout)
    assert (said["valid"], said["code"], said["key"]) == (True, "valid", "drugs-110000-1")
    assert (said["issuer"]["id"], said["number"], said["holder"]["name"]) == (
        "drugs-110000", document.number, document.holder.name,
    )  # fmt: skip
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("days", "code"),
    [
        ({"valid_until": str(TODAY - timedelta(days=2))}, "over"),
        ({"valid_from": str(TODAY + timedelta(days=2))}, "not_yet"),
    ],
)
def test_outside_its_days_it_is_not_valid_though_the_signature_holds(
    run: Any, tmp_path: Path, keys: Path, days: dict[str, str], code: str
) -> None:
    jws = signed.sign(made(**days), SIGNER)
    done = asked(run, tmp_path, keys, jws)
    assert done.exit_code == Exit.FAILED
    assert f"not valid ({code}): the signature holds" in done.stderr
    assert json.loads(asked(run, tmp_path, keys, jws, "--json").stdout)["valid"] is False


def test_a_forged_one_says_nothing_of_its_content(run: Any, tmp_path: Path, keys: Path) -> None:
    forged = signed.sign(made(number="京药网械审〔2026〕99号"), Signer(generate_key(kid="drugs-110000-1")))
    done = asked(run, tmp_path, keys, forged)
    assert done.exit_code == Exit.FAILED
    assert "bad_signature" in done.stderr
    assert "99" not in done.stdout


def test_a_key_of_another_organisation_refutes_it(run: Any, tmp_path: Path, keys: Path) -> None:
    other = Signer(generate_key(kid="culture-1"))
    keys.write_text(json.dumps({"keys": [other.public | {OWNER: "culture-110000"}]}))
    done = asked(run, tmp_path, keys, signed.sign(made(), other), "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (Exit.FAILED, "wrong_issuer")


@pytest.mark.parametrize("content", [b"%PDF-1.4 of somebody else", b"\xff\xfe", b"{}", b'{"jws": 7}', b"{not json"])
def test_a_file_that_holds_no_document_is_told(run: Any, tmp_path: Path, keys: Path, content: bytes) -> None:
    done = asked(run, tmp_path, keys, content)
    assert done.exit_code == Exit.USAGE
    assert "document" in done.stderr


@pytest.mark.parametrize(
    "text", ["{}", '{"keys": 7}', '{"keys": ["x"]}', '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k"}]}']
)
def test_a_set_of_keys_that_is_none_is_told(run: Any, tmp_path: Path, keys: Path, text: str) -> None:
    keys.write_text(text)
    done = asked(run, tmp_path, keys, signed.sign(made(), SIGNER))
    assert done.exit_code == Exit.USAGE, done.output
    assert "jwks.json" in done.stderr


# --- marks -----------------------------------------------------------------------------------------------------------


def a_mark(**changes: Any) -> str:
    return marks.sign(Mark.model_validate(Mark.EXAMPLE | {"issuer": "drugs-110000"} | changes), SIGNER)


@pytest.mark.parametrize(
    "form",
    ["{}\n", "https://registry.example/marks/{}", '{{"token": 1, "jws": "{}"}}', '{{"mark": {{}}, "token": "{}"}}'],
)
@pytest.mark.parametrize("host", [None, "pharmacy.example", "WWW.Pharmacy.Example."])
def test_a_mark_says_whose_number_it_is(run: Any, tmp_path: Path, keys: Path, form: str, host: str | None) -> None:
    more = ["--host", host] if host else []
    done = asked(run, tmp_path, keys, form.format(a_mark()), "--json", *more)
    assert done.exit_code == Exit.DONE, done.stderr
    said = json.loads(done.stdout)
    assert (said["valid"], said["code"], said["kind"]) == (True, "signed", "mark")
    assert said["number"] == Mark.EXAMPLE["number"]


@pytest.mark.parametrize("host", ["other.example", "notpharmacy.example", "pharmacy.example.evil.test"])
def test_a_mark_of_another_site_is_not_this_ones(run: Any, tmp_path: Path, keys: Path, host: str) -> None:
    done = asked(run, tmp_path, keys, a_mark(), "--host", host)
    assert (done.exit_code, "other_site" in done.stderr) == (Exit.FAILED, True)


def test_a_mark_with_a_digest_cannot_say_whose_it_is(run: Any, tmp_path: Path, keys: Path) -> None:
    names, digest = marks.shortened([f"site-{each}.example" for each in range(11)])
    done = asked(run, tmp_path, keys, a_mark(names=names, digest=digest), "--host", "site-1.example", "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (Exit.FAILED, "many_names")


@pytest.mark.parametrize(
    ("signer", "changes", "code"),
    [
        (Signer(generate_key(kid="drugs-110000-1")), {}, "bad_signature"),
        (Signer(generate_key(kid="nobody")), {}, "unknown_kid"),
        (SIGNER, {"issuer": "culture-110000"}, "wrong_issuer"),
        (SIGNER, {"number": "x" * 501}, "malformed"),
    ],
)
def test_a_forged_mark_is_refused(
    run: Any, tmp_path: Path, keys: Path, signer: Signer, changes: dict[str, Any], code: str
) -> None:
    mark = Mark.model_validate(Mark.EXAMPLE | {"issuer": "drugs-110000"}).model_copy(update=changes)
    done = asked(run, tmp_path, keys, marks.sign(mark, signer), "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (Exit.FAILED, code)


@pytest.mark.parametrize("kind", ["document", "mark", "preflight"])
def test_what_a_retired_key_signed_afterwards_is_not_valid(run: Any, tmp_path: Path, keys: Path, kind: str) -> None:
    """The days of a document, the address of a mark, the minutes of an answer all hold: its key does not."""
    now = datetime.now(UTC)
    until = str(now + timedelta(minutes=9))
    answer = {"issuer": IssuedDocument.EXAMPLE["issuer"], "expires": until}

    def signed_at(at: datetime) -> str:
        if kind == "document":
            return signed.sign(made(issued_at=str(at)), SIGNER)
        if kind == "mark":
            return a_mark(issued_at=str(at))
        said = PreflightAnswer.EXAMPLE | answer | {"as_of": str(at)}
        (jws,) = preflights.sign_all([PreflightAnswer.model_validate(said)], SIGNER)
        return jws

    retired = SIGNER.public | {OWNER: "drugs-110000", RETIRED: str(now - timedelta(minutes=2))}
    keys.write_text(json.dumps({"keys": [retired]}))
    before = asked(run, tmp_path, keys, signed_at(now - timedelta(minutes=3)), "--json")
    assert (before.exit_code, json.loads(before.stdout)["valid"]) == (Exit.DONE, True), before.stdout
    after = asked(run, tmp_path, keys, signed_at(now - timedelta(minutes=1)), "--json")
    assert (after.exit_code, json.loads(after.stdout)["code"]) == (Exit.FAILED, "retired_key")


def test_a_document_is_no_mark_and_a_mark_no_document(keys: Path) -> None:
    ring = KeyRing(json.loads(keys.read_text()))
    with pytest.raises(BadSignature, match="must be a concord-mark"):
        marks.read(signed.sign(made(), SIGNER), ring)
    with pytest.raises(BadSignature, match="must be a concord-document"):
        signed.read(a_mark(), ring)


def test_a_host_that_is_none_is_told(run: Any, tmp_path: Path, keys: Path) -> None:
    assert asked(run, tmp_path, keys, a_mark(), "--host", "not a host").exit_code == Exit.USAGE
