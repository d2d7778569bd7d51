"""Who sees what, who looked, and what the tables and lists of this service have in common with each other."""

import re
from typing import Any
from uuid import uuid4

import pytest

from approval.consumer import HANDLERS, PROJECTIONS
from approval.lifecycle import OPEN, Status
from approval.main import SERVICE
from approval.told import FACTS as TOLD
from shared.contracts.catalogue import FACTS
from shared.contracts.directory import OrganisationRecordedV1
from tests.integration.approval.desk import Desk
from tests.support.people import OPERATOR_USCC

OTHER = "91310000MA0THER012"


async def _filed(desk: Desk) -> dict[str, dict[str, Any]]:
    """Applications of two operators for two items, to two provinces and the ministry."""
    records = {}
    for operator in (OPERATOR_USCC, OTHER):
        for item in ("drugs_and_devices", "culture"):
            for region in ("110000", "310000", None):
                words = {
                    "operator": {"identity": operator, "name": "Example"},
                    "service_item": item,
                    "level": "province" if region else "national",
                    "region": region,
                }
                who = ("applicant", {"organisation": operator, "region": None})
                records[await desk.applied(who=who, **words)] = words
    return records


async def test_two_roles_do_not_lend_each_other_their_reach(desk: Desk) -> None:
    records = await _filed(desk)
    both = ("culture-a", {"roles": ["operator", "sector_regulator"], "region": "310000"})
    shown = {each["id"] for each in (await desk.api.get("/approvals", who=both)).json()["items"]}
    assert shown == {
        each for each, record in records.items() if (record["service_item"], record["region"]) == ("culture", "310000")
    }


async def test_a_list_is_read_page_by_page_and_by_status(desk: Desk) -> None:
    filed = [await desk.applied() for _ in range(5)]
    seen, after = [], ""
    while True:
        page = (await desk.api.get(f"/approvals?limit=2{after}", who="applicant")).json()
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == filed[::-1]
    await desk.done(filed[0], "refusal")
    [refused] = (await desk.api.get("/approvals?status=refused", who="applicant")).json()["items"]
    assert refused["id"] == filed[0]
    assert (await desk.api.get("/approvals?limit=0", who="applicant")).status_code == 422


async def test_an_official_who_looks_leaves_a_trace_and_the_owner_does_not(desk: Desk) -> None:
    approval_id = await desk.applied()
    await desk.api.get("/approvals", who="applicant")
    await desk.read(approval_id)
    assert await desk.audited("granted") == []
    await desk.api.get("/approvals", who="drugs-a")
    await desk.read(approval_id, who="drugs-b")
    trace = {"operators": [OPERATOR_USCC], "ids": [approval_id]}
    assert await desk.audited("granted") == [("drugs-a", "read", None, trace), ("drugs-b", "read", None, trace)]


async def test_a_page_that_shows_nobody_leaves_no_trace(desk: Desk) -> None:
    await desk.api.get("/approvals", who="drugs-a")
    assert await desk.audited("granted") == []


async def test_who_may_not_read_a_notice_cannot_tell_it_from_none_by_proving_its_delivery(desk: Desk) -> None:
    await desk.done(await desk.applied(), "refusal")
    [notice] = (await desk.api.get("/notices", who="applicant")).json()["items"]
    proof = {"address": "1 Example Road", "tracking": "RR123456789CN", "delivered_on": notice["issued_at"][:10]}
    for who, expected in (("culture-a", 404), ("seller", 404), ("applicant", 403), ("drugs-a", 409), ("drugs-b", 200)):
        answers = [
            (await desk.api.post(f"/notices/{notice_id}/postal-proof", json=proof, who=who)).status_code
            for notice_id in (notice["id"], str(uuid4()))
        ]
        assert answers == [expected, 404], who


@pytest.mark.parametrize(
    ("sql", "statuses"),
    [
        (
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'approval_status_check'",
            frozenset(Status),
        ),
        ("SELECT pg_get_indexdef('approval_open'::regclass)", OPEN),
    ],
)
async def test_the_statuses_in_the_schema_are_those_of_the_table(
    desk: Desk, sql: str, statuses: frozenset[Status]
) -> None:
    async with desk.api.rt.db.connection() as tx:
        found = re.findall(r"'(\w+)'", await tx.fetchval(sql))
    assert set(found) == set(statuses)


def test_every_fact_of_this_service_is_told_and_every_one_for_it_is_heard() -> None:
    assert {fact.TYPE for fact in TOLD.values()} == {
        name
        for name, fact in FACTS.items()
        if fact.TOPIC.producer == "approval" and not name.startswith("approval_notice.")
    }
    for_us = {fact for fact in FACTS.values() if "approval" in fact.CONSUMERS} - {OrganisationRecordedV1}
    assert {*HANDLERS, *PROJECTIONS} == for_us
    assert set(SERVICE.listens) == {fact.TOPIC for fact in for_us}  # type: ignore[arg-type] # a tuple, here
