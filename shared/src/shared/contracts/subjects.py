"""What a case, a decision and its execution are about, and what else they touch."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Body, Document, Region, Sha256, Text


class SiteSubject(Document):
    """A registered site; its siblings are not meant."""

    kind: Literal["site"] = "site"
    site_id: UUID


class FoundSite(Document):
    """A site that is in no register, by its host name at the provider where it was found."""

    kind: Literal["found_site"] = "found_site"
    host: Text
    provider_id: UUID


class OperatorSubject(Document):
    """An operator, by its id in the register."""

    kind: Literal["operator"] = "operator"
    operator_id: UUID


class ProviderSubject(Document):
    """A provider, by its id at access-control."""

    kind: Literal["provider"] = "provider"
    provider_id: UUID


Subject = Annotated[SiteSubject | FoundSite | OperatorSubject | ProviderSubject, Field(discriminator="kind")]


class AccessRecord(Document):
    """A site at a provider. ``status``: live, stopped (by a measure) or ended."""

    access_id: UUID
    provider_id: UUID
    ips: tuple[Text, ...]
    hosting_mode: Text
    region: Region
    status: Text = "live"


class FrozenSite(Document):
    """A site as it was when something was decided about it; its operator cannot edit this any more."""

    EXAMPLE: ClassVar[dict[str, Any]] = examples.FROZEN_SITE

    site_id: UUID
    version: int
    number: Text
    name: Text
    hosts: tuple[Text, ...]
    """Every name of the site, in A-label form."""
    spared: tuple[Text, ...] = ()
    """Names below those that belong to other sites: never meant."""
    accesses: tuple[AccessRecord, ...]

    def joined(self, now: "FrozenSite") -> "FrozenSite":
        """The union of then and now: moving a site after the decision takes nothing out of it."""
        known = {access.access_id for access in now.accesses}
        return now.model_copy(
            update={
                "hosts": tuple(dict.fromkeys(self.hosts + now.hosts)),
                "spared": tuple(sorted(set(self.spared) | set(now.spared))),
                "accesses": now.accesses + tuple(access for access in self.accesses if access.access_id not in known),
            }
        )


class Neighbour(Document):
    """Another site that a measure could touch."""

    site_id: UUID
    number: Text
    name: Text
    hosts: tuple[Text, ...]
    shares: tuple[Text, ...]
    """Addresses it shares with the subject."""


class Preview(Document):
    """Whom a measure touches besides its subject. Both sides compute it anew, and sign its digest (safeguard 3)."""

    EXAMPLE: ClassVar[dict[str, Any]] = examples.PREVIEW

    hosts: tuple[Text, ...]
    """Every name of the subject that would go dark."""
    neighbours: tuple[Neighbour, ...] = ()
    """Other sites it could touch, by id, as many as a preview lists; whoever signs names each of these."""
    neighbours_total: int = 0
    """How many other sites it could touch in all: no fewer than are listed, and signed with the rest."""
    protected: tuple[Text, ...] = ()
    """Names among all these, listed or not, that the profile protects: emergency and health services and the like."""
    as_of: datetime
    """How old the copy is that this was computed from."""

    @model_validator(mode="before")
    @classmethod
    def _all_are_listed_where_nothing_else_is_said(cls, given: Any) -> Any:
        if isinstance(given, dict) and "neighbours_total" not in given:
            return {**given, "neighbours_total": len(given.get("neighbours", ()))}
        return given

    @model_validator(mode="after")
    def _no_fewer_than_listed(self) -> Self:
        if self.neighbours_total < len(self.neighbours):
            raise ValueError("there are no fewer neighbours than are listed")
        return self

    @property
    def collateral(self) -> frozenset[UUID]:
        """The sites that whoever signs must name."""
        return frozenset(neighbour.site_id for neighbour in self.neighbours)

    @property
    def digest(self) -> str:
        """SHA-256 over what it says, whatever its age: the same neighbours give the same digest."""
        said = self.model_dump(mode="json", exclude={"as_of"})
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Signature(Body):
    """What a person signs with when releasing, accepting or confirming: what was seen, and who else is touched."""

    preview_digest: Sha256
    collateral: tuple[UUID, ...] = ()
    """Ids of every site the preview names; one that is missing refuses the act."""

    def covers(self, preview: Preview) -> bool:
        """Whether this is the preview that was seen, and everybody in it is named."""
        return self.preview_digest == preview.digest and preview.collateral == frozenset(self.collateral)


class Neighbours(NamedTuple):
    """Who shares addresses, as a register tells it: as many as a preview lists, and what holds of all."""

    listed: tuple[Neighbour, ...]
    """By id."""
    total: int
    protected: tuple[str, ...]
    """Names of all of them, listed or not, that end as a protected one does."""
