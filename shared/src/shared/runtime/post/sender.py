"""Sends queued notices by mail and webhook, tries again for days, and says what became of each."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import asyncpg
import httpx
import structlog

from shared.contracts.notices import Channel, DeliveryState, NoticeDocument
from shared.runtime.acts import notices, returned
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import keys, metrics
from shared.runtime.db.postgres import DATABASE_ERRORS, UNAVAILABLE, Tx
from shared.runtime.post import mail, outside, webhook
from shared.signing import Signer

POLL_S: Final = 15.0
BATCH: Final = 200
"""Notices taken up at once; what a killed process had under way is sent a second time, under the same id."""
LINES: Final = 4
"""Connections to the mail server, each for many mails."""
HOOKS: Final = 20
"""Webhooks under way at once."""
ROUND_S: Final = 60.0
"""How long a batch is worked on; what is not begun by then is given back."""
LEASE: Final = timedelta(minutes=5)
"""How long a notice is left to the process that took it up; longer than a round and the slowest server's answer."""
MOST_TRIES: Final = 12
LONGEST_PAUSE: Final = timedelta(hours=12)

_log = structlog.get_logger(__name__)

_TAKE: Final = """
UPDATE delivery SET attempts = attempts + 1, retry_at = $1::timestamptz + $2::interval, changed_at = $1
  FROM notice
 WHERE notice.id = delivery.notice_id
   AND (delivery.notice_id, delivery.channel) IN (
         SELECT notice_id, channel FROM delivery
          WHERE state = 'queued' AND retry_at <= $1 AND channel = $4 ORDER BY retry_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING notice_id, channel, address, verified, attempts, secret, return_token, document,
          notice.identity <> '-' AS opened_here
"""
_DONE: Final = """
UPDATE delivery SET state = CASE WHEN verified AND ($5 OR channel <> 'email') THEN 'delivered' ELSE 'sent' END,
       retry_at = NULL, proof = said.proof, error = NULL, changed_at = $4
  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS said (id, by, proof)
 WHERE notice_id = said.id AND channel = said.by AND state = 'queued'
RETURNING notice_id, channel, state
"""
_FAILED: Final = """
UPDATE delivery SET state = CASE WHEN said.again IS NULL THEN 'failed' ELSE 'queued' END, error = said.error,
       changed_at = $5, retry_at = said.again
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS said (id, by, error, again)
 WHERE notice_id = said.id AND channel = said.by AND state = 'queued'
RETURNING notice_id, channel, state, said.error
"""
_GIVEN_BACK: Final = """
UPDATE delivery SET attempts = attempts - 1, retry_at = $3
  FROM unnest($1::uuid[], $2::text[]) AS said (id, by)
 WHERE notice_id = said.id AND channel = said.by AND state = 'queued'
"""
_TRIED_BEFORE: Final = """
SELECT EXISTS (SELECT FROM delivery WHERE state = 'queued' AND channel = $1 AND attempts > 0)
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
    secret: bytes | None
    return_token: str | None
    opened_here: bool
    """Somebody has it in an inbox: what goes to an address alone, and a copy, can be opened by nobody."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What became of one: the server's words; ``again``: when it is tried next."""

    due: _Due
    answer: str
    failed: bool = False
    again: datetime | None = None

    @property
    def words(self) -> str:
        return self.answer[:500].replace("\0", "")


_Carry: TypeAlias = Callable[[Iterator[_Due], "list[_Said]"], Awaitable[None]]


