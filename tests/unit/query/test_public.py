"""The public sees the public fields, and no person."""

import re
from typing import Any

import msgspec

from query import page, public
from query.freshness import Freshness
from query.keys import By
from query.lookup import Lookup, group
from query.readmodel import ReadModel
from query.records import id_of
from query.views import LookupAnswer, PublicAnswer, RegisterEntry
from query.writer import Writer
from shared.contracts import examples
from tests.unit.query.build import AT, USCC, batch, order, site

PERSON = {"name": "张三丰", "uscc": "110101199003074477", "kind": "person"}
OFFICIAL = (USCC, "198.18.", examples.CASE, examples.DIGEST, examples.REGISTRATION, examples.OPERATOR)


def entry(model: ReadModel, number: str = "京ICP备00000001号") -> dict[str, Any]:
    with model.reading() as txn:
        hit = Lookup(model, txn).find(number, By.NUMBER)
        assert hit is not None
        sites = group(hit)
        orders = [model.orders_of(txn, id_of(each.site.site_id)) for each in sites.entries]
    return {**public.register(number, sites, orders), **Freshness(AT, AT).members()}


def revoked(**more: Any) -> Any:
    return batch(site(1, 1), site(1, 2, status="revoked", **more), order("released"), order("executed", minutes=9))


def test_the_public_answer_holds_no_official_field(model: ReadModel, writer: Writer) -> None:
    writer.apply(revoked())
    with model.reading() as txn:
        hit = Lookup(model, txn).find("site-1.example", By.DOMAIN)
        assert hit is not None
        shown = msgspec.json.encode(public.answer(group(hit)))
    for text in (shown, page.as_json(entry(model)), page.render(entry(model)).encode()):
        assert b"\xe5\x8f\xb7" in text
        assert not [secret for secret in OFFICIAL if secret.encode() in text]


def test_a_person_is_not_named_anywhere(model: ReadModel, writer: Writer) -> None:
    reasons = "The site of 张三丰 (110101199003074477) showed programmes without approval."
    measure = {**examples.MEASURE, "reasons": reasons, "authority": "culture-110000"}
    writer.apply(revoked(name="张三丰的主页", operator=PERSON, measure=measure))
    shown = entry(model)
    assert shown["operator"] == {"name": public.INDIVIDUAL, "kind": "person"}
    assert shown["decision"]["reasons"].startswith(f"The site of {public.INDIVIDUAL}")
    for text in (page.as_json(shown).decode(), page.render(shown)):
        assert "张三丰" not in text
        assert "110101199003074477" not in text


def test_the_page_says_why_by_whom_and_how_to_challenge_it(model: ReadModel, writer: Writer) -> None:
    writer.apply(revoked())
    html = page.render(entry(model))
    for said in (
        "culture-110000",
        "Coordination Plan 2006",
        "after an order to correct",
        "Administrative review",
        "60 日内",
    ):
        assert said in html
    assert "已停止接入" in html
    assert "2026-11-22 13:00:00 (UTC+8)" in html
    happened = re.search("<table>.*</table>", html)
    assert happened is not None
    steps = ["登记被注销", "停止接入令 / order to cut off: 已发出", "停止接入令 / order to cut off: 已执行"]
    assert [happened[0].index(step) for step in steps] == sorted(happened[0].index(step) for step in steps)


def test_what_others_wrote_cannot_become_part_of_the_page(model: ReadModel, writer: Writer) -> None:
    writer.apply(revoked(name="<script>alert(1)</script>", operator={"name": '"><img src=x>'}))
    html = page.render(entry(model))
    assert "<script" not in html
    assert "<img" not in html
    assert "default-src 'none'" in page.HEADERS["Content-Security-Policy"]
    assert "unsafe" not in page.HEADERS["Content-Security-Policy"]


def test_an_order_that_never_went_out_is_nobodys_business(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1), order("withdrawn", None)))
    assert entry(model)["history"] == []


def test_who_prefers_html_gets_it() -> None:
    assert page.is_preferred("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    assert not page.is_preferred("*/*")
    assert not page.is_preferred("")
    assert not page.is_preferred("application/json, text/html;q=0.5")
    assert not page.is_preferred("text/html;q=zero")


def test_the_documented_examples_are_answers(model: ReadModel, writer: Writer) -> None:
    for view in (LookupAnswer, PublicAnswer):
        for example in view.model_json_schema()["examples"]:
            view.model_validate(example)
    writer.apply(revoked())
    RegisterEntry.model_validate_json(page.as_json(entry(model)))
