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

    async def enter(self, body: wire.NewOrganisation) -> wire.OrganisationDetails:
        """Enter an organisation."""
        return await self._post(wire.OrganisationDetails, "/organisations", body)

    async def change(
        self, organisation_id: Id, version: int, body: wire.OrganisationChange
    ) -> wire.OrganisationDetails:
        """Say what an organisation is from now on; it must still be at ``version``."""
        return await self._put(wire.OrganisationDetails, at("organisations", organisation_id), body, version=version)

    async def close(self, organisation_id: Id, body: wire.Explanation) -> wire.OrganisationDetails:
        """Close an organisation: nobody acts for it any more."""
        return await self._post(wire.OrganisationDetails, at("organisations", organisation_id, "closure"), body)

    async def reopen(self, organisation_id: Id, body: wire.Explanation) -> wire.OrganisationDetails:
        """Undo a closure."""
        return await self._post(wire.OrganisationDetails, at("organisations", organisation_id, "reopening"), body)
