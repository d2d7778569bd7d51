"""What a provider suspended by itself: taken in with its signature, and restored when nobody confirmed it (N4.2.5).

Whose site it is and who confirms it enforcement says; its clock is enforcement's too, so that a confirmation and the
lapse are decided under one lock. Should nothing of that be heard here in time, it ends all the same.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from access_control import told
from access_control.errors import (
    EmergencyForeign,
    EmergencyGivenBack,
    EmergencyIdTaken,
    EmergencyInvalid,
    EmergencyLapsed,
    EmergencyReportedAlready,
    EmergencyTooLate,
    EmergencyUnsigned,
    IsSandbox,
    NotHosted,
)
from access_control.lifecycle import EMERGENCY, EmergencyAction, EmergencyStatus
from access_control.policy import POLICY, Act
from access_control.service.claims import CLOCK_SKEW, kid_of
from access_control.service.sending import (
    CONFIRM,
    SYSTEM,
    end_emergency,
    replace_emergency,
    settle_emergencies,
)
from access_control.store import emergencies as store
from access_control.store import executions, providers
from access_control.store.emergencies import Emergency
from access_control.store.providers import Key, Provider
from shared.contracts.emergencies import (
    EMERGENCY_TYPE,
    NOT_CONFIRMED,
    EmergencyConfirmedV1,
    EmergencyLapsedV1,
    EmergencyStatement,
)
from shared.contracts.grounds import Statement
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.runtime.acts import audit, deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.paging import PageQuery
from shared.signing import BadSignature, KeyRing, unique

CLOCK: Final = CONFIRM
UNHEARD: Final = "unheard_emergency"
"""Kind of deadline: the end of what nobody said anything of."""
MARGIN: Final = timedelta(hours=1)
"""For what is said in time and under way."""
NOT_HEARD: Final = "Within the time for it no confirmation of what the provider suspended by itself was heard."
AGAIN_DAYS: Final = 30
"""For a profile that says nothing of complaints."""


async def report(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, jws: str) -> Emergency:
    """Take in a signed statement; enforcement hears of it, tells the operator and puts it before an authority.

    Raises UnknownProvider (404); Forbidden, EmergencyForeign (403); EmergencyTooLate, EmergencyReportedAlready,
    EmergencyLapsed, EmergencyGivenBack, EmergencyIdTaken, IsSandbox (409); EmergencyUnsigned, EmergencyInvalid (422).
    """
    POLICY.require(who, Act.REPORT_EMERGENCY, await providers.get(tx, provider_id))
    at, provider = rt.clock.now(), await providers.hold(tx, provider_id)  # one statement at a time
    if provider.sandbox:
        raise IsSandbox(provider_id=provider_id)
    said, kid = _read(
        provider, (await providers.keys(tx, provider_id))[provider_id], jws.encode("utf-8", "replace"), at
    )
    host, since = _checked(rt, said, at)
    confirm_by = rt.rules.due(CLOCK, since).due_at
    if confirm_by <= at:
        raise EmergencyTooLate(confirm_by=confirm_by.isoformat())
    again_days = rt.rules.complaints.again_days if rt.rules.complaints is not None else AGAIN_DAYS
    await _require_new(tx, provider_id, host, at, again_days)
    if await store.is_anothers(tx, said.emergency_id):
        raise EmergencyIdTaken(emergency_id=said.emergency_id)
    entered = await store.add(
        tx, said.emergency_id, provider_id, region=provider.region, host=host, ground=said.ground,
        reasons=said.reasons, since=since, at=at, confirm_by=confirm_by, kid=kid, jws=jws.encode(),
    )  # fmt: skip
    if entered is None:
        raise EmergencyIdTaken(emergency_id=said.emergency_id)
    store.MOVES.began(tx, entered, "report", who=who, why=said.reasons, at=at)
    outbox.add(tx, told.emergency_reported(entered, provider), at=at)
    await deadlines.start_in(tx, UNHEARD, entered.id, (confirm_by + MARGIN - at).total_seconds(), at=at)
    return entered


async def _require_new(tx: Tx, provider_id: UUID, host: str, at: datetime, again_days: int) -> None:
    """Refuse what stands already, and what was given back not long ago.

    Raises EmergencyReportedAlready, EmergencyLapsed, EmergencyGivenBack (409).
    """
    before = await store.same(tx, provider_id, host, at, again_days)
    if before is not None and before.status is not EmergencyStatus.LAPSED:
        raise EmergencyReportedAlready(emergency_id=str(before.id))
    if before is not None:
        raise EmergencyLapsed(emergency_id=str(before.id), days=again_days)
    if order_id := await store.given_back(tx, provider_id, host, at, again_days):
        raise EmergencyGivenBack(order_id=str(order_id), days=again_days)


def _read(provider: Provider, keys: list[Key], jws: bytes, at: datetime) -> tuple[EmergencyStatement, str]:
    """The statement, if a key of this provider that was not revoked signed it, and which."""
    kid = kid_of(jws)
    key = next((each for each in keys if each.kid == kid), None)
    if key is None:
        raise EmergencyUnsigned.field("jws", "no key of yours signed this: enter the key first", reason="unknown_key")
    if key.revoked_at is not None:
        raise EmergencyUnsigned.field("jws", "the key that signed this was revoked", reason="key_revoked")
    try:
        payload = KeyRing({"keys": [dict(key.jwk)]}).verify(jws, EMERGENCY_TYPE).payload
    except BadSignature as bad:
        raise EmergencyUnsigned.field("jws", bad.reason, reason=bad.code) from bad
    try:
        json.loads(payload, object_pairs_hook=unique)
        said = EmergencyStatement.model_validate_json(payload, strict=True)
    except (ValidationError, ValueError, RecursionError) as error:
        faults = error.errors(include_input=False, include_url=False) if isinstance(error, ValidationError) else []
        fields = [{"field": ".".join(map(str, each["loc"])) or "jws", "message": each["msg"]} for each in faults[:20]]
        raise EmergencyInvalid(fields or [{"field": "jws", "message": str(error)}]) from None
    if said.provider_id != provider.id:
        raise EmergencyForeign
    return said, key.kid


def _checked(rt: Runtime, said: EmergencyStatement, at: datetime) -> tuple[str, datetime]:
    """The name in A-labels and since when. Raises EmergencyInvalid."""
    if said.ground not in rt.rules.grounds:
        raise EmergencyInvalid.field("ground", f"must be one of {', '.join(rt.rules.grounds)}")
    if said.since.tzinfo is None or said.since > at + CLOCK_SKEW or said.since < at - timedelta(days=3_660):
        raise EmergencyInvalid.field("since", "is a time with its offset from UTC, and not one to come")
    try:
        return normalise_domain(said.host).ascii, said.since.astimezone(UTC)
    except InvalidIdentifier as wrong:
        raise EmergencyInvalid.field("host", wrong.message) from wrong


async def get(tx: Tx, rt: Runtime, who: Caller, emergency_id: UUID) -> Emergency:
    """One; an official's look leaves an audit row. Raises UnknownEmergency (404), Forbidden (403)."""
    found = await store.get(tx, emergency_id)
    POLICY.require(who, Act.SEE_EMERGENCY, found)
    await _looked(tx, rt, who, f"/emergencies/{emergency_id}")
    return found


