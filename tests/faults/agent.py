"""A provider's agent as providers run it, with a program as its hook that leaves a file for each time it is asked."""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from concord.agent.journal import Journal
from tests.faults.checker import Call, Kept

HOOK: Final = 'sleep 0.0$(($$ % 10)); order=$(cat); [ -n "$order" ] && printf %s "$order" > "$0/$(date +%s%N)-$$"'
"""Each call its own file, named by when it was done, after a while that differs: two at once would change places.

An agent that is killed before it said what to do has asked for nothing: nothing given, no file.
"""
CLIENT_ID: Final = "agent"


@dataclass(frozen=True)
class Agent:
    """One provider's agent, and all that it leaves behind in its folder."""

    provider_id: str
    key: dict[str, Any]
    folder: Path

    @property
    def log(self) -> Path:
        """What it has to say."""
        return self.folder / "agent.log"

    def command(self, access_url: str, issuer_url: str, **more: Any) -> list[str]:
        """How it is started, once its configuration is written: ``more`` are settings of its own."""
        (self.folder / "calls").mkdir(parents=True, exist_ok=True)
        (self.folder / "key.json").write_text(json.dumps(self.key))
        config = {
            "access_url": access_url, "provider_id": self.provider_id, "issuer_url": issuer_url,
            "client_id": CLIENT_ID, "client_secret": "only for tests", "check_every_s": 0.5,
            "jwks_url": f"{access_url}/.well-known/jwks.json", "key_file": str(self.folder / "key.json"),
            "state_file": str(self.folder / "state.db"), "hook": "command",
            "command": ["/bin/sh", "-c", HOOK, str(self.folder / "calls")], **more,
        }  # fmt: skip
        lines = (f"{name} = {json.dumps(value)}" for name, value in config.items())
        (self.folder / "agent.toml").write_text("\n".join(lines))
        return [sys.executable, "-m", "concord.agent.main", "run", "--config", str(self.folder / "agent.toml")]

    @contextlib.contextmanager
    def journal(self) -> Iterator[Journal]:
        """Its journal, looked at beside it."""
        with contextlib.closing(Journal(self.folder / "state.db", UUID(self.provider_id), look_only=True)) as journal:
            yield journal

    def calls(self) -> list[Call]:
        """What the hook was asked, oldest first."""
        said = [(file.name, json.loads(file.read_text())) for file in sorted((self.folder / "calls").iterdir())]
        return [Call(each["verb"], each["order"], int(name.split("-")[0]) / 1e9) for name, each in said]

    def kept(self) -> Kept:
        """What it holds now."""
        with self.journal() as journal:
            return Kept(
                in_force=journal.in_force(),
                orders=[dict(row) for row in journal._db.execute("SELECT * FROM received_order ORDER BY sequence")],
                receipts=[dict(row) for row in journal._db.execute("SELECT * FROM receipt ORDER BY place")],
                calls=self.calls(),
            )
