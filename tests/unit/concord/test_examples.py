"""The example that verifies an order with PyJWT, on the bytes of the page for providers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"<!-- example: (\S+) -->\n```\w*\n(.*?)\n```", re.DOTALL)


@pytest.mark.parametrize(
    ("spoilt", "instead", "said"),
    [
        (None, None, None),
        ("order", "changed", "not to be believed"),
        ("industry-110000", "industry-310000", "not its issuer's"),
        ("orders-2026", "orders-2027", "not published"),
        ('"use"', '"retired_at": "2026-11-22T12:00:01+08:00", "use"', None),
        ('"use"', '"retired_at": "2026-11-22T12:00:00+08:00", "use"', "retired before"),
    ],
)
def test_pyjwt_takes_our_keys_and_orders(
    tmp_path: Path, spoilt: str | None, instead: str | None, said: str | None
) -> None:
    page = dict(BLOCK.findall((ROOT / "docs" / "providers.md").read_text(encoding="utf-8")))
    keys, order = page["jwks"], page["order-jws"]
    if spoilt == "order":
        order = order[:300] + ("A" if order[300] != "A" else "B") + order[301:]
    elif spoilt and instead:
        keys = keys.replace(spoilt, instead)
    (tmp_path / "jwks.json").write_text(keys)
    (tmp_path / "order.jws").write_text(order)
    program = ROOT / "clients" / "examples" / "verify_order.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "jwks.json"), str(tmp_path / "order.jws")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, said is None or said in done.stderr) == (0 if said is None else 1, True), done.stderr
    if said is None:
        assert json.loads(done.stdout)["sequence"] == 1
