"""What is due in an agent's journal, and when the next thing will be: the questions that are asked of its tables.

They are asked whenever something ends, by the loop that also answers readers, so each walks an index that has what is
wanted side by side: by what it gives back or takes away, by how often it failed, and by when it is due.
"""

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from concord.agent.patience import LONGEST_HOOK_S

OWED: Final = "state = 'impossible' AND action = 'restore'"
"""Restores that were called impossible: they are tried on, beside the orders of their sites."""
OPEN: Final = f"(state = 'pending' OR ({OWED}))"
"""What is still to be done. The indexes of it are named by these very words."""
_MAY_BEGIN: Final = """
       (state = 'impossible' OR (NOT undone
   AND coalesce((SELECT o.action = 'restore' AND first.attempts > 0 FROM received_order AS first
                  WHERE first.state = 'pending' AND first.site = o.site AND first.sequence < o.sequence
                    AND NOT first.undone AND NOT (first.action = 'restore' AND first.attempts >= :tries)
                  ORDER BY first.sequence LIMIT 1), 1)))
"""
"""Orders of one site are carried out in sequence; an order that has to wait holds up its own site only.

A restore is tried until it is done, so one that has failed often holds up nothing any more. And where the first of a
site has failed, restores wait neither for it nor for what waits behind it: a hook takes back one order and leaves the
others, so that in the end the same orders are in force. Were they to wait, a site would stay dark by a measure that is
over because another one could not be carried out; that one follows when it can, by its own grounds and receipt.
What a later order takes back is never begun and holds up nothing, also where a full disk keeps that from being noted.
"""
_BUSY: Final = "site NOT IN (SELECT value FROM json_each(:busy))"
_LANE: Final = f"FROM received_order AS o WHERE {OPEN} AND (action = 'restore') = :back"
LEVEL: Final = f"SELECT min(attempts) AS level {_LANE} AND attempts >= :level"
READY: Final = f"""
SELECT * {_LANE} AND attempts = :level AND retry_at <= :now AND {_BUSY} AND {_MAY_BEGIN}
 ORDER BY retry_at, sequence LIMIT :most
"""
AHEAD: Final = READY.replace("retry_at <= :now", "retry_at > :farthest")
"""No pause is as long as up to ``farthest``: what is further ahead was written while the clock was ahead."""
TAKEN_BACK: Final = "SELECT * FROM received_order WHERE state = 'pending' AND undone ORDER BY sequence"
NEXT: Final = f"""
SELECT retry_at AS at FROM received_order AS o WHERE {OPEN} AND attempts > 0 AND retry_at > :now AND {_MAY_BEGIN}
 ORDER BY retry_at LIMIT 1
"""  # noqa: S608 - the parts are constants
NO_ENDING: Final = """
SELECT * FROM received_order AS o
 WHERE action = 'suspend' AND state IN ('executed', 'impossible')
   AND NOT EXISTS (SELECT 1 FROM ending WHERE order_id = o.order_id)
"""
"""Suspensions that were acted on, however that ended: each is ended when its time has come."""
_AT: Final = "max(until, ending.retry_at)"
"""When an ending is due."""
_STILL_ENDING: Final = """
  FROM ending CROSS JOIN received_order AS o USING (order_id)
 WHERE NOT done AND NOT EXISTS (SELECT 1 FROM received_order AS back WHERE back.undoes = o.order_id
                                AND back.state = 'executed')
"""
END_LEVEL: Final = "SELECT min(attempts) AS level FROM ending WHERE NOT done AND attempts >= :level"
ENDED: Final = f"""
SELECT o.*, ending.attempts AS endings {_STILL_ENDING} AND ending.attempts = :level AND {_AT} <= :now AND {_BUSY}
 ORDER BY {_AT} LIMIT :most
"""
END_AHEAD: Final = ENDED.replace(f"{_AT} <= :now", f"{_AT} > :farthest AND until <= :now")
NEXT_END: Final = f"SELECT {_AT} AS at {_STILL_ENDING} AND {_AT} > :now ORDER BY {_AT} LIMIT 1"


@dataclass(frozen=True, slots=True)
class Lane:
    """What is carried out side by side has places of its own: nothing that hangs takes those of what has not failed."""

    back: bool
    """What gives a site back, or what takes one away."""
    again: bool
    """What failed before."""


def at(now: datetime, most: int, busy: Collection[str] = ()) -> dict[str, Any]:
    """What the questions are asked with: the time, how much is wanted, and the sites that are at work."""
    return {"now": now.timestamp(), "farthest": now.timestamp() + LONGEST_HOOK_S, "most": most,
            "busy": json.dumps([*busy])}  # fmt: skip


def ready(db: sqlite3.Connection, given: dict[str, Any], lane: Lane | None) -> list[sqlite3.Row]:
    """The orders of a lane that may begin, those that failed least first; without a lane all of them."""
    found = [
        row
        for back in ((True, False) if lane is None else (lane.back,))
        for row in _least_first(db, (LEVEL, READY, AHEAD), given | {"back": back}, lane.again if lane else None)
    ]
    return sorted(found, key=lambda row: row["attempts"])[: given["most"]]


def ended(db: sqlite3.Connection, given: dict[str, Any], lane: Lane | None) -> list[sqlite3.Row]:
    """The suspensions that are over and of which nobody has heard yet, those that failed least first."""
    return _least_first(db, (END_LEVEL, ENDED, END_AHEAD), given, lane.again if lane else None)


def _least_first(
    db: sqlite3.Connection, asked: tuple[str, str, str], given: dict[str, Any], again: bool | None
) -> list[sqlite3.Row]:
    """Those that failed equally often together, from the least, until there are enough."""
    (least, due, ahead), level, found = asked, int(again or False), list[sqlite3.Row]()
    while len(found) < given["most"] and not (again is False and level):
        level = db.execute(least, given | {"level": level}).fetchone()["level"]
        if level is None or (again is False and level):
            break
        for sql in (due, ahead) if level else (due,):  # what has not failed has no pause
            found += db.execute(sql, given | {"level": level, "most": given["most"] - len(found)})
        level += 1
    return found
