"""What callers read: rows shaped for one person, who sees what that person may do."""

from collections.abc import Iterable, Sequence
from typing import Any

from registry.lifecycle import (
    AMENDMENT,
    CHECK,
    EXECUTION,
    HOSTED_FINDING,
    MERGER,
    OPINION,
    REGISTRATION,
    RENEWAL,
    REVIEW,
    SHELL,
    SITE,
    TASK,
    OpinionStatus,
)
from registry.policy import (
    AMENDMENT_ACTS,
    CHECK_ACTS,
    EXECUTION_ACTS,
    HOSTED_ACTS,
    MERGER_ACTS,
    OPINION_ACTS,
    POLICY,
    REGISTRATION_ACTS,
    RENEWAL_ACTS,
    REVIEW_ACTS,
    SHELL_ACTS,
    SITE_ACTS,
    TASK_ACTS,
)
from registry.service import diffs
from registry.service.executions import Seen
from registry.service.inventories import hash_of
from registry.service.mergers import Proposed
from registry.service.opinions import RESULT
from registry.service.reviews import Progress
from registry.store.amendments import Amendment
from registry.store.checks import Check
from registry.store.forwards import Forwarded
from registry.store.hosted import Finding
from registry.store.imports import Import
from registry.store.inventories import Batch, Inventory
from registry.store.licences import Licence, Renewal
from registry.store.operators import Operator
from registry.store.registrations import Owned
from registry.store.reviewed import Opinion, Subject
from registry.store.reviews import Asked, Review
from registry.store.shells import Shell
from registry.store.sites import OwnedSite
from registry.store.successions import Neighbours
from registry.store.tasks import Task
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.amendments import FieldChange
from shared.contracts.http.checks import CheckView
from shared.contracts.http.home import ForwardedView, OrderOutcomeView
from shared.contracts.http.hosted import FindingView, InventoryView
from shared.contracts.http.imports import ImportView
from shared.contracts.http.licences import RenewalView
from shared.contracts.http.mergers import MergerView
from shared.contracts.http.registrar import TaskView
from shared.contracts.http.registry import (
    AccessView,
    AmendmentView,
    ClockView,
    ExecutionView,
    LicenceView,
    OperatorView,
    RegistrationSummary,
    RegistrationView,
    SiteView,
)
from shared.contracts.http.reviews import AskedView, OpinionView, ReviewSummary, ReviewView, SubjectView
from shared.contracts.http.shells import ShellView
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


def of_registration(
    who: Caller,
    owned: Owned,
    sites: list[OwnedSite],
    clock: ClockView | None,
    licence: Licence | None,
    beside: Neighbours,
    forwarded: list[Forwarded],
) -> RegistrationView:
    """A registration with its sites."""
    registration = owned.registration
    return RegistrationView.model_validate({
        **_fields(registration, RegistrationView), "operator_name": owned.operator.particulars.name, "clock": clock,
        "licence": LicenceView.model_validate(licence) if licence is not None else None,
        "sites": [of_site(who, site) for site in sites], "succeeded_by": beside.succeeded_by,
        "succeeds": beside.succeeds, "forwarded": [ForwardedView.model_validate(each) for each in forwarded],
        "allowed_actions": POLICY.allowed(
            who, owned, REGISTRATION.allowed(registration.status), REGISTRATION_ACTS,
            drafted_by=registration.submitted_by,
        ),
    })  # fmt: skip


def of_amendment(
    who: Caller, amendment: Amendment, holds: dict[str, Any], changes: list[FieldChange], clock: ClockView | None
) -> AmendmentView:
    """A proposed change beside what holds."""
    return AmendmentView.model_validate({
        **_fields(amendment, AmendmentView), "holds": holds, "changes": changes, "clock": clock,
        "consented": amendment.consent_by is not None, "waits_for_operator": diffs.waits(amendment, changes),
        "allowed_actions": POLICY.allowed(
            who, amendment, AMENDMENT.allowed(amendment.status), AMENDMENT_ACTS, drafted_by=amendment.proposed_by
        ),
    })  # fmt: skip


def of_renewal(who: Caller, renewal: Renewal, clock: ClockView | None) -> RenewalView:
    """A renewal: what was asked, and what became of it."""
    return RenewalView.model_validate({
        **_fields(renewal, RenewalView), "clock": clock,
        "allowed_actions": POLICY.allowed(
            who, renewal, RENEWAL.allowed(renewal.status), RENEWAL_ACTS, drafted_by=renewal.asked_by
        ),
    })  # fmt: skip


def of_check(who: Caller, check: Check, clock: ClockView | None) -> CheckView:
    """What a provider was asked, and what it answered."""
    return CheckView.model_validate({
        **_fields(check, CheckView), "clock": clock,
        "allowed_actions": POLICY.allowed(who, check, CHECK.allowed(check.status), CHECK_ACTS),
    })  # fmt: skip


