"""The mail server of the local stack: keeps every mail as a file, and sends none on."""

import argparse
import asyncio
import os
import secrets
import signal
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Kept:
    """Writes each mail to a file of its own; names sort by the time of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """Keep one mail; answers once it is there."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(3)}"
        draft = self._folder / f"{name}.new"
        draft.write_bytes(envelope.original_content or b"")
        os.replace(draft, draft.with_suffix(".eml"))
        return f"250 OK: kept as {name}"


async def serve(folder: Path, port: int) -> None:
    """Take mails until SIGTERM."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    handler = Kept(folder)
    server = await loop.create_server(lambda: SMTP(handler, enable_SMTPUTF8=True), "127.0.0.1", port)
    async with server:
        await stop.wait()


def main() -> None:
    """``python -m local_stack.mail --folder FOLDER --port PORT``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.folder, arguments.port))


if __name__ == "__main__":
    main()
