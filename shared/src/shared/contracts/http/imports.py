"""What goes over the registry's door about imports: how they stand, and what came of each row."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class ImportView(BaseModel):
    """How an import stands. ``findings``: entered, but something must be put right."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    filename: str | None
    status: str
    records: int
    accepted: int
    unchanged: int
    rejected: int
    findings: int
    started_at: datetime
    changed_at: datetime
    media_type: str | None = None
    charset: str | None = Field(None, description="What the file was read as; none for a workbook.")
    recognised: bool = Field(False, description="The sender had not said the charset: it was seen.")
    dry_run: bool = Field(False, description="Nothing was entered: the counts say what would be.")
    bytes_read: int = Field(0, description="Of the file, so far.")
    total_bytes: int | None = Field(None, description="Of the whole file, if its sender said.")
    next_row: int = Field(1, description="The first row that is not taken yet; those before it are settled.")


class ImportResultView(BaseModel):
    """What is to be said of a row.

    ``kind``: ``rejected`` (not in), ``finding`` (in, and something must be put right), and where all were asked for
    ``accepted`` (with its number and site) and ``unchanged`` (it was in before).
    """

    line: int
    kind: str
    field: str | None = None
    value: str | None = Field(None, description="As given; what may be a person's number is left out.")
    code: str | None = None
    message: str | None = None
    advice: str | None = Field(None, description="What to do about it.")
    raw: str | None = Field(None, description="The beginning of the row.")
    number: str | None = None
    site_id: UUID | None = None


class ImportResultPage(BaseModel):
    """A page of results, in the order of the file."""

    items: list[ImportResultView]
    next: str | None = Field(None, description="Pass as `after` to read on; null on the last page.")
