"""Whom a decision burdens reads what it rests on and is told what is withheld, and why: the right to be heard."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.access import ProviderRecordedV1
from tests.integration.enforcement.conftest import STATEMENT, Office, site_recorded
from tests.support.people import PEOPLE

PROVIDER = ProviderRecordedV1.EXAMPLE["provider_id"]
HOST = ("host", {"organisation": PROVIDER, "roles": ["access_provider"]})
STRANGER = ("applicant", {"organisation": "91310000MA1FL0ABC1"})
WHY = "It names the patient who complained."


async def read(office: Office, sha256: str, who: Any) -> tuple[int, Any]:
    answer = await office.api.get(f"/evidence/{sha256}", who=who)
    return answer.status_code, answer.content if answer.status_code == 200 else answer.json()


async def drafted(office: Office, effect: str = "revoke", **changes: Any) -> tuple[dict[str, Any], str, str, str]:
    """A draft that cites a piece and a confidential one, while a third lies beside them; the three hashes."""
    case = await office.case()
    cited, named, beside = [
        await office.file(case["id"], f"{content} {case['id']}".encode(), confidential=why)
        for content, why in (("The order book.", None), ("The complaint of", WHY), ("A note of ours", None))
    ]
    return await office.draft(case, effect, evidence_hashes=[cited, named], **changes), cited, named, beside


async def test_whom_a_draft_burdens_reads_what_it_cites_as_soon_as_it_is_told(office: Office) -> None:
    decision, cited, named, beside = await drafted(office)
    path = f"/decisions/{decision['id']}/evidence"
    listed = {each["sha256"]: each for each in (await office.get(path, "applicant"))["evidence"]}
    assert listed.keys() == {cited, named}
    assert (listed[cited]["confidential"], listed[named]["confidential"]) == (None, WHY)
    assert await read(office, cited, "applicant") == (200, f"The order book. {decision['case_id']}".encode())
    assert (await read(office, beside, "applicant"))[0] == 404, "it is not cited"
    for who in (STRANGER, HOST, "culture-a", "regulator-a", "review-a", "shanghai-drugs-a"):
        assert (await office.api.get(path, who=who)).status_code == 403, who
        assert (await read(office, cited, who))[0] == 404, who
    for who in ("officer", "coordination-a"):
        assert (await read(office, cited, who))[0] == 403, who
    sql = "SELECT array_agg(act ORDER BY id) FROM audit WHERE subject = 'applicant' AND outcome = 'granted'"
    assert await office.fetchval(sql) == ["list_cited_evidence", "read_evidence"]
    await office.post(f"/decisions/{decision['id']}/withdrawal", {"reasons": "It was a mistake of ours."}, "drugs-a")
    assert (await read(office, cited, "applicant"))[0] == 200, "it was told, and stays so"


async def test_what_is_confidential_is_withheld_from_whom_it_is_cited_against_and_from_nobody_else(
    office: Office,
) -> None:
    decision, cited, named, _ = await drafted(office)
    status, problem = await read(office, named, "applicant")
    assert (status, problem["code"]) == (403, "evidence_withheld")
    assert WHY in problem["detail"]
    assert (await read(office, named, STRANGER))[1]["code"] == "unknown_evidence", "nobody else hears of it"
    for who in ("drugs-a", "drugs-c", "drugs-national-a", "auditor"):
        assert (await read(office, named, who))[0] == 200, who
        shown = await office.get(f"/decisions/{decision['id']}/evidence", who)
        assert {each["sha256"] for each in shown["evidence"]} == {cited, named}
    case = await office.get(f"/cases/{decision['case_id']}", "drugs-c")
    assert {each["sha256"]: each["confidential"] for each in case["evidence"]}[named] == WHY


async def test_what_lies_open_in_a_case_of_ones_own_is_read_though_it_is_confidential_in_anothers(
    office: Office,
) -> None:
    decision, *_ = await drafted(office)
    of_other = {**site_recorded().model_dump(mode="json")["operator"], "identity": STRANGER[1]["organisation"]}
    other = await office.case(site_recorded(operator=of_other))
    content = f"The complaint of {decision['case_id']}".encode()
    sha256 = await office.file(other["id"], content)
    await office.draft(other, evidence_hashes=[sha256])
    assert await read(office, sha256, STRANGER) == (200, content)
    assert (await read(office, sha256, "applicant"))[1]["code"] == "evidence_withheld"


@pytest.mark.parametrize("effect", ["revoke", "correct"])
async def test_no_burden_rests_on_what_is_withheld_alone(office: Office, effect: str) -> None:
    case = await office.case()
    named = await office.file(case["id"], b"The complaint.", confidential=WHY)
    dates = {"correct_by": "2026-12-24T00:00:00Z"} if effect == "correct" else {}
    body = {"effect": effect, "statement": STATEMENT, "evidence_hashes": [named], **dates}
    path = f"/cases/{case['id']}/decisions"
    assert await office.refused(path, body, "drugs-a") == (422, "evidence_all_withheld")
    body["evidence_hashes"] = [named, await office.file(case["id"], b"The order book.")]
    assert (await office.api.post(path, json=body, who="drugs-a")).status_code == 201


async def test_a_finding_of_no_breach_tells_nothing_before_its_release(office: Office) -> None:
    case = await office.case()
    sha256 = await office.file(case["id"], b"The licence.")
    found = await office.draft(case, "no_breach", evidence_hashes=[sha256])
    assert (await office.api.get(f"/decisions/{found['id']}/evidence", who="applicant")).status_code == 403
    assert (await read(office, sha256, "applicant"))[0] == 404
    await office.release(found)
    assert (await office.get(f"/decisions/{found['id']}/evidence", "applicant"))["evidence"][0]["sha256"] == sha256
    assert (await read(office, sha256, "applicant"))[0] == 200


async def test_a_provider_reads_what_is_cited_against_it(office: Office) -> None:
    about: dict[str, Any] = {"about": {"kind": "provider", "provider_id": PROVIDER}, "service_item": None}
    case = await office.case(who="regulator-a", **about)
    sha256 = await office.file(case["id"], b"An answer that never came.", "regulator-a")
    await office.draft(case, "penalty", who="regulator-a", evidence_hashes=[sha256])
    assert (await read(office, sha256, HOST))[0] == 200
    assert (await read(office, sha256, ("host", {**HOST[1], "roles": ["query_desk"]})))[0] == 403, "not its role"
    assert (await read(office, sha256, "applicant"))[0] == 404


async def test_a_piece_stays_as_open_or_as_confidential_as_it_was_filed(office: Office) -> None:
    case = await office.case()
    path = f"/cases/{case['id']}/evidence"
    body: dict[str, Any] = {"content": b"x", "headers": {"Content-Type": "text/plain"}}
    for first, second in ((f"?confidential={WHY}", ""), ("", f"?confidential={WHY}")):
        body["content"] = f"x{first}".encode()
        filed = await office.api.post(f"{path}{first}", who="drugs-a", **body)
        again = await office.api.post(f"{path}{first}", who="drugs-b", **body)
        assert (filed.status_code, again.json()["confidential"]) == (201, WHY if first else None)
        refused = await office.api.post(f"{path}{second}", who="drugs-b", **body)
        assert (refused.status_code, refused.json()["code"]) == (409, "evidence_filed_otherwise")
    for why in ("", "secret"):
        assert (await office.api.post(f"{path}?confidential={why}", who="drugs-a", **body)).status_code == 422, why


async def test_nobody_files_anything_as_confidential_but_whose_case_it_is(office: Office) -> None:
    case = await office.case()
    for who in sorted(PEOPLE.keys() - {"drugs-a", "drugs-b", "drugs-c"}):
        answer = await office.api.post(
            f"/cases/{case['id']}/evidence?confidential={WHY}", content=b"x", who=who,
            headers={"Content-Type": "text/plain"},
        )  # fmt: skip
        assert answer.status_code == 403, who
    count = "SELECT count(*) FROM case_evidence WHERE case_id = $1"
    assert await office.fetchval(count, UUID(case["id"])) == 1
