"""P3.2, steps 2, 3 and 5, and safeguard 6, on a whole stack: requests, ignored orders, referrals, appeals.

A stack goes by real time: what waits for days is moved by SQL, the date of one order and of one referral, and nothing
else.
"""

from datetime import timedelta

import asyncpg
import pytest

from concord.sdk import Concord, ConcordError, until
from local_stack.people import Identity
from shared.contracts.grounds import Names
from shared.contracts.http import appeals, coordination, enforcement, referrals, requests
from shared.contracts.http.registry import WithReasons
from shared.contracts.orders import Action
from shared.documents import signed
from shared.signing import KeyRing
from tests.support.office import ITEM, PATIENCE_S, REASONS, SAYS, STATED, Case, Office, places_of

WHY = WithReasons(reasons="We looked at every piece of the list.")
POLICE = "security-110000"
DATE_HAS_COME = """
WITH moved AS (UPDATE decision SET correct_by = now() - interval '1 second' WHERE id = $1 RETURNING id)
UPDATE deadline SET due_at = now() FROM moved WHERE kind = 'correct_by' AND aggregate_id = moved.id
"""
TELL_NOW = "UPDATE deadline SET due_at = now() WHERE kind = 'referral_told' AND aggregate_id = $1"


async def moved(office: Office, sql: str, about: object) -> None:
    """Time passes for one row of enforcement."""
    connection = await asyncpg.connect(office.stack.dsn("enforcement"))
    try:
        await connection.execute(sql, about)
    finally:
        await connection.close()


async def opened(office: Office, case: Case, kind: str) -> None:
    """The operator opens what it was told of one kind."""
    async with office.operator(case.domain) as operator:

        async def told() -> list[object]:
            found = [each async for each in operator.enforcement.notices() if each.kind == kind]
            return [(await operator.enforcement.open_notice(each.id)).id for each in found]

        await until(told, bool, timeout_s=PATIENCE_S)


async def ignored(office: Office, domain: str) -> Case:
    """An order to correct that its operator read, whose date has come, and that a second officer found ignored."""
    await office.enter(domain)
    case = await office.case(domain)
    shown = await office.people["drugs-a"].enforcement.get_case(case.case_id)
    by = shown.opened_at.replace(year=shown.opened_at.year + 1)
    case = await office.release(await office.draft(case, "correct", correct_by=by))
    await opened(office, case, "decision_released")
    await moved(office, DATE_HAS_COME, case.decision_id)
    desk = office.people["drugs-b"].enforcement
    without = enforcement.Correction(obeyed=False, statement=SAYS)
    with pytest.raises(ConcordError, match="nothing_since"):
        await desk.confirm_correction(case.decision_id, without)
    seen = await office.people["drugs-a"].enforcement.add_evidence(case.case_id, b"Still there.", "text/plain")
    body = enforcement.Correction(obeyed=False, statement=SAYS, evidence_hashes=(seen.sha256,))
    case.decision = await desk.confirm_correction(case.decision_id, body)
    return case


async def test_p3_2_2_an_ignored_order_leads_to_a_cut_by_decision_and_a_request_burdens_nobody(office: Office) -> None:
    case = await ignored(office, "p3-2-2-ignored.example")
    assert case.decision is not None
    asked = await office.people["drugs-a"].enforcement.ask_regulator(case.case_id, requests.Ask(
        asks="cut_access", decision_id=case.decision_id, statement=SAYS,
        documents=tuple(case.decision.ignored_evidence),
    ))  # fmt: skip
    regulator = office.people["regulator-a"].enforcement
    accepted = await regulator.accept_request(asked.id, STATED)
    theirs = await regulator.get_case(str(accepted.leads_to))
    assert (theirs.authority.id, theirs.decisions) == ("industry-110000", [])
    assert [each.sha256 for each in theirs.evidence] == case.decision.ignored_evidence
    await office.visit(case.domain, 200)
    cut = await office.draft(case, "cut_access")
    await office.tell(cut)
    await office.execute(await office.release(cut))
    await office.executed(cut, Action.CUT_OFF)
    await office.visit(case.domain, 451)


async def test_p3_2_3_the_regulator_is_asked_for_what_waits_on_its_desk_and_may_decline(office: Office) -> None:
    await office.enter("p3-2-3-asked.example")
    case = await office.decide("p3-2-3-asked.example")
    assert case.decision is not None
    desk, regulator = office.people["drugs-a"].enforcement, office.people["regulator-a"].enforcement
    ask = requests.Ask(
        asks="revoke", decision_id=case.decision_id, statement=SAYS, documents=tuple(case.decision.evidence_hashes)
    )
    declined = await regulator.decline_request((await desk.ask_regulator(case.case_id, ask)).id, STATED)
    assert declined.answer is not None
    assert declined.answer.reasons == REASONS
    again = await desk.ask_regulator(case.case_id, ask)
    accepted = await regulator.accept_request(again.id, STATED)
    assert accepted.leads_to is None, "the execution lies there"
    await office.visit(case.domain, 200)
    await office.execute(case)
    await office.visit(case.domain, 451)


