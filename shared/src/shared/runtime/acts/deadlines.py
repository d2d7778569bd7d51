"""Clocks and windows: rows that are started, stand still, are met, or run out (``ticks`` acts then).

Whatever has an end date has a row here. A clock of the profile may have stages: each has a row of its own, whose kind
is that of the clock, a dot and the stage's name (``lapse.remind_30``); they are met, paused and resumed with it.
Lock order: a verb locks its aggregate, then its deadlines.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import structlog

from shared.contracts.http.registry import ClockView
from shared.rules import Due, Rules, Unit
from shared.rules.clocks import Stage, StageKind, counts_days_off, shifted
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

Pauses: TypeAlias = "list[list[str]]"
"""From when until when the clock stood still (ISO 8601), and why."""
DATE: Final = "date"
"""The unit of rows whose end an act has set: they count nothing, and neither pause nor move."""

OPEN: Final = "met_at IS NULL AND breached_at IS NULL"
"""SQL: the clock was neither met nor acted upon."""
_OF_CLOCK: Final = f"split_part(kind, '.', 1) = $1 AND {OPEN}"
"""SQL: the clock and its stages."""

_START: Final = f"""
INSERT INTO deadline (id, kind, aggregate_id, clock_name, amount, unit, carry_over, source, calendar_version,
                      provisional, started_at, due_at, stage, shift, shift_unit)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (kind, aggregate_id) WHERE {OPEN} DO UPDATE SET kind = excluded.kind
RETURNING id, due_at, provisional, source
"""  # noqa: S608 - the parts are constants
_PAUSE: Final = f"""
UPDATE deadline SET suspended_at = $3, pause_reason = $4
 WHERE {_OF_CLOCK} AND aggregate_id = $2 AND suspended_at IS NULL
RETURNING stage, unit
"""  # noqa: S608
_PAUSED: Final = f"""
SELECT id, stage, source, started_at, due_at, amount, unit, carry_over, shift, shift_unit, pauses, suspended_at,
       pause_reason
  FROM deadline
 WHERE {_OF_CLOCK} AND aggregate_id = $2 AND suspended_at IS NOT NULL
 ORDER BY id
   FOR UPDATE
"""  # noqa: S608
_RESUME: Final = """
UPDATE deadline
   SET suspended_at = NULL, pause_reason = NULL, due_at = $2, pauses = $3, suspended_seconds = $4, provisional = $5,
       calendar_version = $6
 WHERE id = $1
"""
_MET: Final = f"""
UPDATE deadline SET met_at = $3, suspended_at = NULL
 WHERE {_OF_CLOCK} AND aggregate_id = $2
RETURNING id
"""  # noqa: S608
_MET_MANY: Final = f"""
UPDATE deadline SET met_at = $3, suspended_at = NULL
 WHERE {_OF_CLOCK} AND aggregate_id = ANY($2)
"""  # noqa: S608
_RING_AGAIN: Final = f"""
UPDATE deadline SET breached_at = NULL
 WHERE id = (SELECT id FROM deadline WHERE kind = $1 AND aggregate_id = $2 AND breached_at IS NOT NULL
              ORDER BY due_at DESC, id DESC LIMIT 1)
   AND NOT EXISTS (SELECT FROM deadline WHERE kind = $1 AND aggregate_id = $2 AND {OPEN})
"""  # noqa: S608
_RING_AT: Final = f"UPDATE deadline SET due_at = $4 WHERE kind = $1 AND aggregate_id = $2 AND unit = $3 AND {OPEN}"  # noqa: S608
_RUNG: Final = """
SELECT max(due_at) FROM deadline WHERE kind = $1 AND aggregate_id = $2 AND breached_at IS NOT NULL
"""
_OF: Final = """
SELECT kind, stage, clock_name, source, started_at, due_at, provisional, suspended_at, pause_reason, met_at,
       breached_at, moves
  FROM deadline
 WHERE aggregate_id = $1
 ORDER BY started_at, due_at, id
"""
_RUNNING: Final = """
SELECT DISTINCT ON (aggregate_id) aggregate_id, due_at, provisional
  FROM deadline
 WHERE aggregate_id = ANY ($1) AND kind = $2 AND stage = 'due' AND met_at IS NULL
 ORDER BY aggregate_id, started_at, due_at, id
