"""The register as a process: the only file that names concrete things."""

from pathlib import Path
from typing import Final

from registry.consumer import BEHIND, DEADLINES, HANDLERS, PROJECTIONS
from registry.http import ROUTERS
from registry.service import admission, executions, hosting, mergers, preflights, reconciling, registrations
from registry.settings import Settings
from shared.contracts.http.registry import RegistrationKind
from shared.contracts.topics import ACCESS_EVENTS, APPROVAL_EVENTS, ENFORCEMENT_EVENTS, REGISTRY_EVENTS, REGISTRY_SITES
from shared.rules import Needs
from shared.runtime.acts import notices
from shared.runtime.process import app
from shared.runtime.process.service import Service

SERVICE: Final = Service(
    name="registry",
    description="The register: operators, filings, licences, sites, and the execution of decisions (P3.1.4-7, P3.2.3).",
    settings=Settings,
    router=ROUTERS,
    handlers=HANDLERS,
    projections=PROJECTIONS,
    deadlines=DEADLINES,
    behind=BEHIND,
    needs=Needs(
        clocks=frozenset(
            {
                *registrations.CLOCKS.values(),
                executions.ANSWER_CLOCK,
                hosting.IDLE,
                hosting.CURE,
                hosting.AGAIN,
                mergers.HEARD,
                reconciling.CURE,
                reconciling.FRESH,
                preflights.VALID,
                notices.DEEMED,
            }
        ),
        effects=executions.EXECUTED,
        catalogues={
            "refusal_grounds": admission.CODES,
            "service_items": frozenset(),
            "provinces": frozenset(),
            "numbers": frozenset(RegistrationKind),
        },
    ),
    notifies=True,
    start=preflights.start,
    publishes=(REGISTRY_EVENTS, REGISTRY_SITES),
    listens=(APPROVAL_EVENTS, ENFORCEMENT_EVENTS, ACCESS_EVENTS),
    migrations=Path(__file__).parents[2] / "migrations",
)

if __name__ == "__main__":
    app.main(SERVICE)
