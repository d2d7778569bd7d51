"""``python -m access_control.prober``: looks whether orders were carried out as their providers signed (docs/adr/0022).

A process of its own, so that it can stand in a network of its own: it speaks to the database and to the addresses of
orders, holds no key and reads no topic. One at a time works, by a lease; a second one waits. Machines ask at a port of
its own how it fares.
"""

import asyncio
import contextlib
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

import structlog

from access_control.main import SERVICE
from access_control.service import probing
from access_control.service.asking import Asker, Pace
from access_control.settings import Settings
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import SystemClock
from shared.runtime.db import leases
from shared.runtime.db.postgres import is_transient
from shared.runtime.process import health, telemetry
from shared.runtime.process.app import settings_of
from shared.runtime.process.supervisor import Failure, boot

EXIT_NOT_SET: Final = 2
EXIT_LEASE_LOST: Final = 6
NAME: Final = "access-control-prober"
LEASE: Final = "access-control prober"
_log = structlog.get_logger(__name__)


class Prober:
    """One prober, and how it fares."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rt: Runtime | None = None
        self._works = False
        """It holds the lease."""

    async def report(self) -> dict[str, Any]:
        """For /readyz: ready also while another one works."""
        up = self._rt is not None and await self._rt.db.is_up()
        checks = {"started": self._rt is not None, "database": up, "lease": {"held": self._works}}
        return {"status": "ready" if up else "unready", "service": NAME, "checks": checks}

    async def serve(self) -> int:
        """Look until told to stop; says what to exit with."""
        settings = self._settings
        if not settings.probes_contact:
            _log.error("prober.no_contact", detail="CONCORD_PROBES_CONTACT: whoever is asked is told where to complain")
            return EXIT_NOT_SET
        registry = telemetry.configure(NAME, settings).registry
        async with AsyncExitStack() as stack:
            try:
                port = await stack.enter_async_context(
                    health.answering(self, registry, settings.host, settings.probes_port)
                )
            except OSError as error:
                _log.error("prober.port_taken", detail=f"CONCORD_PROBES_PORT={settings.probes_port}", error=str(error))
                return EXIT_NOT_SET
            _log.info("prober.answers", url=f"http://{settings.host}:{port}/readyz")
            return await self._work()

    async def _work(self) -> int:
        rt: Runtime | None = None
        try:
            self._rt = rt = await boot(replace(SERVICE, name=NAME, start=None), self._settings, SystemClock())
            if rt.rules.observations is None:
                _log.error("prober.no_rules", detail="the rule profile has no section observations: nobody looks")
                return EXIT_NOT_SET
            async with leases.hold(rt.db, LEASE) as lease:
                self._works = True
                return await self._look(rt, lease)
        except Failure as failure:
            _log.error("prober.cannot_start", error=str(failure))
            return failure.code
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("prober.database_lost", error=repr(error))
            return EXIT_LEASE_LOST
        finally:
            self._rt = None
            if rt is not None:
                await rt.db.close()

    async def _look(self, rt: Runtime, lease: leases.Lease) -> int:
        settings = self._settings
        pace = Pace(settings.probes_address_s, settings.probes_per_minute)
        asker = Asker(pace, f"Concord-Prober/1 (+{settings.probes_contact})", inside=settings.probes_inside)
        looking = asyncio.create_task(probing.run(rt, asker))
        lost = asyncio.create_task(lease.beat())
        try:
            done, _ = await asyncio.wait({looking, lost}, return_when=asyncio.FIRST_COMPLETED)
            if looking in done:
                await looking
            _log.warning("prober.lease_lost", detail="start it again")
        finally:
            looking.cancel()
            lost.cancel()
            await asyncio.wait({looking, lost})
        return EXIT_LEASE_LOST


async def _until_told(settings: Settings) -> int:
    serving = asyncio.create_task(Prober(settings).serve())
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await serving
    return 0


def main() -> int:
    """Run it; says what to exit with."""
    settings = settings_of(SERVICE)
    assert isinstance(settings, Settings), "the service names its own"
    observed = telemetry.configure(NAME, settings)
    code = asyncio.run(_until_told(settings))
    observed.shutdown()
    return code


if __name__ == "__main__":
    sys.exit(main())
