"""Mail that does not arrive: a server refuses it for good, or took it and says later that it could not deliver it.

What comes back (RFC 3464) comes to a return address of the mail's own, with a token that nobody can guess, and ends the
mail: it is no delivery any more, and the notice counts as delivered by what else reached its recipient or not at all.
Of both the authority is told, so that it tells whom its act concerns another way.
"""

import re
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Final
from uuid import UUID

from shared.contracts.grounds import ActRef, AddressForService, Department, Names, Statement
from shared.contracts.notices import RETURNED, Channel, NoticeDocument
from shared.runtime.acts import deadlines, notices, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

LARGEST: Final = 256 * 1024
"""Bytes of what comes back."""
READ: Final = 64 * 1024
"""Bytes that are looked at: what became of the mail is said before the mail itself is repeated."""
MOST_PARTS: Final = 20
"""Boundaries that are looked at; each makes the reading of every line dearer."""
WITHIN: Final = timedelta(days=7)
"""Until when a mail can come back: no server tries longer (RFC 5321 section 4.5.4.1)."""
KIND: Final = "mail_returned"
"""Kind of the notice to the authority."""
_TITLE: Final = Names(zh="通知邮件未能送达", en="The mail of a notice did not arrive")

_KNOWN: Final = "SELECT true FROM delivery WHERE return_token = $1"
_BOUNCED: Final = """
UPDATE delivery SET state = 'bounced', retry_at = NULL, error = $2, changed_at = $3
 WHERE return_token = $1 AND attempts > 0
   AND (state = 'queued' OR state IN ('sent', 'delivered') AND changed_at > $4)
RETURNING notice_id
"""
_CAME_BACK: Final = """
SELECT max(changed_at) FROM delivery JOIN notice ON notice.id = notice_id
 WHERE about_id = $1 AND kind = ANY ($2) AND NOT is_copy AND state = 'bounced'
"""
_HELD: Final = "SELECT FROM notice WHERE id = $1 FOR UPDATE"
_UNDELIVERED: Final = """
UPDATE notice SET delivered_at = NULL, delivered_by = NULL WHERE id = $1 AND delivered_by = 'email'
RETURNING is_copy
"""
_OTHERWISE: Final = """
SELECT 'inbox' AS by, opened_at AS at FROM notice WHERE id = $1 AND opened_at IS NOT NULL
 UNION ALL
SELECT channel, changed_at FROM delivery WHERE notice_id = $1 AND state = 'delivered'
 ORDER BY at LIMIT 1
"""


def failure_of(mail: bytes) -> str | None:
    """Why a mail was not delivered, in the words of the server that says so; none if this is no such report.

    An automatic answer is none, nor is the word that a mail is late, or was delivered.
    """
    begin = mail[:READ]
    if begin.lower().count(b"boundary") > MOST_PARTS:
        return None
    try:
        report = message_from_bytes(begin)
        if report.get_content_type() != "multipart/report" or not report.is_multipart():
            return None
        for fields in _recipients(report):
            if str(fields.get("Action", "")).strip().lower() == "failed":
                said = f"{fields.get('Status', '')} {fields.get('Diagnostic-Code', '')}"
                return " ".join(re.sub(r"[^\x21-\x7e]+", " ", said).split())[:500] or "failed"
    except (RecursionError, ValueError, LookupError):  # nested or encoded as no mail server does it
        return None
    return None


def _recipients(report: Message) -> Iterator[Message]:
    """What a report says of each recipient: a block of fields each (RFC 3464 section 2.3)."""
    for part in report.get_payload():
        if isinstance(part, Message) and part.get_content_type() == "message/delivery-status" and part.is_multipart():
            yield from (block for block in part.get_payload() if isinstance(block, Message))


async def came_back_at(tx: Tx, act_id: UUID, kinds: Collection[str]) -> datetime | None:
    """When a mail of these kinds of notices about an act came back last."""
    at: datetime | None = await tx.fetchval(_CAME_BACK, act_id, list(kinds))
    return at


async def is_known(tx: Tx, token: str) -> bool:
    """Whether a mail has this return address."""
    return bool(await tx.fetchval(_KNOWN, token))


async def take_back(tx: Tx, rt: Runtime, token: str, why: str) -> bool:
    """The mail of this return address was not delivered. False if there is none, or its time to come back is over."""
    at = rt.clock.now()
    notice_id: UUID | None = await tx.fetchval(_BOUNCED, token, why, at, at - WITHIN)
    if notice_id is None:
        return False
    await tx.execute(_HELD, notice_id)
    is_copy = await tx.fetchval(_UNDELIVERED, notice_id)
    if is_copy is False:
        await _undo_delivery(
            tx, rt, NoticeDocument.model_validate_json((await notices.get(tx, notice_id)).document), at
        )
    await tell(tx, rt, notice_id, why)
    return True


async def tell(tx: Tx, rt: Runtime, notice_id: UUID, why: str) -> None:
    """The authority hears that its notice reached nobody by mail; nothing of copies, nor where it arrived otherwise."""
    notice = await notices.get(tx, notice_id)
    document = NoticeDocument.model_validate_json(notice.document)
    if notice.authority_id == document.authority.id and notice.delivered_at is None:
        await _tell(tx, rt, document, why)


async def _undo_delivery(tx: Tx, rt: Runtime, document: NoticeDocument, at: datetime) -> None:
    """Time limits run from what else reached its recipient, or from nothing; what had looked at them looks again."""
    told = RETURNED.get(document.about.service)
    if told is not None and document.grounds is not None:
        fact = told(act_id=document.about.id, act=document.about, notice_id=document.notice_id, returned_at=at)
        outbox.add(tx, fact, at=at)
    otherwise = await tx.fetchrow(_OTHERWISE, document.notice_id)
    if otherwise is not None:
        await notices.delivered(tx, document.notice_id, by=Channel(otherwise["by"]), at=otherwise["at"])
    else:
        await deadlines.start(
            tx, kind=notices.DEEMED, aggregate_id=document.notice_id, clock_name=notices.DEEMED, rt=rt,
            at=document.issued_at,
        )  # fmt: skip
    await deadlines.ring_again(tx, notices.URGENT, document.about.id, at)


async def _tell(tx: Tx, rt: Runtime, document: NoticeDocument, why: str) -> None:
    said = (
        f"The mail of the notice {document.title.en!r} to {document.to.name} did not arrive: {why}. It is delivered"
        " when it is opened in its inbox, or when two persons have proved that a letter arrived."
    )
    authority = document.authority
    await notices.issue(
        tx, rt, about=ActRef(service=document.about.service, kind=document.about.kind, id=document.about.id), kind=KIND,
        to=Department(identity=authority.id, name=authority.names.zh), address=AddressForService(),
        authority=authority, title=_TITLE,
        says=Statement(legal_basis=(rt.rules.clocks[notices.DEEMED].source,), reasons=said, public_reasons=said),
    )  # fmt: skip
