"""The audit of refused acts: each kind of refusal at once, its repetitions within a minute as one more row."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import asyncpg
import structlog

from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import metrics
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Problem, Unavailable

WINDOW_S: Final = 60.0
MOST_KINDS: Final = 10_000
"""Open at a time; beyond them every refusal has a row of its own."""
MOST_RESOURCES: Final = 8
LONGEST_RESOURCE: Final = 200
LONGEST_BYTES: Final = 1_000
"""Of a text that the caller may have chosen."""
WRITE_LIMIT_S: Final = 3.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Repeated:
    """A refusal that was written, and how often it has been given again since."""

    rt: Runtime
    who: Caller
    act: str
    code: str
    timer: asyncio.TimerHandle
    since: datetime
    until: datetime
    times: int = 0
    resources: list[str] = field(default_factory=list)


class Refusals:
    """What one process has refused lately, by caller, act and code."""

    def __init__(self, *, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._open: dict[tuple[str, str, str], Repeated] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def note(self, rt: Runtime, *, who: Caller, act: str, resource: str, problem: Problem) -> None:
        """Write a refusal down, or count it. Never raises: the refusal stands whether or not it could be written."""
        kind, now, resource = (who.subject, act, problem.code), rt.clock.now(), cut(resource)
        repeated = self._open.get(kind)
        if repeated is not None:
            repeated.times += 1
            repeated.until = now
            short = cut(resource, LONGEST_RESOURCE)
            if len(repeated.resources) < MOST_RESOURCES and short not in repeated.resources:
                repeated.resources.append(short)
            return
        if len(self._open) < MOST_KINDS:
            timer = asyncio.get_running_loop().call_later(self._window_s, self._end, kind)
            self._open[kind] = Repeated(rt, who, act, problem.code, timer, now, now)
        if not await _write(rt, who, act, resource, problem.code, {"detail": cut(problem.detail)}, now):
            self._forget(kind)

    async def close(self) -> None:
        """Write what was counted and not yet written."""
        for kind in [*self._open]:
            self._end(kind)
        await asyncio.gather(*self._writing)

    def _forget(self, kind: tuple[str, str, str]) -> Repeated | None:
        repeated = self._open.pop(kind, None)
        if repeated is not None:
            repeated.timer.cancel()
        return repeated

    def _end(self, kind: tuple[str, str, str]) -> None:
        repeated = self._forget(kind)
        if repeated is not None and repeated.times:
            task = asyncio.create_task(_write_repeated(repeated))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)


def cut(text: str, most: int = LONGEST_BYTES) -> str:
    """So much of a text as the audit keeps, without what PostgreSQL cannot store."""
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace")
    return clean.decode() if len(clean) <= most else clean[:most].decode("utf-8", "ignore") + "…"


async def _write_repeated(of: Repeated) -> None:
    detail = {"count": of.times, "since": of.since, "until": of.until, "resources": of.resources}
    await _write(of.rt, of.who, of.act, of.resources[0], of.code, detail, of.until)


async def _write(
    rt: Runtime, who: Caller, act: str, resource: str, code: str, detail: dict[str, Any], at: datetime
) -> bool:
    try:
        async with asyncio.timeout(WRITE_LIMIT_S), rt.db.transaction() as tx:
            await audit.record(
                tx, who=who, act=act, resource=resource, outcome="refused", code=code, detail=detail, at=at
            )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, Unavailable) as error:
        # An alert watches the counter: AuditFailing.
        metrics.audit_failures.add(1)
        _log.error("audit.failed", act=act, code=code, subject=who.subject, error=repr(error))
        return False
    return True
