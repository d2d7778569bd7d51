"""Who had a hand in what an appeal is against: in every case that it went through, and in the act itself."""

# ruff: noqa: S608 -- statements are put together from the texts of this file, nothing else

from typing import Final
from uuid import UUID

from shared.runtime.base.context import person_key
from shared.runtime.db.postgres import Tx

FILE: Final = """
WITH RECURSIVE file (case_id) AS (
    SELECT $1::uuid WHERE $1::uuid IS NOT NULL
     UNION
    SELECT tie.other FROM file JOIN LATERAL (
        SELECT from_case FROM case_transfer WHERE to_case = file.case_id
         UNION ALL
        SELECT to_case FROM case_transfer WHERE from_case = file.case_id
         UNION ALL
        SELECT case_id FROM regulator_request WHERE leads_to = file.case_id) AS tie (other) ON true)
SELECT case_id FROM file
"""
"""A case, wherever it came from and went on to, and those in which it was asked for."""
# Not of decisions and tasks: there a review body acts as well, when it undoes one. Whose those are has the case.
ORGANISATIONS: Final = f"""
WITH file AS ({FILE}), acted (id) AS (
    SELECT case_id FROM file
     UNION ALL SELECT id FROM case_opinion WHERE case_id IN (TABLE file)
     UNION ALL SELECT id FROM regulator_request WHERE case_id IN (TABLE file)
     UNION ALL SELECT id FROM referral WHERE case_id IN (TABLE file))
SELECT authority_id AS organisation FROM enforcement_case WHERE id IN (TABLE file)
 UNION
SELECT organisation FROM history WHERE aggregate_id IN (TABLE acted)
"""
# Those of the organisations need not be looked for: whoever ever acted here for one of them does not review either.
PERSONS: Final = f"""
WITH file AS ({FILE}), touched (id) AS (
    SELECT $3::uuid
     UNION ALL SELECT id FROM hearing WHERE appeal_id = $3
     UNION ALL SELECT id FROM matter WHERE case_id IN (TABLE file)),
before (id) AS (SELECT id FROM appeal WHERE act_id = $2 AND id <> $3),
heard (id) AS (TABLE before UNION ALL SELECT id FROM hearing WHERE appeal_id IN (TABLE before))
SELECT coalesce(person, subject) AS person FROM history
 WHERE aggregate_id IN (TABLE touched) AND (organisation <> $4 OR aggregate_id = $3 AND action = 'file')
 UNION
SELECT coalesce(person, subject) FROM history
 WHERE aggregate_id IN (TABLE heard) AND action NOT IN ('assign', 'admit')
 UNION
SELECT unnest(ARRAY[assigned_to, decided_by]) FROM appeal WHERE id IN (TABLE before)
 UNION
SELECT unnest(executed_by) FROM decision WHERE id = $2
 UNION
SELECT unnest(took_part) FROM foreign_act WHERE act_id = $2
 UNION
SELECT unnest(ARRAY[entered_by, confirmed_by]) FROM postal_proof JOIN notice ON notice.id = notice_id
 WHERE about_id = $2
"""


async def organisations(tx: Tx, case_id: UUID) -> set[str]:
    """Whose case it is or was, and who was asked in it and answered. Also operators, and what is no organisation."""
    return {row["organisation"] for row in await tx.fetch(ORGANISATIONS, case_id)}


async def persons(tx: Tx, *, case_id: UUID | None, act_id: UUID, appeal_id: UUID, body_id: str) -> frozenset[str]:
    """Who had a hand in the act at another department, carried it out, or proved that it was told; who acted in the
    appeal for anybody but the review body, or filed it; and who had an earlier appeal against the same act.
    """
    rows = await tx.fetch(PERSONS, case_id, act_id, appeal_id, body_id)
    return frozenset(person_key(row["person"]) for row in rows if row["person"] is not None)
