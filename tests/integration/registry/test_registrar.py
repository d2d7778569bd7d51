"""The company registrar is told, reports, and is told again when what it was told of is undone (P3.1.7, P3.2.4)."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from registry.service import licences, registrar
from shared.contracts.http.registrar import Report
from tests.integration.registry.conftest import GRANT, Register, a_site, domain, owner, uscc
from tests.integration.registry.test_licences import ASKED, asked, licensed, to_the_end
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC, person

CHANGED: dict[str, Any] = {"outcome": "changed", "reasons": "The scope of business was changed."}
ITEM = "drugs_and_devices"


async def tasks(register: Register, who: Any = "registrar-a", **filters: str) -> list[dict[str, Any]]:
    """Oldest first."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return list((await register.get(f"/registrar-tasks?{query}", who))["items"])[::-1]


async def kinds(register: Register) -> list[tuple[str, str]]:
    return [(each["kind"], each["status"]) for each in await tasks(register)]


async def struck(register: Register) -> tuple[dict[str, Any], Any]:
    """A site whose item is struck by a decision that two people of the regulator carried out; and that decision."""
    name, code = domain(), uscc(400)
    record = await register.approve(code, ITEM, name)
    site = dict((await register.active(a_site(name, service_items=[ITEM]), code))["sites"][0])
    await register.approve(code, ITEM, name, approval_id=record.approval_id, version=99, live=False)
    decision = await register.decided(site, "end_item", service_item=ITEM)
    await register.carried_out(decision)
    return site, decision


async def test_p3_1_7_a_granted_licence_is_told_and_reported(register: Register) -> None:
    licence = await licensed(register)
    (task,) = await tasks(register, status="open")
    assert (task["kind"], task["number"], task["clock"]["overdue"]) == ("granted", licence["number"], False)
    assert task["allowed_actions"] == ["answer"]
    body = {"outcome": "registered", "reasons": "Entered in the scope of business."}
    answered = await register.post(f"/registrar-tasks/{task['id']}/report", body, "registrar-a")
    assert (answered["status"], answered["outcome"], answered["clock"]) == ("answered", "registered", None)
    assert await register.notices(task["id"]) == [("registrar_report", OPERATOR_USCC)]
    again = await register.refused(f"/registrar-tasks/{task['id']}/report", body, "registrar-a")
    assert again["code"] == "action_refused"


async def test_a_late_report_is_shown_as_late_and_can_still_come(register: Register) -> None:
    await licensed(register)
    (task,) = await tasks(register)
    await register.ring(registrar.REPORT, task["id"])
    for who in ("registrar-a", "regulator-a", owner()):
        assert (await register.get(f"/registrar-tasks/{task['id']}", who))["clock"]["overdue"] is True
    await register.post(f"/registrar-tasks/{task['id']}/report", CHANGED, "registrar-a")


async def test_the_registrar_hears_of_companies_and_of_licences(register: Register) -> None:
    await register.active(a_site(domain()), uscc(401))
    code = uscc(402)
    await register.operator(code, kind="institution")
    await licensed(register, code)
    assert await tasks(register) == []


async def test_of_what_is_no_company_the_registrar_never_hears(register: Register) -> None:
    """Neither of its licence, nor that it changed, lost an item or a site by a decision, or lapsed."""
    code, name = uscc(403), domain()
    operator_id = await register.operator(code, kind="institution")
    licence = await licensed(register, code)
    now = await register.get(f"/operators/{operator_id}", owner(code))
    body = {"particulars": {"name": "Another Institute"}, "reasons": "The institute has another name."}
    proposed = await register.post(
        f"/operators/{operator_id}/amendments", body, owner(code), 201, headers={"If-Match": f'"{now["version"]}"'}
    )
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    record = await register.approve(code, ITEM, name)
    site = dict((await register.active(a_site(name, service_items=[ITEM]), code))["sites"][0])
    await register.approve(code, ITEM, name, approval_id=record.approval_id, version=99, live=False)
    await register.carried_out(await register.decided(site, "end_item", service_item=ITEM))
    await register.carried_out(await register.decided(licence["sites"][0], "revoke"))
    await to_the_end(register, licence)
    assert await register.fetchval("SELECT count(*) FROM registrar_task") == 0


async def test_a_changed_company_is_told_for_its_licence(register: Register) -> None:
    licence = await licensed(register)
    operator = await register.get(f"/operators/{licence['operator_id']}", owner())
    body = {"particulars": {"name": "Another Ltd"}, "reasons": "The company has another name."}
    headers = {"If-Match": f'"{operator["version"]}"'}
    path = f"/operators/{licence['operator_id']}/amendments"
    proposed = await register.post(path, body, owner(), 201, headers=headers)
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert await kinds(register) == [("granted", "open"), ("changed", "open")]
    assert (await tasks(register))[1]["operator_name"] == "Another Ltd"