class Sender:
    """The loop that empties the queue; any number of processes may run one."""

    def __init__(self, rt: Runtime, *, owner: str) -> None:
        """``owner``: the department, whose key signs the webhooks."""
        self._rt = rt
        self._sent = 0
        self._refused_since: dict[Channel, datetime] = {}
        """When handing over began to fail, and has failed since."""
        self._error: str | None = None
        settings = rt.settings
        self._owner = owner
        self._keys = keys.OwnedKeys(settings.signing_keys_file, generate=settings.signing_keys_generate)
        self._keyless: str | None = None
        """Why webhooks wait, if they do."""
        self._signer()

    def health(self) -> SenderHealth:
        """How it is."""
        error = self._error or self._keyless
        return SenderHealth("failing" if error else "sending", self._sent, error)

    async def run(self) -> None:
        """Send until cancelled; a webhook that takes its time holds up no mail."""
        async with outside.client(HOOKS) as http:
            await asyncio.gather(*(self._keep(rounds) for rounds in self._ways(http)))

    async def _keep(self, rounds: Callable[[], Awaitable[bool]]) -> None:
        while True:
            try:
                busy = await rounds()
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
        return any(await asyncio.gather(*(rounds() for rounds in self._ways(http))))

    def _ways(self, http: httpx.AsyncClient) -> tuple[Callable[[], Awaitable[bool]], Callable[[], Awaitable[bool]]]:
        """What goes out by mail, and what by webhook."""
        return (
            partial(self._round, Channel.EMAIL, LINES, self._mails),
            partial(self._hook_round, http),
        )

    async def _hook_round(self, http: httpx.AsyncClient) -> bool:
        """Webhooks wait for a key that signs them; mail does not."""
        return self._signer() is not None and await self._round(Channel.WEBHOOK, HOOKS, partial(self._hooks, http))

    def _signer(self) -> Signer | None:
        """The department's key as its file has it now: a stolen one that was retired signs no webhook more."""
        try:
            signer, self._keyless = self._keys.own(self._owner), None
        except keys.NoSigningKey as missing:
            if self._keyless is None:
                _log.error("notices.webhooks_wait_for_a_key", reason=str(missing))
            self._keyless = str(missing)
            return None
        return signer

    async def _round(self, channel: Channel, most: int, carry: _Carry) -> bool:
        """Take up a batch, send it side by side, and write at once what became of it; whether there was any."""
        async with self._rt.db.transaction() as tx:
            rows = await tx.fetch(_TAKE, self._rt.clock.now(), LEASE, BATCH, channel)
        due = [_Due(**{**dict(row), "channel": Channel(row["channel"])}) for row in rows]
        until, said = time.monotonic() + ROUND_S, list[_Said]()
        waiting = takewhile(lambda _: time.monotonic() < until, due)
        await asyncio.gather(*(carry(waiting, said) for _ in range(min(most, len(due)))))
        if due:
            begun = {each.due.notice_id for each in said}
            await self._note(said, [each for each in due if each.notice_id not in begun])
        await self._note_refused(channel, said)
        return bool(due)

    async def _note_refused(self, channel: Channel, said: list[_Said]) -> None:
        """For how long nothing was taken: one address that refuses for good says nothing about our own server, nor does
        one that was given up, once nothing else waits to be tried again."""
        now = self._rt.clock.now()
        if any(not each.failed for each in said):
            self._refused_since.pop(channel, None)
        elif any(each.again for each in said):
            self._refused_since.setdefault(channel, now)
        elif channel in self._refused_since and not await self._waits(channel):
            self._refused_since.pop(channel, None)
        waited = now - self._refused_since.get(channel, now)
        metrics.notices_refused.set(waited.total_seconds(), {"channel": channel})

    async def _waits(self, channel: Channel) -> bool:
        async with self._rt.db.connection() as connection:
            return bool(await connection.fetchval(_TRIED_BEFORE, channel))

    async def _mails(self, waiting: Iterator[_Due], said: list[_Said]) -> None:
        """One connection: mail after mail."""
        settings = self._rt.settings
        async with mail.Line(settings) as line:
            for due in waiting:
                became = await self._tried(due, self._mail(line, due))
                said.append(became)

    async def _mail(self, line: mail.Line, due: _Due) -> str:
        settings, notice = self._rt.settings, NoticeDocument.model_validate_json(due.document)
        inbox = f"{settings.door}/notices/{due.notice_id}" if due.opened_here else None
        letter = mail.message(
            notice, due.document, sender=settings.smtp_sender, recipient=due.address, inbox=inbox,
            zone=self._rt.rules.time_zone,
        )  # fmt: skip
        return await line.send(letter, recipient=due.address, returns=mail.returns_of(settings, due.return_token))

    async def _hooks(self, http: httpx.AsyncClient, waiting: Iterator[_Due], said: list[_Said]) -> None:
        """One webhook after the other; what is not begun is given back."""
        for due in waiting:
            signer = self._signer()
            if signer is None:
                return
            sent = webhook.send(
                http, due.address, due.notice_id, due.document, signer, self._rt.clock.now(), secret=due.secret,
                private=self._rt.settings.webhooks_private,
            )  # fmt: skip
            said.append(await self._tried(due, sent))

    async def _tried(self, due: _Due, sending: Awaitable[str]) -> _Said:
        """What became of one."""
        try:
            return _Said(due, await sending)
        except (mail.MailRefused, webhook.WebhookRefused) as refused:
            final, reason = refused.final or due.attempts >= MOST_TRIES, str(refused)
        except Exception as error:  # whatever an address that somebody typed brings about, the other notices go out
            _log.exception("notices.cannot_be_sent", notice=str(due.notice_id), channel=due.channel)
            final, reason = due.attempts >= MOST_TRIES, repr(error)
        _log.warning("notices.not_taken", notice=str(due.notice_id), channel=due.channel, error=reason, final=final)
        return self._failed(due, reason, final=final)

    def _failed(self, due: _Due, reason: str, *, final: bool) -> _Said:
        """It is tried again after a while that grows, or never."""
        pause = min(LONGEST_PAUSE, timedelta(seconds=30 * 2**due.attempts))
        return _Said(due, reason, failed=True, again=None if final else self._rt.clock.now() + pause)

    async def _note(self, said: list[_Said], left: list[_Due]) -> None:
        """Write what became of a batch; where one of it cannot be written, the others are all the same."""
        try:
            await self._write(said, left)
        except Exception as error:  # about one of them: else each would go out a second time
            if _is_away(error):
                raise
            _log.warning("notices.noted_one_by_one", error=repr(error))
            await self._write([], left)
            for each in said:
                await self._note_one(each)

    async def _note_one(self, one: _Said) -> None:
        try:
            await self._write([one], [])
        except Exception as error:
            if _is_away(error):
                raise
            due, final = one.due, one.due.attempts >= MOST_TRIES
            _log.exception("notices.cannot_be_noted", notice=str(due.notice_id), channel=due.channel, final=final)
            async with self._rt.db.transaction() as tx:
                await self._write_failed(tx, [self._failed(due, repr(error), final=final)])

    async def _write(self, said: list[_Said], left: list[_Due]) -> None:
        at, rt = self._rt.clock.now(), self._rt
        done, failed = [each for each in said if not each.failed], [each for each in said if each.failed]
        async with rt.db.transaction() as tx:
            if done:
                # That our own mail server took it proves nothing where nobody would hear that it came back.
                heard = rt.settings.hears_of_returned_mail
                words = [each.words for each in done]
                rows = await tx.fetch(_DONE, *_keys(each.due for each in done), words, at, heard)
                # One that came back already is not among them.
                reached = {row["notice_id"]: row["channel"] for row in rows if row["state"] == DeliveryState.DELIVERED}
                await notices.delivered_all(tx, reached, at=at)
            for row in await self._write_failed(tx, failed) if failed else ():
                if row["state"] == DeliveryState.FAILED and row["channel"] == Channel.EMAIL:
                    await returned.tell(tx, rt, row["notice_id"], row["error"])
            if left:
                await tx.execute(_GIVEN_BACK, *_keys(left), at)
        self._sent += len(done)

    async def _write_failed(self, tx: Tx, failed: list[_Said]) -> list[asyncpg.Record]:
        words, again = [each.words for each in failed], [each.again for each in failed]
        return list(await tx.fetch(_FAILED, *_keys(each.due for each in failed), words, again, self._rt.clock.now()))


def _is_away(error: Exception) -> bool:
    """Whether the database is, and nothing is wrong with what it was told; asyncpg says both alike."""
    return isinstance(error, UNAVAILABLE) and not isinstance(error, ValueError)


def _keys(due: Iterable[_Due]) -> tuple[list[UUID], list[str]]:
    pairs = [(each.notice_id, str(each.channel)) for each in due]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def health_of(sender: Sender) -> dict[str, Any]:
    """For /readyz: mail that cannot be sent is no reason to take the department off the net."""
    said = sender.health()
    return {"ok": True, "state": said.state, "sent": said.sent, "error": said.error}
