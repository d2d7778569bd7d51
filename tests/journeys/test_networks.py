"""P3.4: an order to a public-interest network goes through its supervisor, and receipts go back through both."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from concord.sdk import Concord, ConcordError, until
from concord.sdk.signed import verified_order
from local_stack.people import Identity
from shared.contracts.http import access
from shared.contracts.http.access import InstructionStatus, OrderStatus
from shared.contracts.http.providers import NewKey, NewLicence, NewProvider
from shared.contracts.http.receipts import SignedReceipts
from shared.contracts.orders import Action, Order
from shared.contracts.receipts import RECEIPTS_TYPE
from shared.signing import KeyRing, Signer, canonical, generate_key, prove
from tests.support.office import PATIENCE_S, Office, places_of

SUPERVISOR = "education"


@dataclass
class Network:
    """A public-interest network that answers by hand, with its own key and its own client."""

    id: str
    client: Concord
    signer: Signer

    async def next_order(self, after: int) -> tuple[Order, str]:
        """The next order of its sequence, believed only with a key of whoever issued it."""

        async def feed() -> access.FeedView:
            return await self.client.access.feed(self.id, after=after, wait=1)

        page = await until(feed, lambda found: bool(found.orders), timeout_s=PATIENCE_S)
        jws = page.orders[0].jws
        keys = KeyRing(await self.client.access.keys())
        return Order.model_validate_json(verified_order(keys, jws).payload), jws

    async def answer(self, order: Order, jws: str, outcome: str, **more: str) -> None:
        """Sign what became of an order, and hand it in."""
        document: dict[str, Any] = {
            "receipt_id": str(uuid4()), "order_id": str(order.order_id), "sequence": order.sequence,
            "order_digest": hashlib.sha256(jws.encode()).hexdigest(), "outcome": outcome,
            "at": datetime.now(UTC).isoformat(), **more,
        }  # fmt: skip
        signed = self.signer.sign(canonical({"provider_id": self.id, "receipts": [document]}), RECEIPTS_TYPE)
        answered = await self.client.access.send_receipts(self.id, SignedReceipts(jws=signed))
        assert [each.status for each in answered.results] == ["recorded"], answered


@asynccontextmanager
async def network(office: Office) -> AsyncIterator[Network]:
    """Entered by the access desk, with the supervisor that the directory says may be one."""
    desk = office.people["desk-a"].access
    new = NewProvider(
        name="Education network",
        licence=NewLicence(kind="idc", number="京B1-00003401", valid_from=date(2020, 1, 1)),
        region="110000", kind="public_network",
        contact="noc@network.example", supervisor=SUPERVISOR,
    )  # fmt: skip
    entered = await desk.register_provider(new)
    signer = Signer(generate_key(f"network-{uuid4()}"))
    await desk.add_key(entered.id, NewKey(jwk=signer.public, proof=prove(signer, entered.id)))
    client_id, secret = f"provider-{entered.id}", "only for tests"
    office.stack.clients.put(Identity(client_id, secret, client_id, str(entered.id), roles=("access_provider",)))
    async with Concord.connect(client=(client_id, secret), places=places_of(office.stack), patience_s=60) as client:
        yield Network(str(entered.id), client, signer)


async def instruction_of(office: Office, provider_id: str) -> access.InstructionView:
    """What lies on the supervisor's desk about this network."""
    desk = office.people["supervisor-a"].access

    async def lying() -> list[access.InstructionView]:
        every = [each async for each in desk.instructions(status=InstructionStatus.RECEIVED)]
        return [each for each in every if str(each.provider_id) == provider_id]

    (found,) = await until(lying, bool, timeout_s=PATIENCE_S)
    return found


async def test_p3_4_two_people_of_the_supervisor_order_it_and_receipts_go_back_through_both(office: Office) -> None:
    domain = "campus.example"
    first, second = (office.people[name].access for name in ("supervisor-a", "supervisor-b"))
    async with network(office) as campus:
        await office.enter(domain, provider_id=campus.id)
        case = await office.execute(await office.decide(domain))
        instruction = await instruction_of(office, campus.id)
        assert (instruction.regulator.id, instruction.supervisor.id) == ("industry-110000", SUPERVISOR)
        (waiting,) = await until(lambda: office.orders(case, Action.CUT_OFF), bool, timeout_s=PATIENCE_S)
        assert (waiting.status, waiting.sequence) == (OrderStatus.INSTRUCTED, None)

        await first.acknowledge(instruction.id)
        with pytest.raises(ConcordError, match="second_person_required"):
            await first.issue(instruction.id)
        await second.issue(instruction.id)
        order, jws = await campus.next_order(0)
        assert (order.issuer.id, order.action, order.site.hosts) == (SUPERVISOR, Action.CUT_OFF, (domain,))
        assert order.authority.id == "drugs-110000", "whoever decided is named, whoever passes it on"

        await campus.answer(order, jws, "received")
        await campus.answer(order, jws, "executed", how="HTTP 451 on every host name")
        for name in ("supervisor-b", "regulator-b"):
            seen = await office.people[name].access.get_order(order.order_id)
            assert [each.outcome for each in seen.receipts] == ["received", "executed"], name
        await office.hosting(domain, "suspended")
        heard = await until(
            lambda: office.people["drugs-a"].enforcement.get_decision(case.decision_id),
            lambda decision: any(each.outcome == "executed" for each in decision.orders),
            timeout_s=PATIENCE_S,
        )
        assert [each.provider_id for each in heard.orders] == [order.provider_id], "whoever decided hears of it"

        await office.uphold(case)
        restore, jws = await campus.next_order(1)
        assert (restore.issuer.id, restore.undoes) == (SUPERVISOR, order.order_id)
        await campus.answer(restore, jws, "executed", how="Served again")
        await office.hosting(domain, "serving")
