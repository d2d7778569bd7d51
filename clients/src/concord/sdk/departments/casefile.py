"""The file of a case: which cases there are, who works on them, what is to be done, what others hold, what happened."""

from collections.abc import AsyncIterator
from typing import Literal

from concord.sdk.answers import at
from concord.sdk.departments.base import Department, Id
from shared.contracts.http import casefile as wire
from shared.contracts.http.enforcement import CaseSummary, CaseView, WithReasons

CaseStatus = Literal["open", "ended"]
TaskStatus = Literal["open", "done", "cancelled"]
OpinionStatus = Literal["asked", "answered", "withdrawn"]
Part = Literal["file", "decisions", "messages", "reads"]


class CaseFiles(Department):
    """What lies in the files of cases; nothing of it burdens anybody."""

    def cases(
        self, *, status: CaseStatus | None = None, host: str | None = None, mine: bool = False,
        claimed_by: str | None = None, ground: str | None = None, region: str | None = None,
        min_age_days: int | None = None, max_age_days: int | None = None, overdue: bool = False,
    ) -> AsyncIterator[CaseSummary]:  # fmt: skip
        """Cases of the caller's desk, newest first; ``mine`` and ``claimed_by``: by who works on them."""
        return self._pages(
            CaseSummary, "/cases", status=status, host=host, mine=mine or None, claimed_by=claimed_by, ground=ground,
            region=region, min_age_days=min_age_days, max_age_days=max_age_days, overdue=overdue or None,
        )  # fmt: skip

    async def claim_case(self, case_id: Id, body: wire.Claim | None = None) -> CaseView:
        """Work on a case; on a colleague's with a reason."""
        return await self._post(CaseView, at("cases", case_id, "claim"), body or wire.Claim())

    async def release_claim(self, case_id: Id) -> CaseView:
        """Give a case back that one works on."""
        return await self._post(CaseView, at("cases", case_id, "claim", "release"))

    async def transfer_case(self, case_id: Id, body: wire.NewTransfer) -> CaseView:
        """Hand a case over to another competent authority; ``continues_as`` of the answer is the case there."""
        return await self._post(CaseView, at("cases", case_id, "transfer"), body)

    async def hold_evidence(self, case_id: Id, body: WithReasons) -> CaseView:
        """Keep the evidence of a case whatever the retention says."""
        return await self._post(CaseView, at("cases", case_id, "hold"), body)

    async def lift_hold(self, case_id: Id, body: WithReasons) -> CaseView:
        """Leave it to the retention again."""
        return await self._post(CaseView, at("cases", case_id, "hold", "lift"), body)

    async def related_cases(self, case_id: Id) -> wire.RelatedCases:
        """The cases beside one that the caller may read."""
        return await self._get(wire.RelatedCases, at("cases", case_id, "related"))

    async def link_cases(self, case_id: Id, body: wire.NewLink) -> wire.RelatedCases:
        """Put another case beside one, for both."""
        return await self._post(wire.RelatedCases, at("cases", case_id, "links"), body)

    async def timeline(
        self, case_id: Id, *, kind: Part | None = None, after: str | None = None, limit: int = 50
    ) -> wire.Timeline:
        """A page of what happened in a case, newest first, as far as the caller may know."""
        path = at("cases", case_id, "timeline")
        return await self._get(wire.Timeline, path, kind=kind, after=after, limit=limit)

    async def custody(self, sha256: str, *, after: str | None = None, limit: int = 50) -> wire.CustodyView:
        """Who filed, cited and read a piece of evidence, and a page of what its checks said, newest first."""
        return await self._get(wire.CustodyView, at("evidence", sha256, "custody"), after=after, limit=limit)

    # --- tasks -------------------------------------------------------------------------------------------------------

    async def add_task(self, case_id: Id, body: wire.NewTask) -> wire.TaskView:
        """Put something on the list of a case, with its date."""
        return await self._post(wire.TaskView, at("cases", case_id, "tasks"), body)

    def tasks(
        self, *, status: TaskStatus | None = None, case_id: Id | None = None, mine: bool = False, overdue: bool = False
    ) -> AsyncIterator[wire.TaskView]:
        """Tasks of the caller's authority, newest first."""
        return self._pages(
            wire.TaskView, "/tasks", status=status, case_id=None if case_id is None else str(case_id),
            mine=mine or None, overdue=overdue or None,
        )  # fmt: skip

    async def get_task(self, task_id: Id) -> wire.TaskView:
        """One task."""
        return await self._get(wire.TaskView, at("tasks", task_id))

    async def assign_task(self, task_id: Id, body: wire.Assignment | None = None) -> wire.TaskView:
        """Give a task to an officer of the authority, or take it."""
        return await self._post(wire.TaskView, at("tasks", task_id, "assignment"), body or wire.Assignment())

    async def complete_task(self, task_id: Id, body: WithReasons) -> wire.TaskView:
        """Say that it is done."""
        return await self._post(wire.TaskView, at("tasks", task_id, "completion"), body)

    async def cancel_task(self, task_id: Id, body: WithReasons) -> wire.TaskView:
        """Say why nobody needs it any more."""
        return await self._post(wire.TaskView, at("tasks", task_id, "cancellation"), body)

    # --- opinions ----------------------------------------------------------------------------------------------------

    async def ask_opinion(self, case_id: Id, body: wire.NewOpinion) -> wire.OpinionView:
        """Ask an authority of another competence what it holds of a case."""
        return await self._post(wire.OpinionView, at("cases", case_id, "opinions"), body)

    def opinions(
        self, *, status: OpinionStatus | None = None, conflicting: bool = False
    ) -> AsyncIterator[wire.OpinionView]:
        """What the caller's authority asked or was asked, and what its coordination office settles; newest first."""
        return self._pages(wire.OpinionView, "/opinions", status=status, conflicting=conflicting or None)

    async def get_opinion(self, opinion_id: Id) -> wire.OpinionView:
        """One opinion."""
        return await self._get(wire.OpinionView, at("opinions", opinion_id))

    async def answer_opinion(self, opinion_id: Id, body: wire.Answer) -> wire.OpinionView:
        """Say what one's authority holds."""
        return await self._post(wire.OpinionView, at("opinions", opinion_id, "answer"), body)

    async def withdraw_opinion(self, opinion_id: Id, body: WithReasons) -> wire.OpinionView:
        """Need no answer any more."""
        return await self._post(wire.OpinionView, at("opinions", opinion_id, "withdrawal"), body)

    async def side_by_side(self, case_id: Id) -> wire.OpinionsView:
        """What authorities hold of a case, and how it was settled."""
        return await self._get(wire.OpinionsView, at("cases", case_id, "opinions"))

    async def settle_opinions(self, case_id: Id, body: wire.NewSettlement) -> wire.OpinionsView:
        """Settle what differs, as an officer of the coordination office: advice, and no decision."""
        return await self._post(wire.OpinionsView, at("cases", case_id, "settlement"), body)
