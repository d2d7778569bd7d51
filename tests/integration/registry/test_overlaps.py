"""A site gets a name that a measure hits which was carried out before: told, or spared, by whatever door (ADR 26)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import executions, registrations
from registry.service import overlaps as looking
from registry.store import overlaps, sites
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.registry import Granting, Signing
from shared.contracts.notices import NoticeDocument, RegistryNoticeIssuedV1
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionUndoneV1, MeasureOverlappedV1
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import GRANT, OTHER_PROVIDER, Register, a_site, access, domain, owner, uscc
from tests.integration.registry.test_imports import record, sent
from tests.integration.registry.test_measures import of_operator
from tests.integration.registry.test_mergers import NEW, Two
from tests.integration.runtime.world import until
from tests.support.crash import survives
from tests.support.people import person

A, B, C = uscc(61), uscc(62), uscc(63)
TOLD = ["drugs-110000", "industry-110000"]
Door = Callable[[Register, str], Awaitable[str]]


async def _found(register: Register, name: str) -> dict[str, Any]:
    """A site in no register, ordered off."""
    subject = {"kind": "found_site", "host": name, "provider_id": OTHER_PROVIDER}
    decision = of_operator("", subject=subject, effect="cut_access", operator=None, until=None)
    await register.hear(decision)
    return await register.carried_out(decision)


async def _cut(register: Register, name: str, effect: str = "cut_access", **changes: Any) -> dict[str, Any]:
    """A site of A under this name, ordered off."""
    site = (await register.active(a_site(name, **changes), A))["sites"][0]
    return await register.carried_out(await register.decided(site, effect))


async def _told(register: Register) -> list[tuple[str, list[str]]]:
    """Every notice of an overlap, oldest first: its kind and whom it went to."""
    async with register.api.rt.db.connection() as tx:
        rows = await tx.fetch(
            "SELECT kind, array_agg(identity ORDER BY id) AS who FROM notice WHERE about_kind = 'overlap'"
            " GROUP BY about_id, kind ORDER BY about_id"
        )
    return [(row["kind"], row["who"]) for row in rows]


async def _filing(register: Register, name: str) -> str:
    return str((await register.active(a_site(name), B))["sites"][0]["id"])


async def _imported(register: Register, name: str) -> str:
    await sent(register, [record(62, domain=name, operator_uscc=B)])
    return str(await register.fetchval("SELECT site_id FROM claim WHERE domain = $1 AND status = 'live'", name))


async def _further_site(register: Register, name: str) -> str:
    under = await register.active(a_site(domain()), B)
    added = await register.post(f"/registrations/{under['id']}/sites", a_site(name), owner(B), 201)
    return str((await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a"))["site_id"])


async def _further_name(register: Register, name: str) -> str:
    own = domain()
    site = (await register.active(a_site(own), B))["sites"][0]
    proposed = await register.propose(site, a_site(own, domains=[own, name]))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    return str(site["id"])


async def _of_a(register: Register, name: str) -> str:
    """A further site of whom was decided about."""
    under = await register.fetchval(
        "SELECT r.id FROM registration r JOIN operator o ON o.id = r.operator_id WHERE o.identity = $1", A
    )
    added = await register.post(f"/registrations/{under}/sites", a_site(name), owner(A), 201)
    return str((await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a"))["site_id"])


async def _transferred(register: Register, name: str) -> str:
    """It is A's first, of whom was decided, and goes to B."""
    site_id = await _of_a(register, name)
    receiving = await register.active(a_site(domain()), B)
    site = await register.get(f"/sites/{site_id}", "regulator-a")
    proposed = await register.post(
        f"/sites/{site_id}/transfer", {"registration_id": receiving["id"], "reasons": "The blog was sold."}, owner(A),
        201, headers={"If-Match": f'"{site["version"]}"'},
    )  # fmt: skip
    await register.post(f"/amendments/{proposed['id']}/consent", {}, owner(B))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    return str(site_id)


