"""An authority that is not competent forwards an application to the one that is (P3.1.1)."""

from typing import Final
from uuid import UUID

from approval.errors import TransferredBefore, TransferredTooOften, UnknownProvince
from approval.lifecycle import APPROVAL, Action
from approval.service.act import act, held
from approval.store import Approval, Transferred
from shared.contracts.http.approval import Transfer
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

MOST: Final = 2
"""Transfers of one application: then whoever has it decides, if only that it cannot."""


async def transfer(tx: Tx, rt: Runtime, who: Caller, approval_id: UUID, body: Transfer) -> Approval:
    """Forward an application to the competent authority, which the directory must know as such; its operator is told.

    The clock goes on: that the first authority was the wrong one costs the applicant no day (ALL §32). It comes to no
    authority twice. Raises UnknownApproval (404), Forbidden (403), ActionRefused, AuthorityMissing, TransferredBefore,
    TransferredTooOften (409), UnknownProvince (422).
    """
    approval, at = await held(tx, who, Action.TRANSFER, approval_id), rt.clock.now()
    APPROVAL.after(approval.status, Action.TRANSFER)
    if body.region is not None and body.region not in rt.rules.provinces:
        raise UnknownProvince.field("region", f"{body.region} is no province by GB/T 2260")
    by = rt.directory.authority_ref(who.organisation)
    to = rt.directory.competent(approval.service_item, body.level, body.region)
    had = {(approval.level, approval.region), *((each.by.level, each.by.region) for each in approval.transfers)}
    if (to.level, to.region) in had:
        raise TransferredBefore(organisation=to.names.en)
    if len(approval.transfers) >= MOST:
        raise TransferredTooOften(most=MOST)
    new = Transferred(by, to, body.reasons, at)
    return await act(
        tx, rt, who, approval, Action.TRANSFER, by=by, says=body, at=at, level=to.level, region=to.region,
        transfers=[each.as_json for each in (*approval.transfers, new)],
    )  # fmt: skip
