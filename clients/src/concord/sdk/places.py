"""Where the services are: the environment says, or the local stack's own description of itself."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from concord.files import BadFile, json_object
from concord.sdk.errors import NoStack

SERVICES: Final = ("approval", "registry", "enforcement", "access-control", "query", "coordination")


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
    issuer = os.environ.get("CONCORD_ISSUER", "").rstrip("/")
    if all(given.values()) and issuer:
        return Places(given, issuer)
    stack = running_stack((folder or Path(os.environ.get("CONCORD_HOME") or ".concord")) / "stack.json")
    return Places(stack["services"], stack["issuer"], stack)


def running_stack(file: Path) -> dict[str, Any]:
    """What a stack that runs says of itself in its ``stack.json``. Raises NoStack.

    A supervisor that was killed leaves the file behind; it is believed only as long as that process is there.
    """
    ways = "start one with `make run`, or set CONCORD_ISSUER and CONCORD_<SERVICE>_URL for each service"
    if not file.exists():
        raise NoStack(f"no stack runs here ({file} is missing): {ways}")
    try:
        stack = json_object(file)
    except BadFile as error:
        raise NoStack(f"the stack's description is damaged: {error}. Remove it, and {ways}") from None
    if wrong := _what_is_missing(stack):
        raise NoStack(f"the stack's description {file} is damaged ({wrong}). Remove it, and {ways}")
    if not is_running(stack["pid"]):
        raise NoStack(f"the stack that wrote {file} (process {stack['pid']}) has ended: {ways}")
    return stack


def _what_is_missing(stack: Mapping[str, Any]) -> str | None:
    services = stack.get("services")
    if not isinstance(stack.get("pid"), int) or isinstance(stack["pid"], bool) or stack["pid"] <= 0:
        return "no pid"
    if not isinstance(services, dict) or not all(isinstance(url, str) for url in services.values()):
        return "no services"
    return None if isinstance(stack.get("issuer"), str) else "no issuer"


def is_running(pid: int) -> bool:
    """Whether a process with this id exists (a zombie does not count)."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state != "Z"
