"""Who reads a page, as far as a page must know: HTML or JSON, in which language."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query, Request

from shared.pages.language import Language, language_of, prefers_html


@dataclass(frozen=True, slots=True)
class Reader:
    """How to answer. ``root_path``: where a proxy has put the service."""

    html: bool
    language: Language
    root_path: str = ""


async def reader(
    request: Request,
    lang: Annotated[str | None, Query(max_length=35, description="`zh` or `en`; else Accept-Language decides")] = None,
    accept: Annotated[str, Header(description="`text/html` gives the page")] = "",
    accept_language: Annotated[str, Header()] = "",
) -> Reader:
    """What the request says."""
    return Reader(prefers_html(accept), language_of(lang, accept_language), request.scope.get("root_path", ""))


Reading = Annotated[Reader, Depends(reader)]
"""Parameter of an endpoint that answers with a page."""
