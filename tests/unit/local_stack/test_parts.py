"""Choices, ports, logs, and what Apache Kafka needs."""

import io
import itertools
import os
import socket
from pathlib import Path

import pytest

from concord.sdk.places import is_running
from local_stack.errors import StackError, StartFailed
from local_stack.kafka import ensure_jars, find_java, new_cluster_id
from local_stack.logs import Console
from local_stack.ports import free_port, is_free, wait_until_listening
from local_stack.servers import data_folder, file_store
from local_stack.settings import StackSettings
from local_stack.tansu import Tansu


def test_the_usual_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = StackSettings.read({})
    assert (settings.root, settings.broker, settings.database_url) == (tmp_path / ".concord", "tansu", None)


def test_a_broker_of_ones_own_goes_before_a_kind() -> None:
    settings = StackSettings.read({"BROKER": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "k:9092", "CONCORD_HOME": "/srv/c"})
    assert (settings.broker, settings.kafka_bootstrap, settings.root) == ("own", "k:9092", Path("/srv/c"))


def test_an_unknown_broker_is_refused() -> None:
    with pytest.raises(StackError, match="known are tansu and kafka"):
        StackSettings.read({"BROKER": "rabbit"})


def test_a_port_that_is_taken_gives_way_to_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert wait_until_listening(port, 1)
        other = free_port(port)
    assert other != port
    assert is_free(other)
    assert free_port(other) == other


def test_no_port_is_given_to_two_servers_that_have_not_started_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_port()
    drawn = itertools.chain([first, first], itertools.count(first + 1))
    monkeypatch.setattr("local_stack.ports.random.randint", lambda *_: next(drawn))
    assert free_port() != first


def test_waiting_for_a_server_that_has_ended_is_given_up_at_once() -> None:
    assert not wait_until_listening(free_port(), 30, alive=lambda: False)


def test_a_server_that_ends_at_once_is_tried_again_and_then_told_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tansu"
    program.write_text("#!/bin/sh\necho 'not on this machine'; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr("local_stack.tansu._binary", lambda: program)
    server = Tansu(tmp_path)
    with pytest.raises(StartFailed, match=rf"did not start on port \d+; the end of {server.log}:\nnot on this machine"):
        server.start()
    assert server.log.read_text() == "not on this machine\n" * 3
    assert (server.pid, server.is_alive()) == (None, False)
    server.stop()
    server.kill()


def test_a_server_that_does_not_come_up_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tansu"
    program.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr("local_stack.tansu._binary", lambda: program)
    monkeypatch.setattr("local_stack.tansu._START_SECONDS", 0.3)
    with pytest.raises(StartFailed, match="did not start on port"):
        Tansu(tmp_path).start()
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    assert not [pid for pid in pids if is_running(pid)]


def test_lines_are_shown_whole_with_their_writer(tmp_path: Path) -> None:
    screen = io.StringIO()
    console = Console(screen, tmp_path / "stack.log")
    log = tmp_path / "registry.log"
    log.write_text("before\n")
    console.follow("registry", log)
    with log.open("a") as file:
        file.write("first\nsec")
        file.flush()
        console.flush()
        file.write("ond\n")
    console.flush()
    log.write_text("new\n")  # rotated
    console.flush()
    assert [line.split("| ")[1] for line in screen.getvalue().splitlines()] == ["first", "second", "new"]


def test_without_java_the_refusal_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartFailed, match="needs Java 17 or newer"):
        find_java()


def test_an_old_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(StartFailed, match="is 11"):
        find_java()


def test_without_maven_the_refusal_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pom = tmp_path / "pom.xml"
    pom.write_text("<project/>")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartFailed, match="no `mvn` in PATH"):
        ensure_jars(pom)


def test_what_maven_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pom, maven = tmp_path / "pom.xml", tmp_path / "mvn"
    pom.write_text("<project/>")
    maven.write_text("#!/bin/sh\necho 'no such artifact'; exit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(StartFailed, match="no such artifact"):
        ensure_jars(pom)
    assert not (tmp_path / "jars").exists()


def test_what_is_derived_from_databases_stays_with_their_server(tmp_path: Path) -> None:
    assert data_folder(tmp_path, None) == tmp_path
    one = data_folder(tmp_path, "postgresql://a:secret@db.test/postgres")
    assert one.parent == tmp_path
    assert one == data_folder(tmp_path, "postgresql://b:other@db.test:5432/x")
    assert one != data_folder(tmp_path, "postgresql://a:secret@db.test:5433/postgres")


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    ids = {new_cluster_id() for _ in range(2_000)}
    assert len(ids) == 2_000
    assert not [each for each in ids if each.startswith("-") or len(each) != 22]


def test_files_are_where_the_environment_says_or_with_this_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file_store(tmp_path, "evidence") == str(tmp_path / "evidence")
    monkeypatch.setenv("EVIDENCE_STORE", "s3://concord-evidence/a")
    assert file_store(tmp_path, "evidence") == "s3://concord-evidence/a"
    assert file_store(tmp_path, "files") == str(tmp_path / "files")
