"""What access-control tells: facts of orders and providers, and the documents that orders and instructions are."""

import hashlib
from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from access_control.store.emergencies import Emergency
from access_control.store.licences import Licence
from access_control.store.observations import Difference
from access_control.store.orders import AccessOrder, Content, Signed
from access_control.store.providers import Key, Provider
from shared.contracts import access, directory
from shared.contracts.base import Fact
from shared.contracts.emergencies import EmergencyReportedV1
from shared.contracts.grounds import AuthorityRef, Grounds, Names, Redress, Statement
from shared.contracts.orders import (
    INSTRUCTION_TYPE,
    ORDER_TYPE,
    Cause,
    Instruction,
    Order,
    OrderedSite,
)
from shared.contracts.receipts import Outcome, Receipt
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.signing import Signer

SCOPE: Final = "Hosting of these names by this provider; nothing else."
UNREGISTERED: Final = "not registered"
"""Hosting mode of a found site: no register says it."""
TRIAL: Final = "Trial of a provider's client (docs/adr/0024)"
SANDBOX: Final = AuthorityRef(
    id=directory.SANDBOX, names=Names(zh="测试环境（非行政机关）", en="Sandbox (no authority)"), level="national"
)
"""Who gives trial orders: no organisation of the directory, with a key of its own that signs nothing else."""
BY_ITSELF: Final = "suspended by the provider itself"
"""In the same place, in the restore of an emergency suspension."""


# -- facts ---------------------------------------------------------------------------------------------------------


def provider(known: Provider) -> access.ProviderRecordedV1:
    """Its whole record; whom to ask there stays here."""
    return access.ProviderRecordedV1(
        provider_id=known.id,
        version=known.version,
        name=known.name,
        licence_number=known.licence_number,
        kind=known.kind,
        region=known.region,
        supervisor=known.supervisor,
        status=known.status,
    )


def licence_ending(
    known: Provider, licence: Licence, last_day: date, at: datetime, *, over: bool, licensed: bool
) -> Fact:
    """A licence ends soon, or is over; ``licensed``: one of its provider's is in force."""
    return access.LicenceEndingV1(
        provider_id=known.id, licence_id=licence.id, name=known.name, region=known.region, kind=licence.kind,
        number=licence.number, last_day=last_day, over=over, licensed=licensed, at=at,
    )  # fmt: skip


def key_changed(known: Provider, key: Key, authority: AuthorityRef, at: datetime, *, left: int) -> Fact:
    """The desk entered or revoked a key of a provider; ``left``: how many are in use now."""
    revoked = key.revoked_at is not None
    return access.ProviderKeyChangedV1(
        provider_id=known.id, key_id=key.id, name=known.name, region=known.region, kid=key.kid,
        thumbprint=key.thumbprint, revoked=revoked, reasons=(key.revoked_reasons if revoked else key.added_reasons),
        authority=authority, left=left, at=at,
    )  # fmt: skip


def _story(order: AccessOrder, at: datetime) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "execution_id": order.execution_id,
        "decision_id": order.decision_id,
        "site_id": order.site_id,
        "hosts": order.hosts,
        "provider_id": order.provider_id,
        "action": order.action,
        "attempt": order.attempt,
        "sequence": order.sequence,
        "at": at,
    }


def queued(order: AccessOrder, position: int, capacity: int | None) -> Fact:
    """It waits; its provider is not told which site it is about."""
    bound = f"at most {capacity} in 24 hours" if capacity is not None else "others first that wait already"
    reasons = f"Its provider carries out {bound}; it waits at place {position}."
    return access.OrderQueuedV1(**_story(order, order.changed_at), position=position, reasons=reasons)


def released(order: AccessOrder, content: Content) -> Fact:
    """It went out."""
    says = content.grounds or content.statement
    assert says is not None, "an order has grounds or a statement"
    return access.OrderReleasedV1(
        **_story(order, order.changed_at),
        digest=order.digest,
        issuer=content.issuer,
        authority=content.authority,
        public_reasons=says.public_reasons,
        undoes=order.undoes,
        until=order.until,
        execute_by=order.execute_by,
    )


