"""Shows a signed document as a page: A4, Chinese and English, with a QR code; the bytes that were signed go with it.

The page is a rendering and proves nothing by itself: the signature is over the JSON (docs/adr/0011). The same document
gives the same bytes.
"""

import io
import re
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Final

import segno
import structlog
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from shared.contracts.documents import DECISION, IssuedDocument
from shared.contracts.grounds import Names
from shared.documents import fonts

_log = structlog.get_logger(__name__)
_WIDTH, _HEIGHT = A4
_MARGIN: Final = 22 * mm
_LABEL: Final = 46 * mm
_FOOT: Final = 62 * mm
"""Height that the foot of a page keeps free: QR code, issuer, and what they mean."""
_QR: Final = 38 * mm
_BOTTOM: Final = 20 * mm
_WORD: Final = re.compile(r"[!-~À-ɏ]+|.", re.DOTALL)
_NO_BEGINNING: Final = frozenset("，。、；：！？）》」』”’〕】…·")
_UNTIL_ENDED: Final = "长期，直至终止 · until ended"
_NOTE: Final = (
    "以签名的 JSON 原件为准，本页为其呈现。扫码可查是否仍然有效。",
    "The signed JSON is the original; this page shows it. The code leads to whether it still stands.",
)
_UNSHOWN: Final = "字库所缺之字以码位表示 · characters that no font has are shown by their code points: "
_CREDIT_CODE: Final = re.compile(r"[0-9A-Z]{18}")
_GRANTED: Final = {
    "holder": Names(zh="持有人", en="Holder"),
    "scope": Names(zh="准予范围", en="Scope"),
    "covers": Names(zh="域名", en="Names covered"),
}
_DECIDED: Final = {
    "holder": Names(zh="当事人", en="Whom it is about"),
    "scope": Names(zh="决定事项", en="What is decided"),
    "covers": Names(zh="域名", en="Names concerned"),
}
_lock: Final = Lock()  # reportlab's fonts are one per process, and count what a document uses


def pdf(document: IssuedDocument, jws: str, *, code: str) -> bytes:
    """The page, as PDF. ``jws``: what was signed, kept in the document's keywords. ``code``: what the QR code says.

    Takes tens of milliseconds of processor time, and half a second the first time: not on the event loop.
    """
    with _lock:
        return _Page(document, jws, code).made()


