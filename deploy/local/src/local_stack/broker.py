"""What the stack needs of a Kafka broker, whichever runs: Tansu, Apache Kafka, or one that somebody gave us."""

from dataclasses import dataclass
from typing import ClassVar, Protocol


class Broker(Protocol):
    """A Kafka broker that can be started, stopped and killed."""

    @property
    def kind(self) -> str:
        """Its name: tansu, kafka or own."""

    @property
    def idempotence(self) -> bool:
        """Whether idempotent producers work on it."""

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
    kind: ClassVar[str] = "own"
    idempotence: ClassVar[bool] = True
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
