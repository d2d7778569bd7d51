"""SQL of what providers were ordered in a time, what of it was done, and how soon."""

# ruff: noqa: S608 -- the statement is put together from a constant of this file

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from access_control.lifecycle import OPEN
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Counted:
    """What one provider was ordered in a time, what of it is done, and how soon that was recorded, in minutes.

    ``half_done``: by when half of all were done, those too that are not (see COUNT).
    """

    provider_id: UUID
    provider: str
    stops: int
    stops_done: int
    stops_open: int
    stops_given_up: int
    stops_over: int
    stops_overdue: int
    stops_not_done_in_time: int
    stops_median_minutes: float | None
    stops_half_done_minutes: float | None
    stops_observed_median_minutes: float | None
    restores: int
    restores_done: int
    restores_open: int
    restores_overdue: int
    restores_not_done_in_time: int
    restores_median_minutes: float | None
    restores_half_done_minutes: float | None
    restores_longest_wait_minutes: float | None
    restores_observed_median_minutes: float | None
    restores_seen_served: int
    restores_seen_dark: int


# A restore that takes back an order in place of which another was laid on, that spares more, brings nobody back but
# whom nobody decided about (docs/adr/0026): hundreds of them, done in a minute, would hide one that is never done.
# What went out once is ordered again by nothing else.
REPLACED: Final = """
EXISTS (SELECT FROM access_order AS before
          JOIN access_order AS again ON again.execution_id = before.execution_id
               AND again.provider_id = before.provider_id AND again.attempt > before.attempt
               AND again.action <> 'restore'
         WHERE before.id = o.undoes)
"""
# What is not done counts as what it is known to be: longer than it has lasted by now (Kaplan and Meier 1958). Each that
# is done takes its part of those that lasted as long or longer, done or not; ``left`` is the part that is not done by
# then. So what was sent a minute ago makes nothing look fast, and what is never done makes nothing look fast either.
COUNT: Final = f"""
WITH seen AS (
    SELECT order_id, min(at) FILTER (WHERE outcome = 'served') AS served,
           min(at) FILTER (WHERE outcome LIKE 'unavailable%') AS cut
      FROM observation GROUP BY order_id),
given AS (
    SELECT o.provider_id, o.action = 'restore' AS back, o.overdue,
           CASE WHEN r.order_id IS NOT NULL THEN 'done'
                WHEN o.status = 'accepted' AND o.action <> 'restore' THEN 'given_up'
                WHEN o.status = ANY ($5) THEN 'open' ELSE 'over' END AS became,
           o.execute_by < $4 AS late,
           round(extract(epoch FROM coalesce(r.recorded_at, $4) - o.issued_at) / 60, 1)::float8 AS lasted,
           round(extract(epoch FROM CASE o.action WHEN 'restore' THEN seen.served ELSE seen.cut END - o.issued_at) / 60,
                 1)::float8 AS observed,
           o.action = 'restore' AND o.id IN (
               SELECT order_id FROM observed_difference WHERE told_at IS NOT NULL AND closed_at IS NULL) AS dark
      FROM access_order AS o LEFT JOIN receipt AS r ON r.order_id = o.id AND r.outcome = 'executed'
           LEFT JOIN seen ON seen.order_id = o.id
     WHERE o.issued_at >= $1 AND o.issued_at < $2 AND NOT o.trial
       AND NOT {REPLACED}),
ranked AS (
    SELECT *, became = 'over' AS over_before, became <> 'done' AS waits,
           count(*) OVER (PARTITION BY provider_id, back, became = 'over') + 1
           - row_number() OVER (PARTITION BY provider_id, back, became = 'over' ORDER BY lasted, became <> 'done')
               AS as_long
      FROM given),
counted AS (
    SELECT *, CASE WHEN NOT over_before THEN
                   exp(sum(CASE WHEN waits THEN 0 WHEN as_long = 1 THEN '-Infinity'
                                ELSE ln(1 - 1 / as_long::float8) END)
                       OVER (PARTITION BY provider_id, back, over_before ORDER BY lasted, waits)) END AS left_over
      FROM ranked)
SELECT c.provider_id, provider.name AS provider,
       count(*) FILTER (WHERE NOT back) AS stops,
       count(*) FILTER (WHERE NOT back AND became = 'done') AS stops_done,
       count(*) FILTER (WHERE NOT back AND became = 'open') AS stops_open,
       count(*) FILTER (WHERE NOT back AND became = 'given_up') AS stops_given_up,
       count(*) FILTER (WHERE NOT back AND became = 'over') AS stops_over,
       count(*) FILTER (WHERE NOT back AND overdue) AS stops_overdue,
       count(*) FILTER (WHERE NOT back AND (became = 'given_up' OR became = 'open' AND late)) AS stops_not_done_in_time,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY lasted) FILTER (WHERE NOT back AND became = 'done')
           AS stops_median_minutes,
       min(lasted) FILTER (WHERE NOT back AND left_over < 0.500001) AS stops_half_done_minutes,
       CASE WHEN count(observed) FILTER (WHERE NOT back) >= $3
            THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY observed) FILTER (WHERE NOT back)
        END AS stops_observed_median_minutes,
       count(*) FILTER (WHERE back) AS restores,
       count(*) FILTER (WHERE back AND became = 'done') AS restores_done,
       count(*) FILTER (WHERE back AND became = 'open') AS restores_open,
       count(*) FILTER (WHERE back AND overdue) AS restores_overdue,
       count(*) FILTER (WHERE back AND became = 'open' AND late) AS restores_not_done_in_time,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY lasted) FILTER (WHERE back AND became = 'done')
           AS restores_median_minutes,
       min(lasted) FILTER (WHERE back AND left_over < 0.500001) AS restores_half_done_minutes,
       max(lasted) FILTER (WHERE back AND became <> 'done') AS restores_longest_wait_minutes,
       CASE WHEN count(observed) FILTER (WHERE back) >= $3
            THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY observed) FILTER (WHERE back)
        END AS restores_observed_median_minutes,
       count(observed) FILTER (WHERE back) AS restores_seen_served,
       count(*) FILTER (WHERE dark) AS restores_seen_dark
  FROM counted AS c JOIN provider ON provider.id = c.provider_id
 GROUP BY c.provider_id, provider.name ORDER BY provider.name, c.provider_id
"""


async def count(tx: Tx, since: datetime, until: datetime, least: int, at: datetime) -> list[Counted]:
    """What every provider was ordered in this time, and what of it was done by now, as recorded and as seen here.

    The median of what was seen is of providers of whose orders at least so many were.
    """
    rows = await tx.fetch(COUNT, since, until, least, at, sorted(OPEN))
    return [Counted(**dict(row)) for row in rows]
