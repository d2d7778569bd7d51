"""Every list, every record and every verb, asked as everybody and as nobody: what each may and nothing else."""

from tests.integration.sweep.asking import misdoings, misreadings, subjects
from tests.integration.sweep.routes import EVERYBODY_DOES, asked, public, routes
from tests.integration.sweep.world import World


async def test_every_address_is_asked_or_is_for_everybody(world: World) -> None:
    there = {f"{method} {path}" for method, path, _ in routes(world.api.app)}
    free = {f"GET {path}" for path in public(world)}
    assert there - free - EVERYBODY_DOES - asked(world) == set(), (
        "say in the world of this service what is there, and who may"
    )
    assert asked(world) | free <= there, "these addresses are gone"
    assert asked(world) & free == set(), "this is for everybody, and needs nobody's right"


async def test_what_is_for_everybody_answers_without_a_token_and_nothing_else_does(world: World) -> None:
    for path in public(world).values():
        assert (await world.api.get(path)).status_code == 200, path
    filled = {name: value for kind in world.kinds for record in kind.records for name, value in record.at.items()}
    for method, path, is_open in routes(world.api.app):
        assert is_open is (path in public(world) or f"{method} {path}" in EVERYBODY_DOES), (method, path)
        if not is_open:
            answer = await world.api.request(method, path.format(**filled), json={})
            assert (answer.status_code, answer.json()["code"]) == (401, "token_missing"), (method, path)


async def test_lists_and_records_show_everybody_exactly_what_they_may_read(world: World) -> None:
    assert all(kind.records for kind in world.kinds), "a kind without records proves nothing"
    wrong = await misreadings(world)
    assert not wrong, "\n".join(wrong)


async def test_everybody_is_allowed_exactly_what_is_not_refused_to_them(world: World) -> None:
    assert all(subjects(kind) for kind in world.kinds if kind.verbs)
    wrong = await misdoings(world)
    assert not wrong, "\n".join(wrong)
