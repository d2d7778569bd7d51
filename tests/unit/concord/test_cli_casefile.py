"""The file of a case from the command line: who works on it, what is to be done, what others hold, what happened."""

import json
from typing import Any

import httpx
import pytest

from concord.exits import Exit
from shared.contracts import examples
from tests.unit.concord.test_sdk import Wire

AT = "2026-11-26T04:00:00Z"
ID = "01940000-0000-7000-8000-000000000001"
OTHER = "01940000-0000-7000-8000-000000000002"
SHA = "ab" * 32
AS = ("--as", "drugs-a")
WHY = ("--reasons", "She is on leave until January.")
BASIS = ("--basis", "P3.2.1")
SUBJECT = {"kind": "site", "site_id": ID}
SUMMARY: dict[str, Any] = {
    "id": ID, "version": 2, "status": "open", "outcome": None, "subject": SUBJECT,
    "operator": examples.OPERATOR_REF, "hosts": ["shop.example"], "service_item": None, "ground": "fraud",
    "alleged_breach": "It sells what it has not.", "legal_basis": ["P3.2.1"], "authority": examples.AUTHORITY,
    "opened_at": AT, "changed_at": AT,
}  # fmt: skip
CASE = SUMMARY | {"evidence": [], "decisions": [], "allowed_actions": ["claim"]}
TASK: dict[str, Any] = {
    "id": ID, "version": 1, "status": "open", "case_id": OTHER, "decision_id": None, "what": "Ask for the order book.",
    "due_at": AT, "assignee": None, "overdue": True, "opened_by": "drugs-a", "opened_at": AT, "allowed_actions": [],
}  # fmt: skip
OPINION: dict[str, Any] = {
    **{name: SUMMARY[name] for name in ("subject", "hosts", "operator", "ground", "alleged_breach", "authority")},
    "id": ID, "version": 1, "status": "asked", "case_id": OTHER, "asked": examples.REGULATOR,
    "question": "Is it yours?", "we_hold": "breach", "answer_by": AT,
    "overdue": False, "position": None, "statement": None, "conflicts": False,
    "asked_at": AT, "answered_at": None, "allowed_actions": ["answer"],
}  # fmt: skip
SIDE: dict[str, Any] = {
    "case_id": OTHER, "opinions": [OPINION], "conflict": False, "rule_zh": "书面协调", "rule_en": "In writing",
    "settlements": [],
}  # fmt: skip
ENTRY = {
    "at": AT, "kind": "file", "what": "claim", "about": "case", "about_id": ID, "organisation": "drugs-110000",
    "person": "Drugs A", "detail": None,
}  # fmt: skip
PIECE = {
    "items": [ENTRY], "next": "abc", "sha256": SHA, "size": 3, "stored_at": AT, "checked_at": None, "damaged_at": None,
    "deleted_at": None, "deleted_why": None,
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "route", "sent", "answer"), [
    (("cases", "claim", ID), f"POST /cases/{ID}/claim", {"reasons": None}, CASE),
    (("cases", "claim", ID, *WHY), f"POST /cases/{ID}/claim", {"reasons": WHY[1]}, CASE),
    (("cases", "release-claim", ID), f"POST /cases/{ID}/claim/release", None, CASE),
    (("cases", "transfer", ID, "culture-110000", "--service-item", "culture", *BASIS, *WHY),
     f"POST /cases/{ID}/transfer", {"to": "culture-110000", "service_item": "culture"}, CASE),
    (("cases", "hold", ID, *WHY), f"POST /cases/{ID}/hold", {"reasons": WHY[1]}, CASE),
    (("cases", "lift-hold", ID, *WHY), f"POST /cases/{ID}/hold/lift", {"reasons": WHY[1]}, CASE),
    (("cases", "link", ID, OTHER, *WHY), f"POST /cases/{ID}/links", {"case_id": OTHER}, {"items": []}),
    (("cases", "related", ID), f"GET /cases/{ID}/related", None,
     {"items": [{"case": SUMMARY, "why": ["linked"], "reasons": "One warehouse."}]}),
    (("cases", "timeline", ID, "--kind", "reads", "--limit", "5"),
     f"GET /cases/{ID}/timeline?kind=reads&limit=5", None, {"items": [ENTRY], "next": None}),
    (("decisions", "custody", SHA, "--after", "abc"), f"GET /evidence/{SHA}/custody?after=abc&limit=50", None, PIECE),
    (("cases", "list", "--mine", "--overdue", "--min-age", "30", "--ground", "fraud"),
     "GET /cases?mine=true&ground=fraud&min_age_days=30&overdue=true", None, {"items": [SUMMARY], "next": None}),
    (("tasks", "list", "--mine", "--case", OTHER), f"GET /tasks?case_id={OTHER}&mine=true", None,
     {"items": [TASK], "next": None}),
    (("tasks", "show", ID), f"GET /tasks/{ID}", None, TASK),
    (("tasks", "add", OTHER, "--what", "Ask for the order book.", "--due", AT), f"POST /cases/{OTHER}/tasks",
     {"what": "Ask for the order book.", "due_at": AT}, TASK),
    (("tasks", "assign", ID, "--to", "drugs-b"), f"POST /tasks/{ID}/assignment", {"assignee": "drugs-b"}, TASK),
    (("tasks", "complete", ID, *WHY), f"POST /tasks/{ID}/completion", {"reasons": WHY[1]}, TASK),
    (("tasks", "cancel", ID, *WHY), f"POST /tasks/{ID}/cancellation", {"reasons": WHY[1]}, TASK),
    (("opinions", "list", "--conflicting"), "GET /opinions?conflicting=true", None, {"items": [OPINION], "next": None}),
    (("opinions", "show", ID), f"GET /opinions/{ID}", None, OPINION),
    (("opinions", "of-case", OTHER), f"GET /cases/{OTHER}/opinions", None, SIDE),
    (("opinions", "ask", OTHER, "culture-110000", "--question", "Is it yours as well?", "--we-hold", "breach",
      "--answer-by", AT), f"POST /cases/{OTHER}/opinions", {"of": "culture-110000", "we_hold": "breach"}, OPINION),
    (("opinions", "answer", ID, "not_ours", *BASIS, *WHY), f"POST /opinions/{ID}/answer", {"position": "not_ours"},
     OPINION),
    (("opinions", "withdraw", ID, *WHY), f"POST /opinions/{ID}/withdrawal", {"reasons": WHY[1]}, OPINION),
    (("opinions", "settle", OTHER, "no_breach", *BASIS, *WHY), f"POST /cases/{OTHER}/settlement",
     {"position": "no_breach"}, SIDE),
], ids=range(24))  # fmt: skip
@pytest.mark.parametrize("as_json", [False, True])
def test_every_command_asks_what_it_says(
    run: Any, arguments: tuple[str, ...], route: str, sent: Any, answer: Any, *, as_json: bool
) -> None:
    wire = Wire(httpx.Response(200, json=answer))
    done = run(wire, *arguments, *AS, *(("--json",) if as_json else ()))
    assert done.exit_code == 0, (done.stderr, done.exception)
    (request,) = wire.sent
    assert f"{request.method} {request.url.raw_path.decode()}" == route
    if sent is not None:
        assert sent.items() <= json.loads(request.content).items()
    if as_json:
        json.loads(done.stdout)


def test_a_claim_of_a_colleague_says_the_way_out(run: Any) -> None:
    problem = {"code": "claimed_by_colleague", "detail": "drugs-b works on this case: say in `reasons` why."}
    done = run(Wire(httpx.Response(409, json=problem)), "cases", "claim", ID, *AS)
    assert (done.exit_code, "say in `reasons`" in done.stderr) == (Exit.REFUSED, True)


@pytest.mark.parametrize("arguments", [
    ("tasks", "add", OTHER, "--what", "Ask.", "--due", "tomorrow"),
    ("cases", "transfer", ID, "Drugs", *BASIS, *WHY),
    ("cases", "timeline", ID, "--kind", "news"),
    ("opinions", "answer", ID, "perhaps", *BASIS, *WHY),
    ("cases", "hold", ID, "--reasons", "x"),
], ids=range(5))  # fmt: skip
def test_what_cannot_be_right_is_not_sent(run: Any, arguments: tuple[str, ...]) -> None:
    wire = Wire()
    assert (run(wire, *arguments, *AS).exit_code, wire.sent) == (Exit.USAGE, [])
