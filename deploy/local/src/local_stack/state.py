"""The folder of one stack: its lock, and stack.json, which tells the CLI, the SDK and tests what runs where."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from concord.sdk.places import running_stack
from local_stack.errors import AlreadyRunning


class Folder:
    """Holds the folder for one stack; the kernel lets go of it when we die, however we die."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "stack.json"
        self._lock: IO[str] | None = None

    def hold(self) -> None:
        """Take the folder. Raises AlreadyRunning when another stack has it."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock = (self.root / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            msg = (
                f"a stack already runs in {self.root} (process {owner}). Use it (python -m local_stack status), "
                "stop it with Ctrl-C there, or start another one with CONCORD_HOME set to another folder."
            )
            raise AlreadyRunning(msg) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Let go, and take back stack.json: nothing runs any more."""
        self.file.unlink(missing_ok=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def publish(self, stack: Mapping[str, Any]) -> None:
        """Write stack.json, all of it or nothing."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(stack, ensure_ascii=False, indent=1))
        os.replace(fresh, self.file)

    def running(self) -> dict[str, Any]:
        """What stack.json says, if the stack that wrote it lives. Raises NoStack, saying why it is not believed."""
        return running_stack(self.file)