"""
_LOADED: Final = "SELECT version, digest FROM calendar_version ORDER BY loaded_at DESC LIMIT 1 FOR UPDATE"
_LOAD: Final = """
INSERT INTO calendar_version (version, digest, years, loaded_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (version) DO UPDATE SET digest = excluded.digest, years = excluded.years, loaded_at = excluded.loaded_at
"""
_COUNTED: Final = f"""
SELECT id, kind, aggregate_id, stage, source, started_at, due_at, amount, unit, carry_over, shift, shift_unit, pauses
  FROM deadline
 WHERE {OPEN} AND calendar_version IS NOT NULL AND ($1::text IS NULL OR calendar_version <> $1)
 ORDER BY id
   FOR UPDATE
"""  # noqa: S608
_MOVE: Final = """
UPDATE deadline
   SET due_at = counted.due_at, provisional = counted.provisional, calendar_version = $4,
       moves = CASE WHEN deadline.due_at = counted.due_at THEN moves ELSE moves || jsonb_build_array(jsonb_build_object(
                   'at', $5::timestamptz, 'before', deadline.due_at, 'due_at', counted.due_at, 'calendar', $4::text))
               END
  FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) AS counted (id, due_at, provisional)
 WHERE deadline.id = counted.id
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A clock of an aggregate, or a stage of one, as views show it. Who shows ``due_at`` shows ``provisional``."""

    kind: str
    stage: str
    """``due``, or the name of a stage."""
    clock_name: str | None
    source: str | None
    """Where the delay comes from, e.g. O33 §12; none for a window and for a date that an act set."""
    started_at: datetime
    due_at: datetime
    provisional: bool
    """Counted through a year whose working days are not published yet: the date may move."""
    suspended_at: datetime | None
    """Since when it stands still."""
    pause_reason: str | None
    met_at: datetime | None
    breached_at: datetime | None
    moves: list[dict[str, str]]
    """Each time a newly published calendar moved it: at, before, due_at, calendar."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An open deadline that a new calendar moved."""

    kind: str
    aggregate_id: UUID
    before: datetime
    due_at: datetime


class CannotPause(ValueError):
    """A date that an act or the calendar fixes does not stand still."""


async def start(tx: Tx, *, kind: str, aggregate_id: UUID, clock_name: str, rt: Runtime, at: datetime) -> Due:
    """Start a statutory clock of the rule profile, with its stages. One that already runs is left as it is."""
    clock = rt.rules.clocks[clock_name]
    due = rt.rules.due(clock_name, at)
    row = (clock_name, clock.amount, clock.unit, clock.carry_over, clock.source)
    by_calendar = rt.rules.calendar.version if counts_days_off(clock.unit, carry_over=clock.carry_over) else None
    return await _start(tx, kind, aggregate_id, row, by_calendar, at, due, clock.stages, rt.rules)


async def start_many(
    tx: Tx, *, kind: str, aggregate_ids: Sequence[UUID], clock_name: str, rt: Runtime, at: datetime,
    until: datetime | None = None,
) -> Due:  # fmt: skip
    """Start the same clock of aggregates that have none, or to a date, with its stages, in one statement; its end."""
    clock = rt.rules.clocks[clock_name]
    due = rt.rules.due(clock_name, at) if until is None else Due(until, False, clock.source)
    amount, unit, carries = (clock.amount, clock.unit, clock.carry_over) if until is None else (0, DATE, False)
    by = rt.rules.calendar.version if until is None and counts_days_off(clock.unit, carry_over=carries) else None
    common = (clock_name, amount, unit, carries, clock.source, by, due.provisional, at)
    stages = [(stage, time) for stage, time in _stages(rt.rules, clock.stages, due) if time > at]
    rows = [
        (kind, due.due_at, "due", 0, None),
        *((f"{kind}.{stage.name}", time, stage.name, stage.shift, stage.unit) for stage, time in stages),
    ]
    await tx.copy_records_to_table(
        "deadline",
        records=[
            (uuid7(), row_kind, each, *common, *rest) for each in aggregate_ids for row_kind, *rest in rows
        ],
        columns=("id", "kind", "aggregate_id", "clock_name", "amount", "unit", "carry_over", "source",
                 "calendar_version", "provisional", "started_at", "due_at", "stage", "shift", "shift_unit"),
    )  # fmt: skip
    return due


async def start_in(tx: Tx, kind: str, aggregate_id: UUID, seconds: float, *, at: datetime) -> datetime:
    """Start a window of so many seconds, e.g. the one in which an order can be withdrawn; gives its end."""
    row = (None, math.ceil(seconds), Unit.SECONDS, False, None)
    due = Due(at + timedelta(seconds=seconds), provisional=False)
    return (await _start(tx, kind, aggregate_id, row, None, at, due)).due_at


