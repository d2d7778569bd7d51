"""Notices with a real mail server, a real webhook receiver and the inbox: what counts as delivered, and from when."""

import asyncio
import base64
import contextvars
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from aiosmtpd.smtp import SMTP
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared import rules
from shared.contracts.grounds import (
    ActRef,
    AddressForService,
    AuthorityRef,
    Grounds,
    Names,
    OperatorRef,
    Service,
    Statement,
)
from shared.contracts.notices import NoticeDocument
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import keys, metrics
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.ids import uuid7
from shared.runtime.base.settings import Settings
from shared.runtime.db.postgres import Database
from shared.runtime.post import mail
from shared.runtime.post import sender as sender_module
from shared.runtime.post.sender import LINES, Sender
from shared.runtime.process import issuing
from shared.runtime.web.inbox import POLICY, Act
from shared.signing import generate_key
from tests.support.people import at, directory, person

ZONE = ZoneInfo("Asia/Shanghai")
EVERYWHERE = AddressForService(email="legal@pharmacy.example", email_verified=True)
TITLE = Names(zh="处理决定告知书，编号 ICP 1", en="Notice of a decision")


class Mailbox:
    """A mail server that keeps what it takes, or refuses with a code."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.refuse: str | None = None
        self.refused: set[str] = set()
        self.unwanted: str | None = None
        self.unliked: str | None = None
        self.hangs_up_after: int | None = None
        self.peers: Counter[Any] = Counter()

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.unwanted:
            return self.unwanted
        if self.hangs_up_after is not None and self.peers[session.peer] >= self.hangs_up_after:
            return "421 too many mails on this connection"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.refuse or address in self.refused:
            return self.refuse or "550 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.unliked:
            return self.unliked
        self.taken.append(envelope.content)
        self.peers[session.peer] += 1
        return "250 kept as 42"


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    handler = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    yield handler, server.sockets[0].getsockname()[1]
    server.close()


class Receiver:
    """An HTTP server that keeps requests and answers with a status."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.url = ""
        self.first: Callable[[], object] = lambda: None

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.first()
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in fields}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    yield found
    server.close()


@pytest.fixture
def rt(db: Database, dsn: str, mailbox: tuple[Mailbox, int], tmp_path: Path) -> Runtime:
    settings = Settings(
        database_url=dsn, smtp_port=mailbox[1], smtp_tls="none", webhooks_private=True,
        signing_keys_file=tmp_path / "keys.json", signing_keys_generate=True,
        smtp_returns="returns@registry.example", smtp_returns_secret=SecretStr("s" * 32),
    )  # fmt: skip
    clock = FixedClock(at("2026-11-26T04:00"))
    return Runtime(db, clock, rules.load("cn-2006"), settings, directory(clock))


