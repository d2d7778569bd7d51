"""What authorities of another competence hold of a case; where they differ, a coordination office settles in writing.

The settlement is advice that lies in the case. No decision asks for it, and none follows from it (ADR 13, ADR 4).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from enforcement.errors import NotCompetent, NothingToSettle, OpinionPending, UnknownCase
from enforcement.lifecycle import CASE, CaseAction, OpinionAction, OpinionStatus
from enforcement.policy import AUTHORITIES, POLICY, Act
from enforcement.service.closing import ANSWER_BY
from enforcement.store import cases, decisions, opinions
from enforcement.store.cases import Case
from enforcement.store.opinions import NewOpinion, Opinion, Settlement
from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, Department, Names, Service, Statement
from shared.contracts.http import casefile as wire
from shared.contracts.http.enforcement import WithReasons
from shared.rules import Level, Role
from shared.runtime.acts import audit, deadlines, notices
from shared.runtime.acts.directory import AuthorityMissing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

_SYSTEM: Final = Caller.system("enforcement")
_ASKED: Final = Names(zh="征求意见函", en="Your opinion on a case is asked for")
_ANSWERED: Final = Names(zh="意见复函", en="An opinion on your case")
_DIFFER: Final = Names(zh="提请协调函", en="Authorities differ about a case")
_SETTLED: Final = Names(zh="协调意见", en="Advice of the coordination office")


@dataclass(frozen=True, slots=True)
class Asked:
    """An opinion with the case that it is about."""

    case: Case
    opinion: Opinion


@dataclass(frozen=True, slots=True)
class SideBySide:
    """What authorities hold of a case, as far as the reader may see."""

    case: Case
    opinions: list[Opinion]
    settlements: list[Settlement]


def differ(found: Sequence[Opinion]) -> bool:
    """Whether what was answered, and what those hold who asked, are two things at once; "not ours" is none."""
    answered = [each for each in found if each.status is OpinionStatus.ANSWERED]
    held = {each.position for each in answered} | {each.we_hold for each in answered}
    return {"breach", "no_breach"} <= held


async def ask(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: wire.NewOpinion) -> Asked:
    """Ask an authority of another competence what it holds; it reads what the case is about, and none of its evidence.

    Raises UnknownCase (404); Forbidden (403); ActionRefused, OpinionPending, AuthorityMissing (409); NotCompetent,
    Invalid (422).
    """
    at, case = rt.clock.now(), await cases.hold(tx, case_id)
    POLICY.require(who, Act.ASK_OPINION, case)
    CASE.after(case.status, CaseAction.ASK_OPINION)
    if body.answer_by <= at:
        raise Invalid.field("answer_by", "must lie ahead")
    asked = _of_another_competence(rt, case, body.of)
    new = NewOpinion(
        uuid7(), case_id, case.authority, asked, _office(rt, case), body.question, body.we_hold, body.answer_by,
        who.person, at,
    )  # fmt: skip
    added = await opinions.add(tx, new)
    if added is None:
        pending = next(each for each in await opinions.of_case(tx, case_id) if _pends(each, asked))
        raise OpinionPending(organisation=asked.names.en, opinion_id=str(pending.id))
    opinions.MOVES.began(tx, added, "ask", who=who, why=body.question, at=at)
    await deadlines.start_until(tx, kind=ANSWER_BY, aggregate_id=added.id, until=added.answer_by, rt=rt, at=at)
    await _tell(tx, rt, added, "opinion_asked", _ASKED, added.authority, [asked], _says(case, body.question))
    return Asked(case, added)


def _of_another_competence(rt: Runtime, case: Case, organisation: str) -> AuthorityRef:
    other, own = rt.directory.get(organisation), rt.directory.get(case.organisation)
    if other is None or not other.active or not AUTHORITIES & {Role(kind) for kind in other.kinds}:
        raise NotCompetent.field("of", "is no authority of the directory that decides in cases")
    today = rt.rules.day_of(rt.clock.now())
    mine = (own.items_on(today), Role.INDUSTRY_REGULATOR in own.kinds) if own is not None else None
    if (other.items_on(today), Role.INDUSTRY_REGULATOR in other.kinds) == mine:
        raise NotCompetent.field("of", "is of the same competence: another one is asked")
    return other.ref


def _office(rt: Runtime, case: Case) -> str:
    """The coordination office of the case's level and region; else the national one. Raises AuthorityMissing."""
    offices = [each for each in rt.directory if each.active and Role.COORDINATION_OFFICE in each.kinds]
    if case.level == Level.PROVINCE:
        for each in offices:
            if each.region == case.region:
                return each.organisation_id
    for each in offices:
        if each.region is None:
            return each.organisation_id
    raise AuthorityMissing(what="coordination office")


