"""Show on one screen what every process writes to its log file, each line with its writer's name in front."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final, TextIO

_POLL_S: Final = 0.15
_COLOURS: Final = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_TOO_LARGE: Final = 20 * 1024 * 1024


def rotate(log: Path) -> None:
    """Set aside a log that has grown large, keeping one older piece."""
    if log.exists() and log.stat().st_size > _TOO_LARGE:
        log.replace(log.with_suffix(".log.old"))


class Console:
    """Prefixes lines, in colour on a terminal (unless NO_COLOR is set), and follows log files."""

    def __init__(self, out: TextIO | None, log: Path) -> None:
        """`out` is the screen, or None for silence; `log` keeps what the stack itself says."""
        self._out = out
        self._log = log
        self._colour = bool(out and out.isatty() and "NO_COLOR" not in os.environ)
        self._names: dict[str, int] = {}
        self._files: dict[str, tuple[Path, int]] = {}
        log.parent.mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> None:
        """Something the stack itself has to say."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")
        for line in text.splitlines():
            self._print("stack", line, bold=True)

    def follow(self, name: str, log: Path) -> None:
        """Show what is written to this file from now on."""
        if name not in self._files:
            self._files[name] = (log, log.stat().st_size if log.exists() else 0)

    async def run(self) -> None:
        """Follow until cancelled."""
        if self._out is None:
            return
        while True:
            self.flush()
            await asyncio.sleep(_POLL_S)

    def flush(self) -> None:
        """Show what has been written since the last look."""
        if self._out is None:
            return
        for name, (log, position) in self._files.items():
            self._files[name] = (log, self._show(name, log, position))

    def _show(self, name: str, log: Path, position: int) -> int:
        try:
            size = log.stat().st_size
            if size == position:
                return position
            with log.open("rb") as file:
                file.seek(position if size > position else 0)
                chunk = file.read(1 << 20)
        except FileNotFoundError:
            return 0
        whole, newline, _ = chunk.rpartition(b"\n")  # an unfinished line waits for its end
        for line in whole.decode(errors="replace").splitlines():
            self._print(name, line)
        start = position if size > position else 0
        return start + len(whole) + len(newline)

    def _print(self, name: str, line: str, *, bold: bool = False) -> None:
        if self._out is None:
            return
        prefix = f"{name:<14} |"
        if self._colour:
            number = _COLOURS[self._names.setdefault(name, len(self._names)) % len(_COLOURS)]
            prefix = f"\x1b[{'1;' if bold else ''}{number}m{prefix}\x1b[0m"
        try:
            print(prefix, line, file=self._out, flush=True)
        except (BrokenPipeError, ValueError):  # the screen is gone; the files still have everything
            self._out = None
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the interpreter's last flush
