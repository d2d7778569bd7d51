"""The public sees the public fields, and no person; and what happened stays readable."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query.lookup import keys
from query.lookup.freshness import Freshness
from query.lookup.point import Finder, Hit, group
from query.public import pages, register
from query.readmodel import persons
from query.readmodel.acts import found_id
from query.readmodel.model import ReadModel
from query.readmodel.records import id_of
from query.readmodel.writer import Writer
from shared.contracts import examples
from shared.contracts.base import Fact
from shared.contracts.http.query import By, EntryView, LookupAnswer, PublicAnswer
from shared.contracts.http.register import RegisterEntry
from shared.pages.language import Language
from tests.unit.query.build import (
    AT,
    HOST,
    IDENTITY,
    appeal,
    batch,
    carried_out,
    decided,
    dump,
    order,
    site,
    site_id,
    undone,
)

PERSON = {"name": "张三丰", "identity": "p:" + "0123456789abcdef" * 2, "kind": "person"}
CITIZEN = "110101199003074477"
REASONS = "The pharmacy sold medicines to the patient Li Si without consent."
RELEASED = "The pharmacy sold medicines without consent."
STATED = {**examples.STATEMENT, "reasons": REASONS, "public_reasons": RELEASED, "redacted": ["name of a patient"]}
OFFICIAL = (
    IDENTITY, "198.18.", examples.CASE, examples.DIGEST, examples.REGISTRATION, examples.OPERATOR, examples.EXECUTION,
)  # fmt: skip
NEVER = ("drugs-a", "drugs-b", "legal@pharmacy.example", examples.DIGEST, "drugs-110000", "cn-2006/1")
"""Accounts of officers, where notices reach an operator, evidence: in no answer, and not even in the file."""


def grounds(**more: Any) -> dict[str, Any]:
    return {**examples.GROUNDS, **more}


def entry(model: ReadModel, key: str = "京ICP备00000001号") -> RegisterEntry:
    with model.reading() as txn:
        finder, asked = Finder(model, txn), keys.read(key, By.AUTO)
        hit, unlisted = finder.find_asked(asked), finder.find_unregistered(asked)
        sites = group(hit) if hit is not None else None
        orders = [model.orders_of(txn, id_of(each.site.site_id)) for each in sites.entries] if sites else []
        if unlisted is not None:
            orders.append(model.orders_of(txn, found_id(unlisted.site.host)))
    return register.entry(asked.terms[0], sites, unlisted.site if unlisted else None, orders, Freshness(AT, AT))


def everything_public(model: ReadModel, key: str = "site-1.example") -> list[str]:
    """The public answer, the register's entry as JSON, and its page in both languages."""
    with model.reading() as txn:
        hit = Finder(model, txn).find_any(keys.read(key, By.AUTO))
        assert hit is not None
        shown = register.answer(group(hit)) if isinstance(hit, Hit) else register.answer_unregistered(hit.site)
    told = entry(model, key)
    return [
        msgspec.json.encode(shown).decode(),
        pages.as_json(told).decode(),
        *(pages.html(told, each) for each in Language),
    ]


def measured(*more: Fact, **site_fields: Any) -> Any:
    """A site that was revoked and cut off."""
    stopped = {"status": "revoked", "access_status": "stopped", **site_fields}
    return batch(
        site(1, 2, **stopped), order("released"), order("executed", minutes=9), *(more or (carried_out(),))
    )  # fmt: skip


def test_the_public_answer_holds_no_official_field(model: ReadModel, writer: Writer) -> None:
    writer.apply(measured())
    for text in everything_public(model):
        assert "京ICP备00000001号" in text
        assert not [secret for secret in OFFICIAL if secret in text]


def test_the_public_reads_the_public_reasons_only_and_the_file_keeps_no_others(
    model: ReadModel, writer: Writer
) -> None:
    outcome = (appeal("filed"), appeal("decided", statement=STATED), undone(statement=STATED))
    writer.apply(measured(carried_out(grounds=grounds(**STATED)), *outcome))
    for text in everything_public(model):
        assert text.count(RELEASED) >= 3
        assert "name of a patient" in text
        assert "Li Si" not in text
    assert b"Li Si" not in everything_kept(model)


