"""A site under review that goes to somebody else: nobody answers for whoever had it before (P3.3.4, ADR 4)."""

from typing import Any

from shared.contracts.registry import ReviewVetoedV1
from tests.integration.registry.conftest import GRANT, Register, a_site, domain, owner, uscc
from tests.integration.registry.test_mergers import Two
from tests.integration.registry.test_reviews import DRUGS, closed, given, ignored, opened, subject_of, suspended

WHY = {"reasons": "The shop was sold with everything that belongs to it."}
SELLER, BUYER = uscc(960_000_001), uscc(960_000_002)


async def sold(register: Register, site: dict[str, Any]) -> None:
    """The seller proposes, the buyer agrees, the regulator grants."""
    there = await register.active(a_site(domain()), BUYER)
    now = await register.get(f"/sites/{site['id']}", owner(SELLER))
    proposed = await register.post(
        f"/sites/{site['id']}/transfer", {"registration_id": there["id"], **WHY}, owner(SELLER), 201,
        headers={"If-Match": f'"{now["version"]}"'},
    )  # fmt: skip
    await register.post(f"/amendments/{proposed['id']}/consent", None, owner(BUYER))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")


async def decided(register: Register) -> tuple[dict[str, Any], Any]:
    """A site that its seller was suspended with, for a time that is over; both hold the consent for it."""
    name = domain()
    for code in (SELLER, BUYER):
        await register.approve(code, DRUGS, name)
    site = await register.live(SELLER, domains=[name], service_items=[DRUGS])
    decision = await suspended(register, site)
    await register.ring("execution_end", (await register.execution(decision))["id"])
    return site, decision


async def test_p3_3_4_what_was_decided_about_the_seller_founds_no_opinion_about_the_buyer(register: Register) -> None:
    site, decision = await decided(register)
    await sold(register, site)
    await opened(register)
    subject = await subject_of(register, site)
    refused = await given(register, subject, decision, status=409)
    assert refused["code"] == "opinion_unfounded"
    assert "before" in refused["detail"]


async def test_p3_3_6_a_veto_of_the_sellers_year_opens_no_case_about_the_buyer(register: Register) -> None:
    site, decision = await decided(register)
    review = await opened(register)
    await given(register, await subject_of(register, site), decision)
    await sold(register, site)
    await closed(register, review)
    result = await subject_of(register, site)
    assert (result["status"], result["case_id"]) == ("vetoed", None)
    assert await register.told(ReviewVetoedV1) == []
    assert await register.notices(result["id"]) == [("review_vetoed", SELLER)], "whose year it was hears of it"
    await register.overturned(decision)
    assert (await subject_of(register, site))["status"] == "cleared"


async def test_p3_3_5_an_order_that_the_seller_ignored_counts_against_no_buyer(register: Register) -> None:
    site = await register.live(SELLER)
    await ignored(register, site)
    await sold(register, site)
    decision = await suspended(register, site)
    await opened(register)
    subject = await subject_of(register, site)
    refused = await given(register, subject, decision, status=409)
    assert refused["code"] == "regularise_first"
    assert "whoever has it now" in refused["detail"]
    await ignored(register, site)
    await given(register, subject, decision)


async def test_p3_3_5_whoever_goes_on_under_another_entry_ignored_what_it_ignored(register: Register) -> None:
    two = await Two.of(register)
    await ignored(register, two.site)
    await two.merged()
    decision = await suspended(register, two.site)
    await opened(register)
    await given(register, await subject_of(register, two.site), decision)
