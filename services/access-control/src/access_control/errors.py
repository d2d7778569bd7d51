"""Why access-control says no: one class per reason, turned into HTTP in one place (RFC 9457)."""

from shared.runtime.base.problems import Conflict, Invalid, NotFound


class UnknownProvider(NotFound):
    """There is no provider {provider_id}."""


class UnknownKey(NotFound):
    """Provider {provider_id} has no key {kid}."""


class UnknownOrder(NotFound):
    """There is no order {order}."""


class KidTaken(Conflict):
    """Provider {provider_id} already has a key {kid}; a key id is never used twice, even after revocation."""


class KeyTaken(Conflict):
    """This public key is or was registered already; make a new pair."""


class KeyAlreadyRevoked(Conflict):
    """Key {kid} was revoked at {revoked_at}."""


class SequenceAhead(Conflict):
    """You say you read up to {after}, but only {head} orders were given out; compare the state, take a snapshot."""

    members = frozenset({"after", "head"})


class BadJwk(Invalid):
    """Only a public Ed25519 key (RFC 8037) can be registered; not valid: {names}."""


class NotHosted(Exception):
    """A fact names a provider nobody registered here; the fact is parked until somebody does."""
