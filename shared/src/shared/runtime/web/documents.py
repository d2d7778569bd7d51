"""What a department that issues documents answers: its keys, and whether a document still stands, to everybody.

A service puts ``router_of(…)`` among its routers and ``issuing.start`` into its table of contents; addresses of its
own, behind a token, answer with ``view_of`` and ``page_of``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from shared.contracts.http.documents import DocumentView
from shared.documents.rendering import pdf
from shared.rules import Role
from shared.runtime.acts import documents
from shared.runtime.acts.documents import Issued, Issuing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx
from shared.runtime.web.door import PUBLIC, Rt, router

PDF: Final = "application/pdf"


@dataclass(frozen=True, slots=True)
class Standing:
    """How what a document is about stands, in the department's word, and from when to when."""

    in_force: bool
    word: str
    valid_from: date
    valid_until: date | None
    ended_at: datetime | None


Standings = Callable[[Tx, Runtime, Issued], Awaitable[Standing]]
"""The department's own answer to how the subject of a document stands."""


def router_of(issuers: Collection[Role], standing: Standings) -> APIRouter:
    """The addresses that need no token. ``issuers``: the kinds of organisations that sign here."""
    public = router(tags=["documents"])

    @public.get("/.well-known/jwks.json", openapi_extra=PUBLIC)
    async def signing_keys(rt: Rt, response: Response) -> dict[str, Any]:
        """Public keys documents are signed with, retired ones too (RFC 7517); `organisation` says whose."""
        response.headers["Cache-Control"] = "public, max-age=300"
        state: Issuing = rt.state
        state.keys.ensure([each.organisation_id for each in rt.directory if each.active and {*issuers} & {*each.kinds}])
        return state.keys.published

    @public.get("/documents/{document_id}", openapi_extra=PUBLIC)
    async def issued_document(rt: Rt, document_id: UUID, response: Response) -> DocumentView:
        """A document and whether it is still in force. Its id is random and in no list: who asks holds it."""
        response.headers["Cache-Control"] = "no-store"
        async with rt.db.connection() as tx:
            issued = await documents.get(tx, document_id)
            return await view_of(tx, rt, issued, standing)

    return public


async def view_of(tx: Tx, rt: Runtime, issued: Issued, standing: Standings) -> DocumentView:
    """A document as it is shown."""
    newest = await documents.latest(tx, issued.kind, issued.subject_id)
    stands = await standing(tx, rt, issued)
    return DocumentView(
        document=issued.content,
        jws=issued.jws,
        in_force=stands.in_force,
        standing=stands.word,
        valid_from=stands.valid_from,
        valid_until=stands.valid_until,
        ended_at=stands.ended_at,
        newest=newest is None or newest.id == issued.id,
        as_of=rt.clock.now(),
    )


async def page_of(issued: Issued) -> Response:
    """A document as a page to print. Its QR code leads to its status."""
    content = issued.content
    made = await asyncio.to_thread(pdf, content, issued.jws, code=content.status_at)
    name = f"{content.kind}-{content.document_id}.pdf"
    return Response(
        made,
        media_type=PDF,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )
