"""Builds the addresses that are asked, and reads the answers: the one place for each."""

import unicodedata
from typing import Any, Final, TypeVar, overload
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from concord.sdk.errors import BadArgument, ConcordError

SHOWN: Final = 200
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def at(*parts: object) -> str:
    """A path of these parts, each escaped: ``at("cases", case_id)``.

    Raises BadArgument for a part that could lead elsewhere, or nowhere: empty, ``.`` or ``..``, a slash, a control
    character. (Servers take ``%2F`` for a slash.)
    """
    return "".join(f"/{_part(str(part))}" for part in parts)


def _part(text: str) -> str:
    if (
        text.strip(". ") == ""
        or "/" in text
        or "\\" in text
        or any(unicodedata.category(sign) == "Cc" for sign in text)
    ):
        raise BadArgument(f"{text!r:.80} cannot be an id, a number or a name")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise BadArgument(f"{text!r:.80} is not Unicode text") from None


def checked(answer: httpx.Response) -> httpx.Response:
    """An answer that is a success. Raises ConcordError for every other: 3xx are not followed, they name where to."""
    if answer.is_success:
        return answer
    raise ConcordError(answer.status_code, _problem(answer))


def json_of(answer: httpx.Response) -> Any:
    """The JSON of a successful answer. Raises ConcordError, also for a page that is none, such as a proxy's."""
    checked(answer)
    try:
        return answer.json()
    except (ValueError, RecursionError):
        kind = answer.headers.get("Content-Type", "no content type")
        detail = f"{answer.request.url} answers with {kind} instead of JSON: is this the right address?"
        raise ConcordError(answer.status_code, {"code": "not_json", "detail": detail}) from None


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of a successful answer. Raises ConcordError."""
    body = json_of(answer)
    if isinstance(body, dict):
        return body
    detail = f"{answer.request.url} answers with JSON that is no object: is this the right address?"
    raise ConcordError(answer.status_code, {"code": "not_json", "detail": detail})


@overload
def model_of(answer: httpx.Response, model: type[M]) -> M: ...
@overload
def model_of(answer: httpx.Response, model: TypeAdapter[T]) -> T: ...
def model_of(answer: httpx.Response, model: Any) -> Any:
    """A successful answer as the contract has it. Raises ConcordError for another, or one that does not fit."""
    of_many = isinstance(model, TypeAdapter)
    body = json_of(answer) if of_many else json_object(answer)
    try:
        return model.validate_python(body) if of_many else model.model_validate(body)
    except ValidationError as error:
        raise _misfit(answer, error) from error


def model_in(item: Any, model: type[M], answer: httpx.Response) -> M:
    """One item of a list as the contract has it. Raises ConcordError if it does not fit."""
    try:
        return model.model_validate(item)
    except ValidationError as error:
        raise _misfit(answer, error) from error


def _misfit(answer: httpx.Response, error: ValidationError) -> ConcordError:
    fields = [{"field": ".".join(map(str, fault["loc"])), "message": fault["msg"]} for fault in error.errors()[:5]]
    detail = f"{answer.request.url} answers with what this client does not expect: is it of the same version?"
    return ConcordError(answer.status_code, {"code": "unexpected_answer", "detail": detail, "fields": fields})


def _problem(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_redirect:
        where = answer.headers.get("Location", "nowhere")
        detail = f"{answer.request.url} points to {where}: give the address that answers itself"
        return {"code": "redirected", "detail": detail, "location": where}
    try:
        problem = answer.json()
    except (ValueError, RecursionError):
        problem = answer.text[:SHOWN]
    return problem if isinstance(problem, dict) else {"detail": str(problem)}
