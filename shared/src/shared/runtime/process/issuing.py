"""The start hook of a service whose organisations sign: ``start=issuing.start`` in its table of contents."""

from typing import Final

import structlog

from shared.runtime.acts.documents import Issuing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.keys import NoSigningKey, OwnedKeys
from shared.runtime.process.supervisor import Failure

_log = structlog.get_logger(__name__)
EXIT_NO_KEY: Final = 4
"""What the process exits with when it has no key to sign with."""


def opened(rt: Runtime, department: str) -> OwnedKeys:
    """The keys of the organisations that sign here. Raises Failure if there is no file, or nothing in it can be read.

    The department's own key, which names no organisation, signs its webhooks alone: where it is missing or retired
    those wait, and nothing else does.
    """
    settings = rt.settings
    try:
        keys = OwnedKeys(settings.signing_keys_file, generate=settings.signing_keys_generate)
    except NoSigningKey as missing:
        raise Failure(EXIT_NO_KEY, str(missing)) from missing
    try:
        keys.own(department)
    except NoSigningKey as missing:
        _log.error("signing_keys.none_of_our_own", reason=str(missing))
    return keys


async def start(rt: Runtime, department: str) -> Issuing:
    """Read the keys. Raises Failure (exit code 4) if there is no usable file."""
    return Issuing(opened(rt, department))
