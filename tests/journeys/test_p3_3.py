"""P3.3, step by step: the annual review of a province, on a whole stack. A veto is a finding and no measure (ADR 10).

The story happens once, in the fixture; each numbered step has a test of its own that asks what it left behind. The
dates of a review are the profile's, and a stack goes by real time: the fixture moves the dates of its one review by
SQL, and nothing else of it.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from concord.sdk import Concord, ConcordError, until
from shared.contracts.http import enforcement, registry, reviews
from shared.contracts.http.registrar import TaskView
from shared.contracts.orders import Action
from tests.journeys.test_p3_1 import LAST_DAY, TODAY, application, consent, entered, site, submitted
from tests.support.office import ITEM, PATIENCE_S, SAYS, Case, Office

CLEARED, CLOSED, BARE, FINE = (f"p3-3-{name}.example" for name in ("cleared", "closed", "bare", "fine"))
DONE = registry.WithReasons(reasons="Everything that we know was said.")
OPEN_TODAY = """
UPDATE review SET opens_at = now(), opinions_until = now() + interval '1 hour', closes_at = now() + interval '2 hours'
 WHERE id = $1
"""
RING_TODAY = "UPDATE deadline SET due_at = now() WHERE kind = 'review_opens' AND aggregate_id = $1"
WINDOWS_END = "UPDATE review_authority SET until = now() WHERE review_id = $1 AND done_at IS NULL"


@dataclass
class Story:
    """What each step left behind."""

    opened: reviews.ReviewView
    unfounded: ConcordError
    unregularised: ConcordError
    passed: reviews.SubjectView
    vetoed: reviews.SubjectView
    closed: reviews.ReviewView
    seen_by_others: reviews.ReviewView
    stranger: ConcordError
    site_after_veto: registry.SiteView
    case: enforcement.CaseView
    cleared: reviews.SubjectView
    case_after: enforcement.CaseView
    other_case: enforcement.CaseView
    appealed: enforcement.AppealView
    revoked: registry.SiteView
    told: TaskView


async def consented(office: Office, domain: str) -> None:
    """The drug administration consents to what a site offers."""
    async with office.operator(domain) as operator:
        applied = await operator.approval.apply(application(domain, domain))
    await office.people["drugs-a"].approval.grant(applied.id, consent())


async def registered(office: Office, domain: str, kind: registry.RegistrationKind, item: str, ip: str) -> None:
    """A site of an operator of its own, granted."""
    async with office.operator(domain) as operator:
        new = registry.NewRegistration(
            operator_id=await entered(operator, domain), kind=kind, site=site(office, domain, item, ip)
        )
        asked = await submitted(operator, new)
    valid = {"valid_from": TODAY, "valid_until": LAST_DAY} if kind is registry.RegistrationKind.LICENCE else {}
    await office.people["regulator-a"].registry.grant(asked.id, registry.Granting(statement=SAYS, **valid))


async def suspended(office: Office, domain: str) -> Case:
    """A suspension that an authority decided and two people of the regulator carried out."""
    case = await office.draft(domain, "suspend_access", until=datetime.now(UTC) + timedelta(days=20))
    await office.tell(case)
    await office.execute(await office.release(case))
    await office.executed(case, Action.SUSPEND)
    return case


async def opened(office: Office, db: asyncpg.Connection) -> reviews.ReviewView:
    """The review of the next year, open today."""
    regulator = office.people["regulator-a"].reviews
    announced = await regulator.announce(reviews.NewReview(year=TODAY.year + 1))
    await db.execute(OPEN_TODAY, announced.id)
    await db.execute(RING_TODAY, announced.id)
    return await until(lambda: regulator.get(announced.id), lambda found: found.status == "open", timeout_s=PATIENCE_S)


async def subject_of(office: Office, case_or_site: Case | registry.SiteView) -> reviews.SubjectView:
    site_id = case_or_site.site_id if isinstance(case_or_site, Case) else case_or_site.id
    assert site_id is not None
    (found,) = [each async for each in office.people["auditor"].reviews.subjects(site_id=site_id)]
    return found


def failing(case: Case, opinion: str = "close_site") -> reviews.NewOpinion:
    return reviews.NewOpinion.model_validate({
        "opinion": opinion, "decision_id": case.decision_id, "statement": SAYS,
        "service_item": ITEM if opinion == "cancel_service" else None,
    })  # fmt: skip


async def result_of(office: Office, case: Case, status: str) -> reviews.SubjectView:
    return await until(lambda: subject_of(office, case), lambda found: found.status == status, timeout_s=PATIENCE_S)


async def refusal(opinion: object) -> ConcordError:
    with pytest.raises(ConcordError) as refused:
        await opinion  # type: ignore[misc]
    return refused.value


async def case_of(desk: Concord, case_id: UUID | None, status: str) -> enforcement.CaseView:
    assert case_id is not None
    return await until(
        lambda: desk.enforcement.get_case(case_id), lambda found: found.status == status, timeout_s=PATIENCE_S
    )


async def appeal(office: Office, domain: str, result: reviews.SubjectView) -> enforcement.AppealView:
    """Against a result, as soon as enforcement has heard of its notice."""
    assert result.challenge is not None
    new = enforcement.NewAppeal(act=result.challenge, grounds="It was put right, as the annex shows.")
    async with office.operator(domain) as operator:
        return await until(lambda: operator.enforcement.appeal(new), lambda _: True, timeout_s=PATIENCE_S)


@pytest.fixture(scope="package")
async def story(office: Office) -> AsyncIterator[Story]:
    for domain in (CLEARED, CLOSED):
        await consented(office, domain)
    await office.enter(BARE, FINE)
    await registered(office, CLEARED, registry.RegistrationKind.FILING, ITEM, "100.127.33.1")
    await registered(office, CLOSED, registry.RegistrationKind.LICENCE, "general", "100.127.33.2")
    cleared, closed, bare = await asyncio.gather(*(suspended(office, each) for each in (CLEARED, CLOSED, BARE)))
    drugs, culture, regulator = (office.people[name] for name in ("drugs-a", "culture-a", "regulator-a"))
    db = await asyncpg.connect(office.stack.dsn("registry"))
    try:
        review = await opened(office, db)
        subjects = {case.domain: await subject_of(office, case) for case in (cleared, closed, bare)}
        fine = await subject_of(office, await office.site(FINE))
        unfounded = await refusal(drugs.reviews.give_opinion(subjects[CLEARED].id, failing(bare)))
        unregularised = await refusal(drugs.reviews.give_opinion(subjects[BARE].id, failing(bare)))
        await drugs.reviews.give_opinion(subjects[CLEARED].id, failing(cleared, "cancel_service"))
        await drugs.reviews.give_opinion(subjects[CLOSED].id, failing(closed))
        passing = reviews.NewOpinion(opinion=reviews.Opinion.PASS, statement=SAYS)
        await culture.reviews.give_opinion(fine.id, passing)
        for desk in (drugs, culture):
            await desk.reviews.finish(review.id, DONE)
        await db.execute(WINDOWS_END, review.id)
        stranger = await refusal(office.people["shanghai-drugs-a"].reviews.get(review.id))
        shut = await regulator.reviews.close(review.id, DONE)
        passed = await subject_of(office, await office.site(FINE))
        vetoed, other = await result_of(office, cleared, "vetoed"), await result_of(office, closed, "vetoed")
        site_after_veto = await office.site(CLOSED)
        case = await case_of(drugs, vetoed.case_id, "open")
        seen_by_others = await culture.reviews.get(review.id)

        await office.uphold(cleared)
        fell = await result_of(office, cleared, "cleared")
        case_after = await case_of(drugs, vetoed.case_id, "ended")

        other_case = await case_of(drugs, other.case_id, "open")
        appealed = await appeal(office, CLOSED, other)
        measure = await office.draft(Case(CLOSED, other_case.id, closed.site_id))
        await office.tell(measure)
        await office.execute(await office.release(measure))
        await office.executed(measure, Action.CUT_OFF)
        revoked = await office.site(CLOSED)
        registrar = office.people["registrar-a"].registry
        tasks = [each async for each in registrar.registrar_tasks(registration_id=revoked.registration_id)]
        yield Story(
            opened=review, unfounded=unfounded, unregularised=unregularised, passed=passed, vetoed=vetoed,
            closed=shut, seen_by_others=seen_by_others, stranger=stranger, site_after_veto=site_after_veto, case=case,
            cleared=fell, case_after=case_after, other_case=other_case, appealed=appealed, revoked=revoked,
            told=tasks[0],
        )  # fmt: skip
    finally:
        await db.close()


async def test_p3_3_1_the_regulator_reviews_providers_and_sites(story: Story) -> None:
    assert story.opened.status == "open"
    assert set(story.opened.subjects) >= {"site", "access_provider"}
    assert story.opened.subjects["site"]["under_review"] >= 4


async def test_p3_3_2_one_failing_opinion_vetoes_and_silence_is_no_opinion(story: Story) -> None:
    assert (story.vetoed.status, [each.authority.id for each in story.vetoed.opinions]) == ("vetoed", ["drugs-110000"])
    late = {each.authority.id for each in story.closed.authorities if each.late}
    assert late >= {"education-110000"}
    assert not late & {"drugs-110000", "culture-110000"}
    assert story.passed.status == "passed", "whoever was late failed nobody"


async def test_p3_3_3_an_opinion_is_pass_cancel_service_or_close_site(story: Story) -> None:
    assert [each.opinion for each in story.passed.opinions] == ["pass"]
    assert (story.vetoed.outcome, story.vetoed.opinions[0].service_item) == ("cancel_service", ITEM)


async def test_p3_3_4_a_failing_opinion_rests_on_a_decision_that_was_carried_out(story: Story) -> None:
    assert story.unfounded.code == "opinion_unfounded"
    assert story.vetoed.grounds is not None
    assert story.vetoed.grounds.decision_id == story.vetoed.opinions[0].decision_id


async def test_p3_3_5_without_a_consent_only_after_an_ignored_order(story: Story) -> None:
    assert story.unregularised.code == "regularise_first"


async def test_p3_3_6_a_veto_opens_a_case_by_itself_and_falls_with_what_it_rests_on(story: Story) -> None:
    assert story.site_after_veto.status == "stopped", "by the suspension: a veto takes nothing away"
    assert (story.case.status, story.case.id) == ("open", story.vetoed.case_id)
    assert story.case.decisions == [], "nothing was decided by the veto"
    assert (story.cleared.status, story.cleared.opinions[0].status) == ("cleared", "fallen")
    assert (story.case_after.status, story.case_after.outcome) == ("ended", "discontinued")
    assert story.revoked.status == "revoked", "the other one, by a decision in its case that two people carried out"
    assert story.other_case.id != story.case.id
    assert story.appealed.act.kind == "review_result", "the finding has an appeal of its own"
    assert story.appealed.body.id == "review-110000"


async def test_p3_3_7_the_company_registrar_is_told_what_became_of_the_licence(story: Story) -> None:
    assert (story.told.kind, story.told.status) == ("revoked", "open")
    assert story.told.registration_id == story.revoked.registration_id


async def test_p3_3_8_every_authority_of_the_level_reads_the_results_and_nobody_elses(story: Story) -> None:
    assert story.seen_by_others.status == "closed"
    assert story.seen_by_others.subjects["site"]["vetoed"] == 2
    assert story.stranger.status == 403
