"""What happened in a case, read from what is kept anyway: history, notices, deliveries, orders and the audit."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened. ``key`` tells apart what happened at the same moment."""

    at: datetime
    key: str
    kind: str
    """``file``, ``decisions``, ``messages`` or ``reads``; of a piece ``custody``."""
    what: str
    about: str
    about_id: str
    organisation: str | None
    person: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the timeline of a case."""

    case_id: UUID
    kind: str | None
    told: bool
    """Only what whom the case burdens was told: what became of decisions that it knows, and messages to it."""
    party: str
    """Who that is."""
    reads_of: str | None
    """Only readings by this organisation; none: by anybody."""
    before: tuple[datetime, str] | None
    limit: int


# What is read of a piece is read through a case, and told of in no other one in which the same bytes lie.
# Everything that belongs to the case has an id; history, notices and addresses name it. What a party was not told of is
# no part of its case: decisions that were never drafted as a burden nor released (``told``), what colleagues made of a
# draft, and all of the file.
CUSTODY: Final = """
WITH entry AS (
    SELECT added_at AS at, 'a' || case_id AS key, 'custody' AS kind, 'filed' AS what, 'case' AS about,
           case_id::text AS about_id, NULL AS organisation, added_by AS person, media_type AS detail
      FROM case_evidence WHERE sha256 = $1 AND case_id = ANY ($2)
     UNION ALL
    SELECT drafted_at, 'c' || id, 'custody', 'cited', 'decision', id::text, NULL, drafted_by, effect
      FROM decision WHERE case_id = ANY ($2) AND evidence_hashes @> ARRAY[$1]
     UNION ALL
    SELECT released_at, 'd' || id, 'custody', 'cited_in_force', 'decision', id::text, NULL, released_by, effect
      FROM decision WHERE case_id = ANY ($2) AND evidence_hashes @> ARRAY[$1] AND released_at IS NOT NULL
     UNION ALL
    SELECT at, 'i' || lpad(h.id::text, 19, '0'), 'custody', 'cited_as_ignored', 'decision', d.id::text, organisation,
           coalesce(person, subject), effect
      FROM decision d JOIN history h ON h.aggregate_id = d.id AND h.action = 'confirm_ignored'
     WHERE d.case_id = ANY ($2) AND d.ignored_evidence @> ARRAY[$1]
     UNION ALL
    SELECT at, 'e' || lpad(id::text, 19, '0'), 'custody', event, 'evidence', sha256, NULL, NULL, detail
      FROM evidence_event WHERE sha256 = $1
     UNION ALL
    SELECT at, 'h' || lpad(id::text, 19, '0'), 'custody', action, 'case', aggregate_id::text, organisation, name, why
      FROM history WHERE aggregate_id = ANY ($2) AND action IN ('hold_evidence', 'lift_hold')
     UNION ALL
    SELECT at, 'z' || lpad(id::text, 19, '0'), 'custody', 'read', 'evidence', $1, organisation, name, NULL
      FROM audit WHERE resource = '/evidence/' || $1 AND outcome = 'granted'
                   AND detail->'cases' ?| (SELECT array_agg(each::text) FROM unnest($2::uuid[]) AS each))
SELECT at, key, kind, what, about, about_id, organisation, person, detail FROM entry
 WHERE $3::timestamptz IS NULL OR (at, key) < ($3, $4::text)
 ORDER BY at DESC, key DESC LIMIT $5
"""
TIMELINE: Final = """
WITH deciding AS MATERIALIZED (
    SELECT id, evidence_hashes FROM decision
     WHERE case_id = $1 AND (NOT $2::boolean OR effect <> 'no_breach' OR released_at IS NOT NULL)),
challenge AS MATERIALIZED (SELECT id FROM appeal WHERE act_id IN (SELECT id FROM deciding)),
paper AS MATERIALIZED (
    SELECT $1::uuid AS id UNION ALL SELECT id FROM case_task WHERE case_id = $1 AND NOT $2
     UNION ALL SELECT id FROM case_opinion WHERE case_id = $1 AND NOT $2
     UNION ALL SELECT id FROM deciding UNION ALL SELECT id FROM challenge),
