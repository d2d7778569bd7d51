"""An official who looks at somebody's record leaves an audit row; whoever looks at its own does not."""

from collections.abc import Mapping
from uuid import UUID

from registry.policy import Act
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx


async def at_one(tx: Tx, rt: Runtime, who: Caller, act: Act, resource: str, owner: str | None) -> None:
    """Somebody reads one record of ``owner``."""
    if who.organisation != owner:
        await audit.record(tx, who=who, act=act, resource=resource, outcome="granted", at=rt.clock.now())


async def at_list(tx: Tx, rt: Runtime, who: Caller, act: Act, resource: str, owners: Mapping[UUID, str | None]) -> None:
    """Somebody reads a list: the row names the records of others in it, by id."""
    seen = [str(record_id) for record_id, owner in owners.items() if owner != who.organisation]
    if seen:
        await audit.record(
            tx, who=who, act=act, resource=resource, outcome="granted", at=rt.clock.now(), detail={"ids": seen}
        )
