"""``concord complaints``, ``matters``, ``warnings`` and ``emergencies``: what they send, and what they say."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.exits import Exit
from shared.contracts import examples
from shared.contracts.emergencies import EMERGENCY_TYPE
from shared.signing import KeyRing, generate_key
from tests.unit.concord.test_sdk import Wire

ID = examples.CASE
MATTER = {
    "id": ID, "version": 1, "status": "triaged", "host": "pharmacy.example", "site_id": None, "ground": "fraud",
    "region": None, "level": "province", "service_items": [], "complaints": 3, "grade": "minor",
    "authority": examples.AUTHORITY, "transfers": [], "clock": None, "overdue": False, "case_id": None, "outcome": None,
    "statement": None, "came_at": examples.AT, "ended_at": None, "allowed_actions": ["warn"],
}  # fmt: skip
RECEIPT = {"reference": "C-0000-0000-0000", "secret": "s" * 43, "status_at": "https://x.example/complaints/status/s"}
STATUS = {
    "reference": "C-0000-0000-0000", "host": "pharmacy.example", "ground": "fraud", "status": "received", "files": 1,
    "outcome": None, "reasons": None, "authority": None, "transfers": [], "came_at": examples.AT, "over_at": None,
}  # fmt: skip
WARNING = {
    "id": ID, "version": 1, "status": "sent", "host": "pharmacy.example", "to": examples.OPERATOR_REF,
    "authority": examples.AUTHORITY, "statement": examples.STATEMENT, "answer_by": None, "sent_at": examples.AT,
    "answer": None, "answered_at": None, "allowed_actions": ["answer"],
}  # fmt: skip
WHY = ("--basis", "N4.2.5", "--reasons", "There is nothing to it.")


def sent(wire: Wire) -> tuple[str, str, Any]:
    request = wire.sent[-1]
    return request.method, request.url.path, json.loads(request.content or b"null")


def test_anybody_complains_and_reads_what_became_of_it(run: Any, tmp_path: Path) -> None:
    wire = Wire(httpx.Response(201, json=RECEIPT))
    what = ("--host", "pharmacy.example", "--ground", "fraud", "--text", "They cheated me.")
    done = run(wire, "complaints", "file", *what)
    assert (done.exit_code, RECEIPT["secret"] in done.stdout) == (0, True)
    assert sent(wire)[1] == "/complaints"
    assert "authorization" not in wire.sent[-1].headers
    wire = Wire(httpx.Response(201, json=RECEIPT))
    assert run(wire, "complaints", "file", *what, "--office", "--as", "a").exit_code == 0
    assert sent(wire)[1] == "/complaints/reports"
    wire = Wire(httpx.Response(200, json=STATUS))
    assert "received" in run(wire, "complaints", "status", "s" * 43).stdout
    file = tmp_path / "page.html"
    file.write_bytes(b"<p>")
    wire = Wire(httpx.Response(201, json=STATUS))
    assert run(wire, "complaints", "add-file", "s" * 43, str(file)).exit_code == 0
    assert (wire.sent[-1].headers["content-type"], wire.sent[-1].content) == ("text/html", b"<p>")


def test_what_is_wrong_is_said_before_anything_is_sent(run: Any) -> None:
    done = run(Wire(), "complaints", "file", "--host", "a.example", "--ground", "fraud", "--text", "short")
    assert (done.exit_code, "text" in done.stderr) == (Exit.USAGE, True)


def test_a_flood_is_told_with_its_reason(run: Any) -> None:
    problem = {
        "type": "x", "title": "Too many complaints", "status": 429, "code": "too_many_complaints",
        "detail": "Too many complaints were about pharmacy.example lately: wait 60 seconds.", "retry_after": 60,
    }  # fmt: skip
    wire = Wire(*[httpx.Response(429, json=problem, headers={"Retry-After": "60"})] * 9)
    what = ("--host", "pharmacy.example", "--ground", "fraud", "--text", "They cheated me.")
    done = run(wire, "complaints", "file", *what)
    assert (done.exit_code, "too_many_complaints" in done.stderr) == (Exit.REFUSED, True)


@pytest.mark.parametrize(
    ("arguments", "answer", "path", "body"),
    [
        (("matters", "show", ID), MATTER, f"/matters/{ID}", None),
        (("matters", "triage", ID, "--grade", "minor", "--reasons", "A label is missing."), MATTER,
         f"/matters/{ID}/triage", {"grade": "minor", "reasons": "A label is missing."}),
        (("matters", "transfer", ID, "--to", "industry-310000", *WHY), MATTER, f"/matters/{ID}/transfer", None),
        (("matters", "dismiss", ID, *WHY), MATTER, f"/matters/{ID}/dismissal", None),
        (("matters", "warn", ID, *WHY), WARNING, f"/matters/{ID}/warning", None),
        (("warnings", "show", ID), WARNING, f"/warnings/{ID}", None),
        (("warnings", "answer", ID, "--text", "It was printed since."), WARNING, f"/warnings/{ID}/answer",
         {"text": "It was printed since."}),
    ],
    ids=["show", "triage", "transfer", "dismiss", "warn", "letter", "answer"],
)  # fmt: skip
def test_a_desk_and_whom_it_writes_to(run: Any, arguments: Any, answer: Any, path: str, body: Any) -> None:
    wire = Wire(httpx.Response(200, json=answer))
    done = run(wire, *arguments, "--as", "a", "--json")
    assert (done.exit_code, json.loads(done.stdout)["id"]) == (0, ID), done.stderr
    assert sent(wire)[1] == path
    assert body is None or sent(wire)[2] == body


def test_lists_take_their_filters(run: Any) -> None:
    page = {"items": [MATTER], "next": None}
    wire = Wire(httpx.Response(200, json=page))
    done = run(wire, "matters", "list", "--overdue", "--host", "WWW.a.example", "--newest", "--as", "a")
    assert (done.exit_code, "pharmacy.example" in done.stdout) == (0, True), done.stderr
    asked = wire.sent[-1].url.params
    assert (asked["overdue"], asked["host"], asked["newest"]) == ("true", "WWW.a.example", "true")
    for command in (("warnings", "list"), ("emergencies", "list"), ("emergencies", "reported")):
        done = run(Wire(httpx.Response(200, json={"items": [], "next": None})), *command, "--as", "a")
        assert (done.exit_code, done.stdout.strip()) == (0, "none")


def test_a_provider_signs_what_it_reports(run: Any, tmp_path: Path) -> None:
    key = generate_key(kid="mine")
    file = tmp_path / "key.json"
    file.write_text(json.dumps(key))
    view = {
        "id": ID, "version": 1, "status": "reported", "provider_id": examples.PROVIDER, "host": "a.example",
        "ground": "fraud", "reasons": "It goes on.", "since": examples.AT, "reported_at": examples.AT,
        "confirm_by": examples.AT, "decision_id": None, "ended_because": None, "restore_id": None, "jws": "x",
    }  # fmt: skip
    wire = Wire(httpx.Response(201, json=view))
    what = ("--host", "a.example", "--ground", "fraud", "--reasons", "It goes on and on.", "--as", "p")
    done = run(wire, "emergencies", "report", examples.PROVIDER, "--key", str(file), *what)
    assert done.exit_code == 0, done.stderr
    jws = sent(wire)[2]["jws"]
    said = json.loads(KeyRing([key]).verify(jws, EMERGENCY_TYPE).payload)
    assert (said["provider_id"], said["host"]) == (examples.PROVIDER, "a.example")
    file.write_text("{}")
    done = run(Wire(), "emergencies", "report", examples.PROVIDER, "--key", str(file), *what)
    assert (done.exit_code, "--key" in done.stderr) == (Exit.USAGE, True)
