"""Appeals, and the acts of other departments that can be appealed."""

# ruff: noqa: S608 -- statements are put together from the column lists of this file, nothing else

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from enforcement.errors import UnknownAppeal
from enforcement.lifecycle import APPEAL, AppealAction, AppealStatus
from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, Party, Service, Statement
from shared.runtime.acts.moves import Moves
from shared.runtime.acts.policy import Reach
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Appeal:
    """An appeal as stored."""

    id: UUID
    version: int
    status: AppealStatus
    act: ActRef
    appellant: Party
    authority: AuthorityRef
    body: AuthorityRef
    grounds: str
    consent: str | None
    stay: str
    filed_by: str
    filed_at: datetime
    overdue_at: datetime | None
    statement: Statement | None
    decided_by: str | None
    decided_at: datetime | None
    changed_at: datetime
    assigned_to: str | None
    """The person of the review body who decides."""
    assigned_at: datetime | None
    filed_as: str | None
    """Under which identity it was filed; none where the review body entered it, or an earlier program kept it."""

    @property
    def inherited(self) -> str | None:
        """Whoever took over whose it is has it, too; the policy's word."""
        return self.identity if self.act.passed_on else None

    @property
    def identity(self) -> str:
        """Whose appeal it is; the policy's word."""
        return self.appellant.identity

    @property
    def authority_id(self) -> str:
        """Whose act it is against; the policy's word."""
        return self.authority.id

    @property
    def body_id(self) -> str:
        """Who decides; the policy's word."""
        return self.body.id

    @property
    def can_be_stayed(self) -> bool:
        """Whether there is anything to stay: a refusal gives nobody anything to do, and a stay is granted once."""
        return self.act.service is Service.ENFORCEMENT and self.stay != "granted"


@dataclass(frozen=True, slots=True)
class ForeignAct:
    """An act of another department that an operator was told of."""

    act: ActRef
    operator: Party
    grounds: Grounds
    notice_id: UUID | None
    """The notice that told of it as it stands; none where an earlier program noted it."""
    issued_at: datetime
    delivered_at: datetime | None
    took_part: tuple[str, ...] | None = None
    """Keys of everybody who had a hand in it; none where whoever told of it did not say."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many appeals against the acts of one authority were filed, and what became of them."""

    authority_id: str
    authority: AuthorityRef
    filed: int
    open: int
    upheld: int
    rejected: int
    withdrawn: int
    refused: int
    late: int
    median_days: float | None


COLUMNS: Final = """id, version, status, service, kind, act_id, appellant, authority, body, grounds, consent, stay,
       filed_by, filed_at, overdue_at, statement, decided_by, decided_at, changed_at, assigned_to, assigned_at,
       filed_as"""
WORDS: Final = {
    "identity": "identity = ANY ({})",
    "inherited": "identity = ANY ({}) AND (service, kind) <> ('registry', 'merger')",
    "filed_as": "filed_as = ANY ({})",
    "authority_id": "authority_id = ANY ({})",
    "body_id": "body_id = ANY ({})",
}
ADD: Final = f"""
INSERT INTO appeal (id, service, kind, act_id, identity, appellant, authority_id, authority, body_id, body,
                    grounds, consent, stay, filed_by, filed_at, changed_at, status, statement, decided_at,
                    filed_as)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17,
        CASE WHEN $16 <> 'open' THEN $15::timestamptz END, $18)
ON CONFLICT (act_id) WHERE status = 'open' AND overdue_at IS NULL DO NOTHING
RETURNING {COLUMNS}
"""
GET: Final = f"SELECT {COLUMNS} FROM appeal WHERE id = $1"
HOLD: Final = f"{GET} FOR UPDATE"
OF_ACTS: Final = f"SELECT {COLUMNS} FROM appeal WHERE act_id = ANY ($1) ORDER BY id"
ACTED_FOR: Final = """
SELECT organisation FROM history
 WHERE coalesce(person, subject) = $1 AND organisation = ANY ($2) ORDER BY organisation LIMIT 1
"""
COUNT: Final = """
SELECT authority_id, (array_agg(authority ORDER BY filed_at DESC))[1] AS authority, count(*) AS filed,
       count(*) FILTER (WHERE status = 'open') AS open,
       count(*) FILTER (WHERE status = 'upheld') AS upheld,
       count(*) FILTER (WHERE status = 'rejected') AS rejected,
       count(*) FILTER (WHERE status = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE status = 'refused') AS refused,
       count(*) FILTER (WHERE overdue_at IS NOT NULL) AS late,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - filed_at)::float8 / 86400)
           FILTER (WHERE status IN ('upheld', 'rejected')) AS median_days
  FROM appeal WHERE ($1::text IS NULL OR authority_id = $1) AND filed_at >= $2 AND filed_at < $3
 GROUP BY authority_id ORDER BY authority_id
"""
NOTE_ACT: Final = """
INSERT INTO foreign_act (act_id, service, kind, identity, operator, grounds, issued_at, notice_id, took_part)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (act_id) DO UPDATE
   SET grounds = excluded.grounds, issued_at = excluded.issued_at, notice_id = excluded.notice_id, delivered_at = NULL,
       took_part = CASE WHEN num_nonnulls(foreign_act.took_part, excluded.took_part) > 0 THEN ARRAY(
           SELECT unnest(foreign_act.took_part) UNION SELECT unnest(excluded.took_part) ORDER BY 1) END
 WHERE foreign_act.issued_at < excluded.issued_at AND foreign_act.service = excluded.service
   AND foreign_act.identity = excluded.identity
"""
NOTE_DELIVERY: Final = """
UPDATE foreign_act SET delivered_at = $3
 WHERE act_id = $1 AND service = $2 AND (notice_id IS NULL OR notice_id = $4)
   AND $3 >= issued_at AND (delivered_at IS NULL OR delivered_at > $3)
"""
NOTE_RETURN: Final = """
UPDATE foreign_act SET delivered_at = NULL WHERE act_id = $1 AND service = $2 AND notice_id = $3
"""
ACT: Final = """
SELECT act_id, service, kind, operator, grounds, notice_id, issued_at, delivered_at, took_part
  FROM foreign_act WHERE act_id = $1
"""


