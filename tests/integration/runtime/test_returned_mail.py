"""Mail that comes back: it is no delivery, what else reached the recipient counts, and the authority is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP
from pydantic import ValidationError

from shared import rules
from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, OperatorRef
from shared.runtime.acts import deadlines, notices, returned
from shared.runtime.acts.returned import MOST_PARTS, WITHIN
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.settings import Settings
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.post.sender import MOST_TRIES
from tests.integration.runtime import test_notices as sending
from tests.integration.runtime.test_notices import EVERYWHERE, TITLE, Mailbox, Receiver, issued, known, sent, states
from tests.support.people import at, directory

receiver = sending.receiver
RETURNS = {"smtp_returns": "returns@registry.example", "smtp_returns_secret": "s" * 32}
FAILED = "Final-Recipient: rfc822; legal@pharmacy.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
SAID = "Diagnostic-Code: smtp; 550 5.1.1 no such\r\n  mailbox\x1b[31m here\r\n"


def report(recipient: str = FAILED + SAID, kind: str = "multipart/report; report-type=delivery-status") -> bytes:
    """A report as mail servers write it."""
    return (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.pharmacy.example\r\nTo: somebody\r\nSubject: Undelivered Mail\r\n"
        f'Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: {kind}; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nYour mail was not delivered. Action: failed\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.pharmacy.example\r\n\r\n"
        f"{recipient}\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: A notice\r\n\r\nWhat it said\r\n--b--\r\n"
    ).encode()


def vacation() -> bytes:
    """Somebody's automatic answer."""
    mail = EmailMessage()
    mail["Subject"] = "Out of office"
    mail["Auto-Submitted"] = "auto-replied"
    mail.set_content("I am away. Action: failed\n\nStatus: 5.1.1")
    return mail.as_bytes()


class Envelopes(Mailbox):
    """A mail server that also keeps from whom each mail was."""

    def __init__(self) -> None:
        super().__init__()
        self.froms: list[str] = []
        self.meanwhile: Any = None
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.froms.append(envelope.mail_from)
        if self.meanwhile is not None:
            await self.meanwhile(token_of(envelope.mail_from))
        return await super().handle_DATA(server, session, envelope)


def token_of(mail_from: str) -> str:
    name, _, rest = mail_from.partition("+")
    token, _, domain = rest.partition("@")
    assert (name, domain) == ("returns", "registry.example"), mail_from
    return token


@pytest.fixture
async def mailbox() -> AsyncIterator[Envelopes]:
    handler = Envelopes()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    handler.port = server.sockets[0].getsockname()[1]
    yield handler
    server.close()


@pytest.fixture
def rt(db: Database, dsn: str, mailbox: Envelopes, tmp_path: Path) -> Runtime:
    settings = Settings.model_validate({
        "database_url": dsn, "smtp_port": mailbox.port, "smtp_tls": "none", "webhooks_private": True,
        "signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True, **RETURNS,
    })  # fmt: skip
    clock = FixedClock(at("2026-11-26T04:00"))
    return Runtime(db, clock, rules.load("cn-2006"), settings, directory(clock))


async def comes_back(rt: Runtime, mail_from: str, mail: bytes | None = None) -> bool:
    """The mail server hands in what came to this address."""
    why = returned.failure_of(report() if mail is None else mail)
    if why is None:
        return False
    async with rt.db.transaction() as tx:
        return await returned.take_back(tx, rt, token_of(mail_from), why)


def later(rt: Runtime, **by: float) -> datetime:
    assert isinstance(rt.clock, FixedClock)
    rt.clock.advance(timedelta(**by))
    return rt.clock.now()


async def told(rt: Runtime) -> list[str]:
    """Facts about notices, in the order in which they go out."""
    async with rt.db.connection() as tx:
        rows = await tx.fetch("SELECT type FROM outbox WHERE type LIKE '%notice%' ORDER BY id")
    return [row["type"].split(".")[1] for row in rows]


