"""The signed document of an approval: to whoever may read the approval, and to whoever holds it."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from approval.service import issue, read
from shared.contracts.http.documents import DocumentView
from shared.rules import Role
from shared.runtime.web import documents
from shared.runtime.web.door import Rt, Who, router

ROUTER: Final[APIRouter] = router(prefix="/approvals", tags=["documents"])
PUBLIC: Final = documents.router_of(frozenset({Role.SECTOR_REGULATOR}), issue.standing)


@ROUTER.get("/{approval_id}/document")
async def document(rt: Rt, who: Who, approval_id: UUID) -> DocumentView:
    """The newest edition of the signed document, and whether the approval is still in force.

    One that lapsed or ended is shown as well: its signature holds, and the answer says since when it is no longer in
    force. 404 `approval_has_no_document`: nothing was granted.
    """
    async with rt.db.transaction() as tx:
        issued = await read.document(tx, rt, who, approval_id)
        return await documents.view_of(tx, rt, issued, issue.standing)


@ROUTER.get("/{approval_id}/document.pdf", response_class=Response)
async def document_page(rt: Rt, who: Who, approval_id: UUID) -> Response:
    """The same as a page (A4, PDF); its QR code leads to `status_at`. The JSON is the original."""
    async with rt.db.transaction() as tx:
        issued = await read.document(tx, rt, who, approval_id)
    return await documents.page_of(issued)
