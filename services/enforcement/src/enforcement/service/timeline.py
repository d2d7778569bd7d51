"""What happened in a case, as far as the reader may know (ADR 13: it is read, and not stored)."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from enforcement.errors import UnknownCase
from enforcement.policy import POLICY, READERS, Act
from enforcement.store import cases, decisions, timeline
from enforcement.store.cases import Case
from enforcement.store.timeline import Entry, Wanted
from shared.contracts.http.casefile import Part
from shared.rules import Role
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Known:
    """A case in the words of the policy, with whom it is about if they were told of anything in it."""

    organisation: str
    category: str
    region: str | None
    level: str
    took_part: tuple[str, ...]
    told_of: str | None

    @classmethod
    def of(cls, case: Case, *, told: bool) -> "Known":
        """``told``: whether they were."""
        return cls(
            case.organisation, case.category, case.region, case.level, case.took_part, case.identity if told else None
        )


async def page(
    tx: Tx, rt: Runtime, who: Caller, case_id: UUID, *, part: Part | None, after: str | None, limit: int
) -> list[Entry]:
    """What happened, newest first; looking leaves an audit row.

    Whom the case burdens reads what became of decisions that it was told of, messages to it and its own readings: no
    names of officers, nothing of the file, nobody else's readings. As long as it was told nothing there is no such
    case. Readings by others are for the authority and auditors alone.
    Raises UnknownCase (404), Forbidden (403), Invalid (422).
    """
    case, before = await cases.get(tx, case_id), read_cursor(after)
    told = any(each.told for each in await decisions.of_cases(tx, [case_id]))
    if not POLICY.reach(who, Act.READ_TIMELINE).admits(Known.of(case, told=told)) and not who.roles & READERS:
        raise UnknownCase(case_id=case_id)
    POLICY.require(who, Act.READ_TIMELINE, Known.of(case, told=told))
    official = POLICY.allows(who, Act.READ_CASE, case)
    sees_readers = official and (who.organisation == case.organisation or Role.AUDITOR in who.roles)
    found = await timeline.read(tx, Wanted(
        case_id, part, not official, case.identity, None if sees_readers else who.organisation, before, limit
    ))  # fmt: skip
    await audit.record(
        tx, who=who, act=Act.READ_TIMELINE, resource=f"/cases/{case_id}/timeline", outcome="granted",
        at=rt.clock.now(),
    )  # fmt: skip
    return found


def cursor(entry: Entry) -> str:
    """Where to read on after this entry."""
    return base64.urlsafe_b64encode(f"{entry.at.isoformat()} {entry.key}".encode()).decode().rstrip("=")


def read_cursor(given: str | None) -> tuple[datetime, str] | None:
    """The same read back. Raises Invalid (422)."""
    if given is None:
        return None
    try:
        at, _, key = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode().partition(" ")
        moment = datetime.fromisoformat(at)
    except (binascii.Error, UnicodeError, ValueError) as wrong:
        raise Invalid.field("after", "is no `next` of a page") from wrong
    if moment.tzinfo is None or not key or "\0" in key:
        raise Invalid.field("after", "is no `next` of a page")
    return moment, key
