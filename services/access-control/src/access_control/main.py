"""Puts access-control together: the only file that names concrete things."""

from pathlib import Path
from typing import Final

from access_control import consumer, http, state, workers
from access_control.settings import Settings
from shared.contracts.topics import ACCESS_EVENTS, REGISTRY_EVENTS
from shared.runtime.process.app import Service, main

SERVICE: Final = Service(
    name="access-control",
    description="The access desk: providers, the signed orders they get, the signed receipts they give.",
    settings=Settings,
    router=http.routers,
    migrations=Path(__file__).resolve().parents[2] / "migrations",
    handlers=consumer.HANDLERS,
    deadlines=consumer.DEADLINES,
    publishes=(ACCESS_EVENTS,),
    listens=(REGISTRY_EVENTS,),
    raw=(workers.RECEIPTS,),
    workers=(workers.topics,),
    start=state.start,
    stop=state.stop,
)

if __name__ == "__main__":
    main(SERVICE)
