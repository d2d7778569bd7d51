"""Any process may die at any instruction: what was decided happens, and happens once."""

import asyncio
import random

from local_stack.supervisor import LocalStack
from shared.contracts.orders import Action
from shared.contracts.receipts import Outcome
from tests.support.office import Case, Office

VICTIMS = ("registry", "enforcement", "access-control", "query", "agent", "approval")


async def _kill_everything(stack: LocalStack, chance: random.Random) -> None:
    """Each process once, in a random order, a moment apart, without a warning."""
    for name in chance.sample(VICTIMS, len(VICTIMS)):
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        stack.kill(name)


async def _sequences(office: Office) -> list[int]:
    """Of every order there is."""
    every = [order async for order in office.people["desk-a"].access.orders()]
    return sorted(order.sequence for order in every if order.sequence is not None)


async def test_each_process_killed_during_the_journey_leaves_one_order_and_one_receipt_per_decision(
    stack: LocalStack, office: Office
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    domains = [f"killed{n}.example" for n in range(6)]
    before = len(await _sequences(office))
    await office.enter(*domains)
    killer = asyncio.create_task(_kill_everything(stack, random.Random(seed)))

    async def story(domain: str) -> Case:
        return await office.execute(await office.decide(domain))

    revoked = await asyncio.gather(*(story(domain) for domain in domains))
    await killer
    for case in revoked:
        order = await office.executed(case, Action.CUT_OFF)
        assert [receipt.outcome for receipt in order.receipts].count(Outcome.EXECUTED) == 1
        await office.visit(case.domain, 451)
        await office.hosting(case.domain, "suspended")
    await stack.wait_ready()
    killer = asyncio.create_task(_kill_everything(stack, random.Random(seed + 1)))
    await asyncio.gather(*(office.uphold(case) for case in revoked))
    await killer
    for case in revoked:
        order = await office.executed(case, Action.RESTORE)
        assert [receipt.outcome for receipt in order.receipts].count(Outcome.EXECUTED) == 1
        await office.visit(case.domain, 200)
        await office.hosting(case.domain, "serving")
    assert await _sequences(office) == list(range(1, before + 2 * len(domains) + 1))
