"""What all identifiers share: the refusal, and how people's spelling is read."""

import unicodedata
from typing import Final

BLANKS: Final = str.maketrans("", "", "\u200b\u200c\u200d\u2060\ufeff\u00ad")
"""Characters that show nothing and come along with copied text."""


class InvalidIdentifier(ValueError):
    """An identifier that cannot be right; the message is for people.

    ``code``: bad_domain, bad_ip, bad_uscc, bad_check_digit, bad_number, bad_identity or bad_text.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def shown(raw: str) -> str:
    """The input as an error may show it: short, and without control characters."""
    return repr(raw if len(raw) <= 80 else raw[:77] + "...")


def compact(raw: str) -> str:
    """In capitals, half width, without blanks of any kind: for what is made of letters and digits."""
    if raw.isascii() and raw.isalnum():
        return raw.upper()
    return "".join(unicodedata.normalize("NFKC", raw).translate(BLANKS).split()).upper()
