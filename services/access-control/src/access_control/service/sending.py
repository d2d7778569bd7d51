"""How an order comes to be, goes out and is taken back; for a network its supervisor is instructed first (P3.4).

What a provider suspended by itself, and a decision confirmed, goes on with the order of that decision once it is out.
Whatever ends the order ends the suspension as well, by a restore of its own (N4.2.5).

Lock executions first, then orders, then instructions, then providers, then emergencies, each in the order of their ids.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from access_control import told
from access_control.lifecycle import INSTRUCTION, EmergencyAction, EmergencyStatus, Move, Status
from access_control.service import queue
from access_control.store import emergencies, executions, feed, instructions, orders, overlaps, providers
from access_control.store.emergencies import Emergency
from access_control.store.executions import Execution
from access_control.store.orders import AccessOrder, Content, Draft, Turn
from access_control.store.providers import Provider
from shared.contracts.base import Fact
from shared.contracts.emergencies import FELL, NOT_MEANT, NOT_SENT
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.http.access import InstructionAction
from shared.contracts.ordering import execution_clock, nearest
from shared.contracts.orders import ORDER_TYPE, Action
from shared.contracts.subjects import SiteSubject
from shared.contracts.topics import orders_topic
from shared.rules import Level
from shared.runtime.acts import deadlines, outbox
from shared.runtime.acts.directory import AuthorityMissing
from shared.runtime.acts.documents import IssuerHasNoKey, signer_of
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.at_commit import notify_at_commit
from shared.runtime.db.postgres import Tx
from shared.signing import Signer

RELEASE_WINDOW: Final = "release"
"""Kind of deadline: the withdraw window."""
EXECUTION: Final = "execute"
"""Kind of deadline: the statutory delay of the provider."""
INSTRUCTED: Final = "instruct"
"""Kind of deadline: the delay of a supervisor."""
INSTRUCT: Final = "instruct_supervisor"
"""The supervisor's clock: a provider's says nothing about how soon an office finds two people who sign."""
LAPSE: Final = "lapse"
"""Kind of deadline: the end of a suspension."""
RESTORE: Final = "restore"
"""Kind of deadline: a restore that nobody could sign is tried again, by itself, until somebody can."""
RESTORE_S: Final = 1
SYSTEM: Final = Caller.system("access-control")
NO_WINDOW: Final = "There is no withdraw window."
CONFIRM: Final = "confirm_emergency"
"""The clock of what a provider suspended by itself; its source is the basis on which such a thing ends."""
GOES_ON: Final = "The order of the decision that confirmed it went out, and goes on with it."
TAKEN_BACK: Final = "The order by which its provider was to go on with it was taken back."
NONE_CAME: Final = "No order of the decision that confirmed it came to its provider, which hosts the site no more."
NOBODYS: Final = "No order of the decision that confirmed it means this name (any more)."
TOO_LATE: Final = "The time that the decision set was over before the order went out."


async def held(tx: Tx, order_id: UUID) -> AccessOrder:
    """An order, held after its execution: what is told of one execution stays in order. Raises UnknownOrder."""
    await executions.hold_of_order(tx, order_id)
    return await orders.hold(tx, order_id)


def tell(tx: Tx, order: AccessOrder, fact: Fact, at: datetime) -> None:
    """Say it to whoever follows orders; of a trial nobody hears (docs/adr/0024)."""
    if not order.trial:
        outbox.add(tx, fact, at=at)


async def draft(
    tx: Tx, rt: Runtime, provider: Provider, content: Content, *, decision_id: UUID, action: Action,
    until: datetime | None, turn: Turn, who: Caller, why: str, earlier: AccessOrder | None = None,
) -> AccessOrder | None:  # fmt: skip
    """Write a burden and send it on its way; none if the same order exists already.

    ``earlier``: the withdrawn order that this one sends again.
    """
    at, network = rt.clock.now(), provider.supervisor is not None
    new = Draft(
        id=uuid7(), status=Status.INSTRUCTED if network else Status.DRAFTED, execution_id=content.cause.id,
        decision_id=decision_id, provider_id=provider.id, action=action,
        attempt=earlier.attempt + 1 if earlier else 1, content=content,
        regions=told.regions(provider.region, content), drafted_at=at,
        supervisor_id=provider.supervisor.id if provider.supervisor else None,
        release_at=None if network else _release_at(rt, at), until=until,
        instruction_id=uuid7() if network else None, reissues=earlier.id if earlier else None,
        reissued_by=who.person if earlier else None, asked_by=earlier.reissue_asked_by if earlier else None,
        taken_back_by=earlier.withdrawn_by if earlier else None, turn=turn, trial=provider.sandbox,
    )  # fmt: skip
    drafted = await orders.draft(tx, new)
    if drafted is None:
        return None
    orders.MOVES.began(tx, drafted, "instruct" if network else "draft", who=who, why=why, at=at)
    if until is not None:
        await deadlines.start_until(tx, kind=LAPSE, aggregate_id=drafted.id, until=until, rt=rt, at=at)
    if network:
        await _instruct(tx, rt, drafted, content)
        return drafted
    return await wait_or_release(tx, rt, drafted, content)


async def wait_or_release(tx: Tx, rt: Runtime, drafted: AccessOrder, content: Content) -> AccessOrder:
    """Start the withdraw window of a draft; without a window, and for a trial, it goes out in this very transaction."""
    if rt.settings.withdraw_window_s == 0 or drafted.trial:
        return await release(tx, rt, drafted, content, why=NO_WINDOW)
    window = rt.settings.withdraw_window_s
    await deadlines.start_in(tx, RELEASE_WINDOW, drafted.id, window, at=rt.clock.now())
    return drafted


def _release_at(rt: Runtime, at: datetime) -> datetime:
    return at + timedelta(seconds=rt.settings.withdraw_window_s)


async def issue(tx: Tx, rt: Runtime, order: AccessOrder, *, who: Caller, why: str) -> AccessOrder:
    """The supervisor issues the order that it was instructed to: its withdraw window begins. Raises ActionRefused."""
    at = rt.clock.now()
    issued = await orders.MOVES.move(tx, order, Move.ISSUE, who=who, why=why, at=at, release_at=_release_at(rt, at))
    return await wait_or_release(tx, rt, issued, await orders.content(tx, order.id))


async def _instruct(tx: Tx, rt: Runtime, order: AccessOrder, content: Content) -> None:
    at, instruction_id = rt.clock.now(), order.instruction_id
    assert instruction_id is not None, "an instructed order names its instruction"
    due = await deadlines.start(tx, kind=INSTRUCTED, aggregate_id=instruction_id, clock_name=INSTRUCT, rt=rt, at=at)
    jws = told.instruction(
        instruction_id, order, content, signer_of(rt, content.regulator.id), at=at, issue_by=due.due_at
    )
    new = instructions.New(
        instruction_id, order.id, order.provider_id, order.execution_id, order.decision_id, content.regulator,
        content.issuer, jws, due.due_at,
    )  # fmt: skip
    added = await instructions.add(tx, new, at)
    instructions.MOVES.began(tx, added, "receive", who=SYSTEM, why="The order is for a network it supervises.", at=at)


async def release(tx: Tx, rt: Runtime, drafted: AccessOrder, content: Content, *, why: str) -> AccessOrder:
    """Send out an order that is held, or let it wait where its provider has as many as it can carry out in a day.

    A restore waits for nobody. A suspension whose time is over is taken back instead.
    Raises ActionRefused (409), IssuerHasNoKey (503).
    """
    orders.MOVES.lifecycle.after(drafted.status, Move.RELEASE)
    if drafted.action is Action.RESTORE or _over(rt, drafted):
        return await _send(tx, rt, drafted, content, why=why)
    signer_of(rt, content.issuer.id)  # whoever cannot sign does not stand in the way of those who wait
    at = rt.clock.now()
    provider, free = await queue.hold(tx, drafted.provider_id, at)
    if free and await queue.next_to_go(tx, rt, provider.id) is None:
        return await _send(tx, rt, drafted, content, why=why)
    queued = await orders.MOVES.move(tx, drafted, Move.QUEUE, who=SYSTEM, why=queue.FULL, at=at)
    await queue.wake(tx, provider, at)
    position = (await orders.positions(tx, [queued]))[queued.id]
    tell(tx, queued, told.queued(queued, position, provider.daily_capacity), at)
    return queued


async def send_next(rt: Runtime, tx: Tx, provider_id: UUID) -> None:
    """A place is free: one order goes out, the one whose turn it is; the next one has a clock of its own.

    Whoever cannot sign is passed. Raises IssuerHasNoKey where nobody else waits: then it is tried again later.
    """
    at, first = rt.clock.now(), await queue.next_to_go(tx, rt, provider_id)
    order = await held(tx, first) if first is not None else None
    provider, free = await queue.hold(tx, provider_id, at)
    if order is None and free and (mute := await orders.first_waiting(tx, provider_id)) is not None:
        signer_of(rt, (await orders.get(tx, mute)).issuer_id)
    # While it was waited for, it may have been taken back, or an urgent one come before it.
    if order is not None and free and await queue.next_to_go(tx, rt, provider_id) == order.id:
        await _send(tx, rt, order, await orders.content(tx, order.id), why=queue.TURN)
    await queue.ask_again(tx, provider, at)


def _over(rt: Runtime, order: AccessOrder) -> bool:
    return order.until is not None and order.until <= rt.clock.now()


async def _send(tx: Tx, rt: Runtime, drafted: AccessOrder, content: Content, *, why: str) -> AccessOrder:
    """Sign it and hand it out. The provider's row stays locked to the end, so its sequence has no gap."""
    at = rt.clock.now()
    if _over(rt, drafted):
        return await take_back(tx, rt, drafted, who=SYSTEM, why=TOO_LATE)
    content, signer, changed = _signing(rt, drafted, content)
    sequence = await providers.next_sequence(tx, drafted.provider_id)
    due = await deadlines.start(
        tx, kind=EXECUTION, aggregate_id=drafted.id, clock_name=execution_clock(drafted.action), rt=rt, at=at
    )
    signed = told.signed(drafted, content, signer, sequence=sequence, issued_at=at, execute_by=due.due_at)
    released = await orders.MOVES.move(
        tx, drafted, Move.RELEASE, who=SYSTEM, why=why, at=at, sequence=signed.sequence, issued_at=signed.issued_at,
        execute_by=signed.execute_by, jws=signed.jws, digest=signed.digest, kid=signed.kid, **changed,
    )  # fmt: skip
    outbox.add_raw(
        tx, topic=orders_topic(drafted.provider_id).name, key=str(drafted.site_id or drafted.hosts[0]),
        type=ORDER_TYPE, value=signed.jws, event_id=uuid7(), at=at,
    )  # fmt: skip
    tell(tx, released, told.released(released, content), at)
    notify_at_commit(tx, feed.CHANNEL, str(drafted.provider_id))
    if drafted.action is not Action.RESTORE:
        await settle_emergencies(tx, rt, drafted.decision_id, drafted.provider_id)
    return released


