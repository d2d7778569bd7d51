"""Routes of the HTTP door: who calls is known before anything of the body is read, and the body is read strictly."""

import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, NoReturn

from fastapi import Depends, Request, Response
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.types import Receive, Scope, Send

from shared.runtime.base.context import Caller
from shared.runtime.base.problems import BadRequest, Invalid, UnsupportedMediaType
from shared.runtime.db.postgres import within
from shared.runtime.web.media import MediaType
from shared.runtime.web.requests import authenticate

PUBLIC: Final[dict[str, Any]] = {"security": []}
"""``openapi_extra=PUBLIC`` on an endpoint: everybody may ask, no token is looked at. Every other endpoint needs one."""
STREAM_SHARE: Final = 4
"""So many times as long a transaction may take where bodies are larger than usual: it writes a whole batch."""
LONGEST_NAME: Final = 100

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class BodyMalformed(Invalid):
    """The body is not valid JSON: {reason}."""

    code = "invalid"


class MemberRepeated(BadRequest):
    """The body names the member {member} twice, and only one of them could count."""

    members = frozenset({"member"})


class ContentTypeMissing(UnsupportedMediaType):
    """This address takes {accepted}: say so in a Content-Type header."""

    code = "unsupported_media_type"


class CharsetUnsupported(UnsupportedMediaType):
    """This address takes {accepted} in UTF-8, not in {charset}."""

    code = "unsupported_media_type"


class ContentEncoded(UnsupportedMediaType):
    """This address takes bodies as they are: send it without Content-Encoding: {encoding}."""

    code = "content_encoding_unsupported"

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 §12.5.3: which encodings would do."""
        return {"Accept-Encoding": "identity"}


class Bearer(SecurityBase):
    """Dependency that gives the caller, and shows in OpenAPI as the security scheme ``bearer``."""

    def __init__(self) -> None:
        self.model = BearerModel(bearerFormat="JWT (RFC 9068)", description="Access token of the configured issuer.")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> Caller:
        """The caller."""
        return await authenticate(request)


BEARER: Final = Bearer()


class Asked(Request):
    """A request whose JSON was read by ``json_of`` already."""

    parsed: Any = None

    async def json(self) -> Any:
        """What the body says."""
        return self.parsed


class DoorRoute(APIRoute):
    """A route that lets nobody unknown in unless it is PUBLIC, and whose JSON bodies mean one thing only."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.public = (options.get("openapi_extra") or {}).get("security") == []
        if not self.public:
            options["dependencies"] = [Depends(BEARER), *(options.get("dependencies") or ())]
        super().__init__(path, endpoint, **options)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Recognise the caller, then go on: FastAPI would read the body first and ask its dependencies after."""
        if scope["method"] in (self.methods or ()):
            request = Request(scope)
            if not self.public:
                await authenticate(request)
            encoding = request.headers.get("content-encoding", "").strip()
            if encoding and encoding.lower() != "identity":
                raise ContentEncoded(accepted="no encoding", encoding=encoding[:LONGEST_NAME])
        limit_s = scope["app"].state.supervisor.settings.http_database_s
        with within(limit_s if self.max_body_size is None else limit_s * STREAM_SHARE):
            await super().handle(scope, receive, send)

    def get_route_handler(self) -> Handler:
        """FastAPI's handler, given a request whose JSON is read."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            return await self.answer(Asked(request.scope, request.receive), handler)

        return answer

    async def answer(self, request: Asked, handler: Handler) -> Response:
        """Read the body, if the endpoint wants JSON, and let it answer."""
        await self.read(request)
        return await handler(request)

    async def read(self, request: Asked) -> None:
        """Read the JSON that the endpoint wants.

        Raises UnsupportedMediaType (415), MemberRepeated (400), BodyMalformed (422).
        """
        if self.body_field is None:
            return
        body = await request.body()
        if body:
            _require_json(request.headers.get("content-type"))
            request.parsed = json_of(body)


def json_of(body: bytes) -> Any:
    """What a JSON text says. Raises BodyMalformed (422), MemberRepeated (400)."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at character {error.pos}"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError:
        reason = "a number that is none, or too long"
    raise BodyMalformed.field("body", "not valid JSON", reason=reason)


def _require_json(content_type: str | None) -> None:
    if not content_type:
        raise ContentTypeMissing(accepted="application/json")
    given = MediaType.parse(content_type)
    if given is None or not given.is_json:
        raise UnsupportedMediaType(accepted="application/json")
    if given.charset not in {None, "utf-8", "utf8"}:
        raise CharsetUnsupported(accepted="application/json", charset=given.charset)


def _once(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(members)
    if len(known) != len(members):
        seen: set[str] = set()
        for name, _ in members:
            if name in seen:
                raise MemberRepeated(member=name[:LONGEST_NAME])
            seen.add(name)
    return known


def _no_number(_: str) -> NoReturn:
    raise ValueError
