"""The dry run: what carrying a decision out would order, of whom, by the function that the orders are made by."""

from datetime import datetime
from typing import Final
from uuid import UUID

from enforcement.policy import POLICY, Act
from enforcement.service import preview as previews
from enforcement.store import decisions, sites
from shared.contracts import ordering
from shared.contracts.grounds import AuthorityRef
from shared.contracts.http.decisions import OrderPreview, OrdersPreview
from shared.contracts.ordering import Measure
from shared.contracts.orders import OrderedSite
from shared.runtime.acts import audit
from shared.runtime.acts.issuers import issuer_for
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

INSTRUCT: Final = "instruct_supervisor"
"""The clock of a network's supervisor."""


async def preview(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID) -> OrdersPreview:
    """Every order that would follow, hitting the site as it is now together with what it was at the release.

    Only for who reads the case. Raises UnknownDecision (404), Forbidden (403).
    """
    case, decision = await decisions.get(tx, decision_id)
    POLICY.require(who, Act.PREVIEW_ORDERS, case)
    at = rt.clock.now()
    resource = f"/decisions/{decision_id}/orders-preview"
    await audit.record(tx, who=who, act=Act.PREVIEW_ORDERS, resource=resource, outcome="granted", at=at)
    site, seen = await previews.of(tx, rt, case, decision.effect)
    if decision.site is not None:
        site = decision.site.joined(site) if site is not None else decision.site
    measure = ordering.measure(decision.effect, case.subject, site, decision.until)
    found = []
    if measure is not None:
        regulator = rt.directory.regulator_of(decision.grounds.authority)
        found = [await _order(tx, rt, measure, regulator, at, *each) for each in sorted(measure.sites.items())]
    return OrdersPreview(
        decision_id=decision_id, effect=decision.effect, at=at, copy_as_of=seen.as_of if measure else None, orders=found
    )


async def _order(
    tx: Tx, rt: Runtime, measure: Measure, regulator: AuthorityRef, at: datetime, provider_id: UUID, site: OrderedSite
) -> OrderPreview:  # fmt: skip
    provider = await sites.provider(tx, provider_id)
    network = provider is not None and provider.supervisor is not None
    return OrderPreview(
        provider_id=provider_id,
        provider=provider.name if provider is not None else None,
        action=measure.action,
        site=site,
        issuer=issuer_for(rt, provider, regulator) if provider is not None else None,
        regulator=regulator,
        through_supervisor=network,
        issue_by=rt.rules.due(INSTRUCT, at).due_at if network else None,
        execute_by=rt.rules.due(measure.clock, at).due_at,
        restores_at=measure.until,
    )
