"""The file with the keys orders are signed with."""

import stat
import threading
from pathlib import Path

import orjson
import pytest
from access_control.signing_keys import NoSigningKey

from access_control import signing_keys
from shared import signing


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "signing.json"


def test_without_a_file_the_service_does_not_start(file: Path) -> None:
    with pytest.raises(NoSigningKey, match="CONCORD_SIGNING_KEYS_FILE"):
        signing_keys.load(file, generate=False)
    assert not file.exists()


def test_a_generated_file_is_readable_by_its_owner_alone(file: Path) -> None:
    signing_keys.load(file, generate=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_generated_key_is_kept(file: Path) -> None:
    first = signing_keys.load(file, generate=True)
    assert signing_keys.load(file, generate=True).published == first.published


def test_processes_that_start_together_share_one_key(file: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(signing_keys.load(file, generate=True).signers[0].kid))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {signing_keys.load(file, generate=False).signers[0].kid}


def test_the_first_key_signs_and_retired_ones_stay_published(file: Path) -> None:
    file.parent.mkdir()
    new, old = signing.generate_key(kid="new"), signing.generate_key(kid="old")
    file.write_bytes(orjson.dumps({"keys": [new, old]}))
    keys = signing_keys.load(file, generate=False)
    assert keys.signers[0].kid == "new"
    assert [key["kid"] for key in keys.published["keys"]] == ["new", "old"]


def test_no_private_member_is_published(file: Path) -> None:
    published = signing_keys.load(file, generate=True).published
    assert all("d" not in key for key in published["keys"])


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "OKP"}]}', b"[1]"])
def test_a_file_without_a_usable_key_stops_the_start(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(NoSigningKey, match=str(file)):
        signing_keys.load(file, generate=True)
