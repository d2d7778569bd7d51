"""What the public sees of an entry: no credit codes, no addresses, no case numbers, and no personal data."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from query.lifecycle import RANK, Order
from query.lookup import Group
from query.records import Decision, Entry

INDIVIDUAL: Final = "个人 / individual"
"""Stands for the name of an operator who is a person."""
_PERSON: Final = "person"


def entry(record: Entry) -> dict[str, Any]:
    """The public part of an entry."""
    site, registration = record.site, record.registration
    shown: dict[str, Any] = {
        "site": {
            "site_id": site.site_id,
            "site_number": site.site_number,
            "name": _said(site.name, record),
            "domains": site.domains,
            "service_items": site.service_items,
            "status": site.status,
            "region": site.region,
        },
        "registration": {"number": registration.number, "kind": registration.kind, "status": registration.status},
        "operator": {"name": _operator(record), "kind": record.operator.kind},
        "accesses": [
            {"provider_id": each.provider_id, "hosting_mode": each.hosting_mode, "hosting": each.hosting}
            for each in record.accesses
        ],
        "hosting": record.hosting,
        "changed_at": record.changed_at,
    }
    if record.decision is not None:
        shown["decision"] = _decision(record.decision, record)
    return shown


def answer(group: Group) -> dict[str, Any]:
    """The public answer for a key that finds these sites."""
    first, *others = [entry(each) for each in group.entries]
    return {"total": group.total, **({"others": others} if others else {}), **first}


def register(number: str, group: Group, orders: Sequence[Mapping[str, list[Order]]]) -> dict[str, Any]:
    """The register's entry for a number: who, which sites, why it was revoked, how to challenge it, what happened."""
    first = group.entries[0]
    shown = [entry(each) for each in group.entries]
    return {
        "number": number,
        "registration": shown[0]["registration"],
        "operator": shown[0]["operator"],
        "region": first.site.region,
        "total": group.total,
        "sites": [
            {**each["site"], "accesses": each["accesses"], "hosting": each["hosting"], "changed_at": each["changed_at"]}
            for each in shown
        ],
        "decision": shown[0].get("decision"),
        "history": sorted(_events(group, orders), key=_when),
    }


def _when(event: Mapping[str, Any]) -> tuple[datetime, int, str]:
    """At the same moment: a registration before its orders, and these in the order of their steps."""
    what = event["what"]
    return event["at"], RANK.get(what.rpartition("_")[2], -1), what


def _events(group: Group, orders: Sequence[Mapping[str, list[Order]]]) -> list[dict[str, Any]]:
    """What happened: changes of the registration, and the steps of every order that went out."""
    changes = {(datetime.fromisoformat(change.at), change.status) for each in group.entries for change in each.history}
    events: list[dict[str, Any]] = [{"at": at, "what": f"registration_{status}"} for at, status in changes]
    for each, by_provider in zip(group.entries, orders, strict=False):
        for provider_id, known in by_provider.items():
            events += [
                {
                    "at": at,
                    "what": f"{order.action}_{step}",
                    "site_number": each.site.site_number,
                    "provider_id": provider_id,
                    "order_id": order.order_id,
                }
                for order in known
                if order.sequence is not None  # one that never went out concerns nobody
                for step, at in order.lived.items()
            ]
    return events


def _decision(decision: Decision, record: Entry) -> dict[str, Any]:
    redress = decision.redress
    return {
        "decision_id": decision.decision_id,
        "authority": decision.authority,
        "legal_basis": decision.legal_basis,
        "reasons": _said(decision.reasons, record),
        "redress": {
            "authority": redress.authority,
            "how": _said(redress.how, record),
            "within_days": redress.within_days,
        },
    }


def _operator(record: Entry) -> str:
    return INDIVIDUAL if record.operator.kind == _PERSON else record.operator.name


def _said(text: str, record: Entry) -> str:
    """A text without the name and the number of an operator who is a person."""
    if record.operator.kind != _PERSON:
        return text
    for personal in (record.operator.name, record.operator.uscc):
        if personal:
            text = text.replace(personal, INDIVIDUAL)
    return text
