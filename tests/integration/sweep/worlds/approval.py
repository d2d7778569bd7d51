"""Approval: applications of two operators for two items to two provinces and the ministry, and one in every state."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from approval.lifecycle import APPROVAL, PAPER, Action, PaperAction, PaperStatus, Status
from approval.main import SERVICE
from approval.policy import ACTS, PAPER_ACTS
from approval.service import validity
from shared.rules import Level, Role
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import Caller
from tests.integration.approval.conftest import MONDAY
from tests.integration.approval.desk import APPLICATION, STEPS, Desk
from tests.integration.approval.test_files import SHA256, hand_in
from tests.integration.approval.test_paper import ENTRY
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, a_person, beginning
from tests.integration.sweep.worlds.calendars import calendar_of_everybody, calendars
from tests.integration.sweep.worlds.inbox import inbox
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC, SELLER_USCC, at
from tests.support.service import Api, running_service

WITHDRAWAL = {"reasons": "It was entered for the wrong operator."}
ITEM = "drugs_and_devices"
DOCUMENTED = frozenset({Status.GRANTED, Status.RENEWING, Status.LAPSED, Status.ENDED})


def may(who: Caller, approval: Words) -> bool:
    """The owner sees its own; an authority what was put to it, a national one also what was put to provinces."""
    if not who.roles & {Role.OPERATOR, Role.SECTOR_REGULATOR}:
        raise NoRole
    if Role.OPERATOR in who.roles:
        return bool(approval["operator"] == who.organisation)
    here = approval["region"] == who.region is not None
    return approval["item"] in who.categories and (who.level == Level.NATIONAL or here)


async def _records(desk: Desk) -> AsyncIterator[Record]:
    for status in sorted(Status, key=lambda status: status is not Status.LAPSED):  # which takes days
        approval_id = await desk.at(status)
        yield Record(
            {"approval_id": approval_id}, {"operator": OPERATOR_USCC, "item": ITEM, "region": "110000"}, status
        )
    for operator in (OPERATOR_USCC, SELLER_USCC):
        for item in (ITEM, "culture"):
            for region in ("110000", "310000", None):
                approval_id = await desk.applied(
                    who=("applicant", {"organisation": operator}), operator={"identity": operator, "name": "Example"},
                    service_item=item, level="province" if region else "national", region=region,
                )  # fmt: skip
                yield Record({"approval_id": approval_id}, {"operator": operator, "item": item, "region": region})


def _for_itself(who: Caller, application: Words) -> bool:
    return Role.OPERATOR in who.roles and who.organisation == application["operator"]


_APPLYING = beginning({"operator": OPERATOR_USCC}, Verb(
    "POST /approvals", "applicant", {**APPLICATION, "domain": "new.example"}, may=_for_itself, again="approval_pending",
))  # fmt: skip


def may_paper(who: Caller, paper: Words) -> bool:
    """Officers of the very authority whose paper it is."""
    if Role.SECTOR_REGULATOR not in who.roles:
        raise NoRole
    return paper["item"] in who.categories and who.level == Level.PROVINCE and who.region == paper["region"]


async def _papers(api: Api) -> Kind:
    """Entries on paper, one in each state, entered by one officer and seen to by another."""
    records = []
    for status in PaperStatus:
        body = ENTRY | {"paper_number": f"paper {status}", "domain": f"{status}-paper.example"}
        paper_id = (await api.post("/paper-approvals", json=body, who="drugs-a")).json()["id"]
        if status is PaperStatus.CONFIRMED:
            seen = {"paper_number": body["paper_number"], "scan_sha256": body["scan_sha256"]}
            await api.post(f"/paper-approvals/{paper_id}/confirmation", json=seen, who="drugs-b")
        if status is PaperStatus.WITHDRAWN:
            await api.post(f"/paper-approvals/{paper_id}/withdrawal", json=WITHDRAWAL, who="drugs-a")
        records.append(Record({"paper_id": paper_id}, {"item": ITEM, "region": "110000"}, status))
    path = "POST /paper-approvals/{paper_id}"
    return Kind(
        records, may_paper, reads=("/paper-approvals/{paper_id}",), lists="/paper-approvals", author="drugs-b",
        lifecycle=PAPER, acts=PAPER_ACTS.keys(), verbs=[
            Verb(f"{path}/confirmation", "drugs-b", _seen, PaperAction.CONFIRM),
            Verb(f"{path}/withdrawal", "drugs-b", WITHDRAWAL, PaperAction.WITHDRAW),
        ],
    )  # fmt: skip


def _seen(_: Record, shown: Words) -> dict[str, Any]:
    return {"paper_number": shown["paper_number"], "scan_sha256": shown["scan_sha256"]}


def _whole(api: Api) -> Callable[[Record, Words], dict[str, Any]]:
    """A grant of all that was asked, for the longest time: for less only a person grants."""

    def body(_: Record, shown: Words) -> dict[str, Any]:
        longest = str(validity.latest_day(api.rt, api.rt.clock.now()))
        return {**STEPS["grant"].body, "scope": shown["scope_of_service"], "valid_until": longest}

    return body


_ENTERING = beginning({"item": ITEM, "region": "110000"}, Verb(
    "POST /paper-approvals", "drugs-a", ENTRY | {"paper_number": "new"}, again="paper_entered",
    may=a_person(lambda who, words: may_own(who)),
))  # fmt: skip


def may_own(who: Caller) -> bool:
    """An officer enters what its own authority gave, whichever that is."""
    if Role.SECTOR_REGULATOR not in who.roles:
        raise NoRole
    return ITEM in who.categories


@asynccontextmanager
async def opened(make_database: MakeDatabase, folder: Path) -> AsyncIterator[World]:
    """The world of approval."""
    clock = FixedClock(at(MONDAY))
    own = {"files_store": folder / "files", "signing_keys_file": folder / "keys.json", "signing_keys_generate": True}
    async with running_service(SERVICE, await make_database("approval"), clock=clock, **own) as api:
        records = [record async for record in _records(Desk(api, clock))]
        verbs = [
            Verb(
                f"POST /approvals/{{approval_id}}/{step}",
                who,
                _whole(api) if action is Action.GRANT else dict(body),
                action,
                again="out_of_scope" if action is Action.TRANSFER else None,
            )  # then it is on another desk
            for step, (action, who, body) in STEPS.items()
        ]
        verbs.append(Verb(
            "POST /approvals/{approval_id}/files?requirement=identity", "applicant", b"A page.", Action.HAND_IN,
            headers=lambda _: {"Content-Type": "text/plain"},
        ))  # fmt: skip
        approvals = Kind(
            records, may, reads=("/approvals/{approval_id}",), lists="/approvals", author="applicant",
            lifecycle=APPROVAL, acts=ACTS.keys(), verbs=verbs,
        )  # fmt: skip
        documented = [record for record in records if record.status in DOCUMENTED]
        documents = Kind(
            documented, may, reads=("/approvals/{approval_id}/document", "/approvals/{approval_id}/document.pdf"),
        )  # fmt: skip
        filed = Record({"approval_id": await Desk(api, clock).applied(), "sha256": SHA256}, records[0].words)
        await hand_in(Desk(api, clock), filed.id)
        files = Kind([filed], may, reads=("/approvals/{approval_id}/files/{sha256}",))
        shown = (await api.get(f"/approvals/{documented[0].id}/document", who="applicant")).json()
        papers = await _papers(api)
        yield World(
            api,
            [approvals, documents, files, papers, _ENTERING, _APPLYING, await inbox(api, "drugs-a", "drugs-110000"),
             calendars()],
            opens={
                "document_id": shown["document"]["document_id"], "calendar_token": await calendar_of_everybody(api),
            },
        )  # fmt: skip
