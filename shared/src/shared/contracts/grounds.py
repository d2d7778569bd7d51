"""Who acted, and why: one word on every form, in every row, fact, notice and signed order."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Document, LegalBasis, Reasons, Region, Sha256, Text


class Names(Document):
    """A name in both languages."""

    zh: Text
    en: Text


Identity = Annotated[str, Field(pattern=r"^([0-9A-Z]{18}|p:[0-9a-f]{16,64})$")]
"""Who an operator is: an organisation's credit code, or ``p:`` and the keyed hash of a person's number."""


_PROVIDER = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Party(Document):
    """Whom an act concerns: an operator by its identity key, or a provider by its id. As their tokens say."""

    EXAMPLE: ClassVar[dict[str, Any]] = examples.OPERATOR_REF

    identity: Annotated[str, Field(pattern=rf"^([0-9A-Z]{{18}}|p:[0-9a-f]{{16,64}}|{_PROVIDER})$")]
    name: Text


class Department(Document):
    """A department that is told something by another one: its id in the directory."""

    identity: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
    name: Text


class OperatorRef(Party):
    """An operator as it was when it acted: who it is, as its token says, and what it calls itself."""

    identity: Identity


class AuthorityRef(Document):
    """An organisation as it was when it acted, copied from the directory into each of its acts."""

    EXAMPLE: ClassVar[dict[str, Any]] = examples.AUTHORITY

    id: Text
    """Its id in the directory; shown to nobody where a name can stand."""
    names: Names
    level: Literal["national", "province"]
    region: Region | None = None
    """Province by its GB/T 2260 code; none at national level."""

    @model_validator(mode="after")
    def _province_has_region(self) -> Self:
        if (self.level == "province") != (self.region is not None):
            raise ValueError("an authority of province level has a region, one of national level has none")
        return self


class AddressForService(Document):
    """Where notices reach an operator besides its inbox."""

    email: Text | None = None
    email_verified: bool = False
    webhook: Text | None = None
    webhook_verified: bool = False
    post: Text | None = None


class Service(StrEnum):
    """Whose act an appeal can be against."""

    REGISTRY = "registry"
    APPROVAL = "approval"
    ENFORCEMENT = "enforcement"
    ACCESS_CONTROL = "access-control"


class ActRef(Document):
    """An act of any department: what an appeal is against, what a notice or an order is about."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"service": "enforcement", "kind": "decision", "id": examples.DECISION}

    service: Service
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,40}$")]
    """In the words of the service: decision, refusal, approval, execution, lapse, conduct_entry."""
    id: UUID

    @property
    def passed_on(self) -> bool:
        """Whether an operator that took over whom it is about takes its place in it.

        In a merger, which is how it took over, each of the two answers for itself: they may be strangers.
        """
        return (self.service, self.kind) != (Service.REGISTRY, "merger")


class Statement(Document):
    """What a person states when acting: the legal basis and the reasons, and what of them everybody may read."""

    EXAMPLE: ClassVar[dict[str, Any]] = examples.STATEMENT

    legal_basis: LegalBasis
    reasons: Reasons
    public_reasons: Reasons
    """For the register, the order and the 451 page. Redacted by whoever states it, not by a program later."""
    redacted: tuple[Text, ...] = ()
    """What was left out of the public reasons: kinds of data ("name of a patient"), never the data."""

    @model_validator(mode="before")
    @classmethod
    def _public_by_default(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("public_reasons") is None and "reasons" in given:
            return {**given, "public_reasons": given["reasons"]}
        return given

    @model_validator(mode="after")
    def _redactions_are_recorded(self) -> Self:
        if self.public_reasons != self.reasons and not self.redacted:
            raise ValueError("say in `redacted` what the public reasons leave out")
        return self

    def public(self) -> Self:
        """The same for strangers: the public reasons are all the reasons it has."""
        return self.model_copy(update={"reasons": self.public_reasons})


class Redress(Document):
    """Where, how and until when an act can be challenged; computed from profile and directory, never typed."""

    EXAMPLE: ClassVar[dict[str, Any]] = examples.REMEDY

    body: AuthorityRef
    """The review body: of another organisation than any that took part."""
    how: Text
    """In English."""
    how_zh: Text | None = None
    """In Chinese; none in what was signed before orders and notices said it."""
    within_days: Annotated[int, Field(ge=1, le=3650)]
    """Days from the delivery of the notice; the last one ends with the day."""

    @property
    def in_chinese(self) -> str:
        """For the Chinese half of a page, a mail or a document."""
        return self.how_zh or self.how


class Grounds(Statement):
    """Why a burden lies on somebody, who laid it, and how it can be challenged."""

    EXAMPLE: ClassVar[dict[str, Any]] = examples.GROUNDS

    authority: AuthorityRef
    evidence_hash: Sha256 | None = None
    """SHA-256 over the evidence the act rests on; a refusal may rest on none."""
    redress: Redress
    case_id: UUID | None = None
    decision_id: UUID | None = None
    profile: Text
    """Id and version of the rule profile it was made under, e.g. cn-2006/1."""
    made_at: datetime
