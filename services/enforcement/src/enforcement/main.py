"""Enforcement as a process: the only file that names concrete things."""

from pathlib import Path
from typing import Final

from enforcement.consumer import DEADLINES, HANDLERS, PROJECTIONS
from enforcement.http import ROUTERS
from enforcement.service import (
    complaints,
    custody,
    emergencies,
    hearings,
    ordering,
    papers,
    requests,
    reviewing,
    safeguards,
    settling,
    state,
    subscriptions,
    surroundings,
    tasks,
)
from enforcement.service.proving import prove_names
from enforcement.settings import Settings
from shared.contracts.ordering import ACTIONS, execution_clock
from shared.contracts.topics import ACCESS_EVENTS, APPROVAL_EVENTS, ENFORCEMENT_EVENTS, REGISTRY_EVENTS, REGISTRY_SITES
from shared.rules import Effect, Needs
from shared.runtime.acts import notices
from shared.runtime.process import app
from shared.runtime.process.service import Service

SERVICE: Final = Service(
    name="enforcement",
    description="Cases, evidence, decisions, and appeals against acts of any department (P3.2).",
    settings=Settings,
    router=ROUTERS,
    handlers=HANDLERS,
    projections=PROJECTIONS,
    deadlines=DEADLINES,
    needs=Needs(
        clocks=frozenset(
            {
                reviewing.CLOCK,
                hearings.NOTICE,
                requests.CLOCK,
                safeguards.URGENT_NOTICE,
                notices.DEEMED,
                complaints.CLOCK,
                emergencies.CLOCK,
                tasks.FOLLOW_UP,
                custody.RETENTION,
                surroundings.COPY,
                ordering.INSTRUCT,
                *map(execution_clock, ACTIONS.values()),
                *subscriptions.CLOCKS,
            }
        ),
        effects=frozenset({Effect.NO_BREACH, Effect.CORRECT}),
        catalogues=dict.fromkeys(
            ("complaint_grades", "evidence_kinds", "grounds", "service_items", "subject_kinds"), frozenset()
        ),
    ),
    publishes=(ENFORCEMENT_EVENTS,),
    listens=(REGISTRY_SITES, REGISTRY_EVENTS, ACCESS_EVENTS, APPROVAL_EVENTS),
    notifies=True,
    workers=(settling.keep_answering, prove_names),
    forgets=(complaints.forget, custody.recheck, custody.retire, papers.recheck),
    start=state.start,
    migrations=Path(__file__).parents[2] / "migrations",
)

if __name__ == "__main__":
    app.main(SERVICE)
