"""Files at the door: what a stream of bytes says it is, and how bytes of somebody else are given out."""

import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header
from fastapi.responses import StreamingResponse

from shared.runtime.base.files import Sound
from shared.runtime.base.problems import UnsupportedMediaType

STREAMED: Final[dict[str, Any]] = {
    "max_body_size": 1 << 40,  # ``base.files`` counts for itself, and says its own reason
    "openapi_extra": {"requestBody": {"required": True, "content": {"*/*": {"schema": {"format": "binary"}}}}},
}
"""What an address that takes the bytes themselves says of itself."""
_TOKEN: Final = r"[A-Za-z0-9!#$&^_.+-]{1,127}"  # noqa: S105 -- RFC 6838, restricted names
_MEDIA_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}(?:\s*;\s*charset=\"?{_TOKEN}\"?)?", re.IGNORECASE)


class MediaTypeMissing(UnsupportedMediaType):
    """Say in Content-Type what the file is, as type/subtype, such as application/pdf."""


async def media_type(
    content_type: Annotated[str, Header(description="What it is: type/subtype, with its charset if it has one")] = "",
) -> str:
    """The media type, with its charset and no other parameter. Raises MediaTypeMissing (415)."""
    bare = content_type.strip()
    if not _MEDIA_TYPE.fullmatch(bare):
        raise MediaTypeMissing
    return bare


Kind = Annotated[str, Depends(media_type)]
"""What the body of the request says it is."""


def given_out(sound: Sound, sha256: str, kind: str) -> StreamingResponse:
    """Somebody else's bytes: never to be shown as a page of ours, and never with a charset of ours."""
    headers = {
        "Content-Security-Policy": "sandbox", "ETag": f'"{sha256}"', "Content-Type": kind,
        "Content-Length": str(sound.size), "Content-Disposition": f'attachment; filename="{sha256}"',
    }  # fmt: skip
    return StreamingResponse(sound.body, headers=headers)
