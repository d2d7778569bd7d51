"""Instructions to supervisors of public-interest networks (P3.4)."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query

from access_control import views
from access_control.service import instructions
from shared.contracts.http import access as wire
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["instructions"])


@ROUTER.get("/instructions")
async def list_instructions(
    who: Who, rt: Rt, paging: Paging, status: Annotated[wire.InstructionStatus | None, Query()] = None
) -> Page[wire.InstructionView]:
    """Instructions to supervisors of public-interest networks, newest first (P3.4)."""
    async with rt.db.transaction() as tx:
        found = await instructions.page(tx, rt, who, paging, status=status)
    return page_of(found, paging, lambda each: views.of_instruction(who, each), lambda each: each.id)


@ROUTER.get("/instructions/{instruction_id}")
async def get_instruction(instruction_id: UUID, who: Who, rt: Rt) -> wire.InstructionView:
    """An instruction (its supervisor; the regulator that gave it)."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(who, await instructions.get(tx, rt, who, instruction_id))


@ROUTER.post("/instructions/{instruction_id}/acknowledgement")
async def acknowledge(instruction_id: UUID, who: Who, rt: Rt) -> wire.InstructionView:
    """Sign for an instruction: the first of the supervisor's two people."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(who, await instructions.acknowledge(tx, rt, who, instruction_id))


@ROUTER.post("/instructions/{instruction_id}/issue")
async def issue_order(instruction_id: UUID, who: Who, rt: Rt) -> wire.InstructionView:
    """Issue the order to the network, with the supervisor's key: the second person."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(who, await instructions.issue_order(tx, rt, who, instruction_id))


@ROUTER.post("/instructions/{instruction_id}/objection")
async def object_to(instruction_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.InstructionView:
    """Point at an error instead; the clock stands still until the regulator answers."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(
            who, await instructions.object_to(tx, rt, who, instruction_id, reasons=body.reasons)
        )


@ROUTER.post("/instructions/{instruction_id}/answer")
async def answer_objection(
    instruction_id: UUID, body: wire.InstructionAnswer, who: Who, rt: Rt
) -> wire.InstructionView:
    """Answer a supervisor's objection (the regulator): `upheld` takes it back, `rejected` lets it stand."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(who, await instructions.answer(tx, rt, who, instruction_id, body))
