"""What a page shows is looked at as pixels and as text: rare characters, a QR code that says the right thing."""

import re
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import segno
from structlog.testing import capture_logs

from shared.contracts.documents import IssuedDocument
from shared.documents import fonts, rendering, signed
from tests.unit.documents.test_signed import KEYS, SIGNER, document

RARE = "𠮷䶮㛃"
NAME = f"北京{RARE}大药房有限公司"
SCALE = 3


def page_of(code: str | None = None, **changes: Any) -> bytes:
    made = document(**changes)
    return rendering.pdf(made, signed.sign(made, SIGNER), code=code or made.status_at)


def text_of(page: bytes) -> str:
    opened = pypdfium2.PdfDocument(page)
    return "\n".join(each.get_textpage().get_text_range() for each in opened)


def holder(name: str) -> dict[str, Any]:
    return {"holder": {"identity": "91110000MA0000000H", "name": name}}


def test_it_says_everything_in_both_languages_and_can_be_copied() -> None:
    text = text_of(page_of(**holder(NAME)))
    said = IssuedDocument.EXAMPLE
    for expected in (
        NAME, said["title"]["zh"], said["title"]["en"], said["number"], said["scope"], "pharmacy.example",
        "91110000MA0000000H", "2026-11-22 – 2029-11-22", said["issuer"]["names"]["zh"],
        said["issuer"]["names"]["en"], "服务项目", "Service item", "药品和医疗器械", "edition 1",
    ):  # fmt: skip
        assert expected in text


@pytest.mark.parametrize("character", RARE)
def test_a_rare_character_is_drawn_and_each_differs_from_the_others(character: str) -> None:
    drawn = {}
    for each in (character, *(set(RARE) - {character}), "口"):
        picture = pypdfium2.PdfDocument(page_of(**holder(each)))[0].render(scale=SCALE, grayscale=True).to_pil()
        drawn[each] = picture.tobytes()
        assert picture.getextrema()[0] < 60
    assert len(set(drawn.values())) == len(drawn)
    assert fonts.font_of(character) is not None


def test_fonts_are_embedded_as_subsets() -> None:
    page = page_of(**holder(NAME))
    names = set(re.findall(rb"/BaseFont /([A-Z]{6}\+[\w-]+)", page))
    assert {name.split(b"+")[1] for name in names} == {b"NotoSansSC-Regular", b"NotoSansJP-Regular"}
    assert page.count(b"/FontFile2") >= len(names)
    assert len(page) < 100_000


def test_a_character_that_no_font_has_is_shown_by_its_code_point_and_logged() -> None:
    unknown = "\U0002a6d6"
    assert fonts.font_of(unknown) is None
    with capture_logs() as logs:
        text = text_of(page_of(**holder(f"甲{unknown}乙")))
    assert "甲[U+2A6D6]乙" in text
    assert "U+2A6D6" in text.split("code points")[1]
    assert [log["code_points"] for log in logs if log["event"] == "documents.glyphs_missing"] == [["U+2A6D6"]]


def test_the_qr_code_says_what_it_is_given() -> None:
    code = "https://approval.example/documents/3f0c2a9e-5d0b-4c53-9f0e-6a1f6f1f7a10"
    picture = pypdfium2.PdfDocument(page_of(code))[0].render(scale=SCALE, grayscale=True).to_pil()
    rows = [bytes(row) for row in segno.make(code, error="m", micro=False, boost_error=False).matrix]
    module = rendering._QR / len(rows)
    height = picture.size[1] / SCALE
    bottom = rendering._BOTTOM
    for down, row in enumerate(rows):
        for along, dark in enumerate(row):
            x = rendering._MARGIN + (along + 0.5) * module
            y = height - (bottom + (len(rows) - down - 0.5) * module)
            seen = picture.getpixel((round(x * SCALE), round(y * SCALE)))
            assert (seen < 128) == bool(dark), (down, along)


def test_the_page_carries_what_was_signed() -> None:
    made = document(**holder(NAME))
    jws = signed.sign(made, SIGNER)
    page = rendering.pdf(made, jws, code=made.status_at)
    assert signed.embedded(page) == jws
    assert signed.read(signed.embedded(page) or "", KEYS).document == made
    assert signed.embedded(b"%PDF-1.4 something else") is None


def test_the_same_document_gives_the_same_bytes() -> None:
    assert page_of(**holder(NAME)) == page_of(**holder(NAME))


def test_long_texts_go_on_over_pages_and_lose_nothing() -> None:
    names = [f"shop{number:03}.pharmacy.example" for number in range(250)]
    page = page_of(covers=names, scope="销售药品，" * 90)
    text = text_of(page)
    assert len(pypdfium2.PdfDocument(page)) > 1
    assert [name for name in names if name not in text] == []
    assert text.replace("\r\n", "").replace("Scope", "").count("销售药品") == 90
    assert not re.search(r"[\r\n]，", text), "no line begins with a comma"


def test_a_word_longer_than_a_line_is_cut_and_not_lost() -> None:
    name = "i" * 63 + "." + "w" * 63 + "." + "m" * 63 + ".example"
    page = page_of(covers=[name])
    assert name in re.sub(r"[\r\n]+(Names covered *)?", "", text_of(page))
    picture = pypdfium2.PdfDocument(page)[0].render(scale=1, grayscale=True).to_pil()
    margin = picture.crop((picture.size[0] - 55, 60, picture.size[0] - 42, picture.size[1] - 60))
    assert margin.getextrema()[0] > 200, "nothing runs over the edge"


def test_of_a_person_the_hash_of_the_number_is_not_printed() -> None:
    text = text_of(page_of(holder={"identity": "p:" + "ab" * 16, "name": "张三"}))
    assert "张三" in text
    assert "abab" not in text


def test_the_licence_of_the_fonts_lies_beside_them() -> None:
    folder = Path(fonts.__file__).parent / "typefaces"
    assert "SIL Open Font License" in (folder / "OFL.txt").read_text()
    assert {path.name for path in folder.glob("*.xz")} == {f"{name}.ttf.xz" for name in fonts._FILES}
