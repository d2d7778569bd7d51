"""What a text, a date and a body from outside may be."""

from datetime import date, datetime
from importlib import import_module
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter, ValidationError

from shared.contracts.base import Body, Citation, Reasons, Text
from shared.runtime.process.service import Service
from shared.runtime.web.media import MediaType

TEXT, REASONS, CITATION = TypeAdapter(Text), TypeAdapter(Reasons), TypeAdapter(Citation)


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2Jnothing", "a\nb", "a\rb", "a\tb", "a\0b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "京\u202e备",
        "a\u2066b", "\u200b", "\u200b\u200d\ufeff", "\u3164", "\u2800\u2800", " \u00a0 ", "", "\ud800",
    ],
)  # fmt: skip
def test_a_text_is_one_line_that_shows_what_it_says(text: str) -> None:
    for kind in (TEXT, CITATION):
        with pytest.raises(ValidationError):
            kind.validate_python(text)


@pytest.mark.parametrize(
    "text", ["北京药房网", "Ünïcode naïve", "a b", "ｆｕｌｌ　ｗｉｄｔｈ", "👩‍⚕️ pharmacy", "می‌خواهم", "x" * 500]
)
def test_names_of_every_script_are_texts(text: str) -> None:
    assert TEXT.validate_python(f"  {text} ") == text


@pytest.mark.parametrize(
    "text",
    [
        "\u200b" * 10, "\u200b" * 5000 + "short", "x" + "\u2800" * 20, "a" + " " * 30 + "b", "a good reason \x1b[0m",
        "a good reason\rover", "a good\u202e reason", "a good reason\x0cand more", "a good reason\n\u200b\nand more",
    ],
)  # fmt: skip
def test_reasons_are_ten_characters_that_can_be_read(text: str) -> None:
    with pytest.raises(ValidationError):
        REASONS.validate_python(text)


@pytest.mark.parametrize(
    "text", ["未经许可销售处方药，情节严重", "First.\nSecond.\n\n\tThird.", "First line.\r\nSecond line.", "x" * 20_000]
)
def test_reasons_may_have_lines(text: str) -> None:
    assert REASONS.validate_python(text) == text


def test_a_date_without_bounds_is_a_mistake_in_a_body() -> None:
    for kind in (datetime, date, datetime | None, list[date], dict[str, datetime]):
        with pytest.raises(TypeError, match="Moment or a Day"):
            type("Wrong", (Body,), {"__annotations__": {"at": kind}, "__module__": __name__})


@pytest.mark.parametrize(
    ("text", "essence", "charset", "again"),
    [
        ("text/plain; charset=gbk", "text/plain", "gbk", "text/plain; charset=gbk"),
        ("Text/HTML;Charset=\"GB18030\"", "text/html", "gb18030", "text/html; charset=GB18030"),
        ("text/csv; header=present ; charset=utf-8", "text/csv", "utf-8", "text/csv; header=present; charset=utf-8"),
        ("image/png", "image/png", None, "image/png"),
        ("image/png;", "image/png", None, "image/png"),
        ('multipart/x; boundary="a b;c"', "multipart/x", None, 'multipart/x; boundary="a b;c"'),
    ],
)  # fmt: skip
def test_a_media_type_keeps_its_parameters(text: str, essence: str, charset: str | None, again: str) -> None:
    parsed = MediaType.parse(text)
    assert parsed is not None
    assert (parsed.essence, parsed.charset, str(parsed)) == (essence, charset, again)


@pytest.mark.parametrize(
    "text",
    ["", "text", "text/", "/plain", "text/plain; charset", "text/plain; charset=a; charset=b", "a b/c",
     "a/b; c=d\r\nX: y", "text/plain; charset=" + "x" * 300, 'a/b; c="d', "a/b, c/d"],
)  # fmt: skip
def test_what_is_no_media_type_is_none(text: str) -> None:
    assert MediaType.parse(text) is None


@pytest.mark.parametrize("name", ["registry", "approval", "enforcement", "access_control", "query"])
def test_every_body_of_every_service_is_strict(name: str) -> None:
    service: Service = import_module(f"{name}.main").SERVICE
    lax: set[type] = set()
    for router in service.routers:
        for context in iter_route_contexts(router.routes):
            route: Any = context.original_route
            assert isinstance(route, APIRoute)
            for field in route.dependant.body_params:
                kinds = get_args(field.field_info.annotation) or (field.field_info.annotation,)
                lax |= {kind for kind in kinds if kind is not type(None) and not issubclass(kind, Body)}
    assert lax == set()
