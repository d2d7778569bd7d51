"""An application at the wrong desk goes on to the right one, with reasons, and costs its operator nothing."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import pytest

from shared.contracts.directory import Organisation
from shared.rules import Role
from tests.integration.registry.conftest import GRANT, STATEMENT, Register, a_site, domain, owner, uscc
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC

WHY: Final[dict[str, Any]] = {"statement": {**STATEMENT, "reasons": "Its domicile is in Shanghai, says its licence."}}
SHANGHAI: Final = {"level": "province", "region": "310000", **WHY}
MINISTRY: Final = {"level": "national", **WHY}
THERE: Final = "shanghai-regulator-a"


async def test_the_right_desk_has_it_and_decides_within_the_same_clock(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    path = f"/registrations/{submitted['id']}"
    register.clock.advance(timedelta(days=3))
    forwarded = await register.post(f"{path}/forwarding", SHANGHAI, "regulator-a")
    assert (forwarded["status"], forwarded["level"], forwarded["region"]) == ("submitted", "province", "310000")
    assert forwarded["clock"] == submitted["clock"], "the operator lost no day"
    (went,) = forwarded["forwarded"]
    assert (went["by"]["id"], went["to"]["id"]) == ("industry-110000", "industry-310000")
    assert went["statement"]["reasons"] == WHY["statement"]["reasons"]
    late = await register.refused(f"{path}/grant", GRANT, "regulator-a", 403)
    assert late["code"] == "out_of_scope", "it is on another desk now"
    granted = await register.post(f"{path}/grant", GRANT, THERE)
    assert (granted["status"], granted["number"]) == ("active", "沪ICP备00000001号")


async def test_its_operator_goes_along_and_is_told_by_whom_and_why(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    await register.post(f"/registrations/{submitted['id']}/forwarding", SHANGHAI, "regulator-a")
    operator = await register.get(f"/operators/{submitted['operator_id']}", THERE)
    assert operator["region"] == "310000"
    assert await register.notices(submitted["id"]) == [("forwarded", OPERATOR_USCC)]
    steps = await register.fetchval(
        "SELECT array_agg(action ORDER BY id) FROM history WHERE aggregate = 'registration'"
    )
    assert steps == ["submit", "forward"]
    cause = await register.fetchval("SELECT cause->>'kind' FROM operator_version ORDER BY version DESC LIMIT 1")
    assert cause == "forwarded"


async def test_it_comes_to_no_desk_twice_and_goes_on_twice_at_most(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    path = f"/registrations/{submitted['id']}/forwarding"
    here = {**SHANGHAI, "region": "110000"}
    assert (await register.refused(path, here, "regulator-a"))["code"] == "forwarded_before"
    await register.post(path, SHANGHAI, "regulator-a")
    assert (await register.refused(path, here, THERE))["code"] == "forwarded_before"
    last = await register.post(path, MINISTRY, THERE)
    assert (last["level"], last["region"], len(last["forwarded"])) == ("national", "310000", 2)
    tianjin = {**SHANGHAI, "region": "120000"}
    assert (await register.refused(path, SHANGHAI, "national-a"))["code"] == "forwarded_before"
    assert (await register.refused(path, tianjin, "national-a"))["code"] == "forwarded_too_often"


async def test_whoever_is_settled_is_not_moved(register: Register) -> None:
    active = await register.active(a_site(domain()), uscc(41))
    body = {"operator_id": active["operator_id"], "kind": "licence", "site": a_site(domain())}
    licence = await register.post("/registrations", body, "regulator-a", 201)
    path = f"/registrations/{licence['id']}/forwarding"
    assert (await register.refused(path, SHANGHAI, "regulator-a"))["code"] == "settled_here"
    up = await register.post(path, MINISTRY, "regulator-a")
    assert (up["level"], up["region"]) == ("national", "110000"), "to the ministry it goes, and nobody moves"


@pytest.mark.parametrize("who", [owner(), "drugs-a", "auditor", "national-a", THERE, "officer"])
async def test_only_the_desk_that_has_it_forwards_it(register: Register, who: Any) -> None:
    submitted = await register.submitted(a_site(domain()))
    await register.refused(f"/registrations/{submitted['id']}/forwarding", SHANGHAI, who, 403)


async def test_what_is_decided_is_not_forwarded(register: Register) -> None:
    active = await register.active(a_site(domain()))
    refused = await register.refused(f"/registrations/{active['id']}/forwarding", SHANGHAI, "regulator-a")
    assert refused["code"] == "action_refused"


async def test_nowhere_is_no_desk(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    path = f"/registrations/{submitted['id']}/forwarding"
    unknown = await register.refused(path, {**SHANGHAI, "region": "990000"}, "regulator-a", 422)
    assert unknown["fields"][0]["field"] == "region"

    def closed(known: Organisation) -> Organisation:
        gone = known.region == "310000" and Role.INDUSTRY_REGULATOR in known.kinds
        return known.model_copy(update={"status": "closed"}) if gone else known

    directory = register.api.rt.directory
    directory.load([closed(known) for known in directory])
    assert (await register.refused(path, SHANGHAI, "regulator-a"))["code"] == "authority_missing"


async def test_a_grant_and_a_forwarding_race_and_one_of_them_is_late(register: Register) -> None:
    for serial in range(5):
        submitted = await register.submitted(a_site(domain()), uscc(50 + serial))
        path = f"/registrations/{submitted['id']}"
        answers = await asyncio.gather(
            register.api.post(f"{path}/forwarding", json=SHANGHAI, who="regulator-a"),
            register.api.post(f"{path}/grant", json=GRANT, who="regulator-b"),
        )
        assert sorted(answer.status_code for answer in answers) in ([200, 403], [200, 409])


async def test_killed_between_two_lines_it_is_forwarded_or_not(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    path = f"/registrations/{submitted['id']}/forwarding"
    await survives(register.api.rt, lambda: register.post(path, SHANGHAI, "regulator-a", key="once"), least=4)
    seen = await register.get(f"/registrations/{submitted['id']}", THERE)
    assert len(seen["forwarded"]) == 1
