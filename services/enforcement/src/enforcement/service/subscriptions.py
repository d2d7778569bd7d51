"""Subscriptions to a name: whoever shows that it is theirs hears of every act about it, by mail or webhook.

Also who is no operator here: the owner of a found site hears at once what its host would have to pass on. A copy is no
delivery: no time runs from it, and it says no more than what everybody may read of an act's reasons.
"""

import base64
import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from enforcement.errors import AlreadySubscribed, CodesSent, LookedJustNow, TooManySubscriptions
from enforcement.lifecycle import SUBSCRIPTION, SubscriptionAction, SubscriptionStatus
from enforcement.policy import POLICY, Act
from enforcement.service import addresses
from enforcement.store import sites, subscriptions
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from enforcement.store.subscriptions import Subscription
from shared.contracts.grounds import ActRef, AddressForService, AuthorityRef, Names, Party, Service, Statement
from shared.contracts.http.subscriptions import NewSubscription
from shared.rules import Level
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.runtime.acts import deadlines, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx
from shared.runtime.post.outside import NotOutside, place_of

SYSTEM: Final = Caller.system("enforcement")
CHALLENGE: Final = "name_challenge"
"""Kind and clock: a name that was not shown in this time is not subscribed to."""
PROOF: Final = "name_proof"
"""Kind and clock: how long a name that was shown counts as shown; then it is looked at again."""
GRACE: Final = "name_grace"
"""Kind and clock: how long a name that does not answer then is asked again."""
CLOCKS: Final = frozenset({CHALLENGE, PROOF, GRACE})
MOST: Final = 20
"""Subscriptions of one owner that have not ended."""
PAUSE: Final = timedelta(minutes=1)
"""Between two looks that somebody asks for."""
TOLD: Final = "name_subscription"
_CONFIRMED: Final = Names(zh="域名通知订阅已确认", en="You will hear of acts about your name")
_LOST: Final = Names(zh="域名通知订阅已终止", en="You hear no more of acts about this name")


@dataclass(frozen=True, slots=True)
class Shown:
    """A subscription with until when it must be shown, or shown again."""

    subscription: Subscription
    until: datetime | None


def place_and_content(subscription: Subscription) -> tuple[str, str]:
    """What to put where."""
    if subscription.method == "dns":
        return f"_concord.{subscription.host}", f"concord-notices={subscription.challenge}"
    return f"https://{subscription.host}/.well-known/concord-notices.txt", subscription.challenge


async def subscribe(tx: Tx, rt: Runtime, who: Caller, body: NewSubscription) -> Shown:
    """Ask to hear of acts about a name. Nothing is told before the name shows that it is theirs.

    Raises Forbidden (403); AlreadySubscribed, TooManySubscriptions (409); Invalid (422).
    """
    POLICY.reach(who, Act.SUBSCRIBE)
    at, host = rt.clock.now(), _host(body.host)
    channel, address = ("email", body.email or "") if body.webhook is None else ("webhook", body.webhook)
    if body.webhook is not None:
        try:
            place_of(body.webhook, private=rt.settings.webhooks_private)
        except NotOutside as refused:
            raise Invalid.field("webhook", str(refused)) from refused
    if await subscriptions.live(tx, who.organisation) >= MOST:
        raise TooManySubscriptions(limit=MOST)
    added = await subscriptions.add(
        tx, uuid7(), identity=who.organisation, host=host, channel=channel, address=address,
        secret=secrets.token_bytes(32) if channel == "webhook" else None, method=body.method,
        challenge=secrets.token_urlsafe(24), by=who.person, at=at,
    )  # fmt: skip
    if added is None:
        same = await subscriptions.same(tx, who.organisation, host, channel, address)
        raise AlreadySubscribed(subscription_id=str(same))
    subscriptions.MOVES.began(tx, added, "subscribe", who=who, why=f"Wants to hear of acts about {host}.", at=at)
    due = await deadlines.start(tx, kind=CHALLENGE, aggregate_id=added.id, clock_name=CHALLENGE, rt=rt, at=at)
    return Shown(added, due.due_at)