@pytest.mark.parametrize("named", ["张三丰", "Zhang San", "zhang  SAN", "ZhangSan"])
def test_a_person_is_not_named_anywhere(model: ReadModel, writer: Writer, named: str) -> None:
    person = PERSON if named == "张三丰" else PERSON | {"name": "Zhang San"}
    reasons = {**examples.STATEMENT, "reasons": f"The site of {named} ({CITIZEN}) sold medicines without approval."}
    redress = {**examples.REMEDY, "how": f"In writing by {named}", "how_zh": f"由{named}书面提出"}
    given = grounds(**{**reasons, "redress": redress, "legal_basis": [f"Ruling against {named}"]})
    outcome = (appeal("decided", statement=reasons), undone(statement=reasons))
    writer.apply(measured(carried_out(grounds=given), *outcome, name=f"{named}的主页", operator=person))
    shown = entry(model)
    assert shown.operator is not None
    assert (shown.operator.name, shown.operator.kind) == (persons.INDIVIDUAL, "person")
    assert shown.sites[0].measures[0].public_reasons.startswith(f"The site of {persons.INDIVIDUAL}")
    for text in everything_public(model):
        assert named not in text
        assert CITIZEN not in text
        assert PERSON["identity"] not in text


def test_a_person_stays_unnamed_after_the_site_went_to_somebody_else_or_the_name_changed(
    model: ReadModel, writer: Writer
) -> None:
    reasons = {**examples.STATEMENT, "reasons": "The site of Zhang San (passport E12345678) sold medicines."}
    given = grounds(**{**reasons, "legal_basis": ["Ruling against Zhang San"]})
    outcome = (appeal("decided", statement=reasons), undone(statement=reasons))
    person = PERSON | {"name": "Zhang San"}
    writer.apply(measured(carried_out(grounds=given, person="Zhang San"), *outcome, operator=person))
    after: list[dict[str, Any]] = [{}, {"operator": person | {"name": "Li Wu"}}]
    for version, later in enumerate(after, start=9):
        writer.apply(batch(site(1, version, **later)))
        assert entry(model).sites[0].measures[0].public_reasons.startswith(f"The site of {persons.INDIVIDUAL}")
        for text in everything_public(model):
            assert "Zhang San" not in text
            assert "E12345678" not in text


@pytest.mark.parametrize(
    ("text", "of_person", "left"),
    [
        ("１１０１０１１９９００１０１１２３Ｘ", False, "[…]"), ("110101 19900101 123X", False, "[…]"),
        ("No. 110101-1990-01-01-1234.", False, "No. […]."), ("京ICP备10046444号, 2026-11-22 04:00", False, None),
        ("护照 E12345678 与 ＥＡ１２３４５６７", True, "护照 […] 与 […]"), ("护照 E12345678", False, None),
        ("91110000MA0000001K", True, None),
    ],
)  # fmt: skip
def test_numbers_of_papers_are_left_out_however_they_are_written(text: str, of_person: bool, left: str | None) -> None:
    assert persons.without_numbers(text, of_person=of_person) == (text if left is None else left)


def test_no_citizens_number_is_told_of_a_company_nor_of_a_site_in_no_register(model: ReadModel, writer: Writer) -> None:
    reasons = f"Its representative ({CITIZEN}) sold medicines under 京ICP备00000001号."
    given = grounds(reasons=reasons)
    writer.apply(measured(carried_out(grounds=given)))
    writer.apply(batch(carried_out(7, host=HOST, grounds=given)))
    for text in (*everything_public(model), *everything_public(model, HOST)):
        assert CITIZEN not in text
        assert "京ICP备00000001号" in text


