"""Documents and marks, empty shells, papers, and the barred list, whose every hash is verified."""

import hashlib
import json
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import httpx
import pytest

import shared.contracts.http.shells
from concord.exits import Exit
from concord.sdk.departments.entries import ShellStatus
from shared.contracts import examples
from shared.contracts.http.bars import BarredEntry
from shared.contracts.http.paper import PaperEntry
from shared.contracts.marks import Mark
from tests.unit.concord.test_cli import one_line
from tests.unit.concord.test_sdk import Wire

AT = "2026-11-22T04:00:00Z"
ID = "01940000-0000-7000-8000-000000000001"
SHELL: dict[str, Any] = {
    "id": ID, "version": 3, "status": "due", "site_id": ID, "number": "京ICP备1号-1", "site_name": "Shop",
    "domains": ["shop.example"], "operator_name": "Shop Ltd", "since": AT, "cure_until": AT, "hosted_at": None,
    "hosted_now": False,
    "says": None, "challenge": None, "found_at": AT, "allowed_actions": ["lapse", "dismiss"],
}  # fmt: skip
PAPER: dict[str, Any] = PaperEntry.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index,assignment]
AS = ("--as", "regulator-a")
WHY = ("--reasons", "Nobody has hosted it for months.")
BASIS = ("--basis", "N4.3")
MARK = {"mark": Mark.EXAMPLE, "token": "a.b.c", "address": "https://registry.test/marks/a.b.c", "required": True}


