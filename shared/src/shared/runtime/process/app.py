"""Makes a FastAPI application, and a process, out of a Service."""

import argparse
import asyncio
import gc
import signal
import ssl
import sys
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any, Final, cast
from uuid import UUID

import httpx
import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from shared.runtime.base.clock import Clock, SystemClock
from shared.runtime.base.settings import Settings
from shared.runtime.process import health, telemetry
from shared.runtime.process.service import Service
from shared.runtime.process.supervisor import Failure, Job, Supervisor
from shared.runtime.web import answers, docs, openapi
from shared.runtime.web.identity import TokenValidator
from shared.runtime.web.middleware import Door, Head, is_probe

__all__ = ["Service", "create_app", "main", "running", "spare_collector"]

VERSION: Final = "0.1.0"
EXIT_USAGE: Final = 2

_log = structlog.get_logger(__name__)


def create_app(
    service: Service,
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    validator: TokenValidator | None = None,
) -> FastAPI:
    """The application of a service. ``validator`` replaces the issuer's key set, for tests."""
    settings = settings or service.settings()
    clock = clock or SystemClock()
    observed = telemetry.configure(service.name, settings)
    supervisor = Supervisor(service, settings, clock, jobs_of)
    application = FastAPI(
        title=f"Concord: {service.name}",
        version=VERSION,
        description=service.description,
        docs_url=None,
        openapi_url="/openapi.json" if "http" in settings.roles_run else None,
        redoc_url=None,
        redirect_slashes=False,  # they would be built from the Host header, and lose the body
        lifespan=_lifespan,
        telemetry={"operation_spans": False, "logs": False, "exclude": is_probe, "auto_configure": False},
    )
    application.state.supervisor = supervisor
    application.state.http = httpx.AsyncClient(limits=httpx.Limits(max_connections=2), verify=_trusted())
    application.state.validator = validator or TokenValidator(
        settings.oidc_issuer,
        settings.oidc_audience,
        settings.jwks_url,
        application.state.http,
        clock=clock,
        accept_jwt=settings.oidc_accept_jwt,
    )
    answers.install(application)
    application.add_middleware(Door)
    application.add_middleware(Head)
    health.install(application, supervisor, observed.registry)
    if "http" in settings.roles_run:
        application.router.routes.extend(service.doors.routes)
        docs.install(application)
        openapi.install(application)
    return application


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted, read once a process: there are many of them."""
    return httpx.create_ssl_context()


def jobs_of(service: Service, rt: Any) -> list[Job]:
    """The workers that ROLES_RUN names for this service; each process follows the directory of organisations."""
    following = Job("directory", partial(rt.directory.keep_fresh, rt.db))
    if rt.settings.roles_run == {"http"}:
        return [following]
    from shared.runtime.process import workers  # noqa: PLC0415 - a process that only serves needs no Kafka client

    return [following, *workers.jobs_of(service, rt)]


@asynccontextmanager
async def running(application: FastAPI, *, timeout_s: float = 20) -> AsyncIterator[FastAPI]:
    """Run the application's life around a test: it is ready inside, stopped after.

    Raises Failure if the service cannot start, or if one of its workers ended meanwhile.
    """
    supervisor: Supervisor = application.state.supervisor
    failed: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
    supervisor.on_failure = lambda failure: None if failed.done() else failed.set_result(failure)
    async with application.router.lifespan_context(application):
        ready: asyncio.Future[Any] = asyncio.ensure_future(supervisor.ready.wait())
        try:
            await asyncio.wait(
                {ready, cast("asyncio.Future[Any]", failed)}, timeout=timeout_s, return_when=FIRST_COMPLETED
            )
        finally:
            ready.cancel()
        if failed.done():
            raise failed.result()
        if not supervisor.ready.is_set():
            raise TimeoutError(f"{supervisor.service.name} was not ready within {timeout_s} s")
        yield application
    if failed.done():
        raise failed.result()


def main(service: Service, arguments: Sequence[str] | None = None) -> None:
    """The command line of a service: serve, migrate, replay, unpark, set-aside. Ends the process."""
    given = _parser(service).parse_args(arguments)
    settings = settings_of(service)
    if given.command == "serve":
        sys.exit(serve(service, settings))
    telemetry.configure_logs(service.name, settings)
    from shared.runtime.process import commands  # noqa: PLC0415 - serving does without them

    command: Callable[[Service, Settings, argparse.Namespace], Awaitable[int]] = getattr(
        commands, given.command.replace("-", "_")
    )
    sys.exit(asyncio.run(_awaited(command(service, settings, given))))


def settings_of(service: Service) -> Settings:
    """What the environment says; ends the process with a line for each setting that is wrong."""
    try:
        return service.settings()
    except ValidationError as error:
        prefix = service.settings.model_config.get("env_prefix", "")
        for each in error.errors(include_input=False):
            name = "".join(str(part) for part in each["loc"][:1]).removeprefix(prefix.lower())
            sys.stderr.write(f"{service.name}: {prefix}{name.upper()}: {each['msg']}\n")
        sys.exit(EXIT_USAGE)


def serve(service: Service, settings: Settings) -> int:
    """Serve until told to stop; says what to exit with."""
    application = create_app(service, settings)
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.http_keep_alive_s,
        timeout_graceful_shutdown=max(1, int(settings.stop_grace_s * 0.6)),
    )
    server = _Server(config, application.state.supervisor)
    spare_collector()
    for asked in (signal.SIGTERM, signal.SIGINT):
        # Uvicorn takes these over, and raises them once more when it is done: being asked to end is not a failure.
        signal.signal(asked, lambda *_: None)
    server.run()
    telemetry.configure(service.name, settings).shutdown()
    return server.exit_code


def spare_collector() -> None:
    """Leave what was loaded out of later collections, and collect after ten thousand new objects, not seven hundred.

    What a process loads it keeps, and it is far more than what a request makes; a batch of an import is a sixth faster.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


