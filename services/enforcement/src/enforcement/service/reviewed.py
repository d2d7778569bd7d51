"""What the annual review found of a site: a case at the authority whose decision was cited, and nothing else (ADR 10).

Whatever follows is drafted, notified, released and executed in that case like anything else; it falls with the veto.
"""

from dataclasses import replace

import structlog

from enforcement.lifecycle import DECISION, IN_FORCE, Action
from enforcement.service import decisions as deciding
from enforcement.service import following
from enforcement.service.decisions import SYSTEM
from enforcement.store import cases, decisions, sites
from enforcement.store.cases import Case, NewCase
from shared.contracts.grounds import OperatorRef
from shared.contracts.quoting import quoting
from shared.contracts.registry import ReviewClearedV1, ReviewVetoedV1
from shared.contracts.subjects import SiteSubject
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

_log = structlog.get_logger(__name__)


async def open_case(tx: Tx, rt: Runtime, fact: ReviewVetoedV1) -> None:
    """Open the case of a veto, on the ground of the case in which the cited decision was made, with its evidence.

    Nothing is opened for a decision or a site that is not known here, or again for one that is.
    """
    at, site = rt.clock.now(), await sites.get(tx, fact.site_id)
    if site is None or not await decisions.known(tx, fact.decision_id):
        _log.warning("review.of_unknown_decision", decision_id=str(fact.decision_id), subject_id=str(fact.subject_id))
        return
    cited, _ = await decisions.get(tx, fact.decision_id)
    breach = quoting(f"Annual review {fact.year}: {fact.outcome}. ", fact.grounds.reasons)
    opened = await cases.open_once(tx, NewCase(
        id=fact.case_id, subject=SiteSubject(site_id=fact.site_id), site_id=fact.site_id, provider_id=None,
        operator=OperatorRef(identity=site.operator.identity, name=site.operator.name), hosts=site.domains,
        service_item=fact.service_item or cited.service_item, ground=cited.ground, alleged_breach=breach,
        legal_basis=fact.grounds.legal_basis, authority=cited.authority, region=site.registration.region,
        level=site.registration.level, opened_by=SYSTEM.person, opened_at=at,
    ))  # fmt: skip
    if opened is None:
        return
    cases.MOVES.began(tx, opened, "open", who=SYSTEM, why=breach, at=at)
    for piece in await cases.evidence_of(tx, cited.id):
        await cases.attach(tx, opened.id, replace(piece, added_at=at))


async def end_case(tx: Tx, rt: Runtime, fact: ReviewClearedV1) -> None:
    """The veto fell: what is drafted is withdrawn, what is in force is lifted, and the case ends, wherever it is by
    now; and so it is at the regulator who was asked in it.

    Of a case that a veto opened, and of no other, whatever the fact names: that raises ValueError, and is parked.
    """
    if not await cases.known(tx, fact.case_id):
        return
    if (await cases.get(tx, fact.case_id)).opened_by != SYSTEM.person:
        raise ValueError(f"case {fact.case_id} was opened by a person, and by no veto")
    for case in await following.of_case(tx, await cases.hold(tx, fact.case_id)):
        await _end(tx, rt, case, fact)


async def _end(tx: Tx, rt: Runtime, case: Case, fact: ReviewClearedV1) -> None:
    for found in await decisions.of_cases(tx, [case.id]):
        if found.status in IN_FORCE and DECISION.can(found.status, Action.LIFT):
            await deciding.end_for(tx, rt, case, found, fact.statement)
    await deciding.end_case(tx, rt, case, "discontinued")
