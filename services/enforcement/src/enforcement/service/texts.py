"""Standard texts: what a draft says where its reasons are those of the profile, filled in."""

from pydantic import ValidationError

from enforcement.errors import TextMisfit
from enforcement.store.cases import Case
from shared.contracts.grounds import Statement
from shared.contracts.http.decisions import StandardTexts, StandardTextView, TextRef, TextUse
from shared.contracts.http.enforcement import NewDecision
from shared.rules import Effect
from shared.rules.texts import StandardText
from shared.runtime.acts.runtime import Runtime


def catalogue(rt: Runtime) -> StandardTexts:
    """The standard texts of the profile."""
    found = [StandardTextView.model_validate(text) for text in rt.rules.texts.values()]
    return StandardTexts(profile=rt.rules.ref, texts=found)


def statement(rt: Runtime, case: Case, effect: Effect, body: NewDecision) -> tuple[Statement, TextRef | None]:
    """What a draft says, and which standard text it was made from. Raises TextMisfit (422), by field."""
    if body.text is None:
        if body.statement is None:
            raise TypeError("a body has a statement or a text")
        return body.statement, None
    text = _fitting(rt, case, effect, body.text)
    try:
        said = Statement(
            legal_basis=text.legal_basis, reasons=text.rendered(body.text.fields),
            public_reasons=text.rendered(body.text.fields, public=True), redacted=text.withheld,
        )  # fmt: skip
    except ValidationError as wrong:  # each field is short enough, and all of them are not
        message = "; ".join(fault["msg"] for fault in wrong.errors())
        raise TextMisfit.field("text.fields", f"what the text makes of them: {message}") from wrong
    return said, TextRef(code=text.code, version=text.version)


def _fitting(rt: Runtime, case: Case, effect: Effect, use: TextUse) -> StandardText:
    """The text, if it is one for this case and this effect, and all its fields are there and no others."""
    text = rt.rules.texts.get(use.code)
    if text is None:
        raise TextMisfit.field("text.code", f"must be one of {', '.join(rt.rules.texts)}")
    if effect not in text.effects or case.ground not in text.grounds:
        raise TextMisfit.field("text.code", f"{text.code} is not for {effect} on the ground {case.ground}")
    wrong = [(name, "is missing") for name in text.fields if name not in use.fields]
    wrong += [(name, f"is no field of {text.code}") for name in use.fields if name not in text.fields]
    if wrong:
        raise TextMisfit([{"field": f"text.fields.{name}", "message": message} for name, message in wrong])
    return text
