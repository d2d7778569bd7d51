"""Who an operator is: its document of identity becomes the key that every department knows it by."""

from dataclasses import dataclass

from registry.errors import InvalidValues
from shared.contracts.http.registry import DocumentKind, IdentityDocument, OperatorKind
from shared.rules.identifiers import InvalidIdentifier, identity_hash, parse_credit_code
from shared.runtime.acts.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Identity:
    """A checked document. ``document``: credit_code, legacy_code (its check digit fails) or resident_id."""

    key: str
    document: str


def identity_of(rt: Runtime, kind: OperatorKind, document: IdentityDocument) -> Identity:
    """Check a document; a person's number leaves this function as a keyed hash only. Raises InvalidValues."""
    if (kind is OperatorKind.PERSON) != (document.kind is DocumentKind.RESIDENT_ID):
        raise InvalidValues.field("document.kind", "a person has a resident_id, everybody else a credit_code")
    try:
        if document.kind is DocumentKind.RESIDENT_ID:
            key = rt.settings.identity_key.get_secret_value().encode()
            return Identity(
                f"p:{identity_hash(document.kind, document.number, key=key, rules=rt.rules)}", document.kind
            )
        code = parse_credit_code(document.number, legacy=True)
    except InvalidIdentifier as wrong:
        raise InvalidValues.field("document.number", wrong.message) from wrong
    return Identity(code.normal, "legacy_code" if code.legacy else "credit_code")
