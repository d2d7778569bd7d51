"""Subscriptions to a name: who shows that it is theirs hears of acts about it, and nobody loses a safeguard by it."""

import asyncio
import contextvars
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from enforcement.consumer import DEADLINES
from enforcement.service.proving import Prover
from enforcement.service.subscriptions import CLOCKS, MOST
from enforcement.store import subscriptions as store
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.notices import NoticeDocument
from shared.contracts.registry import ExecutionUndoneV1
from shared.runtime.post.proofs import NotAnswered
from tests.integration.enforcement.conftest import EASED, STATEMENT, Office, site_recorded

OWNER = ("seller", {"organisation": "91310000MA1FL0WNE4"})
"""Somebody whom no register knows."""
PROVIDER = ProviderRecordedV1.EXAMPLE["provider_id"]


RUNG = """
UPDATE deadline SET breached_at = $2
 WHERE id = (SELECT id FROM deadline WHERE kind = ANY ($1) AND due_at <= $2 AND met_at IS NULL AND breached_at IS NULL
              ORDER BY due_at, id LIMIT 1)
RETURNING kind, aggregate_id
"""


class Names:
    """What names show."""

    def __init__(self) -> None:
        self.shown: dict[str, list[str]] = {}
        self.silent: set[str] = set()
        self.looked: list[str] = []
        self.meanwhile: Any = None

    async def texts(self, name: str) -> list[str]:
        return await self._look(name)

    async def file(self, url: str) -> str | None:
        return "\n".join(await self._look(url)) or None

    async def _look(self, place: str) -> list[str]:
        self.looked.append(place)
        if self.meanwhile is not None:
            await self.meanwhile()
        if place in self.silent:
            raise NotAnswered("timed out")
        return self.shown.get(place, [])

    def show(self, view: dict[str, Any]) -> None:
        self.shown[view["proof"]["place"]] = ["v=spf1 -all", view["proof"]["content"]]


class Desk:
    """The owner's side of the office."""

    def __init__(self, office: Office) -> None:
        self.office, self.names = office, Names()

    async def subscribe(self, host: str, who: Any = OWNER, **changes: Any) -> dict[str, Any]:
        body = {"host": host, "method": "dns", "email": "web@owner.example"} | changes
        return await self.office.post("/name-subscriptions", body, who, 201)

    async def active(self, host: str, who: Any = OWNER, **changes: Any) -> dict[str, Any]:
        view = await self.subscribe(host, who, **changes)
        self.names.show(view)
        await self.look()
        await self.confirm(view, who)
        assert (await self.read(view, who))["status"] == "active"
        return view

    async def code(self, view: dict[str, Any]) -> str:
        """What the newest mail to the address of a subscription says."""
        said = await self.office.fetchval(
            "SELECT n.document FROM notice n JOIN delivery d ON d.notice_id = n.id, name_subscription s"
            " WHERE s.id = $2 AND n.kind = 'subscription_code' AND d.address = $1"
            "   AND convert_from(n.document, 'UTF8')::jsonb -> 'to' ->> 'identity' = s.identity"
            " ORDER BY n.id DESC LIMIT 1", view["email"], UUID(view["id"]),
        )  # fmt: skip
        statement = NoticeDocument.model_validate_json(said).says
        assert statement is not None
        return str(re.findall("[0-9]{8}", statement.reasons)[0])

    async def confirm(self, view: dict[str, Any], who: Any = OWNER) -> None:
        """Enter the code, where one is asked for."""
        if (await self.read(view, who))["status"] == "confirming":
            body = {"code": await self.code(view)}
            await self.office.post(f"/name-subscriptions/{view['id']}/confirmation", body, who)

    async def read(self, view: dict[str, Any], who: Any = OWNER) -> dict[str, Any]:
        return await self.office.get(f"/name-subscriptions/{view['id']}", who)

    async def look(self) -> bool:
        return await Prover(self.office.api.rt, self.names).once()

    async def ring(self) -> None:
        """Whatever clock has run out by now."""
        rt = self.office.api.rt
        while True:
            async with rt.db.transaction() as tx:
                row = await tx.fetchrow(RUNG, sorted(CLOCKS), rt.clock.now())
                if row is None:
                    return
                await DEADLINES[row["kind"]](rt, tx, row["aggregate_id"])

    async def after(self, **time: float) -> None:
        self.office.clock.advance(timedelta(**time))
        await self.ring()

    async def sent(self, view: dict[str, Any] | None = None) -> list[NoticeDocument]:
        """The copies that were queued, oldest first."""
        async with self.office.api.rt.db.connection() as tx:
            rows = await tx.fetch(
                "SELECT document, address FROM notice JOIN delivery ON notice_id = id WHERE is_copy ORDER BY id"
            )
        found = [(NoticeDocument.model_validate_json(row["document"]), row["address"]) for row in rows]
        to = None if view is None else view["email"] or view["webhook"]
        return [document for document, address in found if to in {None, address}]

    async def kinds(self, view: dict[str, Any] | None = None) -> list[str]:
        return [each.kind for each in await self.sent(view)]


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


