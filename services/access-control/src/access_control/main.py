"""Puts access-control together: the only file that names concrete things."""

from pathlib import Path
from typing import Final

from access_control import consumer, http
from access_control.service import emergencies, licences, probing, state, topics, webhooks
from access_control.settings import Settings
from shared.contracts.topics import ACCESS_EVENTS, ENFORCEMENT_EVENTS, REGISTRY_EVENTS
from shared.rules import Needs
from shared.runtime.process.app import Service, main

SERVICE: Final = Service(
    name="access-control",
    description="The access desk: providers, the signed orders they get, the signed receipts they give.",
    settings=Settings,
    router=http.ROUTERS,
    migrations=Path(__file__).resolve().parents[2] / "migrations",
    handlers=consumer.HANDLERS,
    deadlines=consumer.DEADLINES,
    needs=Needs(
        clocks=frozenset(
            {
                "execute_cut_off",
                "execute_suspend",
                "execute_restore",
                "instruct_supervisor",
                emergencies.CLOCK,
                licences.CLOCK,
            }
        ),
        catalogues={
            "grounds": frozenset(),
            "numbers": frozenset(),
            "provider_licences": frozenset(),
            "provinces": frozenset(),
        },
    ),
    publishes=(ACCESS_EVENTS,),
    listens=(REGISTRY_EVENTS, ENFORCEMENT_EVENTS),
    raw=(topics.RECEIPTS,),
    workers=(topics.make, webhooks.post, state.watch_keys),
    forgets=(probing.forget,),
    start=state.start,
    stop=state.stop,
)

if __name__ == "__main__":
    main(SERVICE)
