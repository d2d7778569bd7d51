"""Keeps the pins: requirements.lock (every version and hash) and the same versions as constraints in pyproject.toml.

uv's own lock file records the address of the package index it was made with, so it is not committed;
``uv sync --package NAME`` makes one that the constraints hold to the pinned versions (docs/adr/0003).
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
UV = str(Path(sys.executable).parent / "uv")
BLOCK = re.compile(r"constraint-dependencies = \[\n.*?^\]\n", re.DOTALL | re.MULTILINE)
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s\\;]+)( ; [^\\\n]+?)?(?= \\$|$)", re.MULTILINE)


def pins() -> list[str]:
    """``name==version`` for every line of requirements.lock, with its environment marker."""
    return [f"{name}=={version}{marker}" for name, version, marker in PINNED.findall(LOCK.read_text(encoding="utf-8"))]


def block() -> str:
    """The constraints as they stand in pyproject.toml."""
    lines = "".join(f'  "{pin.replace(chr(34), chr(39))}",\n' for pin in pins())
    return f"constraint-dependencies = [\n{lines}]\n"


def update() -> None:
    """Resolve anew, without the old constraints, and write both files."""
    project = PROJECT.read_text(encoding="utf-8")
    PROJECT.write_text(BLOCK.sub("constraint-dependencies = [\n]\n", project), encoding="utf-8")
    (ROOT / "uv.lock").unlink(missing_ok=True)
    command = [UV, "export", "--all-packages", "--no-emit-workspace", "--no-header", "--no-annotate", "--quiet"]
    LOCK.write_bytes(
        subprocess.run([*command, "--format", "requirements.txt"], cwd=ROOT, check=True, capture_output=True).stdout
    )
    PROJECT.write_text(BLOCK.sub(lambda _: block(), PROJECT.read_text(encoding="utf-8")), encoding="utf-8")


def check() -> int:
    """0 if both files say the same and name no package index."""
    found = []
    if block() not in PROJECT.read_text(encoding="utf-8"):
        found.append("pyproject.toml and requirements.lock pin different versions: run `make lock`")
    if "://" in LOCK.read_text(encoding="utf-8"):
        found.append("requirements.lock names an address: run `make lock`")
    if "--hash=" not in LOCK.read_text(encoding="utf-8"):
        found.append("requirements.lock has no hashes: run `make lock`")
    sys.stderr.writelines(f"{line}\n" for line in found)
    return len(found)


if __name__ == "__main__":
    sys.exit({"check": check, "update": update}[sys.argv[1]]())
