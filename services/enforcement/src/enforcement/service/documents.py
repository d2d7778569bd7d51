"""The signed document of a decision: issued with its release, for whom it is about, and how it stands afterwards.

It says what everybody may read: what the public reasons leave out and what evidence is withheld, it names by kind or by
hash alone, since whoever is shown its code can read it.
"""

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

from enforcement.errors import DecisionHasNoDocument
from enforcement.lifecycle import IN_FORCE
from enforcement.policy import POLICY, Act
from enforcement.service.safeguards import days_told
from enforcement.store import decisions
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.documents import DECISION, Particular
from shared.contracts.grounds import Names
from shared.runtime.acts import audit, documents
from shared.runtime.acts.documents import Draft, Issued
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.documents import Standing

MOST_NAMES: Final = 200
"""Host names that the page lists; of more it says how many."""


async def issue(tx: Tx, rt: Runtime, case: Case, decision: Decision, title: Names, at: datetime) -> Issued:
    """Sign the document of a decision that was released just now. Raises IssuerHasNoKey (503)."""
    rule, hosts = rt.rules.effects[decision.effect], decision.site.hosts if decision.site else case.hosts
    draft = Draft(
        kind=DECISION,
        title=title,
        subject_id=decision.id,
        number=str(decision.id),
        holder=case.operator,
        scope=f"{rule.chinese} · {rule.english}",
        covers=hosts if len(hosts) <= MOST_NAMES else (),
        particulars=tuple(_particulars(rt, case, decision)),
        issuer=decision.grounds.authority,
        legal_basis=decision.grounds.legal_basis,
        valid_from=rt.rules.day_of(at),
        valid_until=rt.rules.day_of(decision.until) if decision.until is not None else None,
    )
    return await documents.issue(tx, rt, draft, at)


def _particulars(rt: Runtime, case: Case, decision: Decision) -> list[Particular]:
    """What only a decision says."""
    says, ground, zone = decision.grounds, rt.rules.grounds.get(case.ground), rt.rules.time_zone
    given = says.redress
    redress = f"{given.body.names.zh}：{given.in_chinese} · {given.body.names.en}: {given.how}"
    told = [
        ("案由", "Ground", f"{ground.chinese} · {ground.english}" if ground else case.ground),
        ("理由", "Reasons", says.public_reasons),
        ("公开理由省略的内容", "Left out of these reasons", "; ".join(says.redacted)),
        ("完整理由的 SHA-256", "SHA-256 of the reasons in full", _full(decision)),
        ("范本", "Standard text", f"{decision.text_used.code}/{decision.text_used.version}"
            if decision.text_used else ""),
        ("证据摘要", "SHA-256 over the evidence", says.evidence_hash or ""),
        ("紧急理由", "Urgent ground", decision.urgent_ground or ""),
        ("改正期限", "To be corrected by", _correct_by(rt, decision)),
        ("终止时间", "Ends at", decision.until.astimezone(zone).isoformat() if decision.until else ""),
        ("登记数据截至", "Register known up to", decision.preview.as_of.astimezone(zone).isoformat()
            if decision.preview else ""),
        ("救济途径", "How to challenge it", f"{redress} ({given.within_days} 日 / days)"),
    ]  # fmt: skip
    return [Particular(label=Names(zh=zh, en=en), value=value) for zh, en, value in told if value]


def _correct_by(rt: Runtime, decision: Decision) -> str:
    """The date of an order, and what there is at least for whoever is told late (``safeguards.correction_over``)."""
    if decision.correct_by is None:
        return ""
    by, days = decision.correct_by.astimezone(rt.rules.time_zone).isoformat(), days_told(rt, decision.effect)
    return by if days is None else f"{by}；且不早于送达后 {days} 日 · and no less than {days} days from its delivery"


def _full(decision: Decision) -> str:
    """The hash by which whoever has the reasons in full proves that these are they; none where nothing is left out."""
    says = decision.grounds
    return hashlib.sha256(says.reasons.encode()).hexdigest() if says.redacted else ""


async def of_decision(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID) -> Issued:
    """The document of a decision, for whoever reads the decision; looking leaves an audit row.

    Raises UnknownDecision, DecisionHasNoDocument (404), Forbidden (403).
    """
    case, decision = await decisions.get(tx, decision_id)
    POLICY.require(who, Act.READ_DECISION, case)
    if decision.released_at is None:
        POLICY.require(who, Act.READ_CASE, case)
    resource = f"/decisions/{decision_id}/document"
    await audit.record(tx, who=who, act=Act.READ_DECISION, resource=resource, outcome="granted", at=rt.clock.now())
    issued = await documents.latest(tx, DECISION, decision_id)
    if issued is None:
        raise DecisionHasNoDocument(decision_id=decision_id)
    return issued


async def standing(tx: Tx, rt: Runtime, issued: Issued) -> Standing:
    """How the decision stands that a document is about."""
    _, decision = await decisions.get(tx, issued.subject_id)
    over = decision.until is not None and decision.until <= rt.clock.now()
    in_force = decision.status in IN_FORCE and not over
    ended_at = decision.until if over and decision.status in IN_FORCE else None
    if not in_force and ended_at is None:
        ended_at = await decisions.stands_since(tx, decision)
    return Standing(
        in_force=in_force,
        word=decision.status,
        valid_from=issued.content.valid_from,
        valid_until=issued.content.valid_until,
        ended_at=ended_at,
    )
