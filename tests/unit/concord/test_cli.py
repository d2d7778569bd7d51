"""The command line: what it prints, and what it exits with when it is refused, alone or misused."""

import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from concord.cli import output
from concord.cli.main import app
from concord.exits import Exit
from tests.unit.concord.test_sdk import Wire

REFUSAL = {
    "code": "second_person_required", "detail": "Somebody else must confirm [what you drafted].", "trace_id": "abc",
    "allowed_actions": ["withdraw"], "fields": [{"field": "reasons", "message": "10 characters or more"}],
}  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def invoke(wire: Wire | None, *arguments: str, stdin: str | None = None) -> Result:
        if wire is not None:
            given = wire
            connect = SimpleNamespace(connect=lambda person=None: given.client(person=person, patience_s=0.05))
            monkeypatch.setattr(output, "Concord", connect)
        return CliRunner().invoke(app, arguments, input=stdin)

    return invoke


def test_a_refusal_names_the_reason_the_field_and_the_way_out(run: Any) -> None:
    done = run(Wire(httpx.Response(409, json=REFUSAL)), "registrations", "confirm", "r", "--as", "regulator-a")
    assert done.exit_code == Exit.REFUSED
    for part in ("second_person_required", "[what you drafted]", "reasons: 10 characters", "withdraw", "trace abc"):
        assert part in done.stderr
    assert done.stdout == ""


def test_programs_get_the_problem_as_json(run: Any) -> None:
    done = run(Wire(httpx.Response(409, json=REFUSAL)), "registrations", "confirm", "r", "--as", "a", "--json")
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


def test_a_list_is_a_table_and_a_long_one_says_that_it_is_cut(run: Any) -> None:
    items = [{"id": f"r{n}", "status": "active", "operator": {"name": "某公司"}} for n in range(output.MOST + 1)]
    wire = Wire(httpx.Response(200, json={"items": items[:2], "next": None}))
    done = run(wire, "registrations", "list", "--as", "a")
    assert "operator.name" in done.stdout
    assert "某公司" in done.stdout
    assert done.stderr == ""
    wire = Wire(httpx.Response(200, json={"items": items, "next": None}))
    done = run(wire, "registrations", "list", "--as", "a", "--json")
    assert len(json.loads(done.stdout)) == output.MOST
    assert "there are more" in done.stderr
    done = run(Wire(httpx.Response(200, json={"items": [], "next": None})), "registrations", "list", "--as", "a")
    assert done.stdout == "none\n"


def test_a_body_comes_from_a_file_or_standard_input(run: Any, tmp_path: Path) -> None:
    body = {"operator_id": "o", "kind": "filing", "sites": []}
    wire = Wire(*[httpx.Response(201, json={"id": "r"})] * 2)
    (tmp_path / "body.json").write_text(json.dumps(body))
    assert run(wire, "registrations", "submit", str(tmp_path / "body.json"), "--as", "a").exit_code == 0
    assert run(wire, "registrations", "submit", "-", "--as", "a", stdin=json.dumps(body)).exit_code == 0
    assert [json.loads(request.content) for request in wire.sent] == [body, body]


@pytest.mark.parametrize("text", ["{not json", "[]"])
def test_a_body_that_is_no_object_is_a_wrong_argument(run: Any, text: str) -> None:
    wire = Wire()
    done = run(wire, "cases", "draft", "c", "-", "--as", "a", stdin=text)
    assert (done.exit_code, wire.sent) == (2, [])
    assert "JSON" in done.stderr


def test_a_measure_cannot_leave_without_basis_reasons_and_redress(run: Any) -> None:
    wire = Wire()
    done = run(wire, "registrations", "revoke", "r", "--as", "a", "--reasons", "because it was decided so")
    assert (done.exit_code, wire.sent) == (2, [])
    assert "--basis" in done.stderr


def test_a_private_key_is_for_its_owner_alone_and_none_is_overwritten(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    done = run(None, "keys", "k1", "--file", str(file))
    assert done.exit_code == 0
    assert "d" not in json.loads(done.stdout)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_bytes()
    done = run(None, "keys", "k2", "--file", str(file))
    assert (done.exit_code, file.read_bytes()) == (2, kept)
    assert "no key was made" in done.stderr