def withdrawn(order: AccessOrder, reasons: str, by: AuthorityRef | None = None) -> Fact:
    """It was taken back: before it went out (``by``: whose people did so), or by a later one."""
    return access.OrderWithdrawnV1(**_story(order, order.changed_at), reasons=reasons, by=by)


def overdue(order: AccessOrder, due: datetime, at: datetime, *, escalated: bool = False) -> Fact:
    """Its delay passed; ``escalated``: and somebody said so again, or it is the instruction's that passed."""
    return access.OrderOverdueV1(**_story(order, at), execute_by=due, escalated=escalated)


def objected(order: AccessOrder, reasons: str, at: datetime) -> Fact:
    """Its network's supervisor points at an error before issuing it."""
    return access.OrderContestedV1(**_story(order, at), reasons=reasons)


def answered(order: AccessOrder, answer: str, reasons: str, at: datetime, due: datetime | None = None) -> Fact:
    """An objection was answered; ``due``: rejected, so the clock goes on until then."""
    return access.OrderAnsweredV1(**_story(order, at), answer=answer, reasons=reasons, execute_by=due)


def observed_otherwise(order: AccessOrder, issuer: AuthorityRef, found: Difference, at: datetime) -> Fact:
    """What was seen twice is not what its provider signed."""
    return access.OrderObservedOtherwiseV1(
        **_story(order, at), issuer=issuer, difference=found.kind, names=found.names, since=found.since
    )


def claimed(order: AccessOrder, receipt: Receipt, at: datetime) -> Fact:
    """What the provider signed about it, in words every department reads."""
    story = _story(order, at)
    match receipt.outcome:
        case Outcome.RECEIVED:
            return access.OrderReceivedV1(**story)
        case Outcome.EXECUTED:
            return access.OrderExecutedV1(**story, how=receipt.how, executed_at=receipt.at)
        case Outcome.PARTLY:
            return access.OrderPartlyExecutedV1(**story, reasons=receipt.why)
        case Outcome.IMPOSSIBLE:
            return access.OrderImpossibleV1(**story, reasons=receipt.why)
        case Outcome.CONTESTED:
            return access.OrderContestedV1(**story, reasons=receipt.why)


def emergency_reported(emergency: Emergency, known: Provider) -> Fact:
    """A provider suspended a name by itself."""
    return EmergencyReportedV1(
        emergency_id=emergency.id, provider_id=emergency.provider_id, provider_name=known.name, region=known.region,
        host=emergency.host, ground=emergency.ground, reasons=emergency.reasons, since=emergency.since,
        reported_at=emergency.reported_at, confirm_by=emergency.confirm_by,
    )  # fmt: skip


# -- documents -----------------------------------------------------------------------------------------------------


def burden(fact: ExecutionCarriedOutV1, site: OrderedSite, issuer: AuthorityRef, public_url: str) -> Content:
    """Stop hosting a site, because the register carried out a decision about it (P3.2.3)."""
    key = fact.registration.number if fact.registration is not None else site.number or site.hosts[0]
    return Content(
        site=site,
        issuer=issuer,
        regulator=fact.regulator,
        authority=fact.grounds.authority,
        cause=Cause(kind="execution", id=fact.execution_id),
        grounds=fact.grounds.public(),
        scope=SCOPE,
        register_entry=f"{public_url}/public/register/{quote(key, safe='')}",
    )


def restore(earlier: Content, execution_id: UUID, authority: AuthorityRef, statement: Statement) -> Content:
    """Host the site again exactly as it was ordered off, whatever the register says of its accesses today.

    ``authority``: who decided so, which is not who decided the measure when an appeal was won.
    """
    return earlier.model_copy(
        update={
            "authority": authority,
            "cause": Cause(kind="undoing", id=execution_id),
            "grounds": None,
            "statement": statement.public(),
        }
    )


