"""Whom the registry has on its barred list gets no new consent while it is on it (N4.5); what it has stays."""

from approval import store
from approval.errors import OperatorBarred
from shared.contracts.registry import BarRecordedV1
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def note(tx: Tx, fact: BarRecordedV1) -> None:
    """Take over what the list says of a bar; the latest word stays."""
    await store.note_bar(tx, fact.execution_id, fact.seq, fact.operator.identity, fact.until, listed=fact.listed)


async def require_none(tx: Tx, rt: Runtime, identity: str) -> None:
    """Raise OperatorBarred (409), which says until when and by which execution, if the operator is on the list."""
    found = await store.bar_of(tx, identity, rt.clock.now())
    if found is not None:
        execution_id, until = found
        raise OperatorBarred(until=until.astimezone(rt.rules.time_zone).date(), execution_id=str(execution_id))