async def start_until(
    tx: Tx, *, kind: str, aggregate_id: UUID, until: datetime, rt: Runtime, at: datetime, clock_name: str | None = None
) -> Due:
    """Start what ends at a time that an act has set: a suspension, a bar, an approval that lapses.

    ``clock_name``: a clock of the profile, for its stages and its source; whether its amount allows it the caller asks.
    """
    clock = rt.rules.clocks[clock_name] if clock_name is not None else None
    source, stages = (clock.source, clock.stages) if clock is not None else (None, ())
    row = (clock_name, 0, DATE, False, source)
    return await _start(tx, kind, aggregate_id, row, None, at, Due(until, False, source), stages, rt.rules)


async def watch(
    tx: Tx, rt: Runtime, kind: str, aggregate_id: UUID, last_day: date | None, clock_name: str, at: datetime
) -> None:
    """Let it ring at the next reminder before the last day is over, or at its end; one that runs is replaced.

    The reminders are those of the profile's clock. Without a last day nothing rings.
    """
    await met(tx, kind, aggregate_id, at)
    if last_day is None:
        return
    rules = rt.rules
    end = datetime.combine(last_day + timedelta(days=1), time(), rules.time_zone)
    reminders = [stage for stage in rules.clocks[clock_name].stages if stage.kind is StageKind.REMIND]
    rings = [shifted(rules.calendar, rules.time_zone, end, stage.shift, stage.unit) for stage in reminders]
    ring = min((ring for ring in rings if ring > at), default=end)
    await start_in(tx, kind, aggregate_id, max((ring - at).total_seconds(), 0), at=at)


async def ringing(tx: Tx, rt: Runtime, kind: str, aggregate_id: UUID) -> datetime:
    """What time it is for a clock that rings: not before it was due, although this process's own clock may be behind.

    The database said that it is due. Who waits for the next time from before it would be rung for the same one again.
    """
    rung: datetime | None = await tx.fetchval(_RUNG, kind, aggregate_id)
    return max(rt.clock.now(), rung) if rung is not None else rt.clock.now()


async def pause(tx: Tx, kind: str, aggregate_id: UUID, at: datetime, why: str) -> bool:
    """Let the clock and its stages stand still from now on. False if none is running.

    Raises CannotPause for an end that a date fixes.
    """
    rows = await tx.fetch(_PAUSE, kind, aggregate_id, at, why)
    if any(row["unit"] in {DATE, Unit.DAY_OF_MONTH} for row in rows):
        raise CannotPause(f"{kind} ends at a date, which does not stand still")
    return bool(rows)


async def resume(tx: Tx, kind: str, aggregate_id: UUID, at: datetime, *, rt: Runtime) -> Due | None:
    """Let the clock and its stages run again; gives the new due time, later by what it stood still.

    None if none stood still. Days: the one on which it stopped was used up, the one on which it goes on does not count.
    """
    resumed = None
    for row in await tx.fetch(_PAUSED, kind, aggregate_id):
        end = max(at, row["suspended_at"])
        pauses: Pauses = [*row["pauses"], [row["suspended_at"].isoformat(), end.isoformat(), row["pause_reason"] or ""]]
        due = _due(rt.rules, row, pauses)
        by_calendar = counts_days_off(Unit(row["unit"]), carry_over=row["carry_over"])
        await tx.execute(
            _RESUME, row["id"], due.due_at, pauses,
            round(sum((end - begin for begin, end in map(_times, pauses)), timedelta()).total_seconds()),
            due.provisional, rt.rules.calendar.version if by_calendar else None,
        )  # fmt: skip
        if row["stage"] == "due":
            resumed = due
    return resumed


async def met(tx: Tx, kind: str, aggregate_id: UUID, at: datetime) -> bool:
    """What the clock was for has happened; its stages end with it. False if nothing of it was open."""
    return bool(await tx.fetch(_MET, kind, aggregate_id, at))


async def met_many(tx: Tx, kind: str, aggregate_ids: Sequence[UUID], at: datetime) -> None:
    """The same for many aggregates, in one statement."""
    if aggregate_ids:
        await tx.execute(_MET_MANY, kind, aggregate_ids, at)


async def of(tx: Tx, aggregate_id: UUID) -> list[Deadline]:
    """The clocks of an aggregate and their stages, in the order in which they were started and run out."""
    return [Deadline(**row) for row in await tx.fetch(_OF, aggregate_id)]


async def running(tx: Tx, kind: str, aggregate_ids: Collection[UUID]) -> dict[UUID, tuple[datetime, bool]]:
    """Until when those of these must be answered whose clock was not met, and whether that is provisional."""
    rows = await tx.fetch(_RUNNING, list(aggregate_ids), kind)
    return {row["aggregate_id"]: (row["due_at"], row["provisional"]) for row in rows}


