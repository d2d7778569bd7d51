"""What one process of access-control holds while it runs: the keys it signs with, and the bells of the feeds."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from access_control import signing_keys
from access_control.bells import Bells
from access_control.signing_keys import NoSigningKey
from shared.runtime.acts.runtime import Runtime
from shared.runtime.process.supervisor import Failure
from shared.signing import Signer

_log = structlog.get_logger(__name__)
EXIT_NO_KEY: Final = 4
"""What the process exits with when it has no key to sign with."""


@dataclass(frozen=True, slots=True)
class AccessState:
    """``rt.state`` of this service."""

    signers: Sequence[Signer]
    published: dict[str, Any]
    """The public half of every key in the file, retired ones too, as a JWK set."""
    bells: Bells
    listening: asyncio.Task[None]


async def start(rt: Runtime) -> AccessState:
    """Read the keys and begin to listen for released orders. Raises Failure if there is no usable key."""
    settings = rt.settings
    try:
        keys = signing_keys.load(settings.signing_keys_file, generate=settings.signing_keys_generate)
    except NoSigningKey as missing:
        raise Failure(EXIT_NO_KEY, str(missing)) from missing
    if settings.withdraw_window_s == 0:
        _log.warning("orders.no_withdraw_window", detail="every order goes out at once; meant for measuring only")
    bells = Bells()
    return AccessState(keys.signers, keys.published, bells, asyncio.create_task(bells.run(rt), name="feed bells"))


async def stop(rt: Runtime) -> None:
    """Stop listening."""
    state: AccessState = rt.state
    state.listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await state.listening


def active_signer(rt: Runtime) -> Signer:
    """The key that signs orders now."""
    state: AccessState = rt.state
    return state.signers[0]


def bells_of(rt: Runtime) -> Bells:
    """Where readers of feeds wait."""
    state: AccessState = rt.state
    return state.bells


def published_keys(rt: Runtime) -> dict[str, Any]:
    """The JWK set orders can be verified with."""
    state: AccessState = rt.state
    return state.published
