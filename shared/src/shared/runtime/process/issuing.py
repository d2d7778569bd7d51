"""The start hook of a service whose organisations sign: ``start=issuing.start`` in its table of contents."""

from typing import Final

from shared.runtime.acts.documents import Issuing
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.keys import NoSigningKey, OwnedKeys, load
from shared.runtime.process.supervisor import Failure

EXIT_NO_KEY: Final = 4
"""What the process exits with when it has no key to sign with."""


def opened(rt: Runtime, department: str) -> OwnedKeys:
    """The keys of the organisations that sign here. Raises Failure if there is no usable file.

    The department's own key, which signs its webhooks, comes first in the file and names no organisation.
    """
    settings = rt.settings
    try:
        load(settings.signing_keys_file, owner=department, generate=settings.signing_keys_generate)
        return OwnedKeys(settings.signing_keys_file, generate=settings.signing_keys_generate)
    except NoSigningKey as missing:
        raise Failure(EXIT_NO_KEY, str(missing)) from missing


async def start(rt: Runtime, department: str) -> Issuing:
    """Read the keys. Raises Failure (exit code 4) if there is no usable file."""
    return Issuing(opened(rt, department))
