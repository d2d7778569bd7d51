"""The mark of a registration: a site shows it, and anybody can ask what it is registered as and if it still is."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Document, Sha256, Text

MARK_TYPE: Final = "concord-mark+json"
"""JWS ``typ`` of a mark (RFC 7515 section 4.1.9)."""


class Mark(Document):
    """What the issuer signs: as little as a QR code can carry, and nothing of a person.

    It proves that the number was given to whoever runs these names, then. Whether that holds now, the register says.
    """

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "number": "京ICP备10046444号",
        "edition": 1,
        "operator": "Example Pharmacy Ltd",
        "names": ["pharmacy.example"],
        "issuer": "industry-110000",
        "issued_at": examples.AT,
    }

    number: Text
    edition: Annotated[int, Field(ge=1)]
    """1, and one more each time it is signed anew because what it says has changed."""
    operator: Text | None = None
    """None for a person, and where the name is too long for a code."""
    names: tuple[Text, ...] = ()
    """The registrable names of its sites, as A-labels in alphabetical order; none where they are too many."""
    digest: Sha256 | None = None
    """In the place of too many names: SHA-256 of all of them, in alphabetical order, a line feed between each two."""
    issuer: Text
    """The organisation whose key signs it; a set of keys that says otherwise refutes it."""
    issued_at: datetime

    @model_validator(mode="after")
    def _names_or_digest(self) -> Self:
        if self.names and self.digest is not None:
            raise ValueError("names or their digest, not both")
        return self
