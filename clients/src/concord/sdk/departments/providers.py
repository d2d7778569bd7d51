"""Providers at the access desk: their particulars, keys and conduct record."""

from collections.abc import AsyncIterator

from concord.sdk.answers import at
from concord.sdk.departments.base import Department, Id
from shared.contracts.http import providers as wire
from shared.contracts.http.access import OrderView, WithReasons
from shared.contracts.http.trials import NewTrial


class Providers(Department):
    """Who hosts sites and is sent orders."""

    service = "access-control"

    async def register_provider(self, body: wire.NewProvider) -> wire.ProviderView:
        """Enter a provider."""
        return await self._post(wire.ProviderView, "/providers", body)

    async def get_provider(self, provider_id: Id) -> wire.ProviderView:
        """One provider with its keys and topics."""
        return await self._get(wire.ProviderView, at("providers", provider_id))

    def providers(self) -> AsyncIterator[wire.ProviderView]:
        """Every provider."""
        return self._pages(wire.ProviderView, "/providers")

    async def change_provider(self, provider_id: Id, version: int, body: wire.ChangedProvider) -> wire.ProviderView:
        """Say a provider's name, contact and supervisor as they are from now on; it must still be at ``version``."""
        return await self._put(wire.ProviderView, at("providers", provider_id), body, version=version)

    async def change_contact(self, provider_id: Id, version: int, body: wire.NewContact) -> wire.ProviderView:
        """Say, as the provider, whom to ask there and in other provinces."""
        return await self._put(wire.ProviderView, at("providers", provider_id, "contact"), body, version=version)

    async def close_provider(self, provider_id: Id, body: WithReasons) -> wire.ProviderView:
        """Host, as the provider, nobody new any more."""
        return await self._post(wire.ProviderView, at("providers", provider_id, "close"), body)

    async def reopen_provider(self, provider_id: Id, body: WithReasons) -> wire.ProviderView:
        """Be there again, as the provider."""
        return await self._post(wire.ProviderView, at("providers", provider_id, "reopen"), body)

    async def add_licence(self, provider_id: Id, body: wire.NewLicence) -> wire.LicenceView:
        """Enter one more licence of a provider."""
        return await self._post(wire.LicenceView, at("providers", provider_id, "licences"), body)

    async def renew_licence(self, provider_id: Id, licence_id: Id, body: wire.RenewedLicence) -> wire.LicenceView:
        """Let a licence end later."""
        path = at("providers", provider_id, "licences", licence_id, "renewal")
        return await self._post(wire.LicenceView, path, body)

    async def give_up_licence(self, provider_id: Id, licence_id: Id, body: WithReasons) -> wire.LicenceView:
        """Give a licence up, as the provider."""
        path = at("providers", provider_id, "licences", licence_id, "give-up")
        return await self._post(wire.LicenceView, path, body)

    async def try_order(self, provider_id: Id, body: NewTrial) -> OrderView:
        """Ask, as a sandbox, for an order about names that are nobody's."""
        return await self._post(OrderView, at("providers", provider_id, "trial-orders"), body)

    async def end_trial(self, provider_id: Id, order_id: Id) -> OrderView:
        """Take, as a sandbox, a trial order back: a restore goes out."""
        return await self._post(OrderView, at("providers", provider_id, "trial-orders", order_id, "end"))

    def conduct(self, provider_id: Id) -> AsyncIterator[wire.ConductEntryView]:
        """The conduct record of a provider, newest first."""
        return self._pages(wire.ConductEntryView, at("providers", provider_id, "conduct"))

    def conduct_disputes(self) -> AsyncIterator[wire.ConductEntryView]:
        """Entries that your organisation decided and their providers dispute, unanswered, newest first."""
        return self._pages(wire.ConductEntryView, at("conduct-disputes"))

    def disputed_findings(self) -> AsyncIterator[wire.NotedFindingView]:
        """Findings in conduct records whose providers dispute them, for your organisation to answer, newest first."""
        return self._pages(wire.NotedFindingView, at("conduct-disputes", "findings"))

    async def dispute_conduct(self, provider_id: Id, entry_id: Id, body: WithReasons) -> wire.ConductEntryView:
        """Say, as the provider, why an entry is wrong; it does not count until it is answered."""
        path = at("providers", provider_id, "conduct", entry_id, "dispute")
        return await self._post(wire.ConductEntryView, path, body)

    async def keep_conduct(self, provider_id: Id, entry_id: Id, body: WithReasons) -> wire.ConductEntryView:
        """Stand by an entry that its provider disputes."""
        path = at("providers", provider_id, "conduct", entry_id, "dispute-answer")
        return await self._post(wire.ConductEntryView, path, body)

    def conduct_findings(self, provider_id: Id) -> AsyncIterator[wire.NotedFindingView]:
        """What a provider left unanswered of its lists of sites, newest first."""
        return self._pages(wire.NotedFindingView, at("providers", provider_id, "conduct", "findings"))

    async def add_key(self, provider_id: Id, body: wire.NewKey) -> wire.KeyView:
        """Register a public key of a provider."""
        return await self._post(wire.KeyView, at("providers", provider_id, "keys"), body)

    async def revoke_key(self, provider_id: Id, kid: str, body: WithReasons) -> wire.KeyView:
        """Revoke a key of a provider."""
        return await self._post(wire.KeyView, at("providers", provider_id, "keys", kid, "revocation"), body)
