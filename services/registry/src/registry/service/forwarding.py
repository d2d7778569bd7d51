"""An application that lies with the wrong province, or level, goes on to the right desk, with reasons (domain.md).

Nobody decides anything by it, and it costs the operator no day: the clock goes on, and whoever gets it must decide.
"""

from typing import Final
from uuid import UUID

from registry.errors import ForwardedBefore, ForwardedTooOften, InvalidValues, SettledHere
from registry.lifecycle import Action
from registry.policy import POLICY, Act
from registry.service.desk import regulator_for
from registry.store import claims, forwards, operators, registrations
from registry.store.forwards import Forwarded
from registry.store.operators import Operator
from registry.store.registrations import Owned
from shared.contracts.grounds import ActRef, AuthorityRef, Names, Service
from shared.contracts.http.home import Forwarding
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

MOST: Final = 2
"""Times that one application is forwarded: then whoever has it decides, if only that it must refuse."""
_TITLE: Final = Names(zh="移送通知书", en="Your application was forwarded")


async def forward(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID, body: Forwarding) -> Owned:
    """Forward an application to the regulator that it belongs to; its operator goes along, and is told.

    It comes to no desk twice. An operator that has anything else stays where it is, and moves by its own amendment.
    Raises UnknownRegistration (404); Forbidden (403); InvalidValues (422); ActionRefused, AuthorityMissing,
    ForwardedBefore, ForwardedTooOften, SettledHere (409).
    """
    at, owned = rt.clock.now(), await registrations.hold(tx, registration_id)
    POLICY.require(who, Act.FORWARD, owned)
    registrations.MOVES.lifecycle.after(owned.registration.status, Action.FORWARD)
    region = body.region or owned.region
    if region not in rt.rules.provinces:
        raise InvalidValues.field("region", f"{region} is no province by GB/T 2260")
    by, to = regulator_for(rt, owned.level, owned.region), regulator_for(rt, body.level, region)
    await _require_new(tx, registration_id, by, to)
    operator = await _go_along(tx, rt, who, owned, region, body.statement.reasons)
    forwarded = await registrations.MOVES.move(
        tx, owned.registration, Action.FORWARD, who=who, why=body.statement.reasons, at=at, level=body.level,
        region=region,
    )  # fmt: skip
    await forwards.add(tx, uuid7(), registration_id, Forwarded(by, to, body.statement, at))
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="registration", id=registration_id), kind="forwarded",
        to=operator.ref, address=operator.address, title=_TITLE, says=body.statement, authority=by,
        hosts=await claims.of_numbers(tx, [registration_id]),
    )  # fmt: skip
    return Owned(forwarded, operator)


async def of(tx: Tx, owned: Owned) -> list[Forwarded]:
    """Whereto it went so far, oldest first."""
    return await forwards.of(tx, owned.registration.id)


async def _require_new(tx: Tx, registration_id: UUID, by: AuthorityRef, to: AuthorityRef) -> None:
    went = await forwards.of(tx, registration_id)
    if to.id in {by.id, *(each.by.id for each in went)}:
        raise ForwardedBefore(organisation=to.names.en)
    if len(went) >= MOST:
        raise ForwardedTooOften(most=MOST)


async def _go_along(tx: Tx, rt: Runtime, who: Caller, owned: Owned, region: str, why: str) -> Operator:
    """The operator of a forwarded application is of the new province, if this is all that it has."""
    operator, filed = owned.operator, owned.registration
    if region == filed.region:
        return operator
    if await registrations.has_others(tx, operator.id, filed.id):
        raise SettledHere
    cause = {"kind": "forwarded", "id": str(filed.id), "by": who.person}
    moved = await operators.MOVES.change(tx, operator, "go_along", who=who, why=why, at=rt.clock.now(), region=region)
    operators.keep_version(tx, moved, cause)
    return moved