async def about_mail(rt: Runtime, notice_id: UUID) -> list[notices.Notice]:
    """What the authority was told of mail that came back."""
    async with rt.db.connection() as tx:
        return await notices.about(tx, (await notices.get(tx, notice_id)).about_id, returned.KIND)


async def clocks(rt: Runtime, notice_id: UUID) -> list[tuple[datetime, bool]]:
    async with rt.db.connection() as tx:
        found = await deadlines.of(tx, notice_id)
    return [(each.due_at, each.met_at is None) for each in found]


async def test_a_mail_that_comes_back_is_no_delivery_and_the_authority_is_told(rt: Runtime, mailbox: Envelopes) -> None:
    notice_id = await issued(rt, service="registry")
    await sent(rt)
    assert (await known(rt, notice_id)).delivered_by == "email"
    [(deemed_at, _)] = await clocks(rt, notice_id)
    later(rt, hours=3)
    assert await comes_back(rt, mailbox.froms[0])
    assert await states(rt, notice_id) == {"email": ("bounced", 1)}
    async with rt.db.connection() as tx:
        [mail] = await notices.deliveries(tx, [notice_id])
    assert mail.error == "5.1.1 smtp; 550 5.1.1 no such mailbox [31m here", "in the words of the server, on one line"
    assert (await known(rt, notice_id)).delivered_at is None
    assert await clocks(rt, notice_id) == [(deemed_at, False), (deemed_at, True)], "deemed delivered as any unread one"
    assert await told(rt) == ["issued", "delivered", "returned"]
    [word] = await about_mail(rt, notice_id)
    assert word.identity == word.authority_id == (await known(rt, notice_id)).authority_id
    assert b"no such mailbox" in word.document
    later(rt, minutes=1)
    await sent(rt)
    assert len(mailbox.taken) == 1, "it is not mailed again"
    assert not await comes_back(rt, mailbox.froms[0]), "once"
    assert len(await about_mail(rt, notice_id)) == 1


async def test_what_else_reached_the_recipient_counts_from_when_it_did(rt: Runtime, mailbox: Envelopes) -> None:
    notice_id = await issued(rt, service="registry")
    await sent(rt)
    opened_at = later(rt, hours=2)
    async with rt.db.transaction() as tx:
        await notices.opened(tx, await notices.get(tx, notice_id), opened_at)
    later(rt, hours=1)
    assert await comes_back(rt, mailbox.froms[0])
    kept = await known(rt, notice_id)
    assert (kept.delivered_by, kept.delivered_at) == ("inbox", opened_at)
    assert [open_ for _, open_ in await clocks(rt, notice_id)] == [False]
    assert await told(rt) == ["issued", "delivered", "returned", "delivered"]
    assert await about_mail(rt, notice_id) == [], "nobody need be told another way"


async def test_what_was_deemed_delivered_before_stays_so(rt: Runtime, mailbox: Envelopes) -> None:
    unverified = EVERYWHERE.model_copy(update={"email_verified": False})
    notice_id = await issued(rt, unverified, service="registry")
    await sent(rt)
    async with rt.db.transaction() as tx:
        await notices.deem(rt, tx, notice_id)
    deemed = await known(rt, notice_id)
    later(rt, hours=1)
    assert await comes_back(rt, mailbox.froms[0])
    kept = await known(rt, notice_id)
    assert (kept.delivered_by, kept.delivered_at) == ("deemed", deemed.delivered_at)
    assert await told(rt) == ["issued", "delivered"]


async def test_a_webhook_that_took_it_still_counts(rt: Runtime, mailbox: Envelopes, receiver: Receiver) -> None:
    both = EVERYWHERE.model_copy(update={"webhook": receiver.url, "webhook_verified": True})
    notice_id = await issued(rt, both)
    await sent(rt)
    assert await comes_back(rt, mailbox.froms[0])
    assert (await known(rt, notice_id)).delivered_by == "webhook"
    assert {name: state for name, (state, _) in (await states(rt, notice_id)).items()} == {
        "email": "bounced", "webhook": "delivered",
    }  # fmt: skip


