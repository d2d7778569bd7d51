"""A kit that plays the access desk for one provider and tells whether its client does what docs/providers.md asks."""

from typing import Final

CONFORMANCE_TYPE: Final = "concord-conformance+json"
"""JWS ``typ`` of a pass."""
