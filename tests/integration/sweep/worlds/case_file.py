"""The file of a case: timelines, custody, tasks in every state, opinions in every state and one conflict."""

from typing import Any, Final
from uuid import UUID

from enforcement.lifecycle import (
    OPINION,
    TASK,
    CaseAction,
    CaseStatus,
    OpinionAction,
    OpinionStatus,
    TaskAction,
    TaskStatus,
)
from enforcement.policy import OPINION_ACTS, TASK_ACTS
from shared.rules import Level, Role
from shared.runtime.base.context import Caller
from tests.integration.enforcement.conftest import STATED
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words
from tests.integration.sweep.worlds.decisions import Files

AUTHORITIES: Final = {Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR}
PARTIES: Final = {Role.OPERATOR, Role.ACCESS_PROVIDER}
READERS: Final = AUTHORITIES | {Role.REVIEW_BODY, Role.AUDITOR}
WHY: Final = {"reasons": "The operator withdrew the page."}
SOON: Final = "2027-12-01T00:00:00Z"
QUESTION: Final = {
    "of": "culture-110000", "question": "Does your consent cover these sales?", "we_hold": "breach", "answer_by": SOON,
}  # fmt: skip
HOLDS: Final = {"position": "breach", **STATED}
TASK_BODY: Final = {"what": "Ask for the order book.", "due_at": SOON}


def may_read_case(who: Caller, case: Words) -> bool:
    """Its own authority; the sector's of national level; whom it came to; auditors. Nobody else."""
    if not who.roles & READERS:
        raise NoRole
    if Role.AUDITOR in who.roles or (who.organisation == case["authority"] and who.roles & AUTHORITIES):
        return True
    if Role.SECTOR_REGULATOR in who.roles and case["item"] in who.categories:
        return bool(who.level == Level.NATIONAL)
    return bool(who.roles & {Role.INDUSTRY_REGULATOR, Role.REVIEW_BODY} and who.organisation in case["came_to"])


def _may_read_timeline(who: Caller, case: Words) -> bool:
    """The same; and whom it burdens, once they were told of anything in it."""
    if who.roles & PARTIES:
        return bool(case["told"] and who.organisation == case.get("to"))
    return may_read_case(who, case)


def _unknown_to_parties(who: Caller, _: Words) -> int:
    return 404 if who.roles & PARTIES else 403


def _unknown_to_readers(who: Caller, _: Words) -> int:
    return 404 if who.roles & READERS else 403


def _own(who: Caller, record: Words) -> bool:
    if not who.roles & AUTHORITIES:
        raise NoRole
    return bool(who.organisation == record["authority"])


def _own_or_audited(who: Caller, record: Words) -> bool:
    return Role.AUDITOR in who.roles or _own(who, record)


def _may_read_opinion(who: Caller, opinion: Words) -> bool:
    """Who asked, who was asked, auditors; and the coordination office, once opinions differ."""
    if not who.roles & (AUTHORITIES | {Role.AUDITOR, Role.COORDINATION_OFFICE}):
        raise NoRole
    if Role.AUDITOR in who.roles:
        return True
    if who.roles & AUTHORITIES and who.organisation in {opinion["authority"], opinion["asked"]}:
        return True
    return _settles(who, opinion) if Role.COORDINATION_OFFICE in who.roles else False


def _settles(who: Caller, opinion: Words) -> bool:
    if Role.COORDINATION_OFFICE not in who.roles:
        raise NoRole
    return bool(who.organisation == opinion["office"] and not who.program)


def _reads_side_by_side(who: Caller, opinion: Words) -> bool:
    """The same; a program of the office reads what a person settles."""
    if Role.COORDINATION_OFFICE in who.roles:
        return bool(who.organisation == opinion["office"])
    return _may_read_opinion(who, opinion)


def _nowhere(who: Caller, _: Words) -> int:
    return 404 if who.roles & (AUTHORITIES | {Role.AUDITOR, Role.COORDINATION_OFFICE}) else 403


def verbs_of_cases(files: Files) -> list[Verb]:
    """What can be done with the file of a case."""
    path = "POST /cases/{case_id}"

    def beside(record: Record, _: Any) -> dict[str, Any]:
        others = [each.id for each in files.cases if each.id != record.id and each.words["authority"] == "drugs-110000"]
        return {"case_id": others[0], "reasons": "One warehouse serves both."}

    return [
        Verb(f"{path}/claim", "drugs-b", {"reasons": "She is on leave until January."}, CaseAction.CLAIM),
        Verb(f"{path}/claim/release", "drugs-a", {}, CaseAction.RELEASE_CLAIM, again="claimed_by_nobody"),
        Verb(f"{path}/tasks", "drugs-a", TASK_BODY, CaseAction.ADD_TASK),
        Verb(f"{path}/opinions", "drugs-a", QUESTION, CaseAction.ASK_OPINION, again="opinion_pending"),
        Verb(f"{path}/transfer", "drugs-a", {"to": "industry-110000", **STATED}, CaseAction.TRANSFER),
        Verb(f"{path}/links", "drugs-a", beside, may=_own, again="linked_already"),
        Verb(f"{path}/hold", "drugs-a", WHY, may=_own, waits={"held_already"}, again="held_already"),
        Verb(f"{path}/hold/lift", "drugs-a", WHY, may=_own, waits={"nothing_held"}, again="nothing_held"),
    ]


