"""The inbox: what a department told the caller, or, for the authority whose act it is, told others."""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from shared.contracts.http.notices import (
    DeliveryView,
    NoticeCount,
    NoticeCounts,
    NoticeItem,
    NoticeView,
    OpeningView,
    PostalProof,
    PostalProofView,
)
from shared.contracts.notices import Channel, DeliveryState, NoticeDocument
from shared.rules import Role
from shared.runtime.acts import audit, history, notices, postal, terms
from shared.runtime.acts.notices import Notice, UnknownNotice
from shared.runtime.acts.policy import Policy, Reach, Rule, only, own_organisation
from shared.runtime.acts.postal import Proof
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.middleware import METHOD
from shared.runtime.web.paging import Page, Paging, page_of


class Act(StrEnum):
    """What can be done with a notice."""

    READ_NOTICE = "read_notice"
    PROVE_DELIVERY = "prove_delivery"
    CONFIRM_DELIVERY = "confirm_delivery"


def received(who: Caller) -> Reach:
    """Notices to the caller's own organisation and of its acts, and those to an operator that it took over."""
    return own_organisation(who) | only("inherited", *who.taken_over)


def own_act(who: Caller) -> Reach:
    """Notices of acts of the caller's own authority."""
    return only("authority_id", who.organisation)


RECIPIENTS: Final = frozenset({Role.OPERATOR, Role.ACCESS_PROVIDER})
AUTHORITIES: Final = frozenset(Role) - RECIPIENTS - {Role.ADMIN}
POLICY: Final = Policy({
    Act.READ_NOTICE:      Rule(frozenset(Role) - {Role.ADMIN}, received),
    # Clocks run from it and measures wait for it: two persons, neither of whom drafted or issued what the letter told,
    # nor signs it afterwards (``postal.hold``).
    Act.PROVE_DELIVERY:   Rule(AUTHORITIES, own_act, second_person=True),
    Act.CONFIRM_DELIVERY: Rule(AUTHORITIES, own_act, second_person=True),
})  # fmt: skip

ROUTER: Final[APIRouter] = router(prefix="/notices", tags=["notices"])


@ROUTER.get("")
async def list_notices(
    rt: Rt, who: Who, paging: Paging,
    unread: Annotated[bool, Query(description="Only what nobody opened")] = False,
    kind: Annotated[str | None, Query(max_length=100, description="Only notices of this kind")] = None,
    about: Annotated[UUID | None, Query(description="Only notices about the act with this id")] = None,
) -> Page[NoticeItem]:  # fmt: skip
    """That this department told you something, newest first; an official sees what its own authority told others.

    What a notice says is read one by one: a list opens nothing, so it shows nothing that would have to count as opened.
    """
    reach, wanted = POLICY.reach(who, Act.READ_NOTICE), notices.Wanted(unread, kind, about)
    async with rt.db.connection() as tx:
        found = await notices.page(tx, reach, paging.after, paging.fetch, wanted)
        letters = await postal.proofs(tx, [notice.id for notice in found])
    return page_of(found, paging, view=lambda each: _item(rt, each, letters.get(each.id)), key=lambda each: each.id)


@ROUTER.get("/counts")
async def count_notices(rt: Rt, who: Who) -> NoticeCounts:
    """How many notices there are of each kind, and how many of them nobody opened. Counting opens nothing."""
    async with rt.db.connection() as tx:
        found = await notices.counts(tx, POLICY.reach(who, Act.READ_NOTICE))
    return NoticeCounts(
        total=sum(each.total for each in found), unread=sum(each.unread for each in found),
        kinds=[NoticeCount.model_validate(each) for each in found],
    )  # fmt: skip


async def _shows(request: Request) -> bool:
    """Whether the caller is shown what is answered: HEAD shows nobody anything, so no time may run from it."""
    return request.scope.get(METHOD) != "HEAD"


Shown = Annotated[bool, Depends(_shows)]


@ROUTER.get("/{notice_id}")
async def read_notice(rt: Rt, who: Who, notice_id: UUID, shown: Shown) -> NoticeView:
    """One notice. Opened by its recipient it counts as delivered; HEAD opens nothing."""
    async with rt.db.transaction() as tx:
        await _opened(rt, tx, who, notice_id, shown=shown)
        return await _view(tx, await notices.get(tx, notice_id))


@ROUTER.get("/{notice_id}/document", response_class=Response)
async def read_document(rt: Rt, who: Who, notice_id: UUID, shown: Shown) -> Response:
    """The bytes that were issued, exactly. Opened by its recipient the notice counts as delivered, not by HEAD."""
    async with rt.db.transaction() as tx:
        notice = await _opened(rt, tx, who, notice_id, shown=shown)
    return Response(notice.document, media_type="application/json")


