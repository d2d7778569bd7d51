"""The directory of organisations."""

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import TypeAdapter

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import Department, Id
from shared.contracts.http import coordination as wire

OrganisationStatus = Literal["active", "closed"]
_VERSIONS: TypeAdapter[list[wire.OrganisationVersion]] = TypeAdapter(list[wire.OrganisationVersion])


class Coordination(Department):
    """Which organisations there are, what they are competent for, and whom to ask there."""

    service = "coordination"

    def organisations(
        self, *, kind: str | None = None, region: str | None = None, status: OrganisationStatus | None = None
    ) -> AsyncIterator[wire.OrganisationView]:
        """The directory, newest first."""
        return self._pages(wire.OrganisationView, "/organisations", kind=kind, region=region, status=status)

    async def get(self, organisation_id: Id) -> wire.OrganisationDetails:
        """One organisation; members also read whom to ask there."""
        return await self._get(wire.OrganisationDetails, at("organisations", organisation_id))

    async def versions(self, organisation_id: Id) -> list[wire.OrganisationVersion]:
        """Every version of an organisation, newest first."""
        answer = await self._concord.call(self.service, "GET", at("organisations", organisation_id, "versions"))
        return model_of(answer, _VERSIONS)

    async def enter(self, body: wire.NewOrganisation) -> wire.ProposalView:
        """Enter an organisation, closed; a second person confirms the proposal to open it."""
        return await self._post(wire.ProposalView, "/organisations", body)

    async def rename(
        self, organisation_id: Id, version: int, body: wire.OrganisationChange
    ) -> wire.OrganisationDetails:
        """Say how an organisation is called and whom to ask there; it must still be at ``version``."""
        return await self._put(wire.OrganisationDetails, at("organisations", organisation_id), body, version=version)

    def proposals(
        self, *, organisation: str | None = None, status: str | None = None
    ) -> AsyncIterator[wire.ProposalView]:
        """What is proposed about organisations, newest first."""
        return self._pages(wire.ProposalView, "/proposals", organisation=organisation, status=status)

    async def propose(self, body: wire.NewProposal) -> wire.ProposalView:
        """Propose other powers for an organisation, its end, or its opening."""
        return await self._post(wire.ProposalView, "/proposals", body)

    async def confirm(self, proposal_id: Id) -> wire.ProposalView:
        """Do what another person proposed."""
        return await self._post(wire.ProposalView, at("proposals", proposal_id, "confirmation"))

    async def withdraw(self, proposal_id: Id, body: wire.Explanation) -> wire.ProposalView:
        """Take a proposal back."""
        return await self._post(wire.ProposalView, at("proposals", proposal_id, "withdrawal"), body)
