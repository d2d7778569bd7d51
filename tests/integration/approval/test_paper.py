"""Approvals on paper: two officers bring one in; it is an approval as any other, and no way round a decision."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import pypdfium2
import pytest

from approval.lifecycle import Status
from shared.contracts import examples
from shared.contracts.registry import BarRecordedV1
from tests.integration.approval.desk import BASIS, OPERATOR, Desk
from tests.integration.approval.test_barring import bar

NUMBER: Final = "京药网械审字（2025）第 12 号"
ENTRY: Final[dict[str, Any]] = {
    **BASIS, "paper_number": NUMBER, "operator": OPERATOR, "service_item": "drugs_and_devices",
    "domain": "paper.example", "scope": "Medicines", "valid_from": "2025-03-01", "valid_until": "2028-02-29",
    "scan_sha256": examples.DIGEST,
}  # fmt: skip
SEEN: Final = {"paper_number": NUMBER, "scan_sha256": examples.DIGEST}


async def enter(desk: Desk, who: Any = "drugs-a", **changes: Any) -> Any:
    return await desk.api.post("/paper-approvals", json=ENTRY | changes, who=who)


async def entered(desk: Desk, **changes: Any) -> str:
    answer = await enter(desk, **changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def confirm(desk: Desk, paper_id: str, who: Any = "drugs-b", **changes: Any) -> Any:
    return await desk.api.post(f"/paper-approvals/{paper_id}/confirmation", json=SEEN | changes, who=who)


def why(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_two_officers_make_it_an_approval_with_number_fact_notice_and_document(desk: Desk) -> None:
    paper_id = await entered(desk)
    done = (await confirm(desk, paper_id)).json()
    assert (done["status"], done["paper_number"]) == ("confirmed", NUMBER)
    approval = await desk.read(done["approval_id"])
    assert (approval["status"], approval["number"], approval["valid_from"], approval["valid_until"]) == (
        "granted", "京药网械审〔2026〕1号", "2025-03-01", "2028-02-29",
    )  # fmt: skip
    assert [kind for kind, _ in await desk.facts(approval["id"])] == ["approval.granted.v1"]
    assert [notice["kind"] for notice in await desk.notices()] == ["granted"]
    document = (await desk.api.get(f"/approvals/{approval['id']}/document", who="applicant")).json()
    assert (document["in_force"], document["document"]["valid_from"]) == (True, "2025-03-01")
    assert [each["value"] for each in document["document"]["particulars"]][1:] == [NUMBER]
    page = await desk.api.get(f"/approvals/{approval['id']}/document.pdf", who="applicant")
    shown = pypdfium2.PdfDocument(page.content)[0].get_textpage().get_text_range()
    assert NUMBER in shown, "and the page says it as well"
    assert "Number on the paper" in shown
    await desk.done(approval["id"], "renewal-request", valid_until="2029-01-01")
    await desk.done(approval["id"], "renewal", valid_until="2029-01-01")
    renewed = (await desk.api.get(f"/approvals/{approval['id']}/document", who="applicant")).json()["document"]
    assert (renewed["edition"], renewed["particulars"]) == (2, document["document"]["particulars"])
    assert [step[0] for step in await desk.trail(approval["id"])][:2] == ["enter_paper", "grant"]
    assert [step[0] for step in await desk.trail(paper_id)] == ["enter", "confirm"]


async def test_whoever_entered_it_does_not_confirm_it_and_until_then_it_counts_for_nothing(desk: Desk) -> None:
    paper_id = await entered(desk)
    assert why(await confirm(desk, paper_id, who="drugs-a")) == (409, "second_person_required")
    assert (await desk.api.get("/approvals", who="applicant")).json()["items"] == []


@pytest.mark.parametrize("changes", [{"paper_number": "京药网械审字（2025）第 13 号"}, {"scan_sha256": "0" * 64}])
async def test_who_confirms_says_what_was_seen(desk: Desk, changes: dict[str, str]) -> None:
    assert why(await confirm(desk, await entered(desk), **changes)) == (409, "paper_otherwise")


async def test_the_same_number_in_another_spelling_is_named_as_known_until_it_is_withdrawn(desk: Desk) -> None:
    paper_id = await entered(desk)
    again = await enter(desk, paper_number="京药网械审字(2025)第12号", domain="other.example")
    assert (*why(again), again.json()["paper_id"]) == (409, "paper_entered", paper_id)
    withdrawal = {"reasons": "It was entered for the wrong operator."}
    done = await desk.api.post(f"/paper-approvals/{paper_id}/withdrawal", json=withdrawal, who="drugs-b")
    assert done.json()["status"] == "withdrawn"
    assert why(await confirm(desk, paper_id)) == (409, "action_refused")
    await entered(desk, paper_number="京药网械审字(2025)第12号")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"valid_until": "2026-11-01"}, (409, "validity_over")),
        ({"valid_from": "2027-01-01"}, (422, "validity_too_short")),
        ({"valid_until": "2040-01-01"}, (422, "validity_too_long")),
        ({"service_item": "general"}, (409, "approval_not_needed")),
        ({"service_item": "press"}, (422, "unknown_service_item")),
        ({"domain": "not a name"}, (422, "invalid")),
    ],
)
async def test_what_cannot_be_is_not_entered(desk: Desk, changes: dict[str, str], expected: tuple[int, str]) -> None:
    assert why(await enter(desk, **changes)) == expected


async def test_one_that_expired_before_it_was_confirmed_is_refused(desk: Desk) -> None:
    paper_id = await entered(desk, valid_until="2026-11-03")
    await desk.travel("2026-11-03T16:00")
    assert why(await confirm(desk, paper_id)) == (409, "validity_over")


async def test_nothing_that_a_decision_ended_comes_back_by_way_of_paper(desk: Desk) -> None:
    waiting = await entered(desk, domain="shop.decided.example")
    approval_id = await desk.at(Status.GRANTED, domain="decided.example")
    ending = desk.ending(approval_id)
    await desk.hear(ending)
    for domain in ("decided.example", "other.decided.example", "example"):
        refused = await enter(desk, domain=domain, paper_number=f"第 {domain} 号")
        if domain == "example":
            continue  # a public suffix is no name of anybody's
        assert (*why(refused), refused.json()["approval_id"]) == (409, "ended_by_decision", approval_id)
    assert why(await confirm(desk, waiting)) == (409, "ended_by_decision"), "entered before, confirmed after"
    await desk.hear(desk.overturned(ending.decision_id))
    assert (await confirm(desk, waiting)).status_code == 200


def ended_elsewhere(desk: Desk, host: str, **changes: Any) -> Any:
    """A decision that ended the item on a site of which no approval is here."""
    desk.domains["elsewhere"] = host
    return desk.ending("elsewhere", **changes)


@pytest.mark.parametrize("undone", ["overturned", "suspended", "lifted"])
async def test_a_consent_that_was_ended_before_it_was_in_the_system_does_not_come_by_paper(
    desk: Desk, undone: str
) -> None:
    waiting = await entered(desk, domain="never.example")
    ending = ended_elsewhere(desk, "www.never.example")
    await desk.hear(ending)
    await desk.hear(ending)
    refused = await enter(desk, domain="www.never.example", paper_number="第 2 号")
    assert (*why(refused), refused.json()["decision_id"]) == (409, "decided_since", str(ending.decision_id))
    today = desk.clock.now().date().isoformat()
    assert (
        why(await enter(desk, domain="never.example", paper_number="第 3 号", valid_from=today))[1] == "decided_since"
    )
    assert why(await confirm(desk, waiting)) == (409, "decided_since"), "entered before, confirmed after"
    await desk.hear(getattr(desk, undone)(ending.decision_id))
    await desk.hear(ending)
    assert (await confirm(desk, waiting)).status_code == 200


async def test_a_consent_of_after_the_decision_or_of_something_else_is_another_matter(desk: Desk) -> None:
    await desk.hear(ended_elsewhere(desk, "never.example"))
    desk.clock.advance(timedelta(days=1))
    later = desk.clock.now().date().isoformat()
    await entered(desk, domain="never.example", valid_from=later)
    await entered(desk, domain="other.example", paper_number="第 2 号")
    somebody = {"identity": "91310000MA1FL0ABC1", "name": "Another Pharmacy Ltd"}
    await entered(desk, domain="never.example", operator=somebody, paper_number="第 3 号")


async def test_a_decision_that_is_heard_late_ends_what_came_by_paper_meanwhile(desk: Desk) -> None:
    """The grant is of after its release, the consent of before."""
    ending = ended_elsewhere(desk, "never.example")
    desk.clock.advance(timedelta(days=2))
    today = desk.clock.now().date().isoformat()
    old = (await confirm(desk, await entered(desk, domain="never.example"))).json()["approval_id"]
    await desk.hear(ending)
    assert (await desk.read(old))["status"] == "ended"
    new = await entered(desk, domain="new.example", valid_from=today, paper_number="第 2 号")
    confirmed = (await confirm(desk, new, paper_number="第 2 号")).json()["approval_id"]
    await desk.hear(ended_elsewhere(desk, "new.example", released_at=ending.released_at))
    assert (await desk.read(confirmed))["status"] == "granted", "consented to since"


@pytest.mark.parametrize("first", ["confirm", "hear"])
async def test_of_a_confirmation_and_a_decision_at_once_neither_passes_the_other(desk: Desk, first: str) -> None:
    """Whatever comes first: no consent is in force that the decision ended."""
    paper_id = await entered(desk, domain="never.example")
    ending = ended_elsewhere(desk, "never.example")
    both = [confirm(desk, paper_id), desk.hear(ending)]
    await asyncio.gather(*(both if first == "confirm" else reversed(both)))
    found = (await desk.api.get("/approvals", who="applicant")).json()["items"]
    assert [each["status"] for each in found] in ([], ["ended"])


async def test_whoever_is_on_the_barred_list_waits_until_the_bar_is_over_however_old_the_paper(desk: Desk) -> None:
    waiting = await entered(desk)
    await desk.hear(bar(desk))
    refused = await enter(desk, domain="new.example", paper_number="第 2 号")
    assert (*why(refused), refused.json()["execution_id"]) == (
        409, "operator_barred", BarRecordedV1.EXAMPLE["execution_id"]
    )  # fmt: skip
    assert why(await confirm(desk, waiting)) == (409, "operator_barred"), "entered before, confirmed after"
    await desk.hear(bar(desk, 2, listed=False))
    assert (await confirm(desk, waiting)).status_code == 200


async def test_what_is_in_force_or_asked_for_is_not_granted_twice(desk: Desk) -> None:
    granted = await desk.at(Status.GRANTED, domain="twice.example")
    refused = await enter(desk, domain="twice.example")
    assert (*why(refused), refused.json()["approval_id"]) == (409, "approval_in_force", granted)
    paper_id = await entered(desk, domain="pending.example")
    pending = await desk.applied(domain="pending.example")
    refused = await confirm(desk, paper_id)
    assert (*why(refused), refused.json()["approval_id"]) == (409, "approval_pending", pending)


async def test_of_two_confirmations_at_once_one_grants(desk: Desk) -> None:
    paper_id = await entered(desk)
    answers = await asyncio.gather(confirm(desk, paper_id), confirm(desk, paper_id))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len((await desk.api.get("/approvals", who="applicant")).json()["items"]) == 1


@pytest.mark.parametrize("who", ["applicant", "regulator-a", ("drugs-a", {"organisation": "culture-110000"})])
async def test_only_the_authority_of_the_item_enters_and_reads(desk: Desk, who: Any) -> None:
    assert (await enter(desk, who=who)).status_code == 403
    assert (await desk.api.get(f"/paper-approvals/{await entered(desk)}", who=who)).status_code == 403