async def test_one_that_comes_back_before_its_sender_has_written_what_became_of_it_is_never_delivered(
    rt: Runtime, mailbox: Envelopes
) -> None:
    notice_id = await issued(rt, service="registry")

    async def at_once(token: str) -> None:
        assert await comes_back(rt, f"returns+{token}@registry.example")

    mailbox.meanwhile = at_once
    await sent(rt)
    assert await states(rt, notice_id) == {"email": ("bounced", 1)}
    assert (await known(rt, notice_id)).delivered_at is None
    assert "delivered" not in await told(rt)


@pytest.mark.parametrize(
    "mail",
    [
        vacation(),
        report("Final-Recipient: rfc822; a@b.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n"),
        report("Final-Recipient: rfc822; a@b.example\r\nAction: delivered\r\nStatus: 2.0.0\r\n"),
        report(kind="multipart/mixed"),
        report(kind="multipart/report; report-type=disposition-notification").replace(b"delivery-status", b"x-y"),
        b"",
        b"\0\xff" * 500,
        report().replace(b'boundary="b"', b""),
        b"Content-Type: message/rfc822\r\n\r\n" * 5000,
        report().replace(b"--b--", b'Content-Type: multipart/mixed; boundary="c"\r\n' * (MOST_PARTS + 1)),
    ],
)  # fmt: skip
async def test_what_is_no_report_of_a_failure_changes_nothing(rt: Runtime, mailbox: Envelopes, mail: bytes) -> None:
    notice_id = await issued(rt)
    await sent(rt)
    assert not await comes_back(rt, mailbox.froms[0], mail)
    assert (await known(rt, notice_id)).delivered_by == "email"


async def test_nobody_guesses_a_return_address_and_its_time_is_over_after_a_week(
    rt: Runtime, mailbox: Envelopes
) -> None:
    notice_id, other = await issued(rt), await issued(rt)
    await sent(rt)
    assert len(set(mailbox.froms)) == 2
    token = token_of(mailbox.froms[0])
    for forged in (token[:-1] + ("0" if token[-1] != "0" else "1"), "", "%", str(notice_id), notice_id.hex):
        assert not await comes_back(rt, f"returns+{forged}@registry.example"), forged
    later(rt, seconds=WITHIN.total_seconds() + 1)
    for each in mailbox.froms:
        assert not await comes_back(rt, each), "nobody opens closed time limits again"
    for notice in (notice_id, other):
        assert (await known(rt, notice)).delivered_by == "email"


