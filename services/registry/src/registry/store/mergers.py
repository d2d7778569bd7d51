"""Mergers of operators, and what moves with them: who is known under which identity, and what is one's own."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownMerger
from registry.lifecycle import MERGER, MergerAction, MergerStatus
from registry.store import registrations
from registry.store.registrations import Registration
from shared.contracts.grounds import Statement
from shared.contracts.http.mergers import MovingExecution, Objection
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Merger:
    """Two operators that become one; the last three are the policy's words: whose, and in which provinces."""

    id: UUID
    version: int
    status: MergerStatus
    survivor_id: UUID
    merged_id: UUID
    survivor_act_id: UUID
    statement: Statement
    digest: str
    proposed_by: str
    confirmed_by: str | None
    confirm_from: datetime
    objections: tuple[Objection, ...]
    moved: dict[str, Any] | None
    left_behind: list[str] | None
    appeal_until: datetime | None
    proposed_at: datetime
    changed_at: datetime
    proved_by: tuple[str, ...]
    """Who says of a letter that it told one of the two of what is intended."""
    organisation: tuple[str, ...]
    region: str
    merged_region: str

    @property
    def took_part(self) -> tuple[str, ...]:
        """Who proposed it, and who proved what frees the second signature: neither is the second person."""
        return self.proposed_by, *self.proved_by


@dataclass(frozen=True, slots=True)
class Appealable:
    """A confirmed merger that may still fall: the time to appeal is not over, or an appeal is open."""

    id: UUID
    appeal_until: datetime | None
    appealed: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of everything an operator has."""

    sites: int
    accesses: int
    amendments: int
    approvals: int


COLUMNS: Final = """id, version, status, survivor_id, merged_id, survivor_act_id, statement, digest, proposed_by,
       confirmed_by, confirm_from, objections, moved, left_behind, appeal_until, proposed_at, changed_at,
       ARRAY(SELECT DISTINCT person FROM notice n JOIN postal_proof p ON p.notice_id = n.id,
                    unnest(ARRAY[p.entered_by, p.confirmed_by]) AS person
              WHERE n.about_id IN (merger.id, survivor_act_id) AND n.kind = 'merger_intended' AND person IS NOT NULL
              ORDER BY person) AS proved_by,
       ARRAY(SELECT o.identity FROM operator o WHERE o.id IN (survivor_id, merged_id)) AS organisation,
       (SELECT o.region FROM operator o WHERE o.id = survivor_id) AS region,
       (SELECT o.region FROM operator o WHERE o.id = merged_id) AS merged_region"""
ADD: Final = f"""
INSERT INTO merger (id, status, survivor_id, merged_id, survivor_act_id, statement, digest, proposed_by, confirm_from,
                    proposed_at, changed_at)
VALUES ($1, 'proposed', $2, $3, $4, $5, $6, $7, $8, $9, $9)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM merger WHERE id = $1"
OF_ACT: Final = "SELECT id FROM merger WHERE id = $1 OR survivor_act_id = $1"
IN_THE_WAY: Final = """
SELECT id FROM merger
 WHERE status IN ('proposed', 'confirmed') AND id IS DISTINCT FROM $3
   AND (merged_id IN ($1, $2) OR survivor_id = $2)
 ORDER BY id LIMIT 1
"""
CONFIRMED_INTO: Final = f"SELECT {COLUMNS} FROM merger WHERE survivor_id = $1 AND status = 'confirmed' ORDER BY id"
SURVIVOR: Final = "SELECT survivor_id FROM merger WHERE merged_id = $1 AND status = 'confirmed'"
ALIASES: Final = """
SELECT old.identity AS old, new.identity AS new
  FROM operator old JOIN merger m ON m.merged_id = old.id AND m.status = 'confirmed'
       JOIN operator new ON new.id = m.survivor_id
 WHERE old.identity = ANY ($1)
"""
WORDS: Final = {
    "organisation": "organisation && {}",
    "region": "region = ANY ({})",
    "merged_region": "merged_region = ANY ({})",
}


def _that_may_fall(about: str) -> str:
    """A confirmed merger that may still fall, and is about this."""
    return f"""
SELECT id, appeal_until, appeals_open <> '{{}}' AS appealed FROM merger
 WHERE status = 'confirmed' AND (appeal_until > $2 OR appeals_open <> '{{}}') AND ({about}) ORDER BY id LIMIT 1
"""


