"""A directory begins with the organisations of the rule profile."""

from coordination.lifecycle import Status
from coordination.service.keeping import remember
from coordination.store import entries
from shared.contracts.http.coordination import Contacts
from shared.runtime.acts import directory
from shared.runtime.acts.directory import founding
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7

ACTION = "found"
BESIDE = frozenset({"organisation_id", "version", "status", "level", "region", "kinds"})
"""Fields of a record that have a column of their own."""


async def found(rt: Runtime) -> None:
    """Enter what the profile lists and the directory never had, with its source; what is there is left as it is.

    Run at each start, by every process: those that come second find nothing to do.
    """
    who = Caller.system("founding")
    async with rt.db.transaction() as tx:
        await entries.one_at_a_time(tx)
        facts = []
        known = {entry.organisation for entry in await entries.everything(tx)}
        for record in founding(rt.rules):
            if record.organisation_id in known:
                continue
            entry = await entries.add(
                tx,
                uuid7(),
                record.organisation_id,
                rt.clock.now(),
                status=Status.ACTIVE,
                level=record.level,
                region=record.region,
                kinds=record.kinds,
                particulars=record.model_dump(mode="json", exclude=set(BESIDE)),
                contacts=Contacts(),
            )
            assert entry is not None
            why = f"{rt.rules.id}: {rt.rules.organisations[record.organisation_id].source}"
            entries.ENTRIES.began(tx, entry, ACTION, who=who, why=why, at=entry.changed_at)
            facts.append(remember(tx, entry, action=ACTION, who=who, why=why))
        await directory.take_over(tx, facts)
