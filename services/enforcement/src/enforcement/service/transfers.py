"""A case goes on at another competent authority: it ends here as transferred, and is a case of its own there.

So whatever was decided stays, with its clocks and its appeals, whose it is; what was drafted is withdrawn. Nobody's
burden changes by it. It goes on so often as the profile says, and never back.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from enforcement.errors import CaseTransferredTooOften, HadItBefore, NotCompetent, UnknownItem
from enforcement.lifecycle import CASE, CaseAction
from enforcement.policy import POLICY, Act
from enforcement.service import closing, decisions, subscriptions
from enforcement.store import cases, matters, sites, tasks, ties
from enforcement.store import decisions as decision_store
from enforcement.store.cases import Case, NewCase
from enforcement.store.ties import Transfer
from shared.contracts.directory import Organisation
from shared.contracts.grounds import ActRef, AddressForService, Department, Names, Service
from shared.contracts.http.casefile import NewTransfer
from shared.contracts.subjects import OperatorSubject, SiteSubject
from shared.rules import Role
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

_TITLE: Final = Names(zh="案件移送通知书", en="A case about you was transferred")
_RECEIVED: Final = Names(zh="案件移送函", en="A case was transferred to you")


async def transfer(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: NewTransfer) -> Case:
    """Hand a case over, with its evidence and what is to be done in it; the case that has ended here is given back.

    Whom it burdens is told only if it was told of the case before. Raises UnknownCase (404); Forbidden (403);
    ActionRefused, HadItBefore, CaseTransferredTooOften (409); NotCompetent, UnknownItem (422).
    """
    at, case = rt.clock.now(), await cases.hold(tx, case_id)
    POLICY.require(who, Act.TRANSFER_CASE, case)
    CASE.after(case.status, CaseAction.TRANSFER)
    to, item = await _competent(tx, rt, case, body)
    came = await ties.came(tx, case_id)
    if to.organisation_id in {case.organisation, *(each.by.id for each in came)}:
        raise HadItBefore(organisation=to.names.en)
    if len(came) >= rt.rules.cases.most_transfers:
        raise CaseTransferredTooOften(most=rt.rules.cases.most_transfers)
    why = body.statement.reasons
    await decisions.withdraw_draft(tx, rt, who, case, reasons=why)
    new = await _go_on(tx, who, case, to, item, why, at)
    await tasks.hand_over(tx, [each.id for each in await tasks.open_in(tx, case_id) if each.decision_id is None], new)
    await matters.follow(tx, new, case_id)
    await closing.withdraw(tx, rt, who, case, why=why)
    ended = await cases.MOVES.move(
        tx, case, CaseAction.TRANSFER, who=who, why=why, at=at, outcome="transferred", ended_at=at
    )
    await ties.transferred(tx, Transfer(case_id, new.id, case.authority, new.authority, body.statement, at))
    await _tell(tx, rt, ended, new, [each.from_case for each in came], body)
    return ended


async def _competent(tx: Tx, rt: Runtime, case: Case, body: NewTransfer) -> tuple[Organisation, str | None]:
    """Whom it goes to, and for which item. Raises NotCompetent, UnknownItem."""
    item = body.service_item or case.service_item
    if item is not None and item not in rt.rules.service_items:
        raise UnknownItem.field("service_item", f"must be one of {', '.join(rt.rules.service_items)}")
    to = rt.directory.get(body.to)
    if to is None or not to.active:
        raise NotCompetent.field("to", "is no organisation of the directory that anybody acts for")
    regulates = Role.SECTOR_REGULATOR in to.kinds and item in to.items_on(rt.rules.day_of(rt.clock.now()))
    if not regulates and Role.INDUSTRY_REGULATOR not in to.kinds:
        raise NotCompetent.field("to", f"is not competent for {item or 'any service item'}")
    regions = await _regions(tx, case)
    if to.region is not None and regions is not None and to.region not in regions:
        raise NotCompetent.field("to", f"what the case is about is of {', '.join(sorted(regions))}: no other province")
    return to, item


async def _regions(tx: Tx, case: Case) -> set[str] | None:
    """The provinces whose authorities may have it: of what is in the register its own; else any, none."""
    site = None
    if isinstance(case.subject, SiteSubject):
        site = await sites.get(tx, case.subject.site_id)
    elif isinstance(case.subject, OperatorSubject):
        site = await sites.of_operator(tx, case.identity)
    else:
        return None
    here = {case.region} if case.region is not None else set()
    return {site.registration.region} if site is not None else here


async def _go_on(tx: Tx, who: Caller, case: Case, to: Organisation, item: str | None, why: str, at: datetime) -> Case:
    """The same suspicion as a case of the receiver, as old as it is; with everything that lies in it."""
    given = {name: getattr(case, name) for name in NewCase.__dataclass_fields__}
    new = await cases.add(tx, NewCase(**{
        **given, "id": uuid7(), "authority": to.ref, "level": to.level, "region": to.region or case.region,
        "service_item": item, "opened_by": who.person,
    }))  # fmt: skip
    cases.MOVES.began(tx, new, "receive", who=who, why=why, at=at)
    for piece in sorted(await cases.evidence_of(tx, case.id), key=lambda piece: piece.sha256):
        await cases.attach(tx, new.id, piece)
    return new


async def _tell(tx: Tx, rt: Runtime, case: Case, new: Case, before: list[UUID], body: NewTransfer) -> None:
    """The receiver; and whom it burdens, if it was told of anything in it."""
    act = ActRef(service=Service.ENFORCEMENT, kind="case", id=case.id)
    office = rt.directory.get(new.organisation)
    mail = office.office.email if office is not None and office.office is not None else None
    await notices.issue(
        tx, rt, about=act, kind="case_received", to=Department(identity=new.authority.id, name=new.authority.names.zh),
        address=AddressForService(email=mail), authority=case.authority, title=_RECEIVED, says=body.statement,
    )  # fmt: skip
    if any(each.told for each in await decision_store.of_cases(tx, [case.id, *before])):
        said: Any = {"about": act, "kind": "case_transferred", "title": _TITLE, "says": body.statement}
        address = await decisions.address_of(tx, case.identity)
        await notices.issue(tx, rt, to=case.operator, address=address, authority=case.authority, **said)
        await subscriptions.copy(tx, rt, await subscriptions.names_of(tx, case), authority=case.authority, **said)
