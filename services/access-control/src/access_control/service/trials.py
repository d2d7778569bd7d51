"""Trial orders: a sandbox provider tries its client on the real doors, and nobody else hears of it (docs/adr/0024)."""

from typing import Final
from uuid import UUID

from access_control import told
from access_control.errors import BadTrial, NoSandboxKey, NotASandbox, TooManyTrials, UnknownOrder
from access_control.lifecycle import HELD_BACK
from access_control.policy import POLICY, Act
from access_control.service.executions import give_back
from access_control.service.orders import Seen, seen
from access_control.service.sending import draft, held, take_back
from access_control.service.state import trials_of
from access_control.store import executions, providers
from access_control.store.orders import Turn
from shared.contracts.grounds import Statement
from shared.contracts.http.trials import NewTrial
from shared.contracts.orders import Action
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.runtime.acts.documents import IssuerHasNoKey, signer_of
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

RESERVED: Final = ("example", "test", "invalid")
"""Top-level names that are nobody's (RFC 2606, RFC 6761): a trial order names no site that exists."""
ENDED: Final = "The sandbox gives it back."


def require_key(rt: Runtime) -> None:
    """Raises NoSandboxKey (409) where trial orders could not be signed."""
    try:
        signer_of(rt, told.SANDBOX.id)
    except IssuerHasNoKey as missing:
        raise NoSandboxKey from missing


async def order(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, body: NewTrial) -> Seen:
    """Order a sandbox, which asks for it, to stop hosting names that are nobody's; it goes out at once.

    Raises UnknownProvider (404), Forbidden (403), NotASandbox, NoSandboxKey (409), BadTrial (422), TooManyTrials (429).
    """
    at, provider = rt.clock.now(), await providers.get(tx, provider_id)
    POLICY.require(who, Act.TRY_ORDER, provider)
    if not provider.sandbox:
        raise NotASandbox(provider_id=provider_id)
    require_key(rt)
    hosts = _names(body)
    if body.until is not None and body.until <= at:
        raise BadTrial.field("until", "is over")
    if wait := trials_of(rt).take(provider.organisation):
        raise TooManyTrials(retry_after=wait)
    cause = uuid7()
    await executions.stand_in(tx, cause, at)
    content = told.trial(cause, hosts, rt.rules.ref, rt.settings.public_url, at)
    drafted = await draft(
        tx, rt, provider, content, decision_id=cause, until=body.until, turn=Turn(at, urgent=False), who=who,
        action=Action.CUT_OFF if body.until is None else Action.SUSPEND, why="A sandbox asked for it.",
    )  # fmt: skip
    assert drafted is not None, "its cause is new"
    return await seen(tx, drafted)


async def end(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, order_id: UUID) -> Seen:
    """Take a trial order back: by a restore, or, where it still waits, before it was seen. Once; again changes nothing.

    Raises UnknownProvider, UnknownOrder (404), Forbidden (403).
    """
    POLICY.require(who, Act.TRY_ORDER, await providers.get(tx, provider_id))
    burden = await held(tx, order_id)
    if not burden.trial or burden.provider_id != provider_id or burden.action is Action.RESTORE:
        raise UnknownOrder(order=order_id)
    if burden.status in HELD_BACK:
        return await seen(tx, await take_back(tx, rt, burden, who=who, why=ENDED))
    if burden.sequence is None or burden.undone_by is not None:
        return await seen(tx, burden)
    basis = Statement(legal_basis=(told.TRIAL,), reasons=ENDED, public_reasons=ENDED)
    return await seen(tx, await give_back(tx, rt, burden, told.SANDBOX, basis))


def _names(body: NewTrial) -> tuple[str, ...]:
    """The names in A-labels. Raises BadTrial."""
    found, wrong = [], []
    for place, written in enumerate(body.hosts):
        try:
            name = normalise_domain(written).ascii
        except InvalidIdentifier as error:
            wrong.append({"field": f"hosts.{place}", "message": error.message})
            continue
        if name.rpartition(".")[2] not in RESERVED:
            endings = ", ".join(f".{each}" for each in RESERVED)
            wrong.append({"field": f"hosts.{place}", "message": f"may be somebody's: it must end in one of {endings}"})
        found.append(name)
    if wrong:
        raise BadTrial(wrong)
    return tuple(dict.fromkeys(found))
