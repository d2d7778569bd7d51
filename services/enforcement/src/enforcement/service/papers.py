"""What both sides of an appeal hand in: each reads the other's, and nothing is withheld but what is confidential."""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from enforcement.errors import (
    EvidenceBeingDeleted,
    EvidenceFiledOtherwise,
    PapersDamaged,
    PaperWithheld,
    UnknownAppealPaper,
)
from enforcement.lifecycle import APPEAL, AppealAction
from enforcement.policy import POLICY, Act
from enforcement.service import decisions as deciding
from enforcement.service import reviewing
from enforcement.store import appeals, complaints, custody, hearings, matters
from enforcement.store.appeals import Appeal
from enforcement.store.files import EvidenceFiles
from enforcement.store.hearings import Paper
from shared.contracts.grounds import (
    ActRef,
    AddressForService,
    AuthorityRef,
    Department,
    Names,
    Party,
    Service,
    Statement,
)
from shared.runtime.acts import audit, kept_files, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.files import Sound
from shared.runtime.db.postgres import Tx

_DAMAGED: Final = Names(zh="材料损坏通知", en="A file that was handed in is damaged")


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody hands in, besides its bytes."""

    title: str
    media_type: str
    confidential: str | None


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A paper as it lies in an appeal, in the words of the policy."""

    appeal: Appeal
    paper: Paper

    @property
    def body_id(self) -> str:
        """Who decides, and reads everything."""
        return self.appeal.body_id

    @property
    def read_by(self) -> tuple[str, ...]:
        """Who handed it in, as whom they did; and both sides, unless it is confidential. The body reads everything.

        Not whose the appeal is by now: that may have passed to somebody else (ADR 15).
        """
        handed_in = (self.paper.handed_for,) if self.paper.side != "body" and self.paper.handed_for else ()
        if self.paper.confidential is not None:
            return handed_in
        return self.appeal.identity, self.appeal.authority_id, *handed_in


async def hand_in(rt: Runtime, who: Caller, appeal_id: UUID, given: Given, body: AsyncIterable[bytes]) -> Paper:
    """Keep what a side hands in. The same bytes again are the same paper, and the answer is the same.

    Raises UnknownAppeal (404), Forbidden (403), ActionRefused, EvidenceFiledOtherwise, EvidenceBeingDeleted (409),
    EvidenceTooLarge (413), EvidenceEmpty (422).
    """
    async with rt.db.connection() as tx:  # before a single byte is taken
        appeal = await appeals.get(tx, appeal_id)
        POLICY.require(who, Act.HAND_IN, appeal)
        APPEAL.after(appeal.status, AppealAction.HAND_IN)
    files = EvidenceFiles(rt.settings.evidence_store)
    sha256, size = await files.save(body)
    async with rt.db.transaction() as tx:
        appeal, _ = await reviewing.held(tx, appeal_id)
        await custody.hold(tx, sha256)  # whoever deletes these bytes as evidence waits, or is done
        if not await files.is_there(sha256):
            raise EvidenceBeingDeleted
        new = Paper(
            appeal_id, sha256, _side(who, appeal), given.title, given.media_type, size, given.confidential, who.person,
            rt.clock.now(), who.organisation,
        )  # fmt: skip
        await kept_files.mended(tx, sha256, new.handed_at)
        if not await hearings.hand_in(tx, new):
            APPEAL.after(appeal.status, AppealAction.HAND_IN)
            kept = next(each for each in await hearings.papers(tx, appeal_id) if each.sha256 == sha256)
            if (kept.side, kept.confidential) != (new.side, new.confidential) or kept.handed_for != new.handed_for:
                raise EvidenceFiledOtherwise(how="by another side, or with another reason to withhold it")
            return kept
        why = f"{new.title}, SHA-256 {sha256}" + (", confidential" if new.confidential else "")
        await appeals.MOVES.move(tx, appeal, AppealAction.HAND_IN, who=who, why=why, at=new.handed_at)
        return new


def _side(who: Caller, appeal: Appeal) -> str:
    if appeal.identity in who.identities:
        return "appellant"
    return "authority" if who.organisation == appeal.authority_id else "body"


