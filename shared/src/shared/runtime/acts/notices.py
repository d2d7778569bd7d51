"""Notices: what a department tells whom its act concerns, in the transaction of the act (model: notice).

The inbox is the legal record and always there; mail and webhook follow the recipient's address for service. A notice is
delivered when a server of a verified address took it, when its recipient opened it in the inbox, when one person
entered the proof of a letter and another confirmed it (``postal``), or when it is deemed so: so many days after it was
put into the inbox (profile: notice_deemed).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared.contracts.grounds import (
    ActRef,
    AddressForService,
    AuthorityRef,
    Department,
    Grounds,
    Names,
    Party,
    Statement,
)
from shared.contracts.notices import DELIVERED, ISSUED, Channel, DeliveryState, NoticeDocument, digest_of
from shared.runtime.acts import deadlines, outbox
from shared.runtime.acts.policy import Reach
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import NotFound
from shared.runtime.db.at_commit import notify_at_commit
from shared.runtime.db.postgres import Tx

CHANNEL: Final = "notices"
"""NOTIFY wakes whoever sends."""
DEEMED: Final = "notice_deemed"
"""Kind and clock of the deadline at which an unread notice counts as delivered."""
_DEEMED: Final = "deemed"
_NOBODY: Final = "-"
"""Neither the identity of a recipient nor the id of an organisation."""


class UnknownNotice(NotFound):
    """There is no notice {notice_id} for you."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as kept. ``organisation`` and ``authority`` are the policy's words: whose inbox, whose act."""

    id: UUID
    about_kind: str
    about_id: UUID
    kind: str
    identity: str
    authority_id: str
    document: bytes
    digest: str
    issued_at: datetime
    delivered_at: datetime | None
    delivered_by: str | None
    opened_at: datetime | None
    moved_id: UUID
    """Whose history names everybody who had a hand in the act."""

    @property
    def organisation(self) -> tuple[str, str]:
        """Who may read it: its recipient and the authority whose act it is."""
        return self.identity, self.authority_id


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a notice on one channel."""

    notice_id: UUID
    channel: Channel
    address: str
    verified: bool
    state: DeliveryState
    attempts: int
    proof: str | None
    error: str | None
    changed_at: datetime


_COLUMNS: Final = """id, about_kind, about_id, kind, identity, authority_id, document, digest, issued_at, delivered_at,
       delivered_by, opened_at, coalesce(moved_id, about_id) AS moved_id"""
_DELIVERY: Final = "notice_id, channel, address, verified, state, attempts, proof, error, changed_at"
_WORDS: Final = {"organisation": "ARRAY[identity, authority_id] && {}"}

_ISSUE: Final = """
INSERT INTO notice (id, about_kind, about_id, kind, identity, authority_id, document, digest, issued_at, moved_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_QUEUE: Final = """
INSERT INTO delivery (notice_id, channel, address, verified, state, retry_at, changed_at)
SELECT $1, channel, address, verified, 'queued', $5, $5
  FROM unnest($2::text[], $3::text[], $4::boolean[]) AS given (channel, address, verified)
"""
_GET: Final = f"SELECT {_COLUMNS} FROM notice WHERE id = $1"  # noqa: S608 - ours
_ABOUT: Final = f"SELECT {_COLUMNS} FROM notice WHERE about_id = $1 AND ($2::text IS NULL OR kind = $2) ORDER BY id"  # noqa: S608
_DELIVERIES: Final = f"SELECT {_DELIVERY} FROM delivery WHERE notice_id = ANY ($1) ORDER BY notice_id, channel"  # noqa: S608
_DELIVERED: Final = """
UPDATE notice SET delivered_at = $2, delivered_by = $3 WHERE id = $1 AND delivered_at IS NULL RETURNING id
"""
_OPENED: Final = "UPDATE notice SET opened_at = $2 WHERE id = $1 AND opened_at IS NULL"


async def issue(
    tx: Tx,
    rt: Runtime,
    *,
    about: ActRef,
    kind: str,
    to: Party | Department,
    address: AddressForService,
    authority: AuthorityRef,
    title: Names,
    says: Statement | Grounds | None = None,
    answer_by: datetime | None = None,
    moved: UUID | None = None,
    in_inbox: bool = True,
) -> UUID:
    """Put a notice into the recipient's inbox and queue it for its other channels; gives its id.

    ``moved``: the aggregate in whose history the act is, where that is another one than the act itself. Without
    ``in_inbox`` it goes to the address alone, and nobody reads it here, its authority neither.
    """
    at, notice_id = rt.clock.now(), uuid7()
    document = NoticeDocument(
        notice_id=notice_id,
        about=about,
        kind=kind,
        to=to,
        authority=authority,
        title=title,
        grounds=says if isinstance(says, Grounds) else None,
        statement=None if isinstance(says, Grounds) else says,
        answer_by=answer_by,
        issued_at=at,
    )
    body = document.model_dump_json().encode()
    readers = (to.identity, authority.id) if in_inbox else (_NOBODY, _NOBODY)
    await tx.execute(
        _ISSUE, notice_id, about.kind, about.id, kind, *readers, body, digest_of(body), at, moved or about.id
    )
    channels = [
        (Channel.EMAIL, address.email, address.email_verified),
        (Channel.WEBHOOK, address.webhook, address.webhook_verified),
    ]
    queued = [(channel, place, verified) for channel, place, verified in channels if place]
    if queued:
        await tx.execute(_QUEUE, notice_id, *map(list, zip(*queued, strict=True)), at)
        notify_at_commit(tx, CHANNEL)
    issued = ISSUED.get(about.service)
    if issued is not None and document.grounds is not None and isinstance(to, Party):
        fact = issued(
            act_id=about.id, act=about, notice_id=notice_id, to=to, grounds=document.grounds.public(), issued_at=at
        )
        outbox.add(tx, fact, at=at)
    await deadlines.start(tx, kind=DEEMED, aggregate_id=notice_id, clock_name=DEEMED, rt=rt, at=at)
    return notice_id


async def about(tx: Tx, act_id: UUID, kind: str | None = None) -> list[Notice]:
    """Every notice about an act, oldest first."""
    return [_notice(row) for row in await tx.fetch(_ABOUT, act_id, kind)]


async def delivered_at(tx: Tx, act_id: UUID, kind: str) -> datetime | None:
    """When the first notice of this kind about an act was delivered, if one was."""
    times = [notice.delivered_at for notice in await about(tx, act_id, kind) if notice.delivered_at is not None]
    return min(times, default=None)


async def reached_at(tx: Tx, act_id: UUID, kind: str) -> datetime | None:
    """When the first notice of this kind about an act really reached somebody: none that is only deemed delivered."""
    found = await about(tx, act_id, kind)
    times = [each.delivered_at for each in found if each.delivered_at is not None and each.delivered_by != _DEEMED]
    return min(times, default=None)


async def get(tx: Tx, notice_id: UUID) -> Notice:
    """One notice. Raises UnknownNotice (404)."""
    row = await tx.fetchrow(_GET, notice_id)
    if row is None:
        raise UnknownNotice(notice_id=notice_id)
    return _notice(row)


async def page(tx: Tx, reach: Reach, after: UUID | None, limit: int) -> list[Notice]:
    """Notices within reach, newest first."""
    where, values = reach.where(_WORDS, first=3)
    sql = f"SELECT {_COLUMNS} FROM notice WHERE ($1::uuid IS NULL OR id < $1) AND {where} ORDER BY id DESC LIMIT $2"  # noqa: S608
    return [_notice(row) for row in await tx.fetch(sql, after, limit, *values)]


async def deliveries(tx: Tx, notice_ids: list[UUID]) -> list[Delivery]:
    """What became of these notices on mail, webhook and post."""
    return [_delivery(row) for row in await tx.fetch(_DELIVERIES, notice_ids)]


async def opened(tx: Tx, notice: Notice, at: datetime) -> None:
    """Its recipient read it: that is a delivery, whatever became of mail and webhook."""
    await tx.execute(_OPENED, notice.id, at)
    await delivered(tx, notice.id, by=Channel.INBOX, at=at)


async def delivered(tx: Tx, notice_id: UUID, *, by: str, at: datetime) -> bool:
    """The notice reached its recipient; false if it had before: time limits run from the first time."""
    if await tx.fetchval(_DELIVERED, notice_id, at, by) is None:
        return False
    await deadlines.met(tx, DEEMED, notice_id, at)
    document = NoticeDocument.model_validate_json((await get(tx, notice_id)).document)
    told = DELIVERED.get(document.about.service)
    if told is not None and document.grounds is not None:
        outbox.add(tx, told(act_id=document.about.id, act=document.about, notice_id=notice_id, delivered_at=at), at=at)
    return True


async def deem(rt: Runtime, tx: Tx, notice_id: UUID) -> None:
    """The clock of an unread notice ran out: it counts as delivered."""
    await delivered(tx, notice_id, by=_DEEMED, at=rt.clock.now())


def _notice(row: asyncpg.Record) -> Notice:
    return Notice(**dict(row))


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(**{**dict(row), "channel": Channel(row["channel"]), "state": DeliveryState(row["state"])})
