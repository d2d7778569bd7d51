"""What the register keeps of other departments' facts: approvals and providers."""

from registry.service import sites
from registry.store import register as store
from shared.contracts.access import ProviderRegisteredV1
from shared.contracts.approval import (
    ApprovalCancelledV1,
    ApprovalGrantedV1,
    ApprovalNotRequiredV1,
    ApprovalRefusedV1,
)
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller, EventMeta
from shared.runtime.db.postgres import Tx

SYSTEM = Caller.system("registry")
AnyApproval = ApprovalGrantedV1 | ApprovalNotRequiredV1 | ApprovalRefusedV1 | ApprovalCancelledV1
STATUS = {
    ApprovalGrantedV1: "granted",
    ApprovalNotRequiredV1: "not_required",
    ApprovalRefusedV1: "refused",
    ApprovalCancelledV1: "cancelled",
}


async def keep_approval(rt: Runtime, tx: Tx, fact: AnyApproval, meta: EventMeta) -> None:
    """Remember what an authority decided; a cancelled approval stays cancelled whatever comes later."""
    number = getattr(fact, "number", None)
    valid_until = getattr(fact, "valid_until", None)
    await tx.execute(
        store.UPSERT_APPROVAL, fact.application_id, fact.operator_uscc, fact.service_item, fact.domain,
        STATUS[type(fact)], number, valid_until,
    )  # fmt: skip


async def cancel_approval(rt: Runtime, tx: Tx, fact: ApprovalCancelledV1, meta: EventMeta) -> None:
    """An approval was cancelled: strike the service item off the operator's site (P3.2.4)."""
    await keep_approval(rt, tx, fact, meta)
    for row in await tx.fetch(store.SITES_WITH_ITEM, fact.operator_uscc, fact.domain, fact.service_item):
        await sites.remove_item(rt, tx, SYSTEM, row["id"], fact.service_item, fact.reasons)


async def keep_provider(rt: Runtime, tx: Tx, fact: ProviderRegisteredV1, meta: EventMeta) -> None:
    """Remember a provider that may host registered sites."""
    await tx.execute(store.UPSERT_PROVIDER, fact.provider_id, fact.name, fact.licence_number, fact.kind, fact.region)
