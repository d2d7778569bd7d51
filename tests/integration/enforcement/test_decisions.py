"""Flow D, steps 2 and 3: decisions, two people, what others would suffer, and the request to the regulator."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import pytest

from enforcement.measures import Measure
from shared.contracts.catalogue import FACTS
from shared.contracts.registry import RevocationRequestReceivedV1
from tests.integration.enforcement.office import DRAFT, Office, site
from tests.support.people import at
from tests.support.service import Who

NOTICE = {"sent_at": "2026-10-20T01:00:00Z", "how": "Registered letter", "cure_until": "2026-11-04T16:00:00Z"}


async def test_a_draft_shows_its_impact_and_has_no_effect(office: Office) -> None:
    case_id = await office.opened()
    answer = await office.draft(case_id)
    assert answer.status_code == 201
    decision = answer.json()
    assert answer.headers["location"] == f"/decisions/{decision['id']}"
    assert (decision["status"], decision["drafted_by"], decision["released_at"]) == ("drafted", "culture-a", None)
    assert decision["allowed_actions"] == ["release", "withdraw"]
    assert decision["impact"]["collateral"] == 0
    assert len(decision["impact"]["providers"]) == 1
    assert await office.told(case_id) == ["case.opened.v1"]
    case = (await office.api.get(f"/cases/{case_id}", who="regulator-a")).json()
    assert [each["id"] for each in case["decisions"]] == [decision["id"]]


async def test_the_evidence_hash_covers_all_pieces_in_one(office: Office) -> None:
    case_id = await office.opened()
    hashes = [(await office.file_evidence(case_id, data)).json()["sha256"] for data in (b"one", b"two", b"three")]
    decision = await office.drafted(case_id, evidence_hashes=[*hashes, hashes[0]])
    assert decision["evidence_hashes"] == sorted(hashes)
    assert decision["evidence_hash"] == hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


async def test_a_second_person_releases_and_the_regulator_is_asked(office: Office) -> None:
    case_id = await office.opened()
    drafted = await office.drafted(case_id)
    answer = await office.release(drafted)
    assert answer.status_code == 200
    released = answer.json()
    assert (released["status"], released["released_by"], released["version"]) == ("released", "culture-b", 2)
    assert at(released["released_at"]) == office.clock.now()
    facts = await office.facts(case_id)
    assert [fact for fact, _ in facts] == ["case.opened.v1", "decision.released.v1", "revocation.requested.v1"]
    request = facts[2][1]
    assert request["request_id"] == released["execution"]["request_id"]
    assert request["decision_id"] == released["id"]
    assert request["evidence_hash"] == released["evidence_hash"] == facts[1][1]["evidence_hash"]
    assert (request["redress"], request["legal_basis"]) == (DRAFT["redress"], DRAFT["legal_basis"])
    assert (request["region"], request["level"], request["authority"]) == ("110000", "province", "culture-110000")
    trail = await office.trail(released["id"])
    assert trail == [("draft", None, "drafted", "culture-a"), ("release", "drafted", "released", "culture-b")]


@pytest.mark.parametrize("measure", [each for each in Measure if each is not Measure.REVOKE_AND_CUT])
async def test_only_revoke_and_cut_asks_the_regulator(office: Office, measure: Measure) -> None:
    case_id = await office.opened()
    released = await office.released(case_id, measure=measure)
    assert released["execution"]["request_id"] is None
    assert await office.told(case_id) == ["case.opened.v1", "decision.released.v1"]


async def test_whoever_drafts_never_releases(office: Office) -> None:
    drafted = await office.drafted()
    answer = await office.release(drafted, who="culture-a")
    assert (answer.status_code, answer.json()["code"]) == (409, "second_person_required")
    assert (await office.decision(drafted["id"]))["status"] == "drafted"
    assert ("culture-a", "second_person_required") in await office.audited()


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("applicant", "role_missing"),
        ("regulator-a", "role_missing"),
        (("culture-b", {"organisation": "education-110000"}), "out_of_scope"),
        (("culture-b", {"region": "310000"}), "out_of_scope"),
        (("culture-b", {"organisation": "culture-310000"}), "out_of_scope"),
    ],
)
async def test_only_the_authority_of_the_case_releases_and_withdraws(office: Office, who: Who, code: str) -> None:
    drafted = await office.drafted()
    for answer in (await office.release(drafted, who=who), await office.withdraw(drafted["id"], who=who)):
        assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_a_decision_is_released_once_even_by_two_at_the_same_time(office: Office) -> None:
    case_id = await office.opened()
    drafted = await office.drafted(case_id)
    answers = await asyncio.gather(*(office.release(drafted, who=who) for who in ("culture-b", "culture-c") * 3))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["code"] == "action_refused"
    assert refused["allowed_actions"] == ["receive", "decline", "execute", "suspend", "overturn", "appeal"]
    assert (await office.told(case_id)).count("revocation.requested.v1") == 1


async def test_a_draft_can_be_withdrawn_and_another_takes_its_place(office: Office) -> None:
    case_id = await office.opened()
    drafted = await office.drafted(case_id)
    second = await office.draft(case_id)
    assert (second.status_code, second.json()["code"]) == (409, "decision_pending")
    assert second.json()["decision_id"] == drafted["id"]
    assert (await office.withdraw(drafted["id"])).json()["status"] == "withdrawn"
    for again in (await office.withdraw(drafted["id"]), await office.release(drafted)):
        assert (again.status_code, again.json()["code"], again.json()["allowed_actions"]) == (409, "action_refused", [])
    assert (await office.draft(case_id)).status_code == 201


async def test_a_released_decision_cannot_be_withdrawn(office: Office) -> None:
    released = await office.released()
    answer = await office.withdraw(released["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")
    assert "appeal" in answer.json()["allowed_actions"]


async def test_a_withdrawal_needs_no_body(office: Office) -> None:
    drafted = await office.drafted()
    answer = await office.api.post(f"/decisions/{drafted['id']}/withdrawal", who="culture-a")
    assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")


async def test_a_finding_of_no_breach_closes_the_case(office: Office) -> None:
    case_id = await office.opened()
    released = await office.released(case_id, measure="no_breach", urgent_ground=None)
    case = (await office.api.get(f"/cases/{case_id}", who="culture-a")).json()
    assert (case["status"], case["allowed_actions"]) == ("closed", [])
    for answer in (
        await office.file_evidence(case_id, b"more"),
        await office.draft(case_id, evidence_hashes=["a" * 64]),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "action_refused")
        assert answer.json()["allowed_actions"] == []
    appeal = await office.appeal(released["id"])
    assert (appeal.status_code, appeal.json()["code"]) == (409, "nothing_to_appeal")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"measure": "shoot"}, "measure"),
        ({"legal_basis": []}, "legal_basis"),
        ({"reasons": "because"}, "reasons"),
        ({"redress": None}, "redress"),
        ({"evidence_hashes": []}, "evidence_hashes"),
        ({"evidence_hashes": ["xyz"]}, "evidence_hashes.0"),
        ({"evidence_hashes": ["a" * 64]}, "evidence_hashes.0"),
        ({"urgent_ground": None}, "body"),
        ({"notice": NOTICE}, "body"),
        ({"urgent_ground": None, "measure": "order_correction"}, "body"),
        ({"urgent_ground": None, "notice": {**NOTICE, "cure_until": NOTICE["sent_at"]}}, "notice"),
        ({"urgent_ground": None, "notice": {**NOTICE, "sent_at": "2026-10-20T01:00:00"}}, "notice.sent_at"),
    ],
)
async def test_a_draft_without_basis_evidence_redress_or_hearing_is_none(
    office: Office, changes: dict[str, Any], field: str
) -> None:
    case_id = await office.opened()
    answer = await office.draft(case_id, **changes)
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == field


async def test_evidence_of_another_case_does_not_count(office: Office) -> None:
    other = await office.opened("other.example")
    foreign = (await office.file_evidence(other, b"theirs")).json()["sha256"]
    answer = await office.draft(await office.opened(), evidence_hashes=[foreign])
    assert (answer.status_code, answer.json()["code"]) == (422, "evidence_not_in_case")


async def test_nothing_is_released_while_the_operator_can_still_put_things_right(office: Office) -> None:
    drafted = await office.drafted(notice=NOTICE, urgent_ground=None)
    early = await office.release(drafted)
    assert (early.status_code, early.json()["code"]) == (409, "cure_window_open")
    assert at(early.json()["cure_until"]) == at("2026-11-04T16:00")
    office.clock.advance(at("2026-11-04T16:00") - office.clock.now())
    assert (await office.release(drafted)).status_code == 200


async def test_the_profile_gives_the_cure_window_when_the_notice_names_none(office: Office) -> None:
    drafted = await office.drafted(notice={"sent_at": "2026-11-01T01:00:00Z", "how": "Letter"}, urgent_ground=None)
    assert at(drafted["notice"]["cure_until"]) == at("2026-11-08T01:00")
    assert (await office.release(drafted)).json()["code"] == "cure_window_open"


async def test_an_order_to_correct_opens_the_window_and_does_not_wait_for_its_end(office: Office) -> None:
    released = await office.released(measure="order_correction", notice=NOTICE, urgent_ground=None)
    assert (released["status"], released["notice"]["how"]) == ("released", "Registered letter")


async def test_what_is_released_is_what_was_seen(office: Office) -> None:
    """A site moves onto the same address between draft and release: the releaser looks again and says the number."""
    drafted = await office.drafted()
    newcomer = site("next.example")
    await office.know(newcomer)
    changed = await office.release(drafted)
    assert (changed.status_code, changed.json()["code"]) == (409, "impact_changed")
    impact = changed.json()["impact"]
    assert [each["site_id"] for each in impact["same_ip_sites"]] == [str(newcomer.site_id)]
    assert impact["collateral"] == 1
    now = {**drafted, "impact": impact}
    for said in (None, 0, 2):
        unnamed = await office.release(now, collateral_acknowledged=said)
        assert (unnamed.status_code, unnamed.json()["code"]) == (409, "collateral_not_acknowledged")
        assert (unnamed.json()["collateral"], unnamed.json()["impact"]) == (1, impact)
    released = await office.release(now, collateral_acknowledged=1)
    assert released.status_code == 200
    assert (released.json()["impact"], released.json()["collateral_acknowledged"]) == (impact, 1)


async def test_collateral_counts_domains_addresses_and_the_whole_registration(office: Office) -> None:
    target = site("stage.example", "play.example")
    await office.know(
        target,
        site("same-ip.example"),
        site("sibling.example", ips=("198.18.0.99",), registration_id=target.registration_id),
        site("far.example", ips=("198.18.0.98",)),
    )
    case_id = (await office.open_case("stage.example")).json()["id"]
    impact = (await office.drafted(case_id))["impact"]
    assert impact["other_domains"] == ["play.example"]
    assert [each["domains"] for each in impact["same_ip_sites"]] == [["same-ip.example"]]
    assert [each["domains"] for each in impact["same_registration_sites"]] == [["sibling.example"]]
    assert impact["collateral"] == 3


@pytest.mark.parametrize("body", [{}, {"impact_hash": "x"}, {"impact_hash": "0" * 64, "collateral_acknowledged": -1}])
async def test_a_malformed_release_is_refused(office: Office, body: dict[str, Any]) -> None:
    drafted = await office.drafted()
    answer = await office.api.post(f"/decisions/{drafted['id']}/release", json=body, who="culture-b")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_the_operator_reads_its_decision_once_it_is_released(office: Office) -> None:
    drafted = await office.drafted()
    path = f"/decisions/{drafted['id']}"
    assert (await office.api.get(path, who="applicant")).status_code == 403
    assert (await office.api.get(path, who="regulator-a")).status_code == 200
    await office.release(drafted)
    answer = await office.api.get(path, who="applicant")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json()["redress"]["within_days"] == 60
    stranger = await office.api.get(path, who=("applicant", {"organisation": "91110000MA00000007"}))
    assert stranger.status_code == 403


async def test_the_same_release_sent_twice_is_one(office: Office) -> None:
    case_id = await office.opened()
    drafted = await office.drafted(case_id)
    body = {"impact_hash": drafted["impact"]["hash"]}
    first, again = [
        await office.api.post(f"/decisions/{drafted['id']}/release", json=body, who="culture-b", key="r-1")
        for _ in range(2)
    ]
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert len(await office.told(case_id)) == 3


async def test_a_decision_of_a_moment_keeps_its_times(office: Office) -> None:
    """The regulator's receipt carries the time the regulator wrote it, not the time it reached us."""
    released = await office.released()
    office.clock.advance(timedelta(hours=3))
    fact = RevocationRequestReceivedV1.model_validate(
        {**RevocationRequestReceivedV1.EXAMPLE, "decision_id": released["id"], "case_id": released["case_id"]}
    )
    await office.hear(fact)
    assert at((await office.decision(released["id"]))["execution"]["received_at"]) == office.clock.now()


def test_every_fact_of_this_service_has_a_verb_that_tells_it() -> None:
    from enforcement.service import appeals, cases, decisions  # noqa: PLC0415

    told = {name for module in (appeals, cases, decisions) for name in vars(module) if name.endswith("V1")}
    assert told == {fact.__name__ for fact in FACTS.values() if fact.TOPIC.producer == "enforcement"}
