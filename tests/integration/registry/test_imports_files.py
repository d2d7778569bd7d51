"""Files as offices have them: workbooks, and text whose charset nobody says; what came of each row, three ways."""

import csv
import io
import json
from typing import Any

import pytest

from registry.importing.files import CSV, XLSX
from tests.integration.registry.conftest import Register, domain
from tests.integration.registry.test_imports import codes, counts, record, results, sent
from tests.unit.registry.workbooks import number, workbook


def table(*records: dict[str, Any]) -> list[list[str]]:
    """Header and rows."""
    return [list(records[0]), *([str(value) for value in each.values()] for each in records)]


def as_csv(*records: dict[str, Any]) -> str:
    return "".join(",".join(row) + "\n" for row in table(*records))


async def test_a_workbook_goes_in_as_the_same_rows_of_csv_would(register: Register) -> None:
    good, late = record(1, operator_name="北京药店𠮷有限公司"), record(2)
    rows = table(good, record(3, domain="no name"), late)
    rows[1][2], rows[2][1] = number("110000"), number("9.1110000800000001E+17")
    done = await sent(register, workbook(rows), kind=XLSX)
    assert counts(done) == (2, 0, 1, 0)
    assert (done["media_type"], done["charset"], done["status"]) == (XLSX, None, "done")
    (wrong,) = await results(register, done)
    assert (wrong["line"], wrong["code"], wrong["field"]) == (3, "digits_lost", "operator_uscc")
    assert "text" in wrong["advice"]
    assert counts(await sent(register, as_csv(good, late).encode(), kind=CSV)) == (0, 2, 0, 0)


@pytest.mark.parametrize("body", [b"PK\x03\x04 no book", b"", b"\xd0\xcf\x11\xe0 an old one", workbook([["Number"]])])
async def test_what_is_no_workbook_is_refused_and_enters_nothing(register: Register, body: bytes) -> None:
    refused = await sent(register, body, status=422, kind=XLSX)
    assert refused["fields"][0]["message"]
    assert await register.fetchval("SELECT count(*) FROM operator") == 0
    assert await register.fetchval("SELECT status FROM import") == "interrupted"


@pytest.mark.parametrize("charset", ["gb18030", "utf-16", "utf-16-le", "utf-8-sig"])
async def test_the_import_says_what_a_file_was_recognised_as(register: Register, charset: str) -> None:
    each = record(1, operator_name="北京药店有限公司", site_name="网上药店")
    done = await sent(register, as_csv(each).encode(charset), kind=CSV)
    assert counts(done) == (1, 0, 0, 0)
    assert (done["charset"], done["recognised"]) == (charset.removesuffix("-sig"), True)
    assert await register.fetchval("SELECT particulars->>'name' FROM operator") == "北京药店有限公司"
    again = await sent(register, as_csv(each).encode("gb18030"), kind=f"{CSV}; charset=GBK")
    assert (again["charset"], again["recognised"], again["unchanged"]) == ("gb18030", False, 1)


async def test_a_charset_that_is_not_clear_is_refused_with_the_way_out(register: Register) -> None:
    body = as_csv(record(1, operator_name="北京")).encode("gb18030")
    refused = await sent(register, body, status=422, kind=CSV)
    assert "charset=gb18030" in refused["fields"][0]["message"]
    assert counts(await sent(register, body, kind=f"{CSV}; charset=gb18030")) == (1, 0, 0, 0)


async def test_each_result_says_row_field_value_and_what_to_do(register: Register) -> None:
    taken = record(2)
    rows = [
        record(1, ips="10.0.0.1"), record(1, operator_uscc="11010519491231002X"), taken,
        record(3, domain=f"own-{taken['domain']}; {taken['domain']}"),
        record(4, provider_id="01940000-0000-7000-8000-00000000dead"), record(5, service_items="healthcare"),
    ]  # fmt: skip
    found = await results(register, await sent(register, rows))
    assert [(each["line"], each["field"], each["value"], each["code"]) for each in found] == [
        (1, "ips", "10.0.0.1", "bad_ip"), (2, "operator_uscc", "******", "bad_uscc"),
        (4, "domain", rows[3]["domain"].replace("; ", ";"), "domain_taken"),
        (5, "provider_id", "01940000-0000-7000-8000-00000000dead", "provider_unlicensed"),
        (6, "service_items", "healthcare", "approval_missing"),
    ]  # fmt: skip
    assert "line 3" in found[2]["message"]
    assert all(each["advice"] and each["message"] for each in found)


