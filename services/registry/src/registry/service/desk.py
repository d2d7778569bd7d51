"""Who decides, how to challenge it, and by when: what the profile and the directory say for one desk."""

from datetime import datetime
from typing import Final
from uuid import UUID

from shared.contracts.grounds import AuthorityRef, Grounds, Statement
from shared.contracts.http.registry import ClockView
from shared.rules import Level
from shared.runtime.acts import deadlines
from shared.runtime.acts.directory import AuthorityMissing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

SYSTEM: Final = Caller.system("registry")
"""Who acts where a clock, or a fact of somebody else, does."""


def regulator_for(rt: Runtime, level: str, region: str) -> AuthorityRef:
    """The industry regulator of a level and region. Raises AuthorityMissing."""
    return rt.directory.regulator(level, region if level == Level.PROVINCE else None)


def teller(rt: Runtime, level: str, region: str) -> AuthorityRef:
    """Who tells somebody what waits for nobody: that regulator; where the directory has none the ministry, at once.

    Raises AuthorityMissing where there is no ministry either.
    """
    try:
        return regulator_for(rt, level, region)
    except AuthorityMissing:
        return regulator_for(rt, Level.NATIONAL, region)


def grounds_of(rt: Runtime, authority: AuthorityRef, statement: Statement, at: datetime) -> Grounds:
    """A refusal's grounds: the redress is computed, never typed."""
    body = rt.directory.review_body(authority)
    return Grounds(**dict(statement), authority=authority, redress=rt.redress(body), profile=rt.rules.ref, made_at=at)


async def clock_of(tx: Tx, aggregate_id: UUID, kind: str, overdue_at: datetime | None) -> ClockView | None:
    """The clock of something that waits for a decision, while it runs."""
    return (await deadlines.clocks_of(tx, kind, {aggregate_id: overdue_at})).get(aggregate_id)
