"""What goes over enforcement's door about drafts: standard texts, remarks, what changed since, the orders to come."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts import examples
from shared.contracts.base import Body, Document, Sha256, Text, printable
from shared.contracts.grounds import AuthorityRef, Party
from shared.contracts.http.base import View
from shared.contracts.orders import OrderedSite
from shared.contracts.subjects import FrozenSite, Preview, Signature

Filled = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000), AfterValidator(printable)
]
"""What stands in a field: one line, however long."""


class TextUse(Body):
    """The standard text that a draft is made from, and what stands in its fields."""

    code: Text
    fields: Annotated[dict[str, Filled], Field(default_factory=dict, max_length=30)]


class TextRef(Document):
    """The standard text that a decision was made from."""

    code: Text
    version: int


class TextFieldView(View):
    """A field of a standard text."""

    chinese: str
    english: str
    private: bool = Field(description="Whether the public reasons leave it out")


class StandardTextView(View):
    """A standard text of the profile: ``{name}`` is where a field stands."""

    code: str
    version: int
    effects: list[str]
    grounds: list[str]
    legal_basis: list[str]
    chinese: str
    english: str
    fields: dict[str, TextFieldView]
    source: str


class StandardTexts(BaseModel):
    """All of them, and the profile they stand in."""

    profile: str
    texts: list[StandardTextView]


class RemarkView(View):
    """What a colleague said of a draft, or its drafter in answer."""

    kind: str = Field(description="comment, return or answer")
    reasons: str
    at: datetime


class EarlierDecision(Document):
    """A decision that was released about the same subject."""

    decision_id: UUID
    effect: Text
    status: Text


class Surroundings(Document):
    """What a draft was written on: what stood around it when it was."""

    seen_at: datetime
    site: FrozenSite | None
    status: Text | None
    """The site's, in the register."""
    operator: Party
    preview: Preview
    evidence: tuple[Sha256, ...]
    """All that lies in the case, cited or not."""
    earlier: tuple[EarlierDecision, ...]
    profile: Text


class Change(Document):
    """Something that is not as it was at the draft."""

    what: Text
    """site.name, .number, .hosts, .spared, .accesses, .status, .operator; neighbours, neighbours_total, protected;
    evidence; decisions (about the same subject); profile."""
    added: tuple[Text, ...] = ()
    removed: tuple[Text, ...] = ()


class SinceDraft(Document):
    """What changed since the draft: whoever releases is shown it, and signs its digest if it is anything."""

    drafted_at: datetime
    changes: tuple[Change, ...]

    @property
    def digest(self) -> str | None:
        """SHA-256 over the changes; none where there are none."""
        if not self.changes:
            return None
        said = [change.model_dump(mode="json") for change in self.changes]
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class SinceDraftView(BaseModel):
    """What changed since the draft, with what is signed of it."""

    drafted_at: datetime
    changes: list[Change]
    digest: str | None = Field(description="To be named by whoever releases; none where nothing changed")
    copy_as_of: datetime | None = Field(description="Up to when the copy of the register is known to be whole")
    copy_fresh: bool = Field(description="Whether it is fresh enough for a release, by the profile")


class Release(Body):
    """What the second person signs: the preview's digest, every site it names, and what changed since the draft."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "signature": {"preview_digest": examples.DIGEST, "collateral": [examples.NEIGHBOUR]}, "since_draft": None,
    }]})  # fmt: skip

    signature: Signature
    since_draft: Sha256 | None = None
    """``since_draft.digest`` of the decision as it was read; none where nothing changed."""


class OrderPreview(BaseModel):
    """An order that would go out."""

    provider_id: UUID
    provider: str | None = Field(description="Its name; none where enforcement does not know it")
    action: str
    site: OrderedSite
    issuer: AuthorityRef | None = Field(description="Who would give it: home, the host's province, or a supervisor")
    regulator: AuthorityRef = Field(description="Who would carry the decision out")
    through_supervisor: bool = Field(description="Whether the supervisor of a network is instructed first (P3.4)")
    issue_by: datetime | None = Field(description="Then: until when it would have to issue it")
    execute_by: datetime = Field(description="If it went out now")
    restores_at: datetime | None = Field(description="When the measure ends by itself; none: when it is undone")


class OrdersPreview(BaseModel):
    """The dry run: every order that carrying the decision out would bring about. Nothing is sent."""

    decision_id: UUID
    effect: str
    at: datetime
    copy_as_of: datetime | None
    orders: list[OrderPreview]


def changed(what: str, before: Any, now: Any) -> Change | None:
    """How two sets of lines differ; none: not at all."""
    was, here = set(before), set(now)
    added, removed = tuple(sorted(here - was)), tuple(sorted(was - here))
    return Change(what=what, added=added, removed=removed) if added or removed else None
