"""The public register's entry as a page. Pages of suspended sites (HTTP 451) link to it."""

from collections.abc import Awaitable, Iterator
from datetime import datetime
from typing import Any, Final

from fastapi import Response

from query.errors import AddressesAreOfficial, EntryNotFound, KeyMalformed
from shared.contracts.http.register import EventView, RegisterEntry
from shared.pages.catalogue import translations
from shared.pages.language import Language
from shared.pages.reader import Reader
from shared.pages.render import Pages
from shared.rules.profile import chosen

PAGES: Final = Pages("query.public")
ORDERS: Final = ("cut_off", "suspend", "restore")


async def answer(reader: Reader, asked: Awaitable[RegisterEntry]) -> Response:
    """The entry, or what is wrong with asking for it, as a page for who prefers one, else as JSON."""
    if not reader.html:
        entry = await asked
        return Response(as_json(entry), media_type="application/json", headers={"Vary": "Accept"})
    try:
        entry = await asked
    except (AddressesAreOfficial, EntryNotFound, KeyMalformed) as problem:
        place = translations(reader.language).ugettext("Public register of sites")
        return PAGES.response(
            "problem.html",
            reader.language,
            status=problem.status,
            root_path=reader.root_path,
            problem=problem,
            place=place,
        )
    return PAGES.response(
        "register.html", reader.language, root_path=reader.root_path, **_given(entry, reader.language)
    )


def as_json(entry: RegisterEntry) -> bytes:
    """The entry for machines."""
    return entry.model_dump_json(exclude_unset=True).encode()


def html(entry: RegisterEntry, language: Language) -> str:
    """The entry as a page; the language decides."""
    return PAGES.html("register.html", language, stylesheet="", **_given(entry, language))


def _given(entry: RegisterEntry, language: Language) -> dict[str, Any]:
    """What the template needs beside the entry: names from the rule profile in one language, events in words."""
    rules = chosen()
    region = rules.provinces.get(entry.registration.region) if entry.registration is not None else None
    items = rules.service_items

    def named(codes: list[str]) -> list[str]:
        return [_in(language, items[code]) if code in items else code for code in codes]

    return {
        "entry": entry,
        "region": _in(language, region) if region else entry.registration and entry.registration.region,
        "items": named,
        "events": list(_events(entry.history, language)),
    }


def _in(language: Language, named: object) -> str:
    return str(getattr(named, "chinese" if language is Language.ZH else "english"))


def _events(history: list[EventView], language: Language) -> Iterator[tuple[datetime, str, str, datetime | None]]:
    """Rows of the table of events: ``cut_off_executed`` is an order's kind and its step."""
    word = translations(language).upgettext
    for event in history:
        order = next((each for each in ORDERS if event.what.startswith(f"{each}_")), None)
        said = word("event", event.what)
        if order is not None:
            said = f"{word('order', order)}: {word('order step', event.what.removeprefix(f'{order}_'))}"
        if event.answer is not None:
            said = f"{said} ({word('order answer', event.answer)})"
        yield event.at, said, event.about, event.providers_time