async def page(tx: Tx, rt: Runtime, who: Caller, appeal_id: UUID) -> list[Paper]:
    """Everything that was handed in, also what is withheld, with its reason. Raises UnknownAppeal, Forbidden."""
    appeal = await appeals.get(tx, appeal_id)
    POLICY.require(who, Act.READ_APPEAL, appeal)
    return await hearings.papers(tx, appeal_id)


async def read(rt: Runtime, who: Caller, appeal_id: UUID, sha256: str) -> tuple[Paper, Sound]:
    """A paper and its bytes, checked against the hash, also for who handed it in to what is another one's appeal since.
    Reading is audited.

    Raises UnknownAppeal, UnknownAppealPaper (404); PaperWithheld, Forbidden (403); EvidenceDamaged (500).
    """
    async with rt.db.transaction() as tx:
        appeal = await appeals.get(tx, appeal_id)
        paper = next((each for each in await hearings.papers(tx, appeal_id) if each.sha256 == sha256), None)
        theirs = who.identities if appeal.act.passed_on else (who.organisation,)
        if paper is None or paper.handed_for not in theirs:
            POLICY.require(who, Act.READ_APPEAL, appeal)
        if paper is None:
            raise UnknownAppealPaper(sha256=sha256)
        if not POLICY.allows(who, Act.READ_PAPER, Exhibit(appeal, paper)):
            raise PaperWithheld(why=paper.confidential)
    sound = await EvidenceFiles(rt.settings.evidence_store).verified(sha256)  # far away, maybe: no transaction waits
    async with rt.db.transaction() as tx:
        resource = f"/appeals/{appeal_id}/papers/{sha256}"
        await audit.record(tx, who=who, act=Act.READ_PAPER, resource=resource, outcome="granted", at=rt.clock.now())
    return paper, sound


async def require_readable(tx: Tx, appeal_id: UUID) -> None:
    """What was handed in can be read by who decides. Raises PapersDamaged (409)."""
    handed_in = {each.sha256 for each in await hearings.papers(tx, appeal_id)}
    if lost := await kept_files.unreadable(tx, handed_in):
        raise PapersDamaged(papers=", ".join(lost))


async def recheck(rt: Runtime) -> int:
    """Compare papers of appeals, and what came with complaints, with their hash again; says how many were damaged."""
    files = EvidenceFiles(rt.settings.evidence_store)
    return await kept_files.recheck(rt, files, _tell_damaged, department="enforcement")


async def _tell_damaged(tx: Tx, rt: Runtime, sha256: str) -> None:
    """Who decides the appeal, and whoever handed it in, who has the bytes; of a complaint, whose desk it lies on."""
    for appeal, side in [(await appeals.get(tx, each), side) for each, side in await hearings.with_paper(tx, sha256)]:
        told: list[tuple[Party | Department, AddressForService]] = [(_department(appeal.body), AddressForService())]
        if side == "appellant":
            told.append((appeal.appellant, await deciding.address_of(tx, appeal.identity)))
        elif side == "authority":
            told.append((_department(appeal.authority), AddressForService()))
        for to, address in told:
            await _say_damaged(tx, rt, ActRef(service=Service.ENFORCEMENT, kind="appeal", id=appeal.id), to, address,
                               appeal.body, sha256)  # fmt: skip
    for matter_id in await complaints.with_file(tx, sha256):
        desk = (await matters.get(tx, matter_id)).authority
        if desk is not None:
            about = ActRef(service=Service.ENFORCEMENT, kind="matter", id=matter_id)
            await _say_damaged(tx, rt, about, _department(desk), AddressForService(), desk, sha256)


def _department(of: AuthorityRef) -> Department:
    return Department(identity=of.id, name=of.names.zh)


async def _say_damaged(
    tx: Tx, rt: Runtime, about: ActRef, to: Party | Department, address: AddressForService, by: AuthorityRef,
    sha256: str,
) -> None:  # fmt: skip
    why = f"The bytes kept for {sha256} are not those that were handed in: the same file can be handed in again."
    await notices.issue(
        tx, rt, about=about, kind="file_damaged", to=to, address=address, authority=by, title=_DAMAGED,
        says=Statement(legal_basis=(rt.rules.cases.source,), reasons=why, public_reasons=why),
    )  # fmt: skip
