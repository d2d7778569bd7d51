"""What the door says about itself: OpenAPI, the documentation page, its security."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.runtime.process.app import create_app
from shared.runtime.web import docs
from tests.support import people, toy
from tests.support.service import Api


@pytest.fixture(scope="module")
async def api() -> AsyncIterator[Api]:
    settings = toy.SERVICE.settings(database_url="postgresql://nobody@127.0.0.1:1/none", log_level="ERROR")
    async with Api(create_app(toy.SERVICE, settings, validator=people.validator())) as client:
        yield client


@pytest.fixture(scope="module")
async def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{method} {path}": each for path, item in document["paths"].items() for method, each in item.items()}


def test_every_operation_has_a_name_of_its_own_a_sentence_and_a_tag(document: dict[str, Any]) -> None:
    found = operations(document)
    assert len({each["operationId"] for each in found.values()}) == len(found)
    assert all(each["description"] and each["tags"] for each in found.values())
    assert found["post /things"]["operationId"] == "make"


def test_every_operation_documents_its_refusals_as_problem_documents(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        answers = operation["responses"]
        assert {"503", "default"} <= answers.keys(), name
        for status, answer in answers.items():
            if status.startswith("2"):
                continue
            shared = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
            schema = shared["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}


def test_each_operation_documents_the_refusals_it_can_meet(document: dict[str, Any]) -> None:
    found = operations(document)
    assert {"400", "401", "403", "409", "422"} <= found["post /things"]["responses"].keys()
    assert {"400", "404", "409", "412", "428"} <= found["put /things/{thing_id}"]["responses"].keys()
    assert "404" not in found["get /things"]["responses"]
    assert "401" not in found["get /events"]["responses"]


def test_fastapis_own_shape_of_validation_errors_is_gone(document: dict[str, Any]) -> None:
    assert not {"HTTPValidationError", "ValidationError"} & document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in str(document["paths"])


def test_the_bearer_token_is_the_one_security_scheme(document: dict[str, Any]) -> None:
    (scheme,) = document["components"]["securitySchemes"].items()
    assert scheme[0] == "bearer"
    assert (scheme[1]["type"], scheme[1]["scheme"]) == ("http", "bearer")
    assert operations(document)["get /things"]["security"] == [{"bearer": []}]


async def test_the_documentation_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = await api.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert not re.search(r"https?://", page.text)
    assert "<script>" not in page.text
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        answer = await api.get(path)
        assert answer.status_code == 200, path
        assert len(answer.content) > 100


async def test_the_scripts_are_served_as_what_they_are(api: Api) -> None:
    for name, media_type in docs.ASSETS.items():
        assert (await api.get(f"/docs/{name}")).headers["content-type"] == media_type
    assert (await api.get("/docs/../../etc/passwd")).status_code == 404
    assert (await api.get("/docs/redoc.standalone.js")).status_code == 404


async def test_before_it_is_ready_the_service_says_so_and_is_alive(api: Api) -> None:
    assert (await api.get("/livez")).status_code == 200
    unready = await api.get("/readyz")
    assert (unready.status_code, unready.json()["status"]) == (503, "unready")
    answer = await api.get("/things", who="officer")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
