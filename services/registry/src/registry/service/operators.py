"""Operators: who is responsible for sites."""

from uuid import UUID

from registry.bodies import NewOperator
from registry.errors import InvalidValues, OperatorExists, UnknownOperator
from registry.policy import POLICY, Act
from registry.store import register as store
from registry.store.register import Operator
from shared.rules.identifiers import InvalidIdentifier, check_uscc
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7


async def register_operator(rt: Runtime, who: Caller, body: NewOperator) -> Operator:
    """Enter an operator. Raises InvalidValues (bad check digit, unknown region), OperatorExists."""
    try:
        uscc = check_uscc(body.uscc)
    except InvalidIdentifier as error:
        raise InvalidValues.field("uscc", error.message) from error
    if body.region not in rt.rules.provinces:
        raise InvalidValues.field("region", f"{body.region} is no province of the rule profile")
    operator = Operator(uuid7(), uscc, body.name, body.kind, body.region)
    POLICY.require(who, Act.REGISTER_OPERATOR, operator)
    now = rt.clock.now()
    async with rt.db.transaction() as tx:
        added = await tx.fetchval(
            store.INSERT_OPERATOR, operator.id, uscc, operator.name, operator.kind, operator.region, now
        )
        if added is None:
            raise OperatorExists(uscc=uscc, operator_id=str(await tx.fetchval(store.OPERATOR_OF, uscc)))
        await audit.record(
            tx, who=who, act="register_operator", resource=f"operator/{operator.id}", outcome="granted", at=now
        )
    return operator


async def operator(rt: Runtime, who: Caller, operator_id: UUID) -> Operator:
    """One operator. Raises UnknownOperator."""
    async with rt.db.connection() as tx:
        row = await tx.fetchrow(store.GET_OPERATOR, operator_id)
    if row is None:
        raise UnknownOperator(operator_id=operator_id)
    found = store.operator_of(row)
    POLICY.require(who, Act.READ, found)
    return found
