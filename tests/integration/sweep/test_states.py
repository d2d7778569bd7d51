"""Every verb in every state in which it is not possible, and done twice: 409 with its code, and nothing changed."""

import importlib

from shared.runtime.acts.lifecycle import Lifecycle
from tests.integration.sweep.asking import code, do, subjects, view
from tests.integration.sweep.world import SILENT, Kind, Record, Verb, World, undone
from tests.support.crash import everything


def in_states(kind: Kind) -> list[Record]:
    return subjects(kind) if kind.lifecycle is not None else []


async def test_every_table_of_states_is_here_with_a_record_in_each_and_a_verb_for_every_action(world: World) -> None:
    package = str(world.api.app.state.supervisor.service.name).replace("-", "_")
    here = {kind.lifecycle for kind in world.kinds if kind.lifecycle is not None} | set(world.nobodys)
    if package != "query":  # which keeps nothing that moves
        tables = vars(importlib.import_module(f"{package}.lifecycle")).values()
        assert {each for each in tables if isinstance(each, Lifecycle)} == here
    for kind in world.kinds:
        if kind.lifecycle is not None:
            states = {status for each in kind.lifecycle.moves for status in type(each[0])}
            assert states == {record.status for record in in_states(kind)}, kind.lifecycle.aggregate
            actions = {verb.action for verb in kind.verbs if verb.action is not None}
            assert actions == set(kind.acts), kind.lifecycle.aggregate


async def test_in_a_state_that_does_not_allow_it_every_verb_is_refused_and_changes_nothing(world: World) -> None:
    wrong = []
    for kind in world.kinds:
        for record in in_states(kind):
            assert record.status is not None
            shown, before = await view(world, kind, record, kind.author), await everything(world.api.rt)
            for verb in kind.verbs:
                if not kind.possible(verb, record.status):
                    answer = await do(world, verb, record, shown, verb.by(record))
                    hidden = record.status in verb.hidden
                    expected = (403, "out_of_scope") if hidden else (409, verb.refusal(record.status))
                    if (answer.status_code, code(answer)) != expected:
                        wrong.append(f"{record.status}: {verb.action or verb.route}: {answer.text[:300]}")
            after = await everything(world.api.rt)
            if changed := {table for table in before if before[table] != after[table]} - SILENT:
                wrong.append(f"{kind.reads} {record.status}: {sorted(changed)} changed")
    assert not wrong, "\n".join(wrong)


async def test_what_is_done_twice_is_refused_the_second_time_unless_it_is_allowed_still(world: World) -> None:
    wrong = []
    for kind in world.kinds:
        for record in subjects(kind):
            for verb in kind.verbs:
                if verb.joins and (record.status is None or kind.possible(verb, record.status)):
                    async with undone(world.api.rt.db):
                        wrong += await twice(world, kind, record, verb)
    assert not wrong, "\n".join(wrong)


async def twice(world: World, kind: Kind, record: Record, verb: Verb) -> list[str]:
    """What is wrong when somebody does it, and does it once more."""
    who, said = verb.by(record), f"{record.status}: {verb.action or verb.route}"
    shown = await view(world, kind, record, kind.author)
    if verb.action is not None and verb.action not in (await view(world, kind, record, who))["allowed_actions"]:
        return []  # something else than the state is in the way, and the view says so
    first = await do(world, verb, record, shown, who)
    if first.status_code == 409 and code(first) in verb.waits:
        return []
    if first.status_code >= 300:
        return [f"{said}: {first.text[:300]}"]
    mine = await view(world, kind, record, who)
    second = await do(world, verb, record, await view(world, kind, record, kind.author), who)
    expected = verb.again
    if verb.again is None and verb.action is not None and verb.action not in mine["allowed_actions"]:
        expected = verb.refusal(type(record.status)(mine["status"]))  # type: ignore[misc] # it has one
    answered = (second.status_code, code(second))
    right = (
        second.status_code < 300
        if expected is None
        else answered in {(409, expected), (404, expected), (403, expected)}
    )
    return [] if right else [f"{said}, again: {answered} instead of {expected or 'doing it'}"]
