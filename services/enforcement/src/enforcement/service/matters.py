"""Matters on the desk: read, graded by a person, and brought to a case, an end or a letter (N4.2.4-5)."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from enforcement.errors import (
    CaseMisfit,
    GradeUnknown,
    MatterTransferredTooOften,
    NotThatDesk,
    RouteClosed,
    UnknownEvidence,
)
from enforcement.lifecycle import MATTER, CaseAction, MatterAction
from enforcement.policy import POLICY, Act
from enforcement.service import cases as opening
from enforcement.service import settling
from enforcement.service.complaints import CLOCK
from enforcement.store import cases, complaints
from enforcement.store import matters as store
from enforcement.store.cases import Case, Evidence
from enforcement.store.complaints import Complaint, File
from enforcement.store.files import EvidenceFiles
from enforcement.store.matters import Filter, Matter
from shared.contracts.http.complaints import CaseFromMatter, Dismissal, MatterTransfer, NewMatterTransfer, Triage
from shared.contracts.http.registry import ClockView
from shared.contracts.subjects import FoundSite
from shared.rules import Role
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.rules.rows import Route
from shared.runtime.acts import audit, deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.files import Sound
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

WITHHELD: Final = "who complained"
"""Why whom a decision burdens does not read the complaints that its case began with."""
MOST_FILED: Final = 500
"""Complaints that go into a case; how many there were is said beside them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A matter, how many complained, and until when it is to be graded."""

    matter: Matter
    complaints: int
    clock: ClockView | None
    routes: frozenset[Route]
    """Where it can go, by its grade."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One complaint with its files."""

    complaint: Complaint
    files: list[File]


async def get(tx: Tx, rt: Runtime, who: Caller, matter_id: UUID) -> Shown:
    """One matter; looking leaves an audit row. Raises UnknownMatter (404), Forbidden (403)."""
    matter = await store.get(tx, matter_id)
    POLICY.require(who, Act.READ_MATTER, matter)
    await _looked(tx, rt, who, f"/matters/{matter_id}")
    return (await shown(tx, rt, [matter]))[0]


async def page(
    tx: Tx, rt: Runtime, who: Caller, wanted: Filter, *, host: str | None, after: UUID | None, limit: int
) -> list[Shown]:
    """Matters the caller reaches, oldest first. Raises RoleMissing (403), Invalid (422)."""
    reach = POLICY.reach(who, Act.READ_MATTER)
    if host is not None:
        try:
            name = normalise_domain(host)
        except InvalidIdentifier as wrong:
            raise Invalid.field("host", wrong.message) from wrong
        wanted = replace(wanted, key=await store.key(tx, name))
    found = await store.page(tx, reach, wanted, after=after, limit=limit)
    await _looked(tx, rt, who, "/matters")
    return await shown(tx, rt, found)


async def said(tx: Tx, rt: Runtime, who: Caller, matter_id: UUID, *, after: UUID | None, limit: int) -> list[Heard]:
    """What was said, oldest first, without who said it. Raises UnknownMatter (404), Forbidden (403)."""
    POLICY.require(who, Act.READ_MATTER, await store.get(tx, matter_id))
    await _looked(tx, rt, who, f"/matters/{matter_id}/complaints")
    found = await complaints.of_matter(tx, matter_id, after=after, limit=limit)
    files = await complaints.files_of(tx, [each.id for each in found])
    return [Heard(each, files[each.id]) for each in found]


async def read_file(rt: Runtime, who: Caller, complaint_id: UUID, sha256: str) -> Sound:
    """The bytes that came with a complaint, for the desk. Raises UnknownEvidence (404), Forbidden (403)."""
    POLICY.reach(who, Act.READ_MATTER)
    async with rt.db.transaction() as tx:
        complaint = await complaints.get(tx, complaint_id)
        files = (await complaints.files_of(tx, [complaint_id]))[complaint_id]
        if complaint is None or sha256 not in {each.sha256 for each in files}:
            raise UnknownEvidence(sha256=sha256)
        POLICY.require(who, Act.READ_MATTER, await store.get(tx, complaint.matter_id))
        await _looked(tx, rt, who, f"/complaints/{complaint_id}/files/{sha256}")
    return await EvidenceFiles(rt.settings.evidence_store).verified(sha256)


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    await audit.record(tx, who=who, act=Act.READ_MATTER, resource=resource, outcome="granted", at=rt.clock.now())


