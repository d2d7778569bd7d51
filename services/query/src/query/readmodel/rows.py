"""Writes look-up answers as CSV rows."""

import re
from collections.abc import Sequence
from typing import Final

from query.readmodel.records import Entry

COLUMNS: Final = (
    "key", "found", "error", "message", "total", "site_id", "site_number", "name", "domains", "service_items", "status",
    "region", "registration_number", "registration_kind", "registration_status", "operator_name", "operator_uscc",
    "operator_id", "provider_ids", "ips", "hosting_state", "hosting_since", "hosting_order_id", "decision_id",
    "other_site_numbers",
)  # fmt: skip
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
        site.site_number, site.name, ";".join(site.service_items), registration.number, operator.name, operator.uscc,
        ";".join(ips), ";".join([each.site.site_number for each in entries[1:]]),
    ]  # fmt: skip
    if _RISKY("\x1f" + "\x1f".join(texts)):
        texts = [cell(text) for text in texts]
    site_number, name, items, number, operator_name, uscc, addresses, others = texts
    return (
        f",true,,,{total},{site.site_id},{site_number},{name},{';'.join(site.domains)},{items},{site.status},"
        f"{site.region},{number},{registration.kind},{registration.status},{operator_name},{uscc},"
        f"{operator.operator_id},{';'.join([access.provider_id for access in entry.accesses])},{addresses},"
        f"{hosting.state},{hosting.since.isoformat() if hosting.since else ''},{hosting.order_id or ''},"
        f"{(entry.decision.decision_id or '') if entry.decision else ''},{others}\r\n"
    )
