"""Single look-ups, the public's look-ups and the register page, over HTTP."""

import hashlib
import re
from typing import Any

import pytest

from shared.contracts import examples
from shared.contracts.http.query import LookupAnswer, LookupLine, PublicAnswer
from shared.contracts.http.register import RegisterEntry
from shared.pages import assets
from tests.support.service import Api
from tests.unit.query.build import AT, HOST, IDENTITY

BULK = "/lookup/bulk"
WHY = {"X-Purpose": "a test"}


async def audits(api: Api) -> list[dict[str, Any]]:
    async with api.rt.db.connection() as connection:
        return [dict(row) for row in await connection.fetch("SELECT * FROM lookup_audit ORDER BY id")]


async def test_an_official_sees_the_full_record_and_is_audited(api: Api) -> None:
    purpose = "核查 case 17"
    answer = await api.get(
        "/lookup", params={"domain": "例子.test"}, who="officer", headers={"X-Purpose": purpose.encode()}
    )
    assert answer.status_code == 200
    found = LookupAnswer.model_validate_json(answer.content)
    assert found.found
    assert found.operator is not None
    assert found.accesses is not None
    assert (found.operator.identity, found.accesses[0].ips) == (IDENTITY, ["198.18.0.1"])
    assert found.as_of == AT
    (row,) = await audits(api)
    assert (row["subject"], row["by"], row["key"], row["purpose"]) == ("officer", "domain", "例子.test", purpose)
    assert (row["keys"], row["found"], row["status"], row["as_of"]) == (1, 1, "completed", AT)


async def test_what_is_not_found_is_an_answer_and_is_audited(api: Api) -> None:
    answer = await api.get("/lookup", params={"number": "京ICP备99999999号"}, who="regulator-a", headers=WHY)
    assert answer.status_code == 200
    assert answer.json() | {"lag_ms": 0, "as_of": ""} == {
        "found": False, "key": "京ICP备99999999号", "lag_ms": 0, "as_of": "",
    }  # fmt: skip
    assert [row["found"] for row in await audits(api)] == [0]


async def test_an_address_shows_all_its_sites(api: Api) -> None:
    answer = (await api.get("/lookup", params={"ip": "198.18.0.1"}, who="officer", headers=WHY)).json()
    assert (answer["total"], len(answer["others"])) == (2, 1)


@pytest.mark.parametrize(
    ("who", "status"), [("officer", 200), ("auditor", 200), ("drugs-a", 200), ("applicant", 403), (None, 401)]
)
async def test_only_officials_see_the_full_record(api: Api, who: str | None, status: int) -> None:
    assert (await api.get("/lookup", params={"domain": "pharmacy.example"}, who=who, headers=WHY)).status_code == status
    assert (await api.post(BULK, content=b"pharmacy.example", who=who, headers=WHY)).status_code == status
    assert len(await audits(api)) == (2 if status == 200 else 0)
    async with api.rt.db.connection() as connection:
        refused = await connection.fetchval("SELECT count(*) FROM audit WHERE outcome = 'refused'")
    assert refused == (2 if status == 403 else 0)


@pytest.mark.parametrize(
    "query", [{}, {"domain": "a.example", "ip": "198.18.0.1"}, {"domain": "no dots"}, {"ip": "1"}, {"number": "x"}]
)
async def test_a_malformed_key_names_the_field(api: Api, query: dict[str, str]) -> None:
    answer = await api.get("/lookup", params=query, who="officer", headers=WHY)
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] in {"key", "domain", "ip", "number"}
    assert await audits(api) == []


async def test_without_the_audit_there_is_no_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query.store.lookups.ADD", "INSERT INTO nowhere VALUES ($1)")
    assert (
        await api.get("/lookup", params={"domain": "pharmacy.example"}, who="officer", headers=WHY)
    ).status_code == 500
    answer = await api.post(BULK, content=b"pharmacy.example", who="officer", headers=WHY)
    assert answer.status_code == 500
    assert b"pharmacy" not in answer.content


async def test_the_public_sees_the_public_fields(api: Api) -> None:
    for key in ({"domain": "pharmacy.example"}, {"number": "京ICP备00000001号"}):
        answer = await api.get("/public/lookup", params=key)
        assert answer.status_code == 200
        assert PublicAnswer.model_validate_json(answer.content).found
        for secret in ("identity", IDENTITY, "ips", "198.18.", "operator_id", "registration_id", "version"):
            assert secret not in answer.text
    person = (await api.get("/public/lookup", params={"domain": "site-3.example"})).text
    assert "张三丰" not in person
    assert "个人 / individual" in person