async def test_whoever_registers_a_found_name_is_told_and_can_challenge_what_was_decided(register: Register) -> None:
    name = domain()
    done = await _found(register, f"www.{name}")
    site = await register.live(B, domains=[name])
    assert await register.told(ExecutionUndoneV1) == [], "nobody shakes a decision off by registering the name"
    (fact,) = await register.told(MeasureOverlappedV1)
    assert (str(fact.execution_id), str(fact.site_id), fact.names) == (done["id"], site["id"], (f"www.{name}",))
    assert (fact.not_before - register.clock.now()).days >= 14, "counted as delivered in 7 days, and 7 to put it right"
    assert await _told(register) == [("overlap_same", [B, *TOLD])]
    act = ActRef(service=Service.REGISTRY, kind="overlap", id=fact.overlap_id)
    issued = [each for each in await register.told(RegistryNoticeIssuedV1) if each.act == act]
    assert [each.to.identity for each in issued] == [B], "enforcement knows an act to appeal against"
    assert set(issued[0].took_part) == {person("regulator-a").person, person("regulator-b").person}
    document = NoticeDocument.model_validate_json(
        await register.fetchval("SELECT document FROM notice WHERE about_kind = 'overlap' AND identity = $1", B)
    )
    assert document.grounds is not None
    assert document.grounds.redress.within_days == 60
    assert "before it was yours" in document.grounds.public_reasons
    await register.appealed(act, "rejected")
    assert await register.told(ExecutionUndoneV1) == []
    await register.appealed(act, "upheld")
    assert (await register.told(ExecutionUndoneV1))[-1].because == "overturned"


@pytest.mark.parametrize("door", [_filing, _imported, _further_site, _further_name, _transferred])
async def test_by_whatever_door_a_name_below_a_cut_one_comes_to_somebody_else_it_is_spared(
    register: Register, door: Door
) -> None:
    name = domain()
    done = await _cut(register, name)
    site_id = await door(register, f"blog.{name}")
    (fact,) = await register.told(MeasureOverlappedV1)
    assert (str(fact.execution_id), str(fact.site_id), fact.names) == (done["id"], site_id, (f"blog.{name}",))
    assert fact.not_before is None
    assert (await _told(register))[-1] == ("overlap_below", [B, *TOLD])
    assert await register.told(ExecutionUndoneV1) == []


async def test_a_new_host_is_looked_at_as_a_new_name_is(register: Register) -> None:
    name = domain()
    await _cut(register, name)
    elsewhere = [access("198.18.9.9", provider=OTHER_PROVIDER)]
    site = (await register.active(a_site(f"blog.{name}", accesses=elsewhere), B))["sites"][0]
    assert await register.told(MeasureOverlappedV1) == [], "no order hits it there"
    change = a_site(f"blog.{name}", accesses=[*elsewhere, access()])
    proposed = await register.propose(site, change)
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert len(await register.told(MeasureOverlappedV1)) == 1


async def test_whom_it_was_decided_about_stays_hit_and_is_told_so(register: Register) -> None:
    name = domain()
    await _cut(register, name)
    await _of_a(register, f"www.{name}")
    assert await register.told(MeasureOverlappedV1) == []
    assert await _told(register) == [("overlap_own", [A, *TOLD])]


async def test_what_spares_it_or_is_over_or_stops_nothing_tells_nobody(register: Register) -> None:
    name, over = domain(), domain()
    await register.active(a_site(f"shop.{name}"), B)
    await _cut(register, name)
    await register.active(a_site(f"deep.shop.{name}"), C)
    site = (await register.active(a_site(over), uscc(64)))["sites"][0]
    decision = await register.decided(site)
    await register.carried_out(decision)
    await register.overturned(decision)
    await register.active(a_site(f"blog.{over}"), uscc(65))
    await register.active(a_site(domain()), uscc(66))
    assert await _told(register) == []


