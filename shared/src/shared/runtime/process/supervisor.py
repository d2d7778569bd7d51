"""Brings a service up, keeps its workers running, and stops the process when one of them ends."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import structlog

from shared import rules
from shared.runtime.acts.directory import Directory
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.backoff import Backoff
from shared.runtime.base.clock import Clock
from shared.runtime.base.settings import Settings
from shared.runtime.db import migrations
from shared.runtime.db.postgres import DATABASE_ERRORS, Database, is_transient
from shared.runtime.process.service import Service

EXIT_WORKER_ENDED: Final = 1
EXIT_OLD_SCHEMA: Final = 3
EXIT_BAD_PROFILE: Final = 5
LONGEST_PAUSE_S: Final = 5.0
STEADY_S: Final = 60.0
"""A worker that ran so long did well; its next pause is a short one."""
NO_DIRECTORY: Final = "the directory of organisations has not arrived from coordination yet: nobody can be recognised"
UP_FOR_S: Final = 0.5
"""How long an answer of the database counts for /readyz."""

_log = structlog.get_logger(__name__)


class Failure(RuntimeError):
    """The process cannot go on; ``code`` is what it exits with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Job:
    """A worker: its name, its loop, and what it can say about how it fares."""

    name: str
    run: Callable[[], Awaitable[None]]
    health: Callable[[], Mapping[str, Any]] | None = None
    """``{"ok": bool, …}``; never blocks."""


class Jobs(Protocol):
    """Says which workers this process runs."""

    def __call__(self, service: Service, rt: Runtime) -> list[Job]:
        """The workers, not started."""
        ...


def exit_at_once(failure: Failure) -> None:
    """What a process without a better idea does: go, so that whoever supervises it starts it anew."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(failure.code)


class Supervisor:
    """The life of one service in one process."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        clock: Clock,
        jobs: Jobs,
        on_failure: Callable[[Failure], None] = exit_at_once,
    ) -> None:
        self.service, self.settings, self.clock = service, settings, clock
        self.on_failure = on_failure
        self.runtime: Runtime | None = None
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()
        """Set as soon as the process is to stop; streams and long polls end on it."""
        self._make_jobs = jobs
        self._jobs: list[Job] = []
        self._task: asyncio.Task[None] | None = None
        self._up: tuple[float, bool] = (float("-inf"), False)

    def start(self) -> None:
        """Begin; returns at once, so that /livez answers while the database is still awaited."""
        self._task = asyncio.create_task(self._life(), name=f"{self.service.name} supervisor")

    async def stop(self) -> None:
        """Stop the workers, then let go of the database."""
        self.stopping.set()
        self.ready.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self.runtime is not None:
            if self.service.stop is not None:
                await self.service.stop(self.runtime)
            await self.runtime.db.close()
            self.runtime = None

    async def report(self) -> dict[str, Any]:
        """How the service fares: ready, degraded (it serves, but something it needs is away), or unready."""
        up = self.ready.is_set() and not self.stopping.is_set() and await self._database_up()
        known = len(self.runtime.directory) if self.runtime is not None else 0
        checks: dict[str, Any] = {"started": self.ready.is_set(), "database": up}
        checks["directory"] = (
            {"organisations": known} if known else {"ok": False, "organisations": 0, "why": NO_DIRECTORY}
        )
        full = self.runtime is not None and self.runtime.db.is_full
        if full:
            checks["storage"] = {"ok": False, "state": "full"}
        checks |= {job.name: dict(job.health()) for job in self._jobs if job.health is not None}
        fine = all(check.get("ok", True) for check in checks.values() if isinstance(check, dict))
        status = ("ready" if fine else "degraded") if up and known and not full else "unready"
        return {"status": status, "service": self.service.name, "checks": checks}

    async def _life(self) -> None:
        try:
            self.runtime = await boot(self.service, self.settings, self.clock)
            self._jobs = self._make_jobs(self.service, self.runtime)
            self.ready.set()
            _log.info("service.ready", roles=sorted(self.settings.roles_run), workers=[job.name for job in self._jobs])
            await self._watch()
        except Failure as failure:
            _log.critical("service.failed", reason=str(failure), exit_code=failure.code)
            self.on_failure(failure)
        except Exception as error:
            _log.critical("service.failed", exit_code=EXIT_WORKER_ENDED, exc_info=True)
            self.on_failure(Failure(EXIT_WORKER_ENDED, repr(error)))

    async def _watch(self) -> None:
        """Run every worker; the first one that ends, however it ends, ends them all."""
        if not self._jobs:
            await asyncio.Event().wait()
        tasks = {asyncio.create_task(_run(job), name=job.name) for job in self._jobs}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            ended = next(iter(done))
            error = None if ended.cancelled() else ended.exception()
            _log.critical("worker.ended", worker=ended.get_name(), exc_info=error)
            self.on_failure(Failure(EXIT_WORKER_ENDED, f"worker {ended.get_name()} ended: {error!r}"))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _database_up(self) -> bool:
        asked, up = self._up
        if time.monotonic() - asked > UP_FOR_S:
            assert self.runtime is not None
            up = await self.runtime.db.is_up()
            self._up = (time.monotonic(), up)
        return up


async def boot(service: Service, settings: Settings, clock: Clock) -> Runtime:
    """Connect, check the schema and the rule profile, run the start hook.

    Raises Failure: exit code 3 on an old schema, 5 on a profile that is wrong or lacks what the service needs.
    """
    db = await connect(service.name, settings.dsn, max_size=settings.database_pool)
    try:
        if service.migrations is not None:
            try:
                await migrations.require(db, service.migrations)
            except migrations.WrongSchema as wrong:
                raise Failure(EXIT_OLD_SCHEMA, str(wrong)) from wrong
        profile = _profile(service, settings)
        rt = Runtime(db, clock, profile, settings, Directory(clock, profile.time_zone))
        if service.start is not None:
            rt = replace(rt, state=await service.start(rt))
        async with db.connection() as tx:
            await rt.directory.refresh(tx)
        return rt  # noqa: TRY300 - what else may fail is above
    except BaseException:
        await db.close()
        raise


def _profile(service: Service, settings: Settings) -> rules.Rules:
    try:
        found = rules.load(settings.profile)
        service.needs.check(found, service.name)
    except (rules.UnknownProfile, rules.ProfileError) as wrong:
        raise Failure(EXIT_BAD_PROFILE, str(wrong)) from wrong
    return found


async def connect(name: str, dsn: str, *, max_size: int) -> Database:
    """Connect to the database, as often as it takes."""
    backoff = Backoff()
    while True:
        try:
            return await Database.connect(dsn, application_name=name, max_size=max_size)
        except DATABASE_ERRORS as error:
            _log.warning("database.unreachable", error=repr(error))
        await backoff.wait()


async def _run(job: Job) -> None:
    """Run a worker; one that ends for something that passes by itself begins again, it does not end the process."""
    backoff = Backoff(cap_s=LONGEST_PAUSE_S)
    while True:
        began = time.monotonic()
        try:
            return await job.run()
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("worker.interrupted", worker=job.name, error=repr(error))
        if time.monotonic() - began > STEADY_S:
            backoff.reset()
        await backoff.wait()
