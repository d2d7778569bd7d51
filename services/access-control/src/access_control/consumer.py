"""The other door: what access-control does when another department, or a clock, says something."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

from access_control.service.cut_off import cut_off_everywhere
from access_control.service.overdue import mark_overdue
from access_control.service.release import EXECUTION, RELEASE_WINDOW, release_due
from access_control.service.restore import restore_everywhere
from shared.contracts.base import Fact
from shared.contracts.registry import RegistrationReinstatedV1, RegistrationRevokedV1
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

HANDLERS: Final[Mapping[type[Fact], Callable[..., Awaitable[Any]]]] = {
    RegistrationRevokedV1: cut_off_everywhere,
    RegistrationReinstatedV1: restore_everywhere,
}
DEADLINES: Final[Mapping[str, Callable[[Runtime, Tx, UUID], Awaitable[Any]]]] = {
    RELEASE_WINDOW: release_due,
    EXECUTION: mark_overdue,
}