message AS MATERIALIZED (
    SELECT id, kind, about_kind, about_id, identity, authority_id, issued_at, delivered_at, delivered_by, opened_at
      FROM notice WHERE about_id IN (SELECT id FROM paper) AND (NOT $2 OR identity = $3)),
looked AS MATERIALIZED (
    SELECT '/cases/' || $1::uuid::text AS resource UNION ALL SELECT '/cases/' || $1::uuid::text || '/timeline'
     UNION ALL SELECT '/decisions/' || id FROM deciding
     UNION ALL SELECT '/decisions/' || id || '/evidence' FROM deciding
     UNION ALL SELECT '/evidence/' || sha256 FROM case_evidence WHERE case_id = $1),
entry AS (
    SELECT at, 'h' || lpad(id::text, 19, '0') AS key,
           CASE WHEN aggregate IN ('decision', 'appeal') THEN 'decisions' ELSE 'file' END AS kind,
           action AS what, aggregate AS about, aggregate_id::text AS about_id, organisation,
           CASE WHEN $2 THEN NULL ELSE name END AS person, CASE WHEN $2 THEN NULL ELSE why END AS detail
      FROM history
     WHERE aggregate_id IN (SELECT id FROM paper)
       AND (NOT $2 OR aggregate IN ('decision', 'appeal') AND action NOT IN ('comment', 'return', 'answer'))
     UNION ALL
    SELECT at, 'o' || order_id, 'decisions', 'order_' || outcome, 'order', order_id::text, NULL, NULL, detail
      FROM order_outcome WHERE decision_id IN (SELECT id FROM deciding)
     UNION ALL
    SELECT issued_at, 'n' || id, 'messages', 'issued', 'notice', id::text, authority_id, NULL, kind FROM message
     UNION ALL
    SELECT delivered_at, 'p' || id, 'messages', 'delivered', 'notice', id::text, identity, NULL, delivered_by
      FROM message WHERE delivered_at IS NOT NULL
     UNION ALL
    SELECT opened_at, 'q' || id, 'messages', 'opened', 'notice', id::text, identity, NULL, kind
      FROM message WHERE opened_at IS NOT NULL
     UNION ALL
    SELECT changed_at, 'r' || notice_id || channel, 'messages', channel || '_' || state, 'notice', notice_id::text,
           NULL, NULL, CASE WHEN $2 THEN NULL ELSE coalesce(error, proof) END
      FROM delivery WHERE notice_id IN (SELECT id FROM message)
     UNION ALL
    SELECT at, 'z' || lpad(id::text, 19, '0'), 'reads', act || CASE outcome WHEN 'refused' THEN '_refused' ELSE '' END,
           split_part(resource, '/', 2), split_part(resource, '/', 3), organisation, name, code
      FROM audit
     WHERE resource IN (SELECT resource FROM looked) AND ($4::text IS NULL OR organisation = $4)
       AND (resource NOT LIKE '/evidence/%' OR detail->'cases' ? $1::uuid::text))
SELECT at, key, kind, what, about, about_id, organisation, person, detail FROM entry
 WHERE ($5::text IS NULL OR kind = $5) AND ($6::timestamptz IS NULL OR (at, key) < ($6, $7::text))
 ORDER BY at DESC, key DESC LIMIT $8
"""


async def custody(
    tx: Tx, sha256: str, case_ids: Collection[UUID], before: tuple[datetime, str] | None, limit: int
) -> list[Entry]:
    """Who filed, cited and read a piece in these cases, and what its checks said; newest first."""
    at, key = before or (None, None)
    return [Entry(**dict(row)) for row in await tx.fetch(CUSTODY, sha256, list(case_ids), at, key, limit)]


async def read(tx: Tx, wanted: Wanted) -> list[Entry]:
    """What happened, newest first."""
    at, key = wanted.before or (None, None)
    rows = await tx.fetch(
        TIMELINE, wanted.case_id, wanted.told, wanted.party, wanted.reads_of, wanted.kind, at, key, wanted.limit
    )
    return [Entry(**dict(row)) for row in rows]
