"""The clock of the local stack: how far it may be put forward, and that it never goes back."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local_stack.ahead import further, read, write
from local_stack.errors import BadSetting

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("asked", "ahead"),
    [
        ("16d", 56 * DAY),
        ("5h", 40 * DAY + timedelta(hours=5)),
        ("30m", 40 * DAY + timedelta(minutes=30)),
        ("2027-03-01", datetime(2027, 3, 1, 1, tzinfo=UTC) - NOW),  # nine o'clock in Shanghai
    ],
)
def test_a_duration_adds_and_a_day_is_a_day(asked: str, ahead: timedelta) -> None:
    assert further(asked, 40 * DAY, NOW) == ahead


@pytest.mark.parametrize("asked", ["0d", "-3d", "2027-01-01", "2026-11-01", "7300d", "999999d", "2050-01-01"])
def test_it_goes_forward_only_and_not_for_ever(asked: str) -> None:
    with pytest.raises(BadSetting, match=r"forward only|how far"):
        further(asked, 40 * DAY, NOW)


@pytest.mark.parametrize("asked", ["", "d", "1w", "1.5d", "tomorrow", "2027-02-30", "16d ", "١d"])
def test_what_is_neither_is_said_to_be_neither(asked: str) -> None:
    with pytest.raises(BadSetting, match="how far is 16d, 5h or 30m, or a day as 2027-03-01"):
        further(asked, timedelta(), NOW)


@pytest.mark.parametrize("days", [0, 40])
def test_a_module_runs_at_that_time_with_its_own_arguments(tmp_path: Path, days: int) -> None:
    file = tmp_path / "ahead"
    if days:
        write(file, timedelta(days=days))
    assert read(file) == timedelta(days=days)
    (tmp_path / "shown.py").write_text(
        "import sys, time\n"
        "from datetime import UTC, datetime\n"
        "from shared.runtime.base.clock import SystemClock\n"
        "told = datetime(2026, 1, 1, tzinfo=UTC)\n"
        "assert __name__ == '__main__' and sys.argv[1:] == ['serve', '--x']\n"
        "print(time.time(), SystemClock().now().timestamp(), (SystemClock().of_database(told) - told).days)\n"
    )
    before = datetime.now(UTC)
    done = subprocess.run(
        [sys.executable, "-m", "local_stack.ahead", str(file), "shown", "serve", "--x"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    by_time, by_clock, of_database = done.stdout.split()
    for told in (by_time, by_clock):
        assert (
            timedelta(days=days) <= datetime.fromtimestamp(float(told), UTC) - before < timedelta(days=days, minutes=5)
        )
    assert of_database == str(days)


def test_a_process_that_asks_late_for_the_time_is_not_behind(tmp_path: Path) -> None:
    write(tmp_path / "ahead", timedelta(days=40))
    (tmp_path / "late.py").write_text(
        "import time\n"
        "time.sleep(1)\n"
        "told = time.time()\n"
        "import time_machine\n"
        "print(time_machine.escape_hatch.time.time() + 40 * 86400 - told)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "local_stack.ahead", "ahead", "late"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert abs(float(done.stdout)) < 0.5
