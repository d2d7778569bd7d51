"""A profile is a file that somebody writes: no clock in it turns a safeguard off (docs/adr/0004)."""

import shutil
from pathlib import Path

import pytest

import shared.rules
from shared.rules import ProfileError, load

DATA = Path(shared.rules.__file__).parent
CHANGED = """base = "cn-2006"
id = "changed"
version = 1
title = "The same, with other clocks"
[clocks.{clock}]
amount = {amount}
unit = "{unit}"
"""


@pytest.mark.parametrize(
    ("clock", "amount", "unit", "why"),
    [
        ("appeal_decision", 100, "years", "a safeguard works by it"),  # late, the measure is suspended: never
        ("appeal_decision", 12, "months", "a safeguard works by it"),
        ("notice_deemed", 1, "seconds", "a safeguard works by it"),  # told, as soon as it is written
        ("notice_deemed", 23, "hours", "a safeguard works by it"),
        ("urgent_notice", 1, "years", "a safeguard works by it"),  # cut off now, told next year
        (
            "instruct_supervisor",
            31,
            "days",
            "a safeguard works by it",
        ),  # the supervisor keeps silent, nobody hears of it
        ("time_to_appeal", 1, "days", "nobody can appeal in time"),
    ],
)
def test_no_clock_of_a_profile_turns_a_safeguard_off(
    tmp_path: Path, clock: str, amount: int, unit: str, why: str
) -> None:
    shutil.copytree(DATA / "profiles", tmp_path / "profiles")
    for folder in ("calendars", "data"):
        if (DATA / folder).is_dir():
            shutil.copytree(DATA / folder, tmp_path / folder)
    file = tmp_path / "profiles" / "changed.toml"
    file.write_text(CHANGED.format(clock=clock, amount=amount, unit=unit), encoding="utf-8")
    with pytest.raises(ProfileError, match=why):
        load(str(file))
    file.write_text(CHANGED.format(clock=clock, amount=30 if clock != "urgent_notice" else 1, unit="days"), "utf-8")
    assert load(str(file)).clocks[clock].amount in {1, 30}
