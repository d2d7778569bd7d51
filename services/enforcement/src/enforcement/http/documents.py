"""The signed document of a decision, and the standard texts that decisions are drafted from."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from enforcement.service import documents as verbs
from enforcement.service import referrals, texts
from shared.contracts.http.decisions import StandardTexts
from shared.contracts.http.documents import DocumentView
from shared.rules import Role
from shared.runtime.acts.documents import Issued
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx
from shared.runtime.web import documents
from shared.runtime.web.door import PUBLIC as WITHOUT_A_TOKEN
from shared.runtime.web.door import Rt, Who, router

ROUTER: Final[APIRouter] = router(tags=["decisions"])


async def _standing(tx: Tx, rt: Runtime, issued: Issued) -> documents.Standing:
    of_its_kind = referrals.standing if issued.kind == referrals.DOCUMENT else verbs.standing
    return await of_its_kind(tx, rt, issued)


PUBLIC: Final = documents.router_of(frozenset({Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR}), _standing)


@ROUTER.get("/decision-texts", openapi_extra=WITHOUT_A_TOKEN)
async def standard_texts(rt: Rt) -> StandardTexts:
    """The standard texts of decisions, in both languages, with their fields. Anybody may read what the law says."""
    return texts.catalogue(rt)


@ROUTER.get("/decisions/{decision_id}/document")
async def decision_document(rt: Rt, who: Who, decision_id: UUID) -> DocumentView:
    """The signed document of a released decision, and whether it still stands. What was redacted stays so."""
    async with rt.db.transaction() as tx:
        issued = await verbs.of_decision(tx, rt, who, decision_id)
        return await documents.view_of(tx, rt, issued, verbs.standing)


@ROUTER.get("/decisions/{decision_id}/document.pdf", response_class=Response)
async def decision_page(rt: Rt, who: Who, decision_id: UUID) -> Response:
    """The same as a page (A4, PDF); its QR code leads to `status_at`. The JSON is the original."""
    async with rt.db.transaction() as tx:
        issued = await verbs.of_decision(tx, rt, who, decision_id)
    return await documents.page_of(issued)
