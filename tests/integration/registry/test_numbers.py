"""Numbers have no gap and none twice, whoever dies between drawing one and keeping it (P3.1.5, issue 9)."""

import asyncio
import random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from registry.service import registrations
from registry.store import registrations as store
from shared.contracts.http.registry import Granting
from shared.runtime.base.problems import Unavailable
from shared.runtime.db.postgres import Tx
from tests.integration.registry.conftest import GRANT, Register, a_site, domain, uscc
from tests.support.crash import Killed
from tests.support.people import person

MANY = 50


class Chaos:
    """Kills whoever has just drawn a number, one way or another, with a chance of one in two for so many times."""

    def __init__(self, seed: int, most: int) -> None:
        self._chance, self._left = random.Random(seed), most
        self._draw = store.next_number
        self.killed: list[str] = []

    async def next_number(self, tx: Tx, region: str, kind: str, count: int = 1) -> int:
        """Draw it, and perhaps die: as a process does, or as its connection does."""
        last = await self._draw(tx, region, kind, count)
        if self._left and self._chance.random() < 0.5:
            self._left -= 1
            how = self._chance.choice(["process", "connection", "cancelled"])
            self.killed.append(how)
            if how == "process":
                raise Killed
            if how == "cancelled":
                raise asyncio.CancelledError
            await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return last


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_fifty_grants_at_once_with_kills_in_between_leave_no_gap_and_no_double(
    register: Register, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rt, who, body = register.api.rt, person("regulator-a"), Granting.model_validate(GRANT)
    waiting = [UUID((await register.submitted(a_site(domain()), uscc(2000 + n)))["id"]) for n in range(MANY)]
    chaos = Chaos(seed, most=25)
    monkeypatch.setattr(store, "next_number", chaos.next_number)
    ended: list[str] = []

    async def grant(registration_id: UUID) -> None:
        """Until it is granted, as whoever asks again does."""
        while True:
            try:
                async with rt.db.transaction() as tx:
                    await registrations.grant(tx, rt, who, registration_id, body)
            except (Killed, asyncio.CancelledError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as died:
                ended.append(type(died).__name__)
            except Unavailable:
                await asyncio.sleep(0.01)  # the pool was busy
            else:
                return

    await asyncio.wait_for(asyncio.gather(*(grant(each) for each in waiting)), 120)
    assert len(chaos.killed) == 25, "every kill happened"
    assert set(chaos.killed) == {"process", "connection", "cancelled"}
    numbers: list[Any] = await register.fetchval("SELECT array_agg(number ORDER BY number) FROM registration")
    assert numbers == [f"京ICP备{n:08d}号" for n in range(1, MANY + 1)]
    assert await register.fetchval("SELECT last FROM number_counter WHERE kind = 'filing'") == MANY
    told = await register.fetchval("SELECT count(*) FROM outbox WHERE type = 'site.recorded.v1'")
    assert told == MANY, "what a dead one had drawn was told to nobody"


async def test_filings_and_licences_of_each_province_count_for_themselves(register: Register) -> None:
    body = GRANT | {"valid_from": "2026-12-01", "valid_until": "2027-12-01"}
    filings = [(await register.submitted(a_site(domain()), uscc(3000 + n)))["id"] for n in range(8)]
    licences = [(await register.submitted(a_site(domain()), uscc(3100 + n), kind="licence"))["id"] for n in range(8)]
    answers = await asyncio.gather(
        *(register.post(f"/registrations/{each}/grant", GRANT, "regulator-a") for each in filings),
        *(register.post(f"/registrations/{each}/grant", body, "regulator-a") for each in licences),
    )
    found = sorted(answer["number"] for answer in answers)
    assert found == sorted([f"京ICP备{n:08d}号" for n in range(1, 9)] + [f"京ICP证{n:06d}号" for n in range(1, 9)])
