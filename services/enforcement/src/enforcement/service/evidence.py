"""Evidence: filed into a case by its bytes, read back by their SHA-256, also by whom what cites it burdens."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from enforcement.errors import (
    EvidenceBeingDeleted,
    EvidenceDeleted,
    EvidenceFiledOtherwise,
    EvidenceTooLarge,
    EvidenceWithheld,
    UnknownEvidence,
)
from enforcement.lifecycle import CASE, CaseAction
from enforcement.policy import POLICY, Act
from enforcement.service import kinds
from enforcement.store import cases, custody, decisions
from enforcement.store.cases import Case, Evidence
from enforcement.store.files import EvidenceFiles
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.files import Sound
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A piece of evidence as it lies in a case, in the words of the policy."""

    case: Case
    piece: Evidence
    cited: bool
    """Whether a decision cites it that whom it is about was told of."""

    @property
    def organisation(self) -> str:
        """Whose case it lies in."""
        return self.case.organisation

    @property
    def category(self) -> str:
        """Which sector that concerns."""
        return self.case.category

    @property
    def region(self) -> str | None:
        """Where that is."""
        return self.case.region

    @property
    def level(self) -> str:
        """At which level."""
        return self.case.level

    @property
    def took_part(self) -> tuple[str, ...]:
        """To whom the case came."""
        return self.case.took_part

    @property
    def cited_against(self) -> str | None:
        """Who hears that it is there, and reads why it is withheld if it is."""
        return self.case.identity if self.cited else None

    @property
    def shown_to(self) -> str | None:
        """Who reads it to answer what it is accused of."""
        return self.cited_against if self.piece.confidential is None else None


async def add(
    rt: Runtime, who: Caller, case_id: UUID, media_type: str, confidential: str | None, body: AsyncIterable[bytes],
    declared: int | None = None,
) -> Evidence:  # fmt: skip
    """File evidence. The same bytes are kept once, and whoever files them learns nothing of other cases.

    ``confidential``: why whom a decision burdens that cites it may not read it. ``declared``: how many bytes come, if
    that was said; too many are refused before the first. The file is on disk before its record
    commits: a crash in between leaves a file nobody refers to, never a record without its bytes. Raises UnknownCase
    (404), Forbidden (403), ActionRefused, EvidenceFiledOtherwise, EvidenceBeingDeleted (409), EvidenceTooLarge (413),
    EvidenceKindUnknown, EvidenceOtherwise (415), EvidenceEmpty (422).
    """
    async with rt.db.connection() as tx:  # before a single byte is taken
        case = await cases.get(tx, case_id)
        POLICY.require(who, Act.ADD_EVIDENCE, case)
        await _require_wanted(tx, case)
    kind = kinds.of(rt.rules, media_type)
    if declared is not None and declared > kind.most_bytes:
        raise EvidenceTooLarge(limit=kind.most_bytes)
    files = EvidenceFiles(rt.settings.evidence_store)
    sha256, size = await files.save(kinds.checked(kind, media_type, body), limit=kind.most_bytes)
    async with rt.db.transaction() as tx:
        new = Evidence(sha256, size, media_type, confidential, who.person, rt.clock.now())
        filed = await _attach(tx, who, case_id, new)
        # The piece is held by now: whoever deletes these bytes waits, or is done.
        if await custody.kept_again(tx, sha256, new.added_at):
            await custody.event(tx, sha256, "kept_again", f"Filed anew by {who.person}.", new.added_at)
        elif await custody.mended(tx, sha256, new.added_at):
            await custody.event(tx, sha256, "sound", f"The same bytes filed anew by {who.person}.", new.added_at)
        if not await files.is_there(sha256):
            raise EvidenceBeingDeleted
        return replace(filed, deleted_at=None)


