"""What callers read: rows shaped for one person, who sees what that person may do."""

from typing import Any

from registry.lifecycle import AMENDMENT, EXECUTION, REGISTRATION, SITE
from registry.policy import AMENDMENT_ACTS, EXECUTION_ACTS, POLICY, REGISTRATION_ACTS, SITE_ACTS
from registry.service.executions import Seen
from registry.store.amendments import Amendment
from registry.store.imports import Import
from registry.store.operators import Operator
from registry.store.registrations import Owned
from registry.store.sites import OwnedSite
from shared.contracts.http.imports import ImportView
from shared.contracts.http.registry import (
    AccessView,
    AmendmentView,
    ClockView,
    ExecutionView,
    OperatorView,
    OrderOutcomeView,
    RegistrationSummary,
    RegistrationView,
    SiteView,
)
from shared.runtime.base.context import Caller


def of_operator(operator: Operator, *, with_address: bool) -> OperatorView:
    """An operator; its address only for its own people and the regulator."""
    return OperatorView.model_validate({
        **_fields(operator, OperatorView), "address_for_service": operator.address if with_address else None,
    })  # fmt: skip


def of_site(who: Caller, owned: OwnedSite) -> SiteView:
    """A site."""
    site = owned.site
    return SiteView.model_validate({
        **_fields(site, SiteView), "operator_id": owned.operator.id, "number": owned.number or None,
        "accesses": [AccessView.model_validate(access) for access in site.accesses],
        "allowed_actions": POLICY.allowed(who, owned, SITE.allowed(site.status), SITE_ACTS),
    })  # fmt: skip


def summary_of(owned: Owned) -> RegistrationSummary:
    """A registration in a list."""
    fields = _fields(owned.registration, RegistrationSummary)
    return RegistrationSummary.model_validate({**fields, "operator_name": owned.operator.particulars.name})


def of_registration(who: Caller, owned: Owned, sites: list[OwnedSite], clock: ClockView | None) -> RegistrationView:
    """A registration with its sites."""
    registration = owned.registration
    return RegistrationView.model_validate({
        **_fields(registration, RegistrationView), "operator_name": owned.operator.particulars.name, "clock": clock,
        "sites": [of_site(who, site) for site in sites],
        "allowed_actions": POLICY.allowed(
            who, owned, REGISTRATION.allowed(registration.status), REGISTRATION_ACTS
        ),
    })  # fmt: skip


def of_amendment(who: Caller, amendment: Amendment, holds: dict[str, Any], clock: ClockView | None) -> AmendmentView:
    """A proposed change beside what holds."""
    return AmendmentView.model_validate({
        **_fields(amendment, AmendmentView), "holds": holds, "clock": clock,
        "consented": amendment.consent_by is not None,
        "allowed_actions": POLICY.allowed(who, amendment, AMENDMENT.allowed(amendment.status), AMENDMENT_ACTS),
    })  # fmt: skip


def of_execution(who: Caller, seen: Seen) -> ExecutionView:
    """A decision on the desk; who signed it is nobody's business but the policy's."""
    execution, decision = seen.execution, seen.execution.decision
    return ExecutionView.model_validate({
        **_fields(execution, ExecutionView), "decision_id": decision.decision_id, "case_id": decision.case_id,
        "subject": decision.subject, "authority": decision.grounds.authority, "grounds": decision.grounds,
        "urgent_ground": decision.urgent_ground, "decided_about": decision.site, "hits": seen.hits,
        "preview": seen.preview, "preview_digest": seen.preview.digest if seen.preview else None,
        "clock": seen.clock, "orders": [OrderOutcomeView.model_validate(order) for order in seen.orders],
        "allowed_actions": POLICY.allowed(
            who, execution, EXECUTION.allowed(execution.status), EXECUTION_ACTS, drafted_by=execution.took_part
        ),
    })  # fmt: skip


def of_import(found: Import) -> ImportView:
    """How an import stands."""
    return ImportView.model_validate(found)


def _fields(row: object, view: type[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in view.model_fields if hasattr(row, name)}
