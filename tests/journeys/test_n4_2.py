"""N4.2.4-5 and N4.3 on the real stack: a complaint finds its way to an end, and a provider's own suspension its own."""

import base64
import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from uuid import uuid4

import pytest

from concord.sdk import Concord, ConcordError, until
from shared.contracts.http import complaints as wire
from shared.contracts.http import enforcement
from shared.contracts.http.access import OrderStatus
from shared.contracts.http.emergencies import Confirmation
from shared.contracts.orders import Action, Order
from tests.support.office import REASONS, SAYS, Office, places_of

GROUND = "unlawful_medicines"
SAID = "They sold me antibiotics without asking for a prescription."


async def _complain(office: Office, host: str, **changes: str) -> wire.ComplaintReceipt:
    """Somebody without a token complains, once enforcement knows the site."""
    await office.case(host)
    async with Concord.connect(places=places_of(office.stack)) as somebody:
        return await somebody.complaints.complain(
            wire.NewComplaint.model_validate({"host": host, "ground": GROUND, "text": SAID} | changes)
        )


async def _stands(office: Office, receipt: wire.ComplaintReceipt) -> wire.ComplaintStatusView:
    async with Concord.connect(places=places_of(office.stack)) as somebody:
        return await somebody.complaints.status(receipt.secret)


async def _matter(office: Office, host: str) -> wire.MatterView:
    (found,) = [each async for each in office.people["regulator-a"].complaints.matters(host=host)]
    return found


async def _mail(office: Office, to: str) -> str:
    """What was sent to an address."""
    mails = [message_from_bytes(file.read_bytes(), policy=default) for file in office.stack.mails.glob("*.eml")]
    bodies = [mail.get_body(("plain",)) for mail in mails if to in str(mail["To"])]
    return "".join(body.get_content() for body in bodies if body is not None)


async def test_n4_2_4_what_many_say_is_one_matter_and_each_is_told_how_it_ended(office: Office) -> None:
    await office.enter("complained.example")
    first = await _complain(office, "complained.example", email="reader@mail.example")
    async with office.provider() as provider:
        second = await provider.complaints.report(
            wire.NewComplaint(host="WWW.complained.example.", ground=GROUND, text="Our abuse desk hears it daily.")
        )
    matter = await _matter(office, "complained.example")
    assert (matter.complaints, matter.status, matter.clock is not None) == (2, "open", True)
    desk = office.people["regulator-a"].complaints
    with pytest.raises(ConcordError, match="action_refused"):
        await desk.dismiss(matter.id, wire.Dismissal(statement=SAYS))
    await desk.triage(matter.id, wire.Triage(grade="suspected", reasons="Two describe the same order form."))
    assert (await _stands(office, first)).status == "in_hand"
    said = [each async for each in desk.said(matter.id)]
    assert sorted(each.source for each in said) == ["access_provider", "public"]
    await desk.dismiss(matter.id, wire.Dismissal(statement=SAYS))
    for receipt in (first, second):
        shown = await _stands(office, receipt)
        assert (shown.status, shown.outcome, shown.reasons) == ("over", "dismissed", REASONS)
    letter = await until(lambda: _mail(office, "reader@mail.example"), bool, timeout_s=60)
    assert first.reference in letter
    assert second.reference not in letter


async def test_n4_2_5_a_complaint_becomes_a_case_and_the_operator_never_hears_who_complained(office: Office) -> None:
    await office.enter("accused.example")
    receipt = await _complain(office, "accused.example", text="I am Li Wei of 1 Example Road, and they cheated me.")
    matter, desk = await _matter(office, "accused.example"), office.people["regulator-a"]
    await desk.complaints.triage(matter.id, wire.Triage(grade="manifest", reasons="The page says it by itself."))
    about = enforcement.AboutSite(domain="accused.example")
    case = await desk.complaints.open_case(matter.id, wire.CaseFromMatter(
        about=about, ground=GROUND, alleged_breach=REASONS, legal_basis=("P3.2.1",)
    ))  # fmt: skip
    (piece,) = case.evidence
    assert piece.confidential == "who complained"
    shown = await desk.enforcement.add_evidence(case.id, b"The order book.", "text/plain")
    decision = await desk.enforcement.draft(case.id, enforcement.NewDecision(
        effect="revoke", statement=SAYS, evidence_hashes=(piece.sha256, shown.sha256)
    ))  # fmt: skip
    async with office.operator("accused.example") as operator:
        cited = await operator.enforcement.cited_evidence(decision.id)
        with pytest.raises(ConcordError, match="evidence_withheld"):
            await operator.enforcement.evidence(piece.sha256)
        notices = [await operator.enforcement.open_notice(each.id) async for each in operator.enforcement.notices()]
        heard = json.dumps([each.model_dump(mode="json") for each in (cited, *notices)])
        for word in ("Li Wei", receipt.reference, str(matter.id)):
            assert word not in heard
        with pytest.raises(ConcordError, match="role_missing"):
            await operator.complaints.get_matter(matter.id)
    await desk.enforcement.discontinue(case.id, enforcement.Stated(statement=SAYS))
    assert (await _stands(office, receipt)).outcome == "discontinued"