async def shown(tx: Tx, rt: Runtime, found: list[Matter]) -> list[Shown]:
    """Matters as the desk sees them."""
    counts = await complaints.counts(tx, [matter.id for matter in found])
    clocks = await deadlines.clocks_of(tx, CLOCK, {matter.id: matter.overdue_at for matter in found})
    return [Shown(matter, counts.get(matter.id, 0), clocks.get(matter.id), _routes(rt, matter)) for matter in found]


def _routes(rt: Runtime, matter: Matter) -> frozenset[Route]:
    grade = rt.rules.complaint_grades.get(matter.grade or "")
    return grade.routes if grade is not None else frozenset()


async def triage(tx: Tx, rt: Runtime, who: Caller, matter_id: UUID, body: Triage) -> Shown:
    """A person grades it, with reasons; from now on it is their authority's. Nothing follows from the grade alone.

    Raises UnknownMatter (404); Forbidden (403); ActionRefused (409); GradeUnknown (422).
    """
    at, matter = rt.clock.now(), await store.hold(tx, matter_id)
    POLICY.require(who, Act.TRIAGE, matter)
    if body.grade not in rt.rules.complaint_grades:
        raise GradeUnknown.field("grade", f"must be one of {', '.join(rt.rules.complaint_grades)}")
    authority = rt.directory.authority_ref(who.organisation)
    graded = await store.MOVES.move(
        tx, matter, MatterAction.TRIAGE, who=who, why=f"{body.grade}: {body.reasons}", at=at, grade=body.grade,
        authority=authority.model_dump(mode="json"), authority_id=authority.id,
    )  # fmt: skip
    await deadlines.met(tx, CLOCK, matter_id, at)
    return (await shown(tx, rt, [graded]))[0]


async def held(tx: Tx, rt: Runtime, who: Caller, matter_id: UUID, action: MatterAction) -> Matter:
    """A matter, held, that can go there by its status and its grade.

    Raises UnknownMatter (404); Forbidden (403); ActionRefused, RouteClosed (409).
    """
    matter = await store.hold(tx, matter_id)
    if not POLICY.allows(who, Act.ROUTE_MATTER, matter):
        POLICY.require(who, Act.READ_MATTER, matter)  # who does not read it learns nothing of its state
        MATTER.after(matter.status, action)
    POLICY.require(who, Act.ROUTE_MATTER, matter)
    MATTER.after(matter.status, action)
    routes = _routes(rt, matter)
    if action.value not in {str(route) for route in routes}:
        raise RouteClosed(grade=matter.grade, routes=", ".join(sorted(routes)) or "none")
    return matter


