"""Keeps persons out of what everybody may read. The authorities redact their reasons themselves; this is the net."""

import re
from typing import Final

from query.readmodel.records import OperatorRecord

INDIVIDUAL: Final = "个人 / individual"
"""Stands for the name of an operator who is a person."""
HIDDEN: Final = "[…]"
_PERSON: Final = "person"
_CITIZEN: Final = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])",
    re.ASCII,
)
"""A citizen's number (GB 11643): region, date of birth, sequence, check digit."""


def is_person(operator: OperatorRecord) -> bool:
    """Whether an operator is a person, whose data is not the public's."""
    return operator.kind == _PERSON


def name_of(operator: OperatorRecord) -> str:
    """The operator's name as everybody may read it."""
    return INDIVIDUAL if is_person(operator) else operator.name


def said(text: str, operator: OperatorRecord | None) -> str:
    """A text without citizens' numbers, and without the name and identity of an operator who is a person.

    ``operator`` is none for a site in no register.
    """
    if operator is not None and is_person(operator):
        for personal in (operator.name, operator.identity):
            # However it is spaced and capitalised; a blank in the name may be any, or none.
            parts = [re.escape(part) for part in personal.split()]
            if parts:
                text = re.sub(r"\s*".join(parts), INDIVIDUAL, text, flags=re.IGNORECASE)
    return _CITIZEN.sub(HIDDEN, text)