async def test_the_public_cannot_look_up_addresses(api: Api) -> None:
    answer = await api.get("/public/lookup", params={"ip": "198.18.0.1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "addresses_are_official")


async def test_the_register_says_why_a_site_is_gone(api: Api) -> None:
    answer = await api.get("/public/register/京ICP备00000002号")
    entry = RegisterEntry.model_validate_json(answer.content)
    (measure,) = entry.sites[0].measures
    assert (entry.sites[0].status, measure.authority.zh) == ("revoked", examples.AUTHORITY["names"]["zh"])
    assert measure.public_reasons == examples.STATEMENT["reasons"]
    assert [event.what for event in entry.history] == ["carried_out", "cut_off_released", "cut_off_executed"]
    assert entry.sites[0].hosting.state == "suspended"


async def test_the_register_is_a_page_for_browsers(api: Api) -> None:
    accept = "text/html,application/xhtml+xml,*/*;q=0.8"
    answer = await api.get("/public/register/京ICP备00000002号-2", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["vary"] == "Accept, Accept-Language"
    assert "京ICP备00000002号-2" in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("京ICP备99999999号", 404),
        ("nonsense", 422),
        ("198.18.0.1", 422),
        ("京ICP备00000003号", 200),
        ("pharmacy.example", 200),
        ("例子.test", 200),
        ("www.pharmacy.example", 200),
        (HOST, 200),
        ("no.example", 404),
    ],
)
async def test_register_addresses(api: Api, key: str, status: int) -> None:
    assert (await api.get(f"/public/register/{key}")).status_code == status
    assert (await api.get(f"/public/register/{key}", headers={"Accept": "text/html"})).status_code == status


async def test_a_site_in_no_register_is_told_of_by_its_host_name(api: Api) -> None:
    entry = RegisterEntry.model_validate_json((await api.get(f"/public/register/{HOST}")).content)
    assert entry.unregistered is not None
    assert entry.unregistered.measures[0].public_reasons == examples.STATEMENT["reasons"]
    public = PublicAnswer.model_validate_json((await api.get("/public/lookup", params={"domain": HOST})).content)
    assert (public.found, public.unregistered) == (False, entry.unregistered)
    assert examples.CASE not in public.model_dump_json()
    official = await api.get("/lookup", params={"domain": HOST}, who="officer", headers=WHY)
    found = LookupAnswer.model_validate_json(official.content).unregistered
    assert found is not None
    assert str(found.measures[0].case_id) == examples.CASE
    assert [row["found"] for row in await audits(api)] == [0]


async def test_a_list_is_answered_in_order(api: Api) -> None:
    keys = "site-2.example\nno.example\n\n198.18.0.1\nnonsense\n京ICP备00000001号\nPHARMACY.example"
    answer = await api.post(BULK, content=keys.encode(), who="officer", headers=WHY)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["x-concord-as-of"] == "2026-11-22T04:00:00Z"
    assert int(answer.headers["x-concord-lag-ms"]) >= 0
    lines = [LookupLine.model_validate_json(line) for line in answer.text.splitlines()]
    assert [(line.key, line.found) for line in lines] == [
        ("site-2.example", True), ("no.example", False), ("198.18.0.1", True), ("nonsense", False),
        ("京ICP备00000001号", True), ("PHARMACY.example", True),
    ]  # fmt: skip


async def test_csv_comes_with_a_header(api: Api) -> None:
    answer = await api.post(
        f"{BULK}?format=csv&by=domain",
        content=b"name of site,x\npharmacy.example,1\nnone.example,2\n",
        who="officer",
        headers=WHY | {"Content-Type": "text/csv; header=present"},
    )
    assert answer.headers["content-type"].startswith("text/csv")
    rows = answer.text.split("\r\n")
    assert [row.split(",")[:2] for row in rows if row] == [
        ["key", "found"], ["pharmacy.example", "true"], ["none.example", "false"],
    ]  # fmt: skip


async def test_an_unknown_format_is_refused_before_anything_is_audited(api: Api) -> None:
    assert (await api.post(f"{BULK}?format=xls", content=b"a", who="officer", headers=WHY)).status_code == 422
    assert (await api.post(f"{BULK}?by=colour", content=b"a", who="officer", headers=WHY)).status_code == 422
    assert await audits(api) == []


async def test_a_list_leaves_its_count_and_digest(api: Api) -> None:
    keys = b"pharmacy.example\nno.example\n"
    await api.post(BULK, content=keys, who="officer", headers={"X-Purpose": "monthly check"})
    (row,) = await audits(api)
    assert (row["status"], row["keys"], row["found"], row["purpose"]) == ("completed", 2, 1, "monthly check")
    assert row["digest"] == hashlib.sha256(keys).hexdigest()
    assert row["finished_at"] >= row["started_at"]


async def test_the_api_documents_itself(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert {"/lookup", "/public/lookup", "/lookup/bulk", "/public/register/{key}"} <= paths.keys()
    assert "requestBody" in paths["/lookup/bulk"]["post"]


@pytest.mark.parametrize("stated", [{}, {"X-Purpose": "  "}, {"X-Purpose": "\t"}])
async def test_who_sees_more_than_the_public_says_why(api: Api, stated: dict[str, str]) -> None:
    for answer in (
        await api.get("/lookup", params={"domain": "pharmacy.example"}, who="officer", headers=stated),
        await api.post(BULK, content=b"pharmacy.example", who="officer", headers=stated),
        await api.get("/lookups", who="auditor", headers=stated),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "purpose_required")
        assert "X-Purpose" in answer.json()["detail"]
    assert await audits(api) == []
    assert (await api.get("/public/lookup", params={"domain": "pharmacy.example"})).status_code == 200


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("例子.test", True), ("PHARMACY.example:443", True), ("http://Pharmacy.Example/a?b", True),
        ("198.18.0.1:8080", True),
        ("京icp备00000002号－2", True), ("icp-records.example", False), ("备案.example", False), ("xn--ls8h.la", False),
        ("💩.la", False), ("a_b.example.com", False), ("a_b.pharmacy.example", True), ("com.cn", False),
    ],
)  # fmt: skip
async def test_a_key_of_any_shape_is_one_parameter(api: Api, key: str, found: bool) -> None:
    answer = await api.get("/lookup", params={"key": key}, who="officer", headers=WHY)
    assert (answer.status_code, answer.json()["found"]) == (200, found)
    lines = [await api.post(f"{BULK}?format={form}", content=key.encode(), who="officer", headers=WHY)
             for form in ("ndjson", "csv")]  # fmt: skip
    assert LookupLine.model_validate_json(lines[0].text).found is found
    assert f",{str(found).lower()}," in lines[1].text.splitlines()[1]


