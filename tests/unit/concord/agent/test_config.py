"""The agent's configuration: what is wrong is named, and nothing starts."""

import errno
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from concord.agent.config import BadConfig, Config
from concord.agent.journal import Journal, JournalInUse, NotOurs
from concord.agent.main import _metrics, app
from concord.exits import Exit
from tests.unit.concord.agent.conftest import make_config
from tests.unit.concord.agent.fake_access import FakeAccess
from tests.unit.concord.agent.test_killed import write_toml


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_toml(tmp_path / "agent.toml", make_config(tmp_path, FakeAccess(), "http://127.0.0.1:9"))
    return tmp_path / "agent.toml"


def test_a_file_that_was_written_can_be_read(file: Path) -> None:
    config = Config.read(file)
    assert (config.via, config.hook) == ("feed", "web")
    assert config.signer().kid == "provider-1"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('hok = "web"', "hok"),
        ('via = "kafka"', "kafka_bootstrap"),
        ('hook = "command"', "command"),
        ("web_port = 70000", "web_port"),
        ('provider_id = "me"', "provider_id"),
        ("not toml", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(file: Path, line: str, named: str) -> None:
    name = line.split(" ", maxsplit=1)[0]
    kept = [each for each in file.read_text().splitlines() if not each.startswith(f"{name} =")]
    file.write_text("\n".join([line, *kept]))
    with pytest.raises(BadConfig, match=named):
        Config.read(file)
    result = CliRunner().invoke(app, ["run", "--config", str(file)])
    assert result.exit_code == 2
    assert named in result.output


def test_a_key_file_that_holds_no_private_key_is_refused(file: Path) -> None:
    config = Config.read(file)
    for text in ("{}", "[]", "no json", '{"keys": []}'):
        config.key_file.write_text(text)
        with pytest.raises(BadConfig, match="key_file"):
            config.signer()
    config.key_file.unlink()
    with pytest.raises(BadConfig, match="cannot be read"):
        config.signer()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('name = "某某公司"'.encode("gbk"), "GB18030"),
        (b"\x89PNG\0", "binary"),
        (b"a = " + b"[" * 100_000, "not TOML"),
        (b'self = "x"', "self"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(file: Path, content: bytes, said: str) -> None:
    kept = file.read_bytes()
    file.write_bytes(content)
    for command in ("run", "status"):
        result = CliRunner().invoke(app, [command, "--config", str(file)])
        assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
    file.write_bytes(b"\xef\xbb\xbf" + kept)
    assert Config.read(file).signer()
    Config.read(file).key_file.write_bytes(b'{"keys":' + b"[" * 100_000)
    with pytest.raises(BadConfig, match="key_file"):
        Config.read(file).signer()


def test_an_address_that_is_taken_and_a_journal_that_is_none_end_in_one_line(file: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file.write_text(file.read_text().replace("web_port = 0", f"web_port = {port}"))
        result = CliRunner().invoke(app, ["run", "--config", str(file)])
    assert result.exit_code == Exit.IN_USE, result.output
    assert f"http://127.0.0.1:{port} cannot be listened on" in result.stderr
    (tmp_path / "state.sqlite").unlink()
    (tmp_path / "state.sqlite").mkdir()
    result = CliRunner().invoke(app, ["status", "--config", str(file)])
    assert result.exit_code == Exit.USAGE, result.output
    assert "state_file" in result.stderr
    assert result.stderr.count("\n") == 1


def _locked() -> sqlite3.Error:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def test_a_damaged_journal_is_for_people_who_are_told_the_way_out(file: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    assert CliRunner().invoke(app, ["status", "--config", str(file)]).exit_code == 0
    for suffix in ("-wal", "-shm"):
        state.with_name(state.name + suffix).unlink(missing_ok=True)
    whole = state.read_bytes()
    state.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    for verb in ("run", "status"):
        result = CliRunner().invoke(app, [verb, "--config", str(file)])
        assert result.exit_code == Exit.USAGE, result.output
        assert "malformed" in result.stderr
        assert "keep the file, and start with a new state_file" in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (_locked(), Exit.FAILED),
        (sqlite3.OperationalError("disk I/O error"), Exit.FAILED),
        (OSError(errno.ENOSPC, "No space left on device"), Exit.FAILED),
        (PermissionError(errno.EACCES, "Permission denied"), Exit.USAGE),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), Exit.USAGE),
        (JournalInUse("another agent"), Exit.IN_USE),
        (NotOurs("another provider's"), Exit.USAGE),
    ],
)
def test_a_journal_that_cannot_be_had_for_the_moment_ends_the_service_not_for_good(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: Exit
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("concord.agent.main.Journal", away)
    result = CliRunner().invoke(app, ["run", "--config", str(file)])
    assert result.exit_code == code, result.output
    assert result.stderr.count("\n") == 1


def test_a_journal_that_is_none_or_may_not_be_read_is_for_people(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"This is no database, however long it is. " * 100)
    assert CliRunner().invoke(app, ["status", "--config", str(file)]).exit_code == Exit.USAGE

    def shut(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr("concord.agent.main.Journal", shut)
    assert CliRunner().invoke(app, ["status", "--config", str(file)]).exit_code == Exit.FAILED
    monkeypatch.setattr("concord.agent.main._may_write", lambda _: False)
    assert CliRunner().invoke(app, ["status", "--config", str(file)]).exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("host", "error", "code"),
    [
        ("192.0.2.1", None, Exit.FAILED),  # an interface that is not up yet
        ("127.0.0.1", PermissionError(errno.EACCES, "Permission denied"), Exit.USAGE),
    ],
)
def test_an_address_that_this_machine_has_not_got_yet_ends_the_service_not_for_good(
    file: Path, monkeypatch: pytest.MonkeyPatch, host: str, error: OSError | None, code: Exit
) -> None:
    async def shut(*_: Any) -> None:
        assert error is not None
        raise error

    file.write_text(file.read_text().replace('web_host = "127.0.0.1"', f'web_host = "{host}"'))
    if error is not None:
        monkeypatch.setattr("concord.agent.listener.Listener.start", shut)
    result = CliRunner().invoke(app, ["run", "--config", str(file)])
    assert result.exit_code == code, result.output
    assert f"http://{host}:0 cannot be listened on" in result.stderr


async def test_without_its_port_for_metrics_the_agent_works(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = Config.read(file)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = config.model_copy(update={"metrics_port": taken.getsockname()[1]})
        journal = Journal(config.state_file, config.provider_id)
        async with _metrics(wanted, journal):
            assert "no metrics" in caplog.text
        journal.close()


def test_status_shows_the_journal(file: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--config", str(file)])
    assert result.exit_code == 0
    assert '"last_sequence": 0' in result.output
