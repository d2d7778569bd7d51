"""The same words in every service, held by the machine. What differs stands in allowed.toml, with a reason each."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import dialect, facts

RULES: dict[str, dialect.Rule] = {**dialect.RULES, "facts": facts.facts}
ALLOWED: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "allowed.toml").read_text(encoding="utf-8"))


def test_the_list_of_exceptions_names_rules_and_gives_reasons() -> None:
    assert ALLOWED.keys() <= RULES.keys()
    assert all(len(why) > 10 for entries in ALLOWED.values() for why in entries.values())


@pytest.mark.parametrize("rule", RULES)
def test_the_dialect(rule: str) -> None:
    found, allowed = set(RULES[rule]()), ALLOWED.get(rule, {}).keys()
    new = [f'"{place}" = "why"' for place in sorted(found - allowed)]
    old = sorted(allowed - found)
    assert (new, old) == ([], []), (
        f"{RULES[rule].__doc__}\nNew, to be mended:\n"
        + "\n".join(new)
        + "\nNo longer needed in allowed.toml:\n"
        + "\n".join(old)
    )


WRONG: dict[str, tuple[str, str]] = {
    "parts": ("orders.py", ""),
    "sql": ("http.py", 'QUESTION = "SELECT id FROM site"'),
    "writes": ("service/revoke.py", "history.add(tx, record)"),
    "doors": ("http.py", "@ROUTER.get('/')\ndef read() -> None: ..."),
    "silence": ("service/revoke.py", "try:\n    f()\nexcept Exception:\n    pass"),
    "sizes": ("service/revoke.py", "def long() -> None:\n" + "    f()\n" * 60),
    "lists": ("store/sites.py", "async def page(tx: Tx, region: str) -> list[Site]: ..."),
    "codes": ("errors.py", 'class NotFound(Problem):\n    """Something else."""'),
    "copies": ("told.py", "def of(fact: Fact) -> Fact:\n    return fact.model_copy(update={'reasons': 'x' * 9})"),
    "acts": ("policy.py", 'class Act(StrEnum):\n    REVOKE = "revoke"'),
}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty service beside the others."""
    package = tmp_path / "src" / "sample"
    package.mkdir(parents=True)
    monkeypatch.setattr(dialect, "SERVICES", {"sample": package})
    monkeypatch.setattr(dialect, "OURS", (dialect.ROOT / "shared/src", tmp_path / "src"))
    yield package
    dialect.tree.cache_clear()


@pytest.mark.parametrize("rule", dialect.RULES)
def test_each_rule_sees_what_breaks_it(service: Path, rule: str) -> None:
    before = set(dialect.RULES[rule]())
    name, text = WRONG[rule]
    (service / name).parent.mkdir(exist_ok=True)
    (service / name).write_text(text)
    assert set(dialect.RULES[rule]()) - before
