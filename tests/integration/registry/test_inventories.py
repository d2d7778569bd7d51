"""A provider sends what it hosts: whole lists in numbered batches, taken once and in order (N4.2.2)."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest

from registry.service import inventories
from shared.contracts.http.hosted import InventoryBatch
from tests.integration.registry.conftest import OTHER_PROVIDER, PROVIDER, Register, domain, provider_recorded
from tests.integration.registry.listing import Sender, provider, record
from tests.support.crash import survives
from tests.support.people import person

HELD = "SELECT array_agg(host ORDER BY host) FROM hosted WHERE provider_id = $1 AND first_batch = $2"


async def held(register: Register) -> list[str]:
    """The names of the list that holds."""
    whole = await register.fetchval("SELECT whole FROM inventory WHERE provider_id = $1", PROVIDER)
    return list(await register.fetchval(HELD, PROVIDER, whole) or [])


async def test_n4_2_2_a_list_holds_when_it_is_closed_and_what_it_does_not_name_is_gone(register: Register) -> None:
    sender = Sender(register)
    one, two, three = domain(), domain(), domain()
    first = await sender.batch(record(one), record(two))
    assert (first["taken"], first["refused"], first["closed"]) == (2, 0, False)
    state = await sender.state()
    assert (state["next_sequence"], state["whole"], state["sending"]["records"]) == (2, None, 2)
    await sender.batch(record(three))
    assert (await sender.close())["closed"] is True
    assert await held(register) == sorted([one, two, three])
    await sender.looked()
    await sender.hosts(record(three))
    assert await held(register) == [three]
    state = await sender.state()
    assert (state["next_sequence"], state["sending"], state["whole"]["records"]) == (6, None, 1)
    assert await register.fetchval("SELECT count(*) FROM hosted") == 1, "lists that hold no more are deleted"


async def test_a_provider_that_hosts_nothing_says_so(register: Register) -> None:
    sender = Sender(register)
    await sender.hosts(record(domain()))
    await sender.hosts()
    assert await held(register) == []
    assert await sender.found() == set()


async def test_a_batch_too_early_is_told_which_comes_first_and_one_sent_again_is_answered_the_same(
    register: Register,
) -> None:
    sender = Sender(register)
    early = await sender.raw(json.dumps({"sequence": 2, "records": [record(domain())]}).encode(), 409)
    assert (early["code"], early["next"]) == ("out_of_sequence", 1)
    taken = await sender.batch(record(domain()), record("192.0.2.1"))
    assert await sender.raw(sender.last) == taken
    other = await sender.raw(sender.last + b" ", 409)
    assert (other["code"], other["next"]) == ("other_batch", 2)
    assert (await sender.state())["sending"]["records"] == 2
    closed = await sender.close()
    assert await sender.raw(sender.last) == closed
    rewound = json.dumps({"sequence": 1, "records": [record(domain())]}).encode()
    assert (await sender.raw(rewound, 409))["code"] == "other_batch"


async def test_what_holds_no_more_is_not_remembered(register: Register) -> None:
    sender = Sender(register)
    await sender.batch(record(domain()))
    old = sender.last
    await sender.close()
    await sender.hosts(record(domain()))
    assert (await sender.raw(old, 409))["next"] == 5


async def test_a_closing_that_does_not_fit_closes_nothing_and_a_list_can_begin_anew(register: Register) -> None:
    sender = Sender(register)
    lost, kept = domain(), domain()
    await sender.batch(record(lost))
    for wrong in ({"records": 2}, {"hash": "0" * 64}):
        refused = await sender.close(409, **wrong)
        assert (refused["code"], refused["records"], "hash" in refused) == ("not_whole", 1, False)
    assert (await sender.state())["whole"] is None
    await sender.batch(record(kept), anew=True)
    assert (await sender.state())["sending"]["first_sequence"] == 2
    await sender.close()
    assert await held(register) == [kept]


async def test_each_record_is_read_alone_in_every_spelling_and_has_its_result(register: Register) -> None:
    sender = Sender(register)
    answer = await sender.batch(
        record("Ｅxample-１.Example．", "::ffff:198.18.0.10", "198.18.0.10", number=" 京icp备 10046444号-1 "),
        record("bücher.example"),
        record("xn--bcher-kva.example."),
        record("10.0.0.1"),
        record(domain(), "10.0.0.1"),
        record(domain(), number="no number"),
        {**record(domain()), "readers": 12},
        {"host": domain()},
        "nonsense",
    )
    assert [each["status"] for each in answer["results"]] == ["taken", "taken", *["refused"] * 7]
    assert [each["code"] for each in answer["results"][2:]] == ["listed_twice", *["invalid"] * 6]
    assert [[f["field"] for f in each["fields"]] for each in answer["results"][3:8]] == [
        ["host"], ["ips.0"], ["number"], ["readers"], ["ips"],
    ]  # fmt: skip
    assert (answer["taken"], answer["refused"]) == (2, 7)
    await sender.close()
    assert await held(register) == ["example-1.example", "xn--bcher-kva.example"]
    row = await register.fetchval("SELECT ips || number FROM hosted WHERE host = 'example-1.example'")
    assert row == ["198.18.0.10", "京ICP备10046444号"]


async def test_members_with_strange_names_or_very_many_are_refused_like_any_other(register: Register) -> None:
    strange = [{**record(domain()), name: 1} for name in ("\0", "\ud800", "\u202e", "x" * 5_000)]
    many = {**record(domain()), **{f"m{n}": 1 for n in range(5_000)}}
    sender = Sender(register)
    answer = await sender.batch(*strange, many)
    assert [each["fields"][0]["field"] for each in answer["results"]] == [
        "\\x00", "record", "\\u202e", "x" * 100, "m0",
    ]  # fmt: skip
    assert len(answer["results"][4]["fields"]) == 20
    assert await sender.raw(sender.last) == answer
    asked = await register.api.post(
        "/preflight/batch", content=json.dumps({"questions": strange}), who=sender.who,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert asked.json()["refused"] == 4


async def test_a_name_that_an_earlier_batch_of_the_list_has_is_refused(register: Register) -> None:
    sender, host = Sender(register), domain()
    await sender.batch(record(host))
    assert (await sender.batch(record(host, "198.18.0.11")))["results"][0]["code"] == "listed_twice"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b'{"sequence": 1, "records": [', 422, "invalid"),
        (b'{"sequence": 1, "records": [{"host": "a.x", "host": "b.x"}]}', 400, "member_repeated"),
        (b'{"sequence": 1}', 422, "invalid"),
        (b'{"sequence": 1, "records": []}', 422, "invalid"),
        (b'{"sequence": 0, "records": [1]}', 422, "invalid"),
        (b'{"sequence": true, "records": [1]}', 422, "invalid"),
        (b'{"sequence": 1, "records": [1], "readers": 5}', 422, "invalid"),
        (b'{"sequence": 1, "records": [1], "close": {"records": 0, "hash": "' + b"0" * 64 + b'"}}', 422, "invalid"),
        (json.dumps({"sequence": 1, "records": [1] * 1001}).encode(), 422, "invalid"),
        (b'{"sequence": 1, "records": ["' + b"x" * (51 * 1024 * 1024) + b'"]}', 413, "too_large"),
    ],
    ids=["cut off", "twice", "neither", "none", "zero", "true", "unknown", "both", "1001", "51 MB"],
)  # fmt: skip
async def test_what_is_no_batch_takes_no_number(register: Register, content: bytes, status: int, code: str) -> None:
    sender = Sender(register)
    assert (await sender.raw(content, status))["code"] == code
    assert (await sender.state())["next_sequence"] == 1


async def test_only_the_provider_sends_its_list_also_when_it_closed(register: Register) -> None:
    sender = Sender(register)
    content = json.dumps({"sequence": 1, "records": [record(domain())]}).encode()
    assert (await sender.raw(content, 403, provider(OTHER_PROVIDER)))["code"] == "out_of_scope"
    assert (await sender.raw(content, 403, "regulator-a"))["code"] == "role_missing"
    await register.hear(provider_recorded().model_copy(update={"status": "closed", "version": 9}))
    await sender.batch(record(domain()))
    assert (await sender.close())["closed"], "it says what it hosts still, or that it hosts nothing"
    stranger = Sender(register, UUID(int=7))
    assert (await stranger.raw(content, 409))["code"] == "provider_not_active"


async def test_so_many_lists_are_closed_in_a_day_and_one_more_waits_as_it_is(register: Register) -> None:
    sender, most = Sender(register), register.api.rt.settings.inventory_closings_per_day
    for _ in range(most):
        register.clock.advance(timedelta(hours=1))
        await sender.close()
    last = sender.last
    await sender.batch(record(host := domain()))
    refused = await sender.close(429)
    assert refused["code"] == "too_many_closings"
    assert refused["retry_after"] == (24 - most + 1) * 3600
    assert await sender.raw(last), "what was closed is answered as before"
    other = Sender(register, OTHER_PROVIDER)
    await other.close()
    register.clock.advance(timedelta(seconds=refused["retry_after"]))
    await sender.close()
    assert await held(register) == [host]
    assert await sender.close(429)


async def test_the_sequences_of_two_providers_are_their_own(register: Register) -> None:
    one, other = Sender(register), Sender(register, OTHER_PROVIDER)
    host = domain()
    await one.batch(record(host))
    await other.batch(record(host))
    await one.close()
    await other.close()
    assert (one.next, other.next) == (3, 3)


async def at_once(sender: Sender) -> None:
    """Connections for several are there: else whoever has the first is done before the next one begins."""

    async def held() -> None:
        async with sender.register.api.rt.db.transaction() as tx:
            await tx.execute("SELECT pg_sleep(0.1)")

    await asyncio.gather(*(held() for _ in range(4)))


@pytest.mark.parametrize("sequence", [1, 2])
async def test_twice_at_once_it_is_taken_once_and_both_hear_the_same(register: Register, sequence: int) -> None:
    sender = Sender(register)
    for _ in range(1, sequence):
        await sender.batch(record(domain()))
    content = json.dumps({"sequence": sequence, "records": [record(domain())]}).encode()
    await at_once(sender)
    answers = await asyncio.gather(*(sender.raw(content) for _ in range(4)))
    assert all(each == answers[0] for each in answers)
    assert await register.fetchval("SELECT count(*) FROM hosted") == sequence


@pytest.mark.parametrize("sequence", [1, 2])
async def test_two_programs_at_once_cannot_both_have_the_number(register: Register, sequence: int) -> None:
    sender = Sender(register)
    for _ in range(1, sequence):
        await sender.batch(record(domain()))
    contents = [json.dumps({"sequence": sequence, "records": [record(domain())]}).encode() for _ in range(4)]
    await at_once(sender)
    answers = await asyncio.gather(*(
        register.api.post(sender.path, content=each, who=sender.who, headers={"Content-Type": "application/json"})
        for each in contents
    ))  # fmt: skip
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]
    assert await register.fetchval("SELECT count(*) FROM hosted") == sequence


async def test_killed_between_any_two_lines_a_batch_and_a_closing_are_taken_whole_or_not(register: Register) -> None:
    sender, rt, who = Sender(register), register.api.rt, person(*provider()[:1], **provider()[1])

    async def sent(sequence: int, **body: object) -> None:
        given = InventoryBatch.model_validate({"sequence": sequence, **body})
        async with rt.db.transaction() as tx:
            await inventories.take(tx, rt, who, PROVIDER, given, json.dumps({"sequence": sequence, **body}).encode())

    records = [record(domain()), record("10.0.0.1")]
    await survives(rt, lambda: sent(1, records=records))
    state = await sender.state()
    closing = {"records": 2, "hash": state["sending"]["hash"]}
    await survives(rt, lambda: sent(2, close=closing))
    assert len(await held(register)) == 1
