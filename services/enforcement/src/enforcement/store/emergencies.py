"""What providers suspended by themselves, until an authority confirms it or it lapses."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownEmergency
from enforcement.lifecycle import EMERGENCY, EmergencyAction, EmergencyStatus
from shared.contracts.grounds import AuthorityRef, Party, Statement
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class NewEmergency:
    """As it was reported, with what the register says. ``operator``: whom it hits, or the host that passes it on."""

    id: UUID
    status: EmergencyStatus
    provider: Party
    host: str
    site_id: UUID | None
    operator: Party
    region: str | None
    level: str
    service_items: tuple[str, ...]
    ground: str
    reasons: str
    since: datetime
    reported_at: datetime
    confirm_by: datetime
    ended_because: str | None

    @property
    def provider_id(self) -> UUID:
        """The provider's id."""
        return UUID(self.provider.identity)

    @property
    def identity(self) -> str:
        """Whom it hits; the policy's word."""
        return self.operator.identity

    @property
    def category(self) -> tuple[str, ...]:
        """Which sectors it concerns; the policy's word."""
        return self.service_items


@dataclass(frozen=True, slots=True)
class Emergency(NewEmergency):
    """As stored."""

    version: int
    decision_id: UUID | None
    authority: AuthorityRef | None
    statement: Statement | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class OfSite:
    """What a provider did to a site by itself before. ``ended``: lately; ``confirm_by``: of the first open one."""

    ended: bool
    confirm_by: datetime | None


COLUMNS: Final = """id, version, status, provider, host, site_id, operator, region, level, service_items, ground,
       reasons, since, reported_at, confirm_by, decision_id, authority, ended_because, statement, changed_at"""
WORDS: Final = {
    "identity": "identity = ANY ({})",
    "category": "service_items && {}",
    "region": "region = ANY ({})",
    "level": "level = ANY ({})",
}
ADD: Final = f"""
INSERT INTO emergency (id, status, provider_id, provider, host, site_id, identity, operator, region, level,
                       service_items, ground, reasons, since, reported_at, confirm_by, ended_because, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $15)
ON CONFLICT (id) DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM emergency WHERE id = $1"
HOLD: Final = f"{GET} FOR NO KEY UPDATE"
HOLD_OF_DECISION: Final = f"""
SELECT {COLUMNS} FROM emergency WHERE decision_id = $1 AND status = 'confirmed' ORDER BY id FOR NO KEY UPDATE
"""


OF_SITE: Final = """
SELECT coalesce(bool_or(status IN ('lapsed', 'refused') AND changed_at > $4), false) AS ended,
       min(confirm_by) FILTER (WHERE status = 'open') AS confirm_by
  FROM emergency WHERE identity = $1 AND provider_id = $2 AND site_id = $3
"""


def of(row: asyncpg.Record) -> Emergency:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    return Emergency(**{
        **values, "status": EmergencyStatus(values["status"]), "provider": Party.model_validate(values["provider"]),
        "operator": Party.model_validate(values["operator"]), "service_items": tuple(values["service_items"]),
        "authority": values["authority"] and AuthorityRef.model_validate(values["authority"]),
        "statement": values["statement"] and Statement.model_validate(values["statement"]),
    })  # fmt: skip


MOVES: Final[Moves[Emergency, EmergencyStatus, EmergencyAction]] = Moves(
    EMERGENCY, table="emergency", columns=COLUMNS, read=of
)


async def add(tx: Tx, new: NewEmergency) -> Emergency | None:
    """Keep what was reported; none if it was before."""
    row = await tx.fetchrow(
        ADD, new.id, new.status, new.provider_id, new.provider.model_dump(mode="json"), new.host, new.site_id,
        new.identity, new.operator.model_dump(mode="json"), new.region, new.level, list(new.service_items), new.ground,
        new.reasons, new.since, new.reported_at, new.confirm_by, new.ended_because,
    )  # fmt: skip
    return of(row) if row else None


async def get(tx: Tx, emergency_id: UUID) -> Emergency:
    """One. Raises UnknownEmergency."""
    return _one(await tx.fetchrow(GET, emergency_id), emergency_id)


async def hold(tx: Tx, emergency_id: UUID) -> Emergency:
    """One, held; after the case of the decision that confirms it. Raises UnknownEmergency."""
    return _one(await tx.fetchrow(HOLD, emergency_id), emergency_id)


def _one(row: asyncpg.Record | None, emergency_id: UUID) -> Emergency:
    if row is None:
        raise UnknownEmergency(emergency_id=emergency_id)
    return of(row)


async def hold_of_decision(tx: Tx, decision_id: UUID) -> list[Emergency]:
    """Those that a decision confirms, held: several providers may host the site."""
    return [of(row) for row in await tx.fetch(HOLD_OF_DECISION, decision_id)]


async def of_site(tx: Tx, identity: str, provider_id: UUID, site_id: UUID, since: datetime) -> OfSite:
    """Whether a provider's own suspension of a site ended since then, and when the first that is open is over."""
    row = await tx.fetchrow(OF_SITE, identity, provider_id, site_id, since)
    assert row is not None
    return OfSite(**row)


async def page(
    tx: Tx, reach: Reach, *, status: EmergencyStatus | None, after: UUID | None, limit: int
) -> list[Emergency]:
    """Those within reach, newest first: by time, since the id is of the provider's choice."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM emergency
             WHERE ($1::uuid IS NULL OR (reported_at, id) < (SELECT reported_at, id FROM emergency WHERE id = $1))
               AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY reported_at DESC, id DESC LIMIT $2""",
        after, limit, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]