@pytest.mark.parametrize("none", [None, ""])
async def test_without_a_return_address_mail_comes_back_to_its_sender_and_counts_as_no_delivery(
    rt: Runtime, mailbox: Envelopes, none: str | None
) -> None:
    """Nobody here hears that it came back, so nobody knows that it arrived."""
    deaf = {"smtp_returns": none, "smtp_returns_secret": none}
    notice_id = await issued(rt)
    await sent(replace(rt, settings=Settings.model_validate({**dict(rt.settings), **deaf})))
    assert mailbox.froms == [rt.settings.smtp_sender]
    notice = await known(rt, notice_id)
    assert (notice.delivered_at, notice.delivered_by) == (None, None)
    async with rt.db.connection() as tx:
        assert [each.state for each in await notices.deliveries(tx, [notice_id])] == ["sent"]
        assert await notices.reached_at(tx, notice.about_id, notice.kind) is None
    heard = await issued(rt)
    await sent(rt)
    assert (await known(rt, heard)).delivered_by == "email"


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_returns_secret": None},
        {"smtp_returns": None},
        {"smtp_returns_secret": "short"},
        {"smtp_returns": "a name much longer than may be@registry.example"},
        {"smtp_returns": "returns"},
    ],
)
def test_half_a_return_address_is_refused_at_the_start(rt: Runtime, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({**dict(rt.settings), **wrong})


async def test_a_copy_that_comes_back_is_told_to_nobody(rt: Runtime, mailbox: Envelopes) -> None:
    async with rt.db.transaction() as tx:
        new = notices.New(
            about=ActRef.model_validate(ActRef.EXAMPLE), kind="x", title=TITLE, copy_about="pharmacy.example",
            to=OperatorRef(identity="91110000MA01CNCRD6", name="pharmacy.example"), address=EVERYWHERE,
            authority=AuthorityRef.model_validate(AuthorityRef.EXAMPLE),
        )  # fmt: skip
        [notice_id] = await notices.issue_all(tx, rt, [new])
    await sent(rt)
    assert await comes_back(rt, mailbox.froms[0])
    assert await states(rt, notice_id) == {"email": ("bounced", 1)}
    assert (await about_mail(rt, notice_id), await told(rt), await clocks(rt, notice_id)) == ([], [], [])


async def test_of_a_mail_that_is_refused_for_good_the_authority_is_told_at_once(
    rt: Runtime, mailbox: Envelopes
) -> None:
    notice_id = await issued(rt, service="registry")
    mailbox.refuse = "450 busy, come again"
    await sent(rt)
    assert await about_mail(rt, notice_id) == [], "it is tried again"
    later(rt, hours=1)
    mailbox.refuse = "550 no such mailbox here"
    await sent(rt)
    assert await states(rt, notice_id) == {"email": ("failed", 2)}
    [word] = await about_mail(rt, notice_id)
    assert b"550 no such mailbox here" in word.document
    opened = await issued(rt, service="registry")
    async with rt.db.transaction() as tx:
        await notices.opened(tx, await notices.get(tx, opened), rt.clock.now())
    await sent(rt)
    assert await about_mail(rt, opened) == [], "it was read in the inbox"


@pytest.mark.parametrize("error", [
    RuntimeError("killed"), asyncpg.UniqueViolationError("one too many"),
    asyncpg.exceptions._base.DataError("a text that is none"),
])  # fmt: skip
async def test_where_nobody_can_be_told_of_one_mail_the_rest_of_its_batch_is_written_and_goes_out_once(
    rt: Runtime, mailbox: Envelopes, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    mailbox.refused = {"gone@pharmacy.example", "away@pharmacy.example"}
    gone, away = [
        await issued(rt, AddressForService(email=f"{name}@pharmacy.example", email_verified=True), service="registry")
        for name in ("gone", "away")
    ]
    others = [await issued(rt, service="registry") for _ in range(5)]
    tell, tried = returned.tell, list[UUID]()

    async def fails(tx: Tx, rt: Runtime, notice_id: UUID, why: str) -> None:
        tried.append(notice_id)
        if notice_id == gone:
            raise error
        await tell(tx, rt, notice_id, why)

    monkeypatch.setattr(returned, "tell", fails)
    await sent(rt)
    for each in others:
        assert await states(rt, each) == {"email": ("delivered", 1)}
    assert await states(rt, away) == {"email": ("failed", 1)}
    assert len(await about_mail(rt, away)) == 1
    assert await states(rt, gone) == {"email": ("queued", 1)}, "it is tried again, alone"
    assert await about_mail(rt, gone) == []
    later(rt, minutes=10)
    monkeypatch.undo()
    await sent(rt)
    assert len(mailbox.taken) == len(others), "nobody got anything twice"
    assert await states(rt, gone) == {"email": ("failed", 2)}
    assert len(await about_mail(rt, gone)) == 1


async def test_what_can_never_be_written_ends_after_so_many_tries(
    rt: Runtime, mailbox: Envelopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await issued(rt, service="registry"), await issued(rt, service="registry")

    async def fails(tx: Tx, by: Mapping[UUID, str], *, at: datetime) -> list[UUID]:
        if one in by:
            raise RuntimeError("killed")
        return await delivered_all(tx, by, at=at)

    delivered_all = notices.delivered_all
    monkeypatch.setattr(notices, "delivered_all", fails)
    for _ in range(MOST_TRIES + 2):
        await sent(rt)
        later(rt, hours=13)
    assert await states(rt, one) == {"email": ("failed", MOST_TRIES)}
    assert await states(rt, other) == {"email": ("delivered", 1)}
    assert len(mailbox.taken) == MOST_TRIES + 1
