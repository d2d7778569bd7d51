"""The broker goes away, or comes back empty: departments go on writing, and nothing is lost or done twice."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta

import asyncpg

from concord.sdk import Concord, until
from local_stack.supervisor import LocalStack
from shared.contracts.http import casefile, complaints
from shared.contracts.orders import Action
from shared.contracts.receipts import Outcome
from tests.support.office import SAYS, Case, Office, places_of

AWAY_S = 20.0


async def _unpublished(stack: LocalStack, service: str) -> int:
    connection = await asyncpg.connect(stack.dsn(service))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"))
    finally:
        await connection.close()


async def _complained_of_and_handed_over(office: Office, file: Case) -> None:
    """What people of one department do among themselves needs no broker."""
    async with Concord.connect(places=places_of(office.stack)) as somebody:
        new = complaints.NewComplaint(host=file.domain, ground="unlawful_medicines", text="They asked me nothing.")
        receipt = await somebody.complaints.complain(new)
        desk = office.people["regulator-a"].complaints
        (matter,) = [each async for each in desk.matters(host=file.domain)]
        await desk.triage(matter.id, complaints.Triage(grade="minor", reasons="A label is missing, nobody was hurt."))
        await desk.warn(matter.id, complaints.NewWarning(statement=SAYS))
        assert (await somebody.complaints.status(receipt.secret)).outcome == "warned"
    await office.people["drugs-a"].enforcement.claim_case(file.case_id)
    ended = await office.people["drugs-a"].enforcement.transfer_case(
        file.case_id, casefile.NewTransfer(to="industry-110000", statement=SAYS)
    )
    assert ended.outcome == "transferred"


async def test_twenty_seconds_without_a_broker_under_load_lose_nothing(stack: LocalStack, office: Office) -> None:
    domains = [f"away{n}.example" for n in range(12)]
    dark = "dark.example"
    await office.enter(*domains, dark)
    file = await office.case(dark)
    drafted = [await office.draft(domain) for domain in domains]
    for case in drafted:
        await office.tell(case)
    stack.stop_broker()
    # Its time to be confirmed ends while nobody can hear of it.
    emergency = await office.suspends(dark, datetime.now(UTC) - timedelta(hours=72) + timedelta(seconds=AWAY_S / 2))
    await _complained_of_and_handed_over(office, file)
    for case in drafted:  # the doors stay open: a decision is released while nobody can hear of it
        await office.release(case)
        await asyncio.sleep(AWAY_S / len(drafted))
    assert await _unpublished(stack, "enforcement") >= len(drafted)
    stack.start_broker()
    for case in drafted:
        await office.execute(case)
    for case in drafted:
        order = await office.executed(case, Action.CUT_OFF)
        assert [receipt.outcome for receipt in order.receipts].count(Outcome.EXECUTED) == 1
    desk = office.people["desk-a"].access
    over = await until(lambda: desk.get_emergency(emergency), lambda each: each.restore_id is not None, timeout_s=60)
    assert (over.status, over.ended_because) == ("lapsed", "not_confirmed")
    async with office.operator(dark) as operator:
        said = [each.kind async for each in operator.enforcement.notices() if each.kind.startswith("emergency")]
    assert sorted(said) == ["emergency_lapsed", "emergency_reported"]
    for service in ("registry", "enforcement", "access-control"):
        await until(lambda service=service: _unpublished(stack, service), lambda left: left == 0, timeout_s=60)  # type: ignore[misc]
        connection = await asyncpg.connect(stack.dsn(service))
        assert await connection.fetchval("SELECT count(*) FROM parked") == 0
        await connection.close()


async def test_a_wiped_broker_is_filled_again_from_the_outboxes_and_every_reader_catches_up(
    stack: LocalStack, office: Office
) -> None:
    domains = [f"wiped{n}.example" for n in range(4)]
    await office.enter(*domains)
    case = await office.execute(await office.decide(domains[0]))
    await office.executed(case, Action.CUT_OFF)
    before = await office.hosting(domains[0], "suspended")
    stack.stop_broker()
    await stack.stop("query")  # and the query node has lost its disk as well
    shutil.rmtree(stack.root / "query", ignore_errors=True)
    stack.start_broker()
    await stack.start("query")
    await stack.wait_ready()
    after = await office.hosting(domains[0], "suspended")
    changing = {"as_of", "lag_ms"}
    assert after.model_dump(exclude=changing) == before.model_dump(exclude=changing)
    for domain in domains[1:]:
        await office.hosting(domain, "serving")
    assert len(await office.orders(case, Action.CUT_OFF)) == 1
    order = await office.executed(case, Action.CUT_OFF)
    assert [receipt.outcome for receipt in order.receipts] == [Outcome.RECEIVED, Outcome.EXECUTED]
    # Publishing everything once more, as an operator might to be sure, does nothing twice.
    await stack.replay()
    # And life goes on.
    again = await office.execute(await office.decide(domains[1]))
    await office.executed(again, Action.CUT_OFF)
