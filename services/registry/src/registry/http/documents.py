"""The signed document of a licence: to whoever may read the licence, and to whoever holds it."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from registry.service import documents as verbs
from shared.contracts.http.documents import DocumentView
from shared.rules import Role
from shared.runtime.web import documents
from shared.runtime.web.door import Rt, Who, router

ROUTER: Final[APIRouter] = router()
PUBLIC: Final = documents.router_of(frozenset({Role.INDUSTRY_REGULATOR}), verbs.standing)


@ROUTER.get("/registrations/{registration_id}/document", tags=["documents"])
async def document(rt: Rt, who: Who, registration_id: UUID) -> DocumentView:
    """The newest edition of the signed document of a licence, and whether the licence is still in force."""
    async with rt.db.transaction() as tx:
        issued = await verbs.latest(tx, rt, who, registration_id)
        return await documents.view_of(tx, rt, issued, verbs.standing)


@ROUTER.get("/registrations/{registration_id}/document.pdf", response_class=Response, tags=["documents"])
async def document_page(rt: Rt, who: Who, registration_id: UUID) -> Response:
    """The same as a page (A4, PDF); its QR code leads to `status_at`. The JSON is the original."""
    async with rt.db.transaction() as tx:
        issued = await verbs.latest(tx, rt, who, registration_id)
    return await documents.page_of(issued)
