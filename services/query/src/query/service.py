"""The verbs of query: look up, look up a list, show the public register. What officials look up is audited first."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import structlog

from query import bulk, public, store
from query.bulk import Format, Tally
from query.errors import AddressesAreOfficial, EntryNotFound, KeyMalformed, ReadModelOutdated
from query.freshness import Freshness
from query.inflow import Inflow
from query.keys import By
from query.lookup import Hit, Lookup, group
from query.policy import POLICY, Act
from query.readmodel import ReadModel
from query.records import id_of
from shared.rules.identifiers import InvalidIdentifier, parse_number
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import DATABASE_ERRORS

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """What this service keeps in memory: the one open read model of the process."""

    model: ReadModel


class Key(NamedTuple):
    """What is looked up."""

    by: By
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is about to be answered: its freshness and its answers."""

    freshness: Freshness
    answers: AsyncGenerator[bytes, None]


async def start(rt: Runtime) -> State:
    """Open the read model; it stays open as long as the process lives."""
    return State(ReadModel.open(rt.settings.lmdb_path, map_size=rt.settings.lmdb_map_size))


async def stop(rt: Runtime) -> None:
    """Let go of it."""
    rt.state.model.close()


async def look_up(rt: Runtime, who: Caller, key: Key, purpose: str | None) -> bytes:
    """The full record for one key, as JSON. Raises Forbidden, KeyMalformed, ReadModelOutdated."""
    POLICY.require(who, Act.LOOK_UP)
    hit, freshness = _find(rt, key)
    async with rt.db.transaction() as tx:
        await store.add_one(
            tx,
            uuid7(),
            who,
            purpose=purpose,
            by=key.by,
            key=key.text,
            found=hit.total if hit else 0,
            as_of=freshness.as_of,
            at=rt.clock.now(),
        )
    head = _head(key, hit, freshness)
    return _encode(head) if hit is None else _encode(head)[:-1] + b"," + hit.body[:-1]


async def look_up_in_public(rt: Runtime, key: Key) -> bytes:
    """The public fields for a domain or a number, as JSON. Raises AddressesAreOfficial, KeyMalformed."""
    if key.by is By.IP:
        raise AddressesAreOfficial.field("ip", "needs an official's token; look up a domain or a number instead")
    hit, freshness = _find(rt, key)
    head = _head(key, hit, freshness)
    return _encode(head if hit is None else {**head, **public.answer(group(hit))})


async def look_up_many(
    rt: Runtime,
    who: Caller,
    body: Inflow,
    by: By,
    form: Format,
    *,
    purpose: str | None,
    header: bool,
) -> Listing:
    """The full records for a stream of keys. Raises Forbidden, ReadModelOutdated.

    The audit has a row before the first answer goes out; it says later how far the list was answered.
    """
    POLICY.require(who, Act.LOOK_UP_MANY)
    model = _model(rt)
    freshness = Freshness(model.as_of(), rt.clock.now())
    audit_id = uuid7()
    async with rt.db.transaction() as tx:
        await store.start_many(
            tx, audit_id, who, purpose=purpose, by=by, form=form, as_of=freshness.as_of, at=rt.clock.now()
        )
    tally = Tally()
    answers = bulk.answers(model, body, by, form, tally, header=header)
    return Listing(freshness, _audited(rt, audit_id, answers, tally))


async def show_entry(rt: Runtime, number: str) -> dict[str, Any]:
    """The public register's entry for a registration or site number. Raises EntryNotFound, KeyMalformed."""
    key = Key(By.NUMBER, number)
    with _model(rt).reading() as txn:
        hit = _hit(rt.state.model, txn, key)
        if hit is None:
            raise EntryNotFound(number=number)
        sites = group(hit)
        orders = [rt.state.model.orders_of(txn, id_of(each.site.site_id)) for each in sites.entries]
        freshness = Freshness(rt.state.model.as_of_in(txn), rt.clock.now())
    canonical = sites.entries[0].registration.number
    shown = sites.entries[0].site.site_number if parse_number(number).site else canonical
    return {**public.register(shown, sites, orders), **freshness.members()}


def _find(rt: Runtime, key: Key) -> tuple[Hit | None, Freshness]:
    with _model(rt).reading() as txn:
        return _hit(rt.state.model, txn, key), Freshness(rt.state.model.as_of_in(txn), rt.clock.now())


def _hit(model: ReadModel, txn: Any, key: Key) -> Hit | None:
    try:
        return Lookup(model, txn).find(key.text, key.by)
    except InvalidIdentifier as wrong:
        raise KeyMalformed.field(key.by, wrong.message, reason=wrong.message) from wrong


def _model(rt: Runtime) -> ReadModel:
    """The read model, if this program can read it."""
    model: ReadModel = rt.state.model
    if not model.schema_fits():
        raise ReadModelOutdated(retry_after=30)
    return model


def _head(key: Key, hit: Hit | None, freshness: Freshness) -> dict[str, Any]:
    matched = {"matched": hit.matched} if hit and hit.matched else {}
    return {"found": hit is not None, "key": key.text, **matched, **freshness.members()}


async def _audited(
    rt: Runtime, audit_id: Any, answers: AsyncGenerator[bytes, None], tally: Tally
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
        await asyncio.shield(asyncio.ensure_future(_finish(rt, audit_id, status, reason, tally, rt.clock.now())))


async def _finish(rt: Runtime, audit_id: Any, status: str, reason: str | None, tally: Tally, at: datetime) -> None:
    try:
        async with rt.db.transaction() as tx:
            await store.finish_many(
                tx,
                audit_id,
                status=status,
                keys=tally.keys,
                found=tally.found,
                digest=tally.digest.hexdigest(),
                reason=reason,
                at=at,
            )
    except DATABASE_ERRORS as error:
        # The row says "started", which tells the auditor that its end is not known.
        _log.error("lookup.audit_not_finished", audit_id=str(audit_id), status=status, error=repr(error))
