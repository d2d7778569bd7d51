"""What authorities say of a subject of the annual review, and what follows: a finding with notice and appeal.

No measure is born here (docs/adr/0010). A failing opinion rests on a decision that was carried out, and falls with it.
"""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from registry.errors import (
    AlreadyFinished,
    NoOpinionAsked,
    OpinionExists,
    OpinionUnfounded,
    RegulariseFirst,
    WindowOver,
)
from registry.lifecycle import (
    ExecutionStatus,
    OpinionAction,
    ReviewAction,
    SiteStatus,
    SubjectAction,
    SubjectStatus,
)
from registry.policy import POLICY, Act
from registry.service import identities, looks
from registry.service.admission import names_of
from registry.service.desk import SYSTEM
from registry.store import copies, executions, handling, operators, reviewed, reviews, sites
from registry.store.reviewed import Opinion, Subject
from registry.store.sites import OwnedSite
from shared.contracts.enforcement import LAPSED
from shared.contracts.grounds import (
    ActRef,
    AddressForService,
    AuthorityRef,
    Grounds,
    Names,
    OperatorRef,
    Party,
    Service,
    Statement,
)
from shared.contracts.http.reviews import NewOpinion
from shared.contracts.http.reviews import Opinion as Kind
from shared.contracts.registry import ReviewClearedV1, ReviewVetoedV1
from shared.rules import Role
from shared.runtime.acts import notices, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx

RESULT: Final = "review_result"
"""Kind of deadline, at once: the result of one subject of a closed review. Also what an appeal against it names."""
SEVEREST: Final = (Kind.CLOSE_SITE, Kind.CANCEL_SERVICE, Kind.FAIL)
_OPINION: Final = Names(zh="年度审核不合格意见告知书", en="A failing opinion in your annual review")
_TAKEN_BACK: Final = Names(zh="年度审核不合格意见撤销通知书", en="A failing opinion in your annual review has fallen")
_VETOED: Final = Names(zh="年度审核结果通知书", en="Result of your annual review: not passed")
_CLEARED: Final = Names(zh="年度审核结果撤销通知书", en="A result of your annual review has fallen")
_TITLES: Final = {"review_opinion": _OPINION, "opinion_fell": _TAKEN_BACK, "review_vetoed": _VETOED,
                  "review_cleared": _CLEARED}  # fmt: skip


async def give(tx: Tx, rt: Runtime, who: Caller, subject_id: UUID, body: NewOpinion) -> Subject:
    """Say what one thinks of a subject. Whom a failing opinion is about hears of it at once.

    Raises UnknownReviewSubject (404); Forbidden (403); ActionRefused, NoOpinionAsked, WindowOver, AlreadyFinished,
    OpinionExists, OpinionUnfounded, RegulariseFirst (409).
    """
    at, subject = rt.clock.now(), await reviewed.get(tx, subject_id)
    POLICY.require(who, Act.GIVE_OPINION, subject)
    review = await reviews.share(tx, subject.review_id)
    reviews.MOVES.lifecycle.after(review.status, ReviewAction.CLOSE)
    asked = await reviews.hold_asked(tx, review.id, who.organisation)
    if asked is None:
        raise NoOpinionAsked
    if asked.done_at is not None:
        raise AlreadyFinished
    if at > asked.until:
        raise WindowOver(until=asked.until.isoformat())
    await _require_founded(tx, rt, who, subject, body)  # holds what it cites, which is before the subject in the order
    subject = await reviewed.hold(tx, subject_id)
    filed = await reviewed.add_opinion(
        tx, subject, rt.directory.authority_ref(who.organisation), body.opinion, decision_id=body.decision_id,
        service_item=body.service_item, statement=body.statement, by=who.person, at=at,
    )  # fmt: skip
    if filed is None:
        raise OpinionExists(opinion_id=str(await reviewed.standing_of(tx, subject_id, who.organisation)))
    reviewed.OPINION_MOVES.began(tx, filed, "give", who=who, why=body.statement.reasons, at=at)
    if filed.fails:
        await _notify(tx, rt, subject, "review_opinion", filed.id, filed, body.statement, answer_by=review.closes_at)
    return subject


