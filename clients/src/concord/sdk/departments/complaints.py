"""Complaints and what becomes of them, warnings, and what providers suspended by themselves; at enforcement's door."""

from collections.abc import AsyncIterator
from typing import Literal

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import Department, Id
from shared.contracts.http import complaints as wire
from shared.contracts.http import emergencies as emergency
from shared.contracts.http.enforcement import CaseView

MatterStatus = Literal["open", "triaged", "in_case", "ended"]
WarningStatus = Literal["sent", "answered"]
EmergencyStatus = Literal["open", "confirmed", "lapsed", "refused"]


class Complaints(Department):
    """What people say, and what a person makes of it (N4.2.4-5)."""

    service = "enforcement"

    async def complain(self, body: wire.NewComplaint) -> wire.ComplaintReceipt:
        """Complain; needs no token. The secret of the answer is told this once. Sent twice it is two, merged."""
        return await self._post(wire.ComplaintReceipt, "/complaints", body)

    async def report(self, body: wire.NewComplaint) -> wire.ComplaintReceipt:
        """The same in the name of a provider or an industry body."""
        return await self._post(wire.ComplaintReceipt, at("complaints", "reports"), body)

    async def status(self, secret: str) -> wire.ComplaintStatusView:
        """How a complaint stands, for whoever has its secret."""
        return await self._get(wire.ComplaintStatusView, at("complaints", "status", secret))

    async def add_file(self, secret: str, content: bytes, media_type: str) -> wire.ComplaintStatusView:
        """Add a file to one's own complaint."""
        path, headers = at("complaints", "status", secret, "files"), {"Content-Type": media_type}
        answer = await self._concord.call(self.service, "POST", path, content=content, headers=headers)
        return model_of(answer, wire.ComplaintStatusView)

    # --- the desk ----------------------------------------------------------------------------------------------------

    def matters(
        self, *, status: MatterStatus | None = None, ground: str | None = None, grade: str | None = None,
        region: str | None = None, overdue: bool | None = None, host: str | None = None, newest: bool = False,
    ) -> AsyncIterator[wire.MatterView]:  # fmt: skip
        """What lies on the caller's desk; what has waited longest comes first."""
        late = None if overdue is None else str(overdue).lower()
        return self._pages(
            wire.MatterView, "/matters", status=status, ground=ground, grade=grade, region=region, overdue=late,
            host=host, newest="true" if newest else None,
        )  # fmt: skip

    async def get_matter(self, matter_id: Id) -> wire.MatterView:
        """One matter: everything about one site on one ground."""
        return await self._get(wire.MatterView, at("matters", matter_id))

    def said(self, matter_id: Id) -> AsyncIterator[wire.ComplaintView]:
        """What was said, oldest first; who said it is not in it."""
        return self._pages(wire.ComplaintView, at("matters", matter_id, "complaints"))

    async def file(self, complaint_id: Id, sha256: str) -> bytes:
        """The bytes of a file that came with a complaint; nobody looked into them."""
        return (await self._concord.call(self.service, "GET", at("complaints", complaint_id, "files", sha256))).content

    async def triage(self, matter_id: Id, body: wire.Triage) -> wire.MatterView:
        """Grade a matter, with reasons; it is the caller's authority's from then on."""
        return await self._post(wire.MatterView, at("matters", matter_id, "triage"), body)

    async def transfer(self, matter_id: Id, body: wire.NewMatterTransfer) -> wire.MatterView:
        """Hand what is about a name in no register to another industry regulator; whoever complained is told."""
        return await self._post(wire.MatterView, at("matters", matter_id, "transfer"), body)

    async def open_case(self, matter_id: Id, body: wire.CaseFromMatter) -> CaseView:
        """Open a case about the site; the complaints lie in it, confidential."""
        return await self._post(CaseView, at("matters", matter_id, "case"), body)

    async def dismiss(self, matter_id: Id, body: wire.Dismissal) -> wire.MatterView:
        """Nothing follows; everybody who complained reads why."""
        return await self._post(wire.MatterView, at("matters", matter_id, "dismissal"), body)

    async def warn(self, matter_id: Id, body: wire.NewWarning) -> wire.WarningView:
        """Send a letter under the industry code, without effect."""
        return await self._post(wire.WarningView, at("matters", matter_id, "warning"), body)

    # --- warnings ----------------------------------------------------------------------------------------------------

    def warnings(self, *, status: WarningStatus | None = None) -> AsyncIterator[wire.WarningView]:
        """Letters to the caller, or of the caller's authority, newest first."""
        return self._pages(wire.WarningView, "/warnings", status=status)

    async def get_warning(self, warning_id: Id) -> wire.WarningView:
        """One letter, with its answer."""
        return await self._get(wire.WarningView, at("warnings", warning_id))

    async def answer_warning(self, warning_id: Id, body: wire.WarningAnswer) -> wire.WarningView:
        """Say something to a letter, once."""
        return await self._post(wire.WarningView, at("warnings", warning_id, "answer"), body)

    # --- what providers suspended by themselves ----------------------------------------------------------------------

    def emergencies(self, *, status: EmergencyStatus | None = None) -> AsyncIterator[emergency.EmergencyMatterView]:
        """At the caller's desk, or about the caller, newest first."""
        return self._pages(emergency.EmergencyMatterView, "/emergencies", status=status)

    async def get_emergency(self, emergency_id: Id) -> emergency.EmergencyMatterView:
        """One, and until when it is to be confirmed."""
        return await self._get(emergency.EmergencyMatterView, at("emergencies", emergency_id))

    async def confirm_emergency(self, emergency_id: Id, body: emergency.Confirmation) -> emergency.EmergencyMatterView:
        """Confirm it by a released decision of the caller's authority to suspend the same site."""
        return await self._post(emergency.EmergencyMatterView, at("emergencies", emergency_id, "confirmation"), body)
