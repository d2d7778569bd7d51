"""Why a look-up can be refused: one class per reason."""

from shared.runtime.base.problems import BadRequest, Invalid, NotFound, Unavailable


class OneKeyRequired(Invalid):
    """Give exactly one of key, domain, ip and number."""


class KeyMalformed(Invalid):
    """This cannot be looked up: {reason}."""


class PurposeRequired(BadRequest):
    """Say in the header X-Purpose why you ask: this shows more than the public may see, and is kept with your name."""


class CursorMalformed(Invalid):
    """This is not where a list was left off: {reason}."""


class OneSearchOnly(Invalid):
    """Search by one of number, domain and name."""


class AddressesAreOfficial(Invalid):
    """The public looks up by domain or number; which sites share an address is told to authorities only."""


class EntryNotFound(NotFound):
    """The register has no entry {key}."""


class ReadModelOutdated(Unavailable):
    """The read model is being built anew by a newer program; another node answers."""