async def test_p3_2_4_an_open_task_is_withdrawn_when_the_appeal_is_upheld(register: Register) -> None:
    site, decision = await struck(register)
    (task,) = await tasks(register)
    assert (task["kind"], task["site_id"], task["status"]) == ("item_struck", site["id"], "open")
    await register.overturned(decision)
    assert await kinds(register) == [("item_struck", "withdrawn")]
    assert (await register.get(f"/sites/{site['id']}", "regulator-a"))["service_items"] == [ITEM]
    refused = await register.refused(f"/registrar-tasks/{task['id']}/report", CHANGED, "registrar-a")
    assert refused["current_status"] == "withdrawn"


async def test_p3_2_4_an_answered_task_is_to_be_taken_back_when_the_appeal_is_upheld(register: Register) -> None:
    site, decision = await struck(register)
    (task,) = await tasks(register)
    assert (await register.get(f"/sites/{site['id']}", "regulator-a"))["service_items"] == ["general"]
    await register.post(f"/registrar-tasks/{task['id']}/report", CHANGED, "registrar-a")
    await register.overturned(decision)
    await register.overturned(decision)
    assert await kinds(register) == [("item_struck", "answered"), ("take_back", "open")]
    counter = (await tasks(register))[1]
    assert (counter["counters"], counter["clock"]["overdue"]) == (task["id"], False)
    assert (await register.get(f"/sites/{site['id']}", "regulator-a"))["service_items"] == [ITEM]
    await register.post(f"/registrar-tasks/{counter['id']}/report", CHANGED, "registrar-a")


async def test_p3_3_7_a_revoked_site_under_a_licence_is_told_and_comes_back(register: Register) -> None:
    licence = await licensed(register)
    decision = await register.decided(licence["sites"][0])
    await register.carried_out(decision)
    assert await kinds(register) == [("granted", "open"), ("revoked", "open")]
    await register.overturned(decision)
    assert await kinds(register) == [("granted", "open"), ("revoked", "withdrawn")]


async def test_a_licence_that_ends_is_told(register: Register) -> None:
    licence = await licensed(register)
    gone = f"/sites/{licence['sites'][0]['id']}/deregistration"
    await register.post(gone, {"reasons": "We close this shop."}, owner())
    assert await kinds(register) == [("granted", "open"), ("ended", "open")]


@pytest.mark.parametrize("answered", [False, True])
async def test_a_lapse_is_told_and_taken_back_by_a_late_renewal(register: Register, *, answered: bool) -> None:
    licence = await licensed(register)
    await to_the_end(register, licence)
    assert await kinds(register) == [("granted", "open"), ("lapsed", "open")]
    if answered:
        lapsed = (await tasks(register))[1]
        await register.post(f"/registrar-tasks/{lapsed['id']}/report", CHANGED, "registrar-a")
    renewal = await asked(register, licence)
    await register.post(f"/renewals/{renewal['id']}/grant", GRANT, "regulator-a")
    after = [("lapsed", "answered"), ("take_back", "open")] if answered else [("lapsed", "withdrawn")]
    assert (await kinds(register))[1:] == after


async def test_a_renewal_in_time_tells_nothing(register: Register) -> None:
    licence = await licensed(register)
    renewal = await register.post(f"/registrations/{licence['id']}/renewals", ASKED, owner(), 201)
    await register.post(f"/renewals/{renewal['id']}/grant", GRANT, "regulator-a")
    assert await kinds(register) == [("granted", "open")]


async def test_only_the_registrar_of_the_province_reports(register: Register) -> None:
    await licensed(register)
    (task,) = await tasks(register)
    path = f"/registrar-tasks/{task['id']}"
    for who in ("regulator-a", "applicant", ("registrar-a", {"region": "310000"}), ("registrar-a", {"region": None})):
        await register.refused(f"{path}/report", CHANGED, who, 403)
    assert await tasks(register, ("registrar-a", {"region": "310000"})) == []
    for who in ("seller", "shanghai-regulator-a", "drugs-a", ("registrar-a", {"region": "310000"})):
        assert (await register.api.get(path, who=who)).status_code == 403


async def test_of_a_report_and_an_upheld_appeal_at_once_nothing_is_left_standing(register: Register) -> None:
    _, decision = await struck(register)
    (task,) = await tasks(register)
    answer, _ = await asyncio.gather(
        register.api.post(f"/registrar-tasks/{task['id']}/report", json=CHANGED, who="registrar-a"),
        register.overturned(decision),
    )
    after = await kinds(register)
    if answer.status_code == 200:
        assert after == [("item_struck", "answered"), ("take_back", "open")]
    else:
        assert (answer.status_code, after) == (409, [("item_struck", "withdrawn")])


async def test_a_kill_after_any_statement_leaves_no_half_a_report(register: Register) -> None:
    licence = await licensed(register)
    (task,) = await tasks(register)
    rt = register.api.rt

    async def answer() -> None:
        async with rt.db.transaction() as tx:
            body = Report.model_validate(CHANGED)
            await registrar.answer(tx, rt, person("registrar-a"), UUID(task["id"]), body)

    await survives(rt, answer)
    for _ in range(3):
        await register.ring(licences.VALIDITY, licence["id"])
