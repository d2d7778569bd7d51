"""Letters: their delivery is two persons' word, neither of whom drafted or issued what the letter told (model §5)."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.integration.enforcement.conftest import Office
from tests.support.crash import survives
from tests.support.service import Who

PROOF = {"address": "1 Example Road, Beijing", "tracking": "XA 1 CN", "delivered_on": "2026-11-26"}
THIRD: Final[Who] = ("drugs-c", {"sub": "drugs-d"})


async def notice_of(office: Office, decision: dict[str, Any]) -> str:
    return str((await office.get(f"/decisions/{decision['id']}", "drugs-a"))["notice"]["notice_id"])


async def drafted(office: Office) -> tuple[dict[str, Any], str]:
    decision = await office.draft(await office.case())
    return decision, f"/notices/{await notice_of(office, decision)}/postal-proof"


async def delivered(office: Office, path: str) -> str | None:
    sql = "SELECT delivered_by FROM notice WHERE id = $1::text::uuid"
    found = await office.fetchval(sql, path.split("/")[2])
    return None if found is None else str(found)


async def test_a_letter_counts_when_a_second_person_confirmed_it_and_its_recipient_sees_who(office: Office) -> None:
    decision, path = await drafted(office)
    await office.post(path, PROOF, "drugs-b")
    assert await delivered(office, path) is None
    signature = await office.signature(decision["id"])
    early = await office.refused(f"/decisions/{decision['id']}/release", signature, THIRD)
    assert early == (409, "notice_not_delivered")
    assert await office.refused(f"{path}/confirmation", PROOF, "drugs-b") == (409, "second_person_required")
    confirmed = await office.post(f"{path}/confirmation", PROOF, "drugs-c")
    assert (confirmed["delivered_by"], await delivered(office, path)) == ("post", "post")
    seen = (await office.get(path.removesuffix("/postal-proof"), "applicant"))["postal_proof"]
    assert (seen["tracking"], seen["entered_for"]["id"], seen["confirmed_for"]["id"]) == (
        "XA 1 CN", "drugs-110000", "drugs-110000",
    )  # fmt: skip
    assert "drugs-b" not in str(seen), "an office, and nobody's name"
    assert await office.refused(path, PROOF, "drugs-b") == (409, "proof_entered")
    sql = "SELECT count(*) FROM audit WHERE act IN ('prove_delivery', 'confirm_delivery') AND outcome = 'granted'"
    assert await office.fetchval(sql) == 2


@pytest.mark.parametrize(
    "who", ["drugs-a", ("drugs-c", {"sub": "other-account", "person": "drugs-a"})], ids=["same", "account"]
)
async def test_whoever_drafted_it_neither_enters_nor_confirms(office: Office, who: Any) -> None:
    _, path = await drafted(office)
    assert await office.refused(path, PROOF, who) == (409, "second_person_required")
    await office.post(path, PROOF, "drugs-b")
    assert await office.refused(f"{path}/confirmation", PROOF, who) == (409, "second_person_required")
    assert await delivered(office, path) is None


async def test_whoever_released_it_proves_nothing_about_the_notice_of_the_decision(office: Office) -> None:
    released = await office.released()
    path = f"/notices/{await notice_of(office, released)}/postal-proof"
    later = {**PROOF, "delivered_on": office.clock.now().date().isoformat()}
    assert await office.refused(path, later, "drugs-b") == (409, "second_person_required")
    await office.post(path, later, "drugs-c")
    assert await office.refused(f"{path}/confirmation", later, "drugs-a") == (409, "second_person_required")
    await office.post(f"{path}/confirmation", later, THIRD)
    assert await delivered(office, path) == "post"


@pytest.mark.parametrize("who", ["drugs-b", "drugs-c", ("drugs-c", {"sub": "y", "person": "DRUGS-C"})],
                         ids=["entered", "confirmed", "other account"])  # fmt: skip
async def test_nobody_signs_an_act_on_their_own_word_that_its_notice_was_delivered(office: Office, who: Any) -> None:
    decision, path = await drafted(office)
    await office.post(path, PROOF, "drugs-b")
    await office.post(f"{path}/confirmation", PROOF, "drugs-c")
    office.clock.advance(timedelta(days=31))
    read, verb = f"/decisions/{decision['id']}", f"/decisions/{decision['id']}/release"
    signature = await office.signature(decision["id"], THIRD)
    assert "release" not in (await office.get(read, who))["allowed_actions"]
    assert "comment" in (await office.get(read, who))["allowed_actions"], "that lays no burden"
    assert await office.refused(verb, signature, who) == (409, "second_person_required")
    assert "release" in (await office.get(read, THIRD))["allowed_actions"]
    assert (await office.post(verb, signature, THIRD))["status"] == "released"


async def test_nobody_finds_an_order_ignored_on_their_own_word_that_it_was_delivered(office: Office) -> None:
    by = (office.clock.now() + timedelta(days=9)).isoformat()
    order = await office.release(await office.draft(await office.case(), "correct", correct_by=by))
    path = f"/notices/{await notice_of(office, order)}/postal-proof"
    await office.post(path, PROOF, "drugs-c")
    await office.post(f"{path}/confirmation", PROOF, THIRD)
    office.clock.advance(timedelta(days=10))
    body, verb = await office.ignored(order), f"/decisions/{order['id']}/correction"
    for who in ("drugs-c", THIRD):
        allowed = (await office.get(f"/decisions/{order['id']}", who))["allowed_actions"]
        assert "confirm_ignored" not in allowed
        assert "confirm_corrected" in allowed, "easing a burden takes nobody else"
        assert await office.refused(verb, body, who) == (409, "second_person_required")
    assert (await office.post(verb, body, "drugs-b"))["status"] == "ignored"


@pytest.mark.parametrize("proves", ["enters", "confirms"])
async def test_who_proves_and_signs_at_once_does_one_of_both(office: Office, proves: str) -> None:
    decision, path = await drafted(office)
    if proves == "confirms":
        await office.post(path, PROOF, "drugs-b")
        path += "/confirmation"
    await office.cured(decision)  # it was opened as well, so that nothing waits for the letter
    signature = await office.signature(decision["id"], "drugs-c")
    answers = await asyncio.gather(
        office.api.post(f"/decisions/{decision['id']}/release", json=signature, who="drugs-c"),
        office.api.post(path, json=PROOF, who="drugs-c"),
    )
    assert sorted(each.status_code for each in answers) == [200, 409]
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"second_person_required"}


async def test_what_is_confirmed_is_what_was_entered(office: Office) -> None:
    _, path = await drafted(office)
    assert await office.refused(f"{path}/confirmation", PROOF, "drugs-c") == (409, "no_such_proof")
    await office.post(path, PROOF, "drugs-b")
    await office.post(path, {**PROOF, "tracking": "XA 2 CN"}, THIRD)
    for changed in ({}, {"tracking": "XA 2 CN", "address": "2 Example Road"}):
        assert await office.refused(f"{path}/confirmation", {**PROOF, **changed}, "drugs-b") == (409, "no_such_proof")
    assert await delivered(office, path) is None


@pytest.mark.parametrize("day", ["2026-11-25", "2026-11-27"])
async def test_no_letter_arrives_before_its_notice_or_tomorrow(office: Office, day: str) -> None:
    _, path = await drafted(office)
    assert await office.refused(path, {**PROOF, "delivered_on": day}, "drugs-b") == (422, "invalid")


@pytest.mark.parametrize(("who", "status"), [("applicant", 403), ("regulator-a", 404), ("auditor", 404)])
async def test_neither_its_recipient_nor_another_office_proves_it(office: Office, who: Any, status: int) -> None:
    _, path = await drafted(office)
    for wrong in (path, f"{path}/confirmation"):
        assert (await office.refused(wrong, PROOF, who))[0] == status


async def test_a_proof_killed_between_any_two_statements_was_neither_entered_nor_confirmed(office: Office) -> None:
    _, path = await drafted(office)
    await survives(office.api.rt, lambda: office.post(path, PROOF, "drugs-b"))
    await survives(office.api.rt, lambda: office.post(f"{path}/confirmation", PROOF, "drugs-c"), least=6)
    assert await delivered(office, path) == "post"


async def test_two_who_confirm_at_once_make_one_delivery(office: Office) -> None:
    _, path = await drafted(office)
    await office.post(path, PROOF, "drugs-b")
    people: list[Who] = ["drugs-c", *(("drugs-c", {"sub": f"drugs-{number}"}) for number in range(7))]
    answers = await asyncio.gather(*(office.api.post(f"{path}/confirmation", json=PROOF, who=who) for who in people))
    assert sorted(each.status_code for each in answers) == [200] + [409] * 7
    assert await office.fetchval("SELECT count(*) FROM delivery WHERE channel = 'post'") == 1


async def test_a_list_says_that_there_is_a_notice_and_what_it_says_is_read_one_by_one_and_opens_it(
    office: Office,
) -> None:
    _, path = await drafted(office)
    listed = await office.get("/notices", "applicant")
    (item,) = listed["items"]
    assert (item["kind"], item["opened_at"], item["authority"]["id"]) == ("decision_intended", None, "drugs-110000")
    reasons = "sells prescription medicines"
    assert reasons not in str(listed)
    assert await delivered(office, path) is None
    assert reasons in str(await office.get(f"/notices/{item['id']}", "applicant"))
    assert await delivered(office, path) == "inbox"
    assert (await office.get("/notices", "applicant"))["items"][0]["delivered_by"] == "inbox"