async def test_the_owner_of_a_found_site_hears_at_once_what_is_decided_about_it(desk: Desk, office: Office) -> None:
    await desk.active("shop.example")
    about = {"kind": "found_site", "host": "www.shop.example", "provider_id": PROVIDER}
    case = await office.case(about=about)
    said = {**STATEMENT, "public_reasons": "It sells medicines without consent.", "redacted": ["name of a patient"]}
    until = (office.clock.now() + timedelta(days=29)).isoformat()
    decision = await office.draft(case, "suspend_access", statement=said, until=until)
    [confirmed, copy] = await desk.sent()
    assert confirmed.kind == "subscription_confirmed"
    assert (copy.kind, copy.copy_about, copy.to.name) == ("decision_intended", "shop.example", "shop.example")
    assert copy.says is not None
    assert copy.says.reasons == "It sells medicines without consent.", "what is redacted stays so"
    assert copy.grounds is not None
    assert copy.grounds.redress.within_days
    assert copy.answer_by is not None
    await office.opens(decision, "decision_intended")
    office.clock.advance(timedelta(days=5))
    released = await office.release(decision)
    await office.executed(released)
    await office.hear(office.says(ExecutionUndoneV1, released))
    assert (await desk.kinds())[2:] == ["decision_released", "decision_carried_out", "decision_undone"]


async def test_a_copy_is_no_delivery_to_whom_an_act_burdens(desk: Desk, office: Office) -> None:
    site = site_recorded("pharmacy.example")
    await desk.active("pharmacy.example")
    decision = await office.draft(await office.case(site))
    async with office.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE notice SET delivered_at = issued_at, delivered_by = 'email' WHERE is_copy")
    office.clock.advance(timedelta(days=60))
    body = await office.signature(decision["id"])
    refused = await office.refused(f"/decisions/{decision['id']}/release", body, "drugs-b")
    assert refused == (409, "notice_not_delivered")
    assert (await office.get(f"/decisions/{decision['id']}", "drugs-a"))["notice"]["delivered_at"] is None
    assert await office.notices(OWNER) == [], "the record is the operator's inbox"


async def test_nothing_is_told_before_the_name_shows_it_and_a_neighbour_hears_nothing(
    desk: Desk, office: Office
) -> None:
    await desk.subscribe("pharmacy.example")
    await desk.active("other.example", email="other@owner.example")
    await desk.look()
    await office.draft(await office.case(site_recorded("pharmacy.example")))
    assert await desk.kinds() == ["subscription_confirmed"]


async def test_dns_stands_for_what_is_below_it_and_a_file_for_its_name_alone(desk: Desk, office: Office) -> None:
    dns = await desk.active("below.example", email="dns@owner.example")
    file = await desk.active("below.example", method="file", email="file@owner.example")
    under = await desk.active("shop.below.example", method="file", email="under@owner.example")
    assert dns["proof"]["place"] == "_concord.below.example"
    assert file["proof"]["place"] == "https://below.example/.well-known/concord-notices.txt"
    await office.draft(await office.case(site_recorded("shop.below.example")))
    await office.draft(await office.case(site_recorded("below.example")))
    assert (await desk.kinds(dns)).count("decision_intended") == 2
    assert (await desk.kinds(file)).count("decision_intended") == 1
    assert (await desk.kinds(under)).count("decision_intended") == 1


async def test_an_appeal_about_the_name_is_told_and_what_is_about_an_operator_is_not(
    desk: Desk, office: Office
) -> None:
    site = site_recorded("appealed.example")
    view = await desk.active("appealed.example")
    decision = await office.released("revoke", site)
    appeal = await office.appeal(decision)
    await office.post(f"/appeals/{appeal['id']}/decision", {"outcome": "upheld", **EASED}, "review-a")
    assert (await desk.kinds(view))[1:] == ["decision_intended", "decision_released", "appeal_decided"]
    about = {"kind": "operator", "domain": "appealed.example"}
    await office.draft(await office.case(site_recorded(), "regulator-a", about=about), "bar", "regulator-a",
                       until=(office.clock.now() + timedelta(days=100)).isoformat())  # fmt: skip
    assert len(await desk.kinds(view)) == 4


