"""What a provider signs about its orders, and the proof that it was taken."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path

from access_control import views
from access_control.service import receipts
from shared.contracts.http import receipts as wire
from shared.runtime.web.door import Rt, Who, router

LARGEST_BATCH: Final = 2 * 1024 * 1024
"""Bytes: the longest document that is looked at, and room around it."""
ROUTER: Final[APIRouter] = router(idempotent=False, tags=["providers' doors"])

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the document, in lower case.")]


@ROUTER.post("/providers/{provider_id}/receipts", max_body_size=LARGEST_BATCH)
async def sign_receipts(provider_id: UUID, body: wire.SignedReceipts, who: Who, rt: Rt) -> wire.ReceiptAnswer:
    """Hand in up to 1,000 receipts in one signed document; each gets a result, and one that is refused stops no other.

    The answer is countersigned and stays the same: the same document again gets it again. 422 `batch_refused`: nothing
    of it was looked at, for `why`: `bad_signature`, `unknown_key`, `foreign_key`, `key_revoked`, `foreign_provider`,
    `invalid` (with `fields`). Codes of single receipts: `invalid` (with `fields`), `unknown_order`, `foreign_order`,
    `sequence_mismatch`, `digest_mismatch`, `receipt_id_reused`, `already_executed`, `action_refused` (with
    `allowed_outcomes`); `receipt_replayed` is recorded: it was on file. 429: too many of yours were refused lately.
    503 `issuer_has_no_key`: nobody here can countersign it now, and nothing was recorded; hand it in again.
    """
    return views.of_answer(await receipts.record_posted(rt, who, provider_id, body.jws))


@ROUTER.get("/providers/{provider_id}/receipts/{digest}")
async def read_receipts(provider_id: UUID, digest: Digest, who: Who, rt: Rt) -> wire.ReceiptBatchView:
    """A batch that was taken by either door, byte for byte, and its counter-receipt (the provider; its regulators).

    404 `unknown_batch`: it was not taken; hand it in again.
    """
    return views.of_batch(await receipts.get(rt, who, provider_id, digest))
