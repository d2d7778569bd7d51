"""The command line against services that answer what a test wants."""

from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from concord.cli import output
from concord.cli.main import app
from concord.sdk import Concord
from tests.unit.concord.test_sdk import Wire


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def invoke(wire: Wire | None, *arguments: str, stdin: str | bytes | None = None) -> Result:
        if wire is not None:
            given = wire

            def connect(*, person: str | None = None, client: tuple[str, str] | None = None) -> Concord:
                return given.client(person=person, client=client, patience_s=0.05)

            monkeypatch.setattr(output, "Concord", SimpleNamespace(connect=connect))
        return CliRunner().invoke(app, arguments, input=stdin)

    return invoke
