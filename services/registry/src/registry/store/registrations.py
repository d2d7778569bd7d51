"""Filings and licences, and the gap-free numbers of each province."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

import asyncpg

from registry.errors import UnknownRegistration
from registry.lifecycle import REGISTRATION, Action, Status
from registry.store import operators
from registry.store.operators import Operator
from shared.contracts.http.registry import Refusal
from shared.contracts.registry import RegistrationRecord, StandingRegistration
from shared.rules import Rules
from shared.rules.identifiers import parse_number
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.base.problems import TryAgain
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Registration:
    """A filing or licence."""

    id: UUID
    version: int
    operator_id: UUID
    kind: str
    level: str
    region: str
    status: Status
    number: str | None
    refusal: Refusal | None
    valid_from: date | None
    valid_until: date | None
    overdue_at: datetime | None
    submitted_by: str
    by_operator: bool
    """The operator asked for it itself; nobody did in its name."""
    submitted_at: datetime
    changed_at: datetime

    @property
    def record(self) -> RegistrationRecord:
        """As facts tell it; it must have its number."""
        return RegistrationRecord(
            registration_id=self.id, kind=self.kind, number=self.number or "", level=self.level, region=self.region,
            valid_until=self.valid_until,
        )  # fmt: skip

    @property
    def standing(self) -> StandingRegistration:
        """The same, and whether it is in force, as the records of its sites tell it."""
        status = self.status if self.status is Status.LAPSED else None
        return StandingRegistration(**dict(self.record), status=status)

    def with_number(self, number: str) -> "Registration":
        """The same under its number."""
        return replace(self, number=number)

    def serial(self, rules: Rules) -> int:
        """The serial in its number."""
        return int(parse_number(self.number or "", rules).serial)


@dataclass(frozen=True, slots=True)
class Owned:
    """A registration with its operator: what the policy needs to know of it."""

    registration: Registration
    operator: Operator

    @property
    def organisation(self) -> str:
        """Whose people may see it."""
        return self.operator.identity

    @property
    def region(self) -> str:
        """Whose desk it is on."""
        return self.registration.region

    @property
    def level(self) -> str:
        """Put to the ministry or to a province."""
        return self.registration.level

    @property
    def by_operator(self) -> bool:
        """Whether its operator itself asked for it."""
        return self.registration.by_operator


COLUMNS: Final = """id, version, operator_id, kind, level, region, status, number, refusal, valid_from, valid_until,
       overdue_at, submitted_by, by_operator, submitted_at, changed_at"""
ADD: Final = f"""
INSERT INTO registration (id, operator_id, kind, level, region, status, submitted_by, submitted_at, changed_at,
                          by_operator)
VALUES ($1, $2, $3, $4, $5, 'submitted', $6, $7, $7, $8)
ON CONFLICT DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM registration WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
MANY: Final = f"SELECT {COLUMNS} FROM registration WHERE id = ANY ($1)"
FILING_OF: Final = """
SELECT id FROM registration
 WHERE operator_id = $1 AND region = $2 AND kind = 'filing' AND status IN ('submitted', 'active')
"""
FILING_IN: Final = f"""
SELECT {COLUMNS} FROM registration
 WHERE operator_id = $1 AND region = $2 AND kind = 'filing' AND status IN ('submitted', 'active')
"""
FILINGS_OF: Final = f"""
SELECT {COLUMNS} FROM registration
 WHERE operator_id = ANY ($1) AND kind = 'filing' AND status IN ('submitted', 'active')
"""
HAS_OTHERS: Final = """
SELECT EXISTS (SELECT FROM registration
                WHERE operator_id = $1 AND id <> $2 AND status IN ('submitted', 'active', 'lapsed'))
"""
ROOM: Final = "SELECT $2::integer - last_ordinal FROM registration WHERE id = $1"
WORDS: Final = {
    "organisation": "operator_id IN (SELECT o.id FROM operator o WHERE o.identity = ANY ({}))",
    "region": "region = ANY ({})",
    "level": "level = ANY ({})",
}
NEXT_ORDINAL: Final = """
UPDATE registration SET last_ordinal = last_ordinal + $2 WHERE id = $1 AND last_ordinal + $2 <= $3
RETURNING last_ordinal
"""
NEXT_NUMBER: Final = """
INSERT INTO number_counter AS c (region, kind, last) VALUES ($1, $2, $3)
ON CONFLICT (region, kind) DO UPDATE SET last = c.last + $3
RETURNING last
"""
RAISE_COUNTER: Final = """
INSERT INTO number_counter AS c (region, kind, last) VALUES ($1, $2, $3)
ON CONFLICT (region, kind) DO UPDATE SET last = greatest(c.last, EXCLUDED.last)
"""
MARK_OVERDUE: Final = """
UPDATE registration SET overdue_at = $2 WHERE id = $1 AND status = 'submitted' AND overdue_at IS NULL
"""
OPEN_OF: Final = f"""
SELECT {COLUMNS}, last_ordinal FROM registration WHERE operator_id = ANY ($1) AND status IN ('submitted', 'active')
 ORDER BY id FOR UPDATE
"""
BY_NUMBER: Final = f"SELECT {COLUMNS} FROM registration WHERE number = ANY ($1)"


def of(row: asyncpg.Record) -> Registration:
    """A row of COLUMNS."""
    values = dict(row)
    values.pop("last_ordinal", None)
    refusal = values["refusal"] and Refusal.model_validate(values["refusal"])
    return Registration(**{**values, "status": Status(values["status"]), "refusal": refusal})


