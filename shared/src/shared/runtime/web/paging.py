"""Lists in pages: newest first, by key and not by offset, so that a page never shifts under its reader."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

MOST = 500
USUAL = 50

T = TypeVar("T")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page: the ``limit`` records that come after the one whose id is ``after``.

    The SQL that goes with it, ``$1`` = after and ``$2`` = fetch::

        WHERE ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $2
    """

    after: UUID | None = None
    limit: int = USUAL

    @property
    def fetch(self) -> int:
        """Rows to read: one more than shown, which tells whether another page follows."""
        return self.limit + 1


async def page_query(
    after: Annotated[UUID | None, Query(description="`next` of the page before; leave out for the first page.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most records in the page.")] = USUAL,
) -> PageQuery:
    """The page asked for."""
    return PageQuery(after, limit)


Paging = Annotated[PageQuery, Depends(page_query)]
"""Parameter of an endpoint that lists."""


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: UUID | None = Field(None, description="Pass as `after` to read on; null on the last page.")


def page_of(rows: Sequence[Row], query: PageQuery, view: Callable[[Row], T], key: Callable[[Row], UUID]) -> Page[T]:
    """Cut what ``query.fetch`` read to a page: ``view`` shapes a row, ``key`` is its id."""
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return Page(items=[view(row) for row in shown], next=key(shown[-1]) if more else None)
