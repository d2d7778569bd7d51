"""Operators and the versions of what is known of them."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from pydantic import BaseModel

from registry.errors import UnknownOperator
from shared.contracts.grounds import AddressForService, OperatorRef
from shared.contracts.http.registry import Particulars
from shared.contracts.registry import OperatorRecord
from shared.runtime.acts.lifecycle import Lifecycle
from shared.runtime.acts.moves import Moves
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit
from shared.runtime.db.postgres import Tx


class Known(StrEnum):
    """The one state of an operator."""

    KNOWN = "known"


class Nothing(StrEnum):
    """An operator has no moves: what it may do depends on its registrations and on what bars it."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is responsible for sites."""

    id: UUID
    version: int
    status: Known
    identity: str
    document: str
    kind: str
    region: str
    particulars: Particulars
    address: AddressForService
    entered_by: str
    confirmed_by: str | None
    changed_at: datetime

    @property
    def organisation(self) -> str:
        """The organisation that people of this operator act for; the policy's word."""
        return self.identity

    @property
    def ref(self) -> OperatorRef:
        """As other departments know it."""
        return OperatorRef(identity=self.identity, name=self.particulars.name)

    @property
    def record(self) -> OperatorRecord:
        """As facts tell it."""
        return OperatorRecord(
            operator_id=self.id, identity=self.identity, name=self.particulars.name, kind=self.kind,
            region=self.region, address_for_service=self.address,
        )  # fmt: skip


COLUMNS: Final = (
    "id, version, status, identity, document, kind, region, particulars, address, entered_by, confirmed_by, changed_at"
)
VERSIONS: Final = AppendOnly(
    "operator_version",
    {"operator_id": "uuid", "version": "bigint", "particulars": "jsonb", "cause": "jsonb", "at": "timestamptz"},
)
ADD: Final = f"""
INSERT INTO operator (id, identity, document, kind, region, particulars, address, entered_by, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
ON CONFLICT (identity) DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM operator WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
MANY: Final = f"SELECT {COLUMNS} FROM operator WHERE id = ANY ($1)"
BY_IDENTITY: Final = f"SELECT {COLUMNS} FROM operator WHERE identity = $1"
HOLD_MANY: Final = f"SELECT {COLUMNS} FROM operator WHERE identity = ANY ($1) ORDER BY identity FOR UPDATE"


def of(row: asyncpg.Record) -> Operator:
    """A row of COLUMNS."""
    return Operator(**{
        **dict(row), "status": Known(row["status"]), "particulars": Particulars.model_validate(row["particulars"]),
        "address": AddressForService.model_validate(row["address"]),
    })  # fmt: skip


MOVES: Final[Moves[Operator, Known, Nothing]] = Moves(
    Lifecycle({}, aggregate="operator"), table="operator", columns=COLUMNS, read=of
)


async def add(
    tx: Tx, operator_id: UUID, *, identity: str, document: str, kind: str, region: str, particulars: Particulars,
    address: AddressForService, by: str, at: datetime,
) -> Operator | None:  # fmt: skip
    """Enter an operator; none if its identity is there already."""
    row = await tx.fetchrow(
        ADD, operator_id, identity, document, kind, region, particulars.model_dump(), address.model_dump(), by, at
    )
    return of(row) if row else None


async def get(tx: Tx, operator_id: UUID) -> Operator:
    """One operator. Raises UnknownOperator."""
    return _one(await tx.fetchrow(GET, operator_id), operator_id)


async def many(tx: Tx, operator_ids: Collection[UUID]) -> dict[UUID, Operator]:
    """Several operators by id."""
    return {row["id"]: of(row) for row in await tx.fetch(MANY, list(operator_ids))}


async def hold(tx: Tx, operator_id: UUID) -> Operator:
    """One operator, held until the transaction ends: whatever is added to it or lies on it is added under this lock."""
    return _one(await tx.fetchrow(HOLD, operator_id), operator_id)


def _one(row: asyncpg.Record | None, operator_id: UUID) -> Operator:
    if row is None:
        raise UnknownOperator(operator_id=operator_id)
    return of(row)


async def by_identity(tx: Tx, identity: str) -> Operator | None:
    """The operator of an identity."""
    row = await tx.fetchrow(BY_IDENTITY, identity)
    return of(row) if row else None


async def enter_many(tx: Tx, new: Sequence[Operator]) -> None:
    """Enter operators by COPY. Raises UniqueViolationError if somebody has entered one of them meanwhile."""
    await tx.copy_records_to_table(
        "operator",
        records=[
            (o.id, o.identity, o.document, o.kind, o.region, _json(o.particulars), _json(o.address),
             o.entered_by, o.changed_at, o.changed_at) for o in new
        ],
        columns=("id", "identity", "document", "kind", "region", "particulars", "address", "entered_by", "created_at",
                 "changed_at"),
    )  # fmt: skip
    for operator in new:
        keep_version(tx, operator, {"kind": "import", "by": operator.entered_by})


async def hold_many(tx: Tx, identities: Collection[str]) -> dict[str, Operator]:
    """The operators of these identities, held in one order."""
    return {row["identity"]: of(row) for row in await tx.fetch(HOLD_MANY, list(identities))}


def keep_version(tx: Tx, operator: Operator, cause: dict[str, Any]) -> None:
    """Keep the operator's particulars as they are now, and why."""
    insert_at_commit(
        tx, VERSIONS, (operator.id, operator.version, _json(operator.particulars), cause, operator.changed_at)
    )


def _json(document: BaseModel) -> orjson.Fragment:
    return orjson.Fragment(document.model_dump_json())
