"""Reads what somebody typed or listed as a key: which kind it is, and the form under which the read model knows it."""

from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from query.readmodel import pack
from shared.rules.identifiers import (
    InvalidIdentifier,
    format_number,
    normalise_domain,
    normalise_ip,
    parse_number,
)

_ADDRESS: Final = frozenset("0123456789abcdefABCDEF:.")


class By(StrEnum):
    """What a key is. ``auto``: whatever it looks like — a number, an address, or else a domain."""

    AUTO = "auto"
    DOMAIN = "domain"
    IP = "ip"
    NUMBER = "number"


def shape(text: str) -> By:
    """What a key looks like."""
    if "号" in text or "备" in text or "证" in text:
        return By.NUMBER
    bare = host(text).strip("[]")
    digits = bare.replace(".", "")
    if ":" in bare or (digits.isascii() and digits.isdigit()):
        return By.IP if _ADDRESS.issuperset(bare) else By.DOMAIN
    return By.DOMAIN


def host(text: str) -> str:
    """The host of a URL, with or without its scheme; any other text as it is, but for blanks and a port."""
    text = text.strip()
    try:
        if "/" in text:
            return urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return text
    name, colon, port = text.partition(":")
    return name if colon and port.isdigit() else text


def domains(text: str) -> list[str]:
    """The name in A-labels, then the names above it down to the registrable one. Raises InvalidIdentifier."""
    domain = normalise_domain(host(text))
    found, name = [domain.ascii], domain.ascii
    while name != domain.registrable and "." in name:
        name = name.partition(".")[2]
        found.append(name)
    return found


def address(text: str) -> bytes:
    """An address as 16 bytes. Raises InvalidIdentifier."""
    packed = pack(normalise_ip(host(text).strip("[]")))
    if packed is None:
        raise InvalidIdentifier("bad_ip", "not an IP address")
    return packed


def number(text: str) -> bytes:
    """A registration or site number in its one form. Raises InvalidIdentifier."""
    parsed = parse_number(text)
    return format_number(parsed.province, parsed.kind, parsed.serial, parsed.site).encode()
