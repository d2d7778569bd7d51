"""What one process of enforcement holds while it runs: how many complaints it lately took, and from where."""

from dataclasses import dataclass

from enforcement.service.floods import Floods
from shared.runtime.acts.runtime import Runtime


@dataclass(frozen=True, slots=True)
class EnforcementState:
    """``rt.state`` of this service."""

    floods: Floods


async def start(rt: Runtime) -> EnforcementState:
    """Begin to count."""
    settings = rt.settings
    return EnforcementState(Floods(per_source=settings.complaints_per_source, per_name=settings.complaints_per_name))


def floods_of(rt: Runtime) -> Floods:
    """How many complaints were taken lately."""
    state: EnforcementState = rt.state
    return state.floods
