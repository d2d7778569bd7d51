"""QR codes as pictures. Each takes up to a tenth of a second of processor time: not on the event loop."""

import io
from typing import Final

import segno

_SCALE: Final = 4


def svg(text: str) -> bytes:
    """A picture that scales, without a script and without a reference to anything else."""
    return _made(text, "svg", xmldecl=False, nl=False)


def png(text: str) -> bytes:
    """A picture of fixed size, four pixels a module."""
    return _made(text, "png")


def _made(text: str, kind: str, **options: bool) -> bytes:
    out = io.BytesIO()
    code = segno.make(text, error="m", micro=False, boost_error=False)
    code.save(out, kind=kind, scale=_SCALE, **options)
    return out.getvalue()
