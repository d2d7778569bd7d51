"""A process that is kept running: started again after growing pauses, and told loudly when it will not live."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from local_stack.errors import StartFailed
from local_stack.process import Process

_POLL_S: Final = 0.05
_STOP_S: Final = 10.0


class Backoff:
    """How long to wait before the next start: twice as long after each short life, from the start after a long one."""

    def __init__(self, first: float = 0.2, most: float = 30.0, calm_after: float = 30.0, loop_at: int = 4) -> None:
        self._first, self._most, self._calm_after, self._loop_at = first, most, calm_after, loop_at
        self.short_lives = 0

    def next(self, lived: float) -> float:
        """The pause after a process that lived this many seconds."""
        self.short_lives = 1 if lived >= self._calm_after else self.short_lives + 1
        return float(min(self._first * 2 ** (self.short_lives - 1), self._most))

    @property
    def looping(self) -> bool:
        """Whether it dies again and again soon after its start."""
        return self.short_lives >= self._loop_at


class Child:
    """One supervised process."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        say: Callable[[str], None],
        ready_url: str | None = None,
    ) -> None:
        """`say` takes what people must know; `ready_url` answers 200 once it can work."""
        self.name, self.command, self.env, self.log = name, list(command), dict(env), log
        self.ready_url = ready_url
        self.restarts = 0
        self.changed: Callable[[], None] = lambda: None  # called whenever it runs under a new process id
        self._say = say
        self._backoff = Backoff()
        self._process: Process | None = None
        self._started_at = 0.0
        self._killed_on_purpose = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.is_alive() else None

    @property
    def looping(self) -> bool:
        """Whether it dies again and again."""
        return self._backoff.looping

    def start(self) -> None:
        """Start it and keep it running."""
        if self._keeper is None or self._keeper.done():
            self._spawn()
            self._keeper = asyncio.get_running_loop().create_task(self._keep(), name=f"keep {self.name}")

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal, as a fault test does; it is started again at once if that ends it."""
        if self._process:
            self._killed_on_purpose = True
            self._process.send(number)

    async def stop(self, seconds: float = _STOP_S) -> None:
        """End it and keep it down until `start`."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        if self._process is None:
            return
        self._process.send(signal.SIGTERM)
        if not await self._process.ended(seconds):
            self._say(f"{self.name} did not end within {seconds:.0f} s and was killed")
        self._process.kill()
        self._process = None

    async def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until it says it can work. Raises StartFailed, with the end of its log, when it does not."""
        until = time.monotonic() + seconds
        last = "no answer"
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            while time.monotonic() < until and not self._backoff.looping:
                if self.ready_url is None:
                    return
                try:
                    answer = await http.get(self.ready_url)
                except httpx.HTTPError:
                    last = "no answer"
                else:
                    if answer.status_code == 200 and self.pid:
                        return
                    last = f"{answer.status_code} {answer.text[:300]}"
                await asyncio.sleep(_POLL_S)
        why = "dies again and again" if self._backoff.looping else f"was not ready within {seconds:.0f} s ({last})"
        msg = f"{self.name} {why}; the end of {self.log}:\n{self.last_lines()}"
        raise StartFailed(msg)

    def _spawn(self) -> None:
        self._process = Process(self.name, self.command, log=self.log, env=self.env)
        self._started_at = time.monotonic()
        self.changed()

    async def _keep(self) -> None:
        while True:
            if self._process is None:
                return
            await self._process.ended()
            code = self._process.exit_code
            self._process.kill()  # whatever it left behind in its group
            pause = self._pause()
            self._say(f"{self.name} ended with {_how(code)}; starting it again in {pause:.1f} s")
            if self._backoff.looping and self._backoff.short_lives % 4 == 0:
                self._say(f"!!! {self.name} DIES AGAIN AND AGAIN; the end of {self.log}:\n{self.last_lines()}")
            await asyncio.sleep(pause)
            self.restarts += 1
            self._spawn()

    def _pause(self) -> float:
        if self._killed_on_purpose:
            self._killed_on_purpose = False
            return 0.0
        return self._backoff.next(time.monotonic() - self._started_at)

    def last_lines(self) -> str:
        """The end of its log."""
        return self._process.last_lines() if self._process else ""


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
