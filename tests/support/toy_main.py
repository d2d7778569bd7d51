"""The toy service as a process of its own: `python -m tests.support.toy_main serve`.

TOY_WORKER=ends makes one of its workers end after a moment, TOY_WORKER=raises makes it raise.
TOY_MIGRATIONS names a migrations folder.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from shared.runtime.acts.runtime import Runtime
from shared.runtime.process.app import main
from tests.support.toy import SERVICE


async def troubled(_rt: Runtime) -> None:
    """A worker that does not last."""
    await asyncio.sleep(0.3)
    if os.environ["TOY_WORKER"] == "raises":
        raise RuntimeError("the worker broke")


if __name__ == "__main__":
    service = SERVICE
    if "TOY_WORKER" in os.environ:
        service = replace(service, workers=(troubled,))
    if "TOY_MIGRATIONS" in os.environ:
        service = replace(service, migrations=Path(os.environ["TOY_MIGRATIONS"]))
    main(service)
