"""``concord registrations import``: what is looked at before anything is sent, and what counts as gone wrong."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.cli import imports
from concord.cli.imports import COLUMNS, REQUIRED, XLSX
from concord.exits import Exit
from registry.importing.records import check
from registry.importing.rows import Rejected, Row
from shared.rules.identifiers import uscc_with_check_digit
from shared.rules.profile import load
from shared.runtime.acts.policy import EVERYTHING
from tests.unit.concord.test_cli import one_line
from tests.unit.concord.test_sdk import Wire
from tests.unit.registry.workbooks import workbook

ROW = {
    "operator_name": "某公司", "operator_uscc": "91110000MA01CNCRDX", "region": "110000", "site_name": "Stage",
    "domain": "stage.example", "provider_id": "01940000-0000-7000-8000-000000000005", "ips": "198.18.0.1",
}  # fmt: skip
HEADER = ",".join(ROW)
CSV = f"{HEADER}\n{','.join(ROW.values())}\n"


def counts(records: int = 1, accepted: int = 0, unchanged: int = 0, rejected: int = 0, **more: Any) -> httpx.Response:
    body = {
        "id": "01940000-0000-7000-8000-000000000001", "filename": "a", "status": "done", "records": records,
        "accepted": accepted, "unchanged": unchanged, "rejected": rejected, "findings": 0,
        "started_at": "2026-11-22T04:00:00Z", "changed_at": "2026-11-22T04:00:01Z",
    }  # fmt: skip
    return httpx.Response(200, json=body | more)


def ndjson(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.ndjson", ndjson(ROW).decode().encode("gb18030"), "GB18030"),
        ("a.ndjson", ndjson(ROW).decode().encode("utf-16"), "UTF-16"),
        ("a.csv", b"\xff\xff\xff", "not UTF-8"),
        ("a.xlsx", CSV.encode(), "no XLSX file"),
        ("a.ndjson", b"PK\x03\x04\0\0", "binary"),
        ("a.csv", b"", "empty"),
        ("a.ndjson", b"\n\n", "empty"),
        ("a.csv", CSV.replace("\n", "\r").encode(), "CR alone"),
        ("a.csv", ndjson(ROW), "holds JSON: name it .ndjson"),
        ("a.csv", b"[]", "holds JSON"),
        ("a.ndjson", CSV.encode(), "is it CSV? Name it .csv"),
        ("a.json", json.dumps([ROW]).encode(), "not a list"),
        ("a.csv", CSV.split("\n")[1].encode(), "unknown columns"),
        ("a.csv", CSV.replace("domain", "Number").encode(), r"'Number' (do you mean number?)"),
        ("a.csv", CSV.replace("operator_name", "Operator Name").encode(), "do you mean operator_name?"),
        ("a.csv", CSV.replace("site_name", "domain").encode(), "columns twice: domain"),
        ("a.csv", CSV.replace(",ips", "").encode(), "lacks ips"),
        ("a.ndjson", ndjson(ROW, ROW | {"Number": "京ICP备10046444号"}), "do you mean number?"),
    ],
)
def test_a_file_that_would_be_misread_is_told_and_nothing_is_sent(
    run: Any,
    tmp_path: Path,
    name: str,
    content: bytes,
    said: str,
) -> None:
    (tmp_path / name).write_bytes(content)
    wire = Wire()
    one_line(run(wire, "registrations", "import", str(tmp_path / name), "--as", "a"), Exit.USAGE, said)
    assert wire.sent == []


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", "\ufeff" + CSV.replace("\n", "\r\n")), ("A.CSV", CSV), ("a.ndjson", "\ufeff{}\n")]
)
def test_a_good_file_is_sent_as_it_is(run: Any, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_bytes(content.encode())
    wire = Wire(counts(accepted=1))
    done = run(wire, "registrations", "import", str(tmp_path / name), "--as", "a", "--json")
    assert done.exit_code == Exit.DONE, done.output
    assert wire.sent[0].content == content.encode()
    assert json.loads(done.stdout)["accepted"] == 1


@pytest.mark.parametrize("charset", ["gb18030", "utf-16"])
def test_what_excel_writes_in_china_is_sent_as_it_is_and_what_it_was_read_as_is_told(
    run: Any, tmp_path: Path, charset: str
) -> None:
    (tmp_path / "a.csv").write_bytes(CSV.encode(charset))
    wire = Wire(counts(accepted=1, charset=charset, recognised=True))
    done = run(wire, "registrations", "import", str(tmp_path / "a.csv"))
    assert done.exit_code == Exit.DONE, done.output
    assert wire.sent[0].content == CSV.encode(charset)
    assert wire.sent[0].headers["Content-Type"] == "text/csv"
    assert wire.sent[0].headers["Content-Length"] == str(len(CSV.encode(charset)))
    assert f"read as {charset.upper()}" in done.stderr


def test_a_workbook_is_sent_with_its_own_type_and_a_dry_run_says_that_it_is_one(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook([["domain"]]))
    wire = Wire(counts(3, accepted=3, dry_run=True), httpx.Response(200, content=b"{}\n{}\n{}\n"))
    done = run(wire, "registrations", "import", str(tmp_path / "a.xlsx"), "--dry-run", "--all", "--json")
    assert done.exit_code == Exit.DONE, done.output
    assert wire.sent[0].headers["Content-Type"] == XLSX
    assert dict(wire.sent[0].url.params) == {"dry_run": "true", "all": "true"}
    assert json.loads(done.stdout)["dry_run"]
    assert len((tmp_path / "a.xlsx.results.ndjson").read_bytes().splitlines()) == 3


BROKEN = httpx.ReadError("the line is cut")
GONE = httpx.Response(404, json={"code": "unknown_import"})


def test_a_broken_connection_is_taken_up_again_where_it_broke(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PAUSES_S", (0.0,))
    (tmp_path / "a.ndjson").write_bytes(ndjson(ROW, ROW))
    half = counts(1, accepted=1, status="interrupted", next_row=2)
    still = httpx.Response(409, json={"code": "import_running", "wait_s": 0})
    wire = Wire(BROKEN, GONE, BROKEN, half, still, half, counts(2, accepted=2))
    done = run(wire, "registrations", "import", str(tmp_path / "a.ndjson"), "--json")
    assert done.exit_code == Exit.DONE, done.output
    sent = [(each.method, each.url.path, each.headers.get("X-Import-Id")) for each in wire.sent]
    own = sent[0][2]
    assert own is not None
    assert sent == [
        ("POST", "/imports", own), ("GET", f"/imports/{own}", None), ("POST", "/imports", own),
        ("GET", f"/imports/{own}", None), ("POST", f"/imports/{own}/continuation", None),
        ("GET", f"/imports/{own}", None), ("POST", f"/imports/{own}/continuation", None),
    ]  # fmt: skip
    assert wire.sent[-1].content == ndjson(ROW, ROW), "from its beginning: the registry knows what it has"
    assert "going on at row 2" in done.stderr


def test_an_answer_that_was_lost_is_asked_for_and_a_line_that_breaks_again_and_again_is_told(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PAUSES_S", (0.0,))
    (tmp_path / "a.ndjson").write_bytes(ndjson(ROW))
    wire = Wire(BROKEN, counts(1, accepted=1))
    assert run(wire, "registrations", "import", str(tmp_path / "a.ndjson")).exit_code == Exit.DONE
    answers: list[Any] = [BROKEN, GONE] * imports.TRIES
    wire = Wire(*answers)
    done = run(wire, "registrations", "import", str(tmp_path / "a.ndjson"))
    assert done.exit_code == Exit.UNREACHABLE
    assert sum(each.method == "POST" for each in wire.sent) == imports.TRIES


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (counts(2, rejected=2), "every record was rejected"),
        (counts(0), "no record"),
        (counts(2, accepted=1), "do not add up"),
        (counts(1, accepted=1), "2 lines were sent, 1 records"),
        (counts(3, accepted=3), "2 lines were sent, 3 records"),
        (counts(2, accepted=2, status="interrupted"), "interrupted: send the file again"),
    ],
)
def test_an_import_that_did_not_work_is_none_that_worked(
    run: Any,
    tmp_path: Path,
    answer: httpx.Response,
    said: str,
) -> None:
    (tmp_path / "a.ndjson").write_bytes(ndjson(ROW, ROW) + b"\n")
    done = run(
        Wire(answer, httpx.Response(200, content=b"{}\n{}\n")), "registrations", "import", str(tmp_path / "a.ndjson")
    )
    assert done.exit_code == Exit.FAILED
    assert said in done.stderr
    assert "records" in done.stdout  # the counts are shown all the same


def test_some_rejected_records_are_no_failure_but_many_lines_of_one_record_are_told(
    run: Any,
    tmp_path: Path,
) -> None:
    (tmp_path / "a.csv").write_text(CSV + CSV.split("\n")[1] + "\n")
    wire = Wire(counts(2, accepted=1, rejected=1), httpx.Response(200, content=b'{"line":3}\n'))
    assert run(wire, "registrations", "import", str(tmp_path / "a.csv")).exit_code == Exit.DONE
    done = run(Wire(counts(1, accepted=1)), "registrations", "import", str(tmp_path / "a.csv"))
    assert done.exit_code == Exit.DONE
    assert "2 lines, but 1 records: cells with line breaks, or a quote that is never closed" in done.stderr


def test_earlier_results_are_never_overwritten(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson(ROW, ROW))
    for number, name in enumerate(
        ["a.ndjson.results.ndjson", "a.ndjson.results-2.ndjson", "a.ndjson.results-3.ndjson"]
    ):
        wire = Wire(counts(2, accepted=1, rejected=1), httpx.Response(200, content=b'{"line":%d}\n' % number))
        done = run(wire, "registrations", "import", str(file), "--json")
        assert json.loads(done.stdout)["results_in"] == str(tmp_path / name)
    assert [each.read_bytes() for each in sorted(tmp_path.glob("*results*"))] == [
        b'{"line":1}\n', b'{"line":2}\n', b'{"line":0}\n',
    ]  # fmt: skip


def test_a_list_of_rejections_that_is_cut_short_or_cannot_be_kept_is_told(
    run: Any,
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(ndjson(ROW, ROW, ROW))
    wire = Wire(counts(3, accepted=1, rejected=2), httpx.Response(200, content=b"{}\n"))
    assert "(1 of 2)" in run(wire, "registrations", "import", str(file)).stdout
    long = tmp_path / f"{'n' * 245}.ndjson"  # a name that leaves no room for .results.ndjson
    long.write_bytes(ndjson(ROW, ROW, ROW))
    wire = Wire(counts(3, accepted=1, rejected=2), httpx.Response(200, content=b"{}\n{}\n"))
    done = run(wire, "registrations", "import", str(long))
    assert done.exit_code == Exit.DONE
    assert "nowhere" in done.stdout


def test_the_columns_are_those_the_registry_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()

    class Seen(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return super().get(name, default)

    given = ROW | {"operator_uscc": uscc_with_check_digit(ROW["operator_uscc"][:17]), "number": "京ICP备10046444号"}
    check(Row(1, b""), Seen(given), load("cn-2006"), EVERYTHING)
    assert asked == set(COLUMNS)
    for name in REQUIRED:
        with pytest.raises(Rejected):
            check(Row(1, b""), {key: value for key, value in given.items() if key != name}, load("cn-2006"), EVERYTHING)