def emergency_over(
    emergency: Emergency, site_id: UUID | None, says: Statement, issuer: AuthorityRef, public_url: str
) -> Content:
    """Host again exactly the name that the provider had suspended by itself."""
    site = OrderedSite(
        site_id=site_id, name=emergency.host, hosts=(emergency.host,), names_below=False, ips=(),
        hosting_mode=BY_ITSELF,
    )  # fmt: skip
    return Content(
        site=site, issuer=issuer, regulator=issuer, authority=issuer, cause=Cause(kind="undoing", id=emergency.id),
        statement=says.public(), scope=SCOPE, emergency_id=emergency.id,
        register_entry=f"{public_url}/public/register/{quote(emergency.host, safe='')}",
    )  # fmt: skip


def trial(cause: UUID, hosts: tuple[str, ...], profile: str, public_url: str, at: datetime) -> Content:
    """Stop hosting names that are nobody's: what a sandbox asked for."""
    said = "A trial that this sandbox asked for. Nobody decided anything, and no site is meant."
    redress = Redress(
        body=SANDBOX, how="POST …/trial-orders/{order_id}/end, by the sandbox itself",
        how_zh="由测试环境自行 POST …/trial-orders/{order_id}/end", within_days=1,
    )  # fmt: skip
    grounds = Grounds(
        legal_basis=(TRIAL,), reasons=said, public_reasons=said, authority=SANDBOX, redress=redress, profile=profile,
        made_at=at,
    )  # fmt: skip
    site = OrderedSite(name="Trial", hosts=hosts, ips=(), hosting_mode="trial")
    return Content(
        site=site, issuer=SANDBOX, regulator=SANDBOX, authority=SANDBOX, cause=Cause(kind="execution", id=cause),
        grounds=grounds, scope=SCOPE, register_entry=f"{public_url}/public/register/{quote(hosts[0], safe='')}",
    )  # fmt: skip


def signed(
    order: AccessOrder, content: Content, signer: Signer, *, sequence: int, issued_at: datetime, execute_by: datetime
) -> Signed:
    """Sign an order with its place and times: the one time that it is serialised."""
    document = Order(
        order_id=order.id,
        sequence=sequence,
        attempt=order.attempt,
        provider_id=order.provider_id,
        action=order.action,
        cause=content.cause,
        site=content.site,
        issuer=content.issuer,
        regulator=content.regulator,
        authority=content.authority,
        decision_id=order.decision_id,
        grounds=content.grounds,
        statement=content.statement,
        scope=content.scope,
        issued_at=issued_at,
        execute_by=execute_by,
        until=order.until,
        undoes=order.undoes,
        emergency_id=content.emergency_id,
        register_entry=content.register_entry,
    )
    jws = signer.sign(document.model_dump_json().encode(), ORDER_TYPE).encode()
    return Signed(sequence, issued_at, execute_by, jws, hashlib.sha256(jws).hexdigest(), signer.kid)


def instruction(
    instruction_id: UUID, order: AccessOrder, content: Content, signer: Signer, *, at: datetime, issue_by: datetime
) -> bytes:
    """Sign what the supervisor of a network is told to order there (P3.4)."""
    assert content.grounds is not None, "only burdens are passed on; a restore goes out by itself"
    document = Instruction(
        instruction_id=instruction_id,
        order_id=order.id,
        provider_id=order.provider_id,
        action=order.action,
        attempt=order.attempt,
        cause=content.cause,
        site=content.site,
        regulator=content.regulator,
        supervisor=content.issuer,
        authority=content.authority,
        decision_id=order.decision_id,
        grounds=content.grounds,
        scope=content.scope,
        issued_at=at,
        issue_by=issue_by,
        until=order.until,
        register_entry=content.register_entry,
    )
    return signer.sign(document.model_dump_json().encode(), INSTRUCTION_TYPE).encode()


def regions(provider_region: str, content: Content) -> Collection[str]:
    """Whose officials see an order: the provinces of its provider, of who gives it and of who decided."""
    others = (content.issuer.region, content.regulator.region, content.authority.region)
    return {provider_region, *(region for region in others if region is not None)}
