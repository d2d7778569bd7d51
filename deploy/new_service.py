"""``make service NAME=licence-plates SUMMARY="what it is for"``: a new department, and its place in every list.

The department begins with one small aggregate that opens and closes, on both doors, with tests: it passes every check
as it is written. Files are the templates under deploy/template with ``@name@`` and its like filled in.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TEMPLATES: Final = Path(__file__).parent / "template"
FIRST_PORT: Final = 8101
LAYERS: Final = """[[tool.importlinter.contracts]]
name = "Inside @name@"
type = "layers"
containers = ["@module@"]
layers = [
  "main", "http | consumer", "(heard)", "service", "(told)", "store", "policy", "lifecycle", "errors", "settings",
]

"""

LISTS: Final = (
    ("Makefile", r"(^MEMBERS := .*?)( clients)", r"\1 services/@name@\2"),
    ("pyproject.toml", r'(^(?:src|files|mypy_path) = \[.*?)("clients/src")', r'\1"services/@name@/src", \2'),
    ("pyproject.toml", r'(^source_pkgs = \[.*?)("concord")', r'\1"@module@", \2'),
    ("pyproject.toml", r'(^root_packages = \[.*?)("concord")', r'\1"@module@", \2'),
    ("pyproject.toml", r'(^layers = \["local_stack", ".*?)( \| concord")', r"\1 | @module@\2"),
    ("pyproject.toml", r"()(^\[tool\.pytest\.ini_options\])", LAYERS + r"\2"),
    ("deploy/local/pyproject.toml", r'(^dependencies = \[.*?)("shared\[runtime\]")', r'\1"@name@", \2'),
    ("deploy/local/pyproject.toml", r"(^\[tool\.uv\.sources\]\n)()", r"\1@name@ = { workspace = true }\n"),
    (
        "deploy/local/src/local_stack/topology.py",
        r"(^SERVICES: Final.*?)(^    \)\n\})",
        r'\1        Service("@name@", @port@, "@summary@"),\n\2',
    ),
    (".env.example", r"()(^KEYCLOAK_DB_PASSWORD=)", r"@MODULE@_DB_PASSWORD=\n\2"),
    (
        "docs/architecture.md",
        r"(^\| \[query\]\([^\n]*\n(?:\|[^\n]*\n)*)()",
        r"\1| [@name@](../services/@name@/README.md) | matters | | |\n",
    ),
    (
        "shared/src/shared/contracts/directory.py",
        r"(CONSUMERS: ClassVar\[tuple\[str, \.\.\.\]\] = \([^)]*)(\))",
        r'\1, "@name@"\2',
    ),
    ("tests/conformance/test_openapi.py", r"(^PEOPLE = \{.*?)(^\})", r'\1    "@name@": "regulator-a",\n\2'),
    ("tests/contracts/test_contracts.py", r"(^SERVICES = \{.*?)(\}$)", r'\1, "@name@"\2'),
)
"""Where a department is listed: file, what stands before and after its place, what is written there."""


class Impossible(Exception):
    """It cannot be made; nothing was written."""


def fill(text: str, words: dict[str, str]) -> str:
    """A template with its words."""
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def words_of(root: Path, name: str, summary: str) -> dict[str, str]:
    """What the templates ask for."""
    topology = (root / "deploy/local/src/local_stack/topology.py").read_text(encoding="utf-8")
    taken = [int(port) for port in re.findall(r"^ +(?:Service\(\"[\w-]+\", )?(81\d\d),", topology, re.MULTILINE)]
    module = name.replace("-", "_")
    return {
        "name": name,
        "module": module,
        "MODULE": module.upper(),
        "Title": name.replace("-", " ").capitalize(),
        "Class": name.title().replace("-", ""),
        "summary": summary,
        "port": str(max(taken, default=FIRST_PORT - 1) + 1),
    }


def new_files(words: dict[str, str]) -> Iterator[tuple[Path, str]]:
    """Every file of the department: where, and what stands in it."""
    name, module = words["name"], words["module"]
    places = {
        "service": Path("services") / name,
        "http": Path("shared/src/shared/contracts/http"),
        "unit": Path("tests/unit") / module,
        "integration": Path("tests/integration") / module,
        "sweep": Path("tests/integration/sweep/worlds"),
    }
    for template in sorted(TEMPLATES.rglob("*.txt")):
        part, *rest = fill(str(template.relative_to(TEMPLATES)).removesuffix(".txt"), words).split("/")
        yield places[part].joinpath(*rest), fill(template.read_text(encoding="utf-8"), words)
    yield places["http"] / "__init__.py", '"""Bodies and views of each service\'s HTTP door: pydantic only."""\n'


def edited(root: Path, words: dict[str, str]) -> dict[Path, str]:
    """The lists with the department in them. Raises Impossible where a list does not look as expected."""
    texts: dict[Path, str] = {}
    for file, around, written in LISTS:
        text = texts.get(Path(file)) or (root / file).read_text(encoding="utf-8")
        replaced, count = re.subn(around, fill(written, words), text, flags=re.MULTILINE | re.DOTALL)
        if not count:
            raise Impossible(f"{file} has no place for it: {around}")
        texts[Path(file)] = replaced
    return texts


def make(root: Path, name: str, summary: str) -> list[Path]:
    """Write a department; returns the files written. Raises Impossible for a name that is taken or no name."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise Impossible(f"{name!r}: a name is lower-case letters, digits and hyphens")
    if not re.fullmatch(r'[^"\\@\n]{3,80}', summary):
        raise Impossible("say in SUMMARY what it is for, in one plain line")
    if (root / "services" / name).exists():
        raise Impossible(f"services/{name} is there already")
    words = words_of(root, name, summary)
    texts = edited(root, words)
    texts |= {path: text for path, text in new_files(words) if path.name != "__init__.py" or not (root / path).exists()}
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    _tidy(root, [str(path) for path in texts if path.suffix == ".py"])
    return sorted(texts)


def _tidy(root: Path, files: list[str]) -> None:
    """Where lines break and how imports are sorted depends on the name."""
    ruff = str(Path(sys.executable).parent / "ruff")
    for command in (("check", "--select", "I", "--fix"), ("format",)):
        subprocess.run([ruff, *command, "--quiet", *files], cwd=root, check=True)


def main() -> int:
    """Write a department here, and say what was written."""
    parser = argparse.ArgumentParser(prog="make service", description="Write a new department.")
    parser.add_argument("name")
    parser.add_argument("summary")
    given = parser.parse_args()
    try:
        written = make(Path(__file__).resolve().parents[1], given.name, given.summary)
    except Impossible as reason:
        sys.stderr.write(f"{reason}\n")
        return 2
    sys.stdout.writelines(f"{path}\n" for path in written)
    sys.stdout.write("now: make setup generate check\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
