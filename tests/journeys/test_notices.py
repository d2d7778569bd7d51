"""Flow D, step 5: whoever an act concerns hears of it, in time, wherever they are; and what they were told is kept."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
from icalendar import Calendar

from concord.sdk import Concord, until
from local_stack.people import Identity
from local_stack.supervisor import LocalStack
from shared.contracts.http import enforcement
from shared.contracts.http.subscriptions import NewSubscription
from shared.contracts.notices import NoticeDocument
from tests.support.office import ITEM, REASONS, SAYS, Office, identity_of, places_of

OWNER = "web@found-owner.example"


class Zone(asyncio.DatagramProtocol):
    """The name server of a name's owner."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        answer, name = dns.message.make_response(query), query.question[0].name.to_text()
        if name in self.texts:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", f'"{self.texts[name]}"'))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def zone(port: int) -> AsyncIterator[Zone]:
    transport, found = await asyncio.get_running_loop().create_datagram_endpoint(Zone, local_addr=("127.0.0.1", port))
    yield found
    transport.close()


@asynccontextmanager
async def owner(stack: LocalStack) -> AsyncIterator[Concord]:
    """Somebody whom no department knows."""
    client_id, secret = "owner-of-a-found-site", "only for tests"
    organisation = identity_of("nobody knows this operator")
    stack.clients.put(Identity(subject=client_id, secret=secret, name="Owner", organisation=organisation,
                               roles=("operator",)))  # fmt: skip
    async with Concord.connect(client=(client_id, secret), places=places_of(stack), patience_s=60) as client:
        yield client


async def mail_to(
    stack: LocalStack, address: str, fits: Callable[[NoticeDocument], bool]
) -> tuple[Any, NoticeDocument]:
    """A mail that came to an address, with the document that it carries."""

    async def found() -> list[tuple[EmailMessage, NoticeDocument]]:
        mails = [message_from_bytes(file.read_bytes(), policy=default) for file in stack.mails.glob("*.eml")]
        read = [(each, next(iter(each.iter_attachments())).get_content()) for each in mails if each["To"] == address]
        documents = [(each, NoticeDocument.model_validate_json(content)) for each, content in read]
        return [(each, document) for each, document in documents if fits(document)]

    return (await until(found, bool, timeout_s=60))[0]


async def test_p3_2_the_owner_of_a_found_site_hears_at_once_what_is_intended(
    stack: LocalStack, office: Office, name_server: int
) -> None:
    host = "found-owner.example"
    async with zone(name_server) as names, owner(stack) as client:
        asked = await client.enforcement.subscribe(NewSubscription(host=host, method="dns", email=OWNER))
        names.texts[f"{asked.proof.place}."] = asked.proof.content
        shown = await until(
            lambda: client.enforcement.get_subscription(asked.id), lambda found: found.status != "proving", timeout_s=90
        )
        assert (shown.status, shown.proven_at is not None) == ("confirming", True), "the address waits for its code"
        mail, _ = await mail_to(stack, OWNER, lambda document: document.kind == "subscription_code")
        [code] = re.findall("[0-9]{8}", mail.get_body().get_content())
        assert (await client.enforcement.confirm_address(asked.id, code)).status == "active"
        mail, _ = await mail_to(stack, OWNER, lambda document: document.kind == "subscription_confirmed")
        assert mail["Subject"] == "域名通知订阅已确认 / You will hear of acts about your name"

        assert stack.provider_id is not None
        about = enforcement.AboutFoundSite(kind="found_site", host=f"www.{host}", provider_id=stack.provider_id)
        case = await office.people["drugs-a"].enforcement.open_case(
            enforcement.NewCase(about=about, service_item=ITEM, ground="unlicensed_service", alleged_breach=REASONS,
                                legal_basis=("P3.2.1",))
        )  # fmt: skip
        evidence = await office.people["drugs-a"].enforcement.add_evidence(case.id, b"Seen there.", "text/plain")
        drafted = await office.people["drugs-a"].enforcement.draft(case.id, enforcement.NewDecision(
            effect="suspend_access", statement=SAYS, evidence_hashes=(evidence.sha256,),
            until=datetime.now(UTC) + timedelta(days=10),
        ))  # fmt: skip
        mail, copy = await mail_to(stack, OWNER, lambda document: document.about.id == drafted.id)
        assert (copy.kind, copy.copy_about) == ("decision_intended", host)
        assert mail["Subject"] == "拟作出处理决定告知书 / Notice of an intended decision"
        assert "这是副本" in mail.get_body().get_content()

        async with office.provider() as provider:  # the record: whom it is addressed to
            [item] = [each async for each in provider.enforcement.notices(about=drafted.id)]
            assert item.delivered_at is None, "a copy is no delivery"
            assert (await provider.enforcement.notice_counts()).unread >= 1
            await provider.enforcement.open_notice(item.id)
            assert [each async for each in provider.enforcement.notices(about=drafted.id, unread=True)] == []
        seen = await office.people["drugs-b"].enforcement.open_notice(item.id)
        assert len(seen.openings) == 1, "the authority sees who opened it, and when"
        assert {(each.channel, each.state) for each in seen.deliveries} == {("inbox", "opened")}

        ended = await client.enforcement.end_subscription(asked.id)
        assert ended.status == "ended"
        await office.people["drugs-a"].enforcement.withdraw(
            drafted.id, enforcement.WithReasons(reasons="It was the wrong site.")
        )


async def test_p3_2_an_operator_has_its_time_limits_in_its_calendar_until_they_are_over(
    office: Office, stack: LocalStack, tmp_path: Path
) -> None:
    await office.enter("calendar.example")
    case = await office.draft("calendar.example")
    async with office.operator("calendar.example") as operator:
        uid = f"{case.decision_id}.answer@concord"
        events = {str(each["uid"]): each for each in Calendar.from_ical(await operator.deadlines()).walk("VEVENT")}
        assert events[uid]["status"] == "CONFIRMED"
        address = await operator.enforcement.make_calendar_address()
        await office.people["drugs-a"].enforcement.withdraw(
            case.decision_id, enforcement.WithReasons(reasons="It was the wrong site.")
        )
        public = await office.web.get(address.url)
        [event] = [each for each in Calendar.from_ical(public.text).walk("VEVENT") if str(each["uid"]) == uid]
        assert event["status"] == "CANCELLED"
        await operator.enforcement.end_calendar_address()
        assert (await office.web.get(address.url)).status_code == 404
    file = tmp_path / "deadlines.ics"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "concord.cli.main", "inbox", "calendar", str(file), "--as", "applicant", "--json",
        env={**os.environ, "CONCORD_HOME": str(stack.root)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert json.loads(out)["written"] == str(file)
    assert Calendar.from_ical(file.read_bytes())["method"] == "PUBLISH"
