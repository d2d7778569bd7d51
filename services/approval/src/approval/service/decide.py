"""What an authority decides on what was put to it (P3.1.2-3)."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from approval import store
from approval.errors import FilesDamaged, RequirementsMissing, ScopeNotOpen, ValidityTooShort
from approval.lifecycle import APPROVAL, GRANTS, Action
from approval.service import barring, files, validity
from approval.service.act import act, held
from approval.service.authority import grounds_of
from approval.service.issue import issue
from approval.store import DECISION_CLOCK, Approval, Decision
from approval.store.paper import Paper
from shared.contracts.grounds import Statement
from shared.contracts.http.approval import Finding, Grant, NotRequired, Refusal, Renewal, Return
from shared.contracts.quoting import shortened
from shared.runtime.acts import deadlines, kept_files
from shared.runtime.acts.policy import PersonRequired
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

MOST: Final = 19_000
"""Characters of what is missing that a notice holds."""


async def send_back(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Return) -> Approval:
    """Return an application, once, with everything that is missing; the clock stands still (P3.1.2).

    Raises UnknownApproval (404), Forbidden (403), ActionRefused (409).
    """
    approval, at = await held(tx, who, Action.RETURN, approval_id), rt.clock.now()
    says = _missing(rt, approval, body)
    await deadlines.pause(tx, DECISION_CLOCK, approval.id, at, says.reasons)
    missing = [finding.model_dump() for finding in body.missing]
    by = rt.directory.authority_ref(who.organisation)
    return await act(tx, rt, who, approval, Action.RETURN, by=by, says=says, at=at, missing=missing)


def _missing(rt: Runtime, approval: Approval, body: Return) -> Statement:
    """What the notice of a return says: all of it, as far as a notice can hold it."""
    said = "\n".join(["The application is not complete. What is missing:", *(each.text for each in body.missing)])
    if len(said) > MOST:
        said = f"{shortened(said, MOST)}\nThe application shows all of it."
    source = approval.clock.source or rt.rules.ref
    return Statement(legal_basis=(source,), reasons=said, public_reasons=said)


async def grant(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Grant) -> Approval:
    """Consent, and number the approval (P3.1.3).

    With another scope than was asked, or for less than the longest time, it is a refusal of the rest, which a person
    decides: its notice has grounds and redress. Raises UnknownApproval (404); Forbidden, PersonRequired (403);
    ActionRefused, OperatorBarred, RequirementsMissing (409); ValidityTooShort, ValidityTooLong (422).
    """
    approval, at = await held(tx, who, Action.GRANT, approval_id), rt.clock.now()
    APPROVAL.after(approval.status, Action.GRANT)  # nobody waits for the counter in vain
    await barring.require_none(tx, rt, approval.operator.identity)
    if missing := files.missing_of(rt, approval):
        raise RequirementsMissing(requirements=", ".join(missing))
    today = validity.day_of(rt, at)
    if body.valid_until <= today:
        raise ValidityTooShort.field("valid_until", "must be a day after today")
    validity.require_allowed(rt, body.valid_until, at)
    await validity.watch(tx, rt, approval.id, body.valid_until, at)
    return await _decide(
        tx,
        rt,
        who,
        approval,
        Action.GRANT,
        body,
        at,
        rest=_rest(who, (body.valid_until, validity.latest_day(rt, at)), (body.scope, approval.scope_of_service)),
        number=await _number(tx, rt, approval, today.year),
        scope=body.scope,
        valid_from=today,
        valid_until=body.valid_until,
    )


async def grant_paper(tx: Tx, rt: Runtime, who: Caller, approval: Approval, paper: Paper, at: datetime) -> Approval:
    """Grant what was consented to on paper, for the days that are printed on it; two people stood for it."""
    await validity.watch(tx, rt, approval.id, paper.valid_until, at)
    return await _decide(
        tx, rt, who, approval, Action.GRANT, paper.statement, at,
        number=await _number(tx, rt, approval, validity.day_of(rt, at).year), scope=paper.scope,
        valid_from=paper.valid_from, valid_until=paper.valid_until,
    )  # fmt: skip


async def refuse(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Refusal) -> Approval:
    """Refuse consent, with every reason at once (P3.1.3), having read what was handed in.

    Raises UnknownApproval (404), Forbidden (403); ActionRefused, FilesDamaged (409).
    """
    approval = await held(tx, who, Action.REFUSE, approval_id)
    APPROVAL.after(approval.status, Action.REFUSE)
    if lost := await kept_files.unreadable(tx, {each.sha256 for each in approval.files}):
        raise FilesDamaged(files=", ".join(lost))
    return await _decide(tx, rt, who, approval, Action.REFUSE, body, rt.clock.now(), body.findings)


async def find_not_required(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: NotRequired) -> Approval:
    """Find that the service needs no approval: the operator may register without one (P3.1.3).

    Raises UnknownApproval (404), Forbidden (403), ActionRefused (409).
    """
    approval = await held(tx, who, Action.FIND_NOT_REQUIRED, approval_id)
    return await _decide(tx, rt, who, approval, Action.FIND_NOT_REQUIRED, body, rt.clock.now())


async def renew(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Renewal) -> Approval:
    """Give an approval a later last day: same number, same scope (ALL §50), but where that is decided anew.

    For fewer days than were asked it is a refusal of the rest, as a grant of less is. Raises UnknownApproval (404);
    Forbidden, PersonRequired (403); ActionRefused (409); ValidityTooShort, ValidityTooLong, ScopeNotOpen (422).
    """
    approval, at = await held(tx, who, Action.RENEW, approval_id), rt.clock.now()
    APPROVAL.after(approval.status, Action.RENEW)
    latest = max(validity.last_day_of(approval), validity.day_of(rt, at))
    scope_alone = approval.renewal_scope is not None and approval.renewal_until == approval.valid_until
    if body.valid_until <= latest and not (scope_alone and body.valid_until == approval.valid_until):
        raise ValidityTooShort.field("valid_until", f"must be later than {latest}")
    scope = body.scope or approval.scope
    if scope != approval.scope and approval.renewal_scope is None:
        raise ScopeNotOpen.field("scope", f"stays as it is: {approval.scope}")
    validity.require_allowed(rt, body.valid_until, at)
    await validity.watch(tx, rt, approval.id, body.valid_until, at)
    rest = _rest(who, (body.valid_until, approval.renewal_until), (scope, approval.renewal_scope))
    return await _decide(
        tx, rt, who, approval, Action.RENEW, body, at, rest=rest, valid_until=body.valid_until, scope=scope,
        renewal_until=None, renewal_scope=None,
    )  # fmt: skip


def _rest(
    who: Caller, days: tuple[date, date | None], scopes: tuple[str | None, str | None]
) -> tuple[date | None, str | None]:
    """Of what was asked what is not given: the last day and the scope, each as given and as asked.

    Whether a scope in other words is less nobody here can tell, so that can be challenged. Raises PersonRequired (403).
    """
    (until, asked), (scope, asked_scope) = days, scopes
    rest = (asked if asked is not None and until < asked else None, asked_scope if scope != asked_scope else None)
    if rest != (None, None) and who.program:
        raise PersonRequired(act="grant less than was asked")
    return rest


async def refuse_renewal(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Refusal) -> Approval:
    """Refuse a later last day. The approval stands until its present one; where that is over, it lapses now.

    Raises UnknownApproval (404), Forbidden (403), ActionRefused (409).
    """
    approval, at = await held(tx, who, Action.REFUSE_RENEWAL, approval_id), rt.clock.now()
    after = await _decide(
        tx, rt, who, approval, Action.REFUSE_RENEWAL, body, at, body.findings,
        rest=(approval.renewal_until, approval.renewal_scope), renewal_until=None, renewal_scope=None,
    )  # fmt: skip
    return await validity.lapse_or_watch(tx, rt, after, at)


async def _decide(
    tx: Tx,
    rt: Runtime,
    who: Caller,
    approval: Approval,
    action: Action,
    stated: Statement,
    at: datetime,
    findings: tuple[Finding, ...] = (),
    *,
    rest: tuple[date | None, str | None] = (None, None),
    **changes: Any,
) -> Approval:
    """Decide on a held approval: its grounds are kept, the authority's clock is met, a consent gets its document.

    ``rest``: the last day and the scope that were asked for and are not given.
    """
    authority = rt.directory.authority_ref(who.organisation)
    decision = Decision(uuid7(), approval.id, action, grounds_of(rt, authority, stated, at), findings, *rest)
    await deadlines.met(tx, DECISION_CLOCK, approval.id, at)
    after = await act(
        tx,
        rt,
        who,
        approval,
        action,
        by=authority,
        says=stated,
        at=at,
        decision=decision,
        authority=authority.model_dump(mode="json"),
        **changes,
    )
    if action in GRANTS:
        await issue(tx, rt, after, authority, stated, at)
    return after


async def _number(tx: Tx, rt: Runtime, approval: Approval, year: int) -> str:
    """The next number of item, province and year, e.g. 京药网械审〔2026〕1号; a national one has no province."""
    mark = rt.rules.service_items[approval.service_item].approval_mark
    if mark is None:  # the profile was checked when it was loaded
        raise LookupError(f"no mark for approvals of {approval.service_item}")
    sign = (rt.rules.provinces[approval.region].short if approval.region else "") + mark
    return f"{sign}〔{year}〕{await store.next_serial(tx, sign, year)}号"
