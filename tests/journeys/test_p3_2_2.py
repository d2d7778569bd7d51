"""P3.2.2-3: a decision from a standard text, read by a third person, released and signed; and the orders of its dry run
are the orders that go out.
"""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from concord.sdk import until
from shared.contracts.http import enforcement
from shared.contracts.http.access import OrderDetailView
from shared.contracts.http.decisions import OrderPreview, TextUse
from shared.contracts.http.enforcement import WithReasons
from shared.contracts.orders import Action, Order
from tests.journeys.test_command_line import Desk
from tests.journeys.test_provinces import HOME, HOST, shanghai
from tests.support.office import PATIENCE_S, REASONS, Case, Office

FIELDS = {"service": "网上药店 · online pharmacy", "facts": "Sold prescription medicines 𠮷䶮㛃", "heard": "nothing"}
WHY = WithReasons(reasons="Say what its operator said of it.")


async def drafted(office: Office, domain: str) -> Case:
    """A draft from a standard text."""
    case, desk = await office.case(domain), office.people["drugs-a"].enforcement
    evidence = await desk.add_evidence(case.case_id, f"Seen on {domain}".encode(), "text/plain")
    text = TextUse(code="unlicensed_service", fields=FIELDS)
    new = enforcement.NewDecision(effect="revoke", text=text, evidence_hashes=(evidence.sha256,))
    case.decision = await desk.draft(case.case_id, new)
    return case


async def dry_run(office: Office, case: Case) -> tuple[OrderPreview, datetime]:
    """The one order that would go out, and when that was asked."""
    desk = office.people["drugs-b"].enforcement
    found = await until(
        lambda: desk.orders_preview(case.decision_id),
        lambda seen: [each.issuer is not None for each in seen.orders] == [True],
        timeout_s=PATIENCE_S,
    )
    assert found.copy_as_of is not None
    assert timedelta() <= found.at - found.copy_as_of < timedelta(minutes=5)
    return found.orders[0], found.at


def same(seen: OrderPreview, asked_at: datetime, order: Order | OrderDetailView) -> None:
    """Whether an order is the one that the dry run listed; of its clock only the beginning differs."""
    assert (seen.provider_id, seen.action) == (order.provider_id, order.action)
    assert seen.site == order.site
    assert seen.issuer == order.issuer
    assert (order.issued_at, order.execute_by) != (None, None)
    allowed = [each - begins for each, begins in ((seen.execute_by, asked_at), (order.execute_by, order.issued_at))
               if each is not None and begins is not None]  # fmt: skip
    assert allowed == [timedelta(hours=24)] * 2
    assert seen.restores_at == order.until


async def test_what_the_dry_run_lists_is_what_goes_out_near_and_far(office: Office) -> None:
    await office.enter("dry-near.example")
    near = await office.draft("dry-near.example")
    seen, at = await dry_run(office, near)
    await office.tell(near)
    await office.execute(await office.release(near))
    assert (seen.issuer and seen.issuer.id, seen.regulator.id) == (HOME, HOME)
    same(seen, at, await office.executed(near, Action.CUT_OFF))

    async with shanghai(office) as (_, provider):
        await office.enter("dry-far.example", provider_id=provider.id)
        far = await office.draft("dry-far.example")
        seen, at = await dry_run(office, far)
        await office.tell(far)
        await office.execute(await office.release(far))
        signed, _ = await provider.next_order(0)
        assert (seen.issuer and seen.issuer.id, seen.regulator.id) == (HOST, HOME)
        assert signed.regulator == seen.regulator
        same(seen, at, signed)


async def test_p3_2_2_a_third_reader_returns_a_draft_and_what_changed_since_is_signed(office: Office) -> None:
    await office.enter("returned.example")
    case = await drafted(office, "returned.example")
    assert case.decision is not None
    assert case.decision.text is not None
    assert (case.decision.text.code, case.decision.text.version) == ("unlicensed_service", 1)
    desk, colleague = office.people["drugs-a"].enforcement, office.people["drugs-b"].enforcement
    assert (await colleague.return_draft(case.decision_id, WHY)).status == "returned"
    await office.tell(case)
    assert (await desk.answer(case.decision_id, WHY)).status == "drafted"
    await desk.add_evidence(case.case_id, b"A page that came later.", "text/plain")
    case.decision = await colleague.get_decision(case.decision_id)
    assert case.decision.since_draft is not None
    assert [each.what for each in case.decision.since_draft.changes] == ["evidence"]
    released = await office.release(case)
    assert released.decision is not None
    assert released.decision.since_draft == case.decision.since_draft
    async with office.operator("returned.example") as operator:
        told = await operator.enforcement.get_decision(case.decision_id)
    assert told.grounds.reasons.count("𠮷䶮㛃") == 2
    assert (told.remarks, told.since_draft) == ([], None)


