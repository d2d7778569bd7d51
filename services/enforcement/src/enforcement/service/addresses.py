"""Mail addresses of subscribers: used only after a code that was mailed there was entered.

An address is confirmed for whoever entered the code, for all their names at once.
"""

import hmac
import secrets
from datetime import timedelta
from typing import Final

from enforcement.errors import CodeOver, CodesSent
from enforcement.store import addresses
from enforcement.store.subscriptions import Subscription
from shared.contracts.grounds import ActRef, AddressForService, Names, Party, Service, Statement
from shared.rules import Level
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

DIGITS: Final = 8
LIVES: Final = timedelta(hours=1)
"""How long a code can be entered."""
MOST_WRONG: Final = 5
"""Tries for each code."""
DAY: Final = timedelta(days=1)
MOST_THERE: Final = 3
"""Codes to one mailbox in a day, whoever asks."""
MOST_THEIRS: Final = 20
"""Codes that one owner has mailed in a day."""
KIND: Final = "subscription_code"
_CODE: Final = Names(zh="域名通知订阅验证码", en="Code to hear of acts about a name")


async def needs_code(tx: Tx, held: Subscription) -> bool:
    """Whether nobody showed yet that mail to the address of a subscription reaches its owner."""
    return held.channel == "email" and not await addresses.is_confirmed(tx, held.identity, held.address)


async def send(tx: Tx, rt: Runtime, held: Subscription, clock: str) -> None:
    """Mail a code; the ones before count no more. ``clock``: whose source it rests on. Raises CodesSent (409)."""
    at, mailbox = rt.clock.now(), _mailbox(held.address)
    there, theirs = await addresses.sent(tx, mailbox, held.identity, at - DAY)
    if there >= MOST_THERE or theirs >= MOST_THEIRS:
        raise CodesSent(limit=MOST_THERE if there >= MOST_THERE else MOST_THEIRS)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    await addresses.add(
        tx, uuid7(), identity=held.identity, address=held.address, mailbox=mailbox, code=code, at=at,
        ends_at=at + LIVES, forget=at - DAY,
    )  # fmt: skip
    hours = int(LIVES.total_seconds() // 3600)
    said = (
        f"验证码 / Code: {code}。有人请求将关于域名 {held.host} 的通知副本发送到本邮箱；{hours} 小时内输入有效。"
        "如非本人所为，请勿理会。"
        f" Somebody who holds {held.host} asked for copies of notices about it at this address; the code can be entered"
        f" for {hours} h. If that was not you, do nothing: you will be told nothing."
    )
    await notices.issue(
        tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind="name_subscription", id=held.id), kind=KIND,
        to=Party(identity=held.identity, name=held.host), address=AddressForService(email=held.address),
        authority=rt.directory.regulator(Level.NATIONAL), title=_CODE, in_inbox=False,
        says=Statement(
            legal_basis=(rt.rules.clocks[clock].source,), reasons=said, public_reasons="A code was sent.",
            redacted=("the code",),
        ),
    )  # fmt: skip


async def enter(tx: Tx, rt: Runtime, held: Subscription, code: str) -> bool:
    """Whether it is the code; a wrong one is counted. Raises CodeOver (409)."""
    at, known = rt.clock.now(), await addresses.newest(tx, held.identity, held.address)
    if known is None or known.ends_at <= at or known.wrong >= MOST_WRONG:
        raise CodeOver
    if not hmac.compare_digest(known.code, code):
        await addresses.was_wrong(tx, known.id)
        return False
    await addresses.confirm(tx, known.id, at)
    return True


def _mailbox(address: str) -> str:
    """Where mail to an address ends up, however it is written."""
    name, _, domain = address.lower().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"
