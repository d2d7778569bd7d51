"""Checks and normalises the identifiers people write: domain names, addresses, credit codes, registration numbers."""

import ipaddress
import re
import unicodedata
from functools import cache, lru_cache
from typing import Final, NamedTuple

import idna
from publicsuffixlist import PublicSuffixList

from shared.rules.profile import Rules, load

PROFILE: Final = "cn-2006"


class InvalidIdentifier(ValueError):
    """An identifier that cannot be right. ``code``: bad_domain, bad_ip, bad_uscc, bad_check_digit or bad_number."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Domain(NamedTuple):
    """A domain name as given, in A-labels, in U-labels, and the part of it that somebody registered."""

    raw: str
    ascii: str
    unicode: str
    registrable: str


class RegistrationNumber(NamedTuple):
    """A registration number taken apart. ``province`` is its short name (京); ``site`` is the n of ``…号-n``."""

    province: str
    kind: str
    serial: str
    site: int | None

    @property
    def registration(self) -> str:
        """The number without the site."""
        return format_number(self.province, self.kind, self.serial)


# --- domain names ----------------------------------------------------------------------------------------------------

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SIMPLE: Final = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}").fullmatch
_NUMERIC: Final = frozenset("0123456789")
_MAX_NAME: Final = 253

# ICANN's part alone: whoever registered blogspot.com answers for it, even if its subdomains belong to many.
_SUFFIXES: Final = PublicSuffixList(only_icann=True)
_registrable = _SUFFIXES.privatesuffix


def normalise_domain(raw: str) -> Domain:
    """Read a host name in any case, in A- or U-labels, a final dot allowed. Raises InvalidIdentifier(bad_domain)."""
    name = raw.strip().removesuffix(".")
    if not name.isascii():
        return _international(raw, name)
    name = name.lower()
    if "xn--" in name:
        return _international(raw, name)
    return Domain(raw, name, name, _checked(raw, name))


def _checked(raw: str, name: str) -> str:
    """The registrable part of a name that must be in the form of RFC 1123."""
    if _SIMPLE(name) is None or len(name) > _MAX_NAME:
        raise InvalidIdentifier("bad_domain", _what_is_wrong(raw, name))
    registrable = _registrable(name)
    if registrable is None:
        raise InvalidIdentifier("bad_domain", f"{_shown(raw)} is a public suffix: nobody can register it")
    if name[-1] in _NUMERIC and name.rpartition(".")[2].isdigit():
        raise InvalidIdentifier("bad_domain", f"{_shown(raw)} ends in a number, as an IP address does")
    return registrable


def _international(raw: str, name: str) -> Domain:
    if len(name) > _MAX_NAME:
        raise InvalidIdentifier("bad_domain", _what_is_wrong(raw, name))
    try:
        if name.isascii():
            ascii_form = name
        else:
            ascii_form = idna.encode(name, uts46=True, transitional=False).decode("ascii").removesuffix(".")
        unicode_form = ".".join([_u_label(label) for label in ascii_form.split(".")])
    except (idna.IDNAError, UnicodeError) as wrong:
        message = f"{_shown(raw)} is not a valid international name: {wrong}"
        raise InvalidIdentifier("bad_domain", message) from None
    return Domain(raw, ascii_form, unicode_form, _checked(raw, ascii_form))


@lru_cache(maxsize=16_384)
def _u_label(label: str) -> str:
    """The U-label of an A-label; other labels as they are. Raises IDNAError, UnicodeError."""
    if not label.startswith("xn--"):
        return label
    unicode_form = idna.ulabel(label)
    if idna.alabel(unicode_form) != label.encode("ascii"):
        raise idna.IDNAError("it does not come back the same when it is encoded again")
    return unicode_form


def _what_is_wrong(raw: str, name: str) -> str:
    labels = name.split(".")
    wrong = next((label for label in labels if re.fullmatch(_LABEL, label) is None), "")
    problems = (
        (not name, "is empty"),
        (len(name) > _MAX_NAME, f"is longer than {_MAX_NAME} characters"),
        (len(labels) < 2, "has only one label; a domain has at least two"),
        ("" in labels, "has an empty label"),
        (len(wrong) > 63, "has a label longer than 63 characters"),
        (wrong[:1] == "-" or wrong[-1:] == "-", "has a label that starts or ends with a hyphen"),
        (True, "has a character other than letters, digits and hyphens"),
    )
    return f"{_shown(raw)} {next(text for holds, text in problems if holds)}"


def _shown(raw: str) -> str:
    """The input as an error may show it: short, and without control characters."""
    return repr(raw if len(raw) <= 80 else raw[:77] + "...")


# --- addresses -------------------------------------------------------------------------------------------------------

_BYTE: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}", re.ASCII).fullmatch


def normalise_ip(text: str) -> str:
    """Read an IPv4 or IPv6 address, into its shortest form. Raises InvalidIdentifier(bad_ip).

    Refused: networks, zones, leading zeros, and addresses no site can have (unspecified, loopback, link-local,
    multicast, broadcast). An IPv4 address mapped into IPv6 comes back as IPv4.
    """
    text = text.strip()
    if _IPV4(text) is None and ":" not in text:
        raise InvalidIdentifier("bad_ip", f"{_shown(text)} is not an IP address")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidIdentifier("bad_ip", f"{_shown(text)} is not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise InvalidIdentifier("bad_ip", f"{_shown(text)} names a zone, which only means something on one machine")
        address = address.ipv4_mapped or address
    if address.is_unspecified or address.is_loopback or address.is_link_local or address.is_multicast:
        raise InvalidIdentifier("bad_ip", f"{_shown(text)} cannot be the address of a site")
    if address == _BROADCAST:
        raise InvalidIdentifier("bad_ip", f"{_shown(text)} cannot be the address of a site")
    return str(address)


_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")

# --- unified social credit codes (GB 32100-2015) ---------------------------------------------------------------------

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_VALUES: Final = {sign: value for value, sign in enumerate(_ALPHABET)}
_WEIGHTED: Final = tuple({sign: value * weight for sign, value in _VALUES.items()} for weight in _WEIGHTS)
_USCC: Final = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}").fullmatch
_USCC_BODY: Final = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{9}}").fullmatch


def check_uscc(code: str) -> str:
    """Check an 18-character unified social credit code; gives it in upper case.

    Raises InvalidIdentifier: bad_uscc for its form, bad_check_digit for its last character.
    """
    code = code.strip().upper()
    if _USCC(code) is None:
        rule = "18 digits or capital letters other than I, O, S, V, Z"
        raise InvalidIdentifier("bad_uscc", f"{_shown(code)} is not a unified social credit code: {rule}")
    if code[17] != _check_digit(code):
        raise InvalidIdentifier("bad_check_digit", f"{_shown(code)} has a wrong check digit")
    return code


def uscc_with_check_digit(first17: str) -> str:
    """Complete a code that lacks its last character. Raises InvalidIdentifier(bad_uscc)."""
    first17 = first17.strip().upper()
    if _USCC_BODY(first17) is None:
        raise InvalidIdentifier("bad_uscc", f"{_shown(first17)} is not the first 17 characters of a code")
    return first17 + _check_digit(first17)


def _check_digit(code: str) -> str:
    return _ALPHABET[-sum(table[sign] for table, sign in zip(_WEIGHTED, code, strict=False)) % 31]


# --- registration numbers --------------------------------------------------------------------------------------------

_DASHES: Final = str.maketrans("－–—−‐‑", "------")


@cache
def _rules() -> Rules:
    return load(PROFILE)


@cache
def _number_pattern() -> re.Pattern[str]:
    provinces = "".join(_rules().provinces_by_short_name)
    marks = "".join(number.mark for number in _rules().numbers.values())
    return re.compile(rf"([{provinces}])ICP([{marks}])([0-9]{{6,12}})号(?:-([1-9][0-9]{{0,5}}))?")


@cache
def _kinds() -> dict[str, str]:
    return {number.mark: number.kind for number in _rules().numbers.values()}


@lru_cache(maxsize=4096)
def parse_number(text: str) -> RegistrationNumber:
    """Take a registration or site number apart. Raises InvalidIdentifier(bad_number).

    Blanks, full-width signs and lower case are forgiven; everything else is not.
    """
    compact = "".join(unicodedata.normalize("NFKC", text.translate(_DASHES)).split()).upper()
    found = _number_pattern().fullmatch(compact)
    if found is None:
        examples = " or ".join(number.example for number in _rules().numbers.values())
        raise InvalidIdentifier("bad_number", f"{_shown(text)} is not a registration number such as {examples}")
    province, mark, serial, site = found.groups()
    number = _rules().numbers[_kinds()[mark]]
    if len(serial) < number.digits:
        raise InvalidIdentifier("bad_number", f"{_shown(text)}: a {number.kind} has at least {number.digits} digits")
    return RegistrationNumber(province, number.kind, serial, int(site) if site else None)


def format_number(province: str, kind: str, serial: int | str, site: int | None = None) -> str:
    """Write a number: ``format_number("京", "filing", 10046444, 1)`` is 京ICP备10046444号-1.

    ``province`` is the short name; an integer serial is filled up with zeros. Raises InvalidIdentifier(bad_number).
    """
    form = _rules().numbers.get(kind)
    if form is None or province not in _rules().provinces_by_short_name:
        raise InvalidIdentifier("bad_number", f"no numbers of kind {kind!r} are issued in {province!r}")
    digits = f"{serial:0{form.digits}d}" if isinstance(serial, int) else serial
    tail = "" if site is None else f"-{site}"
    return f"{province}ICP{form.mark}{digits}号{tail}"
