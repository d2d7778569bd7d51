"""The register: operators, registrations, sites, proposed changes, executions of decisions, imports."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import TypeAdapter

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import Id
from concord.sdk.departments.entries import Entries
from concord.sdk.departments.hosting import Hosting
from concord.sdk.departments.licensing import Licensing
from shared.contracts.http import mergers as merging
from shared.contracts.http import registry as wire
from shared.contracts.http.amendments import ProposedMove
from shared.contracts.http.batches import Batch, SubmissionResults
from shared.contracts.http.home import Forwarding
from shared.contracts.http.imports import ImportResultPage, ImportView

RegistrationStatus = Literal["submitted", "refused", "active", "lapsed", "ended"]
MergerStatus = Literal["proposed", "confirmed", "withdrawn", "undone"]
AmendmentStatus = Literal["proposed", "waiting", "granted", "refused", "withdrawn"]
ExecutionStatus = Literal["received", "accepted", "carried_out", "declined", "moot", "undone"]
_SITES: TypeAdapter[list[wire.SiteView]] = TypeAdapter(list[wire.SiteView])


class Registry(Licensing, Entries, Hosting):
    """The register."""

    service = "registry"

    # --- operators ---------------------------------------------------------------------------------------------------

    async def enter_operator(self, body: wire.NewOperator) -> wire.OperatorView:
        """Enter an operator."""
        return await self._post(wire.OperatorView, "/operators", body)

    async def get_operator(self, operator_id: Id) -> wire.OperatorView:
        """One operator."""
        return await self._get(wire.OperatorView, at("operators", operator_id))

    async def confirm_legacy_code(self, operator_id: Id) -> wire.OperatorView:
        """Vouch, as a second officer, for an old credit code whose check digit fails."""
        return await self._post(wire.OperatorView, at("operators", operator_id, "legacy-code-confirmation"))

    async def set_address(self, operator_id: Id, body: wire.NewAddress) -> wire.OperatorView:
        """Say where notices go besides the inbox; a code is sent to a new e-mail address."""
        return await self._post(wire.OperatorView, at("operators", operator_id, "address-for-service"), body)

    async def verify_address(self, operator_id: Id, body: wire.VerificationCode) -> wire.OperatorView:
        """Send back the code."""
        return await self._post(wire.OperatorView, at("operators", operator_id, "address-verification"), body)

    async def change_operator(self, operator_id: Id, version: int, body: wire.ProposedOperator) -> wire.AmendmentView:
        """Propose an operator's particulars as they shall be; it must still be at ``version``."""
        path = at("operators", operator_id, "amendments")
        return await self._post(wire.AmendmentView, path, body, version=version)

    # --- registrations -----------------------------------------------------------------------------------------------

    async def submit(self, body: wire.NewRegistration) -> wire.RegistrationView:
        """Ask for a filing or licence for a first site."""
        return await self._post(wire.RegistrationView, "/registrations", body)

    async def get(self, registration_id: Id) -> wire.RegistrationView:
        """One registration with its sites."""
        return await self._get(wire.RegistrationView, at("registrations", registration_id))

    async def submit_many(self, body: Batch) -> SubmissionResults:
        """Up to 1,000 applications in one request; each has its result."""
        return await self._post(SubmissionResults, "/submissions", body)

    def registrations(
        self, *, number: str | None = None, operator_id: Id | None = None, status: RegistrationStatus | None = None
    ) -> AsyncIterator[wire.RegistrationSummary]:
        """Registrations the caller may see, newest first."""
        filters = {"number": number, "operator_id": operator_id, "status": status}
        return self._pages(wire.RegistrationSummary, "/registrations", **filters)

    async def grant(self, registration_id: Id, body: wire.Granting) -> wire.RegistrationView:
        """Enter a registration in the register."""
        return await self._post(wire.RegistrationView, at("registrations", registration_id, "grant"), body)

    async def refuse(self, registration_id: Id, body: wire.Refusing) -> wire.RegistrationView:
        """Refuse a registration, with every ground at once."""
        return await self._post(wire.RegistrationView, at("registrations", registration_id, "refusal"), body)

    async def forward(self, registration_id: Id, body: Forwarding) -> wire.RegistrationView:
        """Forward an application to the regulator that it belongs to, with reasons."""
        return await self._post(wire.RegistrationView, at("registrations", registration_id, "forwarding"), body)

    # --- sites -------------------------------------------------------------------------------------------------------

    async def add_site(self, registration_id: Id, body: wire.FurtherSite) -> wire.AmendmentView:
        """Propose a further site under a number."""
        return await self._post(wire.AmendmentView, at("registrations", registration_id, "sites"), body)

    async def site_of(self, domain: str) -> wire.SiteView | None:
        """The site of a domain."""
        answer = await self._concord.call(self.service, "GET", "/sites", params={"domain": domain})
        found = model_of(answer, _SITES)
        return found[0] if found else None

    async def get_site(self, site_id: Id) -> wire.SiteView:
        """One site."""
        return await self._get(wire.SiteView, at("sites", site_id))

    async def site_record(self, site_id: Id, when: datetime) -> wire.SiteVersionView:
        """The record of a site as it was at a time, and why it became so."""
        return await self._get(wire.SiteVersionView, at("sites", site_id, "record"), at=when.isoformat())

    async def change_site(self, site_id: Id, version: int, body: wire.ProposedSite) -> wire.AmendmentView:
        """Propose a site as it shall be; it must still be at ``version``."""
        return await self._post(wire.AmendmentView, at("sites", site_id, "amendments"), body, version=version)

    async def transfer(self, site_id: Id, version: int, body: wire.ProposedTransfer) -> wire.AmendmentView:
        """Propose that a site goes under another operator's number."""
        return await self._post(wire.AmendmentView, at("sites", site_id, "transfer"), body, version=version)

    async def deregister(self, site_id: Id, body: wire.WithReasons) -> wire.SiteView:
        """Give a site up."""
        return await self._post(wire.SiteView, at("sites", site_id, "deregistration"), body)

    async def end_access(self, site_id: Id, access_id: Id, body: wire.WithReasons) -> wire.SiteView:
        """Leave one of a site's providers."""
        return await self._post(wire.SiteView, at("sites", site_id, "accesses", access_id, "end"), body)

    # --- proposed changes --------------------------------------------------------------------------------------------

    def amendments(self, *, status: AmendmentStatus | None = None) -> AsyncIterator[wire.AmendmentView]:
        """Proposed changes the caller may see, newest first."""
        return self._pages(wire.AmendmentView, "/amendments", status=status)

    async def get_amendment(self, amendment_id: Id) -> wire.AmendmentView:
        """A proposed change beside what holds."""
        return await self._get(wire.AmendmentView, at("amendments", amendment_id))

    async def grant_amendment(self, amendment_id: Id, body: wire.Stated) -> wire.AmendmentView:
        """What was proposed holds from now on."""
        return await self._post(wire.AmendmentView, at("amendments", amendment_id, "grant"), body)

    async def refuse_amendment(self, amendment_id: Id, body: wire.Refusing) -> wire.AmendmentView:
        """Refuse a proposed change."""
        return await self._post(wire.AmendmentView, at("amendments", amendment_id, "refusal"), body)

    async def withdraw_amendment(self, amendment_id: Id, body: wire.WithReasons) -> wire.AmendmentView:
        """Take a proposed change back."""
        return await self._post(wire.AmendmentView, at("amendments", amendment_id, "withdrawal"), body)

    async def consent(self, amendment_id: Id) -> wire.AmendmentView:
        """Agree to a transfer, as the receiving operator, or to what was proposed in the name of one's own."""
        return await self._post(wire.AmendmentView, at("amendments", amendment_id, "consent"))

    async def move(self, registration_id: Id, version: int, body: ProposedMove) -> wire.AmendmentView:
        """Propose that a filing moves to another province with its sites; it must still be at ``version``."""
        path = at("registrations", registration_id, "move")
        return await self._post(wire.AmendmentView, path, body, version=version)

    # --- two entries of one operator ---------------------------------------------------------------------------------

    async def preview_merger(self, merged_id: Id, survivor_id: Id) -> merging.MergerPreviewView:
        """Everything that would move if the one went on under the other; its digest is what is signed."""
        path = at("operators", merged_id, "merger-preview")
        return await self._get(merging.MergerPreviewView, path, into=survivor_id)

    async def propose_merger(self, body: merging.NewMerger) -> merging.MergerView:
        """Say that two operators are one; both are heard, and a second person confirms."""
        return await self._post(merging.MergerView, "/mergers", body)

    def mergers(self, *, status: MergerStatus | None = None) -> AsyncIterator[merging.MergerView]:
        """Mergers the caller may see, newest first."""
        return self._pages(merging.MergerView, "/mergers", status=status)

    async def get_merger(self, merger_id: Id) -> merging.MergerView:
        """A merger with what would move now, or what it moved."""
        return await self._get(merging.MergerView, at("mergers", merger_id))

    async def confirm_merger(self, merger_id: Id, body: merging.ConfirmingMerger) -> merging.MergerView:
        """Sign the same preview as the second person."""
        return await self._post(merging.MergerView, at("mergers", merger_id, "confirmation"), body)

    async def withdraw_merger(self, merger_id: Id, body: wire.WithReasons) -> merging.MergerView:
        """Leave the two apart."""
        return await self._post(merging.MergerView, at("mergers", merger_id, "withdrawal"), body)

    async def object_to_merger(self, merger_id: Id, body: wire.WithReasons) -> merging.MergerView:
        """Say, as one of the two, why they are not the same."""
        return await self._post(merging.MergerView, at("mergers", merger_id, "objection"), body)

    # --- executions of decisions -------------------------------------------------------------------------------------

    def executions(
        self, *, status: ExecutionStatus | None = None, decision_id: Id | None = None
    ) -> AsyncIterator[wire.ExecutionView]:
        """Decisions that the caller's organisation executes or made, newest first; without previews."""
        return self._pages(wire.ExecutionView, "/executions", status=status, decision_id=decision_id)

    async def get_execution(self, execution_id: Id) -> wire.ExecutionView:
        """A decision on the desk, with what carrying it out would hit now."""
        return await self._get(wire.ExecutionView, at("executions", execution_id))

    async def accept(self, execution_id: Id, body: wire.Signing) -> wire.ExecutionView:
        """Sign what would happen now, as the first of two people."""
        return await self._post(wire.ExecutionView, at("executions", execution_id, "acceptance"), body)

    async def release_execution(self, execution_id: Id, body: wire.WithReasons) -> wire.ExecutionView:
        """Take an acceptance back."""
        return await self._post(wire.ExecutionView, at("executions", execution_id, "release"), body)

    async def confirm(self, execution_id: Id, body: wire.Signing) -> wire.ExecutionView:
        """Sign as the second person: it happens."""
        return await self._post(wire.ExecutionView, at("executions", execution_id, "confirmation"), body)

    async def decline(self, execution_id: Id, body: wire.Stated) -> wire.ExecutionView:
        """Decline with legal basis and reasons, which go back to the authority."""
        return await self._post(wire.ExecutionView, at("executions", execution_id, "decline"), body)

    # --- imports -----------------------------------------------------------------------------------------------------

    async def import_sites(
        self, content: AsyncIterator[bytes], *, media_type: str = "application/x-ndjson", filename: str | None = None,
        import_id: Id | None = None, dry_run: bool = False, all_results: bool = False, size: int | None = None,
    ) -> ImportView:  # fmt: skip
        """Send records as they are made; returns when the last is in, with the counts.

        ``import_id``: chosen here, to follow it by and to go on with it. ``dry_run``: check only. ``all_results``:
        results also of what is in. ``size``: bytes, if it is known.
        """
        headers = _about(media_type, size) | ({"X-Filename": quote(filename)} if filename else {})
        headers |= {"X-Import-Id": str(import_id)} if import_id else {}
        params = {name: "true" for name, wanted in (("dry_run", dry_run), ("all", all_results)) if wanted}
        async with self._concord.stream(
            self.service, "POST", "/imports", content, headers=headers, params=params
        ) as answer:
            await answer.aread()
            return model_of(answer, ImportView)

    async def continue_import(
        self, import_id: Id, content: AsyncIterator[bytes], *, media_type: str = "application/x-ndjson",
        size: int | None = None,
    ) -> ImportView:  # fmt: skip
        """Go on with an import that was broken off: the same content, from its beginning."""
        path = at("imports", import_id, "continuation")
        async with self._concord.stream(
            self.service, "POST", path, content, headers=_about(media_type, size)
        ) as answer:
            await answer.aread()
            return model_of(answer, ImportView)

    async def get_import(self, import_id: Id) -> ImportView:
        """How an import stands, also while it runs."""
        return await self._get(ImportView, at("imports", import_id))

    async def import_results(self, import_id: Id) -> list[bytes]:
        """The records of an import that did not go in, and its findings, one JSON object a line."""
        answer = await self._concord.call(self.service, "GET", at("imports", import_id, "results"))
        return answer.content.splitlines()

    async def import_results_page(self, import_id: Id, after: str | None = None, limit: int = 50) -> ImportResultPage:
        """A page of them."""
        path = at("imports", import_id, "results", "page")
        return await self._get(ImportResultPage, path, after=after, limit=limit)

    async def import_results_table(self, import_id: Id) -> bytes:
        """The same as CSV for a spreadsheet."""
        answer = await self._concord.call(self.service, "GET", at("imports", import_id, "results.csv"))
        return answer.content


def _about(media_type: str, size: int | None) -> dict[str, str]:
    """Headers of what is sent; with its size it is sent as it is, without it in chunks."""
    return {"Content-Type": media_type} | ({"Content-Length": str(size)} if size is not None else {})
