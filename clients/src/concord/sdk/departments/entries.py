"""The register: what an entry is shown by, documents and marks; sites that nobody hosts; the barred list."""

from collections.abc import AsyncIterator
from typing import Literal

from concord.sdk.answers import at
from concord.sdk.departments.base import Department, Id, Json
from shared.contracts.http.bars import BarredChanges, BarredList
from shared.contracts.http.documents import DocumentView
from shared.contracts.http.marks import MarkStatusView, MarkView
from shared.contracts.http.registry import Stated, WithReasons
from shared.contracts.http.shells import ShellView

ShellStatus = Literal["open", "due", "cured", "dismissed", "lapsed", "undone"]
Picture = Literal["svg", "png"]


class Entries(Department):
    """What shows an entry of the register, and how one comes to its end without anybody's decision."""

    # --- documents and marks -----------------------------------------------------------------------------------------

    async def document(self, registration_id: Id) -> DocumentView:
        """The newest edition of the signed document of a licence, and whether it is still in force."""
        return await self._get(DocumentView, at("registrations", registration_id, "document"))

    async def document_page(self, registration_id: Id) -> bytes:
        """The same as a page, PDF."""
        path = at("registrations", registration_id, "document.pdf")
        return (await self._concord.call(self.service, "GET", path)).content

    async def issued(self, document_id: Id) -> DocumentView:
        """A document one holds, and whether it still stands; no sign-in is needed."""
        return await self._get(DocumentView, at("documents", document_id))

    async def mark(self, registration_id: Id) -> MarkView:
        """The mark that the sites of a registration can show."""
        return await self._get(MarkView, at("registrations", registration_id, "mark"))

    async def mark_picture(self, registration_id: Id, form: Picture) -> bytes:
        """Its QR code."""
        path = at("registrations", registration_id, f"mark.{form}")
        return (await self._concord.call(self.service, "GET", path)).content

    async def met(self, token: str) -> MarkStatusView:
        """What is so now of the registration whose mark somebody met; no sign-in is needed."""
        return await self._get(MarkStatusView, at("marks", token))

    async def keys(self) -> Json:
        """The public keys that documents and marks are signed with."""
        return await self._json("GET", "/.well-known/jwks.json")

    # --- sites that nobody hosts -------------------------------------------------------------------------------------

    def shells(self, *, status: ShellStatus | None = None) -> AsyncIterator[ShellView]:
        """Findings about sites without access, newest first."""
        return self._pages(ShellView, "/shell-findings", status=status)

    async def get_shell(self, finding_id: Id) -> ShellView:
        """One finding, as it is now."""
        return await self._get(ShellView, at("shell-findings", finding_id))

    async def lapse_shell(self, finding_id: Id, version: int, body: Stated) -> ShellView:
        """Let this one site lapse, which is no sanction; the finding must still be at ``version``."""
        return await self._post(ShellView, at("shell-findings", finding_id, "lapse"), body, version=version)

    async def undo_shell(self, finding_id: Id, body: WithReasons) -> ShellView:
        """Give the site back under the same number."""
        return await self._post(ShellView, at("shell-findings", finding_id, "undoing"), body)

    async def dismiss_shell(self, finding_id: Id, body: WithReasons) -> ShellView:
        """Let it be."""
        return await self._post(ShellView, at("shell-findings", finding_id, "dismissal"), body)

    # --- the barred list ---------------------------------------------------------------------------------------------

    async def barred_list(self) -> BarredList:
        """The whole list; no sign-in is needed."""
        return await self._get(BarredList, "/barred-list")

    async def barred_changes(self, *, after: int = 0) -> BarredChanges:
        """What changed after a number; no sign-in is needed. ``concord.sdk.barred`` verifies it."""
        return await self._get(BarredChanges, "/barred-list/changes", after=after)
