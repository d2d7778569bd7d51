"""Instructions on a supervisor's desk: two of its people issue the order to their network, or it objects (P3.4)."""

from uuid import UUID

from access_control import told
from access_control.lifecycle import INSTRUCTION
from access_control.policy import POLICY, Act
from access_control.service.sending import INSTRUCTED, SYSTEM, issue, take_back, tell
from access_control.store import executions, orders
from access_control.store import instructions as store
from access_control.store.instructions import Instruction
from access_control.store.orders import AccessOrder, Answer
from shared.contracts.http.access import InstructionAction, InstructionAnswer, InstructionStatus
from shared.runtime.acts import audit, deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery

RECEIPT = "Received by one person of the supervisor."
ISSUE = "Two people of the supervisor issue it to their network."
LATE = "The supervisor did not issue the order in time."


async def get(tx: Tx, rt: Runtime, who: Caller, instruction_id: UUID) -> Instruction:
    """One instruction; the look leaves an audit row. Raises UnknownInstruction (404), Forbidden (403)."""
    found = await store.get(tx, instruction_id)
    POLICY.require(who, Act.SEE_INSTRUCTION, found)
    await _looked(tx, rt, who, f"/instructions/{instruction_id}")
    return found


async def page(
    tx: Tx, rt: Runtime, who: Caller, query: PageQuery, *, status: InstructionStatus | None
) -> list[Instruction]:
    """Instructions the caller reaches, newest first; the look leaves an audit row."""
    found = await store.page(tx, POLICY.reach(who, Act.SEE_INSTRUCTION), query, status=status)
    await _looked(tx, rt, who, "/instructions")
    return found


async def acknowledge(tx: Tx, rt: Runtime, who: Caller, instruction_id: UUID) -> Instruction:
    """One person of the supervisor signs for it. Raises ActionRefused (409)."""
    at, (instruction, _) = rt.clock.now(), await _held(tx, instruction_id)
    POLICY.require(who, Act.ACKNOWLEDGE, instruction)
    return await store.MOVES.move(
        tx, instruction, InstructionAction.ACKNOWLEDGE, who=who, why=RECEIPT, at=at, acknowledged_by=who.person,
        acknowledged_at=at,
    )  # fmt: skip


async def issue_order(tx: Tx, rt: Runtime, who: Caller, instruction_id: UUID) -> Instruction:
    """A second person of the supervisor issues the order, with the supervisor's key.

    Raises UnknownInstruction (404), Forbidden (403); SecondPersonRequired, ActionRefused (409).
    """
    at, (instruction, order) = rt.clock.now(), await _held(tx, instruction_id)
    POLICY.require(who, Act.ISSUE, instruction, drafted_by=instruction.acknowledged_by or "")
    issued = await store.MOVES.move(
        tx, instruction, InstructionAction.ISSUE, who=who, why=ISSUE, at=at, issued_by=who.person
    )
    await deadlines.met(tx, INSTRUCTED, instruction_id, at)
    await issue(tx, rt, order, who=who, why=ISSUE)
    return issued


async def object_to(tx: Tx, rt: Runtime, who: Caller, instruction_id: UUID, *, reasons: str) -> Instruction:
    """Point at an error; the clock stands still until the regulator answers. Raises ActionRefused (409)."""
    at, (instruction, order) = rt.clock.now(), await _held(tx, instruction_id)
    POLICY.require(who, Act.OBJECT, instruction)
    objected = await store.MOVES.move(
        tx, instruction, InstructionAction.OBJECT, who=who, why=reasons, at=at, objection=reasons
    )
    await deadlines.pause(tx, INSTRUCTED, instruction_id, at, reasons)
    tell(tx, order, told.objected(order, reasons, at), at)
    return objected


async def answer(tx: Tx, rt: Runtime, who: Caller, instruction_id: UUID, body: InstructionAnswer) -> Instruction:
    """The regulator takes the instruction back, or lets it stand and the clock goes on. Raises ActionRefused (409)."""
    at, (instruction, order) = rt.clock.now(), await _held(tx, instruction_id)
    POLICY.require(who, Act.ANSWER_OBJECTION, instruction)
    move = InstructionAction.UPHOLD if body.answer == "upheld" else InstructionAction.REJECT
    INSTRUCTION.after(instruction.status, move)
    said = Answer(answer=body.answer, reasons=body.reasons, at=at).model_dump(mode="json")
    if move is InstructionAction.UPHOLD:
        answered = await store.MOVES.move(tx, instruction, move, who=who, why=body.reasons, at=at, answer=said)
        tell(tx, order, told.answered(order, body.answer, body.reasons, at), at)
        await take_back(tx, rt, order, who=who, why=body.reasons)
        return answered
    due = await deadlines.resume(tx, INSTRUCTED, instruction_id, at, rt=rt)
    answered = await store.MOVES.move(
        tx, instruction, move, who=who, why=body.reasons, at=at, answer=said, acknowledged_by=None,
        acknowledged_at=None, issue_by=due.due_at if due is not None else instruction.issue_by,
    )  # fmt: skip
    tell(tx, order, told.answered(order, body.answer, body.reasons, at), at)
    return answered


async def mark_overdue(rt: Runtime, tx: Tx, instruction_id: UUID) -> None:
    """The supervisor's delay passed: it goes back up to the regulator, whose measure it is."""
    at, (instruction, order) = rt.clock.now(), await _held(tx, instruction_id)
    if instruction.overdue or not INSTRUCTION.can(instruction.status, InstructionAction.OBJECT):
        return
    await store.MOVES.change(tx, instruction, "overdue", who=SYSTEM, why=LATE, at=at, overdue=True)
    tell(tx, order, told.overdue(order, instruction.issue_by, at, escalated=True), at)


async def _held(tx: Tx, instruction_id: UUID) -> tuple[Instruction, AccessOrder]:
    found = await store.get(tx, instruction_id)
    await executions.hold(tx, found.execution_id)
    order = await orders.hold(tx, found.order_id)
    return await store.hold(tx, instruction_id), order


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    await audit.record(tx, who=who, act=Act.SEE_INSTRUCTION, resource=resource, outcome="granted", at=rt.clock.now())