async def send_at_once(tx: Tx, rt: Runtime, again: AccessOrder, content: Content, *, why: str) -> AccessOrder:
    """Send what lessens an order that is out; it waits for no place, and takes one. Raises IssuerHasNoKey (503)."""
    await providers.hold(tx, again.provider_id)
    return await _send(tx, rt, again, content, why=why)


def _signing(rt: Runtime, order: AccessOrder, content: Content) -> tuple[Content, Signer, dict[str, Any]]:
    """What goes out, whose key signs it, and the columns that change by that. Raises IssuerHasNoKey (503).

    No site stays dark for one organisation's key: where the issuer of a restore has none, the ministry orders it, which
    orders in every province itself. A trial is no authority's.
    """
    try:
        return content, signer_of(rt, content.issuer.id), {}
    except IssuerHasNoKey:
        if order.action is not Action.RESTORE or order.trial:
            raise
        with suppress(AuthorityMissing, IssuerHasNoKey):
            ministry = rt.directory.regulator(Level.NATIONAL)
            signer, said = signer_of(rt, ministry.id), content.model_copy(update={"issuer": ministry})
            return said, signer, {"issuer_id": ministry.id, "content": said.model_dump(mode="json")}
        raise


async def send_restore(tx: Tx, rt: Runtime, restore: AccessOrder, *, why: str) -> AccessOrder:
    """Restores wait for nobody: no window, no instruction. What nobody can sign yet has a clock of its own.

    A fact waits for no key: behind it stand the restores of everybody else.
    """
    try:
        return await release(tx, rt, restore, await orders.content(tx, restore.id), why=why)
    except IssuerHasNoKey:
        await deadlines.start_in(tx, RESTORE, restore.id, RESTORE_S, at=rt.clock.now())
        return restore