async def test_one_that_is_never_shown_expires(desk: Desk, office: Office) -> None:
    view = await desk.subscribe("late.example")
    assert view["proven_until"] is not None
    assert await desk.look()
    first = await desk.read(view)
    assert first["status"] == "proving"
    assert first["missing"] == f"_concord.late.example has no TXT record {view['proof']['content']}"
    assert not await desk.look(), "not at once again"
    await desk.after(minutes=3)
    assert await desk.look()
    await desk.after(days=6)
    desk.names.show(view)
    await desk.after(days=2)
    assert not await desk.look()
    ended = await desk.read(view)
    assert (ended["status"], ended["ended_because"], ended["allowed_actions"]) == ("ended", "not_proven", [])
    assert await desk.kinds() == []


async def test_a_name_that_changed_hands_loses_it_when_it_is_asked_again(desk: Desk, office: Office) -> None:
    view = await desk.active("sold.example")
    await desk.after(days=29)
    assert not await desk.look(), "what was shown counts for a while"
    await desk.after(days=2)
    assert await desk.look()
    again = await desk.read(view)
    assert (again["status"], again["proven_at"] > view["subscribed_at"]) == ("active", True)
    desk.names.shown.clear()
    await desk.after(days=32)
    await desk.look()
    ended = await desk.read(view)
    assert (ended["status"], ended["ended_because"]) == ("ended", "lost")
    await office.draft(await office.case(site_recorded("sold.example")))
    assert await desk.kinds(view) == ["subscription_confirmed", "subscription_ended"]


async def test_a_name_that_does_not_answer_keeps_it_for_three_days_and_no_longer(desk: Desk) -> None:
    view = await desk.active("silent.example")
    desk.names.silent.add(view["proof"]["place"])
    await desk.after(days=31)
    await desk.look()
    assert (await desk.read(view))["status"] == "active"
    desk.names.silent.clear()
    await desk.after(hours=2)
    await desk.look()
    assert (await desk.read(view))["missing"] is None
    desk.names.silent.add(view["proof"]["place"])
    await desk.after(days=31)
    await desk.look()
    await desk.after(days=4, hours=1)
    ended = await desk.read(view)
    assert (ended["status"], ended["ended_because"]) == ("ended", "not_answering")


async def test_its_owner_sees_it_and_ends_it_and_nobody_else_learns_of_it(desk: Desk, office: Office) -> None:
    view = await desk.active("mine.example")
    path = f"/name-subscriptions/{view['id']}"
    for who in ("applicant", "provider", "drugs-a", "auditor"):
        answer = await office.api.get(path, who=who)
        assert answer.status_code == 403, who
        assert (await office.api.post(f"{path}/end", who=who)).status_code == 403
    assert (await office.get("/name-subscriptions", "applicant"))["items"] == []
    assert [each["id"] for each in (await office.get("/name-subscriptions", OWNER))["items"]] == [view["id"]]
    ended = await office.post(f"{path}/end", None, OWNER)
    assert (ended["status"], ended["ended_because"], ended["proven_until"]) == ("ended", "ended", None)
    assert await office.refused(f"{path}/end", None, OWNER) == (409, "action_refused")
    assert await office.refused(f"{path}/look", None, OWNER) == (409, "action_refused")
    await office.draft(await office.case(site_recorded("mine.example")))
    assert await desk.kinds() == ["subscription_confirmed"]
    await desk.subscribe("mine.example")  # and anew


