"""The file with the keys of those who issue orders: each signs with its own, and nobody with another's."""

import os
import stat
import threading
from pathlib import Path

import orjson
import pytest

from shared import signing
from shared.runtime.base.keys import NoSigningKey, OwnedKeys, load

BEIJING, SHANGHAI = "industry-110000", "industry-310000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "signing.json"


def written(file: Path, *keys: dict[str, object]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(orjson.dumps({"keys": keys}))


def test_without_a_file_the_service_does_not_start(file: Path) -> None:
    with pytest.raises(NoSigningKey, match="CONCORD_SIGNING_KEYS_FILE"):
        OwnedKeys(file, generate=False)
    assert not file.exists()


def test_a_generated_file_is_readable_by_its_owner_alone(file: Path) -> None:
    OwnedKeys(file, generate=True).signer(BEIJING)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_each_organisation_has_a_key_of_its_own_that_says_whose_it_is(file: Path) -> None:
    keys = OwnedKeys(file, generate=True)
    kids = {owner: keys.signer(owner).kid for owner in (BEIJING, SHANGHAI)}
    assert all(kid.startswith(f"{owner}-") for owner, kid in kids.items())
    assert {key["organisation"]: key["kid"] for key in keys.published["keys"]} == kids
    assert all("d" not in key for key in keys.published["keys"])


def test_nobody_signs_with_anothers_key(file: Path) -> None:
    written(file, {**signing.generate_key(kid="sh"), "organisation": SHANGHAI}, signing.generate_key(kid="nobody's"))
    keys = OwnedKeys(file, generate=False)
    assert keys.signer(SHANGHAI).kid == "sh"
    with pytest.raises(NoSigningKey, match=BEIJING):
        keys.signer(BEIJING)
    assert [key["kid"] for key in keys.published["keys"]] == ["sh", "nobody's"]


def test_a_retired_key_stays_published_with_the_time_from_which_it_signs_nothing(file: Path) -> None:
    old = {**signing.generate_key(kid="old"), "organisation": BEIJING, "retired_at": "2026-11-20T00:00:00Z"}
    written(file, {**signing.generate_key(kid="new"), "organisation": BEIJING}, old)
    keys = OwnedKeys(file, generate=False)
    assert keys.signer(BEIJING).kid == "new"
    assert [key.get("retired_at") for key in keys.published["keys"]] == [None, "2026-11-20T00:00:00Z"]


PAST, SOON = "2026-11-20T00:00:00Z", "2099-01-01T08:00:00+08:00"


def test_after_a_theft_the_key_appended_signs_and_the_retired_one_before_it_does_not(file: Path) -> None:
    old = {**signing.generate_key(kid="old"), "organisation": BEIJING, "retired_at": PAST}
    written(file, old, {**signing.generate_key(kid="new"), "organisation": BEIJING})
    assert OwnedKeys(file, generate=False).signer(BEIJING).kid == "new"
    written(file, old | {"retired_at": SOON}, {**signing.generate_key(kid="new"), "organisation": BEIJING})
    assert OwnedKeys(file, generate=False).signer(BEIJING).kid == "old"


def test_whose_keys_are_all_retired_signs_nothing_and_is_told_so(file: Path) -> None:
    written(file, {**signing.generate_key(kid="old"), "organisation": BEIJING, "retired_at": PAST})
    with pytest.raises(NoSigningKey, match=f"every key of {BEIJING} is retired"):
        OwnedKeys(file, generate=False).signer(BEIJING)
    made = OwnedKeys(file, generate=True)
    assert made.signer(BEIJING).kid.startswith(BEIJING)
    assert made.published["keys"][0]["kid"] == "old"


@pytest.mark.parametrize("said", ["yesterday", "2026-11-20T00:00:00", 7])
def test_a_key_that_is_retired_at_no_time_is_refused_with_its_file(file: Path, said: object) -> None:
    written(file, {**signing.generate_key(kid="old"), "organisation": BEIJING, "retired_at": said})
    with pytest.raises(NoSigningKey, match=str(file)):
        OwnedKeys(file, generate=False)
    with pytest.raises(NoSigningKey, match=str(file)):
        load(file, owner="registry", generate=False)


def test_what_a_department_signs_itself_its_retired_key_does_not_sign(file: Path) -> None:
    old, new = signing.generate_key(kid="old") | {"retired_at": PAST}, signing.generate_key(kid="new")
    theirs = signing.generate_key(kid="theirs") | {signing.OWNER: BEIJING}
    written(file, old, theirs, new)
    assert load(file, owner="approval", generate=False).signers[0].kid == "new"
    written(file, theirs, old)
    with pytest.raises(NoSigningKey, match="every key of approval itself is retired"):
        load(file, owner="approval", generate=False)


def test_a_generated_key_is_kept(file: Path) -> None:
    first = OwnedKeys(file, generate=True).signer(BEIJING).kid
    assert OwnedKeys(file, generate=True).signer(BEIJING).kid == first


def test_processes_that_start_together_share_one_key_each(file: Path) -> None:
    owners = [f"industry-{number}0000" for number in range(11, 19)]
    found: list[tuple[str, str]] = []

    def work() -> None:
        keys = OwnedKeys(file, generate=True)
        found.extend((owner, keys.signer(owner).kid) for owner in owners)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = OwnedKeys(file, generate=False)
    assert set(found) == {(owner, kept.signer(owner).kid) for owner in owners}
    assert len(found) == 64
    assert len(kept.published["keys"]) == 8


def test_the_first_key_of_an_organisation_signs_and_retired_ones_stay_published(file: Path) -> None:
    written(file, *({**signing.generate_key(kid=kid), "organisation": BEIJING} for kid in ("new", "old")))
    keys = OwnedKeys(file, generate=False)
    assert keys.signer(BEIJING).kid == "new"
    assert [key["kid"] for key in keys.published["keys"]] == ["new", "old"]


def test_a_file_that_is_replaced_is_read_again(file: Path) -> None:
    written(file, {**signing.generate_key(kid="old"), "organisation": BEIJING})
    keys = OwnedKeys(file, generate=False)
    assert keys.signer(BEIJING).kid == "old"
    fresh = file.with_suffix(".new")
    written(fresh, *({**signing.generate_key(kid=kid), "organisation": BEIJING} for kid in ("new", "old")))
    os.replace(fresh, file)
    assert keys.signer(BEIJING).kid == "new"
    assert len(keys.published["keys"]) == 2


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "OKP"}]}', b"[1]"])
def test_a_file_without_a_usable_key_stops_the_start(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(NoSigningKey, match=str(file)):
        OwnedKeys(file, generate=True)


def test_the_keys_of_one_owner_are_made_once_and_only_if_that_is_allowed(file: Path) -> None:
    with pytest.raises(NoSigningKey, match="CONCORD_SIGNING_KEYS_FILE"):
        load(file, owner="registry", generate=False)
    assert not file.exists()
    made = load(file, owner="registry", generate=True)
    assert made.signers[0].kid.startswith("registry-")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(file, owner="registry", generate=False).published == made.published
    assert all("d" not in key for key in made.published["keys"])


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"keys": []}'])
def test_a_file_of_no_keys_signs_nothing(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(NoSigningKey, match=str(file)):
        load(file, owner="registry", generate=True)


def test_what_a_department_signs_itself_no_organisations_key_signs(file: Path) -> None:
    own, theirs = signing.generate_key(kid="own"), signing.generate_key(kid="theirs") | {signing.OWNER: BEIJING}
    written(file, theirs, own)
    assert load(file, owner="approval", generate=False).signers[0].kid == "own"
    assert OwnedKeys(file, generate=False).signer(BEIJING).kid == "theirs"
