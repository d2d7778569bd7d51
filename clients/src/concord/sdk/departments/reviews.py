"""The annual review, at the register's door: announced, opinions given, closed; and who is under review."""

from collections.abc import AsyncIterator
from typing import Literal

from concord.sdk.answers import at
from concord.sdk.departments.base import Department, Id
from shared.contracts.http import reviews as wire
from shared.contracts.http.registry import WithReasons

SubjectStatus = Literal["under_review", "passed", "vetoed", "cleared", "gone"]
SubjectKind = Literal["site", "access_provider", "carrier", "domain_registrar"]


class Reviews(Department):
    """The annual review (P3.3)."""

    service = "registry"

    async def announce(self, body: wire.NewReview) -> wire.ReviewView:
        """Announce the review of a year at the caller's level and place."""
        return await self._post(wire.ReviewView, "/reviews", body)

    def all(self, *, year: int | None = None) -> AsyncIterator[wire.ReviewSummary]:
        """Reviews the caller may see, newest first."""
        return self._pages(wire.ReviewSummary, "/reviews", year=year)

    async def get(self, review_id: Id) -> wire.ReviewView:
        """One review, with how far each authority is."""
        return await self._get(wire.ReviewView, at("reviews", review_id))

    async def extend(self, review_id: Id, body: wire.NewWindow) -> wire.ReviewView:
        """Ask one more authority, or give one more time."""
        return await self._post(wire.ReviewView, at("reviews", review_id, "windows"), body)

    async def finish(self, review_id: Id, body: WithReasons) -> wire.ReviewView:
        """Say, for an authority, that all its opinions were given."""
        return await self._post(wire.ReviewView, at("reviews", review_id, "completion"), body)

    async def close(self, review_id: Id, body: WithReasons) -> wire.ReviewView:
        """Close it before its date, once no window is open."""
        return await self._post(wire.ReviewView, at("reviews", review_id, "close"), body)

    def subjects(
        self, *, review_id: Id | None = None, status: SubjectStatus | None = None, kind: SubjectKind | None = None,
        site_id: Id | None = None, conflicting: bool | None = None,
    ) -> AsyncIterator[wire.SubjectView]:  # fmt: skip
        """Who is under review, with what was said of each."""
        filters = {"review_id": review_id, "status": status, "kind": kind, "site_id": site_id}
        return self._pages(wire.SubjectView, "/review-subjects", **filters, conflicting=conflicting)

    async def subject(self, subject_id: Id) -> wire.SubjectView:
        """One of them, with the result and how to challenge it."""
        return await self._get(wire.SubjectView, at("review-subjects", subject_id))

    async def give_opinion(self, subject_id: Id, body: wire.NewOpinion) -> wire.SubjectView:
        """Give an opinion; a failing one cites a decision that was carried out and stands."""
        return await self._post(wire.SubjectView, at("review-subjects", subject_id, "opinions"), body)

    async def opinion(self, opinion_id: Id) -> wire.OpinionView:
        """One opinion."""
        return await self._get(wire.OpinionView, at("review-opinions", opinion_id))

    async def withdraw_opinion(self, opinion_id: Id, body: WithReasons) -> wire.SubjectView:
        """Take an opinion back, also after the review."""
        return await self._post(wire.SubjectView, at("review-opinions", opinion_id, "withdrawal"), body)
