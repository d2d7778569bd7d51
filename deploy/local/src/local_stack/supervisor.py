"""Starts the whole stack in order, keeps it running, and ends it in the reverse order leaving nothing behind."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TextIO

from local_stack.ahead import read
from local_stack.broker import until_it_answers
from local_stack.child import Child
from local_stack.errors import StartFailed
from local_stack.keys import keep_secret
from local_stack.logs import Console, rotate
from local_stack.oneoff import migrate, run_to_end
from local_stack.people import Added
from local_stack.ports import free_port, wait_until_listening
from local_stack.postgres import EmbeddedPostgres
from local_stack.process import Process
from local_stack.provider import CLIENT_ID, Provider, Surroundings, ensure_provider
from local_stack.servers import Watched, data_folder, file_store, make_broker, make_postgres
from local_stack.settings import DEMO_PROFILE, StackSettings
from local_stack.state import Folder
from local_stack.tokens import Tokens
from local_stack.topology import AGENT_WEB_PORT, ISSUER_PORT, MAIL_PORT, SERVICES, Place, Service, environment
from shared.contracts.topics import orders_topic, receipts_topic
from shared.rules import load

PARTITIONS: Final = 2  # enough to see that nothing depends on there being one; every reader asks for each of them
WITHDRAW_WINDOW_S: Final = 3  # 75 in production; nobody waits that long for a demonstration


class LocalStack:
    """The stack in one folder: `async with LocalStack(root=folder) as stack: ...`.

    Processes are tied to the thread that starts them (see `process`), so use it from the main thread.
    """

    def __init__(
        self,
        *,
        root: Path,
        broker: str = "tansu",
        kafka_bootstrap: str | None = None,
        database_url: str | None = None,
        services: Sequence[str | Service] = tuple(SERVICES),
        provider: bool = True,
        profile: str = DEMO_PROFILE,
        env: Mapping[str, Mapping[str, str]] | None = None,
        usual_ports: bool = False,
        durable: bool = True,
        console: TextIO | None = None,
    ) -> None:
        """Describe a stack; nothing starts yet.

        `env` adds settings by service name ("*" all of them, "agent", "issuer"). `provider=False` leaves the
        demonstration provider out. `profile` names the rules. `usual_ports` prefers the ports of topology.py, otherwise
        they are random. `durable=False` makes PostgreSQL fast and unsafe, for tests. `console` shows what every
        process writes.
        """
        self.root = root.absolute()
        self.data = data_folder(self.root, database_url)
        self.services = {spec.name: spec for spec in (SERVICES[s] if isinstance(s, str) else s for s in services)}
        self.children: dict[str, Child] = {}
        self.provider: Provider | None = None
        self.clients = Added(self.root / "issuer" / "clients.json")
        self._with_provider = provider and "access-control" in self.services
        self._profile = profile
        self._env = env or {}
        self._folder = Folder(self.root)
        self._usual_ports = usual_ports
        self._ports: dict[str, int] = {}
        self._console = Console(console, self.log("stack"))
        self._tokens = Tokens()
        self._tasks: list[asyncio.Task[None]] = []
        self._started_at = datetime.now(UTC)
        self._alone = database_url is None and kafka_bootstrap is None
        self.ahead_file = self.data / "ahead"
        """How far its clock is put forward; every process reads it when it starts."""
        self._ahead = read(self.ahead_file)
        self.postgres = make_postgres(
            self.root, self.log("postgres"), database_url, durable=durable, usual_port=usual_ports
        )
        self.broker = make_broker(broker, self.root, self.log("broker"), kafka_bootstrap, usual_port=usual_ports)
        self._watched_broker = Watched("the broker", self.broker, self._publish, self._console.say)

    @classmethod
    def of(cls, settings: StackSettings, console: TextIO | None = None) -> Self:
        """The stack that a person asked for."""
        return cls(
            root=settings.root,
            broker=settings.broker,
            kafka_bootstrap=settings.kafka_bootstrap,
            database_url=settings.database_url,
            profile=settings.profile,
            usual_ports=True,
            console=console,
        )

    # -- what its users ask ------------------------------------------------------------------------------------------

    @property
    def issuer(self) -> str:
        """Where tokens come from."""
        return f"http://127.0.0.1:{self._port('issuer', ISSUER_PORT)}"

    @property
    def bootstrap(self) -> str:
        """The broker's bootstrap servers."""
        return self.broker.bootstrap

    @property
    def provider_web(self) -> str:
        """The web server of the demonstration provider, which answers 451 for a site that is cut off."""
        return f"http://127.0.0.1:{self._port('agent', AGENT_WEB_PORT)}"

    @property
    def provider_id(self) -> str:
        """The demonstration provider."""
        return self._of_provider().provider_id

    def _of_provider(self) -> Provider:
        if self.provider is None:
            msg = "this stack runs no provider"
            raise LookupError(msg)
        return self.provider

    def url(self, service: str) -> str:
        """Where this service answers."""
        spec = self.services.get(service) or SERVICES[service]
        return f"http://127.0.0.1:{self._port(spec.name, spec.port)}"

    def dsn(self, service: str) -> str:
        """The database of this service."""
        return self.postgres.dsn(self.services[service].module)

    def log(self, name: str) -> Path:
        """The log file of a process: a service, agent, issuer, postgres, broker, or stack."""
        return self.root / "log" / f"{name}.log"

    async def token(self, person: str) -> str:
        """An access token of somebody in people.toml, renewed before it expires."""
        return await self._tokens.of_person(self.issuer, person)

    async def client_token(self, client_id: str, secret: str) -> str:
        """An access token of a client, one that was put into `clients`."""
        return await self._tokens.of_client(self.issuer, client_id, secret)

    async def provider_token(self) -> str:
        """An access token of the demonstration provider."""
        return await self.client_token(CLIENT_ID, self._of_provider().client_secret)

    # -- faults and maintenance --------------------------------------------------------------------------------------

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a service, the agent or the issuer; it is started again when that ends it."""
        self.children[name].kill(number)

    async def stop(self, name: str) -> None:
        """End a service, the agent or the issuer in good order and keep it down."""
        await self.children[name].stop()

    async def start(self, name: str) -> None:
        """Start again what `stop` ended; returns when it is ready."""
        self.children[name].start()
        await self.children[name].wait_ready()

    async def wait_ready(self, name: str | None = None, seconds: float = 60.0) -> None:
        """Wait until this process is ready, or every one."""
        await asyncio.gather(*(self.children[n].wait_ready(seconds) for n in ([name] if name else self.children)))

    async def follow_clock(self) -> None:
        """Start every process again, at the time that the file says; returns when all are ready."""
        ahead = read(self.ahead_file)
        self._tokens.forget()  # they are of the past
        await self._stop_children()
        for child in self.children.values():
            child.start()
        await self.wait_ready()
        self._ahead = ahead
        self._console.say(f"the clock is {ahead} ahead: it shows {datetime.now(UTC) + ahead:%Y-%m-%d %H:%M} UTC")
        self._publish()

    def stop_broker(self, *, kill: bool = True) -> None:
        """Take the broker away, with kill -9 or in good order, and keep it down."""
        self._watched_broker.held_down = True
        if kill:
            self.broker.kill()
        else:
            self.broker.stop()

    def start_broker(self) -> None:
        """Bring the broker back. If it has lost its topics, each service's relay sees that and fills them again."""
        self.broker.start()
        self._watched_broker.held_down = False
        self._publish()

    async def replay(self) -> None:
        """Have every service publish its whole outbox again."""
        replays = []
        for name, spec in self.services.items():
            command = [sys.executable, "-m", f"{spec.module}.main", "replay"]
            replays.append(Process(f"{name} replay", command, log=self.log(name), env=self.children[name].env))
        await run_to_end(replays)

    # -- start and end -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._folder.hold()
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _start(self) -> None:
        began = time.monotonic()
        self._tasks = [asyncio.create_task(self._console.run())]
        await self._start_postgres()
        self._make_children()
        self.children["issuer"].start()
        self.children["mail"].start()
        migrating = asyncio.create_task(self._migrate())
        await asyncio.sleep(0)  # it begins before the broker's start keeps us busy
        try:
            self._start_broker()
        except BaseException:
            migrating.cancel()
            await asyncio.gather(migrating, return_exceptions=True)
            raise
        await migrating
        for child in self.children.values():
            child.start()
        await until_it_answers(self.broker)
        await self.wait_ready()
        if self._with_provider:
            await self._start_provider()
        for child in self.children.values():
            child.changed = self._publish
        self._publish()
        self._watch()
        self._console.say(f"rules: {load(self._profile).title}")
        self._console.say(f"everything runs (after {time.monotonic() - began:.1f} s)")

    async def _end(self) -> None:
        """In reverse: the agent, the services, the issuer, the broker, PostgreSQL."""
        for task in self._tasks[1:]:
            task.cancel()
        await self._stop_children()
        self.broker.stop()
        self.postgres.stop()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._console.flush()
        self._console.say("everything has ended")
        self._folder.release()

    async def _stop_children(self) -> None:
        for names in (["agent"], list(self.services), ["mail", "issuer"]):
            await asyncio.gather(*(self.children[name].stop() for name in names if name in self.children))

    async def _start_postgres(self) -> None:
        self._follow("postgres")
        self._console.say(f"data, keys and logs are in {self.root}")
        self.postgres.start()
        for spec in self.services.values():
            await self.postgres.ensure_database(spec.module)

    def _start_broker(self) -> None:
        self._follow("broker")
        self._console.say(f"starting the broker ({self.broker.kind})")
        self.broker.start()

    async def _start_provider(self) -> None:
        folder, web_port = self.data / "provider", self._port("agent", AGENT_WEB_PORT)
        around = Surroundings(self.url("access-control"), self.issuer, self.bootstrap, web_port)
        self.provider = await ensure_provider(folder, around, await self.token("desk-a"), self.clients)
        # A reader that came before its topic was made would have Tansu make one of its own, with other partitions.
        await until_it_answers(self.broker, *(make(self.provider_id).name for make in (orders_topic, receipts_topic)))
        agent = self._child("agent", ["concord.agent.main", "run", "--config", str(folder / "agent.toml")], {})
        agent.start()
        if not await asyncio.to_thread(wait_until_listening, web_port, 60.0, alive=lambda: not agent.looping):
            msg = f"the provider's agent did not open its web server on port {web_port}:\n{agent.last_lines()}"
            raise StartFailed(msg)

    # -- parts -------------------------------------------------------------------------------------------------------

    def _make_children(self) -> None:
        folder, port = str(self.root / "issuer"), str(self._port("issuer", ISSUER_PORT))
        command = ["local_stack.issuer", "--folder", folder, "--port", port]
        self._child("issuer", command, {}, f"{self.issuer}/readyz")
        mails = ["local_stack.mail", "--folder", str(self.mails), "--port", str(self._port("mail", MAIL_PORT))]
        self._child("mail", mails, {})
        place = self._place()
        for name, spec in self.services.items():
            command = [f"{spec.module}.main", "serve"]
            self._child(name, command, environment(spec, place), f"{self.url(name)}/readyz")

    def _child(self, name: str, arguments: list[str], env: Mapping[str, str], ready_url: str | None = None) -> Child:
        chosen = {**self._env.get("*", {}), **self._env.get(name, {})}
        surroundings = {**os.environ, "PYTHONUNBUFFERED": "1", **env, **chosen}
        command = [sys.executable, "-m", "local_stack.ahead", str(self.ahead_file), *arguments]
        child = Child(name, command, surroundings, self.log(name), self._console.say, ready_url)
        self.children[name] = child
        self._follow(name)
        return child

    def _place(self) -> Place:
        query = self.url("query")
        return Place(
            database_url=lambda spec: self.postgres.dsn(spec.module),
            kafka=self.bootstrap,
            kafka_idempotence=self.broker.idempotence,
            kafka_fetch_wait_ms=self.broker.fetch_wait_ms,
            partitions=PARTITIONS,
            replication=1,
            issuer=self.issuer,
            jwks_url=f"{self.issuer}/jwks.json",
            host="127.0.0.1",
            port=lambda spec: self._port(spec.name, spec.port),
            public_url=query,
            door_url=self.url,
            log_format="text",
            profile=self._profile,
            signing_keys_file=lambda spec: str(self.root / "keys" / f"{spec.name}.json"),
            signing_keys_generate=True,
            identity_key=keep_secret(self.root / "keys" / "identity.key"),
            smtp_port=str(self._port("mail", MAIL_PORT)),
            smtp_tls="none",
            smtp_returns_secret=lambda _: keep_secret(self.root / "keys" / "returns.secret"),
            webhooks_private=True,
            lmdb_path=str(self.data / "query"),
            evidence_store=file_store(self.data, "evidence"),
            files_store=file_store(self.data, "files"),
            withdraw_window_s=WITHDRAW_WINDOW_S,
        )

    @property
    def mails(self) -> Path:
        """Where the mails end that the services send, a file each; they go nowhere else."""
        return self.root / "mails"

    def _port(self, name: str, usual: int) -> int:
        if name not in self._ports:
            self._ports[name] = free_port(usual if self._usual_ports else None)
        return self._ports[name]

    def _follow(self, name: str) -> None:
        rotate(self.log(name))
        self._console.follow(name, self.log(name))

    def _watch(self) -> None:
        self._tasks.append(asyncio.create_task(self._watched_broker.watch()))
        if isinstance(self.postgres, EmbeddedPostgres):
            watched = Watched("PostgreSQL", self.postgres, self._publish, self._console.say)
            self._tasks.append(asyncio.create_task(watched.watch()))

    async def _migrate(self) -> None:
        """Bring every database to its service's newest revision."""
        await asyncio.gather(*(migrate(spec, self.dsn(name)) for name, spec in self.services.items()))

    def _publish(self) -> None:
        self._folder.publish(self.description())

    def description(self) -> dict[str, Any]:
        """What stack.json says."""
        web = {"id": self.provider_id, "web_url": self.provider_web, "client_id": CLIENT_ID} if self.provider else None
        return {
            "pid": os.getpid(),
            "started_at": self._started_at.isoformat(),
            "root": str(self.root),
            "issuer": self.issuer,
            "kafka": {
                "bootstrap": self.bootstrap,
                "kind": self.broker.kind,
                "idempotence": self.broker.idempotence,
            },
            "profile": self._profile,
            "mails": str(self.mails),
            "ahead_s": self._ahead.total_seconds(),
            "ahead_file": str(self.ahead_file) if self._alone else None,
            "services": {name: self.url(name) for name in self.services},
            "pids": {name: child.pid for name, child in self.children.items()},
            "logs": str(self.root / "log"),
            "provider": web and web | {"config": str(self.data / "provider" / "agent.toml")},
        }
