"""Where lists of providers and the register differ: how that is found, and the findings."""

# ruff: noqa: S608 -- statements are put together from the column lists of stores, nothing else

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownFinding
from registry.lifecycle import HOSTED_FINDING, FindingAction
from registry.store import executions
from shared.contracts.http.hosted import FindingKind, FindingStatus
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Seen:
    """What the register has to say of a listed name. ``kinds``: how they differ, but for what is barred.

    ``waits``: its host has an order in place of another that it has not carried out yet: it hosts the name rightly or
    wrongly, nobody can say.
    """

    host: str
    above: tuple[str, ...]
    listed: dict[str, Any]
    site_id: UUID | None
    kinds: tuple[str, ...]
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The site that has a name somebody asks about, or one above it; without one all but place and kinds is none."""

    place: int
    site_id: UUID | None
    status: str | None
    site: str | None
    """Its number."""
    level: str | None
    region: str | None
    operator_id: UUID | None
    identity: str | None
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A list and the register differ about a name.

    The last ones are the policy's words: whose site that is, on whose desk, and whose list.
    """

    id: UUID
    version: int
    status: FindingStatus
    provider_id: UUID
    host: str
    kind: FindingKind
    listed: dict[str, Any]
    site_id: UUID | None
    told_id: UUID
    cure_until: datetime
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
    escalated_at: datetime | None
    reasons: str | None
    found_at: datetime
    changed_at: datetime
    operator_told_at: datetime | None
    provider_name: str | None
    region: str | None
    number: str | None
    organisation: str | None

    @property
    def provider(self) -> str:
        """The organisation of the provider's people."""
        return str(self.provider_id)


_OWN: Final = """id, version, status, provider_id, host, kind, listed, site_id, told_id, cure_until, answer,
       answered_by, answered_at, escalated_at, reasons, found_at, changed_at, operator_told_at"""
_OF_SITE: Final = """(SELECT {} FROM site s JOIN registration r ON r.id = s.registration_id
                      JOIN operator o ON o.id = r.operator_id WHERE s.id = site_id)"""
COLUMNS: Final = f"""{_OWN}, (SELECT p.name FROM provider p WHERE p.id = provider_id) AS provider_name,
       (SELECT p.region FROM provider p WHERE p.id = provider_id) AS region,
       {_OF_SITE.format("r.number || '-' || s.ordinal")} AS number, {_OF_SITE.format("o.identity")} AS organisation"""
# Of each name the site that has the longest of the names it is or lies under, if there is one, and how they differ.
# What is asked for and not decided differs in nothing.
_DIFFERS: Final = """
       array_remove(ARRAY[
           CASE WHEN s.id IS NULL OR c.status = 'live' AND s.status IN ('lapsed', 'ended') THEN 'unregistered'
                WHEN c.status = 'live' AND s.status = 'revoked' AND {} THEN 'revoked' END,
           CASE WHEN c.status = 'live' AND s.status IN ('live', 'stopped')
                     AND l.number IS NOT NULL AND l.number IS DISTINCT FROM r.number
                     AND NOT EXISTS (SELECT FROM unnest(s.former_numbers) f WHERE f LIKE l.number || '-%')
                THEN 'number_differs' END,
           CASE WHEN c.status = 'live' AND s.status IN ('live', 'stopped') AND EXISTS (
                         SELECT FROM unnest(l.ips) ip WHERE NOT EXISTS (
                                SELECT FROM access a WHERE a.site_id = s.id AND a.provider_id = $1
                                                       AND a.status <> 'ended' AND ip = ANY (a.ips)))
                THEN 'address_differs' END], NULL) AS kinds
  FROM listed l
       LEFT JOIN LATERAL (SELECT c.site_id, c.status FROM claim c
                           WHERE c.domain = ANY (l.above) AND c.status IN ('claimed', 'live') AND {}
                           ORDER BY length(c.domain) DESC LIMIT 1) c ON true
       LEFT JOIN site s ON s.id = c.site_id
       LEFT JOIN registration r ON r.id = s.registration_id"""
# A host of the site stops by an order and by nothing else: while it has none of the decision that took the site off
# the register, has not carried it out, or was told to host the site again, no finding presses it. What it signed of
# another measure says nothing about that. Whoever is no host of it in the register is ordered nothing. An order that
# was taken back says nothing either, nor does what took it back while another of the same measure is in its place.
_ORDERED: Final = f"""(
       NOT EXISTS (SELECT FROM access a WHERE a.site_id = s.id AND a.provider_id = $1 AND a.status <> 'ended')
       OR (SELECT o.action <> 'restore' AND o.outcome = 'executed' FROM order_outcome o
             JOIN execution e ON e.id = o.execution_id
            WHERE e.site_id = s.id AND o.provider_id = $1
              AND CASE WHEN o.action = 'restore' THEN NOT {executions.REPLACED.format("o")}
                       ELSE e.effect = 'revoke' AND e.status = 'carried_out' AND NOT {executions.UNDONE.format("o")} END
            ORDER BY o.at DESC, o.order_id DESC LIMIT 1))"""
