"""The keys a department signs with: a JWK set in a file of its own, not in the database or the environment."""

import fcntl
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from shared import signing
from shared.signing import OWNER, RETIRED, Signer

_log = structlog.get_logger(__name__)


class NoSigningKey(RuntimeError):
    """There is no usable key: the service must not start, since it could sign nothing."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The first key signs; the others stay published so that what they signed still verifies."""

    signers: Sequence[Signer]
    published: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Held:
    """A key of an organisation, and from when on it signs nothing."""

    signer: Signer
    retired_at: datetime | None

    def is_retired(self, now: datetime) -> bool:
        return self.retired_at is not None and self.retired_at <= now


class OwnedKeys:
    """Keys of several organisations in one file: the first in use that names an organisation signs for it alone.

    The file is read again when it changes, so whoever rotates keys restarts nothing. Keys that name nobody sign
    nothing and stay published. A key that another one follows is given a ``retired_at``: what it signs from then on
    is not believed, so from then on the next one signs, wherever it stands.
    """

    def __init__(self, file: Path, *, generate: bool) -> None:
        """``generate``: make a key for whoever has none.

        Raises NoSigningKey if the file is missing and may not be made, or is no private JWK set.
        """
        self._file, self._generate = file, generate
        self._stamp: tuple[int, ...] | None = None
        self._signers: Mapping[str, Sequence[_Held]] = {}
        self._published: dict[str, Any] = {"keys": []}
        if generate:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._read()

    def signer(self, owner: str) -> Signer:
        """The key of this organisation. Raises NoSigningKey if it has none in use and none may be made."""
        self.ensure([owner])
        found = self._in_use(owner)
        if found is not None:
            return found
        if owner in self._signers:  # whatever it signed would be refused, and stand in the way of what comes after it
            _log.error("signing_keys.all_retired", file=str(self._file), owner=owner)
            raise NoSigningKey(f"{self._file}: every key of {owner} is retired; add one, and nothing need be restarted")
        raise NoSigningKey(f"{self._file} has no key of {owner}; CONCORD_SIGNING_KEYS_FILE names the JWK set")

    @property
    def published(self) -> dict[str, Any]:
        """The public half of every key, each with the organisation it belongs to."""
        self._read()
        return self._published

    def ensure(self, owners: Collection[str]) -> None:
        """Read the file again if it changed, and make keys for those who have none in use, if that is allowed."""
        self._read()
        if not self._generate or all(map(self._in_use, owners)):
            return
        with _locked(self._file.parent):
            self._read()
            new = [
                {**signing.generate_key(kid=_kid(owner)), OWNER: owner}
                for owner in sorted(set(owners))
                if self._in_use(owner) is None
            ]
            if new:
                kept = orjson.loads(self._file.read_bytes())["keys"] if self._file.exists() else []
                draft = _draft(self._file, [*kept, *new])
                draft.replace(self._file)
                _log.info("signing_keys.generated", file=str(self._file), owners=[key[OWNER] for key in new])
        self._read()

    def _in_use(self, owner: str) -> Signer | None:
        now = datetime.now(UTC)
        return next((held.signer for held in self._signers.get(owner, ()) if not held.is_retired(now)), None)

    def missing(self, owners: Collection[str]) -> list[str]:
        """Who of these has no key here, and gets none."""
        self.ensure(owners)
        return sorted(owner for owner in set(owners) if self._in_use(owner) is None)

    def _read(self) -> None:
        try:
            seen = self._file.stat()
        except FileNotFoundError:
            if not self._generate:
                raise NoSigningKey(
                    f"{self._file} is missing; CONCORD_SIGNING_KEYS_FILE names the JWK set that is signed with"
                ) from None
            return
        stamp = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        if stamp == self._stamp:
            return
        try:
            content = self._file.read_bytes()  # once: another process may put a new file in its place meanwhile
            signers = signing.signers_in(content, self._file)
            said = [
                {name: key[name] for name in (OWNER, RETIRED) if key.get(name)} for key in orjson.loads(content)["keys"]
            ]
            held: dict[str, list[_Held]] = {}
            for signer, each in zip(signers, said, strict=True):
                kept = _Held(signer, _retired_at(each))
                if each.get(OWNER) is not None:
                    held.setdefault(each[OWNER], []).append(kept)
        except (OSError, ValueError, TypeError) as error:
            raise NoSigningKey(f"{self._file} is not a private JWK set: {error}") from error
        if seen.st_mode & 0o077:
            _log.warning("signing_keys.readable_by_others", file=str(self._file))
        self._signers = held
        self._published = {"keys": [{**signer.public, **each} for signer, each in zip(signers, said, strict=True)]}
        self._stamp = stamp


def _retired_at(key: Mapping[str, Any]) -> datetime | None:
    """When a key was retired. Raises ValueError, TypeError for what is no time: nobody would know what it may sign."""
    return signing.moment(key[RETIRED]) if key.get(RETIRED) else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time adds keys to a file in this folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _kid(owner: str) -> str:
    return f"{owner}-{datetime.now(UTC):%Y%m%d%H%M%S}"


def _draft(file: Path, keys: Sequence[Mapping[str, Any]]) -> Path:
    """The keys in a file of their own beside ``file``, mode 0600 and on the disk: nobody ever reads half of them."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(orjson.dumps({"keys": keys}))
        handle.flush()
        os.fsync(handle.fileno())
    return Path(name)


def load(file: Path, *, owner: str, generate: bool) -> SigningKeys:
    """Read the file; if it is missing and ``generate`` is set, make it with one new key. Raises NoSigningKey.

    Where the file holds keys of organisations too, those that name nobody come first.
    """
    if not file.exists():
        if not generate:
            raise NoSigningKey(f"{file} is missing; CONCORD_SIGNING_KEYS_FILE names the JWK set that is signed with")
        _generate(file, owner)
    try:
        signers = signing.load_signers(file)
    except (OSError, ValueError) as error:
        raise NoSigningKey(f"{file} is not a private JWK set: {error}") from error
    if file.stat().st_mode & 0o077:
        _log.warning("signing_keys.readable_by_others", file=str(file))
    # What the department signs itself, no organisation's key signs, though the file may hold theirs as well.
    said = orjson.loads(file.read_bytes())["keys"]
    try:
        held = [_Held(signer, _retired_at(key)) for signer, key in zip(signers, said, strict=True)]
    except (ValueError, TypeError) as error:
        raise NoSigningKey(f"{file}: {RETIRED} of a key is no time: {error}") from error
    rank = [(OWNER in key, each.is_retired(datetime.now(UTC))) for key, each in zip(said, held, strict=True)]
    if min(rank) == (False, True):
        raise NoSigningKey(f"{file}: every key of {owner} itself is retired; add one that names no organisation")
    ordered = [signer for _, signer in sorted(zip(rank, signers, strict=True), key=lambda each: each[0])]
    return SigningKeys(ordered, signing.key_set(signers))


def _generate(file: Path, owner: str) -> None:
    key = signing.generate_key(kid=_kid(owner))
    file.parent.mkdir(parents=True, exist_ok=True)
    # Written apart and linked into place: of processes that start together one wins.
    draft = _draft(file, [key])
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    _log.info("signing_keys.generated", file=str(file), kid=key["kid"])
