"""Batches of applications: each judged as if it were sent alone, each on its desk, a result for each."""

import asyncio
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from registry.service import proposing, registrations, submissions
from shared.contracts.http.batches import Batch
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    access,
    domain,
    owner,
    uscc,
)
from tests.integration.registry.test_operators import LEGACY
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC, person

TABLES: Final = ("registration", "site", "claim", "access", "amendment", "provider_check", "deadline")


async def sent(register: Register, *records: Any, who: Any = "regulator-a") -> list[dict[str, Any]]:
    answer = await register.post("/submissions", {"records": list(records)}, who)
    results: list[dict[str, Any]] = answer["results"]
    assert [each["index"] for each in results] == list(range(len(records)))
    count = {key: sum(each["status"] == key for each in results) for key in ("submitted", "unchanged", "refused")}
    assert {key: answer[key] for key in count} == count
    return results


async def new(register: Register, code: str, site: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A record that asks for a filing."""
    return {"operator_id": await register.operator(code), "kind": "filing", "site": site or a_site(domain())} | more


async def rows(register: Register) -> dict[str, int]:
    return {table: await register.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}


async def shape(register: Register, table: str, row_id: object) -> dict[str, Any]:
    """A row without what is its own."""
    own = "array['id','site_id','registration_id','operator_id','aggregate_id','domain','raw','registrable','asked'"
    sql = f"SELECT to_jsonb(t) - ({own},'ips','asked_at','proposal','provider_id']) FROM {table} t WHERE id = $1"
    return dict(await register.fetchval(sql, UUID(str(row_id))))


async def test_both_kinds_are_entered_just_as_if_they_were_sent_alone(register: Register) -> None:
    body = {"operator_id": await register.operator(uscc(1)), "kind": "filing", "site": a_site(domain())}
    alone = await register.post("/registrations", body, "regulator-a", 201)
    active = await register.active(a_site(domain()), uscc(2))
    more = await register.post(f"/registrations/{active['id']}/sites", a_site(domain()), "regulator-a", 201)
    first, second = await sent(
        register, await new(register, uscc(3)), {"registration_id": active["id"], "site": a_site(domain())}
    )
    assert (first["status"], first["amendment_id"], second["status"]) == ("submitted", None, "submitted")
    assert await shape(register, "registration", first["registration_id"]) == await shape(
        register, "registration", alone["id"]
    )
    assert await shape(register, "site", first["site_id"]) == await shape(register, "site", alone["sites"][0]["id"])
    assert await shape(register, "amendment", second["amendment_id"]) == await shape(register, "amendment", more["id"])
    assert await register.fetchval("SELECT ordinal FROM site WHERE id = $1", UUID(second["site_id"])) == 3
    for column, table in (("place, status, claimed_until", "claim"), ("place, status, claimed_until", "access")):
        sql = f"SELECT ({column})::text FROM {table} WHERE site_id = $1"
        for ours, theirs in ((first["site_id"], alone["sites"][0]["id"]), (second["site_id"], more["site_id"])):
            assert await register.fetchval(sql, UUID(ours)) == await register.fetchval(sql, UUID(theirs))
    clocks = """SELECT array_agg((kind, clock_name, amount, unit, carry_over, source, calendar_version, started_at,
                                  due_at, stage, shift, shift_unit)::text ORDER BY due_at)
                  FROM deadline WHERE aggregate_id = $1"""
    for ours, theirs in ((first["registration_id"], alone["id"]), (second["amendment_id"], more["id"])):
        assert await register.fetchval(clocks, UUID(ours)) == await register.fetchval(clocks, UUID(theirs))
        assert await register.history(ours) == await register.history(theirs)
    checks = "SELECT id FROM provider_check WHERE site_id = $1"
    ours, theirs = [await register.fetchval(checks, UUID(each)) for each in (second["site_id"], more["site_id"])]
    assert await shape(register, "provider_check", ours) == await shape(register, "provider_check", theirs)
    assert await register.fetchval(clocks, ours) == await register.fetchval(clocks, theirs)
    assert await register.history(ours) == ["ask"]
    shown = await register.get(f"/registrations/{first['registration_id']}", "regulator-a")
    assert (shown["clock"]["due_at"], shown["clock"]["overdue"]) == (first["due_at"], False)
    await register.post(f"/registrations/{first['registration_id']}/grant", GRANT, "regulator-b")
    granted = await register.post(f"/amendments/{second['amendment_id']}/grant", GRANT, "regulator-b")
    assert granted["status"] == "granted"


async def test_a_record_that_is_refused_costs_no_other_and_says_every_ground(register: Register) -> None:
    taken = domain()
    await register.active(a_site(taken, accesses=[access("198.18.7.7", "dedicated")]), uscc(1))
    bad = a_site(taken, domains=[domain(), taken], service_items=["healthcare"], accesses=[access("198.18.7.7")])
    alone = await register.refused("/registrations", await new(register, uscc(2), bad), "regulator-a")
    wrong, nothing, nonsense, good, nobody, nowhere = await sent(
        register, await new(register, uscc(2), bad), {"kind": "filing"}, "nonsense", await new(register, uscc(3)),
        {"operator_id": str(uuid4()), "site": a_site(domain())},
        await new(register, uscc(4), a_site(domain(), accesses=[access("127.0.0.1")])),
    )  # fmt: skip
    assert (wrong["code"], wrong["grounds"]) == ("not_admitted", alone["grounds"])
    assert (nothing["code"], {each["field"] for each in nothing["fields"]}) == ("invalid", {"operator_id", "site"})
    assert (nonsense["code"], nonsense["fields"][0]["field"]) == ("invalid", "record")
    assert (nobody["code"], nowhere["code"]) == ("unknown_operator", "invalid")
    assert [each["field"] for each in nowhere["fields"]] == ["site.accesses.0.ips"]
    assert good["status"] == "submitted"


async def test_what_an_earlier_record_has_taken_is_taken(register: Register) -> None:
    name = domain()
    alone, shared = access("198.18.9.1", "dedicated"), access("198.18.9.2")
    results = await sent(
        register, await new(register, uscc(1), a_site(name, accesses=[alone, shared])),
        await new(register, uscc(2), a_site(name)),
        await new(register, uscc(3), a_site(domain(), accesses=[access("198.18.9.1")])),
        await new(register, uscc(4), a_site(domain(), accesses=[shared])),
        await new(register, uscc(5), a_site(domain(), accesses=[access("198.18.9.2", "dedicated")])),
        await new(register, uscc(1)),
    )  # fmt: skip
    codes = [(each["status"], each["code"], [ground["code"] for ground in each["grounds"]]) for each in results]
    assert codes == [
        ("submitted", None, []), ("refused", "not_admitted", ["domain_taken"]),
        ("refused", "not_admitted", ["address_taken"]), ("submitted", None, []),
        ("refused", "not_admitted", ["address_taken"]), ("refused", "filing_exists", []),
    ]  # fmt: skip
    assert results[-1]["registration_id"] == results[0]["registration_id"], "whither the site can be added"


async def test_the_same_batch_again_changes_nothing(register: Register) -> None:
    active = await register.active(a_site(domain()), uscc(2))
    batch = [
        await new(register, uscc(1), a_site(domain(), accesses=[access(), access(provider=OTHER_PROVIDER)])),
        {"registration_id": active["id"], "site": a_site(domain())}, {"kind": "filing"},
    ]  # fmt: skip
    first = await sent(register, *batch)
    before = await rows(register)
    again = await sent(register, *batch)
    assert await rows(register) == before
    assert [each["status"] for each in again] == ["unchanged", "unchanged", "refused"]
    assert [each["site_id"] for each in again[:2]] == [each["site_id"] for each in first[:2]]
    changed = {**batch[0], "site": {**batch[0]["site"], "name": "Another name"}}
    assert (await sent(register, changed))[0]["status"] == "refused"
    await register.post(f"/registrations/{first[0]['registration_id']}/grant", GRANT, "regulator-b")
    assert (await sent(register, batch[0]))[0]["status"] == "unchanged", "also when it is entered"


async def test_with_one_key_a_batch_happens_once(register: Register) -> None:
    body = {"records": [await new(register, uscc(1))]}
    first = await register.post("/submissions", body, "regulator-a", key="one")
    assert await register.post("/submissions", body, "regulator-a", key="one") == first


async def test_an_operator_sends_its_own_and_nobody_elses(register: Register) -> None:
    theirs = await register.active(a_site(domain()), uscc(7))
    own, foreign, under = await sent(
        register, await new(register, OPERATOR_USCC), await new(register, uscc(8)),
        {"registration_id": theirs["id"], "site": a_site(domain())}, who=owner(),
    )  # fmt: skip
    assert own["status"] == "submitted"
    assert [each["code"] for each in (foreign, under)] == ["out_of_scope", "out_of_scope"]


async def test_the_regulator_sends_for_its_own_province(register: Register) -> None:
    here, there = await new(register, uscc(1)), await new(register, uscc(2))
    await register.fetchval("UPDATE operator SET region = '310000' WHERE identity = $1 RETURNING id", uscc(2))
    results = await sent(register, here, there)
    assert [(each["status"], each["code"]) for each in results] == [("submitted", None), ("refused", "out_of_scope")]


@pytest.mark.parametrize(
    "who",
    ["drugs-a", "desk-a", "auditor", "officer",
     (f"provider-{PROVIDER}", {"organisation": str(PROVIDER), "roles": ["access_provider"]})],
)  # fmt: skip
async def test_providers_and_others_send_none(register: Register, who: Any) -> None:
    body = {"records": [await new(register, uscc(1))]}
    assert (await register.refused("/submissions", body, who, 403))["code"] == "role_missing"


async def test_under_a_number_that_is_over_or_unknown_nothing_is_added(register: Register) -> None:
    pending = await register.submitted(a_site(domain()), uscc(1))
    waiting, unknown = await sent(
        register, {"registration_id": pending["id"], "site": a_site(domain())},
        {"registration_id": str(uuid4()), "site": a_site(domain())},
    )  # fmt: skip
    assert (waiting["code"], unknown["code"]) == ("action_refused", "unknown_registration")


async def test_no_batch_is_empty_or_larger_than_a_thousand(register: Register) -> None:
    too_many: list[dict[str, Any]] = [{}] * 1001
    for records in (too_many, too_many[:0]):
        await register.refused("/submissions", {"records": records}, "regulator-a", 422)


async def test_a_number_has_so_many_sites_and_not_one_more(register: Register) -> None:
    active = await register.active(a_site(domain()), uscc(1))
    await register.fetchval("UPDATE registration SET last_ordinal = 998 WHERE id = $1 RETURNING id", UUID(active["id"]))
    records = [{"registration_id": active["id"], "site": a_site(domain())} for _ in range(4)]
    results = await sent(register, *records)
    assert [each["code"] for each in results] == [None, None, "too_many_sites", "too_many_sites"]
    assert await register.fetchval("SELECT last_ordinal FROM registration WHERE id = $1", UUID(active["id"])) == 1000


async def test_two_batches_that_want_the_same_at_once_never_both_get_it(register: Register) -> None:
    for turn in range(4):
        names = [domain() for _ in range(20)]
        batches = [
            {"records": [await new(register, uscc(100 + turn * 40 + place * 20 + n), a_site(name))
                         for n, name in enumerate(order)]}
            for place, order in enumerate((names, names[::-1]))
        ]  # fmt: skip
        answers = await asyncio.gather(
            *(register.api.post("/submissions", json=batch, who="regulator-a") for batch in batches)
        )
        assert {answer.status_code for answer in answers} <= {200, 503}
        won = sum(answer.json()["submitted"] for answer in answers if answer.status_code == 200)
        held = await register.fetchval("SELECT count(*) FROM claim WHERE domain = ANY ($1)", names)
        assert won == held == len(names)


async def test_two_batches_that_want_an_address_for_themselves_at_once_never_both_get_it(register: Register) -> None:
    for turn in range(5):
        alone = access(f"198.18.20.{turn}", "dedicated")
        batches = [
            {"records": [await new(register, uscc(300 + turn * 2 + place), a_site(domain(), accesses=[alone]))]}
            for place in range(2)
        ]
        answers = await asyncio.gather(
            *(register.api.post("/submissions", json=batch, who="regulator-a") for batch in batches)
        )
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert sum(answer.json()["submitted"] for answer in answers if answer.status_code == 200) == 1


async def test_who_may_not_submit_alone_does_not_in_a_batch(register: Register) -> None:
    legacy = await register.operator(LEGACY, document={"number": LEGACY})
    records = [await new(register, uscc(1)), await new(register, uscc(2))]
    await register.fetchval(
        """INSERT INTO merger (id, status, survivor_id, merged_id, survivor_act_id, statement, digest, proposed_by,
                               confirmed_by, confirm_from, moved, proposed_at, changed_at)
           VALUES (gen_random_uuid(), 'confirmed', $1, $2, gen_random_uuid(), '{}', 'x', 'a', 'b', now(), '{}', now(),
                   now())
        RETURNING id""",
        UUID(records[0]["operator_id"]), UUID(records[1]["operator_id"]),
    )  # fmt: skip
    unconfirmed, merged = await sent(register, {**records[0], "operator_id": legacy}, records[1])
    assert (unconfirmed["code"], merged["code"]) == ("legacy_code", "operator_merged")


async def test_a_batch_and_a_grant_lock_in_one_order(register: Register) -> None:
    active = await register.active(a_site(domain()), uscc(1))
    for _ in range(5):
        added = (await sent(register, {"registration_id": active["id"], "site": a_site(domain())}))[0]
        answers = await asyncio.gather(
            register.api.post(f"/amendments/{added['amendment_id']}/grant", json=GRANT, who="regulator-b"),
            register.api.post("/submissions", who="regulator-a", json={
                "records": [{"registration_id": active["id"], "site": a_site(domain())}]}),
        )  # fmt: skip
        assert [answer.status_code for answer in answers] == [200, 200]


async def test_its_clocks_ring(register: Register) -> None:
    active = await register.active(a_site(domain()), uscc(1))
    first, second = await sent(
        register, await new(register, uscc(2)), {"registration_id": active["id"], "site": a_site(domain())}
    )
    await register.ring(registrations.DECISION, first["registration_id"])
    await register.ring(proposing.DECISION, second["amendment_id"])
    assert (await register.get(f"/registrations/{first['registration_id']}", "regulator-a"))["clock"]["overdue"]


async def test_killed_between_two_lines_all_of_it_is_there_or_nothing(register: Register) -> None:
    active = await register.active(a_site(domain()), uscc(1))
    body = Batch(records=[await new(register, uscc(2)), {"registration_id": active["id"], "site": a_site(domain())}])
    rt = register.api.rt

    async def submit() -> None:
        async with rt.db.transaction() as tx:
            await submissions.submit(tx, rt, person("regulator-a"), body)

    await survives(rt, submit)
    assert await register.fetchval("SELECT count(*) FROM amendment") == 1
