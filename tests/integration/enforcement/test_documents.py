"""A released decision is a signed document that anybody verifies offline; and the dry run of the orders it brings."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pypdfium2
import pytest
import typer

from concord.cli.verify import verify
from shared import signing
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.registry import SiteRecordedV1
from shared.documents import fonts, signed
from shared.runtime.base.ids import uuid7
from shared.runtime.base.keys import NoSigningKey
from shared.signing import BadSignature, KeyRing
from tests.integration.enforcement.conftest import EASED, Office, site_recorded

RARE = "𠮷䶮㛃"
SECRET = "Zhang San, of 5 Example Road"
REDACTED = {
    "legal_basis": ["P3.2.3"],
    "reasons": f"The pharmacy sold prescription medicines to {SECRET}.\n据查，{RARE}大药房无证销售处方药。",
    "public_reasons": f"The pharmacy sold prescription medicines to a patient.\n据查，{RARE}大药房无证销售处方药。",
    "redacted": ["name and address of a patient"],
}


async def document(office: Office, decision: dict[str, Any], who: Any = "applicant") -> dict[str, Any]:
    return await office.get(f"/decisions/{decision['id']}/document", who)


async def page(office: Office, decision: dict[str, Any]) -> bytes:
    answer = await office.api.get(f"/decisions/{decision['id']}/document.pdf", who="applicant")
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


async def published(office: Office) -> Any:
    return (await office.api.get("/.well-known/jwks.json")).json()


def of_rare(**changes: Any) -> SiteRecordedV1:
    """A site whose operator has a name that few fonts can show."""
    site = site_recorded()
    return site.model_copy(
        update={"operator": site.operator.model_copy(update={"name": f"北京{RARE}大药房"})} | changes
    )


async def test_a_released_decision_is_signed_by_its_authority_and_says_all_but_what_is_withheld(office: Office) -> None:
    case = await office.case(of_rare())
    complaint = await office.file(case["id"], SECRET.encode(), confidential="It names who complained.")
    book = await office.file(case["id"], b"The order book.")
    drafted = await office.draft(case, statement=REDACTED, evidence_hashes=[complaint, book])
    await office.cured(drafted)
    await office.release(drafted)
    shown = await document(office, drafted)
    found = signed.read(shown["jws"], KeyRing(await published(office))).document
    assert found.model_dump(mode="json") == shown["document"]
    assert (found.kind, found.issuer.id, found.number) == ("decision", "drugs-110000", drafted["id"])
    assert (found.holder.name, found.covers) == (f"北京{RARE}大药房", tuple(drafted["site"]["hosts"]))
    said = {each.label.en: each.value for each in found.particulars}
    assert said["Reasons"] == REDACTED["public_reasons"]
    assert said["Left out of these reasons"] == REDACTED["redacted"][0]
    assert said["SHA-256 over the evidence"] == drafted["grounds"]["evidence_hash"]
    assert drafted["grounds"]["redress"]["body"]["names"]["zh"] in said["How to challenge it"]
    for secret in (SECRET, "drugs-a", "drugs-b", "It names who complained", complaint):
        assert secret not in found.model_dump_json(), secret
    assert (shown["in_force"], shown["standing"], shown["ended_at"]) == (True, "released", None)


async def test_it_verifies_offline_from_the_json_and_from_the_page_and_not_when_a_word_was_changed(
    office: Office, tmp_path: Path
) -> None:
    office.clock.advance(timedelta(days=-400))  # it is judged by today, which no test's clock moves
    decision = await office.released(site=of_rare())
    keys, paper, original = tmp_path / "keys.json", tmp_path / "page.pdf", tmp_path / "decision.json"
    keys.write_bytes(orjson.dumps(await published(office)))
    paper.write_bytes(await page(office, decision))
    shown = await document(office, decision)
    original.write_bytes(orjson.dumps(shown))
    for file in (paper, original):
        verify([file], keys)  # whatever is wrong exits
    header, payload, signature = shown["jws"].split(".")
    other = signing.canonical({**shown["document"], "scope": "No breach was found."})
    for forged in (
        f"{header}.{payload[:-2]}AA.{signature}",
        signing.Signer(signing.generate_key("drugs-110000-x")).sign(other, "concord-document+json"),
    ):
        original.write_text(forged)
        with pytest.raises(typer.Exit):
            verify([original], keys)
        with pytest.raises(BadSignature):
            signed.read(forged, KeyRing(await published(office)))


async def test_the_page_shows_rare_characters_and_every_line_of_the_reasons(office: Office, tmp_path: Path) -> None:
    drafted = await office.draft(await office.case(of_rare()), statement=REDACTED)
    await office.cured(drafted)
    await office.release(drafted)
    made = await page(office, drafted)
    opened = pypdfium2.PdfDocument(made)
    text = "".join(each.get_textpage().get_text_range() for each in opened)
    for expected in (
        "处理决定书",
        "当事人",
        f"北京{RARE}大药房",
        "to a patient.",
        "据查",
        "name and address of a patient",
        "书面或者口头申请行政复议",
    ):
        assert expected in text.replace("\r\n", ""), expected
    assert SECRET not in text
    assert "[U+" not in text, "no font lacks them"
    assert all(fonts.font_of(character) for character in RARE)
    picture = opened[0].render(scale=2).to_pil()
    picture.save(tmp_path / "decision.png")
    assert picture.convert("L").getextrema() == (0, 255)


async def test_it_says_whether_the_decision_still_stands_to_whoever_holds_it(office: Office) -> None:
    decision = await office.released()
    held = await document(office, decision)
    status = held["document"]["status_at"].removeprefix("http://127.0.0.1:8000")
    await office.opens(decision, "decision_released")
    office.clock.advance(timedelta(days=1))
    appeal = await office.appeal(decision, asks_for_stay=True)
    await office.post(f"/appeals/{appeal['id']}/stay", {"granted": True, **EASED}, "review-a")
    suspended_at = office.clock.now()
    shown = (await office.api.get(status)).json()
    assert (shown["in_force"], shown["standing"]) == (False, "suspended")
    office.clock.advance(timedelta(days=1))
    await office.post(f"/appeals/{appeal['id']}/decision", {"outcome": "upheld", **EASED}, "review-a")
    shown = (await office.api.get(status)).json()
    assert (shown["in_force"], shown["standing"]) == (False, "overturned")
    assert shown["ended_at"] > suspended_at.isoformat()
    assert shown["jws"] == held["jws"], "kept as it was signed"


async def test_one_whose_time_is_over_says_so_before_anybody_ends_it(office: Office) -> None:
    until = office.clock.now() + timedelta(days=29)
    drafted = await office.draft(
        await office.case(), "suspend_access", urgent_ground="danger_to_life", until=until.isoformat()
    )
    await office.release(drafted)
    assert (await document(office, drafted))["document"]["valid_until"] == "2026-12-25"
    office.clock.advance(timedelta(days=30))
    shown = await document(office, drafted)
    assert (shown["in_force"], shown["ended_at"][:19]) == (False, until.isoformat()[:19])


async def test_nothing_released_no_document_and_who_may_not_read_the_decision_reads_none(office: Office) -> None:
    drafted = await office.draft(await office.case())
    for end in ("document", "document.pdf"):
        answer = await office.api.get(f"/decisions/{drafted['id']}/{end}", who="drugs-b")
        assert (answer.status_code, answer.json()["code"]) == (404, "decision_has_no_document")
        assert (await office.api.get(f"/decisions/{drafted['id']}/{end}", who="applicant")).status_code == 403
    await office.cured(drafted)
    await office.release(drafted)
    for who in ("seller", "culture-a", "shanghai-drugs-a"):
        assert (await office.api.get(f"/decisions/{drafted['id']}/document", who=who)).status_code == 403, who
    assert (await office.api.get(f"/documents/{uuid7()}")).status_code == 404


async def test_a_provider_has_the_decision_about_it_too_and_its_id_is_no_credit_code(office: Office) -> None:
    provider = str(ProviderRecordedV1.EXAMPLE["provider_id"])
    case = await office.case(about={"kind": "provider", "provider_id": provider}, who="regulator-a", service_item=None)
    drafted = await office.draft(case, "penalty", who="regulator-a")
    await office.cured(drafted)
    await office.release(drafted, "regulator-b")
    who = ("applicant", {"organisation": provider, "roles": ["access_provider"]})
    assert (await document(office, drafted, who))["document"]["holder"]["identity"] == provider
    answer = await office.api.get(f"/decisions/{drafted['id']}/document.pdf", who=who)
    text = pypdfium2.PdfDocument(answer.content)[0].get_textpage().get_text_range()
    assert "Unified social credit code" not in text


async def test_without_a_key_of_the_authority_nothing_is_released_and_nothing_is_half_done(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    body = await office.signature(drafted["id"])

    def nobodys(owner: str) -> signing.Signer:
        raise NoSigningKey(owner)

    with monkeypatch.context() as without:
        without.setattr(office.api.rt.state.keys, "signer", nobodys)
        assert await office.refused(f"/decisions/{drafted['id']}/release", body, "drugs-b") == (
            503, "issuer_has_no_key",
        )  # fmt: skip
    assert await office.status(drafted) == "drafted"
    assert (await office.post(f"/decisions/{drafted['id']}/release", body, "drugs-b"))["status"] == "released"


# --- the dry run -----------------------------------------------------------------------------------------------------


async def orders(office: Office, decision: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await office.get(f"/decisions/{decision['id']}/orders-preview", "drugs-b"))["orders"])


async def test_the_dry_run_lists_an_order_for_each_host_from_the_regulator_of_its_province(office: Office) -> None:
    far, network = uuid7(), uuid7()
    example = ProviderRecordedV1.EXAMPLE
    await office.hear(ProviderRecordedV1.model_validate({
        **example, "provider_id": far, "name": "Shanghai hosting", "region": "310000",
    }))  # fmt: skip
    supervisor = office.api.rt.directory.authority_ref("education").model_dump(mode="json")
    await office.hear(ProviderRecordedV1.model_validate({
        **example, "provider_id": network, "name": "A network", "region": "310000", "supervisor": supervisor,
    }))  # fmt: skip
    site = site_recorded()
    near = site.accesses[0]
    accesses = [near, *(near.model_copy(update={"access_id": uuid7(), "provider_id": each}) for each in (far, network))]
    drafted = await office.draft(await office.case(site.model_copy(update={"accesses": tuple(accesses)})))
    found = {each["provider_id"]: each for each in await orders(office, drafted)}
    assert set(found) == {str(near.provider_id), str(far), str(network)}
    assert {each["issuer"]["id"] for each in found.values()} == {"industry-110000", "industry-310000", "education"}
    assert found[str(far)]["issuer"]["id"] == "industry-310000"
    assert (found[str(network)]["issuer"]["id"], found[str(network)]["through_supervisor"]) == ("education", True)
    assert found[str(network)]["issue_by"] is not None
    for each in found.values():
        assert (each["action"], each["site"]["hosts"]) == ("cut_off", list(site.domains))
        assert (each["regulator"]["id"], each["restores_at"]) == ("industry-110000", None)
        assert each["execute_by"] == (office.clock.now() + timedelta(hours=24)).isoformat().replace("+00:00", "Z")


async def test_what_orders_nothing_lists_nothing_and_what_ends_says_when_it_restores(office: Office) -> None:
    until = (office.clock.now() + timedelta(days=5)).isoformat().replace("+00:00", "Z")
    correct_by = (office.clock.now() + timedelta(days=60)).isoformat()
    assert await orders(office, await office.draft(await office.case(), "correct", correct_by=correct_by)) == []
    drafted = await office.draft(await office.case(), "suspend_access", urgent_ground="danger_to_life", until=until)
    (order,) = await orders(office, drafted)
    assert (order["action"], order["restores_at"]) == ("suspend", until)


async def test_a_provider_nobody_knows_here_is_listed_without_an_issuer(office: Office) -> None:
    site = site_recorded()
    gone = site.accesses[0].model_copy(update={"provider_id": uuid7()})
    drafted = await office.draft(await office.case(site.model_copy(update={"accesses": (gone,)})))
    (order,) = await orders(office, drafted)
    assert (order["provider"], order["issuer"]) == (None, None)


async def test_after_the_release_it_hits_what_was_decided_about_together_with_what_is_there_now(office: Office) -> None:
    site = site_recorded()
    decision = await office.released(site=site)
    moved = site.model_copy(update={"domains": (*site.domains, "later.example"), "version": site.version + 1})
    await office.hear(moved)
    (order,) = await orders(office, decision)
    assert order["site"]["hosts"] == [*site.domains, "later.example"]


async def test_the_dry_run_is_nobodys_business_but_of_who_reads_the_case(office: Office) -> None:
    decision = await office.released()
    for who in ("applicant", "seller", "culture-a", "shanghai-drugs-a"):
        answer = await office.api.get(f"/decisions/{decision['id']}/orders-preview", who=who)
        assert answer.status_code == 403, who
    asked = await office.fetchval("SELECT count(*) FROM audit WHERE act = 'preview_orders' AND outcome = 'granted'")
    await orders(office, decision)
    assert await office.fetchval(
        "SELECT count(*) FROM audit WHERE act = 'preview_orders' AND outcome = 'granted'"
    ) == asked + 1, "looking leaves a trace"  # fmt: skip
