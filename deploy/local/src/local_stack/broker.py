"""What the stack needs of a Kafka broker, whichever runs: Tansu, Apache Kafka, or one that somebody gave us."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Protocol

from aiokafka.errors import KafkaError

from local_stack.errors import StartFailed
from shared.runtime.events import kafka

_ANSWER_S: Final = 30.0


class Broker(Protocol):
    """A Kafka broker that can be started, stopped and killed."""

    @property
    def log(self) -> Path | None:
        """Where it writes what it has to say; none when it is not ours."""

    @property
    def kind(self) -> str:
        """Its name: tansu, kafka or own."""

    @property
    def idempotence(self) -> bool:
        """Whether idempotent producers work on it."""

    @property
    def fetch_wait_ms(self) -> int:
        """How long it may hold an empty fetch without making records wait."""

    @property
    def keeps_data(self) -> bool:
        """Whether topics survive a restart; if not, every service replays its outbox when it starts."""

    @property
    def bootstrap(self) -> str:
        """Bootstrap servers, as clients want them."""

    def start(self) -> None:
        """Bring it up; returns when it accepts connections. After `stop` or `kill` it returns on the same port."""

    def stop(self) -> None:
        """End it in good order."""

    def kill(self) -> None:
        """End it with kill -9."""

    def is_alive(self) -> bool:
        """Whether it runs."""


@dataclass(frozen=True)
class ForeignBroker:
    """A broker that somebody else runs (KAFKA_BOOTSTRAP_SERVERS); starting and stopping it is not ours."""

    bootstrap: str
    log: Path | None = None
    kind: ClassVar[str] = "own"
    idempotence: ClassVar[bool] = True
    fetch_wait_ms: ClassVar[int] = 500
    keeps_data: ClassVar[bool] = True

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def kill(self) -> None:
        """Nothing to kill."""

    def is_alive(self) -> bool:
        """We cannot know; its clients will tell."""
        return True


async def until_it_answers(broker: Broker, *topics: str) -> None:
    """Wait for the broker to speak Kafka, and to have these topics. Raises StartFailed."""
    why, end = "it does not answer", time.monotonic() + _ANSWER_S
    while (left := end - time.monotonic()) > 0:
        try:
            async with kafka.admin(kafka.KafkaSettings(broker.bootstrap), left) as admin:
                missing = set(topics) - set(await kafka.answered("its topics", admin.list_topics(), left))
        except kafka.BrokerUnavailable:
            pass  # what it said before says more
        except KafkaError as error:
            why = repr(error)
        else:
            if not missing:
                return
            why = f"it has no topic {', '.join(sorted(missing))}"
        await asyncio.sleep(0.3)
    msg = f"the Kafka broker at {broker.bootstrap} is not ready after {_ANSWER_S:g} s: {why}"
    raise StartFailed(msg)
