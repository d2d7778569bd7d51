"""Referrals: two people, a list and its hashes, and whom it is about told at once or soon (P3.2.5, ADR 13)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared.contracts.directory import Organisation
from shared.contracts.enforcement import DecisionReleasedV1
from shared.documents import signed
from shared.signing import KeyRing
from tests.integration.enforcement.conftest import (
    STATED,
    STATEMENT,
    Office,
    merger_of,
    site_of_survivor,
    site_recorded,
)
from tests.integration.enforcement.test_clocks import travel
from tests.support.people import know

POLICE: Any = ("police", {"organisation": "security-110000", "roles": ["security_authority"]})
ELSEWHERE: Any = ("police", {"organisation": "security-310000", "roles": ["security_authority"]})
WHY = {"reasons": "We looked at every piece of the list."}
TAKEN_UP = {"outcome": "taken_up", **STATED}


def enter_police(office: Office) -> None:
    """Security authorities of two provinces, in the directory of the service under test, and of its people."""
    every = [each for each in office.api.rt.directory if not each.organisation_id.startswith("security-")]
    known = next(each for each in every if each.organisation_id == "drugs-110000").model_dump()
    police = [
        Organisation.model_validate({
            **known, "organisation_id": f"security-{region}", "region": region, "competences": [], "parent": None,
            "kinds": ["security_authority"],
        })
        for region in ("110000", "310000")
    ]  # fmt: skip
    know(*police)
    office.api.rt.directory.load([*every, *police])


@pytest.fixture(autouse=True)
def police(office: Office) -> None:
    enter_police(office)


async def case_of(office: Office, **changes: Any) -> dict[str, Any]:
    return await office.case(**{"ground": "unlawful_medicines"} | changes)


async def drafted(office: Office, case: dict[str, Any], **changes: Any) -> dict[str, Any]:
    sha256 = await office.file(case["id"], b"What was bought.")
    body = {"receiver": "security-110000", "evidence_hashes": [sha256], **STATED} | changes
    return await office.post(f"/cases/{case['id']}/referrals", body, "drugs-a", 201)


def delayed(office: Office, **distance: int) -> dict[str, Any]:
    return {"delay_ground": "danger_to_person",
            "tell_at": (office.clock.now() + timedelta(**(distance or {"days": 20}))).isoformat()}  # fmt: skip


async def sent(office: Office, case: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    referral = await drafted(office, case or await case_of(office), **changes)
    return await office.post(f"/referrals/{referral['id']}/signature", WHY, "drugs-b")


async def test_p3_2_5_two_people_hand_over_a_signed_list_and_whom_it_is_about_is_told_at_once(office: Office) -> None:
    referral = await drafted(office, await case_of(office))
    path = f"/referrals/{referral['id']}"
    assert (await office.api.get(path, who=POLICE)).status_code == 403, "nobody sent it"
    assert (await office.api.get(f"{path}/document", who="drugs-a")).status_code == 404
    assert "referred" not in await office.notices()
    assert await office.refused(f"{path}/signature", WHY, "drugs-a") == (409, "second_person_required")
    done = await office.post(f"{path}/signature", WHY, "drugs-b")
    assert (done["status"], bool(done["told_at"])) == ("sent", True)
    assert (await office.notices())[-1] == "referred"
    assert (await office.get(path, "applicant"))["evidence"] == referral["evidence"]
    shown = (await office.get(f"{path}/document", POLICE))["document"]
    assert [each["value"].split()[0] for each in shown["particulars"]] == referral["evidence"]
    assert b"What was bought." not in str(shown).encode(), "the list, and nothing else"
    keys = (await office.api.get("/.well-known/jwks.json")).json()
    jws = (await office.get(f"{path}/document", "applicant"))["jws"]
    assert signed.read(jws, KeyRing(keys)).document.issuer.id == "drugs-110000"
    for who in ("seller", "regulator-a", "shanghai-drugs-a", ELSEWHERE, "review-a"):
        assert (await office.api.get(path, who=who)).status_code == 403, who
    bytes_of_it = await office.api.get(f"/evidence/{referral['evidence'][0]}", who=POLICE)
    assert bytes_of_it.status_code == 403, "the bytes are asked for under its own law"


async def test_the_receiver_confirms_and_answers_and_both_sides_read_it(office: Office) -> None:
    path = f"/referrals/{(await sent(office))['id']}"
    assert await office.refused(f"{path}/answer", TAKEN_UP, POLICE) == (409, "action_refused")
    for who in ("drugs-a", "applicant", ELSEWHERE):
        assert (await office.refused(f"{path}/receipt", {}, who))[0] == 403
    assert (await office.post(f"{path}/receipt", {}, POLICE))["status"] == "received"
    assert await office.refused(f"{path}/receipt", {}, POLICE) == (409, "action_refused")
    answered = await office.post(f"{path}/answer", TAKEN_UP, POLICE)
    assert (answered["status"], answered["outcome"]) == ("answered", "taken_up")
    for who in ("drugs-a", "applicant"):
        assert (await office.notices(who))[-1] == "referral_answered", who
        assert (await office.get(path, who))["answer"]["reasons"] == STATEMENT["reasons"]


async def test_a_delay_ends_by_itself_at_its_date_also_when_it_was_answered_before(office: Office) -> None:
    referral = await sent(office, **delayed(office))
    path, until = f"/referrals/{referral['id']}", datetime.fromisoformat(referral["tell_at"])
    assert referral["told_at"] is None
    assert (await office.api.get(path, who="applicant")).status_code == 403
    await office.post(f"{path}/receipt", {}, POLICE)
    await office.post(f"{path}/answer", TAKEN_UP, POLICE)
    assert not {"referred", "referral_answered"} & set(await office.notices())
    assert await travel(office, until - timedelta(seconds=1)) == 0
    assert await travel(office, until + timedelta(seconds=1)) == 1
    assert (await office.notices()).count("referred") == 1
    assert (await office.get(path, "applicant"))["outcome"] == "taken_up"
    await office.rings("referral_told", referral["id"])
    assert (await office.notices()).count("referred") == 1


@pytest.mark.parametrize("changes", [
    {"days": 31}, {"days": -1}, {"ground": "because_we_like_to"}, {"ground": None}, {"tell_at": None},
])  # fmt: skip
async def test_a_delay_has_a_listed_ground_and_a_date_that_is_near(office: Office, changes: dict[str, Any]) -> None:
    case = await case_of(office)
    body = {"receiver": "security-110000", **STATED, **delayed(office, days=changes.pop("days", 5))}
    body["evidence_hashes"] = [await office.file(case["id"], b"What was bought.")]
    body |= {{"ground": "delay_ground"}.get(name, name): value for name, value in changes.items()}
    refused = await office.refused(f"/cases/{case['id']}/referrals", body, "drugs-a")
    assert refused == (422, "delay_not_possible")


async def test_nothing_is_kept_back_any_more_once_anything_was_decided_about_the_same_subject(office: Office) -> None:
    site = site_recorded()
    case = await case_of(office, site=site)
    referral = await sent(office, case, **delayed(office))
    assert "referred" not in await office.notices()
    urgent = {"urgent_ground": "danger_to_life", "until": (office.clock.now() + timedelta(days=9)).isoformat()}
    other = await office.case(site)
    decision = await office.draft(other, "suspend_access", **urgent)
    await office.release(decision)
    assert (await office.notices()).count("referred") == 1, "in the transaction of the release"
    assert (await office.get(f"/referrals/{referral['id']}", "applicant"))["told_at"]
    await office.rings("referral_told", referral["id"])
    assert (await office.notices()).count("referred") == 1
    body = {"receiver": "security-110000", **STATED, **delayed(office)}
    body["evidence_hashes"] = [await office.file(case["id"], b"Something more.")]
    late = await office.refused(f"/cases/{case['id']}/referrals", body, "drugs-a")
    assert late == (422, "delay_not_possible")


async def test_what_was_decided_between_the_two_signatures_ends_the_delay(office: Office) -> None:
    site = site_recorded()
    case = await case_of(office, site=site)
    referral = await drafted(office, case, **delayed(office))
    urgent = {"urgent_ground": "danger_to_life", "until": (office.clock.now() + timedelta(days=9)).isoformat()}
    await office.release(await office.draft(await office.case(site), "suspend_access", **urgent))
    signed_now = await office.post(f"/referrals/{referral['id']}/signature", WHY, "drugs-b")
    assert signed_now["told_at"] is not None
    assert (await office.notices())[-1] == "referred"


@pytest.mark.parametrize("merged", [False, True])
async def test_it_is_told_before_anything_is_decided_about_its_operator_under_another_identity(
    office: Office, *, merged: bool
) -> None:
    await sent(office, await case_of(office), **delayed(office))
    new = site_of_survivor()
    if merged:
        await office.hear(merger_of(site_recorded()))
    about: dict[str, Any] = {"about": {"kind": "operator", "domain": new.domains[0]}, "service_item": None}
    bar = await office.draft(
        await office.case(new, "regulator-a", **about), "bar", "regulator-a",
        until=(office.clock.now() + timedelta(days=300)).isoformat(),
    )  # fmt: skip
    await office.cured(bar)
    await office.release(bar, "regulator-b")
    assert ("referred" in await office.notices()) is merged


async def test_signed_after_its_date_it_is_told_at_once(office: Office) -> None:
    referral = await drafted(office, await case_of(office), **delayed(office, days=2))
    office.clock.advance(timedelta(days=40))
    assert (await office.post(f"/referrals/{referral['id']}/signature", WHY, "drugs-b"))["told_at"] is not None


async def test_sent_and_decided_at_once_it_is_told(office: Office) -> None:
    site = site_recorded()
    referral = await drafted(office, await case_of(office, site=site), **delayed(office))
    urgent = {"urgent_ground": "danger_to_life", "until": (office.clock.now() + timedelta(days=9)).isoformat()}
    decision = await office.draft(await office.case(site), "suspend_access", **urgent)
    body = await office.signature(decision["id"])
    answers = await asyncio.gather(
        office.api.post(f"/referrals/{referral['id']}/signature", json=WHY, who="drugs-b"),
        office.api.post(f"/decisions/{decision['id']}/release", json=body, who="drugs-b"),
    )
    assert [each.status_code for each in answers] == [200, 200]
    assert (await office.notices()).count("referred") == 1


@pytest.mark.parametrize("ground", ["unlicensed_service", "out_of_scope_service", "untrue_registration"])
async def test_that_a_licence_is_missing_is_no_crime_to_be_referred(office: Office, ground: str) -> None:
    case = await case_of(office, ground=ground)
    body = {"receiver": "security-110000", "evidence_hashes": [await office.file(case["id"], b"x")], **STATED}
    refused = await office.refused(f"/cases/{case['id']}/referrals", body, "drugs-a")
    assert refused == (422, "not_to_be_referred")


@pytest.mark.parametrize("receiver", ["security-310000", "industry-110000", "review-110000", "nobody"])
async def test_the_receiver_has_the_role_and_is_of_the_same_level_and_region(office: Office, receiver: str) -> None:
    case = await case_of(office)
    body = {"receiver": receiver, "evidence_hashes": [await office.file(case["id"], b"x")], **STATED}
    refused = await office.refused(f"/cases/{case['id']}/referrals", body, "drugs-a")
    assert refused == (422, "not_to_be_referred")


async def test_a_referral_is_drafted_once_withdrawn_before_it_is_sent_and_of_its_own_case_alone(office: Office) -> None:
    case = await case_of(office)
    referral = await drafted(office, case)
    body = {"receiver": "security-110000", "evidence_hashes": referral["evidence"], **STATED}
    path = f"/cases/{case['id']}/referrals"
    assert await office.refused(path, body, "drugs-c") == (409, "referral_pending")
    foreign = {**body, "evidence_hashes": ["0" * 64]}
    assert await office.refused(path, foreign, "drugs-c") == (422, "evidence_not_in_case")
    for who in ("regulator-a", "shanghai-drugs-a", POLICE, "applicant", "culture-a"):
        assert (await office.refused(path, body, who))[0] == 403, who
        assert (await office.refused(f"/referrals/{referral['id']}/signature", WHY, who))[0] == 403, who
    await office.post(f"/referrals/{referral['id']}/withdrawal", WHY, "drugs-a")
    signature = await office.refused(f"/referrals/{referral['id']}/signature", WHY, "drugs-b")
    assert signature == (409, "action_refused")
    assert "referred" not in await office.notices()
    released = await office.told(DecisionReleasedV1)
    assert released == []


async def test_the_table_itself_keeps_the_thirty_days_and_the_two_people(office: Office) -> None:
    referral = await drafted(office, await case_of(office), **delayed(office))
    for change in ("tell_at = drafted_at + interval '31 days'", "delay_ground = NULL",
                   "status = 'sent', signed_by = drafted_by, sent_at = now()"):  # fmt: skip
        async with office.api.rt.db.connection() as tx:
            with pytest.raises(asyncpg.CheckViolationError):
                await tx.execute(f"UPDATE referral SET {change} WHERE id = $1::text::uuid", referral["id"])
