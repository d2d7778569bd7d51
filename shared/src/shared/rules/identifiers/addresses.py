"""IPv4 and IPv6 addresses: their one form, and whether a site can be hosted there."""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from shared.rules.identifiers.base import InvalidIdentifier, shown
from shared.rules.profile import Rules, chosen

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class Address(NamedTuple):
    """An address as given, and in its shortest form. One of IPv4 mapped into IPv6 is one of IPv4."""

    raw: str
    normal: str
    ip: Ip


_BYTE: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}", re.ASCII).fullmatch
_PORT: Final = re.compile(r"([\d.]+|\[[^\]]+\]):(\d{1,5})", re.ASCII).fullmatch
_SEPARATOR: Final = re.compile(r"[;,、\s]")
_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")


@lru_cache(maxsize=4096)
def parse_address(raw: str) -> Address:
    """Read an address, in brackets or without, also in full-width digits. Raises InvalidIdentifier(bad_ip).

    Refused: networks, ports, zones, leading zeros, and what is no address of one machine (unspecified, loopback,
    link-local, multicast, broadcast).
    """
    text = unicodedata.normalize("NFKC", raw).strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if _IPV4(text) is None and (":" not in text or "." in text.partition(":")[0]):
        raise InvalidIdentifier("bad_ip", _what_is_wrong(raw, text))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidIdentifier("bad_ip", _what_is_wrong(raw, text)) from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise InvalidIdentifier("bad_ip", f"{shown(raw)} names a zone, which only means something on one machine")
        address = address.ipv4_mapped or address
    if address.is_unspecified or address.is_loopback or address.is_link_local or address.is_multicast:
        raise InvalidIdentifier("bad_ip", f"{shown(raw)} cannot be the address of a site")
    if address == _BROADCAST:
        raise InvalidIdentifier("bad_ip", f"{shown(raw)} cannot be the address of a site")
    return Address(raw, str(address), address)


def hosting_address(raw: str, rules: Rules | None = None) -> Address:
    """Read an address that a site is hosted at: a public one, or one of the ranges that the profile names.

    Raises InvalidIdentifier(bad_ip), also for private and reserved addresses.
    """
    address = parse_address(raw)
    if _is_public(address.ip) or any(_within(address.ip, each) for each in _ranges(rules)):
        return address
    raise InvalidIdentifier(
        "bad_ip", f"{shown(raw)} is a private or reserved address: nobody reaches a site there from outside"
    )


def normalise_ip(text: str) -> str:
    """The shortest form of an address, for look-ups. Raises InvalidIdentifier(bad_ip)."""
    return parse_address(text).normal


def _is_public(ip: Ip) -> bool:
    return ip.is_global and not ip.is_reserved and not getattr(ip, "is_site_local", False)


def _ranges(rules: Rules | None) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [each.range for each in (rules or chosen()).address_ranges.values()]


def _within(ip: Ip, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return ip.version == network.version and ip in network


def _what_is_wrong(raw: str, text: str) -> str:
    port = _PORT(text)
    if port is not None:
        return f"{shown(raw)} is an address with a port: leave out :{port[2]}"
    if "/" in text:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return f"{shown(raw)} is not an IP address"
        if network.num_addresses == 1:
            return f"{shown(raw)} is written as a network: leave out /{network.prefixlen}"
        return f"{shown(raw)} is a network of {network.num_addresses} addresses: list each address that serves the site"
    if len([part for part in _SEPARATOR.split(text) if part]) > 1:
        return f"{shown(raw)} holds several addresses: give each by itself, or separate them by ; in a list"
    return f"{shown(raw)} is not an IP address"
