"""Operators: entered with a document of identity, reached at an address for service."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from registry.errors import (
    CodeSpent,
    InvalidValues,
    LegacyCode,
    NoLegacyCode,
    OperatorExists,
    TooManyCodes,
    WrongCode,
)
from registry.policy import POLICY, Act
from registry.service import looks, writing
from registry.service.desk import regulator_for
from registry.service.identity import identity_of
from registry.store import codes, operators
from registry.store.codes import Tried
from registry.store.operators import Operator
from shared.contracts.grounds import ActRef, AddressForService, Names, OperatorRef, Service, Statement
from shared.contracts.http.registry import NewAddress, NewOperator, VerificationCode
from shared.runtime.acts import notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

_CHECK = Names(zh="送达地址验证", en="Verification of your address for service")


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who would be entered: the policy's words, before there is a record."""

    organisation: str
    region: str


async def enter(tx: Tx, rt: Runtime, who: Caller, body: NewOperator) -> Operator:
    """Enter an operator (P3.1.4). A code whose check digit fails waits for a second officer's confirmation.

    Raises Forbidden (403); InvalidValues (422); OperatorExists (409).
    """
    at, identity = rt.clock.now(), identity_of(rt, body.kind, body.document)
    POLICY.require(who, Act.ENTER_OPERATOR, Applicant(identity.key, body.region))
    if body.region not in rt.rules.provinces:
        raise InvalidValues.field("region", f"{body.region} is no province by GB/T 2260")
    new = await operators.add(
        tx, uuid7(), identity=identity.key, document=identity.document, kind=body.kind, region=body.region,
        particulars=body.particulars, address=AddressForService(), by=who.person, at=at,
    )  # fmt: skip
    if new is None:
        known = await operators.by_identity(tx, identity.key)
        if known is None or not POLICY.allows(who, Act.READ, known):
            raise OperatorExists(operator_id=None)
        raise OperatorExists(operator_id=str(known.id))
    operators.MOVES.began(tx, new, "enter", who=who, why="Entered by or for the operator.", at=at)
    operators.keep_version(tx, new, {"kind": "enter", "by": who.person})
    given = body.address_for_service
    return await _set_address(tx, rt, who, new, given) if given.model_dump(exclude_none=True) else new


async def get(tx: Tx, rt: Runtime, who: Caller, operator_id: UUID) -> tuple[Operator, bool]:
    """One operator, and whether the caller may see its address. An official's look leaves an audit row.

    Raises UnknownOperator (404), Forbidden (403).
    """
    operator = await operators.get(tx, operator_id)
    POLICY.require(who, Act.READ, operator)
    await looks.at_one(tx, rt, who, Act.READ, f"/operators/{operator_id}", operator.identity)
    return operator, POLICY.allows(who, Act.READ_ADDRESS, operator)


async def confirm_legacy(tx: Tx, rt: Runtime, who: Caller, operator_id: UUID) -> Operator:
    """A second officer vouches for a credit code issued before 2016 whose check digit fails.

    Raises UnknownOperator (404), Forbidden (403), SecondPersonRequired, NoLegacyCode (409).
    """
    operator = await operators.hold(tx, operator_id)
    POLICY.require(who, Act.CONFIRM_LEGACY_CODE, operator, drafted_by=operator.entered_by)
    if operator.document != "legacy_code" or operator.confirmed_by is not None:
        raise NoLegacyCode
    return await operators.MOVES.change(
        tx, operator, "confirm_legacy_code", who=who, why="The certificate shows this code.", at=rt.clock.now(),
        confirmed_by=who.person,
    )  # fmt: skip


def require_confirmed(operator: Operator) -> None:
    """Nothing rests on a legacy code that nobody confirmed. Raises LegacyCode."""
    if operator.document == "legacy_code" and operator.confirmed_by is None:
        raise LegacyCode(number=operator.identity)


