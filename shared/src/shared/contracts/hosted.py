"""What the register says of lists of providers that differ from it. None of it is a measure (docs/adr/0004, 0018)."""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from shared.contracts import examples
from shared.contracts.base import Fact, Text, Topic
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.topics import REGISTRY_EVENTS

_FINDING: dict[str, Any] = {
    "finding_id": examples.HOSTED_FINDING,
    "provider_id": examples.PROVIDER,
    "statement": {
        "legal_basis": ["Implementation rules 2006, section 4(2) item 2"],
        "reasons": "The provider listed shop.example, which the register does not have, and did not answer in time.",
    },
}


class _FindingFact(Fact):
    """Keyed by the finding. It names no site and no measure, so that nothing can be ordered by it."""

    TOPIC: ClassVar[Topic] = REGISTRY_EVENTS
    KEY: ClassVar[str] = "finding_id"
    CONSUMERS: ClassVar[tuple[str, ...]] = ("access-control",)

    finding_id: UUID
    provider_id: UUID
    statement: Statement


class FindingEscalatedV1(_FindingFact):
    """A provider answered nothing to a finding and put nothing right in its time: its conduct record says so."""

    TYPE: ClassVar[str] = "finding.escalated.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {
        **_FINDING, "kind": "unregistered", "host": "shop.example", "authority": examples.REGULATOR,
        "found_at": examples.AT, "cure_until": examples.AT, "escalated_at": examples.AT,
    }  # fmt: skip

    kind: Text
    host: Text
    authority: AuthorityRef
    """The regulator of the provider's province."""
    found_at: datetime
    cure_until: datetime
    escalated_at: datetime


class FindingDisputedV1(_FindingFact):
    """Its provider disputes what was escalated, in the words of the statement: until a person answers, once, the
    conduct record does not count it (docs/adr/0020)."""

    TYPE: ClassVar[str] = "finding.disputed.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_FINDING, "disputed_at": examples.AT}

    disputed_at: datetime


class FindingKeptV1(_FindingFact):
    """A person of the regulator says why what was disputed stays in the conduct record: it counts again."""

    TYPE: ClassVar[str] = "finding.kept.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_FINDING, "kept_at": examples.AT}

    kept_at: datetime


class FindingClosedV1(_FindingFact):
    """What was escalated was put right, or dismissed by a person of the regulator: the record says that as well."""

    TYPE: ClassVar[str] = "finding.closed.v1"
    EXAMPLE: ClassVar[dict[str, Any]] = {**_FINDING, "because": "cured", "closed_at": examples.AT}

    because: Literal["cured", "dismissed"]
    closed_at: datetime


FINDING_FACTS: tuple[type[_FindingFact], ...] = (
    FindingEscalatedV1, FindingDisputedV1, FindingKeptV1, FindingClosedV1,
)  # fmt: skip
