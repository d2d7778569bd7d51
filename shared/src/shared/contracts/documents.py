"""Documents that an organisation issues and signs: an approval, a licence, a mark. The JSON is the original."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Citation, Document, Text
from shared.contracts.grounds import AuthorityRef, Names, Party

DOCUMENT_TYPE: Final = "concord-document+json"
"""JWS ``typ`` of an issued document (RFC 7515 section 4.1.9)."""


class Particular(Document):
    """One more line of a document, for what only its kind has."""

    label: Names
    value: Text


class IssuedDocument(Document):
    """What the issuer signs once: all that anybody needs to judge it, but whether it was ended meanwhile."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "document_id": "3f0c2a9e-5d0b-4c53-9f0e-6a1f6f1f7a10",
        "kind": "approval",
        "title": {"zh": "前置审批批准书", "en": "Prior approval"},
        "subject_id": examples.APPROVAL,
        "edition": 1,
        "number": "京药网械审〔2026〕1号",
        "holder": examples.OPERATOR_REF,
        "scope": "Sale of over-the-counter medicines",
        "covers": ["pharmacy.example"],
        "particulars": [{"label": {"zh": "服务项目", "en": "Service item"}, "value": "药品和医疗器械"}],
        "issuer": examples.AUTHORITY,
        "legal_basis": ["Coordination Plan 2006, section 3(1) step 3"],
        "issued_at": examples.AT,
        "valid_from": "2026-11-22",
        "valid_until": "2029-11-22",
        "time_zone": "Asia/Shanghai",
        "profile": "cn-2006/1",
        "status_at": "https://approval.example/documents/3f0c2a9e-5d0b-4c53-9f0e-6a1f6f1f7a10",
        "keys_at": "https://approval.example/.well-known/jwks.json",
    }

    document_id: UUID
    """Random, and in no list: only who holds the document can ask at ``status_at`` whether it still stands."""
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,40}$")]
    """approval, licence, mark …"""
    title: Names
    subject_id: UUID
    """What it is about, in the issuing department: one id over all its editions."""
    edition: Annotated[int, Field(ge=1)]
    """1, and one more each time it is issued anew, as at a renewal."""
    number: Text
    holder: Party
    scope: Text
    covers: tuple[Text, ...] = ()
    """Host names it holds for, in A-label form."""
    particulars: tuple[Particular, ...] = ()
    issuer: AuthorityRef
    """Whose key signs it; a set of keys that says otherwise refutes it."""
    legal_basis: tuple[Citation, ...]
    issued_at: datetime
    valid_from: date
    valid_until: date | None = None
    """The last day, in ``time_zone``; none where it holds until it is ended."""
    time_zone: Text
    profile: Text
    status_at: Text
    """Where anybody who holds it reads whether it is in force; no token is needed."""
    keys_at: Text
    """Where the public keys are. Believe keys from an address you know, not because a document names it."""

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until is not before valid_from")
        return self