def _host(raw: str) -> str:
    try:
        return normalise_domain(raw).ascii
    except InvalidIdentifier as wrong:
        raise Invalid.field("host", wrong.message) from wrong


async def get(tx: Tx, who: Caller, subscription_id: UUID) -> Shown:
    """One of the caller's. Raises UnknownSubscription (404), Forbidden (403)."""
    found = await subscriptions.get(tx, subscription_id)
    POLICY.require(who, Act.READ_SUBSCRIPTION, found)
    return await _shown(tx, found)


async def page(tx: Tx, who: Caller, *, after: UUID | None, limit: int) -> list[Shown]:
    """The caller's, newest first."""
    reach = POLICY.reach(who, Act.READ_SUBSCRIPTION)
    return await _all_shown(tx, await subscriptions.page(tx, reach, after=after, limit=limit))


async def look(tx: Tx, rt: Runtime, who: Caller, subscription_id: UUID) -> Shown:
    """Have the name looked at now. Raises UnknownSubscription (404); Forbidden (403); ActionRefused, LookedJustNow
    (409).
    """
    at, held = rt.clock.now(), await subscriptions.hold(tx, subscription_id)
    POLICY.require(who, Act.LOOK_AT_NAME, held)
    SUBSCRIPTION.after(held.status, SubscriptionAction.LOOK)
    again = at if held.looked_at is None else held.looked_at + PAUSE
    if again > at or (held.look_at is not None and held.look_at <= at):
        raise LookedJustNow(after=max(again, at + PAUSE / 4).astimezone(rt.rules.time_zone).isoformat())
    asked = await subscriptions.MOVES.move(
        tx, held, SubscriptionAction.LOOK, who=who, why="Asked for.", at=at, look_at=at, looks=0
    )
    return await _shown(tx, asked)


async def end(tx: Tx, rt: Runtime, who: Caller, subscription_id: UUID) -> Shown:
    """Hear no more. Raises UnknownSubscription (404), Forbidden (403), ActionRefused (409)."""
    held = await subscriptions.hold(tx, subscription_id)
    POLICY.require(who, Act.END_SUBSCRIPTION, held)
    return await _shown(tx, await _end(tx, rt, held, SubscriptionAction.END, "ended", who, "By its owner."))


async def _end(
    tx: Tx, rt: Runtime, held: Subscription, action: SubscriptionAction, because: str, who: Caller, why: str
) -> Subscription:
    at = rt.clock.now()
    ended = await subscriptions.MOVES.move(
        tx, held, action, who=who, why=why, at=at, ended_because=because, look_at=None
    )
    for kind in sorted(CLOCKS):
        await deadlines.met(tx, kind, held.id, at)
    return ended


async def _shown(tx: Tx, found: Subscription) -> Shown:
    return (await _all_shown(tx, [found]))[0]


async def _all_shown(tx: Tx, found: Sequence[Subscription]) -> list[Shown]:
    ids = [each.id for each in found]
    running = [await deadlines.running(tx, kind, ids) for kind in sorted(CLOCKS)]
    return [Shown(each, max((due[each.id][0] for due in running if each.id in due), default=None)) for each in found]


# --- what a name showed, and what clocks say -------------------------------------------------------------------------


async def proven(tx: Tx, rt: Runtime, subscription_id: UUID) -> None:
    """The name shows what it shall: from now on, or still, its owner hears of acts about it."""
    await subscriptions.alone(tx, (await subscriptions.get(tx, subscription_id)).identity)
    at, held = rt.clock.now(), await subscriptions.hold(tx, subscription_id)
    if not SUBSCRIPTION.can(held.status, SubscriptionAction.PROVE):
        return
    first = held.status is SubscriptionStatus.PROVING
    waits = first and await addresses.needs_code(tx, held)
    shown = await subscriptions.MOVES.move(
        tx, held, SubscriptionAction.SHOW if waits else SubscriptionAction.PROVE, who=SYSTEM, why="The name shows it.",
        at=at, proven_at=at, looked_at=at, look_at=None, looks=0, missing=None,
    )  # fmt: skip
    if waits:
        with suppress(CodesSent):  # its owner has one sent when that is possible again
            await addresses.send(tx, rt, shown, CHALLENGE)
        return
    await _count(tx, rt, shown, at)
    if first:
        await _tell(tx, rt, shown, "subscription_confirmed", _CONFIRMED, "The name shows that it is yours.")


