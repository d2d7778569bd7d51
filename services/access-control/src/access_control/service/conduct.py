"""The conduct record of a provider: penalties that a decision entered, undone with it; findings it did not answer."""

from datetime import datetime
from typing import Final
from uuid import UUID

from access_control.errors import NotHosted
from access_control.lifecycle import CONDUCT, ConductAction
from access_control.policy import POLICY, Act
from access_control.service.sending import SYSTEM
from access_control.store import conduct as store
from access_control.store import providers
from access_control.store.conduct import ConductEntry, NotedFinding
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.hosted import FindingClosedV1, FindingDisputedV1, FindingEscalatedV1, FindingKeptV1
from shared.contracts.subjects import ProviderSubject
from shared.rules.effects import Effect
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery

CLOCK: Final = "conduct_counts"


async def enter(tx: Tx, rt: Runtime, fact: DecisionReleasedV1) -> None:
    """Enter a penalty, once. Other effects are executed by other departments. Raises NotHosted."""
    if fact.effect != Effect.PENALTY or not isinstance(fact.subject, ProviderSubject):
        return
    provider_id, at = fact.subject.provider_id, rt.clock.now()
    if provider_id not in await providers.get_many(tx, [provider_id]):
        raise NotHosted(f"no such provider: {provider_id}")
    entered = await store.add(tx, uuid7(), provider_id, fact.decision_id, fact.grounds, at, _until(rt, at))
    if entered is not None:
        store.MOVES.began(tx, entered, "enter", who=SYSTEM, why="A decision was released.", at=at)


async def undo(
    tx: Tx, rt: Runtime, decision_id: UUID, *, because: str, authority: AuthorityRef, statement: Statement
) -> None:
    """The decision fell, was suspended or was lifted: its entry counts no more, and says why."""
    entry = await store.hold_of_decision(tx, decision_id)
    if entry is None or not CONDUCT.can(entry.status, ConductAction.UNDO):
        return
    await store.MOVES.move(
        tx, entry, ConductAction.UNDO, who=SYSTEM, why=statement.reasons, at=rt.clock.now(), undone_because=because,
        undone_by=authority.model_dump(mode="json"), undone_statement=statement.model_dump(mode="json"),
    )  # fmt: skip


async def dispute(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, entry_id: UUID, *, reasons: str) -> ConductEntry:
    """The provider says, once, why an entry is wrong: it stands beside it, and the entry does not count unanswered.

    The time to appeal against its decision runs as before. Raises UnknownEntry, UnknownProvider (404), Forbidden
    (403), ActionRefused (409).
    """
    POLICY.require(who, Act.DISPUTE_CONDUCT, await providers.get(tx, provider_id))
    entry, at = await store.hold(tx, provider_id, entry_id), rt.clock.now()
    return await store.MOVES.move(
        tx, entry, ConductAction.DISPUTE, who=who, why=reasons, at=at, dispute=reasons, disputed_at=at
    )


async def keep(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, entry_id: UUID, *, reasons: str) -> ConductEntry:
    """Who decided an entry stands by it, and says to its provider why; to give way is to lift the decision.

    Raises UnknownEntry (404), Forbidden (403), ActionRefused (409).
    """
    entry, at = await store.hold(tx, provider_id, entry_id), rt.clock.now()
    POLICY.require(who, Act.KEEP_CONDUCT, entry)
    return await store.MOVES.move(
        tx, entry, ConductAction.KEEP, who=who, why=reasons, at=at, answer=reasons, answered_at=at
    )


async def disputes(tx: Tx, who: Caller, query: PageQuery) -> list[ConductEntry]:
    """Entries that wait for the caller's answer, newest first. Raises Forbidden (403)."""
    return await store.disputed(tx, POLICY.reach(who, Act.SEE_DISPUTES), query)


async def disputed_findings(tx: Tx, who: Caller, query: PageQuery) -> list[NotedFinding]:
    """Findings that wait for the answer of the caller's organisation, newest first. Raises Forbidden (403)."""
    return await store.disputed_findings(tx, POLICY.reach(who, Act.SEE_DISPUTES), query)


async def note_finding(tx: Tx, rt: Runtime, fact: FindingEscalatedV1) -> None:
    """A provider answered nothing to a finding about its list. Nothing is ordered by it. Raises NotHosted."""
    if fact.provider_id not in await providers.get_many(tx, [fact.provider_id]):
        raise NotHosted(f"no such provider: {fact.provider_id}")
    await store.note_finding(tx, fact, _until(rt, rt.clock.now()))


async def dispute_finding(tx: Tx, fact: FindingDisputedV1) -> None:
    """Its provider disputes what was noted: it does not count until a person of the regulator answers (ADR 20)."""
    await store.dispute_finding(tx, fact)


async def keep_finding(tx: Tx, fact: FindingKeptV1) -> None:
    """A person stands by what was disputed, with reasons: it counts again."""
    await store.keep_finding(tx, fact)


async def close_finding(tx: Tx, fact: FindingClosedV1) -> None:
    """What was noted was put right since, or dismissed."""
    await store.close_finding(tx, fact)


def _until(rt: Runtime, at: datetime) -> datetime:
    """Until when what is entered now counts: no later profile makes that longer."""
    return rt.rules.due(CLOCK, at).due_at


async def page(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, query: PageQuery) -> list[ConductEntry]:
    """The record of one provider, newest first; an official's look leaves an audit row.

    Raises UnknownProvider (404), Forbidden (403).
    """
    await _look(tx, rt, who, provider_id, "conduct")
    return await store.page(tx, POLICY.reach(who, Act.SEE_CONDUCT), provider_id, query)


async def findings(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, query: PageQuery) -> list[NotedFinding]:
    """What one provider left unanswered, and what became of it; an official's look leaves an audit row.

    Raises UnknownProvider (404), Forbidden (403).
    """
    await _look(tx, rt, who, provider_id, "conduct/findings")
    return await store.findings(tx, POLICY.reach(who, Act.SEE_CONDUCT), provider_id, query)


async def _look(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, what: str) -> None:
    POLICY.require(who, Act.SEE_CONDUCT, await providers.get(tx, provider_id))
    if who.authority is not None:
        await audit.record(
            tx, who=who, act=Act.SEE_CONDUCT, resource=f"/providers/{provider_id}/{what}", outcome="granted",
            at=rt.clock.now(),
        )  # fmt: skip
