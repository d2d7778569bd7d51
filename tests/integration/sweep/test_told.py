"""Every act that concerns somebody has a notice: each action of every table of states, done, and what it issued."""

import importlib
import inspect
import pkgutil
from collections import defaultdict
from typing import Final

from shared.runtime.acts.lifecycle import Lifecycle
from shared.runtime.db import at_commit
from shared.runtime.db.postgres import Tx
from tests.integration.sweep.asking import do, subjects, view
from tests.integration.sweep.told import BEGUN, NAMED, NAMELESS, SOMETIMES, TABLES, WITHOUT_INBOX, Nobody, Told
from tests.integration.sweep.world import World, undone

_SINCE: Final = "SELECT kind FROM notice WHERE NOT is_copy AND id <> ALL ($1)"
_THERE: Final = "SELECT array_agg(id) FROM notice"
_NAMED: Final = """
SELECT convert_from(value, 'UTF8')::jsonb -> 'data' ->> 'kind' AS kind FROM outbox
 WHERE type = 'registry_act.named.v1' AND id > $1
"""
_LAST: Final = "SELECT coalesce(max(id), 0) FROM outbox"


def _service(world: World) -> str:
    return str(world.api.app.state.supervisor.service.name)


def _tables(service: str) -> set[tuple[str, str]]:
    """Every action of every table of states of a service."""
    tables = vars(importlib.import_module(f"{service}.lifecycle")).values() if service != "query" else ()
    return {(each.aggregate, str(action)) for each in tables if isinstance(each, Lifecycle) for _, action in each.moves}


def _source(package: str) -> str:
    """The code of a service."""
    root = importlib.import_module(package)
    modules = [found.name for found in pkgutil.walk_packages(root.__path__, f"{package}.")]
    return "\n".join(inspect.getsource(importlib.import_module(name)) for name in modules)


def _as_said(act: tuple[str, str], said: Told, issued: set[str]) -> bool:
    if isinstance(said, Nobody):
        return not issued
    return issued <= said and (bool(issued) or act in SOMETIMES)


async def test_every_action_says_whom_it_tells_or_why_nobody(world: World) -> None:
    service = _service(world)
    if service in WITHOUT_INBOX or service not in TABLES:
        assert not world.api.app.state.supervisor.service.notifies, "it has an inbox by now: say what each action tells"
        return
    assert set(TABLES[service]) == _tables(service.replace("-", "_")), "say in told.py what it tells, or why nobody"


async def test_every_kind_that_is_told_is_a_word_of_the_service(world: World) -> None:
    service = _service(world)
    told = [*TABLES.get(service, {}).values(), *BEGUN.get(service, {}).values()]
    code = _source(service.replace("-", "_")) if told else ""
    for each in told:
        for kind in () if isinstance(each, Nobody) else each:
            begin, _, rest = kind.partition("_")
            made = f'f"{begin}_{{' in code and f'"{rest}"' in code  # such as f"amendment_{kind}"
            assert f'"{kind}"' in code or made, f"no notice {kind} is issued"


async def _write(tx: Tx) -> None:
    """What would be written when the transaction ends is read here before it is taken back."""
    pending = at_commit.pending_of(tx)
    await pending.write()
    pending.rows.clear()
    pending.notes.clear()


async def test_what_is_done_issues_exactly_the_notices_that_it_says(world: World) -> None:
    table, done = TABLES.get(_service(world), {}), defaultdict[tuple[str, str], list[set[str]]](list)
    of_names, wrong = NAMED.get(_service(world), frozenset()), list[str]()
    for kind in world.kinds if table else ():
        for record in subjects(kind):
            for verb in kind.verbs:
                if kind.lifecycle is None or verb.action is None or record.status is None or not verb.joins:
                    continue
                if kind.possible(verb, record.status):
                    async with undone(world.api.rt.db):
                        shown = await view(world, kind, record, kind.author)
                        async with world.api.rt.db.transaction() as tx:
                            there, last = await tx.fetchval(_THERE), await tx.fetchval(_LAST)
                        answer = await do(world, verb, record, shown, verb.by(record))
                        if answer.status_code < 300:
                            async with world.api.rt.db.transaction() as tx:
                                issued = {row["kind"] for row in await tx.fetch(_SINCE, there or [])}
                                await _write(tx)
                                named = {row["kind"] for row in await tx.fetch(_NAMED, last)}
                            if not (issued & of_names) - NAMELESS <= named <= of_names:
                                wrong.append(f"{verb.action} issued {sorted(issued)} and told names {sorted(named)}")
                            done[kind.lifecycle.aggregate, str(verb.action)].append(issued)
    wrong += [
        f"{act} issued {sorted(issued)} instead of {table[act]}"
        for act, times in done.items() for issued in times if not _as_said(act, table[act], issued)
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)
