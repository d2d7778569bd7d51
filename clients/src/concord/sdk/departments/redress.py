"""Enforcement: who decides an appeal, hearings and papers; requests to the regulator; referrals."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Final, Literal

from pydantic import TypeAdapter

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import Department, Id
from shared.contracts.http import appeals as on_appeals
from shared.contracts.http import referrals as on_referrals
from shared.contracts.http import requests as on_requests
from shared.contracts.http.documents import DocumentView
from shared.contracts.http.enforcement import AppealView, Stated, WithReasons

RequestStatus = Literal["open", "accepted", "declined", "withdrawn"]
ReferralStatus = Literal["drafted", "sent", "received", "answered", "withdrawn"]

_PAPERS: Final = TypeAdapter(list[on_appeals.PaperView])
_HEARINGS: Final = TypeAdapter(list[on_appeals.HearingView])


class Redress(Department):
    """What goes with appeals, requests and referrals."""

    service = "enforcement"

    # --- appeals -----------------------------------------------------------------------------------------------------

    async def assign_appeal(self, appeal_id: Id, body: on_appeals.Assignment) -> AppealView:
        """Give it to one person of the review body, or take it: only that person decides."""
        return await self._post(AppealView, at("appeals", appeal_id, "assignment"), body)

    async def withdraw_appeal(self, appeal_id: Id, body: WithReasons) -> AppealView:
        """Let one's own appeal be; the act stands as it is."""
        return await self._post(AppealView, at("appeals", appeal_id, "withdrawal"), body)

    async def admit_appeal(self, appeal_id: Id, body: Stated) -> AppealView:
        """Take in an appeal that came when its time was over, as the review body."""
        return await self._post(AppealView, at("appeals", appeal_id, "admission"), body)

    async def appeal_statistics(
        self, *, authority: str | None = None, since: date | str | None = None, until: date | str | None = None
    ) -> on_appeals.Statistics:
        """What became of appeals, by authority; nobody is named."""
        return await self._get(
            on_appeals.Statistics, "/appeals/statistics", authority=authority, since=since, until=until
        )

    async def hand_in(
        self, appeal_id: Id, content: bytes, media_type: str, title: str, *, confidential: str | None = None
    ) -> on_appeals.PaperView:
        """Hand in a paper; the other side reads it, unless it is ``confidential`` for a reason."""
        path, headers = at("appeals", appeal_id, "papers"), {"Content-Type": media_type}
        params = {"title": title} | ({"confidential": confidential} if confidential is not None else {})
        answer = await self._concord.call(self.service, "POST", path, content=content, headers=headers, params=params)
        return model_of(answer, on_appeals.PaperView)

    async def papers(self, appeal_id: Id) -> list[on_appeals.PaperView]:
        """Everything that was handed in; what is withheld is listed with the reason."""
        return model_of(await self._concord.call(self.service, "GET", at("appeals", appeal_id, "papers")), _PAPERS)

    async def paper(self, appeal_id: Id, sha256: str) -> bytes:
        """The bytes of a paper."""
        return (await self._concord.call(self.service, "GET", at("appeals", appeal_id, "papers", sha256))).content

    async def invite(self, appeal_id: Id, body: on_appeals.Invitation) -> on_appeals.HearingView:
        """Invite both sides to a hearing, as whoever decides the appeal."""
        return await self._post(on_appeals.HearingView, at("appeals", appeal_id, "hearings"), body)

    async def hearings(self, appeal_id: Id) -> list[on_appeals.HearingView]:
        """The hearings of an appeal, oldest first."""
        return model_of(await self._concord.call(self.service, "GET", at("appeals", appeal_id, "hearings")), _HEARINGS)

    async def get_hearing(self, hearing_id: Id) -> on_appeals.HearingView:
        """One hearing."""
        return await self._get(on_appeals.HearingView, at("hearings", hearing_id))

    async def record_hearing(self, hearing_id: Id, body: on_appeals.Minutes) -> on_appeals.HearingView:
        """It was held; the minutes are a paper that was handed in before."""
        return await self._post(on_appeals.HearingView, at("hearings", hearing_id, "minutes"), body)

    async def cancel_hearing(self, hearing_id: Id, body: WithReasons) -> on_appeals.HearingView:
        """It does not take place, with reasons."""
        return await self._post(on_appeals.HearingView, at("hearings", hearing_id, "cancellation"), body)

    # --- requests to the regulator -----------------------------------------------------------------------------------

    async def ask_regulator(self, case_id: Id, body: on_requests.Ask) -> on_requests.RequestView:
        """Ask the regulator of one's own level and region for what only a decision can do."""
        return await self._post(on_requests.RequestView, at("cases", case_id, "regulator-requests"), body)

    def regulator_requests(self, *, status: RequestStatus | None = None) -> AsyncIterator[on_requests.RequestView]:
        """Requests of one's own organisation, and those it has or had, newest first."""
        return self._pages(on_requests.RequestView, "/regulator-requests", status=status)

    async def get_regulator_request(self, request_id: Id) -> on_requests.RequestView:
        """One request with its clock and its answer."""
        return await self._get(on_requests.RequestView, at("regulator-requests", request_id))

    async def accept_request(self, request_id: Id, body: Stated) -> on_requests.RequestView:
        """Open a case of the regulator; it burdens nobody."""
        return await self._post(on_requests.RequestView, at("regulator-requests", request_id, "acceptance"), body)

    async def decline_request(self, request_id: Id, body: Stated) -> on_requests.RequestView:
        """No, with reasons."""
        return await self._post(on_requests.RequestView, at("regulator-requests", request_id, "decline"), body)

    async def forward_request(self, request_id: Id, body: on_requests.Forward) -> on_requests.RequestView:
        """To the right desk, with reasons."""
        return await self._post(on_requests.RequestView, at("regulator-requests", request_id, "forwarding"), body)

    async def withdraw_request(self, request_id: Id, body: WithReasons) -> on_requests.RequestView:
        """Let one's own request be."""
        return await self._post(on_requests.RequestView, at("regulator-requests", request_id, "withdrawal"), body)

    # --- referrals ---------------------------------------------------------------------------------------------------

    async def refer(self, case_id: Id, body: on_referrals.Refer) -> on_referrals.ReferralView:
        """Draft a referral of evidence; a second person signs it."""
        return await self._post(on_referrals.ReferralView, at("cases", case_id, "referrals"), body)

    def referrals(self, *, status: ReferralStatus | None = None) -> AsyncIterator[on_referrals.ReferralView]:
        """Referrals that one's organisation made, was sent, or was told of, newest first."""
        return self._pages(on_referrals.ReferralView, "/referrals", status=status)

    async def get_referral(self, referral_id: Id) -> on_referrals.ReferralView:
        """One referral."""
        return await self._get(on_referrals.ReferralView, at("referrals", referral_id))

    async def referral_document(self, referral_id: Id) -> DocumentView:
        """The list of evidence, as it was signed with the authority's key."""
        return await self._get(DocumentView, at("referrals", referral_id, "document"))

    async def sign_referral(self, referral_id: Id, body: WithReasons) -> on_referrals.ReferralView:
        """Sign and send it, as a second person; whom it is about is told."""
        return await self._post(on_referrals.ReferralView, at("referrals", referral_id, "signature"), body)

    async def withdraw_referral(self, referral_id: Id, body: WithReasons) -> on_referrals.ReferralView:
        """Take a draft back."""
        return await self._post(on_referrals.ReferralView, at("referrals", referral_id, "withdrawal"), body)

    async def receive_referral(self, referral_id: Id) -> on_referrals.ReferralView:
        """Confirm that it came, as its receiver."""
        return await self._post(on_referrals.ReferralView, at("referrals", referral_id, "receipt"), None)

    async def answer_referral(self, referral_id: Id, body: on_referrals.Answer) -> on_referrals.ReferralView:
        """Say what became of it, as its receiver."""
        return await self._post(on_referrals.ReferralView, at("referrals", referral_id, "answer"), body)
