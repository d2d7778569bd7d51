"""The keys a department signs with: a JWK set in a file of its own, not in the database or the environment."""

import fcntl
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from shared import signing
from shared.signing import OWNER, RETIRED, Signer

_log = structlog.get_logger(__name__)


class NoSigningKey(RuntimeError):
    """There is no usable key for this. At the start of a service: none for anybody, so that it could sign nothing."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A key of an organisation, and from when on it signs nothing."""

    signer: Signer
    retired_at: datetime | None

    def is_retired(self, now: datetime) -> bool:
        return self.retired_at is not None and self.retired_at <= now


class OwnedKeys:
    """Keys of several organisations in one file: the first in use that names an organisation signs for it alone.

    The file is read again when it changes, so whoever rotates keys restarts nothing. Keys that name nobody are the
    department's own. A key that another one follows is given a ``retired_at``: what it signs from then on is not
    believed, so from then on the next one signs, wherever it stands.

    What cannot be read silences nobody else: an entry signs nothing then, and of a file that is gone, or is none any
    more, what was read last goes on. Either is logged as an error, and ``missing`` tells of it.
    """

    def __init__(self, file: Path, *, generate: bool) -> None:
        """``generate``: make a key for whoever has none.

        Raises NoSigningKey if the file is missing and may not be made, or holds no private key that can be read.
        """
        self._file, self._generate = file, generate
        self._stamp: tuple[int, ...] | None = None
        self._said = _Set({}, (), {})
        self._wrong: str | None = None
        """What is wrong with the file as a whole, since it was read last."""
        if generate:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._read()

    def signer(self, owner: str) -> Signer:
        """The key of this organisation. Raises NoSigningKey if it has none in use and none may be made."""
        self.ensure([owner])
        return self._one_of(owner, owner)

    def own(self, department: str) -> Signer:
        """The key of the department itself, which names no organisation. Raises NoSigningKey as ``signer`` does."""
        self._read()
        self._make({None: department})
        return self._one_of(None, f"{department} itself")

    def _one_of(self, owner: str | None, whose: str) -> Signer:
        found = self._in_use(owner)
        if found is not None:
            return found
        if owner in self._said.held:  # whatever it signed would be refused, and stand in the way of what comes after it
            _log.error("signing_keys.all_retired", file=str(self._file), owner=whose)
            raise NoSigningKey(f"{self._file}: every key of {whose} is retired; add one, and nothing need be restarted")
        raise NoSigningKey(f"{self._file} has no key of {whose}; CONCORD_SIGNING_KEYS_FILE names the JWK set")

    @property
    def published(self) -> dict[str, Any]:
        """The public half of every key, each with the organisation it belongs to."""
        self._read()
        return {"keys": list(self._said.published.values())}

    def ensure(self, owners: Collection[str]) -> None:
        """Read the file again if it changed, and make keys for those who have none in use, if that is allowed."""
        self._read()
        self._make({owner: owner for owner in sorted(set(owners))})

    def missing(self, owners: Collection[str]) -> list[str]:
        """Who of these has no key here and gets none, or one that cannot be read; all while the whole file cannot."""
        self.ensure(owners)
        return sorted(
            owner for owner in set(owners) if self._wrong or owner in self._said.unread or self._in_use(owner) is None
        )

    def _make(self, names: Mapping[str | None, str]) -> None:
        """Keys for those of ``names`` who have none in use; a file that cannot be read is never written over."""
        if not self._generate or self._wrong or all(map(self._in_use, names)):
            return
        with _locked(self._file.parent):
            self._read()
            new = [_new(owner, name) for owner, name in names.items() if self._in_use(owner) is None]
            if new and not self._wrong:
                kept = orjson.loads(self._file.read_bytes())["keys"] if self._file.exists() else []
                draft = _draft(self._file, [*kept, *new])
                draft.replace(self._file)
                _log.info("signing_keys.generated", file=str(self._file), kids=[key["kid"] for key in new])
        self._read()

    def _in_use(self, owner: str | None) -> Signer | None:
        now = datetime.now(UTC)
        return next((held.signer for held in self._said.held.get(owner, ()) if not held.is_retired(now)), None)

    def _read(self) -> None:
        """Raises NoSigningKey if there is nothing to go on with: it was never read."""
        try:
            seen = self._file.stat()
            stamp = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
            if stamp == self._stamp:
                return
            content = self._file.read_bytes()  # once: another process may put a new file in its place meanwhile
            said = _set_in(content, self._said.published)
        except FileNotFoundError as gone:
            if not self._generate or self._stamp is not None:
                self._cannot_be_read(f"{self._file} is missing; CONCORD_SIGNING_KEYS_FILE names the JWK set", gone)
        except (OSError, ValueError, TypeError) as error:
            self._cannot_be_read(f"{self._file} is not a private JWK set: {error}", error)
        else:
            if seen.st_mode & 0o077:
                _log.warning("signing_keys.readable_by_others", file=str(self._file))
            for owner, reason in said.wrong:
                _log.error("signing_keys.bad_entry", file=str(self._file), owner=owner, reason=reason)
            self._said, self._stamp, self._wrong = said, stamp, None

    def _cannot_be_read(self, wrong: str, error: Exception) -> None:
        if self._stamp is None:
            raise NoSigningKey(wrong) from error
        if wrong != self._wrong:
            _log.error(
                "signing_keys.unreadable", reason=wrong, detail="what was read before signs on; a restart ends that"
            )
        self._wrong, self._stamp = wrong, _UNREAD