async def test_it_is_told_once_of_each_name_and_again_to_whoever_has_the_site_next(register: Register) -> None:
    name = domain()
    await _cut(register, name)
    site = (await register.active(a_site(f"blog.{name}"), B))["sites"][0]
    renamed = await register.propose(site, a_site(f"blog.{name}", name="The same, renamed"))
    await register.post(f"/amendments/{renamed['id']}/grant", GRANT, "regulator-a")
    assert len(await _told(register)) == 1
    proposed = await register.propose(site, a_site(f"blog.{name}", domains=[f"blog.{name}", f"news.{name}"]))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert [fact.names for fact in await register.told(MeasureOverlappedV1)] == [(f"blog.{name}",), (f"news.{name}",)]
    now = await register.get(f"/sites/{site['id']}", "regulator-a")
    receiving = await register.active(a_site(domain()), C)
    proposed = await register.post(
        f"/sites/{site['id']}/transfer", {"registration_id": receiving["id"], "reasons": "The blog was sold."},
        owner(B), 201, headers={"If-Match": f'"{now["version"]}"'},
    )  # fmt: skip
    await register.post(f"/amendments/{proposed['id']}/consent", {}, owner(C))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert [who[0] for _, who in await _told(register)] == [B, B, C]


async def test_a_site_that_goes_from_friend_to_friend_holds_nothing_back_for_longer(register: Register) -> None:
    name = domain()
    await _found(register, name)
    site = (await register.active(a_site(name), B))["sites"][0]
    receiving = await register.active(a_site(domain()), C)
    register.clock.advance(timedelta(days=10))
    proposed = await register.post(
        f"/sites/{site['id']}/transfer", {"registration_id": receiving["id"], "reasons": "The shop was sold."},
        owner(B), 201, headers={"If-Match": f'"{site["version"]}"'},
    )  # fmt: skip
    await register.post(f"/amendments/{proposed['id']}/consent", {}, owner(C))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    first, second = await register.told(MeasureOverlappedV1)
    assert (second.not_before, second.overlap_id != first.overlap_id) == (first.not_before, True)
    assert [who[0] for _, who in await _told(register)] == [B, C], "and both may challenge it"


async def test_a_name_that_was_decided_about_and_given_away_before_the_second_person_signed(register: Register) -> None:
    """It stays hit, since else a friend with another entry would be enough; the friend, or stranger, is told first."""
    kept, gone = domain(), domain()
    site = (await register.active(a_site(kept, domains=[kept]), A))["sites"][0]
    decision = await register.decided(site, "cut_access")
    frozen = decision.site.model_copy(update={"hosts": (kept, gone)})  # type: ignore[union-attr]
    other = decision.model_copy(update={"decision_id": uuid7(), "site": frozen})
    await register.hear(other)
    await register.active(a_site(gone), B)
    assert await register.told(MeasureOverlappedV1) == []
    await register.carried_out(other)
    (fact,) = await register.told(MeasureOverlappedV1)
    assert (fact.names, fact.not_before is not None) == ((gone,), True)
    assert await _told(register) == [("overlap_same", [B, *TOLD])]
    act = ActRef(service=Service.REGISTRY, kind="overlap", id=fact.overlap_id)
    await register.appealed(act, "overdue")
    freed = (await register.told(MeasureOverlappedV1))[-1]
    assert (freed.names, freed.not_before) == ((gone,), None)
    assert await register.told(ExecutionUndoneV1) == [], "the measure stands for whom it was decided about"


async def test_names_below_one_that_was_given_away_since_the_decision_are_spared_from_the_start(
    register: Register,
) -> None:
    kept, gone = domain(), domain()
    site = (await register.active(a_site(kept, domains=[kept]), A))["sites"][0]
    decision = await register.decided(site, "cut_access")
    frozen = decision.site.model_copy(update={"hosts": (kept, gone)})  # type: ignore[union-attr]
    other = decision.model_copy(update={"decision_id": uuid7(), "site": frozen})
    await register.hear(other)
    await register.active(a_site(f"www.{gone}"), B)
    await register.carried_out(other)
    (fact,) = await register.told(ExecutionCarriedOutV1)
    assert fact.site is not None
    assert (set(fact.site.hosts), fact.site.spared) == ({kept, gone}, (f"www.{gone}",))