async def test_a_decision_is_downloaded_by_whom_it_burdens_and_verified_offline(office: Office, tmp_path: Path) -> None:
    await office.enter("document.example")
    case = await drafted(office, "document.example")
    await office.tell(case)
    await office.release(case)
    async with office.operator("document.example") as operator:
        shown = await operator.enforcement.document(case.decision_id)
        page = await operator.enforcement.document_page(case.decision_id)
        keys = await operator.enforcement.keys()
    assert (shown.in_force, shown.document.issuer.id) == (True, "drugs-110000")
    files: dict[str, bytes] = {
        "keys.json": json.dumps(keys).encode(), "page.pdf": page, "decision.json": shown.model_dump_json().encode(),
    }  # fmt: skip
    for name, content in files.items():
        await asyncio.to_thread((tmp_path / name).write_bytes, content)
    typed = Desk(office.stack.root)
    for name in ("page.pdf", "decision.json"):
        found = await typed.types(None, "verify", str(tmp_path / name), "--keys", str(tmp_path / "keys.json"))
        assert (found["valid"], found["kind"], found["number"]) == (True, "decision", str(case.decision_id))
    assert (await office.people["drugs-a"].enforcement.issued(shown.document.document_id)).standing == "released"
    await office.uphold(case)
    after = await office.people["drugs-a"].enforcement.issued(shown.document.document_id)
    assert (after.in_force, after.standing) == (False, "overturned")


async def test_it_is_all_there_by_command_line_alone(office: Office, tmp_path: Path) -> None:
    typed = Desk(office.stack.root)
    await office.enter("typed-draft.example")
    texts = await typed.types(None, "decisions", "texts", "--effect", "revoke")
    assert "unlicensed_service" in {each["code"] for each in texts}
    case = await office.case("typed-draft.example")
    desk = office.people["drugs-a"].enforcement
    evidence = await desk.add_evidence(case.case_id, b"Seen.", "text/plain")
    body: dict[str, Any] = {
        "effect": "revoke", "evidence_hashes": [evidence.sha256],
        "text": {"code": "unlicensed_service", "fields": {"service": "x"}},
    }  # fmt: skip
    draft = ("decisions", "draft", str(case.case_id), "-")
    refused = await typed.types("drugs-a", *draft, stdin=json.dumps(body), code=1)
    assert refused["code"] == "text_misfit"
    assert {each["field"] for each in refused["fields"]} == {"text.fields.facts", "text.fields.heard"}
    body["text"]["fields"] = FIELDS
    made = await typed.types("drugs-a", *draft, stdin=json.dumps(body))
    case.decision = await desk.get_decision(made["id"])
    for who, verb, status in (
        ("drugs-b", "comment", "drafted"), ("drugs-b", "return", "returned"), ("drugs-a", "answer", "drafted"),
    ):  # fmt: skip
        assert (await typed.types(who, "decisions", verb, made["id"], "--reasons", REASONS))["status"] == status
    (order,) = await typed.types("drugs-b", "decisions", "orders", made["id"])
    assert (order["action"], order["site"]["hosts"]) == ("cut_off", ["typed-draft.example"])
    none = await typed.types("drugs-b", "decisions", "document", made["id"], code=1)
    assert none["code"] == "decision_has_no_document"
    await office.tell(case)
    await desk.add_evidence(case.case_id, b"A page that came later.", "text/plain")
    seen = await typed.types("drugs-b", "decisions", "show", made["id"])
    release = ("decisions", "release", made["id"], "--preview-digest", seen["preview_digest"])
    refused = await typed.types("drugs-b", *release, code=1)
    assert (refused["code"], refused["since_draft"]) == ("changed_since_draft", seen["since_draft"]["digest"])
    done = await typed.types("drugs-b", *release, "--since-draft", refused["since_draft"])
    assert done["status"] == "released"
    page = tmp_path / "page.pdf"
    await typed.types("drugs-b", "decisions", "document", made["id"], "--pdf", str(page))
    assert (await asyncio.to_thread(page.read_bytes)).startswith(b"%PDF-")
    assert (await typed.types("drugs-b", "decisions", "document", made["id"]))["document"]["number"] == made["id"]