async def _count(tx: Tx, rt: Runtime, active: Subscription, at: datetime) -> None:
    """From now on it is told, and for so long what was shown counts."""
    for kind in sorted(CLOCKS):
        await deadlines.met(tx, kind, active.id, at)
    await deadlines.start(tx, kind=PROOF, aggregate_id=active.id, clock_name=PROOF, rt=rt, at=at)


async def send_code(tx: Tx, rt: Runtime, who: Caller, subscription_id: UUID) -> Shown:
    """Have another code mailed. Raises UnknownSubscription (404); Forbidden (403); ActionRefused, CodesSent (409)."""
    held = await _confirmable(tx, who, subscription_id)
    again = await subscriptions.MOVES.move(
        tx, held, SubscriptionAction.SEND_CODE, who=who, why="Asked for.", at=rt.clock.now()
    )
    await addresses.send(tx, rt, again, CHALLENGE)
    return await _shown(tx, again)


async def confirm(tx: Tx, rt: Runtime, who: Caller, subscription_id: UUID, code: str) -> Shown | None:
    """Enter the code: the address is told of all names of its owner that wait for it. None if it is another code.

    Raises UnknownSubscription (404); Forbidden (403); ActionRefused, CodeOver (409).
    """
    held = await _confirmable(tx, who, subscription_id)
    SUBSCRIPTION.after(held.status, SubscriptionAction.CONFIRM)
    if not await addresses.enter(tx, rt, held, code):
        return None
    at = rt.clock.now()
    for each in await subscriptions.waiting_for(tx, held.identity, held.address):
        active = await subscriptions.MOVES.move(
            tx, each, SubscriptionAction.CONFIRM, who=who, why="The code was entered.", at=at
        )
        await _count(tx, rt, active, at)
        await _tell(tx, rt, active, "subscription_confirmed", _CONFIRMED, "The name shows that it is yours.")
    return await _shown(tx, await subscriptions.get(tx, subscription_id))


async def _confirmable(tx: Tx, who: Caller, subscription_id: UUID) -> Subscription:
    found = await subscriptions.get(tx, subscription_id)
    POLICY.require(who, Act.CONFIRM_ADDRESS, found)
    await subscriptions.alone(tx, found.identity)
    return await subscriptions.hold(tx, subscription_id)


async def missing(tx: Tx, rt: Runtime, subscription_id: UUID, why: str, *, answered: bool) -> None:
    """The name does not show it. One that answered, and showed it before, is told of no more.

    What did not answer is asked again until its clock runs out; so is one that was never shown.
    """
    at, held = rt.clock.now(), await subscriptions.hold(tx, subscription_id)
    if held.status is SubscriptionStatus.ENDED:
        return
    if held.status is SubscriptionStatus.ACTIVE and answered:
        await _lose(tx, rt, held, "lost", f"The name does not show it any more: {why}")
        return
    pause = min(timedelta(hours=1), timedelta(minutes=1) * 2 ** min(held.looks, 6))
    await subscriptions.missed(tx, held.id, at, why[:500], at + pause)


async def _lose(tx: Tx, rt: Runtime, held: Subscription, because: str, why: str) -> None:
    ended = await _end(tx, rt, held, SubscriptionAction.LOSE, because, SYSTEM, why)
    await _tell(tx, rt, ended, "subscription_ended", _LOST, why)


