"""Verbs of providers: enter one, look them up."""

from dataclasses import dataclass
from uuid import UUID

from access_control.bodies import NewProvider
from access_control.errors import UnknownProvider
from access_control.policy import POLICY, Act
from access_control.store import providers as store
from access_control.store.providers import Key, Provider
from shared.contracts.access import ProviderRegisteredV1
from shared.runtime.acts import history, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery


@dataclass(frozen=True, slots=True)
class ProviderWithKeys:
    """A provider and every key it ever had."""

    provider: Provider
    keys: list[Key]


async def register(rt: Runtime, who: Caller, body: NewProvider) -> ProviderWithKeys:
    """Enter a provider; it can now host registered sites and has a feed and two topics of its own. 403 elsewhere."""
    now = rt.clock.now()
    provider = Provider(
        id=uuid7(),
        name=body.name,
        licence_number=body.licence_number,
        region=body.region,
        kind=body.kind,
        contact=body.contact,
        head=0,
        registered_by=who.subject,
        registered_at=now,
    )
    POLICY.require(who, Act.REGISTER_PROVIDER, provider)
    async with rt.db.transaction() as tx:
        entered = await store.add(tx, provider)
        history.add(
            tx,
            aggregate="provider",
            aggregate_id=provider.id,
            action="register",
            from_status=None,
            to_status="registered",
            who=who,
            why=f"Licence {body.licence_number}",
            at=now,
        )
        fact = ProviderRegisteredV1(
            provider_id=provider.id,
            name=provider.name,
            licence_number=provider.licence_number,
            kind=provider.kind,
            region=provider.region,
        )
        outbox.add(tx, fact, at=now)
    return ProviderWithKeys(entered, [])


async def known(tx: Tx, provider_id: UUID) -> Provider:
    """The provider, or UnknownProvider (404)."""
    provider = await store.get(tx, provider_id)
    if provider is None:
        raise UnknownProvider(provider_id=provider_id)
    return provider


async def get(rt: Runtime, who: Caller, provider_id: UUID) -> ProviderWithKeys:
    """One provider with its keys. 404; 403 for another provider."""
    async with rt.db.connection() as tx:
        provider = await known(tx, provider_id)
        POLICY.require(who, Act.SEE_PROVIDER, provider)
        return ProviderWithKeys(provider, await store.keys(tx, provider_id))


async def listed(rt: Runtime, who: Caller, query: PageQuery) -> list[ProviderWithKeys]:
    """Providers with their keys, newest first; officials only."""
    POLICY.require(who, Act.LIST_PROVIDERS)
    async with rt.db.connection() as tx:
        page = await store.page(tx, query)
        keys = await store.keys_of_many(tx, [provider.id for provider in page])
    return [ProviderWithKeys(provider, keys[provider.id]) for provider in page]
