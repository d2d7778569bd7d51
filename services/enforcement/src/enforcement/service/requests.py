"""An authority asks the regulator of its level and region for what only a decision or its execution does (P3.2.2-3).

Nothing is burdened by a request: accepted, it is a case of the regulator, in which whatever follows is drafted, told,
released and executed like anything else; or it reminds of a decision whose execution lies on that desk.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from enforcement.errors import NotThatDesk, NotToBeAsked, RequestPending
from enforcement.lifecycle import CASE, CaseAction, RequestAction, RequestStatus, Status
from enforcement.policy import POLICY, Act
from enforcement.service.closing import REQUEST
from enforcement.service.decisions import EXECUTED, SYSTEM
from enforcement.service.safeguards import require_cited
from enforcement.store import cases, decisions, requests, ties
from enforcement.store.cases import Case
from enforcement.store.requests import NewRequest, Request
from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, Department, Names, Service, Statement
from shared.contracts.http.enforcement import Stated
from shared.contracts.http.registry import ClockView
from shared.contracts.http.requests import Ask, Forward
from shared.rules import Level, Role
from shared.runtime.acts import audit, deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

CLOCK: Final = REQUEST
"""Kind of the deadline and name of its clock in the rule profile."""
_ASKED: Final = Names(zh="专项内容主管部门函", en="An authority asks you for a decision")
_ANSWERED: Final = Names(zh="互联网行业主管部门复函", en="The regulator answered your request")
_FORWARDED: Final = Names(zh="函件转办告知书", en="Your request went to another desk")
_LATE: Final = Names(zh="函件逾期未复告知书", en="A request was not answered in time")


async def ask(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: Ask) -> Request:
    """Ask the regulator of the same level and region; its clock starts, and the case comes to it with the documents.

    Raises UnknownCase (404); Forbidden (403); ActionRefused, RequestPending (409); EvidenceNotInCase, NotToBeAsked
    (422).
    """
    at, case = rt.clock.now(), await cases.hold(tx, case_id)
    POLICY.require(who, Act.ASK_REGULATOR, case)
    CASE.after(case.status, CaseAction.DRAFT)
    await require_cited(tx, case, body.documents)
    await _require_askable(tx, rt, case, body)
    desk = rt.directory.regulator_of(rt.directory.authority_ref(case.authority.id))
    asked = await requests.add(tx, NewRequest(
        uuid7(), case_id, body.decision_id, body.asks, body.statement, tuple(sorted(set(body.documents))),
        case.authority, desk, who.person, at,
    ))  # fmt: skip
    if asked is None:
        raise RequestPending(request_id=str(await requests.open_of(tx, case_id)))
    requests.MOVES.began(tx, asked, "ask", who=who, why=body.statement.reasons, at=at)
    await cases.take_part(tx, case_id, desk.id)
    await deadlines.start(tx, kind=CLOCK, aggregate_id=asked.id, clock_name=CLOCK, rt=rt, at=at)
    await _tell(tx, rt, asked, "regulator_asked", _ASKED, body.statement, asked.authority, desk)
    return asked


async def _require_askable(tx: Tx, rt: Runtime, case: Case, body: Ask) -> None:
    """It is the regulator's to decide about this subject; what must come before was ignored. Raises NotToBeAsked."""
    rule = next((rule for effect, rule in rt.rules.effects.items() if effect == body.asks), None)
    if rule is None or rule.code not in EXECUTED:
        raise NotToBeAsked.field("asks", "must be what a decision does and its regulator carries out")
    if case.subject.kind not in rule.subjects:
        raise NotToBeAsked.field("asks", f"{rule.code} cannot be decided about a {case.subject.kind}")
    named = None
    if body.decision_id is not None:
        chain = [case.id, *(each.from_case for each in await ties.came(tx, case.id))]
        own = {each.id: each for each in await decisions.of_cases(tx, chain)}
        named = own.get(body.decision_id)
        if named is None:
            raise NotToBeAsked.field("decision_id", "names no decision of this case, nor of one that it goes on from")
    if named is not None and named.effect is rule.code:
        if named.status is not Status.RELEASED:
            raise NotToBeAsked.field("decision_id", "waits for no execution")
        return
    if Role.INDUSTRY_REGULATOR not in rule.roles:
        raise NotToBeAsked.field("asks", f"{rule.code} is not the regulator's to decide")
    ignored = named is not None and named.status is Status.IGNORED and named.effect in rule.after
    if (rule.after or named is not None) and not ignored:
        raise NotToBeAsked.field("decision_id", f"{rule.code} comes only after an order that was ignored: name it")


