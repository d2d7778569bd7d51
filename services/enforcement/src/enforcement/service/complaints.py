"""Complaints, as whoever complains meets them: said once, merged with what others say of the same, read by a secret.

Nothing follows from a complaint, nor from a thousand: a person grades what they are merged into (docs/adr/0013).
"""

import secrets
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from enforcement.errors import ComplaintFilesFull, ComplaintFileTooLarge, ComplaintOver, UnknownComplaint, UnknownGround
from enforcement.lifecycle import MatterStatus
from enforcement.policy import POLICY, REPORTERS, Act
from enforcement.service.decisions import SYSTEM
from enforcement.service.floods import digest_of
from enforcement.service.state import floods_of, intake_of
from enforcement.store import complaints as store
from enforcement.store import matters
from enforcement.store.complaints import Complaint, File
from enforcement.store.files import EvidenceFiles
from enforcement.store.matters import Matter
from shared.contracts.http.complaints import NewComplaint
from shared.rules.identifiers import InvalidIdentifier, normalise_domain
from shared.rules.rows import Complaints
from shared.runtime.acts import deadlines, kept_files
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

CLOCK: Final = "triage_complaint"
"""Kind of the deadline and name of its clock in the rule profile."""
PUBLIC: Final = "public"
CAME: Final = "Somebody complained."
_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Of references: none is taken for another one when it is read out."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What somebody gets who complained; the secret is nowhere else."""

    reference: str
    secret: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A complaint and what became of it."""

    complaint: Complaint
    matter: Matter
    files: list[File]


async def complain(rt: Runtime, who: Caller | None, source: str, body: NewComplaint) -> Taken:
    """Take in what somebody says about one name on one ground; what is open about the same site takes it up.

    ``source``: from where, for the allowance alone. ``who``: an office that complains in its own name.
    Raises Forbidden (403); UnknownGround, Invalid (422); TooManyComplaints (429).
    """
    if who is not None:
        POLICY.require(who, Act.REPORT_COMPLAINT)
    floods_of(rt).from_source(source)
    if body.ground not in rt.rules.grounds:
        raise UnknownGround.field("ground", f"must be one of {', '.join(rt.rules.grounds)}")
    if body.email is not None and not _is_address(body.email):
        raise Invalid.field("email", "is no e-mail address")
    try:
        name = normalise_domain(body.host)
    except InvalidIdentifier as wrong:
        raise Invalid.field("host", wrong.message) from wrong
    floods_of(rt).about(name.registrable)
    secret, at = secrets.token_urlsafe(32), rt.clock.now()
    new = store.NewComplaint(
        id=uuid7(), name=name, ground=body.ground, reference=_reference(), secret_hash=digest_of(secret),
        source=PUBLIC if who is None else min(who.roles & REPORTERS).value, said=body.text,
        organisation=None if who is None else who.organisation, email=body.email, came_at=at,
    )  # fmt: skip
    if not await intake_of(rt).attach(new):
        async with rt.db.transaction() as tx:
            await _merge(tx, rt, new)
    return Taken(new.reference, secret)


async def _merge(tx: Tx, rt: Runtime, new: store.NewComplaint) -> None:
    """Begin a matter, or put it to the open one; whoever began the same meanwhile, or ended it, is waited for."""
    attached: set[UUID] = set()
    while not attached:
        matter = await matters.begin(tx, uuid7(), new.name, new.ground, new.came_at)
        if matter is not None:
            matters.MOVES.began(tx, matter, "begin", who=SYSTEM, why=CAME, at=new.came_at)
            await deadlines.start(tx, kind=CLOCK, aggregate_id=matter.id, clock_name=CLOCK, rt=rt, at=new.came_at)
        attached = await store.attach(tx, [new], wait=True)


async def mark_overdue(rt: Runtime, tx: Tx, matter_id: UUID) -> None:
    """Nobody graded it in time: lists show it, and nothing else follows."""
    at, matter = rt.clock.now(), await matters.hold(tx, matter_id)
    if matter.status is MatterStatus.OPEN and matter.overdue_at is None:
        why = "Nobody graded it in time."
        await matters.MOVES.change(tx, matter, "overdue", who=SYSTEM, why=why, at=at, overdue_at=at)


async def status(tx: Tx, secret: str) -> Standing:
    """How a complaint stands, for whoever has its secret. Raises UnknownComplaint (404)."""
    found = await store.by_secret(tx, digest_of(secret))
    if found is None:
        raise UnknownComplaint
    files = await store.files_of(tx, [found.id])
    return Standing(found, await matters.get(tx, found.matter_id), files[found.id])


async def add_file(rt: Runtime, source: str, secret: str, media_type: str, body: AsyncIterable[bytes]) -> Standing:
    """Add a file to one's own complaint. It is kept as it came, and nothing here looks into it.

    Raises UnknownComplaint (404); ComplaintOver, ComplaintFilesFull (409); ComplaintFileTooLarge (413);
    EvidenceEmpty (422); TooManyComplaints (429).
    """
    limits = limits_of(rt)
    floods_of(rt).from_source(source)
    async with rt.db.connection() as tx:  # before a single byte is taken
        _require_room(await status(tx, secret), limits)
    sha256, size = await EvidenceFiles(rt.settings.evidence_store).save(_at_most(body, limits.most_file_bytes))
    async with rt.db.transaction() as tx:
        complaint = (await status(tx, secret)).complaint
        await store.hold(tx, complaint.id)
        standing = await status(tx, secret)  # as it is now that nobody else adds to it
        if sha256 not in {each.sha256 for each in standing.files}:
            _require_room(standing, limits)
            await store.add_file(tx, File(complaint.id, sha256, size, media_type, rt.clock.now()))
        await kept_files.mended(tx, sha256, rt.clock.now())
        return await status(tx, secret)


def limits_of(rt: Runtime) -> Complaints:
    """What the profile says of complaints."""
    if rt.rules.complaints is None:
        raise TypeError("a profile without complaints does not start this service")
    return rt.rules.complaints


def _require_room(standing: Standing, limits: Complaints) -> None:
    if standing.matter.status is MatterStatus.ENDED:
        raise ComplaintOver
    if len(standing.files) >= limits.most_files:
        raise ComplaintFilesFull(most=limits.most_files)


async def _at_most(body: AsyncIterable[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > limit:
            raise ComplaintFileTooLarge(limit=limit)
        yield chunk


def _reference() -> str:
    """Sixty random bits, so that it says nothing of how many there are: C-0000-0000-0000."""
    bits = secrets.randbits(60)
    signs = "".join(_SIGNS[bits >> at & 31] for at in range(0, 60, 5))
    return f"C-{signs[:4]}-{signs[4:8]}-{signs[8:]}"


def _is_address(email: str) -> bool:
    """Whether mail could be sent there at all; the server has the last word."""
    local, at, domain = email.rpartition("@")
    return bool(at and local and domain.isascii() and "." in domain and email.isprintable()) and " " not in email


async def forget(rt: Runtime) -> int:
    """Forget who complained, so many days after it was over; says of how many. Part of the ticks."""
    return await store.forget(rt.db, await deadlines.time_of(rt), limits_of(rt).forget_days)
