"""What a fact is, an immutable message in the past tense; and what a text, a date and a body from outside may be."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Self, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema

LEAST_REASONS: Final = 10
LONGEST_REASONS: Final = 20_000
"""Whoever quotes some with words of their own shortens them: ``shared.contracts.quoting``."""
LONGEST_TEXT: Final = 500
YEARS: Final = range(1990, 2201)
"""Of every date that somebody states: before Concord nothing was decided, and nobody decides for centuries."""
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BLANKS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that show nothing."""
_SEEN: Final = re.compile(f"[^ {''.join(sorted(_BLANKS))}]")
_LINE_END: Final = re.compile(r"\r?\n")


def storable(text: str) -> str:
    """The text, if PostgreSQL can keep it. Raises ValueError for NUL and for half a surrogate pair."""
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    text.encode()
    return text


def printable(text: str) -> str:
    """The text, if it is one line and shows what it says.

    Raises ValueError for control characters, line ends and direction overrides, for what ``storable`` refuses, and for
    a text of which nothing can be seen.
    """
    if text.isprintable() and (text.isascii() or _SEEN.search(text)):
        return text  # of all texts nearly every one, at the speed of C: what follows names what is wrong
    storable(text)
    for character in text:
        if unicodedata.category(character) in {"Cc", "Zl", "Zp"} or character in _BIDI:
            raise ValueError(f"must be one line without control characters, but holds U+{ord(character):04X}")
    if not any(_shows(character) for character in text):
        raise ValueError("must not be empty: none of its characters can be seen")
    return text


def readable(text: str) -> str:
    """The text, if each of its lines is empty or what ``printable`` takes."""
    for line in _LINE_END.split(text):
        if line.strip(" \t\u3000"):
            printable(line.replace("\t", " "))
    return text


def explained(text: str) -> str:
    """The text, if somebody can read reasons in it: lines of what ``printable`` takes, and enough of it to be seen."""
    readable(text)
    seen = re.sub(r"\s+", " ", "".join(character for character in text if character.isspace() or _shows(character)))
    if len(seen.strip()) < LEAST_REASONS:
        raise ValueError(f"must have at least {LEAST_REASONS} characters that can be seen")
    return text


def _shows(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ" and character not in _BLANKS


def _text_of(form: str, example: str) -> Callable[[Any], Any]:
    pattern = re.compile(form)

    def stated(given: Any) -> Any:
        if isinstance(given, date) or (isinstance(given, str) and pattern.match(given)):
            return given
        raise ValueError(f"must be a text such as {example}")

    return stated


def _in_bounds(given: date) -> date:
    if given.year not in YEARS:
        raise ValueError(f"must lie between the years {YEARS[0]} and {YEARS[-1]}")
    return given.astimezone(UTC) if isinstance(given, datetime) else given


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT),
    AfterValidator(printable),
]
"""One line."""
Reasons = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=LEAST_REASONS, max_length=LONGEST_REASONS),
    AfterValidator(explained),
]
"""What a person wrote to be read by the person it burdens; may have several lines."""
Citation = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500), AfterValidator(printable)
]
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_in_bounds),
    BeforeValidator(_text_of(r"\d{4}-\d\d-\d\d[Tt ]", "2026-11-25T09:00:00Z")),
]
"""A time that somebody states: aware, of the years 1990 to 2200, kept in UTC. Numbers are no times."""
Day = Annotated[date, AfterValidator(_in_bounds), BeforeValidator(_text_of(r"\d{4}-\d\d-\d\d\Z", "2026-11-25"))]
"""A day that somebody states, of the years 1990 to 2200. Numbers are no days."""
LegalBasis = Annotated[tuple[Citation, ...], Field(min_length=1, max_length=50)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]0000$")]
"""A province by its GB/T 2260 code, e.g. 110000 for Beijing."""


class Document(BaseModel):
    """A frozen record. Unknown fields are ignored, so that an older reader survives a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


_UNBENT: Final = frozenset({"int", "float", "bool"})
_DATES: Final = frozenset({"datetime", "date", "time", "timedelta"})
_NO_SCHEMA: Final = frozenset({"metadata", "serialization", "default", "config"})


def _strict(schema: Any, where: str) -> Any:
    """A copy of a core schema whose numbers are numbers and whose dates have bounds."""
    if isinstance(schema, list | tuple):
        return type(schema)(_strict(part, where) for part in schema)
    if not isinstance(schema, dict):
        return schema
    function = schema.get("function")
    if isinstance(function, dict) and function.get("function") is _in_bounds:
        return schema
    kind = schema.get("type")
    if kind in _DATES and "schema" not in schema:
        raise TypeError(f"{where}: a date in a body is a Moment or a Day, which have bounds")
    copied = {name: part if name in _NO_SCHEMA else _strict(part, where) for name, part in schema.items()}
    return {**copied, "strict": True} if kind in _UNBENT else copied


class Body(BaseModel):
    """What somebody sends to be acted upon: unknown fields are refused, and nothing is bent to fit.

    ``true`` is not 1, ``"1"`` and 1.0 are not 1. A field that is a date must be a Moment or a Day: TypeError otherwise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic's own, made strict where it would convert."""
        return cast("CoreSchema", _strict(handler(source), cls.__name__))


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

    @cached_property
    def as_json(self) -> bytes:
        """As it is told and kept, made once."""
        return self.model_dump_json().encode()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Pydantic's own, which would copy along what was kept: a copy that hides something must not tell it."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("as_json", None)
        return copied
