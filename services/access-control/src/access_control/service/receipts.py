"""Receipts: what providers sign about their orders, one batch in one transaction, whichever door it came through.

Lock executions first, then orders. Whatever was recorded is answered with a counter-receipt, made once (ADR 16).
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg
from opentelemetry import metrics

from access_control import told
from access_control.errors import BatchRefused, TooManyRefused, UnknownBatch, Unsigned
from access_control.lifecycle import CLAIMED, STOPPED, Move, Status, clock_runs
from access_control.policy import POLICY, Act
from access_control.service import overlaps
from access_control.service.claims import Accepted, Claim, KeyBook, Known, Refused, Signed, judge, kid_of
from access_control.service.hindered import countersigner
from access_control.service.sending import EXECUTION, tell
from access_control.service.state import refusals_of
from access_control.store import executions, orders, providers
from access_control.store import receipts as store
from access_control.store.orders import AccessOrder
from access_control.store.providers import Provider
from access_control.store.receipts import TakenBatch
from shared.contracts.http.receipts import FieldError, ReceiptResult
from shared.contracts.receipts import COUNTER_TYPE, CounterReceipt, CounterResult
from shared.contracts.topics import receipts_topic
from shared.runtime.acts import audit, deadlines
from shared.runtime.acts.documents import IssuerHasNoKey
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.at_commit import part
from shared.runtime.db.postgres import Tx
from shared.runtime.events.dispatch import Raw
from shared.signing import canonical

Door = Literal["http", "kafka"]
METRICS: Final = {
    "receipts_refused_total": "Documents of receipts that were refused, or held a refused receipt, by door.",
}
TOPIC_PREFIX: Final = receipts_topic("").name
HOLDS: Final = "The provider holds the order."
AUDITED: Final = 20
"""Refused receipts of one batch that are audited line by line; all of them are in the answer, which is kept."""

_refused = metrics.get_meter("concord.access-control").create_counter(
    "receipts_refused", description=METRICS["receipts_refused_total"]
)

Verdict = Accepted | Known | Refused


@dataclass(frozen=True, slots=True)
class Batch:
    """A document that arrived from one provider."""

    provider_id: UUID
    who: Caller
    door: Door
    jws: bytes


async def record_posted(rt: Runtime, who: Caller, provider_id: UUID, jws: str) -> TakenBatch:
    """Take what a provider posted; the same document again gets the same answer.

    Raises UnknownProvider (404); Forbidden (403) for another provider; BatchRefused (422); TooManyRefused (429);
    IssuerHasNoKey (503). What is wrong with one receipt is said in its result.
    """
    async with rt.db.connection() as tx:
        POLICY.require(who, Act.SIGN_RECEIPT, await providers.get(tx, provider_id))
    if wait := refusals_of(rt).wait(str(provider_id)):
        raise TooManyRefused(retry_after=wait)
    taken = await record(rt, Batch(provider_id, who, "http", jws.encode("utf-8", "replace")))
    if isinstance(taken, Refused):
        fields = [{"field": field, "message": message} for field, message in taken.fields]
        raise BatchRefused(fields, why=taken.code, reason=taken.reason)
    return taken


async def record_heard(rt: Runtime, tx: Tx, heard: Sequence[Raw]) -> None:
    """Take what a provider wrote to its topic, in the transaction that claims the records. A refusal is audited.

    Raises Unsigned where nobody has a key to answer with: the records of this provider are parked until somebody has.
    """
    provider_id = UUID(heard[0].meta.topic.removeprefix(TOPIC_PREFIX))
    # Only this provider may write to its topic (broker ACL), and the signature is checked like everywhere.
    who = replace(Caller.system("access-control"), subject=f"provider:{provider_id}", organisation=str(provider_id))
    for each in heard:
        batch = Batch(provider_id, who, "kafka", each.value)
        read = await _read(rt, batch)
        try:
            try:
                async with part(tx):
                    await _take(rt, tx, batch, read)
            except asyncpg.UniqueViolationError:
                await _take(rt, tx, batch, read)  # as below: the other door was faster
        except IssuerHasNoKey as missing:  # its own topic waits for that, and nobody else's
            raise Unsigned(str(missing)) from None


async def get(rt: Runtime, who: Caller, provider_id: UUID, digest: str) -> TakenBatch:
    """A batch that was taken, with its counter-receipt.

    Raises UnknownProvider, UnknownBatch (404); Forbidden (403).
    """
    async with rt.db.connection() as tx:
        POLICY.require(who, Act.SEE_RECEIPTS, await providers.get(tx, provider_id))
        found = await store.batch(tx, provider_id, digest)
    if found is None:
        raise UnknownBatch
    return found


async def record(rt: Runtime, batch: Batch) -> TakenBatch | Refused:
    """Check the signature, then judge and write everything in one transaction; one bad receipt stops no other."""
    read = await _read(rt, batch)
    try:
        async with rt.db.transaction() as tx:
            return await _take(rt, tx, batch, read)
    except asyncpg.UniqueViolationError:
        # Another transaction took it, or one of its receipts, between our look and our write; now we see it.
        async with rt.db.transaction() as tx:
            return await _take(rt, tx, batch, read)


async def _read(rt: Runtime, batch: Batch) -> Signed | Refused:
    kid = kid_of(batch.jws)
    async with rt.db.connection() as tx:
        keys = (await providers.keys(tx, batch.provider_id))[batch.provider_id]
        stranger = kid is not None and all(key.kid != kid for key in keys)
        foreign = await providers.foreign_kids(tx, [str(kid)], batch.provider_id) if stranger else set()
    book = KeyBook(batch.provider_id, keys, foreign, rt.clock.now())
    return await asyncio.to_thread(book.read, batch.jws)  # other requests go on


async def _take(rt: Runtime, tx: Tx, batch: Batch, read: Signed | Refused) -> TakenBatch | Refused:
    if isinstance(read, Refused):
        _refused.add(1, {"door": batch.door})
        if refusals_of(rt).take(str(batch.provider_id)) == 0 and batch.door == "kafka":  # the other door audits itself
            await _audit(rt, tx, batch, [read])
        return read
    known = await store.batch(tx, batch.provider_id, read.digest)
    return known or await _judge_and_write(rt, tx, batch, read)


async def _judge_and_write(rt: Runtime, tx: Tx, batch: Batch, read: Signed) -> TakenBatch:
    at = rt.clock.now()
    named = sorted({item.receipt.order_id for item in read.receipts if isinstance(item, Claim)})
    await executions.hold_of_orders(tx, named, batch.provider_id)
    held = await orders.hold_many(tx, named, batch.provider_id)
    foreign = await orders.get_many(tx, set(named) - held.keys())
    verdicts = await _judge_all(tx, batch.provider_id, read, foreign | held)
    provider = await providers.get(tx, batch.provider_id)
    results = [_result(index, verdict) for index, verdict in enumerate(verdicts)]
    counter = _countersigned(rt, provider, read, batch, results, at)
    taken = TakenBatch(
        batch.provider_id, read.digest, read.kid, batch.jws, batch.door,
        [result.model_dump(mode="json") for result in results], counter, at,
    )  # fmt: skip
    await store.add_batch(tx, taken)
    accepted = [verdict for verdict in verdicts if isinstance(verdict, Accepted)]
    if accepted:
        await _write(tx, batch, read, accepted, held, at)
    refused = [verdict for verdict in verdicts if isinstance(verdict, Refused)]
    if refused:
        _refused.add(1, {"door": batch.door})
        harmless = all(each.code == "already_executed" for each in refused)  # a journal was lost; it is as it should be
        if harmless or refusals_of(rt).take(str(batch.provider_id)) == 0:
            await _audit(rt, tx, batch, refused[:AUDITED])
    return taken


def _countersigned(
    rt: Runtime, provider: Provider, read: Signed, batch: Batch, results: Sequence[ReceiptResult], at: datetime
) -> bytes:
    signer, recorded_by = countersigner(rt, provider)
    said = [CounterResult.model_validate(each.model_dump(include=set(CounterResult.model_fields))) for each in results]
    document = CounterReceipt(
        provider_id=batch.provider_id, batch=read.digest, recorded_by=recorded_by, recorded_at=at, results=tuple(said)
    )
    return signer.sign(canonical(document.model_dump(mode="json")), COUNTER_TYPE).encode()


async def _judge_all(tx: Tx, provider_id: UUID, read: Signed, held: dict[UUID, AccessOrder]) -> list[Verdict]:
    """Judge in the order of the batch; each receipt sees what the ones before it did."""
    ids = [item.receipt.receipt_id for item in read.receipts if isinstance(item, Claim)]
    taken = await store.taken(tx, provider_id, ids)
    executed = await store.executed(tx, list(held))
    standing = dict(held)
    verdicts: list[Verdict] = []
    for item in read.receipts:
        if isinstance(item, Refused):
            verdicts.append(item)
            continue
        receipt = item.receipt
        order = standing.get(receipt.order_id)
        verdict = judge(item, order, provider_id=provider_id, taken=taken, executed=receipt.order_id in executed)
        if isinstance(verdict, Accepted):
            taken[receipt.receipt_id] = (receipt.order_id, receipt.outcome, receipt.at)
            if receipt.outcome == "executed":
                executed.add(receipt.order_id)
            standing[receipt.order_id] = replace(standing[receipt.order_id], status=verdict.after)
        verdicts.append(verdict)
    return verdicts


async def _write(
    tx: Tx, batch: Batch, read: Signed, accepted: Sequence[Accepted], held: dict[UUID, AccessOrder], at: datetime
) -> None:
    said = [(item.claim.receipt, item.moved) for item in accepted]
    await store.add_many(tx, batch.provider_id, said, batch=read.digest, kid=read.kid, door=batch.door, at=at)
    moved = [item for item in accepted if item.moved]
    for move, together in _rounds(moved):
        standing = [held[item.claim.receipt.order_id] for item in together]
        why = [item.claim.receipt.how or item.claim.receipt.why or HOLDS for item in together]
        after = await orders.MOVES.move_all(tx, standing, move, who=batch.who, why=why, at=at)
        held |= {order.id: order for order in after}
    await _clocks(tx, moved, held, at)
    for item in moved:
        order, receipt = held[item.claim.receipt.order_id], item.claim.receipt
        tell(tx, order, told.claimed(order, receipt, at), at)


def _rounds(moved: Sequence[Accepted]) -> Iterator[tuple[Move, list[Accepted]]]:
    """What can be written together: the same move of many orders, and of one order one move after the other."""
    rounds: list[dict[Move, list[Accepted]]] = []
    seen: Counter[UUID] = Counter()
    for item in moved:
        receipt = item.claim.receipt
        place = seen[receipt.order_id]
        seen[receipt.order_id] += 1
        if place == len(rounds):
            rounds.append({})
        rounds[place].setdefault(CLAIMED[receipt.outcome], []).append(item)
    for each in rounds:
        yield from each.items()


async def _clocks(tx: Tx, moved: Sequence[Accepted], held: Mapping[UUID, AccessOrder], at: datetime) -> None:
    """Executed: the clock is met. Impossible or contested: that of a burden stands still, the issuer is to act."""
    for item in moved:
        receipt = item.claim.receipt
        runs = clock_runs(item.after, held[receipt.order_id].action)
        if item.after in STOPPED and item.before not in STOPPED and not runs:
            await deadlines.pause(tx, EXECUTION, receipt.order_id, at, f"{receipt.outcome}: {receipt.why}")
        if item.before in STOPPED and item.after not in STOPPED:
            await overlaps.answered(tx, receipt.order_id, at)
    executed = {item.claim.receipt.order_id for item in moved if item.after == Status.EXECUTED}
    await deadlines.met_many(tx, kind=EXECUTION, aggregate_ids=sorted(executed), at=at)


async def _audit(rt: Runtime, tx: Tx, batch: Batch, refused: Sequence[Refused]) -> None:
    """What was taken is in the history; what was refused is written down here, with the digest of what was sent."""
    for verdict in refused:
        await audit.record(
            tx,
            who=batch.who,
            act=f"receipt by {batch.door}",
            resource=f"/providers/{batch.provider_id}/receipts",
            outcome="refused",
            code=verdict.code,
            detail={
                "receipt_id": str(verdict.receipt_id) if verdict.receipt_id else None,
                "order_id": str(verdict.order_id) if verdict.order_id else None,
                "reason": verdict.reason,
                "fields": [field for field, _ in verdict.fields],
                "sha256": hashlib.sha256(batch.jws).hexdigest(),
            },
            at=rt.clock.now(),
        )


def _result(index: int, verdict: Verdict) -> ReceiptResult:
    if isinstance(verdict, Refused):
        return ReceiptResult(
            index=index,
            receipt_id=verdict.receipt_id,
            status="refused",
            code=verdict.code,
            order_id=verdict.order_id,
            order_status=verdict.order_status,
            fields=[FieldError(field=field, message=message) for field, message in verdict.fields],
            allowed_outcomes=list(verdict.allowed),
        )
    again = isinstance(verdict, Known)
    return ReceiptResult(
        index=index,
        receipt_id=verdict.claim.receipt.receipt_id,
        status="recorded",
        code="receipt_replayed" if again else None,
        order_id=verdict.claim.receipt.order_id,
        order_status=verdict.status if isinstance(verdict, Known) else verdict.after,
    )
