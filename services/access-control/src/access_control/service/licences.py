"""Licences under which providers host: entered, renewed, given up, watched by the clock (docs/adr/0024).

All that follows from a provider without a licence in force is that no new site is registered at it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from access_control import told
from access_control.errors import BadLicence, GivenUp, IsSandbox, LicenceShortened, LicenceTaken
from access_control.lifecycle import PROVIDER, LicenceAction, ProviderAction, ProviderStatus
from access_control.policy import POLICY, Act
from access_control.service.sending import SYSTEM
from access_control.store import licences as store
from access_control.store import providers
from access_control.store.licences import Licence
from access_control.store.providers import Provider
from shared.contracts.http.providers import LicenceStatus, NewLicence
from shared.rules.identifiers import InvalidIdentifier, looks_like_number, parse_number
from shared.rules.identifiers.base import compact
from shared.runtime.acts import deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

CLOCK: Final = "provider_licence"
"""Kind of deadline, of a licence, and the profile's clock whose stages warn."""
MOST_YEARS: Final = 50
OVER: Final = "No licence of its is in force: no new site is registered at it; those that it hosts stay."
AGAIN: Final = "A licence of its is in force."


def tell(tx: Tx, provider: Provider, at: datetime) -> None:
    """Say to the departments how a provider stands; a sandbox is none of theirs."""
    if not provider.sandbox:
        outbox.add(tx, told.provider(provider), at=at)


async def enter(tx: Tx, rt: Runtime, who: Caller, provider: Provider, new: NewLicence) -> Licence:
    """Enter a licence of a held provider, and let its clock run. Raises BadLicence (422), LicenceTaken (409)."""
    at, number = rt.clock.now(), normal_number(rt, new.number)
    _possible(rt, provider, new, at)
    await _free(tx, rt, number, at)
    entered = await store.add(tx, uuid7(), provider.id, new, number, by=who.person, at=at)
    store.MOVES.began(tx, entered, "enter", who=who, why=f"Licence {number} of provider {provider.id}", at=at)
    await deadlines.watch(tx, rt, CLOCK, entered.id, entered.valid_until, CLOCK, at)
    return entered


async def add(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, new: NewLicence) -> Licence:
    """Enter one more. Raises UnknownProvider (404), Forbidden (403), BadLicence (422); LicenceTaken, IsSandbox."""
    provider = await providers.hold(tx, provider_id)
    POLICY.require(who, Act.ENTER_LICENCE, provider)
    if provider.sandbox:
        raise IsSandbox(provider_id=provider_id)
    entered = await enter(tx, rt, who, provider, new)
    await settle(tx, rt, provider, rt.clock.now())
    return entered


async def renew(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, licence_id: UUID, valid_until: date) -> Licence:
    """Let a licence end later; nobody moves its end to an earlier day.

    Raises UnknownProvider, UnknownLicence (404), Forbidden (403); GivenUp, LicenceShortened, LicenceTaken (409);
    BadLicence (422).
    """
    at, provider = rt.clock.now(), await providers.hold(tx, provider_id)
    POLICY.require(who, Act.ENTER_LICENCE, provider)
    licence = await store.hold(tx, provider_id, licence_id)
    if licence.status is LicenceStatus.GIVEN_UP:
        raise GivenUp(number=licence.number)
    if licence.valid_until is None or valid_until <= licence.valid_until:
        raise LicenceShortened(valid_until=licence.valid_until and licence.valid_until.isoformat())
    _within_reach(rt, valid_until, at)
    await _free(tx, rt, licence.number, at, licence.id)
    why = f"Valid until {valid_until}, before that {licence.valid_until}."
    renewed = await store.MOVES.change(tx, licence, "renew", who=who, why=why, at=at, valid_until=valid_until)
    await deadlines.watch(tx, rt, CLOCK, renewed.id, renewed.valid_until, CLOCK, at)
    await settle(tx, rt, provider, at)
    return renewed


async def give_up(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, licence_id: UUID, *, reasons: str) -> Licence:
    """The provider itself has it no more, and is told that it said so; the desk can enter its number again.

    Raises UnknownProvider, UnknownLicence (404), Forbidden (403), ActionRefused (409).
    """
    at, provider = rt.clock.now(), await providers.hold(tx, provider_id)
    POLICY.require(who, Act.GIVE_UP_LICENCE, provider)
    licence = await store.hold(tx, provider_id, licence_id)
    gone = await store.MOVES.move(tx, licence, LicenceAction.GIVE_UP, who=who, why=reasons, at=at)
    await deadlines.met(tx, CLOCK, licence_id, at)
    settled = await settle(tx, rt, provider, at)
    _warn(tx, settled, gone, rt.rules.day_of(at), at, over=True)
    return gone


