"""Nobody decides an appeal who had a hand in what it is against: no organisation, and no person (ADR 4, ADR 13)."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.directory import Organisation
from shared.contracts.notices import RegistryNoticeIssuedV1
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionDeclinedV1, ExecutionReceivedV1
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import EASED, STATED, Office, site_recorded
from tests.integration.enforcement.test_claims import ahead
from tests.integration.enforcement.test_opinions import HOLDS, asked
from tests.integration.enforcement.test_transfers import transferred
from tests.support.people import OPERATOR_USCC

UPHELD = {"outcome": "upheld", **EASED}
REJECTED = {"outcome": "rejected", **EASED}
WHY = {"reasons": "Whoever has time for it decides."}
BODY = {"organisation": "review-110000", "roles": ["review_body"]}
SHANGHAI_B: Any = ("shanghai-drugs-b", {"organisation": "drugs-310000", "roles": ["sector_regulator"]})
BODY_B: Any = ("review-b", BODY)


async def keeps_out(office: Office, appeal: dict[str, Any], person: str, account: str | None = None) -> None:
    """That nobody gives it to this person, who by now acts for the body, and that they neither take nor give it."""
    path, who = f"/appeals/{appeal['id']}", (account or person, BODY)
    assert await office.refused(f"{path}/assignment", {"person": person, **WHY}, BODY_B) == (409, "took_part")
    assert await office.refused(f"{path}/assignment", WHY, who) == (409, "took_part")
    assert await office.refused(f"{path}/assignment", {"person": "review-b", **WHY}, who) == (409, "took_part")
    for body in (UPHELD, REJECTED):
        assert await office.refused(f"{path}/decision", body, who) == (409, "took_part")
    assert await office.refused(f"{path}/stay", {"granted": False, **EASED}, who) == (409, "took_part")
    assert (await office.get(path, BODY_B))["assigned_to"] is None


def refusal(office: Office, act: dict[str, Any], **changes: Any) -> RegistryNoticeIssuedV1:
    """What the registry says of a refusal."""
    return RegistryNoticeIssuedV1.model_validate({
        **RegistryNoticeIssuedV1.EXAMPLE, "act": act, "act_id": act["id"], "notice_id": uuid7(),
        "to": {"identity": OPERATOR_USCC, "name": "Example"}, "issued_at": office.clock.now(),
        "grounds": {**RegistryNoticeIssuedV1.EXAMPLE["grounds"], "case_id": None, "decision_id": None}, **changes,
    })  # fmt: skip


def an_act() -> dict[str, Any]:
    return {"service": "registry", "kind": "refusal", "id": str(uuid7())}


async def against(office: Office, act: dict[str, Any]) -> dict[str, Any]:
    body = {"act": act, "grounds": "Everything that was missing had been handed in."}
    return await office.post("/appeals", body, "applicant", 201)


async def test_nobody_reviews_what_they_signed_at_another_department_however_they_are_spelt(office: Office) -> None:
    act = an_act()
    await office.hear(refusal(office, act, took_part=["Ｏfficer A", "officer-b"]))
    filed = await against(office, act)
    await keeps_out(office, filed, "OFFICER a", "officera")
    await keeps_out(office, filed, "officer-b")
    assert (await office.post(f"/appeals/{filed['id']}/decision", UPHELD, BODY_B))["status"] == "upheld"


async def test_a_fact_of_an_earlier_program_names_nobody_and_is_taken_all_the_same(office: Office) -> None:
    act = an_act()
    old = refusal(office, act).model_dump(mode="json", exclude={"took_part"})
    await office.hear(RegistryNoticeIssuedV1.model_validate(old))
    assert await office.fetchval("SELECT took_part IS NULL FROM foreign_act WHERE act_id = $1::text::uuid", act["id"])
    filed = await against(office, act)
    await office.case()  # so that somebody has acted here for the authority whose act it is
    await keeps_out(office, filed, "drugs-a")
    decided = await office.post(f"/appeals/{filed['id']}/decision", UPHELD, ("officer-a", BODY))
    assert decided["status"] == "upheld", "what nobody said cannot be known"


async def test_whoever_had_a_hand_in_it_the_first_time_has_it_when_it_is_done_again(office: Office) -> None:
    act = an_act()
    await office.hear(refusal(office, act, took_part=["officer-a"]))
    office.clock.advance(timedelta(days=1))
    await office.hear(refusal(office, act, took_part=["officer-c"]))
    office.clock.advance(timedelta(days=1))
    await office.hear(refusal(office, act, took_part=None))
    filed = await against(office, act)
    for who in ("officer-a", "officer-c"):
        await keeps_out(office, filed, who)


@pytest.mark.parametrize("fact", [ExecutionReceivedV1, ExecutionDeclinedV1, ExecutionCarriedOutV1])
async def test_nobody_reviews_what_they_carried_out_or_declined_to(office: Office, fact: Any) -> None:
    released = await office.released()
    await office.hear(office.says(ExecutionReceivedV1, released, took_part=[]))
    await office.hear(office.says(fact, released, took_part=["Officer-X"]))
    await office.hear(office.says(ExecutionReceivedV1, released, took_part=["officer-y"]))  # in whatever order it came
    filed = await office.appeal(released)
    for who in ("officer-x", "officer-y"):
        await keeps_out(office, filed, who)


async def test_nobody_reviews_an_appeal_in_which_they_acted_for_a_side(office: Office) -> None:
    filed = await office.appeal(await office.released())
    answer = await office.api.post(
        f"/appeals/{filed['id']}/papers?title=Consent", content=b"The consent.", who="applicant",
        headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    assert answer.status_code == 201
    await keeps_out(office, filed, "applicant")


async def test_nobody_reviews_whose_proof_it_was_that_it_was_told(office: Office) -> None:
    filed = await office.appeal(released := await office.released())
    found = "SELECT id FROM notice WHERE about_id = $1::text::uuid AND kind = 'decision_released'"
    notice = await office.fetchval(found, released["id"])
    await office.fetchval(
        """INSERT INTO postal_proof (notice_id, address, tracking, delivered_on, entered_by, entered_for, entered_at)
           VALUES ($1, 'Street 1', 'RR1', '2026-11-26', 'clerk-a', '{}', now())""",
        notice,
    )
    await keeps_out(office, filed, "clerk-a")


async def test_nobody_reviews_who_answered_for_an_authority_that_was_asked(office: Office) -> None:
    case = await office.case()
    opinion = await asked(office, case)
    drafted = await office.draft(case)
    await office.cured(drafted)
    released = await office.release(drafted)
    await office.post(f"/opinions/{opinion['id']}/answer", HOLDS, "culture-a")
    await keeps_out(office, await office.appeal(released), "culture-a")


async def test_nobody_reviews_who_has_the_case_since_or_worked_on_it_before(office: Office) -> None:
    """Between provinces, and between authorities of one."""
    site = site_recorded()
    case = await office.case(site)
    await office.post(f"/cases/{case['id']}/claim", {}, "drugs-c")
    order = await office.release(await office.draft(case, "correct", correct_by=ahead(office, days=9)))
    moved = {**site.registration.model_dump(mode="json"), "region": "310000"}
    await office.hear(site.model_copy(update={
        "version": site.version + 1, "registration": type(site.registration).model_validate(moved),
    }))  # fmt: skip
    new = {"id": (await transferred(office, case, to="drugs-310000"))["continues_as"]}
    await office.post(f"/cases/{new['id']}/claim", {}, "shanghai-drugs-a")
    first = await office.appeal(order)
    assert first["body"]["id"] == "review-110000", "of the place of whoever decided"
    for who in ("drugs-c", "shanghai-drugs-a"):
        await keeps_out(office, first, who)
    drafted = await office.draft(new, who="shanghai-drugs-a")
    await office.cured(drafted)
    second = await office.appeal(await office.release(drafted, SHANGHAI_B))
    body = {"organisation": second["body"]["id"], "roles": ["review_body"], "region": "310000"}
    path = f"/appeals/{second['id']}/decision"
    for who in ("drugs-a", "drugs-c", "shanghai-drugs-a"):
        assert (await office.refused(path, UPHELD, (who, body)))[0] == 409, who
    assert (await office.post(path, UPHELD, ("review-s", body)))["status"] == "upheld"


async def test_nobody_reviews_who_had_the_case_two_transfers_ago(office: Office) -> None:
    first = {"id": (await transferred(office, await office.case()))["continues_as"]}
    await office.case(site_recorded(), "regulator-b", service_item=None)
    second = {
        "id": (await transferred(office, first, "regulator-a", to="culture-110000", service_item="culture"))[
            "continues_as"
        ]
    }
    drafted = await office.draft(second, who="culture-a")
    await office.cured(drafted)
    await keeps_out(office, await office.appeal(await office.release(drafted, "culture-b")), "drugs-a")


async def test_nobody_reviews_again_who_had_an_earlier_appeal_against_the_same_act(office: Office) -> None:
    released = await office.released()
    first = await office.appeal(released)
    await office.post(f"/appeals/{first['id']}/assignment", {"person": "review-c", **WHY}, BODY_B)
    await office.post(f"/appeals/{first['id']}/withdrawal", {"reasons": "We wait for another paper."}, "applicant")
    await keeps_out(office, await office.appeal(released), "review-c")


def another_organisation(office: Office, organisation_id: str, **changes: Any) -> None:
    """The directory says something else of one."""
    directory = office.api.rt.directory
    every = {each.organisation_id: each for each in directory}
    given = {**every[organisation_id].model_dump(mode="json"), **changes}
    directory.load({**every, organisation_id: Organisation.model_validate(given)}.values())


async def test_a_body_below_whoever_had_the_case_or_got_it_decides_nothing_against_whoever_appeals(
    office: Office,
) -> None:
    case = await office.case()
    order = await office.release(await office.draft(case, "correct", correct_by=ahead(office, days=9)))
    filed = await office.appeal(order)
    path = f"/appeals/{filed['id']}"
    new = {"id": (await transferred(office, case, to="culture-110000", service_item="culture"))["continues_as"]}
    another_organisation(office, "review-110000", parent="culture-110000")
    assert await office.refused(f"{path}/decision", REJECTED, BODY_B) == (409, "no_independent_body")
    assert (await office.refused(f"{path}/stay", {"granted": False, **STATED}, BODY_B))[1] == "no_independent_body"
    another_organisation(office, "review-110000", parent="drugs-110000")
    drafted = await office.draft(new, who="culture-a")
    assert drafted["grounds"]["redress"]["body"]["id"] == "review", "whoever had it before is no judge of it"
    await office.cured(drafted)
    released = await office.release(drafted, "culture-b")
    assert (await office.appeal(released))["body"]["id"] == "review"
    another_organisation(office, "review-110000", parent=None)
    assert (await office.post(f"{path}/decision", REJECTED, BODY_B))["status"] == "rejected"


async def test_a_body_that_answered_in_the_case_does_not_review_it(office: Office) -> None:
    case = await office.case()
    opinion = await asked(office, case)
    drafted = await office.draft(case)
    assert drafted["grounds"]["redress"]["body"]["id"] == "review-110000"
    await office.post(f"/opinions/{opinion['id']}/answer", HOLDS, "culture-a")
    await office.cured(drafted)
    released = await office.release(drafted)
    another_organisation(office, "review-110000", parent="culture-110000")
    assert (await office.appeal(released))["body"]["id"] != "review-110000"