async def unused() -> int:
    """A port at which nobody listens."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    return port


async def issued(
    rt: Runtime, address: AddressForService = EVERYWHERE, act: UUID | None = None, title: Names = TITLE,
    service: str = "enforcement",
) -> UUID:  # fmt: skip
    async with rt.db.transaction() as tx:
        return await notices.issue(
            tx,
            rt,
            about=ActRef.model_validate({**ActRef.EXAMPLE, "id": act or uuid7(), "service": service}),
            kind="decision_released",
            to=OperatorRef(identity="91110000MA01CNCRD6", name="Example Pharmacy Ltd"),
            address=address,
            authority=AuthorityRef.model_validate(AuthorityRef.EXAMPLE),
            title=title,
            says=Grounds.model_validate(Grounds.EXAMPLE),
        )


async def known(rt: Runtime, notice_id: UUID) -> notices.Notice:
    async with rt.db.connection() as tx:
        return await notices.get(tx, notice_id)


async def sent(rt: Runtime) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await Sender(rt, owner="test").once(http)


async def states(rt: Runtime, notice_id: UUID) -> dict[str, tuple[str, int]]:
    async with rt.db.connection() as tx:
        return {each.channel: (each.state, each.attempts) for each in await notices.deliveries(tx, [notice_id])}


async def test_mail_reaches_a_verified_address_with_the_document_and_counts_as_delivered(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    notice_id = await issued(rt)
    assert (await known(rt, notice_id)).delivered_at is None
    assert await sent(rt)
    mail = message_from_bytes(mailbox[0].taken[0], policy=default)
    assert mail["Subject"] == "处理决定告知书，编号 ICP 1 / Notice of a decision"
    assert mail["Message-ID"].startswith(f"<{notice_id}@")
    body = mail.get_body()
    assert body is not None
    assert "60" in body.get_content()
    assert f"{rt.settings.door}/notices/{notice_id}" in body.get_content(), "where this department shows it"
    attached = next(iter(mail.iter_attachments())).get_content()
    kept = await known(rt, notice_id)
    assert attached == kept.document
    assert (kept.delivered_by, kept.delivered_at) == ("email", rt.clock.now())
    assert not await sent(rt), "once"
    assert len(mailbox[0].taken) == 1


LONG = Names(
    zh="关于某某医药电子商务有限公司网站 pharmacy.example 拟作出 suspend_access 处理决定告知书（第 2 次）",
    en="Notice of an intended decision about the site pharmacy.example, number 2 of 2026",
)


async def test_a_subject_of_both_languages_arrives_as_it_was_written_in_words_that_every_server_takes(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    await issued(rt, title=LONG)
    await sent(rt)
    raw = mailbox[0].taken[0]
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    subject = head[head.index("Subject: ") : head.index("\r\nDate")]
    assert max(map(len, subject.split("\r\n"))) <= 76, "RFC 2047 §2"
    words = re.findall(r"=\?utf-8\?b\?([A-Za-z0-9+/=]+)\?=", subject)
    assert len(words) > 2
    for word in words:
        assert base64.b64decode(word).decode("utf-8"), "no character is split between two words"
    assert message_from_bytes(raw, policy=default)["Subject"] == f"{LONG.zh} / {LONG.en}"
    assert b"\n" not in raw.replace(b"\r\n", b""), "RFC 5321 §2.3.8"


async def test_a_name_that_would_be_another_header_is_none(rt: Runtime, mailbox: tuple[Mailbox, int]) -> None:
    names: dict[str, Any] = {"zh": "Notice\r\nBcc: c@d.example", "en": 'Office "A", B\r\nBcc: c@d.example'}
    authority = AuthorityRef.model_construct(**{**AuthorityRef.EXAMPLE, "names": Names.model_construct(**names)})
    notice = NoticeDocument.model_construct(**{
        **dict(NoticeDocument.model_validate(NoticeDocument.EXAMPLE)), "authority": authority,
        "title": Names.model_construct(**names),
    })  # fmt: skip
    raw = mail.message(notice, b"{}", sender="n@c.example", recipient="legal@pharmacy.example", inbox="x", zone=ZONE)
    read = message_from_bytes(raw, policy=default)
    assert read["Bcc"] is None
    assert [each.addr_spec for each in read["From"].addresses] == ["n@c.example"]
    assert read["From"].addresses[0].display_name == 'Office "A", B Bcc: c@d.example'


def test_the_mail_about_a_draft_says_that_there_is_nothing_to_challenge_yet() -> None:
    drafted = NoticeDocument.model_validate(NoticeDocument.EXAMPLE)
    assert drafted.kind == "decision_intended"
    said = mail.text(drafted, "x", ZONE)
    assert "Nothing is decided yet. A decision can be challenged within 60 days of its own delivery" in said
    assert "尚未作出决定" in said
    assert "期限 / Until: 2026-11-29 23:59:59 (Asia/Shanghai)" in said, "the last day ends where it is counted"
    assert "自本通知送达之日起60日" not in said, "no time to appeal runs from it, and an appeal would be refused"
    assert "且自本通知送达之日起不少于7日 / and no less than 7 days from its delivery" in said
    released = drafted.model_copy(update={"kind": "decision_released"})
    assert released.grounds is not None
    body, how = released.grounds.redress.body.names.zh, released.grounds.redress.how_zh
    assert f"可自本通知送达之日起60日内向{body}提出：{how}。" in mail.text(released, "x", ZONE)
    assert f"日内向{body}提出：{how}。" in said


async def test_a_mail_of_what_lies_in_nobodys_inbox_names_none(rt: Runtime, mailbox: tuple[Mailbox, int]) -> None:
    lying = await issued(rt)
    async with rt.db.transaction() as tx:
        alone = await notices.issue(
            tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind="complaint", id=uuid7()), kind="complaint_answered",
            to=OperatorRef(identity="91110000MA01CNCRD6", name="C-HV43-4NZY-9MAV"),
            address=AddressForService(email="who@complained.example"),
            authority=AuthorityRef.model_validate(AuthorityRef.EXAMPLE), title=TITLE,
            says=Statement.model_validate(Statement.EXAMPLE), in_inbox=False,
        )  # fmt: skip
    await sent(rt)
    by_notice = dict[UUID, str]()
    for raw in mailbox[0].taken:
        read = message_from_bytes(raw, policy=default)
        body = read.get_body(("plain",))
        assert body is not None
        by_notice[UUID(str(read["Message-ID"])[1:].partition("@")[0])] = body.get_content()
    assert f"/notices/{lying}" in by_notice[lying]
    assert "/notices/" not in by_notice[alone], "whoever complained has no account: nobody can open it there"


async def test_one_connection_carries_many_mails_and_a_refused_one_stops_none(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    ids = [await issued(rt, AddressForService(email=f"n{n}@pharmacy.example", email_verified=True)) for n in range(40)]
    mailbox[0].refused = {f"n{n}@pharmacy.example" for n in range(0, 40, 4)}
    await sent(rt)
    assert len(mailbox[0].taken) == 30
    assert 1 <= len(mailbox[0].peers) <= LINES
    for n, notice_id in enumerate(ids):
        assert await states(rt, notice_id) == {"email": ("delivered" if n % 4 else "failed", 1)}
    async with rt.db.connection() as tx:
        [refused] = await notices.deliveries(tx, [ids[0]])
    assert refused.error == "550 no such mailbox here", "in the server's own words"
    assert (await known(rt, ids[0])).delivered_at is None


async def test_a_server_that_takes_few_mails_on_a_connection_is_called_again(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    for _ in range(20):
        await issued(rt)
    mailbox[0].hangs_up_after = 3
    await sent(rt)
    assert len(mailbox[0].taken) == 20
    assert len(mailbox[0].peers) >= 6


async def test_a_mail_server_that_is_gone_fails_nothing_for_good_and_takes_everything_when_it_is_back(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    assert isinstance(rt.clock, FixedClock)
    away = replace(rt, settings=rt.settings.model_copy(update={"smtp_port": await unused()}))
    ids = [await issued(rt) for _ in range(5)]
    for _ in range(4):
        await sent(away)
        rt.clock.advance(timedelta(hours=1))
    async with rt.db.connection() as tx:
        tried = await notices.deliveries(tx, ids)
    assert {(each.state, each.attempts) for each in tried} == {("queued", 4)}
    assert all(each.error and each.retry_at for each in tried), "whoever reads it sees why, and when it is tried next"
    await sent(rt)
    assert len(mailbox[0].taken) == 5
    assert await states(rt, ids[0]) == {"email": ("delivered", 5)}


async def test_a_server_that_does_not_want_us_is_no_reason_to_give_a_notice_up(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    notice_id = await issued(rt)
    mailbox[0].unwanted = "550 your address is on a list"
    await sent(rt)
    assert await states(rt, notice_id) == {"email": ("queued", 1)}
    async with rt.db.connection() as tx:
        [tried] = await notices.deliveries(tx, [notice_id])
    assert tried.error == "550 your address is on a list"


SAID_OF_US = (
    "554 5.7.1 <legal@pharmacy.example>: Relay access denied",
    "553 5.7.1 <notices@registry.example>: Sender address rejected: not owned by user registry",
    "550 5.7.1 Client host rejected: Access denied", "530 5.7.0 Authentication required",
    "554 5.7.8 Error: who are you",
    "550 5.1.8 <notices@registry.example>: Sender address rejected: Domain not found",
    "553 5.1.7 <notices>: Sender address rejected", "550 5.1.0 <notices@registry.example>: Sender address rejected",
    "554 Relay access denied", "553 sorry, that domain is not in my list", "550 5.4.4 Unable to route",
    "550 5.5.1 Error", "450 4.1.1 unverified address", "452 4.2.2 mailbox full",
)  # fmt: skip
SAID_OF_THE_RECIPIENT = (
    "550 5.1.1 <legal@pharmacy.example>: Recipient address rejected: User unknown", "554 5.1.2 Bad destination system",
    "550 5.2.1 mailbox disabled", "552 5.2.2 mailbox full", "556 5.1.10 Recipient address has null MX",
    "550 no such mailbox here", "550 5.0.0 mailbox unavailable", "551 not local",
)  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "final"), [*((said, False) for said in SAID_OF_US), *((said, True) for said in SAID_OF_THE_RECIPIENT)]
)
async def test_what_is_said_of_us_at_the_recipient_is_tried_again_and_what_is_said_of_it_is_final(
    rt: Runtime, mailbox: tuple[Mailbox, int], shown: dict[str, float], answer: str, final: bool
) -> None:
    """RFC 3463; Postfix says at RCPT what it thinks of client and sender, unless it is told otherwise."""
    assert isinstance(rt.clock, FixedClock)
    mailbox[0].refuse = answer
    notice_id = await issued(rt)
    sender = Sender(rt, owner="test")
    async with httpx.AsyncClient(trust_env=False) as http:
        await sender.once(http)
        assert await states(rt, notice_id) == {"email": ("failed" if final else "queued", 1)}
        rt.clock.advance(timedelta(hours=7))
        await sender.once(http)
    assert shown["email"] == (0 if final else 25200), "above 21600 NoticesRefused rings"


async def test_a_policy_against_us_that_is_told_after_the_mail_is_tried_again(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    ids = []
    for answer in ("554 5.7.1 Message rejected due to policy", "554 5.6.0 Message content rejected", "554 no"):
        mailbox[0].unliked = answer
        ids.append(await issued(rt))
        await sent(rt)
    assert [(await states(rt, each))["email"] for each in ids] == [("queued", 1), ("failed", 1), ("failed", 1)]


async def test_one_address_that_never_took_a_mail_is_not_shown_for_ever(
    rt: Runtime, mailbox: tuple[Mailbox, int], shown: dict[str, float]
) -> None:
    assert isinstance(rt.clock, FixedClock)
    notice_id = await issued(rt)
    mailbox[0].refuse = "550 5.7.1 not from you"
    sender = Sender(rt, owner="test")
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(sender_module.MOST_TRIES - 1):
            await sender.once(http)
            rt.clock.advance(timedelta(hours=13))
            assert shown["email"] >= 0
        assert shown["email"] > 21600
        await sender.once(http)
        assert await states(rt, notice_id) == {"email": ("failed", sender_module.MOST_TRIES)}
        assert shown["email"] == 0, "nothing waits any more"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What machines are told of how long nothing was taken, by channel."""
    shown: dict[str, float] = {}
    monkeypatch.setattr(metrics.notices_refused, "set", lambda value, of: shown.update({of["channel"]: value}))
    return shown


