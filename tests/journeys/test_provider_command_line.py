"""A provider and its sandbox by command line alone: tried, licensed, warned of what was done in its name, closed."""

import asyncio
import json
from pathlib import Path

from local_stack.people import Identity
from tests.journeys.test_command_line import Desk
from tests.support.office import PATIENCE_S, Office


def enter_client(office: Office, provider_id: str, folder: Path) -> str:
    """As ``local_stack client`` does; who types as it."""
    client_id, secret = f"provider-{provider_id}", "only for tests"
    office.stack.clients.put(Identity(client_id, secret, client_id, provider_id, roles=("access_provider",)))
    file = folder / f"{provider_id}.json"
    file.write_text(json.dumps({"client_id": client_id, "client_secret": secret}))
    return f"@{file}"


async def test_a_sandbox_is_tried_by_feed_and_webhook(office: Office, tmp_path: Path) -> None:
    desk, posted = Desk(office.stack.root), asyncio.Queue[tuple[str, bytes]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        posted.put_nowait((fields["concord-sequence"], await reader.readexactly(int(fields["content-length"]))))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/orders"
    contact = ("--region", "110000", "--contact", "mine@example.test")
    mine = await desk.types("desk-a", "providers", "register", "--name", "Mine", "--sandbox", *contact)
    me = enter_client(office, mine["id"], tmp_path)
    await desk.types(me, "providers", "webhook", mine["id"], "--url", url)
    order = await desk.types(me, "providers", "try-order", mine["id"], "pharmacy.example")
    ended = await desk.types(me, "providers", "end-trial", mine["id"], order["id"])
    again = await desk.types(me, "providers", "end-trial", mine["id"], order["id"])
    assert (order["status"], ended["action"], ended["undoes"], again["id"]) == (
        "released", "restore", order["id"], ended["id"],
    )  # fmt: skip
    feed = [await desk.types(me, "providers", "order", mine["id"], str(place)) for place in (1, 2)]
    async with asyncio.timeout(PATIENCE_S):
        got = [await posted.get() for _ in feed]
    server.close()
    assert got == [(str(each["sequence"]), each["jws"].encode()) for each in feed]
    assert (await desk.types(me, "providers", "webhook", mine["id"]))["after"] == 2
    await desk.types(me, "providers", "webhook", mine["id"], "--off")
    assert (await desk.types(me, "providers", "webhook", mine["id"], code=1))["code"] == "no_webhook"
    refused = await desk.types(me, "providers", "try-order", mine["id"], "www.gov.cn", code=1)
    assert refused["fields"][0]["field"] == "hosts.0"
    assert await desk.types("regulator-a", "orders", "list", "--provider-id", mine["id"]) == []


async def test_a_provider_holds_licences_says_whom_to_ask_and_closes_itself(office: Office, tmp_path: Path) -> None:
    desk = Desk(office.stack.root)
    first = ("--licence-number", "京B1-00007401", "--licensed-from", "2026-01-01", "--licensed-until", "2030-12-31")
    contact = ("--region", "110000", "--contact", "filings@typed.example")
    entered = await desk.types("desk-a", "providers", "register", "--name", "Typed Hosting", *first, *contact)
    provider, me = entered["id"], enter_client(office, entered["id"], tmp_path)
    more = ("京B1-00007402", "--licensed-from", "2026-01-01", "--licence-kind", "isp", "--province", "110000")
    added = await desk.types("desk-a", "providers", "add-licence", provider, *more)
    assert (added["level"], added["in_force"]) == ("province", True)
    held = await desk.types(me, "providers", "licences", provider)
    renewal = ("providers", "renew-licence", provider, held[0]["id"], "--licensed-until")
    assert (await desk.types("desk-a", *renewal, "2035-12-31"))["valid_until"] == "2035-12-31"
    assert (await desk.types("desk-a", *renewal, "2031-12-31", code=1))["code"] == "licence_shortened"
    why = ("--reasons", "The company that held it is gone.")
    gone = await desk.types(me, "providers", "give-up-licence", provider, added["id"], *why)
    assert (gone["status"], gone["in_force"]) == ("given_up", False)
    (told,) = await desk.types_until(
        me, "inbox", "--kind", "licence_ending", "--service", "registry", holds=lambda code, found: code == 0 and found
    )
    assert told["about"]["id"] == added["id"]
    branch = ("--branch", "310000=Shanghai branch, sh@typed.example")
    said = await desk.types(me, "providers", "set-contact", provider, "filing desk", *branch)
    assert said["branches"] == [{"region": "310000", "contact": "Shanghai branch, sh@typed.example"}]
    assert (await desk.types("desk-a", "providers", "close", provider, *why, code=1))["code"] == "role_missing"
    assert (await desk.types(me, "providers", "close", provider, *why))["status"] == "closed"
    assert (await desk.types(me, "providers", "reopen", provider, *why))["status"] == "active"