def of_task(who: Caller, task: Task, clock: ClockView | None) -> TaskView:
    """What the company registrar is told, and what it reported."""
    return TaskView.model_validate({
        **_fields(task, TaskView), "clock": clock,
        "allowed_actions": POLICY.allowed(who, task, TASK.allowed(task.status), TASK_ACTS),
    })  # fmt: skip


def of_merger(who: Caller, seen: Proposed) -> MergerView:
    """A merger, with what would move now while it is proposed."""
    merger = seen.merger
    return MergerView.model_validate({
        **_fields(merger, MergerView), "survivor": seen.survivor, "merged": seen.merged, "preview": seen.preview,
        "preview_digest": seen.digest,
        "allowed_actions": POLICY.allowed(
            who, merger, MERGER.allowed(merger.status), MERGER_ACTS, drafted_by=merger.took_part
        ),
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


def of_review(who: Caller, progress: Progress) -> ReviewView:
    """A review with how far it is."""
    review = progress.review
    return ReviewView.model_validate({
        **_fields(review, ReviewView), "regulator": review.regulator.names, "subjects": progress.subjects,
        "authorities": [_asked(asked, progress) for asked in progress.asked],
        "allowed_actions": POLICY.allowed(who, review, REVIEW.allowed(review.status), REVIEW_ACTS),
    })  # fmt: skip


def _asked(asked: Asked, progress: Progress) -> AskedView:
    own = [each for each in progress.figures if each.authority_id == asked.authority_id]
    return AskedView(
        authority=asked.authority, until=asked.until, finished_at=asked.done_at, late=asked.late(progress.at),
        reminded_at=asked.reminded_at,
        opinions={each.opinion: each.count for each in own if each.status == OpinionStatus.STANDING},
        fallen=sum(each.count for each in own if each.status == OpinionStatus.FALLEN),
        withdrawn=sum(each.count for each in own if each.status == OpinionStatus.WITHDRAWN),
    )  # fmt: skip


def summary_of_review(review: Review) -> ReviewSummary:
    """A review in a list."""
    return ReviewSummary.model_validate(_fields(review, ReviewSummary))


def of_subject(who: Caller, subject: Subject, said: Iterable[Opinion]) -> SubjectView:
    """Somebody under review. Who of an authority said it is nobody's business but the policy's."""
    own = [each for each in said if each.subject_id == subject.id]
    standing = {each.opinion for each in own if each.status is OpinionStatus.STANDING}
    return SubjectView.model_validate({
        **_fields(subject, SubjectView),
        "challenge": ActRef(service=Service.REGISTRY, kind=RESULT, id=subject.id) if subject.grounds else None,
        "conflicting": len(standing) > 1,
        "opinions": [of_opinion(who, each) for each in own],
    })  # fmt: skip


def of_opinion(who: Caller, opinion: Opinion) -> OpinionView:
    """What an authority said."""
    return OpinionView.model_validate({
        **_fields(opinion, OpinionView),
        "allowed_actions": POLICY.allowed(who, opinion, OPINION.allowed(opinion.status), OPINION_ACTS),
    })  # fmt: skip


def of_shell(who: Caller, finding: Shell, site: OwnedSite, *, hosted: bool) -> ShellView:
    """A site that nobody hosts."""
    return ShellView.model_validate({
        **_fields(finding, ShellView), "number": site.number, "site_name": site.site.name,
        "domains": site.site.domains, "operator_name": site.operator.particulars.name, "hosted_now": hosted,
        "challenge": ActRef(service=Service.REGISTRY, kind="lapse", id=finding.id) if finding.says else None,
        "allowed_actions": POLICY.allowed(who, finding, SHELL.allowed(finding.status), SHELL_ACTS),
    })  # fmt: skip


def of_inventory(known: Inventory, sent: Sequence[Batch]) -> InventoryView:
    """Where the lists of a provider stand; ``sent``: the batches of the one that is being sent."""
    sending = known.sending is not None and {
        "first_sequence": known.sending, "since": known.sending_since, "batches": len(sent),
        "records": sum(each.records for each in sent), "hash": hash_of(sent),
    }  # fmt: skip
    whole = known.whole is not None and {
        "records": known.whole_records, "hash": known.whole_hash, "at": known.whole_at
    }  # fmt: skip
    return InventoryView.model_validate({
        **_fields(known, InventoryView), "sending": sending or None, "whole": whole or None,
    })  # fmt: skip


def of_hosted(who: Caller, finding: Finding) -> FindingView:
    """A list and the register differ about a name."""
    return FindingView.model_validate({
        **_fields(finding, FindingView),
        "allowed_actions": POLICY.allowed(who, finding, HOSTED_FINDING.allowed(finding.status), HOSTED_ACTS),
    })  # fmt: skip


def _fields(row: object, view: type[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in view.model_fields if hasattr(row, name)}
