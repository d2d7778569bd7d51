"""Media types as they stand in Content-Type: what something is, and with which parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self

LONGEST: Final = 255
_WORD: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_ESSENCE: Final = re.compile(rf"\s*({_WORD}/{_WORD})\s*")
_PARAMETER: Final = re.compile(rf';\s*(?:({_WORD})=(?:({_WORD})|"([\x20\x21\x23-\x5b\x5d-\x7e]*)"))?\s*')


@dataclass(frozen=True, slots=True)
class MediaType:
    """``type/subtype`` in small letters, and its parameters in the order given."""

    essence: str
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What the text says (RFC 9110 §8.3.1); none if it is no media type, or longer than 255 characters."""
        begin = _ESSENCE.match(text) if len(text) <= LONGEST else None
        if begin is None:
            return None
        parameters: dict[str, str] = {}
        place = begin.end()
        while place < len(text):
            found = _PARAMETER.match(text, place)
            if found is None:
                return None
            name, token, quoted = found.groups()
            if name is not None and parameters.setdefault(name.lower(), token or quoted or "") != (
                token or quoted or ""
            ):
                return None
            place = found.end()
        return cls(begin[1].lower(), MappingProxyType(parameters))

    @property
    def charset(self) -> str | None:
        """How its text is encoded, in small letters; none if it does not say."""
        given = self.parameters.get("charset")
        return given.lower() if given else None

    @property
    def is_json(self) -> bool:
        """Whether it is JSON, or a kind of it such as ``application/merge-patch+json``."""
        return self.essence == "application/json" or re.fullmatch(r"application/.+\+json", self.essence) is not None

    def __str__(self) -> str:
        """The header's value, to be sent on."""
        parts = [self.essence]
        for name, value in self.parameters.items():
            parts.append(f"{name}={value}" if re.fullmatch(_WORD, value) else f'{name}="{value}"')
        return "; ".join(parts)