class _Server(uvicorn.Server):
    """Uvicorn, told by the supervisor when the process cannot go on, and telling it when it is to stop."""

    def __init__(self, config: uvicorn.Config, supervisor: Supervisor) -> None:
        super().__init__(config)
        self.exit_code = 0
        self._supervisor = supervisor
        supervisor.on_failure = self._fail

    async def shutdown(self, sockets: Any = None) -> None:
        """Let streams and long polls end first: nobody else tells them."""
        self._supervisor.stopping.set()
        await super().shutdown(sockets)

    def _fail(self, failure: Failure) -> None:
        self.exit_code = failure.code
        self.should_exit = True


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    supervisor: Supervisor = application.state.supervisor
    supervisor.start()
    try:
        yield
    finally:
        await application.state.refusals.close()
        await supervisor.stop()
        await application.state.http.aclose()


def _parser(service: Service) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=service.name, description=service.description or None)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="run the roles that CONCORD_ROLES_RUN names")
    migrate = commands.add_parser("migrate", help="apply what this program needs of the schema")
    migrate.add_argument("--post", action="store_true", help="also what older programs could not run on")
    replay = commands.add_parser("replay", help="publish facts again, after a lost broker or for a new reader")
    replay.add_argument("--from", dest="first", type=int, help="first outbox id; default: the oldest")
    replay.add_argument("--to", dest="last", type=int, help="last outbox id; default: the newest")
    replay.add_argument("--topic", help="only this topic")
    unpark = commands.add_parser("unpark", help="try parked events again, in order")
    unpark.add_argument("--key", help="only this key")
    aside = commands.add_parser("set-aside", help="give up one parked event for good, and try those behind it")
    aside.add_argument("event_id", type=UUID, help="its id, as the log and the table `parked` have it")
    aside.add_argument("--reason", required=True, help="why; kept in the audit trail")
    aside.add_argument("--by", required=True, help="who decides it; kept in the audit trail")
    return parser


async def _awaited(result: Awaitable[int]) -> int:
    return await result