async def set_address(tx: Tx, rt: Runtime, who: Caller, operator_id: UUID, body: NewAddress) -> Operator:
    """Say where notices go; an e-mail address is verified by a code sent to it.

    Raises UnknownOperator (404), Forbidden (403), TooManyCodes (409).
    """
    operator = await operators.hold(tx, operator_id)
    POLICY.require(who, Act.SET_ADDRESS, operator)
    return await _set_address(tx, rt, who, operator, body)


async def take_try(tx: Tx, who: Caller, operator_id: UUID) -> Tried:
    """Spend one of the tries at the code that was sent, in a transaction of its own: a wrong code costs one too.

    Raises UnknownOperator (404), Forbidden (403), CodeSpent (409).
    """
    POLICY.require(who, Act.SET_ADDRESS, await operators.get(tx, operator_id))
    tried = await codes.take_try(tx, operator_id)
    if tried is None:
        raise CodeSpent
    return tried


async def verify_address(
    tx: Tx, rt: Runtime, who: Caller, operator_id: UUID, body: VerificationCode, tried: Tried
) -> Operator:
    """Prove that the e-mail address is read: what is sent there counts as delivered from now on. Raises WrongCode."""
    operator = await operators.hold(tx, operator_id)
    POLICY.require(who, Act.SET_ADDRESS, operator)
    address = operator.address
    right = hmac.compare_digest(tried.code_hash, _hash_of(rt, operator_id, tried.email, body.code))
    if address.email != tried.email or not right or not await codes.use(tx, operator_id, tried):
        raise WrongCode
    verified = address.model_copy(update={"email_verified": True})
    return await _address(tx, rt, who, operator, "verify_address", "The code came back.", verified)


async def _set_address(tx: Tx, rt: Runtime, who: Caller, operator: Operator, body: NewAddress) -> Operator:
    kept = operator.address
    address = AddressForService(
        email=body.email,
        email_verified=kept.email_verified and body.email == kept.email,
        webhook=body.webhook,
        webhook_verified=kept.webhook_verified and body.webhook == kept.webhook,
        post=body.post,
    )
    if address.email and not address.email_verified:
        await _send_code(tx, rt, operator, address.email)
    return await _address(tx, rt, who, operator, "set_address", "By or for the operator.", address)


async def _address(
    tx: Tx, rt: Runtime, who: Caller, operator: Operator, action: str, why: str, address: AddressForService
) -> Operator:
    at = rt.clock.now()
    changed = await operators.MOVES.change(tx, operator, action, who=who, why=why, at=at, address=address.model_dump())
    await writing.operator_changed(tx, rt, changed, cause={"kind": action, "by": who.person}, at=at)
    return changed


async def _send_code(tx: Tx, rt: Runtime, operator: Operator, email: str) -> None:
    """The code goes to the address and into nobody's inbox: read there it would prove nothing. Raises TooManyCodes."""
    code = f"{secrets.randbelow(10**8):08d}"
    if not await codes.send(tx, operator.id, email, _hash_of(rt, operator.id, email, code), rt.clock.now()):
        raise TooManyCodes
    await notices.issue(
        tx, rt, about=ActRef(service=Service.REGISTRY, kind="operator", id=operator.id), kind="address_check",
        to=OperatorRef(identity=operator.identity, name=operator.particulars.name),
        address=AddressForService(email=email),
        authority=regulator_for(rt, "province", operator.region), title=_CHECK,
        says=Statement(
            legal_basis=("Address for service",), reasons=f"验证码 / Code: {code}",
            public_reasons="A code was sent.", redacted=("the code",),
        ),
        in_inbox=False,
    )  # fmt: skip


def _hash_of(rt: Runtime, operator_id: UUID, email: str, code: str) -> bytes:
    """What is kept of a code: of no use to whoever reads the table, and to no other operator or address."""
    key = rt.settings.identity_key.get_secret_value().encode()
    return hmac.new(key, f"concord address/{operator_id}/{email}/{code}".encode(), hashlib.sha256).digest()
