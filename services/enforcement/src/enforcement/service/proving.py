"""Looks at names that shall show whose they are: when somebody subscribes, asks, or a proof has aged."""

import asyncio
import random
from datetime import timedelta
from typing import Final

import httpx
import structlog

from enforcement.service import subscriptions
from enforcement.store import subscriptions as store
from enforcement.store.subscriptions import Subscription
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import DATABASE_ERRORS
from shared.runtime.post.proofs import Internet, Looks, NotAnswered, resolver_of

POLL_S: Final = 5.0
AT_ONCE: Final = 10
LEASE: Final = timedelta(minutes=2)
"""How long a name is left to the process that took it up; longer than it may take to answer."""
_log = structlog.get_logger(__name__)


class Prover:
    """The loop; any number of processes may run one. ``looks``: how names are looked at."""

    def __init__(self, rt: Runtime, looks: Looks) -> None:
        self._rt, self._looks = rt, looks

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            busy = False
            try:
                busy = await self.once()
            except DATABASE_ERRORS as error:
                _log.warning("names.database_away", error=repr(error))
            if not busy:
                await asyncio.sleep(POLL_S * random.uniform(0.8, 1.2))  # noqa: S311 - spreads polls, nothing secret

    async def once(self) -> bool:
        """Look at what is to be looked at now; whether there was anything."""
        async with self._rt.db.transaction() as tx:
            due = await store.take(tx, self._rt.clock.now(), LEASE, AT_ONCE)
        await asyncio.gather(*(self._look(each) for each in due))
        return bool(due)

    async def _look(self, one: Subscription) -> None:
        why, answered = "", True
        try:
            why = await self._missing(one)
        except NotAnswered as error:
            why, answered = str(error) or "no answer", False
        except Exception as error:  # whatever a name that somebody typed brings about, the others are looked at
            _log.exception("names.cannot_be_looked_at", subscription=str(one.id))
            why, answered = repr(error), False
        async with self._rt.db.transaction() as tx:
            if why:
                await subscriptions.missing(tx, self._rt, one.id, why, answered=answered)
            else:
                await subscriptions.proven(tx, self._rt, one.id)

    async def _missing(self, one: Subscription) -> str:
        """What the name does not show; empty if it shows it."""
        place, content = subscriptions.place_and_content(one)
        if one.method == "dns":
            found = await self._looks.texts(place)
            return "" if content in found else f"{place} has no TXT record {content}"
        file = await self._looks.file(place)
        shown = file is not None and content in (line.strip() for line in file.splitlines())
        return "" if shown else f"{place} has no line {content}"


async def prove_names(rt: Runtime) -> None:
    """Look at names on the internet, until cancelled."""
    async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=AT_ONCE)) as http:
        resolver = resolver_of(rt.settings.name_servers)
        await Prover(rt, Internet(http, private=rt.settings.webhooks_private, resolver=resolver)).run()