async def _attach(tx: Tx, who: Caller, case_id: UUID, new: Evidence) -> Evidence:
    case = await cases.hold(tx, case_id)
    await _require_wanted(tx, case)
    if await cases.attach(tx, case_id, new):
        why = f"{new.media_type}, SHA-256 {new.sha256}" + (", confidential" if new.confidential else "")
        await cases.MOVES.change(tx, case, CaseAction.ADD_EVIDENCE, who=who, why=why, at=new.added_at)
        return new
    kept = next(each for each in await cases.evidence_of(tx, case_id) if each.sha256 == new.sha256)
    if (kept.confidential is None) != (new.confidential is None):
        raise EvidenceFiledOtherwise(how="not confidential" if kept.confidential is None else "confidential")
    return kept


async def _require_wanted(tx: Tx, case: Case) -> None:
    """It lies in an open case, or in one that has ended but for an order to correct, of which somebody has to see
    whether it was obeyed. Raises ActionRefused.
    """
    if not any(each.waits for each in await decisions.of_cases(tx, [case.id])):
        CASE.after(case.status, CaseAction.ADD_EVIDENCE)


async def cited(tx: Tx, rt: Runtime, who: Caller, decision_id: UUID) -> list[Evidence]:
    """The pieces that a decision rests on, and why those are withheld that whom it burdens may not read.

    Raises UnknownDecision (404), Forbidden (403).
    """
    case, decision = await decisions.get(tx, decision_id)
    found = [each for each in await _exhibits(tx, [case]) if each.piece.sha256 in decision.cites]
    for each in found:
        POLICY.require(who, Act.LIST_CITED, replace(each, cited=decision.told))
    resource = f"/decisions/{decision_id}/evidence"
    await audit.record(tx, who=who, act=Act.LIST_CITED, resource=resource, outcome="granted", at=rt.clock.now())
    return [each.piece for each in found]


async def read(rt: Runtime, who: Caller, sha256: str) -> tuple[Evidence, Sound]:
    """A piece of evidence and its bytes, checked against the hash. Reading is audited.

    Whom a decision burdens reads what it cites, from the notice of its draft on, but for what was filed as
    confidential. Raises UnknownEvidence (404): also for evidence of cases that the caller does not reach;
    EvidenceWithheld (403), which says why; EvidenceDeleted (404), which says when and why; EvidenceDamaged (500).
    """
    reach, told = POLICY.reach(who, Act.READ_EVIDENCE), POLICY.reach(who, Act.LIST_CITED)
    async with rt.db.transaction() as tx:
        lying = [
            each for each in await _exhibits(tx, await cases.cases_with(tx, sha256)) if each.piece.sha256 == sha256
        ]
        admitted = [each for each in lying if reach.admits(each)]
        if not admitted:
            for withheld in filter(told.admits, lying):
                raise EvidenceWithheld(why=withheld.piece.confidential)
            raise UnknownEvidence(sha256=sha256)
        piece = await custody.get(tx, sha256)
        if piece is not None and piece.deleted_at is not None:
            raise EvidenceDeleted(sha256=sha256, at=piece.deleted_at.date().isoformat(), why=piece.deleted_why)
    sound = await EvidenceFiles(rt.settings.evidence_store).verified(sha256)  # far away, maybe: no transaction waits
    async with rt.db.transaction() as tx:
        await audit.record(
            tx, who=who, act=Act.READ_EVIDENCE, resource=f"/evidence/{sha256}", outcome="granted", at=rt.clock.now(),
            detail={"cases": sorted(str(each.case.id) for each in admitted)},
        )  # fmt: skip
    return admitted[0].piece, sound


async def _exhibits(tx: Tx, found: Sequence[Case]) -> list[Exhibit]:
    """Everything that lies in these cases."""
    told = [each for each in await decisions.of_cases(tx, [case.id for case in found]) if each.told]
    cited = {(each.case_id, sha256) for each in told for sha256 in each.cites}
    return [
        Exhibit(case, piece, (case.id, piece.sha256) in cited)
        for case in found
        for piece in await cases.evidence_of(tx, case.id)
    ]