ACCOUNTS = st.lists(st.from_regex(r"\Aofficer-[a-z]{6,12}\Z"), min_size=2, max_size=3, unique=True)
STEPS = st.lists(
    st.sampled_from([
        "carried", "undone", "suspended", "overturned", "ended", "filed", "overdue", "decided", "executed", "found",
    ]),
    max_size=8,
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(accounts=ACCOUNTS, steps=STEPS, person=st.booleans())
def test_no_account_of_an_officer_is_in_any_answer_nor_in_the_file(
    accounts: list[str], steps: list[str], person: bool
) -> None:
    folder = Path(tempfile.mkdtemp())
    model = ReadModel.open(folder, map_size=1 << 24, durable=False)
    try:
        Writer(model).prepare()
        given = grounds(**STATED)
        makes: dict[str, Any] = {
            "carried": lambda: carried_out(grounds=given),
            "found": lambda: carried_out(7, host=HOST, grounds=given),
            "undone": lambda: undone(statement=STATED),
            **{
                each: lambda each=each: decided(each, statement=STATED) for each in ("suspended", "overturned", "ended")
            },
            "filed": lambda: appeal("filed"),
            "overdue": lambda: appeal("overdue"),
            "decided": lambda: appeal("decided", statement=STATED),
            "executed": lambda: order("executed"),
        }
        told = [decided("released", signed_by=accounts, grounds=given), site(operator=PERSON if person else {})]
        Writer(model).apply(batch(*told, *(makes[step]() for step in steps)))
        answers = everything_public(model) + (everything_public(model, HOST) if "found" in steps else [])
        with model.reading() as txn:
            answers.append(bytes(Finder(model, txn).find("site-1.example", By.DOMAIN).body).decode())  # type: ignore[union-attr]
        kept = everything_kept(model)
        for secret in (*accounts, *NEVER, "Li Si"):
            assert not [answer for answer in answers if secret in answer]
            assert secret.encode() not in kept
        for answer in answers[:-1]:
            assert examples.CASE not in answer
            assert PERSON["name"] not in answer
    finally:
        model.close()
        shutil.rmtree(folder)


def everything_kept(model: ReadModel) -> bytes:
    """Every byte of the file that is not a record nobody could read."""
    return b"\n".join(key + value for name in dump(model, without=("quarantine",)).values() for key, value in name)


def test_the_page_says_why_by_whom_and_how_to_challenge_it(model: ReadModel, writer: Writer) -> None:
    writer.apply(measured())
    html = pages.html(entry(model), Language.ZH)
    for said in (
        "北京市药品监督管理局", "Beijing Drug Administration", "北京市通信管理局", "Coordination Plan 2006",
        examples.STATEMENT["reasons"], "北京市人民政府行政复议机关", "书面或者口头申请行政复议", "60 日内",
    ):  # fmt: skip
        assert said in html
    assert "已停止接入" in html
    english = pages.html(entry(model), Language.EN)
    assert "order to cut off: carried out" in english
    assert "Administrative reconsideration, in writing or in person" in english
    assert "within 60 days of the delivery of the notice" in english
    assert "drugs-110000" not in html + english


def test_a_measure_stays_readable_with_its_appeal_after_it_was_undone(model: ReadModel, writer: Writer) -> None:
    won = {**examples.STATEMENT, "reasons": "The consent had been granted in time."}
    story = (carried_out(), appeal("filed"), appeal("decided", minutes=45, statement=won), decided("overturned"))
    writer.apply(measured(*story, undone(statement=won)))
    writer.apply(batch(site(1, 5), order("released", 2, action="restore"), order("executed", 2, action="restore")))
    shown = entry(model)
    (measure,) = shown.sites[0].measures
    assert (shown.sites[0].status, shown.sites[0].hosting.state, measure.status) == ("live", "serving", "overturned")
    html = pages.html(shown, Language.EN)
    for said in (
        "Beijing Drug Administration", "overturned", "upheld: the measure is undone", "Review body of Beijing",
        "an appeal was upheld", "The consent had been granted in time.", examples.STATEMENT["reasons"],
    ):  # fmt: skip
        assert said in html
    assert [each.what for each in shown.history] == [
        "carried_out", "appeal_filed", "appeal_upheld", "cut_off_released", "cut_off_executed", "undone",
        "restore_released", "restore_executed",
    ]  # fmt: skip


def test_a_site_that_should_be_back_is_not_called_served_and_that_it_is_late_is_said(
    model: ReadModel, writer: Writer
) -> None:
    first = (order("executed", 1, decision=1), order("overdue", 3, decision=1, action="restore"))
    second = (order("executed", 2, decision=2), order("executed", 4, decision=2, action="restore"))
    writer.apply(batch(site(), carried_out(), *first, *second))
    shown = entry(model)
    assert (shown.sites[0].hosting.state, shown.sites[0].hosting.restore_late) == ("restore_ordered", True)
    late = "An order to host it again was not carried out in time"
    assert late in pages.html(shown, Language.EN)
    assert "恢复接入指令已逾期" in pages.html(shown, Language.ZH)
    writer.apply(batch(order("executed", 3, decision=1, action="restore")))
    assert (entry(model).sites[0].hosting.state, late in pages.html(entry(model), Language.EN)) == ("serving", False)


def test_an_order_that_was_replaced_and_taken_back_brings_the_site_back_nowhere(
    model: ReadModel, writer: Writer
) -> None:
    """ADR 26: the same order again, with a name spared, then the restore of the first, which is late."""
    writer.apply(batch(site(), carried_out(), order("executed", 1), order("executed", 2, attempt=2)))
    taken_back = {"action": "restore", "undoes": order("released", 1).order_id}  # type: ignore[attr-defined]
    writer.apply(batch(order("released", 3, **taken_back), order("overdue", 3, action="restore")))
    shown = entry(model)
    hosting, orders = shown.sites[0].hosting, shown.sites[0].measures[0].orders
    assert (hosting.state, hosting.order_id, hosting.restore_late) == ("suspended", orders[1].order_id, False)
    assert [each.undoes for each in orders] == [None, None, orders[0].order_id]
    with model.reading() as txn:
        official = model.entry(txn, site_id(1).bytes)
    assert official is not None
    assert EntryView.model_validate(msgspec.to_builtins(official)).measures[0].orders == orders
    for language, hosted, takes_back, late in (
        (Language.EN, "cut off (<time", "takes back", "An order to host it again was not carried out in time"),
        (Language.ZH, "已停止接入 (<time", "撤回原指令", "恢复接入指令已逾期"),
    ):
        html = pages.html(shown, language)
        assert hosted in html
        assert f"{takes_back} {orders[0].order_id}" in html
        assert late not in html


def test_the_story_is_told_in_the_order_of_the_record_with_the_providers_time_beside_it(
    model: ReadModel, writer: Writer
) -> None:
    """A provider whose clock is slow says that it carried an order out before it was released."""
    writer.apply(batch(site(), carried_out()))
    writer.apply(
        batch(order("executed", minutes=9, said=-30), order("received", minutes=5), order("released", minutes=3))
    )
    shown = entry(model)
    assert [each.what for each in shown.history] == [
        "carried_out", "cut_off_released", "cut_off_received", "cut_off_executed",
    ]  # fmt: skip
    assert shown.history[-1].providers_time == AT.replace(hour=4, minute=30)
    html = pages.html(shown, Language.EN)
    assert re.search(r"2026-11-22 13:09:00 .UTC.8.*?by the provider.*?2026-11-22 12:30:00", html, re.DOTALL)


def test_a_site_in_no_register_has_an_entry_under_its_host_name(model: ReadModel, writer: Writer) -> None:
    writer.apply(
        batch(carried_out(7, host=HOST), order("released", 1, 7, host=HOST), order("executed", 1, 7, host=HOST))
    )
    shown = entry(model, HOST)
    assert (shown.key, shown.registration, shown.total, shown.sites) == (HOST, None, 0, [])
    assert shown.unregistered is not None
    assert [each.status for each in shown.unregistered.measures[0].orders] == ["executed"]
    assert [each.what for each in shown.history] == ["carried_out", "cut_off_released", "cut_off_executed"]
    assert {each.about for each in shown.history} == {HOST}
    for text in everything_public(model, HOST):
        assert examples.STATEMENT["reasons"] in text
        assert not [secret for secret in OFFICIAL if secret in text]


def test_what_befell_a_name_before_it_was_registered_stays_in_its_entry(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(carried_out(7, host=HOST), undone(7, "lifted"), site(1, domains=(HOST,))))
    shown = entry(model, HOST)
    assert shown.registration is not None
    assert (len(shown.sites), shown.sites[0].measures) == (1, [])
    assert shown.unregistered is not None
    assert [each.status for each in shown.unregistered.measures] == ["ended"]
    assert "京ICP备00000001号" in pages.html(shown, Language.ZH)
    with model.reading() as txn:
        assert isinstance(Finder(model, txn).find_any(keys.read(HOST, By.AUTO)), Hit)


def test_what_others_wrote_cannot_become_part_of_the_page(model: ReadModel, writer: Writer) -> None:
    nasty = "<script>alert(1)</script>"
    given = grounds(reasons=f"{nasty} was sold")
    operator = {"name": '"><img src=x>'}
    writer.apply(measured(carried_out(grounds=given), undone(statement=given_statement(nasty)), operator=operator))
    for language in Language:
        html = pages.html(entry(model), language)
        assert "<script" not in html
        assert "<img" not in html


def given_statement(reasons: str) -> dict[str, Any]:
    return {**examples.STATEMENT, "reasons": f"{reasons} is no reason"}


def test_an_order_that_never_went_out_is_nobodys_business(model: ReadModel, writer: Writer) -> None:
    writer.apply(batch(site(1), order("withdrawn", None), carried_out()))
    shown = entry(model)
    assert [each.what for each in shown.history] == ["carried_out"]
    assert shown.sites[0].measures[0].orders == []


def test_the_documented_examples_are_answers(model: ReadModel, writer: Writer) -> None:
    for view in (LookupAnswer, PublicAnswer):
        for example in view.model_json_schema()["examples"]:
            view.model_validate(example)
    writer.apply(measured())
    RegisterEntry.model_validate_json(pages.as_json(entry(model)))
    with model.reading() as txn:
        official = model.entry(txn, site_id(1).bytes)
    assert official is not None
    LookupAnswer.model_validate(
        {"found": True, "key": "x", "as_of": None, "lag_ms": None, **msgspec.to_builtins(official)}
    )
