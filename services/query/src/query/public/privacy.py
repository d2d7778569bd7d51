"""Keeps persons out of what everybody may read. The authorities redact their reasons themselves; this is the net."""

from typing import Final

from query.readmodel.persons import INDIVIDUAL, without, without_numbers
from query.readmodel.records import OperatorRecord

_PERSON: Final = "person"


def is_person(operator: OperatorRecord) -> bool:
    """Whether an operator is a person, whose data is not the public's."""
    return operator.kind == _PERSON


def name_of(operator: OperatorRecord) -> str:
    """The operator's name as everybody may read it."""
    return INDIVIDUAL if is_person(operator) else operator.name


def said(text: str, operator: OperatorRecord | None) -> str:
    """A text without citizens' numbers, and without the name and papers of an operator who is a person.

    ``operator`` is who has the site now, none for a site in no register; whoever had it when something was decided is
    left out of that where it is kept (``measures.measure``).
    """
    if operator is not None and is_person(operator):
        return without(text, (operator.name, operator.identity))
    return without_numbers(text, of_person=False)
