"""What anybody who holds an issued document reads of it."""

from datetime import date, datetime

from pydantic import Field

from shared.contracts.documents import IssuedDocument
from shared.contracts.http.base import View


class DocumentView(View):
    """A document that was issued, with the bytes that were signed, and whether what it is about still stands."""

    document: IssuedDocument
    jws: str = Field(description="The original: compact JWS, signed with the key of the organisation that issued it.")
    in_force: bool = Field(description="Whether what it is about is in force now.")
    standing: str = Field(description="In the words of the department, such as `granted`, `lapsed`, `ended`.")
    valid_from: date
    valid_until: date | None = Field(description="The last day as it is now: a renewal moves it.")
    ended_at: datetime | None = Field(
        description="Since when it is no longer in force: lapsed, or ended by a decision."
    )
    newest: bool = Field(description="Whether no later edition was issued; a renewal issues one.")
    as_of: datetime = Field(description="When this was answered.")
