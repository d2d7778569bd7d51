"""What the others hear of an approval, and what its operator is given notice of: every move passes through ``tell``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from approval.lifecycle import Action
from approval.store import Approval, Decision
from shared.contracts.approval import (
    ApprovalEndedV1,
    ApprovalFact,
    ApprovalGrantedV1,
    ApprovalLapsedV1,
    ApprovalNotRequiredV1,
    ApprovalRecord,
    ApprovalReinstatedV1,
    ApprovalRenewedV1,
)
from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, Grounds, Names, Service, Statement
from shared.runtime.acts import notices, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

FACTS: Final[Mapping[Action, type[ApprovalFact]]] = {
    Action.GRANT: ApprovalGrantedV1,
    Action.FIND_NOT_REQUIRED: ApprovalNotRequiredV1,
    Action.RENEW: ApprovalRenewedV1,
    Action.LAPSE: ApprovalLapsedV1,
    Action.END: ApprovalEndedV1,
    Action.REINSTATE: ApprovalReinstatedV1,
    Action.REINSTATE_RENEWAL: ApprovalReinstatedV1,
    Action.REOPEN_RENEWAL: ApprovalReinstatedV1,
}
"""Actions that other departments hear of. The rest concern the operator alone."""


NOTICES: Final[Mapping[Action, tuple[str, Names]]] = {
    Action.RETURN: ("returned", Names(zh="补正通知书", en="Your application was returned")),
    Action.TRANSFER: ("transferred", Names(zh="移送通知书", en="Your application was forwarded")),
    Action.GRANT: ("granted", Names(zh="准予批准决定书", en="Your application was granted")),
    Action.REFUSE: ("refused", Names(zh="不予批准决定书", en="Your application was refused")),
    Action.FIND_NOT_REQUIRED: ("not_required", Names(zh="无需批准告知书", en="You need no approval")),
    Action.RENEW: ("renewed", Names(zh="准予延续决定书", en="Your approval was renewed")),
    Action.REFUSE_RENEWAL: ("renewal_refused", Names(zh="不予延续决定书", en="The renewal was refused")),
    Action.LAPSE: ("lapsed", Names(zh="批准失效通知书", en="Your approval has lapsed")),
    Action.END: ("ended", Names(zh="批准终止通知书", en="Your approval has ended")),
    Action.REINSTATE: ("reinstated", Names(zh="批准恢复通知书", en="Your approval stands again")),
    Action.REINSTATE_RENEWAL: ("reinstated", Names(zh="批准恢复通知书", en="Your approval stands again")),
    Action.REOPEN: ("reopened", Names(zh="重新审查通知书", en="Your application is decided anew")),
    Action.REOPEN_RENEWAL: ("reopened", Names(zh="重新审查通知书", en="Your renewal is decided anew")),
}
"""Actions that the operator is told of. The rest are its own."""
FOR_LESS: Final[Mapping[Action, tuple[str, Names]]] = {
    Action.GRANT: ("granted_for_less", Names(zh="部分准予批准决定书", en="Your application was granted for less")),
    Action.RENEW: (
        "renewed_for_less",
        Names(zh="部分准予延续决定书", en="Your approval was renewed for less than was asked"),
    ),
}
"""The same where it is for less than was asked: with grounds and redress."""
LAPSING: Final = ("lapsing", Names(zh="批准即将到期通知书", en="Your approval ends soon"))


async def tell(
    tx: Tx,
    rt: Runtime,
    approval: Approval,
    action: Action,
    *,
    at: datetime,
    by: AuthorityRef | None,
    says: Statement | None,
    decision: Decision | None,
) -> None:
    """Tell what was just done to an approval, with the approval as it is now."""
    grounds = decision.grounds if decision else None
    if (fact := FACTS.get(action)) is not None:
        told = {"approval_id": approval.id, "approval": record_of(approval), "grounds": grounds}
        outbox.add(tx, fact.model_validate(told), at=at)
    if action in NOTICES and by is not None and says is not None:
        kind, title = (FOR_LESS if decision is not None and decision.for_less else NOTICES)[action]
        # Only what can be challenged here carries grounds: enforcement takes appeals against exactly those acts.
        challenged = decision.challenge if decision is not None else None
        about = challenged if challenged is not None and challenged.service is Service.APPROVAL else None
        await notify(tx, rt, approval, kind, title, by=by, says=grounds if about and grounds else says, about=about)


async def notify(
    tx: Tx,
    rt: Runtime,
    approval: Approval,
    kind: str,
    title: Names,
    *,
    by: AuthorityRef,
    says: Statement | Grounds,
    about: ActRef | None = None,
    answer_by: datetime | None = None,
) -> None:
    """A notice to the operator, about an act or, without one, about the approval itself."""
    stated = says if about is not None else Statement(**says.model_dump(include=set(Statement.model_fields)))
    await notices.issue(
        tx,
        rt,
        about=about or ActRef(service=Service.APPROVAL, kind="approval", id=approval.id),
        kind=kind,
        to=approval.operator,
        address=AddressForService(email=approval.email),
        authority=by,
        title=title,
        says=stated,
        answer_by=answer_by,
        moved=approval.id,
    )


def record_of(approval: Approval) -> ApprovalRecord:
    """An approval as facts carry it."""
    fields = {name: getattr(approval, name) for name in ApprovalRecord.model_fields if name != "approval_id"}
    return ApprovalRecord.model_validate({**fields, "approval_id": approval.id})
