"""The file with the keys of those who issue orders: each signs with its own, and nobody with another's."""

import os
import stat
import threading
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from shared import signing
from shared.runtime.base import keys as module
from shared.runtime.base.keys import NoSigningKey, OwnedKeys

BEIJING, SHANGHAI = "industry-110000", "industry-310000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "signing.json"


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged as an error, in a log of its own: whatever ran before may have configured the common one."""
    said: list[str] = []
    log = SimpleNamespace(
        error=lambda event, **_: said.append(event), warning=lambda *_, **__: None, info=lambda *_, **__: None
    )
    monkeypatch.setattr(module, "_log", log)
    return said


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


UNREADABLE: list[dict[str, object]] = [
    {"retired_at": "yesterday"}, {"retired_at": "2026-11-20T00:00:00"}, {"retired_at": 7}, {"retired_at": ""},
    {"d": None}, {"d": "AAAA"}, {"kid": "theirs"}, {"kid": 7}, {"organisation": [BEIJING]}, {"kty": "RSA"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", UNREADABLE)
@pytest.mark.parametrize("running", [False, True])
def test_an_entry_that_cannot_be_read_signs_nothing_and_silences_nobody_else(
    file: Path, wrong: dict[str, object], running: bool
) -> None:
    """At the start, and in a process that has read the file before."""
    one, other = ({**signing.generate_key(kid=kid), "organisation": BEIJING} for kid in ("one", "other"))
    theirs = {
        **signing.generate_key(kid="theirs" if wrong.get("kid") != "theirs" else "hers"),
        "organisation": SHANGHAI,
    }
    written(file, one, theirs)
    keys = OwnedKeys(file, generate=False)
    more = [{**signing.generate_key(kid="theirs"), "organisation": "x"}] if wrong.get("kid") == "theirs" else []
    written(file, one | wrong, theirs, *more)
    if not running:
        keys = OwnedKeys(file, generate=False)
    assert keys.signer(SHANGHAI).kid == theirs["kid"]
    with pytest.raises(NoSigningKey, match=f"no key of {BEIJING}"):
        keys.signer(BEIJING)
    assert keys.missing([SHANGHAI]) == []
    assert keys.missing([BEIJING, SHANGHAI]) == [BEIJING]
    written(file, one | wrong, theirs, other, *more)
    assert keys.signer(BEIJING).kid == "other"
    if isinstance(wrong.get("organisation", ""), str):
        assert keys.missing([BEIJING, SHANGHAI]) == [BEIJING], "somebody must look at it all the same"


def test_what_signs_nothing_more_stays_published_as_its_owner_wrote_it(file: Path) -> None:
    """What it signed before must be verified still; a verifier believes no key whose ``retired_at`` is unclear."""
    old, new = ({**signing.generate_key(kid=kid), "organisation": BEIJING} for kid in ("old", "new"))
    written(file, old, new)
    keys = OwnedKeys(file, generate=False)
    (before, _) = keys.published["keys"]
    written(file, old | {"retired_at": "2026-01-01"}, new)
    assert keys.published["keys"][0] == before | {"retired_at": "2026-01-01"}
    written(file, {"kid": "old", "organisation": BEIJING, "kty": "?"}, new)
    assert keys.published["keys"][0] == before | {"retired_at": "2026-01-01"}, "as it was known"


@pytest.mark.parametrize("content", [None, b"", b'{"keys": []}', b'{"keys": [{"kty": "OKP"}]}', b'{"keys": 7}', b"[1]"])
def test_while_the_file_cannot_be_read_what_was_read_signs_on_and_is_told_of(
    file: Path, content: bytes | None, errors: list[str]
) -> None:
    mine, own = {**signing.generate_key(kid="mine"), "organisation": BEIJING}, signing.generate_key(kid="own")
    written(file, mine, own)
    for generate in (False, True):
        keys = OwnedKeys(file, generate=generate)
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        errors.clear()
        assert (keys.signer(BEIJING).kid, keys.own("registry").kid) == ("mine", "own")
        assert [key["kid"] for key in keys.published["keys"]] == ["mine", "own"]
        assert keys.missing([BEIJING, SHANGHAI]) == [BEIJING, SHANGHAI], "none after a restart"
        assert errors == ["signing_keys.unreadable"]
        assert content is None or file.read_bytes() == content, "nothing is written over it"
        written(file, mine | {"retired_at": PAST}, {**signing.generate_key(kid="next"), "organisation": BEIJING}, own)
        assert keys.signer(BEIJING).kid == "next"
        assert keys.missing([BEIJING]) == []
        written(file, mine, own)


def test_what_a_department_signs_itself_its_retired_key_does_not_sign(file: Path) -> None:
    old, new = signing.generate_key(kid="old"), signing.generate_key(kid="new")
    theirs = signing.generate_key(kid="theirs") | {signing.OWNER: BEIJING}
    written(file, old, theirs, new)
    keys = OwnedKeys(file, generate=False)
    assert keys.own("approval").kid == "old"
    written(file, old | {"retired_at": PAST}, theirs, new)
    assert keys.own("approval").kid == "new", "nothing need be restarted"
    written(file, theirs, old | {"retired_at": PAST})
    for found in (keys, OwnedKeys(file, generate=False)):
        with pytest.raises(NoSigningKey, match="every key of approval itself is retired"):
            found.own("approval")
        assert found.signer(BEIJING).kid == "theirs", "orders and restores are signed all the same"
    assert OwnedKeys(file, generate=True).own("approval").kid.startswith("approval-")


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


def test_the_departments_own_key_is_made_once_and_only_if_that_is_allowed(file: Path) -> None:
    with pytest.raises(NoSigningKey, match="CONCORD_SIGNING_KEYS_FILE"):
        OwnedKeys(file, generate=False)
    made = OwnedKeys(file, generate=True)
    kid = made.own("registry").kid
    assert kid.startswith("registry-")
    assert OwnedKeys(file, generate=False).own("registry").kid == made.own("registry").kid == kid
    assert [("organisation" in key, "d" in key) for key in made.published["keys"]] == [(False, False)]


def test_what_a_department_signs_itself_no_organisations_key_signs(file: Path) -> None:
    own, theirs = signing.generate_key(kid="own"), signing.generate_key(kid="theirs") | {signing.OWNER: BEIJING}
    written(file, theirs, own)
    keys = OwnedKeys(file, generate=False)
    assert (keys.own("approval").kid, keys.signer(BEIJING).kid) == ("own", "theirs")
    written(file, theirs)
    with pytest.raises(NoSigningKey, match="no key of approval itself"):
        keys.own("approval")
