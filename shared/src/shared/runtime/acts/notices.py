"""Notices: what a department tells whom its act concerns, in the transaction of the act (model: notice).

The inbox is the legal record and always there; mail and webhook follow the recipient's address for service. A notice is
delivered when a server of a verified address took it, when its recipient opened it in the inbox, when one person
entered the proof of a letter and another confirmed it (``postal``), or when it is deemed so: so many days after it was
put into the inbox (profile: notice_deemed).
"""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import orjson

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
from shared.contracts.notices import DELIVERED, Channel, DeliveryState, NoticeDocument, digest_of
from shared.runtime.acts import appealable, deadlines, names, outbox
from shared.runtime.acts.policy import Reach
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import NotFound
from shared.runtime.db.at_commit import notify_at_commit
from shared.runtime.db.postgres import Tx

CHANNEL: Final = "notices"
"""NOTIFY wakes whoever sends."""
DEEMED: Final = "notice_deemed"
"""Kind and clock of the deadline at which an unread notice counts as delivered."""
URGENT: Final = "urgent_notice"
"""Kind and clock of the deadline by which the notice of an urgent act must have reached somebody."""
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
    answer_by: datetime | None
    moved_id: UUID
    """Whose history names everybody who had a hand in the act."""
    inherited: str | None = None
    """Its recipient once more, for whoever took that over: of what is about that very merger, nobody."""

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
    retry_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class New:
    """A notice to be issued.

    ``moved``: the aggregate in whose history the act is, where that is another one than the act itself; ``hands``:
    others whose history names people who had a hand in it. Without
    ``in_inbox`` it goes to the address alone, and nobody reads it here, its authority neither. A copy for whoever holds
    the name ``copy_about`` does the same and counts for nothing: no time runs from its delivery. ``secret``: what is
    shared with the webhook's receiver. ``hosts``: the names that an act of the register is about, of which others may
    have asked to hear. ``passed_on``: whether whoever took the recipient over reads it; never what is about a merger.
    """

    about: ActRef
    kind: str
    to: Party | Department
    address: AddressForService
    authority: AuthorityRef
    title: Names
    says: Statement | Grounds | None = None
    answer_by: datetime | None = None
    answer_within_days: int | None = None
    moved: UUID | None = None
    in_inbox: bool = True
    copy_about: str | None = None
    secret: bytes | None = None
    hosts: Collection[str] = ()
    passed_on: bool = True
    hands: Collection[UUID] = ()

    @property
    def copy(self) -> bool:
        """Whether it counts for nothing."""
        return self.copy_about is not None


_COLUMNS: Final = """id, about_kind, about_id, kind, identity, authority_id, document, digest, issued_at, delivered_at,
       delivered_by, opened_at, answer_by, coalesce(moved_id, about_id) AS moved_id,
       CASE WHEN passed_on THEN identity END AS inherited"""
_DELIVERY: Final = "notice_id, channel, address, verified, state, attempts, proof, error, retry_at, changed_at"
_WORDS: Final = {
    "organisation": "identity = ANY ({0}) OR authority_id = ANY ({0})",
    "inherited": "identity = ANY ({}) AND passed_on",
}

_ISSUE: Final = """
INSERT INTO notice (id, about_kind, about_id, kind, identity, authority_id, document, digest, issued_at, moved_id,
                    answer_by, is_copy, passed_on)
SELECT id, about_kind, about_id, kind, identity, authority_id, document, digest, $9, moved_id, answer_by, is_copy,
       passed_on
  FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[],
              $10::uuid[], $11::timestamptz[], $12::boolean[], $13::boolean[])
    AS new (id, about_kind, about_id, kind, identity, authority_id, document, digest, moved_id, answer_by, is_copy,
            passed_on)
"""
_QUEUE: Final = """
INSERT INTO delivery (notice_id, channel, address, verified, secret, return_token, state, retry_at, changed_at)
SELECT notice_id, channel, address, verified, secret, return_token, 'queued', $7, $7
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::bytea[], $6::text[])
    AS given (notice_id, channel, address, verified, secret, return_token)
"""
_GET: Final = f"SELECT {_COLUMNS} FROM notice WHERE id = $1"  # noqa: S608 - ours
_ABOUT: Final = (
    f"SELECT {_COLUMNS} FROM notice WHERE about_id = $1 AND ($2::text IS NULL OR kind = $2) AND NOT is_copy ORDER BY id"  # noqa: S608
)
_DELIVERIES: Final = f"SELECT {_DELIVERY} FROM delivery WHERE notice_id = ANY ($1) ORDER BY notice_id, channel"  # noqa: S608
_DELIVERED: Final = """
WITH held AS (
    SELECT id FROM notice WHERE id = ANY ($1) AND delivered_at IS NULL ORDER BY id FOR UPDATE)
UPDATE notice SET delivered_at = $3, delivered_by = said.by
  FROM held JOIN unnest($1::uuid[], $2::text[]) AS said (id, by) USING (id)
 WHERE notice.id = held.id
RETURNING notice.id, document, is_copy
"""
_OPENED: Final = "UPDATE notice SET opened_at = $2 WHERE id = $1 AND opened_at IS NULL"
_RECEIPT: Final = """
INSERT INTO notice_opening (notice_id, person, name, opened_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_OPENINGS: Final = "SELECT name, opened_at FROM notice_opening WHERE notice_id = $1 ORDER BY opened_at, person"


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
    answer_within_days: int | None = None,
    moved: UUID | None = None,
    in_inbox: bool = True,
    hosts: Collection[str] = (),
    hands: Collection[UUID] = (),
) -> UUID:
    """Put a notice into the recipient's inbox and queue it for its other channels; gives its id. As ``New`` has it."""
    new = New(
        about, kind, to, address, authority, title, says, answer_by, answer_within_days, moved, in_inbox, hosts=hosts,
        hands=hands,
    )  # fmt: skip
    return (await issue_all(tx, rt, [new]))[0]


