"""XLSX files as tests want them: written part by part, so that what no program would write can be written, too."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="notes" sheetId="1" state="hidden" r:id="rId9"/><sheet name="sites" sheetId="2" r:id="rId1"/>'
    "</sheets></workbook>"
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="x" Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="rId9" Type="x" Target="worksheets/sheet9.xml"/></Relationships>'
)
STYLES = (
    '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="000000"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>'
)
DATE, SIX_DIGITS, OWN_DATE = "1", "2", "3"
"""Places in ``cellXfs``."""


def text(value: str) -> str:
    """A cell that holds a text."""
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def number(value: str, style: str = "0") -> str:
    """A cell that holds a number."""
    return f'<c s="{style}"><v>{value}</v></c>'


def sheet(rows: Sequence[Sequence[str]]) -> str:
    """A sheet of cells; a plain text is a text cell."""
    lines = (f"<row>{''.join(each if each.startswith('<c') else text(each) for each in row)}</row>" for row in rows)
    return f"<worksheet><sheetData>{''.join(lines)}</sheetData></worksheet>"


def workbook(rows: Sequence[Sequence[str]] = (), parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """A file; ``parts`` are put in as they are, in place of ours."""
    held: dict[str, str | bytes] = {
        "xl/workbook.xml": BOOK, "xl/_rels/workbook.xml.rels": RELATIONS, "xl/styles.xml": STYLES,
        "xl/worksheets/sheet1.xml": sheet(rows), **(parts or {}),
    }  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in held.items():
            file.writestr(name, content)
    return out.getvalue()
