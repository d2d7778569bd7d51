"""The key that signs orders is changed while everything runs, as operators are told: a new one first, then restart."""

import json
from typing import Any

from local_stack.keys import write_secret
from shared.signing import generate_key, read_header
from tests.support.office import Office


async def _feed(office: Office) -> list[dict[str, Any]]:
    async with office.provider() as provider:
        feed = await provider.access.feed(office.stack.provider_id, limit=500)
    return [read_header(entry["jws"]) for entry in feed["orders"]]


async def test_an_order_signed_with_the_new_key_is_carried_out_and_the_old_ones_still_hold(office: Office) -> None:
    stack = office.stack
    file = stack.root / "keys" / "orders.json"
    await office.enter("before.example", "after.example")
    before = await office.revoke(await office.decide("before.example"))
    await office.executed(before, "cut_off")
    keys = json.loads(file.read_text())["keys"]
    write_secret(file, json.dumps({"keys": [generate_key("orders-rotated"), *keys]}))
    await stack.stop("access-control")
    await stack.start("access-control")
    after = await office.revoke(await office.decide("after.example"))
    await office.executed(after, "cut_off")
    await office.uphold(before)
    await office.executed(before, "restore")
    signed_with = [header["kid"] for header in await _feed(office)]
    assert signed_with[-2:] == ["orders-rotated"] * 2
    assert signed_with[-3] == keys[0]["kid"]
    published = await office.people["desk-a"].json("access-control", "GET", "/.well-known/jwks.json")
    assert [key["kid"] for key in published["keys"]] == ["orders-rotated", *(key["kid"] for key in keys)]
    assert all("d" not in key for key in published["keys"])
