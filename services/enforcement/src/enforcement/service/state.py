"""What one process of enforcement holds while it runs: its keys, how many complaints came lately, who waits in it."""

from dataclasses import dataclass

from enforcement.service.floods import Floods
from enforcement.service.intake import Intake
from shared.runtime.acts.documents import Issuing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.process import issuing


@dataclass(frozen=True, slots=True)
class EnforcementState(Issuing):
    """``rt.state`` of this service."""

    floods: Floods
    intake: Intake


async def start(rt: Runtime) -> EnforcementState:
    """Read the keys and begin to count. Raises Failure (exit code 4) if there is no usable file."""
    settings = rt.settings
    floods = Floods(per_source=settings.complaints_per_source, per_name=settings.complaints_per_name)
    return EnforcementState(issuing.opened(rt, "enforcement"), floods, Intake(rt))


def floods_of(rt: Runtime) -> Floods:
    """How many complaints were taken lately."""
    state: EnforcementState = rt.state
    return state.floods


def intake_of(rt: Runtime) -> Intake:
    """Who waits to be put to an open matter."""
    state: EnforcementState = rt.state
    return state.intake