def answers(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


# --- sites that nobody hosts -----------------------------------------------------------------------------------------


def test_a_shell_can_be_asked_for_by_every_status_there_is() -> None:
    assert set(get_args(ShellStatus)) == set(shared.contracts.http.shells.ShellStatus)


def test_findings_are_listed_and_one_is_shown(run: Any) -> None:
    wire = Wire(answers({"items": [SHELL], "next": None}), answers(SHELL))
    done = run(wire, "shells", "list", "--status", "due", *AS)
    assert (done.exit_code, "京ICP备1号-1" in done.stdout) == (0, True)
    assert run(wire, "shells", "show", ID, *AS).exit_code == 0
    assert [str(each.url.copy_with(host="x", scheme="http", port=None)) for each in wire.sent] == [
        "http://x/shell-findings?status=due", f"http://x/shell-findings/{ID}",
    ]  # fmt: skip


def test_a_lapse_says_which_version_was_looked_at_on_what_basis_and_why(run: Any) -> None:
    wire = Wire(answers(SHELL | {"status": "lapsed"}))
    done = run(wire, "shells", "lapse", ID, "--version", "3", *BASIS, *WHY, *AS)
    assert done.exit_code == 0, done.stderr
    (sent,) = wire.sent
    assert (sent.url.path, sent.headers["If-Match"]) == (f"/shell-findings/{ID}/lapse", '"3"')
    assert json.loads(sent.content)["statement"]["legal_basis"] == ["N4.3"]


@pytest.mark.parametrize("missing", [("--version", "3"), BASIS, WHY])
def test_a_lapse_lacks_nothing(run: Any, missing: tuple[str, str]) -> None:
    given = [each for pair in (("--version", "3"), BASIS, WHY) if pair != missing for each in pair]
    wire = Wire()
    done = run(wire, "shells", "lapse", ID, *given, *AS)
    assert (done.exit_code, wire.sent, missing[0] in done.stderr) == (Exit.USAGE, [], True)


@pytest.mark.parametrize(("command", "path"), [("undo", "undoing"), ("dismiss", "dismissal")])
def test_one_step_gives_a_site_back_or_lets_it_be(run: Any, command: str, path: str) -> None:
    wire = Wire(answers(SHELL))
    assert run(wire, "shells", command, ID, *WHY, *AS).exit_code == 0
    assert wire.sent[0].url.path == f"/shell-findings/{ID}/{path}"
    assert json.loads(wire.sent[0].content) == {"reasons": WHY[1]}


# --- papers ----------------------------------------------------------------------------------------------------------


def paper(status: str) -> dict[str, Any]:
    shown = {name: PAPER[name] for name in ("paper_number", "operator", "service_item", "domain", "scope",
                                            "valid_from", "valid_until", "scan_sha256")}  # fmt: skip
    return shown | {
        "id": ID, "version": 1, "status": status, "domain_as_given": PAPER["domain"], "level": "province",
        "region": "110000", "entered_at": AT, "approval_id": None, "allowed_actions": [],
    }  # fmt: skip


def test_a_paper_is_entered_from_a_file_and_listed(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "paper.json"
    file.write_text(json.dumps(PAPER, default=str))
    wire = Wire(answers(paper("entered"), 201), answers({"items": [paper("entered")], "next": None}),
                answers(paper("entered")))  # fmt: skip
    assert run(wire, "papers", "enter", str(file), *AS).exit_code == 0
    assert PaperEntry.model_validate_json(wire.sent[0].content) == PaperEntry.model_validate(PAPER)
    assert PAPER["paper_number"] in run(wire, "papers", "list", *AS).stdout
    assert run(wire, "papers", "show", ID, *AS).exit_code == 0


def test_a_second_officer_confirms_by_the_scan_before_him_which_is_not_sent(run: Any, tmp_path: Path) -> None:
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF what was compared")
    wire = Wire(answers(paper("confirmed")))
    done = run(wire, "papers", "confirm", ID, "--number", PAPER["paper_number"], "--scan", str(scan), *AS)
    assert done.exit_code == 0, done.stderr
    assert json.loads(wire.sent[0].content) == {
        "paper_number": PAPER["paper_number"], "scan_sha256": hashlib.sha256(scan.read_bytes()).hexdigest(),
    }  # fmt: skip
    missing = run(wire, "papers", "confirm", ID, "--number", "1", "--scan", str(tmp_path / "none"), *AS)
    one_line(missing, Exit.USAGE, "none")


def test_a_paper_is_withdrawn_with_reasons(run: Any) -> None:
    wire = Wire(answers(paper("withdrawn")))
    assert run(wire, "papers", "withdraw", ID, *WHY, *AS).exit_code == 0
    assert wire.sent[0].url.path == f"/paper-approvals/{ID}/withdrawal"


# --- documents and marks ---------------------------------------------------------------------------------------------


def test_the_page_of_a_licence_goes_into_a_new_file(run: Any, tmp_path: Path) -> None:
    page = tmp_path / "licence.pdf"
    wire = Wire(httpx.Response(200, content=b"%PDF-1"), httpx.Response(200, content=b"%PDF-2"))
    asked = ("registrations", "document", ID, "--pdf", str(page), *AS)
    assert run(wire, *asked).exit_code == 0
    assert (wire.sent[0].url.path, page.read_bytes()) == (f"/registrations/{ID}/document.pdf", b"%PDF-1")
    assert run(wire, *asked).exit_code == Exit.USAGE
    assert page.read_bytes() == b"%PDF-1"


@pytest.mark.parametrize("end", ["svg", "png"])
def test_the_code_of_a_mark_goes_into_a_new_file(run: Any, tmp_path: Path, end: str) -> None:
    picture = tmp_path / f"code.{end}"
    wire = Wire(httpx.Response(200, content=b"picture"))
    assert run(wire, "registrations", "mark", ID, "--picture", str(picture), *AS).exit_code == 0
    assert (wire.sent[0].url.path, picture.read_bytes()) == (f"/registrations/{ID}/mark.{end}", b"picture")
    one_line(run(Wire(), "registrations", "mark", ID, "--picture", "code.gif", *AS), Exit.USAGE, ".svg or .png")


def test_a_mark_is_shown_and_whoever_meets_one_asks_without_a_name(run: Any) -> None:
    wire = Wire(answers(MARK))
    done = run(wire, "registrations", "mark", ID, *AS)
    assert (done.exit_code, MARK["address"] in done.stdout) == (0, True)
    status = {
        "mark": Mark.EXAMPLE, "number": "京ICP备1号", "kind": "filing", "in_force": True, "status": "active",
        "since": AT,
        "valid_until": None, "operator": None, "issuer": examples.REGULATOR["names"], "newest": True,
        "succeeded_by": None, "sites": [], "total": 0, "as_of": AT,
    }  # fmt: skip
    for given in ("a.b.c", "https://registry.elsewhere.example/marks/a.b.c"):
        wire = Wire(answers(status))
        done = run(wire, "met", given, "--json")
        assert (done.exit_code, json.loads(done.stdout)["status"]) == (0, "active")
        assert (wire.sent[0].url.host, wire.sent[0].url.path) == ("registry.test", "/marks/a.b.c")
        assert "Authorization" not in wire.sent[0].headers


# --- the barred list -------------------------------------------------------------------------------------------------


def entry(number: int, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(BarredEntry.model_validate({
        "execution_id": UUID(int=number), "decision_id": UUID(int=number), "identity": None, "name": f"Shop {number}",
        "names": [f"shop-{number}.example"], "names_alone": [], "since": AT, "until": "2027-11-22T04:00:00Z",
        "authority": examples.AUTHORITY["names"], "legal_basis": ["N4.5"], "reasons": "Sold what nobody may sell.",
        "redress": {"body": examples.REVIEW_BODY, "how": "In writing.", "within_days": 60},
    } | changes).model_dump_json())  # fmt: skip
    return made


def changed(*told: tuple[int, str]) -> list[dict[str, Any]]:
    """The changes as the register chains them; what is on the list no more is not told again."""
    made, before = list[dict[str, Any]](), ""
    latest = dict(told)
    for seq, (number, change) in enumerate(told, 1):
        text = json.dumps(entry(number), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        before = hashlib.sha256(f"{before}\n{seq}\n{change}\n{digest}".encode()).hexdigest()
        holds = latest[number] == "listed"
        made.append({
            "seq": seq, "change": change, "execution_id": str(UUID(int=number)), "digest": digest, "hash": before,
            "entry": entry(number) if holds else None, "text": text if holds else None, "at": AT,
        })  # fmt: skip
    return made


CHANGES = changed((1, "listed"), (2, "listed"), (1, "removed"))


def the_list(changes: list[dict[str, Any]] = CHANGES, entries: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"seq": len(changes), "hash": changes[-1]["hash"], "entries": [entry(2)] if entries is None else entries}


def feed(*pages: list[dict[str, Any]], whole: dict[str, Any] | None = None) -> Wire:
    more = [answers({"changes": page, "more": page is not pages[-1]}) for page in pages]
    return Wire(answers(whole or the_list()), *more)


def test_the_list_is_shown_once_every_hash_fits_and_nobody_signs_in(run: Any) -> None:
    wire = feed(CHANGES[:2], CHANGES[2:])
    done = run(wire, "barred-list", "--json")
    assert done.exit_code == 0, done.stderr
    assert [each["name"] for each in json.loads(done.stdout)["entries"]] == ["Shop 2"]
    assert [each.url.params.get("after") for each in wire.sent] == [None, "0", "2"]
    assert not any("Authorization" in each.headers for each in wire.sent)


def test_an_empty_list_is_one_too(run: Any) -> None:
    done = run(Wire(answers({"seq": 0, "hash": "", "entries": []})), "barred-list", "--json")
    assert (done.exit_code, json.loads(done.stdout)["entries"]) == (0, [])


def test_what_is_listed_while_somebody_reads_is_left_for_the_next_time(run: Any) -> None:
    later = changed((1, "listed"), (2, "listed"), (1, "removed"), (3, "listed"))
    assert run(feed(later), "barred-list").exit_code == 0


def test_changes_after_a_number_are_shown_and_the_hash_that_was_kept_is_held_against_them(run: Any) -> None:
    done = run(feed(CHANGES), "barred-list", "--changes-after", "1", "--hash", CHANGES[0]["hash"].upper(), "--json")
    assert done.exit_code == 0, done.stderr
    assert [each["seq"] for each in json.loads(done.stdout)] == [2, 3]
    assert "removed" in run(feed(CHANGES), "barred-list", "--changes-after", "2").stdout
    rewritten = changed((9, "listed"), (2, "listed"), (9, "removed"))
    done = run(feed(rewritten, whole=the_list(rewritten)), "barred-list", "--changes-after", "1", "--hash",
               CHANGES[0]["hash"])  # fmt: skip
    one_line(done, Exit.FAILED, "was rewritten")
    assert run(feed(CHANGES), "barred-list", "--changes-after", "9", "--hash", "0" * 64).exit_code == Exit.FAILED
    one_line(run(Wire(), "barred-list", "--hash", "0" * 64), Exit.USAGE, "--changes-after")


@pytest.mark.parametrize(
    ("changes", "whole", "said"),
    [
        ([CHANGES[0], CHANGES[2]], the_list(), "one is missing"),
        ([CHANGES[0], CHANGES[0], CHANGES[1]], the_list(), "told twice"),
        ([CHANGES[0] | {"change": "removed"}, *CHANGES[1:]], the_list(), "another hash"),
        ([CHANGES[0] | {"digest": CHANGES[1]["digest"]}, *CHANGES[1:]], the_list(), "another hash"),
        ([CHANGES[0], CHANGES[1] | {"entry": entry(2, until=AT)}, CHANGES[2]], the_list(), "another entry"),
        ([CHANGES[0], CHANGES[1] | {"text": None}, CHANGES[2]], the_list(), "another entry"),
        ([CHANGES[0], CHANGES[1] | {"text": json.dumps(entry(3)), "entry": entry(3)}], the_list(), "another entry"),
        ([CHANGES[0], CHANGES[1] | {"execution_id": ID}, CHANGES[2]], the_list(), "another entry"),
        (CHANGES, the_list(entries=[entry(1), entry(2)]), "other entries"),
        (CHANGES, the_list(entries=[entry(2, reasons="Something else.")]), "other entries"),
        (CHANGES, the_list() | {"hash": "0" * 64}, "another hash"),
        ([], the_list(), "there is none"),
        (CHANGES[:2], the_list(), "there is none"),
    ],
)  # fmt: skip
def test_a_list_that_its_changes_do_not_make_is_not_shown(
    run: Any, changes: list[dict[str, Any]], whole: dict[str, Any], said: str
) -> None:
    wire = feed(changes, [], whole=whole)
    one_line(run(wire, "barred-list"), Exit.FAILED, said)


def test_a_text_that_is_no_entry_is_not_believed_though_its_hash_fits(run: Any) -> None:
    text = "[" * 5
    digest = hashlib.sha256(text.encode()).hexdigest()
    made = hashlib.sha256(f"\n1\nlisted\n{digest}".encode()).hexdigest()
    change = CHANGES[1] | {"seq": 1, "text": text, "digest": digest, "hash": made}
    done = run(feed([change], whole={"seq": 1, "hash": made, "entries": [entry(2)]}), "barred-list")
    one_line(done, Exit.FAILED, "another entry")


def test_what_comes_off_the_list_while_it_is_read_is_read_once_more(run: Any) -> None:
    before, after = CHANGES[:2], CHANGES
    wire = Wire(
        answers(the_list(before, [entry(1), entry(2)])), answers({"changes": after, "more": False}),
        answers(the_list(after)), answers({"changes": after[2:], "more": False}),
    )  # fmt: skip
    done = run(wire, "barred-list", "--json")
    assert done.exit_code == 0, done.stderr
    assert [each["name"] for each in json.loads(done.stdout)["entries"]] == ["Shop 2"]


def test_an_entry_that_is_on_the_list_and_never_told_is_not_believed(run: Any) -> None:
    hidden = [CHANGES[0], CHANGES[1] | {"text": None, "entry": None}, CHANGES[2]]
    wire = Wire(answers(the_list()), answers({"changes": hidden, "more": False}), *[answers(the_list())] * 2)
    one_line(run(wire, "barred-list"), Exit.FAILED, "other entries")
