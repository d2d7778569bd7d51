"""Every service answers as its OpenAPI document says, whatever it is asked: no 5xx, no status, type or body it hides.

schemathesis asks the services of one local stack, each for a bounded time, as somebody who may do much there. The
document's ``default`` answer is left out first: it would make every status a documented one.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from local_stack.supervisor import LocalStack
from local_stack.topology import SERVICES

SECONDS = 8
"""For each service; with the start of the stack all of it stays under 90 s."""
PEOPLE = {
    "approval": "culture-a",
    "registry": "regulator-a",
    "enforcement": "culture-a",
    "access-control": "desk-a",
    "query": "officer",
    "coordination": "coordination-national-a",
}
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ST = str(Path(sys.executable).parent / "st")


@pytest.fixture(scope="session")
async def stack(session_folder: Path) -> AsyncIterator[LocalStack]:
    """Every department, started once."""
    async with LocalStack(root=session_folder / "stack", durable=False) as running:
        yield running


def test_somebody_asks_each_service() -> None:
    assert PEOPLE.keys() == SERVICES.keys()


@pytest.mark.parametrize("service", SERVICES)
async def test_it_answers_as_its_document_says(stack: LocalStack, service: str, tmp_path: Path) -> None:
    url = stack.url(service)
    async with httpx.AsyncClient(base_url=url) as http:
        document = (await http.get("/openapi.json")).json()
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("default", None)
    file = tmp_path / f"{service}.json"
    file.write_text(json.dumps(document))
    bearer = f"Authorization: Bearer {await stack.token(PEOPLE[service])}"
    command = [ST, "run", str(file), "--url", url, "-H", bearer, "--checks", CHECKS, "--max-time", str(SECONDS)]
    command += ["--phases", "examples,coverage,fuzzing", "--request-timeout", "10", "--seed", "1", "--no-color"]
    command += ["--exclude-path-regex", "events$", "--generation-database", "none", "--warnings", "off"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS * 4, check=False
    )
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert "Tested" in done.stdout or "passed" in done.stdout
