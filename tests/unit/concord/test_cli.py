"""The command line: what it prints, and what it exits with when it is refused, alone or misused."""

import csv
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

import coordination.lifecycle
import enforcement.lifecycle
import registry.lifecycle
from concord.agent.main import app as agent
from concord.cli import output
from concord.cli.main import app
from concord.exits import Exit
from concord.sdk import departments
from shared.contracts.http.casefile import Part
from shared.contracts.http.registry import NewRegistration
from shared.contracts.orders import ORDER_TYPE, Order
from shared.signing import Signer, canonical, generate_key, is_proven
from tests.unit.concord.test_sdk import RECORD, Wire

REFUSAL = {
    "code": "second_person_required", "detail": "Somebody else must confirm [what you drafted].", "trace_id": "abc",
    "allowed_actions": ["withdraw"], "fields": [{"field": "reasons", "message": "10 characters or more"}],
}  # fmt: skip


def test_a_refusal_names_the_reason_the_field_and_the_way_out(run: Any) -> None:
    done = run(Wire(httpx.Response(409, json=REFUSAL)), "amendments", "consent", "r", "--as", "regulator-a")
    assert done.exit_code == Exit.REFUSED
    for part in ("second_person_required", "[what you drafted]", "reasons: 10 characters", "withdraw", "trace abc"):
        assert part in done.stderr
    assert done.stdout == ""


def test_programs_get_the_problem_as_json(run: Any) -> None:
    done = run(Wire(httpx.Response(409, json=REFUSAL)), "amendments", "consent", "r", "--as", "a", "--json")
    assert json.loads(done.stderr) == {"status": 409, **REFUSAL}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_when_nobody_answers_it_exits_3(run: Any, form: list[str]) -> None:
    done = run(Wire(*[httpx.ConnectError("refused")] * 50), "registrations", "show", "r", "--as", "a", *form)
    assert done.exit_code == Exit.UNREACHABLE
    assert "registry at http://registry.test" in done.stderr
    if form:
        assert json.loads(done.stderr)["code"] == "unreachable"


def test_without_a_stack_it_says_how_to_start_one(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path))
    done = run(None, "status")
    assert done.exit_code == Exit.NO_STACK
    assert "make run" in done.stderr


def test_an_order_of_which_nothing_was_seen_says_so(run: Any) -> None:
    order = {"order_id": str(UUID(int=1)), "action": "restore", "executed_at": None, "until": None, "undone_by": None}
    look = {"at": "2026-11-27T03:25:51Z", "host": "shop.example", "address": "192.0.2.1", "port": 80,
            "outcome": "served", "status": 200, "ours": False}  # fmt: skip
    for seen, said in (([], True), ([look], False)):
        wire = Wire(httpx.Response(200, json=order | {"differences": [], "observations": seen}))
        done = run(wire, "orders", "observed", str(UUID(int=1)), "--as", "a", "--json")
        assert (done.exit_code, json.loads(done.stdout)["observations"]) == (0, seen)
        assert ("nothing was seen of it" in done.stderr) is said


def test_a_list_is_a_table_and_a_long_one_says_that_it_is_cut(run: Any) -> None:
    items = [RECORD | {"version": n} for n in range(output.MOST + 1)]
    wire = Wire(httpx.Response(200, json={"items": items[:2], "next": None}))
    done = run(wire, "registrations", "list", "--as", "a")
    assert "operator_name" in done.stdout
    assert "某公司" in done.stdout
    assert done.stderr == ""
    wire = Wire(httpx.Response(200, json={"items": items, "next": None}))
    done = run(wire, "registrations", "list", "--as", "a", "--json")
    assert len(json.loads(done.stdout)) == output.MOST
    assert f"the first {output.MOST}; there are more: narrow the list, or see more of it: concord --most" in done.stderr
    wire = Wire(httpx.Response(200, json={"items": items, "next": None}))
    done = run(wire, "--most", str(output.MOST + 1), "registrations", "list", "--as", "a", "--json")
    assert (len(json.loads(done.stdout)), done.stderr) == (output.MOST + 1, "")
    done = run(Wire(httpx.Response(200, json={"items": [], "next": None})), "registrations", "list", "--as", "a")
    assert done.stdout == "none\n"