async def get(tx: Tx, rt: Runtime, who: Caller, request_id: UUID) -> Request:
    """One request; looking leaves an audit row. Raises UnknownRequest (404), Forbidden (403)."""
    found = await requests.get(tx, request_id)
    POLICY.require(who, Act.READ_REQUEST, found)
    await _looked(tx, rt, who, f"/regulator-requests/{request_id}")
    return found


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: RequestStatus | None, after: UUID | None, limit: int
) -> list[Request]:
    """Requests that the caller's organisation made, or has or had, newest first; looking leaves an audit row."""
    found = await requests.page(tx, POLICY.reach(who, Act.READ_REQUEST), status=status, after=after, limit=limit)
    await _looked(tx, rt, who, "/regulator-requests")
    return found


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    await audit.record(tx, who=who, act=Act.READ_REQUEST, resource=resource, outcome="granted", at=rt.clock.now())


async def clocks(tx: Tx, found: Sequence[Request]) -> dict[UUID, ClockView]:
    """Until when each must be answered by the regulator."""
    return await deadlines.clocks_of(tx, CLOCK, {each.id: each.overdue_at for each in found})


async def _held(tx: Tx, who: Caller, request_id: UUID) -> tuple[Case, Request]:
    """A request as whoever has it acts on it, its case held."""
    known = await requests.get(tx, request_id)
    POLICY.require(who, Act.ANSWER_REQUEST, known, drafted_by=known.asked_by)
    case = await cases.hold(tx, known.case_id)
    found = await requests.get(tx, request_id)
    POLICY.require(who, Act.ANSWER_REQUEST, found, drafted_by=found.asked_by)
    return case, found


async def accept(tx: Tx, rt: Runtime, who: Caller, request_id: UUID, body: Stated) -> Request:
    """A case of the regulator of that level and region, with the documents; nobody is burdened by that (ADR 13).

    For a decision that waits to be carried out no case is opened: its execution lies there. Raises UnknownRequest
    (404); Forbidden (403); SecondPersonRequired, ActionRefused (409).
    """
    at = rt.clock.now()
    case, request = await _held(tx, who, request_id)
    requests.MOVES.lifecycle.after(request.status, RequestAction.ACCEPT)
    CASE.after(case.status, CaseAction.DRAFT)
    leads_to = None if await _waits_for_execution(tx, request) else await _open_case(tx, rt, who, case, request, body)
    accepted = await requests.MOVES.move(
        tx, request, RequestAction.ACCEPT, who=who, why=body.statement.reasons, at=at, leads_to=leads_to,
        answer=body.statement.model_dump(mode="json"), answered_by=who.person, answered_at=at,
    )  # fmt: skip
    return await _answered(tx, rt, who, accepted, body.statement)


async def _waits_for_execution(tx: Tx, request: Request) -> bool:
    if request.decision_id is None:
        return False
    _, named = await decisions.get(tx, request.decision_id)
    return named.effect == request.asks


async def _open_case(tx: Tx, rt: Runtime, who: Caller, asking: Case, request: Request, body: Stated) -> UUID:
    at, regulator = rt.clock.now(), rt.directory.regulator(asking.level, asking.region)
    fields = {name: getattr(asking, name) for name in cases.NewCase.__dataclass_fields__}
    new = cases.NewCase(**{
        **fields, "id": uuid7(), "authority": regulator, "opened_by": who.person, "opened_at": at,
        "legal_basis": body.statement.legal_basis,
    })  # fmt: skip
    opened = await cases.add(tx, new)
    cases.MOVES.began(tx, opened, "open", who=who, why=body.statement.reasons, at=at)
    for piece in await cases.evidence_of(tx, asking.id):
        if piece.sha256 in request.documents:
            await cases.attach(tx, opened.id, replace(piece, added_at=at))
    return opened.id


async def decline(tx: Tx, rt: Runtime, who: Caller, request_id: UUID, body: Stated) -> Request:
    """No, with reasons. Raises as ``accept``."""
    at = rt.clock.now()
    _, request = await _held(tx, who, request_id)
    declined = await requests.MOVES.move(
        tx, request, RequestAction.DECLINE, who=who, why=body.statement.reasons, at=at,
        answer=body.statement.model_dump(mode="json"), answered_by=who.person, answered_at=at,
    )  # fmt: skip
    return await _answered(tx, rt, who, declined, body.statement)


