"""What a department tells somebody whom its act concerns: the legal record, and what mail and webhook carry."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Document, Text
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, Names, OperatorRef, Statement

NOTICE_TYPE = "concord-notice+json"
"""``type`` of the webhook's payload."""


class Channel(StrEnum):
    """How a notice reaches its recipient. The inbox always; the others as its address for service says."""

    INBOX = "inbox"
    EMAIL = "email"
    WEBHOOK = "webhook"
    POST = "post"


class DeliveryState(StrEnum):
    """What became of a notice on one channel."""

    QUEUED = "queued"
    SENT = "sent"
    """Handed over, to an address nobody has verified: it proves nothing."""
    DELIVERED = "delivered"
    FAILED = "failed"
    OPENED = "opened"


class NoticeDocument(Document):
    """A notice as it was issued. Its bytes are kept and never made a second time."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "notice_id": examples.NOTICE,
        "about": {"service": "enforcement", "kind": "decision", "id": examples.DECISION},
        "kind": "decision_intended",
        "to": examples.OPERATOR_REF,
        "authority": examples.AUTHORITY,
        "title": {"zh": "拟作出处理决定告知书", "en": "Notice of an intended decision"},
        "grounds": examples.GROUNDS,
        "statement": None,
        "answer_by": "2026-11-29T15:59:59Z",
        "issued_at": examples.AT,
    }

    notice_id: UUID
    about: ActRef
    kind: Text
    to: OperatorRef
    authority: AuthorityRef
    title: Names
    grounds: Grounds | None = None
    statement: Statement | None = None
    answer_by: datetime | None = None
    """Until when what it complains of can be put right, or what it asks for answered."""
    issued_at: datetime

    @property
    def says(self) -> Statement | None:
        """Legal basis and reasons, whichever way they are given."""
        return self.grounds or self.statement


def digest_of(document: bytes) -> str:
    """SHA-256 of a notice's bytes, lower-case hex."""
    return hashlib.sha256(document).hexdigest()
