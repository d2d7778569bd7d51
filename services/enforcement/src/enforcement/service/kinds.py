"""What can be filed as evidence: of a kind that the profile lists, and beginning as what it is said to be."""

from collections.abc import AsyncIterable, AsyncIterator

from enforcement.errors import EvidenceKindUnknown, EvidenceOtherwise
from shared.rules import EvidenceKind, Rules
from shared.rules.media import HEAD, begins_as


def of(rules: Rules, said: str) -> EvidenceKind:
    """The kind of a media type. Raises EvidenceKindUnknown (415), which names what is taken."""
    bare = said.partition(";")[0].strip().lower()
    found = next((kind for kind in rules.evidence_kinds.values() if bare in kind.media_types), None)
    if found is None:
        known = sorted(each for kind in rules.evidence_kinds.values() for each in kind.media_types)
        raise EvidenceKindUnknown(said=bare, known=", ".join(known))
    return found


async def checked(kind: EvidenceKind, said: str, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same bytes, once the first of them have shown that they are of this kind; whatever follows is not looked at.

    Raises EvidenceOtherwise (415).
    """
    head, shown = b"", False
    async for chunk in body:
        if shown:
            yield chunk
            continue
        head += chunk
        if len(head) >= HEAD:
            _require(kind, said, head)
            shown = True
            yield head
    if head and not shown:
        _require(kind, said, head)
        yield head


def _require(kind: EvidenceKind, said: str, head: bytes) -> None:
    found = begins_as(head[:HEAD])
    if found != kind.code:
        raise EvidenceOtherwise(said=said, found=found or "nothing that is known here")
