"""Writes look-up answers as CSV rows."""

from collections.abc import Iterable, Sequence
from typing import Final

from query.records import Entry

COLUMNS: Final = (
    "key", "found", "error", "message", "total", "site_id", "site_number", "name", "domains", "service_items", "status",
    "region", "registration_number", "registration_kind", "registration_status", "operator_name", "operator_uscc",
    "operator_id", "provider_ids", "ips", "hosting_state", "hosting_since", "hosting_order_id", "decision_id",
    "other_site_numbers",
)  # fmt: skip
HEADER: Final = ",".join(COLUMNS) + "\r\n"
_FORMULA: Final = frozenset("=+-@\t\r")
"""First characters that make a spreadsheet run a cell; such texts get an apostrophe in front."""


def cell(text: str) -> str:
    """A text of somebody else's as a CSV cell: quoted if need be, and never a formula."""
    if text[:1] in _FORMULA and text:
        text = "'" + text
    if '"' in text or "," in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _list(texts: Iterable[str]) -> str:
    return cell(";".join(texts))


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
    return (
        f",true,,,{total},{site.site_id},{cell(site.site_number)},{cell(site.name)},"
        f"{_list(site.domains)},{_list(site.service_items)},{site.status},{site.region},"
        f"{cell(registration.number)},{registration.kind},{registration.status},"
        f"{cell(operator.name)},{cell(operator.uscc)},{operator.operator_id},"
        f"{_list([str(access.provider_id) for access in entry.accesses])},"
        f"{_list([ip for access in entry.accesses for ip in access.ips])},"
        f"{hosting.state},{hosting.since.isoformat() if hosting.since else ''},{hosting.order_id or ''},"
        f"{(entry.decision.decision_id or '') if entry.decision else ''},"
        f"{_list([each.site.site_number for each in entries[1:]])}\r\n"
    )
