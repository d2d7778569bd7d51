"""The signed document of an approval: issued with the grant and with each renewal, and how it stands afterwards."""

from datetime import datetime
from typing import Final

from approval import store
from approval.errors import UnknownApproval
from approval.lifecycle import LIVE, Action, Status
from approval.store import Approval
from approval.store import paper as papers
from shared.contracts.documents import Particular
from shared.contracts.grounds import AuthorityRef, Names, Statement
from shared.runtime.acts import documents
from shared.runtime.acts.documents import Draft, Issued
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx
from shared.runtime.web.documents import Standing

KIND: Final = "approval"
TITLE: Final = Names(zh="前置审批批准书", en="Prior approval")
PRINTED: Final = Names(zh="纸质批准文件编号", en="Number on the paper")
"""Label of the number that is printed on the paper which an approval came in on."""


async def issue(tx: Tx, rt: Runtime, approval: Approval, by: AuthorityRef, says: Statement, at: datetime) -> Issued:
    """Sign the document of an approval that was granted or renewed just now. Raises IssuerHasNoKey (503)."""
    if approval.number is None or approval.scope is None or approval.valid_from is None:
        raise LookupError(f"approval {approval.id} was never granted")
    item = rt.rules.service_items[approval.service_item]
    printed = await papers.number_of(tx, approval.id)
    lines = [(Names(zh="服务项目", en="Service item"), f"{item.chinese} · {item.english}")]
    if printed is not None:
        lines.append((PRINTED, printed))
    draft = Draft(
        kind=KIND,
        title=TITLE,
        subject_id=approval.id,
        number=approval.number,
        holder=approval.operator,
        scope=approval.scope,
        covers=(approval.domain,),
        issuer=by,
        legal_basis=says.legal_basis,
        valid_from=approval.valid_from,
        valid_until=approval.valid_until,
        particulars=tuple(Particular(label=label, value=value) for label, value in lines),
    )
    return await documents.issue(tx, rt, draft, at)


async def standing(tx: Tx, rt: Runtime, issued: Issued) -> Standing:
    """How the approval stands that a document is about, whatever edition it is."""
    approval = await store.get(tx, issued.subject_id)
    if approval is None or approval.valid_from is None or approval.valid_until is None:
        raise UnknownApproval(approval_id=issued.subject_id)
    ended_at = None
    if approval.status is Status.LAPSED:
        ended_at = rt.rules.end_of(approval.valid_until)
    elif approval.status is Status.ENDED:
        ended_at = min(
            each.grounds.made_at for each in approval.decisions if each.action is Action.END and each.undone_at is None
        )
    return Standing(
        in_force=approval.status in LIVE,
        word=approval.status,
        valid_from=approval.valid_from,
        valid_until=approval.valid_until,
        ended_at=ended_at,
    )