async def test_n4_2_5_what_is_minor_gets_a_letter_without_effect(office: Office) -> None:
    await office.enter("labels.example")
    receipt = await _complain(office, "labels.example")
    matter, desk = await _matter(office, "labels.example"), office.people["regulator-a"].complaints
    await desk.triage(matter.id, wire.Triage(grade="minor", reasons="A label is missing, nobody was hurt."))
    sent = await desk.warn(matter.id, wire.NewWarning(statement=SAYS))
    async with office.operator("labels.example") as operator:
        (letter,) = [each async for each in operator.complaints.warnings()]
        await operator.complaints.answer_warning(letter.id, wire.WarningAnswer(text="It was printed the next day."))
        assert [each.kind async for each in operator.enforcement.notices()] == ["warning"]
    assert (await desk.get_warning(sent.id)).status == "answered"
    assert (await _stands(office, receipt)).outcome == "warned"
    await office.visit("labels.example", 200)
    assert (await office.site("labels.example")).status == "live"


async def test_n4_2_5_what_nobody_confirmed_lapses_and_the_restore_goes_out_by_itself(office: Office) -> None:
    host = "lapses.example"
    await office.enter(host)
    await office.case(host)  # enforcement knows the site
    found = await office.suspends(host, datetime.now(UTC) - timedelta(hours=72) + timedelta(seconds=12))
    async with office.operator(host) as operator:
        kinds = await until(lambda: _kinds(operator), lambda kinds: "emergency_reported" in kinds, timeout_s=60)
        assert kinds
        await until(lambda: _kinds(operator), lambda kinds: "emergency_lapsed" in kinds, timeout_s=90)
    desk = office.people["desk-a"].access
    over = await until(lambda: desk.get_emergency(found), lambda each: each.restore_id is not None, timeout_s=60)
    assert (over.status, over.ended_because) == ("lapsed", "not_confirmed")
    restore = await until(
        lambda: desk.get_order(str(over.restore_id)), lambda each: each.status is OrderStatus.EXECUTED, timeout_s=60
    )
    assert (restore.action, restore.undoes, restore.site.hosts) == (Action.RESTORE, None, (host,))
    with pytest.raises(ConcordError, match="emergency_lapsed"):
        await office.suspends(host, datetime.now(UTC))
    with pytest.raises(ConcordError, match="emergency_over"):
        await office.people["drugs-a"].complaints.confirm_emergency(found, Confirmation(decision_id=uuid4()))
    async with office.provider() as provider:
        (sent,) = [
            order for order in (await provider.access.feed(over.provider_id, limit=500)).orders
            if Order.model_validate_json(_payload(order.jws)).emergency_id == found
        ]  # fmt: skip
        assert sent.sequence == restore.sequence


async def _kinds(operator: Concord) -> list[str]:
    return [each.kind async for each in operator.enforcement.notices()]


def _payload(jws: str) -> bytes:
    part = jws.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_n4_2_5_confirmed_by_a_decision_it_goes_on_with_that_decisions_order(office: Office) -> None:
    host = "confirmed.example"
    await office.enter(host)
    case = await office.case(host)
    found = await office.suspends(host, datetime.now(UTC))
    desk = office.people["drugs-a"].complaints
    await until(lambda: desk.get_emergency(found), lambda each: each.status == "open", timeout_s=60)
    end = datetime.now(UTC) + timedelta(seconds=60)
    await office.draft(case, "suspend_access", until=end, urgent_ground="danger_to_life")
    with pytest.raises(ConcordError, match="emergency_misfit"):
        await desk.confirm_emergency(found, Confirmation(decision_id=case.decision_id))
    await office.release(case)
    confirmed = await desk.confirm_emergency(found, Confirmation(decision_id=case.decision_id))
    assert confirmed.status == "confirmed"
    with pytest.raises(ConcordError, match="emergency_confirmed_already"):
        await desk.confirm_emergency(found, Confirmation(decision_id=case.decision_id))
    await office.execute(case)
    await office.executed(case, Action.SUSPEND)
    access = office.people["desk-a"].access
    await until(lambda: access.get_emergency(found), lambda each: each.status == "replaced", timeout_s=60)
    await office.visit(host, 451)
    await office.executed(case, Action.RESTORE)
    await office.visit(host, 200)
