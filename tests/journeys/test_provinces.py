"""Home and host: Beijing decides about its operator's site, Shanghai orders its provider, and both see both clocks."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from typing import Final
from uuid import uuid4

from concord.sdk import Concord, until
from local_stack.people import Identity
from shared.contracts.http import access
from shared.contracts.http.access import OrderStatus
from shared.contracts.http.home import OrderOutcomeView
from shared.contracts.http.providers import NewKey, NewLicence, NewProvider
from shared.contracts.orders import Action
from shared.signing import Signer, generate_key, prove
from tests.journeys.test_networks import Network
from tests.support.office import PATIENCE_S, Case, Office, places_of

HOME, HOST = "industry-110000", "industry-310000"
SECRET: Final = "only for tests"
WHY: Final = "The provider says that the machines of this site stand in another province."


@asynccontextmanager
async def client(office: Office, name: str, organisation: str, role: str) -> AsyncIterator[Concord]:
    """Somebody of an organisation."""
    office.stack.clients.put(Identity(name, SECRET, name, organisation, roles=(role,)))
    async with Concord.connect(client=(name, SECRET), places=places_of(office.stack), patience_s=60) as found:
        yield found


@asynccontextmanager
async def shanghai(office: Office) -> AsyncIterator[tuple[Concord, Network]]:
    """The access desk of Shanghai, and a provider there that answers by hand."""
    async with AsyncExitStack() as clients:
        desk = await clients.enter_async_context(client(office, f"desk-{uuid4()}", HOST, "access_desk"))
        new = NewProvider(
            name="Shanghai hosting",
            licence=NewLicence(kind="idc", number=f"沪ICP证{uuid4().int % 10**6:06d}号", valid_from=date(2020, 1, 1)),
            region="310000",
            kind="access_provider", contact="filings@shanghai.example",
        )  # fmt: skip
        entered = await desk.access.register_provider(new)
        signer = Signer(generate_key(f"shanghai-{uuid4()}"))
        person = Concord.connect(person="shanghai-desk-a", places=places_of(office.stack), patience_s=60)
        key = NewKey(jwk=signer.public, proof=prove(signer, entered.id))
        await (await clients.enter_async_context(person)).access.add_key(entered.id, key)
        provider = await clients.enter_async_context(
            client(office, f"provider-{entered.id}", str(entered.id), "access_provider")
        )
        yield desk, Network(str(entered.id), provider, signer)


async def told(office: Office, case: Case, outcome: str) -> OrderOutcomeView:
    """What home's execution shows of its last order, once it shows this outcome."""
    regulator = office.people["regulator-a"].registry
    assert case.execution_id is not None
    execution_id = case.execution_id
    seen = await until(
        lambda: regulator.get_execution(execution_id),
        lambda found: bool(found.orders) and found.orders[-1].outcome == outcome,
        timeout_s=PATIENCE_S,
    )
    return seen.orders[-1]


async def ordered(office: Office, case: Case, status: OrderStatus, attempt: int = 1) -> access.OrderView:
    """The cut-off of a case, once it stands so."""
    every = await until(
        lambda: office.orders(case, Action.CUT_OFF),
        lambda found: any((each.status, each.attempt) == (status, attempt) for each in found),
        timeout_s=PATIENCE_S,
    )
    return next(each for each in every if each.attempt == attempt)


async def test_home_decides_the_host_orders_its_provider_and_both_see_it_carried_out(office: Office) -> None:
    domain = "far.example"
    async with shanghai(office) as (desk, provider):
        await office.enter(domain, provider_id=provider.id)
        case = await office.execute(await office.decide(domain))
        order, jws = await provider.next_order(0)
        assert order.regulator is not None
        assert (order.issuer.id, order.regulator.id, order.authority.id) == (HOST, HOME, "drugs-110000")
        released = await told(office, case, "released")
        assert released.issuer is not None
        assert (released.issuer.id, released.execute_by, released.overdue) == (HOST, order.execute_by, False)
        there = await desk.access.get_order(order.order_id)
        assert (there.home.regulator.id, there.authority.id) == (HOME, "drugs-110000")
        assert there.home.due_at is not None
        assert there.home.carried_out_at is not None

        await provider.answer(order, jws, "executed", how="HTTP 451 on every host name")
        assert (await told(office, case, "executed")).detail == "HTTP 451 on every host name"
        there = await desk.access.get_order(order.order_id)
        assert (there.status, [each.outcome for each in there.receipts]) == (OrderStatus.EXECUTED, ["executed"])
        await office.hosting(domain, "suspended")

        await office.uphold(case)
        restore, jws = await provider.next_order(1)
        assert (restore.issuer.id, restore.action, restore.undoes) == (HOST, Action.RESTORE, order.order_id)
        await provider.answer(restore, jws, "executed", how="Served again")
        await office.hosting(domain, "serving")
        there = await desk.access.get_order(order.order_id)
        assert there.home.undone_because == "overturned"


async def test_what_the_host_takes_back_home_hears_with_reasons_and_sends_again(office: Office) -> None:
    domain = "doubted.example"
    async with shanghai(office) as (desk, provider):
        await office.enter(domain, provider_id=provider.id)
        case = await office.execute(await office.decide(domain))
        drafted = await ordered(office, case, OrderStatus.DRAFTED)
        await desk.access.withdraw(drafted.id, access.WithReasons(reasons=WHY))
        heard = await told(office, case, "withdrawn")
        assert heard.withdrawn_by is not None
        assert (heard.detail, heard.withdrawn_by.id) == (WHY, HOST)

        again = access.WithReasons(reasons="The register shows the site at this very provider.")
        await office.people["regulator-a"].access.ask_reissue(drafted.id, again)
        await office.people["regulator-b"].access.reissue(drafted.id, again)
        order, jws = await provider.next_order(0)
        assert (order.issuer.id, order.attempt, order.sequence) == (HOST, 2, 1)
        await provider.answer(order, jws, "executed", how="HTTP 451 on every host name")
        await told(office, case, "executed")