@pytest.mark.parametrize("below_another", [False, True])
async def test_what_an_appeal_freed_hits_nobody_who_has_it_next_nor_what_lies_below(
    register: Register, *, below_another: bool
) -> None:
    kept = domain()
    gone = f"shop.{kept}" if below_another else domain()
    site = (await register.active(a_site(kept, domains=[kept]), A))["sites"][0]
    decision = await register.decided(site, "cut_access")
    frozen = decision.site.model_copy(update={"hosts": (kept, gone)})  # type: ignore[union-attr]
    other = decision.model_copy(update={"decision_id": uuid7(), "site": frozen})
    await register.hear(other)
    await register.carried_out(other)
    mine = (await register.active(a_site(gone), B))["sites"][0]
    (fact,) = await register.told(MeasureOverlappedV1)
    await register.appealed(ActRef(service=Service.REGISTRY, kind="overlap", id=fact.overlap_id), "upheld")
    before = await _told(register)
    receiving = await register.active(a_site(f"www.{gone}"), C)
    proposed = await register.post(
        f"/sites/{mine['id']}/transfer", {"registration_id": receiving["id"], "reasons": "The shop was sold."},
        owner(B), 201, headers={"If-Match": f'"{mine["version"]}"'},
    )  # fmt: skip
    await register.post(f"/amendments/{proposed['id']}/consent", {}, owner(C))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert await _told(register) == before, "no order hits it"
    assert len(await register.told(MeasureOverlappedV1)) == 2, "what was told, and that it was freed"


async def test_two_entries_that_are_apart_again_are_strangers_to_each_others_measures(
    register: Register,
) -> None:
    """Told as its own while they were one, a name below is spared when they are not; and may be challenged by either
    act."""
    two = await Two.of(register)
    cut = two.site["domains"][0]
    await register.carried_out(await register.decided(two.site, "cut_access"))
    merger = await two.merged()
    further = await register.post(f"/registrations/{two.new['id']}/sites", a_site(f"blog.{cut}"), owner(NEW), 201)
    granted = await register.post(f"/amendments/{further['id']}/grant", GRANT, "regulator-a")
    assert [(kind, who[0]) for kind, who in await _told(register)] == [("overlap_own", NEW)]
    assert await register.told(MeasureOverlappedV1) == []
    await two.undone(merger)
    assert [(kind, who[0]) for kind, who in await _told(register)] == [("overlap_own", NEW), ("overlap_below", NEW)]
    (fact,) = await register.told(MeasureOverlappedV1)
    assert (str(fact.site_id), fact.names, fact.not_before) == (granted["site_id"], (f"blog.{cut}",), None)
    first = await register.fetchval("SELECT about_id FROM notice WHERE about_kind = 'overlap' ORDER BY id LIMIT 1")
    assert first != fact.overlap_id
    await register.appealed(ActRef(service=Service.REGISTRY, kind="overlap", id=first), "upheld")
    _, freed = await register.told(MeasureOverlappedV1)
    assert (freed.overlap_id, freed.names) == (fact.overlap_id, (f"blog.{cut}",))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every measure that was read for a change of a site."""
    found, lying_on = list[str](), overlaps.lying_on

    async def spied(*given: Any) -> list[Any]:
        lying = await lying_on(*given)
        found.extend(str(each.id) for each in lying)
        return lying

    monkeypatch.setattr(overlaps, "lying_on", spied)
    return found


async def test_of_all_measures_those_are_read_that_may_hit_a_name(register: Register, read: list[str]) -> None:
    shop, cut = domain(), domain()
    found, site = (await _found(register, f"blog.{shop}"))["id"], (await _cut(register, cut))["id"]
    for _ in range(10):
        await _found(register, f"www.{domain()}")
    read.clear()
    codes = map(uscc, range(100, 110))
    for name in (domain(), f"x{cut}", f"x{shop}", f"news.{shop}", f"deep.blog.{shop}"):
        await register.active(a_site(name), next(codes))
        assert read == [], f"{name} is neither one of theirs, nor above a found site, nor below another"
    for name, by in ((f"a.b.{cut}", site), (f"blog.{shop}", found), (shop, found)):
        await register.active(a_site(name), next(codes))
        assert read == [by], name
        read.clear()
    assert [kind for kind, _ in await _told(register)] == ["overlap_below", "overlap_same", "overlap_same"]


MANY_MORE = """
INSERT INTO execution SELECT (jsonb_populate_record(e, jsonb_build_object(
       'id', gen_random_uuid(), 'decision_id', gen_random_uuid(),
       'subject', e.subject || jsonb_build_object('host', 'www.many-' || each || '.example')))).*
  FROM execution e, generate_series(1, 3000) each WHERE e.id = $1
