"""What the public sees of a site in a list: a line without a person, an identity or an address; and the counts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from query.lookup.freshness import Freshness
from query.lookup.listing import Position
from query.public.privacy import is_person, name_of, said
from query.readmodel.categories import Category, category_of
from query.readmodel.records import Entry
from query.readmodel.rows import cell
from shared.contracts.http.listing import CategoryCount, RegionCount, RegisterCounts
from shared.contracts.http.query import NamesView
from shared.rules.profile import Rules

COLUMNS: Final = (
    "cursor", "site_id", "site_number", "name", "domains", "service_items", "status", "registration_number", "kind",
    "region", "valid_until", "operator", "operator_kind", "changed_at",
)  # fmt: skip
HEADER: Final = (",".join(COLUMNS) + "\r\n").encode()
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the register; ``next``: where the one after it begins."""

    items: list[dict[str, Any]]
    next: str | None
    freshness: Freshness


def line(at: Position, entry: Entry) -> dict[str, Any]:
    """A site as everybody may read it, in the order of the columns."""
    site, registration, operator = entry.site, entry.registration, entry.operator
    return {
        "cursor": at.cursor,
        "site_id": site.site_id,
        "site_number": site.site_number,
        "name": said(site.name, operator),
        "domains": [] if is_person(operator) else site.domains,  # one by one everybody finds them; not all at once
        "service_items": site.service_items,
        "status": category_of(entry.category).status,
        "registration_number": registration.number,
        "kind": registration.kind,
        "region": registration.region,
        "valid_until": registration.valid_until,
        "operator": said(name_of(operator), operator),
        "operator_kind": operator.kind,
        "changed_at": entry.changed_at,
    }


def ndjson(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """Lines of JSON."""
    return b"".join([_encode(each) + b"\n" for each in lines])


def csv(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows of CSV; what holds several values has blanks between them, and no cell is a formula."""
    return "".join([",".join([cell(_text(value)) for value in each.values()]) + "\r\n" for each in lines]).encode()


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else " ".join(value)


def counted(found: Counter[Category], rules: Rules, freshness: Freshness) -> RegisterCounts:
    """The counts by service item and province, with the names that the profile has for them; largest first."""
    regions, statuses, kinds = Counter[str](), Counter[str](), Counter[str]()
    items: dict[str, Counter[str]] = {}
    for category, sites in found.items():
        regions[category.region] += sites
        statuses[category.status] += sites
        kinds[category.kind] += sites
        for item in category.items:
            items.setdefault(item, Counter())[category.region] += sites
    by_size = sorted(items.items(), key=lambda each: (-each[1].total(), each[0]))
    return RegisterCounts(
        **freshness.members(),
        total=found.total(),
        categories=[
            CategoryCount(
                item=item,
                names=_names(rules.service_items, item),
                approval_required=item in rules.service_items and rules.service_items[item].approval_required,
                total=by_region.total(),
                regions=_by_region(by_region, rules),
            )
            for item, by_region in by_size
        ],
        regions=_by_region(regions, rules),
        statuses=dict(sorted(statuses.items())),
        kinds=dict(sorted(kinds.items())),
    )


def _by_region(found: Counter[str], rules: Rules) -> list[RegionCount]:
    return [
        RegionCount(region=region, names=_names(rules.provinces, region), total=total)
        for region, total in sorted(found.items(), key=lambda each: (-each[1], each[0]))
    ]


def _names(known: Mapping[str, Any], code: str) -> NamesView:
    named = known.get(code)
    return NamesView(zh=named.chinese if named else code, en=named.english if named else code)