async def _require_founded(tx: Tx, rt: Runtime, who: Caller, subject: Subject, body: NewOpinion) -> None:
    """A failing opinion rests on what was decided with reasons and redress, was carried out, and stands (P3.3.4)."""
    if body.decision_id is None:  # which a passing opinion cites none of, and every other one (NewOpinion)
        return
    if subject.site_id is None:
        await _require_penalty(tx, subject, body.opinion, body.decision_id)
        return
    if body.opinion is Kind.FAIL:
        raise OpinionUnfounded(why="of a site it is cancel_service or close_site")
    execution_id = await executions.of_decision(tx, body.decision_id)
    if execution_id is None:
        raise OpinionUnfounded(why="the register knows no such decision")
    cited = await executions.share(tx, execution_id)
    over = cited.undone_because == LAPSED and cited.fell_at is None
    if cited.site_id != subject.site_id:
        raise OpinionUnfounded(why="it is about another site")
    if cited.status is not ExecutionStatus.CARRIED_OUT and not over:
        raise OpinionUnfounded(why="it fell" if cited.fell_at is not None else f"its execution is {cited.status}")
    # A security authority decides in no case: what it knows it brings before one that does, and cites that (ADR 10).
    own = Role.SECURITY_AUTHORITY not in who.roles
    if own and cited.authority_id != who.organisation:
        raise OpinionUnfounded(why="it is another authority's")
    if (cited.level, cited.region) != (subject.level, subject.region):
        raise OpinionUnfounded(why="it was made at another level or place")
    if cited.operator_id != (await sites.get(tx, subject.site_id)).operator.id:
        raise OpinionUnfounded(why="it is about whoever had the site before")
    await _require_kind(tx, who, subject.site_id, body, own=own)


async def _require_penalty(tx: Tx, subject: Subject, opinion: Kind, decision_id: UUID) -> None:
    cited = await handling.get(tx, decision_id)
    if opinion is not Kind.FAIL:
        raise OpinionUnfounded(why=f"of {subject.kind} it is fail: nothing else can follow")
    if cited is None or cited.effect != "penalty" or cited.provider_id != subject.organisation or not cited.holds:
        raise OpinionUnfounded(why="there is no penalty of this provider that stands")


async def _require_kind(tx: Tx, who: Caller, site_id: UUID, body: NewOpinion, *, own: bool) -> None:
    """With a consent of its own either opinion; without one only close_site, after an ignored order (P3.3.5)."""
    site = await sites.get(tx, site_id)
    names = {word for name in names_of(site.site.domains) for word in (name.ascii, name.registrable)}
    consented = await copies.consented(tx, site.operator.identity, names) & who.categories
    if body.opinion is Kind.CANCEL_SERVICE and body.service_item not in consented:
        raise RegulariseFirst(why=f"no consent of yours to {body.service_item} is known")
    if not consented and not await _ignored_order(tx, site, who.organisation if own else None):
        raise RegulariseFirst(why="no order to correct was found ignored by whoever has it now")


async def _ignored_order(tx: Tx, site: OwnedSite, authority_id: str | None) -> bool:
    """Whether whoever has the site now, also under an identity of before, ignored an order to correct about it."""
    by = await handling.ignored_by(tx, site.site.id, authority_id)
    return any([await identities.is_same(tx, each, site.operator) for each in by])


async def withdraw(tx: Tx, rt: Runtime, who: Caller, opinion_id: UUID, *, reasons: str) -> Subject:
    """Take an opinion back, also after the review: easing needs nobody's consent, and a veto falls with it.

    Raises UnknownOpinion (404), Forbidden (403), ActionRefused (409).
    """
    opinion = await reviewed.opinion(tx, opinion_id)
    POLICY.require(who, Act.WITHDRAW_OPINION, opinion)
    subject = await reviewed.hold(tx, opinion.subject_id)
    opinion = await reviewed.opinion(tx, opinion_id)
    says = Statement(legal_basis=opinion.statement.legal_basis, reasons=reasons, public_reasons=reasons)
    await _take_away(tx, rt, who, subject, opinion, OpinionAction.WITHDRAW, "withdrawn", says)
    return await _settled(tx, rt, await reviewed.get(tx, subject.id), "withdrawn", says)


async def decision_fell(tx: Tx, rt: Runtime, decision_id: UUID, because: str, says: Statement) -> None:
    """A decision has no effect any more: every opinion that cites it falls, and every veto that rests on that."""
    for subject_id in await reviewed.resting_on(tx, decision_id):
        subject = await reviewed.hold(tx, subject_id)
        for opinion in await reviewed.opinions_of(tx, [subject_id]):
            if opinion.fails and opinion.decision_id == decision_id:
                await _take_away(tx, rt, SYSTEM, subject, opinion, OpinionAction.FALL, because, says)
        await _settled(tx, rt, await reviewed.get(tx, subject_id), because, says)


