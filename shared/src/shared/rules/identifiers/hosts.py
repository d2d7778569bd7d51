"""Host names: in A- and in U-labels, with the part of them that somebody registered."""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

import idna
from publicsuffixlist import PublicSuffixList

from shared.rules.identifiers.base import InvalidIdentifier, shown


class Domain(NamedTuple):
    """A host name as given, in A-labels, in U-labels, and the part of it that somebody registered."""

    raw: str
    ascii: str
    """The normal form: what is stored, compared and ordered."""
    unicode: str
    registrable: str

    @property
    def above(self) -> tuple[str, ...]:
        """The names above it, in A-labels, down to the registrable one."""
        extra = self.ascii.count(".") - self.registrable.count(".")
        return tuple(self.ascii.split(".", n)[n] for n in range(1, extra + 1))

    def covers(self, other: "Domain") -> bool:
        """Whether ``other`` is this name or one below it."""
        return f".{other.ascii}".endswith(f".{self.ascii}")


_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SIMPLE: Final = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}").fullmatch
# DNS serves names with underscores, and sites run on them; only what somebody registers cannot have one.
_LOOSE: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+" + _LABEL).fullmatch
_DIGITS: Final = frozenset("0123456789")
_MAX_NAME: Final = 253

# ICANN's part alone: whoever registered blogspot.com answers for it, even if its subdomains belong to many.
_SUFFIXES: Final = PublicSuffixList(only_icann=True)
_registrable = _SUFFIXES.privatesuffix


def normalise_domain(raw: str) -> Domain:
    """Read a host name in any case and width, in A- or U-labels, a final dot allowed.

    Raises InvalidIdentifier(bad_domain).
    """
    name = raw.strip().removesuffix(".")
    if not name.isascii():
        return _international(raw, name)
    name = name.lower()
    if "xn--" in name:
        return _international(raw, name)
    return Domain(raw, name, name, _checked(raw, name))


def _checked(raw: str, name: str) -> str:
    """The registrable part of a name that is in A-labels."""
    if (_SIMPLE(name) is None and _LOOSE(name) is None) or len(name) > _MAX_NAME:
        raise InvalidIdentifier("bad_domain", _what_is_wrong(raw, name))
    registrable = _registrable(name)
    if registrable is None:
        raise InvalidIdentifier("bad_domain", f"{shown(raw)} is a public suffix: nobody can register it")
    if "_" in registrable:
        raise InvalidIdentifier("bad_domain", f"{shown(raw)}: nobody can register a name with an underscore")
    if name[-1] in _DIGITS and name.rpartition(".")[2].isdigit():
        raise InvalidIdentifier("bad_domain", f"{shown(raw)} ends in a number, as an IP address does")
    return registrable


def _international(raw: str, name: str) -> Domain:
    if len(name) > _MAX_NAME:
        raise InvalidIdentifier("bad_domain", _what_is_wrong(raw, name))
    try:
        # The mapping of UTS 46 makes small letters, half width and full stops of whatever stands for them.
        mapped = name if name.isascii() else idna.uts46_remap(name, std3_rules=False, transitional=False)
        pairs = [_label(label) for label in mapped.removesuffix(".").split(".")]
    except (idna.IDNAError, UnicodeError) as wrong:
        simpler = unicodedata.normalize("NFKC", name)
        known = _usual_mistake(raw, simpler)
        message = known or f"{shown(raw)} is not a valid international name: {wrong}"
        raise InvalidIdentifier("bad_domain", message) from None
    ascii_form = ".".join([pair[0] for pair in pairs])
    return Domain(raw, ascii_form, ".".join([pair[1] for pair in pairs]), _checked(raw, ascii_form))


@lru_cache(maxsize=16_384)
def _label(label: str) -> tuple[str, str]:
    """A label as A- and as U-label. Raises IDNAError, UnicodeError."""
    if not label.isascii():
        return _a_label(label), label
    if not label.startswith("xn--"):
        return label, label
    unicode_form = label[4:].encode("ascii").decode("punycode")
    if unicode_form.isascii() or _a_label(unicode_form) != label:
        raise idna.IDNAError("it does not come back the same when it is encoded again")
    if idna.uts46_remap(unicode_form, std3_rules=False, transitional=False) != unicode_form:
        raise idna.IDNAError("it is not in the form in which names are registered")
    return label, unicode_form


def _a_label(label: str) -> str:
    try:
        return idna.alabel(label).decode("ascii")
    except idna.IDNAError:
        # IDNA 2008 knows no symbols, registries sold them before it, and such sites exist (xn--ls8h.la).
        plain = "".join(sign for sign in label if unicodedata.category(sign) not in {"So", "Sk"})
        if plain == label or label[:1] == "-" or label[-1:] == "-":
            raise
        if not plain.isascii():
            idna.check_label(plain)
        elif re.fullmatch(r"[a-z0-9-]*", plain) is None:
            raise
        encoded = "xn--" + label.encode("punycode").decode("ascii")
        if len(encoded) > 63:
            raise idna.IDNAError("it has a label longer than 63 characters") from None
        return encoded


# --- what is wrong with it -------------------------------------------------------------------------------------------

_SEPARATORS: Final = re.compile(r"[;,；，、\s]")
_PORT: Final = re.compile(r"[^:/\[\]]+:(\d{1,5})").fullmatch


def _usual_mistake(raw: str, name: str) -> str | None:
    """What people write where a host name is asked for, and what to write instead."""
    port = _PORT(name)
    parts = [part for part in _SEPARATORS.split(name) if part]
    mistakes = (
        (port, f"is a host name with a port: leave out :{port[1] if port else ''}"),
        ("/" in name, "is an address on the web: give the host name alone, e.g. www.stage.example"),
        (":" in name or name.startswith("["), "looks like an IP address, not like a host name"),
        ("@" in name, "is an e-mail address: give what follows the @, if that is the site"),
        ("*" in name, "has a wildcard: name each host, or the name above them"),
        (
            len(parts) > 1 and all("." in part for part in parts),
            f"holds {len(parts)} names: give each by itself, or separate them by ; in a list",
        ),
    )
    return next((f"{shown(raw)} {text}" for holds, text in mistakes if holds), None)


def _what_is_wrong(raw: str, name: str) -> str:
    known = _usual_mistake(raw, name)
    if known is not None:
        return known
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
    return f"{shown(raw)} {next(text for holds, text in problems if holds)}"
