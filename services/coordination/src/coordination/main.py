"""Coordination as a process: the only file that names concrete things."""

from pathlib import Path
from typing import Final

from coordination.http import ROUTERS
from coordination.service.founding import found
from coordination.settings import Settings
from shared.contracts.topics import DIRECTORY_ORGANISATIONS
from shared.runtime.process import app
from shared.runtime.process.service import Service

SERVICE: Final = Service(
    name="coordination",
    description="The coordination offices' directory of the organisations that act here (P1).",
    settings=Settings,
    router=ROUTERS,
    publishes=(DIRECTORY_ORGANISATIONS,),
    start=found,
    migrations=Path(__file__).parents[2] / "migrations",
)

if __name__ == "__main__":
    app.main(SERVICE)