APPEALABLE_SITE: Final = _that_may_fall("moved->'sites' ? $1::uuid::text")
APPEALABLE_NUMBER: Final = _that_may_fall("""moved->'registrations' ? $1::uuid::text OR EXISTS (
           SELECT FROM site s WHERE s.registration_id = $1 AND s.status <> 'ended' AND moved->'sites' ? s.id::text)""")
APPEALABLE_OF: Final = _that_may_fall("survivor_id = ANY ($1)")
APPEAL_FILED: Final = """
UPDATE merger SET appeals_open = array_append(appeals_open, $2::uuid)
 WHERE id = $1 OR survivor_act_id = $1
"""
APPEAL_DECIDED: Final = """
UPDATE merger SET appeals_open = array_remove(appeals_open, $2::uuid) WHERE id = $1 OR survivor_act_id = $1
"""
REGISTRATIONS: Final = f"SELECT {registrations.COLUMNS} FROM registration WHERE operator_id = $1 ORDER BY id"
_SITES_OF: Final = "SELECT s.id FROM site s JOIN registration r ON r.id = s.registration_id WHERE r.operator_id = $1"
COUNT: Final = f"""
SELECT (SELECT count(*) FROM site WHERE id IN ({_SITES_OF}) AND status <> 'ended') AS sites,
       (SELECT count(*) FROM access WHERE site_id IN ({_SITES_OF}) AND status <> 'ended') AS accesses,
       (SELECT count(*) FROM amendment WHERE operator_id = $1) AS amendments,
       (SELECT count(*) FROM approval a JOIN operator o ON o.identity = a.identity WHERE o.id = $1 AND a.live)
           AS approvals
"""
SITES_UNDER: Final = """
SELECT registration_id, count(*) AS sites FROM site
 WHERE registration_id = ANY ($1) AND status <> 'ended' GROUP BY registration_id
"""
EXECUTIONS: Final = """
SELECT id, effect, status, until FROM execution
 WHERE operator_id = $1 AND status IN ('received', 'accepted', 'carried_out') ORDER BY id
"""
OPEN_AMENDMENT: Final = """
SELECT id FROM amendment a
 WHERE status IN ('proposed', 'waiting') AND (operator_id = $1 OR (
           SELECT r.operator_id FROM registration r WHERE r.id = (a.proposal->>'to_registration_id')::uuid) = $1)
 ORDER BY id LIMIT 1
"""
# Each gives back what it moved, so that it is known what to give back.
GIVE_REGISTRATIONS: Final = "UPDATE registration SET operator_id = $2 WHERE operator_id = $1 RETURNING id"
GIVE_AMENDMENTS: Final = "UPDATE amendment SET operator_id = $2 WHERE operator_id = $1 RETURNING id"
GIVE_EXECUTIONS: Final = "UPDATE execution SET operator_id = $2 WHERE operator_id = $1 RETURNING id"
GIVE_TASKS: Final = "UPDATE registrar_task SET operator_id = $2 WHERE operator_id = $1 RETURNING id"
# What is given back: only what is still the survivor's, and what has come since to what is given back.
TAKE_REGISTRATIONS: Final = """
UPDATE registration SET operator_id = $2 WHERE operator_id = $1 AND id = ANY ($3) RETURNING id
"""
HAND_OVER_NAMES: Final = "UPDATE claim SET operator_id = $2 WHERE operator_id = $1 AND site_id = ANY ($3)"
HAND_OVER_ACCESSES: Final = "UPDATE access SET operator_id = $2 WHERE operator_id = $1 AND site_id = ANY ($3)"
TAKE_AMENDMENTS: Final = """
UPDATE amendment a SET operator_id = $2,
       registration_id = coalesce((SELECT s.registration_id FROM site s WHERE s.id = a.site_id), a.registration_id)
 WHERE a.operator_id = $1
   AND (a.id = ANY ($4) OR a.site_id = ANY ($3) OR a.site_id IS NULL AND a.registration_id = ANY ($5))
"""
TAKE_EXECUTIONS: Final = """
UPDATE execution SET operator_id = $2
 WHERE operator_id = $1 AND (id = ANY ($4) OR site_id = ANY ($3)
       OR subject->>'kind' = 'operator' AND subject->>'operator_id' = $2::uuid::text)
"""
TAKE_TASKS: Final = """
UPDATE registrar_task SET operator_id = $2
 WHERE operator_id = $1 AND (id = ANY ($5) OR site_id = ANY ($3) OR registration_id = ANY ($4))
"""
SITES_OF_NUMBERS: Final = "SELECT id FROM site WHERE registration_id = ANY ($1) ORDER BY id"


