"""Runs the checks against a client that somebody started, or that the kit starts, and writes the pass."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from concord.conformance import CONFORMANCE_TYPE, checks
from concord.conformance.bench import Bench, Wire
from concord.conformance.desk import SECRET, Desk
from shared.contracts.topics import orders_topic, receipts_topic
from shared.signing import Signer, canonical

ENDING_S: Final = 10.0


@dataclass(frozen=True)
class Asked:
    """What is to be checked, and how."""

    provider_id: UUID
    keys: list[dict[str, Any]]
    """The client's public keys."""
    port: int = 0
    kafka: str | None = None
    probe: str | None = None
    patience_s: float = 30.0
    command: Sequence[str] = ()
    """Starts the client; it is told everything in its environment."""
    checks: Sequence[str] = tuple(checks.CHECKS)


class Feed:
    """Orders reach the client by HTTP alone."""

    kafka = False

    async def send(self, jws: bytes) -> None:
        """There is no topic."""


class Topic:
    """Orders are written to a topic, too."""

    kafka = True

    def __init__(self, producer: AIOKafkaProducer, name: str) -> None:
        self._producer, self._name = producer, name

    async def send(self, jws: bytes) -> None:
        """Write a record and wait until the broker has it."""
        await self._producer.send_and_wait(self._name, jws, key=b"conformance")


class CannotStart(Exception):
    """The command starts nothing."""


class Started:
    """The client as a process that the kit started."""

    def __init__(self, command: Sequence[str], surroundings: Mapping[str, str]) -> None:
        self._command, self._surroundings = command, surroundings
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Begin, or begin again."""
        env = {**os.environ, **self._surroundings}
        try:
            self._process = await asyncio.create_subprocess_exec(*self._command, env=env, start_new_session=True)
        except (OSError, ValueError) as error:
            raise CannotStart(f"{self._command[0]} cannot be started: {error}") from error

    async def kill(self, number: int) -> None:
        """End it with this signal, its children too, and start it again."""
        await self.stop(number)
        await self.start()

    def ended(self) -> int | None:
        """What it exited with, if it ended by itself."""
        return self._process.returncode if self._process is not None else None

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        for each in (number, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, each)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ENDING_S):
                    await process.wait()
                    return


def surroundings(asked: Asked, base: str) -> dict[str, str]:
    """What a client has to know, as environment variables."""
    return {
        "CONCORD_ACCESS_URL": base,
        "CONCORD_ISSUER_URL": f"{base}/issuer",
        "CONCORD_JWKS_URL": f"{base}/.well-known/jwks.json",
        "CONCORD_PROVIDER_ID": str(asked.provider_id),
        "CONCORD_CLIENT_ID": "conformance",
        "CONCORD_CLIENT_SECRET": SECRET,
        **({"CONCORD_KAFKA": asked.kafka} if asked.kafka else {}),
    }


async def conform(
    asked: Asked, say: Callable[[dict[str, Any]], None], ready: Callable[[dict[str, str]], None]
) -> dict[str, Any]:
    """Play the desk and make the checks; gives what the pass says. Raises PortTaken, CannotStart, KafkaError."""
    desk = Desk(asked.provider_id, list(asked.keys))
    began = datetime.now(UTC)
    past = checks.past(desk) if checks.memory.__name__ in asked.checks else []
    async with _wire(asked) as wire:
        for document in past:
            await wire.send(desk.bytes_of[document["order_id"]])
        with desk.served(asked.port) as base:
            client = Started(asked.command, surroundings(asked, base)) if asked.command else None
            ready(surroundings(asked, base))
            try:
                if client is not None:
                    await client.start()
                bench = Bench(desk, wire, asked.patience_s, asked.probe, client, past)
                results = await checks.run(bench, asked.checks, say)
            finally:
                if client is not None:
                    await client.stop()
    return {
        "passed": all(result["result"] != "failed" for result in results),
        "kit": version("concord"),
        "provider_id": str(asked.provider_id),
        "client_keys": [key["kid"] for key in asked.keys],
        "client": " ".join(asked.command) or None,
        "orders_via": "kafka" if wire.kafka else "feed",
        "probe": asked.probe,
        "began_at": began.isoformat(),
        "ended_at": datetime.now(UTC).isoformat(),
        "orders": len(desk.documents),
        "receipts": len(desk.told),
        "checks": results,
        "not_judged": list(checks.NOT_JUDGED),
    }


def signed(said: dict[str, Any], signer: Signer) -> str:
    """The pass as a compact JWS."""
    return signer.sign(canonical(said), CONFORMANCE_TYPE)


@asynccontextmanager
async def _wire(asked: Asked) -> AsyncIterator[Wire]:
    if asked.kafka is None:
        yield Feed()
        return
    names = (orders_topic(asked.provider_id).name, receipts_topic(asked.provider_id).name)
    admin = AIOKafkaAdminClient(bootstrap_servers=asked.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=asked.kafka)
    await producer.start()
    try:
        yield Topic(producer, names[0])
    finally:
        await producer.stop()
