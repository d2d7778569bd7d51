"""What may stand in the directory: one set of rules, for organisations that enter and for changes."""

from collections.abc import Sequence
from datetime import date

from coordination.errors import OrganisationInvalid, PlaceTaken
from shared.contracts.directory import Competence, Organisation
from shared.contracts.http.coordination import NewOrganisation, Powers
from shared.rules import Role, Rules

LISTED = frozenset(Role) - {Role.OPERATOR, Role.ACCESS_PROVIDER}
"""Kinds an organisation may have: operators and providers are nobody's office and are not in the directory."""


def place_is_there(rules: Rules, body: NewOrganisation) -> None:
    """Raise OrganisationInvalid (422) unless level and region fit, the profile has the region, and the id shows it."""
    if (body.level == "province") != (body.region is not None):
        raise OrganisationInvalid.field("region", "an organisation of province level has one, a national one has none")
    if body.region is not None and body.region not in rules.provinces:
        raise OrganisationInvalid.field("region", "the profile has no such region")
    suffix = body.id.rpartition("-")[2]
    if (suffix if suffix in rules.provinces else None) != body.region:
        raise OrganisationInvalid.field("id", "ends with the code of the province, and with no code at national level")


def admit(rules: Rules, asked: Organisation, powers: Powers, others: Sequence[Organisation]) -> None:
    """Let an organisation have these powers. Raises OrganisationInvalid (422), PlaceTaken (409)."""
    faults = [*_kinds(rules, powers), *_relations(asked.organisation_id, powers, others)]
    if faults:
        raise OrganisationInvalid([{"field": field, "message": message} for field, message in faults])
    place_is_free(asked.model_copy(update={name: getattr(powers, name) for name in Powers.model_fields}), others)


def place_is_free(asked: Organisation, others: Sequence[Organisation]) -> None:
    """Raise PlaceTaken (409) if another one regulates there, or is competent for the same item at the same time."""
    there = [
        other
        for other in others
        if other.active
        and other.organisation_id != asked.organisation_id
        and (other.level, other.region) == (asked.level, asked.region)
    ]
    for other in there:
        if Role.INDUSTRY_REGULATOR in asked.kinds and Role.INDUSTRY_REGULATOR in other.kinds:
            raise PlaceTaken(organisation=other.organisation_id, what="the industry regulator")
        for mine in asked.competences:
            if any(_at_once(mine, theirs) for theirs in other.competences):
                raise PlaceTaken(organisation=other.organisation_id, what=f"competent for {mine.item}")


def _at_once(one: Competence, other: Competence) -> bool:
    last = min(one.until or date.max, other.until or date.max)
    return one.item == other.item and max(one.since, other.since) <= last


def _kinds(rules: Rules, body: Powers) -> list[tuple[str, str]]:
    faults = [("kinds", f"{kind} is no kind of organisation") for kind in body.kinds if kind not in LISTED]
    regulated = {item.code for item in rules.service_items.values() if item.approval_required}
    faults += [
        ("competences", f"{competence.item} is no item that needs consent")
        for competence in body.competences
        if competence.item not in regulated
    ]
    if body.competences and Role.SECTOR_REGULATOR not in body.kinds:
        faults.append(("competences", "only a sector regulator is competent for service items"))
    pairs = [(a, b) for n, a in enumerate(body.competences) for b in body.competences[n + 1 :]]
    if any(_at_once(a, b) for a, b in pairs):
        faults.append(("competences", "an item is listed twice for the same time"))
    return faults


def _relations(organisation: str, body: Powers, others: Sequence[Organisation]) -> list[tuple[str, str]]:
    known = {other.organisation_id: other for other in others}
    faults = []
    if body.parent is not None and body.parent not in known:
        faults.append(("parent", "the directory has no such other organisation"))
    above, seen = body.parent, set[str]()
    while above is not None and above not in seen:
        if above == organisation:
            faults.append(("parent", "it would be subordinate to itself"))
        seen.add(above)
        above = known[above].parent if above in known else None
    if body.redress is not None and (body.redress not in known or Role.REVIEW_BODY not in known[body.redress].kinds):
        faults.append(("redress", "the directory has no other review body of this id"))
    return faults