async def issue_all(tx: Tx, rt: Runtime, new: Sequence[New]) -> list[UUID]:
    """The same for many, in as many statements as for one; gives their ids, in order."""
    if not new:
        return []
    at, documents = rt.clock.now(), [_document(rt, each) for each in new]
    ids = [document.notice_id for document in documents]
    bodies = [document.model_dump_json().encode() for document in documents]
    readers = [(e.to.identity, e.authority.id) if e.in_inbox and not e.copy else (_NOBODY, _NOBODY) for e in new]
    await tx.execute(
        _ISSUE, ids, [each.about.kind for each in new], [each.about.id for each in new], [each.kind for each in new],
        [to for to, _ in readers], [by for _, by in readers], bodies, [digest_of(body) for body in bodies], at,
        [each.moved or each.about.id for each in new], [each.answer_by for each in new], [each.copy for each in new],
        [each.passed_on and each.about.passed_on for each in new],
    )  # fmt: skip
    queued = [row for notice_id, each in zip(ids, new, strict=True) for row in _queued(notice_id, each)]
    if queued:
        await tx.execute(_QUEUE, *map(list, zip(*queued, strict=True)), at)
        notify_at_commit(tx, CHANNEL)
    counting = [document for document, each in zip(documents, new, strict=True) if not each.copy]
    moved = [{each.moved or each.about.id, *each.hands} for each in new if not each.copy]
    await appealable.tell(tx, list(zip(counting, moved, strict=True)))
    for each in new:
        names.tell(
            tx, each.hosts, about=each.about, kind=each.kind, authority=each.authority, title=each.title,
            says=each.says, answer_by=each.answer_by, at=at,
        )  # fmt: skip
    if len(counting) == 1:
        await deadlines.start(tx, kind=DEEMED, aggregate_id=counting[0].notice_id, clock_name=DEEMED, rt=rt, at=at)
    elif counting:
        of_them = [document.notice_id for document in counting]
        await deadlines.start_many(tx, kind=DEEMED, aggregate_ids=of_them, clock_name=DEEMED, rt=rt, at=at)
    return ids


def _document(rt: Runtime, new: New) -> NoticeDocument:
    grounds = new.says if isinstance(new.says, Grounds) else None
    return NoticeDocument(
        notice_id=uuid7(), about=new.about, kind=new.kind, to=new.to, authority=new.authority, title=new.title,
        grounds=grounds, statement=None if isinstance(new.says, Grounds) else new.says, answer_by=new.answer_by,
        answer_within_days=new.answer_within_days, copy_about=new.copy_about, issued_at=rt.clock.now(),
    )  # fmt: skip


def _queued(notice_id: UUID, new: New) -> Iterator[tuple[UUID, Channel, str, bool, bytes | None, str | None]]:
    """The rows of its other channels. A mail has a return address of its own."""
    to = new.address
    if to.email:
        yield notice_id, Channel.EMAIL, to.email, to.email_verified, None, secrets.token_hex(16)
    if to.webhook:
        yield notice_id, Channel.WEBHOOK, to.webhook, to.webhook_verified, new.secret, None


async def about(tx: Tx, act_id: UUID, kind: str | None = None) -> list[Notice]:
    """Every notice about an act, oldest first."""
    return [_notice(row) for row in await tx.fetch(_ABOUT, act_id, kind)]


async def delivered_at(tx: Tx, act_id: UUID, kind: str, to: str | None = None) -> datetime | None:
    """When the first notice of this kind about an act was delivered, if one was; ``to``: to this recipient."""
    found = [each for each in await about(tx, act_id, kind) if to in {None, each.identity}]
    return min((each.delivered_at for each in found if each.delivered_at is not None), default=None)


