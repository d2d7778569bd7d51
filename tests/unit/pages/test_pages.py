"""Pages of every service: both languages complete, no stranger's word becomes markup, readable by everybody."""

import re
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import UndefinedError
from jinja2.ext import babel_extract

from query.public.pages import ORDERS
from query.readmodel import lifecycle
from shared import pages
from shared.pages.assets import STYLESHEET
from shared.pages.catalogue import catalogue
from shared.pages.language import Language, language_of, prefers_html
from shared.pages.render import HEADERS, Pages
from shared.rules.effects import Effect

ROOT = Path(__file__).parents[3]
TEMPLATES = [
    path for path in ROOT.glob("*/**/templates/*.html") if ".venv" not in path.parts and "build" not in path.parts
]
CSS = (Path(pages.__file__).parent / "static" / "pages.css").read_text(encoding="utf-8")
VOID = {"meta", "link", "br", "img", "input", "hr"}


APPEALS = ("filed", "overdue", "upheld", "rejected", "withdrawn")


def texts_of_templates() -> Iterator[str]:
    for path in TEMPLATES:
        for _, _, message, _ in babel_extract(BytesIO(path.read_bytes()), ["_", "ngettext"], [], {}):
            said = message[0] if isinstance(message, tuple) else message
            assert said is not None
            yield said


def texts(language: Language) -> dict[tuple[str | None, str], Any]:
    return {
        (each.context, each.id if isinstance(each.id, str) else each.id[0]): each.string
        for each in catalogue(language)
        if each.id
    }


def test_every_text_of_a_template_stands_in_both_catalogues() -> None:
    used = {(None, text) for text in texts_of_templates()}
    assert len(used) > 20
    for language in Language:
        plain = {key for key in texts(language) if key[0] is None}
        assert plain == used


def test_both_catalogues_have_the_same_texts_and_none_is_empty() -> None:
    chinese, english = (texts(language) for language in Language)
    assert chinese.keys() == english.keys()
    for text in [*chinese.values(), *english.values()]:
        assert all(text if isinstance(text, tuple | list) else [text])


def test_placeholders_are_the_same_in_every_language() -> None:
    for language in Language:
        for (_, text), said in texts(language).items():
            for form in said if isinstance(said, tuple | list) else [said]:
                assert set(re.findall(r"%\(\w+\)\w", form)) == set(re.findall(r"%\(\w+\)\w", text))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("hosting", lifecycle.PRECEDENCE),
        ("order step", lifecycle.STEPS.values()),
        ("order", lifecycle.DOWN | lifecycle.UP | set(ORDERS)),
        ("site status", ("live", "stopped", "revoked", "lapsed", "ended")),
        ("registration status", ("active", "lapsed", "ended")),
        ("problem", ("unknown_mark", "mark_malformed")),
        ("effect", Effect),
        ("measure status", ("in_force", "suspended", "ended", "lapsed", "overturned")),
        ("undone because", ("overturned", "suspended", "lapsed", "lifted")),
        ("appeal status", APPEALS),
        ("order answer", ("upheld", "rejected", "accepted")),
        ("event", ("carried_out", "undone", *(f"appeal_{each}" for each in APPEALS))),
    ],
)
def test_every_word_of_the_data_has_its_words(kind: str, words: Any) -> None:
    for language in Language:
        for word in words:
            assert (kind, word) in texts(language)


def test_a_misspelt_name_in_a_template_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(UndefinedError):
        Pages("query.public").html("problem.html", Language.EN, stylesheet="", place="")


def test_what_is_given_is_escaped() -> None:
    problem = SimpleNamespace(code="entry_not_found", detail="<script>alert(1)</script>")
    html = Pages("query.public").html("problem.html", Language.EN, stylesheet="", place="<b>", problem=problem)
    assert "<script" not in html
    assert "<b>" not in html


def test_the_policy_allows_one_stylesheet_and_nothing_else() -> None:
    directives = dict(each.split(" ", 1) for each in HEADERS["Content-Security-Policy"].split("; "))
    assert directives == {
        "default-src": "'none'", "style-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
        "frame-ancestors": "'none'",
    }  # fmt: skip
    for path in TEMPLATES:
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|\|\s*safe|autoescape", source), path
    assert "@import" not in CSS
    assert "url(" not in CSS