async def time_of(rt: Runtime) -> datetime:
    """The time by which something is too old to be kept: that of the injected clock, as the database shows it.

    A machine's is the database's own, so that a process whose clock is wrong forgets nothing.
    """
    async with rt.db.connection() as tx:
        return rt.clock.of_database(await tx.fetchval("SELECT clock_timestamp()"))


async def ring_again(tx: Tx, kind: str, aggregate_id: UUID, at: datetime) -> None:
    """What looked at something when it ran out looks at it once more, if it did: that is otherwise by now.

    One that waits for a date, and not for a statutory time to be over, looks now.
    """
    await tx.execute(_RING_AGAIN, kind, aggregate_id)
    await tx.execute(_RING_AT, kind, aggregate_id, DATE, at)


async def put_off(tx: Tx, kind: str, aggregate_id: UUID, until: datetime) -> None:
    """A date that an act set rings later than it says, since there was too little time by then; also as it rings."""
    await tx.execute(_RING_AT, kind, aggregate_id, DATE, until)


async def clocks_of(tx: Tx, kind: str, overdue_at: Mapping[UUID, datetime | None]) -> dict[UUID, ClockView]:
    """The clock of everything on a page that waits for an answer, in one statement; none where it does not run.

    ``overdue_at``: since when each is shown as late.
    """
    return {
        each: ClockView(due_at=due_at, provisional=provisional, overdue=overdue_at[each] is not None)
        for each, (due_at, provisional) in (await running(tx, kind, overdue_at)).items()
    }


async def recompute(tx: Tx, rt: Runtime) -> list[Moved]:
    """Count open clocks again that another calendar than this one counted; gives those that moved.

    Each move is written into the row. Once is not enough: beside this process, one of the release before may still
    start clocks by its own calendar.
    """
    calendar = rt.rules.calendar
    loaded = await tx.fetchrow(_LOADED)
    new = loaded is None or tuple(loaded) != (calendar.version, calendar.digest)
    if new:
        years = {str(year): status for year, status in calendar.years.items()}
        await tx.execute(_LOAD, calendar.version, calendar.digest, years, rt.clock.now())
        _log.info("calendar.loaded", version=calendar.version)
    rows = await tx.fetch(_COUNTED, None if new else calendar.version)
    dues = [_due(rt.rules, row, row["pauses"]) for row in rows]
    await tx.execute(
        _MOVE,
        [row["id"] for row in rows],
        [due.due_at for due in dues],
        [due.provisional for due in dues],
        calendar.version,
        rt.clock.now(),
    )
    counted = zip(rows, dues, strict=True)
    return [
        Moved(row["kind"], row["aggregate_id"], row["due_at"], due.due_at)
        for row, due in counted
        if due.due_at != row["due_at"]
    ]


async def _start(
    tx: Tx,
    kind: str,
    aggregate_id: UUID,
    row: tuple[str | None, int, str, bool, str | None],
    by_calendar: str | None,
    at: datetime,
    due: Due,
    stages: Sequence[Stage] = (),
    rules: Rules | None = None,
) -> Due:
    """Write the row of a clock and, if it is new, those of its stages that are still to come."""
    if "." in kind:
        raise ValueError(f"a kind of clock has no dot, which its stages have: {kind}")
    new = uuid7()
    common = (*row, by_calendar, due.provisional, at)
    found = await tx.fetchrow(_START, new, kind, aggregate_id, *common, due.due_at, "due", 0, None)
    assert found is not None
    if found["id"] == new and rules is not None:
        rows = [
            (uuid7(), f"{kind}.{stage.name}", aggregate_id, *common, time, stage.name, stage.shift, stage.unit)
            for stage, time in _stages(rules, stages, due)
            if time > at
        ]
        if rows:  # none would be a round trip as well
            await tx.executemany(_START, rows)
    return Due(found["due_at"], found["provisional"], found["source"])


def _stages(rules: Rules, stages: Sequence[Stage], due: Due) -> list[tuple[Stage, datetime]]:
    """When each stage of a clock rings."""
    return [(stage, shifted(rules.calendar, rules.time_zone, due.due_at, stage.shift, stage.unit)) for stage in stages]


def _due(rules: Rules, row: Any, pauses: Pauses) -> Due:
    """When the clock, or the stage, of this row runs out."""
    spans = [_times(pause) for pause in pauses]
    due = rules.count(row["started_at"], row["amount"], Unit(row["unit"]), carry_over=row["carry_over"], pauses=spans)
    at = due.due_at
    if row["shift_unit"] is not None:
        at = shifted(rules.calendar, rules.time_zone, at, row["shift"], Unit(row["shift_unit"]))
    return Due(at, due.provisional, row["source"], row["stage"])


def _times(pause: list[str]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(pause[0]), datetime.fromisoformat(pause[1])
