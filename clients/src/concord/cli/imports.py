"""``concord registrations import``: looks at a file before it is sent, sends it, and says whether all of it adds up."""

import asyncio
import codecs
import csv
import difflib
import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from concord.cli.output import As, AsJson, File, act, err, failed, plain
from concord.exits import Exit
from concord.files import BadFile, decoded, name_of, opened
from concord.sdk import Concord, ConcordError, Unreachable
from shared.contracts.http.imports import ImportView

CHUNK: Final = 256 * 1024
SAMPLE: Final = 64 * 1024
REQUIRED: Final = ("operator_name", "operator_uscc", "region", "site_name", "domain", "provider_id", "ips")
COLUMNS: Final = (*REQUIRED, "number", "operator_kind", "service_items", "hosting_mode")
"""What a record may have. docs/providers.md and the registry's API pages say what each holds."""


XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES: Final = {".csv": "text/csv", ".xlsx": XLSX}
TRIES: Final = 8
"""Connections that may break before we give up; what is in stays in."""
PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
FOLLOW_S: Final = 1.0
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything against the register, enter nothing.")]
All = Annotated[bool, typer.Option("--all", help="Write a result also for each record that is in.")]


def import_file(
    file: File, as_: As = None, as_json: AsJson = False, dry_run: DryRun = False, everything: All = False
) -> None:  # fmt: skip
    """Import registrations from FILE (.csv, .xlsx, else NDJSON): registrations import sites.csv --as regulator-a.

    Columns: operator_name, operator_uscc, region, site_name, domain, provider_id, ips; and as you like number,
    operator_kind, service_items, hosting_mode. Records that do not go in, and findings about those that do, are
    written to FILE.results.ndjson (or FILE.results-2.ndjson and so on; none is overwritten). A connection that breaks
    is taken up again where it broke. Exits 5 when none went in, or the counts do not add up.
    """
    suffix = file.suffix.lower()
    look(file, is_csv=suffix == ".csv", is_workbook=suffix == ".xlsx")
    sending = Sending(file, MEDIA_TYPES.get(suffix, "application/x-ndjson"), dry_run, everything, quiet=as_json)

    async def verb(concord: Concord) -> Any:
        with sending.bar:
            done = await sending.send(concord)
        told = done.model_dump(mode="json")
        expected = done.rejected + done.findings + (done.accepted + done.unchanged if everything else 0)
        if expected:
            told["results_in"] = _kept(file, await concord.registry.import_results(done.id), expected)
        return told

    done = act(verb, as_, as_json)
    if done.get("recognised") and done.get("charset") != "utf-8":
        err.print(f"{plain(file.name)} was read as {done['charset'].upper()}", style="dim", soft_wrap=True)
    lines = done["records"] if suffix == ".xlsx" else sending.lines - (suffix == ".csv")
    if fault := what_is_wrong(done, lines, is_csv=suffix == ".csv"):
        failed(fault)
        raise typer.Exit(Exit.FAILED)


@dataclass
class Sending:
    """A file on its way: sent from its beginning, and again after a break, until all of it is settled."""

    file: Path
    media_type: str
    dry_run: bool
    everything: bool
    quiet: bool
    lines: int = 0
    id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.size = self.file.stat().st_size
        self.bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
                            TransferSpeedColumn(), TimeRemainingColumn(), console=err, disable=self.quiet)  # fmt: skip
        self.task = self.bar.add_task(plain(self.file.name), total=self.size)

    async def send(self, concord: Concord) -> ImportView:
        """Send it; a break is taken up where the service stands. Raises Unreachable when too many came."""
        following = asyncio.create_task(self._follow(concord))
        try:
            for broken in range(TRIES):
                try:
                    return await self._once(concord, again=broken > 0)
                except Unreachable:
                    if self.dry_run or broken == TRIES - 1:
                        raise
                    await asyncio.sleep(PAUSES_S[min(broken, len(PAUSES_S) - 1)])
            raise TypeError("the last break is raised")
        finally:
            following.cancel()

    async def _once(self, concord: Concord, *, again: bool) -> ImportView:
        known = await self._known(concord) if again else None
        self.lines = 0
        self.bar.reset(self.task, total=self.size)
        if known is None:
            return await concord.registry.import_sites(
                self._content(), media_type=self.media_type, filename=self.file.name, import_id=self.id,
                dry_run=self.dry_run, all_results=self.everything, size=self.size,
            )  # fmt: skip
        if known.status == "done":
            self.lines = sum(1 for line in chunked(self.file) if line.strip())
            return known
        err.print(f"the connection broke; going on at row {known.next_row}", style="yellow", soft_wrap=True)
        try:
            return await concord.registry.continue_import(
                self.id, self._content(), media_type=self.media_type, size=self.size
            )
        except ConcordError as error:
            if error.code != "import_running":
                raise
            await asyncio.sleep(float(error.problem.get("wait_s", PAUSES_S[-1])) / 2)
            raise Unreachable("the registry still takes in what was sent before the connection broke") from error

    async def _known(self, concord: Concord) -> ImportView | None:
        try:
            return await concord.registry.get_import(self.id)
        except ConcordError as error:
            if error.code == "unknown_import":
                return None
            raise

    async def _content(self) -> AsyncIterator[bytes]:
        with opened(self.file) as source:
            while some := source.readlines(CHUNK):
                chunk = b"".join(some)
                yield chunk
                self.lines += sum(1 for line in some if line.strip())
                self.bar.advance(self.task, len(chunk))

    async def _follow(self, concord: Concord) -> None:
        """Show what the service says of it, once a second; whether it answers is no business of this."""
        while not self.quiet:
            await asyncio.sleep(FOLLOW_S)
            try:
                seen = await concord.registry.get_import(self.id)
            except (ConcordError, Unreachable):
                continue
            rows = f"{seen.records:,} rows, {seen.rejected:,} rejected"
            self.bar.update(self.task, description=f"{plain(self.file.name)}: {rows}")


def chunked(file: Path) -> Iterator[bytes]:
    """The lines of a file. Raises BadFile."""
    with opened(file) as source:
        yield from source


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


def look(file: Path, *, is_csv: bool, is_workbook: bool = False) -> None:
    """Look at the beginning of a file. Raises BadFile for what would be rejected, or misread, line after line."""
    name = name_of(file)
    if file.exists() and not file.is_file() and not file.is_dir():
        raise BadFile(f"{name} can be read only once: save it in a file first")
    with opened(file) as source:
        raw = source.read(SAMPLE)
    if is_workbook:
        if not raw.startswith(b"PK"):
            raise BadFile(f"{name} is no XLSX file: save it as one, without a password")
        return
    text = _text(raw, name, whole=len(raw) < SAMPLE) if is_csv else decoded(raw, name, whole=len(raw) < SAMPLE)
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


def _text(raw: bytes, name: str, *, whole: bool) -> str:
    """The beginning of a CSV file, also in what Excel writes in China: the registry recognises it, and says so."""
    try:
        return decoded(raw, name, whole=whole)
    except BadFile:
        wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        try:
            text = codecs.getincrementaldecoder("utf-16" if wide else "gb18030")().decode(raw, final=whole)
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise
        return text


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
