"""A provider's commands: a list sent whole, taken up where it broke; findings answered; preflight verified offline."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from concord.cli import hosting
from concord.exits import Exit
from concord.sdk.departments.hosting import HostedKind, HostedStatus
from shared.contracts.http.hosted import FindingKind, FindingStatus
from shared.contracts.preflights import PreflightAnswer
from shared.documents import preflights
from shared.signing import OWNER, Signer, generate_key
from tests.unit.concord.test_sdk import Wire

AT = "2026-11-22T04:00:00Z"
PROVIDER = "01940000-0000-7000-8000-000000000005"
FINDING: dict[str, Any] = {
    "id": PROVIDER, "version": 1, "status": "open", "kind": "unregistered", "provider_id": PROVIDER,
    "provider_name": "Example Hosting", "host": "shop.example", "site_id": None, "number": None, "told_id": PROVIDER,
    "listed": {"host": "shop.example", "ips": ["198.18.0.10"], "hosting_mode": "cloud", "number": None, "since": None},
    "cure_until": AT, "answer": None, "answered_at": None, "reasons": None, "escalated_at": None, "found_at": AT,
    "changed_at": AT, "allowed_actions": ["answer"],
}  # fmt: skip
AS = ("--as", "regulator-a")
SIGNER = Signer(generate_key(kid="industry-110000-1"))


class Register(Wire):
    """Takes batches as the register does, and breaks after so many."""

    def __init__(self, *, breaks_after: int | None = None) -> None:
        super().__init__()
        self.batches: list[tuple[bytes, int, int]] = []
        self.taken, self.breaks_after = 0, breaks_after
        self.whole: int | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if "inventories" not in request.url.path:
            return await super().__call__(request)
        if request.method == "GET":
            return httpx.Response(200, json=self.state())
        if self.breaks_after is not None and len(self.batches) == self.breaks_after:
            self.breaks_after = None
            return httpx.Response(403, json={"code": "out_of_scope", "detail": "gone"})
        content = await request.aread()
        sent = json.loads(content)
        assert sent["sequence"] == self.state()["next_sequence"], "in order"
        if "close" in sent:
            assert sent["close"] == {"records": sum(size for _, size, _ in self.batches), "hash": self.hash()}
            self.whole = sum(taken for *_, taken in self.batches)
            self.taken, self.batches = self.taken + len(self.batches) + 1, []
            return self.answer(sent, [], closed=True)
        if sent["anew"]:
            self.taken, self.batches = self.taken + len(self.batches), []
        taken = sum(each["host"] != "bad" for each in sent["records"])
        self.batches.append((hashlib.sha256(content).digest(), len(sent["records"]), taken))
        return self.answer(sent, sent["records"], closed=False)

    def hash(self) -> str:
        return hashlib.sha256(b"".join(digest for digest, *_ in self.batches)).hexdigest()

    def state(self) -> dict[str, Any]:
        sending = {"first_sequence": self.taken + 1, "since": AT, "batches": len(self.batches), "records": 0,
                   "hash": self.hash()} if self.batches else None  # fmt: skip
        whole = {"records": self.whole, "hash": "0" * 64, "at": AT} if self.whole is not None else None
        return {"provider_id": PROVIDER, "next_sequence": self.taken + len(self.batches) + 1, "sending": sending,
                "whole": whole, "reconciled_at": None}  # fmt: skip

    def answer(self, sent: dict[str, Any], records: list[Any], *, closed: bool) -> httpx.Response:
        results: list[dict[str, Any]] = [
            {"index": index, "status": "refused" if each["host"] == "bad" else "taken", "code": "invalid",
             "message": "Not valid.", "fields": []} for index, each in enumerate(records)
        ]  # fmt: skip
        taken = sum(each["status"] == "taken" for each in results)
        return httpx.Response(200, json={
            "sequence": sent["sequence"], "taken": taken, "refused": len(results) - taken, "results": results,
            "closed": closed,
        })  # fmt: skip


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    file = tmp_path / "hosted.ndjson"
    hosts = [f"s{n}.example" for n in range(2_500)] + ["bad"]
    file.write_text("".join(json.dumps({"host": each, "ips": ["198.18.0.10"]}) + "\n" for each in hosts))
    return file


def sent_by(run: Any, register: Register, file: Path) -> Any:
    return run(register, "inventory", "upload", str(file), "--provider-id", PROVIDER, "--json", *AS)


def test_a_list_goes_in_batches_and_is_closed_and_what_was_refused_is_kept_by_line(run: Any, listed: Path) -> None:
    register = Register()
    done = sent_by(run, register, listed)
    assert done.exit_code == Exit.DONE, done.stderr
    said = json.loads(done.stdout)
    assert (said["records"], said["sent_now"], said["closed"], said["next_sequence"]) == (2_501, 2_501, True, 5)
    kept = [json.loads(line) for line in Path(said["refused_in"]).read_text().splitlines()]
    assert [(each["line"], each["code"]) for each in kept] == [(2_501, "invalid")]
    again = json.loads(sent_by(run, register, listed).stdout)
    assert again["refused_in"].endswith("refused-2.ndjson"), "no earlier file is overwritten"


def test_what_was_broken_off_goes_on_where_it_was_and_another_file_begins_anew(run: Any, listed: Path) -> None:
    register = Register(breaks_after=2)
    assert sent_by(run, register, listed).exit_code == Exit.REFUSED
    done = json.loads(sent_by(run, register, listed).stdout)
    assert (done["sent_now"], done["resumed"], done["records"]) == (501, True, 2_501)
    register.breaks_after = 2
    assert sent_by(run, register, listed).exit_code == Exit.REFUSED
    listed.write_text('{"host": "other.example", "ips": ["198.18.0.10"]}\n')
    done = json.loads(sent_by(run, register, listed).stdout)
    assert (done["sent_now"], register.whole) == (1, 1)


def test_what_can_be_read_only_once_closes_no_empty_list(run: Any, tmp_path: Path) -> None:
    register, pipe = Register(), tmp_path / "pipe"
    os.mkfifo(pipe)
    for once in (pipe, Path("-")):
        refused = sent_by(run, register, once)
        assert refused.exit_code == Exit.USAGE, refused.stdout
        assert "can be read only once" in refused.stderr
    assert register.whole is None


def test_a_file_that_changes_while_it_is_sent_is_not_closed(
    run: Any, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register, answer, shorter = Register(), Register.answer, listed.read_text().splitlines(keepends=True)[:2_000]

    def shortened(self: Register, *asked: Any, **more: Any) -> httpx.Response:
        listed.write_text("".join(shorter))
        return answer(self, *asked, **more)

    monkeypatch.setattr(Register, "answer", shortened)
    refused = sent_by(run, register, listed)
    assert refused.exit_code == Exit.USAGE, refused.stdout
    assert "changed while it was sent" in refused.stderr
    assert "2000 records, not 2501; nothing was closed" in refused.stderr
    assert register.whole is None


def test_an_empty_file_says_that_nothing_is_hosted(run: Any, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("\n")
    register = Register()
    assert sent_by(run, register, tmp_path / "none").exit_code == Exit.DONE
    assert register.whole == 0


@pytest.mark.parametrize("line", ["{", '{"host": "a.x", "host": "b.x"}', "\xff"])
def test_a_line_that_is_no_record_is_named_and_nothing_is_sent(run: Any, tmp_path: Path, line: str) -> None:
    (tmp_path / "bad").write_bytes(b'{"host": "a.x", "ips": []}\n' + line.encode("latin-1") + b"\n")
    register = Register()
    done = sent_by(run, register, tmp_path / "bad")
    assert (done.exit_code, "line 2" in done.stderr, register.batches) == (Exit.USAGE, True, [])


def test_when_every_record_was_refused_it_exits_5(run: Any, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text('{"host": "bad", "ips": []}\n')
    done = sent_by(run, Register(), tmp_path / "bad")
    assert (done.exit_code, "every record was refused" in done.stderr) == (Exit.FAILED, True)


def test_whoever_acts_for_no_provider_names_one(run: Any) -> None:
    done = run(Register(), "inventory", "status", *AS)
    assert (done.exit_code, "--provider-id" in done.stderr) == (Exit.USAGE, True)
    done = run(Register(), "inventory", "status", "--provider-id", PROVIDER, *AS)
    assert (done.exit_code, "next_sequence" in done.stdout) == (0, True)


def test_findings_are_listed_shown_answered_and_judged(run: Any) -> None:
    assert set(get_args(HostedStatus)) == set(FindingStatus)
    assert set(get_args(HostedKind)) == set(FindingKind)
    page = httpx.Response(200, json={"items": [FINDING], "next": None})
    wire = Wire(page, *(httpx.Response(200, json=FINDING) for _ in range(5)))
    assert "shop.example" in run(wire, "inventory", "findings", "--kind", "unregistered", *AS).stdout
    why = ("--reasons", "The operator registers it this week.")
    for command, more in (("show", ()), ("answer", why), ("insist", why), ("keep", why), ("dismiss", why)):
        assert run(wire, "inventory", command, PROVIDER, *more, *AS).exit_code == 0
    assert [each.url.path.rsplit("/", 1)[1] for each in wire.sent[2:]] == [
        "answer", "insistence", "dispute-answer", "dismissal",
    ]  # fmt: skip


# --- before a site is connected --------------------------------------------------------------------------------------


def answered(answer: str = "yes", minutes: int = 15) -> tuple[PreflightAnswer, str]:
    now = datetime.now(UTC).replace(microsecond=0)
    reasons = [] if answer == "yes" else [{"code": "unregistered", "message": "no site in the register has it"}]
    said = PreflightAnswer.model_validate(PreflightAnswer.EXAMPLE | {
        "answer": answer, "reasons": reasons, "as_of": now, "expires": now + timedelta(minutes=minutes),
    })  # fmt: skip
    return said, preflights.sign_all([said], SIGNER)[0]


@pytest.mark.parametrize(("answer", "code"), [("yes", Exit.DONE), ("no", Exit.FAILED)])
def test_preflight_says_why_and_what_it_saves_is_verified_offline(
    run: Any, tmp_path: Path, answer: str, code: Exit
) -> None:
    said, jws = answered(answer)
    shown = said.model_dump(mode="json")
    reply = httpx.Response(200, json={"answer": answer, "reasons": shown["reasons"], "jws": jws, "document": shown})
    wire, saved = Wire(reply), tmp_path / "answer.jws"
    done = run(wire, "preflight", "pharmacy.example", "--ip", "198.18.0.10", "--save", str(saved), "--json", *AS)
    assert (done.exit_code, json.loads(done.stdout)["answer"]) == (code, answer)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [SIGNER.public | {OWNER: "industry-110000"}]}))
    done = run(None, "verify", str(saved), "--keys", str(keys), "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["valid"], found["kind"], found["answer"]) == (Exit.DONE, True, "preflight", answer)
    keys.write_text(json.dumps({"keys": [SIGNER.public | {OWNER: "somebody"}]}))
    done = run(None, "verify", str(saved), "--keys", str(keys), "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (Exit.FAILED, "wrong_issuer")


def test_an_answer_whose_time_is_over_is_not_valid_any_more(run: Any, tmp_path: Path) -> None:
    (tmp_path / "old").write_text(answered(minutes=-1)[1])
    (tmp_path / "keys").write_text(json.dumps({"keys": [SIGNER.public | {OWNER: "industry-110000"}]}))
    done = run(None, "verify", str(tmp_path / "old"), "--keys", str(tmp_path / "keys"), "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (Exit.FAILED, "over")


def test_a_file_of_questions_is_asked_in_batches_and_one_no_fails(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "BATCH", 2)
    file = tmp_path / "asked"
    file.write_text('{"host": "a.x", "ips": ["1.2.3.4"]}\n' * 3)
    yes = {"index": 0, "status": "answered", "answer": "yes", "reasons": [], "jws": "a.b.c", "fields": []}
    no = yes | {"answer": "no", "reasons": [{"code": "unregistered", "message": "none"}]}

    def results(*found: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, json={"yes": 0, "no": 0, "refused": 0, "results": list(found)})

    wire = Wire(results(yes, yes), results(no))
    done = run(wire, "preflight", "--batch", str(file), *AS)
    assert (done.exit_code, "unregistered" in done.stdout, len(wire.sent)) == (Exit.FAILED, True, 2)
    assert run(Wire(), "preflight", "a.x", "--batch", str(file), *AS).exit_code == Exit.USAGE
