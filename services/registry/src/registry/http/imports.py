"""Imports: streams of existing registrations, how far they are, and what came of each row."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from registry import views
from registry.importing.files import CSV, NDJSON
from registry.service import import_results, imports
from registry.service.imports import Wanted
from shared.contracts.http import imports as wire
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import MOST, USUAL

STREAMS: APIRouter = router(idempotent=False)
LARGEST = 1 << 40
"""Read row by row, never held; a workbook, which is held, has a limit of its own."""
Filename = Annotated[str | None, Header(max_length=255)]
Length = Annotated[int | None, Header(alias="Content-Length", ge=0, include_in_schema=False)]


@STREAMS.post("/imports", tags=["imports"], max_body_size=LARGEST)
async def import_sites(
    rt: Rt, who: Who, request: Request, content_type: Annotated[str, Header()] = NDJSON, x_filename: Filename = None,
    x_import_id: Annotated[UUID | None, Header(description="Chosen by the sender, to follow it by.")] = None,
    content_length: Length = None,
    dry_run: Annotated[bool, Query(description="Check everything, enter nothing.")] = False,
    all_: Annotated[bool, Query(alias="all", description="Results also for rows that are in.")] = False,
) -> wire.ImportView:  # fmt: skip
    """Enter existing registrations from a stream of records, one a line (NDJSON) or row (CSV, XLSX with a header).

    A record that is wrong is listed in the results and the rest goes in. Sending the same file again changes nothing.
    """
    wanted = Wanted(content_type, x_filename, content_length, x_import_id, dry_run, all_)
    return views.of_import(await imports.run(rt, who, request.stream(), wanted))


@STREAMS.post("/imports/{import_id}/continuation", tags=["imports"], max_body_size=LARGEST)
async def continue_import(
    rt: Rt, who: Who, import_id: UUID, request: Request, content_type: Annotated[str, Header()] = NDJSON,
    content_length: Length = None,
) -> wire.ImportView:  # fmt: skip
    """Go on with an import that was broken off: the same file, from its beginning.

    Rows that are settled already are read over, and must be the same (409 otherwise).
    """
    wanted = Wanted(content_type, total_bytes=content_length)
    return views.of_import(await imports.go_on(rt, who, import_id, request.stream(), wanted))


@STREAMS.get("/imports/{import_id}", tags=["imports"])
async def read_import(rt: Rt, who: Who, import_id: UUID) -> wire.ImportView:
    """How an import stands, also while it runs."""
    return views.of_import(await imports.get(rt, who, import_id))


@STREAMS.get(
    "/imports/{import_id}/results",
    tags=["imports"],
    response_class=StreamingResponse,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
)
async def read_import_results(rt: Rt, who: Who, import_id: UUID) -> StreamingResponse:
    """Rows that did not go in, and findings, one JSON object a line, in the order of the file."""
    found = await imports.get(rt, who, import_id)
    return StreamingResponse(import_results.ndjson(rt, found.id), media_type=NDJSON)


@STREAMS.get(
    "/imports/{import_id}/results.csv",
    tags=["imports"],
    response_class=StreamingResponse,
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def read_import_results_table(rt: Rt, who: Who, import_id: UUID) -> StreamingResponse:
    """The same as a file for a spreadsheet."""
    found = await imports.get(rt, who, import_id)
    named = {"Content-Disposition": f'attachment; filename="import-{found.id}.csv"'}
    return StreamingResponse(import_results.table(rt, found.id), media_type=CSV, headers=named)


@STREAMS.get("/imports/{import_id}/results/page", tags=["imports"])
async def read_import_results_page(
    rt: Rt, who: Who, import_id: UUID,
    after: Annotated[str | None, Query(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$", description="`next` of the page before.")]
    = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most results in the page.")] = USUAL,
) -> wire.ImportResultPage:  # fmt: skip
    """The same in pages."""
    found = await imports.get(rt, who, import_id)
    return await import_results.page(rt, found.id, after, limit)
