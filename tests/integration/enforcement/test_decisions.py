"""Decisions: the only birthplace of a burden, told before, signed by two, ended by its end (model §4 and §5)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from enforcement.service import preview
from shared.contracts.access import OrderQueuedV1, OrderWithdrawnV1
from shared.contracts.enforcement import DecisionEndedV1, DecisionReleasedV1, DecisionSuspendedV1
from shared.contracts.registry import ExecutionDeclinedV1, ExecutionUndoneV1
from tests.integration.enforcement.conftest import STATED, STATEMENT, Office, site_recorded


async def test_p3_2_3_a_decision_is_drafted_by_one_and_released_by_another(office: Office) -> None:
    drafted = await office.draft(await office.case())
    assert drafted["status"] == "drafted"
    assert drafted["grounds"]["redress"]["body"]["id"] == "review-110000", "computed, never typed"
    await office.cured(drafted)
    body = await office.signature(drafted["id"], "drugs-a")
    assert await office.refused(f"/decisions/{drafted['id']}/release", body, "drugs-a") == (
        409,
        "second_person_required",
    )
    released = await office.release(drafted)
    assert (released["status"], released["site"]["hosts"]) == ("released", drafted["site"]["hosts"])
    fact = (await office.told(DecisionReleasedV1))[-1]
    assert fact.signed_by == ("drugs-a", "drugs-b")
    assert fact.grounds.decision_id == fact.decision_id


async def test_safeguard_5_nothing_is_released_before_the_notice_was_delivered_and_the_cure_is_over(
    office: Office,
) -> None:
    drafted = await office.draft(await office.case())
    path, body = f"/decisions/{drafted['id']}/release", await office.signature(drafted["id"])
    assert await office.refused(path, body, "drugs-b") == (409, "notice_not_delivered")
    inbox = await office.get("/notices", "applicant")
    assert [each["kind"] for each in inbox["items"]] == ["decision_intended"]
    await office.get(f"/notices/{inbox['items'][0]['id']}", "applicant")
    assert await office.refused(path, body, "drugs-b") == (409, "cure_not_over")
    office.clock.advance(timedelta(days=31))
    assert (await office.release(drafted))["status"] == "released"


async def test_an_urgent_ground_of_the_list_does_not_wait_but_its_notice_has_a_clock(office: Office) -> None:
    case = await office.case(site_recorded(operator={
        **site_recorded().model_dump(mode="json")["operator"], "address_for_service": {"email": "a@b.example"},
    }))  # fmt: skip
    listed = next(iter(office.api.rt.rules.urgent_grounds))
    assert await office.refused(
        f"/cases/{case['id']}/decisions",
        {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": ["0" * 64], "urgent_ground": "ten letters"},
        "drugs-a",
    ) == (422, "effect_not_possible")
    drafted = await office.draft(case, "suspend_access", urgent_ground=listed, until=_in(office, days=5))
    released = await office.release(drafted)
    assert released["status"] == "released"
    await office.rings("urgent_notice", released["id"])
    suspended = (await office.told(DecisionSuspendedV1))[-1]
    assert (suspended.because, str(suspended.decision_id)) == ("notice_late", released["id"]), "nobody took the mail"


async def test_safeguard_3_whoever_releases_signs_what_is_touched_now(office: Office) -> None:
    site = site_recorded(ip="198.18.9.9")
    drafted = await office.draft(await office.case(site))
    await office.cured(drafted)
    body, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    neighbour = site_recorded(ip="198.18.9.9")
    await office.hear(neighbour)
    assert await office.refused(path, body, "drugs-b") == (409, "signed_something_else")
    named: dict[str, Any] = await office.signature(drafted["id"])
    unnamed = {"signature": {**named["signature"], "collateral": []}}
    assert await office.refused(path, unnamed, "drugs-b") == (409, "signed_something_else")
    released = await office.post(path, named, "drugs-b")
    assert [each["site_id"] for each in released["preview"]["neighbours"]] == [str(neighbour.site_id)]


async def test_safeguard_3_what_a_preview_does_not_list_it_counts_and_whoever_signs_signs_the_number(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "MOST_NEIGHBOURS", 1)
    protected = f"a.{office.api.rt.rules.protected_suffixes[0]}"
    for name in ("first.example", protected):
        await office.hear(site_recorded(name, ip="198.18.9.9"))
    drafted = await office.draft(await office.case(site_recorded(ip="198.18.9.9")))
    shown = drafted["preview"]
    assert (len(shown["neighbours"]), shown["neighbours_total"]) == (1, 2)
    assert shown["neighbours"][0]["hosts"] == ["first.example"]
    assert shown["protected"] == [protected], "one that is not listed is protected all the same"
    await office.cured(drafted)
    body, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    await office.hear(site_recorded(ip="198.18.9.9"))  # one more, which is not listed either
    assert await office.refused(path, body, "drugs-b") == (409, "signed_something_else")
    released = await office.release(drafted)
    assert released["preview"]["neighbours_total"] == 3
    assert (await office.get(f"/decisions/{drafted['id']}", "applicant"))["preview"]["neighbours_total"] == 0


@pytest.mark.parametrize(("effect", "changes", "field"), [
    ("abolish", {}, "effect"), ("bar", {}, "effect"), ("penalty", {}, "effect"), ("cut_access", {}, "effect"),
    ("suspend_access", {}, "until"), ("revoke", {"until": "2026-12-24T00:00:00Z"}, "until"),
    ("correct", {}, "correct_by"),
    ("suspend_access", {"until": "2036-12-24T00:00:00Z"}, "until"),
    ("suspend_access", {"until": "2026-11-26T03:59:59Z"}, "until"),
    ("correct", {"correct_by": "2026-11-26T05:00:00Z"}, "correct_by"),
])  # fmt: skip
async def test_what_the_profile_does_not_allow_is_not_drafted(
    office: Office, effect: str, changes: dict[str, Any], field: str
) -> None:
    case = await office.case()
    sha256 = await office.file(case["id"], b"x")
    answer = await office.api.post(
        f"/cases/{case['id']}/decisions", who="drugs-a",
        json={"effect": effect, "statement": STATEMENT, "evidence_hashes": [sha256]} | changes,
    )  # fmt: skip
    assert answer.status_code == 422, answer.text
    assert field in {each["field"] for each in answer.json()["fields"]}


async def test_p3_2_2_access_is_cut_only_after_an_order_to_correct_was_ignored(office: Office) -> None:
    case = await office.case()
    corrected = await office.draft(case, "correct", correct_by=_in(office, days=60))
    await office.cured(corrected)
    released = await office.release(corrected)
    path = f"/decisions/{released['id']}/correction"
    ignored = {"obeyed": False, **STATED}
    assert await office.refused(path, ignored, "drugs-b") == (422, "invalid"), "its date has not come"
    office.clock.advance(timedelta(days=60))
    assert await office.refused(path, ignored, "drugs-a") == (409, "second_person_required")
    assert await office.refused(path, ignored, "drugs-b") == (409, "notice_not_delivered"), "nobody ignores the unheard"
    await office.opens(released, "decision_released")
    assert await office.refused(path, ignored, "drugs-b") == (422, "invalid"), "nor what they were told just now"
    office.clock.advance(timedelta(days=2))
    assert await office.refused(path, ignored, "drugs-b") == (422, "nothing_since"), "somebody must have looked"
    before = {**ignored, "evidence_hashes": released["evidence_hashes"]}
    assert await office.refused(path, before, "drugs-b") == (422, "nothing_since"), "after the date of the order"
    body = await office.ignored(released)
    assert (await office.post(path, body, "drugs-b"))["status"] == "ignored"
    assert (await office.notices())[-1] == "decision_ignored"
    assert (await office.draft(case, "cut_access"))["status"] == "drafted"


async def test_an_order_to_correct_that_was_obeyed_ends_the_case(office: Office) -> None:
    case = await office.case()
    drafted = await office.draft(case, "correct", correct_by=_in(office, days=60))
    await office.cured(drafted)
    released = await office.release(drafted)
    done = await office.post(f"/decisions/{released['id']}/correction", {"obeyed": True, **STATED}, "drugs-a")
    assert (done["status"], done["ended_because"]) == ("ended", "corrected")
    closed = await office.get(f"/cases/{case['id']}", "drugs-a")
    assert (closed["status"], closed["outcome"]) == ("ended", "corrected")
    assert (await office.told(DecisionEndedV1))[-1].because == "corrected"


async def test_the_authority_lifts_its_own_decision_alone(office: Office) -> None:
    released = await office.released()
    await office.executed(released)
    lifted = await office.post(f"/decisions/{released['id']}/lift", STATED, "drugs-a")
    assert lifted["status"] == "ended"
    assert (await office.told(DecisionEndedV1))[-1].because == "lifted"
    assert (await office.refused(f"/decisions/{released['id']}/lift", STATED, "drugs-a"))[0] == 409


async def test_what_the_regulator_does_is_seen_here(office: Office) -> None:
    released = await office.released()
    await office.executed(released)
    shown = await office.get(f"/decisions/{released['id']}", "drugs-a")
    assert (shown["status"], shown["execution"]["status"]) == ("executed", "carried_out")
    assert (await office.get(f"/cases/{released['case_id']}", "drugs-a"))["outcome"] == "executed"
    await office.hear(office.says(ExecutionUndoneV1, released, because="lapsed"))
    shown = await office.get(f"/decisions/{released['id']}", "drugs-a")
    assert (shown["status"], shown["ended_because"]) == ("ended", "lapsed")


async def test_p3_2_3_a_declined_decision_says_why(office: Office) -> None:
    released = await office.released()
    await office.hear(office.says(ExecutionDeclinedV1, released))
    shown = await office.get(f"/decisions/{released['id']}", "drugs-a")
    assert shown["status"] == "declined"
    assert shown["execution"]["answer"]["reasons"]
    assert (await office.notices())[-1] == "decision_declined"


async def test_whom_it_burdens_reads_that_an_order_waits_and_is_told_when_it_was_never_sent(office: Office) -> None:
    released = await office.released()
    await office.executed(released)
    about = {"decision_id": released["id"], "sequence": None}
    await office.hear(OrderQueuedV1.model_validate({**OrderQueuedV1.EXAMPLE, **about}))
    (order,) = (await office.get(f"/decisions/{released['id']}", "applicant"))["orders"]
    assert (order["outcome"], order["order_id"]) == ("queued", OrderQueuedV1.EXAMPLE["order_id"])
    assert "place 3" in order["detail"]
    assert (await office.notices())[-1] == "decision_released"
    await office.hear(OrderWithdrawnV1.model_validate({**OrderWithdrawnV1.EXAMPLE, **about}))
    assert (await office.notices())[-1] == "order_not_sent"
    (order,) = (await office.get(f"/decisions/{released['id']}", "applicant"))["orders"]
    assert order["outcome"] == "withdrawn"


async def test_what_was_sent_and_taken_back_by_a_restore_is_no_order_that_was_never_sent(office: Office) -> None:
    released = await office.released()
    await office.executed(released)
    about = {"decision_id": released["id"], "sequence": 7}
    await office.hear(OrderWithdrawnV1.model_validate({**OrderWithdrawnV1.EXAMPLE, **about}))
    await office.hear(OrderWithdrawnV1.model_validate(OrderWithdrawnV1.EXAMPLE | {"sequence": None}))  # of no case here
    assert "order_not_sent" not in await office.notices()


async def test_of_eight_who_release_at_once_one_does(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    body, path = await office.signature(drafted["id"]), f"/decisions/{drafted['id']}/release"
    answers = await asyncio.gather(*(office.api.post(path, json=body, who="drugs-b") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(await office.told(DecisionReleasedV1)) == 1


def _in(office: Office, **distance: int) -> str:
    return (office.clock.now() + timedelta(**distance)).isoformat()
