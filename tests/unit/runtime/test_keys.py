"""The file with the keys of several organisations: each signs with its own, and with no other."""

import stat
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared import signing
from shared.runtime.base.keys import OWNER, NoSigningKey, OwnedKeys


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "signing.json"


def write(file: Path, *keys: dict[str, Any]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(orjson.dumps({"keys": list(keys)}))


def key(kid: str, owner: str | None = None) -> dict[str, Any]:
    return {**signing.generate_key(kid=kid), **({OWNER: owner} if owner is not None else {})}


def test_without_a_file_the_service_does_not_start(file: Path) -> None:
    with pytest.raises(NoSigningKey, match="CONCORD_SIGNING_KEYS_FILE"):
        OwnedKeys(file, generate=False)
    assert not file.exists()


def test_a_generated_file_is_readable_by_its_owner_alone(file: Path) -> None:
    OwnedKeys(file, generate=True).signer("industry")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_generated_key_is_kept(file: Path) -> None:
    first = OwnedKeys(file, generate=True).signer("industry").kid
    assert OwnedKeys(file, generate=True).signer("industry").kid == first


def test_processes_that_start_together_share_one_key(file: Path) -> None:
    found: list[str] = []

    def start() -> None:
        found.append(OwnedKeys(file, generate=True).signer("industry").kid)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_nobody_signs_with_the_key_of_another_or_of_nobody(file: Path) -> None:
    write(file, key("a", "industry-110000"), key("old"))
    keys = OwnedKeys(file, generate=False)
    assert keys.signer("industry-110000").kid == "a"
    with pytest.raises(NoSigningKey, match="no key of industry-310000"):
        keys.signer("industry-310000")


def test_the_first_key_of_an_organisation_signs_and_the_others_stay_published(file: Path) -> None:
    write(file, key("new", "industry"), key("other", "drugs"), key("old", "industry"), key("gone"))
    keys = OwnedKeys(file, generate=False)
    assert keys.signer("industry").kid == "new"
    assert [(each["kid"], each.get(OWNER)) for each in keys.published["keys"]] == [
        ("new", "industry"), ("other", "drugs"), ("old", "industry"), ("gone", None),
    ]  # fmt: skip


def test_a_rotated_key_signs_without_a_restart(file: Path) -> None:
    old = key("old", "industry")
    write(file, old)
    keys = OwnedKeys(file, generate=False)
    assert keys.signer("industry").kid == "old"
    write(file, key("new", "industry"), old)
    assert keys.signer("industry").kid == "new"


def test_no_private_member_is_published(file: Path) -> None:
    keys = OwnedKeys(file, generate=True)
    keys.ensure(["industry", "drugs"])
    assert len(keys.published["keys"]) == 2
    assert all("d" not in each for each in keys.published["keys"])


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "OKP"}]}', b"[1]"])
def test_a_file_without_a_usable_key_stops_the_start(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(NoSigningKey, match=str(file)):
        OwnedKeys(file, generate=True)
