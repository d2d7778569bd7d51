"""The dialect of the code as rules over syntax trees: each gives what breaks it, by place. Nothing is imported.

``python -m tests.architecture.dialect`` lists what has grown large enough for a second look.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SERVICES: Final = {folder.name: next((folder / "src").iterdir()) for folder in sorted(ROOT.glob("services/*"))}
OURS: Final = (
    *(
        ROOT / name / "src"
        for name in ("shared", *(f"services/{name}" for name in SERVICES), "clients", "deploy/local")
    ),
)

PARTS: Final = frozenset({
    "__init__.py", "py.typed", "main.py", "settings.py", "http.py", "http", "consumer.py", "heard.py", "told.py",
    "policy.py", "lifecycle.py", "errors.py", "service", "store", "store.py",
})  # fmt: skip
"""What a service folder may hold; more, with its reason, in allowed.toml."""
HTTP: Final = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "websocket"})
MAY_TELL: Final = ("service/", "told.py", "heard.py")
FUNCTION_LINES, FILE_LINES = 60, 400
"""Hard limits."""
SECOND_LOOK: Final = {FUNCTION_LINES: 40, FILE_LINES: 300}
"""From where on a second look is asked for."""
SQL: Final = re.compile(
    r"\bSELECT\s[^;]*\bFROM\s+[a-z_]|\bSELECT\s+[\w.]+\(|\bINSERT\s+INTO\s+[a-z_{]|\bUPDATE\s+[a-z_{]+(\s+\w+)?\s+SET\b"
    r"|\bDELETE\s+FROM\s+[a-z_{]|\b(CREATE|ALTER|DROP)\s+(TABLE|INDEX|FUNCTION|DATABASE|ROLE)\b|^(LISTEN|NOTIFY|COPY)\s",
    re.DOTALL,
)

Rule = Callable[[], Iterator[str]]
"""Gives places, such as ``registry/service/imports.py`` or ``registry/http.py: revoke``; without line numbers."""


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path: Path) -> str:
    """How a place is named: from the package on."""
    return str(next(path.relative_to(root) for root in (*OURS, ROOT) if path.is_relative_to(root)))


def files(*roots: Path) -> Iterator[Path]:
    """Python files, in order."""
    for root in roots:
        yield from sorted(path for path in root.rglob("*.py") if ".venv" not in path.parts)


def of_services() -> Iterator[tuple[Path, str]]:
    """Every file of every service, with its place inside the service."""
    for package in SERVICES.values():
        for path in files(package):
            yield path, str(path.relative_to(package))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a file, methods too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parts() -> Iterator[str]:
    """A service folder holds the parts of the dialect, under their names."""
    for package in SERVICES.values():
        names = (path.name for path in package.iterdir() if path.name != "__pycache__")
        yield from (f"{package.name}/{name}" for name in sorted(names) if name not in PARTS)


def sql() -> Iterator[str]:
    """SQL stands in a store."""
    for path in files(*OURS):
        if "store" in path.parts or path.name == "store.py":
            continue
        said = {id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Expr)}  # docstrings
        texts = (
            node.value
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
        )
        if any(SQL.search(text) for text in texts):
            yield short(path)


def writes() -> Iterator[str]:
    """Only acts.moves writes history, nothing is put off to the end but rows nobody reads, and verbs do the telling."""
    for path, place in of_services():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            told = name in {"outbox.add", "outbox.add_raw"} and not place.startswith(MAY_TELL)
            if told or name in {"history.add", "later", "journal.later"}:
                yield f"{short(path)}: {name}"


def doors() -> Iterator[str]:
    """What FastAPI calls is ``async def``: anything else, classes too, costs a thread per request."""
    for path in files(ROOT / "shared/src", ROOT / "deploy/local/src", *SERVICES.values()):
        plain = {node.name for node in tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Depends", "Security", "fastapi.Depends"}:
                yield from (f"{short(path)}: {ast.unparse(each)}" for each in node.args if ast.unparse(each) in plain)
        for function in functions(path):
            calls = (each.func for each in function.decorator_list if isinstance(each, ast.Call))
            at_door = any(isinstance(call, ast.Attribute) and call.attr in HTTP for call in calls)
            if at_door and isinstance(function, ast.FunctionDef):
                yield f"{short(path)}: {function.name}"


def silence() -> Iterator[str]:
    """No error of any kind is passed over in silence, and nothing is printed but by a command line."""
    for path in files(*OURS):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                kinds = "" if node.type is None else ast.unparse(node.type)
                wide = node.type is None or bool(re.search(r"\b(Base)?Exception\b", kinds))
                idle = all(isinstance(each, ast.Pass | ast.Continue | ast.Break) for each in node.body)
                if node.type is None or (wide and idle):
                    yield f"{short(path)}: except {kinds}".strip()
            elif isinstance(node, ast.Call):
                name, given = ast.unparse(node.func), {ast.unparse(each) for each in node.args}
                hides = name.endswith("suppress") and given & {"Exception", "BaseException"}
                if hides or (name == "print" and "cli" not in path.parts):
                    yield f"{short(path)}: {name}"


def sizes() -> Iterator[str]:
    """A function has at most 60 lines, a file 400."""
    yield from (place for place, lines, most in measured() if lines > most)


def measured() -> Iterator[tuple[str, int, int]]:
    """Place, lines and most of every function and file."""
    for path in files(*OURS):
        yield short(path), len(path.read_text(encoding="utf-8").splitlines()), FILE_LINES
        for function in functions(path):
            yield f"{short(path)}: {function.name}", (function.end_lineno or 0) - function.lineno + 1, FUNCTION_LINES


def lists() -> Iterator[str]:
    """A store function that lists takes the reach of whoever asks."""
    for path, place in of_services():
        if not place.startswith("store"):
            continue
        for function in functions(path):
            listing = re.match(r"(page|list)(_|$)", function.name)
            arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
            asked = any(each.annotation and "Reach" in ast.unparse(each.annotation) for each in arguments)
            if listing and not asked:
                yield f"{short(path)}: {function.name}"


def codes() -> Iterator[str]:
    """An error code means one thing: two classes of one code have the same first sentence."""
    meanings: dict[str, tuple[str, str]] = {}
    for path, node in _problems():
        stated = [
            each.value.value
            for each in node.body
            if isinstance(each, ast.Assign)
            and ast.unparse(each.targets[0]) == "code"
            and isinstance(each.value, ast.Constant)
        ]
        words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+", node.name)
        code = str(stated[0]) if stated else "_".join(words).lower()
        says = " ".join((ast.get_docstring(node) or "").split("\n\n", 1)[0].split())
        first, where = meanings.setdefault(code, (says, short(path)))
        if first != says:
            yield f"{code}: {where} and {short(path)}"


def _problems() -> Iterator[tuple[Path, ast.ClassDef]]:
    """Every class that descends from Problem, by the names of the bases."""
    classes = [
        (path, node)
        for path in files(*OURS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and "clients" not in path.parts
    ]
    known, size = {"Problem"}, 0
    while len(known) > size:
        size = len(known)
        known |= {node.name for _, node in classes if {ast.unparse(base).split(".")[-1] for base in node.bases} & known}
    yield from (
        (path, node)
        for path, node in classes
        if node.name == "Problem" or {ast.unparse(base).split(".")[-1] for base in node.bases} & known
    )


def acts() -> Iterator[str]:
    """Every act has a rule, and the policy is asked about every act."""
    for package in SERVICES.values():
        policy = package / "policy.py"
        if not policy.exists():
            continue
        names = {
            ast.unparse(each.targets[0])
            for node in tree(policy).body
            if isinstance(node, ast.ClassDef) and node.name == "Act"
            for each in node.body
            if isinstance(each, ast.Assign)
        }
        ruled = {
            key.attr
            for node in ast.walk(tree(policy))
            if isinstance(node, ast.Dict)
            for key in node.keys
            if isinstance(key, ast.Attribute) and ast.unparse(key.value) == "Act"
        }
        others = [node for path in files(package) if path != policy for node in ast.walk(tree(path))]
        used = {ast.unparse(node.value) for node in others if isinstance(node, ast.Subscript)}
        tables = (
            node.value
            for node in tree(policy).body
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) in used and isinstance(node.value, ast.Dict)
        )  # such as ACTS, where somebody asks about ACTS[action]
        asked = {
            node.attr
            for node in (*others, *(value for table in tables for value in table.values))
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1] == "Act"
        }
        yield from (f"{package.name}: {name} has no rule" for name in sorted(names - ruled))
        yield from (f"{package.name}: nobody asks about {name}" for name in sorted(names - asked))


def copies() -> Iterator[str]:
    """A record is copied with other values only where others have looked at them: ``model_copy`` looks at nothing, and
    what it makes can perhaps never be read back."""
    for path in files(*OURS):
        for function in functions(path):
            calls = (each for each in ast.walk(function) if isinstance(each, ast.Call))
            for call in calls:
                named = isinstance(call.func, ast.Attribute) and call.func.attr == "model_copy"
                if named and any(each.arg == "update" for each in call.keywords):
                    yield f"{short(path)}: {function.name}"


RULES: Final[dict[str, Rule]] = {
    rule.__name__: rule for rule in (parts, sql, writes, doors, silence, sizes, lists, codes, acts, copies)
}

if __name__ == "__main__":
    sys.stdout.writelines(f"{lines} {place}\n" for place, lines, most in measured() if lines > SECOND_LOOK[most])
