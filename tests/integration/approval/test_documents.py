"""The signed document of an approval: made with the grant and each renewal, verified by anybody, never taken back."""

from typing import Any
from uuid import uuid4

import orjson
import pypdfium2
import pytest

from approval.lifecycle import Status
from shared import signing
from shared.documents import signed
from shared.documents.signed import Standing
from shared.runtime.acts import documents
from shared.signing import BadSignature, KeyRing
from tests.integration.approval.desk import Desk
from tests.support.people import OPERATOR_USCC, at


async def keys(desk: Desk) -> KeyRing:
    return KeyRing((await desk.api.get("/.well-known/jwks.json")).json())


async def document(desk: Desk, approval_id: str, who: str = "applicant") -> Any:
    answer = await desk.api.get(f"/approvals/{approval_id}/document", who=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_grant_is_signed_by_the_authority_and_verifies_with_the_published_keys(desk: Desk) -> None:
    approval = await desk.read(await desk.at(Status.GRANTED, operator={"identity": OPERATOR_USCC, "name": "𠮷祥䶮㛃"}))
    shown = await document(desk, approval["id"])
    found = signed.read(shown["jws"], await keys(desk)).document
    assert found.model_dump(mode="json") == shown["document"]
    assert (found.issuer.id, found.number, found.edition) == ("drugs-110000", approval["number"], 1)
    assert (found.holder.name, found.covers) == ("𠮷祥䶮㛃", (approval["domain"],))
    assert signed.standing(found, desk.clock.now()) is Standing.VALID
    assert (shown["in_force"], shown["standing"], shown["newest"], shown["ended_at"]) == (True, "granted", True, None)


async def test_nothing_granted_no_document(desk: Desk) -> None:
    for status in (Status.SUBMITTED, Status.REFUSED, Status.NOT_REQUIRED):
        approval_id = await desk.at(status)
        for path in ("document", "document.pdf"):
            answer = await desk.api.get(f"/approvals/{approval_id}/{path}", who="applicant")
            assert (answer.status_code, answer.json()["code"]) == (404, "approval_has_no_document")


async def test_a_renewal_is_a_new_edition_and_the_old_one_says_so(desk: Desk) -> None:
    approval_id = await desk.at(Status.RENEWING)
    first = await document(desk, approval_id)
    await desk.done(approval_id, "renewal")
    second = await document(desk, approval_id)
    assert [each["document"]["edition"] for each in (first, second)] == [1, 2]
    assert second["document"]["valid_until"] == "2031-10-22"
    assert signed.read(second["jws"], await keys(desk)).document.number == first["document"]["number"]
    old = (await desk.api.get(f"/documents/{first['document']['document_id']}")).json()
    assert (old["newest"], old["in_force"], old["valid_until"]) == (False, True, "2031-10-22")
    assert old["jws"] == first["jws"], "kept as it was signed"


async def test_one_that_lapsed_still_verifies_and_says_from_when_to_when(desk: Desk) -> None:
    approval_id = await desk.at(Status.LAPSED)
    shown = await document(desk, approval_id)
    found = signed.read(shown["jws"], await keys(desk)).document
    assert signed.standing(found, desk.clock.now()) is Standing.OVER
    assert (shown["in_force"], shown["standing"]) == (False, "lapsed")
    last_day = found.valid_until
    assert last_day is not None
    assert (shown["valid_from"], shown["valid_until"]) == (str(found.valid_from), str(last_day))
    assert shown["ended_at"].startswith(f"{last_day}T15:59:59"), "the end of the day in Beijing"


async def test_one_that_a_decision_ended_says_so_to_whoever_holds_it_and_stands_again_after_an_appeal(
    desk: Desk,
) -> None:
    approval_id = await desk.at(Status.GRANTED)
    held = await document(desk, approval_id)
    ending = desk.ending(approval_id)
    await desk.hear(ending)
    status = held["document"]["status_at"].removeprefix("http://127.0.0.1:8000")
    answer = await desk.api.get(status)
    assert answer.headers["Cache-Control"] == "no-store"
    shown = answer.json()
    assert (shown["in_force"], shown["standing"]) == (False, "ended")
    assert at(shown["ended_at"].removesuffix("Z")) == ending.grounds.made_at
    assert signed.standing(signed.read(held["jws"], await keys(desk)).document, desk.clock.now()) is Standing.VALID
    await desk.hear(desk.overturned(ending.decision_id))
    shown = (await desk.api.get(status)).json()
    assert (shown["in_force"], shown["standing"], shown["ended_at"]) == (True, "granted", None)


async def test_the_page_shows_it_and_carries_what_was_signed(desk: Desk) -> None:
    approval_id = await desk.at(Status.GRANTED)
    answer = await desk.api.get(f"/approvals/{approval_id}/document.pdf", who="drugs-a")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    text = pypdfium2.PdfDocument(answer.content)[0].get_textpage().get_text_range()
    shown = await document(desk, approval_id)
    for expected in (shown["document"]["number"], "北京", "药品", shown["document"]["status_at"]):
        assert expected in text
    assert signed.embedded(answer.content) == shown["jws"]


async def test_who_may_not_read_the_approval_does_not_read_its_document_and_an_official_leaves_a_trace(
    desk: Desk,
) -> None:
    approval_id = await desk.at(Status.GRANTED)
    for path in ("document", "document.pdf"):
        for who in ("seller", "regulator-a", ("drugs-a", {"organisation": "drugs-310000"})):
            answer = await desk.api.get(f"/approvals/{approval_id}/{path}", who=who)
            assert answer.status_code == 403, (who, path)
    before = len(await desk.audited("granted"))
    await document(desk, approval_id, who="drugs-a")
    assert len(await desk.audited("granted")) == before + 1


async def test_a_document_nobody_issued_is_unknown_and_ids_are_not_to_be_guessed(desk: Desk) -> None:
    answer = await desk.api.get(f"/documents/{uuid4()}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_document")
    approval_id = await desk.at(Status.GRANTED)
    assert (await desk.api.get(f"/documents/{approval_id}")).status_code == 404
    assert (await document(desk, approval_id))["document"]["document_id"][14] == "4", "random, not of the time"


async def test_without_a_key_of_the_authority_nothing_is_granted_and_no_number_is_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(rt: Any, organisation: str) -> Any:
        raise documents.IssuerHasNoKey(organisation=organisation)

    approval_id = await desk.applied()
    with monkeypatch.context() as patched:
        patched.setattr(documents, "signer_of", none)
        answer = await desk.do(approval_id, "grant")
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer_has_no_key")
    assert (await desk.read(approval_id))["status"] == "submitted"
    assert (await desk.facts(approval_id), await desk.notices()) == ([], [])
    assert (await desk.done(approval_id, "grant"))["number"].endswith("1号")


async def test_each_authority_signs_with_a_key_of_its_own_and_the_departments_key_signs_none(desk: Desk) -> None:
    beijing = await document(desk, await desk.at(Status.GRANTED))
    published = (await desk.api.get("/.well-known/jwks.json")).json()["keys"]
    owners = [key.get("organisation") for key in published]
    assert owners[0] is None, "webhooks are signed with the first"
    assert {"drugs-110000", "drugs-310000"} <= set(owners)
    assert not any("d" in key for key in published)
    of_others = KeyRing({"keys": [key for key in published if key.get("organisation") != "drugs-110000"]})
    with pytest.raises(BadSignature):
        signed.read(beijing["jws"], of_others)


async def test_after_a_rotation_the_new_key_signs_and_what_the_old_one_signed_verifies(desk: Desk) -> None:
    before = await document(desk, await desk.at(Status.GRANTED))
    file = desk.api.rt.settings.signing_keys_file
    kept = orjson.loads(file.read_bytes())["keys"]
    new = signing.generate_key(kid="drugs-110000-new") | {signing.OWNER: "drugs-110000"}
    file.write_bytes(orjson.dumps({"keys": [kept[0], new, *kept[1:]]}))
    after = await document(desk, await desk.at(Status.GRANTED))
    known = await keys(desk)
    assert signed.read(before["jws"], known).kid != "drugs-110000-new"
    assert signed.read(after["jws"], known).kid == "drugs-110000-new"