async def fall(tx: Tx, rt: Runtime, subject_id: UUID, says: Statement) -> None:
    """An appeal against a result was upheld, or late: the opinions that it rested on fall (safeguard 6)."""
    subject = await reviewed.hold(tx, subject_id)
    for opinion in await reviewed.opinions_of(tx, [subject_id]):
        if opinion.id == subject.opinion_id and opinion.fails:
            await _take_away(tx, rt, SYSTEM, subject, opinion, OpinionAction.FALL, "appeal", says)
    await _settled(tx, rt, await reviewed.get(tx, subject_id), "appeal", says)


async def _take_away(
    tx: Tx, rt: Runtime, who: Caller, subject: Subject, opinion: Opinion, action: OpinionAction, because: str,
    says: Statement,
) -> None:  # fmt: skip
    fails = opinion.fails
    await reviewed.OPINION_MOVES.move(
        tx, opinion, action, who=who, why=says.reasons, at=rt.clock.now(), fell_because=because
    )
    if fails:
        await _notify(tx, rt, subject, "opinion_fell", opinion.id, opinion, says)


async def _settled(tx: Tx, rt: Runtime, subject: Subject, because: str, says: Statement) -> Subject:
    """A held subject whose veto rests on nothing any more is cleared; where another opinion stands, vetoed by that."""
    if subject.status is not SubjectStatus.VETOED or subject.opinion_id is None:
        return subject
    vetoed_by = await reviewed.opinion(tx, subject.opinion_id)
    if vetoed_by.fails:
        return subject
    at = rt.clock.now()
    cleared = await reviewed.MOVES.move(tx, subject, SubjectAction.CLEAR, who=SYSTEM, why=says.reasons, at=at)
    if subject.case_id is not None:
        outbox.add(tx, ReviewClearedV1(
            subject_id=subject.id, review_id=subject.review_id, year=(await reviews.get(tx, subject.review_id)).year,
            decision_id=vetoed_by.decision_id or subject.id, case_id=subject.case_id, because=because, statement=says,
            cleared_at=at,
        ), at=at)  # fmt: skip
    await _notify(tx, rt, subject, "review_cleared", subject.id, vetoed_by, says)
    return await _veto(tx, rt, cleared)


async def conclude(rt: Runtime, tx: Tx, subject_id: UUID) -> None:
    """The review is closed: the result of one subject, by the opinions that stand at this moment."""
    subject = await reviewed.hold(tx, subject_id)
    if subject.status is not SubjectStatus.UNDER_REVIEW:
        return
    vetoed = await _veto(tx, rt, subject)
    if vetoed.status is SubjectStatus.UNDER_REVIEW:
        why = "No failing opinion stands any more."
        await reviewed.MOVES.move(tx, vetoed, SubjectAction.PASS, who=SYSTEM, why=why, at=rt.clock.now())


async def _veto(tx: Tx, rt: Runtime, subject: Subject) -> Subject:
    """One failing opinion is enough, and the severest says what (P3.3.2); none: nothing happens."""
    standing = [each for each in await reviewed.opinions_of(tx, [subject.id]) if each.fails]
    if not standing:
        return subject
    at = rt.clock.now()
    deciding = min(standing, key=lambda each: (SEVEREST.index(each.opinion), each.filed_at, each.id))
    review = await reviews.get(tx, subject.review_id)
    grounds = _grounds(rt, deciding, review.regulator, at)
    follows = subject.site_id is not None and await _is_left_to_do(tx, subject.site_id, deciding)
    case_id = uuid5(subject.id, str(deciding.id)) if follows else None
    vetoed = await reviewed.MOVES.move(
        tx, subject, SubjectAction.VETO, who=SYSTEM, why=deciding.statement.reasons, at=at,
        outcome=deciding.opinion, opinion_id=deciding.id, case_id=case_id, grounds=grounds.model_dump(mode="json"),
    )  # fmt: skip
    if case_id is not None and deciding.decision_id is not None and subject.site_id is not None:
        outbox.add(tx, ReviewVetoedV1(
            subject_id=subject.id, review_id=subject.review_id, year=review.year, decision_id=deciding.decision_id,
            case_id=case_id, site_id=subject.site_id, outcome=deciding.opinion, service_item=deciding.service_item,
            grounds=grounds, vetoed_at=at,
        ), at=at)  # fmt: skip
    await _notify(tx, rt, subject, "review_vetoed", subject.id, deciding, grounds)
    return vetoed


