"""Ways to take an appeal from somebody: its slot, its time, its review body, or what it should bring down."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.contracts import examples
from shared.contracts.directory import Organisation
from shared.contracts.enforcement import DecisionSuspendedV1
from shared.contracts.notices import RegistryNoticeDeliveredV1, RegistryNoticeIssuedV1
from shared.runtime.acts import notices
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import EASED, STATEMENT, Office, clock, office  # noqa: F401 - fixtures
from tests.support.people import OPERATOR_USCC
from tests.support.service import Who

UPHELD = {"outcome": "upheld", **EASED}
REJECTED = {"outcome": "rejected", **EASED}
CONSENT = "Agreed on the telephone, the officer says."
REVIEWS: dict[str, Any] = {"organisation": "review-110000", "roles": ["review_body"]}
ANOTHER: Who = ("review-b", REVIEWS)
THIRD: Who = ("review-c", REVIEWS)


async def decide(office: Office, appeal: dict[str, Any], body: dict[str, Any], who: Who = ANOTHER) -> Any:  # noqa: F811
    return await office.api.post(f"/appeals/{appeal['id']}/decision", json=body, who=who)


async def test_an_appeal_that_the_review_body_entered_and_rejected_leaves_the_operator_its_own(
    office: Office,  # noqa: F811
) -> None:
    released = await office.released()
    entered = await office.appeal(released, "review-a", consent=CONSENT)
    assert (await decide(office, entered, REJECTED)).status_code == 200
    own = await office.appeal(released)
    assert (own["on_behalf"], own["status"]) == (False, "open")
    act = {"act": own["act"], "grounds": "And a third time, with the same."}
    assert await office.refused("/appeals", act, "applicant") == (409, "appeal_pending")
    assert await office.refused("/appeals", act | {"consent": CONSENT}, "review-a") == (409, "appeal_pending")
    for had_it in ("review-a", ANOTHER):  # who entered the first, and who rejected it
        assert (await decide(office, own, UPHELD, had_it)).json()["code"] == "took_part"
    assert (await decide(office, own, UPHELD, THIRD)).status_code == 200


async def test_whoever_entered_what_an_operator_made_its_own_does_not_decide_it_either(
    office: Office,  # noqa: F811
) -> None:
    released = await office.released()
    await office.appeal(released, "review-a", consent=CONSENT)
    own = await office.appeal(released)
    assert (await decide(office, own, REJECTED, "review-a")).json()["code"] == "took_part"
    assert (await decide(office, own, REJECTED)).status_code == 200


async def test_an_operator_makes_what_was_entered_for_it_its_own_and_the_clock_runs_on(
    office: Office,  # noqa: F811
) -> None:
    released = await office.released()
    entered = await office.appeal(released, "review-a", consent=CONSENT, grounds="Nothing much, says the officer.")
    own = await office.appeal(released, asks_for_stay=True)
    assert (own["id"], own["on_behalf"], own["stay"]) == (entered["id"], False, "asked")
    assert (own["grounds"], own["clock"]) == ("The consent of the authority covers these medicines.", entered["clock"])


async def test_whoever_entered_an_appeal_for_somebody_does_not_decide_it(office: Office) -> None:  # noqa: F811
    entered = await office.appeal(await office.released(), "review-a", consent=CONSENT)
    refused = await decide(office, entered, REJECTED, "review-a")
    assert (refused.status_code, refused.json()["code"]) == (409, "second_person_required")
    stay = {"granted": False, **EASED}
    assert (await office.refused(f"/appeals/{entered['id']}/stay", stay, "review-a"))[1] == "second_person_required"


def refusal(act: dict[str, Any], issued_at: Any) -> RegistryNoticeIssuedV1:
    return RegistryNoticeIssuedV1.model_validate({
        **RegistryNoticeIssuedV1.EXAMPLE, "act": act, "act_id": act["id"], "notice_id": uuid7(),
        "to": {"identity": OPERATOR_USCC, "name": "Example"}, "issued_at": issued_at,
        "grounds": {**examples.GROUNDS, "decision_id": None, "case_id": None},
    })  # fmt: skip


def delivery(told: RegistryNoticeIssuedV1, at: Any) -> RegistryNoticeDeliveredV1:
    return RegistryNoticeDeliveredV1.model_validate({
        **RegistryNoticeDeliveredV1.EXAMPLE, "act": told.act, "act_id": told.act_id, "notice_id": told.notice_id,
        "delivered_at": at,
    })  # fmt: skip


async def test_what_is_refused_again_after_a_won_appeal_can_be_challenged_again_and_in_its_own_time(
    office: Office,  # noqa: F811
) -> None:
    act = {"service": "registry", "kind": "refusal", "id": str(uuid7())}
    body = {"act": act, "grounds": "The domain certificate was complete."}
    for who in (ANOTHER, THIRD):
        told = refusal(act, office.clock.now())
        await office.hear(told)
        await office.hear(delivery(told, office.clock.now()))
        office.clock.advance(timedelta(days=1))
        filed = await office.post("/appeals", body, "applicant", 201)
        assert await office.refused("/appeals", body, "applicant") == (409, "appeal_pending")
        assert (await decide(office, filed, UPHELD, who)).status_code == 200
        office.clock.advance(timedelta(days=100))
    await office.hear(refusal(act, office.clock.now()))
    office.clock.advance(timedelta(days=70))
    await office.post("/appeals", body, "applicant", 201)  # nobody delivered the third: its time has not begun


async def test_the_notice_of_an_earlier_refusal_starts_no_time_for_a_later_one(office: Office) -> None:  # noqa: F811
    act = {"service": "registry", "kind": "refusal", "id": str(uuid7())}
    body = {"act": act, "grounds": "The domain certificate was complete."}
    first = refusal(act, office.clock.now())
    await office.hear(first)
    office.clock.advance(timedelta(days=5))
    second = refusal(act, office.clock.now())
    await office.hear(second)
    await office.hear(delivery(first, office.clock.now()))  # opened only now: it says nothing of the second
    office.clock.advance(timedelta(days=100))
    assert (await office.post("/appeals", body, "applicant", 201))["status"] == "open"
    await office.hear(delivery(second, office.clock.now()))
    assert await office.fetchval("SELECT delivered_at FROM foreign_act") == office.clock.now()


async def test_a_late_appeal_does_not_stand_in_the_way_of_one_against_the_next_refusal(
    office: Office,  # noqa: F811
) -> None:
    act = {"service": "registry", "kind": "refusal", "id": str(uuid7())}
    body = {"act": act, "grounds": "The domain certificate was complete."}
    await office.hear(refusal(act, office.clock.now()))
    late = await office.post("/appeals", body, "applicant", 201)
    await office.rings("appeal_decision", late["id"])
    office.clock.advance(timedelta(days=10))
    await office.hear(refusal(act, office.clock.now()))
    again = await office.post("/appeals", body, "applicant", 201)
    assert again["id"] != late["id"]
    assert again["clock"]["overdue"] is False


async def test_a_review_body_that_came_under_one_of_the_parties_does_not_reject(office: Office) -> None:  # noqa: F811
    released = await office.released()
    filed = await office.appeal(released)
    known = {each.organisation_id: each for each in office.api.rt.directory}
    below: Organisation = known["review-110000"].model_copy(update={"parent": "drugs-110000"})
    office.api.rt.directory.load([*known.values(), below])
    stay = {"granted": False, **EASED}
    assert await office.refused(f"/appeals/{filed['id']}/stay", stay, ANOTHER) == (409, "no_independent_body")
    refused = await decide(office, filed, REJECTED)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_independent_body")
    await office.rings("appeal_decision", filed["id"])
    assert [fact.because for fact in await office.told(DecisionSuspendedV1)] == ["appeal_late"]
    assert (await decide(office, filed, UPHELD)).status_code == 200, "it can still ease"


async def ignored_order(office: Office) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: F811
    """A case with an order to correct that was ignored."""
    case = await office.case()
    order = await office.draft(case, "correct", correct_by=(office.clock.now() + timedelta(days=45)).isoformat())
    await office.cured(order)
    return case, await ignored(office, order)


async def ignored(office: Office, order: dict[str, Any]) -> dict[str, Any]:  # noqa: F811
    released = await office.release(order)
    async with office.api.rt.db.transaction() as tx:
        for notice in await notices.about(tx, UUID(released["id"]), "decision_released"):
            await notices.opened(tx, notice, office.clock.now())
    office.clock.advance(timedelta(days=20))
    body = await office.ignored(released)
    return await office.post(f"/decisions/{released['id']}/correction", body, "drugs-b")


async def test_access_is_not_cut_on_an_order_that_fell_after_the_draft(office: Office) -> None:  # noqa: F811
    case, order = await ignored_order(office)
    cut = await office.draft(case, "cut_access")
    await office.cured(cut)
    filed = await office.appeal(order)
    assert (await decide(office, filed, UPHELD)).status_code == 200
    body = await office.signature(cut["id"])
    assert await office.refused(f"/decisions/{cut['id']}/release", body, "drugs-b") == (422, "effect_not_possible")


async def test_what_rested_on_an_order_that_is_overturned_is_suspended(office: Office) -> None:  # noqa: F811
    case, order = await ignored_order(office)
    cut = await office.draft(case, "cut_access")
    await office.cured(cut)
    await office.release(cut)
    filed = await office.appeal(order)
    assert (await decide(office, filed, UPHELD)).status_code == 200
    suspended = await office.told(DecisionSuspendedV1)
    assert [(str(fact.decision_id), fact.because) for fact in suspended] == [(cut["id"], "basis_fell")]
    assert suspended[0].authority.id == "review-110000"


async def test_nobody_else_takes_an_appeal_over(office: Office) -> None:  # noqa: F811
    released = await office.released()
    await office.appeal(released, "review-a", consent=CONSENT)
    body = {"act": {"service": "enforcement", "kind": "decision", "id": released["id"]}, "grounds": "It is mine now."}
    stranger: Who = ("applicant", {"organisation": examples.OPERATOR_REF["identity"][:-1] + "X"})
    for who, expected in ((stranger, 404), ("drugs-a", 422), ("review-a", 422)):
        assert (await office.refused("/appeals", body, who))[0] == expected