async def expire(rt: Runtime, tx: Tx, subscription_id: UUID) -> None:
    """It was never shown, or nobody entered the code that its address was sent."""
    held = await subscriptions.hold(tx, subscription_id)
    if held.status is SubscriptionStatus.PROVING:
        await _end(tx, rt, held, SubscriptionAction.EXPIRE, "not_proven", SYSTEM, "The name never showed it.")
    elif held.status is SubscriptionStatus.CONFIRMING:
        await _end(tx, rt, held, SubscriptionAction.EXPIRE, "not_confirmed", SYSTEM, "Nobody entered the code.")


async def look_again(rt: Runtime, tx: Tx, subscription_id: UUID) -> None:
    """What was shown counts so long: it must be shown again."""
    held = await subscriptions.hold(tx, subscription_id)
    if held.status is SubscriptionStatus.ACTIVE:
        at = rt.clock.now()
        await subscriptions.look(tx, held.id, at)
        await deadlines.start(tx, kind=GRACE, aggregate_id=held.id, clock_name=GRACE, rt=rt, at=at)


async def give_up(rt: Runtime, tx: Tx, subscription_id: UUID) -> None:
    """The name did not answer for so long."""
    held = await subscriptions.hold(tx, subscription_id)
    if held.status is SubscriptionStatus.ACTIVE:
        await _lose(tx, rt, held, "not_answering", f"The name did not answer: {held.missing or 'nobody looked'}")


# --- copies ----------------------------------------------------------------------------------------------------------


async def names_of(tx: Tx, case: Case, decision: Decision | None = None) -> set[str]:
    """The names that a case is about: the site's when it was opened, when it was decided, and now. None for what is
    about an operator or a provider.
    """
    names = set(case.hosts)
    if names and decision is not None and decision.site is not None:
        names.update(decision.site.hosts)
    if names and case.site_id is not None:
        site = await sites.get(tx, case.site_id)
        names.update(site.domains if site is not None and site.status != "ended" else ())
    return names


async def copy(
    tx: Tx, rt: Runtime, names: Collection[str], *, about: ActRef, kind: str, title: Names, says: Statement | None,
    authority: AuthorityRef, answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """Tell whoever holds one of these names what happened to it: what everybody may read of it."""
    if not names:
        return
    above = sorted({name for host in names for name in normalise_domain(host).above} - set(names))
    found = await subscriptions.of_names(tx, sorted(names), above)
    public = None if says is None else says.public()
    new = [
        _copy(each, about=about, kind=kind, title=title, says=public, authority=authority, answer_by=answer_by)
        for each in found
    ]
    await notices.issue_all(tx, rt, new)


async def _tell(tx: Tx, rt: Runtime, told: Subscription, kind: str, title: Names, why: str) -> None:
    """A word about the subscription itself, to its address alone."""
    about = ActRef(service=Service.ENFORCEMENT, kind=TOLD, id=told.id)
    says = Statement(legal_basis=(rt.rules.clocks[PROOF].source,), reasons=why, public_reasons=why)
    authority = rt.directory.regulator(Level.NATIONAL)
    await notices.issue_all(tx, rt, [_copy(told, about=about, kind=kind, title=title, says=says, authority=authority)])


def _copy(
    to: Subscription, *, about: ActRef, kind: str, title: Names, says: Statement | None, authority: AuthorityRef,
    answer_by: datetime | None = None,
) -> notices.New:  # fmt: skip
    address = AddressForService(email=to.address) if to.channel == "email" else AddressForService(webhook=to.address)
    return notices.New(
        about=about, kind=kind, to=Party(identity=to.identity, name=to.host), address=address, authority=authority,
        title=title, says=says, answer_by=answer_by, copy_about=to.host, secret=to.secret,
    )  # fmt: skip


def secret_of(subscription: Subscription) -> str | None:
    """The webhook's secret as its libraries take it."""
    return None if subscription.secret is None else f"whsec_{base64.b64encode(subscription.secret).decode()}"
