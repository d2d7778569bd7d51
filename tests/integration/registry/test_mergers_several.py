"""Several mergers into one operator, and what befalls what they moved before one falls: each gives back its own."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import effective
from shared.contracts.grounds import ActRef, Service
from shared.contracts.registry import SiteRecordedV1
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    Register,
    a_site,
    access,
    domain,
    owner,
    uscc,
)
from tests.integration.registry.test_mergers import NEW, OLD, TIME_TO_APPEAL, Two, _everything
from tests.integration.registry.test_mergers_kept import _alone

OLDER = uscc(86)


class Three:
    """The company of today, and two entries that were it before: first the one was merged into it, then the other."""

    def __init__(self, first: Two, second: Two, merged: list[dict[str, Any]], states: list[dict[str, str]]) -> None:
        self.first, self.second, self.merged, self.states = first, second, merged, states
        self.register = first.register

    @classmethod
    async def of(cls, register: Register, *, alone: bool = False) -> "Three":
        first = await (_alone(register) if alone else Two.of(register))
        second = Two(register, first.new, await register.active(a_site(domain()), OLDER))
        states, merged = [await _everything(register)], []
        for two in (first, second):
            merger = await two.proposed()
            await two.heard(merger)
            register.clock.advance(timedelta(days=20))  # the time to be heard ends with a working day, and it is spring
            merged.append(await two.confirmed(merger))
            register.clock.advance(TIME_TO_APPEAL)
            states.append(await _everything(register))
        return cls(first, second, merged, states)

    async def number(self, two: Two, code: str) -> str:
        shown = await self.register.get(f"/sites/{two.site['id']}", owner(code))
        return str(shown["number"])


async def test_a_second_merger_waits_until_the_first_cannot_fall_in_time(register: Register) -> None:
    first = await Two.of(register)
    second = Two(register, first.new, await register.active(a_site(domain()), OLDER))
    waiting = await second.preview()
    merged = await first.merged()
    refused = await second.proposed(status=409, preview_digest=waiting["preview_digest"])
    assert (refused["code"], refused["merger_id"]) == ("merger_appealable", merged["id"])


@pytest.mark.parametrize("outcome", ["upheld", "overdue"])
async def test_a_late_appeal_against_the_first_gives_back_exactly_what_the_first_moved(
    register: Register, outcome: str
) -> None:
    three = await Three.of(register)
    numbers = [await three.number(two, NEW) for two in (three.first, three.second)]
    assert numbers == [f"{three.first.new['number']}-{place}" for place in (2, 3)]
    undone = await three.first.undone(three.merged[0], outcome)
    assert (undone["status"], undone["left_behind"]) == ("undone", [])
    assert await three.number(three.first, OLD) == three.first.site["number"]
    assert await three.number(three.second, NEW) == numbers[1], "the second's is not touched"
    shown = await register.get(f"/mergers/{three.merged[1]['id']}", "regulator-a")
    assert shown["status"] == "confirmed"
    for table in ("claim", "access", "registration"):
        whose = f"SELECT array_agg(operator_id::text ORDER BY operator_id::text) FROM {table}"
        new, old = three.first.new["operator_id"], three.first.old["operator_id"]
        held = [each for each in await register.fetchval(whose) if each != new]
        assert held == [old], table
    undone = await three.second.undone(three.merged[1], outcome)
    assert (undone["status"], undone["left_behind"]) == ("undone", [])
    assert await _everything(register) == three.states[0], "and both together all of it"


@pytest.mark.parametrize("first_falls", [True, False])
async def test_what_came_under_a_number_of_the_first_by_the_second_does_not_go_with_it(
    register: Register, *, first_falls: bool
) -> None:
    """Who had no filing of its own has the first's, and the second's sites go under that."""
    three = await Three.of(register, alone=True)
    assert await three.number(three.second, NEW) == f"{three.first.old['number']}-2"
    turns = [(three.first, three.merged[0]), (three.second, three.merged[1])]
    for two, merger in turns if first_falls else reversed(turns):
        assert (await two.undone(merger))["left_behind"] == []
        if first_falls and two is three.first:
            assert await three.number(three.first, OLD) == three.first.site["number"]
            assert await three.number(three.second, NEW) == three.second.site["number"], "under the number it had"
            shown = await register.get(f"/registrations/{three.second.old['id']}", owner(NEW))
            assert (shown["status"], shown["succeeded_by"]) == ("active", None)
            told = {each.site_id: each for each in await register.told(SiteRecordedV1)}[UUID(two.site["id"])]
            assert (told.operator.identity, told.number) == (OLD, two.site["number"])
            told = {each.site_id: each for each in await register.told(SiteRecordedV1)}
            second = told[UUID(three.second.site["id"])]
            assert (second.operator.identity, second.number) == (NEW, three.second.site["number"])
    assert await _everything(register) == three.states[0]


async def test_the_second_falls_alone_and_leaves_what_the_first_moved(register: Register) -> None:
    three = await Three.of(register)
    await three.second.undone(three.merged[1])
    assert await _everything(register) == three.states[1], "as it was before the second"
    await three.first.undone(three.merged[0])
    assert await _everything(register) == three.states[0]


async def test_what_belongs_to_a_site_of_the_first_goes_back_with_it_and_nothing_of_the_second(
    register: Register,
) -> None:
    three = await Three.of(register)
    changes = [await register.propose(two.site, a_site(domain()), owner(NEW)) for two in (three.first, three.second)]
    decisions = [await register.decided(two.site) for two in (three.first, three.second)]
    await three.first.undone(three.merged[0])
    owners = (three.first.old["operator_id"], three.first.new["operator_id"])
    for decision, change, operator_id in zip(decisions, changes, owners, strict=True):
        whose = "SELECT operator_id::text FROM execution WHERE decision_id = $1"
        assert await register.fetchval(whose, decision.decision_id) == operator_id
        whose = "SELECT operator_id::text FROM amendment WHERE id = $1"
        assert await register.fetchval(whose, UUID(change["id"])) == operator_id


async def test_names_of_what_a_merger_moved_stay_while_it_may_fall_and_hosts_may_change(register: Register) -> None:
    two = await Two.of(register)
    done = await two.merged()
    [kept] = two.site["domains"]
    for names in ([domain()], [kept, domain()]):
        refused = await register.propose(two.site, a_site(kept, domains=names), owner(NEW), 409)
        assert (refused["code"], refused["merger_id"]) == ("merger_appealable", done["id"])
    changed = await register.propose(
        two.site, a_site(kept, name="Another title", accesses=[access(provider=OTHER_PROVIDER)]), owner(NEW)
    )
    await register.post(f"/amendments/{changed['id']}/grant", GRANT, "regulator-a")
    own = two.new["sites"][0]
    await register.propose(own, a_site(domain()), owner(NEW)), "its own it renames at any time"
    await two.undone(done)
    back = await register.get(f"/sites/{two.site['id']}", owner(OLD))
    assert (back["domains"], back["number"]) == ([kept], two.site["number"])
    free = await register.propose(two.site, a_site(domain()), owner(OLD))
    assert free["status"] == "proposed", "whose it is again may do so"


@pytest.mark.parametrize("later", [False, True])
async def test_a_new_name_that_was_proposed_before_an_appeal_waits_for_it(register: Register, *, later: bool) -> None:
    two = await Two.of(register)
    done = await two.merged()
    register.clock.advance(TIME_TO_APPEAL)
    kept, new = two.site["domains"][0], domain()
    day = {"effective_from": str((register.clock.now() + timedelta(days=10)).date())} if later else {}
    changed = await register.propose(two.site, a_site(kept, domains=[new], **day), owner(NEW))
    path, act = f"/amendments/{changed['id']}/grant", ActRef(
        service=Service.REGISTRY, kind="merger", id=UUID(done["id"])
    )  # fmt: skip
    if later:
        assert (await register.post(path, GRANT, "regulator-a"))["status"] == "waiting"
    await register.appealed(act, "filed")
    if later:
        await register.ring(effective.EFFECT, changed["id"])
        assert (await register.get(f"/amendments/{changed['id']}", "regulator-a"))["status"] == "proposed"
    assert (await register.refused(path, GRANT, "regulator-a"))["code"] == "merger_appealable"
    await register.appealed(act, "upheld")
    back = await register.get(f"/sites/{two.site['id']}", owner(OLD))
    assert (back["domains"], back["number"]) == ([kept], two.site["number"])