async def reached_at(tx: Tx, act_id: UUID, kind: str, to: str | None = None) -> datetime | None:
    """When the first notice of this kind about an act really reached somebody: none that is only deemed delivered.

    ``to``: this recipient.
    """
    found = [each for each in await about(tx, act_id, kind) if to in {None, each.identity}]
    times = [each.delivered_at for each in found if each.delivered_at is not None and each.delivered_by != _DEEMED]
    return min(times, default=None)


async def get(tx: Tx, notice_id: UUID) -> Notice:
    """One notice. Raises UnknownNotice (404)."""
    row = await tx.fetchrow(_GET, notice_id)
    if row is None:
        raise UnknownNotice(notice_id=notice_id)
    return _notice(row)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notices of a list: what is not set is no filter."""

    unread: bool = False
    kind: str | None = None
    about: UUID | None = None

    def where(self, first: int) -> tuple[str, tuple[bool, str | None, UUID | None]]:
        """The same as SQL, whose parameters are numbered from ``first``."""
        said = (
            f"NOT (${first} AND opened_at IS NOT NULL) AND (${first + 1}::text IS NULL OR kind = ${first + 1})"
            f" AND (${first + 2}::uuid IS NULL OR about_id = ${first + 2})"
        )
        return said, (self.unread, self.kind, self.about)


EVERY: Final = Wanted()


async def page(
    tx: Tx,
    reach: Reach,
    after: UUID | None,
    limit: int,
    wanted: Wanted = EVERY,
) -> list[Notice]:
    """Notices within reach, newest first."""
    (which, filters), (where, values) = wanted.where(3), reach.where(_WORDS, first=6)
    sql = f"""SELECT {_COLUMNS} FROM notice WHERE ($1::uuid IS NULL OR id < $1) AND {which} AND {where}
               ORDER BY id DESC LIMIT $2"""  # noqa: S608
    return [_notice(row) for row in await tx.fetch(sql, after, limit, *filters, *values)]


@dataclass(frozen=True, slots=True)
class Count:
    """Notices of a kind: how many there are, and how many of them nobody opened."""

    kind: str
    total: int
    unread: int


async def counts(tx: Tx, reach: Reach) -> list[Count]:
    """How many notices of each kind are within reach."""
    where, values = reach.where(_WORDS, first=1)
    sql = f"""SELECT kind, count(*) AS total, count(*) FILTER (WHERE opened_at IS NULL) AS unread
                FROM notice WHERE {where} GROUP BY kind ORDER BY kind"""  # noqa: S608
    return [Count(**row) for row in await tx.fetch(sql, *values)]


async def deliveries(tx: Tx, notice_ids: list[UUID]) -> list[Delivery]:
    """What became of these notices on mail, webhook and post."""
    return [_delivery(row) for row in await tx.fetch(_DELIVERIES, notice_ids)]


async def opened(tx: Tx, notice: Notice, at: datetime, who: Caller | None = None) -> None:
    """Its recipient read it: that is a delivery, whatever became of mail and webhook. The first time of each person
    leaves a receipt.
    """
    await tx.execute(_OPENED, notice.id, at)
    if who is not None:
        await tx.execute(_RECEIPT, notice.id, who.person, who.name, at)
    await delivered(tx, notice.id, by=Channel.INBOX, at=at)


@dataclass(frozen=True, slots=True)
class Opening:
    """A read receipt: who opened a notice for its recipient, and when first."""

    name: str
    opened_at: datetime


async def openings(tx: Tx, notice_id: UUID) -> list[Opening]:
    """The receipts of a notice, oldest first."""
    return [Opening(**row) for row in await tx.fetch(_OPENINGS, notice_id)]


async def delivered(tx: Tx, notice_id: UUID, *, by: str, at: datetime) -> bool:
    """The notice reached its recipient; false if it had before: time limits run from the first time."""
    return bool(await delivered_all(tx, {notice_id: by}, at=at))


async def delivered_all(tx: Tx, by: Mapping[UUID, str], *, at: datetime) -> list[UUID]:
    """These notices reached their recipients, each on its channel; gives those that had not before."""
    if not by:
        return []
    rows = await tx.fetch(_DELIVERED, list(by), [str(each) for each in by.values()], at)
    reached = [row["id"] for row in rows]
    await deadlines.met_many(tx, DEEMED, reached, at)
    for row in rows:
        told = DELIVERED.get(orjson.loads(row["document"])["about"]["service"])
        if told is None or row["is_copy"]:
            continue
        document = NoticeDocument.model_validate_json(row["document"])
        if document.grounds is not None:
            fact = told(act_id=document.about.id, act=document.about, notice_id=row["id"], delivered_at=at)
            outbox.add(tx, fact, at=at)
    return reached


async def deem(rt: Runtime, tx: Tx, notice_id: UUID) -> None:
    """The clock of an unread notice ran out: it counts as delivered."""
    await delivered(tx, notice_id, by=_DEEMED, at=rt.clock.now())


def _notice(row: asyncpg.Record) -> Notice:
    return Notice(**dict(row))


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(**{**dict(row), "channel": Channel(row["channel"]), "state": DeliveryState(row["state"])})
