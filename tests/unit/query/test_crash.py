"""A writer killed at any instruction leaves the file at exactly one point of the stream, and resumes there."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from query.readmodel.layout import Place
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
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
