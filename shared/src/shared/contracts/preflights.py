"""What the register answers a provider before it connects a site: signed, so that it can be kept and shown."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Document, Text
from shared.contracts.grounds import AuthorityRef

PREFLIGHT_TYPE: Final = "concord-preflight+json"
"""JWS ``typ`` of an answer (RFC 7515 section 4.1.9)."""


class Asked(Document):
    """A question, in the register's own forms."""

    host: Text
    ips: tuple[Text, ...]
    hosting_mode: Text
    number: Text | None = None
    operator: Text | None = None


class Reason(Document):
    """One thing that stands against it."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,40}$")]
    message: Text


class PreflightAnswer(Document):
    """Whether the register has the site as asked. It says what is public, and holds for as long as it says."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "asked": {"host": "pharmacy.example", "ips": ["198.18.0.10"], "hosting_mode": "virtual_host",
                  "number": "京ICP备10046444号", "operator": None},
        "provider_id": examples.PROVIDER, "answer": "yes", "reasons": [], "site": "京ICP备10046444号-1",
        "as_of": examples.AT, "expires": "2026-11-22T04:15:00Z", "issuer": examples.REGULATOR,
        "profile": "cn-2006/1",
    }  # fmt: skip

    asked: Asked
    provider_id: UUID
    """Who asked; to anybody else it says nothing."""
    answer: Literal["yes", "no"]
    reasons: tuple[Reason, ...] = ()
    """Every one at once; none with a yes."""
    site: Text | None = None
    """Number of the registered site that has the name or one above it."""
    as_of: datetime
    expires: datetime
    issuer: AuthorityRef
    """Whose key signs it; a set of keys that says otherwise refutes it."""
    profile: Text

    @model_validator(mode="after")
    def _reasons_are_against_it(self) -> Self:
        if (self.answer == "yes") == bool(self.reasons):
            raise ValueError("a no has reasons, and a yes has none")
        return self
