"""The mark of a registration: to whoever may read it, and to everybody who meets it on a site."""

import asyncio
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Response

from registry.errors import MarkMalformed, UnknownMark
from registry.service import marks
from shared.contracts.http.marks import MarkStatusView, MarkView
from shared.documents import codes
from shared.documents.marks import LONGEST
from shared.pages.catalogue import translations
from shared.pages.reader import Reader, Reading
from shared.pages.render import Pages
from shared.runtime.acts.runtime import Runtime
from shared.runtime.web.door import PUBLIC, Rt, Who, router

ROUTER: Final[APIRouter] = router()
PAGES: Final = Pages("shared.pages")
_ALIKE: Final = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
                 "Content-Security-Policy": "default-src 'none'; sandbox"}  # fmt: skip


@ROUTER.get("/registrations/{registration_id}/mark", tags=["marks"])
async def mark(rt: Rt, who: Who, registration_id: UUID) -> MarkView:
    """The mark its sites can show; signed anew where what it says has changed."""
    async with rt.db.transaction() as tx:
        kept = await marks.current(tx, rt, who, registration_id)
    required = rt.rules.registrations.marks_required
    return MarkView(mark=kept.content, token=kept.jws, address=_address(rt, kept.jws), required=required)


@ROUTER.get("/registrations/{registration_id}/mark.svg", response_class=Response, tags=["marks"])
async def mark_svg(rt: Rt, who: Who, registration_id: UUID) -> Response:
    """The QR code of the mark, which says its address, as a picture that scales."""
    return Response(await asyncio.to_thread(codes.svg, await _code(rt, who, registration_id)),
                    media_type="image/svg+xml", headers=_ALIKE)  # fmt: skip


@ROUTER.get("/registrations/{registration_id}/mark.png", response_class=Response, tags=["marks"])
async def mark_png(rt: Rt, who: Who, registration_id: UUID) -> Response:
    """The same, as PNG."""
    return Response(await asyncio.to_thread(codes.png, await _code(rt, who, registration_id)),
                    media_type="image/png", headers=_ALIKE)  # fmt: skip


@ROUTER.get(
    "/marks/{token}",
    openapi_extra=PUBLIC,
    tags=["marks"],
    response_class=Response,
    responses={200: {"model": MarkStatusView, "content": {"text/html": {"schema": {"type": "string"}}}}},
)
async def met(rt: Rt, reading: Reading, token: Annotated[str, Path(max_length=LONGEST)]) -> Response:
    """What is so now of the registration whose mark you met on a site. A mark that we did not sign is not found.

    JSON, or a page in Chinese or English for who prefers `text/html`: a telephone that read the QR code.
    """
    try:
        async with rt.db.connection() as tx:
            shown = MarkStatusView.model_validate(await marks.show(tx, rt, token))
    except (UnknownMark, MarkMalformed) as problem:
        return _problem(reading, problem)
    answer = _page(reading, shown) if reading.html else _json(shown)
    answer.headers["Cache-Control"] = "public, max-age=60"
    return answer


def _json(shown: MarkStatusView) -> Response:
    return Response(shown.model_dump_json(), media_type="application/json", headers={"Vary": "Accept"})


def _page(reading: Reader, shown: MarkStatusView) -> Response:
    return PAGES.response("mark.html", reading.language, root_path=reading.root_path, shown=shown)


def _problem(reading: Reader, problem: UnknownMark | MarkMalformed) -> Response:
    """What is wrong with a mark, as a page for who prefers one. Raises it for everybody else."""
    if not reading.html:
        raise problem
    place = translations(reading.language).ugettext("Mark of a registration")
    return PAGES.response(
        "problem.html",
        reading.language,
        status=problem.status,
        root_path=reading.root_path,
        problem=problem,
        place=place,
    )


async def _code(rt: Runtime, who: Who, registration_id: UUID) -> str:
    async with rt.db.transaction() as tx:
        return _address(rt, (await marks.current(tx, rt, who, registration_id)).jws)


def _address(rt: Runtime, token: str) -> str:
    return f"{rt.settings.door}/marks/{token}"