def of(row: asyncpg.Record) -> Merger:
    """A row of COLUMNS."""
    values = dict(row)
    return Merger(**{
        **values, "status": MergerStatus(values["status"]), "statement": Statement.model_validate(values["statement"]),
        "objections": tuple(Objection.model_validate(each) for each in values["objections"]),
        "organisation": tuple(values["organisation"]), "proved_by": tuple(values["proved_by"]),
    })  # fmt: skip


MOVES: Final[Moves[Merger, MergerStatus, MergerAction]] = Moves(MERGER, table="merger", columns=COLUMNS, read=of)


async def add(
    tx: Tx, merger_id: UUID, *, survivor_id: UUID, merged_id: UUID, survivor_act_id: UUID, statement: Statement,
    digest: str, by: str, confirm_from: datetime, at: datetime,
) -> Merger | None:  # fmt: skip
    """Propose a merger; none if one of the same operator is open."""
    row = await tx.fetchrow(
        ADD, merger_id, survivor_id, merged_id, survivor_act_id, statement.model_dump(mode="json"), digest, by,
        confirm_from, at,
    )  # fmt: skip
    return of(row) if row else None


async def get(tx: Tx, merger_id: UUID) -> Merger:
    """One merger. Raises UnknownMerger."""
    row = await tx.fetchrow(GET, merger_id)
    if row is None:
        raise UnknownMerger(merger_id=merger_id)
    return of(row)


async def hold(tx: Tx, merger_id: UUID) -> Merger:
    """One merger, held. Whoever changes its operators holds those first. Raises UnknownMerger."""
    await tx.execute("SELECT FROM merger WHERE id = $1 FOR UPDATE", merger_id)
    return await get(tx, merger_id)


async def of_act(tx: Tx, act_id: UUID) -> UUID | None:
    """The merger that an act is, as either operator was told of it."""
    found: UUID | None = await tx.fetchval(OF_ACT, act_id)
    return found


async def page(tx: Tx, reach: Reach, *, status: str | None, after: UUID | None, limit: int) -> list[Merger]:
    """Mergers within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT * FROM (SELECT {COLUMNS} FROM merger) AS merger
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def in_the_way(tx: Tx, survivor_id: UUID, merged_id: UUID, except_id: UUID | None) -> UUID | None:
    """Another merger after which these two could not become one: chains of identities are nobody's to follow."""
    found: UUID | None = await tx.fetchval(IN_THE_WAY, survivor_id, merged_id, except_id)
    return found


async def confirmed_into(tx: Tx, survivor_id: UUID) -> list[Merger]:
    """The mergers into one operator that stand. Whoever changes what they moved holds that operator."""
    return [of(row) for row in await tx.fetch(CONFIRMED_INTO, survivor_id)]


async def survivor_of(tx: Tx, operator_id: UUID) -> UUID | None:
    """Under which operator this one goes on; none, where it stands for itself."""
    found: UUID | None = await tx.fetchval(SURVIVOR, operator_id)
    return found


async def aliases(tx: Tx, identities: Collection[str]) -> dict[str, str]:
    """Of these identities those that go on under another one, with that one."""
    return {row["old"]: row["new"] for row in await tx.fetch(ALIASES, list(identities))}


async def appealable_site(tx: Tx, site_id: UUID, at: datetime) -> Appealable | None:
    """The merger that a site came by, if it may still fall."""
    return _appealable(await tx.fetchrow(APPEALABLE_SITE, site_id, at))


async def appealable_number(tx: Tx, registration_id: UUID, at: datetime) -> Appealable | None:
    """The merger that a number, or a site that is under it now, came by, if it may still fall."""
    return _appealable(await tx.fetchrow(APPEALABLE_NUMBER, registration_id, at))


