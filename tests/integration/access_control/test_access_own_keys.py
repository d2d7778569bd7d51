"""What a provider does for itself: the next key, vouched for by one in use; a key revoked at once; whom to ask."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from access_control.service import keys
from access_control.service.sending import EXECUTION
from shared import signing
from tests.integration.access_control.desk import KEY_WHY, NOON, WHY, Desk, Host, entered, licence, undone
from tests.support.people import PEOPLE, person


def next_key(host: Host, by: dict[str, Any] | None = None, **change: Any) -> dict[str, Any]:
    key = signing.generate_key(kid="next")
    vouched = signing.prove(signing.Signer(by or host.key), host.id, key["x"])
    return {**entered(key, host.id), "vouched_by": vouched, **change}


async def add(desk: Desk, host: Host, body: dict[str, Any], who: Any = None) -> tuple[int, str, str]:
    answer = await desk.api.post(f"/providers/{host.id}/keys", json=body, who=who or host.who)
    if answer.status_code == 201:
        return 201, "", ""
    fields = answer.json().get("fields") or [{"field": ""}]
    return answer.status_code, answer.json()["code"], fields[0]["field"]


async def test_a_provider_goes_over_to_its_next_key_by_itself(desk: Desk) -> None:
    host = await desk.host()
    assert await add(desk, host, next_key(host)) == (201, "", "")
    old = await desk.api.post(f"/providers/{host.id}/keys/{host.key['kid']}/revocation", json=WHY, who=host.who)
    assert (old.status_code, old.json()["revoked_at"] is not None) == (200, True)
    shown = (await desk.api.get(f"/providers/{host.id}", who=host.who)).json()
    assert {key["kid"]: key["revoked_at"] is None for key in shown["keys"]} == {host.key["kid"]: False, "next": True}
    again = await desk.api.post(f"/providers/{host.id}/keys/{host.key['kid']}/revocation", json=WHY, who=host.who)
    assert (again.status_code, again.json()["code"]) == (409, "key_already_revoked")


async def test_whoever_has_the_password_alone_enters_no_key(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    stranger = signing.generate_key(kid=host.key["kid"])
    key = signing.generate_key(kid="next")
    wrong = [
        next_key(host, vouched_by=None),
        next_key(host, vouched_by="x"),
        next_key(host, by=stranger),
        next_key(host, by=other.key),
        {**next_key(host), "vouched_by": signing.prove(signing.Signer(host.key), host.id)},
        {**entered(key, host.id), "vouched_by": signing.prove(signing.Signer(host.key), other.id, key["x"])},
        {**entered(key, host.id), "vouched_by": entered(key, host.id)["proof"]},
    ]
    for body in wrong:
        assert await add(desk, host, body) == (422, "bad_jwk", "vouched_by"), body
    assert (await add(desk, host, {**next_key(host), "proof": next_key(host)["vouched_by"]}))[2] == "proof"
    await desk.api.post(f"/providers/{host.id}/keys/{host.key['kid']}/revocation", json=WHY, who=host.who)
    assert await add(desk, host, next_key(host)) == (422, "bad_jwk", "vouched_by"), "a revoked key vouches for nothing"
    assert (await add(desk, host, next_key(host, vouched_by=None), "desk-a"))[0] == 201, "the desk helps"


async def test_another_provider_neither_enters_nor_revokes_nor_says_whom_to_ask(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    assert (await add(desk, host, next_key(host), other.who))[0] == 403
    assert (
        await desk.api.post(f"/providers/{host.id}/keys/{host.key['kid']}/revocation", json=WHY, who=other.who)
    ).status_code == 403
    for who in (other.who, "desk-a", "regulator-a"):
        assert (await contact(desk, host, who)).status_code == 403, who


async def test_a_key_that_is_being_revoked_vouches_for_nothing(desk: Desk) -> None:
    host, rt = await desk.host(), desk.api.rt
    async with rt.db.transaction() as tx:
        await keys.revoke(tx, rt, person("desk-a"), UUID(host.id), host.key["kid"], **WHY)
        adding = asyncio.create_task(add(desk, host, next_key(host)))
        done, _ = await asyncio.wait({adding}, timeout=0.3)
        assert not done, "it waits until the other is through"
    assert await adding == (422, "bad_jwk", "vouched_by")


async def contact(desk: Desk, host: Host, who: Any, version: str = "") -> Any:
    shown = (await desk.api.get(f"/providers/{host.id}", who="desk-a")).json()
    return await desk.api.request(
        "PUT", f"/providers/{host.id}/contact", json={"contact": "filings@new.example"}, who=who,
        headers={"If-Match": f'"{version or shown["version"]}"'},
    )  # fmt: skip


async def test_a_provider_says_whom_to_ask_and_nothing_else_of_itself(desk: Desk) -> None:
    host = await desk.host()
    before = (await desk.api.get(f"/providers/{host.id}", who=host.who)).json()
    assert (await contact(desk, host, host.who)).json()["contact"] == "filings@new.example"
    assert (await contact(desk, host, host.who, str(before["version"]))).status_code == 412
    after = (await desk.api.get(f"/providers/{host.id}", who=host.who)).json()
    assert {name for name in before if before[name] != after[name]} == {"contact", "version"}
    body = {"name": "Another", "contact": "x@new.example"}
    refused = await desk.api.request(
        "PUT", f"/providers/{host.id}", json=body, who=host.who, headers={"If-Match": '"2"'}
    )
    assert refused.status_code == 403


async def revoke(desk: Desk, host: Host, kid: str, who: Any = "desk-a", body: Any = WHY, status: int = 200) -> Any:
    return await desk.act(f"/providers/{host.id}/keys/{kid}/revocation", body, who, status)


async def told(desk: Desk) -> list[tuple[str, bool, str, int]]:
    facts = [fact["data"] for fact in await desk.facts("provider_key.changed.v1")]
    return [(each["kid"], each["revoked"], each["reasons"], each["left"]) for each in facts]


async def test_the_desk_says_why_it_revokes_or_enters_anothers_key_and_the_provider_is_told(desk: Desk) -> None:
    host = await desk.host()
    first, why = host.key["kid"], KEY_WHY["reasons"]
    await revoke(desk, host, first, body={}, status=422)
    assert (await revoke(desk, host, first))["revoked_by_authority"]["id"] == "industry-110000"
    bare = {name: value for name, value in next_key(host, vouched_by=None).items() if name != "reasons"}
    assert await add(desk, host, bare, "desk-a") == (422, "reasons_missing", "reasons")
    assert await add(desk, host, bare | KEY_WHY, "desk-a") == (201, "", "")
    assert await told(desk) == [
        (first, False, why, 1), (first, True, WHY["reasons"], 0), ("next", False, why, 1),
    ]  # fmt: skip
    shown = (await desk.api.get(f"/providers/{host.id}", who=host.who)).json()["keys"]
    assert [(each["added_reasons"], each["revoked_reasons"]) for each in shown] == [(why, WHY["reasons"]), (why, None)]


async def test_no_program_of_the_desk_takes_a_providers_voice_or_lends_it_one_and_its_own_needs_nobody(
    desk: Desk,
) -> None:
    host = await desk.host()
    path, first = f"/providers/{host.id}/keys", host.key["kid"]
    for unknown in ({"client_id": "program-of-desk-a", "sub": "program-of-desk-a"}, {"person": None}):
        program: Any = ("desk-a", {**PEOPLE["desk-a"], **unknown})
        for where, body in ((f"{path}/{first}/revocation", WHY), (path, next_key(host, vouched_by=None))):
            answer = await desk.api.post(where, json=body, who=program)
            assert (answer.status_code, answer.json()["code"]) == (403, "person_required")
    assert await told(desk) == [(first, False, KEY_WHY["reasons"], 1)]
    provider: Any = host.who
    own = (provider[0], {**provider[1], "client_id": provider[0], "person": None})
    assert await add(desk, host, next_key(host), own) == (201, "", "")
    assert (await revoke(desk, host, first, own))["revoked_at"] is not None, "a stolen key, at night, at once"


@pytest.mark.parametrize("reasons", ["It was stolen.\nBy telephone.", "x" * 501, "x" * 20_000])
async def test_a_stolen_key_is_revoked_however_long_the_desk_explains_it(desk: Desk, reasons: str) -> None:
    host = await desk.host()
    said = {"reasons": reasons}
    await add(desk, host, next_key(host, vouched_by=None) | said, "desk-a")
    await revoke(desk, host, "next", body=said)
    assert [each[:3] for each in await told(desk)][1:] == [("next", False, reasons), ("next", True, reasons)]


async def test_what_a_provider_does_with_its_own_keys_it_knows(desk: Desk) -> None:
    host = await desk.host()
    await add(desk, host, next_key(host))
    assert (await revoke(desk, host, host.key["kid"], host.who))["revoked_by_authority"] is None
    assert len(await told(desk)) == 1, "of the first key, which the desk entered"


async def test_a_first_key_needs_no_reasons_and_of_a_sandbox_nobody_hears(desk: Desk) -> None:
    host = await desk.host(licence=None, sandbox=True)
    await revoke(desk, host, host.key["kid"])
    assert await told(desk) == []
    other = Host((await desk.act("/providers", {
        "name": "New", "licence": licence("京ICP证900001号"), "region": "110000", "kind": "access_provider",
        "contact": "x@new.example",
    }, "desk-a", 201))["id"], signing.generate_key(kid="new"))  # fmt: skip
    bare = {name: value for name, value in entered(other.key, other.id).items() if name != "reasons"}
    assert await add(desk, other, bare, "desk-a") == (201, "", "")
    assert await told(desk) == [("new", False, keys.FIRST, 1)]


async def test_no_clock_runs_against_a_provider_whose_last_key_the_desk_revoked(desk: Desk) -> None:
    host = await desk.host()
    fact, _ = await desk.cut_off(host, sites=2)
    await desk.deliver(undone(fact))
    _, order, restore = await desk.orders(host)
    desk.clock.advance(timedelta(hours=20))
    await revoke(desk, host, host.key["kid"])
    desk.clock.advance(timedelta(hours=50))
    for each in (order, restore):
        await desk.ring(EXECUTION, each["id"])
    assert [each["overdue"] for each in await desk.orders(host)] == [False, False, True], "a site that waits, waits"
    assert UUID(order["id"]) in await desk.open_deadlines(EXECUTION)
    assert await add(desk, host, next_key(host, vouched_by=None), "desk-a") == (201, "", "")
    await desk.ring(EXECUTION, order["id"])
    shown = await desk.order(order["id"])
    assert (shown["overdue"], datetime.fromisoformat(shown["execute_by"])) == (False, NOON + timedelta(hours=74))
    desk.clock.advance(timedelta(hours=4))
    await desk.ring(EXECUTION, order["id"])
    assert (await desk.order(order["id"]))["overdue"] is True, "it had its 24 hours"


@pytest.mark.parametrize("how", ["itself", "another_is_left", "before_the_order"])
async def test_a_clock_runs_where_a_provider_could_sign_or_took_its_voice_itself(desk: Desk, how: str) -> None:
    host = await desk.host()
    if how != "itself":
        await add(desk, host, next_key(host))
        desk.clock.advance(timedelta(hours=1))
    if how == "before_the_order":
        await revoke(desk, host, "next")
        await revoke(desk, host, host.key["kid"])
        desk.clock.advance(timedelta(hours=1))
        await desk.add_key(host, signing.generate_key(kid="third"))
    await desk.cut_off(host)
    if how != "before_the_order":
        await revoke(desk, host, host.key["kid"], host.who if how == "itself" else "desk-a")
    (order,) = await desk.orders(host)
    await desk.let_pass(order["id"])
    assert (await desk.order(order["id"]))["overdue"] is True
