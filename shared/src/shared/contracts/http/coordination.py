"""What coordination offices send to the directory of organisations, and what officials read there."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.contracts import examples
from shared.contracts.base import Reasons, Region, Text
from shared.contracts.directory import Competence, Office, Organisation, OrganisationId, Word
from shared.contracts.grounds import Names

_NAMES: dict[str, Any] = {"names": examples.AUTHORITY["names"], "short_name": "京药监"}
_POWERS: dict[str, Any] = {
    "kinds": ["sector_regulator"],
    "competences": [{"item": "drugs_and_devices", "since": "2006-02-17"}],
    "redress": examples.REVIEW_BODY["id"],
}
_CONTACT: dict[str, Any] = {
    "name": "Wang Fang",
    "unit": "Department of Internet Medicines",
    "post": "Head of department",
    "phone": "+86 10 5555 0100",
    "email": "liaison@drugs.example",
}
_WHY = "The provincial government set the office up by its notice of 1 November."


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [fields]})


class Contact(BaseModel):
    """Somebody to ask: kept by the directory alone, and in no fact."""

    model_config = _example(**_CONTACT)

    name: Text
    unit: Text
    post: Text
    phone: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()/-]{3,40}$")]
    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]


class Contacts(BaseModel):
    """Whom each member names (P1): who answers for it, and who is asked from day to day."""

    model_config = _example(responsible_person=_CONTACT, liaison=_CONTACT)

    responsible_person: Contact | None = None
    liaison: Contact | None = None


class Powers(BaseModel):
    """What an organisation may do, and who reviews what it did: two people decide on it."""

    model_config = _example(**_POWERS)

    kinds: Annotated[tuple[Word, ...], Field(min_length=1, max_length=12, description="The roles it may fill.")]
    competences: Annotated[tuple[Competence, ...], Field(max_length=100)] = ()
    parent: OrganisationId | None = Field(None, description="Whom it is subordinate to.")
    supervises: Annotated[tuple[OrganisationId, ...], Field(max_length=100)] = ()
    redress: OrganisationId | None = Field(None, description="The review body its acts are challenged at.")


class NewOrganisation(Powers):
    """An organisation that enters the directory. Its id is never given to another one."""

    model_config = _example(id="drugs-110000", level="province", region="110000", why=_WHY, **_NAMES, **_POWERS)

    id: OrganisationId
    level: Literal["national", "province"]
    region: Region | None = None
    names: Names
    short_name: Text
    office: Office | None = Field(None, description="Where everybody reaches it; no person.")
    contacts: Contacts = Contacts()
    why: Reasons


class OrganisationChange(BaseModel):
    """How an organisation is called and whom to ask there from now on: what is left out is taken away."""

    model_config = _example(why=_WHY, **_NAMES)

    names: Names
    short_name: Text
    office: Office | None = Field(None, description="Where everybody reaches it; no person.")
    contacts: Contacts = Contacts()
    why: Reasons


class NewProposal(BaseModel):
    """What one person of a coordination office proposes, and another one confirms or not."""

    model_config = _example(
        organisation=examples.AUTHORITY["id"], organisation_version=1, action="change", powers=_POWERS, why=_WHY
    )

    organisation: OrganisationId
    organisation_version: Annotated[int, Field(ge=1, description="The version of the organisation you read.")]
    action: Literal["change", "close", "reopen"]
    powers: Powers | None = Field(None, description="For a change, all of them: what is left out is taken away.")
    why: Reasons

    @model_validator(mode="after")
    def _powers_are_for_changes(self) -> Self:
        if (self.action == "change") != (self.powers is not None):
            raise ValueError("a change says which powers the organisation is to have; nothing else does")
        return self


class Explanation(BaseModel):
    """Why a proposal is withdrawn."""

    model_config = _example(why=_WHY)

    why: Reasons


class ProposalView(BaseModel):
    """A proposal, and what the reader may do with it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    organisation: OrganisationId
    organisation_version: int
    action: str
    powers: Powers | None
    why: str
    by: str = Field(description="Id of the organisation whose person proposed it.")
    status: Literal["proposed", "confirmed", "withdrawn"]
    changed_at: datetime
    allowed_actions: list[str]


class OrganisationView(Organisation):
    """An organisation of the directory, and what the reader may do with it."""

    changed_at: datetime
    allowed_actions: list[str]


class OrganisationDetails(OrganisationView):
    """The same with the people to ask there, for members alone."""

    contacts: Contacts | None = Field(description="Null for readers whose organisation is no member (P1).")


class OrganisationVersion(BaseModel):
    """An organisation as it was from a moment on, what made it so, which organisation did that, and why."""

    model_config = ConfigDict(frozen=True)

    record: Organisation
    action: str
    by: str = Field(description="Id of the organisation that did it; `concord` for what the rule profile brought.")
    why: str
    at: datetime