def test_a_body_comes_from_a_file_or_standard_input(run: Any, tmp_path: Path) -> None:
    body = NewRegistration.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index]
    wire = Wire(*[httpx.Response(201, json=RECORD)] * 2)
    (tmp_path / "body.json").write_text(json.dumps(body))
    assert run(wire, "registrations", "submit", str(tmp_path / "body.json"), "--as", "a").exit_code == 0
    assert run(wire, "registrations", "submit", "-", "--as", "a", stdin=json.dumps(body)).exit_code == 0
    sent = [NewRegistration.model_validate_json(request.content) for request in wire.sent]
    assert sent == [NewRegistration.model_validate(body)] * 2


@pytest.mark.parametrize("text", ["{not json", "[]"])
def test_a_body_that_is_no_object_is_a_wrong_argument(run: Any, text: str) -> None:
    wire = Wire()
    done = run(wire, "decisions", "draft", "c", "-", "--as", "a", stdin=text)
    assert (done.exit_code, wire.sent) == (2, [])
    assert "JSON" in done.stderr


def test_a_body_that_lacks_something_is_told_field_by_field_and_not_sent(run: Any) -> None:
    wire = Wire()
    draft = json.dumps({"effect": "revoke", "statement": {"legal_basis": [], "reasons": "short"}, "redress": "court"})
    done = run(wire, "decisions", "draft", "c", "-", stdin=draft)
    assert (done.exit_code, wire.sent) == (Exit.USAGE, [])
    for field in (
        "statement.legal_basis: ",
        "statement.reasons: ",
        "evidence_hashes: Field required",
        "redress: Extra",
    ):
        assert field in done.stderr


def test_an_act_cannot_leave_without_basis_and_reasons_and_says_what_it_redacts(run: Any) -> None:
    wire = Wire()
    decline = ("executions", "decline", "e", "--as", "a", "--reasons", "The site is another one.")
    done = run(wire, *decline)
    assert (done.exit_code, wire.sent) == (2, [])
    assert "--basis" in done.stderr
    done = run(wire, *decline, "--basis", "P3.2.3", "--public-reasons", "Another site is meant.")
    one_line(done, Exit.USAGE, "redacted")
    assert wire.sent == []


def test_whom_a_case_is_about_is_said_in_one_way(run: Any) -> None:
    wire = Wire(*[httpx.Response(403, json={"code": "role_missing"})] * 4)
    opens = ("cases", "open", "--ground", "fraud", "--alleged-breach", "Sold what it has not.", "--basis", "P3.2.1")
    provider = "01940000-0000-7000-8000-000000000005"
    for about in (
        ("--domain", "a.example"), ("--operator-of", "a.example"), ("--found", "a.example", "--provider", provider),
        ("--provider", provider),
    ):  # fmt: skip
        assert run(wire, *opens, *about).exit_code == Exit.REFUSED
    kinds = [json.loads(request.content)["about"]["kind"] for request in wire.sent]
    assert kinds == ["site", "operator", "found_site", "provider"]
    for none in ((), ("--found", "a.example"), ("--domain", "a.example", "--provider", provider)):
        one_line(run(wire, *opens, *none), Exit.USAGE, "say whom it is about")


def test_what_is_signed_names_the_preview_and_every_site_in_it(run: Any) -> None:
    wire = Wire(httpx.Response(403, json={"code": "role_missing"}))
    neighbour = "01940000-0000-7000-8000-00000000000a"
    run(wire, "decisions", "release", "d", "--preview-digest", "0" * 64, "--touches", neighbour)
    assert json.loads(wire.sent[0].content) == {
        "signature": {"preview_digest": "0" * 64, "collateral": [neighbour]}, "since_draft": None,
    }  # fmt: skip


def test_mails_of_a_local_stack_are_shown_newest_first(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path))
    stack = {"pid": os.getpid(), "services": {}, "issuer": "http://i", "mails": str(tmp_path / "mails")}
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    (tmp_path / "mails").mkdir()
    for number in (1, 2):
        mail = EmailMessage()
        mail["To"], mail["Subject"] = "legal@pharmacy.example", f"Notice {number}"
        mail.set_content(f"Code: {number}\x1b[31m\n")
        (tmp_path / "mails" / f"2026112{number}T000000-a.eml").write_bytes(mail.as_bytes(policy=SMTP))
    shown = json.loads(run(None, "mails", "--json").stdout)
    assert [each["subject"] for each in shown] == ["Notice 2", "Notice 1"]
    assert shown[0]["text"].startswith("Code: 2")
    assert "\x1b" not in run(None, "mails").stdout


