"""The local stack's command line: what it believes, what it refuses, and with which exit code."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from concord.exits import Exit
from concord.sdk import ConcordError
from concord.sdk.departments import Coordination
from local_stack import __main__ as command_line
from local_stack.errors import BadSetting
from local_stack.provider import _remembered
from local_stack.settings import StackSettings
from shared.contracts.directory import OrganisationRecordedV1
from shared.contracts.http.coordination import OrganisationDetails
from tests.unit.concord.agent.fake_access import PROVIDER, FakeAccess


def typed(monkeypatch: pytest.MonkeyPatch, root: Path, *arguments: str, **env: str) -> int:
    for name, value in {"CONCORD_HOME": str(root), **env}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["local_stack", *arguments])
    return command_line.main()


def describe(root: Path, **changes: Any) -> None:
    stack = {"pid": os.getpid(), "services": {"access-control": "http://127.0.0.1:9"}, "issuer": "http://127.0.0.1:9"}
    (root / "stack.json").write_text(json.dumps(stack | changes))


def test_a_client_is_made_for_a_provider_that_exists_and_for_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeAccess().served() as url:
        describe(tmp_path, services={"access-control": url}, issuer=f"{url}/issuer")
        assert typed(monkeypatch, tmp_path, "client", str(uuid4())) == Exit.USAGE
        assert "no provider" in capsys.readouterr().err
        assert not (tmp_path / "issuer" / "clients.json").exists()
        assert typed(monkeypatch, tmp_path, "client", str(PROVIDER)) == Exit.DONE
        made = json.loads(capsys.readouterr().out)
        assert typed(monkeypatch, tmp_path, "client", str(PROVIDER)) == Exit.DONE
        assert json.loads(capsys.readouterr().out) == made
        kept = tmp_path / "mine.client"
        assert typed(monkeypatch, tmp_path, "client", str(PROVIDER), str(kept)) == Exit.DONE
        assert (json.loads(kept.read_text()), kept.stat().st_mode & 0o777) == (made, 0o600)
        assert capsys.readouterr().out == ""
        assert typed(monkeypatch, tmp_path, "client", str(PROVIDER), str(kept / "x")) == Exit.USAGE


@pytest.mark.parametrize(
    ("name", "organisation", "role", "said"),
    [
        ("police-a", "police-110000", "security_authority", None),
        ("police-a", "police-110000", "review_body", "may fill security_authority, not review_body"),
        ("police-a", "nobody-110000", "security_authority", "no organisation nobody-110000"),
        ("culture-a", "police-110000", "security_authority", "cannot be a name here"),
        ("Police A", "police-110000", "security_authority", "cannot be a name here"),
        ("police-a", "closed-110000", "security_authority", "closed-110000 is closed"),
        ("shop", "91110000MA0A1B2C2G", "operator", None),
        ("shop", "91110000MA0A1B2C2H", "operator", "has a wrong check digit"),
    ],
)
def test_somebody_signs_in_only_for_an_organisation_in_a_role_that_it_may_fill(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    name: str, organisation: str, role: str, said: str | None,
) -> None:  # fmt: skip
    police = {**OrganisationRecordedV1.EXAMPLE, "organisation_id": "police-110000", "kinds": ["security_authority"]}
    answer = OrganisationDetails(**police, changed_at=datetime.now(UTC), allowed_actions=[], contacts=None)

    async def get(_self: Coordination, organisation_id: str) -> OrganisationDetails:
        if organisation_id == "nobody-110000":
            raise ConcordError(404, {"code": "unknown_organisation"})
        return answer.model_copy(update={"status": "closed" if organisation_id == "closed-110000" else "active"})

    monkeypatch.setattr(Coordination, "get", get)
    describe(tmp_path)
    code = typed(monkeypatch, tmp_path, "person", name, organisation, role)
    assert code == (Exit.USAGE if said else Exit.DONE)
    assert (tmp_path / "issuer" / "people.json").exists() is (said is None)
    assert said is None or said in capsys.readouterr().err


def _ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (None, "is missing"),
        ("{", "is not JSON"),
        ("[]", "one JSON object"),
        ("{}", "no pid"),
        ('{"pid": 1, "services": []}', "no services"),
        ('{"pid": 1, "services": {}}', "no issuer"),
        ("ended", "has ended"),
        ("\0\0", "binary"),
    ],
)
@pytest.mark.parametrize("command", [("status",), ("client", str(uuid4())), ("person", "x-a", "x", "y")])
def test_a_stack_json_that_is_damaged_or_stale_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    left: str | None,
    said: str,
    command: tuple[str, ...],
) -> None:
    if left == "ended":
        describe(tmp_path, pid=_ended())
    elif left is not None:
        (tmp_path / "stack.json").write_text(left)
    assert typed(monkeypatch, tmp_path, *command) == Exit.NO_STACK
    told = capsys.readouterr().err
    assert said in told
    assert "make run" in told
    assert told.count("\n") == 1


def test_a_stack_whose_services_are_away_is_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    describe(tmp_path, kafka={"bootstrap": "127.0.0.1:9", "kind": "tansu"}, provider=None, ahead_s=0)
    assert typed(monkeypatch, tmp_path, "status") == Exit.FAILED


@pytest.mark.parametrize(
    "url",
    [
        "nonsense", "mysql://u:p@h/d", "postgresql://", "postgresql:///d", "postgresql://u:secret@h:x/d",
        "postgresql://u:secret@h:99999/d", "postgresql://u:secret@[::1/d",
    ],
)  # fmt: skip
def test_a_database_url_that_is_none_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert typed(monkeypatch, tmp_path, "run", DATABASE_URL=url) == Exit.USAGE
    told = capsys.readouterr().err
    assert "postgresql://USER" in told
    assert "secret" not in told
    assert told.count("\n") == 1


def test_a_database_url_that_is_one_is_taken_as_it_is() -> None:
    for url in ("postgresql://u:p%40@db.example:5433/postgres", "postgres://u@[::1]/d?sslmode=require"):
        assert StackSettings.read({"DATABASE_URL": url}).database_url == url
    with pytest.raises(BadSetting):
        StackSettings.read({"BROKER": "rabbit"})


def test_a_damaged_file_of_the_provider_is_named(tmp_path: Path) -> None:
    (tmp_path / "provider.json").write_text("{")
    with pytest.raises(Exception, match=r"provider\.json is damaged"):
        _remembered(tmp_path / "provider.json")


def test_the_help_names_every_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        typed(monkeypatch, Path("."), "--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(code.meaning in told for code in Exit)


def test_servers_of_ones_own_are_not_put_forward(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(tmp_path, ahead_file=None)
    assert typed(monkeypatch, tmp_path, "travel", "16d") == Exit.USAGE
    assert "unset DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS" in capsys.readouterr().err
    assert typed(monkeypatch, tmp_path / "none", "travel", "16d") == Exit.NO_STACK
