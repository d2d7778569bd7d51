"""Pages: newest first, by key; walking them shows every record once, whatever arrives meanwhile."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.base.ids import uuid7
from shared.runtime.web.paging import PageQuery, page_of


def select(ids: list[UUID], query: PageQuery) -> list[UUID]:
    """What the SQL of PageQuery does."""
    return sorted((each for each in ids if query.after is None or each < query.after), reverse=True)[: query.fetch]


@given(st.integers(0, 40), st.integers(1, 7))
def test_walking_the_pages_shows_every_record_once_newest_first(count: int, limit: int) -> None:
    ids = [uuid7() for _ in range(count)]
    expected, seen, after = sorted(ids, reverse=True), [], None
    while True:
        query = PageQuery(after, limit)
        page = page_of(select(ids, query), query, view=lambda each: each, key=lambda each: each)
        assert len(page.items) <= limit
        seen += page.items
        ids.append(uuid7())  # somebody adds a record while we read: it must shift nothing
        if page.next is None:
            break
        after = page.next
    assert seen == expected


def test_the_last_page_says_so_even_when_it_is_full() -> None:
    ids = [uuid7() for _ in range(4)]
    query = PageQuery(None, 4)
    assert page_of(select(ids, query), query, view=str, key=lambda each: each).next is None
