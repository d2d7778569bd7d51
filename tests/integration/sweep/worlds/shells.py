"""Sites that nobody hosts, a finding in every state."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from registry.consumer import DEADLINES
from registry.lifecycle import SHELL, ShellAction, SiteStatus
from registry.policy import SHELL_ACTS
from registry.service import hosting
from shared.contracts.http.shells import ShellStatus
from shared.runtime.base.context import Caller
from tests.integration.registry.conftest import STATEMENT, Register, owner, uscc
from tests.integration.sweep.world import Kind, Record, Verb, Words

WHY: Final = {"reasons": "The shop moves to another host."}
STATED: Final = {"statement": STATEMENT}


async def _finding(register: Register, code: str, status: ShellStatus, sites: list[Record]) -> Record:
    """A finding about a site that its operator left, in a status."""
    site = await register.live(code)
    await register.post(f"/sites/{site['id']}/accesses/{site['accesses'][0]['id']}/end", WHY, owner(code))
    await _rings(register, hosting.IDLE, site["id"])
    found = await register.fetchval("SELECT id FROM shell_finding WHERE site_id = $1", UUID(site["id"]))
    path, lapsing = f"/shell-findings/{found}", status in {ShellStatus.LAPSED, ShellStatus.UNDONE}
    if status is ShellStatus.DISMISSED:
        await register.post(f"{path}/dismissal", WHY, "regulator-a")
    elif status is ShellStatus.CURED:
        await register.post(f"/sites/{site['id']}/deregistration", WHY, owner(code))
    elif status is not ShellStatus.OPEN:
        await _rings(register, hosting.CURE, found)
    if lapsing:
        await register.post(f"{path}/lapse", STATED, "regulator-a", headers={"If-Match": '"2"'})
    if status is ShellStatus.UNDONE:
        await register.post(f"{path}/undoing", WHY, owner(code))
    words = {"organisation": code, "region": "110000"}
    if status is ShellStatus.LAPSED:
        sites.append(Record({"site_id": site["id"], "access_id": site["id"]}, words, SiteStatus.LAPSED))
    return Record({"finding_id": str(found)}, words, status)


async def _rings(register: Register, kind: str, aggregate_id: object) -> None:
    """A clock rings, and the time stays what it is for everything else in this world."""
    async with register.api.rt.db.transaction() as tx:
        await DEADLINES[kind](register.api.rt, tx, UUID(str(aggregate_id)))


async def kind_of(register: Register, may_read: Callable[[Caller, Words], bool], sites: list[Record]) -> Kind:
    """What the world of the register has of them; a site that lapsed is one of its ``sites``."""
    found = [await _finding(register, uscc(66_000 + place), status, sites) for place, status in enumerate(ShellStatus)]
    path = "POST /shell-findings/{finding_id}/"

    def version(shown: Any) -> dict[str, str]:
        return {"If-Match": f'"{shown["version"]}"'} if shown else {"If-Match": '"1"'}

    return Kind(
        found, may_read, reads=("/shell-findings/{finding_id}",), lists="/shell-findings", author="auditor",
        lifecycle=SHELL, acts=SHELL_ACTS.keys(), verbs=[
            Verb(f"{path}lapse", "regulator-a", STATED, ShellAction.LAPSE, headers=version),
            Verb(f"{path}dismissal", "regulator-a", WHY, ShellAction.DISMISS),
            Verb(f"{path}undoing", "regulator-a", WHY, ShellAction.UNDO),
        ],
    )  # fmt: skip