async def appealable_of(tx: Tx, operator_ids: Collection[UUID], at: datetime) -> Appealable | None:
    """A merger into one of these operators that may still fall."""
    return _appealable(await tx.fetchrow(APPEALABLE_OF, list(operator_ids), at))


def _appealable(row: asyncpg.Record | None) -> Appealable | None:
    return Appealable(**dict(row)) if row else None


async def appeal_filed(tx: Tx, act_id: UUID, appeal_id: UUID) -> None:
    """An appeal against a merger, as either operator was told of it, is open."""
    await tx.execute(APPEAL_FILED, act_id, appeal_id)


async def appeal_decided(tx: Tx, act_id: UUID, appeal_id: UUID) -> None:
    """It is decided."""
    await tx.execute(APPEAL_DECIDED, act_id, appeal_id)


async def registrations_of(tx: Tx, operator_id: UUID) -> list[Registration]:
    """Everything that an operator filed, in any state. Whoever changes it holds the operator, and it by that."""
    return [registrations.of(row) for row in await tx.fetch(REGISTRATIONS, operator_id)]


async def counted(tx: Tx, operator_id: UUID) -> Counted:
    """How much of everything an operator has."""
    row = await tx.fetchrow(COUNT, operator_id)
    if row is None:
        raise TypeError("a count is always one row")
    return Counted(**dict(row))


async def sites_under(tx: Tx, registration_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many sites that have not ended each of these numbers has."""
    return {row["registration_id"]: row["sites"] for row in await tx.fetch(SITES_UNDER, list(registration_ids))}


async def executions_of(tx: Tx, operator_id: UUID) -> list[MovingExecution]:
    """What lies on an operator or its sites, or is being decided about."""
    return [MovingExecution.model_validate(dict(row)) for row in await tx.fetch(EXECUTIONS, operator_id)]


async def open_amendment(tx: Tx, operator_id: UUID) -> UUID | None:
    """A proposal of an operator, or to it, that is not decided or does not hold yet."""
    found: UUID | None = await tx.fetchval(OPEN_AMENDMENT, operator_id)
    return found


async def give(tx: Tx, from_id: UUID, to_id: UUID, site_ids: Sequence[UUID]) -> dict[str, list[str]]:
    """Make everything of one operator another's, with these sites, which are all it has; gives what it was, by id."""
    statements = {
        "registrations": GIVE_REGISTRATIONS, "amendments": GIVE_AMENDMENTS, "executions": GIVE_EXECUTIONS,
        "tasks": GIVE_TASKS,
    }  # fmt: skip
    given = {
        what: sorted(str(row["id"]) for row in await tx.fetch(sql, from_id, to_id)) for what, sql in statements.items()
    }
    await tx.execute(HAND_OVER_NAMES, from_id, to_id, list(site_ids))
    await tx.execute(HAND_OVER_ACCESSES, from_id, to_id, list(site_ids))
    return {**given, "sites": sorted(map(str, site_ids))}


async def take_registrations(tx: Tx, from_id: UUID, to_id: UUID, ids: Sequence[UUID]) -> set[UUID]:
    """Make numbers the other's again, as far as they are still this one's; gives those."""
    return {row["id"] for row in await tx.fetch(TAKE_REGISTRATIONS, from_id, to_id, list(ids))}


async def take(
    tx: Tx, from_id: UUID, to_id: UUID, *, numbers: Sequence[UUID], sites: Sequence[UUID],
    amendments: Sequence[UUID], executions: Sequence[UUID], tasks: Sequence[UUID],
) -> None:  # fmt: skip
    """Make what belongs to these numbers and sites, and these proposals, executions and tasks, the other's again."""
    await tx.execute(HAND_OVER_NAMES, from_id, to_id, list(sites))
    await tx.execute(HAND_OVER_ACCESSES, from_id, to_id, list(sites))
    await tx.execute(TAKE_AMENDMENTS, from_id, to_id, list(sites), list(amendments), list(numbers))
    await tx.execute(TAKE_EXECUTIONS, from_id, to_id, list(sites), list(executions))
    await tx.execute(TAKE_TASKS, from_id, to_id, list(sites), list(numbers), list(tasks))


async def sites_of(tx: Tx, registration_ids: Sequence[UUID]) -> list[UUID]:
    """Every site under these numbers."""
    return [row["id"] for row in await tx.fetch(SITES_OF_NUMBERS, list(registration_ids))]
