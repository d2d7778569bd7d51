"""Guards that nothing else holds: each of these fails when its line is taken out."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.directory import Organisation
from shared.contracts.notices import RegistryNoticeIssuedV1
from shared.rules import Effect
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import EASED, STATED, STATEMENT, Office, site_recorded
from tests.integration.enforcement.test_custody import on_disk, path_of
from tests.support.people import OPERATOR_USCC

UPHELD, REJECTED = {"outcome": "upheld", **EASED}, {"outcome": "rejected", **EASED}
ANOTHER: Any = ("review-b", {"organisation": "review-110000", "roles": ["review_body"]})
NOWHERE = "018f0000-0000-7000-8000-00000000dead"


def until(office: Office, **distance: int) -> str:
    return (office.clock.now() + timedelta(**distance)).isoformat()


# --- appeals ---------------------------------------------------------------------------------------------------------


async def refused_elsewhere(office: Office) -> dict[str, Any]:
    """A refusal of the register, as an appeal names it."""
    act = {"service": "registry", "kind": "refusal", "id": str(uuid7())}
    await office.hear(RegistryNoticeIssuedV1.model_validate({
        **RegistryNoticeIssuedV1.EXAMPLE, "act": act, "act_id": act["id"],
        "to": {"identity": OPERATOR_USCC, "name": "Example"},
        "grounds": {**RegistryNoticeIssuedV1.EXAMPLE["grounds"], "case_id": None, "decision_id": None},
    }))  # fmt: skip
    return {"act": act, "grounds": "Everything that was missing had been handed in."}


async def test_what_was_upheld_is_not_challenged_again_whoever_entered_it(office: Office) -> None:
    elsewhere = await refused_elsewhere(office)
    here = {"act": {"service": "enforcement", "kind": "decision", "id": (await office.released())["id"]}}
    for body, code in ((elsewhere, "appeal_pending"), (elsewhere | here, "action_refused")):
        entered = await office.post("/appeals", {**body, "consent": "By a letter of theirs."}, "review-a", 201)
        await office.post(f"/appeals/{entered['id']}/decision", UPHELD, ANOTHER)
        assert await office.refused("/appeals", body, "applicant") == (409, code)


async def test_of_eight_appeals_at_once_against_another_departments_act_one_is_filed(office: Office) -> None:
    body = await refused_elsewhere(office)
    answers = await asyncio.gather(*(office.api.post("/appeals", json=body, who="applicant") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"appeal_pending"}


async def test_a_review_body_that_came_under_the_regulator_that_executes_does_not_reject(office: Office) -> None:
    filed = await office.appeal(await office.released())
    known = {each.organisation_id: each for each in office.api.rt.directory}
    below: Organisation = known["review-110000"].model_copy(update={"parent": "industry-110000"})
    office.api.rt.directory.load([*known.values(), below])
    path = f"/appeals/{filed['id']}/decision"
    assert await office.refused(path, REJECTED, "review-a") == (409, "no_independent_body")


async def test_the_clock_of_an_appeal_that_was_decided_suspends_nothing(office: Office) -> None:
    released = await office.released()
    filed = await office.appeal(released)
    await office.post(f"/appeals/{filed['id']}/decision", REJECTED, "review-a")
    await office.rings("appeal_decision", filed["id"])
    assert await office.status(released) == "released"
    assert await office.fetchval("SELECT overdue_at FROM appeal") is None


async def test_who_looked_at_whose_appeal_is_kept(office: Office) -> None:
    filed = await office.appeal(await office.released())
    await office.get("/appeals", "drugs-c")
    await office.get(f"/appeals/{filed['id']}", "auditor")
    await office.get("/appeals", "applicant")
    sql = "SELECT array_agg(subject ORDER BY id) FROM audit WHERE act = 'read_appeal' AND outcome = 'granted'"
    assert await office.fetchval(sql) == ["drugs-c", "auditor"], "one's own is one's own"
    detail = await office.fetchval("SELECT detail FROM audit WHERE subject = 'drugs-c' AND act = 'read_appeal'")
    assert detail == {"operators": [OPERATOR_USCC], "ids": [filed["id"]]}


# --- cases and evidence ----------------------------------------------------------------------------------------------


async def test_who_may_open_no_case_learns_nothing_of_what_is_known(office: Office) -> None:
    right = {
        "service_item": None, "ground": "unlicensed_service", "alleged_breach": "Sells without consent.",
        "legal_basis": ["P3.2.1"],
    }  # fmt: skip
    unknown = {"about": {"kind": "site", "domain": "nobody.example"}, "ground": "opinion"}
    for who in ("applicant", "review-a", "auditor", "desk-a"):
        assert await office.refused("/cases", right | unknown, who) == (403, "role_missing"), who


async def test_a_found_site_lies_at_a_provider_that_is_known(office: Office) -> None:
    body = {
        "about": {"kind": "found_site", "host": "wild.example", "provider_id": NOWHERE}, "service_item": None,
        "ground": "unlicensed_service", "alleged_breach": "Sells without consent.", "legal_basis": ["P3.2.1"],
    }  # fmt: skip
    assert await office.refused("/cases", body, "regulator-a") == (404, "unknown_subject")


async def test_cases_are_listed_by_a_name_however_it_is_written(office: Office) -> None:
    case = await office.case(site_recorded("xn--fsqu00a.example"))
    for name in ("xn--fsqu00a.example", "例子.example", "XN--FSQU00A.EXAMPLE."):
        found = await office.get(f"/cases?host={name}", "drugs-a")
        assert [each["id"] for each in found["items"]] == [case["id"]], name


async def test_a_case_that_ended_takes_no_evidence_new_or_known(office: Office) -> None:
    case = await office.case()
    await office.file(case["id"], b"known")
    await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
    before = len(on_disk(office))
    for content in (b"known", b"new"):
        answer = await office.api.post(
            f"/cases/{case['id']}/evidence", content=content, who="drugs-a", headers={"Content-Type": "text/plain"}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")
    after = len(on_disk(office))
    assert after == before, "not a byte was taken"


async def test_bytes_that_changed_on_disk_are_not_given_out_as_evidence(office: Office) -> None:
    case = await office.case()
    sha256 = await office.file(case["id"], b"The order book.")
    path_of(office, sha256).write_bytes(b"Another book.")
    answer = await office.api.get(f"/evidence/{sha256}", who="drugs-a")
    assert (answer.status_code, answer.json()["code"]) == (500, "evidence_damaged")
    assert await office.fetchval("SELECT count(*) FROM audit WHERE act = 'read_evidence'") == 0


# --- decisions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("obeyed", [True, False])
async def test_only_an_order_to_correct_is_obeyed_or_ignored(office: Office, obeyed: bool) -> None:
    released = await office.released()
    await office.opens(released, "decision_released")
    path, body = f"/decisions/{released['id']}/correction", {"obeyed": obeyed, **STATED}
    assert await office.refused(path, body, "drugs-a") == (409, "action_refused")
    assert await office.status(released) == "released"


async def test_what_was_lifted_leaves_no_clock_behind(office: Office) -> None:
    listed = next(iter(office.api.rt.rules.urgent_grounds))
    order = await office.draft(await office.case(), "correct", correct_by=until(office, days=9))
    stop = await office.draft(await office.case(), "suspend_access", urgent_ground=listed, until=until(office, days=9))
    running = "SELECT count(*) FROM deadline WHERE aggregate_id = $1 AND met_at IS NULL"
    for drafted, clocks in ((order, 1), (stop, 2)):
        released = await office.release(drafted)
        assert await office.fetchval(running, UUID(released["id"])) == clocks
        await office.post(f"/decisions/{released['id']}/lift", STATED, "drugs-a")
        assert await office.fetchval(running, UUID(released["id"])) == 0


async def test_an_effect_that_the_profile_lets_nobody_hurry_any_more_is_not_urgent(office: Office) -> None:
    listed = next(iter(office.api.rt.rules.urgent_grounds))
    drafted = await office.draft(
        await office.case(), "suspend_access", urgent_ground=listed, until=until(office, days=20)
    )
    body, rules = await office.signature(drafted["id"]), office.api.rt.rules
    slow = {code: replace(rule, urgent=False) for code, rule in rules.effects.items()}
    object.__setattr__(office.api.rt, "rules", replace(rules, effects=MappingProxyType(slow)))
    path = f"/decisions/{drafted['id']}/release"
    assert await office.refused(path, body, "drugs-b") == (409, "notice_not_delivered")


@pytest.mark.parametrize("status", ["ended", "lapsed"])
async def test_a_found_site_whose_name_has_left_the_register_is_still_a_found_one(office: Office, status: str) -> None:
    about = {"kind": "found_site", "host": "wild.example", "provider_id": site_recorded().accesses[0].provider_id}
    case = await office.case(who="regulator-a", about={**about, "provider_id": str(about["provider_id"])})
    drafted = await office.draft(case, "suspend_access", who="regulator-a", until=until(office, days=29))
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=5))
    await office.hear(site_recorded("wild.example", status=status))
    assert (await office.release(drafted, who="regulator-b"))["status"] == "released"


@pytest.mark.parametrize("effect", [Effect.END_ITEM, Effect.NO_BREACH])
async def test_what_stops_no_hosting_touches_nobody(office: Office, effect: Effect) -> None:
    await office.hear(site_recorded(ip="198.18.7.7"))
    drafted = await office.draft(await office.case(site_recorded(ip="198.18.7.7")), effect)
    shown = drafted["preview"]
    assert (shown["hosts"], shown["neighbours"], shown["neighbours_total"]) == ([], [], 0)
    assert drafted["site"] is not None


async def test_a_draft_of_a_burden_is_a_notice_and_one_of_no_breach_is_none(office: Office) -> None:
    case = await office.case()
    for effect, dates in (("no_breach", {}), ("correct", {"correct_by": until(office, days=9)}), ("revoke", {})):
        sha256 = await office.file(case["id"], b"x")
        body: dict[str, Any] = {"effect": effect, "statement": STATEMENT, "evidence_hashes": [sha256], **dates}
        drafted = await office.post(f"/cases/{case['id']}/decisions", body, "drugs-a", 201)
        assert (drafted["notice"] is None) is (effect == "no_breach"), effect
        why = {"reasons": "Only to see whether it is told."}
        await office.post(f"/decisions/{drafted['id']}/withdrawal", why, "drugs-a")
