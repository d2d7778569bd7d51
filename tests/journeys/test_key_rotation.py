"""The key that signs orders is changed while everything runs, as operators are told: a new one first, then restart."""

import json
from typing import Any

from local_stack.keys import write_secret
from shared.contracts.orders import Action
from shared.signing import OWNER, generate_key, read_header
from tests.support.office import Office

ISSUER = "industry-110000"


async def _feed(office: Office) -> list[dict[str, Any]]:
    async with office.provider() as provider:
        feed = await provider.access.feed(office.stack.provider_id, limit=500)
    return [read_header(entry.jws) for entry in feed.orders]


async def test_an_order_signed_with_the_new_key_is_carried_out_and_the_old_ones_still_hold(office: Office) -> None:
    stack = office.stack
    file = stack.root / "keys" / "access-control.json"
    await office.enter("before.example", "after.example")
    before = await office.execute(await office.decide("before.example"))
    await office.executed(before, Action.CUT_OFF)
    keys = json.loads(file.read_text())["keys"]
    (old,) = [key["kid"] for key in keys if key[OWNER] == ISSUER]
    write_secret(file, json.dumps({"keys": [generate_key("orders-rotated") | {OWNER: ISSUER}, *keys]}))
    await stack.stop("access-control")
    await stack.start("access-control")
    after = await office.execute(await office.decide("after.example"))
    await office.executed(after, Action.CUT_OFF)
    await office.uphold(before)
    await office.executed(before, Action.RESTORE)
    signed_with = [header["kid"] for header in await _feed(office)]
    assert signed_with[-2:] == ["orders-rotated"] * 2
    assert signed_with[-3] == old
    published = (await office.people["desk-a"].access.keys())["keys"]
    assert {key["kid"] for key in published} >= {"orders-rotated", old}
    assert all("d" not in key for key in published)
