"""What came of the rows of an import: as a stream, as a page, as a file for a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import orjson

from registry.importing.advice import advice_on
from registry.store import imports
from registry.store.imports import Result, Taken
from shared.contracts.http.imports import ImportResultPage, ImportResultView
from shared.runtime.acts.runtime import Runtime

AT_ONCE: Final = 1000
FIELDS: Final = ("line", "kind", "field", "value", "code", "message", "advice", "number", "site_id", "raw")
BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet calculate with a text that somebody else wrote."""


async def ndjson(rt: Runtime, import_id: UUID) -> AsyncIterator[bytes]:
    """One JSON object a row, in the order of the file."""
    async for some in _all(rt, import_id):
        yield b"".join(orjson.dumps(_said(*each)) + b"\n" for each in some)


async def table(rt: Runtime, import_id: UUID) -> AsyncIterator[bytes]:
    """CSV with a header and a mark, by which spreadsheets know that it is UTF-8; nothing in it is a formula."""
    yield "\ufeff".encode() + _row(list(FIELDS))
    async for some in _all(rt, import_id):
        yield b"".join(_row([_harmless(_said(*each).get(name)) for name in FIELDS]) for each in some)


async def page(rt: Runtime, import_id: UUID, after: str | None, limit: int) -> ImportResultPage:
    """A page of them; ``after``: where the page before ended."""
    line, _, place = (after or "0.0").partition(".")
    async with rt.db.connection() as tx:
        found = await imports.results(tx, import_id, (int(line), int(place)), limit + 1)
    shown = [result for result, _ in found[:limit]]
    return ImportResultPage(
        items=[ImportResultView.model_validate(_said(*each)) for each in found[:limit]],
        next=f"{shown[-1].line}.{shown[-1].place}" if len(found) > limit else None,
    )


async def _all(rt: Runtime, import_id: UUID) -> AsyncIterator[list[tuple[Result, Taken | None]]]:
    after = (0, 0)
    while True:
        async with rt.db.connection() as tx:
            found = await imports.results(tx, import_id, after, AT_ONCE)
        if not found:
            return
        yield found
        after = (found[-1][0].line, found[-1][0].place)


def _said(result: Result, taken: Taken | None) -> dict[str, Any]:
    if taken is not None:
        site = None if taken.site_id is None else str(taken.site_id)
        return {"line": taken.line, "kind": taken.kind, "site_id": site, "number": taken.number}
    return {
        "line": result.line, "kind": result.kind, "raw": result.raw, "code": result.code, "field": result.field,
        "value": result.value, "message": result.message, "advice": advice_on(result.code),
    }  # fmt: skip


def _row(values: list[Any]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(values)
    return out.getvalue().encode()


def _harmless(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(BEGINS_FORMULA) else text
