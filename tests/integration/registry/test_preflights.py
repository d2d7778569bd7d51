"""Register first, connect after: a signed yes or no, the same alone and among many, and nothing that is not public."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.access import OrderExecutedV1
from shared.documents import preflights as documents
from shared.runtime.base.limiter import Limiter
from shared.signing import BadSignature, KeyRing
from tests.integration.registry.conftest import (
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    access,
    domain,
    provider_recorded,
    uscc,
)
from tests.integration.registry.listing import Sender, provider, record, revoked
from tests.integration.registry.test_measures import of_operator
from tests.support.crash import everything

ME = provider()


async def asked(register: Register, host: str, *ips: str, who: Any = ME, **more: Any) -> dict[str, Any]:
    return await register.post("/preflight", record(host, *ips, **more), who)


def codes(answer: dict[str, Any]) -> list[str]:
    return [each["code"] for each in answer["reasons"]]


async def barred(register: Register, code: str) -> None:
    """An operator is on the barred list."""
    bar = of_operator(
        await register.operator(code), operator={"identity": code, "name": "Example"},
        until=register.clock.now() + timedelta(days=400),
    )  # fmt: skip
    await register.hear(bar)
    carried = await register.carried_out(bar)
    await register.ring("bar_begins", carried["id"])
    register.clock.advance(timedelta(days=1))


async def test_flow_f_a_site_that_stands_as_asked_is_a_yes_and_everything_else_a_no_with_every_reason(
    register: Register,
) -> None:
    code = uscc(800_000_001)
    site = await register.live(code)
    host = site["domains"][0]
    yes = await asked(register, host, number=site["number"], operator=code)
    assert (yes["answer"], yes["reasons"], yes["document"]["site"]) == ("yes", [], site["number"])
    assert (await asked(register, f"www.{host}"))["answer"] == "yes"
    no = await asked(register, host, "198.18.0.99", number="京ICP备99999999号", operator=uscc(800_000_002))
    assert (no["answer"], codes(no)) == ("no", ["number_differs", "address_differs", "operator_differs"])
    assert codes(await asked(register, domain())) == ["unregistered"]
    assert codes(await asked(register, host, who=provider(OTHER_PROVIDER))) == ["address_differs"]
    await register.carried_out(await register.decided(
        site, "suspend_access", until=register.clock.now() + timedelta(days=30)))  # fmt: skip
    assert codes(await asked(register, host)) == ["stopped"]
    await register.carried_out(await register.decided(site))
    assert codes(await asked(register, host)) == ["revoked"]


async def test_what_is_a_finding_on_a_list_is_a_no_before_and_the_other_way_round(register: Register) -> None:
    sender, fine, gone = Sender(register), await register.live(), await register.live()
    await revoked(register, gone, OrderExecutedV1)
    listed = [
        record(fine["domains"][0]), record(f"www.{fine['domains'][0]}", "198.18.0.99"), record(domain()),
        record(gone["domains"][0]), record(f"b.{fine['domains'][0]}", number="京ICP备99999999号"),
    ]  # fmt: skip
    await sender.hosts(*listed)
    said = set()
    for each in listed:
        answer = await register.post("/preflight", each, ME)
        said |= {(each["host"], code) for code in codes(answer)}
    assert said == await sender.found()


async def test_alone_and_among_many_the_answer_is_the_same_bytes_and_verifies_offline(register: Register) -> None:
    site = await register.live()
    questions: list[Any] = [
        record(site["domains"][0]), record(domain()), record("10.0.0.1"), record(site["domains"][0], "198.18.0.99"),
        {**record(domain()), "readers": 3}, "nonsense",
    ]  # fmt: skip
    register.clock.advance(timedelta(milliseconds=250))
    many = await register.post("/preflight/batch", {"questions": questions}, ME)
    assert (many["yes"], many["no"], many["refused"]) == (1, 2, 3)
    keys = KeyRing((await register.api.get("/.well-known/jwks.json")).json())
    for question, result in zip(questions, many["results"], strict=True):
        if result["status"] == "refused":
            assert (result["code"], result["jws"]) == ("invalid", None)
            await register.refused("/preflight", question, ME, 422)
            continue
        alone = await register.post("/preflight", question, ME)
        assert alone["jws"] == result["jws"]
        said, _ = documents.read(result["jws"], keys)
        assert said.model_dump(mode="json") == alone["document"]
        assert (said.provider_id, said.issuer.id) == (PROVIDER, "industry-110000")
        assert (said.expires - said.as_of, said.as_of.microsecond) == (timedelta(minutes=15), 0)
        assert documents.holds(said, register.clock.now())
        assert not documents.holds(said, said.expires)
    head, payload, signature = many["results"][0]["jws"].split(".")
    with pytest.raises(BadSignature):
        documents.read(f"{head}.{payload[:-4]}AAAA.{signature}", keys)


async def test_a_no_tells_nothing_that_the_public_register_does_not(register: Register) -> None:
    code = uscc(801_000_001)
    wanted = (await register.submitted(a_site(domain()), code))["sites"][0]["domains"][0]
    nobodys = domain()
    undecided, free = await asked(register, wanted), await asked(register, nobodys)
    assert json.dumps(undecided["reasons"]).replace(wanted, nobodys) == json.dumps(free["reasons"])
    assert (undecided["document"]["site"], codes(undecided)) == (None, ["unregistered"])
    theirs = await register.live()
    await register.propose(theirs, a_site(theirs["domains"][0], domains=[theirs["domains"][0], wanted := domain()]))
    undecided = await asked(register, wanted)
    assert (undecided["document"]["site"], codes(undecided)) == (None, ["unregistered"])
    await register.live(accesses=[access("198.18.0.44", "dedicated")])
    taken = await asked(register, domain(), "198.18.0.44", hosting_mode="dedicated")
    assert codes(taken) == ["unregistered"], "whose an address is, is not public"


async def test_a_bar_takes_no_standing_site_from_its_host_and_stands_against_what_is_new(register: Register) -> None:
    code = uscc(802_000_001)
    site = await register.live(code)
    await barred(register, code)
    assert (await asked(register, site["domains"][0]))["answer"] == "yes"
    moved = await asked(register, site["domains"][0], "198.18.0.99")
    assert codes(moved) == ["address_differs", "barred"]
    assert codes(await asked(register, domain(), operator=code)) == ["unregistered", "barred"]


async def test_that_a_person_is_barred_is_not_told(register: Register) -> None:
    code = uscc(804_000_001)
    site = await register.live(code)
    await barred(register, code)
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE operator SET identity = $2 WHERE identity = $1", code, "p:" + "0" * 64)
    assert codes(await asked(register, site["domains"][0], "198.18.0.99")) == ["address_differs"]


@pytest.mark.parametrize(
    "host", ["ＰＲＥ.Example．", "pre.example.", " PRE.EXAMPLE ", "pre.example"], ids=["wide", "dot", "blanks", "plain"]
)
async def test_every_spelling_is_the_same_question(register: Register, host: str) -> None:
    await register.active(a_site("pre.example"), uscc(803_000_001))
    answer = await asked(register, host, "::ffff:198.18.0.10")
    assert (answer["answer"], answer["document"]["asked"]["host"]) == ("yes", "pre.example")


async def test_questions_that_cannot_be_name_what_is_wrong(register: Register) -> None:
    body = record("bad name", "10.0.0.1", number="no", operator="110101199001011237")
    refused = await register.refused("/preflight", body, ME, 422)
    assert {each["field"] for each in refused["fields"]} == {"host", "ips.0", "number", "operator"}
    await register.refused("/preflight/batch", {"questions": [record(domain())] * 1001}, ME, 422)


async def test_only_an_active_provider_asks_and_not_more_than_its_share(register: Register) -> None:
    for who in ("regulator-a", "applicant"):
        assert (await register.refused("/preflight", record(domain()), who, 403))["code"] == "role_missing"
    object.__setattr__(register.api.rt.state, "questions", Limiter(3))
    await register.post("/preflight/batch", {"questions": [record(domain())] * 2}, ME)
    answer = await register.api.post("/preflight/batch", json={"questions": [record(domain())] * 2}, who=ME)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_questions")
    assert int(answer.headers["Retry-After"]) > 0
    await register.post("/preflight", record(domain()), ME)
    await register.post("/preflight", record(domain()), provider(OTHER_PROVIDER))
    await register.hear(provider_recorded().model_copy(update={"status": "closed", "version": 9}))
    assert (await register.refused("/preflight", record(domain()), ME, 409))["code"] == "provider_not_active"


async def test_asking_writes_nothing(register: Register) -> None:
    site = await register.live()
    before = await everything(register.api.rt)
    await asked(register, site["domains"][0])
    await register.post("/preflight/batch", {"questions": [record(domain())]}, ME)
    assert await everything(register.api.rt) == before
