"""Licences of providers: entered, renewed, given up, over; and what follows from that, which is little (ADR 24)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from access_control.service.licences import CLOCK
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import WHY, Desk, Host, licence, undone

ELSEWHERE = ("desk-a", {"region": "310000"})


async def provider(desk: Desk, host: Host) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.api.get(f"/providers/{host.id}", who=host.who)).json()
    return found


async def ring(desk: Desk, days: float) -> None:
    """So many days later the clocks that are due ring, as the worker lets them."""
    desk.clock.advance(timedelta(days=days))
    due = await desk.rows(
        "UPDATE deadline SET breached_at = $2 WHERE kind = $1 AND met_at IS NULL AND breached_at IS NULL"
        " AND due_at <= $2 RETURNING aggregate_id", CLOCK, desk.clock.now(),
    )  # fmt: skip
    for row in due:
        await desk.ring(CLOCK, row["aggregate_id"])


async def test_a_provider_reads_its_licences_as_they_are(desk: Desk) -> None:
    host = await desk.host(licence=licence("京B1-20150001", provinces=["110000", "110000"], valid_until="2030-12-31"))
    (held,) = (await provider(desk, host))["licences"]
    assert (held["number"], held["kind"], held["level"]) == ("京B1-20150001", "idc", "province")
    assert (held["provinces"], held["valid_until"], held["in_force"]) == (["110000"], "2030-12-31", True)
    more = licence("京B1-20150002", kind="isp")
    entered = await desk.api.post(f"/providers/{host.id}/licences", json=more, who="desk-a")
    assert (entered.status_code, entered.json()["level"], entered.json()["valid_until"]) == (201, "national", None)
    assert [each["number"] for each in (await provider(desk, host))["licences"]] == ["京B1-20150001", "京B1-20150002"]


async def test_a_number_is_entered_once_for_whichever_provider(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    body = licence("京B1-20150002")
    answers = await asyncio.gather(*(
        desk.api.post(f"/providers/{each.id}/licences", json=body, who="desk-a") for each in (host, other) * 3
    ))  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    again = await desk.api.post("/providers", json={
        "name": "Third", "licence": body, "region": "110000", "kind": "carrier", "contact": "x"}, who="desk-a",
    )  # fmt: skip
    assert (again.status_code, again.json()["code"]) == (409, "licence_taken")
    assert again.json()["provider_id"] in {host.id, other.id}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "radio"}, "licence.kind"),
        ({"provinces": ["310000"]}, "licence.provinces"),
        ({"provinces": ["990000"]}, "licence.provinces"),
        ({"valid_from": "2026-11-21"}, "licence.valid_from"),
        ({"valid_until": "2026-11-19"}, "licence.valid_until"),
    ],
)
async def test_a_licence_that_cannot_be_is_refused_with_its_field(
    desk: Desk, change: dict[str, Any], field: str
) -> None:
    host = await desk.host()
    body = licence("京B1-20150002", **change)
    answer = await desk.api.post(f"/providers/{host.id}/licences", json=body, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_licence")
    assert [each["field"] for each in answer.json()["fields"]] == [field]
    assert len((await provider(desk, host))["licences"]) == 1


async def test_it_is_warned_then_unlicensed_and_nothing_else_happens_to_it(open_desk: OpenDesk) -> None:
    async with open_desk(alone=True, withdraw_window_s=0) as desk:
        host = await desk.host(licence=licence("京B1-20150001", valid_until="2027-03-31"))
        (fact,) = await desk.cut_off(host)
        for day, left in ((42, 89), (60, 29), (23, 6)):
            await ring(desk, day)
            last = (await desk.facts("licence.ending.v1"))[-1]["data"]
            assert (last["over"], last["licensed"], last["last_day"]) == (False, True, "2027-03-31"), left
        assert len(await desk.facts("licence.ending.v1")) == 3, "at 90, 30 and 7 days, once each"
        assert (await provider(desk, host))["status"] == "active"
        await ring(desk, 7)
        assert (await provider(desk, host))["status"] == "unlicensed"
        assert (await provider(desk, host))["licences"][0]["in_force"] is False
        over = (await desk.facts("licence.ending.v1"))[3:]
        assert [(each["data"]["over"], each["data"]["licensed"]) for each in over] == [(True, False)]
        assert (await desk.facts("provider.recorded.v1"))[-1]["data"]["status"] == "unlicensed"
        await desk.answer(host)
        assert [order["status"] for order in await desk.orders(host)] == ["executed"], "it still answers"
        await desk.deliver(undone(fact))
        assert len((await desk.feed(host))["orders"]) == 2, "and above all it is told to host again"


async def test_a_renewal_makes_it_licensed_at_once_and_rings_at_the_new_end(open_desk: OpenDesk) -> None:
    async with open_desk(alone=True, withdraw_window_s=0) as desk:
        host = await desk.host(licence=licence("京B1-20150001", valid_until="2026-12-31"))
        await ring(desk, 60)
        (held,) = (await provider(desk, host))["licences"]
        path = f"/providers/{host.id}/licences/{held['id']}"
        renewed = await desk.api.post(f"{path}/renewal", json={"valid_until": "2031-12-31"}, who="desk-a")
        assert (renewed.status_code, renewed.json()["in_force"]) == (200, True)
        assert (await provider(desk, host))["status"] == "active"
        due = await desk.rows(
            "SELECT due_at FROM deadline WHERE kind = $1 AND met_at IS NULL AND breached_at IS NULL", CLOCK
        )
        assert [row["due_at"].date().isoformat() for row in due] == ["2031-10-02"], "90 days before"


@pytest.mark.parametrize("until", ["2030-12-31", "2030-12-30", "2020-01-01"])
async def test_nobody_lets_a_licence_end_earlier(desk: Desk, until: str) -> None:
    host = await desk.host(licence=licence("京B1-20150001", valid_until="2030-12-31"))
    (held,) = (await provider(desk, host))["licences"]
    path = f"/providers/{host.id}/licences/{held['id']}"
    answer = await desk.api.post(f"{path}/renewal", json={"valid_until": until}, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (409, "licence_shortened")
    assert answer.json()["valid_until"] == "2030-12-31"


async def test_nor_gives_one_that_names_no_end_one(desk: Desk) -> None:
    host = await desk.host()
    (held,) = (await provider(desk, host))["licences"]
    path = f"/providers/{host.id}/licences/{held['id']}"
    answer = await desk.api.post(f"{path}/renewal", json={"valid_until": "2030-12-31"}, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (409, "licence_shortened")


async def test_only_a_provider_gives_up_its_licence_and_only_it_closes_itself(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    (held,) = (await provider(desk, host))["licences"]
    path = f"/providers/{host.id}/licences/{held['id']}"
    for who in ("desk-a", "regulator-a", "auditor", other.who):
        assert (await desk.api.post(f"{path}/give-up", json=WHY, who=who)).status_code == 403, who
        for verb in ("close", "reopen"):
            assert (await desk.api.post(f"/providers/{host.id}/{verb}", json=WHY, who=who)).status_code == 403, who
    assert (await provider(desk, host))["status"] == "active"
    assert (
        await desk.api.post(f"{path.replace(host.id, other.id)}/give-up", json=WHY, who=other.who)
    ).status_code == 404
    gone = await desk.api.post(f"{path}/give-up", json=WHY, who=host.who)
    assert (gone.status_code, gone.json()["status"], gone.json()["in_force"]) == (200, "given_up", False)
    assert (await provider(desk, host))["status"] == "unlicensed"
    again = await desk.api.post(f"{path}/give-up", json=WHY, who=host.who)
    assert (again.status_code, again.json()["code"]) == (409, "action_refused")
    renewed = await desk.api.post(f"{path}/renewal", json={"valid_until": "2050-12-31"}, who="desk-a")
    assert (renewed.status_code, renewed.json()["code"]) == (409, "given_up")


async def test_a_provider_that_closed_opens_again_as_its_licences_say(desk: Desk) -> None:
    host = await desk.host()
    closed = await desk.api.post(f"/providers/{host.id}/close", json=WHY, who=host.who)
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert (await desk.api.post(f"/providers/{host.id}/close", json=WHY, who=host.who)).status_code == 409
    entered = await desk.api.post(f"/providers/{host.id}/licences", json=licence("京B1-2"), who="desk-a")
    assert entered.status_code == 201
    assert (await provider(desk, host))["status"] == "closed", "a desk that enters a licence opens nobody"
    await desk.cut_off(host)
    assert len((await desk.feed(host))["orders"]) == 1, "orders, and restores, go on reaching it"
    assert (await desk.api.post(f"/providers/{host.id}/reopen", json=WHY, who=host.who)).json()["status"] == "active"
    told = [fact["data"]["status"] for fact in await desk.facts("provider.recorded.v1")]
    assert told == ["active", "closed", "unlicensed", "active"]


async def test_only_the_desk_of_its_province_enters_and_renews(desk: Desk) -> None:
    host = await desk.host(licence=licence("京B1-20150001", valid_until="2030-12-31"))
    (held,) = (await provider(desk, host))["licences"]
    for who in (ELSEWHERE, "regulator-a", "auditor", host.who):
        added = await desk.api.post(f"/providers/{host.id}/licences", json=licence("京B1-2"), who=who)
        path = f"/providers/{host.id}/licences/{held['id']}"
        renewed = await desk.api.post(f"{path}/renewal", json={"valid_until": "2040-12-31"}, who=who)
        assert (added.status_code, renewed.status_code) == (403, 403), who


async def test_a_provider_says_whom_to_ask_in_other_provinces(desk: Desk) -> None:
    host, path = await desk.host(), "/providers/{}/contact"
    body = {"contact": "a@hosting.example", "branches": [{"region": "310000", "contact": "sh@hosting.example"}]}
    said = await desk.api.put(path.format(host.id), json=body, version=1, who=host.who)
    assert (said.status_code, said.json()["branches"]) == (200, body["branches"])
    kept = await desk.api.put(path.format(host.id), json={"contact": "b@hosting.example"}, version=2, who=host.who)
    assert (kept.json()["contact"], kept.json()["branches"]) == ("b@hosting.example", body["branches"])
    for wrong in ([*body["branches"], *body["branches"]], [{"region": "990000", "contact": "x"}]):
        answer = await desk.api.put(path.format(host.id), json={**body, "branches": wrong}, version=3, who=host.who)
        assert answer.status_code == 422, wrong
    none = await desk.api.put(path.format(host.id), json={**body, "branches": []}, version=3, who=host.who)
    assert none.json()["branches"] == []


async def test_what_was_given_up_the_desk_enters_again_and_its_provider_hears_that_it_was(desk: Desk) -> None:
    host = await desk.host(licence=licence("京B1-20150001"))
    (held,) = (await provider(desk, host))["licences"]
    await desk.act(f"/providers/{host.id}/licences/{held['id']}/give-up", WHY, host.who)
    (fact,) = await desk.facts("licence.ending.v1")
    assert (fact["data"]["over"], fact["data"]["licensed"], fact["data"]["last_day"]) == (True, False, "2026-11-20")
    await desk.act(f"/providers/{host.id}/licences", licence("京B1-20150001"), "desk-a", 201)
    assert (await provider(desk, host))["status"] == "active"


async def test_a_number_that_is_over_keeps_nobody_from_it(open_desk: OpenDesk) -> None:
    async with open_desk(alone=True) as desk:
        straw, host = await desk.host(), await desk.host()
        own = await desk.act(
            f"/providers/{straw.id}/licences", licence("京B1-2", valid_until="2026-11-20"), "desk-a", 201
        )
        taken = await desk.api.post(f"/providers/{host.id}/licences", json=licence("京B1-2"), who="desk-a")
        assert (taken.status_code, taken.json()["provider_id"]) == (409, straw.id)
        await ring(desk, 2)
        await desk.act(f"/providers/{host.id}/licences", licence("京B1-2"), "desk-a", 201)
        path = f"/providers/{straw.id}/licences/{own['id']}/renewal"
        again = await desk.api.post(path, json={"valid_until": "2030-01-01"}, who="desk-a")
        assert (again.status_code, again.json()["code"], again.json()["provider_id"]) == (409, "licence_taken", host.id)


async def test_a_first_number_that_is_free_again_is_the_first_of_a_new_provider(desk: Desk) -> None:
    straw = await desk.host(licence=licence("京B1-20150001"))
    body = {
        "name": "Its owner", "licence": licence("京B1-20150001"), "region": "110000", "kind": "access_provider",
        "contact": "x",
    }  # fmt: skip
    taken = await desk.api.post("/providers", json=body, who="desk-a")
    assert (taken.status_code, taken.json()["provider_id"]) == (409, straw.id)
    (held,) = (await provider(desk, straw))["licences"]
    await desk.act(f"/providers/{straw.id}/licences/{held['id']}/give-up", WHY, straw.who)
    answers = await asyncio.gather(*(desk.api.post("/providers", json=body, who="desk-a") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
    (owner,) = (answer.json() for answer in answers if answer.status_code == 201)
    assert {answer.json().get("provider_id") for answer in answers} == {None, owner["id"]}
    again = await desk.api.post(f"/providers/{straw.id}/licences", json=licence("京B1-20150001"), who="desk-a")
    assert (again.status_code, again.json()["provider_id"]) == (409, owner["id"])


async def test_a_clock_that_is_behind_the_databases_warns_once(open_desk: OpenDesk) -> None:
    async with open_desk(alone=True) as desk:
        host = await desk.host(licence=licence("京B1-20150001", valid_until="2027-03-31"))
        for due in ("2026-12-31", "2027-03-01", "2027-03-24", "2027-03-31"):  # 90, 30, 7 days before; its end
            (row,) = await desk.rows("UPDATE deadline SET breached_at = due_at WHERE kind = $1 AND met_at IS NULL"
                                     " AND breached_at IS NULL RETURNING aggregate_id, due_at", CLOCK)  # fmt: skip
            assert row["due_at"].date().isoformat() == due
            desk.clock.advance(row["due_at"] - desk.clock.now() - timedelta(seconds=20))
            await desk.ring(CLOCK, row["aggregate_id"])
        told = [fact["data"]["over"] for fact in await desk.facts("licence.ending.v1")]
        assert told == [False, False, False, True]
        assert (await provider(desk, host))["status"] == "unlicensed"
        assert await desk.open_deadlines(CLOCK) == []


@pytest.mark.parametrize("until", ["2077-01-01", "2200-12-31"])
async def test_no_licence_is_for_longer_than_can_be_counted(desk: Desk, until: str) -> None:
    host = await desk.host(licence=licence("京B1-1", valid_until="2030-12-31"))
    more = await desk.api.post(
        f"/providers/{host.id}/licences", json=licence("京B1-2", valid_until=until), who="desk-a"
    )
    (held,) = (await provider(desk, host))["licences"]
    path = f"/providers/{host.id}/licences/{held['id']}/renewal"
    longer = await desk.api.post(path, json={"valid_until": until}, who="desk-a")
    for answer in (more, longer):
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_licence")
