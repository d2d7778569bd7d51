"""Hearings: both sides invited with date and place, both hand in papers and read each other's, minutes for both."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.enforcement.conftest import EASED, Office
from tests.integration.enforcement.test_reviewing import REVIEW_B, UPHELD, WHY

REJECTED = {"outcome": "rejected", **EASED}
WITHHELD = "It names a patient who complained."


async def opened(office: Office) -> str:
    """The address of an open appeal."""
    return f"/appeals/{(await office.appeal(await office.released()))['id']}"


def invitation(office: Office, **distance: float) -> dict[str, Any]:
    at = office.clock.now() + timedelta(**(distance or {"days": 10}))
    return {"takes_place": at.isoformat(), "place": "Room 4, 1 Review Street", **WHY}


async def hand_in(office: Office, path: str, content: bytes, who: Any, confidential: str | None = None) -> Any:
    query = f"title={quote('What we say')}" + (f"&confidential={quote(confidential)}" if confidential else "")
    return await office.api.post(f"{path}/papers?{query}", content=content, who=who,
                                 headers={"Content-Type": "text/plain"})  # fmt: skip


async def test_both_sides_hand_in_papers_and_read_each_others_but_for_what_is_confidential(office: Office) -> None:
    path = await opened(office)
    ours = await hand_in(office, path, b"The consent covers it.", "applicant")
    theirs = await hand_in(office, path, b"It does not.", "drugs-b")
    hidden = await hand_in(office, path, b"Patient X complained.", "drugs-b", WITHHELD)
    assert [each.status_code for each in (ours, theirs, hidden)] == [201, 201, 201]
    assert [each.json()["side"] for each in (ours, theirs)] == ["appellant", "authority"]
    listed = await office.api.get(f"{path}/papers", who="applicant")
    assert [each["confidential"] for each in listed.json()] == [None, None, WITHHELD]
    paper = {name: f"{path}/papers/{each.json()['sha256']}" for name, each in
             (("ours", ours), ("theirs", theirs), ("hidden", hidden))}  # fmt: skip
    for who in ("applicant", "drugs-a", "review-a", REVIEW_B, "auditor"):
        for name in ("ours", "theirs"):
            answer = await office.api.get(paper[name], who=who)
            assert (answer.status_code, answer.headers["content-security-policy"]) == (200, "sandbox"), (who, name)
    for who in ("drugs-a", "review-a", "auditor"):
        assert (await office.api.get(paper["hidden"], who=who)).content == b"Patient X complained."
    refused = await office.api.get(paper["hidden"], who="applicant")
    assert (refused.status_code, refused.json()["code"]) == (403, "paper_withheld")
    assert WITHHELD in refused.json()["detail"]
    for who in ("seller", "regulator-a", "shanghai-drugs-a", "review-national-a"):
        assert (await office.api.get(paper["ours"], who=who)).status_code == 403, who
        assert (await hand_in(office, path, b"We say so too.", who)).status_code == 403, who
    missing = await office.api.get(f"{path}/papers/{'0' * 64}", who="applicant")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_appeal_paper")
    assert await office.fetchval("SELECT count(*) FROM audit WHERE act = 'read_paper'") == 13


async def test_the_same_paper_twice_is_one_and_nobody_hides_the_other_sides(office: Office) -> None:
    path = await opened(office)
    first, again = [await hand_in(office, path, b"The consent covers it.", "applicant") for _ in range(2)]
    assert first.json() == again.json()
    hidden = await hand_in(office, path, b"The consent covers it.", "drugs-a", WITHHELD)
    assert (hidden.status_code, hidden.json()["code"]) == (409, "evidence_filed_otherwise")
    await office.post(f"{path}/decision", REJECTED, "review-a")
    late = await hand_in(office, path, b"One word more.", "applicant")
    assert (late.status_code, late.json()["code"]) == (409, "action_refused")


async def test_a_hearing_is_invited_to_by_notice_held_and_read_by_both(office: Office) -> None:
    path = await opened(office)
    soon = await office.refused(f"{path}/hearings", invitation(office, days=6), "review-a")
    assert soon == (422, "hearing_too_soon")
    invited = await office.post(f"{path}/hearings", invitation(office), "review-a", 201)
    for who in ("applicant", "drugs-a"):
        assert (await office.notices(who))[-1] == "hearing_invited", who
        newest = (await office.get("/notices", who))["items"][0]
        told = (await office.get(f"/notices/{newest['id']}", who))["notice"]
        assert "Room 4, 1 Review Street" in told["statement"]["reasons"], who
        assert told["answer_by"] == invited["takes_place"]
    assert await office.refused(f"{path}/hearings", invitation(office), "review-a") == (409, "hearing_pending")
    assert await office.refused(f"{path}/decision", REJECTED, "review-a") == (409, "hearing_pending")
    where = f"/hearings/{invited['id']}"
    early = (await hand_in(office, path, b"Minutes, written before.", "review-a")).json()["sha256"]
    assert await office.refused(f"{where}/minutes", {"minutes": early}, "review-a") == (422, "hearing_too_soon")
    office.clock.advance(timedelta(days=10, seconds=1))
    theirs = (await hand_in(office, path, b"Minutes of the authority.", "drugs-a")).json()["sha256"]
    hidden = (await hand_in(office, path, b"Secret minutes.", "review-a", WITHHELD)).json()["sha256"]
    for wrong in (early, theirs, hidden, "0" * 64):
        assert await office.refused(f"{where}/minutes", {"minutes": wrong}, "review-a") == (422, "minutes_missing")
    minutes = (await hand_in(office, path, b"What was said.", "review-a")).json()["sha256"]
    body = {"minutes": minutes, "present": ["authority", "appellant"]}
    for who in ("applicant", "drugs-a"):
        assert (await office.refused(f"{where}/minutes", body, who))[0] == 403
    assert await office.refused(f"{where}/minutes", body, REVIEW_B) == (409, "assigned_to_another")
    held = await office.post(f"{where}/minutes", body, "review-a")
    assert (held["status"], held["minutes"], held["present"]) == ("held", minutes, ["appellant", "authority"])
    assert await office.refused(f"{where}/minutes", body, "review-a") == (409, "action_refused")
    for who in ("applicant", "drugs-a"):
        assert (await office.notices(who))[-1] == "hearing_held", who
        assert (await office.api.get(f"{path}/papers/{minutes}", who=who)).content == b"What was said."
    assert (await office.post(f"{path}/decision", REJECTED, "review-a"))["status"] == "rejected"


@pytest.mark.parametrize("opened_at", ["before", "after", "never"])
@pytest.mark.parametrize("absent", ["appellant", "authority"])
async def test_who_stayed_away_without_knowing_was_not_heard(office: Office, absent: str, opened_at: str) -> None:
    path = await opened(office)
    invited = await office.post(f"{path}/hearings", invitation(office), "review-a", 201)
    who = {"appellant": "applicant", "authority": "drugs-a"}[absent]

    async def opens() -> None:
        newest = (await office.get("/notices", who))["items"][0]
        await office.get(f"/notices/{newest['id']}", who)

    if opened_at == "before":
        await opens()
    office.clock.advance(timedelta(days=10, seconds=1))
    if opened_at == "after":
        await opens()
    minutes = (await hand_in(office, path, b"What was said.", "review-a")).json()["sha256"]
    body = {"minutes": minutes, "present": sorted({"appellant", "authority"} - {absent})}
    where = f"/hearings/{invited['id']}"
    if opened_at == "before":
        assert (await office.post(f"{where}/minutes", body, "review-a"))["status"] == "held"
        return
    assert await office.refused(f"{where}/minutes", body, "review-a") == (409, "not_told_of_hearing")
    assert await office.refused(f"{path}/decision", REJECTED, "review-a") == (409, "hearing_pending")
    await office.post(f"{where}/cancellation", {"reasons": "It was not known in time."}, "review-a")
    await office.post(f"{path}/hearings", invitation(office), "review-a", 201)


@pytest.mark.parametrize("how", ["cancelled", "upheld", "withdrawn"])
async def test_nobody_comes_in_vain(office: Office, how: str) -> None:
    path = await opened(office)
    invited = await office.post(f"{path}/hearings", invitation(office), "review-a", 201)
    if how == "cancelled":
        await office.post(f"/hearings/{invited['id']}/cancellation", {"reasons": "The room is flooded."}, "review-a")
        again = await office.refused(f"/hearings/{invited['id']}/cancellation", WHY, "review-a")
        assert again == (409, "action_refused")
    elif how == "upheld":
        await office.post(f"{path}/decision", UPHELD, "review-a")
    else:
        await office.post(f"{path}/withdrawal", {"reasons": "We let it be."}, "applicant")
    assert (await office.get(f"/hearings/{invited['id']}", "applicant"))["status"] == "cancelled"
    for who in ("applicant", "drugs-a"):
        assert "hearing_cancelled" in await office.notices(who)
    listed = await office.api.get(f"{path}/hearings", who="drugs-a")
    assert [each["status"] for each in listed.json()] == ["cancelled"]
    assert (await office.api.get(f"{path}/hearings", who="seller")).status_code == 403
