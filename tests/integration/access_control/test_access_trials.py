"""A sandbox tries its client on the real doors, and nobody else hears of it (ADR 24)."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from access_control.errors import NotHosted
from access_control.service import probing, state
from access_control.service.sending import LAPSE
from concord.sdk.signed import verified_counter, verified_order
from shared import signing
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import UNTIL_S, WHY, Desk, Host, carried_out, later, licence, opened
from tests.integration.access_control.test_access_conduct import penalty
from tests.integration.access_control.test_access_emergencies import signed
from tests.support.service import Who

CUT = {"hosts": ["pharmacy.example"]}
OTHERS: tuple[Who, ...] = ("desk-a", "regulator-a", "auditor", ("desk-a", {"region": None}))


async def sandbox(desk: Desk, **change: Any) -> Host:
    return await desk.host(licence=None, sandbox=True, **change)


async def tried(desk: Desk, host: Host, body: Any = CUT) -> dict[str, Any]:
    return await desk.act(f"/providers/{host.id}/trial-orders", body, host.who, 201)


async def ended(desk: Desk, host: Host, order: dict[str, Any]) -> dict[str, Any]:
    return await desk.act(f"/providers/{host.id}/trial-orders/{order['id']}/end", None, host.who)


async def test_it_goes_out_at_once_by_its_feed_and_comes_back_with_a_restore(slow_desk: Desk) -> None:
    desk, host = slow_desk, await sandbox(slow_desk)
    order = await tried(desk, host, {"hosts": ["pharmacy.example", "例子.test"]})
    assert (order["status"], order["action"], order["sequence"]) == ("released", "cut_off", 1)
    (given,) = (await desk.feed(host))["orders"]
    keys = signing.KeyRing((await desk.api.get("/.well-known/jwks.json")).json())
    verified_order(keys, given["jws"])
    document = opened(given["jws"])
    assert (document["issuer"]["id"], document["site"]["hosts"]) == (
        "sandbox",
        ["pharmacy.example", "xn--fsqu00a.test"],
    )
    await desk.answer(host)
    again = await ended(desk, host, order)
    assert (await ended(desk, host, order)) == again, "once"
    restore = opened((await desk.feed(host))["orders"][1]["jws"])
    assert (restore["action"], restore["undoes"], restore["issuer"]["id"]) == ("restore", order["id"], "sandbox")
    await desk.answer(host)
    assert (await desk.state(host))["in_force"] == 0


async def test_nobody_but_the_sandbox_sees_it_and_no_fact_tells_of_it(desk: Desk) -> None:
    host = await sandbox(desk)
    order = await tried(desk, host)
    await desk.answer(host)
    await ended(desk, host, order)
    assert await desk.facts() == []
    assert [each["id"] for each in (await desk.api.get("/orders", who=host.who)).json()["items"]][1:] == [order["id"]]
    for who in OTHERS:
        assert (await desk.api.get("/orders", who=who)).json()["items"] == [], who
        for path in (f"/orders/{order['id']}", f"/orders/{order['id']}/observed"):
            assert (await desk.api.get(path, who=who)).status_code == 404, who
        for verb in ("withdrawal", "reissue-request", "escalation"):
            answer = await desk.api.post(f"/orders/{order['id']}/{verb}", json=WHY, who=who)
            assert answer.status_code == 403, (who, verb)
    day = {"since": "2026-11-20", "until": "2026-11-20"}
    assert (await desk.api.get("/orders/statistics", params=day)).json()["providers"] == []
    unanswered = await tried(desk, host)
    await desk.answer(host)
    await ended(desk, host, unanswered)
    desk.clock.advance(timedelta(hours=25))
    await probing.enlist(desk.rt)
    assert await desk.rows("SELECT FROM probing") == []


async def test_no_department_hears_of_a_sandbox_and_none_can_name_it(desk: Desk) -> None:
    host = await sandbox(desk)
    for verb in ("close", "reopen"):
        shown = await desk.act(f"/providers/{host.id}/{verb}", WHY, host.who)
    assert (shown["sandbox"], shown["status"], shown["licences"]) == (True, "active", [])
    changed = {"name": "Other", "contact": "x@hosting.example"}
    assert (await desk.api.put(f"/providers/{host.id}", json=changed, version=4, who="desk-a")).status_code == 200
    assert await desk.facts() == []
    with pytest.raises(NotHosted):
        await desk.deliver(carried_out(host))
    with pytest.raises(NotHosted):
        await desk.deliver(penalty(host))
    answer = await desk.api.post(f"/providers/{host.id}/emergencies", json={"jws": signed(host)}, who=host.who)
    assert (answer.status_code, answer.json()["code"]) == (409, "is_sandbox")
    answer = await desk.api.post(f"/providers/{host.id}/licences", json=licence("京B1-1"), who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (409, "is_sandbox")


async def test_what_it_signs_is_countersigned_by_no_regulator(desk: Desk) -> None:
    host = await sandbox(desk)
    await tried(desk, host)
    (order,) = (await desk.feed(host))["orders"]
    answer = (await desk.hand_in(host, host.batch(host.receipt(order)))).json()
    keys = signing.KeyRing((await desk.api.get("/.well-known/jwks.json")).json())
    assert verified_counter(keys, answer["counter_receipt"]).recorded_by.id == "sandbox"
    mine = await desk.host()
    answer = (await desk.hand_in(mine, mine.batch("nothing"))).json()
    assert verified_counter(keys, answer["counter_receipt"]).recorded_by.id == "industry-110000"


async def test_a_suspension_ends_by_itself_with_a_restore(desk: Desk) -> None:
    host = await sandbox(desk)
    order = await tried(desk, host, {**CUT, "until": later(UNTIL_S).isoformat()})
    assert order["action"] == "suspend"
    await desk.answer(host)
    desk.clock.advance(timedelta(seconds=UNTIL_S))
    await desk.ring(LAPSE, order["id"])
    await desk.ring(LAPSE, order["id"])
    assert [opened(each["jws"])["action"] for each in (await desk.feed(host))["orders"]] == ["suspend", "restore"]
    unanswered = await tried(desk, host, {**CUT, "until": later(2 * UNTIL_S).isoformat()})
    desk.clock.advance(timedelta(seconds=UNTIL_S))
    await desk.ring(LAPSE, unanswered["id"])
    assert opened((await desk.feed(host))["orders"][-1]["jws"])["undoes"] == unanswered["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"hosts": ["pharmacy.com"]}, "hosts.0"),
        ({"hosts": ["ok.example", "www.gov.cn"]}, "hosts.1"),
        ({"hosts": ["a b.example"]}, "hosts.0"),
        ({"hosts": ["example"]}, "hosts.0"),
        ({**CUT, "until": "2026-11-20T03:59:59Z"}, "until"),
    ],
)
async def test_only_names_that_are_nobodys_are_tried(desk: Desk, body: Any, field: str) -> None:
    host = await sandbox(desk)
    answer = await desk.api.post(f"/providers/{host.id}/trial-orders", json=body, who=host.who)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_trial")
    assert [each["field"] for each in answer.json()["fields"]] == [field]
    assert (await desk.feed(host))["orders"] == []


async def test_only_a_sandbox_tries_and_only_itself(desk: Desk) -> None:
    host, mine = await sandbox(desk), await desk.host()
    order = await tried(desk, host)
    for who in (*OTHERS, mine.who):
        assert (await desk.api.post(f"/providers/{host.id}/trial-orders", json=CUT, who=who)).status_code == 403
        end = f"/providers/{host.id}/trial-orders/{order['id']}/end"
        assert (await desk.api.post(end, who=who)).status_code == 403
    real = await desk.api.post(f"/providers/{mine.id}/trial-orders", json=CUT, who=mine.who)
    assert (real.status_code, real.json()["code"]) == (409, "not_a_sandbox")
    await desk.cut_off(mine)
    (ordered,) = await desk.orders(mine)
    for own, theirs in ((mine, ordered), (mine, order), (host, ordered)):
        end = f"/providers/{own.id}/trial-orders/{theirs['id']}/end"
        assert (await desk.api.post(end, who=own.who)).status_code == 404, "no provider ends an order that is none"


async def test_the_database_knows_a_trial_from_an_order(desk: Desk) -> None:
    host, mine = await sandbox(desk), await desk.host()
    await tried(desk, host)
    await desk.cut_off(mine)
    for change in (
        f"UPDATE access_order SET trial = false WHERE provider_id = '{host.id}'",
        f"UPDATE access_order SET trial = true, issuer_id = 'sandbox' WHERE provider_id = '{mine.id}'",
        f"UPDATE access_order SET issuer_id = 'sandbox' WHERE provider_id = '{mine.id}'",
        f"UPDATE access_order SET issuer_id = 'industry-110000' WHERE provider_id = '{host.id}'",
        f"UPDATE provider SET sandbox = true WHERE id = '{mine.id}'",
        f"UPDATE provider SET sandbox = false WHERE id = '{host.id}'",
    ):
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.ForeignKeyViolationError)):
            await desk.rows(change)


async def test_what_is_beyond_its_day_waits_and_is_taken_back_before_it_was_seen(desk: Desk) -> None:
    host = await sandbox(desk, daily_capacity=1)
    await tried(desk, host)
    waiting = await tried(desk, host, {"hosts": ["other.example"]})
    assert (waiting["status"], waiting["position"]) == ("queued", 1)
    assert (await ended(desk, host, waiting))["status"] == "withdrawn"
    assert len((await desk.feed(host))["orders"]) == 1
    assert await desk.facts() == []


async def test_without_a_key_of_its_own_there_is_no_sandbox(open_desk: OpenDesk, tmp_path: Path) -> None:
    key = {**signing.generate_key(kid="a"), signing.OWNER: "industry-110000"}
    (tmp_path / "own.json").write_text(json.dumps({"keys": [key]}))
    async with open_desk(signing_keys_file=tmp_path / "own.json", signing_keys_generate=False) as desk:
        body = {"name": "Mine", "region": "110000", "kind": "access_provider", "contact": "x", "sandbox": True}
        answer = await desk.api.post("/providers", json=body, who="desk-a")
        assert (answer.status_code, answer.json()["code"]) == (409, "no_sandbox_key")


@pytest.mark.parametrize(
    "change",
    [{"licence": licence("京B1-1")}, {"kind": "carrier"}, {"kind": "public_network", "supervisor": "education"}],
)
async def test_a_sandbox_has_no_licence_and_is_no_network(desk: Desk, change: Any) -> None:
    body = {"name": "Mine", "region": "110000", "kind": "access_provider", "contact": "x", "sandbox": True, **change}
    assert (await desk.api.post("/providers", json=body, who="desk-a")).status_code == 422


async def test_a_flood_of_trials_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    host, other = await sandbox(desk), await sandbox(desk)
    monkeypatch.setattr(state.trials_of(desk.rt), "_per_hour", 2)
    for _ in range(2):
        await tried(desk, host)
    answer = await desk.api.post(f"/providers/{host.id}/trial-orders", json=CUT, who=host.who)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_trials")
    await tried(desk, other)