MOVES: Final[Moves[Registration, Status, Action]] = Moves(REGISTRATION, table="registration", columns=COLUMNS, read=of)


async def add(
    tx: Tx, registration_id: UUID, operator: Operator, *, kind: str, level: str, submitted_by: str, by_operator: bool,
    at: datetime,
) -> Registration | None:  # fmt: skip
    """Enter an application; none if the operator has a filing in this province already."""
    row = await tx.fetchrow(
        ADD, registration_id, operator.id, kind, level, operator.region, submitted_by, at, by_operator
    )
    return of(row) if row else None


async def filing_of(tx: Tx, operator: Operator) -> UUID | None:
    """The operator's filing in its province."""
    found: UUID | None = await tx.fetchval(FILING_OF, operator.id, operator.region)
    return found


async def filing_in(tx: Tx, operator_id: UUID, region: str) -> Registration | None:
    """An operator's filing in a province: asked for or active. Whoever changes it holds the operator."""
    row = await tx.fetchrow(FILING_IN, operator_id, region)
    return of(row) if row else None


async def filings_of(tx: Tx, operator_ids: Collection[UUID]) -> dict[tuple[UUID, str], Registration]:
    """The filings of operators, asked for or active, each by operator and province."""
    found = [of(row) for row in await tx.fetch(FILINGS_OF, list(operator_ids))]
    return {(each.operator_id, each.region): each for each in found}


async def has_others(tx: Tx, operator_id: UUID, except_id: UUID) -> bool:
    """Whether an operator has another registration that is asked for, or is not over. Whoever asks holds it."""
    found: bool = await tx.fetchval(HAS_OTHERS, operator_id, except_id)
    return found


async def room(tx: Tx, registration_id: UUID, most: int) -> int:
    """How many more sites a number can have."""
    left: int = await tx.fetchval(ROOM, registration_id, most)
    return left


async def get(tx: Tx, registration_id: UUID) -> Owned:
    """One registration with its operator. Raises UnknownRegistration."""
    row = await tx.fetchrow(GET, registration_id)
    if row is None:
        raise UnknownRegistration(registration_id=registration_id)
    found = of(row)
    return Owned(found, await operators.get(tx, found.operator_id))


async def many(tx: Tx, registration_ids: Collection[UUID]) -> dict[UUID, Owned]:
    """Several registrations by id, each with its operator."""
    found = [of(row) for row in await tx.fetch(MANY, list(registration_ids))]
    owners = await operators.many(tx, {each.operator_id for each in found})
    return {each.id: Owned(each, owners[each.operator_id]) for each in found}


async def hold(tx: Tx, registration_id: UUID) -> Owned:
    """One registration with its operator, both held: the operator first. Raises UnknownRegistration, TryAgain."""
    row = await tx.fetchrow(GET, registration_id)
    if row is None:
        raise UnknownRegistration(registration_id=registration_id)
    operator = await operators.hold(tx, row["operator_id"])
    held = await tx.fetchrow(HOLD, registration_id)
    if held is None:
        raise UnknownRegistration(registration_id=registration_id)
    if held["operator_id"] != operator.id:
        raise TryAgain(retry_after=1)  # its operator was merged, or a merger undone, at this very moment
    return Owned(of(held), operator)


async def page(
    tx: Tx, reach: Reach, *, number: str | None, operator_id: UUID | None, status: str | None, after: UUID | None,
    limit: int,
) -> list[Owned]:  # fmt: skip
    """Registrations within reach, newest first."""
    where, values = reach.where(WORDS, first=6)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM registration
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR number = $3)
               AND ($4::uuid IS NULL OR operator_id = $4) AND ($5::text IS NULL OR status = $5) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, number, operator_id, status, *values,
    )  # fmt: skip
    owners = await tx.fetch(
        f"SELECT {operators.COLUMNS} FROM operator WHERE id = ANY ($1)", list({row["operator_id"] for row in rows})
    )
    by_id = {row["id"]: operators.of(row) for row in owners}
    return [Owned(of(row), by_id[row["operator_id"]]) for row in rows]


async def next_ordinals(tx: Tx, registration_id: UUID, count: int, most: int) -> int | None:
    """Draw so many site numbers; gives the last of them, or none if there would be more than ``most``."""
    last: int | None = await tx.fetchval(NEXT_ORDINAL, registration_id, count, most)
    return last


async def next_number(tx: Tx, region: str, kind: str, count: int = 1) -> int:
    """Draw so many serials; gives the last. The counter stays locked until commit, so numbers have no gaps."""
    last: int = await tx.fetchval(NEXT_NUMBER, region, kind, count)
    return last


async def never_below(tx: Tx, region: str, kind: str, serial: int) -> None:
    """Numbers that came with an import are never issued again."""
    await tx.execute(RAISE_COUNTER, region, kind, serial)


async def mark_overdue(tx: Tx, registration_id: UUID, at: datetime) -> None:
    """The regulator's clock ran out; it shows until it is decided."""
    await tx.execute(MARK_OVERDUE, registration_id, at)


async def open_of(tx: Tx, operator_ids: list[UUID]) -> list[tuple[Registration, int]]:
    """The registrations of these operators that are asked for or active, held, with the last site number of each."""
    return [(of(row), row["last_ordinal"]) for row in await tx.fetch(OPEN_OF, operator_ids)]


async def by_number(tx: Tx, numbers: list[str]) -> dict[str, Registration]:
    """The registrations of these numbers, in any state."""
    return {row["number"]: of(row) for row in await tx.fetch(BY_NUMBER, numbers)}
