"""The doors nobody stands at: facts of other departments (approval needs none yet), and clocks that ran out."""

from collections.abc import Mapping
from typing import Final

from approval import service
from shared.contracts.base import Fact
from shared.runtime.events.dispatch import Handler
from shared.runtime.process.service import Deadlines

HANDLERS: Final[Mapping[type[Fact], Handler]] = {}
DEADLINES: Final[Deadlines] = {service.DECISION_CLOCK: service.mark_overdue}