_UNREAD: Final = (0, 0, 0)
"""Stamp of no file: it was read once, and is to be read again."""


@dataclass(frozen=True, slots=True)
class _Set:
    """What a file says: who signs with what, which entries cannot be read, and what is published, by key id."""

    held: Mapping[str | None, Sequence[_Held]]
    wrong: Sequence[tuple[str | None, str]]
    published: Mapping[str, dict[str, Any]]

    @property
    def unread(self) -> set[str | None]:
        """Whose entries cannot be read."""
        return {owner for owner, _ in self.wrong}


def _set_in(content: bytes, before: Mapping[str, dict[str, Any]]) -> _Set:
    """Read a private JWK set, entry by entry. Raises ValueError, TypeError if it is none, or no entry can be read.

    The public half of an entry that signs nothing is published as far as it is known (``before``: as it was): else what
    it signed before would stand in the way of the restores behind it.
    """
    try:
        entries = [dict(each) for each in orjson.loads(content)["keys"]]
    except (KeyError, AttributeError) as error:
        raise ValueError(repr(error)) from error
    held: dict[str | None, list[_Held]] = {}
    wrong: list[tuple[str | None, str]] = []
    published: dict[str, dict[str, Any]] = {}
    ids = [each.get("kid") for each in entries]
    for number, each in enumerate(entries, 1):
        owner, kid = each.get(OWNER) or None, each.get("kid")
        more = {name: each[name] for name in (OWNER, RETIRED) if each.get(name) is not None}
        try:
            usable = _held(each, ids)
            held.setdefault(owner, []).append(usable)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            wrong.append((owner if isinstance(owner, str) else None, f"entry {number}, {kid!r:.100}: {error}"))
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            public = signing.public(each)
            published[public["kid"]] = {**public, **more}
        if isinstance(kid, str) and kid not in published and kid in before:
            published[kid] = {**before[kid], **more}
    if not held:
        raise ValueError("; ".join(reason for _, reason in wrong) or "it holds no key")
    return _Set(held, wrong, published)


def _held(key: Mapping[str, Any], ids: Sequence[object]) -> _Held:
    """Raises ValueError, TypeError, KeyError or AttributeError for what signs nothing."""
    signer = Signer(key)
    if ids.count(signer.kid) > 1:
        raise ValueError("another entry has the same id")
    return _Held(signer, _retired_at(key))


def _retired_at(key: Mapping[str, Any]) -> datetime | None:
    """When a key was retired. Raises ValueError, TypeError for what is no time: nobody would know what it may sign."""
    return signing.moment(key[RETIRED]) if key.get(RETIRED) is not None else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time adds keys to a file in this folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _new(owner: str | None, name: str) -> dict[str, Any]:
    key = signing.generate_key(kid=f"{name}-{datetime.now(UTC):%Y%m%d%H%M%S}")
    return key if owner is None else {**key, OWNER: owner}


def _draft(file: Path, keys: Sequence[Mapping[str, Any]]) -> Path:
    """The keys in a file of their own beside ``file``, mode 0600 and on the disk: nobody ever reads half of them."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(orjson.dumps({"keys": keys}))
        handle.flush()
        os.fsync(handle.fileno())
    return Path(name)