async def test_for_how_long_no_mail_was_taken_is_shown_until_one_is(
    rt: Runtime, mailbox: tuple[Mailbox, int], shown: dict[str, float]
) -> None:
    assert isinstance(rt.clock, FixedClock)
    sender = Sender(rt, owner="test")
    async with httpx.AsyncClient(trust_env=False) as http:
        mailbox[0].refuse = "550 no such mailbox"  # an address that is wrong says nothing about our server
        await issued(rt)
        await sender.once(http)
        rt.clock.advance(timedelta(hours=1))
        await sender.once(http)
        assert shown == {"email": 0, "webhook": 0}
        mailbox[0].refuse, mailbox[0].unwanted = None, "550 your address is on a list"
        await issued(rt)
        await sender.once(http)
        rt.clock.advance(timedelta(hours=7))
        await sender.once(http)
        assert shown == {"email": 25200, "webhook": 0}
        rt.clock.advance(timedelta(seconds=5))
        await sender.once(http)
        assert shown["email"] == 25205, "it grows while nothing is due"
        mailbox[0].unwanted = None
        rt.clock.advance(timedelta(hours=1))
        await sender.once(http)
    assert shown["email"] == 0


async def test_what_is_not_begun_in_its_round_is_given_back_as_it_was(
    rt: Runtime, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await issued(rt) for _ in range(5)]
    monkeypatch.setattr(sender_module, "ROUND_S", -1.0)
    await sent(rt)
    assert [await states(rt, each) for each in ids] == [{"email": ("queued", 0)}] * 5
    monkeypatch.undo()
    await sent(rt)
    assert len(mailbox[0].taken) == 5


