"""What this service keeps in memory: the one open read model of the process."""

from dataclasses import dataclass

from query.errors import ReadModelOutdated
from query.readmodel.model import ReadModel
from shared.runtime.acts.runtime import Runtime


@dataclass(frozen=True, slots=True)
class State:
    """The state of the process."""

    model: ReadModel


async def start(rt: Runtime) -> State:
    """Open the read model; it stays open as long as the process lives."""
    return State(ReadModel.open(rt.settings.lmdb_path, map_size=rt.settings.lmdb_map_size))


async def stop(rt: Runtime) -> None:
    """Let go of it."""
    rt.state.model.close()


def model_of(rt: Runtime) -> ReadModel:
    """The read model, if this program can read it. Raises ReadModelOutdated (503)."""
    model: ReadModel = rt.state.model
    if not model.schema_fits():
        raise ReadModelOutdated(retry_after=30)
    return model
