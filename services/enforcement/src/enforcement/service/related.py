"""Cases that belong beside one: about the same subject, operator or host, linked by an officer, or transferred."""

from dataclasses import dataclass
from uuid import UUID

from enforcement.errors import LinkedAlready, UnknownCase
from enforcement.policy import POLICY, Act
from enforcement.store import cases, lists, ties
from enforcement.store.cases import Case
from shared.contracts.http.casefile import NewLink, Why
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Related:
    """A case beside another one, why, and what was said by who linked them."""

    case: Case
    why: tuple[Why, ...]
    reasons: str | None


async def related(tx: Tx, rt: Runtime, who: Caller, case_id: UUID) -> list[Related]:
    """The cases beside one, of those that the caller may read, newest first. Raises UnknownCase, Forbidden."""
    case = await cases.get(tx, case_id)
    POLICY.require(who, Act.READ_CASE, case)
    linked = {each.case_id: each.reasons for each in await ties.links(tx, case_id)}
    moved = {each.from_case for each in await ties.came(tx, case_id)}
    moved |= {each.to_case for each in await ties.went(tx, case_id)}
    found = await lists.page_related(tx, POLICY.reach(who, Act.READ_CASE), case, linked.keys() | moved)
    await audit.record(
        tx, who=who, act=Act.READ_CASE, resource=f"/cases/{case_id}/related", outcome="granted", at=rt.clock.now(),
        detail={"ids": [str(each.id) for each, _ in found]},
    )  # fmt: skip
    return [
        Related(
            each,
            (
                *map(Why, why),
                *((Why.LINKED,) if each.id in linked else ()),
                *((Why.TRANSFERRED,) if each.id in moved else ()),
            ),
            linked.get(each.id),
        )
        for each, why in found
    ]


async def link(tx: Tx, rt: Runtime, who: Caller, case_id: UUID, body: NewLink) -> list[Related]:
    """Put another case beside one's own, for both, with a reason. Whoever may not read it links nothing.

    Raises UnknownCase (404); Forbidden (403); LinkedAlready (409); Invalid (422).
    """
    at = rt.clock.now()
    POLICY.require(who, Act.LINK_CASES, await cases.get(tx, case_id))
    if body.case_id == case_id:
        raise Invalid.field("case_id", "must be another case")
    if not POLICY.allows(who, Act.READ_CASE, await cases.get(tx, body.case_id)):
        raise UnknownCase(case_id=body.case_id)
    # In one order, whoever links which to which: a link holds both.
    held = {each: await cases.hold(tx, each) for each in sorted((case_id, body.case_id))}
    case, other = held[case_id], held[body.case_id]
    POLICY.require(who, Act.LINK_CASES, case)
    if not await ties.link(tx, case_id, other.id, reasons=body.reasons, by=who.person, at=at):
        raise LinkedAlready
    cases.MOVES.changed_all(tx, [case], "link", who=who, why=f"With {other.id}: {body.reasons}", at=at)
    return await related(tx, rt, who, case_id)
