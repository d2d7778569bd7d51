"""The inbox: what a department told the caller, or, for the authority whose act it is, told others."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from shared.contracts.http.notices import DeliveryView, NoticeView, PostalProof
from shared.contracts.notices import NoticeDocument
from shared.rules import Role
from shared.runtime.acts import audit, notices
from shared.runtime.acts.notices import Delivery, Notice, UnknownNotice
from shared.runtime.acts.policy import Policy, Reach, Rule, only, own_organisation
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Conflict
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of


class ProofEntered(Conflict):
    """The proof of this notice's delivery by post was entered before."""


class Act(StrEnum):
    """What can be done with a notice."""

    READ_NOTICE = "read_notice"
    PROVE_DELIVERY = "prove_delivery"


def own_act(who: Caller) -> Reach:
    """Notices of acts of the caller's own authority."""
    return only("authority_id", who.organisation)


RECIPIENTS: Final = frozenset({Role.OPERATOR, Role.ACCESS_PROVIDER})
POLICY: Final = Policy({
    Act.READ_NOTICE:    Rule(frozenset(Role) - {Role.ADMIN}, own_organisation),
    # Clocks run from it: a person answers for the proof, never a program.
    Act.PROVE_DELIVERY: Rule(frozenset(Role) - RECIPIENTS - {Role.ADMIN}, own_act, first_person=True),
})  # fmt: skip

ROUTER: Final[APIRouter] = router(prefix="/notices", tags=["notices"])


@ROUTER.get("")
async def list_notices(rt: Rt, who: Who, paging: Paging) -> Page[NoticeView]:
    """What this department told you, newest first; an official sees what its own authority told others."""
    reach = POLICY.reach(who, Act.READ_NOTICE)
    async with rt.db.connection() as tx:
        found = await notices.page(tx, reach, paging.after, paging.fetch)
        views = await _views(tx, found)
    return page_of(views, paging, view=lambda view: view, key=lambda view: view.id)


@ROUTER.get("/{notice_id}")
async def read_notice(rt: Rt, who: Who, notice_id: UUID) -> NoticeView:
    """One notice. Opened by its recipient it counts as delivered."""
    async with rt.db.transaction() as tx:
        await _opened(rt, tx, who, notice_id)
        return (await _views(tx, [await notices.get(tx, notice_id)]))[0]


@ROUTER.get("/{notice_id}/document", response_class=Response)
async def read_document(rt: Rt, who: Who, notice_id: UUID) -> Response:
    """The bytes that were issued, exactly. Opened by its recipient the notice counts as delivered."""
    async with rt.db.transaction() as tx:
        notice = await _opened(rt, tx, who, notice_id)
    return Response(notice.document, media_type="application/json")


@ROUTER.post("/{notice_id}/postal-proof")
async def prove_delivery(rt: Rt, who: Who, notice_id: UUID, body: PostalProof) -> NoticeView:
    """Enter that a letter was delivered, with its proof."""
    async with rt.db.transaction() as tx:
        notice = await _known(tx, who, notice_id)
        POLICY.require(who, Act.PROVE_DELIVERY, notice)
        if not await notices.prove(tx, notice, address=body.address, proof=body.proof, at=rt.clock.now()):
            raise ProofEntered
        await audit.record(
            tx, who=who, act=Act.PROVE_DELIVERY, resource=f"/notices/{notice_id}", outcome="granted", at=rt.clock.now()
        )
        return (await _views(tx, [await notices.get(tx, notice_id)]))[0]


async def _known(tx: Tx, who: Caller, notice_id: UUID) -> Notice:
    """The notice, if the caller may read it; others learn nothing of it, not even that it exists."""
    notice = await notices.get(tx, notice_id)
    if not POLICY.allows(who, Act.READ_NOTICE, notice):
        raise UnknownNotice(notice_id=notice_id)
    return notice


async def _opened(rt: Runtime, tx: Tx, who: Caller, notice_id: UUID) -> Notice:
    """The same; read by its recipient it is delivered."""
    notice = await _known(tx, who, notice_id)
    if who.organisation == notice.identity and who.roles & RECIPIENTS:
        await notices.opened(tx, notice, rt.clock.now())
    return notice


async def _views(tx: Tx, found: list[Notice]) -> list[NoticeView]:
    sent = await notices.deliveries(tx, [notice.id for notice in found])
    return [_view(notice, [each for each in sent if each.notice_id == notice.id]) for notice in found]


def _view(notice: Notice, sent: list[Delivery]) -> NoticeView:
    return NoticeView(
        id=notice.id,
        notice=NoticeDocument.model_validate_json(notice.document),
        digest=notice.digest,
        delivered_at=notice.delivered_at,
        delivered_by=notice.delivered_by,
        opened_at=notice.opened_at,
        deliveries=[DeliveryView.model_validate(each) for each in sent],
    )
