"""Operators: entered, reached."""

from uuid import UUID

from fastapi import APIRouter, Response

from registry import views
from registry.service import operators
from registry.store.operators import Operator
from shared.contracts.http import registry as wire
from shared.runtime.web.door import Rt, Who, etag, router

ROUTER: APIRouter = router()
STREAMS: APIRouter = router(idempotent=False)


@ROUTER.post("/operators", status_code=201, tags=["operators"])
async def enter_operator(rt: Rt, who: Who, body: wire.NewOperator, response: Response) -> wire.OperatorView:
    """Enter an operator under its document of identity. A person's number is kept as a keyed hash only."""
    async with rt.db.transaction() as tx:
        return _operator(response, await operators.enter(tx, rt, who, body), with_address=True)


@ROUTER.get("/operators/{operator_id}", tags=["operators"])
async def read_operator(rt: Rt, who: Who, operator_id: UUID, response: Response) -> wire.OperatorView:
    """One operator; its ETag is needed to amend it."""
    async with rt.db.transaction() as tx:
        operator, with_address = await operators.get(tx, rt, who, operator_id)
    return _operator(response, operator, with_address=with_address)


@ROUTER.post("/operators/{operator_id}/legacy-code-confirmation", tags=["operators"])
async def confirm_legacy_code(rt: Rt, who: Who, operator_id: UUID, response: Response) -> wire.OperatorView:
    """A second officer vouches for a credit code issued before 2016 whose check digit fails."""
    async with rt.db.transaction() as tx:
        return _operator(response, await operators.confirm_legacy(tx, rt, who, operator_id), with_address=True)


@ROUTER.post("/operators/{operator_id}/address-for-service", tags=["operators"])
async def set_address(
    rt: Rt, who: Who, operator_id: UUID, body: wire.NewAddress, response: Response
) -> wire.OperatorView:
    """Say where notices go besides the inbox; a code is sent to a new e-mail address."""
    async with rt.db.transaction() as tx:
        return _operator(response, await operators.set_address(tx, rt, who, operator_id, body), with_address=True)


@STREAMS.post("/operators/{operator_id}/address-verification", tags=["operators"])
async def verify_address(
    rt: Rt, who: Who, operator_id: UUID, body: wire.VerificationCode, response: Response
) -> wire.OperatorView:
    """Send back the code: what is mailed there counts as delivered from now on. After five tries a new code is needed.

    The try is counted before the code is looked at, and stays counted whatever becomes of the request.
    """
    async with rt.db.transaction() as tx:
        tried = await operators.take_try(tx, who, operator_id)
    async with rt.db.transaction() as tx:
        verified = await operators.verify_address(tx, rt, who, operator_id, body, tried)
    return _operator(response, verified, with_address=True)


def _operator(response: Response, operator: Operator, *, with_address: bool) -> wire.OperatorView:
    etag(response, operator.version)
    return views.of_operator(operator, with_address=with_address)
