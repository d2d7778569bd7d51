"""A local stack whose clock is put forward: to learn, rehearse and try by hand what takes weeks in an office.

``python -m local_stack.ahead FILE MODULE ARGUMENTS`` does what ``python -m MODULE ARGUMENTS`` does, in a process whose
time is as far ahead as FILE says; without the file, at the machine's time. Only the local stack starts its processes
so: no service has a setting, a command or a route that moves its clock (docs/adr/0014).
"""

import os
import re
import runpy
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from local_stack.errors import BadSetting
from shared.runtime.base.clock import SystemClock

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
OPENS: Final = time(9)
"""Somebody who names a day means its working hours."""
MOST: Final = timedelta(days=20 * 366)
_BY: Final = re.compile(r"([0-9]{1,6})([dhm])")
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes"}


def read(file: Path) -> timedelta:
    """How far ahead; nothing without the file."""
    return timedelta(seconds=float(file.read_text())) if file.exists() else timedelta()


def write(file: Path, ahead: timedelta) -> None:
    """Keep it, all of it or nothing."""
    fresh = file.with_suffix(".new")
    fresh.write_text(str(ahead.total_seconds()))
    os.replace(fresh, file)


def further(asked: str, ahead: timedelta, machine: datetime) -> timedelta:
    """How far ahead it is after ``16d``, ``5h`` or ``30m`` more, or on a day to come, at 9 in Shanghai.

    Raises BadSetting for anything else: what a service has written has a time, so no clock goes back.
    """
    if by := _BY.fullmatch(asked):
        wanted = ahead + timedelta(**{_UNITS[by[2]]: int(by[1])})
    else:
        try:
            day = date.fromisoformat(asked)
        except ValueError:
            msg = f"{asked}: how far is 16d, 5h or 30m, or a day as 2027-03-01"
            raise BadSetting(msg) from None
        wanted = datetime.combine(day, OPENS, SHANGHAI) - machine
    if not ahead < wanted <= MOST:
        shown = f"{(machine + ahead).astimezone(SHANGHAI):%Y-%m-%d %H:%M} in Shanghai"
        msg = (
            f"{asked}: the clock goes forward only, {MOST.days} days at most, and shows {shown};"
            " `python -m local_stack reset` begins anew"
        )
        raise BadSetting(msg)
    return wanted


def put_forward(ahead: timedelta) -> None:
    """Let the time of this process be ahead of the machine's, and take the database's to be so too."""
    import time_machine  # noqa: PLC0415 - only where the clock was put forward

    time_machine.travel(datetime.now(UTC) + ahead, tick=True).start()
    datetime.now(UTC)  # it ticks from the first time that it is asked, which may be seconds from now

    def of_database(_self: SystemClock, told: datetime) -> datetime:
        return told + ahead

    SystemClock.of_database = of_database  # type: ignore[assignment,method-assign]


def main() -> None:
    """Run the module that the arguments name."""
    file, module, *arguments = sys.argv[1:]
    if ahead := read(Path(file)):
        put_forward(ahead)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
