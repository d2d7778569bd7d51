"""Complaints that come at once share a statement; nobody waits for, or falls with, somebody else's (N4.2.4)."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from uuid import UUID

import asyncpg
import pytest

from enforcement.service import complaints as complaining
from enforcement.store import complaints as store
from shared.contracts.http.complaints import NewComplaint
from shared.runtime.db.postgres import TookTooLong, Tx
from tests.integration.enforcement.complaining import GROUND, SAID, complain, graded, matters
from tests.integration.enforcement.conftest import Office, site_recorded

MANY = 40


async def _known(office: Office, *hosts: str) -> None:
    """Somebody complained of these sites already."""
    for host in hosts:
        await office.hear(site_recorded(host))
        await complain(office, host)


async def _say(office: Office, host: str, source: int = 1) -> complaining.Taken:
    body = NewComplaint(host=host, ground=GROUND, text=SAID)
    return await complaining.complain(office.api.rt, None, f"198.18.{source >> 8}.{source & 255}", body)


async def _kept(office: Office) -> int:
    return int(await office.fetchval("SELECT count(*) FROM complaint"))


async def test_those_that_come_while_one_statement_runs_share_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _known(office, "crowd.example", "other.example")
    attach, sizes = store.attach, list[int]()

    async def counting(tx: Tx, said: Sequence[store.NewComplaint], *, wait: bool) -> set[UUID]:
        sizes.append(len(said))
        return await attach(tx, said, wait=wait)

    monkeypatch.setattr(store, "attach", counting)
    hosts = ("crowd.example", "WWW.other.example")
    taken = await asyncio.gather(*(_say(office, hosts[each % 2], each) for each in range(MANY)))
    assert sum(sizes) == MANY
    assert len(sizes) <= 3, sizes
    assert len({each.secret for each in taken}) == MANY
    assert [each["complaints"] for each in await matters(office)] == [1 + MANY // 2] * 2, "each where it belongs"


async def test_nobody_has_a_receipt_before_the_complaint_is_kept(office: Office) -> None:
    await _known(office, "kept.example")
    async with office.api.rt.db.transaction() as tx:
        await tx.execute("LOCK TABLE complaint IN SHARE ROW EXCLUSIVE MODE")
        waiting = {asyncio.create_task(_say(office, "kept.example", each)) for each in range(5)}
        done, _ = await asyncio.wait(waiting, timeout=0.3)
        assert not done
        assert await _kept(office) == 1
    await asyncio.gather(*waiting)
    assert await _kept(office) == 6


async def test_who_complains_of_what_somebody_holds_keeps_no_other_waiting(office: Office) -> None:
    await _known(office, "held.example", "free.example")
    async with office.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE matter SET changed_at = now() WHERE host = 'held.example'")
        held = asyncio.create_task(_say(office, "held.example"))
        async with asyncio.timeout(20):
            await asyncio.gather(*(_say(office, "free.example", each) for each in range(5)))
        assert not held.done()
    await held
    assert [each["complaints"] for each in await matters(office)] == [2, 6]


async def test_whoever_waited_for_a_matter_that_ended_begins_a_new_one(office: Office) -> None:
    matter = await graded(office, site_recorded("ended.example"))
    async with office.api.rt.db.transaction() as tx:
        await tx.execute(
            "UPDATE matter SET status = 'ended', outcome = 'dismissed', statement = '{}', ended_at = now()"
            " WHERE id = $1", UUID(matter["id"])
        )  # fmt: skip
        waiting = asyncio.create_task(_say(office, "ended.example"))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
    await waiting
    assert await office.fetchval("SELECT array_agg(status ORDER BY id) FROM matter") == ["ended", "open"]
    assert await office.fetchval("SELECT count(DISTINCT matter_id) FROM complaint") == 2


async def test_what_is_wrong_with_one_complaint_sinks_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await _known(office, "shared.example")
    references = chain(["C-TAKEN", "C-TAKEN"], (f"C-{each}" for each in range(MANY)))
    monkeypatch.setattr(complaining, "_reference", lambda: next(references))
    taken = await asyncio.gather(
        *(_say(office, "shared.example", each) for each in range(MANY)), return_exceptions=True
    )
    wrong = [each for each in taken if isinstance(each, BaseException)]
    assert [type(each) for each in wrong] == [asyncpg.UniqueViolationError]
    assert await _kept(office) == 1 + MANY - 1


async def test_when_the_database_is_away_everybody_is_told_so_and_nobody_tries_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _known(office, "away.example")
    attach, alone = store.attach, list[bool]()

    async def away(*_: object, wait: bool) -> set[UUID]:
        alone.append(wait)
        raise TookTooLong("the database took longer than it may")

    monkeypatch.setattr(store, "attach", away)
    body = {"host": "away.example", "ground": GROUND, "text": SAID}
    answers = await asyncio.gather(*(office.api.post("/complaints", json=body) for _ in range(5)))
    assert {each.status_code for each in answers} == {503}
    assert not any(alone)
    monkeypatch.setattr(store, "attach", attach)
    await complain(office, "away.example")
    assert await _kept(office) == 2


async def test_whoever_goes_away_while_it_waits_takes_nobody_along(office: Office) -> None:
    await _known(office, "gone.example")
    async with office.api.rt.db.transaction() as tx:
        await tx.execute("LOCK TABLE complaint IN SHARE ROW EXCLUSIVE MODE")
        first, second, third = (asyncio.create_task(_say(office, "gone.example", each)) for each in range(3))
        await asyncio.sleep(0.1)
        for impatient in (first, second):
            impatient.cancel()
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await third