async def restore_due(rt: Runtime, tx: Tx, order_id: UUID) -> None:
    """A restore that waits for a key is tried again. Raises IssuerHasNoKey: then it is tried again later."""
    order = await held(tx, order_id)
    if order.status is Status.DRAFTED:
        await release(tx, rt, order, await orders.content(tx, order_id), why="Somebody can sign it now.")


async def release_due(rt: Runtime, tx: Tx, order_id: UUID) -> None:
    """The withdraw window closed: release the order unless it was withdrawn meanwhile."""
    order = await held(tx, order_id)
    if order.status is Status.DRAFTED:
        await release(tx, rt, order, await orders.content(tx, order_id), why="The withdraw window closed.")


async def take_back(tx: Tx, rt: Runtime, order: AccessOrder, *, who: Caller, why: str) -> AccessOrder:
    """Withdraw a held order before its provider has seen it, and the instruction to issue it. Raises ActionRefused."""
    at = rt.clock.now()
    withdrawn = await orders.MOVES.move(tx, order, Move.WITHDRAW, who=who, why=why, at=at, withdrawn_by=who.person)
    await deadlines.met(tx, RELEASE_WINDOW, order.id, at)
    await deadlines.met(tx, LAPSE, order.id, at)
    if order.status is Status.INSTRUCTED:
        instruction = await instructions.hold_of_order(tx, order.id)
        if INSTRUCTION.can(instruction.status, InstructionAction.CLOSE):
            await instructions.MOVES.move(tx, instruction, InstructionAction.CLOSE, who=who, why=why, at=at)
        await deadlines.met(tx, INSTRUCTED, instruction.id, at)
    tell(tx, withdrawn, told.withdrawn(withdrawn, why, who.authority), at)
    await settle_emergencies(tx, rt, order.decision_id, order.provider_id)
    return withdrawn


