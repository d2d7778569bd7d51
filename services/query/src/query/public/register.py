"""What the public sees of an entry: no identities, no addresses, no case numbers, no officers, and no person."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from query.lookup.freshness import Freshness
from query.lookup.point import Group
from query.public.privacy import name_of, said
from query.readmodel import acts, measures
from query.readmodel.lifecycle import RANK, Hosting, Order
from query.readmodel.measures import Measure
from query.readmodel.records import Entry, OperatorRecord, Unregistered
from shared.contracts.http.query import (
    HostingView,
    NamesView,
    PublicAccess,
    PublicAppeal,
    PublicEntry,
    PublicMeasure,
    PublicOperator,
    PublicOutcome,
    PublicRedress,
    PublicRegistration,
    PublicSite,
    PublicStatement,
    PublicUndoing,
    PublicUnregistered,
)
from shared.contracts.http.register import EventView, RegisterEntry, RegisterSite


def public(record: Entry) -> PublicEntry:
    """The public part of an entry."""
    registration = record.registration
    return PublicEntry(
        site=PublicSite(**_site(record)),
        registration=PublicRegistration(
            number=registration.number,
            kind=registration.kind,
            level=registration.level,
            region=registration.region,
            valid_until=registration.valid_until,
            status=registration.status,
        ),
        operator=PublicOperator(name=name_of(record.operator), kind=record.operator.kind),
        accesses=[
            PublicAccess(
                provider_id=each.provider_id, hosting_mode=each.hosting_mode, status=each.status, hosting=each.hosting
            )
            for each in record.accesses
        ],
        hosting=_hosting(record.hosting),
        changed_at=record.changed_at,
        measures=[_measure(each, record.operator) for each in record.measures],
        **({"former_numbers": record.former_numbers} if record.former_numbers else {}),
    )


def unregistered(site: Unregistered) -> PublicUnregistered:
    """The public part of what is known of a site in no register."""
    return PublicUnregistered(
        host=site.host,
        provider_ids=site.provider_ids,
        hosting=_hosting(site.hosting),
        measures=[_measure(each, None) for each in site.measures],
    )


def answer(group: Group) -> dict[str, Any]:
    """The public answer for a key that finds these sites, as members of a JSON object."""
    first, *others = [public(each).model_dump(mode="json", exclude_unset=True) for each in group.entries]
    return {"total": group.total, **({"others": others} if others else {}), **first}


def answer_unregistered(site: Unregistered) -> dict[str, Any]:
    """The public answer for a name that only a site in no register has."""
    return {"unregistered": unregistered(site).model_dump(mode="json", exclude_unset=True)}


def entry(
    key: str,
    group: Group | None,
    unlisted: Unregistered | None,
    orders: Sequence[Mapping[str, list[Order]]],
    freshness: Freshness,
) -> RegisterEntry:
    """The register's entry for a number or a host name: who, which sites, what was decided and why, how to challenge
    it, what became of it. ``orders``: of each site, then of the one in no register, by provider.
    """
    entries = group.entries if group is not None else []
    shown = [public(each) for each in entries]
    told: list[tuple[str, Sequence[Measure]]] = [(each.site.site_number, each.measures) for each in entries]
    if unlisted is not None:
        told.append((unlisted.host, unlisted.measures))
    events: list[Told] = [
        event
        for (about, measures), of_site in zip(told, orders, strict=True)
        for event in (*_of_measures(about, measures), *_of_orders(about, of_site))
    ]
    return RegisterEntry(
        as_of=freshness.as_of,
        lag_ms=freshness.lag_ms,
        key=key,
        **({"registration": shown[0].registration, "operator": shown[0].operator} if shown else {}),
        total=group.total if group is not None else 0,
        sites=[
            RegisterSite(
                **_site(record),
                accesses=each.accesses,
                hosting=each.hosting,
                changed_at=each.changed_at,
                measures=each.measures,
                former_numbers=each.former_numbers,
            )
            for record, each in zip(entries, shown, strict=True)
        ],
        **({"unregistered": unregistered(unlisted)} if unlisted is not None else {}),
        history=[event for _, event in sorted(events, key=_when)],
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
    }


def _hosting(hosting: Hosting) -> HostingView:
    more = {name: said for name in ("order_status", "restore_late") if (said := getattr(hosting, name))}
    return HostingView(state=hosting.state, since=hosting.since, order_id=hosting.order_id, **more)


def _measure(measure: Measure, operator: OperatorRecord | None) -> PublicMeasure:
    undone = measure.undone
    return PublicMeasure(
        decision_id=measure.decision_id,
        effect=measure.effect,
        status=measure.status,
        since=measure.since,
        until=measure.until,
        service_item=measure.service_item,
        authority=_names(measure.authority),
        regulator=_names(measure.regulator),
        **_stated(measure, operator),
        redress=PublicRedress(
            body=_names(measure.redress.body),
            how=said(measure.redress.how, operator),
            how_zh=said(measure.redress.how_zh or measure.redress.how, operator),
            within_days=measure.redress.within_days,
        ),
        undone=None if undone is None else PublicUndoing(
            because=undone.because,
            authority=_names(undone.authority),
            statement=PublicStatement(**_stated(undone.statement, operator)),
            at=undone.at,
        ),
        appeals=[_appeal(each, operator) for each in measure.appeals],
        orders=[
            PublicOutcome(
                order_id=each.order_id,
                provider_id=each.provider_id,
                action=each.action,
                status=each.status,
                at=each.at,
                executed_at=each.executed_at,
                answer=each.answer,
                undoes=each.undoes,
            )
            for each in measure.orders
        ],
    )  # fmt: skip


def _appeal(appeal: measures.Appeal, operator: OperatorRecord | None) -> PublicAppeal:
    statement = appeal.statement
    return PublicAppeal(
        appeal_id=appeal.appeal_id,
        status=appeal.status,
        body=_names(appeal.body),
        filed_at=appeal.filed_at,
        due_at=appeal.due_at,
        decided_at=appeal.decided_at,
        statement=None if statement is None else PublicStatement(**_stated(statement, operator)),
    )


def _stated(statement: acts.Statement | Measure, operator: OperatorRecord | None) -> dict[str, Any]:
    """What was stated, in the version its authority released and no other; persons are taken out once more."""
    return {
        "legal_basis": [said(each, operator) for each in statement.legal_basis],
        "public_reasons": said(statement.public_reasons, operator),
        "redacted": [said(each, operator) for each in statement.redacted],
    }


def _names(names: acts.Names) -> NamesView:
    return NamesView(zh=names.zh, en=names.en)


# --- what happened ---------------------------------------------------------------------------------------------------


Told = tuple[int, EventView]
"""An event, and its rank among those of the same moment: a measure before its orders, these by their steps."""


def _when(told: Told) -> tuple[datetime, int, str, str, int]:
    rank, event = told
    return event.at, rank, event.about, event.what, (event.order_id or event.decision_id or UUID(int=0)).int


def _of_measures(about: str, measures: Sequence[Measure]) -> Iterator[Told]:
    for each in measures:
        steps = [(each.since, "carried_out")]
        if each.undone is not None:
            steps.append((each.undone.at, "undone"))
        for appeal in each.appeals:
            times = ((appeal.filed_at, "filed"), (appeal.due_at, "overdue"), (appeal.decided_at, appeal.status))
            steps += [(at, f"appeal_{what}") for at, what in times if at is not None]
        for at, what in steps:
            yield -1, EventView(at=at, what=what, about=about, decision_id=each.decision_id)


def _of_orders(about: str, by_provider: Mapping[str, list[Order]]) -> Iterator[Told]:
    """The steps of every order that went out; one that did not concerns nobody."""
    for provider_id, known in by_provider.items():
        for order in known:
            for step, at in order.steps.items() if order.sequence is not None else ():
                event = EventView(
                    at=at,
                    what=f"{order.action}_{step}",
                    about=about,
                    provider_id=provider_id,
                    order_id=order.order_id,
                    answer=order.answer if step == "answered" else None,
                    providers_time=order.executed_at if step == "executed" else None,
                )
                yield RANK[step], event
