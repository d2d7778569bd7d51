"""Answers /readyz and notes in a journal what it was asked to do; FAKE_ONE=crash makes it die at once."""

import http.server
import os
import signal
import subprocess
import sys


class Door(http.server.BaseHTTPRequestHandler):
    """Ready, always."""

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ.get("CONCORD_KAFKA_BOOTSTRAP_SERVERS", "").encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(name: str) -> None:
    """Do the verb."""
    verb = sys.argv[1]
    with open(os.environ["FAKE_JOURNAL"], "a") as journal:
        journal.write(f"{name} {verb}\n")
    mode = os.environ.get(name.upper(), "")
    if mode == f"crash {verb}":
        print(f"{name} cannot {verb}", flush=True)
        sys.exit(3)
    if verb != "serve":
        return
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        helper = subprocess.Popen(["sleep", "600"])
        with open(os.environ["FAKE_JOURNAL"] + ".helper", "w") as note:
            note.write(str(helper.pid))
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"{name} serves", flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["CONCORD_PORT"])), Door).serve_forever()


if __name__ == "__main__":
    main("fake_two" if sys.argv[0] == "fake_two" else "fake_one")
