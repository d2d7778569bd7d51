"""What bytes begin as."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules.media import HEAD, Signature, begins_as

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w") as archive:
    archive.writestr("x.txt", "x")


@pytest.mark.parametrize(("head", "expected"), [
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", Signature.PDF),
    (PNG, Signature.PNG),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", Signature.JPEG),
    (b"GIF89a\x01\x00", Signature.GIF),
    (b"RIFF\x24\x00\x00\x00WEBPVP8 ", Signature.WEBP),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
    (b"II*\x00\x08\x00\x00\x00", Signature.TIFF),
    (b"\x00\x00\x00\x18ftypmp42", Signature.MP4),
    (ZIP.getvalue(), Signature.ZIP),
    (b"PK\x05\x06" + bytes(18), Signature.ZIP),
    ("处方".encode(), Signature.TEXT),
    ("处方".encode("gbk"), Signature.TEXT),
    ("处方".encode("utf-16"), Signature.TEXT),
    (b"a,b\r\n1,2\r\n", Signature.TEXT),
    (b"<!doctype html><title>x</title>", Signature.TEXT),
    (b"MZ\x90\x00\x03\x00", None),
    (b"\x7fELF\x02\x01\x01\x00", None),
    (b"\x1f\x8b\x08\x00", None),
    (b"x\x00y", None),
    (b" %PDF-1.7", Signature.TEXT),
], ids=range(20))  # fmt: skip
def test_the_first_bytes_say_what_a_file_is(head: bytes, expected: Signature | None) -> None:
    assert begins_as(head) == expected


@given(st.binary(max_size=HEAD), st.binary(max_size=HEAD))
def test_what_follows_the_beginning_of_a_known_kind_changes_nothing(rest: bytes, other: bytes) -> None:
    """A polyglot is what it begins as, and served as nothing else."""
    for beginning in (PNG, b"%PDF-1.7\n", b"PK\x03\x04", b"\xff\xd8\xff"):
        assert begins_as(beginning + rest) == begins_as(beginning + other) != Signature.TEXT


@given(st.text(st.characters(exclude_categories=["C"]), max_size=200))
def test_text_without_control_characters_is_text_unless_it_begins_as_something_else(text: str) -> None:
    assert begins_as(text.encode()) in {Signature.TEXT, Signature.PDF, Signature.GIF, Signature.MP4}
