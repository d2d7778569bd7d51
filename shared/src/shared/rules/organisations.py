"""The organisations that a new directory begins with: a profile says them once for the country, once per province."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.rules.roles import Level, Role


@dataclass(frozen=True, slots=True)
class FoundingOrganisation:
    """An organisation that a new directory begins with; its competences begin on ``since``."""

    id: str
    chinese: str
    english: str
    short: str
    kinds: tuple[Role, ...]
    level: Level
    region: str | None
    competences: tuple[str, ...]
    since: date
    parent: str | None
    supervises: tuple[str, ...]
    redress: str | None
    source: str


def founding(
    directory: Mapping[str, Any], provinces: Iterable[tuple[str, str, str, str]]
) -> Mapping[str, FoundingOrganisation]:
    """Those of the whole country, then each kind once in every province (code, chinese, english, short name).

    Raises KeyError and ValueError for a section that is not whole.
    """
    since = directory.get("since", date.min)
    found = [_founding(name, row, since) for name, row in directory.get("national", {}).items()]
    for code, chinese, english, short in provinces:
        words = {"zh": chinese, "en": english, "short": short, "region": code}
        found += [
            _founding(f"{name}-{code}", row, since, words) for name, row in directory.get("provinces", {}).items()
        ]
    return MappingProxyType({organisation.id: organisation for organisation in found})


def _founding(
    organisation_id: str, row: dict[str, Any], since: date, words: Mapping[str, str] = MappingProxyType({})
) -> FoundingOrganisation:
    """``words`` are those of its province, none for a national one."""
    said = {name: value.format(**words) for name, value in row.items() if isinstance(value, str)}
    return FoundingOrganisation(
        id=organisation_id,
        chinese=said["chinese"],
        english=said["english"],
        short=said["short"],
        kinds=tuple(Role(kind) for kind in row["kinds"]),
        level=Level.PROVINCE if words else Level.NATIONAL,
        region=words.get("region"),
        competences=tuple(row.get("competences", ())),
        since=since,
        parent=said.get("parent"),
        supervises=tuple(row.get("supervises", ())),
        redress=said.get("redress"),
        source=said["source"],
    )
