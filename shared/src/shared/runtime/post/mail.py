"""A notice as an e-mail: plain text in both languages, the legal document attached."""

import base64
import re
from email.header import Header
from email.headerregistry import Address
from email.utils import formataddr, formatdate
from types import TracebackType
from typing import Final, Self
from zoneinfo import ZoneInfo

import aiosmtplib

from shared.contracts.grounds import Redress, Statement
from shared.contracts.notices import NoticeDocument
from shared.runtime.base.settings import Settings

TIMEOUT_S: Final = 20.0
_THAT: Final = ("原通知", " of the notice that this is a copy of")
_INTENDED: Final = "decision_intended"


class MailRefused(Exception):
    """The mail server did not take it; the text is what it said. ``final``: it never will."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def message(
    notice: NoticeDocument, document: bytes, *, sender: str, recipient: str, inbox: str | None, zone: ZoneInfo
) -> bytes:
    """The e-mail; its Message-ID is the notice's id, so that a second try is known as the same, and it is
    the same bytes. Put together here: what the library takes for it is most of what sending costs.

    Raises MailRefused for an address that is none.
    """
    headers = (
        f"From: {_from(' '.join(notice.authority.names.en.split()), sender)}",
        f"To: {_only_one(recipient)}",
        f"Subject: {_words(f'{notice.title.zh} / {notice.title.en}', 'Subject')}",
        f"Date: {formatdate(notice.issued_at.timestamp())}",
        f"Message-ID: <{notice.notice_id}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    )
    name = f"notice-{notice.notice_id}.json"
    boundary = f"=_{notice.notice_id}"  # in no line of base64
    parts = (
        _part("text/plain; charset=utf-8", text(notice, inbox, zone).encode()),
        _part(f'application/json; name="{name}"', document, f'Content-Disposition: attachment; filename="{name}"'),
    )
    lines = [*headers, f'Content-Type: multipart/mixed; boundary="{boundary}"', ""]
    for part in parts:
        lines += [f"--{boundary}", part]
    return "\n".join([*lines, f"--{boundary}--", ""]).replace("\n", "\r\n").encode("ascii")


def _part(media_type: str, content: bytes, *headers: str) -> str:
    """A part in base64: no line is long, and no byte is lost on the way."""
    body = base64.encodebytes(content).decode()
    return "\n".join([f"Content-Type: {media_type}", "Content-Transfer-Encoding: base64", *headers, "", body])


def _words(said: str, name: str) -> str:
    """A header's text in encoded words of at most 75 characters each, none of them split inside a character.

    By the older of Python's two classes: the newer one of 3.11 loses blanks in what mixes Chinese and ASCII.
    """
    plain = " ".join(said.split())
    return Header(plain, "us-ascii" if plain.isascii() else "utf-8", maxlinelen=75, header_name=name).encode()


def _from(name: str, sender: str) -> str:
    return formataddr((name, sender)) if name.isascii() else f"{_words(name, 'From')} <{sender}>"


def _only_one(recipient: str) -> str:
    """The address, if it is one. Raises MailRefused."""
    try:
        address = Address(addr_spec=recipient).addr_spec
        address.encode("ascii")
    except (ValueError, IndexError) as error:
        raise MailRefused(repr(error), final=True) from error
    return address


def text(notice: NoticeDocument, inbox: str | None, zone: ZoneInfo) -> str:
    """What a person reads. ``inbox``: where the notice is opened; None if it lies in nobody's. ``zone``: the profile's,
    whose days end what has an end.
    """
    lines = [
        f"{notice.title.zh} / {notice.title.en}",
        f"{notice.authority.names.zh} / {notice.authority.names.en}",
        f"致 / To: {notice.to.name}",
        "",
        *_of_copy(notice),
        *_said(notice.says),
    ]
    if notice.answer_by is not None:
        until = notice.answer_by.astimezone(zone)
        lines.append(f"期限 / Until: {until:%Y-%m-%d %H:%M:%S} ({zone.key})")
    if days := notice.answer_within_days:
        lines.append(f"且自本通知送达之日起不少于{days}日 / and no less than {days} days from its delivery")
    if notice.grounds is not None:
        lines += ["", *_redress(notice, notice.grounds.redress)]
    if inbox is not None:
        lines += ["", f"收件箱 / Inbox: {inbox}"]
    return "\n".join([*lines, ""])


def _redress(notice: NoticeDocument, redress: Redress) -> list[str]:
    """How the act is challenged, and from when the time runs; of a draft: that there is nothing to challenge yet."""
    days, zh, en = redress.within_days, redress.body.names.zh, redress.body.names.en
    if notice.kind == _INTENDED:
        return [
            f"尚未作出决定。决定作出后如不服，可自决定书送达之日起{days}日内向{zh}提出：{redress.in_chinese}。",
            f"Nothing is decided yet. A decision can be challenged within {days} days of its own delivery: {en}."
            f" {redress.how}.",
        ]
    since, of_it = _THAT if notice.copy_about else ("本通知", "")
    return [
        f"如不服，可自{since}送达之日起{days}日内向{zh}提出：{redress.in_chinese}。",
        f"You can challenge this within {days} days of delivery{of_it}: {en}. {redress.how}.",
    ]


def _of_copy(notice: NoticeDocument) -> list[str]:
    if notice.copy_about is None:
        return []
    return [
        f"您订阅了域名 {notice.copy_about} 的通知。这是副本，期限不自本副本起算。",
        f"You asked to hear of acts about {notice.copy_about}. This is a copy: no time runs from it.",
        "",
    ]


def _said(says: Statement | None) -> list[str]:
    if says is None:
        return []
    return [f"依据 / Legal basis: {'; '.join(says.legal_basis)}", f"理由 / Reasons: {says.reasons}"]


def returns_of(settings: Settings, token: str | None) -> str:
    """Where a mail comes back to: an address of its own, if the department has one for that."""
    if token is None or settings.smtp_returns is None:
        return settings.smtp_sender
    name, _, domain = settings.smtp_returns.rpartition("@")
    return f"{name}+{token}@{domain}"


_ENHANCED: Final = re.compile(r"\s*5\.(\d{1,3})\.(\d{1,3})(?!\S)").match
_UNSAID: Final = (0, 0)
_ADDRESS, _MAILBOX, _POLICY = 1, 2, 7
"""Subjects of enhanced codes (RFC 3463 section 3)."""
_NOT_OF_THE_RECIPIENT: Final = frozenset({0, 7, 8})
"""Details of _ADDRESS that say which address is wrong, but the sender's (7, 8), or do not say whose it is (0)."""
_NO_MAILBOX: Final = frozenset({550, 551})
"""Without an enhanced code these say that there is no such mailbox here (RFC 5321 section 4.2.3)."""


