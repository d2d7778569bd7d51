"""Ed25519 keys as JWK sets in files that only their owner can read: the issuer's, and the one that signs orders."""

import json
import os
import secrets
from pathlib import Path

from joserfc.jwk import OKPKey


def keep_key_set(file: Path, kid: str, *organisations: str) -> None:
    """Make a set of private keys unless the file exists: one, and one that says whose it is for each organisation.

    The first key that names nobody, and the first of each organisation, is the active one.
    """
    if file.exists():
        return
    keys = []
    for name, of in [(kid, {}), *((f"{each}-{kid}", {"organisation": each}) for each in organisations)]:
        key = OKPKey.generate_key("Ed25519", {"kid": name, "use": "sig", "alg": "Ed25519"}, private=True)
        keys.append({**key.as_dict(private=True), **of})
    write_secret(file, json.dumps({"keys": keys}, indent=1))


def keep_secret(file: Path) -> str:
    """A random secret of 64 characters, made once and kept."""
    if not file.exists():
        write_secret(file, secrets.token_hex(32))
    return file.read_text()


def read_keys(file: Path) -> list[OKPKey]:
    """The private keys of a set."""
    return [OKPKey.import_key(entry) for entry in json.loads(file.read_text())["keys"]]


def write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    os.replace(fresh, file)