async def test_a_sender_killed_after_the_server_took_it_sends_it_again_under_the_same_id_and_delivers_it_once(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    notice_id = await issued(rt)

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    sender = Sender(rt, owner="test")
    sender._note = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(asyncio.CancelledError):
        async with httpx.AsyncClient() as http:
            await sender.once(http)
    assert isinstance(rt.clock, FixedClock)
    rt.clock.advance(timedelta(minutes=6))
    await sent(rt)
    first, second = (message_from_bytes(each)["Message-ID"] for each in mailbox[0].taken)
    assert first == second
    assert await states(rt, notice_id) == {"email": ("delivered", 2)}


async def test_mail_and_webhook_of_one_notice_taken_by_two_processes_deliver_it_once(
    rt: Runtime, mailbox: tuple[Mailbox, int], receiver: Receiver
) -> None:
    both = EVERYWHERE.model_copy(update={"webhook": receiver.url, "webhook_verified": True})
    ids = [await issued(rt, both) for _ in range(30)]
    await asyncio.gather(*(sent(rt) for _ in range(4)))
    assert (len(mailbox[0].taken), len(receiver.requests)) == (30, 30)
    for each in ids:
        assert (await known(rt, each)).delivered_at


async def test_standard_webhooks_own_library_takes_what_is_signed_with_a_shared_secret(
    rt: Runtime, receiver: Receiver
) -> None:
    secret = bytes(range(32))
    async with rt.db.transaction() as tx:
        new = notices.New(
            about=ActRef.model_validate(ActRef.EXAMPLE), kind="x", title=TITLE,
            to=OperatorRef(identity="91110000MA01CNCRD6", name="Example Pharmacy Ltd"),
            address=AddressForService(webhook=receiver.url), secret=secret,
            authority=AuthorityRef.model_validate(AuthorityRef.EXAMPLE),
        )  # fmt: skip
        await notices.issue_all(tx, rt, [new])
    now = datetime.now(UTC)
    assert isinstance(rt.clock, FixedClock)
    rt.clock.advance(now - rt.clock.now())
    await sent(rt)
    headers, body = receiver.requests[0]
    theirs = Webhook("whsec_" + base64.b64encode(secret).decode())
    assert theirs.verify(body, headers)["kind"] == "x"
    for wrong in ({**headers, "webhook-id": str(uuid7())}, {**headers, "webhook-timestamp": "1"}):
        with pytest.raises(WebhookVerificationError):
            theirs.verify(body, wrong)
    with pytest.raises(WebhookVerificationError):
        theirs.verify(body + b" ", headers)


async def test_a_copy_reaches_its_address_and_starts_no_time(rt: Runtime, mailbox: tuple[Mailbox, int]) -> None:
    act = uuid7()
    copy = notices.New(
        about=ActRef.model_validate({**ActRef.EXAMPLE, "id": act}), kind="decision_released", title=TITLE,
        copy_about="pharmacy.example",
        to=OperatorRef(identity="91110000MA01CNCRD6", name="Example Pharmacy Ltd"), address=EVERYWHERE,
        says=Grounds.model_validate(Grounds.EXAMPLE), authority=AuthorityRef.model_validate(AuthorityRef.EXAMPLE),
    )  # fmt: skip
    async with rt.db.transaction() as tx:
        [copy_id] = await notices.issue_all(tx, rt, [copy])
    await sent(rt)
    assert await states(rt, copy_id) == {"email": ("delivered", 1)}
    async with rt.db.connection() as tx:
        assert await notices.about(tx, act) == []
        assert await notices.delivered_at(tx, act, "decision_released") is None
        assert await notices.reached_at(tx, act, "decision_released") is None
        assert await tx.fetchval("SELECT count(*) FROM deadline") == 0
        assert await notices.page(tx, POLICY.reach(person("applicant"), Act.READ_NOTICE), None, 10) == []


async def test_an_address_nobody_verified_proves_nothing(rt: Runtime) -> None:
    notice_id = await issued(rt, EVERYWHERE.model_copy(update={"email_verified": False}))
    await sent(rt)
    assert await states(rt, notice_id) == {"email": ("sent", 1)}
    assert (await known(rt, notice_id)).delivered_at is None


async def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    notice_id = await issued(rt)
    mailbox[0].refuse = "450 try later"
    assert await sent(rt)
    assert not await sent(rt), "not at once"
    assert isinstance(rt.clock, FixedClock)
    rt.clock.advance(timedelta(minutes=2))
    mailbox[0].refuse = "550 no such mailbox"
    await sent(rt)
    assert await states(rt, notice_id) == {"email": ("failed", 2)}
    rt.clock.advance(timedelta(days=2))
    assert not await sent(rt)


async def test_a_process_killed_between_taking_and_sending_loses_nothing(
    rt: Runtime, mailbox: tuple[Mailbox, int]
) -> None:
    notice_id = await issued(rt)

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    sender = Sender(rt, owner="test")
    sender._mails = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(asyncio.CancelledError):
        async with httpx.AsyncClient() as http:
            await sender.once(http)
    assert not await sent(rt), "it may still be under way"
    assert isinstance(rt.clock, FixedClock)
    rt.clock.advance(timedelta(minutes=6))
    assert await sent(rt)
    assert (await known(rt, notice_id)).delivered_by == "email"


async def test_eight_senders_send_each_notice_once(rt: Runtime, mailbox: tuple[Mailbox, int]) -> None:
    for _ in range(10):
        await issued(rt)
    await asyncio.gather(*(sent(rt) for _ in range(8)))
    assert len(mailbox[0].taken) == 10
    await issued(rt)
    async with rt.db.transaction() as tx:
        now = rt.clock.now()
        taken = await tx.fetch(sender_module._TAKE, now, sender_module.LEASE, 10, "email")
        assert len(taken) == 1
        other = asyncio.create_task(sent(rt), context=contextvars.Context())  # not in this transaction
        assert not await asyncio.wait_for(other, 5), "nobody waits for what another has in hand"


async def test_a_webhook_carries_the_bytes_signed_as_standard_webhooks_has_it(rt: Runtime, receiver: Receiver) -> None:
    notice_id = await issued(rt, AddressForService(webhook=receiver.url, webhook_verified=True))
    await sent(rt)
    headers, body = receiver.requests[0]
    kept = await known(rt, notice_id)
    assert body == kept.document
    assert kept.delivered_by == "webhook"
    assert NoticeDocument.model_validate_json(body).notice_id == notice_id
    settings = rt.settings
    published = keys.OwnedKeys(settings.signing_keys_file, generate=False).own("test").public["x"]
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(published + "="))
    version, signature = headers["webhook-signature"].split(",")
    assert (version, headers["webhook-id"]) == ("v1a", str(notice_id))
    public.verify(base64.b64decode(signature), f"{notice_id}.{headers['webhook-timestamp']}.".encode() + body)