async def police_are_entered(office: Office) -> None:
    """Two people of the coordination office enter the authority to which suspected crimes are referred."""
    places = places_of(office.stack)
    async with (
        Concord.connect(person="coordination-national-a", places=places, patience_s=60) as first,
        Concord.connect(person="coordination-national-b", places=places, patience_s=60) as second,
    ):
        proposed = await first.coordination.enter(coordination.NewOrganisation(
            id=POLICE, level="province", region="110000", kinds=("security_authority",), short_name="京公安",
            names=Names(zh="北京市公安局", en="Beijing Public Security Bureau"), why="P3.2.5 names it as the receiver.",
        ))  # fmt: skip
        await second.coordination.confirm(proposed.id)
    office.stack.clients.put(Identity("police", "only for tests", "Police", POLICE, ("security_authority",)))


async def referred(office: Office, domain: str, **changes: object) -> tuple[Case, referrals.ReferralView]:
    """A referral of one piece, signed by two people."""
    await office.enter(domain)
    site, desk = await office.site(domain), office.people["drugs-a"].enforcement
    new = enforcement.NewCase(
        about=enforcement.AboutSite(domain=domain), service_item=ITEM, ground="unlawful_medicines",
        alleged_breach=REASONS, legal_basis=("P3.2.1",),
    )  # fmt: skip
    case = Case(domain, (await until(lambda: desk.open_case(new), lambda _: True, timeout_s=PATIENCE_S)).id, site.id)
    piece = await desk.add_evidence(case.case_id, f"Bought on {domain}".encode(), "text/plain")
    body = referrals.Refer.model_validate(
        {"receiver": POLICE, "statement": SAYS, "evidence_hashes": (piece.sha256,), **changes}
    )

    async def refer() -> referrals.ReferralView | None:
        try:
            return await desk.refer(case.case_id, body)
        except ConcordError as error:
            if error.code != "not_to_be_referred":  # it is, until enforcement has heard of the receiver
                raise
            return None

    drafted = await until(refer, bool, timeout_s=PATIENCE_S)
    assert drafted is not None
    with pytest.raises(ConcordError, match="second_person_required"):
        await desk.sign_referral(drafted.id, WHY)
    return case, await office.people["drugs-b"].enforcement.sign_referral(drafted.id, WHY)


async def test_p3_2_5_a_suspected_crime_is_referred_as_a_signed_list_and_its_operator_is_told(office: Office) -> None:
    await police_are_entered(office)
    case, sent = await referred(office, "p3-2-5-referred.example")
    await opened(office, case, "referred")
    places = places_of(office.stack)
    async with Concord.connect(client=("police", "only for tests"), places=places, patience_s=60) as police:
        shown = await police.enforcement.referral_document(sent.id)
        answer = await office.web.get(f"{places.services['enforcement']}/.well-known/jwks.json")
        assert signed.read(shown.jws, KeyRing(answer.json())).document.issuer.id == "drugs-110000"
        with pytest.raises(ConcordError, match="role_missing"):
            await police.enforcement.evidence(sent.evidence[0])
        await police.enforcement.receive_referral(sent.id)
        await police.enforcement.answer_referral(sent.id, referrals.Answer(outcome="taken_up", statement=SAYS))
    async with office.operator(case.domain) as operator:
        assert (await operator.enforcement.get_referral(sent.id)).outcome == "taken_up"
    delayed, until_when = {"delay_ground": "danger_to_person"}, sent.drafted_at + timedelta(days=20)
    other, kept = await referred(office, "p3-2-5-kept.example", tell_at=until_when, **delayed)
    assert kept.told_at is None
    await moved(office, TELL_NOW, kept.id)
    await opened(office, other, "referred")
    too_long = sent.drafted_at + timedelta(days=31)
    with pytest.raises(ConcordError, match="delay_not_possible"):
        await referred(office, "p3-2-5-too-long.example", tell_at=too_long, **delayed)


async def test_safeguard_6_both_sides_are_heard_by_one_who_took_no_part_and_what_was_won_is_restored(
    office: Office,
) -> None:
    await office.enter("p3-2-heard.example")
    case = await office.execute(await office.decide("p3-2-heard.example"))
    await office.visit(case.domain, 451)
    new = enforcement.NewAppeal(act=case.act, grounds="The approval covers it; see the annex.")
    async with office.operator(case.domain) as operator:
        withdrawn = await operator.enforcement.appeal(new)
        await operator.enforcement.withdraw_appeal(withdrawn.id, WHY)
        filed = await operator.enforcement.appeal(new)
        ours = await operator.enforcement.hand_in(filed.id, b"The approval.", "text/plain", "The annex")
        reviewer, authority = office.people["review-a"].enforcement, office.people["drugs-b"].enforcement
        theirs = await authority.hand_in(filed.id, b"It is not.", "text/plain", "Our answer")
        assert await operator.enforcement.paper(filed.id, theirs.sha256) == b"It is not."
        assert await authority.paper(filed.id, ours.sha256) == b"The approval."
        for who in ("drugs-a", "regulator-a"):
            with pytest.raises(ConcordError, match="took_part"):
                await reviewer.assign_appeal(filed.id, appeals.Assignment(person=who, reasons=WHY.reasons))
        await reviewer.assign_appeal(filed.id, appeals.Assignment(reasons=WHY.reasons))
        await reviewer.decide_appeal(filed.id, enforcement.Outcome(outcome="upheld", statement=SAYS))
        assert "appeal_decided" in [each.kind async for each in operator.enforcement.notices()]
    await office.executed(case, Action.RESTORE)
    await office.visit(case.domain, 200)
    counted = await reviewer.appeal_statistics(authority="drugs-110000")
    [drugs] = counted.authorities
    assert drugs.upheld >= 1
    assert drugs.withdrawn >= 1