"""


async def test_among_thousands_of_found_sites_and_sites_each_are_looked_for_by_an_index(register: Register) -> None:
    found, site = await _found(register, domain()), await _cut(register, domain())
    async with register.api.rt.db.transaction() as tx:
        for each in (found, site):
            await tx.execute(MANY_MORE, UUID(each["id"]))
        await tx.execute("ANALYZE execution")
        rows = await tx.fetch(f"EXPLAIN {overlaps.LYING}", ["a.example"], ["a.example", "example"], ["cut_access"],
                              register.clock.now())  # fmt: skip
    plan = "\n".join(row[0] for row in rows)
    assert "Bitmap Index Scan on execution_found_sites_hit" in plan, plan
    assert "Bitmap Index Scan on execution_sites_hit" in plan, plan


async def test_an_appeal_about_nothing_that_was_told_frees_nothing(register: Register) -> None:
    await _found(register, domain())
    await register.appealed(ActRef(service=Service.REGISTRY, kind="overlap", id=uuid7()), "upheld")
    assert await register.told(ExecutionUndoneV1) == []


async def _both_wait(register: Register, first: Callable[[Any], Awaitable[Any]], second: Awaitable[Any]) -> Any:
    """The first is done and not committed, and the second waits for it."""
    async with register.api.rt.db.transaction() as tx:
        await first(tx)
        task = asyncio.ensure_future(second)

        async def waits() -> bool:
            return bool(await tx.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"))

        await until(waits, what="the second waits for the first")
    return await task


@pytest.mark.parametrize("found", [True, False])
async def test_a_grant_and_a_confirmation_at_once_see_each_other_whichever_is_first(
    register: Register, *, found: bool
) -> None:
    rt = register.api.rt
    for grant_first in (True, False):
        name = domain()
        if found:
            subject = {"kind": "found_site", "host": f"www.{name}", "provider_id": OTHER_PROVIDER}
            decision = of_operator("", subject=subject, effect="cut_access", operator=None, until=None)
            await register.hear(decision)
        else:
            site = (await register.active(a_site(name), uscc(70 + grant_first)))["sites"][0]
            decision = await register.decided(site, "cut_access")
        execution = await register.execution(decision)
        body, path = await register.signed(execution), f"/executions/{execution['id']}"
        await register.post(f"{path}/acceptance", body, "regulator-a")
        asked = await register.submitted(
            a_site(name if found else f"blog.{name}", accesses=[access("198.18.7.7")]), uscc(80 + grant_first)
        )

        async def grant(tx: Any, asked: dict[str, Any] = asked) -> None:
            granting = Granting.model_validate(GRANT)
            await registrations.grant(tx, rt, person("regulator-a"), UUID(asked["id"]), granting)

        async def confirm(tx: Any, execution: dict[str, Any] = execution, body: dict[str, Any] = body) -> None:
            signing = Signing.model_validate(body)
            await executions.confirm(tx, rt, person("regulator-b"), UUID(execution["id"]), signing)

        before = len(await register.told(MeasureOverlappedV1))
        if grant_first:
            confirming = register.api.post(f"{path}/confirmation", json=body, who="regulator-b")
            answer = await _both_wait(register, grant, confirming)
            if found:
                assert (answer.status_code, answer.json()["code"]) == (409, "registered_meanwhile")
            else:
                assert answer.status_code == 200
                carried = (await register.told(ExecutionCarriedOutV1))[-1]
                assert carried.site.spared == (f"blog.{name}",), "seen, and spared from the start"
            assert len(await register.told(MeasureOverlappedV1)) == before
        else:
            granting = register.api.post(f"/registrations/{asked['id']}/grant", json=GRANT, who="regulator-a")
            answer = await _both_wait(register, confirm, granting)
            assert answer.status_code == 200, answer.text
            assert len(await register.told(MeasureOverlappedV1)) == before + 1


async def test_a_confirmation_enters_no_names_that_it_does_not_hold(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two of them may hold each what the other waits for."""
    kept, gone = domain(), domain()
    site = (await register.active(a_site(kept, domains=[kept]), A))["sites"][0]
    decision = await register.decided(site, "cut_access")
    frozen = decision.site.model_copy(update={"hosts": (kept, gone)})  # type: ignore[union-attr]
    other = decision.model_copy(update={"decision_id": uuid7(), "site": frozen})
    await register.hear(other)
    await register.active(a_site(gone, domains=[gone, *(domain() for _ in range(5))]), B)
    names = dict[str, set[str]]()
    for kind in ("hitting", "entering"):
        taken = getattr(overlaps, kind)

        async def spied(tx: Any, given: Any, kind: str = kind, taken: Any = taken) -> None:
            names.setdefault(kind, set()).update(given)
            await taken(tx, given)

        monkeypatch.setattr(overlaps, kind, spied)
    await register.carried_out(other)
    assert len(names["entering"]) == 6
    assert names["entering"] <= names["hitting"]


