"""Evidence: filed into a case by its bytes, read back by their SHA-256."""

from collections.abc import AsyncIterable
from pathlib import Path
from uuid import UUID

from enforcement.errors import UnknownEvidence
from enforcement.lifecycle import CASE, CaseAction
from enforcement.policy import POLICY, Act
from enforcement.store import cases
from enforcement.store.cases import Evidence
from enforcement.store.files import EvidenceFiles
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx


async def add(rt: Runtime, who: Caller, case_id: UUID, media_type: str, body: AsyncIterable[bytes]) -> Evidence:
    """File evidence. The same bytes are kept once, and whoever files them learns nothing of other cases.

    The file is on disk before its record commits: a crash in between leaves a file nobody refers to, never a record
    without its bytes. Raises UnknownCase (404), Forbidden (403), ActionRefused (409), EvidenceTooLarge (413),
    EvidenceEmpty (422).
    """
    async with rt.db.connection() as tx:  # before a single byte is taken
        case = await cases.get(tx, case_id)
        POLICY.require(who, Act.ADD_EVIDENCE, case)
        CASE.after(case.status, CaseAction.ADD_EVIDENCE)
    sha256, size = await EvidenceFiles(rt.settings.evidence_path).save(body)
    async with rt.db.transaction() as tx:
        return await _attach(tx, rt, who, case_id, sha256, size, media_type)


async def _attach(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, sha256: str, size: int, media_type: str) -> Evidence:
    case, at = await cases.hold(tx, case_id), rt.clock.now()
    new = Evidence(sha256, size, media_type, who.person, at)
    if await cases.attach(tx, case_id, new):
        why = f"{media_type}, SHA-256 {sha256}"
        await cases.MOVES.move(tx, case, CaseAction.ADD_EVIDENCE, who=who, why=why, at=at)
        return new
    CASE.after(case.status, CaseAction.ADD_EVIDENCE)
    return next(each for each in await cases.evidence_of(tx, case_id) if each.sha256 == sha256)


async def read(rt: Runtime, who: Caller, sha256: str) -> tuple[Evidence, Path]:
    """A piece of evidence and the file with its bytes, checked against the hash. Reading is audited.

    Raises UnknownEvidence (404): also for evidence of cases that the caller does not reach; EvidenceDamaged (500).
    """
    reach = POLICY.reach(who, Act.READ_EVIDENCE)
    async with rt.db.transaction() as tx:
        reached = [case for case in await cases.cases_with(tx, sha256) if reach.admits(case)]
        if not reached:
            raise UnknownEvidence(sha256=sha256)
        kept = next(each for each in await cases.evidence_of(tx, reached[0].id) if each.sha256 == sha256)
        path = await EvidenceFiles(rt.settings.evidence_path).verified(sha256)
        await audit.record(
            tx, who=who, act=Act.READ_EVIDENCE, resource=f"/evidence/{sha256}", outcome="granted", at=rt.clock.now()
        )
        return kept, path
