"""The registry: assembles the service; the only file that names concrete things."""

from pathlib import Path

from fastapi import FastAPI

from registry import consumer, http
from registry.service import registrations
from registry.settings import Settings
from shared.contracts.topics import ACCESS_EVENTS, APPROVAL_EVENTS, ENFORCEMENT_EVENTS, REGISTRY_EVENTS, REGISTRY_SITES
from shared.runtime.process import app

SERVICE = app.Service(
    name="registry",
    settings=Settings,
    router=(http.router, http.streams),
    handlers=consumer.HANDLERS,
    deadlines={registrations.DEADLINE: registrations.mark_overdue},
    listens=(APPROVAL_EVENTS, ENFORCEMENT_EVENTS, ACCESS_EVENTS),
    publishes=(REGISTRY_EVENTS, REGISTRY_SITES),
    migrations=Path(__file__).resolve().parents[2] / "migrations",
)


def create_app() -> FastAPI:
    """The application, configured from the environment."""
    return app.create_app(SERVICE, Settings())


if __name__ == "__main__":
    app.main(SERVICE)
