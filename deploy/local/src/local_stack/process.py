"""Start a process that cannot outlive us, and end it with everything it started."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from concord.sdk.places import is_running
from local_stack.errors import StartFailed

_PR_SET_PDEATHSIG = 1


def _die_with_parent(last_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before exec so that the kernel ends it when we die, even from kill -9 (Linux only).

    The kernel watches the *thread* that forked, so processes are started from the main thread.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: nothing but the call itself happens after it
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(last_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return ask_the_kernel


class Process:
    """One child process in a session of its own, writing to one log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: tuple[int, int] | None = None,
        last_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Start it. `user` is (uid, gid) to run as; `last_signal` is what it gets should we die first."""
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - the commands are ours
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent(last_signal),  # noqa: PLW1509 - see there
                user=user[0] if user else None,
                group=user[1] if user else None,
                extra_groups=[] if user else None,
            )

    @property
    def pid(self) -> int:
        """Its process id, which is its group's id as well."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: the signal), or None while it runs."""
        return self._popen.poll()

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.exit_code is None

    async def ended(self, seconds: float = float("inf")) -> bool:
        """Wait for its end; False when it still runs after that time."""
        until = time.monotonic() + seconds
        while self.is_alive():
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.05)
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it alone."""
        if self.is_alive():
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End it and everything it started, now (kill -9), and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def stop(self, seconds: float, first: signal.Signals = signal.SIGTERM) -> bool:
        """Ask it to end, wait, then kill what is left of its group. True when it ended by itself."""
        self.send(first)
        try:
            self._popen.wait(seconds)
            by_itself = True
        except subprocess.TimeoutExpired:
            by_itself = False
        self.kill()
        return by_itself

    def last_lines(self, lines: int = 20) -> str:
        """The end of its log."""
        try:
            text = self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


class OneProcess:
    """A server that is one process of ours: what PostgreSQL and the brokers have in common."""

    _process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process else None

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.is_alive()

    def kill(self) -> None:
        """End it with kill -9, as a fault test does."""
        if self._process:
            self._process.kill()
            self._process = None

    def _end(self, seconds: float, first: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, wait so many seconds, then kill it."""
        if self._process:
            self._process.stop(seconds, first)
            self._process = None

    def _not_up(self, what: str) -> StartFailed:
        """End a server that does not come up; gives what to raise, with the end of its log."""
        assert self._process is not None
        log, tail = self._process.log, self._process.last_lines()
        self.kill()
        return StartFailed(f"{what}; the end of {log}:\n{tail}")


def wait_until_gone(pid: int, seconds: float) -> bool:
    """Wait for a process that is not our child; False when it is still there after that time."""
    until = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
