"""What a provider signs about its orders."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter

from access_control.service import receipts
from shared.contracts.http import receipts as wire
from shared.runtime.web.door import Rt, Who, router

LARGEST_BATCH: Final = 64 * 1024 * 1024
"""Bytes: 1,000 receipts with long reasons fit."""
ROUTER: Final[APIRouter] = router(idempotent=False, tags=["providers' doors"])


@ROUTER.post("/providers/{provider_id}/receipts", max_body_size=LARGEST_BATCH)
async def sign_receipts(provider_id: UUID, body: wire.ReceiptBatch, who: Who, rt: Rt) -> wire.ReceiptResults:
    """Hand in up to 1,000 signed receipts; each gets a result, and one that is refused does not stop the others.

    Codes of refusals: `bad_signature`, `unknown_key`, `foreign_key`, `key_revoked`, `invalid` (with `fields`),
    `foreign_provider`, `unknown_order`, `foreign_order`, `sequence_mismatch`, `digest_mismatch`, `receipt_replayed`,
    `receipt_id_reused`, `already_executed`, `action_refused` (with `allowed_outcomes`). Every refusal is audited.
    """
    return wire.ReceiptResults(results=await receipts.record_posted(rt, who, provider_id, body.receipts))
