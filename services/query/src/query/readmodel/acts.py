"""What was decided about a site, carried out and undone: facts of two topics, kept so that their order is no matter.

Of each fact only what everybody may read is taken over, and the case for officials: no account of an officer, no
reasons but the public ones, no evidence. A decision that was released and not carried out is not even heard.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Protocol
from uuid import UUID

import msgspec

from shared.contracts import enforcement, registry
from shared.contracts.base import Fact

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
HOST: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*").fullmatch
LONGEST_HOST: Final = 253
APPEALED: Final = frozenset({("enforcement", "decision"), ("registry", "execution")})
"""Acts whose appeals are told here; what becomes of an application concerns whoever applied."""


def found_id(host: str) -> bytes:
    """What stands for a site that is in no register, by its host name, where others have their site id."""
    return hashlib.blake2b(b"found site " + host.encode(), digest_size=16).digest()


# --- what an act says, as an answer has it ---------------------------------------------------------------------------


class Names(msgspec.Struct, frozen=True):
    """The name of an organisation in both languages."""

    zh: str
    en: str


class Authority(msgspec.Struct, frozen=True):
    """An organisation, by its names alone."""

    names: Names


class Statement(msgspec.Struct, frozen=True):
    """What was stated, as everybody may read it."""

    legal_basis: tuple[str, ...]
    public_reasons: str
    redacted: tuple[str, ...] = ()


class RedressGiven(msgspec.Struct, frozen=True):
    """How an act can be challenged, as its fact says it."""

    body: Authority
    how: str
    within_days: int
    how_zh: str | None = None


class Grounds(Statement, frozen=True, kw_only=True):
    """The grounds of a decision, as everybody may read them."""

    authority: Authority
    redress: RedressGiven


# --- the facts -------------------------------------------------------------------------------------------------------


class Act(Protocol):
    """A fact as it is kept: under the act it is about, its kind, and what else tells it apart."""

    KIND: ClassVar[str]

    @property
    def about(self) -> UUID: ...  # noqa: D102
    @property
    def part(self) -> bytes: ...  # noqa: D102
    @property
    def at(self) -> datetime: ...  # noqa: D102


class Subject(msgspec.Struct, frozen=True):
    """What a decision is about."""

    kind: str
    site_id: UUID | None = None
    host: str | None = None
    provider_id: UUID | None = None


class Hit(msgspec.Struct, frozen=True):
    """The site that is hit."""

    site_id: UUID


class CarriedOut(msgspec.Struct, frozen=True):
    """A decision was carried out on the register."""

    KIND: ClassVar[str] = "carried_out"

    execution_id: UUID
    decision_id: UUID
    case_id: UUID
    effect: str
    subject: Subject
    regulator: Authority
    grounds: Grounds
    carried_out_at: Moment
    site: Hit | None = None
    person: str | None = None
    """Whose site it was, by name, if that was a person: never shown, left out of what is."""
    service_item: str | None = None
    until: Moment | None = None

    @property
    def about(self) -> UUID:
        """The decision."""
        return self.decision_id

    @property
    def part(self) -> bytes:
        """One fact for each site."""
        return self.execution_id.bytes + (self.place or b"")

    @property
    def at(self) -> datetime:
        """When."""
        return self.carried_out_at

    @property
    def host(self) -> str | None:
        """The host name, if what is hit is in no register."""
        return self.subject.host if self.subject.kind == "found_site" else None

    @property
    def place(self) -> bytes | None:
        """What is hit; none if it is no site."""
        if self.site is not None:
            return self.site.site_id.bytes
        if self.subject.kind == "site" and self.subject.site_id is not None:
            return self.subject.site_id.bytes
        return None if self.host is None else found_id(self.host)

    def __post_init__(self) -> None:
        """Raise ValueError for a host name that could not be a key."""
        if self.host is not None and (len(self.host) > LONGEST_HOST or HOST(self.host) is None):
            raise ValueError(f"{self.host[:80]!r} is not a host name in A-labels")


class Undone(msgspec.Struct, frozen=True):
    """What an execution did was undone."""

    KIND: ClassVar[str] = "undone"

    execution_id: UUID
    decision_id: UUID
    because: str
    authority: Authority
    statement: Statement
    undone_at: Moment

    @property
    def about(self) -> UUID:
        """The decision."""
        return self.decision_id

    @property
    def part(self) -> bytes:
        """The execution."""
        return self.execution_id.bytes

    @property
    def at(self) -> datetime:
        """When."""
        return self.undone_at


class _Turn(msgspec.Struct, frozen=True):
    """A decision took another turn. What was stated then comes with what undoes its execution."""

    decision_id: UUID

    @property
    def about(self) -> UUID:
        """The decision."""
        return self.decision_id

    @property
    def part(self) -> bytes:
        """The latest counts."""
        return b""


class Suspended(_Turn, frozen=True):
    """A decision has no effect for the time being."""

    KIND: ClassVar[str] = "suspended"

    suspended_at: Moment

    @property
    def at(self) -> datetime:
        """When."""
        return self.suspended_at


class Overturned(_Turn, frozen=True):
    """An appeal against a decision was upheld."""

    KIND: ClassVar[str] = "overturned"

    overturned_at: Moment

    @property
    def at(self) -> datetime:
        """When."""
        return self.overturned_at


class Ended(_Turn, frozen=True):
    """An authority ended its own decision."""

    KIND: ClassVar[str] = "ended"

    ended_at: Moment

    @property
    def at(self) -> datetime:
        """When."""
        return self.ended_at


class ActRef(msgspec.Struct, frozen=True):
    """Whose act an appeal is against, and what it is."""

    service: str
    kind: str


class AppealSaid(msgspec.Struct, frozen=True):
    """What every fact about an appeal says."""

    appeal_id: UUID
    act_id: UUID
    act: ActRef
    body: Authority

    @property
    def about(self) -> UUID:
        """The act that is appealed."""
        return self.act_id

    @property
    def part(self) -> bytes:
        """The appeal."""
        return self.appeal_id.bytes


class AppealFiled(AppealSaid, frozen=True):
    """Somebody challenges an act."""

    KIND: ClassVar[str] = "appeal_filed"

    filed_at: Moment

    @property
    def at(self) -> datetime:
        """When."""
        return self.filed_at


class AppealOverdue(AppealSaid, frozen=True):
    """The review body did not decide in time."""

    KIND: ClassVar[str] = "appeal_overdue"

    due_at: Moment

    @property
    def at(self) -> datetime:
        """When it should have."""
        return self.due_at


class AppealDecided(AppealSaid, frozen=True):
    """The review body decided."""

    KIND: ClassVar[str] = "appeal_decided"

    outcome: str
    statement: Statement
    decided_at: Moment

    @property
    def at(self) -> datetime:
        """When."""
        return self.decided_at


KINDS: Final[Mapping[type[Fact], type[Any]]] = MappingProxyType({
    registry.ExecutionCarriedOutV1: CarriedOut,
    registry.ExecutionUndoneV1: Undone,
    enforcement.DecisionSuspendedV1: Suspended,
    enforcement.DecisionOverturnedV1: Overturned,
    enforcement.DecisionEndedV1: Ended,
    enforcement.AppealFiledV1: AppealFiled,
    enforcement.AppealOverdueV1: AppealOverdue,
    enforcement.AppealDecidedV1: AppealDecided,
})  # fmt: skip
"""What is kept of which fact."""
_READERS: Final = {kind.KIND: msgspec.json.Decoder(kind).decode for kind in KINDS.values()}
_encode: Final = msgspec.json.Encoder().encode


def key(act: Act) -> bytes:
    """Under which key a fact is kept; all of one act stand together."""
    return act.about.bytes + act.KIND.encode() + b"/" + act.part


def dump(act: Act) -> bytes:
    """A fact as it is kept."""
    return _encode(act)


def load(key: bytes, value: bytes | memoryview) -> Any:
    """A fact as it was kept."""
    return _READERS[bytes(key[16 : key.index(b"/", 16)]).decode()](value)


def newer(act: Act, kept: bytes | None) -> bool:
    """Whether a fact takes the place of the one that is kept. Of several in one place the latest stays."""
    if kept is None:
        return True
    known = _READERS[act.KIND](kept)
    return (act.at, dump(act)) > (known.at, kept)
