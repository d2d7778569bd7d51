"""``python -m access_control.prober``: looks whether orders were carried out as their providers signed (docs/adr/0022).

A process of its own, so that it can stand in a network of its own: it speaks to the database and to the addresses of
orders, holds no key and reads no topic. One at a time works, by a lease; a second one waits.
"""

import asyncio
import contextlib
import signal
import sys
from dataclasses import replace
from typing import Final

import structlog

from access_control.main import SERVICE
from access_control.service import probing
from access_control.service.asking import Asker, Pace
from access_control.settings import Settings
from shared.runtime.base.clock import SystemClock
from shared.runtime.db import leases
from shared.runtime.process import telemetry
from shared.runtime.process.app import settings_of
from shared.runtime.process.supervisor import Failure, boot

EXIT_NOT_SET: Final = 2
EXIT_LEASE_LOST: Final = 6
LEASE: Final = "access-control prober"
_log = structlog.get_logger(__name__)


async def serve(settings: Settings) -> int:
    """Look until told to stop; says what to exit with."""
    if not settings.probes_contact:
        _log.error("prober.no_contact", detail="CONCORD_PROBES_CONTACT: whoever is asked is told where to complain")
        return EXIT_NOT_SET
    try:
        rt = await boot(replace(SERVICE, name="access-control prober", start=None), settings, SystemClock())
    except Failure as failure:
        _log.error("prober.cannot_start", error=str(failure))
        return failure.code
    try:
        if rt.rules.observations is None:
            _log.error("prober.no_rules", detail="the rule profile has no section observations: nobody looks")
            return EXIT_NOT_SET
        pace = Pace(settings.probes_address_s, settings.probes_per_minute)
        asker = Asker(pace, f"Concord-Prober/1 (+{settings.probes_contact})", inside=settings.probes_inside)
        async with leases.hold(rt.db, LEASE) as lease:
            looking = asyncio.create_task(probing.run(rt, asker))
            lost = asyncio.create_task(lease.beat())
            try:
                done, _ = await asyncio.wait({looking, lost}, return_when=asyncio.FIRST_COMPLETED)
                if looking in done:
                    await looking
            finally:
                looking.cancel()
                lost.cancel()
                await asyncio.wait({looking, lost})
            return EXIT_LEASE_LOST
    finally:
        await rt.db.close()


async def _until_told(settings: Settings) -> int:
    serving = asyncio.create_task(serve(settings))
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await serving
    return 0


def main() -> int:
    """Run it; says what to exit with."""
    settings = settings_of(SERVICE)
    assert isinstance(settings, Settings), "the service names its own"
    telemetry.configure_logs("access-control-prober", settings)
    return asyncio.run(_until_told(settings))


if __name__ == "__main__":
    sys.exit(main())
