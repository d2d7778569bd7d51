"""Ways to do by a second case what a first one may not: to stop for longer, to pass by an appeal, to decide again."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from concord.sdk import until
from enforcement.service import decisions
from enforcement.store import cases as case_store
from enforcement.store import decisions as store
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.http import enforcement as wire
from shared.contracts.registry import ExecutionReceivedV1, ExecutionUndoneV1, SiteRecordedV1
from tests.integration.enforcement.conftest import (  # noqa: F401 - fixtures
    EASED,
    STATED,
    STATEMENT,
    Office,
    clock,
    merger_of,
    office,
    site_of_survivor,
    site_recorded,
)
from tests.support.people import person

PROVIDER = ProviderRecordedV1.EXAMPLE["provider_id"]
UPHELD, REJECTED = {"outcome": "upheld", **EASED}, {"outcome": "rejected", **EASED}
STOP = "suspend_access"
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"


def ahead(office: Office, **distance: int) -> str:  # noqa: F811
    return (office.clock.now() + timedelta(**distance)).isoformat()


async def refused(office: Office, case: dict[str, Any], effect: str = STOP, **changes: Any) -> Any:  # noqa: F811
    """A draft that is refused: the problem."""
    sha256 = await office.file(case["id"], changes.pop("content", b"The order book."))
    body = {"effect": effect, "statement": STATEMENT, "evidence_hashes": [sha256]} | changes
    answer = await office.api.post(f"/cases/{case['id']}/decisions", json=body, who="drugs-a")
    assert answer.status_code == 409, answer.text
    return answer.json()


async def ready(office: Office, site: SiteRecordedV1, days: int = 20, **changes: Any) -> dict[str, Any]:  # noqa: F811
    """A suspension that was drafted in a case of its own and told; nothing is missing but the second person."""
    drafted = await office.draft(await office.case(site), STOP, until=ahead(office, days=days), **changes)
    await office.opens(drafted, "decision_intended")
    return drafted


async def stopped(office: Office, site: SiteRecordedV1, days: int = 20) -> dict[str, Any]:  # noqa: F811
    """A suspension that is carried out, for five days less than so many: they pass before its release."""
    drafted = await ready(office, site, days)
    office.clock.advance(timedelta(days=5))
    released = await office.release(drafted)
    await office.executed(released)
    return released


async def undone(office: Office, decision: dict[str, Any], because: str = "ended") -> None:  # noqa: F811
    await office.hear(office.says(ExecutionUndoneV1, decision, because=because, undone_at=office.clock.now()))


# --- time that adds up -----------------------------------------------------------------------------------------------


async def test_suspensions_through_new_cases_add_up_to_no_more_than_one_may_last(office: Office) -> None:  # noqa: F811
    site = site_recorded()
    first = await stopped(office, site)  # fifteen days
    office.clock.advance(timedelta(days=15))
    await undone(office, first)
    again = await office.case(site)
    problem = await refused(office, again, until=ahead(office, days=20))
    assert (problem["code"], problem["decision_ids"]) == ("time_used_up", [first["id"]])
    latest = datetime.fromisoformat(problem["detail"].rpartition(" ")[2].rstrip("."))
    drafted = await office.draft(again, STOP, until=latest.isoformat())
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=5))
    second = await office.release(drafted)
    await office.executed(second)
    office.clock.advance(latest - office.clock.now())
    await undone(office, second)
    third = await office.case(site)
    assert "let it end by" in (await refused(office, third, until=ahead(office, days=20)))["detail"]
    office.clock.advance(timedelta(days=335))
    assert (await office.draft(third, STOP, until=ahead(office, days=30)))["status"] == "drafted", "a year is over"


async def test_when_no_day_is_left_it_says_when_one_is(office: Office) -> None:  # noqa: F811
    site, listed = site_recorded(), next(iter(office.api.rt.rules.urgent_grounds))
    drafted = await office.draft(await office.case(site), STOP, urgent_ground=listed, until=ahead(office, days=30))
    await office.executed(await office.release(drafted))
    office.clock.advance(timedelta(days=40))
    case = await office.case(site)
    detail = (await refused(office, case, until=ahead(office, days=9)))["detail"]
    free = datetime.fromisoformat(detail.partition("no day is left before ")[2].rstrip("."))
    assert timedelta(days=300) < free - office.clock.now() < timedelta(days=330)


async def side_by_side(office: Office) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: F811
    """Two suspensions of a site that was off for ten days already: either fits, and not the second after the first."""
    site = site_recorded()
    earlier = await stopped(office, site, 15)
    office.clock.advance(timedelta(days=10))
    await undone(office, earlier)
    first = await ready(office, site, 22)
    office.clock.advance(timedelta(days=8))
    return first, await ready(office, site, 22)


async def test_of_two_cases_drafted_side_by_side_the_second_is_not_released(office: Office) -> None:  # noqa: F811
    first, second = await side_by_side(office)
    await office.release(first)
    office.clock.advance(timedelta(days=4))
    body, path = await office.signature(second["id"]), f"/decisions/{second['id']}/release"
    assert await office.refused(path, body, "drugs-b") == (409, "time_used_up")
    assert await office.status(second) == "drafted"


async def test_what_is_urgent_begins_at_once_and_counts_from_there(office: Office) -> None:  # noqa: F811
    site, listed = site_recorded(), next(iter(office.api.rt.rules.urgent_grounds))
    earlier = await stopped(office, site)
    office.clock.advance(timedelta(days=15))
    await undone(office, earlier)
    case, until_then = await office.case(site), ahead(office, days=17)
    assert (await refused(office, case, urgent_ground=listed, until=until_then))["code"] == "time_used_up"
    assert (await office.draft(case, STOP, until=until_then))["status"] == "drafted", "three days go by first"


async def test_the_same_time_counts_once(office: Office) -> None:  # noqa: F811
    site = site_recorded()
    one, two = await ready(office, site, 20), await ready(office, site, 30)
    office.clock.advance(timedelta(days=5))
    await office.release(one)
    assert (await office.release(two))["status"] == "released"


async def test_two_releases_about_one_subject_wait_for_each_other(office: Office) -> None:  # noqa: F811
    first, second = await side_by_side(office)
    path, bodies = "/decisions/{}/release", [await office.signature(each["id"]) for each in (first, second)]
    async with office.api.rt.db.transaction() as tx:
        signed = wire.Release.model_validate(bodies[0])
        await decisions.release(tx, office.api.rt, person("drugs-b"), UUID(first["id"]), signed)
        office.clock.advance(timedelta(days=4))
        racing = asyncio.create_task(office.api.post(path.format(second["id"]), json=bodies[1], who="drugs-c"))
        await until(lambda: office.fetchval(WAITING), lambda waits: waits or racing.done(), timeout_s=30)
        assert not racing.done(), "it saw nothing of the first"
    answer = await racing
    assert (answer.status_code, answer.json()["code"]) == (409, "time_used_up")


async def test_what_fell_counts_for_the_time_it_was_carried_out_and_what_nobody_did_for_none(
    office: Office,  # noqa: F811
) -> None:
    site = site_recorded()
    lapsed = await ready(office, site, 30)
    office.clock.advance(timedelta(days=5))
    lapsed = await office.release(lapsed)
    await office.hear(office.says(ExecutionReceivedV1, lapsed))
    office.clock.advance(timedelta(days=26))
    await office.rings("decision_until", lapsed["id"])
    fallen = await stopped(office, site)
    office.clock.advance(timedelta(days=10))
    await office.post(f"/decisions/{fallen['id']}/lift", STATED, "drugs-a")
    office.clock.advance(timedelta(days=1))
    await undone(office, fallen, "lifted")  # eleven days, of which it was to last fifteen
    office.clock.advance(timedelta(days=9))
    case, begins = await office.case(site), timedelta(days=3)
    problem = await refused(office, case, until=(office.clock.now() + begins + timedelta(days=21)).isoformat())
    assert problem["decision_ids"] == [fallen["id"]], "the one that lapsed stopped nothing"
    until = (office.clock.now() + begins + timedelta(days=19)).isoformat()
    assert (await office.draft(case, STOP, until=until))["status"] == "drafted"


async def test_a_found_site_that_was_registered_since_is_the_same_subject(office: Office) -> None:  # noqa: F811
    found: dict[str, Any] = {"about": {"kind": "found_site", "host": "wild.example", "provider_id": PROVIDER}}
    case = await office.case(who="regulator-a", **found)
    drafted = await office.draft(case, STOP, who="regulator-a", until=ahead(office, days=30))
    await office.opens(drafted, "decision_intended")
    office.clock.advance(timedelta(days=5))
    await office.executed(await office.release(drafted, who="regulator-b"))
    office.clock.advance(timedelta(days=25))
    registered = await office.case(site_recorded("wild.example"))
    assert (await refused(office, registered, until=ahead(office, days=20)))["code"] == "time_used_up"
    other = await office.case(site_recorded("tame.example"))
    assert (await office.draft(other, STOP, until=ahead(office, days=20)))["status"] == "drafted"


async def test_the_bars_of_an_operator_add_up_too(office: Office) -> None:  # noqa: F811
    site = site_recorded()
    await office.hear(site)
    about: dict[str, Any] = {"about": {"kind": "operator", "domain": site.domains[0]}, "service_item": None}
    drafted = await office.draft(
        await office.case(site, who="regulator-a", **about), "bar", who="regulator-a", until=ahead(office, days=1000)
    )
    await office.cured(drafted)
    await office.executed(await office.release(drafted, who="regulator-b"))
    office.clock.advance(timedelta(days=50))
    case = await office.case(site, who="regulator-a", **about)
    sha256 = await office.file(case["id"], b"Something else.", "regulator-a")
    body = {"effect": "bar", "statement": STATEMENT, "evidence_hashes": [sha256], "until": ahead(office, days=1095)}
    path = f"/cases/{case['id']}/decisions"
    assert await office.refused(path, body, "regulator-a") == (409, "time_used_up")
    body["until"] = ahead(office, days=1040)
    assert (await office.api.post(path, json=body, who="regulator-a")).status_code == 201, "the same time counts once"


async def test_decisions_about_one_operator_wait_for_each_other_under_whatever_identity(
    office: Office,  # noqa: F811
) -> None:
    old, new = site_recorded(), site_of_survivor()
    about: dict[str, Any] = {"who": "regulator-a", "service_item": None}
    cases = [
        await office.case(each, about={"kind": "operator", "domain": each.domains[0]}, **about) for each in (old, new)
    ]
    await office.hear(merger_of(old))
    async with office.api.rt.db.transaction() as tx:
        await store.hold_subject(tx, await case_store.hold(tx, UUID(cases[0]["id"])))
        racing = asyncio.create_task(office.draft(cases[1], "bar", who="regulator-a", until=ahead(office, days=300)))
        await until(lambda: office.fetchval(WAITING), lambda waits: waits or racing.done(), timeout_s=30)
        assert not racing.done(), "it did not wait for what is decided under the other identity"
    assert (await racing)["status"] == "drafted"


@pytest.mark.parametrize("merged", [False, True])
async def test_a_merger_begins_no_operators_time_anew(office: Office, *, merged: bool) -> None:  # noqa: F811
    """Under whatever identity: or who merges two entries of one operator could bar it once under each."""
    old, new = site_recorded(), site_of_survivor()
    about: dict[str, Any] = {"about": {"kind": "operator", "domain": old.domains[0]}, "service_item": None}
    drafted = await office.draft(
        await office.case(old, who="regulator-a", **about), "bar", who="regulator-a", until=ahead(office, days=1000)
    )
    await office.cured(drafted)
    await office.executed(await office.release(drafted, who="regulator-b"))
    office.clock.advance(timedelta(days=50))
    if merged:
        await office.hear(merger_of(old))
    about["about"]["domain"] = new.domains[0]
    case = await office.case(new, who="regulator-a", **about)
    sha256 = await office.file(case["id"], b"Something else.", "regulator-a")
    body = {"effect": "bar", "statement": STATEMENT, "evidence_hashes": [sha256], "until": ahead(office, days=1095)}
    answer = await office.api.post(f"/cases/{case['id']}/decisions", json=body, who="regulator-a")
    assert answer.status_code == (409 if merged else 201), answer.text
    assert not merged or answer.json()["code"] == "time_used_up"


# --- under appeal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["appeal_late", "stay"])
async def test_what_is_suspended_under_appeal_is_not_done_by_another_decision(
    office: Office,  # noqa: F811
    how: str,
) -> None:
    site = site_recorded()
    parallel = await office.draft(await office.case(site))
    decided = await office.draft(await office.case(site))
    await office.cured(decided)
    await office.opens(parallel, "decision_intended")
    office.clock.advance(timedelta(days=9))
    decided = await office.release(decided)
    appeal = await office.appeal(decided, asks_for_stay=True)
    if how == "stay":
        await office.post(f"/appeals/{appeal['id']}/stay", {"granted": True, **EASED}, "review-a")
    else:
        await office.rings("appeal_decision", appeal["id"])
    case, content = await office.case(site), b"Something else."
    for _ in range(2):
        problem = await refused(office, case, "revoke", content=content)
        assert (problem["code"], problem["decision_id"], problem["appeal_id"]) == (
            "appeal_undecided", decided["id"], appeal["id"],
        )  # fmt: skip
        body = await office.signature(parallel["id"])
        path = f"/decisions/{parallel['id']}/release"
        assert await office.refused(path, body, "drugs-b") == (409, "appeal_undecided")
        if await office.status(decided) == "suspended":
            await office.post(f"/decisions/{decided['id']}/lift", STATED, "drugs-a")  # and it goes on to be so
    another = await office.draft(case, "correct", correct_by=ahead(office, days=9))
    assert another["status"] == "drafted", "another effect is another matter"
    await office.post(f"/decisions/{another['id']}/withdrawal", {"reasons": "It was a mistake of ours."}, "drugs-a")
    sibling = await office.case(site_recorded())
    assert (await office.draft(sibling))["status"] == "drafted", "and so is another site of the operator"
    await office.post(f"/appeals/{appeal['id']}/decision", REJECTED, "review-a")
    assert (await office.draft(case))["status"] == "drafted", "the appeal was decided"


async def test_an_appeal_that_is_open_and_in_time_bars_nothing(office: Office) -> None:  # noqa: F811
    site = site_recorded()
    await office.appeal(await office.released(site=site), asks_for_stay=True)
    assert (await office.draft(await office.case(site)))["status"] == "drafted"
    ended = site_recorded()
    lifted = await office.released(site=ended)
    await office.post(f"/decisions/{lifted['id']}/lift", STATED, "drugs-a")
    await office.rings("appeal_decision", (await office.appeal(lifted))["id"])
    assert (await office.draft(await office.case(ended)))["status"] == "drafted", "late, and nothing was suspended"


async def test_whoever_told_too_late_is_not_urgent_the_next_time(office: Office) -> None:  # noqa: F811
    operator = {**site_recorded().model_dump(mode="json")["operator"], "address_for_service": {"email": "a@b.example"}}
    site, listed = site_recorded(operator=operator), next(iter(office.api.rt.rules.urgent_grounds))
    urgent: dict[str, Any] = {"urgent_ground": listed, "until": ahead(office, days=8)}
    late, parallel = [await office.draft(await office.case(site), STOP, **urgent) for _ in range(2)]
    late = await office.release(late)
    await office.rings("urgent_notice", late["id"])
    assert await office.status(late) == "suspended"
    problem = await refused(office, await office.case(site), **urgent)
    assert (problem["code"], problem["decision_id"]) == ("urgency_lost", late["id"])
    body = await office.signature(parallel["id"])
    path = f"/decisions/{parallel['id']}/release"
    assert await office.refused(path, body, "drugs-b") == (409, "urgency_lost"), "it was drafted before"
    await office.appeal(late, ("applicant", {"organisation": operator["identity"]}))
    ordinary = await office.draft(await office.case(site), STOP, until=urgent["until"])
    other = await office.draft(await office.case(site_recorded()), STOP, **urgent)
    assert (await office.release(other))["status"] == "released", "another site"
    await office.opens(ordinary, "decision_intended")
    office.clock.advance(timedelta(days=5))
    await office.release(ordinary)
    assert (await office.release(parallel))["status"] == "released", "one was taken in the ordinary way"


# --- decided again ---------------------------------------------------------------------------------------------------


async def test_what_fell_on_appeal_is_not_decided_again_on_the_same_evidence(office: Office) -> None:  # noqa: F811
    site = site_recorded()
    parallel = await office.draft(await office.case(site))
    decided = await office.draft(await office.case(site))
    await office.opens(parallel, "decision_intended")
    await office.cured(decided)
    decided = await office.release(decided)
    appeal = await office.appeal(decided)
    await office.post(f"/appeals/{appeal['id']}/decision", UPHELD, "review-a")
    case = await office.case(site)
    problem = await refused(office, case, "revoke")
    assert (problem["code"], problem["decision_id"]) == ("nothing_new", decided["id"])
    body = await office.signature(parallel["id"])
    path = f"/decisions/{parallel['id']}/release"
    assert await office.refused(path, body, "drugs-b") == (409, "nothing_new"), "it was drafted before"
    until = ahead(office, days=20)
    another = await office.draft(case, STOP, until=until)
    assert another["status"] == "drafted", "another effect is another matter"
    await office.post(f"/decisions/{another['id']}/withdrawal", {"reasons": "It was a mistake of ours."}, "drugs-a")
    old, new = await office.file(case["id"], b"The order book."), await office.file(case["id"], b"A new invoice.")
    assert (await office.draft(case, evidence_hashes=[old, new]))["status"] == "drafted"


async def test_what_fell_twice_is_not_decided_again_on_both_pieces_together(office: Office) -> None:  # noqa: F811
    site = site_recorded()
    for content in (b"The order book.", b"A new invoice."):
        case = await office.case(site)
        drafted = await office.draft(case, evidence_hashes=[await office.file(case["id"], content)])
        await office.cured(drafted)
        appeal = await office.appeal(await office.release(drafted))
        await office.post(f"/appeals/{appeal['id']}/decision", UPHELD, "review-a")
    case = await office.case(site)
    both = [await office.file(case["id"], content) for content in (b"The order book.", b"A new invoice.")]
    assert (await refused(office, case, "revoke", evidence_hashes=both))["code"] == "nothing_new"


@pytest.mark.parametrize("kind", ["operator", "provider"])
async def test_operators_and_providers_are_subjects_too(office: Office, kind: str) -> None:  # noqa: F811
    site = site_recorded()
    await office.hear(site)
    about: dict[str, Any] = {"kind": "operator", "domain": site.domains[0]}
    effect, dates = "bar", {"until": ahead(office, days=300)}
    appellant: Any = "applicant"
    if kind == "provider":
        about, effect, dates = {"kind": "provider", "provider_id": PROVIDER}, "penalty", {}
        appellant = ("host", {"organisation": PROVIDER, "roles": ["access_provider"]})
    changes: dict[str, Any] = {"about": about, "service_item": None}
    drafted = await office.draft(await office.case(site, who="regulator-a", **changes), effect, "regulator-a", **dates)
    await office.cured(drafted)
    appeal = await office.appeal(await office.release(drafted, who="regulator-b"), appellant)
    await office.post(f"/appeals/{appeal['id']}/decision", UPHELD, "review-a")
    case = await office.case(site, who="regulator-a", **changes)
    body = {"effect": effect, "statement": STATEMENT, "evidence_hashes": drafted["evidence_hashes"], **dates}
    await office.file(case["id"], b"The order book.", "regulator-a")
    assert await office.refused(f"/cases/{case['id']}/decisions", body, "regulator-a") == (409, "nothing_new")
