"""Look a list of keys up, as a stream. The audit says first that it is asked, then what, at last how far it came."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from uuid import UUID

import structlog

from query.errors import PurposeRequired
from query.lookup import bulk
from query.lookup.bulk import Keep, Tally
from query.lookup.freshness import Freshness
from query.lookup.inflow import Inflow
from query.lookup.kept import Kept
from query.policy import POLICY, Act
from query.service.state import model_of
from query.store import lookups
from shared.contracts.http.query import By, Format
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import DATABASE_ERRORS

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is about to be answered: its freshness and its answers."""

    freshness: Freshness
    answers: AsyncGenerator[bytes, None]


async def look_up_many(
    rt: Runtime, who: Caller, body: Inflow, by: By, form: Format, *, purpose: str | None, header: bool
) -> Listing:
    """The full records for a stream of keys. Raises Forbidden, PurposeRequired, ReadModelOutdated.

    The audit has a row before the first answer goes out, and holds every key before its answer does.
    """
    POLICY.require(who, Act.LOOK_UP_MANY)
    if purpose is None:
        raise PurposeRequired
    model = model_of(rt)
    now = rt.clock.now()
    freshness = Freshness(model.as_of(), now)
    lookup_id = uuid7()
    async with rt.db.transaction() as tx:
        await lookups.start_many(
            tx, lookup_id, who, purpose=purpose, by=by, form=form, as_of=freshness.as_of, at=now
        )  # fmt: skip
    tally = Tally()
    answers = bulk.answers(model, body, by, form, tally, _keeper(rt, lookup_id), header=header)
    return Listing(freshness, _audited(rt, lookup_id, answers, tally))


def _keeper(rt: Runtime, lookup_id: UUID) -> Keep:
    numbers = count()

    async def keep(kept: Kept) -> None:
        async with rt.db.transaction() as tx:
            await lookups.keep(tx, lookup_id, next(numbers), kept)

    return keep


async def _audited(
    rt: Runtime, lookup_id: UUID, answers: AsyncGenerator[bytes, None], tally: Tally
) -> AsyncGenerator[bytes, None]:
    """The answers; when they end, or are broken off, the audit says so."""
    status, reason = "aborted", None
    try:
        async with aclosing(answers):
            async for part in answers:
                yield part
        status = "completed"
    except BaseException as error:
        reason = type(error).__name__
        raise
    finally:
        # Also while the request is being cancelled: the row must not stay at "started".
        await asyncio.shield(asyncio.ensure_future(_finish(rt, lookup_id, status, reason, tally)))


async def _finish(rt: Runtime, lookup_id: UUID, status: str, reason: str | None, tally: Tally) -> None:
    try:
        async with rt.db.transaction() as tx:
            await lookups.finish_many(
                tx,
                lookup_id,
                status=status,
                keys=tally.keys,
                found=tally.found,
                digest=tally.digest.hexdigest(),
                reason=reason,
                at=rt.clock.now(),
            )
    except DATABASE_ERRORS as error:
        # The row says "started", which tells the auditor that its end is not known.
        _log.error("lookup.audit_not_finished", lookup_id=str(lookup_id), status=status, error=repr(error))