@ROUTER.post("/{notice_id}/postal-proof")
async def prove_delivery(rt: Rt, who: Who, notice_id: UUID, body: PostalProof) -> NoticeView:
    """Enter that a letter was delivered, with its proof. It counts for nothing until a second person confirms it."""
    async with rt.db.transaction() as tx:
        notice = await _provable(rt, tx, who, Act.PROVE_DELIVERY, notice_id, body, ())
        await postal.enter(tx, notice, who, **dict(body), at=rt.clock.now())
        return await _view(tx, notice)


@ROUTER.post("/{notice_id}/postal-proof/confirmation")
async def confirm_delivery(rt: Rt, who: Who, notice_id: UUID, body: PostalProof) -> NoticeView:
    """Confirm, as a second person, the proof you looked at: the body repeats it. From now on it counts as delivered."""
    async with rt.db.transaction() as tx:
        proof = (await postal.proofs(tx, [notice_id])).get(notice_id)
        entered = () if proof is None else (proof.entered_by,)
        await _provable(rt, tx, who, Act.CONFIRM_DELIVERY, notice_id, body, entered)
        await postal.confirm(tx, proof, who, **dict(body), at=rt.clock.now())
        return await _view(tx, await notices.get(tx, notice_id))


async def _provable(
    rt: Runtime, tx: Tx, who: Caller, act: Act, notice_id: UUID, body: PostalProof, entered_by: tuple[str, ...]
) -> Notice:
    """The notice, if the caller may say that a letter carried it, and the day can be true; it leaves an audit row."""
    notice, at = await _known(tx, who, notice_id), rt.clock.now()
    await postal.hold(tx, notice.about_id)  # whoever signs the act now waits, or is seen here
    hands = await history.persons(tx, notice.moved_id)
    POLICY.require(who, act, notice, drafted_by=hands | {*entered_by})
    zone = rt.rules.time_zone
    if not notice.issued_at.astimezone(zone).date() <= body.delivered_on <= at.astimezone(zone).date():
        raise Invalid.field("delivered_on", "no letter arrives before its notice was issued, nor on a day to come")
    await audit.record(tx, who=who, act=act, resource=f"/notices/{notice_id}", outcome="granted", at=at)
    return notice


async def _known(tx: Tx, who: Caller, notice_id: UUID) -> Notice:
    """The notice, if the caller may read it; others learn nothing of it, not even that it exists."""
    notice = await notices.get(tx, notice_id)
    if not POLICY.allows(who, Act.READ_NOTICE, notice):
        raise UnknownNotice(notice_id=notice_id)
    return notice


async def _opened(rt: Runtime, tx: Tx, who: Caller, notice_id: UUID, *, shown: bool) -> Notice:
    """The same; read by its recipient it is delivered."""
    notice = await _known(tx, who, notice_id)
    # An official opens what its own organisation was sent, and never what it sent.
    if shown and notice.identity in who.identities and (who.roles & RECIPIENTS or who.authority is not None):
        await notices.opened(tx, notice, rt.clock.now(), who)
    return notice


def _item(rt: Runtime, notice: Notice, letter: Proof | None) -> NoticeItem:
    document = NoticeDocument.model_validate_json(notice.document)
    return NoticeItem(
        id=notice.id,
        kind=notice.kind,
        title=document.title,
        about=document.about,
        to=document.to,
        authority=document.authority,
        issued_at=notice.issued_at,
        answer_by=terms.answer_until(rt, document, notice.delivered_at),
        delivered_at=notice.delivered_at,
        delivered_by=notice.delivered_by,
        opened_at=notice.opened_at,
        postal_proof=letter and PostalProofView.model_validate(letter),
    )


async def _view(tx: Tx, notice: Notice) -> NoticeView:
    letter = (await postal.proofs(tx, [notice.id])).get(notice.id)
    sent = [DeliveryView.model_validate(each) for each in await notices.deliveries(tx, [notice.id])]
    return NoticeView(
        id=notice.id,
        notice=NoticeDocument.model_validate_json(notice.document),
        digest=notice.digest,
        delivered_at=notice.delivered_at,
        delivered_by=notice.delivered_by,
        opened_at=notice.opened_at,
        openings=[OpeningView.model_validate(each) for each in await notices.openings(tx, notice.id)],
        deliveries=[_inbox(notice), *sent],
        postal_proof=letter and PostalProofView.model_validate(letter),
    )


def _inbox(notice: Notice) -> DeliveryView:
    """The inbox as one of the channels: it lies there from the start, and is opened or not."""
    return DeliveryView(
        channel=Channel.INBOX, address="", verified=True, attempts=1, proof=None, error=None, retry_at=None,
        state=DeliveryState.OPENED if notice.opened_at else DeliveryState.SENT,
        changed_at=notice.opened_at or notice.issued_at,
    )  # fmt: skip