async def test_a_key_that_is_retired_while_the_process_runs_signs_no_webhook_more(
    rt: Runtime, receiver: Receiver, mailbox: tuple[Mailbox, int]
) -> None:
    """It may have been stolen. Webhooks wait for the next one and count no try; mail goes out; no start is refused."""
    settings = rt.settings.model_copy(update={"signing_keys_generate": False})
    rt = replace(rt, settings=settings)
    theirs = generate_key(kid="theirs") | {"organisation": "industry-110000"}
    old, new = generate_key(kid="old"), generate_key(kid="new")
    hook = AddressForService(webhook=receiver.url, webhook_verified=True)

    def enter(*entries: dict[str, Any]) -> None:
        settings.signing_keys_file.write_text(json.dumps({"keys": [*entries, theirs]}))

    enter(old)
    sender = Sender(rt, owner="test")
    async with httpx.AsyncClient(trust_env=False) as http:
        await issued(rt, hook)
        assert await sender.once(http)
        retired = old | {"retired_at": "2026-11-20T00:00:00Z"}
        enter(retired)
        waits = await issued(rt, hook)
        await issued(rt)
        assert await sender.once(http), "the mail"
        assert not await sender.once(http)
        assert (len(receiver.requests), len(mailbox[0].taken)) == (1, 1)
        assert await states(rt, waits) == {"webhook": ("queued", 0)}
        assert sender.health().state == Sender(rt, owner="test").health().state == "failing"
        assert (await issuing.start(rt, "test")).keys.signer("industry-110000").kid == "theirs"
        enter(retired, new)
        assert await sender.once(http)
        assert sender.health().state == "sending"
    assert await states(rt, waits) == {"webhook": ("delivered", 1)}
    headers, body = receiver.requests[1]
    signed = f"{waits}.{headers['webhook-timestamp']}.".encode() + body
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(new["x"] + "="))
    public.verify(base64.b64decode(headers["webhook-signature"].split(",")[1]), signed)


