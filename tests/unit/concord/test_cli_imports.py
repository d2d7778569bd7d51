"""``concord registrations import``: what is looked at before anything is sent, and what counts as gone wrong."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.cli.imports import COLUMNS, REQUIRED
from concord.exits import Exit
from registry.importing.records import check
from registry.importing.rows import Rejected, Row
from shared.rules.identifiers import uscc_with_check_digit
from shared.rules.profile import load
from shared.runtime.acts.policy import EVERYTHING
from tests.unit.concord.test_cli import one_line
from tests.unit.concord.test_sdk import Wire

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
        ("a.csv", CSV.encode("gb18030"), "GB18030"),
        ("a.csv", CSV.encode("utf-16"), "UTF-16"),
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
