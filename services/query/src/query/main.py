"""Query as a process: the only file that names concrete things."""

from pathlib import Path
from typing import Final

from query import service
from query.http import ROUTER
from query.readmodel.ingest import ingest
from query.settings import Settings
from query.store import lookups
from shared.pages import assets
from shared.runtime.process import app
from shared.runtime.process.service import Service

SERVICE: Final = Service(
    name="query",
    description="Look-ups for officials, one key or millions, and the public register (P3.5, P3.1.6).",
    settings=Settings,
    router=(ROUTER, assets.ROUTER),
    workers=(ingest,),
    forgets=(lookups.forget,),
    start=service.start,
    stop=service.stop,
    migrations=Path(__file__).parents[2] / "migrations",
)

if __name__ == "__main__":
    app.main(SERVICE)