async def test_the_same_is_asked_for_once_and_there_is_an_end_to_how_many(desk: Desk, office: Office) -> None:
    view = await desk.subscribe("many0.example")
    body = {"host": "MANY0.example.", "method": "file", "email": "web@owner.example"}
    answer = await office.api.post("/name-subscriptions", json=body, who=OWNER)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
    assert answer.json()["subscription_id"] == view["id"]
    for n in range(1, MOST - 2):
        await desk.subscribe(f"many{n}.example")
    bodies = [{**body, "host": f"race{n}.example"} for n in range(6)]
    answers = await asyncio.gather(*(office.api.post("/name-subscriptions", json=each, who=OWNER) for each in bodies))
    codes = sorted(each.status_code for each in answers)
    assert codes == [201, 201, 409, 409, 409, 409], "also of those who ask at once"
    assert await office.fetchval("SELECT count(*) FROM name_subscription") == MOST


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"host": "com.cn"}, "host"), ({"host": "127.0.0.1"}, "host"), ({"host": "not a name"}, "host"),
        ({"email": None}, ""), ({"webhook": "https://a.example/"}, ""),
        ({"email": None, "webhook": "http://a.example/"}, "webhook"),
        *(({"email": None, "webhook": f"https://{host}/"}, "webhook") for host in (
            "127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "localhost", "a.localhost.")),
        ({"email": "a@b, c@d"}, "email"),
        ({"method": "word of honour"}, "method"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(office: Office, body: dict[str, Any], field: str) -> None:
    sent = {"host": "fine.example", "method": "dns", "email": "web@owner.example"} | body
    answer = await office.api.post(
        "/name-subscriptions", json={name: value for name, value in sent.items() if value is not None}, who=OWNER
    )
    assert answer.status_code == 422, answer.text
    assert field in answer.text


async def test_it_is_looked_at_when_somebody_asks_but_not_all_the_time(desk: Desk, office: Office) -> None:
    view = await desk.subscribe("asked.example")
    path = f"/name-subscriptions/{view['id']}/look"
    assert await office.refused(path, None, OWNER) == (409, "looked_just_now")
    await desk.look()
    assert await office.refused(path, None, OWNER) == (409, "looked_just_now")
    office.clock.advance(timedelta(seconds=61))
    desk.names.show(view)
    await office.post(path, None, OWNER)
    await desk.look()
    assert (await desk.read(view))["status"] == "confirming"


async def test_many_provers_look_at_each_once_and_a_killed_one_leaves_it_to_another(desk: Desk) -> None:
    await desk.active("crowd.example")  # its address needs no further code
    desk.names.looked.clear()
    views = [await desk.subscribe(f"crowd{n}.example") for n in range(6)]
    for view in views:
        desk.names.show(view)
    await asyncio.gather(*(desk.look() for _ in range(5)))
    assert sorted(desk.names.looked) == [f"_concord.crowd{n}.example" for n in range(6)]
    assert (await desk.kinds()).count("subscription_confirmed") == 7

    again = [await desk.subscribe(f"held{n}.example") for n in range(3)]
    async with desk.office.api.rt.db.transaction() as tx:
        now = desk.office.clock.now()
        assert len(await store.take(tx, now, timedelta(minutes=2), 10)) == len(again)
        other = asyncio.create_task(desk.look(), context=contextvars.Context())  # not in this transaction
        assert not await asyncio.wait_for(other, 5), "nobody waits for what another has in hand"

    view = await desk.subscribe("killed.example")
    desk.names.show(view)

    async def killed() -> None:
        raise asyncio.CancelledError

    desk.names.meanwhile = killed
    with pytest.raises(asyncio.CancelledError):
        await desk.look()
    desk.names.meanwhile = None
    assert not await desk.look(), "it may still be under way"
    desk.office.clock.advance(timedelta(minutes=3))
    assert await desk.look()
    assert (await desk.read(view))["status"] == "active"


async def test_one_that_is_ended_while_its_name_is_looked_at_stays_so(desk: Desk, office: Office) -> None:
    view = await desk.subscribe("ended.example")
    desk.names.show(view)

    async def ended() -> None:
        desk.names.meanwhile = None
        await office.post(f"/name-subscriptions/{view['id']}/end", None, OWNER)

    desk.names.meanwhile = ended
    await desk.look()
    assert (await desk.read(view))["ended_because"] == "ended"
    assert await desk.kinds() == []


async def test_a_webhook_has_a_secret_that_goes_with_each_copy(desk: Desk, office: Office) -> None:
    view = await desk.active("hook.example", email=None, webhook="https://owner.example/hook")
    assert view["secret"].startswith("whsec_")
    await office.draft(await office.case(site_recorded("hook.example")))
    async with office.api.rt.db.connection() as tx:
        rows = await tx.fetch("SELECT DISTINCT secret FROM delivery WHERE address = 'https://owner.example/hook'")
    assert len(rows) == 1
    assert len(rows[0]["secret"]) == 32


async def test_its_history_says_what_became_of_it(desk: Desk, office: Office) -> None:
    view = await desk.active("history.example")
    async with office.api.rt.db.connection() as tx:
        rows = await tx.fetch("SELECT action, name FROM history WHERE aggregate_id = $1 ORDER BY id", UUID(view["id"]))
    assert [row["action"] for row in rows] == ["subscribe", "show", "confirm"]
