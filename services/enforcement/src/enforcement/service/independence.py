"""Who may not review an act: whoever had a hand in it, as an organisation or as a person (docs/adr/0004, 0013)."""

from dataclasses import dataclass
from uuid import UUID

from enforcement.store import appeals, decisions, hands
from enforcement.store.appeals import Appeal
from shared.contracts.grounds import AuthorityRef, Grounds, Service
from shared.runtime.acts.directory import NoIndependentBody
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Hands:
    """Which organisations had a hand in an act: those whose act it is, and others."""

    whose: tuple[AuthorityRef, ...]
    """Who decided, and who executes: they say of which level and place the review body is."""
    others: frozenset[str]
    """Who had the case before, or has it since, asked for it, or was asked in it and answered."""

    def bodies(self, rt: Runtime) -> tuple[AuthorityRef, ...]:
        """Who may review it; the first is who should."""
        return rt.directory.review_bodies_for(*self.whose, besides=self.others)

    def names(self, rt: Runtime) -> dict[str, str]:
        """What they are called, by id."""
        known = {each: rt.directory.get(each) for each in self.others}
        others = {each: of.names.en for each, of in known.items() if of is not None}
        return others | {each.id: each.names.en for each in self.whose}


async def organisations(tx: Tx, rt: Runtime, authority: AuthorityRef, case_id: UUID | None) -> Hands:
    """Who had a hand in an act of this authority; ``case_id``: the case in which it was decided, or that it cites."""
    if case_id is None:
        return Hands((authority,), frozenset())
    found = await hands.organisations(tx, case_id)
    whose = (authority, rt.directory.regulator_of(authority))
    return Hands(whose, frozenset(found) - {each.id for each in whose})


async def require_body(tx: Tx, rt: Runtime, authority: AuthorityRef, case_id: UUID | None) -> tuple[AuthorityRef, ...]:
    """Who may review an act of this authority, the first is who should. Raises NoIndependentBody."""
    found = (await organisations(tx, rt, authority, case_id)).bodies(rt)
    if not found:
        raise NoIndependentBody
    return found


async def of_appeal(tx: Tx, rt: Runtime, appeal: Appeal) -> tuple[Hands, frozenset[str]]:
    """The organisations and the persons that had a hand in what is appealed against."""
    case_id = await _case_of(tx, appeal)
    persons = await hands.persons(
        tx, case_id=case_id, act_id=appeal.act.id, appeal_id=appeal.id, body_id=appeal.body.id
    )
    return await organisations(tx, rt, appeal.authority, case_id), persons


async def _case_of(tx: Tx, appeal: Appeal) -> UUID | None:
    """The case in which it was decided; of another department's act, where it rests on one."""
    if appeal.act.service is Service.ENFORCEMENT:
        return (await decisions.get(tx, appeal.act.id))[0].id
    known = await appeals.foreign_act(tx, appeal.act.id)
    return await case_cited(tx, known.grounds) if known is not None else None


async def case_cited(tx: Tx, grounds: Grounds) -> UUID | None:
    """The case of the decision that an act of another department rests on."""
    if grounds.decision_id is None or not await decisions.known(tx, grounds.decision_id):
        return None
    return (await decisions.get(tx, grounds.decision_id))[0].id
