"""Terms: until when somebody who was told something must answer it, or can challenge it; and whose calendar shows them.

A term is an act's and not a notice's: what a later notice says of it takes its place, under the same id. It is over
when its clock is met; where no clock runs, when a later notice about the same act asks for nothing any more.
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.contracts.notices import NoticeDocument
from shared.rules import Unit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

SHOWN: Final = timedelta(days=90)
"""How long after its end a term is still shown, so that calendars learn what became of it."""
READ_BACK: Final = timedelta(days=800)
MOST: Final = 2_000
"""Notices that are looked at, newest first."""

_TOLD: Final = """
SELECT id, about_id, coalesce(moved_id, about_id) AS moved_id, document, issued_at, answer_by, delivered_at,
       challenged_at
  FROM notice WHERE (identity = $1 OR identity = ANY ($4::text[]) AND passed_on) AND issued_at > $2
 ORDER BY id DESC LIMIT $3
"""
_CLOCKS: Final = "SELECT aggregate_id, due_at, met_at FROM deadline WHERE aggregate_id = ANY ($1) ORDER BY id"
_CHALLENGED: Final = "UPDATE notice SET challenged_at = $2 WHERE about_id = $1 AND challenged_at IS NULL"
_MAKE: Final = """
INSERT INTO calendar_address (token_hash, subject, organisation, made_at, ends_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (subject, organisation) DO UPDATE
   SET token_hash = excluded.token_hash, made_at = excluded.made_at, ends_at = excluded.ends_at
"""
_REVOKE: Final = "DELETE FROM calendar_address WHERE subject = $1 AND organisation = $2"
_WHOSE: Final = "SELECT organisation FROM calendar_address WHERE token_hash = $1 AND ends_at > $2"


class TermKind(StrEnum):
    """What the time is for."""

    ANSWER = "answer"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Term:
    """Until when. ``revision`` grows with whatever changes it; ``provisional``: working days may still move it."""

    kind: TermKind
    act_id: UUID
    notice_id: UUID
    until: datetime
    over: bool
    revision: int
    changed_at: datetime
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    id: UUID
    about_id: UUID
    moved_id: UUID
    document: bytes
    issued_at: datetime
    answer_by: datetime | None
    delivered_at: datetime | None
    challenged_at: datetime | None


async def of(tx: Tx, rt: Runtime, identity: str, taken_over: Collection[str] = ()) -> list[Term]:
    """The terms of an organisation and of those it took over, the nearest first; those long past are left out."""
    at = rt.clock.now()
    acts: dict[UUID, list[_Told]] = {}
    for row in await tx.fetch(_TOLD, identity, at - READ_BACK, MOST, list(taken_over)):
        acts.setdefault(row["about_id"], []).append(_Told(**row))
    ids = {each for told in acts.values() for one in told for each in (one.about_id, one.moved_id)}
    met: dict[tuple[UUID, datetime], datetime | None] = {}
    for row in await tx.fetch(_CLOCKS, list(ids)):
        met[row["aggregate_id"], row["due_at"]] = row["met_at"]
    each_of = (term for told in acts.values() for term in (_answer(rt, told, met), _challenge(rt, told)))
    found = (term for term in each_of if term is not None and term.until > at - SHOWN)
    return sorted(found, key=lambda term: (term.until, term.act_id))


def answer_until(rt: Runtime, document: NoticeDocument, delivered_at: datetime | None) -> datetime | None:
    """Until when a notice asks for something: what it says, and the days that run from its delivery."""
    by, days = document.answer_by, document.answer_within_days
    if by is None or days is None or delivered_at is None:
        return by
    return max(by, rt.rules.count(delivered_at, days, Unit.DAYS).due_at)


def _answer(rt: Runtime, told: Sequence[_Told], met: Mapping[tuple[UUID, datetime], datetime | None]) -> Term | None:
    """Until when an act wants an answer; ``told``: the newest notice first."""
    newest = next((each for each in told if each.answer_by is not None), None)
    if newest is None or newest.answer_by is None:
        return None
    keys = [(newest.about_id, newest.answer_by), (newest.moved_id, newest.answer_by)]
    clock = next((key for key in keys if key in met), None)
    met_at = met[clock] if clock is not None else (told[0].issued_at if newest is not told[0] else None)
    document = NoticeDocument.model_validate_json(newest.document)
    until = answer_until(rt, document, newest.delivered_at) or newest.answer_by
    moved_at = newest.delivered_at if until != newest.answer_by else None
    return Term(
        TermKind.ANSWER, newest.about_id, newest.id, until, over=met_at is not None,
        revision=3 * sum(each.answer_by is not None for each in told) + (moved_at is not None) + (met_at is not None),
        changed_at=max(each for each in (newest.issued_at, moved_at, met_at) if each is not None),
    )  # fmt: skip


def _challenge(rt: Runtime, told: Sequence[_Told]) -> Term | None:
    """Until when an act can be challenged: the time runs from the delivery of the notice that says how."""
    saying = [(each, each.delivered_at, _within_days(each)) for each in told if each.delivered_at is not None]
    found = next(((each, at, days) for each, at, days in saying if days is not None), None)
    if found is None:
        return None
    each, delivered_at, days = found
    due = rt.rules.appeal_until(delivered_at, days)
    return Term(
        TermKind.CHALLENGE, each.about_id, each.id, due.due_at, over=each.challenged_at is not None,
        revision=2 * sum(days is not None for _, _, days in saying) + (each.challenged_at is not None),
        changed_at=max(delivered_at, each.challenged_at or delivered_at), provisional=due.provisional,
    )  # fmt: skip


def _within_days(told: _Told) -> int | None:
    grounds = NoticeDocument.model_validate_json(told.document).grounds
    return None if grounds is None else grounds.redress.within_days


async def challenged(tx: Tx, act_id: UUID, at: datetime) -> None:
    """Somebody challenged the act: nobody needs to be reminded until when that is possible."""
    await tx.execute(_CHALLENGED, act_id, at)


async def make_address(tx: Tx, who: Caller, at: datetime, ends_at: datetime) -> str:
    """The secret of a new private address of the caller's calendar; the one before ends with it."""
    token = secrets.token_urlsafe(32)
    await tx.execute(_MAKE, _hash(token), who.subject, who.organisation, at, ends_at)
    return token


async def revoke_address(tx: Tx, who: Caller) -> None:
    """End the private address of the caller's calendar, if there is one."""
    await tx.execute(_REVOKE, who.subject, who.organisation)


async def whose(tx: Tx, token: str, at: datetime) -> str | None:
    """Whose calendar a private address shows; none if it ended or never was."""
    identity: str | None = await tx.fetchval(_WHOSE, _hash(token), at)
    return identity


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
