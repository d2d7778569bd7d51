"""Every verb about burdens, killed between any two of its statements, on a database that only reads, and without a
broker, which no world has: nothing is left of it, and done again it is done. Other services have tests of their own.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from local_stack.postgres import EmbeddedPostgres
from tests.integration.runtime.test_database_faults import read_only
from tests.integration.sweep.asking import code, do, subjects, view
from tests.integration.sweep.world import Kind, Record, Verb, World, undone
from tests.support.crash import dies, everything, statements

Asked = tuple[Verb, Record, dict[str, Any], int]
"""What can be done with which record, how that is read by whoever writes the body, and in how many statements."""

BURDENING = pytest.mark.parametrize("world", ["enforcement", "access-control"], indirect=True)


async def possible(world: World) -> AsyncIterator[Asked]:
    """Each verb with a record with which it is done; one that is done with none fails here."""
    for kind in world.kinds:
        for verb in (each for each in kind.verbs if each.joins):
            for record in subjects(kind):
                found = await _done(world, kind, verb, record)
                if found is not None:
                    yield found
                    break
            else:
                raise AssertionError(f"nobody can do {verb.action or verb.route}")


async def _done(world: World, kind: Kind, verb: Verb, record: Record) -> Asked | None:
    if record.status is not None and not kind.possible(verb, record.status):
        return None
    answers: list[Any] = []

    async def once() -> None:
        async with undone(world.api.rt.db):
            answers.append(await do(world, verb, record, shown, verb.by(record)))

    async with undone(world.api.rt.db):
        shown = await view(world, kind, record, kind.author)
    count = await statements(once)
    return (verb, record, shown, count) if answers[0].status_code < 300 else None


@BURDENING
async def test_killed_between_any_two_statements_a_verb_never_was_and_is_done_afterwards(world: World) -> None:
    wrong, before = [], await everything(world.api.rt)
    async for verb, record, shown, count in possible(world):

        async def asked(verb: Verb = verb, record: Record = record, shown: dict[str, Any] = shown) -> Any:
            return await do(world, verb, record, shown, verb.by(record))

        assert count, f"{verb.route}: nothing was seen of it"
        await dies(asked, count)
        after = await everything(world.api.rt)
        if changed := {table for table in before if before[table] != after[table]}:
            wrong.append(f"{verb.action or verb.route} left something in {sorted(changed)}")
        async with undone(world.api.rt.db):
            answer = await asked()
        if answer.status_code >= 300:
            wrong.append(f"{verb.action or verb.route} afterwards: {answer.text[:200]}")
        before = after
    assert not wrong, "\n".join(wrong)


@BURDENING
async def test_on_a_database_that_only_reads_every_verb_is_a_503_and_is_done_afterwards(
    world: World, postgres: EmbeddedPostgres
) -> None:
    every, before = [each async for each in possible(world)], await everything(world.api.rt)
    wrong = []
    async with read_only(postgres):
        for verb, record, shown, _ in every:
            answer = await do(world, verb, record, shown, verb.by(record))
            said = (answer.status_code, code(answer), answer.headers.get("retry-after"))
            if said != (503, "database_unavailable", "5"):
                wrong.append(f"{verb.action or verb.route}: {answer.status_code} {answer.text[:200]}")
    assert await everything(world.api.rt) == before
    for verb, record, shown, _ in every:
        async with undone(world.api.rt.db):
            answer = await do(world, verb, record, shown, verb.by(record))
        if answer.status_code >= 300:
            wrong.append(f"{verb.action or verb.route} afterwards: {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