async def _answered(tx: Tx, rt: Runtime, who: Caller, request: Request, says: Statement) -> Request:
    await deadlines.met(tx, CLOCK, request.id, rt.clock.now())
    answering = rt.directory.authority_ref(who.organisation)
    await _tell(tx, rt, request, f"request_{request.status}", _ANSWERED, says, answering, request.authority)
    return request


async def forward(tx: Tx, rt: Runtime, who: Caller, request_id: UUID, body: Forward) -> Request:
    """To the right desk, with reasons; never back, and the clock goes on. Raises as ``accept``; NotThatDesk (422)."""
    at = rt.clock.now()
    _, request = await _held(tx, who, request_id)
    requests.MOVES.lifecycle.after(request.status, RequestAction.FORWARD)
    known = rt.directory.get(body.to)
    if known is None or not known.active or Role.INDUSTRY_REGULATOR not in known.kinds:
        raise NotThatDesk.field("to", "must be an industry regulator of the directory")
    if body.to in request.desks:
        raise NotThatDesk.field("to", "has it, or had it before")
    step = {"from": request.desk.id, "to": body.to, "at": at.isoformat(), "reasons": body.reasons}
    forwarded = await requests.MOVES.move(
        tx, request, RequestAction.FORWARD, who=who, why=body.reasons, at=at, desk=known.ref.model_dump(),
        desk_id=body.to, desks=[*request.desks, body.to], forwards=[*request.forwards, step],
    )  # fmt: skip
    await cases.take_part(tx, request.case_id, body.to)
    says = Statement(legal_basis=request.statement.legal_basis, reasons=body.reasons, public_reasons=body.reasons)
    by = rt.directory.authority_ref(who.organisation)
    await _tell(tx, rt, forwarded, "request_forwarded", _FORWARDED, says, by, request.authority, known.ref)
    return forwarded


async def withdraw(tx: Tx, rt: Runtime, who: Caller, request_id: UUID, *, reasons: str) -> Request:
    """Whoever asked lets it be. Raises UnknownRequest (404), Forbidden (403), ActionRefused (409)."""
    known = await requests.get(tx, request_id)
    POLICY.require(who, Act.WITHDRAW_REQUEST, known)
    await cases.hold(tx, known.case_id)
    withdrawn = await requests.MOVES.move(
        tx, await requests.get(tx, request_id), RequestAction.WITHDRAW, who=who, why=reasons, at=rt.clock.now()
    )
    await deadlines.met(tx, CLOCK, request_id, rt.clock.now())
    return withdrawn


async def escalate(rt: Runtime, tx: Tx, request_id: UUID) -> None:
    """The regulator's clock ran out: that is shown, and the national regulator can answer as well."""
    known = await requests.get(tx, request_id)
    await cases.hold(tx, known.case_id)
    request = await requests.get(tx, request_id)
    if request.status is not RequestStatus.OPEN or request.overdue_at is not None:
        return
    at, national = rt.clock.now(), rt.directory.regulator(Level.NATIONAL)
    why = "The regulator did not answer in time."
    desks = sorted({*request.desks, national.id})
    late = await requests.MOVES.change(
        tx, request, "mark_overdue", who=SYSTEM, why=why, at=at, overdue_at=at, escalated_to=national.id, desks=desks
    )
    await cases.take_part(tx, request.case_id, national.id)
    says = Statement(legal_basis=(rt.rules.clocks[CLOCK].source,), reasons=why, public_reasons=why)
    await _tell(tx, rt, late, "request_late", _LATE, says, national, request.desk, national, request.authority)


async def _tell(
    tx: Tx, rt: Runtime, request: Request, kind: str, title: Names, says: Statement, authority: AuthorityRef,
    *to: AuthorityRef,
) -> None:  # fmt: skip
    """A notice between departments, in their inboxes."""
    act = ActRef(service=Service.ENFORCEMENT, kind="regulator_request", id=request.id)
    for each in to:
        await notices.issue(
            tx, rt, about=act, kind=kind, to=Department(identity=each.id, name=each.names.zh),
            address=AddressForService(), authority=authority, title=title, says=says,
        )  # fmt: skip
