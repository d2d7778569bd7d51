"""The command line against services that answer what a test wants."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from typer import main, testing
from typer.testing import CliRunner, Result

from concord.cli import output
from concord.cli.main import app
from concord.sdk import Concord
from tests.unit.concord.test_sdk import Wire

built = cache(main.get_command)
"""The commands of a program, made out of its functions' signatures once: they stay the same, and it takes 100 ms."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def invoke(wire: Wire | None, *arguments: str, stdin: str | bytes | None = None) -> Result:
        if wire is not None:
            given = wire

            def connect(*, person: str | None = None, client: tuple[str, str] | None = None) -> Concord:
                return given.client(person=person, client=client, patience_s=0.05)

            monkeypatch.setattr(output, "Concord", SimpleNamespace(connect=connect))
        monkeypatch.setattr(testing, "_get_command", built)
        return CliRunner().invoke(app, arguments, input=stdin)

    return invoke
