"""Coordination: organisations of two provinces and of the whole country, one of them closed, and proposals."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from coordination.lifecycle import ENTRY, PROPOSAL, Action, ProposalAction, ProposalStatus, Status
from coordination.main import SERVICE
from coordination.policy import ENTRY_ACTS, PROPOSAL_ACTS
from shared.rules import Level, Role
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import Caller
from tests.integration.coordination.office import BEIJING, NATIONAL, NATIONAL_B, NEW, POWERS, WHY, Office
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, a_person, beginning
from tests.support.fixtures import MakeDatabase
from tests.support.people import at
from tests.support.service import running_service

OUTSIDE = {Role.OPERATOR, Role.ACCESS_PROVIDER}
CLOSED = "education-110000"


def may(who: Caller, _: Words) -> bool:
    """Every official reads the whole directory; nobody else reads any of it."""
    if not who.roles - OUTSIDE:
        raise NoRole
    return True


def may_enter(who: Caller, organisation: Words) -> bool:
    """The office of the province, or the national one."""
    here = who.level == Level.NATIONAL or who.region == organisation["region"]
    return Role.COORDINATION_OFFICE in who.roles and here


def _proposing(action: Action) -> Callable[[Record, Mapping[str, Any]], dict[str, Any]]:
    def body(_: Record, shown: Mapping[str, Any]) -> dict[str, Any]:
        powers = {"powers": {name: shown[name] for name in POWERS}} if action is Action.CHANGE else {}
        return {
            "organisation": shown["organisation_id"], "organisation_version": shown["version"], "action": action,
            "why": WHY, **powers,
        }  # fmt: skip

    return body


def _renaming(_: Record, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in ("names", "short_name", "contacts")} | {"why": WHY}


def _entries() -> Kind:
    ids = {
        "drugs-110000": Status.ACTIVE, "coordination-110000": Status.ACTIVE, CLOSED: Status.CLOSED,
        "drugs-310000": None, "drugs": None,
    }  # fmt: skip
    return Kind(
        [Record({"organisation_id": each}, {"id": each}, status) for each, status in ids.items()], may,
        reads=("/organisations/{organisation_id}", "/organisations/{organisation_id}/versions"),
        lists="/organisations", key="organisation_id", author=NATIONAL, lifecycle=ENTRY, acts=ENTRY_ACTS.keys(),
        verbs=[
            Verb("PUT /organisations/{organisation_id}", NATIONAL, _renaming, Action.RENAME,
                 headers=lambda shown: {"If-Match": f'"{shown["version"]}"'}),
            *(Verb("POST /proposals", NATIONAL, _proposing(each), each)
              for each in (Action.CHANGE, Action.CLOSE, Action.REOPEN)),
        ],
    )  # fmt: skip


async def _proposals(office: Office) -> Kind:
    """The closing of one organisation was confirmed; of another it is proposed, of a third it was withdrawn."""
    confirmed = (await office.done(CLOSED, "close")).json()
    withdrawn = (await office.withdraw((await office.propose("healthcare-110000", "close")).json())).json()
    proposed = [(await office.propose(each, "close")).json() for each in ("culture-110000", "coordination-110000")]
    statuses = [(confirmed, ProposalStatus.CONFIRMED), (withdrawn, ProposalStatus.WITHDRAWN)]
    statuses += [(each, ProposalStatus.PROPOSED) for each in proposed]
    return Kind(
        [Record({"proposal_id": each["id"]}, {"about": each["organisation"]}, status) for each, status in statuses],
        may, reads=("/proposals/{proposal_id}",), lists="/proposals", lifecycle=PROPOSAL, acts=PROPOSAL_ACTS.keys(),
        verbs=[
            Verb("POST /proposals/{proposal_id}/confirmation", NATIONAL_B, None, ProposalAction.CONFIRM),
            Verb("POST /proposals/{proposal_id}/withdrawal", BEIJING, {"why": WHY}, ProposalAction.WITHDRAW),
        ],
    )  # fmt: skip


@asynccontextmanager
async def opened(make_database: MakeDatabase, folder: Path) -> AsyncIterator[World]:
    """The world of coordination."""
    clock = FixedClock(at("2026-11-02T01:00") + timedelta(seconds=1))
    dsn = await make_database("coordination")
    async with running_service(SERVICE, dsn, clock=clock) as api:
        proposals = await _proposals(Office(api, clock, dsn))
        entering = Verb("POST /organisations", NATIONAL, NEW, may=a_person(may_enter), again="organisation_exists")
        yield World(api, [_entries(), proposals, beginning({"region": "110000"}, entering)])
