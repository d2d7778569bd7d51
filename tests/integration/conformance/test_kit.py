"""The conformance kit: our agent and a client written from the page alone pass it, and each fault is seen."""

import ast
import base64
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from concord.cli.main import app
from concord.conformance import CONFORMANCE_TYPE
from concord.conformance.checks import CHECKS, NOT_JUDGED
from concord.conformance.kit import Asked, conform
from concord.exits import Exit
from local_stack.broker import Broker
from shared.signing import KeyRing, Signer, generate_key, prove, public
from tests.integration.agent.test_nginx import Served, served
from tests.support.fixtures import FreshBroker

__all__ = ["served"]  # a fixture, used by name
ROOT = Path(__file__).parents[3]
MINIMAL = ROOT / "clients" / "examples" / "minimal.py"
PROVIDER = uuid4()


def free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def key_in(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    key = generate_key("mine-1")
    (folder / "key.json").write_text(json.dumps(key))
    (folder / "public.json").write_text(json.dumps({"jwk": public(key), "proof": prove(Signer(key), PROVIDER)}))
    return folder / "key.json", [public(key)]


def agent_toml(folder: Path, port: int, web_port: int, **more: Any) -> Path:
    base = f"http://127.0.0.1:{port}"
    values = {
        "access_url": base, "issuer_url": f"{base}/issuer", "jwks_url": f"{base}/.well-known/jwks.json",
        "provider_id": str(PROVIDER), "client_id": "conformance", "client_secret": "conformance",
        "key_file": str(folder / "key.json"), "state_file": str(folder / "agent.sqlite"), "web_port": web_port,
        "keys_every_s": 1, "check_every_s": 2, **more,
    }  # fmt: skip
    file = folder / "agent.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return file


def asked(folder: Path, *command: str, **more: Any) -> Asked:
    return Asked(PROVIDER, key_in(folder)[1], command=command, patience_s=60, **more)


async def judged(asked: Asked) -> dict[str, tuple[str, str | None]]:
    said = await conform(asked, lambda _: None, lambda _: None)
    return {result["check"]: (result["result"], result["why"]) for result in said["checks"]}


async def test_our_agent_passes_every_check(tmp_path: Path) -> None:
    port, web = free(), free()
    toml = agent_toml(tmp_path, port, web)
    command = (sys.executable, "-m", "concord.agent.main", "run", "--config", str(toml))
    found = await judged(asked(tmp_path, *command, port=port, probe=f"http://127.0.0.1:{web}/"))
    assert found == dict.fromkeys(CHECKS, ("passed", None))


async def test_our_agent_in_a_real_nginx_passes_what_readers_would_see(tmp_path: Path, served: Served) -> None:
    port = free()
    of_nginx = {
        "hook": "nginx", "nginx_folder": str(served.nginx.folder), "nginx_test": served.nginx.test,
        "nginx_reload": served.nginx.reload, "nginx_check": [served.base],
    }  # fmt: skip
    toml = agent_toml(tmp_path, port, 0, **of_nginx)
    command = (sys.executable, "-m", "concord.agent.main", "run", "--config", str(toml))
    checks = ("page", "names", "restore", "suspension", "killed")
    found = await judged(asked(tmp_path, *command, port=port, probe=f"{served.base}/", checks=checks))
    assert found == dict.fromkeys(checks, ("passed", None))


def lines_of_code(source: str) -> int:
    """Lines that are not blank, not a comment and not a docstring."""
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    words = set[int]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            words.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and at not in words for at, line in lines)