def test_a_proxys_prefix_is_before_the_stylesheets_address() -> None:
    problem = SimpleNamespace(code="entry_not_found", detail="")
    answer = Pages("query.public").response(
        "problem.html", Language.ZH, status=404, root_path="/query", problem=problem, place=""
    )
    assert answer.status_code == 404
    assert f'href="/query{STYLESHEET}"'.encode() in bytes(answer.body)
    assert answer.headers["content-language"] == "zh-CN"


class _Outline(HTMLParser):
    """Headings, open elements, tables without captions, headers without scope."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.open: list[str] = []
        self.tables = self.captions = self.unscoped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.unscoped += tag == "th" and "scope" not in dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", Language)
def test_components_are_well_formed_and_say_what_they_are(language: Language) -> None:
    html = Pages("tests.unit.pages").html("sample.html", language, stylesheet="", given=SAMPLE, items=list)
    outline = _Outline()
    outline.feed(html)
    assert outline.open == []
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert (outline.tables, outline.captions, outline.unscoped) == (1, 1, 0)
    assert f'<html lang="{language.tag}">' in html
    assert f'href="?lang={language.other}"' in html
    assert ("书面提出" in html, "In writing" in html) == (language is Language.ZH, language is Language.EN)
    for said in ("仅供测试", "For tests", "Redacted &lt;b&gt;", "2026-11-22 12:00:00 (UTC+8)", "name of a patient"):
        assert said in html


_NAMES = SimpleNamespace(zh="仅供测试", en="For tests")
_AT = datetime.fromisoformat("2026-11-22T04:00:00Z")
_STATED = SimpleNamespace(legal_basis=["One", "Two"], public_reasons="Redacted <b>", redacted=["name of a patient"])
SAMPLE = SimpleNamespace(
    **vars(_STATED), effect="revoke", status="overturned", since=_AT, until=_AT, service_item="an item",
    authority=_NAMES, regulator=_NAMES, decision_id="d",
    redress=SimpleNamespace(body=_NAMES, how="In writing", how_zh="书面提出", within_days=1),
    undone=SimpleNamespace(because="overturned", authority=_NAMES, statement=_STATED, at=_AT),
    appeals=[SimpleNamespace(
        status="upheld", body=_NAMES, filed_at=_AT, due_at=_AT, decided_at=_AT, statement=_STATED,
    )],
    orders=[SimpleNamespace(order_id="o", action="restore", status="executed", at=_AT, undoes="o")],
)  # fmt: skip


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("ink", "paper", "least"),
    [
        ("ink", "paper", 7), ("quiet", "paper", 4.5), ("link", "paper", 4.5), ("ink", "shade", 7),
        ("alert", "shade", 4.5), ("line", "paper", 3),
    ],
)  # fmt: skip
def test_contrast_is_enough_to_read(ink: str, paper: str, least: float) -> None:
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", CSS))
    dark, light = sorted((_luminance(colours[ink]), _luminance(colours[paper])))
    assert (light + 0.05) / (dark + 0.05) >= least
    assert not re.search(r"(?<!: )#[0-9a-fA-F]{3,8}\b", CSS.split("}", 1)[1])  # no colour but the variables


def test_a_page_can_be_printed() -> None:
    assert "@media print" in CSS


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [
        (None, "", "zh"), (None, "*", "zh"), (None, "de, fr;q=0.5", "zh"), (None, "en", "en"),
        (None, "en-AU, zh;q=0.9", "en"), (None, "zh-Hant-TW, en;q=0.5", "zh"), (None, "en;q=0.3, zh;q=0.8", "zh"),
        (None, "en;q=nonsense", "zh"), ("en", "zh", "en"), ("zh", "en", "zh"), ("EN", "en", "en"), ("de", "en", "en"),
        ("", "", "zh"),
    ],
)  # fmt: skip
def test_the_language_is_the_readers(asked: str | None, header: str, language: str) -> None:
    assert language_of(asked, header) == language


def test_who_prefers_html_gets_it() -> None:
    assert prefers_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    assert not prefers_html("*/*")
    assert not prefers_html("")
    assert not prefers_html("application/json, text/html;q=0.5")
    assert not prefers_html("text/html;q=zero")
