"""What we sign and publish is taken by the libraries that providers have: Nimbus and go-jose, on the page's bytes."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "clients" / "examples"
BLOCK = re.compile(r"<!-- example: (\S+) -->\n```\w*\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's keys and order, a changed order, and keys of somebody else."""
    folder = tmp_path_factory.mktemp("papers")
    page = dict(BLOCK.findall((ROOT / "docs" / "providers.md").read_text(encoding="utf-8")))
    order = page["order-jws"]
    (folder / "jwks.json").write_text(page["jwks"])
    (folder / "other.json").write_text(page["jwks"].replace("industry-110000", "industry-310000"))
    for name, second in (("before", "00"), ("after", "01")):  # the order is of 04:00:00Z
        (folder / f"retired-{name}.json").write_text(
            page["jwks"].replace('"use"', f'"retired_at": "2026-11-22T12:00:{second}+08:00", "use"')
        )
    (folder / "order.jws").write_text(order)
    (folder / "changed.jws").write_text(order[:300] + ("A" if order[300] != "A" else "B") + order[301:])
    return folder


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    jars = tmp_path_factory.mktemp("jars")
    fetch = ["mvn", "-q", "-B", "-f", str(EXAMPLES / "pom.xml"), "dependency:copy-dependencies"]
    subprocess.run([*fetch, f"-DoutputDirectory={jars}"], check=True, timeout=300)
    return ["java", "-cp", f"{jars}/*", str(EXAMPLES / "VerifyOrder.java")]


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    program = tmp_path_factory.mktemp("go") / "verify-order"
    folder = EXAMPLES / "verify_order_go"
    subprocess.run(["go", "build", "-mod=readonly", "-o", str(program), "."], cwd=folder, check=True, timeout=300)
    return [str(program)]


@pytest.mark.parametrize("library", ["java", "go"])
def test_an_order_is_verified_and_a_changed_byte_or_a_strangers_key_is_not(
    library: str, papers: Path, request: pytest.FixtureRequest
) -> None:
    command: list[str] = request.getfixturevalue(library)

    def asked(keys: str, order: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, str(papers / keys), str(papers / order)], capture_output=True, text=True, timeout=60, check=False
        )

    believed = asked("jwks.json", "order.jws")
    assert believed.returncode == 0, believed.stderr
    assert json.loads(believed.stdout)["sequence"] == 1
    assert "does not hold" in asked("jwks.json", "changed.jws").stderr
    assert asked("jwks.json", "changed.jws").returncode == 1
    assert "not its issuer's" in asked("other.json", "order.jws").stderr
    assert asked("retired-after.json", "order.jws").returncode == 0
    retired = asked("retired-before.json", "order.jws")
    assert (retired.returncode, "retired before" in retired.stderr) == (1, True)
