"""The public sees the public fields, and no person."""

import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from query.lookup.freshness import Freshness
from query.lookup.point import Finder, group
from query.public import pages, privacy, register
from query.readmodel.layout import Batch
from query.readmodel.model import ReadModel
from query.readmodel.records import id_of
from query.readmodel.writer import Writer
from shared.contracts import examples
from shared.contracts.http.query import By, LookupAnswer, PublicAnswer, PublicMeasure, RegisterEntry
from shared.pages.language import Language
from tests.unit.query.build import AT, MEASURE, USCC, batch, order, site, site_id

PERSON = {"name": "张三丰", "uscc": "110101199003074477", "kind": "person"}
REASONS = "The pharmacy sold medicines to the patient Li Si without consent."
OFFICIAL = (USCC, "198.18.", examples.CASE, examples.DIGEST, examples.REGISTRATION, examples.OPERATOR)


def entry(model: ReadModel, number: str = "京ICP备00000001号") -> RegisterEntry:
    with model.reading() as txn:
        hit = Finder(model, txn).find(number, By.NUMBER)
        assert hit is not None
        sites = group(hit)
        orders = [model.orders_of(txn, id_of(each.site.site_id)) for each in sites.entries]
    return register.entry(number, sites, orders, Freshness(AT, AT))


def everything_public(model: ReadModel) -> list[str]:
    """The public answer, the register's entry as JSON, and its page in both languages."""
    with model.reading() as txn:
        hit = Finder(model, txn).find("site-1.example", By.DOMAIN)
        assert hit is not None
        answer = msgspec.json.encode(register.answer(group(hit))).decode()
    shown = entry(model)
    return [answer, pages.as_json(shown).decode(), *(pages.html(shown, each) for each in Language)]


def revoked(**more: Any) -> Any:
    return batch(site(1, 1), site(1, 2, status="revoked", **more), order("released"), order("executed", minutes=9))


def test_the_public_answer_holds_no_official_field(model: ReadModel, writer: Writer) -> None:
    writer.apply(revoked())
    for text in everything_public(model):
        assert "京ICP备00000001号" in text
        assert not [secret for secret in OFFICIAL if secret in text]


def test_the_public_reads_the_public_reasons_only(model: ReadModel, writer: Writer) -> None:
    measure = {**MEASURE, "reasons": REASONS, "public_reasons": "The pharmacy sold medicines without consent."}
    writer.apply(revoked(measure=measure))
    for text in everything_public(model):
        assert "The pharmacy sold medicines without consent." in text
        assert "patient" not in text
    with model.reading() as txn:
        official = model.entry(txn, site_id(1).bytes)
    assert official is not None
    assert official.decision is not None
    assert official.decision.reasons == REASONS


def test_reasons_without_a_public_version_stay_with_those_concerned(model: ReadModel, writer: Writer) -> None:
    facts = revoked(measure={**MEASURE, "reasons": REASONS})
    bare = [replace(each, measure=each.measure and replace(each.measure, public_reasons=None)) for each in facts.sites]
    writer.apply(Batch(bare))
    for text in everything_public(model):
        assert "patient" not in text
    assert "has released no public version of its reasons" in pages.html(entry(model), Language.EN)


@pytest.mark.parametrize("named", ["张三丰", "Zhang San", "zhang  SAN", "ZhangSan"])
def test_a_person_is_not_named_anywhere(model: ReadModel, writer: Writer, named: str) -> None:
    person = PERSON if named == "张三丰" else PERSON | {"name": "Zhang San"}
    reasons = f"The site of {named} (110101199003074477) sold medicines without approval."
    redress = {**examples.REDRESS, "how": f"In writing by {named}"}
    measure = {**MEASURE, "reasons": reasons, "redress": redress, "legal_basis": [f"Ruling against {named}"]}
    writer.apply(revoked(name=f"{named}的主页", operator=person, measure=measure))
    shown = entry(model)
    assert (shown.operator.name, shown.operator.kind) == (privacy.INDIVIDUAL, "person")
    reasons_shown = shown.sites[0].measures[0].public_reasons
    assert reasons_shown is not None
    assert reasons_shown.startswith(f"The site of {privacy.INDIVIDUAL}")
    for text in everything_public(model):
        assert named not in text
        assert "110101199003074477" not in text


def test_no_citizens_number_is_told_of_a_company_either(model: ReadModel, writer: Writer) -> None:
    reasons = "Its representative (110101199003074477) sold medicines under 京ICP备00000001号."
    writer.apply(revoked(measure={**MEASURE, "reasons": reasons}))
    for text in everything_public(model):
        assert "110101199003074477" not in text
        assert "京ICP备00000001号" in text


def test_the_page_says_why_by_whom_and_how_to_challenge_it(model: ReadModel, writer: Writer) -> None:
    writer.apply(revoked())
    html = pages.html(entry(model), Language.ZH)
    for said in (
        "culture-bj",
        "Coordination Plan 2006",
        "after an order to correct",
        "Administrative review",
        "60 日内",
    ):
        assert said in html
    assert "已停止接入" in html
    assert "2026-11-22 13:00:00 (UTC+8)" in html
    happened = re.search("<table>.*</table>", html, re.DOTALL)
    assert happened is not None
    steps = ["登记被注销", "停止接入令: 已发出", "停止接入令: 已执行"]
    assert [happened[0].index(step) for step in steps] == sorted(happened[0].index(step) for step in steps)
    english = pages.html(entry(model), Language.EN)
    assert "order to cut off: carried out" in english
    assert "within 60 days of the notice" in english


def test_a_measure_stays_readable_with_its_appeal_after_it_was_undone(model: ReadModel, writer: Writer) -> None:
    writer.apply(revoked())
    shown = entry(model)
    undone = PublicMeasure.model_validate({
        **PublicAnswer.model_json_schema()["examples"][0]["measures"][0],
        "status": "overturned",
        "ended_at": AT,
        "redacted": ["name of a patient"],
        "appeal": {
            "status": "upheld", "body": {"zh": "复议机关", "en": "Review body"}, "filed_at": AT, "decided_at": AT,
            "public_reasons": "The consent had been granted in time.",
        },
    })  # fmt: skip
    shown.sites[0].measures.append(undone)
    html = pages.html(shown, Language.EN)
    for said in (
        "Beijing Drug Administration", "北京市药品监督管理局", "overturned", "upheld: the measure is undone",
        "Review body", "复议机关", "The consent had been granted in time.", "name of a patient",
        examples.BASIS["reasons"],
    ):  # fmt: skip
        assert said in html


def test_what_others_wrote_cannot_become_part_of_the_page(model: ReadModel, writer: Writer) -> None:
    writer.apply(revoked(name="<script>alert(1)</script>", operator={"name": '"><img src=x>'}))
    for language in Language:
        html = pages.html(entry(model), language)
        assert "<script" not in html
        assert "<img" not in html


def test_an_order_that_never_went_out_is_nobodys_business(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1), order("withdrawn", None)))
    assert entry(model).history == []


def test_the_documented_examples_are_answers(model: ReadModel, writer: Writer) -> None:
    for view in (LookupAnswer, PublicAnswer):
        for example in view.model_json_schema()["examples"]:
            view.model_validate(example)
    writer.apply(revoked())
    RegisterEntry.model_validate_json(pages.as_json(entry(model)))
