"""What officials, supervisors and providers send to access-control, and what they read there."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Body, Reasons
from shared.contracts.grounds import AuthorityRef, Grounds, Statement
from shared.contracts.http.base import View, example
from shared.contracts.http.home import HomeView
from shared.contracts.http.receipts import ReceiptView
from shared.contracts.orders import Action, Cause, OrderedSite


class OrderStatus(StrEnum):
    """Where an order stands."""

    INSTRUCTED = "instructed"
    """The supervisor of its network was instructed to issue it (P3.4); its provider has not seen it."""
    DRAFTED = "drafted"
    """Written, in its withdraw window; its provider has not seen it and it has no sequence number."""
    QUEUED = "queued"
    """Its provider was sent as many as it can carry out in a day: it waits its turn and has no sequence number."""
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
    QUEUE = "queue"
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
    position: int | None = Field(description="While it waits for its provider's capacity: its place; 1 goes next.")
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


class WaitingView(View):
    """An order that waits, without the site it is about: nobody acts on what may still be taken back."""

    position: int = Field(description="1 goes next. By urgent ground, then by when it was decided; nobody moves it.")
    order_id: UUID
    action: Action
    urgent: bool = Field(description="Decided on an urgent ground of the profile's list.")
    decided_at: datetime
    waits_since: datetime
    until: datetime | None = Field(description="When the measure ends, whether it has gone out by then or not.")


class QueueView(View):
    """What a provider can carry out in a day, and what waits for it."""

    provider_id: UUID
    daily_capacity: int | None = Field(description="Orders to stop hosting within any 24 hours; null: no bound.")
    waiting: int
    opens_at: datetime = Field(description="When the next one can go out.")
    orders: list[WaitingView]


class FeedView(View):
    """Orders in sequence, without gaps: if a place is missing on your side, ask again from there."""

    orders: list[SignedOrderView]
    next_after: int = Field(description="Pass as `after` next time.")
    head: int = Field(description="Last sequence number given out to this provider.")
    ask_again_s: int = Field(description="Seconds; 0: at once, since there is more, or since you wait here for it.")


class StateView(View):
    """What is in force at a provider, to be compared with what it believes."""

    provider_id: UUID
    head: int
    in_force: int
    hash: str


class SnapshotView(StateView):
    """Every order in force at a provider, the hash of that set, and what is still open, a `restore` too."""

    orders: list[SignedOrderView] = Field(description="In force: what the hash is over.")
    open: list[SignedOrderView] = Field(
        description="Given out and not yet answered for good. What is neither here nor in force is history."
    )


class OrderCounts(View):
    """What one provider was ordered, what of it is done, and how soon that was recorded: the minutes at the median.

    Whatever was ordered is in it, done or not. Of stops `done`, `open`, `given_up` and `over` make up all, of restores
    the first two.
    """

    provider_id: UUID
    provider: str
    stops: int = Field(description="Orders to stop hosting, for good or for a time.")
    stops_done: int = Field(0, description="Recorded as executed.")
    stops_open: int = Field(0, description="Not done, and still to be done.")
    stops_given_up: int = Field(0, description="Not done: the issuer accepted that it is impossible.")
    stops_over: int = Field(0, description="Taken back, or ended, before it was recorded as done.")
    stops_overdue: int = Field(description="Not done when the time for it was over, whether since then or not.")
    stops_not_done_in_time: int = Field(0, description="Still not done though the time for it is over, or given up.")
    stops_median_minutes: float | None = Field(description="Of those that are done, and of no others.")
    stops_half_done_minutes: float | None = Field(
        None, description="By when half of all are done: what is not counts as at least as long as it has lasted "
        "(Kaplan and Meier). Null: fewer are done. What was over before is left out."
    )  # fmt: skip
    stops_observed_median_minutes: float | None = Field(
        description="To the first look that found it cut, of what is still kept; null where too few were seen."
    )
    restores: int = Field(
        description="Orders to host again, but for those in whose place is another order (docs/adr/0026)."
    )
    restores_done: int = Field(0, description="Recorded as executed.")
    restores_open: int = Field(
        0,
        description="Not done, and still to be done, also where the provider says that it cannot: nobody gives it up.",
    )
    restores_overdue: int = Field(description="Not done when the time for it was over, whether since then or not.")
    restores_not_done_in_time: int = Field(0, description="Still not done though the time for it is over.")
    restores_median_minutes: float | None = Field(description="Of those that are done, and of no others.")
    restores_half_done_minutes: float | None = Field(
        None, description="The same as `stops_half_done_minutes`. Null: fewer than half are done."
    )
    restores_longest_wait_minutes: float | None = Field(
        None, description="How long that one of those not done has waited that has waited longest."
    )
    restores_observed_median_minutes: float | None = Field(
        description="The same to the first look that found it served."
    )
    restores_seen_served: int = Field(0, description="Seen served, by looks that are still kept.")
    restores_seen_dark: int = Field(
        0, description="Seen still cut at the last look, and at one before; what nobody looks at is in neither."
    )
    way_back_slower: bool | None = Field(
        description="Sites come back later than they went: half of the restores took longer than half of the stops "
        "(`half_done`), or a larger part of them is not done in time. Null: too little is done to tell."
    )


class OrderStatistics(View):
    """How soon providers stop hosting and host again, for everybody; no site and no person is named."""

    since: datetime
    until: datetime
    as_of: datetime | None = Field(None, description="When it was counted: it is kept for some minutes.")
    providers: list[OrderCounts]
