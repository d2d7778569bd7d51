"""What an operator types: each command reaches everything it should."""

import argparse
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.contracts.base import Topic
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.base.settings import Settings
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events import inbox
from shared.runtime.events.dispatch import Raw
from shared.runtime.process import commands
from shared.runtime.process.app import main
from shared.runtime.process.service import RawFeed, Service
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
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if line.endswith("still parked")] == [
        "toy: 0 events applied, 0 still parked",
        "toy-letters: 1 events applied, 0 still parked",
    ]


async def test_set_aside_gives_up_one_event_with_who_and_why_and_lets_those_behind_it_go_on(
    make_database: MakeDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = await make_database("runtime")
    taken: list[bytes] = []

    async def take(_rt: Runtime, _tx: Tx, heard: Sequence[Raw]) -> None:
        for value, _ in heard:
            if value == b"garbage":
                raise ValueError("no letter")
            taken.append(value)

    service = replace(toy.SERVICE, raw=(RawFeed("toy-letters", _no_topics, {"letters.": take}),))
    settings = service.settings(database_url=dsn, oidc_issuer=people.ISSUER, log_level="ERROR")
    db = await Database.connect(dsn, application_name="test")
    values = {uuid7(): value for value in (b"garbage", b"behind it", b"and this")}
    for place, (event_id, value) in enumerate(values.items()):
        meta = EventMeta(event_id, "a", "letters.1", 0, place, datetime.now(UTC))
        async with db.transaction() as tx:
            await inbox.park(tx, "toy-letters", meta, event_type="raw", value=value, headers={}, error="no letter")
    garbage, behind, _ = values

    def given(event_id: UUID, reason: str = "noise of a stranger's program", by: str = "Li Na") -> argparse.Namespace:
        return argparse.Namespace(event_id=event_id, reason=reason, by=by)

    for refused, why in (
        (given(garbage, reason="  noise    "), "a reason"),
        (given(garbage, by=" "), "a name"),
        (given(behind), "an earlier event of the key a waits"),
        (given(uuid7()), "is parked"),
    ):
        assert await commands.set_aside(service, settings, refused) == 1
        assert why in capsys.readouterr().out
    assert taken == []

    assert await commands.set_aside(service, settings, given(garbage)) == 0
    assert f"{garbage} set aside, 2 events applied, 0 still parked" in capsys.readouterr().out
    assert taken == [b"behind it", b"and this"]
    async with db.connection() as connection:
        trail = await connection.fetch("SELECT subject, act, outcome, resource, detail FROM audit")
        assert await connection.fetchval("SELECT count(*) FROM parked") == 0
    await db.close()
    ((subject, act, outcome, resource, detail),) = trail
    assert (subject, act, outcome) == ("operator:Li Na", "set_aside", "granted")
    assert resource == f"parked/toy-letters/{garbage}"
    assert (detail["reason"], b64decode(detail["value"])) == ("noise of a stranger's program", b"garbage")


def test_the_command_line_knows_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[argparse.Namespace] = []

    async def heard(_service: Service, _settings: Settings, given: argparse.Namespace) -> int:
        seen.append(given)
        return 0

    monkeypatch.setattr(commands, "set_aside", heard)
    monkeypatch.setenv("CONCORD_DATABASE_URL", "postgresql://nobody@127.0.0.1/nothing")
    with pytest.raises(SystemExit) as ended:
        main(toy.SERVICE, ["set-aside", str(UUID(int=7)), "--reason", "noise", "--by", "Li Na"])
    assert ended.value.code == 0
    assert seen[0].event_id == UUID(int=7)
