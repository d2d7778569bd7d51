"""Complaints: taken from everybody, merged, graded by a person, answered, and forgotten by whom (N4.2.4-5)."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from enforcement.service import complaints as complaining
from enforcement.service import settling
from shared.contracts.http.complaints import NewComplaint
from tests.integration.enforcement.complaining import (
    CASE,
    GRADED,
    GROUND,
    MINOR,
    SAID,
    answers,
    case_about,
    complain,
    graded,
    matters,
    stands,
)
from tests.integration.enforcement.conftest import EASED, STATED, STATEMENT, Office, site_recorded

FOUND = {"kind": "found_site", "host": "shop.found.example", "provider_id": "01940000-0000-7000-8000-000000000005"}


async def test_a_complaint_needs_no_token_and_its_secret_reads_how_it_stands(office: Office) -> None:
    site = site_recorded()
    await office.hear(site)
    receipt = await complain(office, site.domains[0])
    assert receipt["status_at"] == f"{office.api.rt.settings.door}/complaints/status/{receipt['secret']}"
    shown = await stands(office, receipt)
    assert (shown["status"], shown["outcome"], shown["reference"]) == ("received", None, receipt["reference"])
    async with office.api.rt.db.connection() as tx:
        for row in await tx.fetch("SELECT row_to_json(complaint)::text AS row FROM complaint"):
            for kept in (receipt["secret"], receipt["secret"].encode().hex()):
                assert kept not in row["row"], "only a hash is kept"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": "not a name"}, "host"),
        ({"host": "https://shop.example/"}, "host"),
        ({"host": "198.18.0.1"}, "host"),
        ({"ground": "opinion"}, "ground"),
        ({"email": "nobody"}, "email"),
        ({"email": "a b@mail.example"}, "email"),
        ({"text": "short"}, "body.text"),
        ({"text": "x" * 4_001}, "body.text"),
        ({"name": "Somebody"}, "body.name"),
    ],
    ids=["name", "url", "ip", "ground", "email", "blank", "short", "long", "more"],
)
async def test_what_is_not_valid_is_refused_by_its_field(office: Office, change: dict[str, Any], field: str) -> None:
    body = {"host": "shop.example", "ground": GROUND, "text": SAID} | change
    answer = await office.api.post("/complaints", json=body)
    assert answer.status_code == 422, answer.text
    assert field.removeprefix("body.") in {each["field"].removeprefix("body.") for each in answer.json()["fields"]}
    assert await office.fetchval("SELECT count(*) FROM complaint") == 0


async def test_every_spelling_of_every_name_of_a_site_comes_to_one_matter(office: Office) -> None:
    site = site_recorded(domains=["pharmacy.example", "xn--fsqu00a.test"])
    await office.hear(site)
    for host in ("PHARMACY.example.", "www.pharmacy.example", "例子.test", "xn--fsqu00a.test", "Ｐharmacy.example"):
        await complain(office, host)
    (matter,) = await matters(office)
    assert (matter["complaints"], matter["site_id"]) == (5, str(site.site_id))
    await complain(office, "pharmacy.example", ground="fraud")
    assert len(await matters(office)) == 2, "another ground is another matter"


async def test_names_in_no_register_come_together_below_the_name_that_somebody_registered(office: Office) -> None:
    for host in ("shop.found.example", "found.example", "FOUND.example"):
        await complain(office, host)
    (matter,) = await matters(office, "regulator-a")
    assert (matter["complaints"], matter["site_id"], matter["region"]) == (3, None, None)
    assert len(await matters(office, "shanghai-regulator-a")) == 1, "nobody knows where it is"
    assert await matters(office) == [], "no sector is concerned"


async def test_a_site_that_left_the_register_bears_no_name_any_more(office: Office) -> None:
    site = site_recorded("gone.example", status="ended")
    await office.hear(site)
    await complain(office, "gone.example")
    (matter,) = await matters(office, "regulator-a")
    assert matter["site_id"] is None


async def test_many_who_complain_at_once_come_to_one_matter_and_none_is_lost(office: Office) -> None:
    site = site_recorded("crowd.example")
    await office.hear(site)
    body = NewComplaint(host="crowd.example", ground=GROUND, text=SAID)
    taken = await asyncio.gather(
        *(complaining.complain(office.api.rt, None, f"198.18.1.{each}", body) for each in range(60))
    )
    (matter,) = await matters(office)
    assert matter["complaints"] == 60
    assert len({each.reference for each in taken}) == len({each.secret for each in taken}) == 60
    assert await office.fetchval("SELECT count(*) FROM deadline WHERE kind = 'triage_complaint'") == 1
    assert await office.fetchval("SELECT count(*) FROM history WHERE aggregate = 'matter'") == 1


async def test_a_complaint_never_comes_to_a_matter_that_is_being_ended(office: Office) -> None:
    matter = await graded(office, site_recorded("race.example"))
    rt, body = office.api.rt, NewComplaint(host="race.example", ground=GROUND, text=SAID, email="late@mail.example")

    async def dismiss() -> None:
        answer = await office.api.post(f"/matters/{matter['id']}/dismissal", json=EASED, who="drugs-a")
        assert answer.status_code == 200, answer.text

    await asyncio.gather(
        *(complaining.complain(rt, None, f"198.18.2.{each}", body) for each in range(20)), dismiss(),
        *(complaining.complain(rt, None, f"198.18.3.{each}", body) for each in range(20)),
    )  # fmt: skip
    lost = await office.fetchval(
        "SELECT count(*) FROM complaint JOIN matter ON matter.id = matter_id"
        " WHERE matter.status = 'ended' AND email IS NOT NULL AND NOT answer_due"
    )
    assert lost == 0, "whoever is in a matter that is over is told so"
    assert await office.fetchval("SELECT count(*) FROM complaint") == 41


async def test_whoever_complains_waits_until_a_matter_is_ended_or_not(office: Office) -> None:
    matter = await graded(office, site_recorded("held.example"))
    rt, body = office.api.rt, NewComplaint(host="held.example", ground=GROUND, text=SAID)
    async with rt.db.transaction() as tx:
        await tx.execute("UPDATE matter SET changed_at = now() WHERE id = $1", UUID(matter["id"]))
        waiting = asyncio.create_task(complaining.complain(rt, None, "198.18.4.1", body))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done, "a matter that is being changed may be over in a moment"
    await waiting


async def test_after_a_matter_is_over_the_same_begins_a_new_one(office: Office) -> None:
    matter = await graded(office, site_recorded("again.example"))
    await office.post(f"/matters/{matter['id']}/dismissal", EASED, "drugs-a")
    await complain(office, "again.example")
    assert [each["status"] for each in await matters(office)] == ["ended", "open"]


async def test_a_thousand_complaints_do_nothing_by_themselves(office: Office) -> None:
    site = site_recorded("mob.example")
    await office.hear(site)
    for _ in range(25):
        await complain(office, "mob.example")
    assert await office.fetchval("SELECT count(*) FROM enforcement_case") == 0
    assert await office.fetchval("SELECT count(*) FROM notice") == 0
    (matter,) = await matters(office)
    assert (matter["status"], matter["grade"], matter["allowed_actions"]) == ("open", None, ["triage"])


async def test_only_its_desk_reads_a_matter(office: Office) -> None:
    site = site_recorded("desk.example")
    await office.hear(site)
    await complain(office, "desk.example")
    (matter,) = await matters(office)
    for who in ("drugs-a", "regulator-a"):
        assert len(await matters(office, who)) == 1
    for who in ("culture-a", "shanghai-regulator-a", "national-a", "drugs-national-a"):
        assert await matters(office, who) == [], who
        assert (await office.api.get(f"/matters/{matter['id']}", who=who)).status_code == 403, who
    for stranger in ("applicant", "auditor", "review-a", "desk-a"):
        assert (await office.api.get("/matters", who=stranger)).status_code == 403, stranger


async def test_the_queue_is_filtered_and_what_waited_longest_comes_first(office: Office) -> None:
    for name in ("one.example", "two.example"):
        await office.hear(site_recorded(name))
        await complain(office, name)
    assert [each["host"] for each in await matters(office)] == ["one.example", "two.example"]
    assert [each["host"] for each in await matters(office, newest=True)] == ["two.example", "one.example"]
    assert [each["host"] for each in await matters(office, host="WWW.two.example")] == ["two.example"]
    assert await matters(office, region="310000") == []
    assert await matters(office, status="triaged") == []
    first = await office.get("/matters?limit=1", "drugs-a")
    second = await office.get(f"/matters?limit=1&after={first['next']}", "drugs-a")
    assert [each["host"] for each in second["items"]] == ["two.example"]
    assert second["next"] is None
    await office.rings("triage_complaint", first["items"][0]["id"])
    (late,) = await matters(office, overdue=True)
    assert (late["host"], late["overdue"], late["clock"]["overdue"]) == ("one.example", True, True)


async def test_grading_takes_it_for_the_authority_and_stops_the_clock(office: Office) -> None:
    matter = await graded(office, site_recorded())
    assert (matter["status"], matter["grade"], matter["authority"]["id"]) == ("triaged", "suspected", "drugs-110000")
    assert matter["allowed_actions"] == ["triage", "open_case", "dismiss"], "no warning for what is suspected"
    assert matter["clock"] is None
    answer = await office.refused(f"/matters/{matter['id']}/triage", GRADED, "regulator-a")
    assert answer == (403, "out_of_scope"), "it is the drug administration's by now"
    assert (await stands(office, matter["receipt"]))["status"] == "in_hand"
    await office.rings("triage_complaint", matter["id"])
    assert (await office.get(f"/matters/{matter['id']}", "drugs-a"))["overdue"] is False


async def test_a_grade_is_one_of_the_profiles_and_a_program_gives_none(office: Office) -> None:
    site = site_recorded()
    await office.hear(site)
    await complain(office, site.domains[0])
    (matter,) = await matters(office)
    path = f"/matters/{matter['id']}/triage"
    assert await office.refused(path, {**GRADED, "grade": "terrible"}, "drugs-a") == (422, "grade_unknown")
    program = ("drugs-a", {"client_id": "drugs-a"})
    assert await office.refused(path, GRADED, program) == (403, "person_required")
    assert await office.refused(path, {"grade": "minor"}, "drugs-a") == (422, "invalid")


async def test_two_desks_that_grade_at_once_do_not_both_have_it(office: Office) -> None:
    site = site_recorded()
    await office.hear(site)
    await complain(office, site.domains[0])
    (matter,) = await matters(office)
    path = f"/matters/{matter['id']}/triage"
    answered = await asyncio.gather(
        *(office.api.post(path, json=GRADED, who=who) for who in ("drugs-a", "regulator-a"))
    )
    assert sorted(each.status_code for each in answered) == [200, 403]


@pytest.mark.parametrize("verb", ["dismissal", "warning", "case"])
async def test_nothing_goes_anywhere_before_a_person_graded_it(office: Office, verb: str) -> None:
    site = site_recorded()
    await office.hear(site)
    await complain(office, site.domains[0])
    (matter,) = await matters(office)
    body = case_about(site) if verb == "case" else STATED
    assert await office.refused(f"/matters/{matter['id']}/{verb}", body, "drugs-a") == (409, "action_refused")


async def test_a_grade_says_where_it_can_go(office: Office) -> None:
    matter = await graded(office, site_recorded())
    assert await office.refused(f"/matters/{matter['id']}/warning", STATED, "drugs-a") == (409, "route_closed")
    await office.post(f"/matters/{matter['id']}/triage", MINOR, "drugs-a")
    await office.post(f"/matters/{matter['id']}/warning", STATED, "drugs-a", 201)


async def test_everybody_who_complained_is_told_how_it_ended(office: Office) -> None:
    matter = await graded(office, site_recorded("told.example"))
    other = await complain(office, "told.example", email="other@mail.example")
    silent = await complain(office, "told.example")
    public = {**STATEMENT, "public_reasons": "The pharmacy has its consent.", "redacted": ["name of a patient"]}
    ended = await office.post(f"/matters/{matter['id']}/dismissal", {"statement": public}, "drugs-a")
    assert (ended["status"], ended["outcome"], ended["allowed_actions"]) == ("ended", "dismissed", [])
    for receipt in (matter["receipt"], other, silent):
        shown = await stands(office, receipt)
        assert (shown["status"], shown["outcome"], shown["reasons"]) == ("over", "dismissed", public["public_reasons"])
    told = [("other@mail.example", "complaint_answered"), ("reader@mail.example", "complaint_answered")]
    assert await answers(office) == told
    assert await answers(office) == told, "once"
    mails = await office.fetchval("SELECT string_agg(convert_from(document, 'UTF8'), ' ') FROM notice")
    assert STATEMENT["reasons"] not in mails, "in the public words alone"
    assert "mail.example" not in mails
    for who in ("drugs-a", "applicant"):
        assert await office.notices(who) == [], "nobody reads in an inbox what a complainant is told"


async def test_two_processes_that_answer_at_once_write_to_nobody_twice(office: Office) -> None:
    matter = await graded(office, site_recorded("twice.example"))
    for n in range(12):
        await complain(office, "twice.example", email=f"r{n}@mail.example")
    await office.post(f"/matters/{matter['id']}/dismissal", EASED, "drugs-a")
    await asyncio.gather(*(settling.answer(office.api.rt) for _ in range(4)))
    found = await answers(office)
    assert len(found) == len(set(found)) == 13


async def test_a_case_takes_the_complaints_in_and_tells_nobody_who_complained(office: Office) -> None:
    site = site_recorded("case.example")
    matter = await graded(office, site)
    await complain(office, "www.case.example", text="I am Li Wei, and they threatened me at home.")
    case = await office.post(f"/matters/{matter['id']}/case", case_about(site), "drugs-a", 201)
    assert (await office.get(f"/matters/{matter['id']}", "drugs-a"))["case_id"] == case["id"]
    (piece,) = case["evidence"]
    assert piece["confidential"] == "who complained"
    filed = (await office.api.get(f"/evidence/{piece['sha256']}", who="drugs-a")).json()
    assert (filed["complaints_total"], len(filed["complaints"])) == (2, 2)
    assert "reader@mail.example" not in json.dumps(filed)
    alone = {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": [piece["sha256"]]}
    refused = await office.refused(f"/cases/{case['id']}/decisions", alone, "drugs-a")
    assert refused == (422, "evidence_all_withheld")
    shown = await office.file(case["id"], b"The order book.")
    drafted = await office.post(
        f"/cases/{case['id']}/decisions", alone | {"evidence_hashes": [piece["sha256"], shown]}, "drugs-a", 201
    )
    withheld = await office.api.get(f"/evidence/{piece['sha256']}", who="applicant")
    assert (withheld.status_code, withheld.json()["code"]) == (403, "evidence_withheld")
    seen = [await office.get(path, "applicant") for path in (f"/decisions/{drafted['id']}/evidence", "/notices")]
    seen += [await office.get(f"/notices/{each['id']}", "applicant") for each in seen[1]["items"]]
    told = json.dumps(seen, ensure_ascii=False)
    for word in ("Li Wei", "mail.example", SAID, matter["receipt"]["reference"], matter["id"]):
        assert word not in told, word


async def test_how_the_case_ends_is_how_the_complaint_does(office: Office) -> None:
    site = site_recorded("ends.example")
    matter = await graded(office, site)
    case = await office.post(f"/matters/{matter['id']}/case", case_about(site), "drugs-a", 201)
    late = await complain(office, "ends.example")
    assert (await stands(office, late))["status"] == "in_hand", "that there is a case is not told"
    sha256 = await office.file(case["id"], b"The consent.")
    body = {"effect": "no_breach", "statement": STATEMENT, "evidence_hashes": [sha256]}
    drafted = await office.post(f"/cases/{case['id']}/decisions", body, "drugs-a", 201)
    await office.release(drafted)
    for receipt in (matter["receipt"], late):
        shown = await stands(office, receipt)
        assert (shown["status"], shown["outcome"]) == ("over", "no_breach")
    assert await answers(office) == [("reader@mail.example", "complaint_answered")]


async def test_a_discontinued_case_ends_the_complaint_too(office: Office) -> None:
    site = site_recorded("dropped.example")
    matter = await graded(office, site)
    case = await office.post(f"/matters/{matter['id']}/case", case_about(site), "drugs-a", 201)
    await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
    shown = await stands(office, matter["receipt"])
    assert (shown["outcome"], STATEMENT["reasons"] in shown["reasons"]) == ("discontinued", False)


async def test_the_case_is_about_what_was_complained_of(office: Office) -> None:
    site, other = site_recorded("mine.example"), site_recorded("other.example")
    await office.hear(other)
    matter = await graded(office, site)
    path = f"/matters/{matter['id']}/case"
    assert await office.refused(path, case_about(other), "drugs-a") == (422, "case_misfit")
    assert await office.fetchval("SELECT count(*) FROM enforcement_case") == 0
    await complain(office, "shop.found.example")
    (found,) = [each for each in await matters(office, "regulator-a") if each["site_id"] is None]
    await office.post(f"/matters/{found['id']}/triage", GRADED, "regulator-a")
    body, elsewhere = {**CASE, "about": FOUND}, {**FOUND, "host": "elsewhere.example"}
    path = f"/matters/{found['id']}/case"
    assert await office.refused(path, {**CASE, "about": elsewhere}, "regulator-a") == (422, "case_misfit")
    await office.post(path, body, "regulator-a", 201)


async def test_a_warning_is_a_letter_that_has_no_effect_and_can_be_answered(office: Office) -> None:
    site = site_recorded("warned.example")
    matter = await graded(office, site, MINOR)
    sent = await office.post(f"/matters/{matter['id']}/warning", STATED, "drugs-a", 201)
    assert await office.notices() == ["warning"]
    (notice,) = (await office.get("/notices", "applicant"))["items"]
    assert notice["about"] == {"service": "enforcement", "kind": "warning", "id": sent["id"]}
    letter = await office.get(f"/warnings/{sent['id']}", "applicant")
    assert letter["allowed_actions"] == ["answer"]
    assert matter["id"] not in json.dumps(letter)
    for stranger in ("seller", "culture-a", "regulator-a"):
        assert (await office.api.get(f"/warnings/{sent['id']}", who=stranger)).status_code == 403, stranger
    said = {"text": "The label was printed the day after."}
    assert await office.refused(f"/warnings/{sent['id']}/answer", said, "seller") == (403, "out_of_scope")
    await office.post(f"/warnings/{sent['id']}/answer", said, "applicant")
    assert await office.refused(f"/warnings/{sent['id']}/answer", said, "applicant") == (409, "action_refused")
    assert (await office.get("/warnings", "drugs-b"))["items"][0]["answer"] == said["text"]
    assert (await stands(office, matter["receipt"]))["outcome"] == "warned"
    for table in ("enforcement_case", "decision", "outbox"):
        assert await office.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    act = {"service": "enforcement", "kind": "warning", "id": sent["id"]}
    appeal = {"act": act, "grounds": "There is nothing wrong with our labels."}
    assert await office.refused("/appeals", appeal, "applicant") == (404, "unknown_act"), "nothing to appeal against"


async def test_for_a_name_in_no_register_its_host_passes_the_letter_on(office: Office) -> None:
    await complain(office, "shop.found.example")
    (matter,) = await matters(office, "regulator-a")
    await office.post(f"/matters/{matter['id']}/triage", MINOR, "regulator-a")
    path = f"/matters/{matter['id']}/warning"
    assert await office.refused(path, STATED, "regulator-a") == (422, "nobody_to_warn")
    past = {**STATED, "provider_id": FOUND["provider_id"], "answer_by": "2020-01-01T00:00:00Z"}
    assert await office.refused(path, past, "regulator-a") == (422, "invalid")
    body = {**STATED, "provider_id": FOUND["provider_id"]}
    assert (await office.post(path, body, "regulator-a", 201))["to"]["name"] == "Example Hosting"


async def test_an_office_complains_in_its_own_name_and_the_desk_sees_its_kind_alone(office: Office) -> None:
    site = site_recorded("reported.example")
    await office.hear(site)
    body = {"host": "reported.example", "ground": GROUND, "text": SAID}
    society = ("society-a", {"organisation": "society", "roles": ["industry_body"]})
    provider = ("provider", {"organisation": FOUND["provider_id"], "roles": ["access_provider"]})
    for who in (society, provider):
        await office.post("/complaints/reports", body, who, 201)
    for stranger in ("applicant", "drugs-a", "auditor"):
        assert await office.refused("/complaints/reports", body, stranger) == (403, "role_missing")
    (matter,) = await matters(office)
    said = (await office.get(f"/matters/{matter['id']}/complaints", "drugs-a"))["items"]
    assert [each["source"] for each in said] == ["industry_body", "access_provider"]
    assert "society" not in json.dumps(said)
    assert FOUND["provider_id"] not in json.dumps(said)


async def test_who_complained_is_forgotten_when_it_was_over_for_so_many_days(office: Office) -> None:
    matter = await graded(office, site_recorded("forgotten.example"))
    open_one = await complain(office, "waiting.example", email="waits@mail.example")
    await office.post(f"/matters/{matter['id']}/dismissal", EASED, "drugs-a")
    await answers(office)
    over_for = timedelta(days=complaining.limits_of(office.api.rt).forget_days)
    office.clock.advance(over_for - timedelta(minutes=1))
    assert await complaining.forget(office.api.rt) == 0
    office.clock.advance(timedelta(minutes=2))
    assert await complaining.forget(office.api.rt) == 1
    assert await complaining.forget(office.api.rt) == 0
    assert await office.fetchval("SELECT max(forgotten_at) FROM complaint") == office.clock.now()
    assert await office.fetchval("SELECT array_agg(email) FROM complaint WHERE email IS NOT NULL") == [
        "waits@mail.example"
    ]
    assert await office.fetchval("SELECT count(*) FROM delivery") == 0, "nor where mail was queued"
    assert (await stands(office, matter["receipt"]))["status"] == "over", "the secret still reads it"
    assert (await stands(office, open_one))["status"] == "received"