async def test_a_key_that_is_retired_in_the_midst_of_a_round_signs_nothing_of_the_rest(
    rt: Runtime, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "HOOKS", 1)
    file = rt.settings.signing_keys_file
    rt = replace(rt, settings=rt.settings.model_copy(update={"signing_keys_generate": False}))
    old = generate_key(kid="old")
    file.write_text(json.dumps({"keys": [old]}))
    hook = AddressForService(webhook=receiver.url, webhook_verified=True)
    both = [await issued(rt, hook) for _ in range(2)]
    receiver.first = lambda: file.write_text(json.dumps({"keys": [old | {"retired_at": "2026-11-20T00:00:00Z"}]}))
    await sent(rt)
    assert len(receiver.requests) == 1
    assert sorted([(await states(rt, each))["webhook"] for each in both]) == [("delivered", 1), ("queued", 0)]


async def test_a_receiver_that_is_gone_is_not_asked_again(rt: Runtime, receiver: Receiver) -> None:
    notice_id = await issued(rt, AddressForService(webhook=receiver.url, webhook_verified=True))
    receiver.status = 410
    await sent(rt)
    assert await states(rt, notice_id) == {"webhook": ("failed", 1)}


async def test_the_inbox_is_its_recipients_and_its_authoritys_and_opening_is_delivery(rt: Runtime) -> None:
    notice_id = await issued(rt, AddressForService())
    notice = await known(rt, notice_id)
    operator = person("applicant")
    assert operator.organisation == notice.identity
    assert POLICY.allows(operator, Act.READ_NOTICE, notice)
    assert not POLICY.allows(person("regulator-a"), Act.READ_NOTICE, notice)
    assert not POLICY.allows(operator, Act.PROVE_DELIVERY, notice, drafted_by=()), (
        "nobody proves that he himself was told"
    )
    authority = replace(person("regulator-a"), organisation=notice.authority_id)
    assert POLICY.allows(authority, Act.PROVE_DELIVERY, notice, drafted_by=())
    async with rt.db.connection() as tx:
        for who, sees in ((operator, 1), (authority, 1), (person("regulator-b"), 0)):
            assert len(await notices.page(tx, POLICY.reach(who, Act.READ_NOTICE), None, 10)) == sees
    async with rt.db.transaction() as tx:
        await notices.opened(tx, notice, rt.clock.now())
    assert (await known(rt, notice_id)).delivered_by == "inbox"


