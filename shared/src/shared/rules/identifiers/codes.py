"""Who an operator is: unified social credit codes (GB 32100-2015), and the numbers of persons (GB 11643-1999).

A person's number never leaves this module in clear: neither in a value, nor in the message of an error.
"""

import hashlib
import hmac
import re
from datetime import date
from typing import Final, NamedTuple

from shared.rules.identifiers.base import InvalidIdentifier, compact, shown
from shared.rules.profile import Rules, chosen
from shared.rules.rows import Check

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_VALUES: Final = {sign: value for value, sign in enumerate(_ALPHABET)}
_WEIGHTED: Final = tuple({sign: value * weight for sign, value in _VALUES.items()} for weight in _WEIGHTS)
_USCC: Final = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}").fullmatch
_USCC_BODY: Final = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{9}}").fullmatch
_ORGANISATION_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_PERSON: Final = re.compile(r"[1-9][0-9]{16}[0-9X]").fullmatch
_OLD_PERSON: Final = re.compile(r"[1-9][0-9]{14}").fullmatch
_PERSON_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PERSON_DIGITS: Final = "10X98765432"
_SHORTEST_KEY: Final = 32


class CreditCode(NamedTuple):
    """A unified social credit code as given, and in capitals."""

    raw: str
    normal: str
    legacy: bool = False
    """Its check digit fails, as that of some codes issued before 2016 does: a second person must confirm it."""


def parse_credit_code(raw: str, *, legacy: bool = False) -> CreditCode:
    """Read an 18-character unified social credit code in any case and width, blanks allowed.

    ``legacy``: also take a code whose own check digit fails while that of the organisation code in it (GB 11714) holds;
    it comes back marked, and must not be used before a second person has confirmed it.
    Raises InvalidIdentifier: bad_uscc for its form or for a person's number, bad_check_digit for its last character.
    """
    code = compact(raw)
    if is_person_number(code):
        raise InvalidIdentifier(
            "bad_uscc", "this is a person's identity number, not the credit code of an organisation"
        )
    if _USCC(code) is None:
        rule = "18 digits or capital letters other than I, O, S, V, Z"
        raise InvalidIdentifier("bad_uscc", f"{shown(raw)} is not a unified social credit code: {rule}")
    if code[17] == _check_digit(code):
        return CreditCode(raw, code)
    if code[16] != _organisation_digit(code[8:16]):
        raise InvalidIdentifier("bad_check_digit", f"{shown(raw)} has a wrong check digit")
    if not legacy:
        raise InvalidIdentifier(
            "bad_check_digit",
            f"{shown(raw)} has a wrong check digit. Some codes issued before 2016 do: if the certificate shows it like"
            " this, enter it as such, and a second person confirms it",
        )
    return CreditCode(raw, code, legacy=True)


def check_uscc(code: str) -> str:
    """A credit code in capitals, its check digit verified. Raises InvalidIdentifier as parse_credit_code does."""
    return parse_credit_code(code).normal


def uscc_with_check_digit(first17: str) -> str:
    """Complete a code that lacks its last character. Raises InvalidIdentifier(bad_uscc)."""
    body = compact(first17)
    if _USCC_BODY(body) is None:
        raise InvalidIdentifier("bad_uscc", f"{shown(first17)} is not the first 17 characters of a code")
    return body + _check_digit(body)


def is_person_number(text: str) -> bool:
    """Whether this is the identity number of a person: a date of birth in it, and a check digit that holds.

    Numbers of foreigners with permanent residence have the same form and begin with 9, as the codes of companies do:
    what both check digits of a credit code call a company is one.
    """
    code = compact(text)
    if _PERSON(code) is None or not _is_date(code[6:14]) or code[17] != _person_digit(code):
        return False
    return code[0] != "9" or code[17] != _check_digit(code) or code[16] != _organisation_digit(code[8:16])


def identity_hash(kind: str, raw: str, *, key: bytes, rules: Rules | None = None) -> str:
    """The number on a person's document, as it is stored and matched: HMAC-SHA-256 over kind and normal form, in hex.

    ``kind`` is one of the profile's ``identity_documents``. Raises InvalidIdentifier(bad_identity), whose message does
    not repeat the number, and ValueError for a key shorter than 32 bytes.
    """
    if len(key) < _SHORTEST_KEY:
        raise ValueError(f"the key of identity hashes has at least {_SHORTEST_KEY} bytes")
    document = (rules or chosen()).identity_documents.get(kind)
    if document is None:
        raise InvalidIdentifier("bad_identity", f"{shown(kind)} is no kind of document that the rule profile knows")
    number = compact(raw)
    if document.check is Check.RESIDENT_ID and not is_person_number(number):
        if _OLD_PERSON(number):
            raise InvalidIdentifier("bad_identity", "this number has 15 digits; give the present one with 18")
        raise InvalidIdentifier("bad_identity", "this is not an identity number: 18 characters, the last checks them")
    if document.check is Check.CREDIT_CODE:
        number = parse_credit_code(number, legacy=True).normal
    if not 4 <= len(number) <= 40:
        raise InvalidIdentifier("bad_identity", "the number of a document has 4 to 40 characters")
    return hmac.new(key, f"concord identity/{kind}/{number}".encode(), hashlib.sha256).hexdigest()


def _check_digit(code: str) -> str:
    return _ALPHABET[-sum(map(dict.__getitem__, _WEIGHTED, code)) % 31]


def _organisation_digit(first8: str) -> str:
    values = zip(first8, _ORGANISATION_WEIGHTS, strict=True)
    rest = -sum(_ORGANISATION_ALPHABET.index(sign) * weight for sign, weight in values) % 11
    return "X" if rest == 10 else str(rest)


def _person_digit(code: str) -> str:
    return _PERSON_DIGITS[sum(int(sign) * weight for sign, weight in zip(code, _PERSON_WEIGHTS, strict=False)) % 11]


def _is_date(text: str) -> bool:
    try:
        return 1850 <= date(int(text[:4]), int(text[4:6]), int(text[6:])).year <= 2100
    except ValueError:
        return False
