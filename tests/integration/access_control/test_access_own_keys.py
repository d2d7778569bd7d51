"""What a provider does for itself: the next key, vouched for by one in use; a key revoked at once; whom to ask."""

import asyncio
from typing import Any
from uuid import UUID

from access_control.service import keys
from shared import signing
from tests.integration.access_control.desk import Desk, Host, entered
from tests.support.people import person


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
    old = await desk.api.delete(f"/providers/{host.id}/keys/{host.key['kid']}", who=host.who)
    assert (old.status_code, old.json()["revoked_at"] is not None) == (200, True)
    shown = (await desk.api.get(f"/providers/{host.id}", who=host.who)).json()
    assert {key["kid"]: key["revoked_at"] is None for key in shown["keys"]} == {host.key["kid"]: False, "next": True}
    again = await desk.api.delete(f"/providers/{host.id}/keys/{host.key['kid']}", who=host.who)
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
    await desk.api.delete(f"/providers/{host.id}/keys/{host.key['kid']}", who=host.who)
    assert await add(desk, host, next_key(host)) == (422, "bad_jwk", "vouched_by"), "a revoked key vouches for nothing"
    assert (await add(desk, host, next_key(host, vouched_by=None), "desk-a"))[0] == 201, "the desk helps"


async def test_another_provider_neither_enters_nor_revokes_nor_says_whom_to_ask(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    assert (await add(desk, host, next_key(host), other.who))[0] == 403
    assert (await desk.api.delete(f"/providers/{host.id}/keys/{host.key['kid']}", who=other.who)).status_code == 403
    for who in (other.who, "desk-a", "regulator-a"):
        assert (await contact(desk, host, who)).status_code == 403, who


async def test_a_key_that_is_being_revoked_vouches_for_nothing(desk: Desk) -> None:
    host, rt = await desk.host(), desk.api.rt
    async with rt.db.transaction() as tx:
        await keys.revoke(tx, rt, person("desk-a"), UUID(host.id), host.key["kid"])
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