async def test_results_come_as_pages_and_as_a_table_in_which_nothing_is_a_formula(register: Register) -> None:
    bad = [record(1, domain=f"no name {n}") for n in range(7)] + [record(1, domain="=HYPERLINK(1)")]
    done = await sent(register, bad)
    whole = await results(register, done)
    read: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await register.get(f"/imports/{done['id']}/results/page?limit=3{after}", "regulator-a")
        assert len(page["items"]) <= 3
        read += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert [(each["line"], each["code"], each["value"], each["advice"]) for each in read] == [
        (each["line"], each["code"], each["value"], each["advice"]) for each in whole
    ]
    answer = await register.api.get(f"/imports/{done['id']}/results.csv", who="regulator-a")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(int(each["line"]), each["code"]) for each in rows] == [(each["line"], each["code"]) for each in whole]
    assert rows[-1]["value"] == "'=HYPERLINK(1)"


async def test_whoever_wants_learns_number_and_site_of_what_is_in(register: Register) -> None:
    known = record(1, number="京ICP备00000007号")
    await sent(register, [known])
    bad, new = record(2, domain="no name"), record(3)
    body = b"\n".join(json.dumps(each).encode() for each in [new, bad, known, new])
    answer = await register.api.post("/imports?all=true", content=body, who="regulator-a")
    assert answer.status_code == 200, answer.text
    found = await results(register, answer.json())
    assert [(each["line"], each["kind"], each.get("number")) for each in found] == [
        (1, "accepted", "京ICP备00000008号-1"), (2, "rejected", None), (3, "unchanged", "京ICP备00000007号-1"),
        (4, "unchanged", None),
    ]  # fmt: skip
    shown = await register.get(f"/sites/{found[0]['site_id']}", "regulator-a")
    assert shown["domains"] == [new["domain"]]
    assert (await register.get(f"/sites/{found[2]['site_id']}", "regulator-a"))["domains"] == [known["domain"]]
    page = await register.get(f"/imports/{answer.json()['id']}/results/page?limit=1", "regulator-a")
    assert (page["items"][0]["kind"], page["next"]) == ("accepted", "1.0")
    plain = await sent(register, [record(5)])
    assert await results(register, plain) == [], "nobody asked for them"


async def test_spellings_of_one_thing_by_two_operators_meet_at_the_import(register: Register) -> None:
    first = record(1, domain="straße-药店.example", number="京ICP备00000005号")
    await sent(register, [first])
    same = {**first, "number": "京icp备　０００００００５号", "domain": "straße-药店．EXAMPLE"}
    others = [
        record(2, domain="STRASSE-药店.example"), record(3, domain="straße-药店。example."),
        record(4, domain=f"{domain()}；{domain()}、straße-药店.example"),
        record(5, number="京ＩＣＰ备５号"), record(6, number=" 京icp备00000005号 "),
    ]  # fmt: skip
    done = await sent(register, [same, *others])
    assert counts(done) == (1, 1, 4, 0), "ß is no ss: that is another name; and a serial has all its zeros"
    assert await codes(register, done) == [
        (3, "rejected", "domain_taken"), (4, "rejected", "domain_taken"), (5, "rejected", "bad_number"),
        (6, "rejected", "number_taken"),
    ]  # fmt: skip


async def test_a_workbook_whose_rows_do_not_rise_is_refused_and_told(register: Register) -> None:
    rows = '<row r="1"><c t="str"><v>domain</v></c></row>' + '<row r="3000000000"><c t="str"><v>a</v></c></row>'
    part = f"<worksheet><sheetData>{rows}</sheetData></worksheet>"
    answer = await register.api.post(
        "/imports", content=workbook(parts={"xl/worksheets/sheet1.xml": part}), headers={"Content-Type": XLSX},
        who="regulator-a",
    )  # fmt: skip
    assert answer.status_code == 422, answer.text
