"""Approval: applications of two operators for two items to two provinces and the ministry, and one in every state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from approval.lifecycle import APPROVAL, Action, Status
from approval.main import SERVICE
from approval.policy import ACTS
from shared.rules import Level, Role
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import Caller
from tests.integration.approval.conftest import MONDAY
from tests.integration.approval.desk import APPLICATION, STEPS, Desk
from tests.integration.approval.test_files import SHA256, hand_in
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, beginning
from tests.integration.sweep.worlds.inbox import inbox
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC, SELLER_USCC, at
from tests.support.service import running_service

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


@asynccontextmanager
async def opened(make_database: MakeDatabase, folder: Path) -> AsyncIterator[World]:
    """The world of approval."""
    clock = FixedClock(at(MONDAY))
    own = {"files_path": folder / "files", "signing_keys_file": folder / "keys.json", "signing_keys_generate": True}
    async with running_service(SERVICE, await make_database("approval"), clock=clock, **own) as api:
        records = [record async for record in _records(Desk(api, clock))]
        verbs = [
            Verb(
                f"POST /approvals/{{approval_id}}/{step}",
                who,
                dict(body),
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
        yield World(
            api, [approvals, documents, files, _APPLYING, await inbox(api, "drugs-a", "drugs-110000")],
            opens={"document_id": shown["document"]["document_id"]},
        )  # fmt: skip