def _pends(opinion: Opinion, asked: AuthorityRef) -> bool:
    return opinion.status is OpinionStatus.ASKED and opinion.asked.id == asked.id


def _says(case: Case, text: str) -> Statement:
    return Statement(legal_basis=case.legal_basis, reasons=text, public_reasons=text)


async def _tell(
    tx: Tx, rt: Runtime, opinion: Opinion, kind: str, title: Names, by: AuthorityRef, to: Collection[AuthorityRef],
    says: Statement,
) -> None:  # fmt: skip
    """A notice between departments; nobody whom the case burdens hears of it."""
    for each in to:
        known = rt.directory.get(each.id)
        mail = known.office.email if known is not None and known.office is not None else None
        await notices.issue(
            tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind="opinion", id=opinion.id), kind=kind,
            to=Department(identity=each.id, name=each.names.zh), address=AddressForService(email=mail), authority=by,
            title=title, says=says, answer_by=opinion.answer_by if kind == "opinion_asked" else None,
        )  # fmt: skip


async def answer(tx: Tx, rt: Runtime, who: Caller, opinion_id: UUID, body: wire.Answer) -> Asked:
    """Say what one's authority holds. Where that differs, the coordination office is told.

    Raises UnknownOpinion (404); Forbidden (403); ActionRefused (409).
    """
    at = rt.clock.now()
    case, opinion = await opinions.hold(tx, opinion_id)
    POLICY.require(who, Act.ANSWER_OPINION, opinion)
    answered = await opinions.MOVES.move(
        tx, opinion, OpinionAction.ANSWER, who=who, why=body.statement.reasons, at=at, position=body.position,
        statement=body.statement.model_dump(mode="json"), answered_by=who.person, answered_at=at,
    )  # fmt: skip
    await deadlines.met(tx, ANSWER_BY, opinion_id, at)
    await _tell(tx, rt, answered, "opinion_answered", _ANSWERED, answered.asked, [answered.authority], body.statement)
    if body.position != "not_ours" and differ(await opinions.of_case(tx, case.id)):
        await opinions.mark_conflict(tx, case.id)
        office = rt.directory.authority_ref(answered.office_id)
        says = _says(case, rt.rules.cases.conflict_english)
        await _tell(tx, rt, answered, "opinions_differ", _DIFFER, answered.authority, [office], says)
    return Asked(case, await opinions.get(tx, opinion_id))


async def withdraw(tx: Tx, rt: Runtime, who: Caller, opinion_id: UUID, body: WithReasons) -> Asked:
    """Need no answer any more. Raises UnknownOpinion (404), Forbidden (403), ActionRefused (409)."""
    at = rt.clock.now()
    case, opinion = await opinions.hold(tx, opinion_id)
    POLICY.require(who, Act.ASK_OPINION, opinion)
    withdrawn = await opinions.MOVES.move(tx, opinion, OpinionAction.WITHDRAW, who=who, why=body.reasons, at=at)
    await deadlines.met(tx, ANSWER_BY, opinion_id, at)
    return Asked(case, withdrawn)


