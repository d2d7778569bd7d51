"""The script that a mail server runs: what it sends, and what it tells the mail server (docs/runbook/mail.md)."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.integration.runtime.test_returned_mail import report

SCRIPT = Path(__file__).parents[3] / "deploy/mail/hand-in-returned"


@pytest.mark.parametrize(("status", "code"), [(204, 0), (413, 0), (403, 75), (404, 75), (503, 75), (None, 75)])
async def test_it_hands_the_mail_in_and_is_tried_again_unless_it_was_taken(
    tmp_path: Path, status: int | None, code: int
) -> None:
    asked: list[tuple[str, bytes]] = []

    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        asked.append((head, await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(door, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if status is None:
        server.close()
        await server.wait_closed()
    (tmp_path / "secret").write_text("Returns-Secret: not in the list of processes\n")
    told = {"CONCORD_RETURNS_URL": f"http://127.0.0.1:{port}/returned-mails",
            "CONCORD_RETURNS_HEADER": str(tmp_path / "secret"), "no_proxy": "*"}  # fmt: skip
    run = await asyncio.create_subprocess_exec(
        SCRIPT, "0123abcd", stdin=asyncio.subprocess.PIPE, env={**os.environ, **told}
    )
    await run.communicate(report())
    assert run.returncode == code
    if status is not None:
        [(head, body)] = asked
        assert head.startswith("post /returned-mails ")
        assert "return-token: 0123abcd\r\n" in head
        assert "returns-secret: not in the list of processes\r\n" in head
        assert body == report()
    server.close()


async def test_what_is_not_set_up_yet_loses_no_mail() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
    run = await asyncio.create_subprocess_exec(
        SCRIPT, "0123abcd", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=bare
    )
    _, said = await run.communicate(report())
    assert run.returncode == 75
    assert b"CONCORD_RETURNS_HEADER" in said