async def test_unread_it_counts_as_delivered_after_a_week_and_time_runs_from_the_first_delivery(rt: Runtime) -> None:
    act = uuid7()
    notice_id = await issued(rt, AddressForService(), act)
    async with rt.db.transaction() as tx:
        due = await tx.fetchval("SELECT due_at FROM deadline WHERE aggregate_id = $1", notice_id)
        assert await notices.delivered_at(tx, act, "decision_released") is None
    assert due - rt.clock.now() >= timedelta(days=6)
    assert isinstance(rt.clock, FixedClock)
    first = rt.clock.advance(timedelta(days=8))
    async with rt.db.transaction() as tx:
        await notices.deem(rt, tx, notice_id)
    rt.clock.advance(timedelta(days=1))
    async with rt.db.transaction() as tx:
        await notices.opened(tx, await notices.get(tx, notice_id), rt.clock.now())
        assert await notices.delivered_at(tx, act, "decision_released") == first
    assert (await known(rt, notice_id)).delivered_by == "deemed"


async def test_a_notice_that_is_rolled_back_was_never_issued(rt: Runtime, mailbox: tuple[Mailbox, int]) -> None:
    async def changed_their_mind() -> None:
        async with rt.db.transaction():
            await issued(rt)
            raise LookupError

    with pytest.raises(LookupError):
        await changed_their_mind()
    assert not await sent(rt)
    assert mailbox[0].taken == []


