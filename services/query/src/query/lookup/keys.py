"""Reads what somebody typed or listed as a key: the one parser of single look-ups, of lists, and of the audit.

It takes in more names than the register does. Who looks up may have met a name that exists though nobody could register
it here: with an underscore, or with an emoji, which IDNA does not allow. Such a name is not found; it is not wrong.
"""

import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from query.readmodel.acts import LONGEST_HOST
from query.readmodel.layout import pack
from shared.contracts.http.query import By
from shared.rules.identifiers import (
    InvalidIdentifier,
    looks_like_number,
    normalise_domain,
    normalise_ip,
    parse_number,
)

_ADDRESS: Final = frozenset("0123456789abcdefABCDEF:.")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?").fullmatch
_BRACKETED: Final = re.compile(r"\[([^\[\]]*)\](?::\d{1,5})?", re.ASCII).fullmatch
_PORT: Final = re.compile(r"([^:]*):\d{1,5}", re.ASCII).fullmatch
_NETWORK: Final = re.compile(r"([0-9a-fA-F:.]+)/\d{1,3}", re.ASCII).fullmatch
_SEVERAL: Final = re.compile(r"[;；、,，|\s]").search
_EMOJI_STYLE: Final = "\N{VARIATION SELECTOR-16}"
_LOOKS: Final = {By.DOMAIN: "a domain", By.IP: "an address", By.NUMBER: "a number"}


class Asked(NamedTuple):
    """A key in its one form. ``by``: domain, ip or number.

    ``terms``: what it finds, closest first: a domain also the names above it down to the registrable one, the number of
    a site also its registration's.
    """

    by: By
    terms: tuple[str, ...]


def read(text: str, by: By) -> Asked:
    """Read a key. Raises InvalidIdentifier, which also says what the key looks like if that is something else."""
    kind = shape(text) if by is By.AUTO else by
    try:
        return Asked(kind, _READERS[kind](text))
    except InvalidIdentifier as wrong:
        looks = shape(text)
        if looks is kind:
            raise
        raise InvalidIdentifier(wrong.code, f"{wrong.message}; it looks like {_LOOKS[looks]}") from wrong


def shape(text: str) -> By:
    """What a key looks like."""
    if looks_like_number(text):
        return By.NUMBER
    if _is_network(text):
        return By.IP
    bare = host(text)
    digits = bare.replace(".", "")
    if ":" in bare or (digits.isascii() and digits.isdigit()):
        return By.IP if _ADDRESS.issuperset(bare) else By.DOMAIN
    return By.DOMAIN


def host(text: str) -> str:
    """The host of a URL, with or without its scheme; any other text as it is, but for blanks, brackets and a port."""
    text = text.strip()
    if any(sign in text for sign in "/?#"):
        try:
            return urlsplit(text if "//" in text else f"//{text}").hostname or ""
        except ValueError:
            return text
    found = _BRACKETED(text) or _PORT(text)
    return found[1] if found else text


def _is_network(text: str) -> bool:
    network = _NETWORK(text.strip())
    return network is not None and pack(network[1]) is not None


def _domain(text: str) -> tuple[str, ...]:
    """The name in A-labels, then the names above it down to the registrable one. Raises InvalidIdentifier."""
    name = host(text)
    if _SEVERAL(name):
        raise InvalidIdentifier("bad_domain", f"{name[:80]!r} looks like several names: give one, or one a line")
    try:
        domain = normalise_domain(name)
    except InvalidIdentifier:
        exists = _as_the_dns_has_it(name)
        if exists is None:
            raise
        return (exists, *_above(exists))
    found, name = [domain.ascii], domain.ascii
    while name != domain.registrable and "." in name:
        name = name.partition(".")[2]
        found.append(name)
    return tuple(found)


def _above(name: str) -> tuple[str, ...]:
    """The names above one that the register would not take."""
    above = name.partition(".")[2]
    return _domain(above) if "." in above else ()


def _as_the_dns_has_it(name: str) -> str | None:
    """The A-labels of a name that may exist though the register takes no such name; none if it cannot exist."""
    labels = unicodedata.normalize("NFKC", name).removesuffix(".").lower().split(".")
    encoded = [_a_label(label) for label in labels]
    found = ".".join([label for label in encoded if label is not None])
    possible = len(labels) > 1 and None not in encoded and len(found) <= LONGEST_HOST and not labels[-1].isdigit()
    return found if possible else None


def _a_label(label: str) -> str | None:
    if not label.isascii():
        label = label.replace(_EMOJI_STYLE, "")
        if not all(unicodedata.category(sign)[0] in "LMN" or unicodedata.category(sign) == "So" for sign in label):
            return None
        label = f"xn--{label.encode('punycode').decode('ascii')}"
    if label.startswith("xn--"):
        try:
            label[4:].encode("ascii").decode("punycode")
        except UnicodeError:
            return None
    return label if _LABEL(label) else None


def _address(text: str) -> tuple[str, ...]:
    """An address in its shortest form. Raises InvalidIdentifier."""
    if _is_network(text):
        raise InvalidIdentifier("bad_ip", f"{text.strip()!r} is a network: look up one address")
    return (normalise_ip(host(text)),)


def _numbers(text: str) -> tuple[str, ...]:
    """A registration or site number in its one form. Raises InvalidIdentifier."""
    parsed = parse_number(text)
    return (parsed.normal,) if parsed.site is None else (parsed.normal, parsed.registration)


_READERS: Final = {By.DOMAIN: _domain, By.IP: _address, By.NUMBER: _numbers}
