"""What officials, supervisors and providers send to access-control, and what they read there."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts import examples
from shared.contracts.base import Body, Reasons, Region, Text
from shared.contracts.grounds import AuthorityRef, Grounds, Statement
from shared.contracts.http.base import View, example
from shared.contracts.http.home import HomeView
from shared.contracts.orders import Action, Cause, OrderedSite, Outcome

MOST_RECEIPTS = 1_000


class OrderStatus(StrEnum):
    """Where an order stands."""

    INSTRUCTED = "instructed"
    """The supervisor of its network was instructed to issue it (P3.4); its provider has not seen it."""
    DRAFTED = "drafted"
    """Written, in its withdraw window; its provider has not seen it and it has no sequence number."""
    RELEASED = "released"
    """Signed, next in the provider's sequence, and on its way; the statutory clock runs."""
    RECEIVED = "received"
    """The provider signed that it holds the order."""
    EXECUTED = "executed"
    """The provider signed that it is carried out; the clock is met."""
    PARTLY = "partly"
    """A part is carried out; the clock goes on."""
    IMPOSSIBLE = "impossible"
    """The provider cannot; the clock stands still until the issuer answers."""
    CONTESTED = "contested"
    """The provider points at a manifest error; the clock stands still until the issuer answers."""
    ACCEPTED = "accepted"
    """The issuer accepts that it is impossible; nothing more is expected."""
    UPHELD = "upheld"
    """The issuer upheld the objection; a restore went out."""
    LAPSED = "lapsed"
    """A suspension that was not carried out when its time was over."""
    WITHDRAWN = "withdrawn"
    """Taken back before its provider saw it; it never went out."""
    SUPERSEDED = "superseded"
    """It went out, was not yet carried out, and a later order took it back."""


class OrderAction(StrEnum):
    """What can be done with an order."""

    ISSUE = "issue"
    RELEASE = "release"
    WITHDRAW = "withdraw"
    ASK_REISSUE = "ask_reissue"
    REISSUE = "reissue"
    RECEIVE = "receive"
    EXECUTE = "execute"
    EXECUTE_PARTLY = "execute_partly"
    REPORT_IMPOSSIBLE = "report_impossible"
    CONTEST = "contest"
    UPHOLD = "uphold"
    REJECT = "reject"
    ACCEPT = "accept"
    ESCALATE = "escalate"
    LAPSE = "lapse"
    SUPERSEDE = "supersede"


class InstructionStatus(StrEnum):
    """Where an instruction stands."""

    RECEIVED = "received"
    """It lies on the supervisor's desk and its clock runs."""
    ACKNOWLEDGED = "acknowledged"
    """One person of the supervisor signed for it; a second one issues the order."""
    ISSUED = "issued"
    """The order is the supervisor's now."""
    OBJECTED = "objected"
    """The supervisor points at an error; the clock stands still until the regulator answers."""
    WITHDRAWN = "withdrawn"
    """Taken back: the objection was upheld, or what it passed on is undone."""


class InstructionAction(StrEnum):
    """What can be done with an instruction."""

    ACKNOWLEDGE = "acknowledge"
    ISSUE = "issue"
    OBJECT = "object"
    UPHOLD = "uphold"
    REJECT = "reject"
    CLOSE = "close"


class ConductStatus(StrEnum):
    """Where an entry of a conduct record stands."""

    STANDING = "standing"
    UNDONE = "undone"


ProviderKind = Literal["access_provider", "carrier", "public_network"]
SupervisorId = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60, description="Its id in the directory.")
]
Contact = Annotated[Text, Field(description="Who does the filing work there and how to reach them (N4.1.1).")]


class NewProvider(Body):
    """A provider with its licence, to be entered."""

    model_config = example(
        name="Example Hosting",
        licence_number="京ICP证030173号",
        region="110000",
        kind="access_provider",
        contact="filing desk, +86 10 5550 0000, filings@hosting.example",
        supervisor=None,
    )

    name: Text
    licence_number: Annotated[Text, Field(max_length=100)]
    region: Region
    kind: ProviderKind
    contact: Contact
    supervisor: SupervisorId | None = Field(
        None, description="Of a public-interest network: the organisation that supervises it (P3.4)."
    )


class ChangedProvider(Body):
    """What of a provider can change; its licence, kind and province cannot."""

    model_config = example(name="Example Hosting", contact="filings@hosting.example", supervisor=None)

    name: Text
    contact: Contact
    supervisor: SupervisorId | None = None