class _Page:
    def __init__(self, document: IssuedDocument, jws: str, code: str) -> None:
        self._document, self._code = document, code
        self._out = io.BytesIO()
        self._canvas = Canvas(self._out, pagesize=A4, invariant=1, pageCompression=1)
        self._canvas.setTitle(f"{document.title.zh} {document.number}")
        self._canvas.setAuthor(document.issuer.names.zh)
        self._canvas.setSubject(document.title.en)
        self._canvas.setKeywords(jws)
        self._missing: dict[str, None] = {}
        self._y = 0.0

    def made(self) -> bytes:
        self._begin()
        for label, value in _lines(self._document):
            self._row(label, value)
        if self._missing:
            self._says(_UNSHOWN + " ".join(f"U+{ord(each):04X}" for each in self._missing))
            _log.warning(
                "documents.glyphs_missing",
                document_id=str(self._document.document_id),
                code_points=[f"U+{ord(each):04X}" for each in self._missing],
            )
        self._foot()
        self._canvas.showPage()
        self._canvas.save()
        return self._out.getvalue()

    def _begin(self) -> None:
        self._frame()
        self._y = _HEIGHT - _MARGIN - 20 * mm
        self._centred(self._document.title.zh, 26)
        self._centred(self._document.title.en, 13)
        self._y -= 3 * mm
        self._centred(self._document.number, 15)
        self._y -= 6 * mm

    def _frame(self) -> None:
        for inset, line in ((12 * mm, 1.4), (13.6 * mm, 0.4)):
            self._canvas.setLineWidth(line)
            self._canvas.rect(inset, inset, _WIDTH - 2 * inset, _HEIGHT - 2 * inset)

    def _next_page(self) -> None:
        self._foot()
        self._canvas.showPage()
        self._frame()
        self._y = _HEIGHT - _MARGIN - 8 * mm

    def _centred(self, text: str, size: float) -> None:
        for line in self._wrapped(text, size, _WIDTH - 2 * _MARGIN):
            self._put((_WIDTH - fonts.width(line, size)) / 2, line, size)
            self._y -= size * 1.5

    def _row(self, label: Names, value: str) -> None:
        left, right = _MARGIN, _MARGIN + _LABEL
        labels = [
            (line, size)
            for text, size in ((label.zh, 10.5), (label.en, 8))
            for line in self._wrapped(text, size, _LABEL - 3 * mm)
        ]
        lines = [
            line
            for part in value.splitlines()
            for line in (list(self._wrapped(part, 11, _WIDTH - _MARGIN - right)) or [""])
        ]
        if self._y - 16 * max(len(labels), len(lines)) < _FOOT and self._y < _HEIGHT / 2:
            self._next_page()
        for each in range(max(len(labels), len(lines))):
            if self._y < _FOOT:
                self._next_page()
            if each < len(labels):
                self._put(left, *labels[each])
            if each < len(lines):
                self._put(right, lines[each], 11)
            self._y -= 15
        self._y -= 5

    def _says(self, text: str) -> None:
        for line in self._wrapped(text, 8, _WIDTH - 2 * _MARGIN):
            self._put(_MARGIN, line, 8)
            self._y -= 11

    def _foot(self) -> None:
        made = segno.make(self._code, error="m", micro=False, boost_error=False)
        rows = [bytes(row) for row in made.matrix]
        module = _QR / len(rows)
        left, bottom = _MARGIN, _BOTTOM
        for down, row in enumerate(rows):
            for along, dark in enumerate(row):
                if dark:
                    y = bottom + (len(rows) - 1 - down) * module
                    self._canvas.rect(left + along * module, y, module, module, stroke=0, fill=1)
        kept, self._y = self._y, bottom + _QR - 8
        beside = left + _QR + 8 * mm
        edition = self._document.edition
        issued = f"{self._document.issued_at:%Y-%m-%d %H:%M} UTC · 第 {edition} 版 / edition {edition}"
        said = [(self._document.issuer.names.zh, 13), (self._document.issuer.names.en, 9.5), (issued, 8)]
        for text, size in (*said, *((note, 8) for note in _NOTE), (self._document.status_at, 7)):
            for line in self._wrapped(text, size, _WIDTH - _MARGIN - beside):
                self._put(beside, line, size)
                self._y -= size * 1.45
        self._y = kept

    def _wrapped(self, text: str, size: float, room: float) -> Iterator[str]:
        shown, missing = fonts.shown(text)
        self._missing |= dict.fromkeys(missing)
        line = ""
        for piece in _pieces(shown, size, room):
            if line and fonts.width(line + piece.rstrip(), size) > room:
                yield line.rstrip()
                line = piece.lstrip()
            else:
                line += piece
        if line.strip():
            yield line.rstrip()

    def _put(self, x: float, text: str, size: float) -> None:
        for name, piece in fonts.runs(text):
            self._canvas.setFont(name, size)
            self._canvas.drawString(x, self._y, piece)
            x += self._canvas.stringWidth(piece, name, size)


def _lines(document: IssuedDocument) -> Iterator[tuple[Names, str]]:
    """What the page says, line by line."""
    holder, words = document.holder, _DECIDED if document.kind == DECISION else _GRANTED
    yield words["holder"], holder.name
    if _CREDIT_CODE.fullmatch(holder.identity):  # a person's number is known as a hash alone, which says nothing
        yield Names(zh="统一社会信用代码", en="Unified social credit code"), holder.identity
    yield words["scope"], document.scope
    if document.covers:
        yield words["covers"], " ".join(document.covers)
    yield from ((each.label, each.value) for each in document.particulars)
    until = str(document.valid_until) if document.valid_until else _UNTIL_ENDED
    yield Names(zh="有效期", en="Valid"), f"{document.valid_from} – {until} ({document.time_zone})"
    yield Names(zh="依据", en="Legal basis"), "; ".join(document.legal_basis)
    yield Names(zh="签发机关", en="Issued by"), f"{document.issuer.names.zh} · {document.issuer.names.en}"


def _pieces(text: str, size: float, room: float) -> Iterator[str]:
    """What a line is not broken inside: words, and signs with the mark that may not begin a line."""
    found: list[str] = []
    for piece in _WORD.findall(text):
        parts: Sequence[str] = [piece] if fonts.width(piece, size) <= room else _cut(piece, size, room)
        if found and piece in _NO_BEGINNING:
            found[-1] += piece
        else:
            found.extend(parts)
    return iter(found)


def _cut(word: str, size: float, room: float) -> list[str]:
    """A word too long for any line, in parts that fit."""
    parts = [""]
    for character in word:
        if parts[-1] and fonts.width(parts[-1] + character, size) > room:
            parts.append("")
        parts[-1] += character
    return parts