async def transfer(tx: Tx, rt: Runtime, who: Caller, matter_id: UUID, body: NewMatterTransfer) -> Shown:
    """Hand what is about a name in no register to the desk that is competent, which grades it itself, in time.

    It stays one matter, with everybody who complained; they are told where it went. It goes on so often as cases do,
    and never back. Raises UnknownMatter (404); Forbidden (403); ActionRefused, MatterTransferredTooOften (409);
    NotThatDesk (422).
    """
    at, matter = rt.clock.now(), await store.hold(tx, matter_id)
    POLICY.require(who, Act.TRANSFER_MATTER, matter)
    MATTER.after(matter.status, MatterAction.TRANSFER)
    known, by = rt.directory.get(body.to), rt.directory.authority_ref(who.organisation)
    if known is None or not known.active or Role.INDUSTRY_REGULATOR not in known.kinds:
        raise NotThatDesk.field("to", "must be an industry regulator of the directory")
    if body.to in {by.id, *(each.by.id for each in matter.transfers)}:
        raise NotThatDesk.field("to", "has it, or had it before")
    if len(matter.transfers) >= rt.rules.cases.most_transfers:
        raise MatterTransferredTooOften(most=rt.rules.cases.most_transfers)
    step = MatterTransfer(by=by, to=known.ref, statement=body.statement, at=at)
    moved = await store.MOVES.move(
        tx, matter, MatterAction.TRANSFER, who=who, why=body.statement.reasons, at=at, grade=None, overdue_at=None,
        authority=known.ref.model_dump(mode="json"), authority_id=known.ref.id,
        transfers=[each.model_dump(mode="json") for each in (*matter.transfers, step)],
    )  # fmt: skip
    await deadlines.met(tx, CLOCK, matter_id, at)
    await deadlines.start(tx, kind=CLOCK, aggregate_id=matter_id, clock_name=CLOCK, rt=rt, at=at)
    await settling.handed_on(tx, rt, moved, step)
    return (await shown(tx, rt, [moved]))[0]


async def dismiss(tx: Tx, rt: Runtime, who: Caller, matter_id: UUID, body: Dismissal) -> Shown:
    """Nothing follows, with reasons that everybody who complained reads.

    Raises UnknownMatter (404); Forbidden (403); ActionRefused, RouteClosed (409).
    """
    matter = await held(tx, rt, who, matter_id, MatterAction.DISMISS)
    ended = await settling.end(tx, rt, matter, MatterAction.DISMISS, who=who, outcome="dismissed", says=body.statement)
    return (await shown(tx, rt, [ended]))[0]


async def open_case(tx: Tx, rt: Runtime, who: Caller, matter_id: UUID, body: CaseFromMatter) -> opening.File:
    """Open a case as always, about the site that was complained of. The complaints go in as one confidential piece.

    Raises UnknownMatter (404); Forbidden (403); ActionRefused, RouteClosed (409); and whatever opening a case does;
    CaseMisfit (422).
    """
    matter = await held(tx, rt, who, matter_id, MatterAction.OPEN_CASE)
    case = (await opening.open_case(tx, rt, who, body)).case
    _require_same(matter, case)
    await store.MOVES.move(
        tx, matter, MatterAction.OPEN_CASE, who=who, why=body.alleged_breach, at=rt.clock.now(), case_id=case.id
    )
    await _file(tx, rt, who, matter, case)
    return await opening.get(tx, rt, who, case.id)


def _require_same(matter: Matter, case: Case) -> None:
    """The case is about what was complained of."""
    same = case.site_id == matter.site_id
    if matter.site_id is None:
        found = isinstance(case.subject, FoundSite)
        same = found and any(f"host:{normalise_domain(host).registrable}" == matter.key for host in case.hosts)
    if not same:
        raise CaseMisfit.field("about", f"must be the site of {matter.host}, which was complained of")


async def _file(tx: Tx, rt: Runtime, who: Caller, matter: Matter, case: Case) -> None:
    """What was said, not by whom, and kept all the same from whom the case is about: who complained is in the words."""
    at, found = rt.clock.now(), await complaints.of_matter(tx, matter.id, after=None, limit=MOST_FILED)
    total = (await complaints.counts(tx, [matter.id])).get(matter.id, 0)
    document = {"matter": str(matter.id), "ground": matter.ground, "complaints_total": total, "complaints": [
        {"reference": each.reference, "came_at": each.came_at.isoformat(), "host": each.host, "said": each.said}
        for each in found
    ]}  # fmt: skip
    content = json.dumps(document, ensure_ascii=False, indent=1).encode()
    sha256, size = await EvidenceFiles(rt.settings.evidence_store).save(_once(content))
    new = Evidence(sha256, size, "application/json", WITHHELD, who.person, at)
    await cases.attach(tx, case.id, new)
    why = f"{total} complaints, SHA-256 {sha256}, confidential"
    await cases.MOVES.move(tx, case, CaseAction.ADD_EVIDENCE, who=who, why=why, at=at)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
