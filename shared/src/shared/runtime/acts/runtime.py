"""What every verb is given: database, clock, rules and settings."""

from dataclasses import dataclass
from typing import Any

from shared.contracts.grounds import AuthorityRef, Redress
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

    def redress(self, body: AuthorityRef) -> Redress:
        """How an act is challenged before this review body, as the profile says: computed, never typed."""
        rule = self.rules.redress
        return Redress(body=body, how=rule.how, how_zh=rule.how_chinese, within_days=rule.within_days)