async def settle(tx: Tx, rt: Runtime, provider: Provider, at: datetime) -> Provider:
    """Say of a held provider whether a licence of its is in force; one that closed stays so."""
    licensed = provider.sandbox or any_in_force(rt, (await store.of_providers(tx, provider.id))[provider.id], at)
    action, why = (ProviderAction.GAIN_LICENCE, AGAIN) if licensed else (ProviderAction.LOSE_LICENCE, OVER)
    if not PROVIDER.can(provider.status, action):
        return provider
    moved = await providers.MOVES.move(tx, provider, action, who=SYSTEM, why=why, at=at)
    tell(tx, moved, at)
    return moved


async def ring(rt: Runtime, tx: Tx, licence_id: UUID) -> None:
    """The clock of a licence rings: its last day comes near, or is over, and its provider is told."""
    provider = await providers.hold(tx, await store.provider_of(tx, licence_id))
    licence, at = await store.hold(tx, provider.id, licence_id), await deadlines.ringing(tx, rt, CLOCK, licence_id)
    if licence.status is LicenceStatus.GIVEN_UP or licence.valid_until is None:
        return
    over = rt.rules.day_of(at) > licence.valid_until
    if not over:
        await deadlines.watch(tx, rt, CLOCK, licence.id, licence.valid_until, CLOCK, at)
    settled = await settle(tx, rt, provider, at)
    if settled.status is not ProviderStatus.CLOSED:
        _warn(tx, settled, licence, licence.valid_until, at, over=over)


def _warn(tx: Tx, provider: Provider, licence: Licence, last_day: date, at: datetime, *, over: bool) -> None:
    licensed = provider.status is not ProviderStatus.UNLICENSED
    outbox.add(tx, told.licence_ending(provider, licence, last_day, at, over=over, licensed=licensed), at=at)


async def _free(tx: Tx, rt: Runtime, number: str, at: datetime, but: UUID | None = None) -> None:
    """Whether no other licence in force has this number, which nobody else enters until this is done.

    Raises LicenceTaken (409).
    """
    if holder := await store.holder(tx, number, rt.rules.day_of(at), but):
        raise LicenceTaken(licence_number=number, provider_id=str(holder))


def _within_reach(rt: Runtime, valid_until: date | None, at: datetime) -> None:
    """No licence is for longer than anybody's clock here can count. Raises BadLicence."""
    if valid_until is not None and valid_until.year - rt.rules.day_of(at).year > MOST_YEARS:
        raise BadLicence.field("valid_until", f"is more than {MOST_YEARS} years away")


def any_in_force(rt: Runtime, held: Sequence[Licence], at: datetime) -> bool:
    """Whether one of these is in force then. Who has none on record was entered before they were kept."""
    return not held or any(licence.in_force(rt.rules.day_of(at)) for licence in held)


def _possible(rt: Runtime, provider: Provider, new: NewLicence, at: datetime) -> None:
    """Raises BadLicence for what cannot be, or does not hold where its provider is."""
    faults = []
    if new.kind not in rt.rules.provider_licences:
        faults.append(("kind", f"is none of: {', '.join(rt.rules.provider_licences)}"))
    if strange := [region for region in new.provinces if region not in rt.rules.provinces]:
        faults.append(("provinces", f"are no provinces: {', '.join(strange)}"))
    elif new.provinces and provider.region not in new.provinces:
        faults.append(("provinces", f"leave out {provider.region}, the province of the provider"))
    if new.valid_from > rt.rules.day_of(at):
        faults.append(("valid_from", "is in the future: enter it when it holds"))
    _within_reach(rt, new.valid_until, at)
    if new.valid_until is not None and new.valid_until < rt.rules.day_of(at):
        faults.append(("valid_until", "is over"))
    if faults:
        raise BadLicence([{"field": f"licence.{name}", "message": message} for name, message in faults])


def normal_number(rt: Runtime, written: str) -> str:
    """The one form of a licence number, however it was typed, so that one licence is known as the same.

    Licences for hosting alone are numbered otherwise than the profile's own (京B1-20150001); of these blanks, case and
    full-width signs are forgiven. Raises BadLicence for one that is meant as a number of the profile and is none.
    """
    try:
        return parse_number(written, rt.rules).registration
    except InvalidIdentifier as error:
        if looks_like_number(written, rt.rules) or not compact(written):
            raise BadLicence.field("licence.number", error.message) from error
        return compact(written)
