"""An organisation without a key: its restores go out all the same, or wait by themselves, and hold nobody up."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access_control.errors import Unsigned
from access_control.service import receipts, state
from access_control.service.overlaps import SPARE
from access_control.service.sending import EXECUTION, RESTORE
from access_control.store.receipts import READER
from shared import signing
from shared.contracts.orders import ORDER_TYPE
from shared.contracts.topics import receipts_topic
from shared.runtime.acts.documents import IssuerHasNoKey
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.events import inbox
from shared.runtime.events.delivery import passes
from shared.runtime.events.dispatch import Raw
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import WHY, Desk, Host, carried_out, opened, undone
from tests.integration.access_control.test_access_emergencies import lapsed, report, shown
from tests.integration.access_control.test_access_overlaps import BLOG, NEWS, overlapped, sent
from tests.integration.access_control.test_access_provinces import HOST, far_host

HERE, MINISTRY, SUPERVISOR = "industry-110000", "industry", "education"


class Keys:
    """The key file of a desk that has keys of some organisations alone."""

    def __init__(self, file: Path) -> None:
        self.file, self.known = file, dict[str, dict[str, Any]]()
        self.file.touch(0o600)

    def set(self, *owners: str) -> None:
        for owner in owners:
            self.known.setdefault(owner, {**signing.generate_key(kid=f"of-{owner}"), signing.OWNER: owner})
        self.file.write_text(json.dumps({"keys": [self.known[owner] for owner in owners]}))


@pytest.fixture
async def keyless(open_desk: OpenDesk, tmp_path: Path) -> AsyncIterator[tuple[Desk, Keys]]:
    """A desk without a window that has three keys, until the test takes one away."""
    keys = Keys(tmp_path / "some.json")
    keys.set(HERE, MINISTRY, SUPERVISOR)
    async with open_desk(signing_keys_file=keys.file, signing_keys_generate=False, withdraw_window_s=0) as desk:
        yield desk, keys


async def last(desk: Desk, host: Host) -> tuple[str, str, str]:
    """Of the newest order that is out: what, in whose name, and by whose key."""
    jws = (await desk.feed(host))["orders"][-1]["jws"]
    document = opened(jws)
    published = (await desk.api.get("/.well-known/jwks.json")).json()["keys"]
    (owner,) = {key["organisation"] for key in published if key["kid"] == signing.read_header(jws)["kid"]}
    signing.KeyRing(published).verify(jws, ORDER_TYPE)
    return document["action"], document["issuer"]["id"], owner


async def test_the_ministry_restores_where_the_issuer_has_no_key_any_more(keyless: tuple[Desk, Keys]) -> None:
    desk, keys = keyless
    host, network = await desk.host(), await desk.network()
    (fact,) = await desk.cut_off(host)
    found = await report(desk, network)
    keys.set(MINISTRY)
    await desk.deliver(undone(fact), lapsed(network, found))
    for each in (host, network):
        assert await last(desk, each) == ("restore", MINISTRY, MINISTRY)
    assert [each["issuer"]["id"] for each in await desk.orders(host)] == [HERE, MINISTRY]
    assert (await desk.answer(host))["status"] == "recorded"


async def test_a_restore_that_nobody_can_sign_waits_by_itself_and_no_fact_waits_with_it(
    keyless: tuple[Desk, Keys],
) -> None:
    desk, keys = keyless
    host, other = await desk.host(), await desk.network()
    both = carried_out(host)
    await desk.deliver(both)
    found = await report(desk, host, None)
    keys.set(SUPERVISOR)
    elsewhere = await report(desk, other)
    await desk.deliver(undone(both), lapsed(host, found), lapsed(other, elsewhere))
    assert await last(desk, other) == ("restore", SUPERVISOR, SUPERVISOR), "heard after it, and sent before it"
    waiting = [each for each in await desk.orders(host) if each["action"] == "restore"]
    assert [each["status"] for each in waiting] == ["drafted", "drafted"]
    assert (await shown(desk, found))["status"] == "lapsed"
    assert sorted(map(str, await desk.open_deadlines(RESTORE))) == sorted(each["id"] for each in waiting)
    with pytest.raises(IssuerHasNoKey):
        await desk.ring(RESTORE, waiting[0]["id"])
    keys.set(SUPERVISOR, MINISTRY)
    for each in waiting:
        await desk.ring(RESTORE, each["id"])
        await desk.ring(RESTORE, each["id"])
    assert [each["status"] for each in (await desk.orders(host))[1:]] == ["released", "released"]
    assert (await desk.feed(host))["head"] == 3
    assert len(await desk.open_deadlines(EXECUTION)) == 3


async def test_a_restore_is_taken_back_by_nobody_also_while_it_waits(keyless: tuple[Desk, Keys]) -> None:
    desk, keys = keyless
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    keys.set(SUPERVISOR)
    await desk.deliver(undone(fact))
    (_, restore) = await desk.orders(host)
    assert restore["status"] == "drafted"
    for who in ("desk-a", "regulator-a"):
        shown = (await desk.api.get(f"/orders/{restore['id']}", who=who)).json()
        assert shown["allowed_actions"] == []
        refused = await desk.act(f"/orders/{restore['id']}/withdrawal", WHY, who, 409)
        assert refused["code"] == "restore_stands"


async def test_without_a_regulator_of_the_province_an_emergency_comes_back_in_the_ministrys_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, other = await desk.host(), await desk.host()
    found, (fact,) = await report(desk, host), await desk.cut_off(other)
    known = {each.organisation_id: each for each in desk.rt.directory if each.organisation_id != HERE}
    monkeypatch.setattr(desk.rt.directory, "_organisations", known)
    await desk.deliver(lapsed(host, found), undone(fact))
    assert await last(desk, host) == ("restore", MINISTRY, MINISTRY)
    assert await last(desk, other) == ("restore", HERE, HERE), "who ordered it off still has its key"


async def test_what_instructs_a_network_without_a_key_holds_up_itself_alone(keyless: tuple[Desk, Keys]) -> None:
    desk, keys = keyless
    network = await desk.network()
    keys.set(MINISTRY, SUPERVISOR)
    with pytest.raises(Unsigned, match=HERE) as raised:
        await desk.deliver(carried_out(network))
    assert not passes(raised.value), "it is parked, and not waited for"
    assert await desk.orders() == []


async def test_a_replacement_that_its_issuer_cannot_sign_waits_by_itself_and_no_fact_waits_with_it(
    keyless: tuple[Desk, Keys],
) -> None:
    desk, keys = keyless
    keys.set(HERE, HOST)
    mute, network, far = await desk.host(), await desk.network(), await far_host(desk)
    fact = carried_out(mute, network, far)
    await desk.deliver(fact)
    keys.set(HOST)
    met = overlapped(fact, BLOG)
    await desk.deliver(met, met)
    assert [each["action"] for each in await sent(desk, far)] == ["cut_off", "cut_off", "restore"], "whose issuer can"
    (held_back,) = await desk.orders(network)
    assert held_back["site"]["spared"] == ["advice.pharmacy.example", BLOG], "it spares it when it is issued"
    (out,) = await desk.orders(mute)
    assert [str(each) for each in await desk.open_deadlines(SPARE)] == [out["id"]]
    with pytest.raises(IssuerHasNoKey):
        await desk.ring(SPARE, out["id"])
    keys.set(HERE)
    for _ in range(2):
        await desk.ring(SPARE, out["id"])
    first, second, restore = await sent(desk, mute)
    assert (second["action"], second["site"]["spared"]) == ("cut_off", ["advice.pharmacy.example", BLOG])
    assert (restore["action"], restore["undoes"]) == ("restore", first["order_id"])


async def test_a_site_whose_appeal_was_won_comes_back_while_a_replacement_waits_which_is_not_sent_then(
    keyless: tuple[Desk, Keys],
) -> None:
    desk, keys = keyless
    host = await desk.host()
    (fact,) = await desk.cut_off(host)
    keys.set(MINISTRY)
    await desk.deliver(overlapped(fact, BLOG), undone(fact))
    assert await last(desk, host) == ("restore", MINISTRY, MINISTRY)
    (waited,) = await desk.open_deadlines(SPARE)
    await desk.ring(SPARE, waited)
    keys.set(HERE)
    await desk.ring(SPARE, waited)
    assert [each["action"] for each in await sent(desk, host)] == ["cut_off", "restore"]


async def test_a_replacement_that_is_tried_again_as_the_measure_is_undone_leaves_nothing_dark(
    keyless: tuple[Desk, Keys],
) -> None:
    desk, keys = keyless
    hosts = [await desk.host() for _ in range(3)]
    (fact,) = await desk.cut_off(*hosts)
    keys.set(MINISTRY)
    await desk.deliver(overlapped(fact, BLOG))
    keys.set(HERE)
    waiting = await desk.open_deadlines(SPARE)
    await asyncio.gather(*(desk.ring(SPARE, each) for each in waiting), desk.deliver(undone(fact)))
    for host in hosts:
        documents = await sent(desk, host)
        burdens = {each["order_id"] for each in documents if each["action"] == "cut_off"}
        assert burdens == {each["undoes"] for each in documents if each["action"] == "restore"}


async def test_whatever_is_told_while_a_replacement_waits_is_spared_by_the_first_that_goes_out(
    keyless: tuple[Desk, Keys],
) -> None:
    desk, keys = keyless
    host, other = await desk.host(), await desk.host()
    facts = await desk.cut_off(host) + await desk.cut_off(other)
    keys.set(MINISTRY)
    await desk.deliver(*(overlapped(fact, BLOG) for fact in facts))
    waiting = await desk.open_deadlines(SPARE)
    await desk.deliver(overlapped(facts[0], NEWS))
    keys.set(HERE)
    await desk.deliver(overlapped(facts[1], NEWS))
    for order_id in waiting:
        await desk.ring(SPARE, order_id)
    for each in (host, other):
        documents = await sent(desk, each)
        assert [document["action"] for document in documents] == ["cut_off", "cut_off", "restore"]
        assert documents[1]["site"]["spared"] == ["advice.pharmacy.example", BLOG, NEWS]


async def test_receipts_that_nobody_can_answer_hold_up_their_own_topic_alone_and_count_against_nobody(
    keyless: tuple[Desk, Keys],
) -> None:
    desk, keys = keyless
    host = await desk.host()
    await desk.cut_off(host)
    (sent,) = (await desk.feed(host))["orders"]
    jws = host.batch(host.receipt(sent))
    keys.set(SUPERVISOR)
    meta = EventMeta(uuid7(), host.id, receipts_topic(host.id).name, 0, 0, desk.clock.now())
    with pytest.raises(Unsigned) as raised:
        async with desk.rt.db.transaction() as tx:
            await receipts.record_heard(desk.rt, tx, [Raw(jws.encode(), meta)])
    assert not passes(raised.value)
    assert (await desk.hand_in(host, jws)).status_code == 503
    (order,) = await desk.orders(host)
    await desk.let_pass(order["id"])
    assert (await desk.order(order["id"]))["overdue"] is False
    keys.set(HERE)
    async with desk.rt.db.transaction() as tx:
        await inbox.park(tx, READER, meta, event_type="receipts", value=jws.encode(), headers={}, error="Unsigned")
    await desk.ring(EXECUTION, order["id"])
    assert (await desk.order(order["id"]))["overdue"] is False, "what it signed lies here"
    await desk.rows("DELETE FROM parked")
    desk.clock.advance(timedelta(hours=1))
    await desk.ring(EXECUTION, order["id"])
    assert (await desk.order(order["id"]))["overdue"] is True


async def test_who_cannot_sign_is_known_before_a_site_waits_for_it(keyless: tuple[Desk, Keys]) -> None:
    desk, keys = keyless
    issuers = [each.organisation_id for each in desk.rt.directory if each.active and state.ISSUERS & {*each.kinds}]
    assert state.without_key(desk.rt) == sorted({*issuers} - {HERE, MINISTRY, SUPERVISOR})
    keys.set(HERE)
    assert {MINISTRY, SUPERVISOR} <= {*state.without_key(desk.rt)}
    keys.file.unlink()
    assert state.without_key(desk.rt) == sorted(issuers)