@pytest.mark.parametrize(
    "address",
    [
        {"email": "nobody"},
        {"email": "a@b@c.example"},
        {"email": "ä@pharmacy.example"},
        {"email": "a b <c@d.example>, e@f.example"},
        {"webhook": "https://[bad"},
        {"webhook": "https://a.example:99999/"},
        {"webhook": f"https://{'a' * 70}.example/"},
        {"webhook": "http://\u2024/"},
    ],
)
async def test_an_address_that_makes_no_sense_stops_no_other_notice(
    rt: Runtime, mailbox: tuple[Mailbox, int], address: dict[str, str]
) -> None:
    bad = await issued(rt, AddressForService(**address))
    good = await issued(rt)
    assert await sent(rt)
    assert (await known(rt, good)).delivered_by == "email"
    [state] = (await states(rt, bad)).values()
    assert state[0] in {"queued", "failed"}
    assert (await known(rt, bad)).delivered_at is None
    async with rt.db.connection() as tx:
        [of_bad] = await notices.deliveries(tx, [bad])
    assert of_bad.error


async def test_one_that_never_can_be_sent_is_given_up(rt: Runtime) -> None:
    notice_id = await issued(rt, AddressForService(webhook="https://[bad"))
    assert isinstance(rt.clock, FixedClock)
    for _ in range(20):
        await sent(rt)
        rt.clock.advance(timedelta(days=1))
    state, attempts = (await states(rt, notice_id))["webhook"]
    assert (state, attempts) == ("failed", 12)