class NewKey(Body):
    """A public key the provider will sign receipts with."""

    model_config = example(
        jwk={"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "2026-11"}
    )

    jwk: dict[str, Any] = Field(
        description="Public Ed25519 JWK (RFC 8037): kty OKP, crv Ed25519, x, and a kid unique for this provider."
    )


class WithReasons(Body):
    """Why somebody does something."""

    model_config = example(reasons="The order names a host that belongs to another site.")

    reasons: Reasons


class OrderAnswer(Body):
    """The issuer's answer: ``upheld`` or ``rejected`` if contested, ``accepted`` or ``rejected`` if impossible."""

    model_config = example(answer="rejected", reasons="The register shows the address at this provider.")

    answer: Literal["upheld", "rejected", "accepted"]
    reasons: Reasons


class InstructionAnswer(Body):
    """The regulator's answer to a supervisor's objection."""

    model_config = example(answer="upheld", reasons="The network left this supervisor last month.")

    answer: Literal["upheld", "rejected"]
    reasons: Reasons


class ReceiptBatch(Body):
    """Receipts as the provider signed them."""

    receipts: Annotated[list[str], Field(min_length=1, max_length=MOST_RECEIPTS)]
    """Each a compact JWS. One that is empty or far too long is refused by itself, like any other nonsense."""


class FieldError(View):
    """A member that is missing or wrong."""

    field: str
    message: str


class ReceiptResult(View):
    """What became of one receipt of a batch."""

    model_config = example(
        index=0, receipt_id=examples.RECEIPT, status="recorded", order_id=examples.ORDER, order_status="executed"
    )

    index: int = Field(description="Place in the batch, from 0.")
    receipt_id: UUID | None = Field(None, description="None if the payload could not be trusted.")
    status: Literal["recorded", "refused"]
    code: str | None = Field(None, description="Why it was refused; stable.")
    order_id: UUID | None = None
    order_status: str | None = Field(None, description="Where the order stands now.")
    fields: list[FieldError] = Field(default=[], description="With code invalid: which members.")
    allowed_outcomes: list[str] = Field(default=[], description="With code action_refused: what can still be said.")


class ReceiptResults(View):
    """One result per receipt, in the order of the batch."""

    results: list[ReceiptResult]


class KeyView(View):
    """A public key a provider signs receipts with."""

    kid: str
    jwk: dict[str, Any]
    thumbprint: str = Field(description="RFC 7638, SHA-256 in hexadecimal.")
    added_at: datetime
    revoked_at: datetime | None


class TopicsView(View):
    """The two Kafka topics of a provider."""

    orders: str = Field(description="Only this provider may read it.")
    receipts: str = Field(description="Only this provider may write it.")


class ProviderView(View):
    """A provider with its keys and topics."""

    id: UUID
    version: int
    status: str
    name: str
    licence_number: str = Field(description="In its normal form.")
    region: str
    kind: str
    contact: str
    supervisor: AuthorityRef | None = Field(description="Who passes orders on to this network (P3.4).")
    head: int = Field(description="Last sequence number given out.")
    topics: TopicsView
    keys: list[KeyView]
    registered_at: datetime
    changed_at: datetime


class ConductEntryView(View):
    """A penalty in the conduct record of a provider, with its reasons; it stays readable when it is undone."""

    id: UUID
    provider_id: UUID
    decision_id: UUID
    status: ConductStatus
    grounds: Grounds
    entered_at: datetime
    undone_because: str | None
    undone_by: AuthorityRef | None = Field(description="Who decided so.")
    undone_statement: Statement | None
    changed_at: datetime


class ReceiptView(View):
    """A receipt that was taken."""

    receipt_id: UUID
    outcome: Outcome
    at: datetime
    how: str | None
    why: str | None
    kid: str
    jws: str
    door: str
    moved: bool = Field(description="False: the order was taken back or has lapsed, so the receipt changed nothing.")
    recorded_at: datetime


class AnswerView(View):
    """How the issuer answered what the provider said."""

    answer: str
    reasons: str
    at: datetime


class OrderView(View):
    """An order as it stands. The document itself is the signed one; this is about it."""

    id: UUID
    version: int
    status: OrderStatus
    provider_id: UUID
    execution_id: UUID
    decision_id: UUID
    site_id: UUID | None
    action: Action
    attempt: int
    cause: Cause
    instruction_id: UUID | None = Field(description="The instruction by which its issuer was told to issue it.")
    overdue: bool
    escalated_at: datetime | None
    answer: AnswerView | None
    sequence: int | None
    site: OrderedSite
    issuer: AuthorityRef = Field(description="Whose order it is; its key signs.")
    authority: AuthorityRef = Field(description="Who decided.")
    home: HomeView
    grounds: Grounds | None = Field(description="For what burdens, in its public form.")
    statement: Statement | None = Field(description="For a restore: why, in its public form.")
    scope: str
    register_entry: str
    undoes: UUID | None
    undone_by: UUID | None
    reissues: UUID | None = Field(description="The withdrawn order that this one sends again.")
    reissue_asked_at: datetime | None = Field(description="When somebody asked to send it again; another person does.")
    reissue_reasons: str | None
    drafted_at: datetime
    release_at: datetime | None = Field(description="When the withdraw window closes; none while instructed.")
    issued_at: datetime | None
    execute_by: datetime | None = Field(description="As signed; later by what the clock stood still.")
    until: datetime | None
    digest: str | None = Field(description="SHA-256 of the signed bytes; a receipt names it.")
    kid: str | None
    changed_at: datetime
    allowed_actions: list[OrderAction]


class OrderDetailView(OrderView):
    """An order with what its provider signed about it."""

    receipts: list[ReceiptView]


class InstructionView(View):
    """An instruction to the supervisor of a network: the order it is to issue, by when, and what became of it."""

    id: UUID
    version: int
    status: InstructionStatus
    order_id: UUID
    provider_id: UUID
    execution_id: UUID
    decision_id: UUID
    regulator: AuthorityRef
    supervisor: AuthorityRef
    jws: str = Field(description="The instruction itself, signed with the regulator's key.")
    issue_by: datetime
    overdue: bool
    objection: str | None
    answer: AnswerView | None
    acknowledged_at: datetime | None
    received_at: datetime
    changed_at: datetime
    allowed_actions: list[InstructionAction]


class SignedOrderView(View):
    """A signed order, byte for byte as on Kafka."""

    sequence: int
    jws: str


class FeedView(View):
    """Orders in sequence, without gaps: if a place is missing on your side, ask again from there."""

    orders: list[SignedOrderView]
    next_after: int = Field(description="Pass as `after` next time.")
    head: int = Field(description="Last sequence number given out to this provider.")


class StateView(View):
    """What is in force at a provider, to be compared with what it believes."""

    provider_id: UUID
    head: int
    in_force: int
    hash: str


class SnapshotView(StateView):
    """Every order in force at a provider, and the hash of that set."""

    orders: list[SignedOrderView]