def of(row: asyncpg.Record) -> Appeal:
    """A row of COLUMNS."""
    values: dict[str, Any] = dict(row)
    act = ActRef(service=Service(values.pop("service")), kind=values.pop("kind"), id=values.pop("act_id"))
    return Appeal(**{
        **values, "act": act, "status": AppealStatus(values["status"]),
        "appellant": Party.model_validate(values["appellant"]),
        "authority": AuthorityRef.model_validate(values["authority"]),
        "body": AuthorityRef.model_validate(values["body"]),
        "statement": values["statement"] and Statement.model_validate(values["statement"]),
    })  # fmt: skip


MOVES: Final[Moves[Appeal, AppealStatus, AppealAction]] = Moves(APPEAL, table="appeal", columns=COLUMNS, read=of)


async def add(
    tx: Tx, appeal_id: UUID, act: ActRef, *, appellant: Party, authority: AuthorityRef, body: AuthorityRef,
    grounds: str, consent: str | None, stay: str, by: str, at: datetime, filed_as: str | None,
    refused: Statement | None = None,
) -> Appeal | None:  # fmt: skip
    """File an appeal; none if another one against the act is open. ``refused``: why it is only put on record."""
    status = AppealStatus.OPEN if refused is None else AppealStatus.REFUSED
    row = await tx.fetchrow(
        ADD, appeal_id, act.service, act.kind, act.id, appellant.identity, appellant.model_dump(), authority.id,
        authority.model_dump(), body.id, body.model_dump(), grounds, consent, stay, by, at, status,
        refused and refused.model_dump(mode="json"), filed_as,
    )  # fmt: skip
    return of(row) if row else None


async def get(tx: Tx, appeal_id: UUID) -> Appeal:
    """One appeal. Raises UnknownAppeal."""
    row = await tx.fetchrow(GET, appeal_id)
    if row is None:
        raise UnknownAppeal(appeal_id=appeal_id)
    return of(row)


async def hold(tx: Tx, appeal_id: UUID) -> Appeal:
    """One appeal, held. Whoever needs its decision's case as well holds that first. Raises UnknownAppeal."""
    row = await tx.fetchrow(HOLD, appeal_id)
    if row is None:
        raise UnknownAppeal(appeal_id=appeal_id)
    return of(row)


async def of_acts(tx: Tx, act_ids: Collection[UUID]) -> list[Appeal]:
    """The appeals against these acts, oldest first."""
    return [of(row) for row in await tx.fetch(OF_ACTS, list(act_ids))]


async def page(tx: Tx, reach: Reach, *, status: AppealStatus | None, after: UUID | None, limit: int) -> list[Appeal]:
    """Appeals within reach, newest first."""
    where, values = reach.where(WORDS, first=4)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM appeal
             WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR status = $3) AND {where}
             ORDER BY id DESC LIMIT $2""",
        after, limit, status, *values,
    )  # fmt: skip
    return [of(row) for row in rows]


async def acted_for(tx: Tx, person: str, organisations: Collection[str]) -> str | None:
    """One of these organisations, if this person ever acted here for it."""
    found: str | None = await tx.fetchval(ACTED_FOR, person, list(organisations))
    return found


async def count(tx: Tx, authority: str | None, since: datetime, until: datetime) -> list[Counted]:
    """What became of appeals filed in this time, by the authority whose act each is against."""
    return [
        Counted(**{**dict(row), "authority": AuthorityRef.model_validate(row["authority"])})
        for row in await tx.fetch(COUNT, authority, since, until)
    ]


async def note_act(tx: Tx, act: ForeignAct) -> None:
    """An operator was told of an act of another department."""
    await tx.execute(
        NOTE_ACT, act.act.id, act.act.service, act.act.kind, act.operator.identity, act.operator.model_dump(),
        act.grounds.model_dump(mode="json"), act.issued_at, act.notice_id,
        None if act.took_part is None else list(act.took_part),
    )  # fmt: skip


async def note_delivery(tx: Tx, act: ActRef, notice_id: UUID, at: datetime) -> None:
    """That notice was delivered; the first time counts, and a notice of an earlier doing of the act counts nothing."""
    await tx.execute(NOTE_DELIVERY, act.id, act.service, at, notice_id)


async def note_return(tx: Tx, act: ActRef, notice_id: UUID) -> None:
    """That notice was not delivered after all: another delivery is told after this, if there is one."""
    await tx.execute(NOTE_RETURN, act.id, act.service, notice_id)


async def foreign_act(tx: Tx, act_id: UUID) -> ForeignAct | None:
    """An act of another department, if somebody was told of it."""
    row = await tx.fetchrow(ACT, act_id)
    if row is None:
        return None
    act = ActRef(service=Service(row["service"]), kind=row["kind"], id=row["act_id"])
    return ForeignAct(
        act, Party.model_validate(row["operator"]), Grounds.model_validate(row["grounds"]), row["notice_id"],
        row["issued_at"], row["delivered_at"], None if row["took_part"] is None else tuple(row["took_part"]),
    )  # fmt: skip
