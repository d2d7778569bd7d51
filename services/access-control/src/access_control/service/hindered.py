"""What keeps a provider from answering through no doing of its own; meanwhile nothing that burdens becomes overdue.

A site that should be back waits, whoever is to blame: the clock of a restore runs.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from access_control import told
from access_control.store import providers, receipts
from access_control.store.providers import Provider
from shared.contracts.grounds import AuthorityRef
from shared.contracts.topics import receipts_topic
from shared.rules import Level
from shared.runtime.acts.directory import AuthorityMissing
from shared.runtime.acts.documents import IssuerHasNoKey, signer_of
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx
from shared.signing import Signer


@dataclass(frozen=True, slots=True)
class Hindrance:
    """``now``: it cannot answer. ``lost``: how long it could not, as the desk had revoked its last key."""

    now: bool
    lost: timedelta


def countersigner(rt: Runtime, provider: Provider) -> tuple[Signer, AuthorityRef]:
    """Who answers receipts: the regulator of the province; where it has no key, as where there is none, the ministry.

    No regulator vouches for a trial. Raises IssuerHasNoKey (503), AuthorityMissing (409).
    """
    if provider.sandbox:
        return signer_of(rt, told.SANDBOX.id), told.SANDBOX
    try:
        regulator = rt.directory.regulator(Level.PROVINCE, provider.region)
        return signer_of(rt, regulator.id), regulator
    except (AuthorityMissing, IssuerHasNoKey):
        ministry = rt.directory.regulator(Level.NATIONAL)
        return signer_of(rt, ministry.id), ministry


async def of(tx: Tx, rt: Runtime, provider_id: UUID, since: datetime, at: datetime) -> Hindrance:
    """How a provider was kept from answering between these times, and whether it is now."""
    muted = await providers.muted(tx, provider_id)
    lost = sum(
        (max(min(each.until or at, at) - max(each.since, since), timedelta()) for each in muted), start=timedelta()
    )
    return Hindrance(any(each.until is None for each in muted) or await _unanswered(tx, rt, provider_id), lost)


async def _unanswered(tx: Tx, rt: Runtime, provider_id: UUID) -> bool:
    """Whether nobody here can answer what it signs, or something that it signed is parked."""
    try:
        countersigner(rt, await providers.get(tx, provider_id))
    except (AuthorityMissing, IssuerHasNoKey):
        return True
    return await receipts.parked(tx, receipts_topic(provider_id).name)
