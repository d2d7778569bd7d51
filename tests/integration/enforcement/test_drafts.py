"""What happens between a draft and its release: a third reader, standard texts, what changed, how old the copy is."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.directory import OrganisationRecordedV1
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.http.decisions import SinceDraft, changed
from shared.rules import Effect
from shared.rules.texts import WITHHELD, StandardText, TextField
from tests.integration.enforcement.conftest import STATEMENT, Office, site_recorded

WHY = {"reasons": "The order book is not cited, and should be."}
FIELDS = {"service": "网上药店 · online pharmacy", "facts": "Sold prescriptions 𠮷䶮㛃", "heard": "nothing was said"}


def path(decision: dict[str, Any], verb: str) -> str:
    return f"/decisions/{decision['id']}/{verb}"


# --- a third reader --------------------------------------------------------------------------------------------------


async def test_a_colleague_returns_a_draft_and_nobody_releases_it_before_that_is_answered(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    commented = await office.post(path(drafted, "comment"), WHY, "drugs-b")
    assert (commented["status"], commented["remarks"][0]["kind"]) == ("drafted", "comment")
    returned = await office.post(path(drafted, "return"), WHY, "drugs-b")
    assert returned["status"] == "returned"
    assert "release" not in returned["allowed_actions"]
    body = await office.signature(drafted["id"])
    assert await office.refused(path(drafted, "release"), body, "drugs-c") == (409, "action_refused")
    assert await office.refused(path(drafted, "answer"), WHY, "drugs-b") == (409, "second_person_required")
    answered = await office.post(path(drafted, "answer"), WHY, "drugs-a")
    assert [each["kind"] for each in answered["remarks"]] == ["comment", "return", "answer"]
    assert (await office.release(drafted, "drugs-c"))["status"] == "released"
    said = await office.fetchval(
        "SELECT array_agg(person ORDER BY id) FROM history WHERE aggregate_id = $1 AND action IN ('return', 'answer')",
        UUID(drafted["id"]),
    )
    assert said == ["drugs-b", "drugs-a"], "whoever returned it is on the record"


async def test_nobody_remarks_on_a_draft_of_their_own_and_no_stranger_at_all(office: Office) -> None:
    drafted = await office.draft(await office.case())
    for verb in ("comment", "return"):
        assert await office.refused(path(drafted, verb), WHY, "drugs-a") == (409, "second_person_required")
        for who in ("applicant", "culture-a", "regulator-a", "shanghai-drugs-a"):
            status, code = await office.refused(path(drafted, verb), WHY, who)
            assert (status, code) in {(403, "out_of_scope"), (403, "role_missing")}, who
        assert await office.refused(path(drafted, verb), {"reasons": "short"}, "drugs-b") == (422, "invalid")


async def test_a_returned_draft_is_still_the_one_of_its_case_and_can_be_withdrawn(office: Office) -> None:
    case = await office.case()
    drafted = await office.draft(case)
    await office.post(path(drafted, "return"), WHY, "drugs-b")
    sha256 = await office.file(case["id"], b"More.")
    body = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": [sha256]}
    assert await office.refused(f"/cases/{case['id']}/decisions", body, "drugs-b") == (409, "decision_pending")
    assert (await office.post(path(drafted, "withdrawal"), WHY, "drugs-a"))["status"] == "withdrawn"
    assert (await office.draft(case))["status"] == "drafted"


async def test_a_case_that_ends_withdraws_what_was_returned_in_it_too(office: Office) -> None:
    case = await office.case()
    drafted = await office.draft(case)
    await office.post(path(drafted, "return"), WHY, "drugs-b")
    await office.post(f"/cases/{case['id']}/discontinuation", {"statement": STATEMENT}, "drugs-a")
    assert await office.status(drafted) == "withdrawn"


async def test_whom_it_burdens_reads_no_remarks_and_nothing_of_what_changed(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.post(path(drafted, "comment"), WHY, "drugs-b")
    await office.cured(drafted)
    await office.file(drafted["case_id"], b"Another page.")
    await office.release(drafted)
    shown = await office.get(f"/decisions/{drafted['id']}", "applicant")
    assert (shown["remarks"], shown["since_draft"]) == ([], None)


async def test_of_eight_who_return_release_and_answer_at_once_the_story_has_one_line(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    body = await office.signature(drafted["id"])
    asked = [
        office.api.post(path(drafted, verb), json=sent, who=who)
        for _ in range(2) for who in ("drugs-b", "drugs-c") for verb, sent in (("return", WHY), ("release", body))
    ]  # fmt: skip
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert await office.status(drafted) in {"returned", "released"}


# --- standard texts --------------------------------------------------------------------------------------------------


async def with_text(office: Office, **changes: Any) -> Any:
    case = await office.case()
    sha256 = await office.file(case["id"], b"The order book.")
    text = {"code": "unlicensed_service", "fields": FIELDS} | changes
    body = {"effect": "revoke", "text": text, "evidence_hashes": [sha256]}
    return await office.api.post(f"/cases/{case['id']}/decisions", json=body, who="drugs-a")


async def test_a_draft_from_a_standard_text_says_it_in_both_languages_and_records_which(office: Office) -> None:
    answer = await with_text(office)
    assert answer.status_code == 201, answer.text
    drafted = answer.json()
    says = drafted["grounds"]
    assert says["reasons"].startswith("经查，该网站未经许可")
    assert "It was found that this site offers" in says["reasons"]
    assert says["reasons"].count("𠮷䶮㛃") == 2, "once in each language"
    assert "{" not in says["reasons"]
    assert drafted["text"] == {"code": "unlicensed_service", "version": 1}
    assert says["legal_basis"] == list(office.api.rt.rules.texts["unlicensed_service"].legal_basis)
    await office.cured(drafted)
    await office.release(drafted)
    assert (await office.told(DecisionReleasedV1))[-1].grounds.reasons == says["reasons"], "what was sent is the text"


@pytest.mark.parametrize(("changes", "field", "says"), [
    ({"code": "nothing"}, "text.code", "must be one of"),
    ({"code": "no_breach", "fields": {"facts": "x"}}, "text.code", "is not for revoke"),
    ({"code": "danger_to_consumers", "fields": {"facts": "x", "victims": "y"}}, "text.code", "unlicensed_service"),
    ({"fields": {**FIELDS, "colour": "red"}}, "text.fields.colour", "is no field"),
    ({"fields": {"service": "x", "facts": "y"}}, "text.fields.heard", "is missing"),
    ({"fields": dict.fromkeys(FIELDS, "x" * 4000)}, "text.fields", "at most 20000 characters"),
])  # fmt: skip
async def test_what_does_not_fit_its_text_is_refused_by_name(
    office: Office, changes: dict[str, Any], field: str, says: str
) -> None:
    answer = await with_text(office, **changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "text_misfit"), answer.text
    assert says in {each["field"]: each["message"] for each in answer.json()["fields"]}[field]


@pytest.mark.parametrize("sent", [
    {}, {"statement": STATEMENT, "text": {"code": "unlicensed_service", "fields": FIELDS}},
    {"text": {"code": "unlicensed_service", "fields": {**FIELDS, "facts": "  "}}},
    {"text": {"code": "unlicensed_service", "fields": {**FIELDS, "facts": "two\nlines"}}},
    {"text": {"code": "unlicensed_service", "fields": {**FIELDS, "facts": "x" * 4001}}},
    {"statement": STATEMENT, "effect": ""}, {"statement": STATEMENT, "until": "next week"},
    {"statement": {**STATEMENT, "legal_basis": []}}, {"statement": {**STATEMENT, "reasons": "too few"}},
    {"statement": STATEMENT, "evidence_hashes": []}, {"statement": STATEMENT, "evidence_hashes": ["0" * 63]},
])  # fmt: skip
async def test_a_draft_without_basis_reasons_or_evidence_or_with_two_reasons_is_none(
    office: Office, sent: dict[str, Any]
) -> None:
    case = await office.case()
    sha256 = await office.file(case["id"], b"The order book.")
    body = {"effect": "revoke", "evidence_hashes": [sha256]} | sent
    assert await office.refused(f"/cases/{case['id']}/decisions", body, "drugs-a") == (422, "invalid")


async def test_what_a_private_field_says_the_public_reasons_leave_out_and_say_so(office: Office) -> None:
    case = await office.case(ground="unlawful_medicines")
    sha256 = await office.file(case["id"], b"The order book.")
    fields = {"facts": "Sold prescriptions", "victims": "张三 Zhang San"}
    body = {
        "effect": "revoke", "text": {"code": "danger_to_consumers", "fields": fields}, "evidence_hashes": [sha256],
    }  # fmt: skip
    says = (await office.post(f"/cases/{case['id']}/decisions", body, "drugs-a", 201))["grounds"]
    assert says["reasons"].count("Zhang San") == 2
    assert "Zhang San" not in says["public_reasons"]
    assert says["public_reasons"].count(WITHHELD) == 2
    assert says["redacted"] == ["受害人情况 · who was harmed"]


async def test_anybody_reads_the_standard_texts(office: Office) -> None:
    shown = (await office.api.get("/decision-texts")).json()
    assert shown["profile"] == office.api.rt.rules.ref
    assert {each["code"] for each in shown["texts"]} == set(office.api.rt.rules.texts)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["facts", "victims"]), st.text(min_size=1), min_size=2))
def test_a_value_is_never_read_as_a_field(values: dict[str, str]) -> None:
    field = TextField("事实", "facts")
    text = StandardText(
        "t", 1, (Effect.REVOKE,), ("fraud",), ("P3",), "甲{facts}乙{victims}丙", "a{facts}b{victims}c",
        {"facts": field, "victims": replace(field, private=True)}, "x",
    )  # fmt: skip
    zh, _, en = text.rendered(values | {"facts": "{victims}"}).partition("\n\na")
    assert zh.startswith("甲{victims}乙")
    assert en
    assert text.rendered({"facts": "x", "victims": "secret"}, public=True).count("secret") == 0


# --- what changed since the draft ------------------------------------------------------------------------------------


def said(shown: dict[str, Any]) -> dict[str, tuple[list[str], list[str]]]:
    return {each["what"]: (each["added"], each["removed"]) for each in shown["since_draft"]["changes"]}


async def test_whoever_releases_is_shown_what_changed_since_the_draft_and_signs_it(office: Office) -> None:
    site = site_recorded(ip="198.18.9.9")
    leaving = site_recorded(ip="198.18.9.9")
    await office.hear(leaving)
    drafted = await office.draft(await office.case(site))
    assert (drafted["since_draft"]["changes"], drafted["since_draft"]["digest"]) == ([], None)
    await office.cured(drafted)

    protected = f"a.{office.api.rt.rules.protected_suffixes[0]}"
    coming = site_recorded(protected, ip="198.18.9.9")
    await office.hear(coming)
    await office.hear(leaving.model_copy(update={"status": "ended", "version": leaving.version + 1}))
    more = (*site.domains, f"new.{site.domains[0]}")
    await office.hear(site.model_copy(update={"domains": more, "version": site.version + 1}))
    piece = await office.file(drafted["case_id"], b"A page that came later.")
    shown = await office.get(f"/decisions/{drafted['id']}", "drugs-b")
    changes = said(shown)
    assert changes["site.hosts"] == ([more[-1]], [])
    assert changes["neighbours"] == ([f"{coming.number} ({coming.site_id})"], [f"{leaving.number} ({leaving.site_id})"])
    assert changes["protected"] == ([protected], [])
    assert changes["evidence"] == ([piece], [])
    assert set(changes) == {"site.hosts", "neighbours", "protected", "evidence"}

    body, release = await office.signature(drafted["id"]), path(drafted, "release")
    for unsigned in ({"signature": body["signature"]}, {**body, "since_draft": "0" * 64}):
        answer = await office.api.post(release, json=unsigned, who="drugs-b")
        assert (answer.status_code, answer.json()["code"]) == (409, "changed_since_draft")
        assert answer.json()["since_draft"] == body["since_draft"], "the way out"
    released = await office.post(release, body, "drugs-b")
    assert said(released) == changes, "kept as it was signed"
    await office.file(drafted["case_id"], b"After the release.")
    assert said(await office.get(f"/decisions/{drafted['id']}", "drugs-b")) == changes


async def test_what_changes_after_it_was_read_is_not_signed_by_what_was_read(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    body = await office.signature(drafted["id"])
    await office.file(drafted["case_id"], b"A page that came later.")
    assert await office.refused(path(drafted, "release"), body, "drugs-b") == (409, "changed_since_draft")


async def test_what_was_decided_meanwhile_about_the_same_subject_is_shown(office: Office) -> None:
    site = site_recorded()
    first, second = [await office.draft(await office.case(site), "correct", correct_by=_in(office, 90)) for _ in "12"]
    await office.cured(first)
    await office.cured(second)
    await office.release(first)
    changes = said(await office.get(f"/decisions/{second['id']}", "drugs-b"))
    assert changes == {"decisions": ([f"{first['id']} correct released"], [])}
    await office.post(path(first, "lift"), {"statement": STATEMENT}, "drugs-a")
    changes = said(await office.get(f"/decisions/{second['id']}", "drugs-b"))
    assert changes == {"decisions": ([f"{first['id']} correct ended"], [])}
    assert (await office.release(second))["status"] == "released"


async def test_a_site_that_changed_hands_and_names_in_between_is_said_and_not_hit(office: Office) -> None:
    site = site_recorded()
    drafted = await office.draft(await office.case(site))
    await office.cured(drafted)
    sold = {**site.operator.model_dump(mode="json"), "identity": "91110000MA02CNCRDQ", "name": "Seller"}
    await office.hear(type(site).model_validate({
        **site.model_dump(mode="json"), "operator": sold, "name": "Another name", "version": site.version + 1,
    }))  # fmt: skip
    changes = said(await office.get(f"/decisions/{drafted['id']}", "drugs-b"))
    assert changes["site.operator"][0] == ["Seller (91110000MA02CNCRDQ)"]
    assert changes["site.name"] == (["Another name"], [site.name])
    body = await office.signature(drafted["id"])
    assert await office.refused(path(drafted, "release"), body, "drugs-b") == (409, "subject_changed")


_LINES = st.sets(st.text(alphabet="abc", min_size=1, max_size=3), max_size=5)


@settings(max_examples=100, deadline=None)
@given(_LINES, _LINES)
def test_a_change_is_what_is_there_now_or_was_there_then_and_its_digest_knows_no_order(
    before: set[str], now: set[str]
) -> None:
    found = changed("hosts", list(before), list(now))
    if before == now:
        assert found is None
        return
    assert found is not None
    assert (set(found.added), set(found.removed)) == (now - before, before - now)
    again = changed("hosts", sorted(before, reverse=True), sorted(now))
    at = STATEMENT_AT
    assert again is not None
    one, two = SinceDraft(drafted_at=at, changes=(found,)), SinceDraft(drafted_at=at, changes=(again,))
    assert one.digest == two.digest


# --- how old the copy is ---------------------------------------------------------------------------------------------


async def _whole_until(office: Office, ago: timedelta) -> None:
    async with office.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE caught_up SET at = $1 WHERE consumer = 'enforcement'", office.clock.now() - ago)


async def test_nothing_is_released_on_a_copy_of_the_register_that_is_too_old(office: Office) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    await _whole_until(office, timedelta(minutes=61))
    shown = await office.get(f"/decisions/{drafted['id']}", "drugs-b")
    assert shown["since_draft"]["copy_fresh"] is False
    body = await office.signature(drafted["id"])
    assert await office.refused(path(drafted, "release"), body, "drugs-b") == (409, "copy_too_old")
    await _whole_until(office, timedelta(minutes=59))
    released = await office.release(drafted)
    assert released["since_draft"]["copy_fresh"] is True
    as_of = office.clock.now() - timedelta(minutes=59)
    assert released["preview"]["as_of"] == as_of.isoformat().replace("+00:00", "Z"), "what it was computed from"
    shown = await office.get(path(drafted, "document"), "applicant")
    said = {each["label"]["en"]: each["value"] for each in shown["document"]["particulars"]}
    assert said["Register known up to"].startswith(as_of.astimezone(office.api.rt.rules.time_zone).isoformat()[:16])


async def test_a_copy_that_was_never_whole_is_too_old_and_a_finding_of_no_breach_needs_none(office: Office) -> None:
    drafted = await office.draft(await office.case())
    harmless = await office.draft(await office.case(), "no_breach")
    await office.cured(drafted)
    async with office.api.rt.db.transaction() as tx:
        await tx.execute("DELETE FROM caught_up")
    body = await office.signature(drafted["id"])
    assert await office.refused(path(drafted, "release"), body, "drugs-b") == (409, "copy_too_old")
    assert (await office.release(harmless))["status"] == "released"


# --- who they are ----------------------------------------------------------------------------------------------------


async def test_one_human_with_two_accounts_or_two_spellings_is_not_two_people(office: Office) -> None:
    drafted = await office.draft(await office.case(), who=("drugs-a", {"person": "Li"}))
    await office.cured(drafted)
    body = await office.signature(drafted["id"])
    for person in ("Li", "li", "Ｌｉ", " LI"):
        second = ("drugs-b", {"person": person})
        assert await office.refused(path(drafted, "release"), body, second) == (409, "second_person_required"), person
        assert await office.refused(path(drafted, "return"), WHY, second) == (409, "second_person_required"), person
        shown = await office.get(f"/decisions/{drafted['id']}", second)
        assert not {"release", "return"} & set(shown["allowed_actions"])
    assert (await office.post(path(drafted, "release"), body, ("drugs-b", {"person": "Lin"})))["status"] == "released"


async def test_who_lost_the_role_or_the_competence_since_the_draft_releases_nothing_and_who_gained_it_does(
    office: Office,
) -> None:
    drafted = await office.draft(await office.case())
    await office.cured(drafted)
    body, release = await office.signature(drafted["id"]), path(drafted, "release")
    assert await office.refused(release, body, ("drugs-b", {"roles": ["query_desk"]})) == (403, "role_missing")
    known = office.api.rt.directory.get("drugs-110000")
    assert known is not None
    before = known.model_dump(mode="json")
    await _organisation(office, {**before, "competences": []}, 2)
    assert await office.refused(release, body, "drugs-b") == (403, "out_of_scope")
    await _organisation(office, before, 3)
    gained = ("auditor", {"organisation": "drugs-110000", "roles": ["sector_regulator"]})
    assert (await office.post(release, body, gained))["status"] == "released"


async def _organisation(office: Office, record: dict[str, Any], version: int) -> None:
    fact = OrganisationRecordedV1.model_validate({**record, "version": version})
    organisations = [fact if each.organisation_id == fact.organisation_id else each for each in office.api.rt.directory]
    office.api.rt.directory.load(organisations)


def _in(office: Office, days: int) -> str:
    return (office.clock.now() + timedelta(days=days)).isoformat()


STATEMENT_AT = site_recorded().changed_at
