"""What a provider answers to findings about its list, and what a person of the regulator says to that."""

from typing import Final
from uuid import UUID

from registry import told
from registry.lifecycle import FindingAction
from registry.policy import POLICY, Act
from registry.service import looks
from registry.service.reconciling import CURE, says_of, tell
from registry.store import hosted
from registry.store.hosted import Finding, Wanted
from shared.contracts.grounds import Names
from shared.contracts.http.hosted import FindingStatus
from shared.runtime.acts import deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

_DISMISSED: Final = Names(zh="清单问题撤销通知书", en="The finding is dismissed: nothing is asked of you")
_KEPT: Final = Names(
    zh="清单问题记录维持通知书", en="Your objection is answered: the entry stays in your conduct record"
)
_INSISTED: Final = Names(zh="清单问题维持通知书", en="Your answer does not settle the finding: please put it right")


async def answer(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID, reasons: str) -> Finding:
    """The provider answers; its clock stands still until a person has said something to that. What is in the conduct
    record already does not count until then.

    Raises UnknownFinding (404), Forbidden (403), ActionRefused (409).
    """
    finding, at = await hosted.hold(tx, finding_id), rt.clock.now()
    POLICY.require(who, Act.ANSWER_HOSTED, finding)
    answered = await hosted.MOVES.move(
        tx, finding, FindingAction.ANSWER, who=who, why=reasons, at=at, answer=reasons, answered_by=who.person,
        answered_at=at,
    )  # fmt: skip
    await deadlines.met(tx, CURE, finding_id, at)
    if answered.status is FindingStatus.DISPUTED:
        outbox.add(tx, told.finding_disputed(answered, says_of(rt, reasons), at), at=at)
    return answered


async def keep(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID, reasons: str) -> Finding:
    """A named person says why what its provider disputes stays in the conduct record, where it counts again.

    Raises UnknownFinding (404), Forbidden (403), ActionRefused (409).
    """
    finding, at = await hosted.hold(tx, finding_id), rt.clock.now()
    POLICY.require(who, Act.JUDGE_HOSTED, finding)
    says = says_of(rt, reasons)
    kept = await hosted.MOVES.move(tx, finding, FindingAction.KEEP, who=who, why=reasons, at=at, reasons=reasons)
    outbox.add(tx, told.finding_kept(kept, says, at), at=at)
    await tell(tx, rt, [kept], "hosted_kept", _KEPT, says)
    return kept


async def insist(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID, reasons: str) -> Finding:
    """A named person says why the answer does not settle it; the whole time runs anew.

    Raises UnknownFinding (404), Forbidden (403), ActionRefused (409).
    """
    finding, at = await hosted.hold(tx, finding_id), rt.clock.now()
    POLICY.require(who, Act.JUDGE_HOSTED, finding)
    due = rt.rules.due(CURE, at).due_at
    stands = await hosted.MOVES.move(
        tx, finding, FindingAction.INSIST, who=who, why=reasons, at=at, reasons=reasons, cure_until=due
    )
    await deadlines.start(tx, kind=CURE, aggregate_id=finding_id, clock_name=CURE, rt=rt, at=at)
    await tell(tx, rt, [stands], "hosted_insisted", _INSISTED, says_of(rt, reasons), answer_by=due)
    return stands


async def dismiss(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID, reasons: str) -> Finding:
    """A named person lets it be; what the conduct record has of it says so from then on.

    Raises UnknownFinding (404), Forbidden (403), ActionRefused (409).
    """
    finding, at = await hosted.hold(tx, finding_id), rt.clock.now()
    POLICY.require(who, Act.JUDGE_HOSTED, finding)
    says = says_of(rt, reasons)
    dismissed = await hosted.MOVES.move(
        tx, finding, FindingAction.DISMISS, who=who, why=reasons, at=at, reasons=reasons
    )
    await deadlines.met(tx, CURE, finding_id, at)
    if finding.escalated_at is not None:
        outbox.add(tx, told.finding_closed(dismissed, "dismissed", says, at), at=at)
    await tell(tx, rt, [dismissed], "hosted_dismissed", _DISMISSED, says)
    return dismissed


async def get(tx: Tx, rt: Runtime, who: Caller, finding_id: UUID) -> Finding:
    """One finding. An official's look leaves an audit row. Raises UnknownFinding (404), Forbidden (403)."""
    finding = await hosted.get(tx, finding_id)
    POLICY.require(who, Act.READ_HOSTED, finding)
    if who.organisation != finding.provider:
        await looks.at_one(tx, rt, who, Act.READ_HOSTED, f"/hosted-findings/{finding_id}", finding.organisation)
    return finding


async def page(
    tx: Tx, rt: Runtime, who: Caller, wanted: Wanted, *, after: UUID | None, limit: int
) -> list[Finding]:  # fmt: skip
    """Findings the caller reaches, newest first. An official's look leaves an audit row."""
    found = await hosted.page(tx, POLICY.reach(who, Act.READ_HOSTED), wanted, after=after, limit=limit)
    of_others = {each.id: each.organisation for each in found if each.provider != who.organisation}
    await looks.at_list(tx, rt, who, Act.READ_HOSTED, "/hosted-findings", of_others)
    return found
