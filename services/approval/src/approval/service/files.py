"""What an applicant hands in for a requirement of the item: the bytes, kept by their SHA-256."""

from collections.abc import AsyncIterable
from typing import Final
from uuid import UUID

from approval import store
from approval.errors import TooManyFiles, UnknownApproval, UnknownFile, UnknownRequirement
from approval.lifecycle import APPROVAL, Action
from approval.policy import ACTS, POLICY, Act
from approval.service.act import held
from approval.store import APPROVALS, Approval, HandedIn
from shared.contracts.grounds import ActRef, AddressForService, Department, Names, Service, Statement
from shared.runtime.acts import audit, kept_files, notices
from shared.runtime.acts.directory import AuthorityMissing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.files import Files, Sound
from shared.runtime.db.postgres import Tx

MOST: Final = 100
"""Files of one approval."""
_DAMAGED: Final = Names(zh="材料损坏通知", en="A file that was handed in is damaged")


async def hand_in(
    rt: Runtime, who: Caller, approval_id: UUID, requirement: str, media_type: str, body: AsyncIterable[bytes]
) -> Approval:
    """Hand in a file for a requirement, until somebody decides.

    The same bytes again change nothing. The file is on disk before its record commits: a crash in between leaves a file
    nobody refers to. Raises UnknownApproval (404), Forbidden (403), ActionRefused, TooManyFiles (409), FileTooLarge
    (413), UnknownRequirement, FileEmpty (422).
    """
    async with rt.db.connection() as tx:  # before a single byte is taken
        approval = await store.get(tx, approval_id)
        if approval is None:
            raise UnknownApproval(approval_id=approval_id)
        POLICY.require(who, ACTS[Action.HAND_IN], approval)
        APPROVAL.after(approval.status, Action.HAND_IN)
        _require_asked(rt, approval, requirement)
    sha256, size = await Files(rt.settings.files_store).save(body)
    async with rt.db.transaction() as tx:
        approval, at = await held(tx, who, Action.HAND_IN, approval_id), rt.clock.now()
        APPROVAL.after(approval.status, Action.HAND_IN)
        if len(approval.files) >= MOST:
            raise TooManyFiles(most=MOST)
        new = HandedIn(requirement, sha256, size, media_type, at)
        await kept_files.mended(tx, sha256, at)
        if not await store.add_file(tx, approval_id, new, who.person):
            return approval
        why = f"{requirement}: {media_type}, SHA-256 {sha256}"
        return await APPROVALS.move(tx, approval, Action.HAND_IN, who=who, why=why, at=at)


async def read(rt: Runtime, who: Caller, approval_id: UUID, sha256: str) -> tuple[HandedIn, Sound]:
    """A file of an approval, checked against its hash. An official's reading is audited.

    Raises UnknownApproval, UnknownFile (404), Forbidden (403), FileDamaged (500).
    """
    async with rt.db.transaction() as tx:
        approval = await store.get(tx, approval_id)
        if approval is None:
            raise UnknownApproval(approval_id=approval_id)
        POLICY.require(who, Act.READ, approval)
        kept = next((each for each in approval.files if each.sha256 == sha256), None)
        if kept is None:
            raise UnknownFile(sha256=sha256)
    sound = await Files(rt.settings.files_store).verified(sha256)  # far away, maybe: no transaction waits
    if who.organisation != approval.organisation:
        async with rt.db.transaction() as tx:
            resource = f"approval/{approval_id}/files/{sha256}"
            await audit.record(tx, who=who, act=Act.READ, resource=resource, outcome="granted", at=rt.clock.now())
    return kept, sound


def missing_of(rt: Runtime, approval: Approval) -> list[str]:
    """Requirements that the authority named as missing when it returned the application, and nobody has filed since."""
    named = {finding.code for finding in approval.missing}
    filed = {each.requirement for each in approval.files}
    return [code for code in requirements_of(rt, approval) if code in named and code not in filed]


def requirements_of(rt: Runtime, approval: Approval) -> tuple[str, ...]:
    """What an application for this item brings, by code."""
    return tuple(rt.rules.service_items[approval.service_item].requires)


def _require_asked(rt: Runtime, approval: Approval, requirement: str) -> None:
    asked = requirements_of(rt, approval)
    if requirement not in asked:
        raise UnknownRequirement.field("requirement", f"is none of: {', '.join(asked)}")


async def clear(rt: Runtime) -> int:
    """Remove what is left of uploads whose process died; says of how many. Part of the housekeeping."""
    return await Files(rt.settings.files_store).clear()


async def recheck(rt: Runtime) -> int:
    """Compare what was handed in with its hash again; says how many were damaged. Part of the housekeeping."""
    return await kept_files.recheck(rt, Files(rt.settings.files_store), _tell_damaged, department="approval")


async def _tell_damaged(tx: Tx, rt: Runtime, sha256: str) -> None:
    """Whoever handed it in, who has the bytes; and whose desk it lies on."""
    for approval_id in await store.with_file(tx, sha256):
        approval = await store.get(tx, approval_id)
        if approval is None:
            continue
        try:
            desk = approval.authority or rt.directory.competent(approval.service_item, approval.level, approval.region)
        except AuthorityMissing:  # nobody decides it for the time being; the alert and the audit stand
            continue
        why = f"The bytes kept for {sha256} are not those that were handed in: the same file can be handed in again."
        says = Statement(legal_basis=(rt.rules.cases.source,), reasons=why, public_reasons=why)
        for to, mail in ((approval.operator, approval.email), (Department(identity=desk.id, name=desk.names.zh), None)):
            await notices.issue(
                tx, rt, about=ActRef(service=Service.APPROVAL, kind="approval", id=approval_id), kind="file_damaged",
                to=to, address=AddressForService(email=mail), authority=desk, title=_DAMAGED, says=says,
            )  # fmt: skip
