"""One parser for every door: host names, addresses, codes, numbers and names, each with its normal form.

Each function raises InvalidIdentifier with a message for people.
"""

from shared.rules.identifiers.addresses import Address, hosting_address, normalise_ip, parse_address
from shared.rules.identifiers.base import InvalidIdentifier
from shared.rules.identifiers.codes import (
    CreditCode,
    check_uscc,
    identity_hash,
    is_person_number,
    parse_credit_code,
    uscc_with_check_digit,
)
from shared.rules.identifiers.hosts import Domain, normalise_domain
from shared.rules.identifiers.numbers import RegistrationNumber, format_number, looks_like_number, parse_number
from shared.rules.identifiers.texts import PlainText, parse_text, repaired

__all__ = [
    "Address",
    "CreditCode",
    "Domain",
    "InvalidIdentifier",
    "PlainText",
    "RegistrationNumber",
    "check_uscc",
    "format_number",
    "hosting_address",
    "identity_hash",
    "is_person_number",
    "looks_like_number",
    "normalise_domain",
    "normalise_ip",
    "parse_address",
    "parse_credit_code",
    "parse_number",
    "parse_text",
    "repaired",
    "uscc_with_check_digit",
]
