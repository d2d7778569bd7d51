"""A file as it is sent: what it says it is, its rows, and how far it has been read."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from registry.importing import workbook
from registry.importing.charsets import Charset, utf8
from registry.importing.records import FIELDS
from registry.importing.rows import Row, csv_reader, csv_rows, lines, read_json
from shared.runtime.base.problems import UnsupportedMediaType
from shared.runtime.web.media import MediaType

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES: Final = (NDJSON, CSV, XLSX)

Read = Callable[[Row], Mapping[str, Any]]


@dataclass(slots=True)
class File:
    """A file that is being read."""

    media_type: str
    charset: Charset = field(default_factory=Charset)
    bytes_read: int = 0
    """So far, as it was sent."""
    read: Read | None = None
    """How to read a row; of CSV known once its header was seen."""

    def begun(self, header: Row) -> None:
        """Learn from the header of a CSV file. Raises NotThatFile."""
        self.read = csv_reader(header, FIELDS)

    async def metered(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The stream, counted."""
        async for chunk in stream:
            self.bytes_read += len(chunk)
            yield chunk


def opened(stream: AsyncIterator[bytes], content_type: str) -> tuple[File, AsyncIterator[Row]]:
    """A file and its rows. Raises UnsupportedMediaType (415); while its rows are read NotThatFile (422)."""
    given = MediaType.parse(content_type)
    if given is None or given.essence not in TYPES:
        raise UnsupportedMediaType(accepted=", ".join(TYPES))
    file = File(given.essence)
    counted = file.metered(stream)
    if given.essence == XLSX:
        file.read = read_json
        return file, workbook.rows(counted, FIELDS)
    # JSON is UTF-8 (RFC 8259 §8.1) unless somebody says otherwise; of CSV nothing is known beforehand.
    stated = given.charset or (None if given.essence == CSV else "utf-8")
    text = utf8(counted, stated, file.charset)
    if given.essence == CSV:
        return file, csv_rows(text)
    file.read = read_json
    return file, lines(text)
