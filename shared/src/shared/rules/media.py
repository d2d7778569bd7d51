"""What bytes begin as: enough to say that a file is not what it is said to be. Nothing is opened or rendered."""

from enum import StrEnum
from typing import Final

HEAD: Final = 512
"""So many bytes are looked at."""
MOST_MIB: Final = 20
"""How large one file may be, whatever a profile says."""


class Signature(StrEnum):
    """Kinds of files that are told apart by their first bytes."""

    PDF = "pdf"
    PNG = "png"
    JPEG = "jpeg"
    GIF = "gif"
    WEBP = "webp"
    TIFF = "tiff"
    MP4 = "mp4"
    ZIP = "zip"
    TEXT = "text"
    """Has none of the others' beginnings and no control characters; in any charset, UTF-16 with its mark."""


_BEGINNINGS: Final = (
    (Signature.PDF, 0, (b"%PDF-",)),
    (Signature.PNG, 0, (b"\x89PNG\r\n\x1a\n",)),
    (Signature.JPEG, 0, (b"\xff\xd8\xff",)),
    (Signature.GIF, 0, (b"GIF87a", b"GIF89a")),
    (Signature.TIFF, 0, (b"II*\x00", b"MM\x00*")),
    (Signature.ZIP, 0, (b"PK\x03\x04", b"PK\x05\x06")),
    (Signature.MP4, 4, (b"ftyp",)),
)
_WEBP: Final = (b"RIFF", b"WEBP")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")


def begins_as(head: bytes) -> Signature | None:
    """What a file that begins so is; none for what nobody here knows. ``head``: its first HEAD bytes, or all of it.

    The beginning alone decides: what is a second kind further on is served as the first, and as nothing else.
    """
    for signature, place, beginnings in _BEGINNINGS:
        if head[place:].startswith(beginnings):
            return signature
    if head[:4] == _WEBP[0] and head[8:12] == _WEBP[1]:
        return Signature.WEBP
    if head.startswith(_UTF_16) or not _CONTROLS.intersection(head):
        return Signature.TEXT
    return None
