"""Rows of a rule profile: dataclasses that are checked against their types, and refuse keys they do not know."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")


class ProfileError(ValueError):
    """A rule profile that must not start a service; the message names the file and the key."""


class Row:
    """What every row of a profile is."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1, str_strip_whitespace=True)


_UNKNOWN: Final = "unexpected_keyword_argument"
_ADAPTERS: Final[dict[type[Any], TypeAdapter[Any]]] = {}


def read(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """One row. Raises ProfileError naming the key, e.g. ``cn-2006.toml: clocks.cure_window.unit: …``."""
    adapter = _ADAPTERS.get(kind) or _ADAPTERS.setdefault(kind, TypeAdapter(kind))
    try:
        found: T = adapter.validate_python(dict(values))
    except ValidationError as wrong:
        # A misspelt key also misses the one that was meant: the slip is what to show.
        first = min(wrong.errors(include_url=False), key=lambda error: error["type"] != _UNKNOWN)
        key = ".".join([where, *map(str, first["loc"])])
        message = "is no key of this section" if first["type"] == _UNKNOWN else first["msg"]
        raise ProfileError(f"{key}: {message}") from None
    return found
