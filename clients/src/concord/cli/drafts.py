"""Commands about drafts and what becomes of them: standard texts, remarks, the dry run of the orders, the document."""

from pathlib import Path
from typing import Annotated, Any

import typer

from concord.cli.output import As, AsJson, DecisionId, Reasons, act, body
from concord.files import write
from concord.sdk import Concord
from shared.contracts.http import enforcement as wire
from shared.contracts.http.decisions import OrderPreview, StandardTextView
from shared.contracts.http.documents import DocumentView


def texts(
    effect: Annotated[str | None, typer.Option(help="Only those for this effect, e.g. suspend_access.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """The standard texts that decisions are drafted from, with their fields; nobody needs to sign in."""

    async def found(concord: Concord) -> list[StandardTextView]:
        every = (await concord.enforcement.standard_texts()).texts
        return [text for text in every if effect is None or effect in text.effects]

    act(found, as_, as_json, ("code", "version", "effects", "grounds", "fields", "english"))


def comment(decision_id: DecisionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Say something about a colleague's draft; it binds nobody."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.comment(decision_id, sent), as_, as_json)


def return_draft(decision_id: DecisionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Give a colleague's draft back: it is not released before that is answered."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.return_draft(decision_id, sent), as_, as_json)


def answer(decision_id: DecisionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Answer why a draft was returned; who would rather change it withdraws it and drafts anew."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.enforcement.answer(decision_id, sent), as_, as_json)


def orders(decision_id: DecisionId, as_: As = None, as_json: AsJson = False) -> None:
    """The dry run: the orders that would go out, to whom and from whom. Nothing is sent."""
    columns = ("provider", "provider_id", "action", "site.hosts", "issuer.id", "execute_by", "restores_at")

    async def would_go_out(concord: Concord) -> list[OrderPreview]:
        return (await concord.enforcement.orders_preview(decision_id)).orders

    act(would_go_out, as_, as_json, columns)


def document(
    decision_id: DecisionId,
    page: Annotated[Path | None, typer.Option("--pdf", help="Write the page to this file, which must be new.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """The signed document of a released decision; `concord verify` checks it offline."""

    async def got(concord: Concord) -> DocumentView | dict[str, Any]:
        if page is None:
            return await concord.enforcement.document(decision_id)
        content = await concord.enforcement.document_page(decision_id)
        write(page, content)
        return {"decision_id": decision_id, "size": len(content), "file": str(page)}

    act(got, as_, as_json)
