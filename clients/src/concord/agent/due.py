"""What is due in an agent's journal, and when the next thing will be: the questions that are asked of its tables."""

from datetime import datetime
from typing import Final

from concord.agent.patience import LONGEST_HOOK_S

_FIRST_OF_ITS_SITE: Final = """
       state = 'pending'
   AND NOT EXISTS (SELECT 1 FROM received_order AS earlier
                    WHERE earlier.state = 'pending' AND earlier.site = o.site AND earlier.sequence < o.sequence
                      AND NOT (earlier.action = 'restore' AND earlier.attempts >= :tries))
"""
"""Orders of one site are carried out in sequence; an order that has to wait holds up its own site only.

A restore is tried until it is done, so one that has failed often holds up nothing any more.
"""
_DUE: Final = "(retry_at <= :now OR retry_at > :farthest)"
"""No pause is as long as up to ``farthest``: what is further ahead was written while the clock was ahead."""
READY: Final = f"""
SELECT * FROM received_order AS o WHERE {_FIRST_OF_ITS_SITE} AND {_DUE} ORDER BY sequence LIMIT :most
"""  # noqa: S608 - the parts are constants
TAKEN_BACK: Final = """
SELECT * FROM received_order AS o
 WHERE state = 'pending' AND EXISTS (SELECT 1 FROM received_order WHERE undoes = o.order_id) ORDER BY sequence
"""
OWED: Final = "state = 'impossible' AND action = 'restore'"
"""Restores that were called impossible: they are tried on, beside the orders of their sites."""
READY_AGAIN: Final = f"""
SELECT * FROM received_order WHERE {OWED} AND {_DUE} ORDER BY sequence LIMIT :most
"""  # noqa: S608 - the parts are constants
NEXT: Final = f"""
SELECT min(at) AS at FROM (SELECT min(retry_at) AS at FROM received_order AS o WHERE {_FIRST_OF_ITS_SITE}
                           UNION ALL SELECT min(retry_at) FROM received_order WHERE {OWED})
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
   AND (ending.retry_at <= :now OR ending.retry_at > :farthest) ORDER BY until LIMIT :most
"""
NEXT_END: Final = f"SELECT min(max(until, ending.retry_at)) AS at {_STILL_ENDING}"


def at(now: datetime, most: int) -> dict[str, float]:
    """What the questions are asked with: the time, and how much is wanted."""
    return {"now": now.timestamp(), "farthest": now.timestamp() + LONGEST_HOOK_S, "most": most}
