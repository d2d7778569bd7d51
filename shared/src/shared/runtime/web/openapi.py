"""The OpenAPI document: FastAPI's, with the problems each operation can answer and the headers it demands."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.runtime.base.problems import BASE_URI, MEDIA_TYPE

VERSION_PATTERN: Final = '^(W/)?"[0-9]{1,18}([-;]{1,2}(gzip|br|zstd|deflate))?"$'
METHODS: Final = ("get", "put", "post", "delete", "patch")
SAYS: Final = {
    "400": "The request cannot be understood.",
    "401": "The bearer token is missing or not valid.",
    "403": "Your role, region, organisation or category does not allow this. The refusal is audited.",
    "404": "There is no such record.",
    "409": "The present state does not allow this; `allowed_actions` says what it allows.",
    "412": "The record was changed since you read it.",
    "413": "The body is too large.",
    "415": "The body has the wrong Content-Type, none, or a Content-Encoding.",
    "422": "A field is not valid; `fields` names each.",
    "428": "An If-Match header is needed.",
    "507": "There is no room left to keep what was sent.",
    "503": "The service cannot answer just now; `Retry-After` says when to ask again.",
    "default": "Any other refusal.",
}
SCHEMA: Final = {
    "title": "Problem",
    "description": "A refusal (RFC 9457). `code` is stable; programs decide by it.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": [BASE_URI + "action_refused"]},
        "title": {"type": "string", "examples": ["Action refused"]},
        "status": {"type": "integer", "examples": [409]},
        "detail": {"type": "string", "examples": ["The registration is revoked: grant is not possible now."]},
        "code": {"type": "string", "examples": ["action_refused"]},
        "instance": {"type": "string", "description": "Path of the request."},
        "trace_id": {"type": "string", "description": "Finds this request in logs and traces."},
        "fields": {
            "type": "array",
            "description": "What is not valid, by dotted path (422).",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "allowed_actions": {
            "type": "array",
            "description": "What can be done instead (409).",
            "items": {"type": "string"},
        },
    },
    "additionalProperties": True,
}


def install(app: FastAPI) -> None:
    """Make ``app.openapi()`` tell the whole truth."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            app.openapi_schema = complete(document)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add the problem schema and, to each operation, the problems it can answer."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = SCHEMA
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        _name(status): {"description": description, "content": content} for status, description in SAYS.items()
    }
    for path, method, operation in _operations(document):
        _complete(path, method, operation)
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = {parameter["name"]: parameter for parameter in operation.get("parameters", ())}
    if "If-Match" in parameters:
        parameters["If-Match"] |= {"required": True, "schema": {"type": "string", "pattern": VERSION_PATTERN}}
    responses = operation.setdefault("responses", {})
    given = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if given.get("$ref") == "#/components/schemas/HTTPValidationError":
        del responses["422"]
    for status in _possible(path, method, operation, parameters):
        responses.setdefault(status, {"$ref": f"#/components/responses/{_name(status)}"})


def _possible(path: str, method: str, operation: dict[str, Any], parameters: dict[str, Any]) -> Iterator[str]:
    if "requestBody" in operation or any(each["in"] == "header" for each in parameters.values()):
        yield "400"
    if operation.get("security"):
        yield from ("401", "403")
    elif "Returns-Secret" in parameters:  # a mail server shows that, and no token
        yield "403"
    if "{" in path or "requestBody" in operation:  # a body names records, too
        yield "404"
    if method != "get":
        yield from ("409", "415")  # also where the body is a stream that no document describes
    if "If-Match" in parameters:
        yield from ("412", "428")
    if "requestBody" in operation:
        yield "413"
    if parameters or "requestBody" in operation:
        yield "422"
    if method != "get":
        yield "507"
    yield from ("503", "default")


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _name(status: str) -> str:
    return "Problem" if status == "default" else f"Problem{status}"
