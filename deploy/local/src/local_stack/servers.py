"""PostgreSQL and the broker under the stack: made as chosen, watched, and brought back when they die."""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from local_stack.broker import Broker, ForeignBroker
from local_stack.child import Backoff
from local_stack.kafka import ApacheKafka
from local_stack.ports import free_port
from local_stack.postgres import EmbeddedPostgres, ForeignPostgres
from local_stack.tansu import Tansu
from local_stack.topology import BROKER_PORT, POSTGRES_PORT

_WATCH_S: Final = 0.2


def make_postgres(
    root: Path, log: Path, database_url: str | None, *, durable: bool, usual_port: bool
) -> EmbeddedPostgres | ForeignPostgres:
    """Our own cluster, or the server of this URL."""
    if database_url:
        return ForeignPostgres(database_url, root / "postgres")
    port = free_port(POSTGRES_PORT if usual_port else None)
    return EmbeddedPostgres(root / "postgres", port=port, log=log, durable=durable)


def file_store(data: Path, name: str) -> str:
    """Where files are kept: what EVIDENCE_STORE or FILES_STORE names, as a bucket; otherwise a folder of this stack."""
    return os.environ.get(f"{name.upper()}_STORE", str(data / name))


def data_folder(root: Path, database_url: str | None) -> Path:
    """Where things derived from the databases are kept: a read model made from other ones would answer wrongly."""
    if not database_url:
        return root
    where = urlsplit(database_url)
    server = f"{where.hostname}:{where.port or 5432}"  # whoever signs in to it
    return root / f"database-{hashlib.sha256(server.encode()).hexdigest()[:8]}"


def make_broker(kind: str, root: Path, log: Path, bootstrap: str | None, *, usual_port: bool) -> Broker:
    """The broker of this kind: tansu, kafka, or own (at `bootstrap`)."""
    if bootstrap:
        return ForeignBroker(bootstrap)
    port = free_port(BROKER_PORT if usual_port else None)
    if kind == "kafka":
        return ApacheKafka(root / "kafka", port=port, log=log)
    return Tansu(root / "tansu", port=port, log=log)


class Server(Protocol):
    """A server that can be watched."""

    def start(self) -> None:
        """Bring it up."""

    def is_alive(self) -> bool:
        """Whether it runs."""


@dataclass
class Watched:
    """A server that is started again when it dies, unless it is meant to be down."""

    name: str
    server: Server
    returned: Callable[[], None]
    """Called once it is back."""
    say: Callable[[str], None]
    held_down: bool = False

    async def watch(self) -> None:
        """Until cancelled."""
        backoff, started = Backoff(), time.monotonic()
        while True:
            await asyncio.sleep(_WATCH_S)
            if self.held_down or self.server.is_alive():
                continue
            pause = backoff.next(time.monotonic() - started)
            self.say(f"{self.name} has died; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            if self.held_down:
                continue
            started = time.monotonic()
            try:
                self.server.start()
                self.returned()
            except Exception as error:
                self.say(f"!!! {self.name}: {error}")
