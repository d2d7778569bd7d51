"""Revocation by two people, requests from sector regulators, and the way back."""

import asyncio
from typing import Any

import pytest

from registry.service import requests
from shared.contracts.enforcement import DecisionOverturnedV1, DecisionSuspendedV1, RevocationRequestedV1
from shared.contracts.registry import (
    RegistrationReinstatedV1,
    RegistrationRevokedV1,
    RevocationRequestDeclinedV1,
    RevocationRequestReceivedV1,
    SiteRecordedV1,
)
from tests.integration.registry.conftest import BASIS, MEASURE, Register, a_site, new_id

REASONS = {"reasons": "The grounds of the authority hold."}


def _requested(active: dict[str, Any], **changes: Any) -> RevocationRequestedV1:
    ids = {"request_id": new_id(), "decision_id": new_id(), "case_id": new_id()}
    site = active["sites"][0]["site_id"]
    return RevocationRequestedV1.model_validate(
        {**RevocationRequestedV1.EXAMPLE, **ids, "registration_id": active["id"], "site_id": site, **changes}
    )


def _undone(kind: type[Any], request: RevocationRequestedV1) -> Any:
    same = ("decision_id", "case_id", "registration_id", "site_id")
    return kind.model_validate({**kind.EXAMPLE, **{name: getattr(request, name) for name in same}})


async def _revoked(register: Register, active: dict[str, Any]) -> dict[str, Any]:
    drafted = await register.api.post(f"/registrations/{active['id']}/revocation", json=MEASURE, who="regulator-a")
    assert drafted.status_code == 201, drafted.text
    confirmed = await register.api.post(f"/revocations/{drafted.json()['id']}/confirmation", who="regulator-b")
    assert confirmed.status_code == 200, confirmed.text
    return dict(confirmed.json())


async def _status(register: Register, active: dict[str, Any]) -> str:
    return str((await register.api.get(f"/registrations/{active['id']}", who="regulator-a")).json()["status"])


