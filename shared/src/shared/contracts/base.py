"""What a fact is: an immutable message in the past tense, with a type, a topic and a key."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def storable(text: str) -> str:
    """The text, if PostgreSQL can keep it. Raises ValueError for NUL and for half a surrogate pair."""
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    text.encode()
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(storable)]
Reasons = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=10, max_length=20_000), AfterValidator(storable)
]
Citation = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500), AfterValidator(storable)
]
LegalBasis = Annotated[tuple[Citation, ...], Field(min_length=1, max_length=50)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]0000$")]
"""A province by its GB/T 2260 code, e.g. 110000 for Beijing."""


class Document(BaseModel):
    """A frozen record. Unknown fields are ignored, so that an older reader survives a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic: who writes it, and how long records stay (``compacted`` keeps the last per key)."""

    name: str
    producer: str
    description: str
    retention_days: int = 90
    compacted: bool = False
    partitions: int | None = None
    """None: the deployment's default."""


class Redress(Document):
    """Where, how and until when a measure can be challenged."""

    authority: Text
    how: Text
    within_days: Annotated[int, Field(ge=1, le=3650)]


class Fact(Document):
    """Something that happened. Fields are only ever added, and only as optional ones, inside a major version."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[Topic]
    KEY: ClassVar[str]
    """Name of the field that is the Kafka key; facts of one aggregate under it reach every reader in order."""
    CONSUMERS: ClassVar[tuple[str, ...]] = ()
    EXAMPLE: ClassVar[dict[str, Any]]

    @property
    def key(self) -> str:
        """The Kafka key of this fact."""
        return str(getattr(self, self.KEY))
