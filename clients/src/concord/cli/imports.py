"""``concord registrations import``: looks at a file before it is sent, sends it, and says whether all of it adds up."""

import csv
import difflib
import json
from collections.abc import AsyncIterator, Collection, Iterable
from pathlib import Path
from typing import Any, Final

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from concord.cli.output import As, AsJson, File, act, err, failed, plain
from concord.exits import Exit
from concord.files import BadFile, decoded, name_of, opened
from concord.sdk import Concord

CHUNK: Final = 256 * 1024
SAMPLE: Final = 64 * 1024
REQUIRED: Final = ("operator_name", "operator_uscc", "region", "site_name", "domain", "provider_id", "ips")
COLUMNS: Final = (*REQUIRED, "number", "operator_kind", "service_items", "hosting_mode")
"""What a record may have. docs/providers.md and the registry's API pages say what each holds."""


def import_file(file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Import registrations from FILE (.csv with a header, else NDJSON): concord import sites.csv --as regulator-a.

    Columns: operator_name, operator_uscc, region, site_name, domain, provider_id, ips; and as you like number,
    operator_kind, service_items, hosting_mode. Records that do not go in, and findings about those that do, are
    written to FILE.results.ndjson (or FILE.results-2.ndjson and so on; none is overwritten). Exits 5 when none went in,
    or the counts do not add up.
    """
    is_csv = file.suffix.lower() == ".csv"
    look(file, is_csv=is_csv)
    size = file.stat().st_size
    bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
                   TimeRemainingColumn(), console=err, disable=as_json)  # fmt: skip
    task = bar.add_task(plain(file.name), total=size)
    lines = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal lines
        with opened(file) as source:
            while some := source.readlines(CHUNK):
                chunk = b"".join(some)
                yield chunk
                lines += sum(1 for line in some if line.strip())
                bar.advance(task, len(chunk))

    async def verb(concord: Concord) -> Any:
        media_type = "text/csv" if is_csv else "application/x-ndjson"
        with bar:
            done = await concord.registry.import_sites(content(), media_type=media_type, filename=file.name)
        told = done.model_dump(mode="json")
        if done.rejected or done.findings:
            told["results_in"] = _kept(
                file, await concord.registry.import_results(done.id), done.rejected + done.findings
            )
        return told

    done = act(verb, as_, as_json)
    if fault := what_is_wrong(done, lines - is_csv, is_csv=is_csv):
        failed(fault)
        raise typer.Exit(Exit.FAILED)


def what_is_wrong(done: dict[str, Any], lines: int, *, is_csv: bool) -> str | None:
    """Why an import is not as it should be, in one line; none if it is. ``lines``: those with a record in them."""
    records, settled = done["records"], done["accepted"] + done["unchanged"] + done["rejected"]
    if done["status"] != "done":
        return f"the import is {done['status']}: send the file again; what is in stays in"
    if records == 0:
        return "there was no record in the file"
    if settled != records:
        return f"the counts do not add up: {records} records, of which {settled} were accepted, unchanged or rejected"
    if records > lines or (records < lines and not is_csv):
        return f"the counts do not add up: {lines} lines were sent, {records} records were read"
    if done["rejected"] == records:
        return f"every record was rejected; {done.get('results_in')} says why"
    if records < lines:
        said = f"{lines} lines, but {records} records: cells with line breaks, or a quote that is never closed"
        err.print(said, style="yellow", soft_wrap=True)
    return None


def look(file: Path, *, is_csv: bool) -> None:
    """Look at the beginning of a file. Raises BadFile for what would be rejected, or misread, line after line."""
    name = name_of(file)
    if file.exists() and not file.is_file() and not file.is_dir():
        raise BadFile(f"{name} can be read only once: save it in a file first")
    with opened(file) as source:
        raw = source.read(SAMPLE)
    text = decoded(raw, name, whole=len(raw) < SAMPLE)
    if not text.strip():
        raise BadFile(f"{name} is empty")
    if "\r" in text and "\n" not in text:
        raise BadFile(f"{name} ends its lines with CR alone, as old Macs did: save it with LF or CR LF")
    json_like = text.lstrip()[0] in "{["
    if is_csv and json_like:
        raise BadFile(f"{name} holds JSON: name it .ndjson")
    if is_csv:
        header = next(csv.reader(line for line in text.splitlines() if line.strip()), [])
        _check_names(name, [column.strip() for column in header], whole=True)
    elif text.lstrip()[0] != "{":
        wanted = (
            "one JSON object a line, not a list" if json_like else "one JSON object a line; is it CSV? Name it .csv"
        )
        raise BadFile(f"{name} must have {wanted}")
    else:
        _check_names(name, _members(text.splitlines()), whole=False)


def _members(lines: Iterable[str]) -> Collection[str]:
    """The member names of the records, in the order in which they come up; a line that is none is the registry's."""
    found: dict[str, None] = {}
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found |= dict.fromkeys(record)
    return found


def _check_names(name: str, given: Collection[str], *, whole: bool) -> None:
    unknown = [_meant(column) for column in given if column not in COLUMNS]
    if unknown:
        raise BadFile(f"{name}: unknown columns: {', '.join(unknown)}. Known are {', '.join(COLUMNS)}")
    if len(set(given)) != len(given):
        twice = {column for column in given if list(given).count(column) > 1}
        raise BadFile(f"{name}: the header has columns twice: {', '.join(sorted(twice))}")
    missing = [column for column in REQUIRED if column not in given]
    if whole and missing:
        raise BadFile(f"{name}: the header lacks {', '.join(missing)}")


def _meant(column: str) -> str:
    close = difflib.get_close_matches(column.strip().lower().replace(" ", "_").replace("-", "_"), COLUMNS, n=1)
    return f"{column!r:.60}" + (f" (do you mean {close[0]}?)" if close else "")


def _kept(file: Path, results: list[bytes], expected: int) -> str:
    """Write the results of an import beside the file, never over an earlier such file; gives where they are."""
    number = 1
    while True:
        kept = file.with_name(f"{file.name}.results{f'-{number}' if number > 1 else ''}.ndjson")
        try:
            with kept.open("xb") as target:
                target.writelines(line + b"\n" for line in results)
        except FileExistsError:
            number += 1
        except OSError as error:
            return f"nowhere: {kept} cannot be written ({error.strerror}); GET /imports/…/results gives them again"
        else:
            return str(kept) + (f" ({len(results)} of {expected})" if len(results) != expected else "")