async def get(tx: Tx, rt: Runtime, who: Caller, opinion_id: UUID) -> Asked:
    """One opinion. Raises UnknownOpinion (404), Forbidden (403)."""
    opinion = await opinions.get(tx, opinion_id)
    POLICY.require(who, Act.READ_OPINION, opinion)
    case = await cases.get(tx, opinion.case_id)
    await _looked(tx, rt, who, f"/opinions/{opinion_id}", [case])
    return Asked(case, opinion)


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: OpinionStatus | None, conflicting: bool, after: UUID | None, limit: int
) -> list[Asked]:
    """What the caller's authority asked, or was asked, and what its office settles; newest first."""
    reach = POLICY.reach(who, Act.READ_OPINION)
    found = await opinions.page(tx, reach, status=status, conflicting=conflicting, after=after, limit=limit)
    about = {each.case_id: await cases.get(tx, each.case_id) for each in found}
    await _looked(tx, rt, who, "/opinions", list(about.values()))
    return [Asked(about[each.case_id], each) for each in found]


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str, about: Sequence[Case]) -> None:
    await audit.record(
        tx, who=who, act=Act.READ_OPINION, resource=resource, outcome="granted", at=rt.clock.now(),
        detail={"operators": sorted({each.identity for each in about}), "ids": [str(each.id) for each in about]},
    )  # fmt: skip


async def side_by_side(tx: Tx, rt: Runtime, who: Caller, case_id: UUID) -> SideBySide:
    """Everything that authorities hold of a case, for who asked, auditors and whoever settles it; its own for others.

    Raises UnknownCase (404): also for cases that the caller was asked nothing about; RoleMissing (403).
    """
    reach = POLICY.reach(who, Act.READ_OPINION)
    case = await cases.get(tx, case_id)
    found = await opinions.of_case(tx, case_id)
    seen = [each for each in found if reach.admits(each)]
    own = POLICY.allows(who, Act.READ_CASE, case) and case.organisation == who.organisation
    if not seen and not own:
        raise UnknownCase(case_id=case_id)
    settles = Role.COORDINATION_OFFICE in who.roles and any(each.settled_by_office == who.organisation for each in seen)
    whole = own or settles or Role.AUDITOR in who.roles
    await _looked(tx, rt, who, f"/cases/{case_id}/opinions", [case])
    return SideBySide(case, found if whole else seen, await opinions.settlements(tx, case_id))


async def settle(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: wire.NewSettlement) -> SideBySide:
    """Settle what differs, in writing, as somebody who had no hand in it. It is advice, and moves nothing.

    Raises UnknownCase (404): also where nothing differs, and for other offices; RoleMissing, PersonRequired (403);
    SecondPersonRequired, NothingToSettle (409).
    """
    at, reach = rt.clock.now(), POLICY.reach(who, Act.SETTLE_OPINIONS)
    case = await cases.hold(tx, case_id)
    found = await opinions.of_case(tx, case_id)
    differing = next(filter(reach.admits, found), None)
    if differing is None:
        raise UnknownCase(case_id=case_id)
    hands = {case.opened_by, *(each.asked_by for each in found), *(each.answered_by or "" for each in found)}
    hands |= {person for each in await decisions.of_cases(tx, [case_id]) for person in each.signed_by}
    POLICY.require(who, Act.SETTLE_OPINIONS, differing, drafted_by=hands)
    settled = await opinions.settlements(tx, case_id)
    answers = [each.answered_at for each in found if each.answered_at is not None and each.position != "not_ours"]
    if settled and max(answers) <= settled[-1].settled_at:
        raise NothingToSettle
    office = rt.directory.authority_ref(who.organisation)
    await opinions.settle(tx, Settlement(uuid7(), case_id, office, body.position, body.statement, who.person, at))
    cases.MOVES.changed_all(tx, [case], "settle_opinions", who=who, why=body.statement.reasons, at=at)
    told = {each.id: each for one in found for each in (one.authority, one.asked) if one.conflicts}
    await _tell(tx, rt, differing, "opinions_settled", _SETTLED, office, told.values(), body.statement)
    return SideBySide(case, found, await opinions.settlements(tx, case_id))


async def mark_overdue(rt: Runtime, tx: Tx, opinion_id: UUID) -> None:
    """Nobody answered in time: it is shown, and silence is neither yes nor no."""
    _, opinion = await opinions.hold(tx, opinion_id)
    if opinion.status is OpinionStatus.ASKED and opinion.overdue_at is None:
        at, why = rt.clock.now(), "The date to answer has passed."
        await opinions.MOVES.change(tx, opinion, "overdue", who=_SYSTEM, why=why, at=at, overdue_at=at)