async def test_whoever_drafts_cannot_confirm_and_nothing_happens_until_a_second_person_does(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    drafted = await register.api.post(f"/registrations/{active['id']}/revocation", json=MEASURE, who="regulator-a")
    url = f"/revocations/{drafted.json()['id']}/confirmation"
    alone = await register.api.post(url, who="regulator-a")
    assert (alone.status_code, alone.json()["code"]) == (409, "second_person_required")
    # Another session of the same person is the same person.
    again = await register.api.post(url, who=("regulator-a", {"client_id": "another", "jti": "another"}))
    assert again.json()["code"] == "second_person_required"
    assert await register.told(RegistrationRevokedV1) == []
    assert await _status(register, active) == "active"
    assert (await register.api.post(url, who="regulator-b")).json()["confirmed_by"] == "regulator-b"
    assert await _status(register, active) == "revoked"


async def test_a_revocation_carries_the_sites_as_they_were_and_the_measure_is_in_the_record(register: Register) -> None:
    active = await register.active(a_site("a.example"), a_site("b.example"))
    await _revoked(register, active)
    (fact,) = await register.told(RegistrationRevokedV1)
    assert [site.status for site in fact.sites] == ["active", "active"]
    assert [str(access.provider_id) for site in fact.sites for access in site.accesses] == [
        access["provider_id"] for site in active["sites"] for access in site["accesses"]
    ]
    latest = (await register.told(SiteRecordedV1))[-2:]
    assert {(record.registration_status, record.version, record.measure.reasons) for record in latest} == {
        ("revoked", 2, MEASURE["reasons"])
    }


async def test_confirming_twice_sends_one_fact(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    revoked = await _revoked(register, active)
    again = await register.api.post(f"/revocations/{revoked['id']}/confirmation", who="regulator-b")
    assert (again.status_code, again.json()["allowed_actions"]) == (409, ["undo"])
    same_key = [
        await register.api.post(
            f"/registrations/{active['id']}/reinstatement", json=BASIS, who="regulator-a", key="k-1"
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in same_key] == [200, 200]
    assert len(await register.told(RegistrationRevokedV1)) == 1
    assert len(await register.told(RegistrationReinstatedV1)) == 1


async def test_only_one_revocation_of_a_registration_is_in_progress(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    url = f"/registrations/{active['id']}/revocation"
    drafted = await register.api.post(url, json=MEASURE, who="regulator-a")
    second = await register.api.post(url, json=MEASURE, who="regulator-b")
    assert (second.status_code, second.json()["code"]) == (409, "revocation_in_progress")
    withdrawn = await register.api.post(
        f"/revocations/{drafted.json()['id']}/withdrawal", json=REASONS, who="regulator-b"
    )
    assert withdrawn.json()["status"] == "withdrawn"
    assert (await register.api.post(url, json=MEASURE, who="regulator-b")).status_code == 201


@pytest.mark.parametrize("missing", ["legal_basis", "reasons", "evidence_hash", "redress"])
async def test_a_revocation_without_basis_reasons_evidence_or_redress_does_not_exist(
    register: Register, missing: str
) -> None:
    active = await register.active(a_site("a.example"))
    body = {name: value for name, value in MEASURE.items() if name != missing}
    answer = await register.api.post(f"/registrations/{active['id']}/revocation", json=body, who="regulator-a")
    assert answer.status_code == 422
    assert missing in answer.json()["fields"][0]["field"]


async def test_reinstatement_brings_back_the_exact_state_and_the_number(register: Register) -> None:
    active = await register.active(a_site("a.example", domains=["a.example", "例子.test"]))
    await _revoked(register, active)
    answer = await register.api.post(f"/registrations/{active['id']}/reinstatement", json=BASIS, who="regulator-a")
    back = answer.json()
    assert (back["status"], back["number"], back["measure"]) == ("active", active["number"], None)
    for site in (*back["sites"], *active["sites"]):
        del site["version"], site["changed_at"]
    assert back["sites"] == active["sites"]


async def test_a_request_is_received_once_accepted_and_carried_out_on_its_own_grounds(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    request = _requested(active)
    for _ in range(2):
        await register.hear(requests.receive, request)
    assert len(await register.told(RevocationRequestReceivedV1)) == 1
    accepted = await register.api.post(
        f"/revocation-requests/{request.request_id}/acceptance", json=REASONS, who="regulator-a"
    )
    assert accepted.status_code == 201
    assert accepted.json()["measure"]["reasons"] == request.reasons
    again = await register.api.post(
        f"/revocation-requests/{request.request_id}/acceptance", json=REASONS, who="regulator-a"
    )
    assert (again.status_code, again.json()["code"]) == (409, "action_refused")
    confirmed = await register.api.post(f"/revocations/{accepted.json()['id']}/confirmation", who="regulator-b")
    assert confirmed.status_code == 200
    (fact,) = await register.told(RegistrationRevokedV1)
    assert (fact.request_id, fact.measure.decision_id) == (request.request_id, request.decision_id)


async def test_a_withdrawn_draft_puts_the_request_back_on_the_desk(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    request = _requested(active)
    await register.hear(requests.receive, request)
    url = f"/revocation-requests/{request.request_id}"
    accepted = await register.api.post(f"{url}/acceptance", json=REASONS, who="regulator-a")
    await register.api.post(f"/revocations/{accepted.json()['id']}/withdrawal", json=REASONS, who="regulator-a")
    assert (await register.api.get(url, who="regulator-a")).json()["status"] == "received"


async def test_a_declined_request_goes_back_with_reasons(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    request = _requested(active)
    await register.hear(requests.receive, request)
    answer = await register.api.post(
        f"/revocation-requests/{request.request_id}/decline", json=BASIS, who="regulator-a"
    )
    assert answer.json()["status"] == "declined"
    (fact,) = await register.told(RevocationRequestDeclinedV1)
    assert fact.reasons == BASIS["reasons"]
    assert await _status(register, active) == "active"


@pytest.mark.parametrize("kind", [DecisionOverturnedV1, DecisionSuspendedV1])
async def test_an_undone_decision_reinstates_without_asking_anybody_and_once(
    register: Register, kind: type[Any]
) -> None:
    active = await register.active(a_site("a.example"))
    request = _requested(active)
    await register.hear(requests.receive, request)
    accepted = await register.api.post(
        f"/revocation-requests/{request.request_id}/acceptance", json=REASONS, who="regulator-a"
    )
    await register.api.post(f"/revocations/{accepted.json()['id']}/confirmation", who="regulator-b")
    for _ in range(2):
        await register.hear(requests.undo_decision, _undone(kind, request))
        seen = await register.api.get(f"/revocation-requests/{request.request_id}", who="regulator-a")
        assert seen.json()["status"] == "accepted"
    assert await _status(register, active) == "active"
    (fact,) = await register.told(RegistrationReinstatedV1)
    assert fact.decision_id == request.decision_id


async def test_an_undone_decision_closes_what_is_still_open(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    request = _requested(active)
    await register.hear(requests.receive, request)
    accepted = await register.api.post(
        f"/revocation-requests/{request.request_id}/acceptance", json=REASONS, who="regulator-a"
    )
    await register.hear(requests.undo_decision, _undone(DecisionOverturnedV1, request))
    late = await register.api.post(f"/revocations/{accepted.json()['id']}/confirmation", who="regulator-b")
    assert late.status_code == 409
    assert (await register.api.get(f"/revocation-requests/{request.request_id}", who="regulator-a")).json()[
        "status"
    ] == "moot"
    assert await _status(register, active) == "active"


async def test_a_request_that_comes_after_its_decision_fell_is_moot_at_once(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    request = _requested(active)
    await register.hear(requests.undo_decision, _undone(DecisionOverturnedV1, request))
    await register.hear(requests.receive, request)
    answer = await register.api.post(
        f"/revocation-requests/{request.request_id}/acceptance", json=REASONS, who="regulator-a"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "request_moot")


async def test_a_regulator_of_another_province_cannot_touch_it_and_a_national_one_can(register: Register) -> None:
    active = await register.active(a_site("a.example"))
    url = f"/registrations/{active['id']}/revocation"
    elsewhere = ("regulator-a", {"region": "440000"})
    assert (await register.api.post(url, json=MEASURE, who=elsewhere)).json()["code"] == "out_of_scope"
    assert (await register.api.post(url, json=MEASURE, who="national-a")).status_code == 201


async def _at_once(register: Register, *calls: tuple[str, dict[str, Any] | None, str]) -> list[int]:
    """The statuses of some POSTs that start together."""
    answers = await asyncio.gather(*(register.api.post(url, json=body, who=who) for url, body, who in calls))
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refused <= {"action_refused"}, refused
    return sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize("known", [True, False], ids=["a registration of ours", "a registration nobody knows"])
async def test_a_request_answered_by_many_at_once_is_answered_once(register: Register, known: bool) -> None:
    national = ("national-a", "national-b") * 2
    for number in range(1, 5):
        active = await register.active(a_site(f"a{number}.example"))
        request = _requested(active if known else active | {"id": new_id()})
        await register.hear(requests.receive, request)
        url = f"/revocation-requests/{request.request_id}"
        accepted = [(f"{url}/acceptance", REASONS, who) for who in national] if known else []
        statuses = await _at_once(register, *((f"{url}/decline", BASIS, who) for who in national), *accepted)
        assert statuses in ([200, *[409] * (len(statuses) - 1)], [201, *[409] * (len(statuses) - 1)])
        drafted = await register.fetchval("SELECT count(*) FROM revocation")
        assert drafted + len(await register.told(RevocationRequestDeclinedV1)) == number


async def test_a_revocation_confirmed_and_withdrawn_by_many_at_once_is_one_of_both(register: Register) -> None:
    for number in range(4):
        active = await register.active(a_site(f"a{number}.example"))
        drafted = await register.api.post(f"/registrations/{active['id']}/revocation", json=MEASURE, who="regulator-a")
        url = f"/revocations/{drafted.json()['id']}"
        statuses = await _at_once(
            register,
            *((f"{url}/confirmation", None, who) for who in ("regulator-b", "national-a") * 2),
            *((f"{url}/withdrawal", REASONS, who) for who in ("regulator-b", "national-a") * 2),
        )
        assert statuses == [200] + [409] * 7
        revoked = [
            fact for fact in await register.told(RegistrationRevokedV1) if str(fact.registration_id) == active["id"]
        ]
        assert len(revoked) == (await _status(register, active) == "revoked")


async def test_a_decision_that_falls_while_its_revocation_is_confirmed_leaves_the_registration_valid(
    register: Register,
) -> None:
    for number in range(4):
        active = await register.active(a_site(f"a{number}.example"))
        request = _requested(active)
        await register.hear(requests.receive, request)
        drafted = await register.api.post(
            f"/revocation-requests/{request.request_id}/acceptance", json=REASONS, who="regulator-a"
        )
        confirmed, _ = await asyncio.gather(
            register.api.post(f"/revocations/{drafted.json()['id']}/confirmation", who="regulator-b"),
            register.hear(requests.undo_decision, _undone(DecisionOverturnedV1, request)),
        )
        assert confirmed.status_code in {200, 409}
        assert await _status(register, active) == "active"


async def test_killed_before_the_commit_nothing_is_half_written(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = await register.active(a_site("a.example"))
    drafted = await register.api.post(f"/registrations/{active['id']}/revocation", json=MEASURE, who="regulator-a")
    before = await register.fetchval("SELECT count(*) FROM outbox")

    def dies(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("registry.service.revocations.outbox.add", dies)
    answer = await register.api.post(f"/revocations/{drafted.json()['id']}/confirmation", who="regulator-b")
    assert answer.status_code == 500
    monkeypatch.undo()
    assert await _status(register, active) == "active"
    assert await register.fetchval("SELECT count(*) FROM outbox") == before
    assert (
        await register.api.post(f"/revocations/{drafted.json()['id']}/confirmation", who="regulator-b")
    ).status_code == 200
