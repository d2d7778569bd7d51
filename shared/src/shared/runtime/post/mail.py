"""A notice as an e-mail: plain text in both languages, the legal document attached."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

import aiosmtplib

from shared.contracts.grounds import Statement
from shared.contracts.notices import NoticeDocument
from shared.runtime.base.settings import Settings

TIMEOUT_S: Final = 20.0
# Python 3.11 loses blanks where it folds a subject that mixes Chinese and ASCII: none below RFC 5322's limit.
_POLICY: Final = SMTP.clone(max_line_length=998)


class MailRefused(Exception):
    """The mail server did not take it. ``final``: it never will."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def message(notice: NoticeDocument, document: bytes, *, sender: str, recipient: str, inbox: str) -> EmailMessage:
    """The e-mail; its Message-ID is the notice's id, so that a second try is known as the same."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(notice.authority.names.en, addr_spec=sender)
    mail["To"] = Address(addr_spec=recipient)
    mail["Subject"] = f"{notice.title.zh} / {notice.title.en}"
    mail["Message-ID"] = f"<{notice.notice_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text(notice, inbox))
    mail.add_attachment(document, maintype="application", subtype="json", filename=f"notice-{notice.notice_id}.json")
    return mail


def text(notice: NoticeDocument, inbox: str) -> str:
    """What a person reads."""
    lines = [
        f"{notice.title.zh} / {notice.title.en}",
        f"{notice.authority.names.zh} / {notice.authority.names.en}",
        f"致 / To: {notice.to.name}",
        "",
        *_said(notice.says),
    ]
    if notice.answer_by is not None:
        lines.append(f"期限 / Until: {notice.answer_by.isoformat()}")
    if notice.grounds is not None:
        redress = notice.grounds.redress
        lines += [
            "",
            f"如不服，可自本通知送达之日起{redress.within_days}日内向{redress.body.names.zh}申请复议。",
            f"You can challenge this within {redress.within_days} days of delivery: {redress.body.names.en}."
            f" {redress.how}.",
        ]
    return "\n".join([*lines, "", f"收件箱 / Inbox: {inbox}", ""])


def _said(says: Statement | None) -> list[str]:
    if says is None:
        return []
    return [f"依据 / Legal basis: {'; '.join(says.legal_basis)}", f"理由 / Reasons: {says.reasons}"]


async def send(settings: Settings, mail: EmailMessage) -> str:
    """Hand a mail to the server; gives what it answered. Raises MailRefused."""
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    try:
        _, answer = await aiosmtplib.send(
            mail,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=password,
            start_tls=settings.smtp_tls == "starttls",
            use_tls=settings.smtp_tls == "tls",
            timeout=TIMEOUT_S,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [refused.code for refused in error.recipients]
        raise MailRefused(str(error), final=all(code >= 500 for code in codes)) from error
    except aiosmtplib.SMTPResponseException as error:
        raise MailRefused(f"{error.code} {error.message}", final=error.code >= 500) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise MailRefused(repr(error), final=isinstance(error, ValueError)) from error
    return answer
