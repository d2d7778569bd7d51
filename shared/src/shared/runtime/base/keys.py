"""The keys a department signs with: a JWK set in a file of its own, not in the database or the environment."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from shared import signing
from shared.signing import Signer

_log = structlog.get_logger(__name__)


class NoSigningKey(RuntimeError):
    """There is no usable key: the service must not start, since it could sign nothing."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The first key signs; the others are retired, and stay published so that what they signed still verifies."""

    signers: Sequence[Signer]
    published: dict[str, Any]


def load(file: Path, *, owner: str, generate: bool) -> SigningKeys:
    """Read the file; if it is missing and ``generate`` is set, make it with one new key. Raises NoSigningKey."""
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
    return SigningKeys(signers, signing.key_set(signers))


def _generate(file: Path, owner: str) -> None:
    key = signing.generate_key(kid=f"{owner}-{datetime.now(UTC):%Y%m%d%H%M%S}")
    file.parent.mkdir(parents=True, exist_ok=True)
    # Written apart and linked into place: of processes that start together one wins, and nobody reads half a file.
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(orjson.dumps({"keys": [key]}))
            handle.flush()
            os.fsync(handle.fileno())
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    _log.info("signing_keys.generated", file=str(file), kid=key["kid"])
