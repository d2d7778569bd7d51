"""What was asked and decided under an identity that goes on under another is the other's to read and answer."""

from typing import Any

from approval.lifecycle import Status
from shared.contracts.registry import MergerRecordedV1
from shared.runtime.base.ids import uuid7
from tests.integration.approval.desk import OPERATOR, Desk
from tests.integration.approval.test_barring import bar
from tests.integration.approval.test_paper import ended_elsewhere, enter, why
from tests.support.people import OPERATOR_USCC

SURVIVOR = "91110000MA00000021"
NEW: Any = ("applicant", {"organisation": SURVIVOR})


async def merge(desk: Desk, version: int = 2, *, stands: bool = True) -> None:
    fact = {**MergerRecordedV1.EXAMPLE, "operator": OPERATOR, "version": version, "stands": stands}
    await desk.hear(MergerRecordedV1.model_validate({**fact, "survivor": {"identity": SURVIVOR, "name": "New"}}))
    async with desk.api.rt.db.connection() as tx:
        await desk.api.rt.directory.refresh(tx)


async def test_the_survivor_reads_approvals_documents_and_notices_until_they_part(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    paths = (f"/approvals/{approval_id}", f"/approvals/{approval_id}/document")
    for path in paths:
        assert (await desk.api.get(path, who=NEW)).status_code == 403
    await merge(desk)
    for path in paths:
        assert (await desk.api.get(path, who=NEW)).status_code == 200
    assert [each["id"] for each in (await desk.api.get("/approvals", who=NEW)).json()["items"]] == [approval_id]
    (letter,) = (await desk.api.get("/notices", who=NEW)).json()["items"]
    opened = (await desk.api.get(f"/notices/{letter['id']}", who=NEW)).json()
    assert (opened["notice"]["to"]["identity"], opened["delivered_by"]) == (OPERATOR_USCC, "inbox")
    await merge(desk, 3, stands=False)
    for path in (*paths, f"/notices/{letter['id']}"):
        assert (await desk.api.get(path, who=NEW)).status_code in {403, 404}
    assert (await desk.api.get("/notices", who=NEW)).json()["items"] == []
    assert (await desk.api.get("/approvals", who=NEW)).json()["items"] == []


async def test_what_was_returned_or_ends_the_survivor_answers_and_it_asks_nothing_new_in_that_name(desk: Desk) -> None:
    returned, ending = await desk.at(Status.RETURNED), await desk.at(Status.GRANTED)
    assert (await desk.do(returned, "resubmission", who=NEW)).status_code == 403
    await merge(desk)
    assert (await desk.do(returned, "resubmission", who=NEW)).status_code == 200
    assert (await desk.do(ending, "renewal-request", who=NEW)).status_code == 200
    refused = await desk.apply(who=NEW, domain="another.example")
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_scope")


async def test_a_bar_bars_an_operator_under_every_identity_that_it_has_or_had(desk: Desk) -> None:
    new: dict[str, Any] = {"operator": {"identity": SURVIVOR, "name": "New"}}
    await desk.hear(bar(desk))
    assert (await desk.apply(who=NEW, domain="a.example", **new)).status_code == 201
    await merge(desk)
    refused = await desk.apply(who=NEW, domain="b.example", **new)
    assert (refused.status_code, refused.json()["code"]) == (409, "operator_barred")
    await desk.hear(bar(desk, 2, **new))  # as the registry lists it once they are one
    for who, changes in ((NEW, new), ("applicant", {})):
        refused = await desk.apply(who=who, domain="c.example", **changes)
        assert (refused.status_code, refused.json()["code"]) == (409, "operator_barred"), who
    await desk.hear(bar(desk, 3))
    await merge(desk, 3, stands=False)
    assert (await desk.apply(who=NEW, domain="d.example", **new)).status_code == 201
    assert (await desk.apply(domain="d.example")).status_code == 409, "whose it was has it as before"


async def test_a_decision_about_one_identity_ends_what_the_other_was_consented_to_while_they_are_one(
    desk: Desk,
) -> None:
    approval_id, new = await desk.at(Status.GRANTED), {"operator": {"identity": SURVIVOR, "name": "New"}}
    await desk.hear(desk.ending(approval_id, uuid7(), **new))
    assert (await desk.read(approval_id))["status"] == "granted", "they are strangers"
    await merge(desk)
    decision_id = uuid7()
    await desk.hear(desk.ending(approval_id, decision_id, **new))
    assert (await desk.read(approval_id))["status"] == "ended"
    kinds = [each["kind"] for each in (await desk.api.get("/notices", who=NEW)).json()["items"]]
    assert kinds == ["ended", "granted_for_less"]
    await merge(desk, 3, stands=False)
    await desk.hear(desk.overturned(decision_id))
    assert (await desk.read(approval_id))["status"] == "granted", "whoever it is by then"


async def test_a_paper_under_the_other_identity_is_no_way_round_a_decision(desk: Desk) -> None:
    ended = ended_elsewhere(desk, "www.never.example", operator={"identity": SURVIVOR, "name": "New"})
    await desk.hear(ended)
    await merge(desk)
    refused = await enter(desk, domain="www.never.example")
    assert why(refused) == (409, "decided_since")
