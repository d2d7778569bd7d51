"""Providers: entered under their licence, changed, looked up."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from access_control import told
from access_control.errors import BadLicence, LicenceTaken, NoSupervisor
from access_control.policy import POLICY, Act
from access_control.service import queue
from access_control.store import providers as store
from access_control.store.providers import Key, Provider
from shared.contracts.grounds import AuthorityRef
from shared.contracts.http.providers import ChangedProvider, NewProvider
from shared.rules import Role
from shared.rules.identifiers import InvalidIdentifier, looks_like_number, parse_number
from shared.rules.identifiers.base import compact
from shared.runtime.acts import outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery

NETWORK: Final = "public_network"


@dataclass(frozen=True, slots=True)
class ProviderWithKeys:
    """A provider and every key it ever had."""

    provider: Provider
    keys: list[Key]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where a provider is to be entered, as the policy sees it."""

    region: str


async def register(tx: Tx, rt: Runtime, who: Caller, body: NewProvider) -> ProviderWithKeys:
    """Enter a provider; it can now host registered sites and has a feed and two topics of its own.

    Raises Forbidden (403) elsewhere; BadLicence, NoSupervisor (422); LicenceTaken (409).
    """
    POLICY.require(who, Act.REGISTER_PROVIDER, _Asked(body.region))
    at, licence = rt.clock.now(), normal_licence(rt, body.licence_number)
    entered = await store.add(
        tx, uuid7(), name=body.name, licence_number=licence, region=body.region, kind=body.kind, contact=body.contact,
        supervisor=_supervisor(rt, body.kind, body.supervisor), daily_capacity=body.daily_capacity, by=who.person,
        at=at,
    )  # fmt: skip
    if entered is None:
        raise LicenceTaken(licence_number=licence, provider_id=str(await store.by_licence(tx, licence)))
    store.MOVES.began(tx, entered, "register", who=who, why=f"Licence {licence}", at=at)
    outbox.add(tx, told.provider(entered), at=at)
    return ProviderWithKeys(entered, [])


async def change(
    tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, version: int, body: ChangedProvider
) -> ProviderWithKeys:
    """Change its name, whom to ask there, who supervises it and what it can do in a day.

    Orders that are out stay out; a higher capacity lets those that wait go at once, one after the other.

    Raises UnknownProvider (404), Forbidden (403), PreconditionFailed (412), NoSupervisor (422).
    """
    at, provider = rt.clock.now(), await store.hold(tx, provider_id)
    POLICY.require(who, Act.CHANGE_PROVIDER, provider)
    if provider.version != version:
        raise PreconditionFailed(version=provider.version)
    supervisor = _supervisor(rt, provider.kind, body.supervisor)
    capacity, why = body.daily_capacity or provider.daily_capacity, "The provider's particulars changed."
    if capacity != provider.daily_capacity:
        why = f"{why} Orders a day: {provider.daily_capacity or 'no bound'}, now {capacity}."
    changed = await store.MOVES.change(
        tx, provider, "change", who=who, why=why, at=at, name=body.name,
        contact=body.contact, supervisor=supervisor.model_dump(mode="json") if supervisor else None,
        daily_capacity=capacity,
    )  # fmt: skip
    outbox.add(tx, told.provider(changed), at=at)
    await queue.ask_again(tx, changed, at)
    return ProviderWithKeys(changed, (await store.keys(tx, provider_id))[provider_id])


async def change_contact(
    tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, version: int, contact: str
) -> ProviderWithKeys:
    """The provider itself says whom to ask there. Raises UnknownProvider (404), Forbidden (403), PreconditionFailed."""
    at, provider = rt.clock.now(), await store.hold(tx, provider_id)
    POLICY.require(who, Act.CHANGE_CONTACT, provider)
    if provider.version != version:
        raise PreconditionFailed(version=provider.version)
    why = "The provider says whom to ask there."
    changed = await store.MOVES.change(tx, provider, "change_contact", who=who, why=why, at=at, contact=contact)
    outbox.add(tx, told.provider(changed), at=at)
    return ProviderWithKeys(changed, (await store.keys(tx, provider_id))[provider_id])


async def get(tx: Tx, who: Caller, provider_id: UUID) -> ProviderWithKeys:
    """One provider with its keys. Raises UnknownProvider (404), Forbidden (403) for another provider."""
    provider = await store.get(tx, provider_id)
    POLICY.require(who, Act.SEE_PROVIDER, provider)
    return ProviderWithKeys(provider, (await store.keys(tx, provider_id))[provider_id])


async def page(tx: Tx, who: Caller, query: PageQuery) -> list[ProviderWithKeys]:
    """Providers the caller reaches with their keys, newest first."""
    found = await store.page(tx, POLICY.reach(who, Act.SEE_PROVIDER), query)
    keys = await store.keys(tx, *(provider.id for provider in found))
    return [ProviderWithKeys(provider, keys[provider.id]) for provider in found]


def normal_licence(rt: Runtime, written: str) -> str:
    """The one form of a licence number, however it was typed: one licence registers once.

    Licences for hosting alone are numbered otherwise than the profile's own (京B1-20150001); of these blanks, case and
    full-width signs are forgiven. Raises BadLicence for one that is meant as a number of the profile and is none.
    """
    try:
        return parse_number(written, rt.rules).registration
    except InvalidIdentifier as error:
        if looks_like_number(written, rt.rules) or not compact(written):
            raise BadLicence.field("licence_number", error.message) from error
        return compact(written)


def _supervisor(rt: Runtime, kind: str, organisation: str | None) -> AuthorityRef | None:
    if organisation is None:
        return None
    known = rt.directory.get(organisation)
    if kind != NETWORK or known is None or not known.active or Role.NETWORK_SUPERVISOR not in known.kinds:
        raise NoSupervisor.field("supervisor", f"{organisation} supervises no network, or this is none")
    return known.ref