def test_a_private_key_is_for_its_owner_alone_and_none_is_overwritten(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    done = run(None, "keys", "k1", "--file", str(file), *OF_PROVIDER)
    assert done.exit_code == 0
    printed = json.loads(done.stdout)
    assert "d" not in printed["jwk"]
    assert is_proven(printed["jwk"], OF_PROVIDER[1], printed["proof"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_bytes()
    done = run(None, "keys", "k2", "--file", str(file), *OF_PROVIDER)
    assert (done.exit_code, file.read_bytes()) == (2, kept)
    assert "no key was made" in done.stderr


def test_evidence_is_filed_with_the_reason_why_it_is_confidential_listed_and_read_into_a_new_file(
    run: Any, tmp_path: Path
) -> None:
    piece = {
        "sha256": "0" * 64, "size": 1, "media_type": "text/plain", "confidential": "It names who complained.",
        "added_at": "2026-11-26T04:00:00Z",
    }  # fmt: skip
    file, new = tmp_path / "complaint.txt", tmp_path / "new"
    file.write_bytes(b"x")
    wire = Wire(httpx.Response(201, json=piece))
    why = ("--confidential", piece["confidential"])
    assert run(wire, "cases", "evidence", "c", str(file), *why, "--as", "a").exit_code == 0
    assert wire.sent[0].url.params["confidential"] == piece["confidential"]
    wire = Wire(httpx.Response(200, json={"decision_id": RECORD["id"], "evidence": [piece]}))
    assert "It names who complained." in run(wire, "decisions", "evidence", "d", "--as", "a").stdout
    wire = Wire(*[httpx.Response(200, content=b"x")] * 2)
    reading = ("decisions", "read-evidence", piece["sha256"], str(new), "--as", "a")
    assert run(wire, *reading).exit_code == 0
    assert new.read_bytes() == b"x"
    new.write_bytes(b"mine")
    one_line(run(wire, *reading), Exit.USAGE, "cannot be written: File exists")
    assert new.read_bytes() == b"mine"


# --- files and addresses ---------------------------------------------------------------------------------------------

OF_PROVIDER = ("--provider-id", "01940000-0000-7000-8000-000000000005")
BAD = {
    "gbk": ('{"name": "某某公司"}'.encode("gbk"), "GB18030"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0", "binary"),
    "utf-16": ("某某公司".encode("utf-16"), "UTF-16"),
}
JSON_READERS = (
    ("registrations", "submit"), ("sites", "change", "s", "--version", "1"), ("decisions", "draft", "c"),
    ("providers", "add-key", "p"),
)  # fmt: skip
READERS = (
    *JSON_READERS,
    ("cases", "evidence", "c"),
    ("bulk", "--purpose", "a test"),
    ("registrations", "import"),
    ("demo", "--file"),
)


def one_line(done: Result, code: Exit, said: str) -> None:
    """Nothing but one clear line on standard error."""
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("registrations", "get"), "usage", "No such command 'get'"),
        (("registrations", "show"), "usage", "Missing argument"),
        (("registrations", "list", "--statsu", "x"), "usage", "--statsu"),
        (("orders", "list", "--status", "nope"), "usage", "for '--status': 'nope' is not one of"),
        (("registrations", "submit", "no-such-file.json", "--as", "a"), "bad_argument", "no-such-file.json"),
        (("inbox", "--json-please"), "usage", "--json-please"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_program_that_is_wrong_gets_that_as_json(run: Any, command: tuple[str, ...], code: str, said: str) -> None:
    wire = Wire()
    done = run(wire, *command, "--json")
    assert (done.exit_code, done.stdout, wire.sent) == (Exit.USAGE, "", []), done.output
    told = json.loads(done.stderr)
    assert (told["code"], said in told["detail"]) == (code, True), told
    plain = run(wire, *command)
    assert plain.exit_code == Exit.USAGE
    assert said in plain.stderr
    assert not plain.stderr.startswith("{")


@pytest.mark.parametrize("command", JSON_READERS, ids=" ".join)
@pytest.mark.parametrize("kind", BAD)
def test_a_file_in_another_encoding_is_told_and_nothing_is_sent(
    run: Any, tmp_path: Path, command: tuple[str, ...], kind: str
) -> None:
    content, said = BAD[kind]
    (tmp_path / "body.json").write_bytes(content)
    wire = Wire()
    one_line(run(wire, *command, str(tmp_path / "body.json"), "--as", "a"), Exit.USAGE, said)
    one_line(run(wire, *command, "-", "--as", "a", stdin=content), Exit.USAGE, "standard input is")
    assert wire.sent == []


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize(("name", "said"), [("none", "No such file"), (".", "directory")])
def test_a_file_that_is_none_is_told_and_nothing_is_sent(
    run: Any, tmp_path: Path, command: tuple[str, ...], name: str, said: str
) -> None:
    wire = Wire()
    who = () if command[0] == "demo" else ("--as", "a")
    one_line(run(wire, *command, str(tmp_path / name), *who), Exit.USAGE, said)
    assert wire.sent == []


@pytest.mark.parametrize(("content", "said"), [*BAD.values(), (b"\n \n", "holds no names")])
def test_a_list_of_names_that_cannot_be_read_starts_no_demonstration(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path / "home"))
    (tmp_path / "names.txt").write_bytes(content)
    one_line(run(None, "demo", "--file", str(tmp_path / "names.txt")), Exit.USAGE, said)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", JSON_READERS, ids=" ".join)
def test_a_member_that_no_body_has_is_refused_by_name(run: Any, command: tuple[str, ...]) -> None:
    wire = Wire(httpx.Response(422, json={"code": "invalid"}))
    done = run(wire, *command, "-", "--as", "a", stdin="\ufeff" + json.dumps({"self": "x"}))
    one_line(done, Exit.USAGE, "self: Extra inputs are not permitted")
    assert wire.sent == []


IN_PATHS = (
    ("registrations", "show"), ("amendments", "consent"), ("approvals", "show"), ("cases", "show"),
    ("decisions", "show"), ("decisions", "evidence"), ("appeals", "show"), ("executions", "show"), ("orders", "show"),
    ("organisations", "show"), ("inbox", "open", "registry"), ("register",), ("appeals", "papers"),
    ("hearings", "show"), ("regulator-requests", "show"), ("referrals", "show"), ("referrals", "document"),
    ("organisations", "show"), ("inbox", "open", "registry"), ("register",), ("names", "show"), ("names", "end"),
    ("organisations", "versions"), ("organisations", "confirm"), ("orders", "observed"),
)  # fmt: skip


@pytest.mark.parametrize("command", IN_PATHS, ids=" ".join)
@pytest.mark.parametrize("argument", ["?status=active", "#", "a b", "%2e%2e", "京ICP备1号", "a&b=c;d"])
def test_an_argument_stays_one_part_of_the_path(run: Any, command: tuple[str, ...], argument: str) -> None:
    wire = Wire(httpx.Response(404, json={"code": "unknown"}))
    assert run(wire, *command, argument).exit_code == Exit.REFUSED
    raw = wire.sent[0].url.raw_path.decode()
    assert "?" not in raw
    assert argument in [unquote(part) for part in raw.split("/")]


@pytest.mark.parametrize("command", IN_PATHS, ids=" ".join)
@pytest.mark.parametrize("argument", ["", " ", ".", "..", "a/b", "../operators", "a\\b", "a\nb", "\udcff"])
def test_an_argument_that_leads_elsewhere_is_not_sent(run: Any, command: tuple[str, ...], argument: str) -> None:
    wire = Wire()
    done = run(wire, *command, argument)
    assert (done.exit_code, wire.sent) == (Exit.USAGE, [])
    assert done.stderr.count("\n") == 1


def test_text_that_is_no_unicode_is_not_sent(run: Any) -> None:
    wire = Wire()
    one_line(run(wire, "amendments", "withdraw", "r", "--reasons", "\udcff" * 10), Exit.USAGE, "reasons")
    assert wire.sent == []


@pytest.mark.parametrize("kid", ["", "k" * 101, "a b", "a/b", "钥匙"])
def test_an_id_no_key_can_have_is_refused_before_a_key_is_made(run: Any, tmp_path: Path, kid: str) -> None:
    one_line(run(None, "keys", kid, "--file", str(tmp_path / "key.json"), *OF_PROVIDER), Exit.USAGE, "id of a key")
    assert not (tmp_path / "key.json").exists()


def test_a_private_key_never_leaves(run: Any, tmp_path: Path) -> None:
    run(None, "keys", "k1", "--file", str(tmp_path / "key.json"), *OF_PROVIDER)
    wire = Wire()
    one_line(run(wire, "providers", "add-key", "p", str(tmp_path / "key.json")), Exit.USAGE, "private key")
    assert wire.sent == []


# --- what it exits with, and what to do then -------------------------------------------------------------------------


def test_the_help_says_what_every_exit_code_means_and_each_means_one_thing(run: Any) -> None:
    told = run(None, "--help").stdout
    assert all(f"{code.value:>3}  {code.meaning}" in told for code in Exit)
    assert len({code.value for code in Exit}) == len({code.meaning for code in Exit}) == len(Exit)
    assert all(code.meaning in CliRunner().invoke(agent, ["--help"]).stdout for code in Exit)


@pytest.mark.parametrize(
    ("left", "said"), [("{", "not JSON"), ("{}", "no pid"), ('{"pid": -1}', "no pid"), ("gone", "has ended")]
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_stack_json_that_is_damaged_or_stale_is_not_believed(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str, said: str, form: list[str]
) -> None:
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path))
    if left == "gone":
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        left = json.dumps({"pid": gone.pid, "services": {"query": "http://127.0.0.1:9"}, "issuer": "http://127.0.0.1"})
    (tmp_path / "stack.json").write_text(left)
    done = run(None, "status", *form)
    one_line(done, Exit.NO_STACK, said)
    assert "make run" in done.stderr
    if form:
        assert json.loads(done.stderr)["code"] == "no_stack"


def test_who_is_not_signed_in_is_told_of_as(run: Any) -> None:
    no = {"code": "token_missing", "detail": "No token."}
    done = run(Wire(httpx.Response(401, json=no)), "registrations", "list")
    assert "--as NAME" in done.stderr
    done = run(Wire(httpx.Response(401, json=no)), "registrations", "list", "--json")
    assert "--as NAME" in json.loads(done.stderr)["hint"]
    done = run(Wire(httpx.Response(403, json={"code": "role_missing"})), "registrations", "list", "--as", "clerk")
    assert "you are clerk; --as NAME" in done.stderr


def test_the_program_of_a_provider_signs_in_with_a_file(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "client.json"
    file.write_text(json.dumps({"client_id": "provider-7", "client_secret": "s3cret"}))
    wire = Wire(httpx.Response(200, json={"items": [], "next": None}))
    assert run(wire, "checks", "list", "--as", f"@{file}").exit_code == Exit.DONE
    assert wire.asked_with == {
        "grant_type": "client_credentials", "client_id": "provider-7", "client_secret": "s3cret",
    }  # fmt: skip
    file.write_text('{"client_id": "provider-7"}')
    one_line(run(Wire(), "checks", "list", "--as", f"@{file}"), Exit.USAGE, "client_secret")
    one_line(run(Wire(), "checks", "list", "--as", "@nowhere.json"), Exit.USAGE, "cannot be read")


def test_a_batch_of_which_nothing_went_in_exits_5(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "batch.json"
    file.write_text('{"records": [{}, {}]}')
    refused = {"index": 0, "status": "refused", "code": "invalid", "message": "Some values cannot be right."}
    taken = {"index": 1, "status": "submitted", "registration_id": str(UUID(int=7))}

    def answers(*results: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, json={"submitted": 1, "unchanged": 0, "refused": 1, "results": list(results)})

    done = run(Wire(answers(refused, taken)), "registrations", "submit-many", str(file), "--as", "applicant")
    assert done.exit_code == Exit.DONE
    assert str(UUID(int=7)) in done.stdout
    done = run(Wire(answers(refused)), "registrations", "submit-many", str(file), "--as", "applicant", "--json")
    assert (done.exit_code, [each["code"] for each in json.loads(done.stdout)]) == (Exit.FAILED, ["invalid"])


def test_an_application_is_forwarded_to_a_province_or_to_the_national_regulator(run: Any) -> None:
    said = ("--basis", "P3.1.5", "--reasons", "The operator has its seat there.", "--as", "regulator-a")
    for region, level in (("310000", "province"), (None, "national")):
        wire = Wire(httpx.Response(403, json={"code": "out_of_scope"}))
        run(wire, "registrations", "forward", str(UUID(int=7)), *said, *(("--region", region) if region else ()))
        sent = json.loads(wire.sent[0].content)
        assert (sent["level"], sent.get("region")) == (level, region)
        assert sent["statement"]["reasons"] == said[3]


def test_when_nobody_answers_it_names_make_run(run: Any) -> None:
    done = run(Wire(*[httpx.ConnectError("refused")] * 50), "registrations", "show", "r")
    assert "make run" in done.stderr


@pytest.mark.parametrize(
    ("command", "filter_"),
    [
        (("registrations", "list"), ("--status", "Active")), (("registrations", "list"), ("--number", "icp")),
        (("executions", "list"), ("--status", "open")), (("amendments", "list"), ("--status", "draft")),
        (("approvals", "list"), ("--status", "grant")), (("cases", "list"), ("--status", "closd")),
        (("appeals", "list"), ("--status", "filed")), (("organisations", "list"), ("--status", "gone")),
        (("orders", "list"), ("--status", "done")), (("orders", "list"), ("--provider-id", "mine")),
        (("registrations", "list"), ("--statsu", "active")), (("bulk", "f"), ("--format", "xlsx")),
    ],
)  # fmt: skip
def test_a_misspelt_filter_is_refused(run: Any, command: tuple[str, ...], filter_: tuple[str, ...]) -> None:
    wire = Wire()
    done = run(wire, *command, *filter_, "--as", "a")
    assert (done.exit_code, wire.sent) == (Exit.USAGE, [])
    assert filter_[0] in done.stderr


@pytest.mark.parametrize(
    ("filter_", "service"),
    [
        (departments.registry.RegistrationStatus, registry.lifecycle.Status),
        (departments.registry.AmendmentStatus, registry.lifecycle.AmendmentStatus),
        (departments.registry.ExecutionStatus, registry.lifecycle.ExecutionStatus),
        (departments.casefile.CaseStatus, enforcement.lifecycle.CaseStatus),
        (departments.casefile.TaskStatus, enforcement.lifecycle.TaskStatus),
        (departments.casefile.OpinionStatus, enforcement.lifecycle.OpinionStatus),
        (departments.casefile.Part, Part),
        (departments.enforcement.AppealStatus, enforcement.lifecycle.AppealStatus),
        (departments.redress.RequestStatus, enforcement.lifecycle.RequestStatus),
        (departments.redress.ReferralStatus, enforcement.lifecycle.ReferralStatus),
        (departments.coordination.OrganisationStatus, coordination.lifecycle.Status),
    ],
)
def test_a_list_can_be_asked_for_every_status_there_is(filter_: Any, service: type[StrEnum]) -> None:
    assert set(get_args(filter_)) == {status.value for status in service}


def _leaves(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _leaves(inner, *path, name)
    if not hasattr(command, "commands"):
        yield " ".join(path), command


def test_every_command_that_prints_a_record_can_print_json_and_says_what_it_does() -> None:
    found = dict(_leaves(get_command(app)))
    without = {name for name, each in found.items() if "--json" not in {o for p in each.params for o in p.opts}}
    assert without == {"keys", "bulk", "conformance"}  # they print JSON, a JWS, or what --format says
    for name, each in found.items():
        assert each.help, name
        assert all(getattr(p, "help", "") for p in each.params if p.name != "help"), name


# --- what strangers wrote --------------------------------------------------------------------------------------------

NASTY = "[/] [red]x[/red] :smile: \x1b[31m \u202egnp.exe \u2066 \x07 \x9b \u200b \U000e0041 \ud800"


def test_names_of_strangers_are_shown_as_they_are_and_obeyed_by_nothing(run: Any) -> None:
    item = RECORD | {"operator_name": NASTY}
    raw = json.dumps({"items": [item], "next": None}).encode()
    done = run(Wire(httpx.Response(200, content=raw)), "registrations", "list", "--as", "a")
    assert done.exit_code == 0, done.exception
    for shown in ("[/]", "[red]x[/red]", ":smile:", r"\x1b[31m", r"\u202e", r"\U000e0041", r"\ud800"):
        assert shown in done.stdout
    done = run(Wire(httpx.Response(200, content=json.dumps(item).encode())), "registrations", "show", "r")
    assert r"\u202egnp.exe" in done.stdout
    problem = json.dumps({"code": "x", "detail": NASTY, "fields": [{"field": NASTY, "message": NASTY}]}).encode()
    told = run(Wire(httpx.Response(409, content=problem)), "registrations", "show", "r").stderr
    assert told.count(r"\x9b") == 3
    for text in (done.stdout, told):
        assert not set(text) & set("\x1b\x07\x9b\u202e\u2066\u200b\U000e0041\ud800")


def test_json_for_programs_has_nothing_a_terminal_obeys_and_says_the_same(run: Any) -> None:
    raw = json.dumps(RECORD | {"operator_name": NASTY + "茶馆"}).encode()
    done = run(Wire(httpx.Response(200, content=raw)), "registrations", "show", "r", "--json")
    assert json.loads(done.stdout)["operator_name"] == NASTY + "茶馆"
    assert "茶馆" in done.stdout
    assert all(sign.isprintable() or sign == "\n" for sign in done.stdout)


def test_no_cell_of_a_csv_answer_is_run_by_a_spreadsheet(run: Any, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a.example\n")
    rows = [
        ["key", "name"], ["a", "=1+1"], ["＝1", "＋1"], ["－1", "＠x"], ["@x", "-1"], ["\tx", "+1"],
        ["plain", "a,=b"], ['"quoted"', "two\r\n=lines"], ["'=done", ""], ["last", "＝"],
    ]  # fmt: skip
    source = io.StringIO()
    csv.writer(source).writerows(rows)
    content = source.getvalue().encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 3):
            yield content[start : start + 3]

    wire = Wire(httpx.Response(200, content=pieces()))
    done = run(wire, "bulk", str(tmp_path / "keys"), "--format", "csv", "--as", "a", "--purpose", "a test")
    assert done.exit_code == 0, done.output
    found = list(csv.reader(io.StringIO(done.stdout_bytes.decode(), newline="")))
    assert found == [[f"'{cell}" if cell[:1] and cell[0] in "=+-@＝＋－＠\t" else cell for cell in row] for row in rows]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("icp.example", "domain"), ("my-icp-site.example.com", "domain"), ("茶馆.example", "domain"),
        ("京ICP备10046444号", "number"), ("京icp备10046444号-1", "number"), ("京ＩＣＰ备10046444号", "number"),
        ("198.18.0.1", "ip"), ("2001:db8::1", "ip"), ("EXAMPLE.com.", "domain"),
    ],
)  # fmt: skip
def test_a_key_is_looked_up_as_what_the_rules_say_it_is(run: Any, key: str, kind: str) -> None:
    wire = Wire(httpx.Response(200, json={"found": False, "key": key, "as_of": None, "lag_ms": None}))
    assert run(wire, "lookup", key).exit_code == 0
    assert dict(wire.sent[0].url.params) == {kind: key}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("pharmacy.example:8080", "has a port"), ("198.18.0.1:80", "has a port"), ("[2001:db8::1]:80", "has a port"),
        ("https://pharmacy.example/x", "web address"), ("京ICP备1号", "8 digits"), ("1.2.3", "IP address"),
        ("10.0.0.0.1", "IP address"), ("2001:db8::zz", "IP address"), ("", "is not"), ("icp", "only one label"),
    ],
)  # fmt: skip
def test_a_key_that_is_nothing_is_told_and_not_asked_for(run: Any, key: str, said: str) -> None:
    wire = Wire()
    one_line(run(wire, "lookup", key), Exit.USAGE, said)
    assert wire.sent == []


def test_an_order_in_a_file_is_believed_only_with_a_key_of_its_issuer(run: Any, tmp_path: Path) -> None:
    signer = Signer(generate_key("orders-1"))
    (tmp_path / "order.jws").write_text(signer.sign(canonical(Order.EXAMPLE), ORDER_TYPE) + "\n")
    verify = ("orders", "verify", str(tmp_path / "order.jws"), "--as", "a", "--json")
    for owner, believed in ((Order.EXAMPLE["issuer"]["id"], True), ("industry-310000", False)):
        keys = {"keys": [{**signer.public, "organisation": owner}]}
        done = run(Wire(httpx.Response(200, json=keys)), *verify)
        if believed:
            assert json.loads(done.stdout)["order_id"] == Order.EXAMPLE["order_id"]
        else:
            one_line(done, Exit.USAGE, "industry-310000")