def _enhanced(message: str) -> tuple[int, int] | None:
    """Subject and detail of the enhanced code that an answer begins with; none if it has none of a lasting failure."""
    found = _ENHANCED(message)
    return (int(found[1]), int(found[2])) if found else None


def _is_the_recipients(code: int, message: str) -> bool:
    """Whether a refused RCPT says for good that this recipient gets no mail, whoever sends it.

    Servers refuse sender, client and relaying at RCPT too (Postfix by default: ``smtpd_delay_reject``), most of them as
    5.7.1. That may be the recipient's own policy as well (per-host or per-recipient filtering, RFC 3463 section 3.8),
    and nobody can tell: so it is tried again. Taken for the recipient's, one wrong setting of ours would have every
    notice given up at its first try; taken for ours, one such notice is given up some days later than it might be.
    So is what is neither (routing, protocol, content), and 553 or 554 alone, which say either.
    """
    subject, detail = _enhanced(message) or _UNSAID
    if subject == 0:
        return code in _NO_MAILBOX
    about = subject == _MAILBOX or (subject == _ADDRESS and detail not in _NOT_OF_THE_RECIPIENT)
    return code >= 500 and about


class Line:
    """One connection to the mail server, opened with the first mail, on which one goes after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: aiosmtplib.SMTP | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._open is not None:
            self._open.close()

    async def send(self, mail: bytes, *, recipient: str, returns: str) -> str:
        """Hand a mail to the server; gives what it answered. Raises MailRefused.

        ``returns``: where it comes back to if it cannot be delivered.

        A server that hangs up between two mails (it takes only so many on a connection) is called again once.
        """
        used = self._open is not None
        try:
            return await self._hand(mail, recipient, returns)
        except MailRefused:
            raise
        except (aiosmtplib.SMTPServerDisconnected, ConnectionError) as error:
            self._hang_up()
            if used:
                return await self.send(mail, recipient=recipient, returns=returns)
            raise MailRefused(repr(error), final=False) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._hang_up()
            raise MailRefused(repr(error), final=isinstance(error, ValueError)) from error

    async def _hand(self, mail: bytes, recipient: str, returns: str) -> str:
        try:
            server = self._open or await self._call()
            _, answer = await server.sendmail(returns, recipient, mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            said = "; ".join(f"{each.code} {each.message}" for each in error.recipients)
            final = all(_is_the_recipients(each.code, each.message) for each in error.recipients)
            raise MailRefused(said, final=final) from error
        except aiosmtplib.SMTPResponseException as error:
            if error.code == aiosmtplib.SMTPStatus.domain_unavailable:  # 421: it is closing this connection
                raise aiosmtplib.SMTPServerDisconnected(f"{error.code} {error.message}") from error
            # What it says of us (log in, sender) is for whoever runs this to mend: no notice is given up for it.
            about_us = (_enhanced(error.message) or _UNSAID)[0] == _POLICY
            final = isinstance(error, aiosmtplib.SMTPDataError) and error.code >= 500 and not about_us
            raise MailRefused(f"{error.code} {error.message}", final=final) from error
        return answer

    async def _call(self) -> aiosmtplib.SMTP:
        settings = self._settings
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        server = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=password,
            start_tls=settings.smtp_tls == "starttls",
            use_tls=settings.smtp_tls == "tls",
            timeout=TIMEOUT_S,
        )
        await server.connect()
        self._open = server
        return server

    def _hang_up(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None
