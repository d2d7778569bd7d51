"""What is due in an agent's journal, and when the next thing will be: the questions that are asked of its tables."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from concord.agent.patience import LONGEST_HOOK_S

_MAY_BEGIN: Final = """
       state = 'pending'
   AND coalesce((SELECT o.action = 'restore' AND first.attempts > 0 FROM received_order AS first
                  WHERE first.state = 'pending' AND first.site = o.site AND first.sequence < o.sequence
                    AND NOT (first.action = 'restore' AND first.attempts >= :tries)
                  ORDER BY first.sequence LIMIT 1), 1)
"""
"""Orders of one site are carried out in sequence; an order that has to wait holds up its own site only.

A restore is tried until it is done, so one that has failed often holds up nothing any more. And where the first of a
site has failed, restores wait neither for it nor for what waits behind it: a hook takes back one order and leaves the
others, so that in the end the same orders are in force. Were they to wait, a site would stay dark by a measure that is
over because another one could not be carried out; that one follows when it can, by its own grounds and receipt.
"""
_LANE: Final = """
       (:back IS NULL OR (action = 'restore') = :back) AND site NOT IN (SELECT value FROM json_each(:busy))
   AND (:again IS NULL OR (attempts > 0) = :again)
"""
"""What gives a site back, or takes one away; what failed before, or did not; and nothing of a site that is at work."""
_DUE: Final = "(retry_at <= :now OR retry_at > :farthest)"
"""No pause is as long as up to ``farthest``: what is further ahead was written while the clock was ahead."""
READY: Final = f"""
SELECT * FROM received_order AS o WHERE {_MAY_BEGIN} AND {_DUE} AND {_LANE}
 ORDER BY attempts, sequence LIMIT :most
"""  # noqa: S608 - the parts are constants
TAKEN_BACK: Final = """
SELECT * FROM received_order AS o
 WHERE state = 'pending' AND EXISTS (SELECT 1 FROM received_order WHERE undoes = o.order_id) ORDER BY sequence
"""
OWED: Final = "state = 'impossible' AND action = 'restore'"
"""Restores that were called impossible: they are tried on, beside the orders of their sites."""
READY_AGAIN: Final = f"""
SELECT * FROM received_order WHERE {OWED} AND {_DUE} AND {_LANE} ORDER BY attempts, sequence LIMIT :most
"""  # noqa: S608 - the parts are constants
NEXT: Final = f"""
SELECT min(at) AS at FROM (SELECT min(retry_at) AS at FROM received_order AS o
                            WHERE {_MAY_BEGIN} AND retry_at > :now
                           UNION ALL SELECT min(retry_at) FROM received_order WHERE {OWED} AND retry_at > :now)
"""  # noqa: S608 - the parts are constants
NO_ENDING: Final = """
SELECT * FROM received_order AS o
 WHERE action = 'suspend' AND state IN ('executed', 'impossible')
   AND NOT EXISTS (SELECT 1 FROM ending WHERE order_id = o.order_id)
"""
"""Suspensions that were acted on, however that ended: each is ended when its time has come."""
_STILL_ENDING: Final = """
  FROM ending JOIN received_order AS o USING (order_id)
 WHERE NOT done AND NOT EXISTS (SELECT 1 FROM received_order AS back WHERE back.undoes = o.order_id
                                AND back.state = 'executed')
"""
ENDED: Final = f"""
SELECT o.*, ending.attempts AS endings {_STILL_ENDING} AND until <= :now
   AND (ending.retry_at <= :now OR ending.retry_at > :farthest)
   AND site NOT IN (SELECT value FROM json_each(:busy)) AND (:again IS NULL OR (ending.attempts > 0) = :again)
 ORDER BY ending.attempts, until LIMIT :most
"""  # noqa: S608 - the parts are constants
NEXT_END: Final = (
    f"SELECT min(max(until, ending.retry_at)) AS at {_STILL_ENDING} AND max(until, ending.retry_at) > :now"
)


@dataclass(frozen=True, slots=True)
class Lane:
    """What is carried out side by side has places of its own: nothing that hangs takes those of what has not failed."""

    back: bool
    """What gives a site back, or what takes one away."""
    again: bool
    """What failed before."""


def at(now: datetime, most: int, lane: Lane | None = None, busy: Collection[str] = ()) -> dict[str, float | str | None]:
    """What the questions are asked with: the time, how much is wanted of what, and the sites that are at work."""
    back, again = (None, None) if lane is None else (lane.back, lane.again)
    return {"now": now.timestamp(), "farthest": now.timestamp() + LONGEST_HOOK_S, "most": most,
            "back": back, "again": again, "busy": json.dumps([*busy])}  # fmt: skip
