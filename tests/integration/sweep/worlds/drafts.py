"""What there is about drafts and released decisions besides themselves: remarks, the dry run, the signed document."""

from typing import Any, Final

from enforcement.lifecycle import UNRELEASED, Action, Status
from tests.integration.sweep.world import Kind, May, Verb
from tests.integration.sweep.worlds.decisions import Files

REMARK: Final = {"reasons": "The order book is not cited, and should be."}
UNSIGNED: Final = (*UNRELEASED, Status.WITHDRAWN)


def remarks() -> list[Verb]:
    """What colleagues do with a draft: returned by one, answered by another."""
    path = "POST /decisions/{decision_id}"
    return [
        Verb(f"{path}/comment", "drugs-b", REMARK, Action.COMMENT),
        Verb(f"{path}/return", "drugs-b", REMARK, Action.RETURN),
        Verb(f"{path}/answer", "drugs-a", REMARK, Action.ANSWER),
    ]


def kinds(files: Files, may_read_case: May, may_read_decision: May) -> list[Kind]:
    """Where they are read."""
    documented = [record for record in files.decisions if record.status not in UNSIGNED]
    return [
        Kind(files.decisions, may_read_case, reads=("/decisions/{decision_id}/orders-preview",)),
        Kind(documented, may_read_decision,
             reads=("/decisions/{decision_id}/document", "/decisions/{decision_id}/document.pdf")),
    ]  # fmt: skip


async def document_id(files: Files) -> dict[str, Any]:
    """What the public address of a document is filled with."""
    released = next(record for record in files.decisions if record.status is Status.RELEASED)
    shown = await files.office.get(f"/decisions/{released.id}/document", "applicant")
    return {"document_id": shown["document"]["document_id"]}
