"""Which acts there are to appeal against: enforcement hears of each, and of who had a hand in it (ADR 13, point 20)."""

from collections.abc import Collection, Sequence
from uuid import UUID

from shared.contracts.grounds import Party
from shared.contracts.notices import ISSUED, NoticeDocument
from shared.runtime.acts import history, outbox
from shared.runtime.db.postgres import Tx


async def tell(tx: Tx, issued: Sequence[tuple[NoticeDocument, Collection[UUID]]]) -> None:
    """Of those of these notices that tell a party of an act of this department, with its grounds; the verb has moved
    it by now. Each comes with what its act moved and rests on, whose histories name everybody who had a hand in it.
    """
    acts = [(each, moved) for each, moved in issued if _is_act(each)]
    if not acts:
        return
    persons = await history.took_part(tx, {each for _, moved in acts for each in moved})
    for document, moved in acts:
        fact = ISSUED[document.about.service].model_validate({
            "act_id": document.about.id, "act": document.about, "notice_id": document.notice_id, "to": document.to,
            "grounds": document.grounds and document.grounds.public(), "issued_at": document.issued_at,
            "took_part": sorted({person for each in moved for person in persons[each]}),
        })  # fmt: skip
        outbox.add(tx, fact, at=document.issued_at)


def _is_act(document: NoticeDocument) -> bool:
    return document.about.service in ISSUED and document.grounds is not None and isinstance(document.to, Party)
