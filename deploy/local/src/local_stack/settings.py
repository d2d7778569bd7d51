"""What the person who starts the stack may choose, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from local_stack.errors import BadSetting

DEMO_PROFILE: Final = "cn-2006-demo"


@dataclass(frozen=True)
class StackSettings:
    """The choices: a folder, a broker, and servers of one's own."""

    root: Path
    """CONCORD_HOME: where data, keys and logs are kept; default `.concord` in the working folder."""
    broker: str
    """BROKER: tansu (default) or kafka; own when KAFKA_BOOTSTRAP_SERVERS is given."""
    kafka_bootstrap: str | None
    """KAFKA_BOOTSTRAP_SERVERS: a Kafka cluster of one's own."""
    profile: str
    """CONCORD_PROFILE: the rules; default cn-2006-demo, which are those of cn-2006 with waiting times of seconds."""
    database_url: str | None
    """DATABASE_URL: a PostgreSQL server of one's own; its role must be allowed to create roles and databases."""

    @classmethod
    def read(cls, env: Mapping[str, str] = os.environ) -> Self:
        """From the environment. Raises BadSetting for a broker nobody knows and a DATABASE_URL that is none."""
        bootstrap = env.get("KAFKA_BOOTSTRAP_SERVERS") or None
        broker = env.get("BROKER") or "tansu"
        if broker not in {"tansu", "kafka"}:
            msg = f"BROKER={broker}: known are tansu and kafka"
            raise BadSetting(msg)
        return cls(
            root=Path(env.get("CONCORD_HOME") or ".concord").absolute(),
            broker="own" if bootstrap else broker,
            kafka_bootstrap=bootstrap,
            profile=env.get("CONCORD_PROFILE") or DEMO_PROFILE,
            database_url=_checked(env.get("DATABASE_URL")),
        )


def _checked(database_url: str | None) -> str | None:
    """A PostgreSQL address with a host; its password is never in a message."""
    if not database_url:
        return None
    try:
        parts = urlsplit(database_url)
        fits = parts.scheme in {"postgresql", "postgres"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        fits = False
    if not fits:
        msg = "DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with everything odd in it as %XX"
        raise BadSetting(msg)
    return database_url
