"""What an authority decides on what was put to it (P3.1.2-3)."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from approval import store
from approval.errors import RequirementsMissing, ValidityTooShort
from approval.lifecycle import APPROVAL, Action
from approval.service import barring, files, validity
from approval.service.act import act, held
from approval.service.authority import grounds_of
from approval.service.issue import issue
from approval.store import DECISION_CLOCK, Approval, Decision
from approval.store.paper import Paper
from shared.contracts.grounds import Statement
from shared.contracts.http.approval import Finding, Grant, NotRequired, Refusal, Renewal, Return
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

DOCUMENTED: Final = frozenset({Action.GRANT, Action.RENEW})
"""What a signed document is issued of."""
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
        said = f"{said[:MOST]}…\nThe application shows all of it."
    source = approval.clock.source or rt.rules.ref
    return Statement(legal_basis=(source,), reasons=said, public_reasons=said)


async def grant(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Grant) -> Approval:
    """Consent, and number the approval (P3.1.3).

    Raises UnknownApproval (404), Forbidden (403), ActionRefused, OperatorBarred, RequirementsMissing (409),
    ValidityTooShort, ValidityTooLong (422).
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
    """Refuse consent, with every reason at once (P3.1.3). Raises UnknownApproval (404), Forbidden, ActionRefused."""
    approval = await held(tx, who, Action.REFUSE, approval_id)
    return await _decide(tx, rt, who, approval, Action.REFUSE, body, rt.clock.now(), body.findings)


async def find_not_required(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: NotRequired) -> Approval:
    """Find that the service needs no approval: the operator may register without one (P3.1.3).

    Raises UnknownApproval (404), Forbidden (403), ActionRefused (409).
    """
    approval = await held(tx, who, Action.FIND_NOT_REQUIRED, approval_id)
    return await _decide(tx, rt, who, approval, Action.FIND_NOT_REQUIRED, body, rt.clock.now())


async def renew(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Renewal) -> Approval:
    """Give an approval a later last day: same number, same scope (ALL §50).

    Raises UnknownApproval (404), Forbidden (403), ActionRefused (409), ValidityTooShort, ValidityTooLong (422).
    """
    approval, at = await held(tx, who, Action.RENEW, approval_id), rt.clock.now()
    APPROVAL.after(approval.status, Action.RENEW)
    latest = max(validity.last_day_of(approval), validity.day_of(rt, at))
    if body.valid_until <= latest:
        raise ValidityTooShort.field("valid_until", f"must be later than {latest}")
    validity.require_allowed(rt, body.valid_until, at)
    await validity.watch(tx, rt, approval.id, body.valid_until, at)
    return await _decide(
        tx, rt, who, approval, Action.RENEW, body, at, valid_until=body.valid_until, renewal_until=None
    )


async def refuse_renewal(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Refusal) -> Approval:
    """Refuse a later last day. The approval stands until its present one; where that is over, it lapses now.

    Raises UnknownApproval (404), Forbidden (403), ActionRefused (409).
    """
    approval, at = await held(tx, who, Action.REFUSE_RENEWAL, approval_id), rt.clock.now()
    after = await _decide(tx, rt, who, approval, Action.REFUSE_RENEWAL, body, at, body.findings, renewal_until=None)
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
    **changes: Any,
) -> Approval:
    """Decide on a held approval: its grounds are kept, the authority's clock is met, a consent gets its document."""
    authority = rt.directory.authority_ref(who.organisation)
    asked = approval.renewal_until if action is Action.REFUSE_RENEWAL else None
    decision = Decision(uuid7(), approval.id, action, grounds_of(rt, authority, stated, at), findings, asked)
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
    if action in DOCUMENTED:
        await issue(tx, rt, after, authority, stated, at)
    return after


async def _number(tx: Tx, rt: Runtime, approval: Approval, year: int) -> str:
    """The next number of item, province and year, e.g. 京药网械审〔2026〕1号; a national one has no province."""
    mark = rt.rules.service_items[approval.service_item].approval_mark
    if mark is None:  # the profile was checked when it was loaded
        raise LookupError(f"no mark for approvals of {approval.service_item}")
    sign = (rt.rules.provinces[approval.region].short if approval.region else "") + mark
    return f"{sign}〔{year}〕{await store.next_serial(tx, sign, year)}号"
