"""Documents that an organisation issues: signed once with its own key, in the transaction of the act, and kept.

The service holds ``Issuing`` as its ``rt.state``, or its state is a kind of it (``process.issuing`` opens one).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from shared.contracts.documents import IssuedDocument, Particular
from shared.contracts.grounds import AuthorityRef, Names, Party
from shared.documents import signed
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.keys import NoSigningKey, OwnedKeys
from shared.runtime.base.problems import NotFound, Unavailable
from shared.runtime.db.postgres import Tx
from shared.signing import Signer


class UnknownDocument(NotFound):
    """There is no document {document_id}."""


class IssuerHasNoKey(Unavailable):
    """{organisation} has no key here to sign with: whoever runs this department must give it one."""


@dataclass(frozen=True, slots=True)
class Issuing:
    """What a service that issues documents holds while it runs."""

    keys: OwnedKeys


@dataclass(frozen=True, slots=True)
class Draft:
    """What a document is to say; the rest is known when it is issued."""

    kind: str
    title: Names
    subject_id: UUID
    number: str
    holder: Party
    scope: str
    covers: tuple[str, ...]
    issuer: AuthorityRef
    legal_basis: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    particulars: tuple[Particular, ...] = ()


@dataclass(frozen=True, slots=True)
class Issued:
    """A document as it is kept: the bytes that were signed."""

    id: UUID
    kind: str
    subject_id: UUID
    edition: int
    issuer: str
    jws: str
    issued_at: datetime

    @property
    def content(self) -> IssuedDocument:
        """What it says. It is our own record: the signature is not verified anew."""
        return signed.content(self.jws)


_COLUMNS: Final = "id, kind, subject_id, edition, issuer, jws, issued_at"
_NEXT: Final = "SELECT coalesce(max(edition), 0) + 1 FROM document WHERE subject_id = $1 AND kind = $2"
_ADD: Final = (
    "INSERT INTO document (id, kind, subject_id, edition, issuer, jws, issued_at) VALUES ($1,$2,$3,$4,$5,$6,$7)"
)
_GET: Final = f"SELECT {_COLUMNS} FROM document WHERE id = $1"  # noqa: S608 - ours
_LATEST: Final = f"""
SELECT {_COLUMNS} FROM document WHERE subject_id = $1 AND kind = $2 ORDER BY edition DESC LIMIT 1
"""  # noqa: S608


def signer_of(rt: Runtime, organisation: str) -> Signer:
    """The key that signs for this organisation, and for no other. Raises IssuerHasNoKey (503)."""
    state: Issuing = rt.state
    try:
        return state.keys.signer(organisation)
    except NoSigningKey as missing:
        raise IssuerHasNoKey(organisation=organisation) from missing


async def issue(tx: Tx, rt: Runtime, draft: Draft, at: datetime) -> Issued:
    """Sign a document and keep it, as the next edition. Its subject is held. Raises IssuerHasNoKey (503)."""
    edition: int = await tx.fetchval(_NEXT, draft.subject_id, draft.kind)
    document_id, door = uuid4(), rt.settings.door
    document = IssuedDocument(
        **{name: getattr(draft, name) for name in Draft.__dataclass_fields__},
        document_id=document_id,
        edition=edition,
        issued_at=at,
        time_zone=rt.rules.time_zone.key,
        profile=rt.rules.ref,
        status_at=f"{door}/documents/{document_id}",
        keys_at=f"{door}/.well-known/jwks.json",
    )
    jws = signed.sign(document, signer_of(rt, draft.issuer.id))
    issued = Issued(document_id, draft.kind, draft.subject_id, edition, draft.issuer.id, jws, at)
    await tx.execute(_ADD, issued.id, issued.kind, issued.subject_id, edition, issued.issuer, jws, at)
    return issued


async def get(tx: Tx, document_id: UUID) -> Issued:
    """A document by its id. Raises UnknownDocument (404)."""
    row = await tx.fetchrow(_GET, document_id)
    if row is None:
        raise UnknownDocument(document_id=document_id)
    return _issued(row)


async def latest(tx: Tx, kind: str, subject_id: UUID) -> Issued | None:
    """The newest edition of a document about this; None if none was issued."""
    row = await tx.fetchrow(_LATEST, subject_id, kind)
    return _issued(row) if row else None


def _issued(row: asyncpg.Record) -> Issued:
    return Issued(**dict(row))
