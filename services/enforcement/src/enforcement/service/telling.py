"""Whom a referral is about is told: at once, at its date, or as soon as anything is decided about the same subject."""

from typing import Final
from uuid import UUID

from enforcement.store import cases, decisions, referrals, sites
from enforcement.store.cases import Case
from enforcement.store.referrals import Referral
from shared.contracts.grounds import ActRef, AddressForService, Names, Service
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

TOLD: Final = "referral_told"
"""Kind of deadline: until then it may be kept from whom a referral is about."""
_SYSTEM: Final = Caller.system("enforcement")
_TOLD: Final = Names(zh="移送告知书", en="Evidence about you was handed to another authority")


async def of_referral(tx: Tx, rt: Runtime, case: Case, referral: Referral, why: str) -> Referral:
    """A notice to whom it is about, once."""
    if referral.told_at is not None:
        return referral
    at = rt.clock.now()
    told = await referrals.MOVES.change(tx, referral, "tell", who=_SYSTEM, why=why, at=at, told_at=at)
    await deadlines.met(tx, TOLD, referral.id, at)
    await notice(tx, rt, case, told)
    return told


async def notice(tx: Tx, rt: Runtime, case: Case, referral: Referral) -> None:
    """What whom it is about is told."""
    known = await sites.of_operator(tx, case.identity)
    await notices.issue(
        tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind="referral", id=referral.id), kind="referred",
        to=case.operator, address=known.operator.address_for_service if known is not None else AddressForService(),
        authority=case.authority, title=_TOLD, says=referral.statement,
    )  # fmt: skip


async def at_its_date(rt: Runtime, tx: Tx, referral_id: UUID) -> None:
    """The date of a delay has come: whom it is about is told, whatever anybody does."""
    case = await cases.hold(tx, (await referrals.get(tx, referral_id)).case_id)
    referral = await referrals.get(tx, referral_id)
    if referral.sent_at is not None:
        await of_referral(tx, rt, case, referral, "The date until which it was kept back has come.")


async def of_subject(tx: Tx, rt: Runtime, case: Case) -> None:
    """Something is released about the subject of a held case: nothing is kept from whom it burdens any more."""
    await decisions.hold_subject(tx, case)
    for referral in await referrals.untold_about(tx, case):
        of_it = await cases.get(tx, referral.case_id)
        await of_referral(tx, rt, of_it, referral, "A decision about the same subject was released.")