def _grounds(rt: Runtime, opinion: Opinion, regulator: AuthorityRef, at: datetime) -> Grounds:
    """The opinion's statement with how the result can be challenged, before a body that took no part.

    It names the decision that was cited, and is an act of its own all the same: enforcement takes the appeal as such.
    """
    body = rt.directory.review_body(opinion.authority, regulator)
    return Grounds(
        **dict(opinion.statement), authority=opinion.authority, redress=rt.redress(body),
        decision_id=opinion.decision_id, profile=rt.rules.ref, made_at=at,
    )  # fmt: skip


async def _is_left_to_do(tx: Tx, site_id: UUID, opinion: Opinion) -> bool:
    """Whether what the opinion asks is still to be decided: the cited decision may have done it already.

    Nobody answers for whoever had the site before.
    """
    owned = await sites.get(tx, site_id)
    site, cited = owned.site, opinion.decision_id and await executions.of_decision(tx, opinion.decision_id)
    if cited and (await executions.get(tx, cited)).operator_id != owned.operator.id:
        return False
    if site.status in {SiteStatus.REVOKED, SiteStatus.ENDED}:
        return False
    return opinion.opinion is Kind.CLOSE_SITE or opinion.service_item in site.service_items


async def _notify(
    tx: Tx, rt: Runtime, subject: Subject, kind: str, act_id: UUID, opinion: Opinion, says: Statement, *,
    answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """Tell whom it is about: an operator at its address, a provider in its inbox; no registrar can be failed."""
    to, address = Party(identity=subject.organisation, name=subject.name), AddressForService()
    hosts: tuple[str, ...] = ()
    if subject.site_id is not None:
        site = await sites.get(tx, subject.site_id)
        operator, hosts = site.operator, site.site.domains
        if operator.identity != subject.organisation:  # it changed hands: whose year it was hears of it
            known = await operators.by_identity(tx, subject.organisation)
            operator = known if known is not None else operator
        to = OperatorRef(identity=operator.identity, name=operator.particulars.name)
        address = operator.address
    about, hands = "review_opinion", list[UUID]()
    if act_id == subject.id:  # a result, by a clock: whose hand is in it stands beside it
        about, every = "review_result", await reviewed.opinions_of(tx, [subject.id])
        cited = [await executions.of_decision(tx, each.decision_id) for each in every if each.decision_id is not None]
        hands = [subject.review_id, *(each.id for each in every), *filter(None, cited)]
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind=about, id=act_id), kind=kind, to=to, address=address,
        title=_TITLES[kind], says=says, authority=opinion.authority, answer_by=answer_by, hosts=hosts, hands=hands,
    )  # fmt: skip


async def get(tx: Tx, rt: Runtime, who: Caller, subject_id: UUID) -> tuple[Subject, list[Opinion]]:
    """One subject with what was said of it. Raises UnknownReviewSubject (404), Forbidden (403)."""
    subject = await reviewed.get(tx, subject_id)
    POLICY.require(who, Act.READ_REVIEWED, subject)
    await looks.at_one(tx, rt, who, Act.READ_REVIEWED, f"/review-subjects/{subject_id}", subject.organisation)
    return subject, await reviewed.opinions_of(tx, [subject_id])


async def get_opinion(tx: Tx, rt: Runtime, who: Caller, opinion_id: UUID) -> Opinion:
    """One opinion, for whoever reads its subject. Raises UnknownOpinion (404), Forbidden (403)."""
    opinion = await reviewed.opinion(tx, opinion_id)
    await get(tx, rt, who, opinion.subject_id)
    return opinion


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, review_id: UUID | None, status: str | None, kind: str | None,
    site_id: UUID | None, conflicting: bool, after: UUID | None, limit: int,
) -> tuple[list[Subject], list[Opinion]]:  # fmt: skip
    """Subjects the caller reaches, with what was said of each. An official's look leaves an audit row."""
    found = await reviewed.page(
        tx, POLICY.reach(who, Act.READ_REVIEWED), review_id=review_id, status=status, kind=kind, site_id=site_id,
        conflicting=conflicting, after=after, limit=limit,
    )  # fmt: skip
    owners: dict[UUID, str | None] = {each.id: each.organisation for each in found}
    await looks.at_list(tx, rt, who, Act.READ_REVIEWED, "/review-subjects", owners)
    return found, await reviewed.opinions_of(tx, [each.id for each in found])
