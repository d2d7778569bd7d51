"""Commands about appeals, hearings, requests to the regulator and referrals: what each sends, and where."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.exits import Exit
from shared.contracts import examples
from tests.unit.concord.test_cli import one_line
from tests.unit.concord.test_sdk import Wire

ID = "01940000-0000-7000-8000-000000000001"
AT = "2026-11-22T04:00:00Z"
AS = ("--as", "review-a")
WHY = ("--reasons", "Nobody else of the body is there.")
BASIS = ("--basis", "ARL §9")
SHA = examples.DIGEST
BODY = {"legal_basis": ["ARL §9"], "reasons": WHY[1], "public_reasons": WHY[1], "redacted": []}
HEARING: dict[str, Any] = {
    "id": ID, "version": 1, "status": "invited", "appeal_id": ID, "takes_place": AT, "place": "Room 4",
    "invited_at": AT, "present": [], "minutes": None, "allowed_actions": [],
}  # fmt: skip
REFERRAL: dict[str, Any] = {
    "id": ID, "version": 1, "status": "sent", "case_id": ID, "authority": examples.AUTHORITY,
    "receiver": examples.AUTHORITY, "statement": examples.STATEMENT, "evidence": [SHA], "delay_ground": None,
    "tell_at": None, "told_at": AT, "drafted_at": AT, "sent_at": AT, "received_at": None, "outcome": None,
    "answer": None, "allowed_actions": [],
}  # fmt: skip
REQUEST: dict[str, Any] = {
    "id": ID, "version": 1, "status": "open", "case_id": ID, "decision_id": None, "asks": "revoke",
    "statement": examples.STATEMENT, "documents": [SHA], "authority": examples.AUTHORITY, "desk": examples.AUTHORITY,
    "forwards": [], "clock": None, "overdue_at": None, "answer": None, "asked_at": AT, "answered_at": None,
    "leads_to": None, "allowed_actions": [],
}  # fmt: skip
PAPER: dict[str, Any] = {
    "sha256": SHA, "side": "appellant", "title": "Ours", "media_type": "text/plain", "size": 3, "confidential": None,
    "handed_at": AT,
}  # fmt: skip


def answers(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.parametrize(("command", "answer", "path", "sent"), [
    (("hearings", "invite", ID, "--takes-place", AT, "--place", "Room 4", *WHY), HEARING, f"/appeals/{ID}/hearings",
     {"takes_place": AT, "place": "Room 4", "reasons": WHY[1]}),
    (("hearings", "record", ID, "--minutes", SHA, "--present", "authority"), HEARING, f"/hearings/{ID}/minutes",
     {"minutes": SHA, "present": ["authority"]}),
    (("hearings", "cancel", ID, *WHY), HEARING, f"/hearings/{ID}/cancellation", {"reasons": WHY[1]}),
    (("regulator-requests", "ask", ID, "revoke", *BASIS, *WHY, "--evidence", SHA), REQUEST,
     f"/cases/{ID}/regulator-requests", {"asks": "revoke", "decision_id": None, "statement": BODY, "documents": [SHA]}),
    (("regulator-requests", "accept", ID, *BASIS, *WHY), REQUEST, f"/regulator-requests/{ID}/acceptance",
     {"statement": BODY}),
    (("regulator-requests", "decline", ID, *BASIS, *WHY), REQUEST, f"/regulator-requests/{ID}/decline",
     {"statement": BODY}),
    (("regulator-requests", "forward", ID, "industry-310000", *WHY), REQUEST, f"/regulator-requests/{ID}/forwarding",
     {"to": "industry-310000", "reasons": WHY[1]}),
    (("regulator-requests", "withdraw", ID, *WHY), REQUEST, f"/regulator-requests/{ID}/withdrawal",
     {"reasons": WHY[1]}),
    (("referrals", "draft", ID, "security-110000", *BASIS, *WHY, "--evidence", SHA), REFERRAL,
     f"/cases/{ID}/referrals", {"receiver": "security-110000", "statement": BODY, "evidence_hashes": [SHA],
                                "delay_ground": None, "tell_at": None}),
    (("referrals", "sign", ID, *WHY), REFERRAL, f"/referrals/{ID}/signature", {"reasons": WHY[1]}),
    (("referrals", "withdraw", ID, *WHY), REFERRAL, f"/referrals/{ID}/withdrawal", {"reasons": WHY[1]}),
    (("referrals", "receive", ID), REFERRAL, f"/referrals/{ID}/receipt", None),
    (("referrals", "answer", ID, "taken_up", *BASIS, *WHY), REFERRAL, f"/referrals/{ID}/answer",
     {"outcome": "taken_up", "statement": BODY}),
])  # fmt: skip
def test_each_verb_sends_what_was_said_to_its_address(
    run: Any, command: tuple[str, ...], answer: Any, path: str, sent: Any
) -> None:
    wire = Wire(answers(answer))
    done = run(wire, *command, *AS, "--json")
    assert (done.exit_code, json.loads(done.stdout)["id"]) == (0, ID), done.stderr
    [request] = wire.sent
    assert request.url.path == path
    assert (json.loads(request.content) if request.content else None) == sent


@pytest.mark.parametrize(("group", "item"), [("regulator-requests", REQUEST), ("referrals", REFERRAL)])
def test_lists_and_records_are_shown(run: Any, group: str, item: dict[str, Any]) -> None:
    wire = Wire(answers({"items": [item], "next": None}), answers(item))
    done = run(wire, group, "list", "--status", str(item["status"]), *AS)
    assert (done.exit_code, str(item["status"]) in done.stdout) == (0, True)
    assert run(wire, group, "show", ID, *AS).exit_code == 0
    assert [each.url.path for each in wire.sent] == [f"/{group}", f"/{group}/{ID}"]


def test_statistics_are_a_table_of_counts(run: Any) -> None:
    counts = {"authority_id": "drugs-110000", "authority": {"zh": "药监", "en": "Drugs"}, "filed": 4, "open": 1,
              "upheld": 1, "rejected": 1, "withdrawn": 1, "refused": 0, "late": 1, "median_days": 2.5}  # fmt: skip
    wire = Wire(answers({"since": AT, "until": AT, "authorities": [counts]}))
    done = run(wire, "appeals", "statistics", "--authority", "drugs-110000", "--since", "2026-01-01", *AS)
    assert (done.exit_code, "drugs-110000" in done.stdout, "2.5" in done.stdout) == (0, True, True)
    assert dict(wire.sent[0].url.params) == {"authority": "drugs-110000", "since": "2026-01-01"}


def test_a_paper_is_handed_in_as_its_bytes_and_read_into_a_file(run: Any, tmp_path: Path) -> None:
    (tmp_path / "ours.txt").write_bytes(b"abc")
    wire = Wire(answers(PAPER, 201), answers([PAPER]), httpx.Response(200, content=b"abc"))
    done = run(wire, "appeals", "hand-in", ID, str(tmp_path / "ours.txt"), "--title", "Ours", "--confidential",
               "It names a patient.", *AS)  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert (wire.sent[0].content, wire.sent[0].headers["Content-Type"]) == (b"abc", "text/plain")
    assert dict(wire.sent[0].url.params) == {"title": "Ours", "confidential": "It names a patient."}
    assert "Ours" in run(wire, "appeals", "papers", ID, *AS).stdout
    target = tmp_path / "read.txt"
    assert run(wire, "appeals", "read-paper", ID, SHA, str(target), *AS).exit_code == 0
    assert target.read_bytes() == b"abc"


def test_a_date_that_is_none_is_not_sent(run: Any) -> None:
    wire = Wire()
    command = ("hearings", "invite", ID, "--takes-place", "soon", "--place", "Room 4", *WHY, *AS)
    one_line(run(wire, *command), Exit.USAGE, "takes_place")
    assert wire.sent == []