async def test_a_confirmation_and_a_change_of_whoever_has_a_name_of_it_by_now_do_not_block_each_other_for_good(
    register: Register,
) -> None:
    rt, kept, gone = register.api.rt, domain(), domain()
    site = (await register.active(a_site(kept, domains=[kept]), A))["sites"][0]
    decision = await register.decided(site, "cut_access")
    frozen = decision.site.model_copy(update={"hosts": (kept, gone)})  # type: ignore[union-attr]
    other = decision.model_copy(update={"decision_id": uuid7(), "site": frozen})
    await register.hear(other)
    mine = (await register.active(a_site(gone), B))["sites"][0]
    execution = await register.execution(other)
    body, path = await register.signed(execution), f"/executions/{execution['id']}"
    await register.post(f"{path}/acceptance", body, "regulator-a")
    async with rt.db.transaction() as tx:
        held = await sites.hold(tx, UUID(mine["id"]))
        confirming = asyncio.ensure_future(register.api.post(f"{path}/confirmation", json=body, who="regulator-b"))

        async def waits() -> bool:
            return bool(await tx.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await until(waits, what="whoever confirms waits for the site")
        await looking.look(tx, rt, [held])  # as whatever changes it ends: its names are entered
    answer = await confirming
    assert answer.status_code == 200, answer.text
    assert [who[0] for _, who in await _told(register)] == [B]


async def test_one_name_asked_for_by_two_doors_at_once_is_told_of_once(register: Register) -> None:
    name = domain()
    await _cut(register, name)
    asked = await register.submitted(a_site(f"blog.{name}"), B)
    await asyncio.gather(
        register.api.post(f"/registrations/{asked['id']}/grant", json=GRANT, who="regulator-a"),
        sent(register, [record(63, domain=f"blog.{name}", operator_uscc=C)]),
    )
    assert len(await _told(register)) == 1


async def test_a_kill_after_any_statement_leaves_neither_the_site_nor_the_notice(register: Register) -> None:
    name, rt = domain(), register.api.rt
    await _cut(register, name)
    asked = await register.submitted(a_site(f"blog.{name}"), B)

    async def grant() -> None:
        async with rt.db.transaction() as tx:
            granting = Granting.model_validate(GRANT)
            await registrations.grant(tx, rt, person("regulator-a"), UUID(asked["id"]), granting)

    await survives(rt, grant)
    assert await _told(register) == [("overlap_below", [B, *TOLD])]