async def test_a_client_written_from_the_page_alone_passes_over_kafka(
    tmp_path: Path, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lines_of_code(MINIMAL.read_text()) < 150
    broker: Broker = fresh_broker()
    keys = minimal(tmp_path, monkeypatch)
    found = await judged(
        Asked(
            PROVIDER, keys, command=(sys.executable, str(tmp_path / "client.py")), patience_s=60, kafka=broker.bootstrap
        )
    )
    no_probe = {"page", "names"}
    assert {name: result for name, (result, _) in found.items()} == {
        name: "skipped" if name in no_probe else "passed" for name in CHECKS
    }, found


FAULTS = {
    "believes any signature": ('Ed25519PublicKey.from_public_bytes(unpack(key["x"])).verify', "(lambda *a: None)"),
    "does not look at whose key it is": (' and said[by]["id"] == key.get("organisation")', ""),
    "takes what comes out of turn": ('if order["sequence"] > last() + 1:', "if False:"),
    "takes critical headers": (' or header.keys() & {"crit", "b64"}', ""),
    "takes loose base64url": ("if pack(content) != part:", "if False:"),
    "keeps keys for ever": ('state["keys_until"] = time.monotonic() + 1', 'state["keys_until"] = float("inf")'),
    "believes what a retired key says later": (' < seconds(key["retired_at"])', ""),
    "does not look at the order before": ("[seconds(at) - 86400 for (at,) in db.execute(issued)]", "[]"),
    "says `executed` alone": ('say(order, jws, "received")', "None"),
    "forgets what it was told": ("[at - 3600 for (at,) in", "[0 for (at,) in"),
    "names no bytes": (
        'digest = {"order_digest": hashlib.sha256(jws.encode())',
        "digest = {\"order_digest\": hashlib.sha256(b'')",
    ),
    "drops what waits for its key": (
        "    if waiting:  #",
        '    db.execute("UPDATE receipt SET open = 0")\n    if waiting:  #',
    ),
    "takes any counter-receipt": (
        'proof is None or proof["batch"] != hashlib.sha256(jws.encode()).hexdigest()',
        "False",
    ),
    "takes a counter-receipt of another document": (
        ' or proof["batch"] != hashlib.sha256(jws.encode()).hexdigest()',
        "",
    ),
    "takes an order for a counter-receipt": ('("Ed25519", typ)', '("Ed25519", header["typ"])'),
    "follows redirects": ("build_opener(Stay)", "build_opener()"),
    "acts on history": ('if not last() and "begun" not in state:', "if False:"),
    "acts on what was taken back": (
        "SET done = 1 WHERE NOT done AND payload ->> 'order_id'",
        "SET done = 0 WHERE NOT done AND payload ->> 'order_id'",
    ),
    "restores only what was ordered": (
        '    if order["action"] == "restore":\n',
        '    if order["action"] == "restore" and not order["undoes"]:\n'
        '        return say(order, jws, "contested", why="it undoes no order that we hold")\n'
        '    if order["action"] == "restore":\n',
    ),
    "has no clock": ('"at": datetime.now(UTC).isoformat()}', '"at": "1970-01-01T00:00:00+00:00"}'),
    "does not read its topic": ("consumer.consume(100, 0.2)", "(time.sleep(0.2) or [])"),
}
SEEN_BY = [
    ("believes any signature", "bad_signatures", "another key under this id, on the topic"),
    ("does not look at whose key it is", "bad_signatures", "a key of another organisation, on the topic"),
    ("takes what comes out of turn", "gaps", ""),
    ("takes critical headers", "bad_signatures", "with a critical header, on the topic"),
    ("takes loose base64url", "bad_signatures", "with padding, on the topic"),
    ("does not read its topic", "bad_signatures", "receipts 'received'"),
    ("keeps keys for ever", "rotation", "a key that was taken out of the set"),
    ("believes what a retired key says later", "retirement", "dated after its key was retired"),
    ("forgets what it was told", "retirement", "dated back before a head was told"),
    ("does not look at the order before", "memory", "dated back before the order before it"),
    ("says `executed` alone", "order", "`received` did not"),
    ("says `executed` alone", "gaps", "`received` did not"),
    ("names no bytes", "order", "digest_mismatch"),
    ("has no clock", "order", "a day before the order"),
    ("drops what waits for its key", "key_not_entered", ""),
    ("takes any counter-receipt", "counter_receipts", "another key under this id"),
    ("does not look at whose key it is", "counter_receipts", "a key of another organisation"),
    ("takes an order for a counter-receipt", "counter_receipts", "of another type"),
    ("takes a counter-receipt of another document", "counter_receipts", "of another document"),
    ("follows redirects", "redirects", "a redirect was followed"),
    ("acts on history", "memory", "done and undone before"),
    ("acts on what was taken back", "taken_back", "was taken back before the client came"),
    ("restores only what was ordered", "emergency", "receipts 'executed'"),
]


@pytest.mark.parametrize(("fault", "check", "why"), SEEN_BY, ids=[f"{fault}: {check}" for fault, check, _ in SEEN_BY])
async def test_a_client_with_a_fault_does_not_pass(
    tmp_path: Path, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch, fault: str, check: str, why: str
) -> None:
    keys = minimal(tmp_path, monkeypatch, FAULTS[fault])
    broker: Broker = fresh_broker()
    command = (sys.executable, str(tmp_path / "client.py"))
    found = await judged(Asked(PROVIDER, keys, command=command, patience_s=5, kafka=broker.bootstrap, checks=(check,)))
    result, said = found[check]
    assert result == "failed", found
    assert why in str(said)


async def test_a_client_that_loses_what_it_said_first_does_not_pass(
    tmp_path: Path, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hands `received` in alone, and believes whatever answers it."""
    at_once = ("    # What a later order", "    hand_in()\n    # What a later order")
    keys = minimal(tmp_path, monkeypatch, at_once, FAULTS["takes any counter-receipt"])
    found = await judged(Asked(PROVIDER, keys, command=(sys.executable, str(tmp_path / "client.py")), patience_s=5,
                               kafka=fresh_broker().bootstrap, checks=("counter_receipts",)))  # fmt: skip
    result, said = found["counter_receipts"]
    assert (result, "receipts 'received'" in str(said)) == ("failed", True), found


async def test_a_client_that_says_executed_and_does_nothing_is_seen_through_a_probe(
    tmp_path: Path, served: Served
) -> None:
    port = free()
    toml = agent_toml(tmp_path, port, free(), hook="command", command=["true"])
    command = (sys.executable, "-m", "concord.agent.main", "run", "--config", str(toml))
    found = await judged(asked(tmp_path, *command, port=port, probe=f"{served.base}/", checks=("suspension",)))
    assert "was answered `executed`, and the name is served" in str(found["suspension"][1])


FEED_ALONE = [
    ("consumer = Consumer(", "_ = ("),
    ("consumer.assign(", "("),
    ('ENV["KAFKA"]', '""'),
    ("consumer.consume(100, 0.2)", "(time.sleep(1.2) or [])"),
]
"""A client that reads no topic, and asks the feed again after a while."""


def minimal(folder: Path, monkeypatch: pytest.MonkeyPatch, *changes: tuple[str, str]) -> list[dict[str, Any]]:
    """The client of the page with changes, as `client.py`; gives its public keys."""
    source = MINIMAL.read_text()
    for right, wrong in changes:
        assert source.count(right) == 1, right
        source = source.replace(right, wrong)
    (folder / "client.py").write_text(source)
    key, keys = key_in(folder)
    monkeypatch.setenv("CONCORD_KEY_FILE", str(key))
    monkeypatch.setenv("CONCORD_STATE_FILE", str(folder / "state.sqlite"))
    return keys


SLOW = [
    (None, "passed", ""),
    ("does not look at whose key it is", "failed", "an order signed with a key of another organisation"),
    ("takes loose base64url", "failed", "an order with padding"),
]


@pytest.mark.parametrize(("fault", "result", "why"), SLOW, ids=[str(fault) for fault, _, _ in SLOW])
async def test_each_forgery_stands_in_the_feed_until_a_client_that_asks_seldom_has_fetched_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str | None, result: str, why: str
) -> None:
    keys = minimal(tmp_path, monkeypatch, *FEED_ALONE, *([FAULTS[fault]] if fault else []))
    command = (sys.executable, str(tmp_path / "client.py"))
    found = await judged(Asked(PROVIDER, keys, command=command, patience_s=15, checks=("bad_signatures",)))
    said = found["bad_signatures"]
    assert said[0] == result, found
    assert why in str(said[1])


async def test_what_a_client_never_fetched_is_no_pass(tmp_path: Path) -> None:
    found = await judged(Asked(PROVIDER, key_in(tmp_path)[1], command=("sleep", "60"), patience_s=1,
                               checks=("changed_bytes", "bad_signatures", "duplicates")))  # fmt: skip
    assert {result for result, _ in found.values()} == {"failed"}
    assert "was not fetched, so nothing is known of it" in str(found["bad_signatures"][1])


async def test_a_client_that_is_gone_is_said_to_be_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    found = await judged(
        asked(tmp_path, sys.executable, "-c", "raise SystemExit(3)", checks=("order", "gaps", "restore"))
    )
    assert set(found.values()) == {("failed", "your client ended with exit code 3")}
    assert time.monotonic() - began < 30


def test_the_command_gives_a_signed_pass_and_says_so_by_its_exit_code(tmp_path: Path) -> None:
    key_in(tmp_path)
    port = free()
    toml = agent_toml(tmp_path, port, free())
    line = ["conformance", "--key", str(tmp_path / "public.json"), "--provider", str(PROVIDER), "--port", str(port)]
    line += ["--only", "order", "--out", str(tmp_path / "pass.jws"), "--patience", "60", "--"]
    command = [sys.executable, "-m", "concord.agent.main", "run", "--config", str(toml)]
    done = CliRunner().invoke(app, [*line, *command])
    assert done.exit_code == 0, done.output
    jws = (tmp_path / "pass.jws").read_text()
    part = jws.split(".")[1]
    document = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert document["not_judged"] == list(NOT_JUDGED)
    assert KeyRing([document["signed_by"]]).verify(jws, CONFORMANCE_TYPE)
    assert (document["passed"], [each["check"] for each in document["checks"]]) == (True, ["order"])
    again = CliRunner().invoke(app, [*line, "false"])
    assert (again.exit_code, (tmp_path / "pass.jws").read_text()) == (Exit.USAGE, jws)
    assert "is there already" in again.output
    line[line.index("--out") + 1] = str(tmp_path / "other.jws")
    line[line.index("--patience") + 1] = "1"
    nobody = CliRunner().invoke(app, [*line, "sleep", "60"])
    assert nobody.exit_code == Exit.FAILED, nobody.output
    unknown = CliRunner().invoke(app, [*line[:-1], "--only", "nonsense"])
    assert unknown.exit_code == Exit.USAGE


def test_what_cannot_be_begun_is_said_in_one_line(tmp_path: Path) -> None:
    key_in(tmp_path)
    line = ["conformance", "--key", str(tmp_path / "public.json"), "--only", "order"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, [*line, "--port", str(port), "--", "sleep", "60"])
    assert (done.exit_code, done.output.count("\n")) == (Exit.IN_USE, 1), done.output
    assert f"127.0.0.1:{port} cannot be listened on" in done.output
    done = CliRunner().invoke(app, [*line, "--", "/no/such"])
    assert done.exit_code == Exit.USAGE, done.output
    assert "/no/such cannot be started" in done.output
    done = CliRunner().invoke(app, [*line[:2], str(tmp_path / "key.json"), *line[3:], "--", "sleep", "60"])
    assert done.exit_code == Exit.USAGE, done.output
    assert "holds a private key" in done.output
