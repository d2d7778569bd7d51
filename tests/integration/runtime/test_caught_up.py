"""How far a consumer is, as those read it who rest on what it copied."""

from datetime import UTC, datetime, timedelta

from shared.runtime.db.postgres import Database
from shared.runtime.events import inbox
from tests.support.fixtures import MakeDatabase

AT = datetime(2026, 11, 26, 4, tzinfo=UTC)


async def test_a_copy_is_as_old_as_its_oldest_part_and_grows_no_older_by_a_late_note(
    make_database: MakeDatabase,
) -> None:
    db = await Database.connect(await make_database("runtime"), application_name="test", max_size=2)
    try:
        async with db.transaction() as tx:
            assert await inbox.caught_up(tx, "toy") is None, "it never was whole"
            await inbox.note_caught_up(tx, "toy", 0, AT)
            await inbox.note_caught_up(tx, "toy", 1, AT - timedelta(minutes=9))
            await inbox.note_caught_up(tx, "other", 0, AT - timedelta(days=9))
            assert await inbox.caught_up(tx, "toy") == AT - timedelta(minutes=9)
            await inbox.note_caught_up(tx, "toy", 1, AT - timedelta(minutes=20))
            assert await inbox.caught_up(tx, "toy") == AT - timedelta(minutes=9)
            await inbox.note_caught_up(tx, "toy", 1, AT + timedelta(minutes=1))
            assert await inbox.caught_up(tx, "toy") == AT
    finally:
        await db.close()
