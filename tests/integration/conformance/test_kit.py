"""The conformance kit: our agent and a client written from the page alone pass it, and each fault is seen."""

import base64
import json
import socket
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from concord.cli.main import app
from concord.conformance import CONFORMANCE_TYPE
from concord.conformance.checks import CHECKS
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


async def test_a_client_written_from_the_page_alone_passes_over_kafka(
    tmp_path: Path, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(MINIMAL.read_text().splitlines()) < 165
    broker: Broker = fresh_broker()
    key, _ = key_in(tmp_path)
    monkeypatch.setenv("CONCORD_KEY_FILE", str(key))
    monkeypatch.setenv("CONCORD_STATE_FILE", str(tmp_path / "state.sqlite"))
    keys = [public(json.loads(key.read_text()))]
    found = await judged(
        Asked(PROVIDER, keys, command=(sys.executable, str(MINIMAL)), patience_s=60, kafka=broker.bootstrap)
    )
    no_probe = {"page", "names"}
    assert {name: result for name, (result, _) in found.items()} == {
        name: "skipped" if name in no_probe else "passed" for name in CHECKS
    }, found


FAULTS = {
    "believes any signature": ('Ed25519PublicKey.from_public_bytes(unpack(key["x"])).verify', "(lambda *a: None)"),
    "does not look at whose key it is": (' and order["issuer"]["id"] == key.get("organisation")', ""),
    "takes what comes out of turn": ('if order["sequence"] > last() + 1:', "if False:"),
    "takes critical headers": (' or header.keys() & {"crit", "b64"}', ""),
    "keeps keys for ever": ('state["keys_until"] = time.monotonic() + 1', 'state["keys_until"] = float("inf")'),
    "believes what a retired key says later": (' < seconds(key["retired_at"])', ""),
    "forgets what it was told": ("[at - 3600 for (at,) in", "[0 for (at,) in"),
    "names no bytes": ("hashlib.sha256(jws.encode())", "hashlib.sha256(b'')"),
    "drops what waits for its key": (
        "    if waiting:  #",
        '    db.execute("UPDATE receipt SET open = 0")\n    if waiting:  #',
    ),
}
SEEN_BY = {
    "believes any signature": "bad_signatures",
    "does not look at whose key it is": "bad_signatures",
    "takes what comes out of turn": "gaps",
    "takes critical headers": "bad_signatures",
    "keeps keys for ever": "rotation",
    "believes what a retired key says later": "retirement",
    "forgets what it was told": "retirement",
    "names no bytes": "order",
    "drops what waits for its key": "key_not_entered",
}


@pytest.mark.parametrize("fault", sorted(SEEN_BY))
async def test_a_client_with_a_fault_does_not_pass(
    tmp_path: Path, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    right, wrong = FAULTS[fault]
    source = MINIMAL.read_text()
    assert source.count(right) == 1, fault
    (tmp_path / "client.py").write_text(source.replace(right, wrong))
    broker: Broker = fresh_broker()
    key, keys = key_in(tmp_path)
    monkeypatch.setenv("CONCORD_KEY_FILE", str(key))
    monkeypatch.setenv("CONCORD_STATE_FILE", str(tmp_path / "state.sqlite"))
    command = (sys.executable, str(tmp_path / "client.py"))
    found = await judged(
        Asked(PROVIDER, keys, command=command, patience_s=5, kafka=broker.bootstrap, checks=(SEEN_BY[fault],))
    )
    assert found[SEEN_BY[fault]][0] == "failed", found


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
    assert KeyRing([document["signed_by"]]).verify(jws, CONFORMANCE_TYPE)
    assert (document["passed"], [each["check"] for each in document["checks"]]) == (True, ["order"])
    line[line.index("--out") + 1] = str(tmp_path / "other.jws")
    line[line.index("--patience") + 1] = "1"
    nobody = CliRunner().invoke(app, [*line, "sleep", "60"])
    assert nobody.exit_code == Exit.FAILED, nobody.output
    unknown = CliRunner().invoke(app, [*line[:-1], "--only", "nonsense"])
    assert unknown.exit_code == Exit.USAGE
