"""Prior approval: the operator asks, the authority decides."""

from collections.abc import AsyncIterator

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import Department, Id, Json
from shared.contracts.approval import ApprovalStatus
from shared.contracts.http.approval import (
    Application,
    ApprovalView,
    Grant,
    NotRequired,
    Refusal,
    Renewal,
    RenewalRequest,
    Resubmission,
    Return,
    Transfer,
)
from shared.contracts.http.authorities import CatalogueView
from shared.contracts.http.documents import DocumentView
from shared.contracts.http.paper import PaperConfirmation, PaperEntry, PaperView, PaperWithdrawal


class Approval(Department):
    """Applications and approvals."""

    service = "approval"

    async def apply(self, body: Application) -> ApprovalView:
        """Apply for approval of a service item."""
        return await self._post(ApprovalView, "/approvals", body)

    async def get(self, approval_id: Id) -> ApprovalView:
        """One approval, from the application on."""
        return await self._get(ApprovalView, at("approvals", approval_id))

    def approvals(self, *, status: ApprovalStatus | None = None) -> AsyncIterator[ApprovalView]:
        """Approvals the caller may see, newest first."""
        return self._pages(ApprovalView, "/approvals", status=status)

    async def hand_in(self, approval_id: Id, requirement: str, content: bytes, media_type: str) -> ApprovalView:
        """Hand in a file for a requirement of the item. The same bytes again are the same file."""
        path, headers = at("approvals", approval_id, "files"), {"Content-Type": media_type}
        params = {"requirement": requirement}
        answer = await self._concord.call(self.service, "POST", path, content=content, headers=headers, params=params)
        return model_of(answer, ApprovalView)

    async def file(self, approval_id: Id, sha256: str) -> bytes:
        """The bytes of what was handed in."""
        return (await self._concord.call(self.service, "GET", at("approvals", approval_id, "files", sha256))).content

    async def document(self, approval_id: Id) -> DocumentView:
        """The newest edition of the signed document, and whether the approval is still in force."""
        return await self._get(DocumentView, at("approvals", approval_id, "document"))

    async def document_page(self, approval_id: Id) -> bytes:
        """The same as a page, PDF."""
        return (await self._concord.call(self.service, "GET", at("approvals", approval_id, "document.pdf"))).content

    async def issued(self, document_id: Id) -> DocumentView:
        """A document one holds, and whether it still stands; no sign-in is needed."""
        return await self._get(DocumentView, at("documents", document_id))

    async def enter_paper(self, body: PaperEntry) -> PaperView:
        """Enter an approval that exists on paper; a second officer confirms it."""
        return await self._post(PaperView, "/paper-approvals", body)

    async def paper(self, paper_id: Id) -> PaperView:
        """One entry of a paper approval."""
        return await self._get(PaperView, at("paper-approvals", paper_id))

    def papers(self) -> AsyncIterator[PaperView]:
        """Entries of paper approvals on the caller's desk, newest first."""
        return self._pages(PaperView, "/paper-approvals")

    async def confirm_paper(self, paper_id: Id, body: PaperConfirmation) -> PaperView:
        """Confirm what was compared with the paper: the approval is granted."""
        return await self._post(PaperView, at("paper-approvals", paper_id, "confirmation"), body)

    async def withdraw_paper(self, paper_id: Id, body: PaperWithdrawal) -> PaperView:
        """Withdraw an entry that nobody confirmed."""
        return await self._post(PaperView, at("paper-approvals", paper_id, "withdrawal"), body)

    async def authorities(self, *, item: str | None = None, region: str | None = None) -> CatalogueView:
        """Who is competent for what, and how one asks; no sign-in is needed."""
        return await self._get(CatalogueView, "/authorities", item=item, region=region)

    async def keys(self) -> Json:
        """The public keys documents are signed with."""
        return await self._json("GET", "/.well-known/jwks.json")

    async def send_back(self, approval_id: Id, body: Return) -> ApprovalView:
        """Return it, once, with everything that is missing."""
        return await self._post(ApprovalView, at("approvals", approval_id, "return"), body)

    async def resubmit(self, approval_id: Id, body: Resubmission) -> ApprovalView:
        """Answer a return."""
        return await self._post(ApprovalView, at("approvals", approval_id, "resubmission"), body)

    async def transfer(self, approval_id: Id, body: Transfer) -> ApprovalView:
        """Forward it to the authority that is competent; the clock goes on."""
        return await self._post(ApprovalView, at("approvals", approval_id, "transfer"), body)

    async def grant(self, approval_id: Id, body: Grant) -> ApprovalView:
        """Consent."""
        return await self._post(ApprovalView, at("approvals", approval_id, "grant"), body)

    async def refuse(self, approval_id: Id, body: Refusal) -> ApprovalView:
        """Refuse consent, with every reason at once."""
        return await self._post(ApprovalView, at("approvals", approval_id, "refusal"), body)

    async def find_not_required(self, approval_id: Id, body: NotRequired) -> ApprovalView:
        """Find that the service needs no approval."""
        return await self._post(ApprovalView, at("approvals", approval_id, "not-required"), body)

    async def ask_renewal(self, approval_id: Id, body: RenewalRequest) -> ApprovalView:
        """Ask for a later last day."""
        return await self._post(ApprovalView, at("approvals", approval_id, "renewal-request"), body)

    async def renew(self, approval_id: Id, body: Renewal) -> ApprovalView:
        """Renew: same number, same scope, a later last day."""
        return await self._post(ApprovalView, at("approvals", approval_id, "renewal"), body)

    async def refuse_renewal(self, approval_id: Id, body: Refusal) -> ApprovalView:
        """Refuse to renew, with every reason at once."""
        return await self._post(ApprovalView, at("approvals", approval_id, "renewal-refusal"), body)
