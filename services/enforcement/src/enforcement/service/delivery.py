"""Whether whom a decision burdens was really told: of an urgent one within a day, of another one before its release.

An inbox that nobody opened and a mail that came back are no delivery (docs/adr/0008, point 11; docs/adr/0013).
"""

from typing import Final
from uuid import UUID

from enforcement.lifecycle import DECISION, Action
from enforcement.service import decisions as deciding
from enforcement.service import repeats
from enforcement.service.safeguards import INTENDED, RELEASED, URGENT_NOTICE
from enforcement.store import decisions
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.grounds import ActRef, AddressForService, Department, Names, Service, Statement
from shared.runtime.acts import deadlines, notices, returned
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

_NOTICES: Final = (INTENDED, RELEASED)
_UNTOLD: Final = Names(
    zh="当事人未收到告知书，处理决定将停止执行", en="A decision will be suspended: whom it burdens was not told"
)


async def check(rt: Runtime, tx: Tx, decision_id: UUID) -> None:
    """Suspend what whom it burdens was not told of in time."""
    case, decision = await decisions.hold(tx, decision_id)
    if not DECISION.can(decision.status, Action.SUSPEND):
        return
    clock = rt.rules.clocks[URGENT_NOTICE]
    reached = await notices.reached_at(tx, decision_id, RELEASED, case.identity)  # after a parting that is another one
    if decision.urgent_ground is None:
        if reached is not None or not await _came_back(tx, rt, case, decision):
            return
        why = "The mail of the notice on which it was released came back, and nothing else reached whom it burdens."
    else:
        told = [each for each in await notices.about(tx, decision_id, RELEASED) if each.identity == case.identity]
        since = min((each.issued_at for each in told), default=decision.released_at)
        if reached is not None and reached <= rt.rules.due(URGENT_NOTICE, since or reached).due_at:
            return
        why = "The notice of an urgent decision was not delivered in time."
    says = Statement(legal_basis=(clock.source,), reasons=why, public_reasons=why)
    await deciding.suspend(tx, rt, case, decision, repeats.NOTICE_LATE, case.authority, says)


async def _came_back(tx: Tx, rt: Runtime, case: Case, decision: Decision) -> bool:
    """Whether the notice of what was intended reached nobody, and the time to tell them otherwise is over: as long as
    an urgent measure has, from when its mail came back. It begins here, and the authority hears until when.
    """
    came_back = await returned.came_back_at(tx, decision.id, _NOTICES)
    if came_back is None or await notices.reached_at(tx, decision.id, INTENDED, case.identity) is not None:
        return False
    at, until = rt.clock.now(), rt.rules.due(URGENT_NOTICE, came_back).due_at
    if at >= until:
        return True
    await deadlines.met(tx, URGENT_NOTICE, decision.id, at)
    await deadlines.start_until(tx, kind=URGENT_NOTICE, aggregate_id=decision.id, until=until, rt=rt, at=at)
    said = (
        "The mail of the notice on which it was released came back. The decision is suspended unless one of its"
        f" notices is opened, or two persons have proved that a letter arrived, by {until.isoformat()}."
    )
    await notices.issue(
        tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.id), kind="notice_came_back",
        to=Department(identity=case.authority.id, name=case.authority.names.zh), address=AddressForService(),
        authority=case.authority, title=_UNTOLD, answer_by=until,
        says=Statement(legal_basis=(rt.rules.clocks[URGENT_NOTICE].source,), reasons=said, public_reasons=said),
    )  # fmt: skip
    return False
