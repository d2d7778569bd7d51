"""`make service` in a copy of the repository: what it writes passes the checks and its own tests, as it is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import new_service

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
NAME = "lost-property"
LEFT = shutil.ignore_patterns(
    ".git", ".venv", ".concord", "build", "*.pyc.*", ".pytest_cache", ".hypothesis", ".ruff_cache"
)
"""Compiled files go along, and are good in the copy too: they name the size and the time of their source."""
PYTEST = ("pytest", "-q", "-x", "-p", "no:cacheprovider")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository with one department more."""
    root = tmp_path_factory.mktemp("copy") / "concord"
    shutil.copytree(ROOT, root, ignore=LEFT)
    new_service.make(root, NAME, "what was found and whose it is")
    yield root
    shutil.rmtree(root.parent, ignore_errors=True)


def run(copy: Path, *command: str) -> str:
    """Run a program in the copy, with the copy's sources before the installed ones; its output if it fails."""
    sources = [
        str(path)
        for path in (
            *copy.glob("services/*/src"),
            *(copy / each / "src" for each in ("shared", "clients", "deploy/local")),
        )
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sources, str(copy)])}
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout[-3000:] + done.stderr[-3000:]


def test_its_code_is_clean(copy: Path) -> None:
    assert run(copy, "ruff", "format", "--check", ".") == ""
    assert run(copy, "ruff", "check", ".") == ""


def test_its_imports_point_down(copy: Path) -> None:
    assert run(copy, "lint-imports", "--config", "pyproject.toml", "--no-cache") == ""


def test_its_types_are_strict(copy: Path) -> None:
    mine = [
        f"services/{NAME}/src",
        "shared/src/shared/contracts/http",
        "tests/unit/lost_property",
        "tests/integration/lost_property",
    ]
    assert run(copy, "mypy", *mine) == ""


def test_its_sql_is_linted(copy: Path) -> None:
    assert run(copy, "squawk", "--reporter", "gcc", *map(str, copy.glob(f"services/{NAME}/migrations/*.sql"))) == ""


def test_it_stands_in_every_generated_list_and_in_the_dialect(copy: Path) -> None:
    for tool in ("shared.contracts.generate", "local_stack.reference", "local_stack.compose"):
        assert run(copy, "python", "-m", tool) == ""
    assert run(copy, "python", "deploy/schema.py") == ""
    assert "TABLE matter (" in (copy / f"services/{NAME}/schema.sql").read_text()
    assert f"  {NAME}-migrate:" in (copy / "docker-compose.yml").read_text()
    lists = ("tests/architecture/test_dialect.py", "tests/architecture/test_dependencies.py", "tests/docs")
    # What the rules and the official schema would notice is tried on the repository itself.
    but = ("-k", "not would_notice and not sees_what_breaks_it")
    assert run(copy, *PYTEST, *lists, "tests/contracts", *but) == ""


def test_its_own_tests_pass_and_everybody_is_asked(copy: Path) -> None:
    assert run(copy, *PYTEST, "tests/unit/lost_property", "tests/integration/lost_property") == ""
    assert run(copy, *PYTEST, "tests/integration/sweep", "-k", NAME) == ""


@pytest.mark.parametrize(
    ("name", "summary", "why"),
    [
        ("registry", "it is there", "is there already"),
        ("Lost", "capitals", "lower-case"),
        ("../lost", "elsewhere", "lower-case"),
        ("lost", 'a "quoted" thing', "one plain line"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(copy: Path, name: str, summary: str, why: str) -> None:
    before = sorted(copy.glob("services/*"))
    with pytest.raises(new_service.Impossible, match=why):
        new_service.make(copy, name, summary)
    assert sorted(copy.glob("services/*")) == before
