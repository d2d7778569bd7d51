"""A service's copy of the directory: filled from the topic in any order, followed by every process, waited for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from local_stack.broker import Broker
from local_stack.topology import SERVICES
from shared.contracts.directory import OrganisationRecordedV1
from shared.contracts.registry import MergerRecordedV1
from shared.contracts.topics import DIRECTORY_ORGANISATIONS
from shared.runtime.acts import directory
from shared.runtime.db.postgres import Database
from shared.runtime.process.service import Service
from tests.integration.runtime.world import kafka_of, publish, until
from tests.support import people, toy
from tests.support.fixtures import MakeDatabase
from tests.support.service import Api, running_service

AT_ONCE_S = directory.POLL_S / 2
"""Sooner than anybody would find out by looking."""


def recorded(version: int, organisation_id: str = "drugs-110000", **changes: Any) -> OrganisationRecordedV1:
    known = people.directory().get(organisation_id)
    assert known is not None
    return OrganisationRecordedV1.model_validate(known.model_dump() | {"version": version} | changes)


@pytest.fixture
async def db(make_database: MakeDatabase) -> AsyncIterator[Database]:
    database = await Database.connect(await make_database("runtime"), application_name="test")
    yield database
    await database.close()


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Api]:
    async with running_service(toy.SERVICE, await make_database("runtime", toy.TABLE)) as client:
        yield client


async def project(db: Database, *facts: OrganisationRecordedV1) -> None:
    async with db.transaction() as tx:
        await directory.take_over(tx, facts)


async def kept(db: Database) -> directory.Directory:
    held = people.directory()
    async with db.connection() as tx:
        await held.refresh(tx)
    return held


@pytest.mark.parametrize("order", list(permutations((2, 3, 4))))
async def test_the_newest_version_wins_in_whatever_order_they_come_and_however_often(
    db: Database, order: tuple[int, ...]
) -> None:
    for version in (*order, *order):
        await project(db, recorded(version, short_name=f"v{version}"))
    known = (await kept(db)).get("drugs-110000")
    assert known is not None
    assert (known.version, known.short_name) == (4, "v4")


@pytest.mark.parametrize("order", list(permutations((2, 3, 4))))
async def test_so_it_does_when_they_come_in_one_batch(db: Database, order: tuple[int, ...]) -> None:
    others = [recorded(2, "culture-110000")]
    await project(db, *(recorded(version, short_name=f"v{version}") for version in order), *others)
    held = await kept(db)
    known, other = held.get("drugs-110000"), held.get("culture-110000")
    assert known is not None
    assert other is not None
    assert (known.version, known.short_name, other.version) == (4, "v4", 2)


async def test_a_replay_of_everything_changes_nothing(db: Database) -> None:
    await project(db, recorded(2, status="closed"))
    await project(db, *directory.founding(people.RULES))
    known = (await kept(db)).get("drugs-110000")
    assert known is not None
    assert (known.version, known.active) == (2, False)


async def test_a_closed_organisation_is_refused_at_once_with_a_token_already_issued(api: Api) -> None:
    token = people.token("drugs-a")
    header = {"Authorization": f"Bearer {token}"}
    assert (await api.get("/things", headers=header)).status_code == 200
    await project(api.rt.db, recorded(2, status="closed"))
    await until(lambda: _version(api, 2), AT_ONCE_S)
    refused = await api.get("/things", headers=header)
    assert (refused.status_code, refused.json()["code"]) == (403, "organisation_unknown")
    assert refused.json()["organisation"] == "drugs-110000"
    await project(api.rt.db, recorded(3))
    await until(lambda: _version(api, 3), AT_ONCE_S)
    assert (await api.get("/things", headers=header)).status_code == 200


async def test_a_refused_organisation_is_audited_and_its_post_does_nothing(api: Api) -> None:
    for who in (("officer", {"organisation": "industry-990000"}), ("officer", {"organisation": None})):
        answer = await api.post("/things", json={"name": "x"}, who=who)
        assert (answer.status_code, answer.json()["code"]) == (403, "organisation_unknown")
    async with api.rt.db.connection() as tx:
        assert await tx.fetchval("SELECT count(*) FROM thing") == 0
        rows = await tx.fetch("SELECT subject, code FROM audit")
    assert [tuple(row) for row in rows] == [("officer", "organisation_unknown")] * 2


async def test_a_lost_session_is_opened_again_and_what_changed_meanwhile_is_read(api: Api) -> None:
    sessions = "FROM pg_stat_activity WHERE application_name LIKE '%directory' AND datname = current_database()"

    async def one() -> bool:
        async with api.rt.db.transaction() as tx:
            return bool(await tx.fetchval(f"SELECT count(*) {sessions}") == 1)

    await until(one)
    async with api.rt.db.transaction() as tx:
        ended = await tx.fetch(f"SELECT pg_terminate_backend(pid) {sessions}")
        assert len(ended) == 1
        await directory.take_over(tx, [recorded(2)])
    await until(lambda: _version(api, 2))


async def test_a_change_nobody_was_told_of_is_found_by_looking(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "POLL_S", 0.1)
    async with running_service(toy.SERVICE, await make_database("runtime")) as api:
        async with api.rt.db.transaction() as tx:
            await tx.execute("UPDATE organisation SET version = 2, record = $1 WHERE id = 'drugs-110000'", _stored(2))
        await until(lambda: _version(api, 2))


async def test_a_service_without_a_directory_is_not_ready_says_why_and_refuses_nobody_for_good(
    make_database: MakeDatabase,
) -> None:
    dsn = await make_database("runtime")
    database = await Database.connect(dsn, application_name="test")
    async with database.transaction() as tx:
        await tx.execute("TRUNCATE organisation")
    async with running_service(toy.SERVICE, dsn) as api:
        ready = await api.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "unready")
        assert "directory" in ready.json()["checks"]["directory"]["why"]
        answer = await api.get("/things", who="officer")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        await project(database, recorded(1))
        await until(lambda: _version(api, 1))
        ready = await api.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["directory"]) == (200, {"organisations": 1})
    await database.close()


async def test_every_service_hears_the_directory_without_listing_it(
    make_database: MakeDatabase, broker: Broker, db: Database
) -> None:
    kafka = kafka_of(broker)
    settings: dict[str, Any] = {
        "kafka_bootstrap_servers": kafka.bootstrap_servers,
        "kafka_idempotence": kafka.idempotence,
        "kafka_fetch_wait_ms": kafka.fetch_wait_ms,
        "topic_partitions": 3,
    }
    listening = replace(toy.SERVICE, name="toy-directory")
    async with running_service(listening, await make_database("runtime"), roles_run="http,consumer", **settings) as api:
        await publish(db, kafka, recorded(2, status="closed"), recorded(3, "culture-110000", short_name="文化"))
        await until(lambda: _version(api, 2), 60)
        await until(lambda: _version(api, 3, "culture-110000"), 60)


def test_whoever_is_said_to_hear_the_directory_does_and_its_own_service_does_not() -> None:
    import importlib  # noqa: PLC0415

    services: list[Service] = [importlib.import_module(f"{each.module}.main").SERVICE for each in SERVICES.values()]
    following = {service.name for service in services if service.follows_directory}
    assert following == set(OrganisationRecordedV1.CONSUMERS)
    assert all((OrganisationRecordedV1 in service.projected) is service.follows_directory for service in services)
    assert [service.name for service in services if DIRECTORY_ORGANISATIONS in service.publishes] == ["coordination"]


def merged(version: int, *, stands: bool = True, merged: str = "A", survivor: str = "B", number: int = 1) -> Any:
    example = MergerRecordedV1.EXAMPLE
    return MergerRecordedV1.model_validate({
        **example, "version": version, "stands": stands, "merger_id": UUID(int=number),
        "operator": {"identity": merged * 18, "name": "Old"}, "survivor": {"identity": survivor * 18, "name": "New"},
    })  # fmt: skip


async def merge(db: Database, *facts: Any) -> None:
    async with db.transaction() as tx:
        await directory.take_over_mergers(tx, facts)


@pytest.mark.parametrize("order", list(permutations((2, 3, 4))))
@pytest.mark.parametrize("together", [False, True])
async def test_the_last_word_of_a_merger_holds_in_whatever_order_they_come(
    db: Database, order: tuple[int, ...], *, together: bool
) -> None:
    facts = [merged(version, stands=version != 4) for version in (*order, *order)]
    for batch in [facts] if together else [[each] for each in facts]:
        await merge(db, *batch)
    await merge(db, merged(9, merged="C", number=2))
    assert (await kept(db)).taken_over_by("B" * 18) == {"C" * 18}


async def test_every_process_hears_at_once_that_a_merger_stands_and_that_it_fell(api: Api) -> None:
    await merge(api.rt.db, merged(2))
    await until(lambda: _took_over(api, {"A"}), AT_ONCE_S)
    await merge(api.rt.db, merged(3, stands=False))
    await until(lambda: _took_over(api, set()), AT_ONCE_S)


async def test_one_operator_is_the_same_under_all_its_identities_and_nobody_elses(db: Database) -> None:
    await merge(
        db, merged(2), merged(2, merged="C", number=2), merged(2, stands=False, merged="D", number=3),
        merged(2, merged="B", survivor="E", number=4),
    )  # fmt: skip
    async with db.connection() as tx:
        same = {each: await tx.fetchval("SELECT same_operator($1)", each * 18) for each in "ABCDEX"}
        found = {each: {one[0] for one in every} for each, every in same.items()}
        assert await tx.fetchval("SELECT 'x' = ANY (same_operator(NULL))") is None, "as any comparison with nothing"
    assert found["A"] == found["C"] == {"A", "B", "C"}
    assert (found["D"], found["X"]) == ({"D"}, {"X"})
    assert found["E"] == {"B", "E"}, "one step and no further, whatever somebody writes: the registry makes no chains"


async def _took_over(api: Api, identities: set[str]) -> bool:
    return {each[0] for each in api.rt.directory.taken_over_by("B" * 18)} == identities


async def test_many_requests_ask_the_database_nothing_about_organisations(api: Api) -> None:
    await asyncio.gather(*(api.get("/things", who="officer") for _ in range(5)))
    async with api.rt.db.transaction() as tx:
        await tx.execute("ALTER TABLE organisation RENAME TO elsewhere")
    answers = await asyncio.gather(*(api.get("/things", who="officer") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}


async def _version(api: Api, version: int, organisation_id: str = "drugs-110000") -> bool:
    known = api.rt.directory.get(organisation_id)
    return known is not None and known.version == version


def _stored(version: int) -> dict[str, Any]:
    return recorded(version).model_dump(mode="json")
