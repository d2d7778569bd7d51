"""What the register keeps of other departments' facts: approvals and providers."""

from registry.service import sites
from registry.store import register as store
from shared.contracts.access import ProviderRegisteredV1
from shared.contracts.approval import ApprovalEndedV1, ApprovalFact
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller, EventMeta
from shared.runtime.db.postgres import Tx

SYSTEM = Caller.system("registry")


async def keep_approval(rt: Runtime, tx: Tx, fact: ApprovalFact, meta: EventMeta) -> None:
    """Keep an approval as it is now; an older version than the one kept changes nothing."""
    await _keep(tx, fact)


async def end_approval(rt: Runtime, tx: Tx, fact: ApprovalEndedV1, meta: EventMeta) -> None:
    """An approval was ended: strike its item off the operator's site (P3.2.4), unless another one covers it."""
    operator, domain, item = fact.approval.operator.identity, fact.approval.domain, fact.approval.service_item
    if not await _keep(tx, fact) or await tx.fetchval(store.COVERED, operator, item, domain):
        return
    for row in await tx.fetch(store.SITES_WITH_ITEM, operator, domain, item):
        await sites.remove_item(rt, tx, SYSTEM, row["id"], item, fact.grounds.reasons)


async def _keep(tx: Tx, fact: ApprovalFact) -> bool:
    """Keep an approval; False if a later version of it is kept already."""
    approval = fact.approval
    kept = await tx.fetchval(
        store.UPSERT_APPROVAL, approval.approval_id, approval.version, approval.operator.identity,
        approval.service_item, approval.domain, approval.region, approval.live, approval.number,
    )  # fmt: skip
    return kept is not None


async def keep_provider(rt: Runtime, tx: Tx, fact: ProviderRegisteredV1, meta: EventMeta) -> None:
    """Remember a provider that may host registered sites."""
    await tx.execute(store.UPSERT_PROVIDER, fact.provider_id, fact.name, fact.licence_number, fact.kind, fact.region)
