"""Standard texts of decisions, in both languages, with fields: what is said the same way each time is written once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.rules.effects import Effect
from shared.rules.row import Row

if TYPE_CHECKING:
    from shared.rules.profile import ProfileFile, Rules

HOLE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_BRACE: Final = re.compile(r"[{}]")
WITHHELD: Final = "＊＊＊"
"""What stands in the public text where a private field stands in the whole one."""


@dataclass(frozen=True, slots=True)
class TextField(Row):
    """What whoever drafts fills in."""

    chinese: str
    english: str
    private: bool = False
    """Whether the public reasons leave it out, and say that they do."""


@dataclass(frozen=True, slots=True)
class StandardText(Row):
    """The reasons of a decision, but for its fields."""

    code: str
    version: int
    """One more each time a word of it changes: decisions record which they were made from."""
    effects: tuple[Effect, ...]
    grounds: tuple[str, ...]
    """Of cases in which it may be used."""
    legal_basis: tuple[str, ...]
    chinese: str
    """With ``{field}`` where a field stands."""
    english: str
    fields: Mapping[str, TextField]
    source: str

    def rendered(self, values: Mapping[str, str], *, public: bool = False) -> str:
        """Both languages, the Chinese first; ``public``: without what is private. The fields are the text's own."""
        said = {
            name: WITHHELD if public and field.private else values[name].strip() for name, field in self.fields.items()
        }
        return "\n\n".join(HOLE.sub(lambda hole: said[hole[1]], text) for text in (self.chinese, self.english))

    @property
    def withheld(self) -> tuple[str, ...]:
        """What the public reasons leave out: kinds of data, never the data."""
        return tuple(f"{field.chinese} · {field.english}" for field in self.fields.values() if field.private)


def check(data: "ProfileFile", rules: "Rules") -> None:
    """A text that names what is not there must not start a service."""
    for text in rules.texts.values():
        where = f"texts.{text.code}"
        if not (text.effects and text.grounds and text.legal_basis and text.version > 0):
            raise data.wrong(where, "says for which effects and grounds it is, its legal basis and its version, from 1")
        for effect in text.effects:
            if effect not in rules.effects:
                raise data.wrong(f"{where}.effects", f"{effect!r} is no effect of this profile")
        for ground in text.grounds:
            if ground not in rules.grounds:
                raise data.wrong(f"{where}.grounds", f"{ground!r} is no ground of this profile")
        for language, said in (("chinese", text.chinese), ("english", text.english)):
            holes = set(HOLE.findall(said))
            if odd := sorted(holes ^ text.fields.keys()):
                raise data.wrong(f"{where}.{language}", f"{odd[0]} is a field of it, or stands in it, and not both")
            if _BRACE.search(HOLE.sub("", said)):
                raise data.wrong(f"{where}.{language}", "has a brace that opens or closes no field")
