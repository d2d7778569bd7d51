"""What callers read of the file of a case: rows shaped for one person, who sees what that person may do."""

from collections.abc import Sequence

from enforcement.lifecycle import OPINION, TASK
from enforcement.policy import OPINION_ACTS, POLICY, TASK_ACTS
from enforcement.service import opinions
from enforcement.service.custody import Chain
from enforcement.service.opinions import Asked, SideBySide
from enforcement.service.related import Related
from enforcement.service.timeline import cursor
from enforcement.store.tasks import Task
from enforcement.store.timeline import Entry
from enforcement.views import fields, summary_of
from shared.contracts.http.casefile import (
    CustodyView,
    OpinionsView,
    OpinionView,
    RelatedCase,
    RelatedCases,
    SettlementView,
    TaskView,
    Timeline,
    TimelineEntry,
)
from shared.rules import Rules
from shared.runtime.base.context import Caller


def of_task(who: Caller, task: Task) -> TaskView:
    """A task."""
    return TaskView.model_validate({
        **fields(task, TaskView), "overdue": task.overdue_at is not None,
        "allowed_actions": POLICY.allowed(who, task, TASK.allowed(task.status), TASK_ACTS),
    })  # fmt: skip


def of_opinion(who: Caller, asked: Asked) -> OpinionView:
    """What an authority was asked and holds; of the case only what it is about."""
    opinion, case = asked.opinion, asked.case
    return OpinionView.model_validate({
        **{name: getattr(case, name) for name in ("subject", "hosts", "operator", "ground", "alleged_breach")},
        **fields(opinion, OpinionView), "overdue": opinion.overdue_at is not None,
        "allowed_actions": POLICY.allowed(who, opinion, OPINION.allowed(opinion.status), OPINION_ACTS),
    })  # fmt: skip


def of_opinions(who: Caller, rules: Rules, found: SideBySide) -> OpinionsView:
    """Everything side by side."""
    return OpinionsView(
        case_id=found.case.id,
        opinions=[of_opinion(who, Asked(found.case, each)) for each in found.opinions],
        conflict=opinions.differ(found.opinions),
        rule_zh=rules.cases.conflict_chinese,
        rule_en=rules.cases.conflict_english,
        settlements=[SettlementView.model_validate(each) for each in found.settlements],
    )


def of_related(found: Sequence[Related]) -> RelatedCases:
    """Cases beside one."""
    return RelatedCases(
        items=[RelatedCase(case=summary_of(each.case), why=list(each.why), reasons=each.reasons) for each in found]
    )


def of_timeline(found: Sequence[Entry], limit: int) -> Timeline:
    """A page of what happened; ``found`` has one entry more if there is another page."""
    shown = found[:limit]
    return Timeline(
        items=[TimelineEntry.model_validate(each) for each in shown],
        next=cursor(shown[-1]) if len(found) > limit else None,
    )


def of_custody(chain: Chain, limit: int) -> CustodyView:
    """What became of a piece."""
    page = of_timeline(chain.entries, limit)
    return CustodyView.model_validate({**fields(chain.piece, CustodyView), "items": page.items, "next": page.next})
