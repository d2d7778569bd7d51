"""What every verb is given: database, clock, rules and settings."""

from dataclasses import dataclass
from typing import Any

from shared.rules import Rules
from shared.runtime.acts.directory import Directory
from shared.runtime.base.clock import Clock
from shared.runtime.db.postgres import Database


@dataclass(frozen=True)
class Runtime:
    """What a service runs on; the first argument of every verb."""

    db: Database
    clock: Clock
    rules: Rules
    settings: Any
    """The service's own settings class; each service knows which."""
    directory: Directory
    """The organisations that act here: authorities, regulators, review bodies."""
    state: Any = None
    """What the service's start hook returned, if it has one; each service knows what."""
