"""Providers: entered under their licence, changed, closed by themselves, looked up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from access_control.errors import BadBranch, NoSupervisor
from access_control.lifecycle import ProviderAction
from access_control.policy import POLICY, Act
from access_control.service import licences, queue, trials
from access_control.store import licences as licence_store
from access_control.store import providers as store
from access_control.store.licences import Licence
from access_control.store.providers import Key, Provider
from shared.contracts.grounds import AuthorityRef
from shared.contracts.http.providers import ChangedProvider, NewContact, NewProvider
from shared.rules import Role
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import PreconditionFailed
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery

NETWORK: Final = "public_network"


@dataclass(frozen=True, slots=True)
class Known:
    """A provider with every licence and every key it ever had."""

    provider: Provider
    licences: list[Licence]
    keys: list[Key]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where a provider is to be entered, as the policy sees it."""

    region: str


async def register(tx: Tx, rt: Runtime, who: Caller, body: NewProvider) -> Known:
    """Enter a provider; it can now host registered sites and has a feed and two topics of its own.

    A sandbox has those too, and nobody else hears of it. Raises Forbidden (403) elsewhere; BadLicence, NoSupervisor
    (422); LicenceTaken, NoSandboxKey (409).
    """
    POLICY.require(who, Act.REGISTER_PROVIDER, _Asked(body.region))
    at, provider_id = rt.clock.now(), uuid7()
    if body.licence is None:
        trials.require_key(rt)
    licence = licences.normal_number(rt, body.licence.number) if body.licence else f"sandbox {provider_id}"
    entered = await store.add(
        tx, provider_id, name=body.name, licence_number=licence, region=body.region, kind=body.kind,
        contact=body.contact, supervisor=_supervisor(rt, body.kind, body.supervisor),
        daily_capacity=body.daily_capacity, sandbox=body.sandbox, by=who.person, at=at,
    )  # fmt: skip
    held = [await licences.enter(tx, rt, who, entered, body.licence)] if body.licence else []
    store.MOVES.began(tx, entered, "register", who=who, why=f"Licence {licence}", at=at)
    licences.tell(tx, entered, at)
    return Known(entered, held, [])


async def change(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, version: int, body: ChangedProvider) -> Known:
    """Change its name, whom to ask there, who supervises it and what it can do in a day.

    A supervisor that is not named stays: no network loses the one through whom it is ordered. Orders that are out stay
    out; a higher capacity lets those that wait go at once, one after the other.

    Raises UnknownProvider (404), Forbidden (403), PreconditionFailed (412), NoSupervisor (422).
    """
    at, provider = rt.clock.now(), await store.hold(tx, provider_id)
    POLICY.require(who, Act.CHANGE_PROVIDER, provider)
    if provider.version != version:
        raise PreconditionFailed(version=provider.version)
    supervisor = _supervisor(rt, provider.kind, body.supervisor) if body.supervisor else provider.supervisor
    capacity, why = body.daily_capacity or provider.daily_capacity, "The provider's particulars changed."
    if capacity != provider.daily_capacity:
        why = f"{why} Orders a day: {provider.daily_capacity or 'no bound'}, now {capacity}."
    changed = await store.MOVES.change(
        tx, provider, "change", who=who, why=why, at=at, name=body.name,
        contact=body.contact, supervisor=supervisor.model_dump(mode="json") if supervisor else None,
        daily_capacity=capacity,
    )  # fmt: skip
    licences.tell(tx, changed, at)
    await queue.ask_again(tx, changed, at)
    return await _known(tx, changed)


async def change_contact(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, version: int, body: NewContact) -> Known:
    """The provider itself says whom to ask there, and in other provinces.

    Raises UnknownProvider (404), Forbidden (403), PreconditionFailed (412), BadBranch (422).
    """
    at, provider = rt.clock.now(), await store.hold(tx, provider_id)
    POLICY.require(who, Act.CHANGE_CONTACT, provider)
    if provider.version != version:
        raise PreconditionFailed(version=provider.version)
    why, changes = "The provider says whom to ask there.", dict[str, Any](contact=body.contact)
    if body.branches is not None:
        if strange := [each.region for each in body.branches if each.region not in rt.rules.provinces]:
            raise BadBranch.field("branches", f"are for no provinces: {', '.join(strange)}")
        changes["branches"] = [branch.model_dump(mode="json") for branch in body.branches]
    changed = await store.MOVES.change(tx, provider, "change_contact", who=who, why=why, at=at, **changes)
    licences.tell(tx, changed, at)
    return await _known(tx, changed)


async def close(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, *, reasons: str) -> Known:
    """The provider itself hosts nobody new any more; its sites have time to find another host.

    Raises UnknownProvider (404), Forbidden (403), ActionRefused (409).
    """
    return await _moved(tx, rt, who, provider_id, ProviderAction.CLOSE, reasons)


async def reopen(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, *, reasons: str) -> Known:
    """The provider itself is there again. Raises UnknownProvider (404), Forbidden (403), ActionRefused (409)."""
    return await _moved(tx, rt, who, provider_id, ProviderAction.REOPEN, reasons)


async def _moved(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, action: ProviderAction, reasons: str) -> Known:
    at, provider = rt.clock.now(), await store.hold(tx, provider_id)
    POLICY.require(who, Act.CLOSE_PROVIDER, provider)
    moved = await store.MOVES.move(tx, provider, action, who=who, why=reasons, at=at)
    licences.tell(tx, moved, at)
    return await _known(tx, await licences.settle(tx, rt, moved, at))


async def get(tx: Tx, who: Caller, provider_id: UUID) -> Known:
    """One provider with its licences and keys. Raises UnknownProvider (404), Forbidden (403) for another provider."""
    provider = await store.get(tx, provider_id)
    POLICY.require(who, Act.SEE_PROVIDER, provider)
    return await _known(tx, provider)


async def page(tx: Tx, who: Caller, query: PageQuery) -> list[Known]:
    """Providers the caller reaches with their licences and keys, newest first."""
    return await _with_all(tx, await store.page(tx, POLICY.reach(who, Act.SEE_PROVIDER), query))


async def _known(tx: Tx, provider: Provider) -> Known:
    (known,) = await _with_all(tx, [provider])
    return known


async def _with_all(tx: Tx, found: Sequence[Provider]) -> list[Known]:
    ids = [provider.id for provider in found]
    held, keys = await licence_store.of_providers(tx, *ids), await store.keys(tx, *ids)
    return [Known(provider, held[provider.id], keys[provider.id]) for provider in found]


def _supervisor(rt: Runtime, kind: str, organisation: str | None) -> AuthorityRef | None:
    if organisation is None and kind != NETWORK:
        return None
    if organisation is None:
        raise NoSupervisor.field("supervisor", "is who passes orders on to a public network: it has one (P3.4)")
    known = rt.directory.get(organisation)
    if kind != NETWORK or known is None or not known.active or Role.NETWORK_SUPERVISOR not in known.kinds:
        raise NoSupervisor.field("supervisor", f"{organisation} supervises no network, or this is none")
    return known.ref
