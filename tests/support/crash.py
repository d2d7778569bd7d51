"""Kills a verb after its first statement, its second, …: each time nothing is left, and doing it again does it once.

async def grant() -> None:
    async with rt.db.transaction() as tx:
        await decide.grant(tx, rt, who, approval_id, body)

await survives(rt, grant)
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import asyncpg
import pytest

from shared.runtime.acts.runtime import Runtime

_FRAME: Final = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
_METHODS: Final = ("execute", "fetch", "fetchrow", "fetchval", "copy_records_to_table")
_MOST: Final = 200
_OF_THE_VERB: Final = ContextVar("of_the_verb", default=False)


class Killed(BaseException):
    """Not an Exception: no handler may take it for an ordinary failure."""


async def survives(rt: Runtime, verb: Callable[[], Awaitable[Any]], *, least: int = 3) -> int:
    """Kill ``verb`` after each of its statements in turn, then let it finish; gives how many statements it took.

    Nobody else may use the database meanwhile. ``least``: with fewer statements the test would prove nothing.
    """
    before = await everything(rt)
    for calls in range(1, _MOST):
        try:
            with _killing(after=calls):
                await verb()
        except Killed:
            assert await everything(rt) == before, f"something is left of a kill after statement {calls}"
            continue
        assert calls > least, f"only {calls - 1} statements were seen"
        assert await everything(rt) != before, "the verb changed nothing"
        return calls - 1
    pytest.fail("the verb never finished")


async def dies(verb: Callable[[], Awaitable[Any]], most: int) -> None:
    """Kill ``verb`` after each of its statements but the commit, of which there are ``most``: it never happened."""
    for calls in range(1, most + 1):
        with pytest.raises(Killed), _killing(after=calls):
            await verb()


async def everything(rt: Runtime) -> dict[str, str]:
    """A digest of every table of the service."""
    found = {}
    async with rt.db.connection() as tx:
        tables = await tx.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for (table,) in tables:
            found[table] = await tx.fetchval(
                f"SELECT count(*) || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"
            )
    return found


@contextmanager
def _killing(*, after: int) -> Iterator[Callable[[], int]]:
    """Counts what the verb does, and whatever it starts; what the service does beside it is left alone.

    Gives how many statements are left until the kill.
    """
    left = after
    token = _OF_THE_VERB.set(True)

    def wrapped(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(connection: Any, query: str, *values: Any, **options: Any) -> Any:
            nonlocal left
            result = await call(connection, query, *values, **options)
            if _OF_THE_VERB.get() and not query.lstrip().startswith(_FRAME):
                left -= 1
                if left == 0:
                    raise Killed
            return result

        return counted

    with pytest.MonkeyPatch.context() as patch:
        for name in _METHODS:
            patch.setattr(asyncpg.Connection, name, wrapped(getattr(asyncpg.Connection, name)))
        try:
            yield lambda: left
        finally:
            _OF_THE_VERB.reset(token)


async def statements(verb: Callable[[], Awaitable[Any]]) -> int:
    """How many statements ``verb`` takes, and whatever it starts."""
    seen = 10**9
    with _killing(after=seen) as left:
        await verb()
        return seen - left()
