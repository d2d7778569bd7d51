"""What the public sees of an entry: no credit codes, no addresses, no case numbers, no officers, and no person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from query.lookup.freshness import Freshness
from query.lookup.point import Group
from query.public.privacy import name_of, said
from query.readmodel.lifecycle import RANK, Order
from query.readmodel.records import Decision, Entry
from shared.contracts.http.query import (
    EventView,
    HostingView,
    NamesView,
    PublicAccess,
    PublicEntry,
    PublicMeasure,
    PublicOperator,
    PublicRedress,
    PublicRegistration,
    PublicSite,
    RegisterEntry,
    RegisterSite,
)


def public(record: Entry) -> PublicEntry:
    """The public part of an entry."""
    hosting = record.hosting
    order_status = {"order_status": hosting.order_status} if hosting.order_status else {}
    return PublicEntry(
        site=PublicSite(**_site(record)),
        registration=PublicRegistration(
            number=record.registration.number, kind=record.registration.kind, status=record.registration.status
        ),
        operator=PublicOperator(name=name_of(record.operator), kind=record.operator.kind),
        accesses=[
            PublicAccess(provider_id=each.provider_id, hosting_mode=each.hosting_mode, hosting=each.hosting)
            for each in record.accesses
        ],
        hosting=HostingView(state=hosting.state, since=hosting.since, order_id=hosting.order_id, **order_status),
        changed_at=record.changed_at,
        measures=_measures(record),
    )


def answer(group: Group) -> dict[str, Any]:
    """The public answer for a key that finds these sites, as members of a JSON object."""
    first, *others = [public(each).model_dump(mode="json", exclude_unset=True) for each in group.entries]
    return {"total": group.total, **({"others": others} if others else {}), **first}


def entry(
    number: str, group: Group, orders: Sequence[Mapping[str, list[Order]]], freshness: Freshness
) -> RegisterEntry:
    """The register's entry for a number: who, which sites, what was decided and why, how to challenge it, what became
    of it. ``orders``: of each site, by provider.
    """
    shown = [public(each) for each in group.entries]
    return RegisterEntry(
        as_of=freshness.as_of,
        lag_ms=freshness.lag_ms,
        number=number,
        registration=shown[0].registration,
        operator=shown[0].operator,
        region=group.entries[0].site.region,
        total=group.total,
        sites=[
            RegisterSite(
                **_site(record),
                accesses=each.accesses,
                hosting=each.hosting,
                changed_at=each.changed_at,
                measures=each.measures,
            )
            for record, each in zip(group.entries, shown, strict=True)
        ],
        history=sorted(_events(group, orders), key=_when),
    )


def _site(record: Entry) -> dict[str, Any]:
    site = record.site
    return {
        "site_id": site.site_id,
        "site_number": site.site_number,
        "name": said(site.name, record.operator),
        "domains": site.domains,
        "service_items": site.service_items,
        "status": site.status,
        "region": site.region,
    }


def _measures(record: Entry) -> list[PublicMeasure]:
    """Every measure that the register tells of: today the one in force."""
    decision = record.decision
    if decision is None:
        return []
    since = next((change.at for change in reversed(record.history) if change.status == "revoked"), None)
    return [_measure(decision, record, since)]


def _measure(decision: Decision, record: Entry, since: str | None) -> PublicMeasure:
    operator, redress = record.operator, decision.redress
    # Only what the authority itself released: what it left out of the public reasons is nobody's guess here.
    reasons = None if decision.public_reasons is None else said(decision.public_reasons, operator)
    return PublicMeasure(
        decision_id=decision.decision_id,
        effect="revoke",
        status="in_force",
        since=since,
        authority=NamesView(zh=decision.authority, en=decision.authority),
        legal_basis=[said(each, operator) for each in decision.legal_basis],
        public_reasons=reasons,
        redress=PublicRedress(
            body=NamesView(zh=redress.authority, en=redress.authority),
            how=said(redress.how, operator),
            within_days=redress.within_days,
        ),
    )


def _when(event: EventView) -> tuple[datetime, int, str]:
    """At the same moment: a registration before its orders, and these in the order of their steps."""
    return event.at, RANK.get(event.what.rpartition("_")[2], -1), event.what


def _events(group: Group, orders: Sequence[Mapping[str, list[Order]]]) -> list[EventView]:
    """What happened: changes of the registration, and the steps of every order that went out."""
    changes = {(datetime.fromisoformat(change.at), change.status) for each in group.entries for change in each.history}
    events = [EventView(at=at, what=f"registration_{status}") for at, status in changes]
    for each, by_provider in zip(group.entries, orders, strict=False):
        for provider_id, known in by_provider.items():
            events += [
                EventView(
                    at=at,
                    what=f"{order.action}_{step}",
                    site_number=each.site.site_number,
                    provider_id=provider_id,
                    order_id=order.order_id,
                )
                for order in known
                if order.sequence is not None  # one that never went out concerns nobody
                for step, at in order.lived.items()
            ]
    return events
