"""The register: renewals of licences, providers' checks, and what the company registrar is told."""

from collections.abc import AsyncIterator
from typing import Literal

from concord.sdk.answers import at
from concord.sdk.departments.base import Department, Id
from shared.contracts.http.checks import CheckView, Mismatch
from shared.contracts.http.licences import RenewalRequest, RenewalView, Renewing
from shared.contracts.http.registrar import Report, TaskView
from shared.contracts.http.registry import Refusing, WithReasons

RenewalStatus = Literal["asked", "granted", "refused", "withdrawn"]
CheckStatus = Literal["asked", "verified", "mismatch", "silent", "closed"]
TaskStatus = Literal["open", "answered", "withdrawn"]


class Licensing(Department):
    """What belongs to a registration and has verbs of its own."""

    # --- renewals of licences ----------------------------------------------------------------------------------------

    async def ask_renewal(self, registration_id: Id, body: RenewalRequest) -> RenewalView:
        """Ask for a later last day of a licence; in time, it stays in force until that is decided."""
        return await self._post(RenewalView, at("registrations", registration_id, "renewals"), body)

    def renewals(
        self, *, status: RenewalStatus | None = None, registration_id: Id | None = None
    ) -> AsyncIterator[RenewalView]:
        """Renewals the caller may see, newest first."""
        return self._pages(RenewalView, "/renewals", status=status, registration_id=registration_id)

    async def get_renewal(self, renewal_id: Id) -> RenewalView:
        """What was asked, and what became of it."""
        return await self._get(RenewalView, at("renewals", renewal_id))

    async def grant_renewal(self, renewal_id: Id, body: Renewing) -> RenewalView:
        """Renew: same number, a later last day; what had lapsed is in force again."""
        return await self._post(RenewalView, at("renewals", renewal_id, "grant"), body)

    async def refuse_renewal(self, renewal_id: Id, body: Refusing) -> RenewalView:
        """Refuse to renew, with every ground; the licence stands until its last day."""
        return await self._post(RenewalView, at("renewals", renewal_id, "refusal"), body)

    async def withdraw_renewal(self, renewal_id: Id, body: WithReasons) -> RenewalView:
        """Take a renewal back that was asked for."""
        return await self._post(RenewalView, at("renewals", renewal_id, "withdrawal"), body)

    # --- providers' checks -------------------------------------------------------------------------------------------

    def checks(
        self, *, status: CheckStatus | None = None, registration_id: Id | None = None
    ) -> AsyncIterator[CheckView]:
        """Checks the caller may see, newest first: a provider those that are put to it."""
        return self._pages(CheckView, "/checks", status=status, registration_id=registration_id)

    async def get_check(self, check_id: Id) -> CheckView:
        """What was submitted with the provider's name, and what it answered."""
        return await self._get(CheckView, at("checks", check_id))

    async def verify_check(self, check_id: Id) -> CheckView:
        """Say, as the provider, that the facts are as it knows them."""
        return await self._post(CheckView, at("checks", check_id, "verification"))

    async def report_mismatch(self, check_id: Id, body: Mismatch) -> CheckView:
        """Say, as the provider, what is not as it knows it."""
        return await self._post(CheckView, at("checks", check_id, "mismatch"), body)

    # --- the company registrar ---------------------------------------------------------------------------------------

    def registrar_tasks(
        self, *, status: TaskStatus | None = None, registration_id: Id | None = None
    ) -> AsyncIterator[TaskView]:
        """What company registrars are told, newest first."""
        return self._pages(TaskView, "/registrar-tasks", status=status, registration_id=registration_id)

    async def get_registrar_task(self, task_id: Id) -> TaskView:
        """What the registrar is told, and what it reported."""
        return await self._get(TaskView, at("registrar-tasks", task_id))

    async def report_registrar_task(self, task_id: Id, body: Report) -> TaskView:
        """Say, as the registrar of the province, what was done."""
        return await self._post(TaskView, at("registrar-tasks", task_id, "report"), body)
