"""Who somebody is by now: what is known under an identity that goes on under another one leads there."""

from collections.abc import Collection
from uuid import UUID

from registry.errors import OperatorMerged
from registry.store import mergers, operators
from registry.store.operators import Operator
from shared.runtime.base.problems import TryAgain
from shared.runtime.db.postgres import Tx


async def require_unmerged(tx: Tx, operator_id: UUID) -> None:
    """Nothing is asked for by an operator that goes on under another entry. Raises OperatorMerged."""
    survivor = await mergers.survivor_of(tx, operator_id)
    if survivor is not None:
        raise OperatorMerged(survivor_id=str(survivor))


async def hold(tx: Tx, operator_id: UUID) -> Operator:
    """An operator, or the one that it goes on under, held. Raises UnknownOperator, TryAgain."""
    meant = await mergers.survivor_of(tx, operator_id) or operator_id
    held = await operators.hold(tx, meant)
    if (await mergers.survivor_of(tx, operator_id) or operator_id) != meant:
        raise TryAgain(retry_after=1)  # it was merged, or a merger was undone, at this very moment
    return held


async def hold_many(tx: Tx, identities: Collection[str]) -> dict[str, Operator]:
    """By identity as given, the operators that are known, or those that they go on under; held. Raises TryAgain."""
    known = await mergers.aliases(tx, identities)
    held = await operators.hold_many(tx, {known.get(identity, identity) for identity in identities})
    if await mergers.aliases(tx, identities) != known:
        raise TryAgain(retry_after=1)
    return {each: held[known.get(each, each)] for each in identities if known.get(each, each) in held}


async def is_same(tx: Tx, identity: str, operator: Operator) -> bool:
    """Whether an identity is this operator's, or goes on under it."""
    return identity == operator.identity or (await mergers.aliases(tx, [identity])).get(identity) == operator.identity
