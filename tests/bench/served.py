"""A service as a process of its own, as in production: whoever asks it takes none of its time."""

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from local_stack.ports import free_port
from tests.support import people

ROOT: Final = Path(__file__).parents[2]


class Served:
    """The process under test."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process, self.port = process, port
        self.url = f"http://127.0.0.1:{port}"

    def cpu_s(self) -> float:
        """Seconds that it has computed so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def issuer() -> Iterator[str]:
    """Serves the key set of the test people, as an issuer does."""

    class Keys(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(people.key_set()).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
        server.shutdown()


@contextlib.contextmanager
def served(module: str, dsn: str, **settings: object) -> Iterator[Served]:
    """The HTTP door of a service, ready inside. ``settings``: in the words of its settings class."""
    port = free_port()
    given = {
        "database_url": dsn, "port": port, "roles_run": "http", "oidc_issuer": people.ISSUER, "log_level": "ERROR",
        **settings,
    }  # fmt: skip
    environment = os.environ | {f"CONCORD_{name.upper()}": str(value) for name, value in given.items()}
    process = subprocess.Popen([sys.executable, "-m", f"{module}.main", "serve"], env=environment, cwd=ROOT)
    try:
        found = Served(process, port)
        _wait(found)
        yield found
    finally:
        process.terminate()
        process.wait(15)


def _wait(server: Served) -> None:
    for _ in range(200):
        if server.process.poll() is not None:
            raise RuntimeError(f"the service ended with {server.process.returncode}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/readyz", timeout=2):
            return
        time.sleep(0.1)
    raise TimeoutError("the service was not ready within 20 s")
