"""The signed documents to a provider and to a supervisor: order and instruction."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Document, Text
from shared.contracts.grounds import AuthorityRef, Grounds, Statement

ORDER_TYPE: Final = "concord-order+json"
"""JWS ``typ`` of an order (RFC 7515 section 4.1.9)."""
INSTRUCTION_TYPE: Final = "concord-instruction+json"
"""JWS ``typ`` of an instruction."""


class Action(StrEnum):
    """What a provider is told to do with a site."""

    CUT_OFF = "cut_off"
    SUSPEND = "suspend"
    RESTORE = "restore"


class OrderedSite(Document):
    """The site as this provider knows it: its host names (A-label form) and its addresses there."""

    site_id: UUID | None = None
    """None for a found site, which is in no register."""
    number: Text | None = None
    name: Text
    hosts: tuple[Text, ...]
    names_below: bool = True
    """Whether names below the hosts are meant as well, such as www."""
    spared: tuple[Text, ...] = ()
    """Names below the hosts that belong to other sites, and are not meant."""
    ips: tuple[Text, ...]
    hosting_mode: Text


class Cause(Document):
    """Which act of which department an order carries to a host. ``kind``: execution, or undoing (of one)."""

    kind: Literal["execution", "undoing"]
    id: UUID


class Order(Document):
    """What a provider must do, who decided, on what basis, by when, and how it can be challenged."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "order_id": examples.ORDER,
        "sequence": 1,
        "attempt": 1,
        "provider_id": examples.PROVIDER,
        "action": "cut_off",
        "cause": {"kind": "execution", "id": examples.EXECUTION},
        "site": {
            "site_id": examples.SITE,
            "number": "京ICP备10046444号-1",
            "name": "Example Pharmacy",
            "hosts": ["pharmacy.example", "xn--fsqu00a.test"],
            "names_below": True,
            "spared": ["advice.pharmacy.example"],
            "ips": ["198.18.0.10"],
            "hosting_mode": "virtual_host",
        },
        "issuer": examples.REGULATOR,
        "regulator": examples.REGULATOR,
        "authority": examples.AUTHORITY,
        "decision_id": examples.DECISION,
        "grounds": examples.GROUNDS,
        "statement": None,
        "scope": "Hosting of these names by this provider; nothing else.",
        "issued_at": examples.AT,
        "execute_by": "2026-11-23T04:00:00Z",
        "until": None,
        "undoes": None,
        "emergency_id": None,
        "register_entry": "https://register.example/public/register/%E4%BA%ACICP%E5%A4%8710046444%E5%8F%B7",
    }

    order_id: UUID
    sequence: Annotated[int, Field(ge=1)]
    """Place in this provider's sequence, from 1, without gaps."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """1, and one more each time the issuer sends the same again after taking it back."""
    provider_id: UUID
    action: Action
    cause: Cause
    site: OrderedSite
    issuer: AuthorityRef
    """Whose order it is: the regulator of the provider's province, the ministry, or for a public-interest network its
    supervisor; the key id says whose key."""
    regulator: AuthorityRef | None = None
    """Whose execution it carries; another than the issuer where the site is registered in another province."""
    authority: AuthorityRef
    """Who decided: for a restore after a won appeal the review body."""
    decision_id: UUID
    grounds: Grounds | None = None
    """For what burdens, in its public form; reasons and redress stand here."""
    statement: Statement | None = None
    """For a restore: why it is taken back, in its public form."""
    scope: Text
    issued_at: datetime
    execute_by: datetime
    until: datetime | None = None
    """When the measure ends by itself; always set for ``suspend``, and only there."""
    undoes: UUID | None = None
    """The order that a restore takes back; none where the provider had suspended the site by itself."""
    emergency_id: UUID | None = None
    """For the restore of what the provider had suspended by itself: its own statement, which lapsed (N4.2.5)."""
    register_entry: Text
    """Public page with the reasons, to be linked from the HTTP 451 answer (RFC 7725)."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.action is Action.SUSPEND) != (self.until is not None):
            raise ValueError("a suspension has an end, and nothing else has one")
        if (self.action is Action.RESTORE) != (self.grounds is None) or (self.grounds is None) != (
            self.statement is not None
        ):
            raise ValueError("what burdens has grounds, a restore has a statement")
        by_itself = self.emergency_id is not None
        if (self.action is Action.RESTORE and not by_itself) != (self.undoes is not None):
            raise ValueError("a restore says which order it undoes, but for what the provider did by itself")
        if by_itself and self.action is not Action.RESTORE:
            raise ValueError("what a provider did by itself can lapse, and orders nothing else")
        return self

    @property
    def says(self) -> Statement:
        """Legal basis and reasons, whichever kind of order it is."""
        said = self.grounds or self.statement
        if said is None:
            raise ValueError("an order without grounds or statement")
        return said


class Instruction(Document):
    """What a regulator tells the supervisor of a public-interest network to order there (P3.4).

    Signed with the regulator's key; the order that two people of the supervisor issue bears the supervisor's.
    """

    instruction_id: UUID
    order_id: UUID
    """The order that is to be issued."""
    provider_id: UUID
    """The network."""
    action: Action
    attempt: Annotated[int, Field(ge=1)] = 1
    cause: Cause
    site: OrderedSite
    regulator: AuthorityRef
    supervisor: AuthorityRef
    authority: AuthorityRef
    """Who decided."""
    decision_id: UUID
    grounds: Grounds
    """In their public form."""
    scope: Text
    issued_at: datetime
    issue_by: datetime
    until: datetime | None = None
    register_entry: Text
