"""P3.2.1, step by step: an authority finds a breach, files what it saw, works on the case, hears another authority and
the coordination office, and hands over what is another's; on a whole stack.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from concord.sdk import Concord, ConcordError
from shared.contracts.http import casefile, enforcement
from shared.contracts.http.enforcement import WithReasons
from tests.support.office import SAYS, Case, Office, places_of

SITE, OTHER = "p3-2-1.example", "p3-2-1-other.example"
PAGE, SECRET = "处方药 without consent".encode(), b"Who complained"
WHY = WithReasons(reasons="The order book came with the post.")
SOON = datetime.now(UTC) + timedelta(days=7)


@dataclass
class Story:
    """What each step left behind."""

    case: Case
    claimed: enforcement.CaseView
    refused_claim: ConcordError
    piece: enforcement.EvidenceView
    refused_file: ConcordError
    done: casefile.TaskView
    answered: casefile.OpinionView
    settled: casefile.OpinionsView
    drafted: enforcement.DecisionView
    related: casefile.RelatedCases
    transferred: enforcement.CaseView
    received: enforcement.CaseView
    timeline: casefile.Timeline
    own_side: casefile.Timeline
    stranger: ConcordError
    custody: casefile.CustodyView


async def refusal(asked: object) -> ConcordError:
    with pytest.raises(ConcordError) as refused:
        await asked  # type: ignore[misc] # a call that is not awaited yet
    return refused.value


@pytest.fixture(scope="module")
async def story(office: Office) -> Story:
    """It happens once."""
    await office.enter(SITE, OTHER)
    mine, colleague = office.people["drugs-a"].enforcement, office.people["drugs-b"].enforcement
    case, beside = await office.case(SITE), await office.case(OTHER)
    claimed = await mine.claim_case(case.case_id)
    refused_claim = await refusal(colleague.claim_case(case.case_id))
    piece = await mine.add_evidence(case.case_id, PAGE, "text/plain")
    await mine.add_evidence(case.case_id, SECRET, "text/plain", confidential="It names who complained.")
    refused_file = await refusal(mine.add_evidence(case.case_id, b"%PDF-1.7 and more", "image/png"))
    task = await mine.add_task(case.case_id, casefile.NewTask(what="Ask for the order book.", due_at=SOON))
    await colleague.assign_task(task.id)
    done = await colleague.complete_task(task.id, WHY)
    question = casefile.NewOpinion(
        of="culture-110000", question="Does your consent cover these sales?", we_hold="breach", answer_by=SOON
    )
    asked = await mine.ask_opinion(case.case_id, question)
    answer = casefile.Answer(position="no_breach", statement=SAYS)
    answered = await office.people["culture-a"].enforcement.answer_opinion(asked.id, answer)
    async with Concord.connect(person="coordination-a", places=places_of(office.stack), patience_s=60) as coordination:
        settled = await coordination.enforcement.settle_opinions(
            case.case_id, casefile.NewSettlement(position="breach", statement=SAYS)
        )
    new = enforcement.NewDecision(effect="revoke", statement=SAYS, evidence_hashes=(piece.sha256,))
    drafted = await mine.draft(case.case_id, new)
    await mine.link_cases(case.case_id, casefile.NewLink(case_id=beside.case_id, reasons="One warehouse serves both."))
    related = await mine.related_cases(beside.case_id)
    async with office.operator(SITE) as operator, office.operator(OTHER) as other:
        await operator.enforcement.evidence(piece.sha256)
        own_side = await operator.enforcement.timeline(case.case_id, limit=200)
        stranger = await refusal(other.enforcement.timeline(case.case_id))
    body = casefile.NewTransfer(to="industry-110000", statement=SAYS)
    transferred = await mine.transfer_case(case.case_id, body)
    assert transferred.continues_as is not None
    received = await office.people["regulator-a"].enforcement.get_case(transferred.continues_as)
    timeline = await mine.timeline(case.case_id, limit=200)
    custody = await mine.custody(piece.sha256, limit=200)
    return Story(
        case, claimed, refused_claim, piece, refused_file, done, answered, settled, drafted, related, transferred,
        received, timeline, own_side, stranger, custody,
    )  # fmt: skip


async def test_p3_2_1_one_officer_works_on_the_case_and_a_colleague_takes_it_over_with_a_reason(story: Story) -> None:
    assert story.claimed.claimed_by is not None
    assert story.refused_claim.code == "claimed_by_colleague"
    assert (story.done.status, story.done.overdue) == ("done", False)


async def test_p3_2_1_evidence_is_what_it_is_said_to_be(story: Story) -> None:
    assert (story.piece.size, story.piece.media_type) == (len(PAGE), "text/plain")
    assert story.refused_file.code == "evidence_otherwise"


async def test_p3_2_1_two_authorities_that_differ_are_heard_side_by_side_and_advised(story: Story) -> None:
    assert story.answered.conflicts
    assert story.settled.conflict
    assert [each.position for each in story.settled.settlements] == ["breach"]
    assert story.drafted.status == "drafted", "who decides is the authority whose case it is"


async def test_p3_2_1_what_belongs_together_lies_together(story: Story) -> None:
    assert [(each.case.id, each.reasons) for each in story.related.items] == [
        (story.case.case_id, "One warehouse serves both.")
    ]


async def test_p3_2_1_a_case_goes_on_where_it_belongs_with_what_lies_in_it(story: Story) -> None:
    assert (story.transferred.status, story.transferred.outcome) == ("ended", "transferred")
    assert [each.status for each in story.transferred.decisions] == ["withdrawn"]
    assert (story.received.authority.id, story.received.came_from) == ("industry-110000", story.case.case_id)
    assert {each.sha256 for each in story.received.evidence} == {each.sha256 for each in story.transferred.evidence}


async def test_p3_2_1_whom_it_burdens_reads_its_own_side_and_nobody_elses(story: Story) -> None:
    seen = {(each.kind, each.what) for each in story.own_side.items}
    assert ("decisions", "draft") in seen
    assert ("messages", "issued") in seen
    assert "file" not in {each.kind for each in story.own_side.items}
    assert "complained" not in story.own_side.model_dump_json()
    assert story.stranger.code == "unknown_case"
    whole = {(each.kind, each.what) for each in story.timeline.items}
    assert whole >= {("file", "claim"), ("file", "transfer"), ("file", "settle_opinions"), ("decisions", "withdraw")}


async def test_p3_2_1_who_had_a_piece_in_hand_is_known(story: Story) -> None:
    assert {each.what for each in story.custody.items} >= {"filed", "cited", "read"}
