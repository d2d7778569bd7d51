"""Evidence: filed into a case by its bytes, read back by their SHA-256."""

from collections.abc import AsyncIterable
from pathlib import Path
from uuid import UUID

from enforcement.errors import UnknownEvidence
from enforcement.lifecycle import CASE, CaseAction
from enforcement.policy import POLICY, Act
from enforcement.service.common import held_case, known_case, remember
from enforcement.store import cases
from enforcement.store.cases import Evidence
from enforcement.store.files import EvidenceFiles
from shared.runtime.acts import audit
from shared.runtime.acts.policy import OutOfScope
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller


async def add(rt: Runtime, who: Caller, case_id: UUID, media_type: str, body: AsyncIterable[bytes]) -> Evidence:
    """File evidence. The same bytes are kept once, however often and in however many cases they are filed.

    The file is on disk before its record commits: a crash in between leaves a file nobody refers to, never a record
    without its bytes. Raises UnknownCase (404), Forbidden (403), ActionRefused (409), EvidenceTooLarge (413),
    EvidenceEmpty (422).
    """
    async with rt.db.connection() as tx:  # before a single byte is taken
        case = await known_case(tx, case_id)
        POLICY.require(who, Act.ADD_EVIDENCE, case)
        CASE.after(case.status, CaseAction.ADD_EVIDENCE)
    sha256, size = await EvidenceFiles(rt.settings.evidence_path).save(body)
    async with rt.db.transaction() as tx:
        case = await held_case(tx, case_id)
        CASE.after(case.status, CaseAction.ADD_EVIDENCE)
        at = rt.clock.now()
        if await cases.attach(tx, case_id, Evidence(sha256, size, media_type, at), who.subject, at):
            remember(tx, case, case.status, CaseAction.ADD_EVIDENCE, who, f"{media_type}, SHA-256 {sha256}", at)
        kept = await cases.get_evidence(tx, sha256)
        if kept is None:
            raise UnknownEvidence(sha256=sha256)
        return kept


async def read(rt: Runtime, who: Caller, sha256: str) -> tuple[Evidence, Path]:
    """A piece of evidence and the file with its bytes, checked against the hash. Reading is audited.

    Raises UnknownEvidence (404), Forbidden (403), EvidenceDamaged (500).
    """
    async with rt.db.transaction() as tx:
        kept = await cases.get_evidence(tx, sha256)
        if kept is None:
            raise UnknownEvidence(sha256=sha256)
        reach = POLICY.reach(who, Act.READ_EVIDENCE)
        if not any(reach.admits(case) for case in await cases.cases_with(tx, sha256)):
            raise OutOfScope(act="read evidence")
        path = await EvidenceFiles(rt.settings.evidence_path).verified(sha256)
        resource = f"/evidence/{sha256}"
        await audit.record(tx, who=who, act=Act.READ_EVIDENCE, resource=resource, outcome="granted", at=rt.clock.now())
        return kept, path