async def page(
    tx: Tx, rt: Runtime, who: Caller, query: PageQuery, *, status: EmergencyStatus | None
) -> list[Emergency]:
    """Those the caller reaches, newest first."""
    found = await store.page(tx, POLICY.reach(who, Act.SEE_EMERGENCY), query, status=status)
    await _looked(tx, rt, who, "/emergencies")
    return found


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    if who.authority is not None:
        await audit.record(tx, who=who, act=Act.SEE_EMERGENCY, resource=resource, outcome="granted", at=rt.clock.now())


async def confirmed(tx: Tx, rt: Runtime, fact: EmergencyConfirmedV1) -> None:
    """An authority decided so itself: what becomes of it is now what becomes of that decision's order.

    Where the register was faster, that order may be out already, or taken back again. Raises NotHosted.
    """
    held = await _hold(tx, fact.emergency_id, fact.provider_id, fact.decision_id)
    if not EMERGENCY.can(held.status, EmergencyAction.CONFIRM):
        return
    why = "An authority confirmed it by a decision."
    await store.MOVES.move(
        tx, held, EmergencyAction.CONFIRM, who=SYSTEM, why=why, at=rt.clock.now(), decision_id=fact.decision_id
    )
    await settle_emergencies(tx, rt, fact.decision_id, fact.provider_id)


async def lapsed(tx: Tx, rt: Runtime, fact: EmergencyLapsedV1) -> None:
    """Nobody confirmed it, or what did so fell: the provider is ordered to host the site again, at once.

    Where an order of its decision that means it is out, and stands, nothing happens before that is taken back. Also
    what the register knows at another provider is restored: it may be behind, and whoever does not host it says so.
    Raises NotHosted.
    """
    held = await _hold(tx, fact.emergency_id, fact.provider_id)
    if not EMERGENCY.can(held.status, EmergencyAction.LAPSE):
        return
    if held.decision_id and (await store.ordered(tx, held.decision_id, held.provider_id, held.host)).in_force:
        await replace_emergency(tx, rt, held)
    else:
        await end_emergency(tx, rt, held, fact.because, fact.site_id, fact.statement)


async def unheard(rt: Runtime, tx: Tx, emergency_id: UUID) -> None:
    """Its time is over and nobody said what became of it: it ends, so that no site waits for a broker or a department.

    A confirmation that is heard later finds it ended; the order of its decision comes all the same.
    """
    await providers.hold(tx, (await store.get(tx, emergency_id)).provider_id)
    held = await store.hold(tx, emergency_id)
    if held.status is EmergencyStatus.REPORTED:
        says = Statement(legal_basis=(rt.rules.clocks[CLOCK].source,), reasons=NOT_HEARD, public_reasons=NOT_HEARD)
        await end_emergency(tx, rt, held, NOT_CONFIRMED, None, says)


async def _hold(tx: Tx, emergency_id: UUID, provider_id: UUID, decision_id: UUID | None = None) -> Emergency:
    """The emergency a fact speaks of, held after the executions of its decision. Raises NotHosted: it is parked."""
    if not await store.known(tx, emergency_id):
        raise NotHosted(f"no such emergency: {emergency_id}")
    found = await store.get(tx, emergency_id)
    if found.provider_id != provider_id:
        raise NotHosted(f"emergency {emergency_id} is not of provider {provider_id}")
    if decision_id := decision_id or found.decision_id:
        await executions.hold_of_decision(tx, decision_id)
    await providers.hold(tx, provider_id)
    return await store.hold(tx, emergency_id)
