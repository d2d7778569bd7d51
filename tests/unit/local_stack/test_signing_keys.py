"""The keys that services sign with are made by one command, for everybody who signs there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from access_control.service.state import ISSUERS
from local_stack import signing_keys
from local_stack.topology import SERVICES
from shared import rules
from shared.contracts.directory import SANDBOX
from shared.rules import Role
from shared.runtime.base.keys import NoSigningKey, OwnedKeys
from tests.support.fixtures import ROOT


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_stack.signing_keys", *arguments], capture_output=True, text=True, check=False
    )


def test_one_command_makes_a_key_for_everybody_who_signs_and_again_only_what_is_missing(tmp_path: Path) -> None:
    done = command(str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert {file.name for file in tmp_path.glob("*.json")} == {
        f"{name}.json" for name, spec in SERVICES.items() if spec.signs
    }
    profile = rules.load("cn-2006")
    for service, kinds in signing_keys.SIGN_AT.items():
        file = tmp_path / f"{service}.json"
        assert file.stat().st_mode & 0o777 == 0o600
        keys = OwnedKeys(file, generate=False)
        signing = [known for known in profile.organisations.values() if kinds & {*known.kinds}]
        for known in signing:
            assert keys.signer(known.id)
        more = 2 if service == "access-control" else 1  # the department's own, and who issues trial orders
        assert len(json.loads(file.read_bytes())["keys"]) == len(signing) + more
    access = OwnedKeys(tmp_path / "access-control.json", generate=False)
    assert access.signer("industry")
    assert access.signer(SANDBOX)
    assert len([each for each in access.published["keys"] if "organisation" in each]) == 32 + 3 + 1
    with pytest.raises(NoSigningKey):
        access.signer("industry-990000")
    before = {file: file.read_bytes() for file in tmp_path.glob("*.json")}
    assert command(str(tmp_path), "--also", "access-control=industry-990000").returncode == 0
    changed = [file.name for file, content in before.items() if file.read_bytes() != content]
    assert changed == ["access-control.json"]
    old = json.loads(before[tmp_path / "access-control.json"])["keys"]
    assert json.loads((tmp_path / "access-control.json").read_bytes())["keys"][: len(old)] == old
    assert access.signer("industry-990000")


def test_who_signs_where_is_what_the_services_say() -> None:
    assert signing_keys.SIGN_AT["access-control"] == ISSUERS
    assert signing_keys.SIGN_AT["enforcement"] == {Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR}
    assert {name for name, spec in SERVICES.items() if spec.signs} == signing_keys.SIGN_AT.keys()
    assert "python -m local_stack.signing_keys secrets" in (ROOT / ".env.example").read_text()


@pytest.mark.parametrize("wrong", ["registry", "registry=", "query=industry"])
def test_a_key_for_nobody_is_refused(tmp_path: Path, wrong: str) -> None:
    assert command(str(tmp_path), "--also", wrong).returncode == 2
    assert not [*tmp_path.iterdir()]
