"""Facts for the tests of query, made by the contracts and read back from the bytes that travel."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from query.readmodel.decoding import Decoded
from query.readmodel.layout import Batch, Place
from query.readmodel.model import ReadModel
from shared.contracts import access, examples
from shared.contracts.base import Fact
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.acts import envelope
from shared.runtime.base.ids import uuid7

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
PROVIDER = UUID(examples.PROVIDER)
OTHER_PROVIDER = UUID(int=PROVIDER.int + 1)
USCC: str = examples.OPERATOR_RECORD["uscc"]
MEASURE = {
    **examples.MEASURE,
    "authority": "culture-110000",
    "decision_id": examples.DECISION,
    "case_id": examples.CASE,
}
ORDER_FACTS: dict[str, type[Fact]] = {
    "released": access.OrderReleasedV1,
    "received": access.OrderReceivedV1,
    "overdue": access.OrderOverdueV1,
    "partly_executed": access.OrderPartlyExecutedV1,
    "impossible": access.OrderImpossibleV1,
    "contested": access.OrderContestedV1,
    "executed": access.OrderExecutedV1,
    "withdrawn": access.OrderWithdrawnV1,
}


def site_id(number: int) -> UUID:
    """The id of the n-th site."""
    return UUID(int=UUID(examples.SITE).int + (number << 64))


def site(
    number: int = 1,
    version: int = 1,
    *,
    domains: tuple[str, ...] | None = None,
    ips: tuple[str, ...] | None = None,
    providers: tuple[UUID, ...] = (PROVIDER,),
    status: str = "active",
    registration: str | None = None,
    **more: Any,
) -> SiteRecordedV1:
    """The record of the n-th site; each has its own registration unless ``registration`` says otherwise."""
    registration = registration or f"京ICP备{number:08}号"
    operator = {**examples.OPERATOR_RECORD, **more.pop("operator", {})}
    return SiteRecordedV1.model_validate({
        **SiteRecordedV1.EXAMPLE,
        "site_id": site_id(number),
        "version": version,
        "site": {
            **examples.SITE_RECORD,
            "site_id": site_id(number),
            "version": version,
            "number": f"{registration}-{number}",
            "name": more.pop("name", f"Site {number}"),
            "domains": (f"site-{number}.example",) if domains is None else domains,
            "status": status,
            "accesses": [
                {**examples.ACCESS_RECORD, "provider_id": each, "ips": (f"198.18.0.{number}",) if ips is None else ips}
                for each in providers
            ],
        },
        "operator": operator,
        "registration_number": registration,
        "registration_status": status,
        "measure": MEASURE if status == "revoked" else None,
        "changed_at": AT + timedelta(minutes=version),
        **more,
    })  # fmt: skip


def order(
    step: str,
    sequence: int | None = 1,
    number: int = 1,
    *,
    action: str = "cut_off",
    provider: UUID = PROVIDER,
    minutes: int = 0,
) -> Fact:
    """A step of an order about the n-th site; its id follows from provider and sequence."""
    fact = ORDER_FACTS[step]
    at = AT + timedelta(hours=sequence or 0, minutes=minutes)
    return fact.model_validate({
        **fact.EXAMPLE,
        "order_id": UUID(int=UUID(examples.ORDER).int + ((sequence or 0) << 64) + provider.int % 97),
        "site_id": site_id(number),
        "provider_id": provider,
        "action": action,
        "sequence": None if step == "withdrawn" else sequence,
        "at": at,
        **({"executed_at": at} if step == "executed" else {}),
    })  # fmt: skip


def wire(fact: Fact) -> bytes:
    """A fact as it travels."""
    return envelope.encode(fact, event_id=uuid7(), at=AT, trace={})


def batch(*facts: Fact, offset: int | None = None) -> Batch:
    """A batch as the topics would bring it."""
    decoded = Decoded()
    for fact in facts:
        decoded.take(wire(fact))
    if offset is not None:
        decoded.offsets[Place("registry-sites", 0)] = offset
    return decoded.batch()


def dump(model: ReadModel, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[bytes, bytes]]]:
    """Every byte of the read model."""
    with model.reading() as txn:
        return {name: list(txn.cursor(db)) for name, db in model.db.items() if name not in without}
