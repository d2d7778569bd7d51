"""What a service needs from a rule profile; a profile that lacks some of it does not start the service."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.rules.effects import Effect
from shared.rules.profile import Rules
from shared.rules.row import ProfileError

CATALOGUES: Final = (
    "address_ranges", "complaint_grades", "evidence_kinds", "grounds", "identity_documents", "measures", "numbers",
    "protected", "provider_licences", "provinces", "refusal_grounds", "requirements", "service_items",
    "subject_kinds", "urgent_grounds",
)  # fmt: skip
"""Sections of a profile that can be needed as a whole or by their entries."""


class ProfileLacks(ProfileError):
    """The profile lacks something that a service cannot do without."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The words of a profile that stand in a service's code."""

    clocks: frozenset[str] = frozenset()
    effects: frozenset[Effect] = frozenset()
    catalogues: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Section → the entries that must be in it; none: any, but at least one."""

    def check(self, rules: Rules, service: str) -> None:
        """Raises ProfileLacks, which names everything that is missing."""
        lacking = [
            *_missing("clocks", self.clocks, rules.clocks),
            *_missing("effects", self.effects, rules.effects),
        ]
        for section, entries in self.catalogues.items():
            if section not in CATALOGUES:
                raise ValueError(f"{service} needs {section}, which is no catalogue: {', '.join(CATALOGUES)}")
            found: Mapping[str, Any] = getattr(rules, section)
            lacking += _missing(section, entries, found)
            if not (entries or found):
                lacking.append(f"{section}.*")
        if lacking:
            raise ProfileLacks(f"rule profile {rules.ref} lacks what {service} needs: {', '.join(lacking)}")


def _missing(section: str, wanted: Iterable[str], found: Mapping[Any, Any]) -> list[str]:
    return [f"{section}.{name}" for name in sorted(wanted) if name not in found]
