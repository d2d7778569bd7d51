"""Imports: what is right goes in, what is wrong is listed, and sending it again changes nothing."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from concord import sample
from registry.service import imports
from shared.contracts.registry import SiteRecordedV1
from shared.rules.identifiers import uscc_with_check_digit
from tests.integration.registry.conftest import PROVIDER, Register, a_site
from tests.support.people import person

CODE = uscc_with_check_digit("91110000000000001")
OTHER = uscc_with_check_digit("91110000000000002")


def record(domain: str, **changes: Any) -> dict[str, Any]:
    return {
        "operator_name": "Sample", "operator_uscc": CODE, "operator_kind": "company", "region": "110000",
        "site_name": "Site", "domain": domain, "service_items": "general", "provider_id": str(PROVIDER),
        "ips": "198.18.0.1", "hosting_mode": "virtual_host",
    } | changes  # fmt: skip


async def send(
    register: Register,
    content: bytes | Iterable[dict[str, Any]],
    *,
    media_type: str = "application/x-ndjson",
    who: Any = "regulator-a",
) -> Any:
    body = content if isinstance(content, bytes) else b"".join(json.dumps(row).encode() + b"\n" for row in content)
    return await register.api.post("/imports", content=body, headers={"Content-Type": media_type}, who=who)


async def rejected(register: Register, answer: Any) -> list[dict[str, Any]]:
    found = await register.api.get(f"{answer.json()['results_url']}", who="regulator-a")
    return [json.loads(line) for line in found.text.splitlines()]


def counts(answer: Any) -> tuple[int, int, int, int]:
    found = answer.json()
    return found["records"], found["accepted"], found["unchanged"], found["rejected"]


async def test_the_sample_goes_in_whole_and_a_second_time_changes_nothing(register: Register) -> None:
    rows = list(sample.records(6000, provider_id=PROVIDER))  # more than other bodies may have: 2 MB
    assert counts(await send(register, rows)) == (6000, 6000, 0, 0)
    assert counts(await send(register, rows)) == (6000, 0, 6000, 0)
    assert len(await register.told(SiteRecordedV1)) == 6000
    numbers = await register.fetchval("SELECT array_agg(number ORDER BY number) FROM registration")
    assert len(numbers) == len(set(numbers)) == await register.fetchval("SELECT count(*) FROM operator")
    assert await register.fetchval("SELECT last FROM number_counter") == len(numbers)


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        (record("not a domain"), "bad_domain", "domain"),
        (
            record("x.example", operator_uscc=CODE[:-1] + ("0" if CODE[-1] != "0" else "1")),
            "bad_check_digit",
            "operator_uscc",
        ),
        (record("x.example", ips="198.18.0.999"), "bad_ip", "ips"),
        (record("x.example", provider_id="01940000-0000-7000-8000-0000000000ff"), "unknown_provider", "provider_id"),
        (record("x.example", provider_id="nobody"), "unknown_provider", "provider_id"),
        (record("x.example", region="990000"), "unknown_region", "region"),
        (record("x.example", region="440000"), "out_of_region", "region"),
        (record("x.example", number="粤ICP备1号"), "bad_number", "number"),
        (record("x.example", service_items="gambling"), "unknown_service_item", "service_items"),
        (record("x.example", operator_kind="robot"), "unknown_kind", "operator_kind"),
        (record("x.example", hosting_mode="cellar"), "unknown_mode", "hosting_mode"),
        (record("x.example", operator_name=" "), "missing", "operator_name"),
        (record("x.example", site_name="x" * 600), "too_long", "site_name"),
        (record("x.example", site_name=7), "missing", "site_name"),
    ],
)
async def test_a_wrong_record_is_listed_with_its_field_and_the_rest_goes_in(
    register: Register, row: dict[str, Any], code: str, field: str
) -> None:
    answer = await send(register, [record("a.example"), row, record("b.example")])
    assert counts(answer) == (3, 2, 0, 1)
    (found,) = await rejected(register, answer)
    assert (found["line"], found["code"], found["field"]) == (2, code, field)
    assert found["message"]


async def test_lines_that_are_no_records_are_listed_and_the_rest_goes_in(register: Register) -> None:
    good = [json.dumps(record(f"{name}.example")).encode() for name in "abc"]
    too_long = json.dumps(record("long.example", site_name="x" * 70_000)).encode()
    content = b"\n".join(
        [
            good[0],
            b"{not json",
            too_long,
            b"[1]",
            b'{"site_name":"\xff"}',
            b"",
            good[1],
            b'"\x00"',
            good[2],
        ]
    )
    answer = await send(register, content)
    assert counts(answer) == (8, 3, 0, 5)
    assert [(row["line"], row["code"]) for row in await rejected(register, answer)] == [
        (2, "not_json"), (3, "line_too_long"), (4, "not_json"), (5, "not_utf8"), (8, "not_json"),
    ]  # fmt: skip


async def test_csv_with_a_byte_order_mark_quoted_newlines_and_a_short_row(register: Register) -> None:
    names = list(record("x"))
    rows = [
        record("a.example", site_name="Two\nlines"),
        record("b.example", site_name='=1+1 ""x""'),
        record("例子.test"),
    ]
    text = (
        ",".join(names) + "\n" + "".join(",".join(f'"{row[name]}"' for name in names) + "\n" for row in rows) + "a,b\n"
    )
    answer = await send(register, b"\xef\xbb\xbf" + text.encode(), media_type="text/csv; charset=utf-8")
    assert counts(answer) == (4, 2, 0, 2)
    assert [(row["line"], row["code"]) for row in await rejected(register, answer)] == [
        (2, "bad_text"), (6, "wrong_columns"),
    ]  # fmt: skip
    assert (
        await register.fetchval(
            "SELECT name FROM site WHERE id = (SELECT site_id FROM site_domain WHERE domain = 'b.example')"
        )
        == '=1+1 "x"'
    )
    assert await register.fetchval("SELECT count(*) FROM site_domain WHERE domain = 'xn--fsqu00a.test'") == 1


async def test_a_domain_of_another_operator_is_rejected_in_the_file_and_in_the_register(register: Register) -> None:
    await register.active(a_site("theirs.example"))
    rows = [record("theirs.example"), record("mine.example"), record("mine.example", operator_uscc=OTHER)]
    answer = await send(register, rows)
    assert counts(answer) == (3, 1, 0, 2)
    assert [(row["line"], row["code"]) for row in await rejected(register, answer)] == [
        (1, "domain_taken"),
        (3, "domain_taken"),
    ]


async def test_a_record_that_differs_from_the_register_is_not_amended_by_the_way(register: Register) -> None:
    await send(register, [record("a.example")])
    answer = await send(
        register, [record("a.example", site_name="Other"), record("b.example"), record("b.example", ips="198.18.0.2")]
    )
    assert counts(answer) == (3, 1, 0, 2)
    assert {row["code"] for row in await rejected(register, answer)} == {"differs"}
    assert await register.fetchval("SELECT count(*) FROM site WHERE name = 'Site'") == 2


async def test_given_numbers_are_kept_and_never_issued_again(register: Register) -> None:
    answer = await send(
        register, [record("a.example", number="京ICP备00000009号"), record("b.example", operator_uscc=OTHER)]
    )
    assert counts(answer) == (2, 2, 0, 0)
    taken = await send(register, [record("c.example", number="京ICP备00000009号", operator_uscc=OTHER)])
    assert [row["code"] for row in await rejected(register, taken)] == ["number_taken"]
    numbers = await register.fetchval("SELECT array_agg(number ORDER BY number) FROM registration")
    granted = await register.active(a_site("next.example"))
    assert granted["number"] not in numbers
    assert granted["number"] > "京ICP备00000009号"


async def test_sites_of_one_operator_go_under_one_number(register: Register) -> None:
    await send(register, [record("a.example"), record("b.example")])
    await send(register, [record("c.example")])
    assert await register.fetchval("SELECT count(*) FROM registration") == 1
    assert await register.fetchval("SELECT array_agg(ordinal ORDER BY ordinal) FROM site") == [1, 2, 3]


async def test_a_sender_that_breaks_off_leaves_whole_batches_and_can_start_again(register: Register) -> None:
    rows = list(sample.records(2500, provider_id=PROVIDER))

    async def breaks_off() -> AsyncIterator[bytes]:
        for row in rows[:1700]:
            yield json.dumps(row).encode() + b"\n"
        raise ClientDisconnect

    found = await imports.run(register.api.rt, person("regulator-a"), breaks_off(), "application/x-ndjson", None)
    assert (found.status, found.accepted) == ("interrupted", 1000)
    assert await register.fetchval("SELECT count(*) FROM site") == 1000
    assert counts(await send(register, rows)) == (2500, 1500, 1000, 0)


async def test_only_a_regulator_imports_and_only_formats_that_are_known(register: Register) -> None:
    assert (await send(register, [record("a.example")], who="applicant")).status_code == 403
    assert (await send(register, b"<xml/>", media_type="application/xml")).status_code == 415
    assert await register.fetchval("SELECT count(*) FROM import") == 0
