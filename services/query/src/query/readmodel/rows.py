"""Writes look-up answers as CSV rows."""

import re
from collections.abc import Sequence
from typing import Final

from query.readmodel.lifecycle import Hosting
from query.readmodel.measures import Measure
from query.readmodel.records import Entry, Unregistered

COLUMNS: Final = (
    "key", "found", "error", "message", "total", "site_id", "site_number", "name", "domains", "service_items", "status",
    "registration_number", "registration_kind", "registration_level", "registration_region", "registration_valid_until",
    "operator_name", "operator_identity", "operator_id", "provider_ids", "ips", "hosting_state", "hosting_since",
    "hosting_order_id", "decision_ids", "other_site_numbers",
)  # fmt: skip
"""``decision_ids``: of the measures in force."""
HEADER: Final = ",".join(COLUMNS) + "\r\n"
_RISKY: Final = re.compile(r'[",\r\n]|\x1f[=+\-@\t]').search
"""Whether some of the texts, each after a separator, needs care; nearly none does."""
_FORMULA: Final = frozenset("=+-@\t\r")
"""First characters that make a spreadsheet run a cell; such texts get an apostrophe in front."""


def cell(text: str) -> str:
    """A text of somebody else's as a CSV cell: quoted if need be, and never a formula."""
    if text[:1] in _FORMULA and text:
        text = "'" + text
    if '"' in text or "," in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


NOTHING: Final = b",false,," + b"," * (len(COLUMNS) - 4) + b"\r\n"
"""The row of a name that nobody has, without its first cell."""


def missing(key: str, error: str, message: str) -> str:
    """The row of a key that found nothing, or could not be read."""
    return f"{cell(key)},false,{error},{cell(message)}" + "," * (len(COLUMNS) - 4) + "\r\n"


def found(key: str, total: int, entries: Sequence[Entry]) -> str:
    """The row of a key that found something: its first site, and the numbers of the others."""
    return cell(key) + rest(total, entries)


def rest(total: int, entries: Sequence[Entry]) -> str:
    """That row without its first cell."""
    entry = entries[0]
    site, registration, operator, hosting = entry.site, entry.registration, entry.operator, entry.hosting
    ips = [ip for access in entry.accesses for ip in access.ips]
    texts = [
        site.site_number, site.name, ";".join(site.service_items), registration.number, operator.name,
        operator.identity,
        ";".join(ips), ";".join([each.site.site_number for each in entries[1:]]),
    ]  # fmt: skip
    if _RISKY("\x1f" + "\x1f".join(texts)):
        texts = [cell(text) for text in texts]
    site_number, name, items, number, operator_name, identity, addresses, others = texts
    return (
        f",true,,,{total},{site.site_id},{site_number},{name},{';'.join(site.domains)},{items},{site.status},"
        f"{number},{registration.kind},{registration.level},{registration.region},{registration.valid_until or ''},"
        f"{operator_name},{identity},{operator.operator_id},"
        f"{';'.join([access.provider_id for access in entry.accesses])},{addresses},"
        f"{_hosting(hosting)},{_in_force(entry.measures)},{others}\r\n"
    )


def unregistered(key: str, found: Unregistered) -> str:
    """The row of a name that is in no register, and was subject of a measure."""
    before = "," * (COLUMNS.index("provider_ids") - COLUMNS.index("error"))
    providers = ";".join(found.provider_ids)
    return f"{cell(key)},false,{before}{providers},,{_hosting(found.hosting)},{_in_force(found.measures)},\r\n"


def _hosting(hosting: Hosting) -> str:
    return f"{hosting.state},{hosting.since.isoformat() if hosting.since else ''},{hosting.order_id or ''}"


def _in_force(measures: Sequence[Measure]) -> str:
    return ";".join([str(each.decision_id) for each in measures if each.status == "in_force"])
