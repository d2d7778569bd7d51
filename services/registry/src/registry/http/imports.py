"""Imports: streams of existing registrations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from registry import views
from registry.service import imports
from shared.contracts.http import registry as wire
from shared.runtime.web.door import Rt, Who, router

STREAMS: APIRouter = router(idempotent=False)


@STREAMS.post("/imports", tags=["imports"], max_body_size=1 << 40)  # read row by row, never held
async def import_sites(
    rt: Rt, who: Who, request: Request, content_type: Annotated[str, Header()] = imports.NDJSON,
    x_filename: Annotated[str | None, Header(max_length=255)] = None,
) -> wire.ImportView:  # fmt: skip
    """Enter existing registrations from a stream of records, one a line (NDJSON) or row (CSV with a header).

    A record that is wrong is listed in the results and the rest goes in. Sending the same file again changes nothing.
    """
    return views.of_import(await imports.run(rt, who, request.stream(), content_type, x_filename))


@STREAMS.get("/imports/{import_id}", tags=["imports"])
async def read_import(rt: Rt, who: Who, import_id: UUID) -> wire.ImportView:
    """How an import stands, also while it runs."""
    return views.of_import(await imports.get(rt, who, import_id))


@STREAMS.get(
    "/imports/{import_id}/results",
    tags=["imports"],
    response_class=StreamingResponse,
    responses={200: {"content": {imports.NDJSON: {"schema": {"type": "string"}}}}},
)
async def import_results(rt: Rt, who: Who, import_id: UUID) -> StreamingResponse:
    """Rows that did not go in, and findings, one JSON object a line: line, kind, raw, code, field, message."""
    found = await imports.get(rt, who, import_id)
    return StreamingResponse(imports.results(rt, found.id), media_type=imports.NDJSON)
