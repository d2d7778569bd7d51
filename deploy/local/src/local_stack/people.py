"""The people of people.toml, and people and programs added at run time: who may sign in, with which claims."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from concord.files import json_object

_FILE = Path(__file__).parent / "people.toml"


@dataclass(frozen=True)
class Identity:
    """Somebody, or some program, and what its access tokens say about it."""

    subject: str
    secret: str = field(repr=False)
    name: str
    organisation: str
    roles: tuple[str, ...]

    def claims(self) -> dict[str, Any]:
        """The claims besides those of every token."""
        return {
            "sub": self.subject,
            "name": self.name,
            "organisation": self.organisation,
            "roles": list(self.roles),
        }


def people(file: Path = _FILE) -> dict[str, Identity]:
    """Everybody of people.toml by user name; the password is the user name."""
    listed = tomllib.loads(file.read_text(encoding="utf-8"))["people"]
    return {user: _identity(user, user, entry) for user, entry in listed.items()}


class Added:
    """People, or programs with a client id and a secret, added at run time: a file, read again whenever it changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._added: dict[str, Identity] = {}

    def get(self, subject: str) -> Identity | None:
        """Who signs in under this name or client id."""
        self._read()
        return self._added.get(subject)

    def put(self, identity: Identity) -> None:
        """Add somebody, or replace whoever has the same name."""
        self._read()
        self._added[identity.subject] = identity
        stored = {known.subject: known.claims() | {"secret": known.secret} for known in self._added.values()}
        fresh = self._file.with_suffix(".new")
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(stored, ensure_ascii=False, indent=1))
        os.replace(fresh, self._file)

    def _read(self) -> None:
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            return
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            stored = json_object(self._file)
            self._added = {name: _identity(name, entry["secret"], entry) for name, entry in stored.items()}
            self._seen = seen


def _identity(subject: str, secret: str, entry: Mapping[str, Any]) -> Identity:
    return Identity(
        subject=subject,
        secret=secret,
        name=entry["name"],
        organisation=entry["organisation"],
        roles=tuple(entry["roles"]),
    )
