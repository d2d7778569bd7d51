"""What access-control shows: answers shaped for the wire."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from access_control.service.feed import Snapshot
from access_control.service.orders import OrderWithReceipts
from access_control.service.providers import ProviderWithKeys
from access_control.store.feed import FeedPage, State
from access_control.store.orders import AccessOrder
from access_control.store.providers import Key
from access_control.store.receipts import RecordedReceipt
from shared.contracts.base import Redress
from shared.contracts.orders import Action, OrderedSite, Outcome
from shared.contracts.topics import orders_topic, receipts_topic


class KeyView(BaseModel):
    """A public key a provider signs receipts with."""

    kid: str
    jwk: dict[str, Any]
    thumbprint: str = Field(description="RFC 7638, SHA-256 in hexadecimal.")
    added_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: Key) -> Self:
        """Shape a key."""
        return cls(
            kid=key.kid,
            jwk=dict(key.jwk),
            thumbprint=key.thumbprint,
            added_at=key.added_at,
            revoked_at=key.revoked_at,
        )


class TopicsView(BaseModel):
    """The two Kafka topics of a provider."""

    orders: str = Field(description="Only this provider may read it.")
    receipts: str = Field(description="Only this provider may write it.")


class ProviderView(BaseModel):
    """A provider with its keys and topics."""

    id: UUID
    name: str
    licence_number: str
    region: str
    kind: str
    contact: str
    head: int = Field(description="Last sequence number given out.")
    topics: TopicsView
    keys: list[KeyView]
    registered_at: datetime

    @classmethod
    def of(cls, known: ProviderWithKeys) -> Self:
        """Shape a provider."""
        provider = known.provider
        return cls(
            id=provider.id,
            name=provider.name,
            licence_number=provider.licence_number,
            region=provider.region,
            kind=provider.kind,
            contact=provider.contact,
            head=provider.head,
            topics=TopicsView(orders=orders_topic(provider.id).name, receipts=receipts_topic(provider.id).name),
            keys=[KeyView.of(key) for key in known.keys],
            registered_at=provider.registered_at,
        )


class ReceiptView(BaseModel):
    """A receipt that was taken."""

    receipt_id: UUID
    outcome: Outcome
    at: datetime
    how: str | None
    why: str | None
    kid: str
    jws: str
    door: str
    moved: bool = Field(description="False: the order was superseded, so the receipt changed nothing.")
    recorded_at: datetime

    @classmethod
    def of(cls, receipt: RecordedReceipt) -> Self:
        """Shape a receipt."""
        return cls(
            receipt_id=receipt.receipt_id,
            outcome=receipt.outcome,
            at=receipt.at,
            how=receipt.how,
            why=receipt.why,
            kid=receipt.kid,
            jws=receipt.jws.decode("ascii"),
            door=receipt.door,
            moved=receipt.moved,
            recorded_at=receipt.recorded_at,
        )


class OrderView(BaseModel):
    """An order as it stands. The document itself is the signed one; this is about it."""

    id: UUID
    provider_id: UUID
    site_id: UUID
    registration_id: UUID
    registration_number: str
    revocation_id: UUID
    decision_id: UUID | None
    region: str
    action: Action
    status: str
    overdue: bool
    sequence: int | None
    site: OrderedSite
    authority: str
    legal_basis: tuple[str, ...]
    reasons: str
    evidence_hash: str | None
    redress: Redress | None
    scope: str
    undoes: UUID | None
    undone_by: UUID | None
    drafted_at: datetime
    release_at: datetime = Field(description="When the withdraw window closes.")
    issued_at: datetime | None
    execute_by: datetime | None
    until: datetime | None
    digest: str | None = Field(description="SHA-256 of the signed bytes; a receipt names it.")
    kid: str | None
    version: int
    changed_at: datetime

    @classmethod
    def of(cls, order: AccessOrder) -> Self:
        """Shape an order."""
        return cls(**_members(order))


class OrderDetailView(OrderView):
    """An order with what its provider signed about it."""

    receipts: list[ReceiptView]

    @classmethod
    def with_receipts(cls, found: OrderWithReceipts) -> Self:
        """Shape an order and its receipts."""
        return cls(**_members(found.order), receipts=[ReceiptView.of(receipt) for receipt in found.receipts])


def _members(order: AccessOrder) -> dict[str, Any]:
    row = {name: getattr(order, name) for name in OrderView.model_fields if hasattr(order, name)}
    return {**dict(order.content), **row}


class SignedOrderView(BaseModel):
    """A signed order, byte for byte as on Kafka."""

    sequence: int
    jws: str


class FeedView(BaseModel):
    """Orders in sequence, without gaps: if a place is missing on your side, ask again from there."""

    orders: list[SignedOrderView]
    next_after: int = Field(description="Pass as `after` next time.")
    head: int = Field(description="Last sequence number given out to this provider.")

    @classmethod
    def of(cls, page: FeedPage, after: int) -> Self:
        """Shape a page."""
        orders = [SignedOrderView(sequence=order.sequence, jws=order.jws.decode("ascii")) for order in page.orders]
        return cls(orders=orders, next_after=orders[-1].sequence if orders else after, head=page.head)


class StateView(BaseModel):
    """What is in force at a provider, to be compared with what it believes."""

    provider_id: UUID
    head: int
    in_force: int
    hash: str

    @classmethod
    def of(cls, provider_id: UUID, state: State) -> Self:
        """Shape a state."""
        return cls(provider_id=provider_id, head=state.head, in_force=state.in_force, hash=state.hash)


class SnapshotView(BaseModel):
    """Every order in force at a provider, and the hash of that set."""

    provider_id: UUID
    head: int
    in_force: int
    hash: str
    orders: list[SignedOrderView]

    @classmethod
    def of(cls, provider_id: UUID, snapshot: Snapshot) -> Self:
        """Shape a snapshot."""
        return cls(
            provider_id=provider_id,
            head=snapshot.head,
            in_force=len(snapshot.orders),
            hash=snapshot.hash,
            orders=[SignedOrderView(sequence=o.sequence, jws=o.jws.decode("ascii")) for o in snapshot.orders],
        )
