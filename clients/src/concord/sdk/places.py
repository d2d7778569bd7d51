"""Where the services are: the environment says, or the local stack's own description of itself."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from concord.sdk.errors import NoStack

SERVICES: Final = ("approval", "registry", "enforcement", "access-control", "query")


@dataclass(frozen=True, slots=True)
class Places:
    """Base addresses without a slash at the end."""

    services: Mapping[str, str]
    issuer: str
    stack: Mapping[str, Any] | None = None
    """The local stack's description, if that is what was found."""


def find(folder: Path | None = None) -> Places:
    """Read CONCORD_<SERVICE>_URL and CONCORD_ISSUER, or ``stack.json`` in ``folder`` (usually .concord).

    Raises NoStack when neither tells.
    """
    given = {name: os.environ.get(f"CONCORD_{name.replace('-', '_').upper()}_URL", "").rstrip("/") for name in SERVICES}
    if all(given.values()) and "CONCORD_ISSUER" in os.environ:
        return Places(given, os.environ["CONCORD_ISSUER"].rstrip("/"))
    file = (folder or Path(os.environ.get("CONCORD_HOME", ".concord"))) / "stack.json"
    try:
        stack = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoStack(
            f"no stack runs here ({file} is missing): start one with `make run`, "
            "or set CONCORD_ISSUER and CONCORD_<SERVICE>_URL for each service"
        ) from None
    return Places(stack["services"], stack["issuer"], stack)
