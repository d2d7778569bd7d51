"""What the coordination office says of organisations: the directory that every service keeps a copy of."""

from datetime import date
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Document, Fact, Region, Text, Topic
from shared.contracts.grounds import AuthorityRef, Names
from shared.contracts.topics import DIRECTORY_ORGANISATIONS

SANDBOX: Final = "sandbox"
"""Whose key signs trial orders (docs/adr/0024): the id of no organisation."""
OrganisationId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", min_length=2, max_length=60)]
"""Short and stable, never given to another organisation: ``industry``, ``drugs-110000``."""
Word = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,40}$")]


class Competence(Document):
    """A service item an organisation is competent for, with the first and the last day."""

    item: Word
    since: date
    until: date | None = None
    """The last day; none while no end is known."""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError("a competence ends after it begins")
        return self

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on this day."""
        return self.since <= day and (self.until is None or day <= self.until)


class Office(Document):
    """Where an organisation is reached as an office, for everybody; no person's name or number."""

    address: Text
    phone: Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ()/-]{3,40}$")] | None = None
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] | None = None
    website: Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=300)] | None = None
    hours: Text | None = None


class Organisation(Document):
    """An organisation as the directory has it; the people to ask there are not part of this record."""

    organisation_id: OrganisationId
    version: Annotated[int, Field(ge=1)]
    status: Literal["active", "closed"]
    names: Names
    short_name: Text
    """As it opens the numbers of its documents, e.g. 京药监."""
    kinds: Annotated[tuple[Word, ...], Field(min_length=1, max_length=12)]
    """The roles its people may hold."""
    level: Literal["national", "province"]
    region: Region | None = None
    competences: Annotated[tuple[Competence, ...], Field(max_length=100)] = ()
    parent: OrganisationId | None = None
    """The organisation it is subordinate to."""
    supervises: Annotated[tuple[OrganisationId, ...], Field(max_length=100)] = ()
    """Public-interest networks, or organisations, that it supervises."""
    redress: OrganisationId | None = None
    """The review body that its acts can be challenged at, where there are several."""
    office: Office | None = None
    """Where everybody reaches it."""

    @model_validator(mode="after")
    def _province_has_region(self) -> Self:
        if (self.level == "province") != (self.region is not None):
            raise ValueError("an organisation of province level has a region, one of national level has none")
        return self

    @property
    def active(self) -> bool:
        """Whether anybody can still act for it."""
        return self.status == "active"

    @property
    def ref(self) -> AuthorityRef:
        """What is copied into each of its acts."""
        return AuthorityRef(id=self.organisation_id, names=self.names, level=self.level, region=self.region)

    def items_on(self, day: date) -> frozenset[str]:
        """The service items it is competent for on this day."""
        return frozenset(competence.item for competence in self.competences if competence.holds_on(day))


class OrganisationRecordedV1(Organisation, Fact):
    """The whole present record of one organisation of the directory; a new reader needs nothing else."""

    TYPE: ClassVar[str] = "organisation.recorded.v1"
    TOPIC: ClassVar[Topic] = DIRECTORY_ORGANISATIONS
    KEY: ClassVar[str] = "organisation_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control", "approval", "enforcement", "query", "registry")
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "organisation_id": examples.AUTHORITY["id"],
        "version": 1,
        "status": "active",
        "names": examples.AUTHORITY["names"],
        "short_name": "京药监",
        "kinds": ["sector_regulator"],
        "level": "province",
        "region": "110000",
        "competences": [{"item": "drugs_and_devices", "since": "2006-02-17"}],
        "redress": examples.REVIEW_BODY["id"],
    }
