"""Receipts: what providers sign about their orders, one batch in one transaction, whichever door it came through."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg

from access_control import told
from access_control.lifecycle import CLAIMED, STOPPED, Move, Status
from access_control.policy import POLICY, Act
from access_control.service.claims import Accepted, Claim, KeyBook, Refused, judge, kid_of
from access_control.service.sending import EXECUTION
from access_control.store import executions, orders, providers
from access_control.store import receipts as store
from access_control.store.orders import AccessOrder
from access_control.store.receipts import RecordedReceipt
from shared.contracts.http.receipts import FieldError, ReceiptResult
from shared.contracts.topics import receipts_topic
from shared.runtime.acts import audit, deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.events.dispatch import Raw

Door = Literal["http", "kafka"]
TOPIC_PREFIX: Final = receipts_topic("").name
HOLDS: Final = "The provider holds the order."
MANY: Final = 20
"""From here on signatures are checked in a thread, so that other requests go on."""

Verdict = Accepted | Refused


@dataclass(frozen=True, slots=True)
class Batch:
    """Receipts of one provider that arrived together."""

    provider_id: UUID
    who: Caller
    door: Door
    receipts: Sequence[bytes]


async def record_posted(rt: Runtime, who: Caller, provider_id: UUID, receipts: Sequence[str]) -> list[ReceiptResult]:
    """Take what a provider posted. 404; 403 for another provider; everything else is said per receipt."""
    async with rt.db.connection() as tx:
        POLICY.require(who, Act.SIGN_RECEIPT, await providers.get(tx, provider_id))
    batch = Batch(provider_id, who, "http", [receipt.encode("utf-8", "replace") for receipt in receipts])
    return await record(rt, batch)


async def record_heard(rt: Runtime, tx: Tx, heard: Sequence[Raw]) -> None:
    """Take what a provider wrote to its topic, in the transaction that claims the records. A refusal is audited."""
    provider_id = UUID(heard[0].meta.topic.removeprefix(TOPIC_PREFIX))
    # Only this provider may write to its topic (broker ACL), and the signature is checked like everywhere.
    who = replace(Caller.system("access-control"), subject=f"provider:{provider_id}", organisation=str(provider_id))
    batch = Batch(provider_id, who, "kafka", [each.value for each in heard])
    await _judge_and_write(rt, batch, await _read(rt, batch))


async def record(rt: Runtime, batch: Batch) -> list[ReceiptResult]:
    """Check the signatures, then judge and write everything in one transaction; one bad receipt stops no other."""
    read = await _read(rt, batch)
    try:
        return await _judge_and_write(rt, batch, read)
    except asyncpg.UniqueViolationError:
        # Another transaction took one of these receipts between our look and our write; now we see it.
        return await _judge_and_write(rt, batch, read)


async def _read(rt: Runtime, batch: Batch) -> list[Claim | Refused]:
    kids = {kid for kid in map(kid_of, batch.receipts) if kid is not None}
    async with rt.db.connection() as tx:
        keys = (await providers.keys(tx, batch.provider_id))[batch.provider_id]
        strangers = sorted(kids - {key.kid for key in keys})
        foreign = await providers.foreign_kids(tx, strangers, batch.provider_id) if strangers else set()
    book = KeyBook(batch.provider_id, keys, foreign, rt.clock.now())
    if len(batch.receipts) < MANY:
        return [book.read(jws) for jws in batch.receipts]
    return await asyncio.to_thread(lambda: [book.read(jws) for jws in batch.receipts])


async def _judge_and_write(rt: Runtime, batch: Batch, read: Sequence[Claim | Refused]) -> list[ReceiptResult]:
    async with rt.db.transaction() as tx:
        claims = [item for item in read if isinstance(item, Claim)]
        named = sorted({claim.receipt.order_id for claim in claims})
        await executions.hold_of_orders(tx, named, batch.provider_id)
        held = await orders.hold_many(tx, named)
        verdicts = await _judge_all(tx, batch.provider_id, read, claims, held)
        accepted = [verdict for verdict in verdicts if isinstance(verdict, Accepted)]
        if accepted:
            await _write(rt, tx, batch, accepted, held)
        await _audit(rt, tx, batch, verdicts)
    return [_result(index, verdict) for index, verdict in enumerate(verdicts)]


async def _judge_all(
    tx: Tx,
    provider_id: UUID,
    read: Sequence[Claim | Refused],
    claims: Sequence[Claim],
    held: dict[UUID, AccessOrder],
) -> list[Verdict]:
    """Judge in the order of the batch; each receipt sees what the ones before it did."""
    if not claims:
        return [item for item in read if isinstance(item, Refused)]
    taken = await store.taken(tx, provider_id, [claim.receipt.receipt_id for claim in claims])
    executed = await store.executed(tx, list(held))
    standing = dict(held)
    verdicts: list[Verdict] = []
    for item in read:
        verdict: Verdict
        if isinstance(item, Refused):
            verdict = item
        else:
            order_id = item.receipt.order_id
            verdict = judge(item, standing.get(order_id), taken=taken, executed=order_id in executed)
            if isinstance(verdict, Accepted):
                taken[item.receipt.receipt_id] = (order_id, item.receipt.outcome)
                if verdict.claim.receipt.outcome == "executed":
                    executed.add(order_id)
                standing[order_id] = replace(standing[order_id], status=verdict.after)
        verdicts.append(verdict)
    return verdicts


async def _write(
    rt: Runtime, tx: Tx, batch: Batch, accepted: Sequence[Accepted], held: dict[UUID, AccessOrder]
) -> None:
    now = rt.clock.now()
    await store.add_many(tx, batch.provider_id, [_row(rt, batch, item) for item in accepted], door=batch.door, at=now)
    moved = [item for item in accepted if item.moved]
    if not moved:
        return
    for move, together in _rounds(moved):
        standing = [held[item.claim.receipt.order_id] for item in together]
        why = [item.claim.receipt.how or item.claim.receipt.why or HOLDS for item in together]
        after = await orders.MOVES.move_all(tx, standing, move, who=batch.who, why=why, at=now)
        held |= {order.id: order for order in after}
    await _clocks(tx, moved, now)
    facts = [told.claimed(held[item.claim.receipt.order_id], item.claim.receipt, now) for item in moved]
    outbox.add(tx, *facts, at=now)


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


async def _clocks(tx: Tx, moved: Sequence[Accepted], at: datetime) -> None:
    """Executed: the clock is met. Impossible or contested: it stands still, the issuer is to act."""
    for item in moved:
        if item.after in STOPPED and item.before not in STOPPED:
            receipt = item.claim.receipt
            await deadlines.pause(tx, EXECUTION, receipt.order_id, at, f"{receipt.outcome}: {receipt.why}")
    executed = {item.claim.receipt.order_id for item in moved if item.after == Status.EXECUTED}
    await deadlines.met_many(tx, kind=EXECUTION, aggregate_ids=sorted(executed), at=at)


def _row(rt: Runtime, batch: Batch, item: Accepted) -> RecordedReceipt:
    receipt = item.claim.receipt
    return RecordedReceipt(
        provider_id=batch.provider_id,
        receipt_id=receipt.receipt_id,
        order_id=receipt.order_id,
        outcome=receipt.outcome,
        at=receipt.at,
        how=receipt.how,
        why=receipt.why,
        kid=item.claim.kid,
        jws=item.claim.jws,
        door=batch.door,
        moved=item.moved,
        recorded_at=rt.clock.now(),
    )


async def _audit(rt: Runtime, tx: Tx, batch: Batch, verdicts: Sequence[Verdict]) -> None:
    """What was taken is in the history; what was refused is written down here, with the digest of what was sent."""
    for index, verdict in enumerate(verdicts):
        if isinstance(verdict, Refused):
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
                    "kid": verdict.kid,
                    "reason": verdict.reason,
                    "fields": [field for field, _ in verdict.fields],
                    "sha256": hashlib.sha256(batch.receipts[index]).hexdigest(),
                },
                at=rt.clock.now(),
            )


def _result(index: int, verdict: Verdict) -> ReceiptResult:
    if isinstance(verdict, Accepted):
        receipt = verdict.claim.receipt
        return ReceiptResult(
            index=index,
            receipt_id=receipt.receipt_id,
            status="recorded",
            order_id=receipt.order_id,
            order_status=verdict.after,
        )
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
