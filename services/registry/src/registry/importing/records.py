"""A record of an import: every field checked, every fault of a field named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from unicodedata import is_normalized
from uuid import UUID

from registry.importing.rows import Rejected, Row
from registry.store.claims import Name
from shared.contracts.http.registry import HostingMode, OperatorKind
from shared.rules import Rules
from shared.rules.identifiers import (
    InvalidIdentifier,
    hosting_address,
    normalise_domain,
    parse_credit_code,
    parse_number,
    parse_text,
)
from shared.runtime.acts.policy import Reach

FIELDS: Final = (
    "operator_name", "operator_uscc", "operator_kind", "region", "number", "site_name", "domain", "service_items",
    "provider_id", "ips", "hosting_mode",
)  # fmt: skip
_KINDS: Final = frozenset(OperatorKind) - {OperatorKind.PERSON}
_MODES: Final = frozenset(HostingMode)
_SEPARATORS: Final = str.maketrans({"；": ";", "、": ";"})
_FIELD_OF: Final = {"bad_domain": "domain", "bad_check_digit": "operator_uscc", "bad_uscc": "operator_uscc",
                    "bad_number": "number", "bad_ip": "ips"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """A valid record: one site of one operator at one provider. ``number`` is in its normal form."""

    row: Row
    operator_name: str
    uscc: str
    operator_kind: str
    region: str
    number: str | None
    number_kind: str
    serial: int | None
    site_name: str
    names: tuple[Name, ...]
    service_items: tuple[str, ...]
    provider_id: UUID
    ips: tuple[str, ...]
    hosting_mode: str

    @property
    def level(self) -> str:
        """Imports enter what provinces registered."""
        return "province"


def check(row: Row, record: Mapping[str, Any], rules: Rules, reach: Reach) -> Record:
    """Check every field of a record. Raises Rejected, naming the first that is wrong; ``reach``: whose they may be."""
    if unknown := [name for name in record if name not in FIELDS]:
        raise Rejected("unknown_field", unknown[0][:60], f"no such field; known: {', '.join(FIELDS)}")
    try:
        found = _checked(row, record, rules)
    except InvalidIdentifier as error:
        raise Rejected(error.code, _FIELD_OF.get(error.code), error.message) from error
    if not reach.admits(found):
        raise Rejected("out_of_region", "region", f"you may not import records of {found.region}")
    return found


def _checked(row: Row, record: Mapping[str, Any], rules: Rules) -> Record:
    region = _text(record, "region")
    if region not in rules.provinces:
        raise Rejected("unknown_region", "region", f"{region} is no province by GB/T 2260")
    number, kind, serial = _number(record, rules, region)
    names: dict[str, Name] = {}
    for raw in _many(record, "domain"):
        domain = normalise_domain(raw)
        names.setdefault(domain.ascii, Name(raw, domain.ascii, domain.registrable))
    return Record(
        row=row,
        operator_name=_text(record, "operator_name"),
        uscc=parse_credit_code(_text(record, "operator_uscc")).normal,
        operator_kind=_one_of(record, "operator_kind", _KINDS, OperatorKind.COMPANY),
        region=region,
        number=number,
        number_kind=kind,
        serial=serial,
        site_name=_text(record, "site_name"),
        names=tuple(names.values()),
        service_items=_items(record, rules),
        provider_id=_provider(record),
        ips=tuple(dict.fromkeys(hosting_address(raw, rules).normal for raw in _many(record, "ips"))),
        hosting_mode=_one_of(record, "hosting_mode", _MODES, HostingMode.VIRTUAL_HOST),
    )


def _text(record: Mapping[str, Any], field: str, *, most: int = 500) -> str:
    value = record.get(field)
    if value is None or value == "":
        raise Rejected("missing", field, f"{field} is missing")
    if not isinstance(value, str):
        raise Rejected("not_text", field, f"{field} is a text, in quotes: {str(value)[:40]} is none")
    plain = value.isprintable() and is_normalized("NFC", value)  # most are, and need no look at every sign
    if not (text := value.strip() if plain else parse_text(value).normal):
        raise Rejected("missing", field, f"{field} is missing")
    if len(text) > most:
        raise Rejected("too_long", field, f"{field} may have {most} characters at most")
    return text


def _many(record: Mapping[str, Any], field: str, *, most: int = 50) -> list[str]:
    value = record.get(field)
    parts = value.translate(_SEPARATORS).split(";") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise Rejected("missing", field, f"{field} is missing: a list of texts, or a text separated by ;")
    found = [part.strip() for part in parts if part.strip()]
    if not found or len(found) > most:
        raise Rejected("missing" if not found else "too_many", field, f"{field} needs 1 to {most} values")
    return found


def _one_of(record: Mapping[str, Any], field: str, known: frozenset[Any], default: str) -> str:
    value = record.get(field) or default
    if not isinstance(value, str) or value not in known:
        raise Rejected(f"unknown_{field}", field, f"{str(value)[:40]} is none of {', '.join(sorted(known))}")
    return str(value)


def _items(record: Mapping[str, Any], rules: Rules) -> tuple[str, ...]:
    if not record.get("service_items"):
        return (rules.unregulated_item,)
    items = _many(record, "service_items")
    for item in items:
        if item not in rules.service_items:
            raise Rejected(
                "unknown_service_item", "service_items", f"{item[:40]} is none of {', '.join(rules.service_items)}"
            )
    return tuple(item for item in rules.service_items if item in items)


def _number(record: Mapping[str, Any], rules: Rules, region: str) -> tuple[str | None, str, int | None]:
    if record.get("number") is None or record.get("number") == "":
        return None, "filing", None
    parsed = parse_number(_text(record, "number"), rules)
    if parsed.site is not None:
        raise Rejected("bad_number", "number", "give the number of the registration, without that of the site")
    if parsed.province != rules.provinces[region].short:
        raise Rejected("bad_number", "number", f"{parsed.registration} is not a number of {region}")
    serial = int(parsed.serial)
    if serial >= 10 ** rules.numbers[parsed.kind].digits:
        raise Rejected("bad_number", "number", f"{parsed.serial} has more digits than a number of this kind")
    return parsed.registration, parsed.kind, serial


def _provider(record: Mapping[str, Any]) -> UUID:
    text = _text(record, "provider_id")
    try:
        return UUID(text)
    except ValueError as error:
        raise Rejected("unknown_provider", "provider_id", f"{text[:40]} is not the id of a provider") from error
