"""What an operator types: each command reaches everything it should."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.contracts.base import Topic
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events import inbox
from shared.runtime.events.dispatch import Raw
from shared.runtime.process import commands
from shared.runtime.process.service import RawFeed
from tests.support import people, toy
from tests.support.fixtures import MakeDatabase


async def _no_topics(_rt: Runtime) -> list[Topic]:
    return []


async def test_unpark_reaches_every_consumer_of_a_service(
    make_database: MakeDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = await make_database("runtime")
    repaired = False

    async def take(_rt: Runtime, _tx: Tx, heard: Sequence[Raw]) -> None:
        if not repaired:
            raise ValueError(f"{len(heard)} records cannot be read yet")

    service = replace(toy.SERVICE, raw=(RawFeed("toy-letters", _no_topics, {"letters.": take}),))
    settings = service.settings(database_url=dsn, oidc_issuer=people.ISSUER, log_level="ERROR")
    db = await Database.connect(dsn, application_name="test")
    meta = EventMeta(uuid7(), "a", "letters.1", 0, 0, datetime.now(UTC))
    async with db.transaction() as tx:
        await inbox.park(tx, "toy-letters", meta, event_type="raw", value=b"x", headers={}, error="broken")
    await db.close()
    every_key = argparse.Namespace(key=None)

    assert await commands.unpark(service, settings, every_key) == 1
    assert "toy-letters: 0 events applied, 1 still parked" in capsys.readouterr().out
    repaired = True
    assert await commands.unpark(service, settings, every_key) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "toy: 0 events applied, 0 still parked",
        "toy-letters: 1 events applied, 0 still parked",
    ]
