"""A writer killed at any instruction leaves the file at exactly one point of the stream, and resumes there."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from query.readmodel import ingest
from query.readmodel.layout import Place
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from shared.runtime.base.clock import SystemClock
from shared.runtime.events.kafka import KafkaSettings
from tests.unit.query.build import dump
from tests.unit.query.crash_child import SITES, stream

ROOT = Path(__file__).parents[3]


def kill_after(path: Path, seconds: float) -> int:
    """Let the writer run, kill it; the last batch it said it had finished."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.query.crash_child", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    said = [int(child.stdout.readline())]
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    said += [int(line) for line in child.stdout]
    child.wait()
    return said[-1]


def test_a_killed_writer_leaves_one_point_of_the_stream(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(4):
        said = kill_after(tmp_path / "lookup", chance.uniform(0.05, 0.3))
        model = ReadModel.open(tmp_path / "lookup", map_size=1 << 26)
        (offset,) = model.offsets().values()
        assert said <= offset <= said + 1
        with model.reading() as txn:
            versions = {model.entry(txn, key).site.version for key, _ in txn.cursor(model.db["sites"])}  # type: ignore[union-attr]
        assert versions == {offset}
        assert model.count("domains") == 2 * SITES
        model.close()


def test_after_the_crash_the_file_is_the_one_that_was_never_killed(tmp_path: Path) -> None:
    kill_after(tmp_path / "killed", 0.1)
    killed = ReadModel.open(tmp_path / "killed", map_size=1 << 26)
    reached = killed.offsets()[Place("registry-sites", 0)]
    Writer(killed).apply(stream(reached + 1))
    whole = ReadModel.open(tmp_path / "whole", map_size=1 << 26)
    Writer(whole).prepare()
    for number in range(1, reached + 2):
        Writer(whole).apply(stream(number))
    assert dump(killed) == dump(whole)
    killed.close()
    whole.close()


@contextmanager
def reader(path: Path) -> Iterator[int]:
    """A process that reads, and is killed while it does; its id."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.query.reading_child", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "reading\n"
    try:
        yield child.pid
    finally:
        child.kill()
        child.wait()


def readers_of(model: ReadModel) -> set[int]:
    return {int(line.split()[0]) for line in model.env.readers().splitlines() if line.split()[0].isdigit()}


def test_what_a_killed_process_was_reading_is_let_go_of_when_the_file_is_opened(tmp_path: Path) -> None:
    with reader(tmp_path) as alive:  # the last one that closes the file leaves nothing behind anyhow
        with reader(tmp_path) as killed:
            pass
        model = ReadModel.open(tmp_path, map_size=1 << 26)
        assert alive in readers_of(model)
        assert killed not in readers_of(model)
        model.close()


async def test_what_a_killed_process_was_reading_is_let_go_of_while_the_file_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "READERS_S", 0.1)
    model = ReadModel.open(tmp_path, map_size=1 << 26)
    with reader(tmp_path) as killed:
        pass
    assert killed in readers_of(model), "LMDB itself keeps it"
    working = asyncio.create_task(ingest.Ingest(model, KafkaSettings("127.0.0.1:1"), SystemClock()).run())
    async with asyncio.timeout(10):
        while killed in readers_of(model):  # noqa: ASYNC110 -- the file cannot wake us
            await asyncio.sleep(0.05)
    working.cancel()
    await asyncio.wait([working])
    model.close()