async def settle_emergencies(tx: Tx, rt: Runtime, decision_id: UUID, provider_id: UUID) -> None:
    """What a decision confirmed at a provider goes on with its order, waits for it, or is over with it.

    Only an order that is out and means the name carries it on (docs/adr/0026). Where all were taken back, none means
    it, or none came, the provider is ordered to host the name again, as soon as the decision was carried out or undone:
    also beside the restore of an order that had gone out, which ends that order alone, and the provider had suspended
    the name by its own hand before.
    """
    if provider_id not in await emergencies.providers_of_decision(tx, decision_id):
        return
    await providers.hold(tx, provider_id)
    for confirmed in await emergencies.hold_of_decision(tx, decision_id, provider_id):
        ordered = await emergencies.ordered(tx, decision_id, provider_id, confirmed.host)
        carried = await executions.of_decision(tx, decision_id)
        undone = next((each.undone for each in carried if each.undone is not None), None)
        if ordered.in_force:
            await replace_emergency(tx, rt, confirmed)
        elif not ordered.on_its_way and (undone is not None or any(each.carried_out is not None for each in carried)):
            site_id = await _site_of(tx, carried, confirmed.host)
            if undone is not None:
                await end_emergency(tx, rt, confirmed, FELL, site_id, undone.statement)
                continue
            basis = (rt.rules.clocks[CONFIRM].source,)
            because, why = (NOT_MEANT, NOBODYS) if ordered.stand else (NOT_SENT, TAKEN_BACK)
            if not ordered.drafted:
                why = NONE_CAME
            says = Statement(legal_basis=basis, reasons=why, public_reasons=why)
            await end_emergency(tx, rt, confirmed, because, site_id, says)


async def _site_of(tx: Tx, carried: Sequence[Execution], host: str) -> UUID | None:
    """Of the decision's site, unless the name is another's by now: the register knows whose, and tells them."""
    for each in carried:
        fact = each.carried_out or each.undone
        if fact is None or not isinstance(fact.subject, SiteSubject):
            continue
        others = {name for told in await overlaps.of_execution(tx, each.id) for name in told.names}
        site = each.carried_out.site if each.carried_out is not None else None
        if site is None or nearest(host, set(site.hosts) - others, {*site.spared, *others}) is not None:
            return fact.subject.site_id
    return None


async def replace_emergency(tx: Tx, rt: Runtime, confirmed: Emergency) -> None:
    """From now on an order says what its provider does."""
    if confirmed.status is EmergencyStatus.REPLACED:
        return
    await emergencies.MOVES.move(tx, confirmed, EmergencyAction.REPLACE, who=SYSTEM, why=GOES_ON, at=rt.clock.now())


async def end_emergency(
    tx: Tx, rt: Runtime, held: Emergency, because: str, site_id: UUID | None, says: Statement
) -> None:
    """The provider is ordered to host the name again: by the province's regulator, or the network's supervisor."""
    at, provider = rt.clock.now(), await providers.get(tx, held.provider_id)
    issuer = provider.supervisor or _regulator(rt, provider.region)
    content = told.emergency_over(held, site_id, says, issuer, rt.settings.public_url)
    cause = await emergencies.stand_in(tx, held.id, at)
    restore = await orders.draft(tx, Draft(
        id=uuid7(), status=Status.DRAFTED, execution_id=cause, decision_id=cause, provider_id=held.provider_id,
        action=Action.RESTORE, attempt=1, content=content, regions=told.regions(provider.region, content),
        drafted_at=at, supervisor_id=provider.supervisor.id if provider.supervisor else None, release_at=at,
    ))  # fmt: skip
    assert restore is not None, "an emergency ends once: its row is held"
    orders.MOVES.began(tx, restore, "draft", who=SYSTEM, why=says.public_reasons, at=at)
    await send_restore(tx, rt, restore, why=says.public_reasons)
    await emergencies.MOVES.move(
        tx, held, EmergencyAction.LAPSE, who=SYSTEM, why=says.reasons, at=at, ended_because=because,
        restore_id=restore.id,
    )  # fmt: skip


def _regulator(rt: Runtime, region: str) -> AuthorityRef:
    """Of the province; where the directory has none, the ministry: a gap there keeps no site dark."""
    try:
        return rt.directory.regulator(Level.PROVINCE, region)
    except AuthorityMissing:
        return rt.directory.regulator(Level.NATIONAL)
