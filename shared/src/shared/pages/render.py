"""Renders pages from templates: what others wrote is always escaped, and what a template misspells is an error."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from fastapi import Response
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from shared.pages.assets import STYLESHEET
from shared.pages.catalogue import translations
from shared.pages.language import Language

HEADERS: Final[Mapping[str, str]] = {
    # No script at all, and nothing from elsewhere: not even an own image or an inline style.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept, Accept-Language",
}
_CHINA: Final = ZoneInfo("Asia/Shanghai")


class Names(Protocol):
    """A name in both languages."""

    zh: str
    en: str


class Pages:
    """The pages of one service. ``package``: where its ``templates`` folder is."""

    def __init__(self, package: str) -> None:
        loader = ChoiceLoader([PackageLoader(package), PackageLoader("shared.pages")])
        self._environments = {language: _environment(loader, language) for language in Language}

    def html(self, template: str, language: Language, **given: Any) -> str:
        """A page as text. Raises UndefinedError if the template names something that is not given."""
        return self._environments[language].get_template(template).render(given)

    def response(
        self, template: str, language: Language, *, status: int = 200, root_path: str = "", **given: Any
    ) -> Response:
        """A page as an answer. ``root_path``: where a proxy has put the service."""
        text = self.html(template, language, stylesheet=root_path + STYLESHEET, **given)
        headers = {**HEADERS, "Content-Language": language.tag}
        return Response(text, status, media_type="text/html; charset=utf-8", headers=headers)


def _environment(loader: ChoiceLoader, language: Language) -> Environment:
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    spoken = translations(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        spoken.ugettext, spoken.ungettext, newstyle=True, pgettext=spoken.upgettext, npgettext=spoken.unpgettext
    )
    environment.globals |= {"language": language}
    environment.filters |= {"word": lambda code, kind: spoken.upgettext(kind, code), "moment": moment}
    environment.filters["name"] = lambda names: getattr(names, language)
    return environment


def moment(at: datetime) -> str:
    """A time as people here write it."""
    return f"{at.astimezone(_CHINA):%Y-%m-%d %H:%M:%S} (UTC+8)"
