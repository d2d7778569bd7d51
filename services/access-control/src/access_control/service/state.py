"""What one process of access-control holds while it runs: issuers' keys, who waits at the feeds, what was counted."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import structlog
from opentelemetry import metrics

from access_control import told
from access_control.service.feed_wakeups import FeedWakeups
from access_control.service.kept_counts import KeptCounts
from shared.rules import Role
from shared.runtime.acts.documents import Issuing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.keys import NoSigningKey, OwnedKeys
from shared.runtime.base.limiter import Limiter
from shared.runtime.process.supervisor import Failure

METRICS: Final = {
    "issuers_without_key": "Active industry regulators and network supervisors that have no key to sign with, or one "
    "that cannot be read; all of them while the file as a whole cannot: what was read signs on until a restart.",
}
_log = structlog.get_logger(__name__)
_without_key = metrics.get_meter("concord.access-control").create_gauge(
    "issuers_without_key", description=METRICS["issuers_without_key"]
)
WATCH_S: Final = 60.0
REFUSED_PER_HOUR: Final = 120
"""Batches of one provider that may be refused, or hold a refused receipt, before its door is closed for a while."""
TRIALS_PER_HOUR: Final = 600
"""Trial orders of one sandbox."""
ADDRESSES_PER_HOUR: Final = 30
"""Times that one provider says where its orders are posted: each is a look-up."""
EXIT_NO_KEY: Final = 4
"""What the process exits with when it has no key to sign with."""
ISSUERS: Final = frozenset({Role.INDUSTRY_REGULATOR, Role.NETWORK_SUPERVISOR})
"""Whose orders there are: each of these organisations has a key of its own."""


@dataclass(frozen=True, slots=True)
class AccessState(Issuing):
    """``rt.state`` of this service."""

    wakeups: FeedWakeups
    refusals: Limiter
    trials: Limiter
    webhooks: Limiter
    counts: KeptCounts
    listening: asyncio.Task[None]


async def start(rt: Runtime) -> AccessState:
    """Read the keys and begin to listen for released orders. Raises Failure if there is no usable key."""
    settings = rt.settings
    try:
        keys = OwnedKeys(settings.signing_keys_file, generate=settings.signing_keys_generate)
    except NoSigningKey as missing:
        raise Failure(EXIT_NO_KEY, str(missing)) from missing
    if settings.withdraw_window_s == 0:
        _log.warning("orders.no_withdraw_window", detail="every order goes out at once; meant for measuring only")
    wakeups = FeedWakeups()
    return AccessState(
        keys,
        wakeups,
        Limiter(REFUSED_PER_HOUR),
        Limiter(TRIALS_PER_HOUR),
        Limiter(ADDRESSES_PER_HOUR),
        KeptCounts(),
        asyncio.create_task(wakeups.run(rt), name="feed wake-ups"),
    )


async def stop(rt: Runtime) -> None:
    """Stop listening, and counting."""
    state: AccessState = rt.state
    await state.counts.stop()
    state.listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await state.listening


def wakeups_of(rt: Runtime) -> FeedWakeups:
    """Where readers of feeds wait."""
    state: AccessState = rt.state
    return state.wakeups


def refusals_of(rt: Runtime) -> Limiter:
    """How many batches of each provider may still be refused."""
    state: AccessState = rt.state
    return state.refusals


def trials_of(rt: Runtime) -> Limiter:
    """How many trial orders each sandbox may still ask for."""
    state: AccessState = rt.state
    return state.trials


def webhooks_of(rt: Runtime) -> Limiter:
    """How often each provider may still say where its orders are posted."""
    state: AccessState = rt.state
    return state.webhooks


def counts_of(rt: Runtime) -> KeptCounts:
    """What was counted for everybody lately."""
    state: AccessState = rt.state
    return state.counts


def published_keys(rt: Runtime) -> dict[str, Any]:
    """The JWK set orders can be verified with; each key names the organisation it belongs to.

    Where keys may be generated, everybody who could issue an order has one before the first order goes out.
    """
    state: AccessState = rt.state
    state.keys.ensure([*_issuers(rt), told.SANDBOX.id])
    return state.keys.published


def _issuers(rt: Runtime) -> list[str]:
    return [known.organisation_id for known in rt.directory if known.active and ISSUERS & {*known.kinds}]


def without_key(rt: Runtime) -> list[str]:
    """Active organisations that may have to order something and cannot sign, or not after a restart: found out before a
    site waits for it."""
    state: AccessState = rt.state
    return state.keys.missing(_issuers(rt))


async def watch_keys(rt: Runtime) -> NoReturn:
    """Say at the start, and whenever it changes, which issuers have no key."""
    known: list[str] = []
    while True:
        missing = without_key(rt)
        _without_key.set(len(missing))
        if missing != known:
            _log.warning("issuers.without_key", organisations=missing)
        known = missing
        await asyncio.sleep(WATCH_S)
