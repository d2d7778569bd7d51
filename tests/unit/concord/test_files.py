"""Files people hand us: what is read, and what is said of those that cannot be."""

import json
from pathlib import Path

import pytest

from concord.files import DEEPEST, BadFile, chunks, decoded, json_object, lines, read, text

GBK = '{"name": "某某公司"}'.encode("gb18030")


def put(folder: Path, content: bytes) -> Path:
    file = folder / "given.json"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GBK, "looks like GBK or GB18030.*iconv"),
        ('{"name": "某"}'.encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is binary"),
        (b"PK\x03\x04\x14\xff\xff\xff", "is binary"),
        (b'{"a": "\0"}', "is binary"),
        (b'{"a": "caf\xe9"}', r"is not UTF-8 \(byte 10\)"),
        (b"{not json", "is not JSON"),
        (b"", "is not JSON"),
        (b"[]", "one JSON object"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "is not JSON"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper"),
        (b'{"a":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}", "nested deeper"),
    ],
)
def test_a_body_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = put(tmp_path, content)
    with pytest.raises(BadFile, match=said) as caught:
        json_object(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_does_no_harm_and_members_may_have_any_name(tmp_path: Path) -> None:
    body = {"self": 1, "path": {"某": [None, True, 1.5, "\U0001f600"]}}
    assert json_object(put(tmp_path, b"\xef\xbb\xbf" + json.dumps(body).encode())) == body
    deep = b'{"a":' + b"[" * (DEEPEST - 2) + b"]" * (DEEPEST - 2) + b"}"
    assert list(json_object(put(tmp_path, deep))) == ["a"]


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    for file, said in ((tmp_path / "none", "No such file"), (tmp_path, "directory")):
        for reader in (read, text, lines, json_object, lambda file: list(chunks(file, 10))):
            with pytest.raises(BadFile, match=said):
                reader(file)


def test_a_file_is_never_read_beyond_the_limit(tmp_path: Path) -> None:
    assert read(put(tmp_path, b"12345"), most=5) == b"12345"
    with pytest.raises(BadFile, match="larger than"):
        read(put(tmp_path, b"123456"), most=5)
    with pytest.raises(BadFile, match="larger than"):
        read(Path("/dev/zero"), most=5)


def test_lines_are_stripped_and_blank_ones_left_out(tmp_path: Path) -> None:
    assert lines(put(tmp_path, "\ufeff a.example \r\n\r\n茶.example".encode())) == ["a.example", "茶.example"]


def test_the_beginning_of_a_file_may_end_in_the_middle_of_a_character() -> None:
    whole = "茶馆".encode()
    assert decoded(whole[:-1], "f", whole=False) == "茶"
    with pytest.raises(BadFile):
        decoded(whole[:-1], "f")
    with pytest.raises(BadFile, match="GB18030"):
        decoded("某某公司".encode("gbk")[:-1], "f", whole=False)
