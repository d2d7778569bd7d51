"""Approval as a process: the only file that names concrete things."""

from functools import partial
from pathlib import Path
from typing import Final

from approval.consumer import DEADLINES, HANDLERS, PROJECTIONS
from approval.http import ROUTERS
from approval.service import files
from approval.settings import Settings
from approval.store import DECISION_CLOCK
from shared.contracts.topics import APPROVAL_EVENTS, ENFORCEMENT_EVENTS, REGISTRY_EVENTS
from shared.rules import Needs
from shared.runtime.acts import notices
from shared.runtime.process import app, issuing
from shared.runtime.process.service import Service

SERVICE: Final = Service(
    name="approval",
    description="Prior approval of service items by the competent authorities (P3.1.1-3).",
    settings=Settings,
    router=ROUTERS,
    handlers=HANDLERS,
    projections=PROJECTIONS,
    deadlines=DEADLINES,
    needs=Needs(
        clocks=frozenset({DECISION_CLOCK, notices.DEEMED}),
        catalogues={"service_items": frozenset(), "provinces": frozenset()},
    ),
    publishes=(APPROVAL_EVENTS,),
    listens=(ENFORCEMENT_EVENTS, REGISTRY_EVENTS),
    notifies=True,
    forgets=(files.clear, files.recheck),
    start=partial(issuing.start, department="approval"),
    migrations=Path(__file__).parents[2] / "migrations",
)

if __name__ == "__main__":
    app.main(SERVICE)
