"""The public register over HTTP: pages, searches, counts and files, for everybody and without a person."""

import csv
import io
import json
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest

from query.readmodel.writer import Writer
from shared.contracts.http.listing import ListedSite, RegisterCounts, RegisterPage
from tests.integration.query.conftest import PERSON
from tests.support.service import Api
from tests.unit.query.build import AT, IDENTITY, batch, site

HTML = {"Accept": "text/html"}
SECRETS = (PERSON["name"], PERSON["identity"], IDENTITY, "198.18.", "address_for_service", "operator_id")


async def page(api: Api, **asked: Any) -> RegisterPage:
    answer = await api.get("/public/register", params=asked)
    assert answer.status_code == 200, answer.text
    for secret in SECRETS:
        assert secret not in answer.text
    return RegisterPage.model_validate_json(answer.content)


def numbers(found: RegisterPage) -> list[str]:
    return [each.site_number[-1] for each in found.items]


async def test_pages_hold_each_site_once_with_how_fresh_they_are(api: Api) -> None:
    first = await page(api, limit=2)
    second = await page(api, limit=2, after=first.next)
    assert sorted(numbers(first) + numbers(second)) == ["1", "2", "3"]
    assert (second.next, first.as_of) == (None, AT)
    assert {each.operator for each in (*first.items, *second.items)} == {"Example Pharmacy Ltd", "个人 / individual"}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"status": "revoked"}, ["2"]), ({"status": "live"}, ["1", "3"]), ({"status": "ended"}, []),
        ({"region": "110000"}, ["1", "2", "3"]), ({"region": "310000"}, []), ({"kind": "licence"}, []),
        ({"item": "drugs_and_devices"}, ["1", "2", "3"]), ({"item": "culture"}, []),
        ({"domain": "pharm"}, ["1"]), ({"domain": "例子.test"}, ["1"]), ({"number": "京ICP备0000000"}, ["1", "2", "3"]),
        ({"name": "site"}, ["1", "2"]), ({"name": "site", "status": "revoked"}, ["2"]),
    ],
)  # fmt: skip
async def test_filters_and_searches(api: Api, asked: dict[str, str], found: list[str]) -> None:
    assert sorted(numbers(await page(api, **asked))) == found


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"after": "nonsense"}, "after"), ({"after": "A" * 990}, "after"), ({"name": "　"}, "name"),
        ({"domain": "a", "name": "b"}, "domain"), ({"region": "1"}, "region"), ({"status": "proposed"}, "status"),
        ({"limit": "201"}, "limit"), ({"number": "ﷺ" * 100}, "number"), ({"domain": "例 子"}, "domain"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_names_the_field(api: Api, asked: dict[str, str], field: str) -> None:
    answer = await api.get("/public/register", params=asked)
    assert (answer.status_code, answer.json()["fields"][0]["field"].split(".")[-1]) == (422, field), answer.text


async def test_a_search_that_looks_at_too_many_says_that_more_follow(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query.service.listed.MOST_LOOKED_AT", 1)
    asked = {"number": "京", "status": "revoked"}
    pages = [await page(api, **asked)]
    while pages[-1].next is not None and len(pages) < 20:
        pages.append(await page(api, **asked, after=pages[-1].next))
    assert (numbers(pages[0]), pages[0].next is None, len(pages) > 3) == ([], False, True)
    assert [number for each in pages for number in numbers(each)] == ["2"]
    assert pages[-1].next is None


async def test_counts_are_exact_and_follow_every_record(api: Api) -> None:
    def counts(answer: Any) -> tuple[int, dict[str, int], dict[str, int]]:
        found = RegisterCounts.model_validate_json(answer.content)
        return found.total, {each.item: each.total for each in found.categories}, found.statuses

    assert counts(await api.get("/public/counts")) == (3, {"drugs_and_devices": 3}, {"live": 2, "revoked": 1})
    Writer(api.rt.state.model).apply(
        batch(site(1, 9, status="ended"), site(2, 9, service_items=("culture", "general")))
    )
    assert counts(await api.get("/public/counts")) == (
        2, {"culture": 1, "drugs_and_devices": 1, "general": 1}, {"live": 2},
    )  # fmt: skip
    answer = await api.get("/public/counts", params={"item": "culture", "region": "110000"})
    assert counts(answer)[0] == 1
    assert answer.headers["Cache-Control"].startswith("public")
    (region,) = RegisterCounts.model_validate_json(answer.content).regions
    assert (region.region, region.names.en, region.total) == ("110000", "Beijing", 1)


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_a_category_is_a_file_that_goes_on_where_it_ended(api: Api, form: str) -> None:
    def lines(text: str) -> list[dict[str, Any]]:
        if form == "ndjson":
            return [json.loads(line) for line in text.splitlines()]
        return list(csv.DictReader(io.StringIO(text, newline="")))

    asked: dict[str, Any] = {"item": "drugs_and_devices", "limit": 2}
    first = await api.get(f"/public/register.{form}", params=asked)
    assert (first.status_code, len(lines(first.text))) == (200, 2)
    assert first.headers["X-Concord-As-Of"] == "2026-11-22T04:00:00Z"
    rest = await api.get(f"/public/register.{form}", params={**asked, "after": lines(first.text)[-1]["cursor"]})
    end = await api.get(f"/public/register.{form}", params={**asked, "after": lines(rest.text)[-1]["cursor"]})
    assert [each["site_number"][-1] for each in lines(first.text) + lines(rest.text)] == ["1", "3", "2"]
    assert lines(end.text) == []
    for secret in SECRETS:
        assert secret not in first.text + rest.text
    if form == "ndjson":
        assert [ListedSite.model_validate(each).status for each in lines(rest.text)] == ["revoked"]


async def test_a_long_file_comes_in_blocks(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("query.service.listed.BLOCK", 1)
    answer = await api.get("/public/register.ndjson", params={"limit": 3})
    assert len(answer.text.splitlines()) == 3
    assert (await api.get("/public/register.csv", params={"limit": 100_001})).status_code == 422
    assert (await api.get("/public/register.csv", params={"after": "x"})).status_code == 422


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_it_is_a_page_for_browsers_whose_links_lead_on(api: Api, lang: str) -> None:
    answer = await api.get("/public/register", params={"lang": lang, "limit": 2}, headers=HTML)
    assert answer.headers["content-type"].startswith("text/html")
    assert ("药品和医疗器械" if lang == "zh" else "Drugs and medical devices") in answer.text
    assert "<script" not in answer.text
    for secret in SECRETS:
        assert secret not in answer.text
    links = [part.partition('"')[0].replace("&amp;", "&") for part in answer.text.split('href="/public/register')[1:]]
    assert any("item=drugs_and_devices" in link for link in links)
    assert any("after=" in link for link in links)
    for link in links:
        followed = await api.get(f"/public/register{link}", headers=HTML)
        assert followed.status_code == 200, link


async def test_the_other_language_shows_the_same_page_and_a_status_is_named(api: Api) -> None:
    first = (await api.get("/public/register", params={"limit": 1})).json()
    asked = {"region": "110000", "status": "live", "limit": 1, "after": first["next"], "lang": "en"}
    answer = await api.get("/public/register", params=asked, headers=HTML)
    link = re.search(r'href="([^"]+)" hreflang', answer.text)
    assert link is not None
    led = dict(parse_qsl(link[1].replace("&amp;", "&").partition("?")[2]))
    assert led == {name: str(value) for name, value in (asked | {"lang": "zh"}).items()}
    assert "in force" in answer.text.partition("<table>")[0], "which status is listed"


async def test_a_file_has_all_that_fits_and_says_how_many_there_are(api: Api) -> None:
    total = (await api.get("/public/counts")).json()["total"]
    for form in ("csv", "ndjson"):
        answer = await api.get(f"/public/register.{form}")
        assert len(answer.text.splitlines()) == total + (form == "csv")
        assert (answer.headers["X-Concord-Total"], answer.status_code) == (str(total), 200)
    page = await api.get("/public/register", headers=HTML)
    assert "register.csv?limit=100000" in page.text


async def test_a_page_of_a_category_says_which_and_a_strange_one_is_text(api: Api) -> None:
    asked = {"item": "<b>x</b>", "region": "990000", "kind": "licence", "lang": "en"}
    answer = await api.get("/public/register", params=asked, headers=HTML)
    assert (answer.status_code, "<b>x</b>" in answer.text) == (200, False)
    assert "&lt;b&gt;x" in answer.text
    searched = await api.get("/public/register", params={"name": "site", "lang": "en"}, headers=HTML)
    assert (searched.status_code, "As a file" in searched.text) == (200, False)
