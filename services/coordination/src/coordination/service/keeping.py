"""What every change of the directory does besides: keeps the version, tells it, and updates this service's own copy."""

from coordination import told
from coordination.store import entries
from coordination.store.entries import Entry
from shared.contracts.directory import OrganisationRecordedV1
from shared.runtime.acts import directory, outbox
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx


def remember(tx: Tx, entry: Entry, *, action: str, who: Caller, why: str) -> OrganisationRecordedV1:
    """Keep the version of an entry that was just written, and tell it."""
    entries.keep_version(tx, entry, action, who.organisation, why)
    fact = told.recorded(entry)
    outbox.add(tx, fact, at=entry.changed_at)
    return fact


async def keep(tx: Tx, entry: Entry, *, action: str, who: Caller, why: str) -> None:
    """The same, and what this service itself recognises people by."""
    await directory.take_over(tx, [remember(tx, entry, action=action, who=who, why=why)])
