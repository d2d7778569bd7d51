"""Facts for the tests of query, made by the contracts and read back from the bytes that travel."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from query.readmodel.decoding import Decoded
from query.readmodel.layout import Batch, Place
from query.readmodel.model import ReadModel
from shared.contracts import access, enforcement, examples, registry
from shared.contracts.base import Fact
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.acts import envelope
from shared.runtime.base.ids import uuid7

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
PROVIDER = UUID(examples.PROVIDER)
OTHER_PROVIDER = UUID(int=PROVIDER.int + 1)
IDENTITY: str = examples.OPERATOR_REF["identity"]
HOST = "unlicensed-pharmacy.example"
ORDER_FACTS: dict[str, type[Fact]] = {fact.TYPE.split(".")[1]: fact for fact in access.ORDER_FACTS}
DECIDED: dict[str, tuple[type[Fact], str]] = {
    "released": (enforcement.DecisionReleasedV1, "released_at"),
    "suspended": (enforcement.DecisionSuspendedV1, "suspended_at"),
    "overturned": (enforcement.DecisionOverturnedV1, "overturned_at"),
    "ended": (enforcement.DecisionEndedV1, "ended_at"),
}
APPEALS: dict[str, tuple[type[Fact], str]] = {
    "filed": (enforcement.AppealFiledV1, "filed_at"),
    "overdue": (enforcement.AppealOverdueV1, "due_at"),
    "decided": (enforcement.AppealDecidedV1, "decided_at"),
}


def nth(of: str, number: int) -> UUID:
    """The n-th id beside one of the examples'."""
    return UUID(int=UUID(of).int + (number << 64))


def site_id(number: int) -> UUID:
    """The id of the n-th site."""
    return nth(examples.SITE, number)


def site(
    number: int = 1,
    version: int = 1,
    *,
    domains: tuple[str, ...] | None = None,
    ips: tuple[str, ...] | None = None,
    providers: tuple[UUID, ...] = (PROVIDER,),
    status: str = "live",
    access_status: str = "live",
    registration: str | None = None,
    **more: Any,
) -> SiteRecordedV1:
    """The record of the n-th site; each has its own registration unless ``registration`` says otherwise."""
    registration = registration or f"京ICP备{number:08}号"
    return SiteRecordedV1.model_validate({
        **SiteRecordedV1.EXAMPLE,
        "site_id": site_id(number),
        "version": version,
        "number": f"{registration}-{number}",
        "name": f"Site {number}",
        "domains": (f"site-{number}.example",) if domains is None else domains,
        "status": status,
        "accesses": [
            {
                **examples.ACCESS_RECORD,
                "provider_id": each,
                "ips": (f"198.18.0.{number}",) if ips is None else ips,
                "status": access_status,
            }
            for each in providers
        ],
        "registration": {**examples.REGISTRATION_RECORD, "number": registration},
        "changed_at": AT + timedelta(minutes=version),
        **more,
        "operator": {**examples.OPERATOR_RECORD, **more.get("operator", {})},
    })  # fmt: skip


def order(
    step: str,
    sequence: int | None = 1,
    number: int = 1,
    *,
    action: str = "cut_off",
    provider: UUID = PROVIDER,
    minutes: int = 0,
    said: int | None = None,
    decision: int | None = None,
    host: str | None = None,
    **more: Any,
) -> Fact:
    """A step of an order about the n-th site, or about the one in no register that has this host name.

    Its id follows from provider and sequence. ``said``: minutes, by the provider's own clock, at which it was executed.
    """
    fact = ORDER_FACTS[step]
    hour = AT + timedelta(hours=sequence or 0)
    at = hour + timedelta(minutes=minutes)
    return fact.model_validate({
        **fact.EXAMPLE,
        "order_id": UUID(int=nth(examples.ORDER, sequence or 0).int + provider.int % 97),
        "execution_id": nth(examples.EXECUTION, number if decision is None else decision),
        "decision_id": nth(examples.DECISION, number if decision is None else decision),
        "site_id": site_id(number) if host is None else None,
        "hosts": (host or f"site-{number}.example",),
        "provider_id": provider,
        "action": action,
        "sequence": sequence,
        "at": at,
        **({"executed_at": at if said is None else hour + timedelta(minutes=said)} if step == "executed" else {}),
        **more,
    })  # fmt: skip


def _subject(number: int, host: str | None) -> dict[str, Any]:
    if host is not None:
        return {"kind": "found_site", "host": host, "provider_id": PROVIDER}
    return {"kind": "site", "site_id": site_id(number)}


def carried_out(
    decision: int = 1, number: int | None = None, *, host: str | None = None, minutes: int = 10, **more: Any
) -> Fact:
    """The n-th decision was carried out on the site of that number, or on one in no register."""
    number = decision if number is None else number
    frozen = {**examples.FROZEN_SITE, "site_id": site_id(number)}
    return registry.ExecutionCarriedOutV1.model_validate({
        **registry.ExecutionCarriedOutV1.EXAMPLE,
        "execution_id": nth(examples.EXECUTION, decision),
        "decision_id": nth(examples.DECISION, decision),
        "subject": _subject(number, host),
        "site": frozen if host is None else None,
        "registration": examples.REGISTRATION_RECORD if host is None else None,
        "carried_out_at": AT + timedelta(minutes=minutes),
        **more,
    })  # fmt: skip


def undone(decision: int = 1, because: str = "overturned", *, minutes: int = 90, **more: Any) -> Fact:
    """What the n-th execution did was undone."""
    return registry.ExecutionUndoneV1.model_validate({
        **registry.ExecutionUndoneV1.EXAMPLE,
        "execution_id": nth(examples.EXECUTION, decision),
        "decision_id": nth(examples.DECISION, decision),
        "because": because,
        "undone_at": AT + timedelta(minutes=minutes),
        **more,
    })  # fmt: skip


def decided(what: str, decision: int = 1, *, minutes: int = 60, **more: Any) -> Fact:
    """The n-th decision was released, suspended, overturned or ended."""
    fact, when = DECIDED[what]
    about = {"decision_id": nth(examples.DECISION, decision), when: AT + timedelta(minutes=minutes)}
    return fact.model_validate({**fact.EXAMPLE, **about, **more})


def appeal(
    what: str, decision: int = 1, *, minutes: int = 30, of: str = "decision", service: str = "enforcement", **more: Any
) -> Fact:
    """An appeal against the n-th decision (or execution, or refusal) was filed, overdue or decided."""
    fact, when = APPEALS[what]
    act_id = nth({"decision": examples.DECISION, "execution": examples.EXECUTION}.get(of, examples.APPROVAL), decision)
    return fact.model_validate({
        **fact.EXAMPLE,
        "appeal_id": nth(examples.APPEAL, decision),
        "act_id": act_id,
        "act": {"service": service, "kind": of, "id": act_id},
        when: AT + timedelta(minutes=minutes),
        **more,
    })  # fmt: skip


def wire(fact: Fact) -> bytes:
    """A fact as it travels."""
    return envelope.encode(fact, event_id=uuid7(), at=AT, trace={})


def batch(*facts: Fact, offset: int | None = None) -> Batch:
    """A batch as the topics would bring it."""
    decoded = Decoded()
    for fact in facts:
        decoded.take(fact.TOPIC.name, wire(fact))
    if offset is not None:
        decoded.offsets[Place("registry-sites", 0)] = offset
    return decoded.batch()


def dump(model: ReadModel, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[bytes, bytes]]]:
    """Every byte of the read model."""
    with model.reading() as txn:
        return {name: list(txn.cursor(db)) for name, db in model.db.items() if name not in without}