async def test_the_public_cannot_look_up_an_address_as_any_key_either(api: Api) -> None:
    answer = await api.get("/public/lookup", params={"key": "198.18.0.1:80"})
    assert (answer.status_code, answer.json()["code"]) == (422, "addresses_are_official")


async def test_every_public_address_takes_head(api: Api) -> None:
    page = {"Accept": "text/html"}
    sheet = re.search('href="([^"]+[.]css)"', (await api.get("/public/register/京ICP备00000002号", headers=page)).text)
    assert sheet is not None
    listed = ("/public/register", "/public/register.csv", "/public/register.ndjson", "/public/counts")
    for address in ("/public/lookup?domain=pharmacy.example", "/public/register/京ICP备00000002号", *listed, sheet[1]):
        got, head = [await api.request(method, address, headers=page) for method in ("GET", "HEAD")]
        assert (got.status_code, head.status_code) == (200, 200)
        assert head.headers["content-type"] == got.headers["content-type"]
    public = [path for path in (await api.get("/openapi.json")).json()["paths"] if path.startswith("/public/")]
    assert len(public) == 2 + len(listed)


async def test_the_stylesheet_may_be_kept_for_ever(api: Api) -> None:
    answer = await api.get(assets.STYLESHEET)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await api.get(assets.STYLESHEET.replace(".css", "0.css"))).status_code == 404


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [("", "", "zh-CN"), ("", "en-GB,en;q=0.9", "en"), ("?lang=zh", "en", "zh-CN"), ("?lang=en", "zh", "en"),
     ("?lang=xx", "fr, en;q=0.2", "en"), ("", "zh-TW;q=0.1, en;q=0", "zh-CN")],
)  # fmt: skip
async def test_a_page_comes_in_the_readers_language(api: Api, asked: str, accepted: str, language: str) -> None:
    headers = {"Accept": "text/html", "Accept-Language": accepted}
    for number, status in (("京ICP备00000002号", 200), ("京ICP备99999999号", 404), ("nonsense", 422)):
        answer = await api.get(f"/public/register/{number}{asked}", headers=headers)
        assert (answer.status_code, answer.headers["content-language"]) == (status, language)
        assert f'<html lang="{language}">' in answer.text
