"""Sends queued notices by mail and webhook, tries again for days, and says what became of each."""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

import httpx
import structlog

from shared.contracts.notices import Channel, NoticeDocument
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import keys
from shared.runtime.db.postgres import DATABASE_ERRORS
from shared.runtime.post import mail, webhook

POLL_S: Final = 15.0
BATCH: Final = 20
LEASE: Final = timedelta(minutes=2)
"""How long a notice is left to the process that took it up; longer than any server may take to answer."""
MOST_TRIES: Final = 12
LONGEST_PAUSE: Final = timedelta(hours=12)

_log = structlog.get_logger(__name__)

_TAKE: Final = """
UPDATE delivery SET attempts = attempts + 1, retry_at = $1::timestamptz + $2::interval, changed_at = $1
  FROM notice
 WHERE notice.id = delivery.notice_id
   AND (delivery.notice_id, delivery.channel) IN (
         SELECT notice_id, channel FROM delivery
          WHERE state = 'queued' AND retry_at <= $1 ORDER BY retry_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING notice_id, channel, address, verified, attempts, document
"""
_DONE: Final = """
UPDATE delivery SET state = $3, retry_at = NULL, proof = $4, error = NULL, changed_at = $5
 WHERE notice_id = $1 AND channel = $2 AND state = 'queued'
"""
_FAILED: Final = """
UPDATE delivery SET state = CASE WHEN $3 THEN 'failed' ELSE 'queued' END, error = $4, changed_at = $5,
       retry_at = CASE WHEN $3 THEN NULL ELSE $6::timestamptz END
 WHERE notice_id = $1 AND channel = $2 AND state = 'queued'
"""


@dataclass(frozen=True, slots=True)
class SenderHealth:
    """How sending goes."""

    state: Literal["sending", "failing"]
    sent: int
    error: str | None


@dataclass(frozen=True, slots=True)
class _Due:
    notice_id: UUID
    channel: Channel
    address: str
    verified: bool
    attempts: int
    document: bytes


class Sender:
    """The loop that empties the queue; any number of processes may run one."""

    def __init__(self, rt: Runtime, *, owner: str) -> None:
        """``owner``: the department, whose key signs the webhooks."""
        self._rt = rt
        self._sent = 0
        self._error: str | None = None
        settings = rt.settings
        known = keys.load(settings.signing_keys_file, owner=owner, generate=settings.signing_keys_generate)
        self._signer = known.signers[0]

    def health(self) -> SenderHealth:
        """How it is."""
        return SenderHealth("failing" if self._error else "sending", self._sent, self._error)

    async def run(self) -> None:
        """Send until cancelled."""
        async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=BATCH)) as http:
            while True:
                try:
                    busy = await self.once(http)
                    self._error = None
                except DATABASE_ERRORS as error:
                    self._error, busy = repr(error), False
                    _log.warning("notices.database_away", error=repr(error))
                if not busy:
                    await self._wait()

    async def _wait(self) -> None:
        """Until a verb says that there is a notice, or a while has passed."""
        try:
            async with asyncio.timeout(POLL_S * random.uniform(0.8, 1.2)):  # noqa: S311 - spreads polls, nothing secret
                connection = await self._rt.db.dedicated("notices")
                try:
                    woken = asyncio.Event()
                    await connection.add_listener(notices.CHANNEL, lambda *_: woken.set())
                    await woken.wait()
                finally:
                    connection.terminate()
        except TimeoutError:
            return
        except DATABASE_ERRORS as error:
            _log.warning("notices.cannot_listen", error=repr(error))
            await asyncio.sleep(1)

    async def once(self, http: httpx.AsyncClient) -> bool:
        """Send what is due now; whether there was anything."""
        async with self._rt.db.transaction() as tx:
            rows = await tx.fetch(_TAKE, self._rt.clock.now(), LEASE, BATCH)
        due = [_Due(**{**dict(row), "channel": Channel(row["channel"])}) for row in rows]
        await asyncio.gather(*(self._deliver(http, each) for each in due))
        return bool(due)

    async def _deliver(self, http: httpx.AsyncClient, due: _Due) -> None:
        try:
            proof = await self._send(http, due)
        except (mail.MailRefused, webhook.WebhookRefused) as refused:
            await self._note_failure(due, str(refused), final=refused.final or due.attempts >= MOST_TRIES)
            return
        except Exception as error:  # whatever an address that somebody typed brings about, the other notices go out
            _log.exception("notices.cannot_be_sent", notice=str(due.notice_id), channel=due.channel)
            await self._note_failure(due, repr(error), final=due.attempts >= MOST_TRIES)
            return
        at = self._rt.clock.now()
        async with self._rt.db.transaction() as tx:
            await tx.execute(
                _DONE, due.notice_id, due.channel, "delivered" if due.verified else "sent", proof[:500], at
            )
            if due.verified:
                await notices.delivered(tx, due.notice_id, by=due.channel, at=at)
        self._sent += 1

    async def _send(self, http: httpx.AsyncClient, due: _Due) -> str:
        settings = self._rt.settings
        if due.channel is Channel.WEBHOOK:
            return await webhook.send(
                http,
                due.address,
                due.notice_id,
                due.document,
                self._signer,
                self._rt.clock.now(),
                private=settings.webhooks_private,
            )
        notice = NoticeDocument.model_validate_json(due.document)
        inbox = f"{settings.public_url}/notices/{due.notice_id}"
        letter = mail.message(notice, due.document, sender=settings.smtp_sender, recipient=due.address, inbox=inbox)
        return await mail.send(settings, letter)

    async def _note_failure(self, due: _Due, reason: str, *, final: bool) -> None:
        at = self._rt.clock.now()
        again = at + min(LONGEST_PAUSE, timedelta(seconds=30 * 2**due.attempts))
        async with self._rt.db.transaction() as tx:
            await tx.execute(_FAILED, due.notice_id, due.channel, final, reason[:500], at, again)
        _log.warning("notices.not_taken", notice=str(due.notice_id), channel=due.channel, error=reason, final=final)


def health_of(sender: Sender) -> dict[str, Any]:
    """For /readyz: mail that cannot be sent is no reason to take the department off the net."""
    said = sender.health()
    return {"ok": True, "state": said.state, "sent": said.sent, "error": said.error}