async def kinds(files: Files) -> list[Kind]:
    """What lies in the files of these cases."""
    office = files.office
    for record in files.cases:
        if record.status is CaseStatus.OPEN:
            await office.post(f"/cases/{record.id}/claim", {}, "drugs-a")
        if record.status is CaseStatus.ENDED:
            await office.post(f"/cases/{record.id}/hold", WHY, "drugs-a")
    told = []
    for record in files.cases:
        known = "SELECT EXISTS (SELECT FROM decision WHERE case_id = $1)"
        words = {**record.words, "told": await office.fetchval(known, UUID(record.id))}
        told.append(Record(record.at, words))
    return [
        Kind(told, _may_read_timeline, reads=("/cases/{case_id}/timeline",), denied=_unknown_to_parties),
        Kind(files.evidence, may_read_case, reads=("/evidence/{sha256}/custody",), denied=_unknown_to_readers),
        await _tasks(files), *await _opinions(files),
    ]  # fmt: skip


async def _tasks(files: Files) -> Kind:
    office, records = files.office, []
    case = await office.case()
    for status in TaskStatus:
        added = await office.post(f"/cases/{case['id']}/tasks", TASK_BODY, "drugs-a", 201)
        if status is not TaskStatus.OPEN:
            verb = "completion" if status is TaskStatus.DONE else "cancellation"
            await office.post(f"/tasks/{added['id']}/{verb}", WHY, "drugs-a")
        records.append(Record({"task_id": added["id"]}, {"authority": "drugs-110000"}, status))
    path = "POST /tasks/{task_id}"
    return Kind(
        records, _own_or_audited, reads=("/tasks/{task_id}",), lists="/tasks", author="drugs-b", lifecycle=TASK,
        acts=TASK_ACTS.keys(), verbs=[
            Verb(f"{path}/assignment", "drugs-a", {}, TaskAction.ASSIGN),
            Verb(f"{path}/completion", "drugs-a", WHY, TaskAction.COMPLETE),
            Verb(f"{path}/cancellation", "drugs-a", WHY, TaskAction.CANCEL),
        ],
    )  # fmt: skip


async def _opinions(files: Files) -> list[Kind]:
    office, records, beside = files.office, list[Record](), list[Record]()
    for status, position in (
        (OpinionStatus.ASKED, None), (OpinionStatus.WITHDRAWN, None), (OpinionStatus.ANSWERED, "breach"),
        (OpinionStatus.ANSWERED, "no_breach"),
    ):  # fmt: skip
        case = await office.case()
        opinion = await office.post(f"/cases/{case['id']}/opinions", QUESTION, "drugs-a", 201)
        if status is OpinionStatus.WITHDRAWN:
            await office.post(f"/opinions/{opinion['id']}/withdrawal", WHY, "drugs-a")
        if position is not None:
            await office.post(f"/opinions/{opinion['id']}/answer", HOLDS | {"position": position}, "culture-a")
        differs = position == "no_breach"
        settles = "coordination-110000" if differs else None
        words = {"authority": "drugs-110000", "asked": "culture-110000", "office": settles}
        records.append(Record({"opinion_id": opinion["id"]}, words, status))
        beside.append(Record({"case_id": case["id"]}, words))
    path = "POST /opinions/{opinion_id}"
    return [
        Kind(
            records, _reads_side_by_side, reads=("/opinions/{opinion_id}",), lists="/opinions", author="drugs-b",
            lifecycle=OPINION, acts=OPINION_ACTS.keys(), verbs=[
                Verb(f"{path}/answer", "culture-a", HOLDS, OpinionAction.ANSWER),
                Verb(f"{path}/withdrawal", "drugs-a", WHY, OpinionAction.WITHDRAW),
            ],
        ),
        Kind(
            beside[::-1], _reads_side_by_side, reads=("/cases/{case_id}/opinions",), denied=_nowhere, author="auditor",
            verbs=[Verb("POST /cases/{case_id}/settlement", "coordination-a", HOLDS, may=_settles,
                        again="nothing_to_settle")],
        ),
    ]  # fmt: skip