# Between the release of such an order and its receipt the one before counts no more, or not for long: what was found by
# that is neither pressed nor cured (docs/adr/0026).
_WAITS: Final = f"""(
       c.status = 'live' AND s.status = 'revoked' AND EXISTS (
              SELECT FROM order_outcome o JOIN execution e ON e.id = o.execution_id
               WHERE e.site_id = s.id AND e.effect = 'revoke' AND e.status = 'carried_out' AND o.provider_id = $1
                 AND o.action <> 'restore' AND o.outcome NOT IN ('queued', 'withdrawn', 'executed')
                 AND NOT {executions.UNDONE.format("o")} AND EXISTS (
                     SELECT FROM order_outcome b
                      WHERE b.execution_id = o.execution_id AND b.provider_id = $1 AND b.action <> 'restore'
                        AND b.outcome = 'executed')))"""
_LOOK: Final = f"""
WITH listed AS MATERIALIZED (
       SELECT * FROM hosted WHERE provider_id = $1 AND first_batch = $3 AND {{}})
SELECT l.host, l.above, s.id AS site_id,
       jsonb_build_object('host', l.host, 'ips', l.ips, 'number', l.number, 'hosting_mode', l.hosting_mode,
                          'since', l.since) AS listed,
       coalesce({_WAITS}, false) AS waits,
       {_DIFFERS.format(_ORDERED, "(c.status = 'live' OR c.claimed_until >= $2)")}
 ORDER BY l.host
"""
# So many names of a list, in their order; or these names, as far as it has them.
LOOK: Final = _LOOK.format("host > $4 ORDER BY host LIMIT $5")
LOOK_AGAIN: Final = _LOOK.format("host = ANY ($4)")
# The same of names that somebody asks about: what nobody decided yet, no stranger reads.
COMPARE: Final = f"""
WITH listed AS MATERIALIZED (
       SELECT * FROM jsonb_to_recordset($2) AS given (place int, host text, above text[], ips text[], number text))
SELECT l.place, s.id AS site_id, s.status, r.number || '-' || s.ordinal AS site, r.level, r.region, r.operator_id,
       (SELECT o.identity FROM operator o WHERE o.id = r.operator_id) AS identity,
       {_DIFFERS.format("true", "c.status = 'live'")}
 ORDER BY l.place
"""
# Up to which name so many findings go; none: there are fewer.
BOUND: Final = """
SELECT host FROM hosted_finding WHERE provider_id = $1 AND host > $2 AND status <> 'cured'
 ORDER BY host OFFSET $3::int - 1 LIMIT 1
"""
COUNT: Final = "SELECT count(*) FROM hosted_finding WHERE provider_id = $1 AND status NOT IN ('dismissed', 'cured')"
# Those that were told in one notice and nobody answered, this one among them. Everybody locks in the same order.
SILENT: Final = f"""
WITH chosen AS MATERIALIZED (
       SELECT id AS chosen_id FROM hosted_finding WHERE told_id = $2 AND status = 'open' ORDER BY id <> $1, id LIMIT $3)
SELECT {COLUMNS} FROM hosted_finding
 WHERE id IN (SELECT chosen_id FROM chosen) AND status = 'open' ORDER BY host, kind, id FOR UPDATE OF hosted_finding
"""
EXTEND: Final = f"""
UPDATE hosted_finding SET cure_until = $2, version = version + 1, changed_at = $3 WHERE id = ANY ($1)
RETURNING {COLUMNS}
"""
TOLD_LATELY: Final = """
SELECT DISTINCT site_id FROM hosted_finding WHERE provider_id = $1 AND site_id = ANY ($2) AND operator_told_at > $3
"""
TOLD: Final = "UPDATE hosted_finding SET operator_told_at = $2 WHERE id = ANY ($1)"
STANDING: Final = f"""
SELECT {COLUMNS} FROM hosted_finding
 WHERE provider_id = $1 AND host > $2 AND ($3::text IS NULL OR host <= $3) AND status <> 'cured'
 ORDER BY host, kind, id FOR UPDATE OF hosted_finding
"""
ADD: Final = f"""
INSERT INTO hosted_finding (id, status, provider_id, host, kind, listed, site_id, told_id, cure_until, found_at,
                            changed_at)
SELECT id, 'open', $1, host, kind, listed, site_id, $7, $8, $9, $9
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::uuid[]) AS given (id, host, kind, listed, site_id)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM hosted_finding WHERE id = $1"
WORDS: Final = {
    "organisation": "organisation = ANY ({})",
    "region": "region = ANY ({})",
    "provider": "provider_id::text = ANY ({})",
}


def of(row: asyncpg.Record) -> Finding:
    """A row of COLUMNS."""
    values = dict(row)
    return Finding(**{**values, "status": FindingStatus(values["status"]), "kind": FindingKind(values["kind"])})


MOVES: Final[Moves[Finding, FindingStatus, FindingAction]] = Moves(
    HOSTED_FINDING, table="hosted_finding", columns=COLUMNS, read=of
)


async def look(tx: Tx, provider_id: UUID, first_batch: int, after: str, limit: int, at: datetime) -> list[Seen]:
    """So many names of a list that come after this one, each beside what the register has."""
    return [_seen(row) for row in await tx.fetch(LOOK, provider_id, at, first_batch, after, limit)]


async def look_again(tx: Tx, provider_id: UUID, first_batch: int, hosts: Sequence[str], at: datetime) -> list[Seen]:
    """These names, as far as a list has them, each beside what the register has."""
    return [_seen(row) for row in await tx.fetch(LOOK_AGAIN, provider_id, at, first_batch, hosts)]


def _seen(row: asyncpg.Record) -> Seen:
    return Seen(row["host"], tuple(row["above"]), row["listed"], row["site_id"], tuple(row["kinds"]), row["waits"])


async def compare(tx: Tx, provider_id: UUID, asked: Sequence[dict[str, Any]]) -> list[Found]:
    """What the register has of names that a provider asks about (place, host, above, ips, number), in their order."""
    rows = await tx.fetch(COMPARE, provider_id, list(asked))
    return [Found(**{**dict(row), "kinds": tuple(row["kinds"])}) for row in rows]


async def standing(tx: Tx, provider_id: UUID, after: str, to: str | None) -> list[Finding]:
    """The findings about names between these that are not cured, held."""
    return [of(row) for row in await tx.fetch(STANDING, provider_id, after, to)]


async def bound(tx: Tx, provider_id: UUID, after: str, most: int) -> str | None:
    """The name up to which so many findings that are not cured go, of those after a name; none: there are fewer."""
    found: str | None = await tx.fetchval(BOUND, provider_id, after, most)
    return found


async def count(tx: Tx, provider_id: UUID) -> int:
    """How many of a provider are neither dismissed nor cured."""
    return int(await tx.fetchval(COUNT, provider_id))


async def hold_silent(tx: Tx, finding: Finding, most: int) -> list[Finding]:
    """This one and others of the same notice that nobody answered, held; without it if it is answered by now."""
    return [of(row) for row in await tx.fetch(SILENT, finding.id, finding.told_id, most)]


async def extend(tx: Tx, ids: Sequence[UUID], cure_until: datetime, at: datetime) -> list[Finding]:
    """Held ones: their provider has until then."""
    return [of(row) for row in await tx.fetch(EXTEND, ids, cure_until, at)]


async def told_lately(tx: Tx, provider_id: UUID, site_ids: Sequence[UUID], since: datetime) -> set[UUID]:
    """Of which of these sites somebody was told of what this provider lists, since then."""
    return {row["site_id"] for row in await tx.fetch(TOLD_LATELY, provider_id, site_ids, since)}


async def told(tx: Tx, ids: Sequence[UUID], at: datetime) -> None:
    """Whose site these are about is told of them now."""
    await tx.execute(TOLD, ids, at)


async def add(
    tx: Tx, provider_id: UUID, new: Sequence[tuple[UUID, Seen, FindingKind]], told_id: UUID, *, cure_until: datetime,
    at: datetime,
) -> list[Finding]:  # fmt: skip
    """Enter what is found."""
    rows = await tx.fetch(
        ADD, provider_id, [each for each, *_ in new], [seen.host for _, seen, _ in new],
        [str(kind) for *_, kind in new], [seen.listed for _, seen, _ in new], [seen.site_id for _, seen, _ in new],
        told_id, cure_until, at,
    )  # fmt: skip
    return [of(row) for row in rows]


async def get(tx: Tx, finding_id: UUID) -> Finding:
    """One finding. Raises UnknownFinding."""
    row = await tx.fetchrow(GET, finding_id)
    if row is None:
        raise UnknownFinding(finding_id=finding_id)
    return of(row)


async def hold(tx: Tx, finding_id: UUID) -> Finding:
    """One finding, held. Raises UnknownFinding."""
    await tx.execute("SELECT FROM hosted_finding WHERE id = $1 FOR UPDATE", finding_id)
    return await get(tx, finding_id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings of a list: what is not set is no filter."""

    status: FindingStatus | None = None
    kind: FindingKind | None = None
    provider_id: UUID | None = None
    told_id: UUID | None = None


async def page(tx: Tx, reach: Reach, wanted: Wanted, *, after: UUID | None, limit: int) -> list[Finding]:
    """Findings within reach, newest first."""
    where, values = reach.where(WORDS, first=7)
    rows = await tx.fetch(
        f"""SELECT * FROM (SELECT {COLUMNS} FROM hosted_finding) AS hosted_finding
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3)
               AND ($4::text IS NULL OR kind = $4) AND ($5::uuid IS NULL OR provider_id = $5)
               AND ($6::uuid IS NULL OR told_id = $6) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, wanted.status, wanted.kind, wanted.provider_id, wanted.told_id, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
