"""Where a crime is suspected, two people hand over the list of evidence and its hashes (P3.2.5), nothing else (ADR 13).

The bytes are asked for under the receiver's own law. Only what harms people is referred, never that a licence is
missing. Whom it is about is told at once, or at a date that is at most 30 days away; and no decision rests on it.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from enforcement.errors import DelayNotPossible, NotToBeReferred, ReferralPending
from enforcement.lifecycle import CASE, CaseAction, ReferralAction, ReferralStatus
from enforcement.policy import POLICY, Act
from enforcement.service import telling
from enforcement.service.decisions import address_of
from enforcement.service.safeguards import require_cited
from enforcement.store import cases, decisions, referrals
from enforcement.store.cases import Case, Evidence
from enforcement.store.referrals import NewReferral, Referral
from shared.contracts.documents import Particular
from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, Department, Names, Service, Statement
from shared.contracts.http.referrals import Answer, Refer
from shared.rules import Category, Role
from shared.runtime.acts import audit, deadlines, documents, notices
from shared.runtime.acts.documents import Draft, Issued
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx
from shared.runtime.web.documents import Standing

DOCUMENT: Final = "referral"
MOST_DELAY: Final = timedelta(days=30)
"""From the draft on, whatever a profile says (ADR 13); the table has it as a CHECK, too."""
REFERRED: Final = frozenset({Category.CONSUMER_PROTECTION, Category.SAFETY})
"""What a crime can be suspected of here. That a licence is missing is none (docs/adr/0004)."""
RECEIVER: Final = Role.SECURITY_AUTHORITY
_TITLE: Final = Names(zh="涉嫌犯罪案件移送书（证据清单）", en="Referral: list of evidence")
Filed = tuple[Case, Referral]
"""A referral, after the case that it is of."""
_PIECE: Final = Names(zh="证据", en="Evidence")
_SENT: Final = Names(zh="涉嫌犯罪案件移送通知书", en="A list of evidence was referred to you")
_ANSWERED: Final = Names(zh="移送案件处理结果通知书", en="The receiver of a referral answered")


async def draft(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: Refer) -> Filed:
    """The first of two people: which evidence, to whom, why; and why whom it is about is told later, if so.

    Raises UnknownCase (404); Forbidden (403); ActionRefused, ReferralPending (409); EvidenceNotInCase, NotToBeReferred,
    DelayNotPossible (422).
    """
    at, case = rt.clock.now(), await cases.hold(tx, case_id)
    POLICY.require(who, Act.DRAFT_REFERRAL, case)
    CASE.after(case.status, CaseAction.ADD_EVIDENCE)
    await require_cited(tx, case, body.evidence_hashes)
    if rt.rules.grounds[case.ground].category not in REFERRED:
        raise NotToBeReferred.field("case", "only what harms people or cheats them is referred: not a missing licence")
    authority = rt.directory.authority_ref(case.authority.id)
    receiver = _receiver(rt, authority, body.receiver)
    await _require_delay(tx, rt, case, body, at)
    drafted = await referrals.add(tx, NewReferral(
        uuid7(), case_id, case.identity, authority, receiver, body.statement, tuple(sorted(set(body.evidence_hashes))),
        body.delay_ground, body.tell_at, who.person, at,
    ))  # fmt: skip
    if drafted is None:
        raise ReferralPending(referral_id=str(await referrals.drafted(tx, case_id, receiver.id)))
    referrals.MOVES.began(tx, drafted, "draft", who=who, why=body.statement.reasons, at=at)
    return case, drafted


def _receiver(rt: Runtime, authority: AuthorityRef, receiver: str) -> AuthorityRef:
    """An organisation of the directory with the role for it, of the same level and region (P3.2.5 同级)."""
    known = rt.directory.get(receiver)
    if known is None or not known.active or RECEIVER not in known.kinds:
        raise NotToBeReferred.field("receiver", "must be an organisation of the directory whose role it is")
    if (known.level, known.region) != (authority.level, authority.region):
        raise NotToBeReferred.field("receiver", "must be of your own level and region")
    return known.ref


async def _require_delay(tx: Tx, rt: Runtime, case: Case, body: Refer, at: datetime) -> None:
    if (body.delay_ground is None) != (body.tell_at is None):
        raise DelayNotPossible.field("tell_at", "a delay has a ground and a date, both or neither")
    if body.delay_ground is None or body.tell_at is None:
        return
    if body.delay_ground not in rt.rules.delay_grounds:
        raise DelayNotPossible.field("delay_ground", f"must be one of {', '.join(rt.rules.delay_grounds) or 'none'}")
    if not at < body.tell_at <= at + MOST_DELAY:
        raise DelayNotPossible.field("tell_at", f"must be to come, and at most {MOST_DELAY.days} days away")
    if await referrals.decided_about(tx, case):
        raise DelayNotPossible.field("tell_at", "something was decided about the same subject: it is told at once")


async def _held(tx: Tx, who: Caller, act: Act, referral_id: UUID) -> Filed:
    known = await referrals.get(tx, referral_id)
    case = await cases.get(tx, known.case_id)
    record = case if act is Act.SIGN_REFERRAL else known
    POLICY.require(who, act, record, drafted_by=known.drafted_by)  # before anything is locked
    case = await cases.hold(tx, known.case_id)
    return case, await referrals.get(tx, referral_id)


async def sign(tx: Tx, rt: Runtime, who: Caller, referral_id: UUID, *, reasons: str) -> Filed:
    """The second of two people: the document is signed with the authority's key, receiver and whom it is about told.

    A delay holds no longer than until its date, and not where something was released about the same subject meanwhile.
    Raises UnknownReferral (404); Forbidden (403); SecondPersonRequired, ActionRefused (409); IssuerHasNoKey (503).
    """
    at = rt.clock.now()
    case, referral = await _held(tx, who, Act.SIGN_REFERRAL, referral_id)
    sent = await referrals.MOVES.move(
        tx, referral, ReferralAction.SIGN, who=who, why=reasons, at=at, signed_by=who.person, sent_at=at,
        **({} if referral.tell_at is not None else {"told_at": at}),
    )  # fmt: skip
    await decisions.hold_subject(tx, case)
    await _issue(tx, rt, case, sent, at)
    await _tell(tx, rt, sent, "referral_sent", _SENT, sent.statement, sent.authority, sent.receiver)
    if sent.tell_at is None:
        await telling.notice(tx, rt, case, sent)
        return case, sent
    if sent.tell_at <= at or await referrals.decided_about(tx, case):
        return case, await telling.of_referral(tx, rt, case, sent, "There is no reason any more to keep it back.")
    await deadlines.start_until(tx, kind=telling.TOLD, aggregate_id=sent.id, until=sent.tell_at, rt=rt, at=at)
    return case, sent


async def _issue(tx: Tx, rt: Runtime, case: Case, referral: Referral, at: datetime) -> None:
    lying: dict[str, Evidence] = {each.sha256: each for each in await cases.evidence_of(tx, case.id)}
    pieces = [lying[sha256] for sha256 in referral.evidence]
    draft = Draft(
        kind=DOCUMENT, title=_TITLE, subject_id=referral.id, number=f"移送 {referral.id}", holder=case.operator,
        scope=f"{len(pieces)} SHA-256; the bytes are asked for under the receiver's own law.",
        covers=(), issuer=referral.authority, legal_basis=referral.statement.legal_basis,
        valid_from=rt.rules.day_of(at), valid_until=None,
        particulars=tuple(
            Particular(label=_PIECE, value=f"{each.sha256} ({each.media_type}, {each.size} B)") for each in pieces
        ),
    )  # fmt: skip
    await documents.issue(tx, rt, draft, at)


async def withdraw(tx: Tx, rt: Runtime, who: Caller, referral_id: UUID, *, reasons: str) -> Filed:
    """Before it was sent. Raises UnknownReferral (404), Forbidden (403), ActionRefused (409)."""
    case, referral = await _held(tx, who, Act.WITHDRAW_REFERRAL, referral_id)
    return case, await referrals.MOVES.move(
        tx, referral, ReferralAction.WITHDRAW, who=who, why=reasons, at=rt.clock.now()
    )


async def receive(tx: Tx, rt: Runtime, who: Caller, referral_id: UUID) -> Filed:
    """The receiver has it. Raises UnknownReferral (404), Forbidden (403), ActionRefused (409)."""
    at = rt.clock.now()
    case, referral = await _held(tx, who, Act.ANSWER_REFERRAL, referral_id)
    return case, await referrals.MOVES.move(
        tx, referral, ReferralAction.RECEIVE, who=who, why="Received.", at=at, received_at=at
    )


async def answer(tx: Tx, rt: Runtime, who: Caller, referral_id: UUID, body: Answer) -> Filed:
    """What the receiver made of it: the authority is told, and whom it is about reads it once told of the referral.

    Raises UnknownReferral (404), Forbidden (403), ActionRefused (409).
    """
    case, referral = await _held(tx, who, Act.ANSWER_REFERRAL, referral_id)
    answered = await referrals.MOVES.move(
        tx, referral, ReferralAction.ANSWER, who=who, why=body.statement.reasons, at=rt.clock.now(),
        outcome=body.outcome, answer=body.statement.model_dump(mode="json"),
    )  # fmt: skip
    says, by = body.statement, answered.receiver
    await _tell(tx, rt, answered, "referral_answered", _ANSWERED, says, by, answered.authority)
    if answered.told_at is not None:
        await notices.issue(
            tx, rt, about=_act(answered), kind="referral_answered", to=case.operator, title=_ANSWERED, says=says,
            address=await address_of(tx, case.identity), authority=by,
        )  # fmt: skip
    return case, answered


async def get(tx: Tx, rt: Runtime, who: Caller, referral_id: UUID) -> Filed:
    """One referral; looking leaves an audit row. Raises UnknownReferral (404), Forbidden (403)."""
    found = await referrals.get(tx, referral_id)
    POLICY.require(who, Act.READ_REFERRAL, found)
    await _looked(tx, rt, who, f"/referrals/{referral_id}")
    return await cases.get(tx, found.case_id), found


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: ReferralStatus | None, after: UUID | None, limit: int
) -> list[Filed]:
    """Referrals that the caller made, was sent, or was told of, newest first; looking leaves an audit row."""
    found = await referrals.page(tx, POLICY.reach(who, Act.READ_REFERRAL), status=status, after=after, limit=limit)
    await _looked(tx, rt, who, "/referrals")
    return [(await cases.get(tx, each.case_id), each) for each in found]


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    await audit.record(tx, who=who, act=Act.READ_REFERRAL, resource=resource, outcome="granted", at=rt.clock.now())


async def document(tx: Tx, rt: Runtime, who: Caller, referral_id: UUID) -> Issued:
    """The signed list, for whoever reads the referral. Raises as ``get``; UnknownDocument (404) before it was sent."""
    _, referral = await get(tx, rt, who, referral_id)
    issued = await documents.latest(tx, DOCUMENT, referral.id)
    if issued is None:
        raise documents.UnknownDocument(document_id=referral_id)
    return issued


async def standing(tx: Tx, rt: Runtime, issued: Issued) -> Standing:
    """How the referral stands that a document is about."""
    referral = await referrals.get(tx, issued.subject_id)
    return Standing(
        in_force=referral.status is not ReferralStatus.ANSWERED, word=referral.status,
        valid_from=issued.content.valid_from, valid_until=None,
        ended_at=referral.changed_at if referral.status is ReferralStatus.ANSWERED else None,
    )  # fmt: skip


def _act(referral: Referral) -> ActRef:
    return ActRef(service=Service.ENFORCEMENT, kind="referral", id=referral.id)


async def _tell(
    tx: Tx, rt: Runtime, referral: Referral, kind: str, title: Names, says: Statement, authority: AuthorityRef,
    to: AuthorityRef,
) -> None:  # fmt: skip
    await notices.issue(
        tx, rt, about=_act(referral), kind=kind, to=Department(identity=to.id, name=to.names.zh),
        address=AddressForService(), authority=authority, title=title, says=says,
    )  # fmt: skip
