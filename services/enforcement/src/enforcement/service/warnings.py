"""Warnings under the industry code: letters without effect, entered nowhere, read, kept and answered (N4.2.5)."""

from typing import Final
from uuid import UUID

from enforcement.errors import NobodyToWarn
from enforcement.lifecycle import MatterAction, WarningAction, WarningStatus
from enforcement.policy import POLICY, Act
from enforcement.service import matters, settling
from enforcement.service.decisions import address_of
from enforcement.store import sites
from enforcement.store import warnings as store
from enforcement.store.matters import Matter
from enforcement.store.warnings import Warned
from shared.contracts.grounds import ActRef, Names, OperatorRef, Party, Service
from shared.contracts.http.complaints import NewWarning, WarningAnswer
from shared.runtime.acts import audit, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

KIND: Final = "warning"
_WARNING: Final = Names(zh="行业自律警示函", en="A warning under the industry code; it has no effect")


async def send(tx: Tx, rt: Runtime, who: Caller, matter_id: UUID, body: NewWarning) -> Warned:
    """Write to whoever runs the site; for a name in no register to its host, to pass it on. The matter is over.

    Raises UnknownMatter (404); Forbidden (403); ActionRefused, RouteClosed (409); NobodyToWarn, Invalid (422).
    """
    at, matter = rt.clock.now(), await matters.held(tx, rt, who, matter_id, MatterAction.WARN)
    if body.answer_by is not None and body.answer_by <= at:
        raise Invalid.field("answer_by", "must be still to come")
    to, authority = await _whom(tx, matter, body), rt.directory.authority_ref(who.organisation)
    sent = await store.add(
        tx, uuid7(), matter_id, host=matter.host, to=to, authority=authority, statement=body.statement,
        answer_by=body.answer_by, by=who.person, at=at,
    )  # fmt: skip
    store.MOVES.began(tx, sent, "send", who=who, why=body.statement.reasons, at=at)
    await notices.issue(
        tx, rt, about=ActRef(service=Service.ENFORCEMENT, kind=KIND, id=sent.id), kind=KIND, to=to,
        address=await address_of(tx, to.identity), authority=authority, title=_WARNING, says=body.statement,
        answer_by=body.answer_by,
    )  # fmt: skip
    await settling.end(tx, rt, matter, MatterAction.WARN, who=who, outcome="warned", says=body.statement)
    return sent


async def _whom(tx: Tx, matter: Matter, body: NewWarning) -> Party:
    if matter.site_id is not None:
        site = await sites.get(tx, matter.site_id)
        if body.provider_id is not None:
            raise NobodyToWarn.field("provider_id", "the site is in the register: its operator is written to")
        if site is not None:
            return OperatorRef(identity=site.operator.identity, name=site.operator.name)
    provider = await sites.provider(tx, body.provider_id) if body.provider_id is not None else None
    if provider is None:
        raise NobodyToWarn.field(
            "provider_id", f"say which provider hosts {matter.host}: no register knows who runs it"
        )
    return Party(identity=str(provider.provider_id), name=provider.name)


async def get(tx: Tx, rt: Runtime, who: Caller, warning_id: UUID) -> Warned:
    """One letter: of whom it went to, and of whoever wrote it. Raises UnknownWarning (404), Forbidden (403)."""
    found = await store.get(tx, warning_id)
    POLICY.require(who, Act.READ_WARNING, found)
    await _looked(tx, rt, who, f"/warnings/{warning_id}")
    return found


async def page(
    tx: Tx, rt: Runtime, who: Caller, *, status: WarningStatus | None, after: UUID | None, limit: int
) -> list[Warned]:
    """Letters the caller reaches, newest first."""
    found = await store.page(tx, POLICY.reach(who, Act.READ_WARNING), status=status, after=after, limit=limit)
    await _looked(tx, rt, who, "/warnings")
    return found


async def _looked(tx: Tx, rt: Runtime, who: Caller, resource: str) -> None:
    if who.authority is not None:
        await audit.record(tx, who=who, act=Act.READ_WARNING, resource=resource, outcome="granted", at=rt.clock.now())


async def answer(tx: Tx, rt: Runtime, who: Caller, warning_id: UUID, body: WarningAnswer) -> Warned:
    """Say something to it, once. Raises UnknownWarning (404); Forbidden (403); ActionRefused (409)."""
    at, warned = rt.clock.now(), await store.hold(tx, warning_id)
    POLICY.require(who, Act.ANSWER_WARNING, warned)
    return await store.MOVES.move(
        tx, warned, WarningAction.ANSWER, who=who, why="Answered.", at=at, answer=body.text, answered_at=at
    )
